//! Documents of WordPerfect 5 and later: the running text by paragraph. What stands in notes, headers and boxes of the
//! older ones is not gone into, and said to be missing.

use crate::{
    Input, Out, Stop,
    ints::{u16_at, u32_at},
};
use comity_extract::{Anchor, Place};
use std::io::{BufReader, Read, Seek, SeekFrom};

pub const MARK: &[u8] = b"\xffWPC";

/// Letters with marks of Latin alphabets, from number 26 of character set 1 on.
const LATIN: &str = "ÁáÂâÄäÀàÅåÆæÇçÉéÊêËëÈèÍíÎîÏïÌìÑñÓóÔôÖöÒòÚúÛûÜüÙù";
/// What the bytes 1 to 32 stand for since version 6.
const LETTERS: &str = "åÅæÆäÄáàâãÃçÇëéÉèêíñÑøØõÕöÖüÜúùß";
/// Letters of character set 10, in pairs of large and small.
const CYRILLIC: &str = "АаБбВвГгДдЕеЁёЖжЗзИиЙйКкЛлМмНнОоПпРрСсТтУуФфХхЦцЧчШшЩщЪъЫыЬьЭэЮюЯя";

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let head = input.bytes_at(0, 16);
    if u16_at(&head, 12) != 0 {
        return Err(Stop::Encrypted("the document has a passphrase".to_owned()));
    }
    let (Some(10), Some(version)) = (head.get(9), head.get(10)) else {
        return Err(Stop::Unsupported(
            "a file of WordPerfect that is no document".to_owned(),
        ));
    };
    let mut from = input.rewound();
    from.seek(SeekFrom::Start(u32_at(&head, 4).into()))?;
    let mut document = Document {
        from: BufReader::with_capacity(32 << 10, from),
        out,
        text: String::new(),
        paragraph: 0,
        skipped: 0,
        unknown: 0,
    };
    match version {
        0 => document.fifth()?,
        _ => document.sixth()?,
    }
    document.end()?;
    let (skipped, unknown) = (document.skipped, document.unknown);
    if skipped > 0 {
        out.missing(&format!(
            "the text of {skipped} notes, headers, footers or boxes"
        ));
    }
    if unknown > 0 {
        out.missing(&format!("{unknown} characters of sets that are not known"));
    }
    Ok(())
}

struct Document<'a, R> {
    from: R,
    out: &'a mut Out,
    text: String,
    paragraph: u32,
    skipped: u32,
    unknown: u32,
}

impl<R: Read> Document<'_, R> {
    fn byte(&mut self) -> Result<Option<u8>, Stop> {
        let mut byte = [0];
        Ok((self.from.read(&mut byte)? == 1).then_some(byte[0]))
    }

    fn bytes(&mut self, count: usize) -> Result<Vec<u8>, Stop> {
        let mut bytes = vec![0; count];
        let there = self.from.read_exact(&mut bytes);
        there.map_err(|_| Stop::Damaged("it ends within a function".to_owned()))?;
        Ok(bytes)
    }

    fn end(&mut self) -> Result<(), Stop> {
        let text = std::mem::take(&mut self.text);
        if text.trim().is_empty() {
            return Ok(());
        }
        self.paragraph += 1;
        self.out.text(
            &Anchor::at(&[(Place::Paragraph, self.paragraph)]),
            text.trim_end(),
        )
    }

    /// A line that ends where there was no room more is no end.
    fn soft_end(&mut self) {
        if !self.text.ends_with([' ', '-']) {
            self.text.push(' ');
        }
    }

    fn character(&mut self, set: u8, number: u8) {
        let number = usize::from(number);
        let found = match set {
            0 => Some(char::from(number as u8)),
            1 => number
                .checked_sub(26)
                .and_then(|number| LATIN.chars().nth(number)),
            4 => match number {
                0 | 2 => Some('•'),
                28 | 29 => Some('’'),
                27 => Some('‘'),
                30 | 32 => Some('“'),
                31 => Some('”'),
                33 => Some('–'),
                34 => Some('—'),
                _ => None,
            },
            10 => CYRILLIC.chars().nth(number),
            _ => None,
        };
        self.unknown += u32::from(found.is_none());
        self.text.push(found.unwrap_or(char::REPLACEMENT_CHARACTER));
    }

    /// Version 5: functions of one byte, of some bytes by their kind, and of a length that they have in them.
    fn fifth(&mut self) -> Result<(), Stop> {
        while let Some(byte) = self.byte()? {
            match byte {
                0x20..=0x7e => self.text.push(byte.into()),
                0x0a | 0x0c | 0x8c | 0x90 | 0x99 => self.end()?,
                0x0b | 0x0d => self.soft_end(),
                0xa0 => self.text.push(' '),
                0xa9..=0xab => self.text.push('-'),
                0xc0 => {
                    let rest = self.bytes(3)?;
                    self.character(rest[1], rest[0]);
                }
                0xc1..=0xc7 => {
                    self.bytes([8, 10, 2, 2, 4, 5, 6][usize::from(byte - 0xc1)])?;
                    // What aligns text divides it.
                    if byte == 0xc1 {
                        self.text.push('\t');
                    }
                }
                0xc8..=0xcf => drop(self.bytes(3)?),
                0xd0..=0xff => {
                    let head = self.bytes(3)?;
                    self.bytes(u16_at(&head, 1).into())?;
                    self.skipped += u32::from(matches!(byte, 0xd5..=0xd7 | 0xda));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Version 6 and later.
    fn sixth(&mut self) -> Result<(), Stop> {
        while let Some(byte) = self.byte()? {
            match byte {
                0x01..=0x20 => self.text.extend(LETTERS.chars().nth(usize::from(byte - 1))),
                0x21..=0x7e => self.text.push(byte.into()),
                0x80 | 0x81 => self.text.push(' '),
                0x82..=0x85 => self.text.push('-'),
                0xb9..=0xcc => self.end()?,
                0xcd..=0xcf => self.soft_end(),
                0xd0..=0xef => {
                    let head = self.bytes(3)?;
                    let size = usize::from(u16_at(&head, 1));
                    let rest = size.checked_sub(4);
                    self.bytes(
                        rest.ok_or_else(|| {
                            Stop::Damaged("a function without a length".to_owned())
                        })?,
                    )?;
                    match (byte, head[0]) {
                        (0xd0, 1..=3 | 0x14 | 0x15 | 0x19) => self.soft_end(),
                        (0xd0, 0x0a | 0x0b) | (0xe0, _) => self.text.push('\t'),
                        (0xd0, 4..) => self.end()?,
                        _ => {}
                    }
                }
                0xf0 => {
                    let rest = self.bytes(3)?;
                    self.character(rest[1], rest[0]);
                }
                0xf1..=0xfe => {
                    drop(self.bytes(
                        [4, 2, 2, 2, 2, 3, 3, 3, 4, 4, 5, 5, 7, 7][usize::from(byte - 0xf1)],
                    )?);
                }
                _ => {}
            }
        }
        Ok(())
    }
}
