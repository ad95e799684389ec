//! What can be wrong with sealed bytes.

use std::io;

/// Why sealed bytes did not open.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The commitment differs: another key, another context, or damage to the first 56 bytes.
    /// No chunk was tried.
    #[error(
        "the key or the context is not the one this was sealed with, or its first 56 bytes are damaged"
    )]
    WrongKey,
    /// A chunk's tag does not agree with its bytes, its place or its being the last one.
    #[error("chunk {chunk} of the sealed bytes is damaged")]
    Damaged {
        /// The chunk, from 0; it begins at byte 56 + 16,400 × `chunk`.
        chunk: u64,
    },
    /// The length is one that no sealing makes: bytes were cut off (or added at the end).
    #[error(
        "the sealed bytes have a length that no sealing makes: they were cut short or added to"
    )]
    TooShort,
    /// A range past the end was asked for.
    #[error("bytes {offset} to {end} were asked for, but the clear text ends at {len}")]
    OutOfRange {
        /// Where the range begins.
        offset: u64,
        /// Where it would end.
        end: u64,
        /// The clear length, in bytes.
        len: u64,
    },
    /// The source could not be read.
    #[error("the sealed bytes could not be read: {0}")]
    Io(#[from] io::Error),
}
