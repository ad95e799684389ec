//! Lists of files by their digests: sums as `sha256sum` writes them, hashdeep, and tables such as NSRL's RDS.

use std::io::{BufRead, Read};

use crate::entity::{ListError, skip_line};

/// A line of a list of files may be so long, in bytes.
pub const MAX_FILE_LINE: u64 = 1 << 20;

/// A kind of digest that lists have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sum {
    /// 128 bits.
    Md5,
    /// 160 bits.
    Sha1,
    /// 256 bits.
    Sha256,
}

impl Sum {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Sum::Md5 => "MD5",
            Sum::Sha1 => "SHA-1",
            Sum::Sha256 => "SHA-256",
        }
    }

    /// How many bytes such a digest has.
    pub fn bytes(self) -> usize {
        match self {
            Sum::Md5 => 16,
            Sum::Sha1 => 20,
            Sum::Sha256 => 32,
        }
    }

    fn of_len(len: usize) -> Option<Sum> {
        Some(match len {
            32 => Sum::Md5,
            40 => Sum::Sha1,
            64 => Sum::Sha256,
            _ => return None,
        })
    }

    /// The kind that a column of this name has: `md5`, `SHA-1`, `sha_256`.
    pub fn of_column(name: &str) -> Option<Sum> {
        Some(
            match name.to_ascii_lowercase().replace(['-', '_'], "").as_str() {
                "md5" => Sum::Md5,
                "sha1" => Sum::Sha1,
                "sha256" => Sum::Sha256,
                _ => return None,
            },
        )
    }
}

/// A digest of a file: its kind, and its bytes with zeros after them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    /// Of which kind.
    pub sum: Sum,
    bytes: [u8; 32],
}

impl Digest {
    /// From its digits; the kind follows from how many there are.
    pub fn parse(hex: &str) -> Option<Digest> {
        let hex = hex.trim();
        let sum = Sum::of_len(hex.len())?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks(2)) {
            let digit = |b: u8| char::from(b).to_digit(16);
            *byte = (digit(*pair.first()?)? * 16 + digit(*pair.get(1)?)?) as u8;
        }
        Some(Digest { sum, bytes })
    }

    /// Its bytes, with zeros after them.
    pub(crate) fn padded(&self) -> [u8; 32] {
        self.bytes
    }
}

/// A line of a list of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileLine {
    /// A file.
    File {
        /// Where the line begins, in bytes from the beginning of the list.
        at: u64,
        /// Its digests, one of a kind.
        digests: Vec<Digest>,
        /// What the list calls it, where it does.
        name: String,
    },
    /// It names the columns of the lines that follow.
    Head {
        /// Where it begins, in bytes.
        at: u64,
    },
    /// It is not what it should be.
    Bad {
        /// Which line, from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
}

/// What the columns of a table are.
#[derive(Default)]
struct Columns {
    delimiter: char,
    sums: Vec<(usize, Sum)>,
    name: Option<usize>,
    width: usize,
}

/// Reads a list of files, a line at a time, until `each` answers `false`. A line has a digest alone, or a digest and a
/// name, or `SHA256 (name) = digest`; or the first line names the columns of a table; or it is hashdeep's.
///
/// # Errors
/// If the file cannot be read, or is a database.
pub fn read_files(
    input: &mut dyn BufRead,
    each: &mut dyn FnMut(FileLine) -> bool,
) -> Result<(), ListError> {
    if input.fill_buf()?.starts_with(b"SQLite format 3\0") {
        return Err(ListError::Unlike(
            "it is an SQLite database: a table of it must be taken out first".to_owned(),
        ));
    }
    let mut columns: Option<Columns> = None;
    let mut bytes = Vec::new();
    let mut next = 0;
    for line in 1u64.. {
        bytes.clear();
        let at = next;
        let count = Read::take(&mut *input, MAX_FILE_LINE).read_until(b'\n', &mut bytes)?;
        if count == 0 {
            break;
        }
        next += count as u64;
        let bad = |what: String| FileLine::Bad { line, what };
        if count as u64 == MAX_FILE_LINE && !bytes.ends_with(b"\n") {
            next += skip_line(input)?;
            if !each(bad(format!("it is longer than {MAX_FILE_LINE} bytes"))) {
                break;
            }
            continue;
        }
        // Names need not be UTF-8; digests are.
        let text = String::from_utf8_lossy(&bytes);
        let text = trimmed(&text);
        if text.trim().is_empty() || text.starts_with('#') || text.starts_with("%%%% HASHDEEP") {
            continue;
        }
        let head = match text.strip_prefix("%%%% ") {
            Some(head) => Some(head_of(head)),
            None if line == 1 => head_of(text).map(Some),
            None => None,
        };
        let read = match head {
            Some(head) => {
                columns = head;
                FileLine::Head { at }
            }
            None => match read(columns.as_ref(), text) {
                Ok((digests, name)) => FileLine::File { at, digests, name },
                Err(what) => bad(what),
            },
        };
        if !each(read) {
            break;
        }
    }
    Ok(())
}

/// Reads one line of a list of files, whose columns the line `head` names: its digests, and what the list calls the file.
pub fn read_file_line(head: Option<&[u8]>, line: &[u8]) -> Option<(Vec<Digest>, String)> {
    let columns = head.and_then(|head| {
        let head = String::from_utf8_lossy(head);
        let head = trimmed(&head);
        head_of(head.strip_prefix("%%%% ").unwrap_or(head))
    });
    read(columns.as_ref(), trimmed(&String::from_utf8_lossy(line))).ok()
}

fn trimmed(text: &str) -> &str {
    text.trim_start_matches('\u{feff}')
        .trim_end_matches(['\n', '\r'])
}

fn read(columns: Option<&Columns>, text: &str) -> Result<(Vec<Digest>, String), String> {
    match columns {
        Some(columns) => columns.row(text),
        None => plain(text),
    }
}

/// The columns that a first line names, if it names any digest.
fn head_of(text: &str) -> Option<Columns> {
    let delimiter = [',', ';', '\t']
        .into_iter()
        .max_by_key(|d| text.matches(*d).count())?;
    let cells = cells(text, delimiter, usize::MAX);
    let mut columns = Columns {
        delimiter,
        width: cells.len(),
        ..Columns::default()
    };
    for (at, cell) in cells.iter().enumerate() {
        let cell = cell.trim();
        if let Some(sum) = Sum::of_column(cell) {
            columns.sums.push((at, sum));
        } else if ["filename", "file_name", "name", "path"]
            .contains(&cell.to_ascii_lowercase().as_str())
        {
            columns.name = Some(at);
        }
    }
    (!columns.sums.is_empty()).then_some(columns)
}

/// The cells of a row, the last of `most` with all that follows; a cell in quotation marks may have the sign in it.
fn cells(text: &str, delimiter: char, most: usize) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        let count = cells.len();
        let Some(cell) = cells.last_mut() else { break };
        match letter {
            '"' if quoted && letters.peek() == Some(&'"') => {
                letters.next();
                cell.push('"');
            }
            '"' if quoted || cell.is_empty() => quoted = !quoted,
            other if other == delimiter && !quoted && count < most => cells.push(String::new()),
            other => cell.push(other),
        }
    }
    cells
}

impl Columns {
    fn row(&self, text: &str) -> Result<(Vec<Digest>, String), String> {
        let cells = cells(text, self.delimiter, self.width);
        let mut digests = Vec::new();
        for (at, sum) in &self.sums {
            let cell = cells.get(*at).map_or("", |c| c.trim());
            if cell.is_empty() {
                continue;
            }
            match Digest::parse(cell).filter(|d| d.sum == *sum) {
                Some(digest) => digests.push(digest),
                None => return Err(format!("its {} is none", sum.name())),
            }
        }
        if digests.is_empty() {
            return Err("it has no digest".to_owned());
        }
        let name = self
            .name
            .and_then(|at| cells.get(at))
            .cloned()
            .unwrap_or_default();
        Ok((digests, name))
    }
}

fn plain(text: &str) -> Result<(Vec<Digest>, String), String> {
    let none = || "it begins with no MD5, SHA-1 or SHA-256".to_owned();
    // BSD: SHA256 (name) = digest
    if let Some((head, digest)) = text.rsplit_once(") = ")
        && let Some((sum, name)) = head.split_once(" (")
        && let Some(digest) = Digest::parse(digest).filter(|d| Sum::of_column(sum) == Some(d.sum))
    {
        return Ok((vec![digest], name.to_owned()));
    }
    let end = text.find([' ', '\t', ',', ';']).unwrap_or(text.len());
    let (digest, name) = text.split_at(end);
    let digest =
        Digest::parse(digest.trim_matches('"').trim_start_matches('\\')).ok_or_else(none)?;
    let name = name.trim_start_matches([' ', '\t', ',', ';', '*']);
    Ok((vec![digest], name.trim_matches('"').to_owned()))
}
