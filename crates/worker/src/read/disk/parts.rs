//! Partitions: the table of a PC's first sector (MBR) with what goes on in extended ones, and GPT.

use super::media::Disk;
use crate::ints::{u16_at, u32_at, u64_at, utf16};
use std::collections::HashSet;

/// Partitions of one medium.
const PARTITIONS_MAX: usize = 1024;
/// Links of extended partitions, which may lead in a circle.
const LINKS_MAX: usize = 256;

/// One partition, in bytes.
#[derive(Debug, PartialEq)]
pub struct Part {
    /// What its table says that it is.
    pub kind: String,
    pub name: String,
    pub start: u64,
    pub size: u64,
}

/// A table of partitions, and what is wrong with it.
#[derive(Debug, Default, PartialEq)]
pub struct Table {
    pub scheme: &'static str,
    pub parts: Vec<Part>,
    pub wrong: Vec<String>,
    /// How many bytes the medium has at least, by what it says.
    pub end: u64,
}

/// What stands in a medium's table of partitions; `None` where there is none that can be.
pub fn table(disk: &Disk) -> Option<Table> {
    let first = disk.some(0, 512);
    let entries = mbr(&first)?;
    let is_protective = entries.iter().any(|entry| entry.kind == 0xee);
    let size = disk.size();
    let sector = [512, 4096]
        .into_iter()
        .find(|sector| disk.some(*sector, 8) == b"EFI PART");
    if let (true, Some(sector)) = (is_protective, sector) {
        return Some(gpt(disk, sector));
    }
    let used = || entries.iter().filter(|entry| entry.kind != 0);
    let is_sane = used().count() > 0
        && used().all(|entry| entry.start > 0 && entry.sectors > 0)
        && used().any(|entry| entry.start * 512 < size);
    if !is_sane {
        return None;
    }
    let mut table = Table {
        scheme: "MBR",
        ..Table::default()
    };
    for entry in used() {
        let part = entry.part(0);
        table.end = table.end.max(part.start + part.size);
        table.parts.push(part);
        if is_extended(entry.kind) {
            logical(disk, entry.start, &mut table);
        }
    }
    Some(table)
}

struct Entry {
    kind: u8,
    start: u64,
    sectors: u64,
}

impl Entry {
    fn part(&self, from: u64) -> Part {
        Part {
            kind: format!("{} (0x{:02x})", kind_name(self.kind), self.kind),
            name: String::new(),
            start: (from + self.start) * 512,
            size: self.sectors * 512,
        }
    }
}

/// The four entries of a table, if what stands there can be one.
fn mbr(sector: &[u8]) -> Option<Vec<Entry>> {
    if sector.get(510..512) != Some(&[0x55, 0xaa]) {
        return None;
    }
    let entries = sector.get(446..510)?.as_chunks::<16>().0;
    let is_sane = entries.iter().all(|entry| {
        entry[0] & 0x7f == 0 && (entry[4] != 0 || entry.iter().all(|byte| *byte == 0))
    });
    is_sane.then(|| {
        let all = entries.iter().map(|entry| Entry {
            kind: entry[4],
            start: u32_at(entry, 8).into(),
            sectors: u32_at(entry, 12).into(),
        });
        all.collect()
    })
}

fn is_extended(kind: u8) -> bool {
    matches!(kind, 0x05 | 0x0f | 0x85)
}

/// The chain of tables in an extended partition: in each a partition, and where the next table is.
fn logical(disk: &Disk, base: u64, table: &mut Table) {
    let mut seen = HashSet::new();
    let mut at = base;
    loop {
        if !seen.insert(at) || seen.len() > LINKS_MAX {
            table
                .wrong
                .push("the tables of its extended partition lead in a circle".to_owned());
            return;
        }
        let Some(entries) = mbr(&disk.some(at.saturating_mul(512), 512)) else {
            table
                .wrong
                .push("a table of its extended partition cannot be read".to_owned());
            return;
        };
        let mut next = None;
        for entry in entries.iter().filter(|entry| entry.kind != 0) {
            if is_extended(entry.kind) {
                next = Some(base + entry.start);
            } else {
                table.parts.push(entry.part(at));
            }
        }
        match next {
            Some(next) => at = next,
            None => return,
        }
    }
}

fn gpt(disk: &Disk, sector: u64) -> Table {
    let mut table = Table {
        scheme: "GPT",
        ..Table::default()
    };
    let head = disk.some(sector, 92);
    // The second copy of this head is in the last sector.
    table.end = u64_at(&head, 32).saturating_add(1).saturating_mul(sector);
    let (entries, count, each) = (u64_at(&head, 72), u32_at(&head, 80), u32_at(&head, 84));
    if !(128..=4096).contains(&each) {
        table
            .wrong
            .push("its table of partitions says nothing that can be".to_owned());
        return table;
    }
    let count = (count as usize).min(PARTITIONS_MAX);
    let all = disk.some(entries.saturating_mul(sector), count * each as usize);
    if all.len() < count * each as usize {
        table
            .wrong
            .push("its table of partitions is cut off".to_owned());
    }
    for entry in all.chunks_exact(each as usize) {
        if entry[..16] == [0; 16] {
            continue;
        }
        let (first, last) = (u64_at(entry, 32), u64_at(entry, 40));
        let name = utf16(&entry[56..128]);
        let sectors = (last + u64::from(last < u64::MAX)).saturating_sub(first);
        table.parts.push(Part {
            kind: guid_name(&entry[..16]),
            name: name.split('\0').next().unwrap_or_default().to_owned(),
            start: first.saturating_mul(sector),
            size: sectors.saturating_mul(sector),
        });
    }
    table
}

/// Kinds of partitions by their number, of which there are more than anybody counted.
fn kind_name(kind: u8) -> &'static str {
    match kind {
        0x01 => "FAT12",
        0x04 | 0x06 | 0x0e => "FAT16",
        0x07 => "NTFS or exFAT",
        0x0b | 0x0c => "FAT32",
        0x05 | 0x0f | 0x85 => "extended",
        0x11 | 0x14 | 0x16 | 0x17 | 0x1b | 0x1c | 0x1e => "hidden",
        0x27 => "recovery of Windows",
        0x42 => "dynamic disk of Windows",
        0x82 => "Linux swap",
        0x83 => "Linux",
        0x8e => "LVM",
        0xa5 | 0xa6 | 0xa9 => "BSD",
        0xa8 => "Mac OS X",
        0xaf => "HFS or HFS+",
        0xee => "GPT",
        0xef => "EFI system",
        0xfb | 0xfc => "VMware",
        0xfd => "RAID of Linux",
        _ => "of another kind",
    }
}

/// Kinds of partitions of GPT, by identifiers as they are written.
const KINDS: &[(&str, &str)] = &[
    ("c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "EFI system"),
    (
        "e3c9e316-0b5c-4db8-817d-f92df00215ae",
        "reserved by Windows",
    ),
    ("ebd0a0a2-b9e5-4433-87c0-68b6b72699c7", "basic data"),
    (
        "de94bba4-06d1-4d40-a16a-bfd50179d6ac",
        "recovery of Windows",
    ),
    (
        "af9b60a0-1431-4f62-bc68-3311714a69ad",
        "dynamic disk of Windows",
    ),
    ("0fc63daf-8483-4772-8e79-3d69d8477de4", "Linux"),
    ("4f68bce3-e8cd-4db1-96e7-fbcaf984b709", "Linux, root"),
    ("933ac7e1-2eb4-4f13-b844-0e14e2aef915", "Linux, home"),
    ("0657fd6d-a4ab-43c4-84e5-0933c84b4f4f", "Linux swap"),
    ("e6d6d379-f507-44c2-a23c-238f2a3df928", "LVM"),
    ("a19d880f-05fc-4d3b-a006-743f0f84911e", "RAID of Linux"),
    ("ca7d7ccb-63ed-4c53-861c-1742536059cc", "LUKS"),
    ("21686148-6449-6e6f-744e-656564454649", "BIOS boot"),
    ("48465300-0000-11aa-aa11-00306543ecac", "HFS+"),
    ("7c3457ef-0000-11aa-aa11-00306543ecac", "APFS"),
];

fn guid_name(bytes: &[u8]) -> String {
    let (one, two, three) = (u32_at(bytes, 0), u16_at(bytes, 4), u16_at(bytes, 6));
    let hex = |range| data_encoding::HEXLOWER.encode(&bytes[range]);
    let id = format!(
        "{one:08x}-{two:04x}-{three:04x}-{}-{}",
        hex(8..10),
        hex(10..16)
    );
    let name = KINDS.iter().find(|(known, _)| *known == id);
    match name {
        Some((_, name)) => (*name).to_owned(),
        None => format!("of another kind ({id})"),
    }
}
