//! The one place where bytes become durable, and the one place where faults are injected.
//!
//! [`Disk`] wraps the local file system, [`Objects`] is a store of named, immutable byte strings on a local
//! folder or on S3. Ledger, vault and keyring reach durable state through these two alone, so a test that
//! passes its own [`Faults`] sees every write, flush and rename that the program depends on.

mod disk;
mod error;
mod fault;
mod objects;

pub use disk::{Disk, DiskFile, FileLock};
pub use error::StoreError;
pub use fault::{Call, Faults, Op, Outcome};
pub use objects::{Credentials, ObjectReader, ObjectWriter, Objects};
