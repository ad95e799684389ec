//! ASN.1 as signed files have it, in BER: lengths may be left open, and what is one string may come in pieces. Read by
//! ranges, for what is signed may be large.

use crate::{Input, Stop};
use std::io::{self, Read};

/// Values within values beyond this are nobody's.
const DEPTH_MAX: u32 = 32;

pub const SEQUENCE: u8 = 0x30;
pub const SET: u8 = 0x31;
pub const OCTETS: u8 = 0x04;
pub const OBJECT: u8 = 0x06;

/// One value: its tag, where it begins, where its content begins and ends, and where the next value begins.
#[derive(Clone, Copy, Debug)]
pub struct Value {
    pub tag: u8,
    pub at: u64,
    pub start: u64,
    pub end: u64,
    pub next: u64,
}

impl Value {
    /// The value at `at`, which must end before `limit`.
    pub fn at(input: &Input, at: u64, limit: u64) -> Result<Value, Stop> {
        one(input, at, limit, 0)
    }

    /// The values within, in their order.
    pub fn within(&self, input: &Input) -> Result<Vec<Value>, Stop> {
        let (mut at, mut found) = (self.start, Vec::new());
        while at < self.end {
            let value = one(input, at, self.end, 0)?;
            at = value.next;
            found.push(value);
        }
        Ok(found)
    }

    /// The first value within.
    pub fn first(&self, input: &Input) -> Result<Value, Stop> {
        one(input, self.start, self.end, 0)
    }

    /// Whether it is `[number]`.
    pub fn is_context(&self, number: u8) -> bool {
        self.tag & 0xdf == 0x80 | number
    }

    /// Its whole content, of at most `most` bytes.
    pub fn content(&self, input: &Input, most: u64) -> Vec<u8> {
        input.bytes_at(self.start, (self.end - self.start).min(most) as usize)
    }

    /// Its bytes with tag and length.
    pub fn whole(&self, input: &Input, most: u64) -> Vec<u8> {
        input.bytes_at(self.at, (self.next - self.at).min(most) as usize)
    }
}

fn one(input: &Input, at: u64, limit: u64, depth: u32) -> Result<Value, Stop> {
    let damaged = |what: &str| Stop::Damaged(format!("{what} at byte {at}"));
    let head = input.bytes_at(at, 10);
    let (Some(tag), Some(first)) = (head.first(), head.get(1)) else {
        return Err(damaged("it ends within a value"));
    };
    if tag & 31 == 31 {
        return Err(damaged("a tag that signed files do not have"));
    }
    if *first == 0x80 {
        return open_ended(input, *tag, at, limit, depth);
    }
    let (start, length) = match first {
        0..0x80 => (at + 2, u64::from(*first)),
        _ => {
            let count = usize::from(first & 0x7f);
            let digits = head.get(2..2 + count).filter(|digits| digits.len() <= 8);
            let digits = digits.ok_or_else(|| damaged("a length that cannot be"))?;
            let number = digits
                .iter()
                .fold(0, |number, digit| number << 8 | u64::from(*digit));
            (at + 2 + count as u64, number)
        }
    };
    let end = start.checked_add(length).filter(|end| *end <= limit);
    let end = end.ok_or_else(|| damaged("a value that goes beyond its container"))?;
    Ok(Value {
        tag: *tag,
        at,
        start,
        end,
        next: end,
    })
}

/// The end of such a value is two zeros after the last value within.
fn open_ended(input: &Input, tag: u8, begin: u64, limit: u64, depth: u32) -> Result<Value, Stop> {
    if depth == DEPTH_MAX {
        return Err(Stop::Damaged(format!(
            "more than {DEPTH_MAX} values within each other"
        )));
    }
    let start = begin + 2;
    let mut at = start;
    while input.bytes_at(at, 2) != [0, 0] {
        at = one(input, at, limit, depth + 1)?.next;
    }
    Ok(Value {
        tag,
        at: begin,
        start,
        end: at,
        next: at + 2,
    })
}

/// The bytes of a string, whether it is whole or in pieces.
pub struct Octets<'a> {
    input: &'a Input,
    /// Where the next value begins, and where the string ends; the inner one comes last.
    open: Vec<(u64, u64)>,
    piece: (u64, u64),
}

impl<'a> Octets<'a> {
    pub fn new(input: &'a Input, value: Value) -> Octets<'a> {
        let is_whole = value.tag & 0x20 == 0;
        Octets {
            input,
            open: if is_whole {
                Vec::new()
            } else {
                vec![(value.start, value.end)]
            },
            piece: if is_whole {
                (value.start, value.end)
            } else {
                (0, 0)
            },
        }
    }

    /// Goes to the next piece; false at the end.
    fn step(&mut self) -> Result<bool, Stop> {
        while let Some((at, end)) = self.open.pop() {
            if at >= end {
                continue;
            }
            let value = one(self.input, at, end, 0)?;
            self.open.push((value.next, end));
            if value.tag & 0x20 == 0 {
                self.piece = (value.start, value.end);
                return Ok(true);
            }
            if self.open.len() > DEPTH_MAX as usize {
                return Err(Stop::Damaged(
                    "a string in too many pieces of pieces".to_owned(),
                ));
            }
            self.open.push((value.start, value.end));
        }
        Ok(false)
    }
}

impl Read for Octets<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.0 >= self.piece.1 {
            match self.step() {
                Ok(true) => {}
                Ok(false) => return Ok(0),
                Err(_) => {
                    return Err(io::Error::new(
                        io::ErrorKind::InvalidData,
                        "a piece of it is damaged",
                    ));
                }
            }
        }
        let count = (self.piece.1 - self.piece.0).min(buffer.len() as u64) as usize;
        let bytes = self.input.bytes_at(self.piece.0, count);
        buffer[..bytes.len()].copy_from_slice(&bytes);
        self.piece.0 += bytes.len() as u64;
        match bytes.is_empty() {
            true => Err(io::ErrorKind::UnexpectedEof.into()),
            false => Ok(bytes.len()),
        }
    }
}
