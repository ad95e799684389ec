//! Tables in text: rows, with the values of a row in their columns.

use crate::{
    Input, Out, Stop,
    decode::{Decoded, Guess},
};
use comity_extract::{Anchor, Place};
use std::io::{BufReader, Read};

/// The longest row, in bytes: a quotation mark that is never closed must not swallow a file.
const ROW_MAX: usize = 4 << 20;

/// What separates the columns of a table: the same number of it, at least one, stands in each of the first lines.
/// `named` says that the file is called a table, and then two lines are enough.
pub fn separator(text: &str, named: bool) -> Option<char> {
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .take(12)
        .collect();
    // The last line of a sample may be cut.
    let lines = if lines.len() > 2 {
        &lines[..lines.len() - 1]
    } else {
        &lines[..]
    };
    let counts = |separator: char| -> Vec<usize> {
        lines
            .iter()
            .map(|line| outside_quotes(line, separator))
            .collect()
    };
    let regular = |counts: &[usize], least: usize| {
        counts[0] >= least && counts.iter().all(|n| *n == counts[0])
    };
    let enough = if named { 1 } else { 4 };
    if lines.len() < enough {
        return None;
    }
    // Prose has commas, and lists have semicolons: without a name that says so, at least two columns more are asked for.
    let least = if named { 1 } else { 2 };
    [';', '\t', ',', '|']
        .into_iter()
        .find(|separator| regular(&counts(*separator), least))
}

fn outside_quotes(line: &str, separator: char) -> usize {
    let mut quoted = false;
    line.chars()
        .filter(|c| {
            quoted ^= *c == '"';
            !quoted && *c == separator
        })
        .count()
}

pub fn read(input: &Input, out: &mut Out, guess: Guess) -> Result<(), Stop> {
    out.field("encoding", guess.encoding.name(), guess.from)?;
    let sample = input.bytes_at(0, 16 << 10);
    let sample = guess.encoding.decode(&sample).0.into_owned();
    let separator = separator(&sample, true).unwrap_or(',') as u8;
    let mut rows = Rows {
        from: BufReader::new(Decoded::new(input.rewound(), guess.encoding)),
        ended: false,
        next: None,
    };
    let (mut number, mut widest) = (0_u32, 0);
    while let Some(row) = rows.row(separator)? {
        number = number.saturating_add(1);
        widest = widest.max(row.len());
        for (column, value) in row.iter().enumerate() {
            if !value.trim().is_empty() {
                let at = Anchor::at(&[(Place::Row, number), (Place::Column, column as u32 + 1)]);
                out.text(&at, value)?;
            }
        }
    }
    out.field("rows", &number.to_string(), "counted")?;
    out.field("columns", &widest.to_string(), "counted")
}

struct Rows<R> {
    from: R,
    ended: bool,
    next: Option<u8>,
}

impl<R: Read> Rows<R> {
    fn byte(&mut self) -> Result<Option<u8>, Stop> {
        if let Some(byte) = self.next.take() {
            return Ok(Some(byte));
        }
        let mut byte = [0];
        Ok(if self.from.read(&mut byte)? == 0 {
            None
        } else {
            Some(byte[0])
        })
    }

    /// RFC 4180: quotation marks around a value protect separators and line ends, and two of them are one.
    fn row(&mut self, separator: u8) -> Result<Option<Vec<String>>, Stop> {
        if self.ended {
            return Ok(None);
        }
        let (mut row, mut value, mut quoted, mut size) = (Vec::new(), Vec::new(), false, 0);
        loop {
            let byte = self.byte()?;
            size += 1;
            if size > ROW_MAX {
                return Err(Stop::Damaged(format!(
                    "a row is longer than {ROW_MAX} bytes"
                )));
            }
            match byte {
                None => {
                    self.ended = true;
                    if row.is_empty() && value.is_empty() {
                        return Ok(None);
                    }
                }
                Some(b'"') if quoted => match self.byte()? {
                    Some(b'"') => {
                        value.push(b'"');
                        continue;
                    }
                    other => {
                        quoted = false;
                        self.next = other;
                        continue;
                    }
                },
                Some(b'"') if value.is_empty() => {
                    quoted = true;
                    continue;
                }
                Some(byte) if quoted || (byte != separator && byte != b'\n') => {
                    value.push(byte);
                    continue;
                }
                Some(_) => {}
            }
            let ends = byte != Some(separator);
            if ends && value.last() == Some(&b'\r') {
                value.pop();
            }
            row.push(String::from_utf8_lossy(&value).into_owned());
            value.clear();
            if ends {
                return Ok(Some(row));
            }
        }
    }
}
