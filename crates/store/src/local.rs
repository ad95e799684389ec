//! Objects in a local folder: written to a temporary file, flushed, renamed, and the folder flushed.

use std::{
    collections::BTreeSet,
    fs, io,
    io::ErrorKind,
    path::{Path, PathBuf},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
};

use crate::{
    disk::{Disk, parent, rename_new},
    error::StoreError,
    fault::Op,
    file::DiskFile,
    name,
    workspace::{self, Temporary, Workspace},
};

/// How many files are flushed at a time: file systems with a journal write many flushes in one commit.
const FLUSHERS: usize = 8;
/// How many files of one call are open at a time.
const OPEN_FILES: usize = 128;
/// Small writes are gathered up to this many bytes.
const GATHERED: usize = 128 * 1024;

/// After so many bytes a flush is begun beside the writing, so that the disk works while a large object is still being
/// made and little is left for the end.
const FLUSH_AHEAD: u64 = 32 << 20;

pub(crate) struct Local {
    root: PathBuf,
    disk: Disk,
    workspace: Mutex<Option<Workspace>>,
}

/// An object being written.
pub(crate) struct LocalWriter {
    name: String,
    file: DiskFile,
    temporary: Temporary,
    gathered: Vec<u8>,
    /// Bytes written since a flush was last begun.
    unflushed: u64,
    flushing: Option<JoinHandle<io::Result<()>>>,
}

/// An object whose content is durable and that only has to be renamed to its place.
struct Flushed {
    name: String,
    temporary: Temporary,
}

impl Local {
    pub(crate) fn open(root: PathBuf, disk: Disk) -> Result<Local, StoreError> {
        disk.create_dir_all(&root)?;
        Ok(Local::at(root, disk))
    }

    pub(crate) fn at(root: PathBuf, disk: Disk) -> Local {
        Local {
            root,
            disk,
            workspace: Mutex::new(None),
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn put_many(&self, objects: &[(String, Vec<u8>)]) -> Result<(), StoreError> {
        let mut flushed = Vec::with_capacity(objects.len());
        for group in objects.chunks(OPEN_FILES) {
            let mut writers = Vec::with_capacity(group.len());
            for (name, bytes) in group {
                let mut writer = self.writer(name)?;
                writer.file.write_all(bytes)?;
                writers.push(writer);
            }
            flushed.extend(flush(writers)?);
        }
        self.publish(flushed)
    }

    pub(crate) fn put_new(&self, name: &str, bytes: &[u8]) -> Result<bool, StoreError> {
        let mut writer = self.writer(name)?;
        writer.write(bytes)?;
        let flushed = writer.flush()?;
        let path = self.path(name);
        self.disk.create_dir_all(parent(&path))?;
        let from = flushed.temporary.path();
        let created = match self
            .disk
            .step(Op::Rename, &path, || rename_new(from, &path))
        {
            Ok(()) => {
                flushed.temporary.moved();
                true
            }
            Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::AlreadyExists => {
                false
            }
            Err(error) => return Err(error),
        };
        // What another process put there may not be flushed yet.
        self.disk.sync_dir(parent(&path))?;
        Ok(created)
    }

    pub(crate) fn writer(&self, name: &str) -> Result<LocalWriter, StoreError> {
        let (temporary, file) = {
            let mut workspace = self.workspace();
            match &mut *workspace {
                Some(workspace) => workspace.file(&self.disk)?,
                none => none
                    .insert(Workspace::create(&self.root)?)
                    .file(&self.disk)?,
            }
        };
        Ok(LocalWriter {
            name: name.to_owned(),
            file,
            temporary,
            gathered: Vec::new(),
            unflushed: 0,
            flushing: None,
        })
    }

    pub(crate) fn finish_many(&self, mut writers: Vec<LocalWriter>) -> Result<(), StoreError> {
        for writer in &mut writers {
            writer.spill()?;
        }
        self.publish(flush(writers)?)
    }

    pub(crate) fn get(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.disk.read(&self.path(name))
    }

    pub(crate) fn open_object(&self, name: &str) -> Result<DiskFile, StoreError> {
        self.disk
            .open_read(&self.path(name))?
            .ok_or_else(|| StoreError::NotFound {
                name: name.to_owned(),
            })
    }

    pub(crate) fn size(&self, name: &str) -> Result<Option<u64>, StoreError> {
        self.disk.size(&self.path(name))
    }

    pub(crate) fn list(&self, prefix: &str) -> Result<Vec<(String, u64)>, StoreError> {
        let mut found = Vec::new();
        let folder = prefix.rsplit_once('/').map_or("", |(folder, _)| folder);
        self.disk.step(Op::List, &self.path(folder), || {
            walk(&self.path(folder), folder, prefix, &mut found)
        })?;
        found.sort();
        Ok(found)
    }

    pub(crate) fn delete(&self, name: &str) -> Result<(), StoreError> {
        let path = self.path(name);
        self.disk.remove_file(&path)?;
        match self.disk.sync_dir(parent(&path)) {
            Err(StoreError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => Ok(()),
            other => other,
        }
    }

    pub(crate) fn settle(&self, names: &[&str]) -> Result<(), StoreError> {
        let folders: BTreeSet<PathBuf> = names
            .iter()
            .map(|name| parent(&self.path(name)).to_path_buf())
            .filter(|folder| folder.is_dir())
            .collect();
        folders
            .iter()
            .try_for_each(|folder| self.disk.create_dir_all(folder))?;
        self.flush_folders(folders)
    }

    pub(crate) fn leftovers(&self) -> Result<Vec<(String, u64)>, StoreError> {
        workspace::leftovers(&self.root, &self.disk)
    }

    pub(crate) fn sweep(&self) -> Result<Vec<(String, u64)>, StoreError> {
        workspace::sweep(&self.root, &self.disk)
    }

    /// Renames all, in order, then flushes each folder once.
    fn publish(&self, objects: Vec<Flushed>) -> Result<(), StoreError> {
        let mut folders = BTreeSet::new();
        for object in objects {
            let path = self.path(&object.name);
            self.disk.create_dir_all(parent(&path))?;
            self.disk.rename(object.temporary.path(), &path)?;
            object.temporary.moved();
            folders.insert(parent(&path).to_path_buf());
        }
        self.flush_folders(folders)
    }

    fn flush_folders(&self, folders: BTreeSet<PathBuf>) -> Result<(), StoreError> {
        in_parallel(folders.into_iter().collect(), |folder: PathBuf| {
            self.disk.sync_dir(&folder)
        })
        .map(|_| ())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    fn workspace(&self) -> MutexGuard<'_, Option<Workspace>> {
        locked(&self.workspace)
    }
}

impl LocalWriter {
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        if self.gathered.len() + bytes.len() > GATHERED {
            self.spill()?;
        }
        if bytes.len() >= GATHERED {
            self.put(bytes)
        } else {
            self.gathered.extend_from_slice(bytes);
            Ok(())
        }
    }

    fn spill(&mut self) -> Result<(), StoreError> {
        if !self.gathered.is_empty() {
            let gathered = std::mem::take(&mut self.gathered);
            self.put(&gathered)?;
            self.gathered = gathered;
            self.gathered.clear();
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write_all(bytes)?;
        self.unflushed += bytes.len() as u64;
        if self.unflushed >= FLUSH_AHEAD && self.flushing.as_ref().is_none_or(|f| f.is_finished()) {
            self.flushed_ahead()?;
            let file = self.file.file().try_clone();
            let file = file.map_err(|e| StoreError::io(Op::Sync, self.file.path(), e))?;
            self.flushing = Some(thread::spawn(move || file.sync_data()));
            self.unflushed = 0;
        }
        Ok(())
    }

    /// Waits for the flush that was begun ahead. Its failure is the file's: it would not be told again.
    fn flushed_ahead(&mut self) -> Result<(), StoreError> {
        let Some(flushing) = self.flushing.take() else {
            return Ok(());
        };
        flushing
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
            .map_err(|e| StoreError::io(Op::Sync, self.file.path(), e))
    }

    fn flush(mut self) -> Result<Flushed, StoreError> {
        self.spill()?;
        self.flushed_ahead()?;
        self.file.sync()?;
        Ok(Flushed {
            name: self.name,
            temporary: self.temporary,
        })
    }
}

/// Makes the content of all durable. If one fails, all are dropped, and with them their files.
fn flush(writers: Vec<LocalWriter>) -> Result<Vec<Flushed>, StoreError> {
    in_parallel(writers, LocalWriter::flush)
}

/// Results in the order of the work; the first error, by order, if there is one.
fn in_parallel<T: Send, U: Send>(
    work: Vec<T>,
    act: impl Fn(T) -> Result<U, StoreError> + Sync,
) -> Result<Vec<U>, StoreError> {
    let threads = work.len().min(FLUSHERS);
    if threads <= 1 {
        return work.into_iter().map(act).collect();
    }
    let work: Vec<Mutex<Option<T>>> = work
        .into_iter()
        .map(|item| Mutex::new(Some(item)))
        .collect();
    let results: Vec<Mutex<Option<Result<U, StoreError>>>> =
        work.iter().map(|_| Mutex::new(None)).collect();
    let next = AtomicUsize::new(0);
    let labour = || {
        while let Some((item, result)) = {
            let place = next.fetch_add(1, Ordering::Relaxed);
            work.get(place).zip(results.get(place))
        } {
            *locked(result) = locked(item).take().map(&act);
        }
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // A thread that the system does not grant is no loss: this one does the work of all if need be.
            let _ = thread::Builder::new().spawn_scoped(scope, labour);
        }
        labour();
    });
    results
        .into_iter()
        .filter_map(|result| locked(&result).take())
        .collect()
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Finds the files below `folder`, whose name in the store is `name`, whose own names begin with `prefix`.
fn walk(folder: &Path, name: &str, prefix: &str, found: &mut Vec<(String, u64)>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(());
        }
        other => other?,
    };
    for entry in entries {
        let entry = entry?;
        let Ok(part) = entry.file_name().into_string() else {
            continue;
        };
        let name = if name.is_empty() {
            part
        } else {
            format!("{name}/{part}")
        };
        let matches = name.starts_with(prefix);
        if !name::is_valid(&name) || !(matches || prefix.starts_with(&name)) {
            continue;
        }
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => walk(&entry.path(), &name, prefix, found)?,
            Ok(metadata) if metadata.is_file() && matches => found.push((name, metadata.len())),
            Ok(_) => {}
            // Deleted since the folder was read.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
