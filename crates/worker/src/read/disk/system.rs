//! Which file system begins at a place, by its marks.

use super::{ext, fat, media::Disk};
use crate::ints::{be16_at, be32_at, u16_at, u32_at, u64_at};

/// What begins at the first byte of a medium or partition.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum System {
    Fat(&'static str),
    Ntfs,
    Ext(&'static str),
    Iso,
    /// Named, and not read.
    Other(&'static str),
    /// A lock: a passphrase or key is needed.
    Locked(&'static str),
}

impl System {
    pub fn name(self) -> &'static str {
        match self {
            System::Fat(name) | System::Ext(name) | System::Other(name) | System::Locked(name) => {
                name
            }
            System::Ntfs => "NTFS",
            System::Iso => "ISO 9660",
        }
    }
}

/// Marks that stand at a place: where, what, of which file system.
const MARKS: &[(u64, &[u8], &str)] = &[
    (3, b"ReFS\0\0\0\0", "ReFS"),
    (0, b"XFSB", "XFS"),
    (32, b"NXSB", "APFS"),
    (0, b"hsqs", "SquashFS"),
    (65_600, b"_BHRfS_M", "Btrfs"),
    (65_588, b"ReIsErFs", "ReiserFS"),
    (65_588, b"ReIsEr2Fs", "ReiserFS"),
    (65_588, b"ReIsEr3Fs", "ReiserFS"),
    (32_768, b"JFS1", "JFS"),
    (1024, &[0x10, 0x20, 0xf5, 0xf2], "F2FS"),
    (4086, b"SWAPSPACE2", "Linux swap"),
    (4086, b"SWAP-SPACE", "Linux swap"),
    (512, b"LABELONE", "LVM (volumes of Linux)"),
    (4096, &[0xfc, 0x4e, 0x2b, 0xa9], "RAID of Linux"),
    (32_769, b"BEA01", "UDF"),
    (32_769, b"NSR02", "UDF"),
    (9564, &[0x54, 0x19, 0x01, 0], "UFS"),
    (66_908, &[0x19, 0x01, 0x54, 0x19], "UFS2"),
];

/// What is known at this place; `None` where nothing is.
pub fn at(disk: &Disk) -> Option<System> {
    let head = disk.some(0, 4096);
    let has = |at: usize, mark: &[u8]| head.get(at..at + mark.len()) == Some(mark);
    if has(0, b"LUKS\xba\xbe") {
        return Some(System::Locked("LUKS"));
    }
    if has(3, b"-FVE-FS-") {
        return Some(System::Locked("BitLocker"));
    }
    if has(3, b"NTFS    ") {
        return Some(System::Ntfs);
    }
    if let Some(name) = fat::name(&head) {
        return Some(System::Fat(name));
    }
    let block = head.get(1024..2048).unwrap_or_default();
    if let Some(name) = ext::name(block) {
        return Some(System::Ext(name));
    }
    if disk.some(32_769, 5) == b"CD001" {
        return Some(System::Iso);
    }
    let mark = MARKS
        .iter()
        .find(|(at, mark, _)| disk.some(*at, mark.len()) == *mark);
    mark.map(|(_, _, name)| System::Other(name))
        .or_else(|| apple(block))
}

/// The file systems of older Macintoshes, whose marks are two letters.
fn apple(block: &[u8]) -> Option<System> {
    match (block.get(..2)?, be16_at(block, 2)) {
        (b"H+", 4) | (b"HX", 5) => Some(System::Other("HFS+")),
        // Blocks are a multiple of 512 bytes, and there are some.
        (b"BD", _) if be16_at(block, 18) > 0 => {
            let size = be32_at(block, 20);
            (size > 0 && size.is_multiple_of(512)).then_some(System::Other("HFS"))
        }
        _ => None,
    }
}

/// How many bytes it says itself that it has, where that is known: of an image in several files more than its first one
/// has.
pub fn stated_size(disk: &Disk, system: System) -> Option<u64> {
    let head = disk.some(0, 4096);
    let sectors = |count: u64| count.checked_mul(u16_at(&head, 11).into());
    match system {
        System::Fat("exFAT") => u64_at(&head, 72).checked_shl((*head.get(108)?).into()),
        System::Fat(_) => match u16_at(&head, 19) {
            0 => sectors(u32_at(&head, 32).into()),
            few => sectors(few.into()),
        },
        System::Ntfs => sectors(u64_at(&head, 40)),
        System::Ext(_) => {
            let is_large = u32_at(&head, 1024 + 96) & 0x80 != 0;
            let high = if is_large {
                u32_at(&head, 1024 + 0x150)
            } else {
                0
            };
            let blocks = u64::from(high) << 32 | u64::from(u32_at(&head, 1024 + 4));
            let shift = u32_at(&head, 1024 + 24).min(6);
            blocks.checked_mul(1024 << shift)
        }
        System::Iso => {
            let descriptor = disk.some(32_768, 132);
            u64::from(u32_at(&descriptor, 80)).checked_mul(u16_at(&descriptor, 128).into())
        }
        System::Other(_) | System::Locked(_) => None,
    }
}

/// Whether this is said by the file system itself to be as large as the image can be. A file that is no image may have
/// its marks, hardly also this.
pub fn is_sure(disk: &Disk, system: System) -> bool {
    let head = disk.some(0, 4096);
    match system {
        System::Other("Linux swap" | "RAID of Linux" | "UFS" | "UFS2" | "HFS") => false,
        System::Other("F2FS") => u16_at(&head, 1028) == 1,
        System::Ext(_) => u32_at(&head, 1024 + 16) <= u32_at(&head, 1024),
        _ => true,
    }
}
