//! Nodes of a mailbox and their properties ([MS-PST] 2.2 and 2.3). Nodes by their numbers, what is encrypted, and
//! tables are the library's; nodes that belong to nodes, of which attachments and attached messages are made, it does
//! not open at any depth, so that they are read here.

use super::Mailbox;
use crate::ints::{u16_at, u32_at, u64_at};
use std::{collections::BTreeMap, io};

/// Levels of trees, of which real ones have at most four.
const LEVELS_MAX: u8 = 8;
/// Nodes that belong to one, and pieces of one.
const NODES_MAX: usize = 100_000;

/// A node: its number, its block, and the block of the nodes that belong to it, or zero.
#[derive(Clone, Copy)]
pub struct Node {
    pub number: u32,
    pub data: u64,
    pub own: u64,
}

/// The value of a property, as far as messages need it.
pub enum Value {
    Number(u32),
    /// As Windows counts time.
    Time(u64),
    Wide(String),
    /// In a code page.
    Narrow(Vec<u8>),
    Bytes(Vec<u8>),
    /// A node that belongs to this one.
    Node(u32),
}

/// Properties by their numbers.
pub type Properties = BTreeMap<u16, Value>;

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

impl Mailbox<'_> {
    fn is_wide(&self) -> bool {
        self.form.borrow().is_wide()
    }

    /// All bytes of a block, and of those that it is the head of.
    pub fn data(&self, block: u64) -> io::Result<Vec<u8>> {
        self.with(|form| form.data(block))
    }

    /// The nodes that belong to one (2.2.2.8.3.3).
    pub fn own(&self, of: Node) -> io::Result<Vec<Node>> {
        let mut found = Vec::new();
        if of.own != 0 {
            self.own_below(of.own, LEVELS_MAX, &mut found)?;
        }
        Ok(found)
    }

    fn own_below(&self, block: u64, most: u8, found: &mut Vec<Node>) -> io::Result<()> {
        let bytes = self.internal(block)?;
        let (kind, level, count) = (bytes.first(), bytes.get(1), u16_at(&bytes, 2));
        let (Some(2), Some(level)) = (kind, level.filter(|level| **level < most)) else {
            return Err(damaged("a block of its nodes is none"));
        };
        let wide = self.is_wide();
        let (head, word) = if wide { (8, 8) } else { (4, 4) };
        let each = word * if *level == 0 { 3 } else { 2 };
        let entries = bytes.get(head..).unwrap_or_default().chunks_exact(each);
        for entry in entries.take(count.into()) {
            let number = |at: usize| match wide {
                true => u64_at(entry, at * 8),
                false => u32_at(entry, at * 4).into(),
            };
            if *level > 0 {
                self.own_below(number(1), *level, found)?;
            } else {
                found.push(Node {
                    number: u32_at(entry, 0),
                    data: number(1),
                    own: number(2),
                });
            }
            if found.len() > NODES_MAX {
                return Err(damaged("too many nodes belong to one"));
            }
        }
        Ok(())
    }

    /// The properties of a node (2.3.3); what of them is damaged is told, and the others are kept.
    pub fn properties(
        &self,
        node: Node,
        own: &[Node],
        lost: &mut Vec<String>,
    ) -> io::Result<Properties> {
        let heap = Heap {
            pages: self.pages(node.data)?,
        };
        let records = heap
            .root(0xbc)
            .and_then(|root| heap.tree(root, 2, 6))
            .ok_or_else(|| damaged("its properties cannot be found"))?;
        let mut properties = Properties::new();
        for record in records {
            let (id, kind, value) = (u16_at(record, 0), u16_at(record, 2), u32_at(record, 4));
            match self.value(&heap, own, kind, value) {
                Ok(Some(value)) => {
                    properties.insert(id, value);
                }
                Ok(None) => {}
                Err(error) => lost.push(format!("its property {id:04x}: {error}")),
            }
        }
        Ok(properties)
    }

    fn value(&self, heap: &Heap, own: &[Node], kind: u16, value: u32) -> io::Result<Option<Value>> {
        let gone = || damaged("its value is not there");
        let bytes = || match value {
            0 => Ok(Vec::new()),
            _ if value & 0x1f == 0 => heap.piece(value).map(<[u8]>::to_vec).ok_or_else(gone),
            _ => {
                let node = own.iter().find(|node| node.number == value);
                self.data(node.ok_or_else(gone)?.data)
            }
        };
        let piece = || heap.piece(value).ok_or_else(gone);
        Ok(Some(match kind {
            0x0002 | 0x0003 | 0x000b => Value::Number(value),
            0x0040 => Value::Time(u64_at(piece()?, 0)),
            0x000d => Value::Node(u32_at(piece()?, 0)),
            0x001e => {
                let mut bytes = bytes()?;
                let end = bytes.iter().position(|byte| *byte == 0);
                bytes.truncate(end.unwrap_or(bytes.len()));
                Value::Narrow(bytes)
            }
            0x001f => {
                let text = crate::ints::utf16(&bytes()?);
                Value::Wide(text.split('\0').next().unwrap_or_default().to_owned())
            }
            0x0102 => Value::Bytes(bytes()?),
            _ => return Ok(None),
        }))
    }

    /// The pieces of a node's block, each as it lies in the file.
    fn pages(&self, block: u64) -> io::Result<Vec<Vec<u8>>> {
        let mut found = Vec::new();
        self.pages_below(block, LEVELS_MAX, &mut found)?;
        Ok(found)
    }

    fn pages_below(&self, block: u64, most: u8, found: &mut Vec<Vec<u8>>) -> io::Result<()> {
        if block & 2 == 0 {
            found.push(self.data(block)?);
            return Ok(());
        }
        let bytes = self.internal(block)?;
        let (kind, level, count) = (bytes.first(), bytes.get(1), u16_at(&bytes, 2));
        let (Some(1), Some(level)) = (kind, level.filter(|level| **level < most)) else {
            return Err(damaged("a block of its pieces is none"));
        };
        let word = if self.is_wide() { 8 } else { 4 };
        let pieces = bytes.get(8..).unwrap_or_default().chunks_exact(word);
        for piece in pieces.take(count.into()) {
            let piece = match word {
                8 => u64_at(piece, 0),
                _ => u32_at(piece, 0).into(),
            };
            if found.len() > NODES_MAX {
                return Err(damaged("it has too many pieces"));
            }
            self.pages_below(piece, *level, found)?;
        }
        Ok(())
    }

    /// A block of the mailbox's own making, which is never encrypted (2.2.2.8).
    fn internal(&self, block: u64) -> io::Result<Vec<u8>> {
        let wide = self.is_wide();
        let (place, size) = self.place(block)?;
        let trailer = if wide { 16 } else { 12 };
        let whole = (size + trailer).next_multiple_of(64);
        let mut bytes = self.input.bytes_at(place, whole);
        let sum = u32_at(&bytes, whole - trailer + if wide { 4 } else { 8 });
        if bytes.len() < whole || crc(&bytes[..size]) != sum {
            return Err(damaged("a block of it is damaged"));
        }
        bytes.truncate(size);
        Ok(bytes)
    }

    /// Where a block lies, and its size (2.2.2.7.7).
    fn place(&self, block: u64) -> io::Result<(u64, usize)> {
        let wide = self.is_wide();
        let gone = || damaged("a block of it is not there");
        // Where are: the count of entries, and the checksum; how long is a number.
        let (counted, sum, word) = if wide { (488, 500, 8) } else { (496, 508, 4) };
        let number = |entry: &[u8], at: usize| -> u64 {
            match wide {
                true => u64_at(entry, at * 8),
                false => u32_at(entry, at * 4).into(),
            }
        };
        let mut at = self.form.borrow().blocks();
        let mut most = LEVELS_MAX;
        loop {
            let page = self.input.bytes_at(at, 512);
            let summed = page.get(..if wide { 496 } else { 500 });
            if summed.map(crc) != Some(u32_at(&page, sum)) || page.get(counted + 3) >= Some(&most) {
                return Err(damaged("the tree of its blocks is damaged"));
            }
            let (count, level) = (page[counted], page[counted + 3]);
            let each = usize::from(page[counted + 2]).max(word * 3);
            let mut entries = page[..counted].chunks_exact(each).take(count.into());
            if level == 0 {
                let found = entries.find(|entry| number(entry, 0) & !1 == block & !1);
                let entry = found.ok_or_else(gone)?;
                return Ok((number(entry, 1), u16_at(entry, word * 2).into()));
            }
            let below = entries
                .take_while(|entry| number(entry, 0) & !1 <= block & !1)
                .last();
            at = number(below.ok_or_else(gone)?, 2);
            most = level;
        }
    }
}

/// A heap (2.3.1): pieces in pages, by their numbers.
struct Heap {
    pages: Vec<Vec<u8>>,
}

impl Heap {
    /// The piece that a heap of this kind begins with.
    fn root(&self, kind: u8) -> Option<u32> {
        let page = self.pages.first()?;
        (page.get(2..4)? == [0xec, kind]).then(|| u32_at(page, 4))
    }

    fn piece(&self, number: u32) -> Option<&[u8]> {
        let index = (number >> 5 & 0x7ff) as usize;
        let page = self.pages.get((number >> 16) as usize)?;
        let map = usize::from(u16_at(page, 0));
        if number & 0x1f != 0 || index == 0 || index > usize::from(u16_at(page, map)) {
            return None;
        }
        let place = |at: usize| usize::from(u16_at(page, map + 2 + at * 2));
        page.get(place(index)..place(index + 1))
    }

    /// The records of a tree (2.3.2), whose keys and values are so long.
    fn tree(&self, head: u32, key: usize, value: usize) -> Option<Vec<&[u8]>> {
        let head = self.piece(head)?;
        let [0xb5, keys, values, levels, ..] = head else {
            return None;
        };
        if (usize::from(*keys), usize::from(*values)) != (key, value) || *levels > LEVELS_MAX {
            return None;
        }
        let mut pieces = vec![u32_at(head, 4)];
        pieces.retain(|piece| *piece != 0);
        for _ in 0..*levels {
            let mut below = Vec::new();
            for piece in pieces {
                let entries = self.piece(piece)?.chunks_exact(key + 4);
                below.extend(entries.map(|entry| u32_at(entry, key)));
                if below.len() > NODES_MAX {
                    return None;
                }
            }
            pieces = below;
        }
        let mut records = Vec::new();
        for piece in pieces {
            records.extend(self.piece(piece)?.chunks_exact(key + value));
            if records.len() > NODES_MAX {
                return None;
            }
        }
        Some(records)
    }
}

/// 5.3: CRC-32 without the complement at its ends.
fn crc(bytes: &[u8]) -> u32 {
    let mut sum = crc32fast::Hasher::new_with_initial(u32::MAX);
    sum.update(bytes);
    !sum.finalize()
}
