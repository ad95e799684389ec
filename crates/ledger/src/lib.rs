//! The ledger: a transparency log to the letter of C2SP tlog-tiles, with the sealed bodies of its events beside it
//! (`docs/format/ledger.md`).
//!
//! New events go to the *growing edge*, which is one file that is appended and flushed once for a group. [`Tree::trim`]
//! moves them from there to full tiles and bundles; those of a large group are put there at once
//! ([`Tree::put_ahead`]). Partial tiles are never stored: those of any size are made when they are asked for. Nothing
//! here knows SQL, keys or what an event says; who may append, and in which order a commit is made durable, is the
//! application's matter (`docs/adr/0003-order-of-a-commit.md`).
//!
//! ```
//! use comity_core::checkpoint::{Checkpoint, LogSigner};
//! use comity_core::merkle::verify_inclusion;
//! use comity_ledger::{Record, Tree};
//! use comity_store::{Disk, Objects};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let folder = folder.path().to_owned();
//! let mut tree = Tree::open(Objects::local(folder, Disk::real())?)?;
//! tree.append(0, &[Record::new(b"first leaf".to_vec(), b"its sealed body".to_vec())])?;
//!
//! let checkpoint = Checkpoint { origin: "log.example/centre".into(), size: tree.size(), root: tree.root() };
//! let signer = LogSigner::new("log.example/centre", &[1; 32], &[2; 32])?;
//! tree.publish(&signer.sign(&checkpoint, 1_790_000_000)?)?;
//!
//! let proof = tree.inclusion_proof(0, 1)?;
//! verify_inclusion(0, 1, &tree.leaf_hash(0)?, &proof, &checkpoint.root)?;
//! # Ok(())
//! # }
//! ```

mod ahead;
mod bundle;
mod check;
mod checkpoint;
mod edge;
mod error;
mod export;
mod levels;
mod names;
mod parallel;
mod read;
mod record;
mod snapshot;
mod tree;
mod trim;

pub use ahead::Ahead;
pub use bundle::MAX_BODY;
pub use check::check;
pub use error::LedgerError;
pub use record::{Batch, Record, Stored, StoredRef};
pub use snapshot::Snapshot;
pub use tree::Tree;
