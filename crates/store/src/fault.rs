//! Where faults are injected.

use std::{fmt, io, path::Path};

/// An operation that a [`Faults`] may answer for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// A file is made.
    Create,
    /// An existing file is opened.
    Open,
    /// Bytes are written to a file.
    Write,
    /// A file is cut or lengthened.
    SetLen,
    /// A file is flushed (fdatasync).
    Sync,
    /// A folder is flushed (fsync).
    SyncDir,
    /// A file or folder is renamed.
    Rename,
    /// A file or folder is removed.
    Remove,
    /// A folder is made.
    CreateDir,
    /// A file is locked.
    Lock,
    /// Bytes are read.
    Read,
    /// Names are listed.
    List,
    /// An object is sent to S3.
    Put,
    /// An object is removed from S3.
    Delete,
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// One call, as a [`Faults`] sees it before it is made.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// What is about to happen.
    pub op: Op,
    /// The file or folder; for S3, the object's name.
    pub path: &'a Path,
}

/// What is to become of a call.
#[derive(Debug)]
pub enum Outcome {
    /// It is made.
    Go,
    /// It is not made and fails.
    Fail(io::Error),
    /// It is made and yet reported as failed: 'reported failed but was stored'.
    DoThenFail(io::Error),
    /// Only the first so many bytes are written, then it fails with EIO; where no bytes are written, as `Fail`.
    Torn(usize),
    /// The process ends at once (abort), as by kill -9.
    Kill,
}

/// Decides, before each call, what becomes of it.
pub trait Faults: Send + Sync {
    /// Called just before each call.
    fn before(&self, call: &Call<'_>) -> Outcome;
}
