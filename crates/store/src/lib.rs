//! The one place where bytes become durable, and the one place where faults are injected.
//!
//! [`Disk`] is the local file system, one call for each durable step. [`Objects`] is a store of named byte strings in
//! a local folder or on S3. Vault, ledger and keyring reach durable state through these two alone, so a test that
//! brings its own [`Faults`] sees every write, flush and rename that they depend on, and decides what becomes of it.
//!
//! A call that returns `Ok` has made its bytes durable, where its documentation says so. Of a call that fails, or that
//! a crash interrupts, an object shows the old or the new content, whole. [`StoreError::is_fatal`] tells whether to
//! stop and recover or to try again.
//!
//! ```
//! use comity_store::{Disk, Objects};
//!
//! let folder = tempfile::tempdir()?;
//! let objects = Objects::local(folder.path().join("centre"), Disk::real())?;
//! objects.put("vault/ab/ab01", b"sealed bytes")?;
//! assert_eq!(objects.get_range("vault/ab/ab01", 7, 5)?, b"bytes");
//! assert_eq!(objects.list("vault/")?, [("vault/ab/ab01".to_owned(), 12)]);
//! assert_eq!(objects.get("vault/ab/ab02")?, None);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod disk;
mod error;
mod fault;
mod file;
#[cfg(any(debug_assertions, feature = "faults"))]
mod harness;
mod local;
mod name;
mod objects;
mod remote;
mod twin;
mod workspace;

pub use disk::Disk;
pub use error::StoreError;
pub use fault::{Call, Faults, Op, Outcome};
pub use file::{DiskFile, FileLock};
pub use objects::{ObjectReader, ObjectWriter, Objects};
pub use remote::Credentials;
pub use twin::{Keeper, Lack};
