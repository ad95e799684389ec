//! Text that deliverers wrote: encodings, lines of bounded length, separated columns.

use std::io::{self, BufRead, BufReader, Read};

/// A longer line is refused.
pub(in crate::intake) const LINE_BYTES: usize = 1 << 20;

/// A reader of lines that numbers them from 1 and bounds their length.
pub(in crate::intake) struct Lines<R> {
    reader: R,
    number: u64,
}

/// One line of a text.
pub(in crate::intake) struct Line {
    /// From 1.
    pub(in crate::intake) number: u64,
    /// Without its end; `None` when it is too long.
    pub(in crate::intake) bytes: Option<Vec<u8>>,
}

impl<R: BufRead> Lines<R> {
    pub(in crate::intake) fn new(reader: R) -> Lines<R> {
        Lines { reader, number: 0 }
    }

    /// The next line without its LF; a CR before that is left.
    pub(in crate::intake) fn next(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        let limit = LINE_BYTES as u64 + 1;
        if self
            .reader
            .by_ref()
            .take(limit)
            .read_until(b'\n', &mut bytes)?
            == 0
        {
            return Ok(None);
        }
        self.number += 1;
        let number = self.number;
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
        } else if bytes.len() as u64 >= limit {
            self.reader.skip_until(b'\n')?;
            return Ok(Some(Line {
                number,
                bytes: None,
            }));
        }
        Ok(Some(Line {
            number,
            bytes: Some(bytes),
        }))
    }
}

/// The text as UTF-8 without a byte order mark, when it begins with one: Windows programs write
/// UTF-8 and UTF-16 with it. Other bytes pass as they are.
pub(in crate::intake) fn without_mark<'a>(
    reader: impl Read + 'a,
) -> io::Result<Box<dyn BufRead + 'a>> {
    let mut reader = BufReader::with_capacity(64 * 1024, reader);
    let mut head = [0; 3];
    let mut len = 0;
    while len < head.len() {
        match reader.read(head.get_mut(len..).unwrap_or_default())? {
            0 => break,
            count => len += count,
        }
    }
    let head = head.get(..len).unwrap_or_default().to_vec();
    if head == b"\xef\xbb\xbf" {
        return Ok(Box::new(reader));
    }
    let big_endian = head.starts_with(b"\xfe\xff");
    if big_endian || head.starts_with(b"\xff\xfe") {
        let rest = io::Cursor::new(head).chain(reader);
        return Ok(utf16(rest, big_endian, true));
    }
    Ok(Box::new(io::Cursor::new(head).chain(reader)))
}

/// UTF-16 as UTF-8, without its first character when that is a mark.
pub(in crate::intake) fn utf16<'a>(
    reader: impl Read + 'a,
    big_endian: bool,
    has_mark: bool,
) -> Box<dyn BufRead + 'a> {
    let inner = BufReader::new(reader);
    Box::new(BufReader::new(Utf16 {
        inner,
        big_endian,
        skip_mark: has_mark,
        ready: Vec::new(),
    }))
}

/// UTF-16 read as UTF-8; what is no UTF-16 becomes U+FFFD, which matches no name.
struct Utf16<R> {
    inner: R,
    big_endian: bool,
    skip_mark: bool,
    ready: Vec<u8>,
}

impl<R: Read> Utf16<R> {
    fn unit(&mut self) -> io::Result<Option<u16>> {
        let mut bytes = [0; 2];
        match self.inner.read_exact(&mut bytes) {
            Ok(()) if self.big_endian => Ok(Some(u16::from_be_bytes(bytes))),
            Ok(()) => Ok(Some(u16::from_le_bytes(bytes))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.skip_mark) {
            self.unit()?;
        }
        let mut units = Vec::with_capacity(4096);
        while let Some(unit) = self.unit()? {
            units.push(unit);
            let splits_pair = (0xd800..0xdc00).contains(&unit);
            if units.len() >= 4096 && !splits_pair {
                break;
            }
        }
        let text: String = char::decode_utf16(units)
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
        self.ready = text.into_bytes();
        Ok(())
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.ready.is_empty() {
            self.fill()?;
        }
        let count = self.ready.len().min(buffer.len());
        let rest = self.ready.split_off(count);
        buffer
            .get_mut(..count)
            .unwrap_or_default()
            .copy_from_slice(&self.ready);
        self.ready = rest;
        Ok(count)
    }
}

/// The separator of a header row: the one of comma, semicolon and tab that occurs most often
/// outside quotes, the comma when none does.
pub(in crate::intake) fn separator(header: &[u8]) -> u8 {
    let mut quoted = false;
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0)];
    for byte in header {
        quoted ^= *byte == b'"';
        for (separator, count) in &mut counts {
            *count += usize::from(!quoted && byte == separator);
        }
    }
    let best = counts.iter().rev().max_by_key(|(_, count)| *count);
    best.map_or(
        b',',
        |(separator, count)| if *count == 0 { b',' } else { *separator },
    )
}

/// A column's name in a form in which spellings meet: lower case, without spaces, hyphens and
/// underscores at its ends, and `_` for each run of them inside.
pub(in crate::intake) fn column_key(name: &str) -> String {
    let words: Vec<String> = name
        .split([' ', '-', '_', '\u{a0}'])
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect();
    words.join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> io::Result<String> {
        let mut out = String::new();
        without_mark(bytes)?.read_to_string(&mut out)?;
        Ok(out)
    }

    #[test]
    fn marks_of_windows_programs_are_read() -> io::Result<()> {
        assert_eq!(text(b"")?, "");
        assert_eq!(text(b"ab")?, "ab");
        assert_eq!(text(b"\xef\xbb\xbfab")?, "ab");
        for big_endian in [false, true] {
            let original = "шлях,\u{1f4f7}\r\n".repeat(5000);
            let mut bytes = if big_endian {
                vec![0xfe, 0xff]
            } else {
                vec![0xff, 0xfe]
            };
            for unit in original.encode_utf16() {
                bytes.extend(if big_endian {
                    unit.to_be_bytes()
                } else {
                    unit.to_le_bytes()
                });
            }
            assert_eq!(text(&bytes)?, original);
        }
        Ok(())
    }

    #[test]
    fn a_line_without_end_takes_no_memory() -> io::Result<()> {
        let long = [b"x".repeat(3 * LINE_BYTES), b"\nnext\n\nlast".to_vec()].concat();
        let mut lines = Lines::new(&long[..]);
        let mut seen = Vec::new();
        while let Some(line) = lines.next()? {
            seen.push((line.number, line.bytes));
        }
        let expected = [
            (1, None),
            (2, Some(b"next".to_vec())),
            (3, Some(vec![])),
            (4, Some(b"last".to_vec())),
        ];
        assert_eq!(seen, expected);
        Ok(())
    }

    #[test]
    fn separators_are_found_in_the_header() {
        for (header, expected) in [
            (&b"path,md5"[..], b','),
            (b"path;\"a,b,c\";md5", b';'),
            (b"path\tmd5", b'\t'),
            (b"path", b','),
        ] {
            assert_eq!(separator(header), expected);
        }
        assert_eq!(column_key(" Seal-Number "), "seal_number");
        assert_eq!(column_key("Collected At"), "collected_at");
    }
}
