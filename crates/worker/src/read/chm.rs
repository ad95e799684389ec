//! Compiled HTML help: pages in a directory of their own, most of them compressed together by LZX.

use crate::{
    Input, Out, Stop, decode,
    ints::{u16_at, u32_at, u64_at},
    out::child,
};
use comity_extract::{Child, Relation};
use lzxd::{Lzxd, WindowSize};
use std::io::{self, Read};

const BLOCK: u64 = 0x8000;
/// Directories of more entries, or larger chunks, are not of help that anybody wrote.
const ENTRIES_MAX: usize = 1_000_000;
const CHUNK_MAX: u32 = 1 << 20;

const CONTENT: &str = "::DataSpace/Storage/MSCompressed/Content";
const CONTROL: &str = "::DataSpace/Storage/MSCompressed/ControlData";
const RESETS: &str = "::DataSpace/Storage/MSCompressed/Transform/{7FC28940-9D31-11D0-9B27-00A0C91E9C7C}/InstanceData/ResetTable";

#[derive(Clone)]
struct Entry {
    name: String,
    section: u64,
    offset: u64,
    length: u64,
}

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let head = input.bytes_at(0, 0x60);
    // Before version 3 the content begins where the directory ends.
    let (directory, length) = (u64_at(&head, 0x48), u64_at(&head, 0x50));
    let content = match u32_at(&head, 4) {
        0..3 => directory.saturating_add(length),
        _ => u64_at(&head, 0x58),
    };
    let mut entries = entries(input, directory)?;
    let find = |name: &str| entries.iter().find(|entry| entry.name == name).cloned();
    let special = (find(CONTENT), find(CONTROL), find(RESETS));
    if let Some(about) = find("/#SYSTEM") {
        system(
            &input.bytes_at(
                content.saturating_add(about.offset),
                about.length.min(64 << 10) as usize,
            ),
            out,
        )?;
    }
    let mut packed = match &special {
        (Some(data), Some(control), Some(resets)) => {
            Some(Packed::new(input, content, data, control, resets)?)
        }
        _ => None,
    };
    // Names that begin otherwise, or so, are those of the help's own tables.
    let is_page = |entry: &Entry| {
        entry.name.starts_with('/')
            && !entry.name.starts_with("/#")
            && !entry.name.starts_with("/$")
            && !entry.name.ends_with('/')
    };
    entries.retain(is_page);
    entries.sort_by_key(|entry| (entry.section, entry.offset));
    for entry in entries {
        let page = Child {
            stated_size: Some(entry.length),
            ..child(Relation::Member, &entry.name[1..])
        };
        match (entry.section, &mut packed) {
            (0, _) => {
                let mut from = input.rewound();
                io::Seek::seek(
                    &mut from,
                    io::SeekFrom::Start(content.saturating_add(entry.offset)),
                )?;
                out.child(page, &mut from.take(entry.length))?;
            }
            (1, Some(packed)) => {
                packed.place = entry.offset;
                out.child(page, &mut packed.by_ref().take(entry.length))?;
            }
            _ => out.lost_child(
                page,
                Stop::Damaged("it lies in a section that is not there".to_owned()),
            )?,
        }
    }
    Ok(())
}

/// The chunks of the directory that list entries, as they follow each other.
fn entries(input: &Input, directory: u64) -> Result<Vec<Entry>, Stop> {
    let head = input.bytes_at(directory, 0x54);
    let (length, size) = (u32_at(&head, 8), u32_at(&head, 0x10));
    if !head.starts_with(b"ITSP") || !(0x20..=CHUNK_MAX).contains(&size) {
        return Err(Stop::Damaged("its directory cannot be found".to_owned()));
    }
    let (mut number, mut left, mut found) = (u32_at(&head, 0x20), u32_at(&head, 0x2c), Vec::new());
    while number != u32::MAX && left > 0 {
        left -= 1;
        let at = directory.saturating_add(u64::from(length) + u64::from(number) * u64::from(size));
        let chunk = input.bytes_at(at, size as usize);
        if !chunk.starts_with(b"PMGL") {
            return Err(Stop::Damaged(format!(
                "chunk {number} of its directory is none"
            )));
        }
        let used = chunk.len().saturating_sub(u32_at(&chunk, 4) as usize);
        let mut rest = chunk.get(0x14..used).unwrap_or_default();
        while let Some(entry) = entry(&mut rest) {
            found.push(entry);
        }
        if found.len() > ENTRIES_MAX {
            return Err(Stop::OverLimit(format!(
                "its directory has more than {ENTRIES_MAX} entries"
            )));
        }
        number = u32_at(&chunk, 0x10);
    }
    Ok(found)
}

fn entry(rest: &mut &[u8]) -> Option<Entry> {
    let length = number(rest)? as usize;
    let (name, after) = rest.split_at_checked(length)?;
    *rest = after;
    let (section, offset, length) = (number(rest)?, number(rest)?, number(rest)?);
    Some(Entry {
        name: decode::name(name),
        section,
        offset,
        length,
    })
}

/// Seven bits a byte, the highest first; the last byte has no eighth bit.
fn number(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0_u64;
    loop {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number = number.checked_mul(128)? | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
}

/// What the help says of itself: pairs of a number and a value after the version.
fn system(bytes: &[u8], out: &mut Out) -> Result<(), Stop> {
    let mut rest = bytes.get(4..).unwrap_or_default();
    while rest.len() >= 4 {
        let (kind, length) = (u16_at(rest, 0), usize::from(u16_at(rest, 2)));
        let value = rest.get(4..4 + length).unwrap_or_default();
        let field = match kind {
            3 => "title",
            9 => "application",
            _ => "",
        };
        if !field.is_empty() {
            out.field(field, &decode::name(value), &format!("#SYSTEM {kind}"))?;
        }
        rest = rest.get(4 + length..).unwrap_or_default();
    }
    Ok(())
}

/// The compressed section, as something to read from any place on.
struct Packed {
    input: Input,
    place: u64,
    size: u64,
    window: WindowSize,
    /// After how many blocks the compression begins anew.
    interval: u64,
    /// Where each block begins in the file, and where the last one ends.
    starts: Vec<u64>,
    lzx: Option<Lzxd>,
    /// The number of the block that was decompressed last, and its bytes.
    block: Option<u64>,
    bytes: Vec<u8>,
}

impl Packed {
    fn new(
        input: &Input,
        content: u64,
        data: &Entry,
        control: &Entry,
        resets: &Entry,
    ) -> Result<Packed, Stop> {
        let at = |entry: &Entry| content.saturating_add(entry.offset);
        let control = input.bytes_at(at(control), 0x20);
        // The second version counts in blocks.
        let unit = if u32_at(&control, 8) == 2 {
            BLOCK as u32
        } else {
            1
        };
        let scaled = |place: usize| u32_at(&control, place).saturating_mul(unit);
        let (interval, window) = (scaled(12), scaled(16));
        let damaged = |what: &str| Stop::Damaged(format!("its compression {what}"));
        let window_size = match window {
            0x8000 => WindowSize::KB32,
            0x1_0000 => WindowSize::KB64,
            0x2_0000 => WindowSize::KB128,
            0x4_0000 => WindowSize::KB256,
            0x8_0000 => WindowSize::KB512,
            0x10_0000 => WindowSize::MB1,
            0x20_0000 => WindowSize::MB2,
            _ => return Err(damaged("has a window that cannot be")),
        };
        let head = input.bytes_at(at(resets), 0x28);
        let (count, first, size) = (u32_at(&head, 4), u32_at(&head, 12), u64_at(&head, 0x10));
        if u64_at(&head, 0x20) != BLOCK || u64::from(count) > input.size() / 8 {
            return Err(damaged("has a table that cannot be"));
        }
        let table = input.bytes_at(at(resets).saturating_add(first.into()), count as usize * 8);
        let (start, end) = (at(data), u64_at(&head, 0x18));
        let offsets = table
            .chunks_exact(8)
            .map(|entry| u64_at(entry, 0))
            .chain([end]);
        Ok(Packed {
            input: input.clone(),
            place: 0,
            size,
            window: window_size,
            interval: u64::from(interval / BLOCK as u32).max(1),
            starts: offsets.map(|offset| start.saturating_add(offset)).collect(),
            lzx: None,
            block: None,
            bytes: Vec::new(),
        })
    }

    /// Decompresses up to this block, from the last beginning before it where need be.
    fn unpack(&mut self, wanted: u64) -> io::Result<()> {
        let begin = wanted - wanted % self.interval;
        let mut next = match self.block {
            Some(last) if last < wanted && last + 1 > begin => last + 1,
            _ => begin,
        };
        while next <= wanted {
            let fresh = next.is_multiple_of(self.interval);
            let window = self.window;
            let lzx = match &mut self.lzx {
                Some(lzx) if !fresh => lzx,
                place => place.insert(Lzxd::new(window)),
            };
            let broken = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
            let (Some(start), Some(end)) = (
                self.starts.get(next as usize),
                self.starts.get(next as usize + 1),
            ) else {
                return Err(io::ErrorKind::UnexpectedEof.into());
            };
            // Compression that makes a block larger does so by a few bytes.
            let length = end
                .checked_sub(*start)
                .filter(|length| *length <= 2 * BLOCK);
            let length = length.ok_or_else(|| broken("a block with a length that cannot be"))?;
            let packed = self.input.bytes_at(*start, length as usize);
            let size = BLOCK.min(self.size.saturating_sub(next * BLOCK)) as usize;
            self.block = None;
            let bytes = lzx
                .decompress_next(&packed, size)
                .map_err(|error| broken(&error.to_string()))?;
            self.bytes.clear();
            self.bytes.extend_from_slice(bytes);
            self.block = Some(next);
            next += 1;
        }
        Ok(())
    }
}

impl Read for Packed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.place >= self.size {
            return Ok(0);
        }
        let wanted = self.place / BLOCK;
        if self.block != Some(wanted) {
            self.unpack(wanted)?;
        }
        let there = self
            .bytes
            .get((self.place % BLOCK) as usize..)
            .unwrap_or_default();
        let count = there.len().min(buffer.len());
        buffer[..count].copy_from_slice(&there[..count]);
        self.place += count as u64;
        Ok(count)
    }
}
