//! The local file system, each durable step of it in one place.

use std::{path::Path, sync::Arc};

use crate::{error::StoreError, fault::Faults};

/// The local file system; clones share their faults.
#[derive(Clone)]
pub struct Disk {}

/// An open file. Reads and [`DiskFile::write_at`] take `&self`, so several threads may use one handle.
#[derive(Debug)]
pub struct DiskFile {}

/// An exclusive lock (flock) on a file, given back on drop.
#[derive(Debug)]
pub struct FileLock {}

impl Disk {
    /// The disk as it is.
    pub fn real() -> Disk {
        todo!()
    }
    /// A disk whose every call is first shown to `faults`.
    pub fn with_faults(_faults: Arc<dyn Faults>) -> Disk {
        todo!()
    }
    /// Makes a file that must not exist yet, for reading and writing.
    pub fn create_new(&self, _path: &Path) -> Result<DiskFile, StoreError> {
        todo!()
    }
    /// Opens an existing file for reading and writing; `NotFound` if there is none.
    pub fn open_rw(&self, _path: &Path) -> Result<DiskFile, StoreError> {
        todo!()
    }
    /// Opens an existing file for reading alone; `None` if there is none.
    pub fn open_read(&self, _path: &Path) -> Result<Option<DiskFile>, StoreError> {
        todo!()
    }
    /// The whole file; `None` if there is none.
    pub fn read(&self, _path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        todo!()
    }
    /// Puts `bytes` in place of the file, so that after a crash the old or the new content is there, whole.
    pub fn write_atomic(&self, _path: &Path, _bytes: &[u8]) -> Result<(), StoreError> {
        todo!()
    }
    /// Renames, replacing the target; durable once the target's folder is flushed with [`Disk::sync_dir`].
    pub fn rename(&self, _from: &Path, _to: &Path) -> Result<(), StoreError> {
        todo!()
    }
    /// Removes a file; one that is not there is no error. Durable once its folder is flushed.
    pub fn remove_file(&self, _path: &Path) -> Result<(), StoreError> {
        todo!()
    }
    /// Removes a folder and all in it; one that is not there is no error. Durable once its parent is flushed.
    pub fn remove_dir_all(&self, _path: &Path) -> Result<(), StoreError> {
        todo!()
    }
    /// Makes a folder and its parents, durable on return.
    pub fn create_dir_all(&self, _path: &Path) -> Result<(), StoreError> {
        todo!()
    }
    /// Flushes a folder, so that the names in it survive a loss of power.
    pub fn sync_dir(&self, _path: &Path) -> Result<(), StoreError> {
        todo!()
    }
    /// Locks a file (made if missing), waiting until no one else holds it.
    pub fn lock(&self, _path: &Path) -> Result<FileLock, StoreError> {
        todo!()
    }
    /// As [`Disk::lock`], but `None` at once if another holds it.
    pub fn try_lock(&self, _path: &Path) -> Result<Option<FileLock>, StoreError> {
        todo!()
    }
}

impl DiskFile {
    /// Appends at the end of the file.
    pub fn write_all(&mut self, _bytes: &[u8]) -> Result<(), StoreError> {
        todo!()
    }
    /// Writes at `offset` (bytes).
    pub fn write_at(&self, _offset: u64, _bytes: &[u8]) -> Result<(), StoreError> {
        todo!()
    }
    /// Fills `buf` from `offset` (bytes); an error if the file is too short.
    pub fn read_at(&self, _offset: u64, _buf: &mut [u8]) -> Result<(), StoreError> {
        todo!()
    }
    /// Cuts or lengthens (with zeros) to `len` bytes.
    pub fn set_len(&mut self, _len: u64) -> Result<(), StoreError> {
        todo!()
    }
    /// Flushes content and length (fdatasync).
    pub fn sync(&self) -> Result<(), StoreError> {
        todo!()
    }
    /// The length in bytes.
    pub fn len(&self) -> Result<u64, StoreError> {
        todo!()
    }
    /// Whether the file has no bytes.
    pub fn is_empty(&self) -> Result<bool, StoreError> {
        todo!()
    }
}
