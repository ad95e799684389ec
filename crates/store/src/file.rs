//! Open files and locks.

use std::{
    fs::File,
    io::ErrorKind,
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
};

use crate::{
    disk::Disk,
    error::StoreError,
    fault::{Call, Op, Verdict},
};

/// An open file. Reads and [`DiskFile::write_at`] take `&self`: several threads may share one handle.
pub struct DiskFile {
    disk: Disk,
    path: PathBuf,
    file: File,
    end: u64,
}

impl DiskFile {
    pub(crate) fn new(disk: Disk, path: &Path, file: File, end: u64) -> DiskFile {
        DiskFile {
            disk,
            path: path.to_path_buf(),
            file,
            end,
        }
    }

    /// Appends where this handle last saw the end of the file: at its length when opened, then after each append.
    ///
    /// A failed append does not move the end, so what it may have written in part is overwritten by the next one.
    /// Where another process may have appended meanwhile, use [`DiskFile::len`] under a lock and
    /// [`DiskFile::write_at`].
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.write_at(self.end, bytes)?;
        self.end += bytes.len() as u64;
        Ok(())
    }

    /// Writes at `offset` (bytes).
    pub fn write_at(&self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let write = |bytes: &[u8]| self.file.write_all_at(bytes, offset);
        match Verdict::of(self.disk.faults(), Op::Write, &self.path) {
            Verdict::Part(len, error) => write(bytes.get(..len).unwrap_or(bytes)).and(Err(error)),
            verdict => verdict.perform(|| write(bytes)),
        }
        .map_err(|error| StoreError::io(Op::Write, &self.path, error))?;
        if let Some(faults) = self.disk.faults() {
            faults.after(&Call {
                op: Op::Write,
                path: &self.path,
            });
        }
        Ok(())
    }

    /// Fills `buf` from `offset` (bytes); [`StoreError::Short`] if the file ends before.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), StoreError> {
        let len = buf.len();
        match self.disk.step(Op::Read, &self.path, || {
            self.file.read_exact_at(buf, offset)
        }) {
            Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::UnexpectedEof => {
                Err(StoreError::short(&self.path, offset, len))
            }
            other => other,
        }
    }

    /// Cuts the file, or lengthens it with zeros, to `len` bytes; the next append follows there.
    pub fn set_len(&mut self, len: u64) -> Result<(), StoreError> {
        self.disk
            .step(Op::SetLen, &self.path, || self.file.set_len(len))?;
        self.end = len;
        Ok(())
    }

    /// Flushes content and length (fdatasync). After a failure, which is always fatal, nothing that was written since
    /// the last success is known to be stored, and another try would prove nothing.
    pub fn sync(&self) -> Result<(), StoreError> {
        self.disk
            .step(Op::Sync, &self.path, || self.file.sync_data())
    }

    /// The length now, in bytes.
    pub fn len(&self) -> Result<u64, StoreError> {
        self.disk
            .step(Op::Read, &self.path, || self.file.metadata())
            .map(|metadata| metadata.len())
    }

    /// Whether the file has no bytes.
    pub fn is_empty(&self) -> Result<bool, StoreError> {
        Ok(self.len()? == 0)
    }

    /// The path that the file was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file(&self) -> &File {
        &self.file
    }

    pub(crate) fn try_lock(&self) -> bool {
        self.file.try_lock().is_ok()
    }
}

/// An exclusive lock on a file, given back on drop.
#[derive(Debug)]
pub struct FileLock {
    _file: File,
}

impl FileLock {
    pub(crate) fn new(file: File) -> FileLock {
        FileLock { _file: file }
    }
}
