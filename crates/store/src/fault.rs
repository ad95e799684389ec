//! Where faults are injected: every call of [`crate::Disk`] and [`crate::Objects`] is shown to a [`Faults`] first.

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
    /// Bytes are read, or a size is asked for.
    Read,
    /// Names are listed.
    List,
    /// An object, or a part of one, is sent to S3.
    Put,
    /// An object is removed from S3.
    Delete,
    /// A transaction of the database is about to be committed, or has just been.
    Commit,
}

impl Op {
    /// Whether the operation changes durable state, local or remote.
    pub fn is_durable(self) -> bool {
        self.changes_disk() || matches!(self, Op::Put | Op::Delete | Op::Commit)
    }

    pub(crate) fn changes_disk(self) -> bool {
        self.flushes()
            || matches!(
                self,
                Op::Create | Op::Write | Op::SetLen | Op::Rename | Op::Remove | Op::CreateDir
            )
    }

    pub(crate) fn flushes(self) -> bool {
        matches!(self, Op::Sync | Op::SyncDir)
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Op::Create => "create",
            Op::Open => "open",
            Op::Write => "write to",
            Op::SetLen => "set the length of",
            Op::Sync => "flush",
            Op::SyncDir => "flush the folder",
            Op::Rename => "rename to",
            Op::Remove => "remove",
            Op::CreateDir => "make the folder",
            Op::Lock => "lock",
            Op::Read => "read",
            Op::List => "list",
            Op::Put => "store",
            Op::Delete => "delete",
            Op::Commit => "commit to",
        })
    }
}

/// One call, as a [`Faults`] sees it before it is made.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// What is about to happen.
    pub op: Op,
    /// The file or folder (for a rename, the new name); for S3, the object's name.
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
    /// Only the first so many bytes are written, then it fails with EIO; a call that writes no file fails whole.
    Torn(usize),
    /// Only the first so many bytes are written, and for the rest there is no room (ENOSPC).
    Short(usize),
    /// The process ends at once, as by kill -9.
    Kill,
    /// The process is stopped, as by kill -STOP; when it is let go on, the call is made.
    Pause,
}

/// Decides, before each call, what becomes of it. Called from several threads at once.
pub trait Faults: Send + Sync {
    /// Called just before each call.
    fn before(&self, call: &Call<'_>) -> Outcome;

    /// Called just after each call of the local disk that succeeded: what it did may be looked at.
    fn after(&self, _call: &Call<'_>) {}
}

/// An [`Outcome`] that the process has survived.
pub(crate) enum Verdict {
    Go,
    Fail(io::Error),
    DoThenFail(io::Error),
    Part(usize, io::Error),
}

impl Verdict {
    pub(crate) fn of(faults: Option<&dyn Faults>, op: Op, path: &Path) -> Verdict {
        match faults.map_or(Outcome::Go, |faults| faults.before(&Call { op, path })) {
            Outcome::Go => Verdict::Go,
            Outcome::Fail(error) => Verdict::Fail(error),
            Outcome::DoThenFail(error) => Verdict::DoThenFail(error),
            Outcome::Torn(bytes) => Verdict::Part(bytes, eio()),
            Outcome::Short(bytes) => Verdict::Part(bytes, rustix::io::Errno::NOSPC.into()),
            Outcome::Kill => kill(),
            Outcome::Pause => {
                pause();
                Verdict::Go
            }
        }
    }

    /// Makes a call that writes no bytes of a file.
    pub(crate) fn perform<T>(self, act: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        match self {
            Verdict::Go => act(),
            Verdict::Fail(error) => Err(error),
            Verdict::DoThenFail(error) => act().and(Err(error)),
            Verdict::Part(_, error) => Err(error),
        }
    }
}

/// EIO, as a failing disk reports it.
pub(crate) fn eio() -> io::Error {
    rustix::io::Errno::IO.into()
}

/// Stops the process. The signal may take effect in another thread first and in this one a moment later, so this one
/// does nothing for as long.
fn pause() {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP);
    std::thread::sleep(std::time::Duration::from_millis(20));
}

/// Ends the process without a destructor, an exit handler or a core file.
fn kill() -> ! {
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort()
}
