//! Workbooks before 2007 ([MS-XLS], BIFF5 and BIFF8): the values of cells, dates as dates, notes and text frames.

use super::{code_page, pictures, u16_at, u32_at, u64_at, utf16};
use crate::{Out, Stop, read::office};
use comity_extract::{Anchor, Place};

/// A record: its kind, and its bytes with those of the records that continue it.
struct Record<'a> {
    kind: u16,
    at: usize,
    parts: Vec<&'a [u8]>,
}

impl<'a> Record<'a> {
    fn first(&self) -> &'a [u8] {
        self.parts.first().copied().unwrap_or_default()
    }
}

const CONTINUE: u16 = 0x3c;

fn records(workbook: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut at = 0;
    let one = move |at: usize| -> Option<(u16, &[u8], usize)> {
        let end = at
            .checked_add(4)?
            .checked_add(usize::from(u16_at(workbook, at + 2)))?;
        Some((u16_at(workbook, at), workbook.get(at + 4..end)?, end))
    };
    std::iter::from_fn(move || {
        let start = at;
        let (kind, first, mut end) = one(at)?;
        let mut parts = vec![first];
        while let Some((CONTINUE, more, after)) = one(end) {
            parts.push(more);
            end = after;
        }
        at = end;
        Some(Record {
            kind,
            at: start,
            parts,
        })
    })
}

#[derive(Default)]
struct Book {
    is_8: bool,
    page: u32,
    from_1904: bool,
    shared: Vec<String>,
    formats: Vec<(u16, String)>,
    styles: Vec<u16>,
    /// Where each sheet begins, and its name.
    sheets: Vec<(usize, String)>,
    sheet: u32,
    /// The cell whose formula has a text that follows.
    waiting: Option<(u32, u32)>,
    notes: u32,
    captions: u32,
    pictures: Vec<u8>,
}

pub fn read(workbook: &[u8], out: &mut Out) -> Result<(), Stop> {
    let mut book = Book::default();
    let mut end = 0;
    for record in records(workbook) {
        end = record.at + 4;
        book.record(&record, out)?;
    }
    pictures::records(&book.pictures, &mut 0, out)?;
    // After the last record there is at most padding.
    if workbook.len() > end + 0x2_0000 && book.sheet == 0 {
        return Err(Stop::Damaged(
            "its records end before its first sheet".to_owned(),
        ));
    }
    out.field("sheets", &book.sheets.len().to_string(), "counted")
}

impl Book {
    fn record(&mut self, record: &Record<'_>, out: &mut Out) -> Result<(), Stop> {
        let bytes = record.first();
        match record.kind {
            0x809 => {
                self.is_8 = u16_at(bytes, 0) >= 0x600;
                if let Some(found) = self.sheets.iter().position(|(at, _)| *at == record.at) {
                    self.sheet = found as u32 + 1;
                }
            }
            0x2f => return Err(Stop::Encrypted("the workbook has a passphrase".to_owned())),
            0x42 => self.page = u16_at(bytes, 0).into(),
            0x22 => self.from_1904 = u16_at(bytes, 0) == 1,
            0x85 => {
                let name = self.short_string(&bytes[6.min(bytes.len())..]);
                out.field(
                    "sheet",
                    &name,
                    &format!("BoundSheet, sheet {}", self.sheets.len() + 1),
                )?;
                self.sheets.push((u32_at(bytes, 0) as usize, name));
            }
            0xfc => self.shared = shared(record),
            // Pictures of the whole workbook; each record may be continued, and so may the pictures.
            0xeb => self.pictures.extend(record.parts.concat()),
            // A caption, a legend or a title of a chart.
            0x100d if bytes.len() > 4 => {
                self.captions += 1;
                let text = self.short_string(&bytes[2..]);
                let at = [
                    (Place::Sheet, self.sheet.max(1)),
                    (Place::Frame, self.captions),
                ];
                out.text(&Anchor::at(&at), &text)?;
            }
            0x41e => {
                let code = if self.is_8 {
                    string8(bytes, 2)
                } else {
                    self.short_string(&bytes[2.min(bytes.len())..])
                };
                self.formats.push((u16_at(bytes, 0), code));
            }
            0xe0 => self.styles.push(u16_at(bytes, 2)),
            0x1b6 => {
                // A text frame: its characters are in the record that continues it.
                if let Some([flags, text @ ..]) = record.parts.get(1).copied() {
                    self.notes += 1;
                    let text = if flags & 1 == 1 {
                        utf16(text)
                    } else {
                        code_page(1252, text)
                    };
                    let at = [
                        (Place::Sheet, self.sheet.max(1)),
                        (Place::Comment, self.notes),
                    ];
                    out.text(&Anchor::at(&at), text.trim_matches('\0'))?;
                }
            }
            _ => self.cells(record.kind, bytes, out)?,
        }
        Ok(())
    }

    fn cells(&mut self, kind: u16, bytes: &[u8], out: &mut Out) -> Result<(), Stop> {
        let (row, column, style) = (u16_at(bytes, 0), u16_at(bytes, 2), u16_at(bytes, 4));
        let place = (u32::from(row) + 1, u32::from(column) + 1);
        match kind {
            0xfd => {
                let text = self
                    .shared
                    .get(u32_at(bytes, 6) as usize)
                    .cloned()
                    .unwrap_or_default();
                self.cell(place, &text, out)
            }
            0x204 | 0xd6 => {
                let text = if self.is_8 {
                    string8(bytes, 6)
                } else {
                    self.long_string(bytes, 6)
                };
                self.cell(place, &text, out)
            }
            0x203 => self.number(place, style, f64::from_bits(u64_at(bytes, 6)), out),
            0x27e => self.number(place, style, rk(u32_at(bytes, 6)), out),
            0xbd => {
                for index in 0..bytes.len().saturating_sub(6) / 6 {
                    let at = 4 + index * 6;
                    let place = (place.0, place.1 + index as u32);
                    self.number(place, u16_at(bytes, at), rk(u32_at(bytes, at + 2)), out)?;
                }
                Ok(())
            }
            // Before version 3 three bytes say how a cell looks.
            0x02 if bytes.len() == 9 => self.cell(place, &u16_at(bytes, 7).to_string(), out),
            0x03 if bytes.len() == 15 => {
                self.cell(place, &f64::from_bits(u64_at(bytes, 7)).to_string(), out)
            }
            0x04 => {
                let text = self.short_string(bytes.get(7..).unwrap_or_default());
                self.cell(place, &text, out)
            }
            0x06 | 0x206 | 0x406 => match (u16_at(bytes, 12), bytes.get(6), bytes.get(8)) {
                (0xffff, Some(0), _) => {
                    self.waiting = Some(place);
                    Ok(())
                }
                (0xffff, Some(1), Some(value)) => {
                    self.cell(place, if *value == 0 { "FALSE" } else { "TRUE" }, out)
                }
                (0xffff, ..) => Ok(()),
                _ => self.number(place, style, f64::from_bits(u64_at(bytes, 6)), out),
            },
            0x207 => match self.waiting.take() {
                Some(place) => {
                    let text = if self.is_8 {
                        string8(bytes, 0)
                    } else {
                        self.long_string(bytes, 0)
                    };
                    self.cell(place, &text, out)
                }
                None => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn cell(&self, (row, column): (u32, u32), text: &str, out: &mut Out) -> Result<(), Stop> {
        if text.trim().is_empty() {
            return Ok(());
        }
        out.text(
            &Anchor::at(&[
                (Place::Sheet, self.sheet.max(1)),
                (Place::Row, row),
                (Place::Column, column),
            ]),
            text,
        )
    }

    fn number(&self, place: (u32, u32), style: u16, value: f64, out: &mut Out) -> Result<(), Stop> {
        let format = self.styles.get(usize::from(style)).copied().unwrap_or(0);
        let own = self
            .formats
            .iter()
            .find(|(known, _)| *known == format)
            .map(|(_, code)| office::is_date(code));
        let is_date = own.unwrap_or(matches!(format, 14..=22 | 27..=36 | 45..=47 | 50..=58));
        let date = is_date
            .then(|| office::date(value, self.from_1904))
            .flatten();
        self.cell(place, &date.unwrap_or_else(|| value.to_string()), out)
    }

    /// A string with a length of one byte.
    fn short_string(&self, bytes: &[u8]) -> String {
        let length = usize::from(bytes.first().copied().unwrap_or(0));
        match bytes.get(1).filter(|_| self.is_8) {
            Some(flags) if flags & 1 == 1 => {
                utf16(bytes.get(2..2 + length * 2).unwrap_or_default())
            }
            Some(_) => code_page(1252, bytes.get(2..2 + length).unwrap_or_default()),
            None => code_page(self.page, bytes.get(1..1 + length).unwrap_or_default()),
        }
    }

    fn long_string(&self, bytes: &[u8], at: usize) -> String {
        let length = usize::from(u16_at(bytes, at));
        code_page(
            self.page,
            bytes.get(at + 2..at + 2 + length).unwrap_or_default(),
        )
    }
}

/// A string of BIFF8 that lies in one record.
fn string8(bytes: &[u8], at: usize) -> String {
    let record = [bytes.get(at..).unwrap_or_default()];
    Strings {
        parts: &record,
        part: 0,
        at: 0,
    }
    .next()
    .unwrap_or_default()
}

fn shared(record: &Record<'_>) -> Vec<String> {
    let mut strings = Strings {
        parts: &record.parts,
        part: 0,
        at: 8,
    };
    let count = u32_at(record.first(), 4);
    (0..count).map_while(|_| strings.next()).collect()
}

/// Strings over records that continue each other: characters that go on in the next record begin there with flags anew.
struct Strings<'a> {
    parts: &'a [&'a [u8]],
    part: usize,
    at: usize,
}

impl<'a> Strings<'a> {
    fn left(&mut self) -> Option<&'a [u8]> {
        loop {
            let rest = self.parts.get(self.part)?.get(self.at..)?;
            if !rest.is_empty() {
                return Some(rest);
            }
            (self.part, self.at) = (self.part + 1, 0);
        }
    }

    fn skip(&mut self, mut count: usize) -> Option<()> {
        while count > 0 {
            let step = self.left()?.len().min(count);
            self.at += step;
            count -= step;
        }
        Some(())
    }

    fn next(&mut self) -> Option<String> {
        let head = self.left()?;
        let (mut characters, mut flags) = (usize::from(u16_at(head, 0)), *head.get(2)?);
        let (mut after, mut size) = (0, 3);
        if flags & 8 != 0 {
            after += 4 * usize::from(u16_at(head, size));
            size += 2;
        }
        if flags & 4 != 0 {
            after += u32_at(head, size) as usize;
            size += 4;
        }
        self.skip(size)?;
        let mut text = String::new();
        while characters > 0 {
            let started = self.part;
            let mut rest = self.left()?;
            if self.part != started {
                flags = rest[0];
                self.at += 1;
                rest = self.left()?;
            }
            let width = 1 + usize::from(flags & 1);
            let count = (rest.len() / width).min(characters);
            if count == 0 {
                return None;
            }
            let bytes = &rest[..count * width];
            if width == 2 {
                text.push_str(&utf16(bytes));
            } else {
                text.extend(bytes.iter().map(|byte| char::from(*byte)));
            }
            self.at += bytes.len();
            characters -= count;
        }
        self.skip(after)?;
        Some(text)
    }
}

/// A number of 30 bits: an integer or the head of a float, perhaps in hundredths.
fn rk(raw: u32) -> f64 {
    let value = if raw & 2 != 0 {
        f64::from(raw as i32 >> 2)
    } else {
        f64::from_bits(u64::from(raw & !3) << 32)
    };
    if raw & 1 != 0 { value / 100.0 } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_thirty_bits() {
        assert_eq!(rk(0x3ff0_0000), 1.0);
        assert_eq!(rk(((1234 << 2) as u32) | 2), 1234.0);
        assert_eq!(rk(((1234 << 2) as u32) | 3), 12.34);
    }

    #[test]
    fn a_string_goes_on_in_the_next_record() {
        // Four characters, two of one byte here, two of two bytes there.
        let parts: [&[u8]; 2] = [&[4, 0, 0, b'a', b'b'], &[1, 0x2f, 0x04, 0x30, 0x04]];
        assert_eq!(
            Strings {
                parts: &parts,
                part: 0,
                at: 0
            }
            .next()
            .as_deref(),
            Some("abЯа")
        );
        let parts: [&[u8]; 1] = [&[9, 0, 0, b'a']];
        assert_eq!(
            Strings {
                parts: &parts,
                part: 0,
                at: 0
            }
            .next(),
            None
        );
    }
}
