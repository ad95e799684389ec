//! A record of a WARC: its header, and its block with the digest that the capture recorded of it.

use crate::Stop;
use data_encoding::{BASE32, BASE32_NOPAD, HEXLOWER_PERMISSIVE};
use sha2::digest::DynDigest;
use std::io::{self, BufRead, Read};

/// The longest line of a header, and the most lines.
const LINE_MAX: u64 = 64 << 10;
const LINES_MAX: usize = 200;

/// The header of a record.
#[derive(Debug, Default)]
pub struct Header {
    fields: Vec<(String, String)>,
    /// Bytes of the block.
    pub length: u64,
}

impl Header {
    /// Reads up to the next record and its header. `None` where the file ends.
    pub fn read(from: &mut dyn BufRead) -> Result<Option<Header>, Stop> {
        let version = loop {
            match line(from)? {
                None => return Ok(None),
                Some(line) if line.is_empty() => {}
                Some(line) => break line,
            }
        };
        if !version.starts_with("WARC/") {
            return Err(Stop::Damaged(
                "a record does not begin where the one before it ends".to_owned(),
            ));
        }
        let mut header = Header::default();
        loop {
            let line = line(from)?.ok_or_else(|| {
                Stop::Damaged("the file ends in the header of a record".to_owned())
            })?;
            if line.is_empty() {
                break;
            }
            if header.fields.len() == LINES_MAX {
                return Err(Stop::OverLimit(format!(
                    "a record has more than {LINES_MAX} lines of header"
                )));
            }
            match (line.split_once(':'), header.fields.last_mut()) {
                // A line that begins with white space goes on with the one before.
                (_, Some((_, value))) if line.starts_with([' ', '\t']) => {
                    value.push(' ');
                    value.push_str(line.trim());
                }
                (Some((name, value)), _) => header
                    .fields
                    .push((name.trim().to_ascii_lowercase(), value.trim().to_owned())),
                (None, _) => {}
            }
        }
        let length = header.get("content-length").and_then(|l| l.parse().ok());
        header.length = length
            .ok_or_else(|| Stop::Damaged("a record does not say how long it is".to_owned()))?;
        Ok(Some(header))
    }

    /// The first field of this name, which is given in small letters.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The address of what was captured.
    pub fn uri(&self) -> &str {
        let uri = self.get("warc-target-uri").unwrap_or_default();
        uri.trim_start_matches('<').trim_end_matches('>')
    }
}

fn line(from: &mut dyn BufRead) -> Result<Option<String>, Stop> {
    let mut bytes = Vec::new();
    from.take(LINE_MAX).read_until(b'\n', &mut bytes)?;
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.len() as u64 == LINE_MAX {
        return Err(Stop::Damaged(format!(
            "a line of a record's header is longer than {LINE_MAX} bytes"
        )));
    }
    Ok(Some(
        crate::decode::name(&bytes)
            .trim_end_matches(['\r', '\n'])
            .to_owned(),
    ))
}

/// A digest that was recorded, while it is computed anew.
pub struct Recorded {
    hash: Box<dyn DynDigest>,
    expected: Vec<u8>,
    said: String,
}

impl Recorded {
    /// `sha1:3EF4GH5IJ6KL7MN8OPQAB2CD` (base 32 or 16). `None` for a kind of digest that is not known.
    pub fn parse(said: &str) -> Option<Recorded> {
        let (kind, value) = said.split_once(':')?;
        let (hash, len): (Box<dyn DynDigest>, usize) =
            match kind.trim().to_ascii_lowercase().replace('-', "").as_str() {
                "md5" => (Box::new(md5::Md5::default()), 16),
                "sha1" => (Box::new(sha1::Sha1::default()), 20),
                "sha256" => (Box::new(sha2::Sha256::default()), 32),
                "sha512" => (Box::new(sha2::Sha512::default()), 64),
                _ => return None,
            };
        let upper = value.to_ascii_uppercase();
        let decoded = [
            HEXLOWER_PERMISSIVE.decode(value.as_bytes()).ok(),
            BASE32.decode(upper.as_bytes()).ok(),
            BASE32_NOPAD.decode(upper.as_bytes()).ok(),
        ];
        let expected = decoded.into_iter().flatten().find(|d| d.len() == len)?;
        Some(Recorded {
            hash,
            expected,
            said: said.to_owned(),
        })
    }

    /// Takes more of the bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.hash.update(bytes);
    }

    /// What is wrong, in words; nothing where they are the bytes that were recorded.
    pub fn end(self) -> Option<String> {
        let differs = *self.hash.finalize() != *self.expected;
        differs.then(|| format!("its bytes do not have the recorded digest {}", self.said))
    }
}

/// Bytes that are held against a digest as they are read.
pub struct Checked<R> {
    inner: R,
    /// The digest, if one was recorded.
    pub recorded: Option<Recorded>,
    /// How many bytes were read.
    pub read: u64,
}

impl<R: Read> Checked<R> {
    /// Reads `inner` and holds it against `said`.
    pub fn new(inner: R, said: Option<&str>) -> Checked<R> {
        Checked {
            inner,
            recorded: said.and_then(Recorded::parse),
            read: 0,
        }
    }

    /// Reads what is left.
    pub fn drain(&mut self) -> io::Result<()> {
        io::copy(self, &mut io::sink()).map(drop)
    }
}

impl<R: Read> Read for Checked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if let Some(recorded) = &mut self.recorded {
            recorded.update(&buffer[..count]);
        }
        self.read += count as u64;
        Ok(count)
    }
}

/// Bytes that a digest elsewhere is shown as they are read.
pub struct Beside<'a, R> {
    inner: R,
    recorded: Option<&'a mut Recorded>,
}

impl<'a, R: Read> Beside<'a, R> {
    /// Reads `inner` and shows it to `recorded`.
    pub fn new(inner: R, recorded: Option<&'a mut Recorded>) -> Beside<'a, R> {
        Beside { inner, recorded }
    }
}

impl<R: Read> Read for Beside<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if let Some(recorded) = &mut self.recorded {
            recorded.update(&buffer[..count]);
        }
        Ok(count)
    }
}
