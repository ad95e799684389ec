//! Segment files: 65,536 slots behind a header (`docs/format/keyring.md`, *Key number and slot*).

use std::path::{Path, PathBuf};

use comity_core::Digest;
use comity_store::{Disk, DiskFile};

use crate::error::{KeyNumber, KeyringError};
use crate::head::damaged;
use crate::slot;

/// Slots of a full segment.
pub(crate) const SLOTS: u64 = 65_536;
pub(crate) const HEADER_LEN: usize = 64;
/// Slots read at once where many are read: 768 KiB.
pub(crate) const BLOCK: u64 = 4096;
const MAGIC: &[u8; 8] = b"CMTYKEYS";
const VERSION: u16 = 1;
/// How the names begin of what an interrupted `Disk::write_atomic` leaves.
const TEMPORARY: &str = ".tmp-";

/// Where a key is: its segment and the slot in it; `None` past the last number that the format can name.
pub(crate) fn locate(number: KeyNumber) -> Option<(u32, u64)> {
    Some((u32::try_from(number / SLOTS).ok()?, number % SLOTS))
}

/// The first key number of a segment (its slot 0).
pub(crate) fn first_number(segment: u32) -> KeyNumber {
    u64::from(segment) * SLOTS
}

/// Where a slot begins in its file, in bytes.
pub(crate) fn offset(slot: u64) -> u64 {
    HEADER_LEN as u64 + slot * slot::LEN as u64
}

pub(crate) fn name(segment: u32) -> String {
    format!("{segment:08x}.keys")
}

pub(crate) fn path(dir: &Path, segment: u32) -> PathBuf {
    dir.join(name(segment))
}

/// Where a segment is written anew before it takes the place of the old one.
pub(crate) fn new_path(dir: &Path, segment: u32) -> PathBuf {
    dir.join(format!("{}.new", name(segment)))
}

/// What a whole header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) segment: u32,
    pub(crate) id: [u8; 16],
}

pub(crate) fn header(says: &Header) -> [u8; HEADER_LEN] {
    let mut header = [0; HEADER_LEN];
    header[..8].copy_from_slice(MAGIC);
    header[8..10].copy_from_slice(&VERSION.to_be_bytes());
    header[12..16].copy_from_slice(&says.segment.to_be_bytes());
    header[16..32].copy_from_slice(&says.id);
    let digest = Digest::of(&header[..32]);
    header[32..].copy_from_slice(&digest.0);
    header
}

pub(crate) fn parse_header(bytes: &[u8; HEADER_LEN]) -> Result<Header, &'static str> {
    if Digest::of(&bytes[..32]).0 != bytes[32..] {
        return Err("the header does not match its digest");
    }
    if bytes[..8] != *MAGIC {
        return Err("the file does not begin as a file of keys does");
    }
    if bytes[8..10] != VERSION.to_be_bytes() {
        return Err("the version is not known to this program: use a newer release of Comity");
    }
    if bytes[10..12] != [0, 0] {
        return Err("the reserved bytes of the header are not zero");
    }
    let mut id = [0; 16];
    id.copy_from_slice(&bytes[16..32]);
    Ok(Header {
        segment: u32::from_be_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]),
        id,
    })
}

/// A segment open for reading.
pub(crate) struct Segment {
    pub(crate) file: DiskFile,
    pub(crate) path: PathBuf,
    /// Complete slots; a cut-off one at the end is not counted.
    pub(crate) slots: u64,
}

impl Segment {
    /// Opens a segment; `None` if there is no such file.
    pub(crate) fn open(
        disk: &Disk,
        dir: &Path,
        segment: u32,
    ) -> Result<Option<Self>, KeyringError> {
        let path = path(dir, segment);
        let Some(file) = disk.open_read(&path)? else {
            return Ok(None);
        };
        let len = file.len()?;
        let Some(body) = len.checked_sub(HEADER_LEN as u64) else {
            return Err(damaged(&path, "the header", "the file ends inside it"));
        };
        let (slots, rest) = (body / slot::LEN as u64, body % slot::LEN as u64);
        if slots > SLOTS || (slots == SLOTS && rest > 0) {
            return Err(damaged(
                &path,
                "its end",
                "it is longer than a file of keys can be",
            ));
        }
        Ok(Some(Self { file, path, slots }))
    }

    pub(crate) fn header(&self) -> Result<[u8; HEADER_LEN], KeyringError> {
        let mut header = [0; HEADER_LEN];
        self.file.read_at(0, &mut header)?;
        Ok(header)
    }

    /// Reads one slot.
    pub(crate) fn slot(&self, slot: u64) -> Result<slot::Bytes, KeyringError> {
        let mut bytes = [0; slot::LEN];
        self.file.read_at(offset(slot), &mut bytes)?;
        Ok(bytes)
    }

    /// Reads `count` slots from `first` on.
    pub(crate) fn block(&self, first: u64, count: u64) -> Result<Vec<slot::Bytes>, KeyringError> {
        let count = usize::try_from(count)
            .unwrap_or(usize::MAX)
            .min(SLOTS as usize);
        let mut slots = vec![[0; slot::LEN]; count];
        self.file.read_at(offset(first), slots.as_flattened_mut())?;
        Ok(slots)
    }

    /// Slots up to and with the last that was ever written to: a loss of power can lengthen a file and lose its bytes.
    pub(crate) fn used(&self) -> Result<u64, KeyringError> {
        let mut end = self.slots;
        // Nearly always the last slot is used.
        let mut step = 1;
        while end > 0 {
            let first = end.saturating_sub(step);
            step = BLOCK;
            let block = self.block(first, end - first)?;
            if let Some(last) = block.iter().rposition(|slot| !slot::is_unused(slot)) {
                return Ok(first + last as u64 + 1);
            }
            end = first;
        }
        Ok(0)
    }
}

/// A live slot in the segment that is written anew beside its own, which is whole before its own is overwritten.
pub(crate) fn beside(
    disk: &Disk,
    dir: &Path,
    id: &[u8; 16],
    number: KeyNumber,
) -> Option<(slot::Bytes, slot::SlotInfo)> {
    let (segment, at) = locate(number)?;
    let file = disk.open_read(&new_path(dir, segment)).ok()??;
    let mut bytes = [0; slot::LEN];
    file.read_at(offset(at), &mut bytes).ok()?;
    let info = slot::parse(id, number, &bytes).ok()??;
    (info.state == slot::State::Live).then_some((bytes, info))
}

/// What lies in the keyring's folder.
#[derive(Default)]
pub(crate) struct Listing {
    /// Segments, in order.
    pub(crate) segments: Vec<u32>,
    /// Segments written anew that have not taken the place of the old ones yet.
    pub(crate) new: Vec<u32>,
    /// Whether a write of a whole file was cut short and left something.
    pub(crate) temporary: bool,
    /// Names that are neither of these, nor the head or the lock.
    pub(crate) others: Vec<String>,
}

pub(crate) fn list(disk: &Disk, dir: &Path) -> Result<Listing, KeyringError> {
    let mut listing = Listing::default();
    for name in disk.list(dir)? {
        let name = name.to_string_lossy().into_owned();
        if let Some(segment) = segment_of(&name, ".keys") {
            listing.segments.push(segment);
        } else if let Some(segment) = segment_of(&name, ".keys.new") {
            listing.new.push(segment);
        } else if name.starts_with(TEMPORARY) {
            listing.temporary = true;
        } else if name != crate::head::FILE && name != crate::LOCK_FILE {
            listing.others.push(name);
        }
    }
    Ok(listing)
}

fn segment_of(name: &str, ending: &str) -> Option<u32> {
    let digits = name.strip_suffix(ending)?;
    let plain = digits.len() == 8
        && digits
            .bytes()
            .all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    plain.then(|| u32::from_str_radix(digits, 16).ok())?
}
