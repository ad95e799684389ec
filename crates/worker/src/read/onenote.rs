//! Notebooks of OneNote ([MS-ONESTORE], [MS-ONE]): the texts of all pages and of their former revisions, and the files
//! in them. They come in the order in which the file declares them; which page a text is on is not followed.

use crate::{
    Input, Out, Stop, decode,
    ints::{u16_at, u32_at, u64_at, utf16},
    out::child,
};
use comity_extract::{Anchor, Child, Place, Relation};
use sha2::{Digest, Sha256};
use std::{
    collections::HashSet,
    io::{Read, Seek, SeekFrom},
};

/// What a file and a table of contents begin with.
const SECTION: [u8; 16] = *b"\xe4\x52\x5c\x7b\x8c\xd8\xa7\x4d\xae\xb1\x53\x78\xd0\x29\x96\xd3";
const CONTENTS: [u8; 16] = *b"\xa1\x2f\xff\x43\xd9\xef\x76\x4c\x9e\xe2\x10\xea\x57\x22\x76\x5f";
/// The form in which programs keep it; the other one is that of servers.
const STORE: [u8; 16] = *b"\x3f\xdd\x9a\x10\x1b\x91\xf5\x49\xa5\xd0\x17\x91\xed\xc8\xae\xd8";

const FRAGMENT: u64 = 0xa456_7ab1_f5f7_f4c4;
/// No list of people is longer, and no set of properties larger.
const FRAGMENT_MAX: u64 = 64 << 20;
const SET_MAX: u64 = 64 << 20;
const DEPTH_MAX: u32 = 16;

pub fn is(head: &[u8]) -> bool {
    head.starts_with(&SECTION) || head.starts_with(&CONTENTS)
}

/// A range of the file.
#[derive(Clone, Copy)]
struct Chunk {
    at: u64,
    length: u64,
}

struct Notebook<'a> {
    input: &'a Input,
    out: &'a mut Out,
    /// Lists that wait, and those that were gone through.
    lists: Vec<Chunk>,
    known: HashSet<u64>,
    /// Which text of which object was given: revisions repeat what did not change.
    given: HashSet<[u8; 32]>,
    paragraph: u32,
    files: u32,
    names: Vec<String>,
    /// Files in it, which come after all names are known.
    stored: Vec<Chunk>,
}

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let head = input.bytes_at(0, 1024);
    if head.get(48..64) != Some(&STORE) {
        return Err(Stop::Unsupported(
            "a notebook in the form of servers".to_owned(),
        ));
    }
    let root = Chunk {
        at: u64_at(&head, 172),
        length: u32_at(&head, 180).into(),
    };
    let mut notebook = Notebook {
        input,
        out,
        lists: vec![root],
        known: HashSet::new(),
        given: HashSet::new(),
        paragraph: 0,
        files: 0,
        names: Vec::new(),
        stored: Vec::new(),
    };
    while let Some(list) = notebook.lists.pop() {
        notebook.fragment(list)?;
    }
    notebook.files()
}

impl Notebook<'_> {
    /// One piece of a list of nodes. Lists that it names wait, the last one first, so that they come in their order.
    fn fragment(&mut self, chunk: Chunk) -> Result<(), Stop> {
        if chunk.at == u64::MAX || !self.known.insert(chunk.at) {
            return Ok(());
        }
        if chunk.length > FRAGMENT_MAX {
            return Err(Stop::OverLimit("a list of nodes is too long".to_owned()));
        }
        let bytes = self.input.bytes_at(chunk.at, chunk.length as usize);
        if u64_at(&bytes, 0) != FRAGMENT || bytes.len() < 36 {
            return Err(Stop::Damaged(format!(
                "no list of nodes at byte {}",
                chunk.at
            )));
        }
        // Where the list goes on, and a mark, are at the end.
        let end = bytes.len() - 20;
        let mut named = vec![Chunk {
            at: u64_at(&bytes, end),
            length: u32_at(&bytes, end + 8).into(),
        }];
        let mut at = 16;
        while at + 4 <= end {
            let head = u32_at(&bytes, at);
            let (kind, size) = (head & 0x3ff, (head >> 10 & 0x1fff) as usize);
            if kind == 0 || kind == 0xff || size < 4 {
                break;
            }
            let node = bytes.get(at..(at + size).min(end)).unwrap_or_default();
            let (chunk, body) = referred(head, node);
            match head >> 27 & 15 {
                2 => named.push(chunk),
                1 => self.data(kind, chunk, body)?,
                _ => {}
            }
            at += size;
        }
        named.rotate_left(1);
        named.reverse();
        self.lists.extend(named);
        Ok(())
    }

    fn data(&mut self, kind: u32, chunk: Chunk, body: &[u8]) -> Result<(), Stop> {
        match kind {
            // Objects, and new revisions of them.
            0x2d | 0x2e | 0x41 | 0x42 | 0xa4 | 0xa5 | 0xc4 | 0xc5 if chunk.length <= SET_MAX => {
                let bytes = self.input.bytes_at(chunk.at, chunk.length as usize);
                self.object(&bytes, u32_at(body, 0))
            }
            0x94 => {
                self.stored.push(chunk);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Lists of ids that the properties refer to, and then the properties.
    fn object(&mut self, bytes: &[u8], id: u32) -> Result<(), Stop> {
        let mut at = 0;
        let head = u32_at(bytes, 0);
        let (no_spaces, extended) = (head >> 31 == 1, head >> 30 & 1 == 1);
        let lists = 1 + usize::from(!no_spaces) + usize::from(extended);
        for _ in 0..lists {
            at += 4 + (u32_at(bytes, at) & 0xff_ffff) as usize * 4;
        }
        let mut rest = bytes.get(at..).unwrap_or_default();
        self.properties(&mut rest, id, 0).map(|_| ())
    }

    /// A set of properties: their ids first, then their values. False where it makes no sense.
    fn properties(&mut self, rest: &mut &[u8], id: u32, depth: u32) -> Result<bool, Stop> {
        let count = usize::from(u16_at(rest, 0));
        let Some((ids, values)) = rest
            .get(2..)
            .and_then(|rest| rest.split_at_checked(count * 4))
        else {
            return Ok(false);
        };
        if depth == DEPTH_MAX {
            return Ok(false);
        }
        *rest = values;
        for property in ids.chunks_exact(4).map(|raw| u32_at(raw, 0)) {
            let length = match property >> 26 & 31 {
                1 | 2 | 8 | 10 | 12 => 0,
                3 => 1,
                4 => 2,
                5 | 9 | 11 | 13 => 4,
                6 => 8,
                7 => {
                    let length = u32_at(rest, 0) as usize;
                    let value = rest.get(4..).and_then(|rest| rest.get(..length));
                    let Some(value) = value else { return Ok(false) };
                    self.value(property & 0x7fff_ffff, value, id)?;
                    4 + length
                }
                16 => {
                    let sets = u32_at(rest, 0);
                    *rest = rest.get(if sets > 0 { 8 } else { 4 }..).unwrap_or_default();
                    for _ in 0..sets {
                        if !self.properties(rest, id, depth + 1)? {
                            return Ok(false);
                        }
                    }
                    0
                }
                17 => match self.properties(rest, id, depth + 1)? {
                    true => 0,
                    false => return Ok(false),
                },
                _ => return Ok(false),
            };
            match rest.get(length..) {
                Some(after) => *rest = after,
                None => return Ok(false),
            }
        }
        Ok(true)
    }

    fn value(&mut self, property: u32, value: &[u8], id: u32) -> Result<(), Stop> {
        let text = match property {
            0x1c00_3498 => decode::name(value),
            _ => utf16(value),
        };
        let text = text.trim_matches('\0');
        let field = match property {
            0x1c00_1c22 | 0x1c00_3498 | 0x1c00_1e58 => "",
            0x1c00_1cf3 | 0x1c00_1d3c | 0x1c00_349b => "title",
            0x1c00_1d75 => "author",
            0x1c00_1e20 => "link",
            0x1c00_1d9c => {
                self.names.push(text.to_owned());
                return Ok(());
            }
            _ => return Ok(()),
        };
        let mut digest = Sha256::new();
        digest.update(property.to_be_bytes());
        if field.is_empty() {
            digest.update(id.to_be_bytes());
        }
        digest.update(text);
        if text.trim().is_empty() || !self.given.insert(digest.finalize().into()) {
            return Ok(());
        }
        if !field.is_empty() {
            return self.out.field(field, text, "OneNote");
        }
        self.paragraph += 1;
        self.out
            .text(&Anchor::at(&[(Place::Paragraph, self.paragraph)]), text)
    }

    /// The files in it: a mark, a length, and the bytes. Their names stand elsewhere, and fit where all are named.
    fn files(&mut self) -> Result<(), Stop> {
        self.names.dedup();
        for chunk in std::mem::take(&mut self.stored) {
            self.files += 1;
            let length = u64_at(&self.input.bytes_at(chunk.at.saturating_add(16), 8), 0);
            let path = format!("file {}", self.files);
            let mut from = self.input.rewound();
            from.seek(SeekFrom::Start(chunk.at.saturating_add(36)))?;
            let whole = Child {
                stated_size: Some(length),
                ..child(Relation::Embedded, &path)
            };
            self.out.child(whole, &mut from.take(length))?;
        }
        for name in std::mem::take(&mut self.names) {
            self.out
                .field("comment", &name, "OneNote, name of an embedded file")?;
        }
        Ok(())
    }
}

/// The range that a node refers to, in one of four forms for each of its numbers, and what follows it.
fn referred(head: u32, node: &[u8]) -> (Chunk, &[u8]) {
    let body = node.get(4..).unwrap_or_default();
    let (at, place) = match head >> 23 & 3 {
        0 => (u64_at(body, 0), 8),
        1 => (u32_at(body, 0).into(), 4),
        2 => (u64::from(u16_at(body, 0)) * 8, 2),
        _ => (u64::from(u32_at(body, 0)) * 8, 4),
    };
    let (length, size) = match head >> 25 & 3 {
        0 => (u32_at(body, place).into(), 4),
        1 => (u64_at(body, place), 8),
        2 => (u64::from(body.get(place).copied().unwrap_or(0)) * 8, 1),
        _ => (u64::from(u16_at(body, place)) * 8, 2),
    };
    (
        Chunk { at, length },
        body.get(place + size..).unwrap_or_default(),
    )
}
