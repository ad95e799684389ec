//! What can go wrong between a byte string and a durable copy of it.

use std::{
    error::Error,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use crate::fault::Op;

/// Why the store could not do as asked. [`StoreError::is_fatal`] tells 'stop and recover' from 'try again'.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The operating system refused.
    #[error("could not {op} {}: {source}", path.display())]
    Io {
        /// What was attempted.
        op: Op,
        /// The file or folder.
        path: PathBuf,
        /// The reason given by the operating system.
        source: io::Error,
    },
    /// No space is left (ENOSPC), or the quota is used up (EDQUOT).
    #[error(
        "there is no room left on the disk to {op} {}: free some space, then try again; what was stored before is not affected",
        path.display()
    )]
    Full {
        /// What was attempted.
        op: Op,
        /// The file or folder.
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
    /// The object or file ends before the bytes that were asked for: it was cut, or the asker is mistaken.
    #[error("{name} is too short: {len} bytes were expected at {offset}")]
    Short {
        /// The object or file.
        name: String,
        /// Where the bytes were to begin.
        offset: u64,
        /// How many bytes were expected.
        len: u64,
    },
    /// The object store (S3) refused or could not be reached. What was sent may have been stored all the same.
    #[error("the object store could not {op} {name}: {source}")]
    Remote {
        /// What was attempted.
        op: Op,
        /// The object's name.
        name: String,
        /// The reason given by the object store.
        source: Box<dyn Error + Send + Sync>,
    },
    /// The object store (S3) has no room left, or its quota is used up.
    #[error(
        "there is no room left in the object store to {op} {name}: give it room or raise its quota, then try again; what was stored before is not affected"
    )]
    RemoteFull {
        /// What was attempted.
        op: Op,
        /// The object's name.
        name: String,
        /// The reason given by the object store.
        source: Box<dyn Error + Send + Sync>,
    },
    /// An object cannot be finished because an earlier write to it failed.
    #[error("{name} was not stored: an earlier write to it had failed")]
    Unfinished {
        /// The name that it would have had.
        name: String,
    },
    /// A name that could leave the store, or that not every kind of store can hold.
    #[error("{name:?} cannot name an object: {reason}")]
    BadName {
        /// The name as given.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The address of an object store cannot be read.
    #[error("the address {url:?} is not understood: {reason}")]
    BadUrl {
        /// The address as given.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl StoreError {
    /// Whether the caller must stop, open the store again and recover; if not, it may try again.
    ///
    /// Fatal is every failed flush, for whatever reason: the kernel may have dropped the pages that it could not
    /// write, and a second flush would report success. Fatal is also a write, rename or removal that failed for
    /// another reason than a full disk or a plain refusal (no permission, no such folder, name taken): it may or may
    /// not have taken place. Not fatal: failed reads, a full disk before the flush, refusals, and everything remote,
    /// since sending the same object again leads to the same state.
    pub fn is_fatal(&self) -> bool {
        match self {
            StoreError::Io { op, source, .. } => {
                op.flushes() || (op.changes_disk() && !is_refusal(source.kind()))
            }
            StoreError::Full { op, .. } => op.flushes(),
            StoreError::NotFound { .. }
            | StoreError::Short { .. }
            | StoreError::Remote { .. }
            | StoreError::RemoteFull { .. }
            | StoreError::Unfinished { .. }
            | StoreError::BadName { .. }
            | StoreError::BadUrl { .. } => false,
        }
    }

    pub(crate) fn io(op: Op, path: &Path, source: io::Error) -> StoreError {
        let path = path.to_path_buf();
        match source.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                StoreError::Full { op, path, source }
            }
            ErrorKind::NotFound if op == Op::Open => StoreError::NotFound {
                name: path.display().to_string(),
            },
            _ => StoreError::Io { op, path, source },
        }
    }

    pub(crate) fn remote(
        op: Op,
        name: &str,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> StoreError {
        let (name, source) = (name.to_owned(), source.into());
        match says_full(&source.to_string()) {
            true => StoreError::RemoteFull { op, name, source },
            false => StoreError::Remote { op, name, source },
        }
    }

    pub(crate) fn short(path: &Path, offset: u64, len: usize) -> StoreError {
        StoreError::Short {
            name: path.display().to_string(),
            offset,
            len: len as u64,
        }
    }
}

/// Whether a server's answer says that it is full. S3 itself never is; those who speak its language say so with codes of
/// their own: MinIO with 507, Ceph and others with 403 and the name of a quota. The client keeps the answer as text only.
fn says_full(answer: &str) -> bool {
    const CODES: [&str; 5] = [
        "<Code>XMinioStorageFull</Code>",
        "<Code>XMinioAdminBucketQuotaExceeded</Code>",
        "<Code>QuotaExceeded</Code>",
        "<Code>InsufficientStorage</Code>",
        "status code: 507 ",
    ];
    CODES.iter().any(|code| answer.contains(code))
}

/// Whether the kernel turned the call down before touching anything.
fn is_refusal(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::PermissionDenied
            | ErrorKind::NotFound
            | ErrorKind::AlreadyExists
            | ErrorKind::NotADirectory
            | ErrorKind::IsADirectory
            | ErrorKind::DirectoryNotEmpty
            | ErrorKind::InvalidFilename
            | ErrorKind::InvalidInput
            | ErrorKind::CrossesDevices
    )
}

impl From<StoreError> for io::Error {
    /// Keeps the kind of the cause, and the error itself as [`io::Error::get_ref`].
    fn from(error: StoreError) -> io::Error {
        let kind = match &error {
            StoreError::Io { source, .. } | StoreError::Full { source, .. } => source.kind(),
            StoreError::NotFound { .. } => ErrorKind::NotFound,
            StoreError::Short { .. } => ErrorKind::UnexpectedEof,
            StoreError::BadName { .. } | StoreError::BadUrl { .. } => ErrorKind::InvalidInput,
            StoreError::RemoteFull { .. } => ErrorKind::StorageFull,
            StoreError::Remote { .. } | StoreError::Unfinished { .. } => ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_and_try_again_are_told_apart() {
        let path = Path::new("ledger/edge");
        let fatal = |op, kind: ErrorKind| StoreError::io(op, path, kind.into()).is_fatal();
        let rows = [
            (Op::Sync, ErrorKind::Other, true),
            (Op::Sync, ErrorKind::StorageFull, true),
            (Op::Sync, ErrorKind::PermissionDenied, true),
            (Op::SyncDir, ErrorKind::Other, true),
            (Op::Write, ErrorKind::Other, true),
            (Op::Write, ErrorKind::ReadOnlyFilesystem, true),
            (Op::Rename, ErrorKind::Other, true),
            (Op::Write, ErrorKind::StorageFull, false),
            (Op::Write, ErrorKind::QuotaExceeded, false),
            (Op::Create, ErrorKind::StorageFull, false),
            (Op::Create, ErrorKind::PermissionDenied, false),
            (Op::Rename, ErrorKind::NotFound, false),
            (Op::Read, ErrorKind::Other, false),
            (Op::Lock, ErrorKind::Other, false),
        ];
        for (op, kind, expected) in rows {
            assert_eq!(fatal(op, kind), expected, "{op:?} {kind:?}");
        }
    }

    #[test]
    fn a_full_disk_is_said_in_words_for_people() {
        let error = StoreError::io(
            Op::Write,
            Path::new("vault/ab"),
            ErrorKind::StorageFull.into(),
        );
        assert!(matches!(error, StoreError::Full { .. }));
        let text = error.to_string();
        assert!(
            text.contains("no room left")
                && text.contains("free some space")
                && text.contains("vault/ab"),
            "{text}"
        );
    }
}
