//! What can go wrong between a caller and the vault.

use std::io;

use comity_core::ObjectId;
use comity_seal::SealError;
use comity_store::StoreError;

/// Why the vault could not do as asked. Damage names the pack or object and the byte.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// The store refused, or holds no such pack.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bytes that are being taken in could not be read. Nothing was kept.
    #[error("the source could not be read: {0}")]
    Source(io::Error),
    /// The receiver of an object's bytes refused them.
    #[error("the bytes could not be handed on: {0}")]
    Sink(io::Error),
    /// The object was not sealed with this key under this id.
    #[error(
        "object {object} was not sealed with this key, lies elsewhere, or its first 56 bytes are damaged"
    )]
    WrongKey {
        /// The object that was asked for.
        object: ObjectId,
    },
    /// A chunk of an object does not open.
    #[error("object {object} is damaged in the {len} bytes from byte {at} of its pack")]
    DamagedChunk {
        /// The object.
        object: ObjectId,
        /// Where the damaged chunk begins, in bytes from the start of the pack.
        at: u64,
        /// The length of the chunk, in bytes.
        len: u64,
    },
    /// An object opens but is not built as `docs/format/vault.md` says: a program wrote it wrongly.
    #[error("object {object} opens but is not an object of this format: {what}")]
    Malformed {
        /// The object.
        object: ObjectId,
        /// What is wrong with it.
        what: &'static str,
    },
    /// A pack's header, index or trailer is damaged, or an object lies outside of the pack.
    #[error("{pack} is damaged near byte {at}: {what}")]
    DamagedPack {
        /// The pack's name in the store.
        pack: String,
        /// Where, in bytes from its start.
        at: u64,
        /// What is wrong there.
        what: &'static str,
    },
    /// Neither the first store nor the mirror has it whole.
    #[error("{first}; and the mirror does not have it whole either: {mirror}")]
    Nowhere {
        /// What is wrong in the first store.
        first: Box<VaultError>,
        /// What is wrong in the mirror.
        mirror: Box<VaultError>,
    },
    /// A range past the end of the object was asked for.
    #[error("{len} bytes from byte {offset} were asked for, but object {object} has {size} bytes")]
    OutOfRange {
        /// The object.
        object: ObjectId,
        /// Where the range begins, in bytes.
        offset: u64,
        /// Its length, in bytes.
        len: u64,
        /// The object's size, in bytes.
        size: u64,
    },
    /// An earlier error left half an object in the pack that is being written; drop it and begin another.
    #[error("the pack that is being written was given up after an earlier error")]
    GivenUp,
    /// A pack or object grew past what its format can count.
    #[error("{what} is more than the format can count")]
    TooMany {
        /// What grew.
        what: &'static str,
    },
}

impl VaultError {
    /// The error of reading an object that lies at `offset` in its pack.
    pub(crate) fn of_seal(
        error: SealError,
        object: ObjectId,
        offset: u64,
        sealed_len: u64,
    ) -> Self {
        match error {
            SealError::WrongKey => Self::WrongKey { object },
            SealError::Damaged { chunk } => {
                let within =
                    comity_seal::HEADER_LEN as u64 + chunk * comity_seal::SEALED_CHUNK_LEN as u64;
                let len =
                    (comity_seal::SEALED_CHUNK_LEN as u64).min(sealed_len.saturating_sub(within));
                Self::DamagedChunk {
                    object,
                    at: offset.saturating_add(within),
                    len,
                }
            }
            SealError::TooShort => Self::Malformed {
                object,
                what: "no sealing makes this length: the place that was given for it is wrong",
            },
            SealError::OutOfRange { offset, end, len } => Self::OutOfRange {
                object,
                offset,
                len: end - offset,
                size: len,
            },
            SealError::Io(error) => Self::of_io(error),
        }
    }

    /// Takes a store's error out of the I/O error that carried it.
    pub(crate) fn of_io(error: io::Error) -> Self {
        match error.downcast::<StoreError>() {
            Ok(error) => Self::Store(error),
            Err(error) => Self::Source(error),
        }
    }
}
