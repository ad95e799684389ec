//! ISO 9660: the names of Rock Ridge where there are some, else of Joliet, else the short ones.

use super::{
    media::Disk,
    walk::{Entries, Entry, Files, Times, What},
};
use crate::{
    Out, Stop, decode,
    ints::{u16_at, u32_at},
    time,
};
use comity_extract::Child;
use encoding_rs::UTF_16BE;
use std::io::{Read, Seek, SeekFrom};

/// Where the descriptors are, whatever the size of a block is.
const DESCRIPTORS: u64 = 16;
const DESCRIPTOR: u64 = 2048;
/// Descriptors beyond which none is looked for.
const DESCRIPTORS_MAX: u64 = 100;
/// The largest folder.
const FOLDER_MAX: u64 = 64 << 20;
/// Places at which the names of one entry may go on.
const CONTINUED_MAX: u32 = 8;
/// Pieces of one file.
const PIECES_MAX: usize = 1000;

pub struct Iso {
    disk: Disk,
    block: u64,
    root: Vec<(u64, u64)>,
    is_joliet: bool,
    /// How many bytes of what belongs to the system come before Rock Ridge.
    skipped: Option<usize>,
}

/// What a descriptor says of the whole disc, for people.
pub struct About {
    pub label: String,
    pub made_by: String,
    pub created: Option<String>,
}

impl Iso {
    pub fn open(disk: &Disk) -> Result<(Iso, About), Stop> {
        let (mut primary, mut joliet) = (None, None);
        for number in DESCRIPTORS..DESCRIPTORS + DESCRIPTORS_MAX {
            let found = disk.exactly(number * DESCRIPTOR, DESCRIPTOR as usize)?;
            match (found[0], &found[1..6]) {
                (1, b"CD001") if primary.is_none() => primary = Some(found),
                (2, b"CD001") if matches!(&found[88..91], b"%/@" | b"%/C" | b"%/E") => {
                    joliet = Some(found);
                }
                (255, _) => break,
                (_, b"CD001") => {}
                _ => break,
            }
        }
        let primary =
            primary.ok_or_else(|| Stop::Damaged("its descriptor is missing".to_owned()))?;
        let about = About {
            label: decode::name(primary[40..72].trim_ascii_end()),
            made_by: decode::name(primary[446..574].trim_ascii_end()),
            created: written(&primary[813..830]),
        };
        let mut iso = Iso::of(disk, &primary, false)?;
        iso.skipped = iso.rock_ridge();
        if let (None, Some(joliet)) = (iso.skipped, joliet) {
            iso = Iso::of(disk, &joliet, true)?;
        }
        Ok((iso, about))
    }

    fn of(disk: &Disk, descriptor: &[u8], is_joliet: bool) -> Result<Iso, Stop> {
        let block = u64::from(u16_at(descriptor, 128));
        if !matches!(block, 512 | 1024 | 2048 | 4096) {
            return Err(Stop::Damaged(format!("its blocks have {block} bytes")));
        }
        let root = &descriptor[156..190];
        Ok(Iso {
            disk: disk.clone(),
            block,
            root: vec![piece(root, block)],
            is_joliet,
            skipped: None,
        })
    }

    /// Whether the first entry of the root says that Rock Ridge or the like follows.
    fn rock_ridge(&self) -> Option<usize> {
        let (start, _) = *self.root.first()?;
        let first = self.disk.some(start, 255);
        let entry = first.get(..usize::from(*first.first()?))?;
        let system = entry.get(34..)?;
        let is_there = system.starts_with(b"SP") && system.get(4..6) == Some(&[0xbe, 0xef]);
        is_there.then(|| system.get(6).copied().unwrap_or(0).into())
    }

    /// What Rock Ridge says of an entry: name, where a link leads, when it was changed.
    fn system(&self, entry: &[u8]) -> Ridge {
        let mut ridge = Ridge::default();
        let Some(skipped) = self.skipped else {
            return ridge;
        };
        let name = usize::from(entry[32]);
        let start = 33 + name + usize::from(name.is_multiple_of(2)) + skipped;
        let mut area = entry.get(start..).unwrap_or_default().to_vec();
        for _ in 0..CONTINUED_MAX {
            let mut rest = &area[..];
            let mut goes_on = None;
            while let Some(length) = rest.get(2).map(|length| usize::from(*length)) {
                let Some(record) = rest.get(..length).filter(|record| record.len() >= 4) else {
                    break;
                };
                rest = &rest[length..];
                match &record[..2] {
                    b"CE" => {
                        let at = u64::from(u32_at(record, 4)) * self.block;
                        goes_on = Some((at + u64::from(u32_at(record, 12)), u32_at(record, 20)));
                    }
                    b"ST" => break,
                    _ => ridge.take(record),
                }
            }
            match goes_on {
                Some((at, size)) => area = self.disk.some(at, size.min(64 << 10) as usize),
                None => break,
            }
        }
        ridge
    }

    fn entry(&self, record: &[u8], pieces: Vec<(u64, u64)>) -> Entry<Vec<(u64, u64)>> {
        let raw = record
            .get(33..33 + usize::from(record[32]))
            .unwrap_or_default();
        let ridge = self.system(record);
        let (name, name_bytes) = match (&ridge.name[..], self.is_joliet) {
            ([], true) => {
                let name = UTF_16BE.decode_without_bom_handling(raw).0.into_owned();
                (without_version(&name).to_owned(), Vec::new())
            }
            ([], false) => named(raw, true),
            (name, _) => named(name, false),
        };
        let size = pieces
            .iter()
            .fold(0u64, |sum, (_, size)| sum.saturating_add(*size));
        let what = if record[25] & 2 != 0 {
            let number = pieces.first().map_or(0, |(start, _)| *start);
            What::Folder(pieces, number)
        } else if !ridge.target.is_empty() {
            What::Link(decode::name(&ridge.target))
        } else {
            What::File(pieces, size)
        };
        Entry {
            name,
            name_bytes,
            times: Times {
                created: ridge.created,
                modified: ridge.modified.or_else(|| short_time(&record[18..25])),
                accessed: ridge.accessed,
            },
            what,
        }
    }
}

#[derive(Default)]
struct Ridge {
    name: Vec<u8>,
    target: Vec<u8>,
    created: Option<String>,
    modified: Option<String>,
    accessed: Option<String>,
}

impl Ridge {
    fn take(&mut self, record: &[u8]) {
        match (&record[..2], record) {
            (b"NM", [_, _, _, _, _, name @ ..]) => self.name.extend(name),
            (b"SL", [_, _, _, _, _, parts @ ..]) => self.link(parts),
            (b"TF", [_, _, _, _, flags, times @ ..]) if flags & 0x80 == 0 => {
                let mut times = times.as_chunks::<7>().0.iter();
                let all = [&mut self.created, &mut self.modified, &mut self.accessed];
                for (bit, kept) in all.into_iter().enumerate() {
                    if flags & 1 << bit != 0 {
                        *kept = times.next().and_then(|time| short_time(time));
                    }
                }
            }
            _ => {}
        }
    }

    fn link(&mut self, mut parts: &[u8]) {
        while let [flags, length, rest @ ..] = parts {
            let (text, after) = rest.split_at(usize::from(*length).min(rest.len()));
            if !self.target.is_empty() && !self.target.ends_with(b"/") {
                self.target.push(b'/');
            }
            match flags & 0x0e {
                2 => self.target.push(b'.'),
                4 => self.target.extend(b".."),
                8 => self.target.push(b'/'),
                _ => self.target.extend(text),
            }
            parts = after;
        }
    }
}

impl Files for Iso {
    type Handle = Vec<(u64, u64)>;

    fn root(&mut self) -> Result<(Self::Handle, u64), Stop> {
        let number = self.root.first().map_or(0, |(start, _)| *start);
        Ok((self.root.clone(), number))
    }

    fn list(
        &mut self,
        folder: &Self::Handle,
        found: &mut Entries<Self::Handle>,
    ) -> Result<(), Stop> {
        let mut pieces = Vec::new();
        for (start, size) in folder {
            if *size > FOLDER_MAX {
                let why = format!("it has {size} bytes, more than any real one");
                return Err(Stop::OverLimit(why));
            }
            let bytes = self.disk.exactly(*start, *size as usize)?;
            // An entry does not go over the end of a block.
            for block in bytes.chunks(self.block as usize) {
                let mut rest = block;
                while let Some(length) = rest.first().filter(|length| **length > 0) {
                    let record = rest.get(..usize::from(*length)).unwrap_or_default();
                    if record.len() < 34 {
                        return Err(Stop::Damaged("an entry is cut off".to_owned()));
                    }
                    rest = &rest[record.len()..];
                    // The folder itself, and the one around it.
                    if record[32] == 1 && record[33] < 2 {
                        continue;
                    }
                    if pieces.len() < PIECES_MAX {
                        pieces.push(piece(record, self.block));
                    }
                    // The file goes on in the next entry.
                    if record[25] & 0x80 == 0 {
                        found.push(self.entry(record, std::mem::take(&mut pieces)))?;
                    }
                }
            }
        }
        Ok(())
    }

    fn give(&mut self, file: &Self::Handle, child: Child, out: &mut Out) -> Result<(), Stop> {
        let mut all: Box<dyn Read> = Box::new(std::io::empty());
        for (start, size) in file {
            let mut disk = self.disk.clone();
            disk.seek(SeekFrom::Start(*start))?;
            all = Box::new(all.chain(Exact(disk, *size)));
        }
        out.child(child, &mut all)
    }
}

/// So many bytes; fewer are an error.
struct Exact(Disk, u64);

impl Read for Exact {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = self.1.min(buffer.len() as u64) as usize;
        let count = self.0.read(&mut buffer[..most])?;
        self.1 -= count as u64;
        if count == 0 && most > 0 {
            return Err(std::io::Error::new(
                std::io::ErrorKind::UnexpectedEof,
                "its bytes lie beyond the end of the image",
            ));
        }
        Ok(count)
    }
}

/// Where the bytes of an entry are, and how many.
fn piece(record: &[u8], block: u64) -> (u64, u64) {
    let extended = u64::from(record.get(1).copied().unwrap_or(0));
    let start = (u64::from(u32_at(record, 2)) + extended) * block;
    (start, u32_at(record, 10).into())
}

fn named(raw: &[u8], is_short: bool) -> (String, Vec<u8>) {
    let name = decode::name(raw);
    if is_short {
        return (without_version(&name).to_owned(), Vec::new());
    }
    let is_same = name.as_bytes() == raw;
    (name, if is_same { Vec::new() } else { raw.to_vec() })
}

fn without_version(name: &str) -> &str {
    let stem = name.rsplit_once(';').map_or(name, |(stem, _)| stem);
    stem.strip_suffix('.').unwrap_or(stem)
}

/// Seven bytes: years since 1900, and an offset in quarters of an hour.
fn short_time(bytes: &[u8]) -> Option<String> {
    let [year, month, day, hour, minute, second, zone] = *bytes.first_chunk()?;
    let time = time::civil(
        1900 + u32::from(year),
        month.into(),
        day.into(),
        hour.into(),
        minute.into(),
        second.into(),
    )?;
    Some(time + &zoned(zone as i8))
}

/// Seventeen bytes, of which sixteen are digits.
fn written(bytes: &[u8]) -> Option<String> {
    let digits = std::str::from_utf8(bytes.get(..16)?).ok()?;
    let part = |from: usize, to: usize| digits.get(from..to)?.parse::<u32>().ok();
    let (hour, minute) = (part(8, 10)?, part(10, 12)?);
    let time = time::civil(
        part(0, 4)?,
        part(4, 6)?,
        part(6, 8)?,
        hour,
        minute,
        part(12, 14)?,
    )?;
    Some(time + &zoned(*bytes.get(16)? as i8))
}

fn zoned(quarters: i8) -> String {
    let minutes = i32::from(quarters).abs() * 15;
    match (quarters, quarters < 0) {
        (0, _) => "Z".to_owned(),
        (_, true) => format!("-{:02}:{:02}", minutes / 60, minutes % 60),
        (_, false) => format!("+{:02}:{:02}", minutes / 60, minutes % 60),
    }
}
