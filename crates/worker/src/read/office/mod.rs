//! Office documents that are a ZIP of XML: Office Open XML and OpenDocument.

mod binary;
mod odf;
mod package;
mod sheet;
mod slides;
mod word;

pub use odf::read as odf;
pub use package::Package;
pub use sheet::{date, is_date};

use crate::{
    Input, Out, Stop,
    xml::{Node, Xml},
};
use comity_extract::{Anchor, Place};
use std::io::Read;

/// Word, Excel and PowerPoint since 2007.
pub fn ooxml(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let mut package = Package::open(input)?;
    package.properties(out)?;
    // Which of the three it is, the main part says, and not the media type that a name may have given it.
    if package.has("word/document.xml") || package.has("word/document2.xml") {
        word::read(&mut package, out)?;
    } else if package.has("xl/workbook.xml") {
        sheet::read(&mut package, out)?;
    } else if package.has("ppt/presentation.xml") {
        slides::read(&mut package, out)?;
    } else if package.has("xl/workbook.bin") {
        binary::read(input, out)?;
    } else {
        return Err(Stop::Damaged("it has no main part".to_owned()));
    }
    frames(&mut package, out)?;
    package.embedded(out)
}

/// Texts that stand in parts of their own: frames of sheets, diagrams (SmartArt), charts.
fn frames(package: &mut Package, out: &mut Out) -> Result<(), Stop> {
    let mut parts = Vec::new();
    for folder in ["word", "xl", "ppt"] {
        for start in ["drawings/drawing", "diagrams/data", "charts/chart"] {
            parts.extend(package.named(&format!("{folder}/{start}"), ".xml"));
        }
    }
    for (number, part) in (1..).zip(parts) {
        if let Some(mut xml) = package.xml(&part)? {
            word::paragraphs(&mut xml, out, &[(Place::Frame, number)], None)?;
        }
        if part.contains("/charts/")
            && let Some(mut xml) = package.xml(&part)?
        {
            values(&mut xml, number, out)?;
        }
    }
    Ok(())
}

/// What a chart shows, as it was when it was drawn: names of its series, categories and values, a line for each list.
fn values(xml: &mut Xml<impl Read>, number: u32, out: &mut Out) -> Result<(), Stop> {
    let (mut list, mut in_value, mut line) = (Vec::<String>::new(), false, 0);
    while let Some(node) = xml.next()? {
        match node {
            Node::Open(tag) if tag.name == "v" => {
                in_value = true;
                list.push(String::new());
            }
            Node::Text(text) if in_value => {
                if let Some(value) = list.last_mut() {
                    value.push_str(&text);
                }
            }
            Node::Close(name) if name == "v" => in_value = false,
            Node::Close(name) if name == "strCache" || name == "numCache" => {
                line += 1;
                let at = [(Place::Frame, number), (Place::Line, line)];
                out.text(&Anchor::at(&at), &std::mem::take(&mut list).join("\t"))?;
            }
            _ => {}
        }
    }
    Ok(())
}
