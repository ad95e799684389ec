//! The ZIP that an office document is: its parts by name, what its metadata says, and what is embedded.

use crate::{
    Input, Out, Stop, decode,
    out::child,
    xml::{Node, Xml},
};
use comity_extract::{Child, Relation};
use std::io::Read;
use zip::ZipArchive;

/// The most bytes of one part, unpacked: a document of words is far below, and a bomb stops here.
const PART_MAX: u64 = 1 << 30;

pub struct Package {
    zip: ZipArchive<Input>,
    names: Vec<String>,
}

impl Package {
    pub fn open(input: &Input) -> Result<Package, Stop> {
        let zip = ZipArchive::new(input.rewound())?;
        let names = zip
            .file_names()
            .filter_map(|name| Some(name.ok()?.into_owned()))
            .collect();
        Ok(Package { zip, names })
    }

    pub fn has(&self, name: &str) -> bool {
        self.zip.index_for_name(name).is_some()
    }

    /// The names of parts that begin and end so; numbers in them in their order, so that 10 follows 9.
    pub fn named(&self, start: &str, end: &str) -> Vec<String> {
        let fits = |name: &&String| name.starts_with(start) && name.ends_with(end);
        let mut names: Vec<String> = self.names.iter().filter(fits).cloned().collect();
        names.sort_by_key(|name| {
            let digits: String = name.chars().filter(char::is_ascii_digit).collect();
            (digits.parse::<u64>().unwrap_or(0), name.clone())
        });
        names
    }

    /// A part as XML; `None` when there is none of that name.
    pub fn xml(&mut self, name: &str) -> Result<Option<Xml<impl Read>>, Stop> {
        let Some(index) = self.zip.index_for_name(name) else {
            return Ok(None);
        };
        let part = self.zip.by_index(index)?;
        if part.size() > PART_MAX {
            return Err(Stop::OverLimit(format!(
                "{name} unpacks to more than {PART_MAX} bytes"
            )));
        }
        Ok(Some(Xml::new(part.take(PART_MAX))))
    }

    /// The parts that the elements of a name refer to by their `Source`.
    pub fn sources(&mut self, part: &str, element: &str) -> Result<Vec<String>, Stop> {
        let folder = part.rsplit_once('/').map_or("", |(folder, _)| folder);
        let mut found = Vec::new();
        let Some(mut xml) = self.xml(part)? else {
            return Ok(found);
        };
        while let Some(node) = xml.next()? {
            if let Node::Open(tag) = node
                && tag.name == element
                && let Some(source) = tag.attribute("Source")
            {
                let folder = if source.starts_with('/') { "" } else { folder };
                found.push(resolve(folder, &source));
            }
        }
        Ok(found)
    }

    /// Targets of the relations of a part, by their ids.
    pub fn relations(&mut self, part: &str) -> Result<Vec<(String, String)>, Stop> {
        let (folder, file) = part.rsplit_once('/').unwrap_or(("", part));
        let mut found = Vec::new();
        let name = format!("{folder}/_rels/{file}.rels");
        let Some(mut xml) = self.xml(&name)? else {
            return Ok(found);
        };
        while let Some(node) = xml.next()? {
            if let Node::Open(tag) = node
                && tag.name == "Relationship"
                && let (Some(id), Some(target)) = (tag.attribute("Id"), tag.attribute("Target"))
            {
                let target = match target.strip_prefix('/') {
                    Some(absolute) => absolute.to_owned(),
                    None if target.contains(':') => target,
                    None => resolve(folder, &target),
                };
                found.push((id, target));
            }
        }
        Ok(found)
    }

    /// What `docProps` says.
    pub fn properties(&mut self, out: &mut Out) -> Result<(), Stop> {
        for part in ["docProps/core.xml", "docProps/app.xml"] {
            let Some(mut xml) = self.xml(part)? else {
                continue;
            };
            fields(&mut xml, part, out)?;
        }
        Ok(())
    }

    /// Pictures and objects in the document, as children.
    pub fn embedded(&mut self, out: &mut Out) -> Result<(), Stop> {
        let inside = [
            "/media/",
            "/embeddings/",
            "/activeX/",
            "Pictures/",
            "ObjectReplacements/",
        ];
        for index in 0..self.zip.len() {
            let mut member = match self.zip.by_index(index) {
                Ok(member) => member,
                Err(error) => {
                    out.missing(&format!("member {} of the document: {error}", index + 1));
                    continue;
                }
            };
            let path = decode::name(member.name_raw());
            // Whole documents that stand for a part of this one.
            let is_chunk = ["htm", "html", "mht", "rtf", "txt", "docx"]
                .iter()
                .any(|ending| {
                    path.rsplit_once('.')
                        .is_some_and(|(_, known)| known == *ending)
                });
            let is_object = is_chunk
                || inside.iter().any(|part| path.contains(part))
                || path.ends_with("vbaProject.bin");
            if is_object && !member.is_dir() && !path.ends_with(".rels") {
                let stated_size = Some(member.size());
                out.child(
                    Child {
                        stated_size,
                        ..child(Relation::Embedded, &path)
                    },
                    &mut member,
                )?;
            }
        }
        Ok(())
    }
}

/// `../media/x` from `ppt/slides`.
fn resolve(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in target.split('/') {
        match part {
            ".." => drop(parts.pop()),
            "." | "" => {}
            other => parts.push(other),
        }
    }
    parts.join("/")
}

/// Metadata of both families, by the names of their elements.
pub fn fields(xml: &mut Xml<impl Read>, part: &str, out: &mut Out) -> Result<(), Stop> {
    let mut value = String::new();
    while let Some(node) = xml.next()? {
        match node {
            Node::Open(_) => value.clear(),
            Node::Text(text) => value.push_str(&text),
            Node::Close(name) => {
                let field = match name.as_str() {
                    "title" => "title",
                    "subject" => "subject",
                    "creator" | "initial-creator" => "author",
                    "lastModifiedBy" => "last_author",
                    "description" => "comment",
                    "keywords" | "keyword" => "keywords",
                    "created" | "creation-date" => "created",
                    "modified" | "date" => "modified",
                    "lastPrinted" | "print-date" => "printed",
                    "Application" | "generator" => "application",
                    "Company" => "company",
                    "Pages" => "pages",
                    "Slides" => "slides",
                    "language" => "language",
                    _ => continue,
                };
                out.field(field, &value, &format!("{part} {name}"))?;
            }
        }
    }
    Ok(())
}
