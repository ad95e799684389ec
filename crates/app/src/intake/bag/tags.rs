//! Tag files: the declaration `bagit.txt`, the metadata in `bag-info.txt`, and the lines of all
//! of them (RFC 8493, sections 2.1.1, 2.2.2 and 2.3).

use std::io::{self, BufRead, BufReader, Read};

use comity_core::shown::shown;

use super::BagVersion;
use super::finding::Found;
use crate::intake::manifest::text::{LINE_BYTES, utf16};

pub(super) const DECLARATION: &str = "bagit.txt";
pub(super) const INFO: &str = "bag-info.txt";

/// The encoding of tag files other than the declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// UTF-8, and US-ASCII within it.
    Utf8,
    /// ISO-8859-1.
    Latin1,
    /// UTF-16; `None` when a mark at the beginning says the order of bytes.
    Utf16 { big_endian: Option<bool> },
}

impl Encoding {
    fn from_name(name: &str) -> Option<Encoding> {
        Some(match name.to_ascii_uppercase().as_str() {
            "UTF-8" | "UTF8" | "US-ASCII" | "ASCII" => Encoding::Utf8,
            "ISO-8859-1" | "ISO8859-1" | "LATIN1" | "LATIN-1" => Encoding::Latin1,
            "UTF-16" => Encoding::Utf16 { big_endian: None },
            "UTF-16BE" => Encoding::Utf16 {
                big_endian: Some(true),
            },
            "UTF-16LE" => Encoding::Utf16 {
                big_endian: Some(false),
            },
            _ => return None,
        })
    }

    /// The text as UTF-8, and whether it began with a mark that its encoding does not need.
    pub(super) fn decode<'a>(
        self,
        reader: impl Read + 'a,
    ) -> io::Result<(Box<dyn BufRead + 'a>, bool)> {
        let mut reader = BufReader::with_capacity(64 * 1024, reader);
        match self {
            Encoding::Latin1 => Ok((Box::new(BufReader::new(Latin1(reader))), false)),
            Encoding::Utf16 {
                big_endian: Some(order),
            } => Ok((utf16(reader, order, false), false)),
            Encoding::Utf16 { big_endian: None } => {
                let mut mark = [0; 2];
                let order = match reader.read_exact(&mut mark) {
                    Ok(()) => mark == *b"\xfe\xff",
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => true,
                    Err(error) => return Err(error),
                };
                let has_mark = order || mark == *b"\xff\xfe";
                // Without a mark it is big-endian (RFC 2781, section 4.3), and these bytes count.
                let head = if has_mark { Vec::new() } else { mark.to_vec() };
                Ok((
                    utf16(
                        io::Cursor::new(head).chain(reader),
                        order || !has_mark,
                        false,
                    ),
                    false,
                ))
            }
            Encoding::Utf8 => {
                let mut head = Vec::with_capacity(3);
                reader.by_ref().take(3).read_to_end(&mut head)?;
                if head == b"\xef\xbb\xbf" {
                    return Ok((Box::new(reader), true));
                }
                Ok((Box::new(io::Cursor::new(head).chain(reader)), false))
            }
        }
    }
}

/// ISO-8859-1 read as UTF-8.
struct Latin1<R>(R);

impl<R: Read> Read for Latin1<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut raw = vec![0; (buffer.len() / 2).clamp(1, 8192)];
        let count = self.0.read(&mut raw)?;
        let text: String = raw
            .iter()
            .take(count)
            .map(|byte| char::from(*byte))
            .collect();
        let room = buffer
            .get_mut(..text.len())
            .ok_or(io::ErrorKind::InvalidInput)?;
        room.copy_from_slice(text.as_bytes());
        Ok(text.len())
    }
}

/// Lines that end in LF, CR or CR LF, numbered from 1.
pub(super) struct TagLines<R> {
    reader: R,
    number: u64,
    after_cr: bool,
    /// Whether every line that was handed out had an end.
    pub(super) ended: bool,
}

impl<R: BufRead> TagLines<R> {
    pub(super) fn new(reader: R) -> TagLines<R> {
        TagLines {
            reader,
            number: 0,
            after_cr: false,
            ended: true,
        }
    }

    /// The next line without its end; a line over 1 MiB is cut there.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Vec<u8>)>> {
        let mut line = Vec::new();
        loop {
            let chunk = self.reader.fill_buf()?;
            if std::mem::take(&mut self.after_cr) && chunk.first() == Some(&b'\n') {
                self.reader.consume(1);
                continue;
            }
            if chunk.is_empty() {
                if line.is_empty() {
                    return Ok(None);
                }
                self.ended = false;
                break;
            }
            let end = chunk.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let part = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
            let room = LINE_BYTES.saturating_sub(line.len());
            line.extend(part.iter().take(room));
            let used = part.len() + usize::from(end.is_some());
            self.after_cr = end.and_then(|end| chunk.get(end)) == Some(&b'\r');
            self.reader.consume(used);
            if end.is_some() {
                break;
            }
        }
        self.number += 1;
        Ok(Some((self.number, line)))
    }
}

/// What a bag declares about itself.
#[derive(Clone, Copy, Debug)]
pub(super) struct Declaration {
    pub(super) version: BagVersion,
    pub(super) encoding: Encoding,
}

/// Reads `bagit.txt`: exactly two lines, exactly written. 0.97 lets white space pass.
pub(super) fn declaration(bytes: &[u8], found: &mut Found) -> io::Result<Option<Declaration>> {
    const LINES: [&str; 2] = ["BagIt-Version", "Tag-File-Character-Encoding"];
    let place = DECLARATION;
    let text = match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(text) => {
            found.finding(place, "it begins with a byte order mark, which it must not");
            text
        }
        None => bytes,
    };
    let mut lines = TagLines::new(text);
    let mut values = Vec::new();
    let mut exact = true;
    while let Some((number, line)) = lines.next()? {
        let line = shown(&line);
        let Some(label) = LINES.get(values.len()) else {
            found.finding(
                place,
                format!("line {number} is one too many: it has exactly two"),
            );
            break;
        };
        let value = line
            .split_once(':')
            .filter(|(name, _)| name.trim() == *label);
        let Some((_, value)) = value else {
            found.finding(
                place,
                format!("line {number} is {line:?} and not `{label}: …`"),
            );
            return Ok(None);
        };
        exact &= line == format!("{label}: {}", value.trim());
        values.push(value.trim().to_owned());
    }
    let [version, encoding] = &values[..] else {
        found.finding(place, "it has fewer than its two lines");
        return Ok(None);
    };
    let known = match version.as_str() {
        "1.0" => Some(BagVersion::V1_0),
        "0.97" => Some(BagVersion::V0_97),
        _ => None,
    };
    let Some(known) = known else {
        found.finding(
            place,
            format!("its version is {version:?}; read are 0.97 and 1.0"),
        );
        return Ok(None);
    };
    if !exact {
        found.breach(
            known == BagVersion::V1_0,
            place,
            "it has white space where none belongs",
        );
    }
    if !lines.ended {
        found.remark(place, "its last line has no end");
    }
    let Some(encoding_read) = Encoding::from_name(encoding) else {
        found.finding(
            place,
            format!("tag files in the encoding {encoding:?} are not read"),
        );
        return Ok(None);
    };
    Ok(Some(Declaration {
        version: known,
        encoding: encoding_read,
    }))
}

/// Reads `bag-info.txt`: labels and values, in order, repeated ones too.
pub(super) fn info(
    reader: impl Read,
    declared: Declaration,
    found: &mut Found,
) -> io::Result<Vec<(String, String)>> {
    let strict = declared.version == BagVersion::V1_0;
    let (reader, has_mark) = declared.encoding.decode(reader)?;
    if has_mark {
        found.finding(
            INFO,
            "it begins with a byte order mark, which UTF-8 must not have here",
        );
    }
    let mut lines = TagLines::new(reader);
    let mut elements: Vec<(String, String)> = Vec::new();
    while let Some((number, line)) = lines.next()? {
        let Ok(line) = String::from_utf8(line) else {
            found.finding(
                INFO,
                format!("line {number} is not in the encoding that the bag declares"),
            );
            continue;
        };
        if line.trim().is_empty() {
            found.remark(INFO, format!("line {number} is blank"));
            continue;
        }
        if line.starts_with([' ', '\t']) {
            match elements.last_mut() {
                Some((_, value)) => {
                    value.push(' ');
                    value.push_str(line.trim());
                }
                None => found.finding(INFO, format!("line {number} continues nothing")),
            }
            continue;
        }
        let Some((label, value)) = line.split_once(':') else {
            found.finding(INFO, format!("line {number} has no colon: {line:?}"));
            continue;
        };
        if label.trim().is_empty() {
            found.finding(INFO, format!("line {number} has no label"));
            continue;
        }
        if label.trim() != label {
            found.breach(
                strict,
                INFO,
                format!("line {number} has white space before its colon"),
            );
        }
        if !value.starts_with([' ', '\t']) {
            let strict = strict && !value.is_empty();
            found.breach(
                strict,
                INFO,
                format!("line {number} has no white space after its colon"),
            );
        }
        elements.push((label.trim().to_owned(), value.trim().to_owned()));
    }
    Ok(elements)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8], capacity: usize) -> io::Result<Vec<String>> {
        let mut lines = TagLines::new(BufReader::with_capacity(capacity, bytes));
        let mut out = Vec::new();
        while let Some((_, line)) = lines.next()? {
            out.push(shown(&line));
        }
        Ok(out)
    }

    #[test]
    fn lines_end_in_any_of_three_ways() -> io::Result<()> {
        for capacity in [1, 2, 3, 100] {
            assert_eq!(lines(b"a\nb\r\nc\rd", capacity)?, ["a", "b", "c", "d"]);
            assert_eq!(lines(b"a\r\n\r\nb\r\r\n", capacity)?, ["a", "", "b", ""]);
            assert_eq!(lines(b"", capacity)?, [""; 0]);
        }
        Ok(())
    }

    #[test]
    fn tag_files_are_read_in_their_encodings() -> io::Result<()> {
        let text = "Kontakt: Zoë\n";
        let wide = |big: bool| {
            let units = text.encode_utf16();
            units
                .flat_map(|u| {
                    if big {
                        u.to_be_bytes()
                    } else {
                        u.to_le_bytes()
                    }
                })
                .collect::<Vec<u8>>()
        };
        let latin: Vec<u8> = text.chars().map(|c| c as u32 as u8).collect();
        for (name, bytes) in [
            ("UTF-8", text.as_bytes().to_vec()),
            ("ISO-8859-1", latin),
            ("UTF-16", [b"\xff\xfe".to_vec(), wide(false)].concat()),
            ("utf-16", [b"\xfe\xff".to_vec(), wide(true)].concat()),
            ("UTF-16", wide(true)),
            ("UTF-16BE", wide(true)),
            ("UTF-16LE", wide(false)),
        ] {
            let encoding = Encoding::from_name(name).ok_or(io::ErrorKind::InvalidInput)?;
            let mut read = String::new();
            encoding.decode(&bytes[..])?.0.read_to_string(&mut read)?;
            assert_eq!(read, text, "{name}");
        }
        Ok(())
    }

    #[test]
    fn metadata_keep_their_order_and_repetition() -> io::Result<()> {
        let text = "Contact-Name: A\r\nNote: long\r\n   and longer\r\nContact-Name: B: C\r\n";
        let declared = Declaration {
            version: BagVersion::V1_0,
            encoding: Encoding::Utf8,
        };
        let mut found = Found::default();
        let elements = info(text.as_bytes(), declared, &mut found)?;
        let expected = [
            ("Contact-Name", "A"),
            ("Note", "long and longer"),
            ("Contact-Name", "B: C"),
        ];
        assert_eq!(
            elements,
            expected.map(|(label, value)| (label.to_owned(), value.to_owned()))
        );
        assert!(found.findings.is_empty() && found.remarks.is_empty());
        Ok(())
    }
}
