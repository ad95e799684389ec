//! Text documents of Word: paragraphs, and beside them notes, comments, headers, and what tracked changes removed.

use super::package::Package;
use crate::{
    Out, Stop,
    xml::{Node, Xml},
};
use comity_extract::{Anchor, Place};
use std::io::Read;

pub fn read(package: &mut Package, out: &mut Out) -> Result<(), Stop> {
    let main = if package.has("word/document.xml") {
        "word/document.xml"
    } else {
        "word/document2.xml"
    };
    for (_, target) in package
        .relations(main)?
        .into_iter()
        .filter(|(_, target)| target.contains("://"))
    {
        out.field("link", &target, "relation")?;
    }
    if let Some(mut xml) = package.xml(main)? {
        paragraphs(&mut xml, out, &[], None)?;
    }
    for (part, place, element) in [
        ("word/footnotes.xml", Place::Note, "footnote"),
        ("word/endnotes.xml", Place::Note, "endnote"),
        ("word/comments.xml", Place::Comment, "comment"),
    ] {
        if let Some(mut xml) = package.xml(part)? {
            paragraphs(&mut xml, out, &[], Some((place, element)))?;
        }
    }
    let mut parts = package.named("word/header", ".xml");
    parts.extend(package.named("word/footer", ".xml"));
    for (number, part) in (1..).zip(parts) {
        if let Some(mut xml) = package.xml(&part)? {
            paragraphs(&mut xml, out, &[(Place::Header, number)], None)?;
        }
    }
    Ok(())
}

/// Paragraphs of one part. `each` is an element that begins a new place of a kind: a note, a comment.
pub fn paragraphs(
    xml: &mut Xml<impl Read>,
    out: &mut Out,
    within: &[(Place, u32)],
    each: Option<(Place, &str)>,
) -> Result<(), Stop> {
    let mut state = State {
        within,
        each,
        part: 0,
        paragraph: 0,
        open: Vec::new(),
        deleted: String::new(),
        skipped: 0,
    };
    let (mut in_text, mut in_deleted) = (false, false);
    while let Some(node) = xml.next()? {
        match node {
            Node::Open(tag) => match tag.name.as_str() {
                // The same content once more, for programs that are older.
                "Fallback" => state.skipped += 1,
                "p" => state.open.push(String::new()),
                "t" => in_text = true,
                "delText" => in_deleted = true,
                "tab" | "br" | "cr" if state.skipped == 0 => {
                    if let Some(text) = state.open.last_mut() {
                        text.push(if tag.name == "tab" { '\t' } else { '\n' });
                    }
                }
                name if each.is_some_and(|(_, element)| element == name) => {
                    (state.part, state.paragraph) = (state.part + 1, 0);
                    if let Some(author) = tag.attribute("author") {
                        out.field("author", &author, &format!("{name} {}", state.part))?;
                    }
                }
                _ => {}
            },
            Node::Text(text) if state.skipped == 0 => {
                if in_deleted {
                    state.deleted.push_str(&text);
                } else if in_text && let Some(open) = state.open.last_mut() {
                    open.push_str(&text);
                }
            }
            Node::Text(_) => {}
            Node::Close(name) => match name.as_str() {
                "Fallback" => state.skipped = state.skipped.saturating_sub(1),
                "t" => in_text = false,
                "delText" => in_deleted = false,
                "p" => state.end(out)?,
                _ => {}
            },
        }
    }
    while !state.open.is_empty() {
        state.end(out)?;
    }
    Ok(())
}

struct State<'a> {
    within: &'a [(Place, u32)],
    each: Option<(Place, &'a str)>,
    part: u32,
    paragraph: u32,
    /// Paragraphs that are open: a text frame has paragraphs of its own within one.
    open: Vec<String>,
    deleted: String,
    skipped: u32,
}

impl State<'_> {
    fn end(&mut self, out: &mut Out) -> Result<(), Stop> {
        let Some(text) = self.open.pop() else {
            return Ok(());
        };
        let deleted = std::mem::take(&mut self.deleted);
        if text.trim().is_empty() && deleted.trim().is_empty() {
            return Ok(());
        }
        self.paragraph += 1;
        let mut steps = self.within.to_vec();
        if let Some((place, _)) = self.each {
            steps.push((place, self.part.max(1)));
        }
        steps.push((Place::Paragraph, self.paragraph));
        if !text.trim().is_empty() {
            out.text(&Anchor(steps.clone()), &text)?;
        }
        if !deleted.trim().is_empty() {
            steps.push((Place::Deleted, 1));
            out.text(&Anchor(steps), &deleted)?;
        }
        Ok(())
    }
}
