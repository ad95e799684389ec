//! What can go wrong between a byte string and a durable copy of it.

use std::{io, path::PathBuf};

use crate::fault::Op;

/// Why the store could not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("{op} failed on {}: {source}", path.display())]
    Io {
        /// What was attempted.
        op: Op,
        /// The file or folder.
        path: PathBuf,
        /// The reason given by the operating system.
        source: io::Error,
    },
    /// No space is left (ENOSPC) or the quota is used up (EDQUOT).
    #[error("the disk that holds {} is full: free some space, then try again; nothing that was already stored is affected", path.display())]
    Full {
        /// The file or folder that was being written.
        path: PathBuf,
        /// The reason given by the operating system.
        source: io::Error,
    },
    /// There is no object or file of this name.
    #[error("{name} is not in the store")]
    NotFound {
        /// The name asked for.
        name: String,
    },
    /// The object store (S3) refused or could not be reached.
    #[error("{op} of {name} failed in the object store: {reason}")]
    Remote {
        /// What was attempted.
        op: Op,
        /// The object's name.
        name: String,
        /// The reason given by the object store.
        reason: String,
    },
    /// A name that could leave the store or that a file system cannot hold.
    #[error("{name:?} cannot name an object: {reason}")]
    BadName {
        /// The name as given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl StoreError {
    /// Whether the caller must stop and recover rather than try again.
    pub fn is_fatal(&self) -> bool {
        todo!()
    }
}

impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> io::Error {
        io::Error::other(error)
    }
}
