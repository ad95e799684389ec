//! The vault: sealed objects in packs, on any object store (`docs/format/vault.md`).
//!
//! An *object* is the bytes of one item, compressed when it pays and sealed with its own
//! data key. A *pack* is a file of objects of one originator and one case. The vault holds no
//! key: what it keeps can be checked, copied and moved by a host that cannot read it.
//!
//! ```
//! use comity_core::ObjectId;
//! use comity_seal::Key;
//! use comity_store::{Disk, Objects};
//! use comity_vault::{Also, Hashes, Scratch, Vault, encode_small};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let folder = tempfile::tempdir()?;
//! let vault = Vault::new(Objects::local(folder.path().to_owned(), Disk::real())?);
//!
//! let statement = b"On the morning of the third I saw the column pass.";
//! let (key, object) = (Key::new([7; 32]), ObjectId([1; 16]));
//! let mut pack = vault.pack(12, [2; 16])?;
//! let placed = pack.add(&encode_small(statement, &key, object, [3; 24], &mut Scratch::new()))?;
//! vault.commit(vec![pack.finish()?])?;
//!
//! let reader = vault.open_object(&placed.into(), &key, object)?;
//! assert_eq!(reader.read_range(7, 7)?, b"morning");
//! let mut hasher = comity_vault::Hasher::new(Also::default());
//! reader.copy_to(&mut hasher)?;
//! assert_eq!(hasher.finish(), Hashes::of(statement, Also::default()));
//!
//! // Without any key:
//! for file in vault.packs()? {
//!     assert_eq!(vault.check_pack(&file.name)?, []);
//! }
//! # Ok(())
//! # }
//! ```

mod check;
mod copy;
mod error;
mod hashes;
mod index;
mod object;
mod pack;
mod reader;
mod second;
mod small;
mod stream;
mod vault;
mod writer;

pub use check::PackFinding;
pub use copy::CopiedPack;
pub use error::VaultError;
pub use hashes::{Also, Hasher, Hashes};
pub use index::PackIndex;
pub use object::Codec;
pub use pack::{IndexEntry, PackId};
pub use reader::{ObjectReader, PackReader, ReadScratch};
pub use small::{Scratch, SealedObject, encode_small};
pub use stream::Streaming;
pub use vault::{PackFile, Vault};
pub use writer::{PackWriter, Place, Placed, UnsyncedPack};

/// Original bytes from which on an object is large: taken in as a stream, in a pack of its own.
pub const LARGE_LEN: u64 = 4 << 20;
/// The size, in bytes, at which a pack of small objects is finished and another begun.
pub const PACK_LEN: u64 = 16 << 20;
