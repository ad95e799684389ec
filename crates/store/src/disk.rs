//! The local file system: each durable step is one call here, shown to the faults first.
//!
//! A file's content is durable after [`DiskFile::sync`], its name after [`Disk::sync_dir`] of its folder.
//! Files are made with mode 600 and folders with mode 700.

use std::{
    collections::HashSet,
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions, TryLockError},
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};

use crate::{
    error::StoreError,
    fault::{Call, Faults, Op, Verdict},
    file::{DiskFile, FileLock},
    name::TEMPORARY,
};

/// The local file system. Clones are the same disk: they share the faults.
#[derive(Clone)]
pub struct Disk {
    faults: Option<Arc<dyn Faults>>,
    /// Folders whose names this process has made durable, so that each is flushed once.
    settled: Arc<Mutex<HashSet<PathBuf>>>,
}

impl Disk {
    /// The disk as it is.
    pub fn real() -> Disk {
        Disk {
            faults: environment_faults(),
            settled: Arc::default(),
        }
    }

    /// A disk whose every call is first shown to `faults`.
    pub fn with_faults(faults: Arc<dyn Faults>) -> Disk {
        Disk {
            faults: Some(faults),
            settled: Arc::default(),
        }
    }

    /// Makes a file that must not exist yet, for reading and writing. Its name is durable once its folder is flushed.
    pub fn create_new(&self, path: &Path) -> Result<DiskFile, StoreError> {
        let file = self.step(Op::Create, path, || {
            OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(path)
        })?;
        Ok(DiskFile::new(self.clone(), path, file, 0))
    }

    /// Opens an existing file for reading and writing; [`StoreError::NotFound`] if there is none.
    pub fn open_rw(&self, path: &Path) -> Result<DiskFile, StoreError> {
        let (file, len) = self.step(Op::Open, path, || {
            let file = OpenOptions::new().read(true).write(true).open(path)?;
            let len = file.metadata()?.len();
            Ok((file, len))
        })?;
        Ok(DiskFile::new(self.clone(), path, file, len))
    }

    /// Opens an existing file for reading alone; `None` if there is none.
    pub fn open_read(&self, path: &Path) -> Result<Option<DiskFile>, StoreError> {
        let opened = self.step(Op::Open, path, || {
            let file = File::open(path)?;
            let metadata = file.metadata()?;
            // A folder opens like a file and fails only when read; as an object it is not there.
            Ok((!metadata.is_dir()).then_some((file, metadata.len())))
        });
        match opened {
            Ok(found) => Ok(found.map(|(file, len)| DiskFile::new(self.clone(), path, file, len))),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The whole file; `None` if there is none.
    pub fn read(&self, path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
        let Some(file) = self.open_read(path)? else {
            return Ok(None);
        };
        let mut bytes = vec![0; usize::try_from(file.len()?).unwrap_or(usize::MAX)];
        file.read_at(0, &mut bytes)?;
        Ok(Some(bytes))
    }

    /// The size in bytes; `None` if there is no such file.
    pub fn size(&self, path: &Path) -> Result<Option<u64>, StoreError> {
        match self.step(Op::Read, path, || fs::metadata(path)) {
            Ok(metadata) => Ok((!metadata.is_dir()).then_some(metadata.len())),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The names in a folder, sorted; none if there is no such folder.
    pub fn list(&self, path: &Path) -> Result<Vec<OsString>, StoreError> {
        let listed = self.step(Op::List, path, || {
            fs::read_dir(path)?
                .map(|entry| entry.map(|entry| entry.file_name()))
                .collect::<io::Result<Vec<_>>>()
        });
        match listed {
            Ok(mut names) => {
                names.sort();
                Ok(names)
            }
            Err(error) if is_absent(&error) => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Puts `bytes` in place of the file: after a crash at any point the old or the new content is there, whole.
    /// Durable on return. What a crash leaves beside the file, [`Disk::sweep_temporary`] removes.
    pub fn write_atomic(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let folder = parent(path);
        let (beside, mut file) = self.create_beside(path)?;
        let written = file.write_all(bytes).and_then(|()| file.sync());
        if let Err(error) = written {
            let _ = fs::remove_file(&beside);
            return Err(error);
        }
        if let Err(error) = self.rename(&beside, path) {
            let _ = fs::remove_file(&beside);
            return Err(error);
        }
        self.sync_dir(folder)
    }

    /// Renames, replacing the target; durable once the target's folder is flushed with [`Disk::sync_dir`].
    pub fn rename(&self, from: &Path, to: &Path) -> Result<(), StoreError> {
        self.step(Op::Rename, to, || fs::rename(from, to))
    }

    /// Renames a file or folder unless the target is there; whether it did. Durable as [`Disk::rename`] is.
    pub fn rename_new(&self, from: &Path, to: &Path) -> Result<bool, StoreError> {
        match self.step(Op::Rename, to, || rename_new(from, to)) {
            Ok(()) => Ok(true),
            Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Removes a file; one that is not there is no error. Durable once its folder is flushed.
    pub fn remove_file(&self, path: &Path) -> Result<(), StoreError> {
        self.step(Op::Remove, path, || absent_is_fine(fs::remove_file(path)))
    }

    /// Removes a folder and all in it; one that is not there is no error. Durable once its parent is flushed.
    pub fn remove_dir_all(&self, path: &Path) -> Result<(), StoreError> {
        self.settled().retain(|settled| !settled.starts_with(path));
        self.step(Op::Remove, path, || {
            absent_is_fine(fs::remove_dir_all(path))
        })
    }

    /// Makes a folder and its parents, durable on return.
    ///
    /// Of the folders that exist already, the deepest is flushed too, once in a process: the process that made it may
    /// have been killed before it could.
    pub fn create_dir_all(&self, path: &Path) -> Result<(), StoreError> {
        if self.settled().contains(path) {
            return Ok(());
        }
        let mut missing = Vec::new();
        let mut there = path;
        while !there.is_dir() {
            missing.push(there);
            match there.parent() {
                Some(above) if !above.as_os_str().is_empty() => there = above,
                _ => break,
            }
        }
        if there.is_dir() && !self.settled().contains(there) {
            match self.sync_dir(parent(there)) {
                // A folder above, which we may use and not open, is its owner's care.
                Err(StoreError::Io { source, .. })
                    if source.kind() == ErrorKind::PermissionDenied => {}
                other => other?,
            }
            self.settled().insert(there.to_path_buf());
        }
        for folder in missing.into_iter().rev() {
            self.step(Op::CreateDir, folder, || {
                match DirBuilder::new().mode(0o700).create(folder) {
                    Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => {
                        Ok(())
                    }
                    other => other,
                }
            })?;
            self.sync_dir(parent(folder))?;
            self.settled().insert(folder.to_path_buf());
        }
        Ok(())
    }

    /// Flushes a folder, so that the names in it survive a loss of power.
    pub fn sync_dir(&self, path: &Path) -> Result<(), StoreError> {
        self.step(Op::SyncDir, path, || File::open(path)?.sync_all())
    }

    /// Locks a file (made if missing), waiting until no one else holds it.
    ///
    /// The lock is advisory (flock) and ends with the process, however that ends. A file that was removed while we
    /// waited for it locks nothing: then it is made anew.
    pub fn lock(&self, path: &Path) -> Result<FileLock, StoreError> {
        self.step(Op::Lock, path, || {
            loop {
                let file = open_lock(path)?;
                file.lock()?;
                if is_same_file(&file, path) {
                    return Ok(FileLock::new(file));
                }
            }
        })
    }

    /// As [`Disk::lock`], but shared with others who share it: who wants it alone waits for all of them.
    pub fn lock_shared(&self, path: &Path) -> Result<FileLock, StoreError> {
        self.step(Op::Lock, path, || {
            loop {
                let file = open_lock(path)?;
                file.lock_shared()?;
                if is_same_file(&file, path) {
                    return Ok(FileLock::new(file));
                }
            }
        })
    }

    /// As [`Disk::lock`], but `None` at once if another holds it.
    pub fn try_lock(&self, path: &Path) -> Result<Option<FileLock>, StoreError> {
        self.step(Op::Lock, path, || {
            let file = open_lock(path)?;
            match file.try_lock() {
                Ok(()) => Ok(is_same_file(&file, path).then(|| FileLock::new(file))),
                Err(TryLockError::WouldBlock) => Ok(None),
                Err(TryLockError::Error(error)) => Err(error),
            }
        })
    }

    /// Removes what interrupted [`Disk::write_atomic`] calls left in a folder, except where a live process is still
    /// at it. Returns the names removed.
    pub fn sweep_temporary(&self, folder: &Path) -> Result<Vec<OsString>, StoreError> {
        let mut removed = Vec::new();
        for name in self.list(folder)? {
            let path = folder.join(&name);
            if name.as_encoded_bytes().starts_with(TEMPORARY.as_bytes())
                && let Ok(file) = File::open(&path)
                && file.try_lock().is_ok()
                && is_same_file(&file, &path)
            {
                self.remove_file(&path)?;
                removed.push(name);
            }
        }
        if !removed.is_empty() {
            self.sync_dir(folder)?;
        }
        Ok(removed)
    }

    /// A new file beside `path`, locked so that no sweep takes it away while it is open: to be renamed to `path`, or
    /// removed.
    pub fn create_beside(&self, path: &Path) -> Result<(PathBuf, DiskFile), StoreError> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        loop {
            let mut name = OsString::from(TEMPORARY);
            name.push(format!(
                "{}-{}-",
                process::id(),
                COUNTER.fetch_add(1, Ordering::Relaxed)
            ));
            name.push(path.file_name().unwrap_or_default());
            let beside = parent(path).join(name);
            match self.create_new(&beside) {
                Ok(file) if file.try_lock() && is_same_file(file.file(), &beside) => {
                    return Ok((beside, file));
                }
                Ok(_) => {}
                Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => {
                }
                Err(error) => {
                    let _ = fs::remove_file(&beside);
                    return Err(error);
                }
            }
        }
    }

    pub(crate) fn faults(&self) -> Option<&dyn Faults> {
        self.faults.as_deref()
    }

    /// Makes a call for which there is no method here, such as one on a file that is handed over and has the mode that
    /// its owner wants. Like every other it is shown to the faults first.
    ///
    /// # Errors
    /// What `act` fails with, or the faults.
    pub fn step<T>(
        &self,
        op: Op,
        path: &Path,
        act: impl FnOnce() -> io::Result<T>,
    ) -> Result<T, StoreError> {
        let done = Verdict::of(self.faults(), op, path)
            .perform(act)
            .map_err(|error| StoreError::io(op, path, error))?;
        if let Some(faults) = self.faults() {
            faults.after(&Call { op, path });
        }
        Ok(done)
    }

    fn settled(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.settled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(any(debug_assertions, feature = "faults"))]
fn environment_faults() -> Option<Arc<dyn Faults>> {
    crate::harness::from_environment()
}

#[cfg(not(any(debug_assertions, feature = "faults")))]
fn environment_faults() -> Option<Arc<dyn Faults>> {
    None
}

/// The folder of a path; of a bare name, the current one.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) => Path::new("."),
        None => path,
    }
}

/// Whether `path` still names the open file.
pub(crate) fn is_same_file(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => open.ino() == named.ino() && open.dev() == named.dev(),
        _ => false,
    }
}

/// Renames unless the target is there: AlreadyExists then.
pub(crate) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some network file systems know no such rename. A hard link does not replace either; folders have none, and
        // a folder is replaced by a rename only when it is empty.
        Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
            if from.is_dir() {
                return match fs::symlink_metadata(to) {
                    Ok(_) => Err(ErrorKind::AlreadyExists.into()),
                    Err(_) => fs::rename(from, to),
                };
            }
            fs::hard_link(from, to)?;
            fs::remove_file(from)
        }
        other => Ok(other?),
    }
}

pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
}

fn absent_is_fine(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn is_absent(error: &StoreError) -> bool {
    match error {
        StoreError::NotFound { .. } => true,
        StoreError::Io { source, .. } => matches!(
            source.kind(),
            ErrorKind::NotFound | ErrorKind::NotADirectory
        ),
        _ => false,
    }
}
