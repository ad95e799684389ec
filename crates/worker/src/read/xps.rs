//! XPS (ECMA-388): pages that were meant for a printer, as runs of glyphs with the letters that they show.

use super::office::Package;
use crate::{Input, Out, Stop, xml::Node};
use comity_extract::{Anchor, Place};

/// Whether this ZIP is such a document.
pub fn is(input: &Input) -> bool {
    Package::open(input).is_ok_and(|package| !package.named("", ".fdseq").is_empty())
}

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let mut package = Package::open(input)?;
    package.properties(out)?;
    let pages = pages(&mut package)?;
    out.field("pages", &pages.len().to_string(), "counted")?;
    for (number, part) in (1..).zip(&pages) {
        page(&mut package, part, number, out)?;
    }
    package.embedded(out)
}

/// The pages in the order in which the documents name them.
fn pages(package: &mut Package) -> Result<Vec<String>, Stop> {
    let mut pages = Vec::new();
    for sequence in package.named("", ".fdseq") {
        for document in package.sources(&sequence, "DocumentReference")? {
            pages.extend(package.sources(&document, "PageContent")?);
        }
    }
    if pages.is_empty() {
        pages = package.named("", ".fpage");
    }
    Ok(pages)
}

/// A run that stands at another height begins a new line.
fn page(package: &mut Package, part: &str, number: u32, out: &mut Out) -> Result<(), Stop> {
    let Some(mut xml) = package.xml(part)? else {
        out.missing(&format!("page {number}: the part {part} is not there"));
        return Ok(());
    };
    let (mut line, mut height, mut lines) = (String::new(), String::new(), 0);
    let mut end = |line: &mut String, out: &mut Out| {
        let text = std::mem::take(line);
        if text.trim().is_empty() {
            return Ok(());
        }
        lines += 1;
        out.text(
            &Anchor::at(&[(Place::Page, number), (Place::Line, lines)]),
            &text,
        )
    };
    while let Some(node) = xml.next()? {
        let Node::Open(tag) = node else { continue };
        if let Some(target) = tag.attribute("FixedPage.NavigateUri") {
            out.field("link", &target, &format!("page {number}"))?;
        }
        if tag.name != "Glyphs" {
            continue;
        }
        let at = tag.attribute("OriginY").unwrap_or_default();
        if at != height {
            end(&mut line, out)?;
            height = at;
        }
        let text = tag.attribute("UnicodeString").unwrap_or_default();
        // Braces at the beginning say that those which follow are letters.
        line.push_str(text.strip_prefix("{}").unwrap_or(&text));
    }
    end(&mut line, out)
}
