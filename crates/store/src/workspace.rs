//! The folder `tmp/` of a local store, in which objects are written before they are renamed to their place.
//!
//! Each open store that writes has a folder of its own there, `tmp/<process id>-<n>/`, and holds a lock on the file
//! `lock` in it for as long as it lives. What is in a folder whose lock can be had was left by a process that is gone.

use std::{
    ffi::OsStr,
    fs::{self, DirBuilder, File},
    io::{self, ErrorKind},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process,
    sync::atomic::{AtomicU64, Ordering},
};

use crate::{
    disk::{Disk, is_same_file, open_lock},
    error::StoreError,
    fault::Op,
    file::DiskFile,
    name::{TEMPORARY, TEMPORARY_FOLDER},
};

const LOCK: &str = "lock";

/// The folder in which one open store writes; removed, with all that is left in it, on drop.
pub(crate) struct Workspace {
    folder: PathBuf,
    lock: File,
    counter: AtomicU64,
}

/// The path of an unfinished object; removed on drop unless it was moved away.
pub(crate) struct Temporary {
    path: PathBuf,
    moved: bool,
}

impl Workspace {
    pub(crate) fn create(root: &Path) -> Result<Workspace, StoreError> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let all = root.join(TEMPORARY_FOLDER);
        loop {
            let folder = all.join(format!(
                "{}-{}",
                process::id(),
                COUNTER.fetch_add(1, Ordering::Relaxed)
            ));
            let mut builder = DirBuilder::new();
            match builder
                .mode(0o700)
                .recursive(true)
                .create(&all)
                .and_then(|()| builder.recursive(false).create(&folder))
            {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::AlreadyExists => continue,
                Err(error) => return Err(StoreError::io(Op::CreateDir, &folder, error)),
            }
            match take(&folder) {
                Ok(Some(lock)) => {
                    return Ok(Workspace {
                        folder,
                        lock,
                        counter: AtomicU64::new(0),
                    });
                }
                // A sweep took the folder between its making and its locking.
                Ok(None) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(StoreError::io(Op::Lock, &folder, error)),
            }
        }
    }

    pub(crate) fn file(&self, disk: &Disk) -> Result<(Temporary, DiskFile), StoreError> {
        let number = self.counter.fetch_add(1, Ordering::Relaxed);
        let temporary = Temporary {
            path: self.folder.join(format!("{TEMPORARY}{number}")),
            moved: false,
        };
        let file = disk.create_new(&temporary.path)?;
        Ok((temporary, file))
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        if is_same_file(&self.lock, &self.folder.join(LOCK)) {
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

impl Temporary {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn moved(mut self) {
        self.moved = true;
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.moved {
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Files and their sizes that processes which are gone left behind, as paths below the root.
pub(crate) fn leftovers(root: &Path, disk: &Disk) -> Result<Vec<(String, u64)>, StoreError> {
    let mut found = Vec::new();
    abandoned(root, disk, |folder, _| {
        for name in disk.list(folder)? {
            let size = disk.size(&folder.join(&name))?;
            if let (true, Some(size)) = (name != LOCK, size) {
                found.push((shown(folder, &name), size));
            }
        }
        Ok(())
    })?;
    Ok(found)
}

/// Removes them, and returns them as [`leftovers`] does.
pub(crate) fn sweep(root: &Path, disk: &Disk) -> Result<Vec<(String, u64)>, StoreError> {
    let found = leftovers(root, disk)?;
    abandoned(root, disk, |folder, lock| {
        for name in disk.list(folder)? {
            if name != LOCK {
                disk.remove_file(&folder.join(name))?;
            }
        }
        // The lock goes last: as long as it is there and held, nobody else takes the folder.
        disk.remove_file(&folder.join(LOCK))?;
        drop(lock);
        let _ = fs::remove_dir(folder);
        Ok(())
    })?;
    Ok(found)
}

fn abandoned(
    root: &Path,
    disk: &Disk,
    mut each: impl FnMut(&Path, File) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let all = root.join(TEMPORARY_FOLDER);
    for name in disk.list(&all)? {
        let folder = all.join(name);
        match take(&folder) {
            Ok(Some(lock)) => each(&folder, lock)?,
            Ok(None) => {}
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {}
            Err(error) => return Err(StoreError::io(Op::Lock, &folder, error)),
        }
    }
    Ok(())
}

/// Locks a folder by its lock file; `None` if someone else has it, or had it and took it away.
fn take(folder: &Path) -> io::Result<Option<File>> {
    let path = folder.join(LOCK);
    let file = open_lock(&path)?;
    Ok((file.try_lock().is_ok() && is_same_file(&file, &path)).then_some(file))
}

fn shown(folder: &Path, name: &OsStr) -> String {
    let folder = folder.file_name().unwrap_or_default().to_string_lossy();
    format!("{TEMPORARY_FOLDER}/{folder}/{}", name.to_string_lossy())
}
