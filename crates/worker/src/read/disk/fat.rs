//! FAT12, FAT16, FAT32 and exFAT: folders and files that were not deleted. A chain of clusters that leads in a circle
//! ends after as many steps as the file system has clusters.

use super::{
    media::Disk,
    walk::{Entries, Entry, Files, Times, What},
};
use crate::{
    Out, Stop, decode,
    ints::{u16_at, u32_at, u64_at, utf16},
    time,
};
use comity_extract::Child;
use std::io::{self, Read, Seek, SeekFrom};

/// The largest folder that FAT allows, and what is taken for the largest of exFAT.
const FAT_FOLDER_MAX: u64 = 2 << 20;
const EXFAT_FOLDER_MAX: u64 = 64 << 20;

#[derive(Clone, Copy, PartialEq)]
enum Width {
    Twelve,
    Sixteen,
    ThirtyTwo,
    Ex,
}

/// Where things are.
#[derive(Clone)]
pub struct Fat {
    disk: Disk,
    width: Width,
    table: u64,
    table_bytes: u64,
    /// Where the clusters begin, of which the first has number 2.
    heap: u64,
    cluster_bytes: u64,
    clusters: u64,
    root: At,
}

/// Where the bytes of a file or folder are.
#[derive(Clone, Debug)]
pub struct At {
    first: u32,
    /// Bytes of it; beyond `valid` they are zeros.
    size: u64,
    valid: u64,
    /// The clusters follow each other, and the table says nothing of them.
    is_one_piece: bool,
    /// The root of the older kinds, which lies before the clusters.
    fixed: Option<u64>,
}

/// What kind of FAT this is by its first sector.
pub fn name(head: &[u8]) -> Option<&'static str> {
    if head.get(3..11) == Some(b"EXFAT   ") && head.get(510..512) == Some(&[0x55, 0xaa]) {
        return Some("exFAT");
    }
    Shape::of(head).map(|shape| match shape.width() {
        Width::Twelve => "FAT12",
        Width::Sixteen => "FAT16",
        _ => "FAT32",
    })
}

/// What the first sector of FAT says.
struct Shape {
    sector: u64,
    cluster: u64,
    reserved: u64,
    tables: u64,
    table: u64,
    root_entries: u64,
    sectors: u64,
    is_newest: bool,
}

impl Shape {
    fn of(head: &[u8]) -> Option<Shape> {
        let either = |short: u64, long: u64| if short > 0 { short } else { long };
        let shape = Shape {
            sector: u16_at(head, 11).into(),
            cluster: (*head.get(13)?).into(),
            reserved: u16_at(head, 14).into(),
            tables: (*head.get(16)?).into(),
            table: either(u16_at(head, 22).into(), u32_at(head, 36).into()),
            root_entries: u16_at(head, 17).into(),
            sectors: either(u16_at(head, 19).into(), u32_at(head, 32).into()),
            is_newest: u16_at(head, 22) == 0,
        };
        let is_jump = matches!(head, [0xeb, _, 0x90, ..] | [0xe9, ..]);
        let is_media = head.get(21).is_some_and(|byte| *byte >= 0xf0);
        let is_sane = is_jump
            && is_media
            && head.get(510..512) == Some(&[0x55, 0xaa])
            && matches!(shape.sector, 512 | 1024 | 2048 | 4096)
            && shape.cluster.is_power_of_two()
            && shape.reserved > 0
            && matches!(shape.tables, 1 | 2)
            && shape.table > 0
            && shape.heap() < shape.sectors;
        is_sane.then_some(shape)
    }

    fn root_sectors(&self) -> u64 {
        (self.root_entries * 32).div_ceil(self.sector)
    }

    /// The sector in which the clusters begin.
    fn heap(&self) -> u64 {
        self.reserved + self.tables * self.table + self.root_sectors()
    }

    fn clusters(&self) -> u64 {
        (self.sectors - self.heap()) / self.cluster
    }

    /// By the number of clusters; but the newest kind is known by having no short length of a table, too, since some
    /// make small ones.
    fn width(&self) -> Width {
        match self.clusters() {
            _ if self.is_newest => Width::ThirtyTwo,
            0..4085 => Width::Twelve,
            4085..65525 => Width::Sixteen,
            _ => Width::ThirtyTwo,
        }
    }
}

impl Fat {
    /// The file system at the beginning of `disk`.
    pub fn open(disk: &Disk) -> Result<Fat, Stop> {
        let head = disk.exactly(0, 512)?;
        if head.get(3..11) == Some(b"EXFAT   ") {
            return Fat::ex(disk, &head);
        }
        let shape = Shape::of(&head)
            .ok_or_else(|| Stop::Damaged("its first sector says nothing that can be".to_owned()))?;
        let width = shape.width();
        let table = shape.reserved * shape.sector;
        let root = match width {
            Width::ThirtyTwo => At::chain(u32_at(&head, 44), FAT_FOLDER_MAX),
            _ => At {
                fixed: Some(table + shape.tables * shape.table * shape.sector),
                is_one_piece: true,
                ..At::chain(0, shape.root_entries * 32)
            },
        };
        Ok(Fat {
            disk: disk.clone(),
            width,
            table,
            table_bytes: shape.table * shape.sector,
            heap: shape.heap() * shape.sector,
            cluster_bytes: shape.cluster * shape.sector,
            clusters: shape.clusters(),
            root,
        })
    }

    fn ex(disk: &Disk, head: &[u8]) -> Result<Fat, Stop> {
        let (sector, cluster) = (head[108], head[109]);
        if !(9..=12).contains(&sector) || cluster > 25 - sector {
            return Err(Stop::Damaged(
                "its clusters have a size that cannot be".to_owned(),
            ));
        }
        let sectors = |at| u64::from(u32_at(head, at)) << sector;
        Ok(Fat {
            disk: disk.clone(),
            width: Width::Ex,
            table: sectors(80),
            table_bytes: sectors(84),
            heap: sectors(88),
            cluster_bytes: 1 << (sector + cluster),
            clusters: u32_at(head, 92).into(),
            root: At::chain(u32_at(head, 96), EXFAT_FOLDER_MAX),
        })
    }

    /// The name of the medium, which stands in its uppermost folder.
    pub fn label(&self) -> String {
        let mut first = Vec::new();
        let mut root = self.content(&self.root).take(64 << 10);
        // A folder that cannot be read is named when it is gone into.
        let _ = root.read_to_end(&mut first);
        let entries = first.as_chunks::<32>().0;
        let mut entries = entries.iter().take_while(|entry| entry[0] != 0);
        if self.width == Width::Ex {
            let found = entries.find(|entry| entry[0] == 0x83);
            let letters = found.map(|entry| &entry[2..2 + 2 * usize::from(entry[1].min(15))]);
            return utf16(letters.unwrap_or_default());
        }
        let found = entries.find(|entry| entry[0] != 0xe5 && entry[11] & 0x3f == 8);
        decode::name(found.map_or(&[], |entry| entry[..11].trim_ascii_end()))
    }

    fn place(&self, cluster: u32) -> io::Result<u64> {
        let index = u64::from(cluster)
            .checked_sub(2)
            .filter(|i| *i < self.clusters);
        let index =
            index.ok_or_else(|| broken("its chain leads to a cluster that is not there"))?;
        Ok(self.heap + index * self.cluster_bytes)
    }

    /// The cluster that follows; `None` at the end of a chain.
    fn next(&self, cluster: u32) -> io::Result<Option<u32>> {
        let number = u64::from(cluster);
        let (offset, bytes) = match self.width {
            Width::Twelve => (number + number / 2, 2),
            Width::Sixteen => (number * 2, 2),
            Width::ThirtyTwo | Width::Ex => (number * 4, 4),
        };
        if offset + bytes > self.table_bytes {
            return Err(broken("its chain leads beyond the table"));
        }
        let found = self.disk.exactly(self.table + offset, bytes as usize)?;
        let (next, end) = match self.width {
            Width::Twelve => {
                let both = u16_at(&found, 0);
                let own = if cluster & 1 == 1 {
                    both >> 4
                } else {
                    both & 0xfff
                };
                (own.into(), 0xff8)
            }
            Width::Sixteen => (u16_at(&found, 0).into(), 0xfff8),
            Width::ThirtyTwo => (u32_at(&found, 0) & 0x0fff_ffff, 0x0fff_fff8),
            Width::Ex => (u32_at(&found, 0), 0xffff_fff8),
        };
        Ok((next < end).then_some(next))
    }

    fn content(&self, at: &At) -> Content<'_> {
        Content {
            fat: self,
            at: at.clone(),
            cluster: at.first,
            within: 0,
            given: 0,
            steps: 0,
            is_folder: false,
        }
    }

    /// The entries of a folder of FAT.
    fn fat_entries(&self, bytes: &[u8], found: &mut Entries<At>) -> Result<(), Stop> {
        let mut long: Vec<(u8, u8, Vec<u8>)> = Vec::new();
        for entry in bytes.as_chunks::<32>().0 {
            let attributes = entry[11];
            match entry[0] {
                0 => break,
                0xe5 => {
                    long.clear();
                    continue;
                }
                _ => {}
            }
            if attributes & 0x3f == 0x0f {
                let letters = [&entry[1..11], &entry[14..26], &entry[28..32]].concat();
                long.push((entry[0], entry[13], letters));
                continue;
            }
            let long_name = whole_name(&std::mem::take(&mut long), &entry[..11]);
            // The label of the medium, and the folder itself and the one around it.
            if attributes & 8 != 0 || entry[0] == b'.' {
                continue;
            }
            let (name, name_bytes) = match long_name {
                Some(name) => (name, Vec::new()),
                None => short_name(entry),
            };
            let mut first = u32::from(u16_at(entry, 26));
            if self.width == Width::ThirtyTwo {
                first |= u32::from(u16_at(entry, 20)) << 16;
            }
            let times = Times {
                created: time::dos(u32_at(entry, 14)),
                modified: time::dos(u32_at(entry, 22)),
                accessed: time::dos(u32::from(u16_at(entry, 18)) << 16)
                    .and_then(|time| Some(time.split_once('T')?.0.to_owned())),
            };
            let what = if attributes & 0x10 != 0 {
                What::Folder(At::chain(first, FAT_FOLDER_MAX), first.into())
            } else {
                let size = u32_at(entry, 28).into();
                What::File(At::chain(first, size), size)
            };
            found.push(Entry {
                name,
                name_bytes,
                times,
                what,
            })?;
        }
        Ok(())
    }

    /// The entries of a folder of exFAT: each a set that begins with times and goes on with place and name.
    fn ex_entries(&self, bytes: &[u8], found: &mut Entries<At>) -> Result<(), Stop> {
        let all = bytes.as_chunks::<32>().0;
        let mut index = 0;
        while let Some(entry) = all.get(index) {
            index += 1;
            match entry[0] {
                0 => break,
                0x85 => {}
                _ => continue,
            }
            let count = usize::from(entry[1]);
            let set = all.get(index..index + count).unwrap_or_default();
            index += set.len();
            let Some(stream) = set.first().filter(|second| second[0] == 0xc0) else {
                continue;
            };
            let letters: Vec<u8> = set[1..]
                .iter()
                .filter(|part| part[0] == 0xc1)
                .flat_map(|part| &part[2..])
                .copied()
                .take(2 * usize::from(stream[3]))
                .collect();
            let size = u64_at(stream, 24);
            let at = At {
                valid: u64_at(stream, 8).min(size),
                is_one_piece: stream[1] & 2 != 0,
                ..At::chain(u32_at(stream, 20), size)
            };
            let zoned = |at: usize, zone: usize| {
                time::dos(u32_at(entry, at)).map(|time| time + &offset(entry[zone]))
            };
            let times = Times {
                created: zoned(8, 22),
                modified: zoned(12, 23),
                accessed: zoned(16, 24),
            };
            let what = if u16_at(entry, 4) & 0x10 != 0 {
                let folder = At {
                    size: size.min(EXFAT_FOLDER_MAX),
                    valid: size.min(EXFAT_FOLDER_MAX),
                    ..at
                };
                let number = folder.first.into();
                What::Folder(folder, number)
            } else {
                What::File(at, size)
            };
            found.push(Entry {
                name: utf16(&letters),
                name_bytes: Vec::new(),
                times,
                what,
            })?;
        }
        Ok(())
    }
}

impl At {
    fn chain(first: u32, size: u64) -> At {
        At {
            first,
            size,
            valid: size,
            is_one_piece: false,
            fixed: None,
        }
    }
}

impl Files for Fat {
    type Handle = At;

    fn root(&mut self) -> Result<(At, u64), Stop> {
        Ok((self.root.clone(), self.root.first.into()))
    }

    fn list(&mut self, folder: &At, found: &mut Entries<At>) -> Result<(), Stop> {
        let mut bytes = Vec::new();
        let mut content = Content {
            is_folder: true,
            ..self.content(folder)
        };
        let read = content.read_to_end(&mut bytes);
        let entries = match self.width {
            Width::Ex => self.ex_entries(&bytes, found),
            _ => self.fat_entries(&bytes, found),
        };
        entries?;
        read?;
        Ok(())
    }

    fn give(&mut self, file: &At, child: Child, out: &mut Out) -> Result<(), Stop> {
        out.child(child, &mut self.content(file))
    }
}

/// The bytes of a file or folder.
struct Content<'a> {
    fat: &'a Fat,
    at: At,
    cluster: u32,
    /// Where in the cluster.
    within: u64,
    given: u64,
    steps: u64,
    /// A folder does not say how long it is: it ends where its chain does.
    is_folder: bool,
}

impl Content<'_> {
    /// Where the next bytes are, and how many follow each other there; `None` at the end of a folder's chain.
    fn piece(&mut self) -> io::Result<Option<(u64, u64)>> {
        if let Some(fixed) = self.at.fixed {
            return Ok(Some((fixed + self.given, self.at.size - self.given)));
        }
        if self.at.is_one_piece {
            let start = self.fat.place(self.at.first)?;
            return Ok(Some((start + self.given, self.at.size - self.given)));
        }
        if self.within == self.fat.cluster_bytes {
            self.steps += 1;
            if self.steps > self.fat.clusters {
                return Err(broken("its chain of clusters leads in a circle"));
            }
            match self.fat.next(self.cluster)? {
                Some(next) => self.cluster = next,
                None if self.is_folder => return Ok(None),
                None => return Err(broken("its chain of clusters ends before the file does")),
            }
            self.within = 0;
        }
        let start = self.fat.place(self.cluster)?;
        let left = self.fat.cluster_bytes - self.within;
        Ok(Some((start + self.within, left)))
    }
}

impl Read for Content<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given >= self.at.size || buffer.is_empty() {
            return Ok(0);
        }
        let most = (self.at.size - self.given).min(buffer.len() as u64);
        if self.given >= self.at.valid {
            buffer[..most as usize].fill(0);
            self.given += most;
            return Ok(most as usize);
        }
        let Some((start, there)) = self.piece()? else {
            return Ok(0);
        };
        let count = most.min(there).min(self.at.valid - self.given);
        let mut disk = self.fat.disk.clone();
        disk.seek(SeekFrom::Start(start))?;
        let count = disk.read(&mut buffer[..count as usize])?;
        if count == 0 {
            return Err(broken("its bytes lie beyond the end of the file system"));
        }
        self.within += count as u64;
        self.given += count as u64;
        Ok(count)
    }
}

fn broken(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// The long name that stands before an entry, if it is whole and belongs to it.
fn whole_name(parts: &[(u8, u8, Vec<u8>)], short: &[u8]) -> Option<String> {
    let sum = short
        .iter()
        .fold(0u8, |sum, byte| sum.rotate_right(1).wrapping_add(*byte));
    let count = parts.len();
    let is_whole = count > 0
        && parts.iter().enumerate().all(|(index, (order, check, _))| {
            usize::from(order & 0x3f) == count - index && *check == sum
        });
    let letters: Vec<u8> = parts
        .iter()
        .rev()
        .flat_map(|(_, _, letters)| letters)
        .copied()
        .collect();
    let name = utf16(&letters);
    let name = name.split('\0').next().unwrap_or_default();
    (is_whole && !name.is_empty()).then(|| name.to_owned())
}

/// A name of eight letters and three, in a code page that the file system does not say.
fn short_name(entry: &[u8; 32]) -> (String, Vec<u8>) {
    let mut stem = entry[..8].trim_ascii_end().to_vec();
    if let Some(first) = stem.first_mut().filter(|first| **first == 5) {
        *first = 0xe5;
    }
    let mut ending = entry[8..11].trim_ascii_end().to_vec();
    if entry[12] & 8 != 0 {
        stem.make_ascii_lowercase();
    }
    if entry[12] & 16 != 0 {
        ending.make_ascii_lowercase();
    }
    let raw = match ending.is_empty() {
        true => stem,
        false => [&stem[..], b".", &ending].concat(),
    };
    let name = decode::name(&raw);
    let is_same = name.as_bytes() == raw;
    (name, if is_same { Vec::new() } else { raw })
}

/// The offset of a time of exFAT, in quarters of an hour.
fn offset(zone: u8) -> String {
    if zone & 0x80 == 0 {
        return String::new();
    }
    let quarters = i32::from(((zone & 0x7f) << 1) as i8 >> 1);
    let sign = if quarters < 0 { '-' } else { '+' };
    let minutes = quarters.abs() * 15;
    format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_of_exfat_are_quarters_of_an_hour() {
        assert_eq!(offset(0), "");
        assert_eq!(offset(0x88), "+02:00");
        assert_eq!(offset(0xec), "-05:00");
    }
}
