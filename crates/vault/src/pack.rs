//! The layout of a pack (`docs/format/vault.md`, "Pack"): header, objects, index, trailer.

use std::fmt;

use comity_core::{Digest, ObjectId, hex, unhex};

/// A reader that finds fewer bytes than this has no pack before it.
pub(crate) const HEADER_LEN: usize = 64;
pub(crate) const TRAILER_LEN: usize = 64;
pub(crate) const ENTRY_LEN: usize = 64;
/// The trailer's digest covers the trailer up to here.
pub(crate) const TRAILER_DIGEST_AT: usize = 32;

const HEADER_MAGIC: &[u8; 8] = b"CMTYPACK";
const TRAILER_MAGIC: &[u8; 8] = b"CMTYPEND";
const VERSION: u16 = 1;

/// The id of a pack: 16 random bytes, and its name in hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackId(pub [u8; 16]);

impl PackId {
    /// The pack's name in the store: `vault/3f/3f…`.
    pub fn name(&self) -> String {
        let id = hex(&self.0);
        format!("vault/{}/{id}", &id[..2])
    }

    /// The id that a name in the store says, or `None` if no pack has such a name.
    pub fn of_name(name: &str) -> Option<Self> {
        let (folder, id) = name.strip_prefix("vault/")?.split_once('/')?;
        let bytes = unhex(id)?.try_into().ok()?;
        id.starts_with(folder).then_some(())?;
        (folder.len() == 2).then_some(Self(bytes))
    }
}

impl From<[u8; 16]> for PackId {
    fn from(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for PackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for PackId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PackId({self})")
    }
}

/// The first 64 bytes of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) pack: PackId,
    pub(crate) scope_key: u64,
}

impl Header {
    pub(crate) fn encode(&self) -> [u8; HEADER_LEN] {
        let mut out = [0; HEADER_LEN];
        out[..8].copy_from_slice(HEADER_MAGIC);
        out[8..10].copy_from_slice(&VERSION.to_be_bytes());
        out[16..32].copy_from_slice(&self.pack.0);
        out[32..40].copy_from_slice(&self.scope_key.to_be_bytes());
        out
    }

    pub(crate) fn parse(bytes: &[u8; HEADER_LEN]) -> Result<Self, &'static str> {
        if &bytes[..8] != HEADER_MAGIC {
            return Err("it does not begin with CMTYPACK");
        }
        if bytes[8..10] != VERSION.to_be_bytes() {
            return Err("its version is not 1: it needs a newer program");
        }
        if bytes[10..16]
            .iter()
            .chain(&bytes[40..])
            .any(|byte| *byte != 0)
        {
            return Err("reserved bytes of its header are not zero");
        }
        Ok(Self {
            pack: PackId(array(bytes, 16)),
            scope_key: u64::from_be_bytes(array(bytes, 32)),
        })
    }
}

/// Where one object lies in a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// The object.
    pub object: ObjectId,
    /// Where its sealed bytes begin, from the start of the pack.
    pub offset: u64,
    /// The length of its sealed bytes.
    pub len: u64,
    /// SHA-256 of its sealed bytes.
    pub sha256: Digest,
}

impl IndexEntry {
    pub(crate) fn encode(&self) -> [u8; ENTRY_LEN] {
        let mut out = [0; ENTRY_LEN];
        out[..16].copy_from_slice(&self.object.0);
        out[16..24].copy_from_slice(&self.offset.to_be_bytes());
        out[24..32].copy_from_slice(&self.len.to_be_bytes());
        out[32..].copy_from_slice(&self.sha256.0);
        out
    }

    pub(crate) fn parse(bytes: &[u8; ENTRY_LEN]) -> Self {
        Self {
            object: ObjectId(array(bytes, 0)),
            offset: u64::from_be_bytes(array(bytes, 16)),
            len: u64::from_be_bytes(array(bytes, 24)),
            sha256: Digest(array(bytes, 32)),
        }
    }

    /// Where the object ends, or `None` if no pack reaches there.
    pub(crate) fn end(&self) -> Option<u64> {
        self.offset.checked_add(self.len)
    }
}

/// The last 64 bytes of a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trailer {
    pub(crate) index_at: u64,
    pub(crate) objects: u32,
    /// SHA-256 of header ‖ index ‖ the 32 bytes of the trailer before it.
    pub(crate) digest: Digest,
}

impl Trailer {
    /// The part of the trailer that its digest covers.
    pub(crate) fn covered(index_at: u64, objects: u32) -> [u8; TRAILER_DIGEST_AT] {
        let mut out = [0; TRAILER_DIGEST_AT];
        out[..8].copy_from_slice(TRAILER_MAGIC);
        out[8..16].copy_from_slice(&index_at.to_be_bytes());
        out[16..20].copy_from_slice(&objects.to_be_bytes());
        out
    }

    /// Reads a trailer and holds it against the size of the pack.
    pub(crate) fn parse(bytes: &[u8; TRAILER_LEN], size: u64) -> Result<Self, &'static str> {
        if &bytes[..8] != TRAILER_MAGIC {
            return Err(
                "it does not end with a trailer (CMTYPEND): it was cut short, or its end is damaged",
            );
        }
        if bytes[20..TRAILER_DIGEST_AT].iter().any(|byte| *byte != 0) {
            return Err("reserved bytes of its trailer are not zero");
        }
        let trailer = Self {
            index_at: u64::from_be_bytes(array(bytes, 8)),
            objects: u32::from_be_bytes(array(bytes, 16)),
            digest: Digest(array(bytes, TRAILER_DIGEST_AT)),
        };
        let index_len = u64::from(trailer.objects) * ENTRY_LEN as u64;
        let expected = trailer.index_at.checked_add(index_len + TRAILER_LEN as u64);
        if trailer.index_at < HEADER_LEN as u64 || expected != Some(size) {
            return Err(
                "its size is not the one that its trailer says: bytes were cut out or added",
            );
        }
        Ok(trailer)
    }
}

/// `N` bytes from `at`, which the caller knows to be there.
fn array<const N: usize>(bytes: &[u8; 64], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_the_id_and_only_a_packs_name_does() {
        let id = PackId([0x3f; 16]);
        let name = id.name();
        assert_eq!(name, "vault/3f/3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f");
        assert_eq!(PackId::of_name(&name), Some(id));
        for wrong in [
            "vault/3e/3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f",
            "vault/3F/3F3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f",
            "vault/3f/3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f",
            "vault/3/3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f",
            "vault/3f/3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f.tmp",
            "ledger/3f/3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f3f",
            "vault/3f",
        ] {
            assert_eq!(PackId::of_name(wrong), None, "{wrong}");
        }
    }
}
