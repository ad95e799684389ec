//! Sealing: C2SP chunked-encryption with AES-256-GCM ("Cobblestone-256", C2SP at 5ba5ee8),
//! as `docs/format/vault.md` writes it down.
//!
//! What is sealed commits to its key: nobody can make bytes that two keys open to two
//! different things. It is read by range, chunk by chunk, and a changed byte is placed to
//! its chunk. This crate is pure: salts and keys are arguments, and it touches no disk.
//!
//! ```
//! use comity_seal::{Key, Opener, SealError, open, seal};
//!
//! let key = Key::new([7; 32]);
//! let mut sealed = seal(&key, [1; 24], b"report 12", b"what the witness said");
//! assert_eq!(open(&key, b"report 12", &sealed)?, b"what the witness said");
//!
//! // The context belongs to the seal: what was sealed as one thing does not open as another.
//! assert!(matches!(open(&key, b"report 13", &sealed), Err(SealError::WrongKey)));
//!
//! // A range is read without opening the rest.
//! let opener = Opener::new(&key, b"report 12", &sealed[..])?;
//! let mut word = [0; 7];
//! opener.read_at(9, &mut word)?;
//! assert_eq!(&word, b"witness");
//!
//! // A changed byte is found and placed.
//! sealed[60] ^= 1;
//! assert!(matches!(open(&key, b"report 12", &sealed), Err(SealError::Damaged { chunk: 0 })));
//! # Ok::<(), SealError>(())
//! ```

mod column;
mod derive;
mod error;
mod key;
mod layout;
mod opener;
mod sealer;
mod tag;

pub use column::{open_column, seal_column};
pub use error::SealError;
pub use key::Key;
pub use layout::{
    CHUNK_LEN, HEADER_LEN, SALT_LEN, SEALED_CHUNK_LEN, TAG_LEN, clear_len, sealed_len,
};
pub use opener::{Opener, ReadAt, open};
pub use sealer::{Sealer, seal, seal_into, seal_parts_into};
pub use tag::tag;
