//! OpenDocument: texts, sheets and slides are one `content.xml`.

use super::package::{Package, fields};
use crate::{
    Input, Out, Stop,
    xml::{Node, Tag},
};
use comity_extract::{Anchor, Place};

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let mut package = Package::open(input)?;
    if is_encrypted(&mut package)? {
        return Err(Stop::Encrypted("the document has a passphrase".to_owned()));
    }
    if let Some(mut xml) = package.xml("meta.xml")? {
        fields(&mut xml, "meta.xml", out)?;
    }
    let mut parts = vec!["content.xml".to_owned(), "styles.xml".to_owned()];
    // Tables and charts that are embedded are documents of their own within it.
    parts.extend(package.named("Object ", "/content.xml"));
    // One for all, so that a number never stands for two places.
    let mut content = Content::default();
    for part in parts {
        let Some(mut xml) = package.xml(&part)? else {
            continue;
        };
        content.in_styles = part == "styles.xml";
        content.slide = 0;
        while let Some(node) = xml.next()? {
            match node {
                Node::Open(tag) => content.open(&tag, out)?,
                Node::Text(text) => content.add(&text),
                Node::Close(name) => content.close(&name, out)?,
            }
        }
    }
    package.embedded(out)
}

fn is_encrypted(package: &mut Package) -> Result<bool, Stop> {
    let Some(mut xml) = package.xml("META-INF/manifest.xml")? else {
        return Ok(false);
    };
    while let Some(node) = xml.next()? {
        if let Node::Open(tag) = node
            && tag.name == "encryption-data"
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Repeated empty cells and rows fill a sheet to its edge; more than this many filled ones are given once.
const REPEAT_MAX: u32 = 64;

#[derive(Default)]
struct Content {
    /// Of headers and footers, which are in the styles.
    in_styles: bool,
    open: Vec<String>,
    paragraph: u32,
    sheet: u32,
    slide: u32,
    row: u32,
    row_repeat: u32,
    column: u32,
    column_repeat: u32,
    cell: Option<String>,
    comments: u32,
    notes: u32,
    /// Comment, note or removed text that is open, outermost first.
    within: Vec<(Place, u32)>,
    deleted: u32,
    header: u32,
}

impl Content {
    fn open(&mut self, tag: &Tag, out: &mut Out) -> Result<(), Stop> {
        let number = |name: &str| {
            tag.attribute(name)
                .and_then(|text| text.parse::<u32>().ok())
        };
        match tag.name.as_str() {
            "p" | "h" => self.open.push(String::new()),
            "tab" => self.add("\t"),
            "line-break" => self.add("\n"),
            "s" => self.add(&" ".repeat(number("c").unwrap_or(1).min(1000) as usize)),
            "table" => {
                (self.sheet, self.row) = (self.sheet + 1, 0);
                let name = tag.attribute("name").unwrap_or_default();
                out.field(
                    "sheet",
                    &name,
                    &format!("content.xml, table {}", self.sheet),
                )?;
            }
            "table-row" => {
                (self.row, self.column) = (self.row.saturating_add(1), 0);
                self.row_repeat = number("number-rows-repeated").unwrap_or(1);
            }
            "table-cell" | "covered-table-cell" => {
                self.column = self.column.saturating_add(1);
                self.column_repeat = number("number-columns-repeated").unwrap_or(1);
                self.cell = Some(String::new());
            }
            "page" => {
                (self.slide, self.paragraph) = (self.slide + 1, 0);
            }
            "annotation" => {
                self.comments += 1;
                self.enter(Place::Comment, self.comments);
            }
            "note" | "notes" => {
                self.notes += 1;
                self.enter(Place::Note, self.notes);
            }
            "deletion" => {
                self.deleted += 1;
                self.enter(Place::Deleted, self.deleted);
            }
            "header" | "footer" | "header-left" | "footer-left" if self.in_styles => {
                self.header += 1;
                self.enter(Place::Header, self.header);
            }
            "a" => {
                if let Some(link) = tag.attribute("href").filter(|link| link.contains(':')) {
                    out.field("link", &link, "content.xml")?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn add(&mut self, text: &str) {
        if let Some(open) = self.open.last_mut() {
            open.push_str(text);
        }
    }

    fn close(&mut self, name: &str, out: &mut Out) -> Result<(), Stop> {
        match name {
            "p" | "h" => {
                let text = self.open.pop().unwrap_or_default();
                match &mut self.cell {
                    Some(cell) if self.within.is_empty() => {
                        if !cell.is_empty() {
                            cell.push('\n');
                        }
                        cell.push_str(&text);
                    }
                    _ => self.passage(&text, out)?,
                }
            }
            "table-cell" | "covered-table-cell" => self.end_cell(out)?,
            "table-row" => self.row = self.row.saturating_add(self.row_repeat - 1),
            "annotation" | "note" | "notes" | "deletion" => self.leave(),
            "header" | "footer" | "header-left" | "footer-left" if self.in_styles => self.leave(),
            _ => {}
        }
        Ok(())
    }

    /// What stands in a comment beside its paragraphs, its author say, is not of the paragraph around it.
    fn enter(&mut self, place: Place, number: u32) {
        self.within.push((place, number));
        self.open.push(String::new());
    }

    fn leave(&mut self) {
        self.within.pop();
        self.open.pop();
    }

    fn passage(&mut self, text: &str, out: &mut Out) -> Result<(), Stop> {
        if text.trim().is_empty() {
            return Ok(());
        }
        self.paragraph += 1;
        let mut steps = Vec::new();
        if self.slide > 0 {
            steps.push((Place::Slide, self.slide));
        }
        steps.extend(self.within.iter().take(4));
        steps.push((Place::Paragraph, self.paragraph));
        out.text(&Anchor(steps), text)
    }

    fn end_cell(&mut self, out: &mut Out) -> Result<(), Stop> {
        let text = self.cell.take().unwrap_or_default();
        if !text.trim().is_empty() {
            for row in 0..self.row_repeat.min(REPEAT_MAX) {
                for column in 0..self.column_repeat.min(REPEAT_MAX) {
                    let at = [
                        (Place::Sheet, self.sheet),
                        (Place::Row, self.row.saturating_add(row)),
                        (Place::Column, self.column.saturating_add(column)),
                    ];
                    out.text(&Anchor::at(&at), &text)?;
                }
            }
        }
        self.column = self.column.saturating_add(self.column_repeat.max(1) - 1);
        Ok(())
    }
}
