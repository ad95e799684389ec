//! Metafiles of Windows ([MS-EMF], [MS-WMF]): drawings as a list of what was drawn; read are the texts in them, line
//! by line. Printed pages, diagrams and the icons of embedded files are kept so.

use crate::{
    Input, Out, Stop,
    ints::{u16_at, u32_at, utf16},
};
use comity_extract::{Anchor, Place};

/// Larger records hold pictures, and no text that is looked for.
const RECORD_MAX: u64 = 16 << 20;

/// Runs of one height are one line.
#[derive(Default)]
struct Lines {
    line: String,
    height: Option<i64>,
    count: u32,
}

impl Lines {
    fn run(&mut self, height: i64, text: &str, out: &mut Out) -> Result<(), Stop> {
        if self.height != Some(height) {
            self.end(out)?;
            self.height = Some(height);
        }
        self.line.push_str(text.trim_matches('\0'));
        Ok(())
    }

    fn end(&mut self, out: &mut Out) -> Result<(), Stop> {
        let line = std::mem::take(&mut self.line);
        if line.trim().is_empty() {
            return Ok(());
        }
        self.count += 1;
        out.text(&Anchor::at(&[(Place::Line, self.count)]), &line)
    }
}

/// Whether it is one of the newer kind.
pub fn is_enhanced(input: &Input) -> bool {
    input.bytes_at(40, 4) == b" EMF"
}

pub fn enhanced(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let head = input.bytes_at(0, 88);
    let about = u64::from(u32_at(&head, 60)).min(4096) as usize;
    let about = utf16(&input.bytes_at(u32_at(&head, 64).into(), about * 2));
    for (part, field) in about.split('\0').zip(["application", "title"]) {
        out.field(field, part, "EMF header, description")?;
    }
    let (mut at, mut lines) = (0, Lines::default());
    while at + 8 <= input.size() {
        let head = input.bytes_at(at, 8);
        let (kind, size) = (u32_at(&head, 0), u64::from(u32_at(&head, 4)));
        if size < 8 || at + size > input.size() {
            lines.end(out)?;
            return Err(Stop::Damaged(format!(
                "the record at byte {at} goes beyond the end"
            )));
        }
        if matches!(kind, 70 | 83 | 84 | 108) && size <= RECORD_MAX {
            let record = input.bytes_at(at, size as usize);
            match kind {
                70 if record.get(12..16) == Some(b"EMF+") => plus(&record[16..], &mut lines, out)?,
                70 => {}
                108 => small(&record, &mut lines, out)?,
                _ => {
                    let (count, from) =
                        (u32_at(&record, 44) as usize, u32_at(&record, 48) as usize);
                    // Numbers of glyphs are no letters.
                    if u32_at(&record, 52) & 0x10 == 0 {
                        let height = i64::from(u32_at(&record, 40) as i32);
                        let text = letters(&record, from, count, kind == 84);
                        lines.run(height, &text, out)?;
                    }
                }
            }
        }
        // The last record.
        if kind == 14 {
            break;
        }
        at += size;
    }
    lines.end(out)
}

fn letters(record: &[u8], from: usize, count: usize, wide: bool) -> String {
    let length = if wide { count.saturating_mul(2) } else { count };
    let bytes = record
        .get(from..from.saturating_add(length))
        .unwrap_or_default();
    if wide {
        utf16(bytes)
    } else {
        crate::decode::name(bytes)
    }
}

/// EMR_SMALLTEXTOUT: the frame is left out when a flag says so, and letters may be bytes.
fn small(record: &[u8], lines: &mut Lines, out: &mut Out) -> Result<(), Stop> {
    let (count, flags) = (u32_at(record, 16) as usize, u32_at(record, 20));
    let from = if flags & 0x100 == 0 { 52 } else { 36 };
    if flags & 0x10 != 0 {
        return Ok(());
    }
    let text = letters(record, from, count, flags & 0x200 == 0);
    lines.run(i64::from(u32_at(record, 12) as i32), &text, out)
}

/// Records of EMF+ in a comment ([MS-EMFPLUS]): strings are drawn whole.
fn plus(mut rest: &[u8], lines: &mut Lines, out: &mut Out) -> Result<(), Stop> {
    while rest.len() >= 12 {
        let (kind, size) = (u16_at(rest, 0), u32_at(rest, 4) as usize);
        if kind == 0x401c {
            let text = letters(rest, 40, u32_at(rest, 20) as usize, true);
            lines.end(out)?;
            lines.run(i64::MIN, &text, out)?;
            lines.end(out)?;
        }
        rest = rest.get(size.max(12)..).unwrap_or_default();
    }
    Ok(())
}

/// The older kind, whose letters are in the code page of the font that is chosen.
pub fn old(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let placed = input.bytes_at(0, 4) == [0xd7, 0xcd, 0xc6, 0x9a];
    let start = if placed { 22 } else { 0 };
    let words = u16_at(&input.bytes_at(start, 18), 2);
    let mut at = start + u64::from(words) * 2;
    let (mut lines, mut fonts) = (Lines::default(), Fonts::default());
    while at + 6 <= input.size() {
        let head = input.bytes_at(at, 6);
        let (size, kind) = (u64::from(u32_at(&head, 0)) * 2, u16_at(&head, 4));
        if kind == 0 {
            break;
        }
        if size < 6 || at + size > input.size() {
            lines.end(out)?;
            return Err(Stop::Damaged(format!(
                "the record at byte {at} goes beyond the end"
            )));
        }
        if size <= RECORD_MAX {
            let record = input.bytes_at(at + 6, size as usize - 6);
            let page = fonts.page();
            match kind {
                0x0a32 => {
                    let (height, count) = (u16_at(&record, 0), usize::from(u16_at(&record, 4)));
                    let from = if u16_at(&record, 6) & 6 == 0 { 8 } else { 16 };
                    let bytes = record.get(from..from + count).unwrap_or_default();
                    lines.run(
                        i64::from(height as i16),
                        &super::ole_code_page(page, bytes),
                        out,
                    )?;
                }
                0x0521 => {
                    let count = usize::from(u16_at(&record, 0));
                    let bytes = record.get(2..2 + count).unwrap_or_default();
                    let height = u16_at(&record, 2 + count + count % 2);
                    lines.run(
                        i64::from(height as i16),
                        &super::ole_code_page(page, bytes),
                        out,
                    )?;
                }
                _ => fonts.record(kind, &record),
            }
        }
        at += size;
    }
    lines.end(out)
}

/// What was made for drawing, in its places: of each font, its character set.
#[derive(Default)]
struct Fonts {
    made: Vec<Option<Option<u8>>>,
    chosen: u8,
}

impl Fonts {
    fn record(&mut self, kind: u16, record: &[u8]) {
        match kind {
            0x02fb => self.make(Some(record.get(13).copied().unwrap_or(0))),
            0x02fa | 0x02fc | 0x00f7 | 0x01f9 | 0x06ff | 0x0142 => self.make(None),
            0x012d => {
                if let Some(Some(Some(set))) = self.made.get(usize::from(u16_at(record, 0))) {
                    self.chosen = *set;
                }
            }
            0x01f0 => {
                if let Some(place) = self.made.get_mut(usize::from(u16_at(record, 0))) {
                    *place = None;
                }
            }
            _ => {}
        }
    }

    /// The first place that is free is taken.
    fn make(&mut self, font: Option<u8>) {
        match self.made.iter().position(Option::is_none) {
            Some(place) => self.made[place] = Some(font),
            None if self.made.len() < 0x1_0000 => self.made.push(Some(font)),
            None => {}
        }
    }

    fn page(&self) -> u32 {
        super::rtf::page_of(self.chosen.into()).unwrap_or(1252)
    }
}
