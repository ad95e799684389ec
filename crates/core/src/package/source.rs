//! What a check reads from: a folder or a zip, whose names are all known and harmless.

use std::io::{self, Read};

use crate::finding::Finding;
use crate::shown::escape_for_terminal;

/// The longest name of a file in a package or receipt, in bytes.
pub const MAX_NAME_BYTES: usize = 255;
/// The most that is read of a file that is held in memory: heads, key files, checkpoints, pages.
pub const MAX_SMALL_FILE_BYTES: u64 = 16 << 20;
/// The longest line of a `.jsonl` file or manifest, in bytes without its line feed.
pub const MAX_LINE_BYTES: usize = 4 << 20;

/// The files of a package, a receipt or an exported log.
pub trait Source: Sync {
    /// The names of all files, with `/` between their parts, sorted by bytes, each once.
    fn names(&self) -> &[String];

    /// What is there and is not read, because no package or receipt may have it: links, devices,
    /// names that are not text. Each is a finding of every check.
    fn refused(&self) -> &[Finding];

    /// Gives the bytes of the file `names()[index]` to `visit`.
    ///
    /// # Errors
    /// What reading fails with, and what `visit` returns.
    fn read(
        &self,
        index: usize,
        visit: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> io::Result<()>;
}

/// The place of `name` in the source.
#[must_use]
pub fn find(source: &dyn Source, name: &str) -> Option<usize> {
    source
        .names()
        .binary_search_by(|known| known.as_str().cmp(name))
        .ok()
}

/// The files whose names begin with `prefix`, with their places.
pub(crate) fn under<'a>(
    source: &'a dyn Source,
    prefix: &'a str,
) -> impl Iterator<Item = (usize, &'a String)> {
    let names = source.names();
    let first = names.partition_point(|name| name.as_str() < prefix);
    let rest = names.iter().enumerate().skip(first);
    rest.take_while(move |(_, name)| name.starts_with(prefix))
}

/// Why a name has no place in a package or receipt (`docs/format/disclosure.md`); `None` when it
/// is harmless.
#[must_use]
pub fn refused_name(name: &str) -> Option<&'static str> {
    let plain =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-' | b'/');
    if name.is_empty() {
        Some("has no name")
    } else if name.len() > MAX_NAME_BYTES {
        Some("has a name of more than 255 bytes")
    } else if name.starts_with('/') {
        Some("has an absolute path")
    } else if name.split('/').any(|part| part == "..") {
        Some("has a path that leads out of the package ('..')")
    } else if name.split('/').any(|part| part.is_empty() || part == ".") {
        Some("has a path with an empty part or '.'")
    } else if !name.bytes().all(plain) {
        Some("has a name with other characters than A-Z a-z 0-9 . _ - /")
    } else {
        None
    }
}

/// Findings for names that are refused, or that differ from another only by case.
#[must_use]
pub fn check_names(names: &[String]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = names
        .iter()
        .filter_map(|name| {
            refused_name(name).map(|why| Finding::new(escape_for_terminal(name), why))
        })
        .collect();
    // Hashes of the folded names, sorted, find the few to compare without a second copy of all.
    let mut folded: Vec<(u64, &String)> =
        names.iter().map(|name| (folded_hash(name), name)).collect();
    folded.sort_unstable();
    for pair in folded.windows(2) {
        let (a, b) = (pair[0].1, pair[1].1);
        if pair[0].0 == pair[1].0 && a.eq_ignore_ascii_case(b) {
            let what = format!(
                "its name differs from {} only by case",
                escape_for_terminal(a)
            );
            findings.push(Finding::new(escape_for_terminal(b), what));
        }
    }
    findings
}

/// FNV-1a of the lower-case form. A collision that is not one only costs a comparison.
fn folded_hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Reads a whole small file.
///
/// # Errors
/// A sentence about the file: it is missing, larger than [`MAX_SMALL_FILE_BYTES`], or cannot be
/// read.
pub(crate) fn read_small(source: &dyn Source, name: &str) -> Result<Vec<u8>, String> {
    let index = find(source, name).ok_or_else(|| "is missing".to_owned())?;
    let mut bytes = Vec::new();
    let result = source.read(index, &mut |reader| {
        bytes.clear();
        reader
            .take(MAX_SMALL_FILE_BYTES + 1)
            .read_to_end(&mut bytes)
            .map(|_| ())
    });
    match result {
        Err(error) => Err(format!("cannot be read: {error}")),
        Ok(()) if bytes.len() as u64 > MAX_SMALL_FILE_BYTES => {
            Err("is larger than 16 MiB".to_owned())
        }
        Ok(()) => Ok(bytes),
    }
}

/// Where the first line feed is. Looks at a block of bytes at a time, which the processor does
/// several times faster than one byte after the other.
pub(crate) fn find_line_feed(bytes: &[u8]) -> Option<usize> {
    const BLOCK_BYTES: usize = 64;
    let block = bytes
        .chunks(BLOCK_BYTES)
        .position(|block| block.contains(&b'\n'))?;
    let from = block * BLOCK_BYTES;
    let within = bytes.get(from..)?.iter().position(|byte| *byte == b'\n')?;
    Some(from + within)
}

/// Cuts a file into lines that each end with one line feed, without holding more than one.
pub(crate) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    ended: bool,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(reader: R) -> Lines<R> {
        Lines {
            reader,
            buffer: Vec::new(),
            start: 0,
            ended: false,
        }
    }

    /// The next line without its line feed; `None` after the last.
    ///
    /// # Errors
    /// Reading fails, a line is longer than [`MAX_LINE_BYTES`], or the last has no line feed.
    pub(crate) fn next(&mut self) -> io::Result<Option<&[u8]>> {
        let mut searched = self.start;
        loop {
            if let Some(at) = find_line_feed(&self.buffer[searched..]) {
                let (from, to) = (self.start, searched + at);
                self.start = to + 1;
                return Ok(Some(&self.buffer[from..to]));
            }
            let pending = self.buffer.len() - self.start;
            if pending > MAX_LINE_BYTES {
                return Err(io::Error::other("has a line of more than 4 MiB"));
            }
            if self.ended {
                if pending == 0 {
                    return Ok(None);
                }
                return Err(io::Error::other(
                    "its last line is cut short: it has no line feed",
                ));
            }
            self.buffer.drain(..self.start);
            self.start = 0;
            searched = self.buffer.len();
            let more = (&mut self.reader)
                .take(64 << 10)
                .read_to_end(&mut self.buffer)?;
            self.ended = more == 0;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_the_package_are_refused() {
        for (name, word) in [
            ("", "no name"),
            ("/etc/passwd", "absolute"),
            ("data/../../x", "leads out"),
            ("..", "leads out"),
            ("data//x", "empty part"),
            ("./x", "'.'"),
            ("data/a b", "other characters"),
            ("data/~root", "other characters"),
            ("data\\x", "other characters"),
            ("data/\u{456}", "other characters"),
            ("C:x", "other characters"),
        ] {
            let why = refused_name(name).unwrap_or_else(|| panic!("{name:?} was taken"));
            assert!(why.contains(word), "{name:?}: {why}");
        }
        assert_eq!(refused_name("comity/log/tile/0/x001/234.p/5"), None);
        assert!(refused_name(&"a".repeat(256)).is_some());
    }

    #[test]
    fn names_that_differ_only_by_case_are_named() {
        let names = ["data/A.txt", "data/B.txt", "data/a.txt"].map(str::to_owned);
        let findings = check_names(&names);
        assert_eq!(findings.len(), 1);
        assert!(
            findings[0].to_string().contains("only by case"),
            "{}",
            findings[0]
        );
    }

    #[test]
    fn lines_end_with_a_line_feed() {
        let mut lines = Lines::new(&b"one\n\nthree\n"[..]);
        for expected in ["one", "", "three"] {
            assert_eq!(lines.next().unwrap(), Some(expected.as_bytes()));
        }
        assert_eq!(lines.next().unwrap(), None);
        let mut cut = Lines::new(&b"one\ntw"[..]);
        assert_eq!(cut.next().unwrap(), Some(&b"one"[..]));
        assert!(cut.next().is_err());
        let huge = vec![b'x'; MAX_LINE_BYTES + 2];
        assert!(
            Lines::new(&huge[..])
                .next()
                .unwrap_err()
                .to_string()
                .contains("4 MiB")
        );
    }
}
