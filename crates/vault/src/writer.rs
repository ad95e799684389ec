//! Writing packs.

use std::io::Write;

use comity_core::{Digest, ObjectId};
use comity_store::{ObjectWriter, Objects};

use crate::hashes::{Sha256, sha256};
use crate::pack::{HEADER_LEN, Header, IndexEntry, PackId, Trailer};
use crate::{SealedObject, VaultError};

/// Where an object lies: enough to open it, with its key and id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The pack.
    pub pack: PackId,
    /// Where its sealed bytes begin, from the start of the pack.
    pub offset: u64,
    /// The length of its sealed bytes.
    pub len: u64,
}

/// Where an object was put, and the digest by which anyone can check it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed {
    /// The pack.
    pub pack: PackId,
    /// Where its sealed bytes begin, from the start of the pack.
    pub offset: u64,
    /// The length of its sealed bytes.
    pub len: u64,
    /// SHA-256 of its sealed bytes.
    pub sha256: Digest,
}

impl From<Placed> for Place {
    fn from(placed: Placed) -> Self {
        Self {
            pack: placed.pack,
            offset: placed.offset,
            len: placed.len,
        }
    }
}

/// A pack that is being written: of one originator and one case, many small objects or one
/// large. Dropped before it is committed, it leaves nothing.
pub struct PackWriter {
    pack: PackId,
    out: ObjectWriter,
    offset: u64,
    index: Vec<u8>,
    objects: u32,
    /// Header so far; index and trailer follow.
    digest: Sha256,
    given_up: bool,
}

impl PackWriter {
    pub(crate) fn create(
        objects: &Objects,
        pack: PackId,
        scope_key: u64,
    ) -> Result<Self, VaultError> {
        let mut out = objects.writer(&pack.name())?;
        let header = Header { pack, scope_key }.encode();
        let mut digest = Sha256::new();
        digest.update(&header);
        out.write_all(&header).map_err(VaultError::of_io)?;
        Ok(Self {
            pack,
            out,
            offset: HEADER_LEN as u64,
            index: Vec::new(),
            objects: 0,
            digest,
            given_up: false,
        })
    }

    /// The pack's id.
    pub fn pack(&self) -> PackId {
        self.pack
    }

    /// Bytes so far, without index and trailer.
    pub fn size(&self) -> u64 {
        self.offset
    }

    /// Objects so far.
    pub fn objects(&self) -> u32 {
        self.objects
    }

    /// Adds what [`crate::encode_small`] made.
    ///
    /// # Errors
    /// [`VaultError::Store`]; after it the pack is given up.
    pub fn add(&mut self, sealed: &SealedObject) -> Result<Placed, VaultError> {
        self.append(sealed.object, &sealed.bytes, sealed.sha256)
    }

    /// Adds sealed bytes as another vault holds them.
    ///
    /// # Errors
    /// As [`PackWriter::add`].
    pub fn add_sealed(&mut self, object: ObjectId, sealed: &[u8]) -> Result<Placed, VaultError> {
        self.append(object, sealed, sha256(sealed))
    }

    fn append(
        &mut self,
        object: ObjectId,
        bytes: &[u8],
        sha256: Digest,
    ) -> Result<Placed, VaultError> {
        self.begin()?;
        self.out.write_all(bytes).map_err(VaultError::of_io)?;
        self.end(object, bytes.len() as u64, sha256)
    }

    /// Marks the pack as given up until [`PackWriter::end`]: an error in between leaves half
    /// an object behind.
    pub(crate) fn begin(&mut self) -> Result<&mut ObjectWriter, VaultError> {
        if self.given_up {
            return Err(VaultError::GivenUp);
        }
        if self.objects == u32::MAX {
            return Err(VaultError::TooMany {
                what: "the number of objects in a pack",
            });
        }
        self.given_up = true;
        Ok(&mut self.out)
    }

    /// Enters the object whose bytes were written since [`PackWriter::begin`].
    pub(crate) fn end(
        &mut self,
        object: ObjectId,
        len: u64,
        sha256: Digest,
    ) -> Result<Placed, VaultError> {
        let placed = Placed {
            pack: self.pack,
            offset: self.offset,
            len,
            sha256,
        };
        let entry = IndexEntry {
            object,
            offset: self.offset,
            len,
            sha256,
        };
        self.index.extend_from_slice(&entry.encode());
        self.objects += 1;
        self.offset += len;
        self.given_up = false;
        Ok(placed)
    }

    /// Writes index and trailer. The pack is neither visible nor durable until it is given to
    /// [`crate::Vault::commit`].
    ///
    /// # Errors
    /// [`VaultError::Store`], or [`VaultError::GivenUp`] after an earlier error.
    pub fn finish(mut self) -> Result<UnsyncedPack, VaultError> {
        if self.given_up {
            return Err(VaultError::GivenUp);
        }
        let covered = Trailer::covered(self.offset, self.objects);
        self.digest.update(&self.index);
        self.digest.update(&covered);
        let digest = self.digest.finish();
        for part in [&self.index[..], &covered, &digest.0] {
            self.out.write_all(part).map_err(VaultError::of_io)?;
        }
        let size = self.offset + (self.index.len() + covered.len() + digest.0.len()) as u64;
        Ok(UnsyncedPack {
            pack: self.pack,
            size,
            objects: self.objects,
            writer: self.out,
        })
    }
}

/// A pack whose bytes are written but not yet durable. Dropped, it leaves nothing.
pub struct UnsyncedPack {
    pub(crate) pack: PackId,
    pub(crate) size: u64,
    pub(crate) objects: u32,
    pub(crate) writer: ObjectWriter,
}

impl UnsyncedPack {
    /// The pack's id.
    pub fn pack(&self) -> PackId {
        self.pack
    }

    /// The size of the whole file, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How many objects it holds.
    pub fn objects(&self) -> u32 {
        self.objects
    }
}
