//! Reading a pack's index.

use std::ops::ControlFlow;

use comity_core::Digest;
use comity_store::{ObjectReader as File, StoreError};

use crate::VaultError;
use crate::hashes::Sha256;
use crate::pack::{
    ENTRY_LEN, HEADER_LEN, Header, IndexEntry, PackId, TRAILER_DIGEST_AT, TRAILER_LEN, Trailer,
};

/// Entries read from the store in one go (256 KiB).
const BATCH: u64 = 4096;

/// What a pack says that it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackIndex {
    /// The pack's id.
    pub pack: PackId,
    /// The number of the scope key (originator and case) under which its data keys are wrapped.
    pub scope_key: u64,
    /// Its objects, in the order in which they lie.
    pub objects: Vec<IndexEntry>,
    /// The digest in its trailer: it covers header, index and trailer, and by the digests in the index every byte.
    pub digest: Digest,
}

/// Something wrong with a pack's header, index or trailer: where (byte), and what.
pub(crate) type Fault = (u64, &'static str);

impl PackIndex {
    pub(crate) fn read(name: &str, file: &File) -> Result<Self, VaultError> {
        let damaged = |(at, what)| VaultError::DamagedPack {
            pack: name.to_owned(),
            at,
            what,
        };
        let ends = Ends::read(name, file)?;
        let (header, trailer) = (
            ends.header.map_err(damaged)?,
            ends.trailer.map_err(damaged)?,
        );
        let mut objects = Vec::new();
        let mut next = HEADER_LEN as u64;
        let mut fault = None;
        let digest = walk_index(file, &ends, &trailer, |nth, entry| {
            objects.push(entry);
            match follows(&mut next, nth, &entry, &trailer) {
                Ok(()) => ControlFlow::Continue(()),
                Err(at) => {
                    fault = Some(at);
                    ControlFlow::Break(())
                }
            }
        })?;
        if let Some(fault) = fault {
            return Err(damaged(fault));
        }
        if next != trailer.index_at {
            return Err(damaged((next, GAP)));
        }
        if !digest {
            return Err(damaged((trailer.index_at, DIGEST)));
        }
        Ok(Self {
            pack: header.pack,
            scope_key: header.scope_key,
            objects,
            digest: trailer.digest,
        })
    }
}

pub(crate) const DIGEST: &str =
    "header, index and trailer do not agree with the digest in the trailer: one of them is damaged";
pub(crate) const GAP: &str = "there are bytes that belong to no object";
const ELSEWHERE: &str =
    "an index entry does not begin where the object before it ends, or ends outside of the pack";

/// Holds that objects lie one after the other; `next` is where the next must begin. The fault
/// is placed in the index.
pub(crate) fn follows(
    next: &mut u64,
    nth: u64,
    entry: &IndexEntry,
    trailer: &Trailer,
) -> Result<(), Fault> {
    match entry.end() {
        Some(end) if entry.offset == *next && end <= trailer.index_at => {
            *next = end;
            Ok(())
        }
        _ => Err((trailer.index_at + nth * ENTRY_LEN as u64, ELSEWHERE)),
    }
}

/// Header and trailer, as far as they can be understood, and their bytes.
pub(crate) struct Ends {
    pub(crate) header: Result<Header, Fault>,
    pub(crate) trailer: Result<Trailer, Fault>,
    header_bytes: [u8; HEADER_LEN],
    trailer_bytes: [u8; TRAILER_LEN],
}

impl Ends {
    /// Reads both ends of a pack and holds its header against its name.
    pub(crate) fn read(name: &str, file: &File) -> Result<Self, StoreError> {
        let size = file.size();
        let mut header_bytes = [0; HEADER_LEN];
        let mut trailer_bytes = [0; TRAILER_LEN];
        let Some(trailer_at) = size
            .checked_sub(TRAILER_LEN as u64)
            .filter(|at| *at >= HEADER_LEN as u64)
        else {
            let fault = (size, "it is too short to be a pack");
            return Ok(Self {
                header: Err(fault),
                trailer: Err(fault),
                header_bytes,
                trailer_bytes,
            });
        };
        file.read_at(0, &mut header_bytes)?;
        file.read_at(trailer_at, &mut trailer_bytes)?;
        let header = match Header::parse(&header_bytes) {
            Ok(header) if PackId::of_name(name) != Some(header.pack) => Err((
                16,
                "its header says another pack than its name: files were swapped, copied or renamed",
            )),
            other => other.map_err(|what| (0, what)),
        };
        let trailer = Trailer::parse(&trailer_bytes, size).map_err(|what| (trailer_at, what));
        Ok(Self {
            header,
            trailer,
            header_bytes,
            trailer_bytes,
        })
    }
}

/// Shows every index entry, in order, with bounded memory; whether the digest over header,
/// index and trailer is right (also `true` when `see` breaks off).
pub(crate) fn walk_index(
    file: &File,
    ends: &Ends,
    trailer: &Trailer,
    mut see: impl FnMut(u64, IndexEntry) -> ControlFlow<()>,
) -> Result<bool, StoreError> {
    let mut digest = Sha256::new();
    digest.update(&ends.header_bytes);
    let count = u64::from(trailer.objects);
    let mut buffer = Vec::new();
    let mut done = 0;
    while done < count {
        let now = BATCH.min(count - done);
        buffer.resize(now as usize * ENTRY_LEN, 0);
        file.read_at(trailer.index_at + done * ENTRY_LEN as u64, &mut buffer)?;
        digest.update(&buffer);
        for (nth, bytes) in (done..).zip(buffer.as_chunks::<ENTRY_LEN>().0) {
            if see(nth, IndexEntry::parse(bytes)).is_break() {
                return Ok(true);
            }
        }
        done += now;
    }
    digest.update(&ends.trailer_bytes[..TRAILER_DIGEST_AT]);
    Ok(digest.finish() == trailer.digest)
}
