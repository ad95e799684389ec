//! The ledger: a transparency log in tiles, with the sealed bodies of its events beside it.

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
mod tree;

pub use bundle::MAX_BODY;
pub use check::check;
pub use error::LedgerError;
pub use record::{Batch, Record, Stored, StoredRef};
pub use tree::Tree;
