//! The folder of an index, as Tantivy's `Directory`: every file in it lies sealed, and is opened by ranges.
//!
//! Nothing is ever written in the clear, not for a moment: what Tantivy writes goes through the sealer to the disk.
//! Each file has a seal of its own whose context is its name, so that two files that change places do not open.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufWriter, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use comity_core::random::Random;
use comity_seal::{CHUNK_LEN, Key, Opener, ReadAt, Sealer, open, seal};
use comity_store::{Disk, DiskFile, StoreError};
use tantivy::HasLen;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    AntiCallToken, Directory, DirectoryLock, FileHandle, Lock, OwnedBytes, TerminatingWrite,
    WatchCallback, WatchHandle, WritePtr,
};

use crate::opened::Opened;

/// Clear bytes that are opened at once when fewer are asked for: lists of neighbouring words lie together.
const BLOCK: usize = CHUNK_LEN;
/// Ranges of more blocks are opened by themselves, and stay open as a whole: the list of a frequent word is asked for
/// as a whole each time.
const FEW_BLOCKS: usize = 4;
/// Ranges of more bytes do not stay.
const LARGEST: usize = 8 << 20;

/// The sealed folder. Clones are the same folder.
#[derive(Clone)]
pub struct SealedFolder {
    dir: PathBuf,
    disk: Disk,
    key: Key,
    random: Arc<dyn Random>,
    damage: Arc<Mutex<Option<String>>>,
    opened: Arc<Mutex<Opened>>,
    /// Files that are written but perhaps not on the disk; no `meta.json` names them before they are.
    unflushed: Arc<Mutex<BTreeMap<PathBuf, DiskFile>>>,
    /// Held while they are flushed; whether a file could not be: then no further try would prove anything.
    unflushable: Arc<Mutex<bool>>,
    /// Files that were opened so far: each has the number by which its ranges are known.
    files: Arc<AtomicU64>,
}

impl SealedFolder {
    /// The folder `dir`, which exists, under a key that seals nothing else.
    pub fn new(dir: &Path, disk: Disk, key: Key, random: Arc<dyn Random>) -> SealedFolder {
        SealedFolder {
            dir: dir.to_path_buf(),
            disk,
            key,
            random,
            damage: Arc::default(),
            opened: Arc::new(Mutex::new(Opened::new())),
            unflushed: Arc::default(),
            unflushable: Arc::default(),
            files: Arc::default(),
        }
    }

    /// The first file that did not open since the folder was, and why.
    pub fn damage(&self) -> Option<String> {
        guard(&self.damage).clone()
    }

    fn path(&self, name: &Path) -> PathBuf {
        self.dir.join(name)
    }

    fn salt(&self) -> [u8; 24] {
        let mut salt = [0; 24];
        self.random.fill(&mut salt);
        salt
    }

    fn damaged(&self, name: &Path, what: &dyn fmt::Display) -> io::Error {
        let said = format!("{}: {what}", name.display());
        guard(&self.damage).get_or_insert_with(|| said.clone());
        io::Error::new(io::ErrorKind::InvalidData, said)
    }

    fn unreadable(&self, name: &Path, error: io::Error) -> OpenReadError {
        OpenReadError::wrap_io_error(error, name.to_path_buf())
    }

    fn missing(&self, name: &Path) -> OpenReadError {
        OpenReadError::FileDoesNotExist(name.to_path_buf())
    }
}

impl fmt::Debug for SealedFolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealedFolder")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

/// What a file's seal is bound to.
fn context(name: &Path) -> Vec<u8> {
    let mut context = b"comity/index/v1\n".to_vec();
    context.extend_from_slice(name.as_os_str().as_encoded_bytes());
    context
}

fn io_error(error: StoreError) -> io::Error {
    io::Error::other(error)
}

fn guard<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Directory for SealedFolder {
    fn get_file_handle(&self, name: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        let file = match self.disk.open_read(&self.path(name)) {
            Ok(Some(file)) => file,
            Ok(None) => {
                self.damaged(name, &"the file is missing");
                return Err(self.missing(name));
            }
            Err(error) => return Err(self.unreadable(name, io_error(error))),
        };
        let opened = Source::new(file)
            .map_err(|e| self.damaged(name, &e))
            .and_then(|source| {
                Opener::new(&self.key, &context(name), source).map_err(|e| self.damaged(name, &e))
            })
            .map_err(|e| self.unreadable(name, e))?;
        Ok(Arc::new(SealedFile {
            folder: self.clone(),
            name: name.to_path_buf(),
            opened,
            number: self.files.fetch_add(1, Ordering::Relaxed),
        }))
    }

    fn delete(&self, name: &Path) -> Result<(), DeleteError> {
        let path = self.path(name);
        if !path.exists() {
            return Err(DeleteError::FileDoesNotExist(name.to_path_buf()));
        }
        guard(&self.unflushed).remove(name);
        self.disk
            .remove_file(&path)
            .map_err(|e| DeleteError::IoError {
                io_error: Arc::new(io_error(e)),
                filepath: name.to_path_buf(),
            })
    }

    fn exists(&self, name: &Path) -> Result<bool, OpenReadError> {
        match self.disk.size(&self.path(name)) {
            Ok(size) => Ok(size.is_some()),
            Err(error) => Err(self.unreadable(name, io_error(error))),
        }
    }

    fn open_write(&self, name: &Path) -> Result<WritePtr, OpenWriteError> {
        let path = self.path(name);
        if path.exists() {
            return Err(OpenWriteError::FileAlreadyExists(name.to_path_buf()));
        }
        let file = self
            .disk
            .create_new(&path)
            .map_err(|e| OpenWriteError::wrap_io_error(io_error(e), name.to_path_buf()))?;
        let sealer = Sealer::new(&self.key, self.salt(), &context(name), Sink(file));
        let (name, unflushed) = (name.to_path_buf(), Arc::clone(&self.unflushed));
        Ok(BufWriter::new(Box::new(SealedWriter {
            sealer: Some(sealer),
            name,
            unflushed,
        })))
    }

    fn atomic_read(&self, name: &Path) -> Result<Vec<u8>, OpenReadError> {
        match self.disk.read(&self.path(name)) {
            Ok(Some(sealed)) => open(&self.key, &context(name), &sealed)
                .map_err(|e| self.unreadable(name, self.damaged(name, &e))),
            Ok(None) => Err(self.missing(name)),
            Err(error) => Err(self.unreadable(name, io_error(error))),
        }
    }

    fn atomic_write(&self, name: &Path, clear: &[u8]) -> io::Result<()> {
        let sealed = seal(&self.key, self.salt(), &context(name), clear);
        self.disk
            .write_atomic(&self.path(name), &sealed)
            .map_err(io_error)
    }

    /// Tantivy asks for this before it writes a `meta.json`. The files are flushed now and not when each is finished:
    /// most of those that an intake makes are merged into others before anything names them.
    fn sync_directory(&self) -> io::Result<()> {
        let mut unflushable = guard(&self.unflushable);
        if *unflushable {
            return Err(io::Error::other("a file could not be flushed before"));
        }
        let next = || guard(&self.unflushed).pop_first();
        while let Some((_, file)) = next() {
            if let Err(error) = file.sync() {
                *unflushable = true;
                return Err(io_error(error));
            }
        }
        drop(unflushable);
        self.disk.sync_dir(&self.dir).map_err(io_error)
    }

    /// Locks of the system, which end with the process: Tantivy's own are files that a killed process leaves behind.
    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        let path = self.path(&lock.filepath);
        let held = if lock.is_blocking {
            self.disk.lock(&path).map(Some)
        } else {
            self.disk.try_lock(&path)
        };
        match held {
            Ok(Some(held)) => Ok(DirectoryLock::from(Box::new(held))),
            Ok(None) => Err(LockError::LockBusy),
            Err(error) => Err(LockError::wrap_io_error(io_error(error))),
        }
    }

    /// Readers are opened anew when something was written; nobody watches.
    fn watch(&self, _: WatchCallback) -> tantivy::Result<WatchHandle> {
        Ok(WatchHandle::empty())
    }
}

/// A file of the folder, opened.
struct SealedFile {
    folder: SealedFolder,
    name: PathBuf,
    opened: Opener<Source>,
    /// By which its open ranges are known.
    number: u64,
}

impl SealedFile {
    fn read(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        let mut clear = vec![0; range.len()];
        self.opened
            .read_at(range.start as u64, &mut clear)
            .map_err(|e| self.folder.damaged(&self.name, &e))?;
        Ok(OwnedBytes::new(clear))
    }
}

impl SealedFile {
    /// A range that stays open.
    fn kept(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        let place = (self.number, range.start, range.end);
        if let Some(known) = guard(&self.folder.opened).get(&place) {
            return Ok(known);
        }
        let clear = self.read(range)?;
        guard(&self.folder.opened).put(place, clear.clone());
        Ok(clear)
    }

    /// The block of this number.
    fn block(&self, number: usize) -> io::Result<OwnedBytes> {
        let start = number * BLOCK;
        self.kept(start..(start + BLOCK).min(self.len()))
    }
}

impl FileHandle for SealedFile {
    fn read_bytes(&self, range: Range<usize>) -> io::Result<OwnedBytes> {
        if range.is_empty() {
            return Ok(OwnedBytes::empty());
        }
        if range.len() > LARGEST || range.end > self.len() {
            return self.read(range);
        }
        let (first, last) = (range.start / BLOCK, (range.end - 1) / BLOCK);
        if last - first >= FEW_BLOCKS {
            return self.kept(range);
        }
        let begin = range.start - first * BLOCK;
        if first == last {
            return Ok(self.block(first)?.slice(begin..begin + range.len()));
        }
        let mut clear = Vec::with_capacity(range.len());
        let mut skip = begin;
        for number in first..=last {
            let block = self.block(number)?;
            let some = block.get(skip..).unwrap_or_default();
            clear.extend_from_slice(&some[..some.len().min(range.len() - clear.len())]);
            skip = 0;
        }
        Ok(OwnedBytes::new(clear))
    }
}

impl HasLen for SealedFile {
    fn len(&self) -> usize {
        usize::try_from(self.opened.clear_len()).unwrap_or(usize::MAX)
    }
}

impl fmt::Debug for SealedFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedFile({})", self.name.display())
    }
}

/// Sealed bytes on the disk.
struct Source {
    file: DiskFile,
    len: u64,
}

impl Source {
    fn new(file: DiskFile) -> io::Result<Source> {
        let len = file.len().map_err(io_error)?;
        Ok(Source { file, len })
    }
}

impl ReadAt for Source {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.file.read_at(offset, buf).map_err(io_error)
    }

    fn size(&self) -> u64 {
        self.len
    }
}

struct Sink(DiskFile);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write_all(bytes).map_err(io_error)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that is being written; it opens only once it was finished.
struct SealedWriter {
    sealer: Option<Sealer<Sink>>,
    name: PathBuf,
    unflushed: Arc<Mutex<BTreeMap<PathBuf, DiskFile>>>,
}

impl Write for SealedWriter {
    fn write(&mut self, clear: &[u8]) -> io::Result<usize> {
        match &mut self.sealer {
            Some(sealer) => sealer.write(clear),
            None => Err(io::Error::other("the file is finished")),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl TerminatingWrite for SealedWriter {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        if let Some(sealer) = self.sealer.take() {
            let name = std::mem::take(&mut self.name);
            guard(&self.unflushed).insert(name, sealer.finish()?.0);
        }
        Ok(())
    }
}
