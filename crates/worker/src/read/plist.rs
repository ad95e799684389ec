//! Property lists of Apple in their binary form: their texts by the names under which they stand. A web page that was
//! kept (`.webarchive`) is such a list, and its parts are children.

use crate::{Input, Out, Stop, ints::be32_at, out::child, time};
use comity_extract::{Anchor, Child, Place, Relation};
use std::io::{Read, Seek, SeekFrom};

const DEPTH_MAX: usize = 64;
/// Objects may be named by many others, and so may these: what is gone through is bounded.
const VISITS_MAX: u32 = 2_000_000;

struct List<'a> {
    input: &'a Input,
    out: &'a mut Out,
    offset_size: usize,
    ref_size: usize,
    count: u64,
    table: u64,
    visits: u32,
    lines: u32,
}

/// An object: a number, a text, bytes, or the numbers of others.
enum Object {
    Text(String),
    Bytes { at: u64, length: u64 },
    Array(Vec<u64>),
    Dict(Vec<(u64, u64)>),
}

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let last = input.bytes_at(input.size().saturating_sub(32), 32);
    let long = |at: usize| u64::from(be32_at(&last, at)) << 32 | u64::from(be32_at(&last, at + 4));
    let (offset_size, ref_size) = match last[..] {
        [_, _, _, _, _, _, offset, object, ..]
            if (1..=8).contains(&offset) && (1..=8).contains(&object) =>
        {
            (offset.into(), object.into())
        }
        _ => {
            return Err(Stop::Damaged(
                "its last 32 bytes are not those of a list".to_owned(),
            ));
        }
    };
    let mut list = List {
        input,
        out,
        offset_size,
        ref_size,
        count: long(8),
        table: long(24),
        visits: 0,
        lines: 0,
    };
    list.give(long(16), &mut Vec::new())
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

impl List<'_> {
    fn object(&mut self, which: u64) -> Result<Object, Stop> {
        let damaged = || Stop::Damaged(format!("its object {which} is not there"));
        self.visits += 1;
        if self.visits > VISITS_MAX {
            return Err(Stop::OverLimit(format!(
                "it has more than {VISITS_MAX} objects"
            )));
        }
        if which >= self.count {
            return Err(damaged());
        }
        let size = self.offset_size;
        let place = which
            .checked_mul(size as u64)
            .and_then(|place| place.checked_add(self.table));
        let at = number(&self.input.bytes_at(place.ok_or_else(damaged)?, size));
        let head = self.input.bytes_at(at, 10);
        let mark = *head.first().ok_or_else(damaged)?;
        let (kind, low) = (mark >> 4, mark & 15);
        if matches!(kind, 0..=3 | 8) {
            return Ok(Object::Text(scalar(kind, low, &head)));
        }
        // Longer ones have their length in a number that follows.
        let (length, start) = match (low, head.get(1)) {
            (15, Some(of)) => {
                let bytes = 1_usize << (of & 3);
                (
                    number(head.get(2..2 + bytes).ok_or_else(damaged)?),
                    at + 2 + bytes as u64,
                )
            }
            _ => (low.into(), at + 1),
        };
        let unit = match kind {
            6 => 2,
            10..=12 => self.ref_size as u64,
            13 => 2 * self.ref_size as u64,
            _ => 1,
        };
        let bytes = length
            .checked_mul(unit)
            .filter(|bytes| *bytes <= self.input.size());
        let bytes = bytes.ok_or_else(damaged)?;
        if kind == 4 {
            return Ok(Object::Bytes { at: start, length });
        }
        let body = self.input.bytes_at(start, bytes as usize);
        let refs: Vec<u64> = body.chunks_exact(self.ref_size).map(number).collect();
        Ok(match kind {
            5 | 7 => Object::Text(String::from_utf8_lossy(&body).into_owned()),
            6 => Object::Text(
                encoding_rs::UTF_16BE
                    .decode_without_bom_handling(&body)
                    .0
                    .into_owned(),
            ),
            13 => {
                let (keys, values) = refs.split_at(refs.len() / 2);
                Object::Dict(keys.iter().copied().zip(values.iter().copied()).collect())
            }
            10..=12 => Object::Array(refs),
            _ => return Err(damaged()),
        })
    }

    /// Gives what an object holds; `path` says under which names.
    fn give(&mut self, which: u64, path: &mut Vec<String>) -> Result<(), Stop> {
        if path.len() > DEPTH_MAX {
            return Err(Stop::Damaged(format!(
                "more than {DEPTH_MAX} objects within each other"
            )));
        }
        match self.object(which)? {
            Object::Text(text) => {
                if !text.trim().is_empty() {
                    self.lines += 1;
                    let name = path.join("/");
                    let line = if name.is_empty() {
                        text
                    } else {
                        format!("{name}: {text}")
                    };
                    self.out
                        .text(&Anchor::at(&[(Place::Line, self.lines)]), &line)?;
                }
                Ok(())
            }
            Object::Bytes { at, length } => {
                let name = path.join("/");
                self.bytes(at, length, if name.is_empty() { "data" } else { &name })
            }
            Object::Array(items) => {
                for (place, item) in items.into_iter().enumerate() {
                    path.push((place + 1).to_string());
                    self.give(item, path)?;
                    path.pop();
                }
                Ok(())
            }
            Object::Dict(items) => self.dict(items, path),
        }
    }

    fn dict(&mut self, items: Vec<(u64, u64)>, path: &mut Vec<String>) -> Result<(), Stop> {
        let mut named = Vec::new();
        for (key, value) in items {
            let Object::Text(name) = self.object(key)? else {
                continue;
            };
            named.push((name, value));
        }
        // A part of a page that was kept: its bytes under its address.
        let find = |name: &str| {
            named
                .iter()
                .find(|(known, _)| known == name)
                .map(|(_, value)| *value)
        };
        if let (Some(address), Some(data)) = (find("WebResourceURL"), find("WebResourceData"))
            && let (Object::Text(address), Object::Bytes { at, length }) =
                (self.object(address)?, self.object(data)?)
        {
            self.out.field("link", &address, "WebResourceURL")?;
            return self.bytes(at, length, &address);
        }
        for (name, value) in named {
            path.push(name);
            self.give(value, path)?;
            path.pop();
        }
        Ok(())
    }

    fn bytes(&mut self, at: u64, length: u64, path: &str) -> Result<(), Stop> {
        let mut from = self.input.rewound();
        from.seek(SeekFrom::Start(at))?;
        let whole = Child {
            stated_size: Some(length),
            ..child(Relation::Embedded, path)
        };
        self.out.child(whole, &mut from.take(length))
    }
}

/// What needs no length: truth, whole numbers, fractions, and times in seconds since 2001.
fn scalar(kind: u8, low: u8, head: &[u8]) -> String {
    let body = head.get(1..1 + (1_usize << (low & 3))).unwrap_or_default();
    match (kind, body.len()) {
        (0, _) if low == 8 => "false".to_owned(),
        (0, _) if low == 9 => "true".to_owned(),
        (1, 8) => (number(body) as i64).to_string(),
        (1 | 8, _) => number(body).to_string(),
        (2, 4) => f32::from_bits(be32_at(body, 0)).to_string(),
        (2, 8) => f64::from_bits(number(body)).to_string(),
        (3, 8) => time::unix((f64::from_bits(number(body)) as i64).saturating_add(978_307_200))
            .unwrap_or_default(),
        _ => String::new(),
    }
}
