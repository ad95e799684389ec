//! Copying packs from one store to another, byte for byte and checked on the way.

use comity_core::Digest;
use comity_store::ObjectReader as File;

use crate::hashes::Sha256;
use crate::index::DIGEST;
use crate::pack::{HEADER_LEN, TRAILER_DIGEST_AT, TRAILER_LEN};
use crate::{UnsyncedPack, Vault, VaultError};

/// Bytes copied in one go.
const PIECE: u64 = 1 << 20;

/// A pack whose bytes are written to another store, and not yet durable.
pub struct CopiedPack {
    /// To be given to [`Vault::commit`] of the other store.
    pub pack: UnsyncedPack,
    /// The digest in its trailer.
    pub digest: Digest,
}

impl Vault {
    /// Copies a pack of this vault to another, and holds each of its objects against its digest on the way. Nothing
    /// appears there before it is committed. `pace` is told of every piece how many bytes it had.
    ///
    /// # Errors
    /// [`VaultError::DamagedPack`] says where this vault's pack is damaged; [`VaultError::Store`].
    pub fn copy_pack(
        &self,
        name: &str,
        to: &Vault,
        pace: &mut dyn FnMut(u64),
    ) -> Result<CopiedPack, VaultError> {
        let index = self.read_pack_index(name)?;
        let file = self.store().reader(name)?;
        let damaged = |at, what| VaultError::DamagedPack {
            pack: name.to_owned(),
            at,
            what,
        };
        let mut out = to.store().writer(name)?;
        let mut covered = Sha256::new();
        let mut at = HEADER_LEN as u64;
        copy(&file, 0, at, pace, &mut |bytes| {
            covered.update(bytes);
            Ok(out.append(bytes)?)
        })?;
        for entry in &index.objects {
            let mut digest = Sha256::new();
            copy(&file, entry.offset, entry.len, pace, &mut |bytes| {
                digest.update(bytes);
                Ok(out.append(bytes)?)
            })?;
            if digest.finish() != entry.sha256 {
                return Err(damaged(
                    entry.offset,
                    "an object does not agree with its digest in the index",
                ));
            }
            at = entry.offset + entry.len;
        }
        // The index is read a second time; what is copied is held against the digest, not what was read before.
        let digest_at = file.size() - (TRAILER_LEN - TRAILER_DIGEST_AT) as u64;
        copy(&file, at, digest_at - at, pace, &mut |bytes| {
            covered.update(bytes);
            Ok(out.append(bytes)?)
        })?;
        let mut told = [0; TRAILER_LEN - TRAILER_DIGEST_AT];
        file.read_at(digest_at, &mut told)?;
        out.append(&told)?;
        if covered.finish() != index.digest || told != index.digest.0 {
            return Err(damaged(at, DIGEST));
        }
        Ok(CopiedPack {
            pack: UnsyncedPack {
                pack: index.pack,
                size: file.size(),
                objects: index.objects.len() as u32,
                writer: out,
            },
            digest: index.digest,
        })
    }
}

fn copy(
    file: &File,
    from: u64,
    len: u64,
    pace: &mut dyn FnMut(u64),
    each: &mut dyn FnMut(&[u8]) -> Result<(), VaultError>,
) -> Result<(), VaultError> {
    let mut buffer = vec![0; PIECE.min(len) as usize];
    let mut done = 0;
    while done < len {
        let now = PIECE.min(len - done);
        let piece = &mut buffer[..now as usize];
        file.read_at(from + done, piece)?;
        each(piece)?;
        pace(now);
        done += now;
    }
    Ok(())
}
