//! Word documents before 2007 ([MS-DOC]): the pieces that the text lies in, in their order.

use super::{Ole, u16_at, u32_at, utf16};
use crate::{Out, Stop, decode};
use comity_extract::{Anchor, Place};

pub fn read(ole: &mut Ole, document: &[u8], out: &mut Out) -> Result<(), Stop> {
    if u16_at(document, 0) != 0xa5ec && u16_at(document, 0) != 0xa5dc {
        return Err(Stop::Damaged(
            "it does not begin as Word documents do".to_owned(),
        ));
    }
    let (version, flags) = (u16_at(document, 2), u16_at(document, 10));
    if flags & 0x100 != 0 {
        return Err(Stop::Encrypted("the document has a passphrase".to_owned()));
    }
    let table = if flags & 0x200 != 0 {
        "/1Table"
    } else {
        "/0Table"
    };
    let mut story = Story::new(out);
    match ole.stream(table)?.filter(|_| version > 104) {
        Some(table) => {
            // Lengths of main text, footnotes, headers, macros, comments, endnotes, text frames, in characters.
            let length = |at| u32_at(document, at);
            story.parts = [
                (length(76), None),
                (length(80), Some(Place::Note)),
                (length(84), Some(Place::Header)),
                (length(88), None),
                (length(92), Some(Place::Comment)),
                (length(96), Some(Place::Note)),
                (length(100), None),
                (length(104), Some(Place::Header)),
            ]
            .to_vec();
            pieces(document, &table, &mut story)?;
        }
        // Before 97 the text is one piece of eight bits a character.
        None => {
            let (from, to) = (u32_at(document, 24) as usize, u32_at(document, 28) as usize);
            let text = document
                .get(from..to.min(document.len()))
                .unwrap_or_default();
            story.add(&decode::name(text))?;
        }
    }
    story.end()
}

fn pieces(document: &[u8], table: &[u8], story: &mut Story<'_>) -> Result<(), Stop> {
    let damaged = || Stop::Damaged("the table of its pieces is not where it should be".to_owned());
    let (start, length) = (
        u32_at(document, 0x1a2) as usize,
        u32_at(document, 0x1a6) as usize,
    );
    let mut rest = table
        .get(start..start.checked_add(length).ok_or_else(damaged)?)
        .ok_or_else(damaged)?;
    while rest.first() == Some(&1) {
        rest = rest
            .get(3 + usize::from(u16_at(rest, 1))..)
            .ok_or_else(damaged)?;
    }
    let list = rest
        .get(5..)
        .filter(|_| rest.first() == Some(&2))
        .ok_or_else(damaged)?;
    let list = &list[..list.len().min(u32_at(rest, 1) as usize)];
    let count = list.len().saturating_sub(4) / 12;
    for index in 0..count {
        let characters =
            u32_at(list, index * 4 + 4).saturating_sub(u32_at(list, index * 4)) as usize;
        let place = u32_at(list, (count + 1) * 4 + index * 8 + 2);
        let (start, width) = (
            (place & 0x3fff_ffff) as usize,
            2 - usize::from(place & 0x4000_0000 != 0),
        );
        let start = if width == 1 { start / 2 } else { start };
        let bytes = document.get(start..).unwrap_or_default();
        let bytes = &bytes[..bytes.len().min(characters.saturating_mul(width))];
        let text = if width == 1 {
            encoding_rs::WINDOWS_1252
                .decode_without_bom_handling(bytes)
                .0
                .into_owned()
        } else {
            utf16(bytes)
        };
        story.add(&text)?;
        if bytes.len() < characters.saturating_mul(width) {
            return Err(Stop::Damaged(
                "a piece of its text lies beyond its end".to_owned(),
            ));
        }
    }
    Ok(())
}

/// Characters as they come, into paragraphs of the part that they are in.
struct Story<'a> {
    out: &'a mut Out,
    parts: Vec<(u32, Option<Place>)>,
    part: usize,
    left: Option<u32>,
    text: String,
    paragraph: u32,
    /// The instruction of a field that is open, and how deep in fields this is.
    instruction: Option<String>,
    depth: u32,
}

impl Story<'_> {
    fn new(out: &mut Out) -> Story<'_> {
        Story {
            out,
            parts: Vec::new(),
            part: 0,
            left: None,
            text: String::new(),
            paragraph: 0,
            instruction: None,
            depth: 0,
        }
    }

    fn add(&mut self, text: &str) -> Result<(), Stop> {
        for c in text.chars() {
            self.step(c.len_utf16() as u32)?;
            match c {
                '\r' | '\u{c}' => self.end_paragraph()?,
                '\u{7}' => self.text.push('\t'),
                '\u{b}' => self.text.push('\n'),
                '\u{13}' => {
                    self.depth += 1;
                    self.instruction = Some(String::new());
                }
                '\u{14}' | '\u{15}' => {
                    if let Some(instruction) = self.instruction.take() {
                        self.link(&instruction)?;
                    }
                    if c == '\u{15}' {
                        self.depth = self.depth.saturating_sub(1);
                    }
                }
                '\u{1e}' => self.text.push('-'),
                '\t' => self.text.push('\t'),
                _ if c.is_control() => {}
                _ => self.instruction.as_mut().unwrap_or(&mut self.text).push(c),
            }
        }
        Ok(())
    }

    fn link(&mut self, instruction: &str) -> Result<(), Stop> {
        match instruction.trim().strip_prefix("HYPERLINK") {
            Some(rest) => self.out.field(
                "link",
                rest.split('"').nth(1).unwrap_or(rest.trim()),
                "field HYPERLINK",
            ),
            None => Ok(()),
        }
    }

    /// Counts characters, and goes on to the next part where one ends.
    fn step(&mut self, units: u32) -> Result<(), Stop> {
        if self.parts.is_empty() {
            return Ok(());
        }
        let mut left = self.left.unwrap_or(self.parts[0].0);
        while left == 0 && self.part + 1 < self.parts.len() {
            self.end_paragraph()?;
            self.part += 1;
            self.paragraph = 0;
            left = self.parts[self.part].0;
        }
        self.left = Some(left.saturating_sub(units));
        Ok(())
    }

    fn end_paragraph(&mut self) -> Result<(), Stop> {
        let text = std::mem::take(&mut self.text);
        if text.trim().is_empty() {
            return Ok(());
        }
        self.paragraph += 1;
        let mut steps = Vec::new();
        if let Some((_, Some(place))) = self.parts.get(self.part) {
            steps.push((*place, 1));
        }
        steps.push((Place::Paragraph, self.paragraph));
        self.out.text(&Anchor(steps), text.trim_end())
    }

    fn end(mut self) -> Result<(), Stop> {
        if let Some(instruction) = self.instruction.take() {
            self.text.push_str(&instruction);
        }
        self.end_paragraph()
    }
}
