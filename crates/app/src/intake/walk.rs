//! The walk over what a deliverer brings: everything that lies under the given paths, once, in
//! an order that is the same each time.
//!
//! # Order
//! The given paths in the order of the command line. Each folder depth-first, its names sorted
//! by their raw bytes. The order is that of names in a folder and not of whole paths: `a/z`
//! comes before `a.txt`, because `a` comes before `a.txt`. Folders themselves are not handed
//! out, unless they cannot be read.
//!
//! # Paths
//! An entry's path begins with the last component of the given path, as with `cp -r`: walking
//! `/mnt/usb/photos` gives `photos/1.jpg`. Two given paths with the same last component are
//! therefore refused, as are paths that overlap. Paths are bytes and are never normalised.
//!
//! # Bounds
//! Descriptors: [`Limits::open_folders`], however deep a folder lies and however long its path.
//! Memory: [`Limits::names_bytes`] for names, however many a folder holds; more are sorted on
//! disk, in a [`Spill`]. What grows is one small record for each level of depth.
//!
//! Links are recorded and never followed, so there are no loops. Times of last access are left
//! alone where the system allows that.

mod folder;
mod names;
mod roots;
mod spill;

use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::io::Errno;

use folder::{Folder, hint_of_mode};
use names::{Builder, Hint, Names};
pub use roots::{Root, RootError};
pub use spill::Spill;

use super::stat::FileStat;

/// Room for one reading of a folder's names.
const LISTING_BYTES: usize = 64 * 1024;

/// What a walk may hold at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of memory for names; half of it is sorted at once. 32 MiB by default, which sorts
    /// a folder of some 400,000 names without touching the disk.
    pub names_bytes: usize,
    /// Folders kept open, at least 2. 64 by default. Entries that the caller still holds keep
    /// their folder open besides.
    pub open_folders: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            names_bytes: 32 << 20,
            open_folders: 64,
        }
    }
}

/// What the walk met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A symbolic link, and the bytes that it holds.
    Symlink {
        /// Where it leads, as bytes; nothing says that anything is there.
        target: Vec<u8>,
    },
    /// A socket.
    Socket,
    /// A named pipe.
    Fifo,
    /// A character or block device.
    Device,
    /// A folder that could not be read, or in part only; what could be listed follows.
    FolderUnreadable {
        /// Why, as the system says it.
        reason: String,
    },
    /// Something that could not be looked at.
    Unreadable {
        /// Why, as the system says it.
        reason: String,
    },
    /// Something that was listed and was gone when it was looked at.
    Vanished,
}

/// Something that the walk met.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Which of the given paths it lies under, from 0.
    pub root: usize,
    /// Its path: the name of the given path, then the way from there. Bytes, `/` between them.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: Kind,
    roots: Arc<[Root]>,
    folder: Option<Arc<Folder>>,
}

/// Why a file that the walk met cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It was there when its folder was listed.
    #[error("it vanished after its folder was listed")]
    Vanished,
    /// Something else took its place: a link, a folder, a pipe, a device.
    #[error("it is no longer a regular file")]
    NotRegular,
    /// It is there and cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(#[source] io::Error),
    /// This process has no room for another open file: nothing is known about the file, and it
    /// can be tried again.
    #[error("too many files are open: {0}")]
    Exhausted(#[source] io::Error),
}

impl Entry {
    /// The last component of the path.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.path
            .rsplit(|byte| *byte == b'/')
            .next()
            .unwrap_or_default()
    }

    /// The path from the file system's root. It may be longer than the system can open: use
    /// [`Entry::open`].
    #[must_use]
    pub fn absolute(&self) -> PathBuf {
        let Some(root) = self.roots.get(self.root) else {
            return PathBuf::from(OsString::from_vec(self.path.clone()));
        };
        let below = self.path.get(root.name.len()..).unwrap_or_default();
        let below = below.strip_prefix(b"/").unwrap_or(below);
        if below.is_empty() {
            return root.absolute.clone();
        }
        root.absolute.join(std::ffi::OsStr::from_bytes(below))
    }

    /// Opens a file for reading, by its name in its still open folder, and makes sure that it
    /// is the regular file that the listing promised; what the system says of it comes with it.
    /// Links are not followed.
    ///
    /// # Errors
    /// [`OpenError`], by what must be recorded about the file.
    pub fn open(&self) -> Result<(File, FileStat), OpenError> {
        let folder = self.folder.as_ref().ok_or(OpenError::Vanished)?;
        open_regular(folder, self.leaf())
    }

    /// Asks the file system about the thing itself, link or not.
    ///
    /// # Errors
    /// What the system answers; [`io::ErrorKind::NotFound`] when it has vanished.
    pub fn stat(&self) -> io::Result<FileStat> {
        let folder = self.folder.as_ref().ok_or(io::ErrorKind::NotFound)?;
        folder.stat(self.leaf())
    }

    /// Its name in its folder, which differs from its shown name only for a given path.
    fn leaf(&self) -> &[u8] {
        match self.roots.get(self.root) {
            Some(root) if self.path.len() == root.name.len() => &root.leaf,
            _ => self.name(),
        }
    }
}

/// Opens the file at `path`, relative to the folder `root`, name by name: no link below `root`
/// is followed, however long the path.
pub(super) fn open_below(root: &Path, path: &[u8]) -> Result<(File, FileStat), OpenError> {
    let mut folder = Folder::anchor(root).map_err(open_error)?;
    let mut names = path.split(|byte| *byte == b'/');
    let leaf = names.next_back().unwrap_or_default();
    for name in names {
        folder = folder.open(name).map_err(open_error)?;
    }
    open_regular(&folder, leaf)
}

fn open_regular(folder: &Folder, name: &[u8]) -> Result<(File, FileStat), OpenError> {
    let file = folder.open_file(name).map_err(open_error)?;
    let stat = FileStat::of(&file).map_err(OpenError::Unreadable)?;
    if hint_of_mode(stat.mode) != Hint::File {
        return Err(OpenError::NotRegular);
    }
    Ok((file, stat))
}

fn open_error(error: io::Error) -> OpenError {
    match errno(&error) {
        Some(Errno::NOENT) => OpenError::Vanished,
        Some(Errno::LOOP | Errno::NOTDIR | Errno::NXIO | Errno::NODEV) => OpenError::NotRegular,
        Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM) => OpenError::Exhausted(error),
        _ => OpenError::Unreadable(error),
    }
}

/// Why a walk cannot go on. Nothing of the deliverer's causes this.
#[derive(Debug, thiserror::Error)]
pub enum WalkError {
    /// Names cannot be sorted on disk.
    #[error("the names of a large folder cannot be sorted in {}: {source}", folder.display())]
    Spill {
        /// Where the temporary file lies.
        folder: PathBuf,
        /// What the system answers.
        source: io::Error,
    },
    /// This process has no room for another open folder.
    #[error("{}: too many files are open: {source}", path.display())]
    Exhausted {
        /// The folder that was to be opened.
        path: PathBuf,
        /// What the system answers.
        source: io::Error,
    },
}

/// One folder on the way down.
#[derive(Debug)]
struct Level {
    /// Open, unless too many are; found again on the way back.
    folder: Option<Arc<Folder>>,
    id: (u64, u64),
    names: Names,
    /// Bytes of the walk's path that lead here.
    path_len: usize,
}

/// The walk. After an error it ends.
#[derive(Debug)]
pub struct Walk {
    roots: Arc<[Root]>,
    excluded: Vec<(u64, u64)>,
    limits: Limits,
    spill: Spill,
    buffer: Vec<MaybeUninit<u8>>,
    next_root: usize,
    levels: Vec<Level>,
    /// Levels above this one are closed.
    first_open: usize,
    path: Vec<u8>,
    folders: u64,
    empty_folders: u64,
    ended: bool,
}

impl Walk {
    /// A walk over `roots`, in this order, that never enters what `exclude` names. Names of
    /// folders too large for memory are sorted in `spill`.
    ///
    /// A link given as a root is handed out as a link; `link/` means the folder that it leads
    /// to.
    ///
    /// # Errors
    /// When a root is not there, when two overlap or have the same name, or when one lies in or
    /// around what is excluded.
    pub fn new(roots: &[PathBuf], exclude: &[PathBuf], spill: Spill) -> Result<Walk, RootError> {
        Ok(Walk {
            roots: roots::resolve(roots, exclude)?.into(),
            excluded: roots::ids(exclude),
            limits: Limits::default(),
            spill,
            buffer: vec![MaybeUninit::uninit(); LISTING_BYTES],
            next_root: 0,
            levels: Vec::new(),
            first_open: 0,
            path: Vec::new(),
            folders: 0,
            empty_folders: 0,
            ended: false,
        })
    }

    /// The same walk within other limits.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Walk {
        Walk { limits, ..self }
    }

    /// What is walked.
    #[must_use]
    pub fn roots(&self) -> &[Root] {
        &self.roots
    }

    /// Folders listed so far.
    #[must_use]
    pub fn folders(&self) -> u64 {
        self.folders
    }

    /// Folders met so far that held nothing. They are no entries, and this count is all that is
    /// said of them.
    #[must_use]
    pub fn empty_folders(&self) -> u64 {
        self.empty_folders
    }

    /// Whether any names had to be sorted on disk.
    #[must_use]
    pub fn has_spilled(&self) -> bool {
        self.spill.used()
    }

    fn advance(&mut self) -> Result<Option<Entry>, WalkError> {
        loop {
            let Some(top) = self.levels.last_mut() else {
                let Some(root) = self.roots.get(self.next_root).cloned() else {
                    return Ok(None);
                };
                self.next_root += 1;
                if let Some(entry) = self.begin(&root)? {
                    return Ok(Some(entry));
                }
                continue;
            };
            let next = top.names.next(&self.spill);
            let folder = top.folder.clone();
            let path_len = top.path_len;
            let Some((name, hint)) = next.map_err(|source| self.spill_error(source))? else {
                self.leave()?;
                continue;
            };
            self.path.truncate(path_len);
            if path_len > 0 {
                self.path.push(b'/');
            }
            self.path.extend_from_slice(&name);
            let met = match folder {
                Some(folder) => self
                    .meet(&folder, &name, hint)?
                    .map(|kind| (kind, Some(folder))),
                None => Some((Kind::Vanished, None)),
            };
            if let Some((kind, folder)) = met {
                return Ok(Some(self.entry(kind, folder)));
            }
        }
    }

    fn begin(&mut self, root: &Root) -> Result<Option<Entry>, WalkError> {
        self.path.clear();
        self.path.extend_from_slice(&root.name);
        let parent = match Folder::anchor(&root.parent) {
            Ok(parent) => Arc::new(parent),
            Err(error) => {
                let kind = self.failure(error, |reason| Kind::Unreadable { reason })?;
                return Ok(Some(self.entry(kind, None)));
            }
        };
        let kind = self.meet(&parent, &root.leaf, Hint::Unknown)?;
        Ok(kind.map(|kind| self.entry(kind, Some(parent))))
    }

    /// Looks at `name`; enters it and gives nothing when it is a folder.
    fn meet(
        &mut self,
        folder: &Arc<Folder>,
        name: &[u8],
        mut hint: Hint,
    ) -> Result<Option<Kind>, WalkError> {
        // What was listed as a link or folder may be something else by now: then look once more.
        for _ in 0..2 {
            if hint == Hint::Unknown {
                hint = match folder.stat(name) {
                    Ok(stat) => hint_of_mode(stat.mode),
                    Err(error) => {
                        return self
                            .failure(error, |reason| Kind::Unreadable { reason })
                            .map(Some);
                    }
                };
            }
            let error = match hint {
                Hint::File => return Ok(Some(Kind::File)),
                Hint::Socket => return Ok(Some(Kind::Socket)),
                Hint::Fifo => return Ok(Some(Kind::Fifo)),
                Hint::Device => return Ok(Some(Kind::Device)),
                Hint::Folder => match folder.open(name) {
                    Ok(entered) => return self.enter(entered),
                    Err(error) => error,
                },
                Hint::Symlink => match folder.read_link(name) {
                    Ok(target) => return Ok(Some(Kind::Symlink { target })),
                    Err(error) => error,
                },
                Hint::Unknown => io::Error::other("it is of no kind that is known"),
            };
            if !matches!(
                errno(&error),
                Some(Errno::LOOP | Errno::NOTDIR | Errno::INVAL)
            ) {
                let is_folder = hint == Hint::Folder;
                let named = |reason| match is_folder {
                    true => Kind::FolderUnreadable { reason },
                    false => Kind::Unreadable { reason },
                };
                return self.failure(error, named).map(Some);
            }
            hint = Hint::Unknown;
        }
        Ok(Some(Kind::Unreadable {
            reason: "it keeps changing its kind".into(),
        }))
    }

    /// Lists a folder and makes it the level that the walk goes on with.
    fn enter(&mut self, folder: Folder) -> Result<Option<Kind>, WalkError> {
        if self.excluded.contains(&folder.id()) {
            let reason = "it is the centre's own folder, which is never taken in".into();
            return Ok(Some(Kind::FolderUnreadable { reason }));
        }
        let mut builder = Builder::new(&mut self.spill, self.limits.names_bytes / 2);
        let mut count: u64 = 0;
        let listed = folder.list(&mut self.buffer, |name, hint| {
            count += 1;
            builder.push(name, hint)
        });
        let listed = listed.and_then(|partial| Ok((builder.finish()?, partial)));
        let (names, partial) = listed.map_err(|source| self.spill_error(source))?;
        self.folders += 1;
        self.empty_folders += u64::from(count == 0 && partial.is_ok());
        let level = Level {
            id: folder.id(),
            folder: Some(Arc::new(folder)),
            names,
            path_len: self.path.len(),
        };
        self.levels.push(level);
        self.keep_within_limits()
            .map_err(|source| self.spill_error(source))?;
        Ok(partial.err().map(|error| Kind::FolderUnreadable {
            reason: format!("it could be listed in part only: {error}"),
        }))
    }

    /// Closes folders and moves names to disk, from the top of the tree, until limits hold.
    fn keep_within_limits(&mut self) -> io::Result<()> {
        while self.levels.len() - self.first_open > self.limits.open_folders.max(2) {
            if let Some(level) = self.levels.get_mut(self.first_open) {
                level.folder = None;
            }
            self.first_open += 1;
        }
        let mut resident: usize = self
            .levels
            .iter()
            .map(|level| level.names.resident_bytes())
            .sum();
        let below = self.levels.len().saturating_sub(1);
        for level in self.levels.iter_mut().take(below) {
            if resident <= self.limits.names_bytes {
                break;
            }
            resident -= level.names.resident_bytes();
            level.names.park(&mut self.spill)?;
        }
        Ok(())
    }

    /// Goes back to the folder above, and opens it again if it was closed.
    fn leave(&mut self) -> Result<(), WalkError> {
        let Some(left) = self.levels.pop() else {
            return Ok(());
        };
        self.first_open = self.first_open.min(self.levels.len());
        if left.names.is_spilled() && !self.levels.iter().any(|level| level.names.is_spilled()) {
            self.spill
                .clear()
                .map_err(|source| self.spill_error(source))?;
        }
        let above = self.levels.len().saturating_sub(1);
        let Some(top) = self.levels.last() else {
            return Ok(());
        };
        if top.folder.is_some() {
            return Ok(());
        }
        self.path.truncate(top.path_len);
        let id = top.id;
        let found = match left.folder.as_ref().map(|folder| folder.open(b"..")) {
            Some(Ok(folder)) if folder.id() == id => Ok(folder),
            // The folder was moved meanwhile: what was above it is looked for from the root.
            _ => self.find_again(),
        };
        let folder = match found {
            Ok(folder) if folder.id() == id => Some(Arc::new(folder)),
            Ok(_) => None,
            Err(error) => {
                self.failure(error, |reason| Kind::Unreadable { reason })?;
                None
            }
        };
        self.first_open = above;
        if let Some(top) = self.levels.last_mut() {
            top.folder = folder;
        }
        Ok(())
    }

    /// Opens the folder at the walk's path, one name after the other.
    fn find_again(&self) -> io::Result<Folder> {
        let root = self
            .next_root
            .checked_sub(1)
            .and_then(|index| self.roots.get(index));
        let root = root.ok_or(io::ErrorKind::NotFound)?;
        let mut folder = Folder::anchor(&root.parent)?.open(&root.leaf)?;
        let below = self.path.get(root.name.len()..).unwrap_or_default();
        for name in below
            .split(|byte| *byte == b'/')
            .filter(|name| !name.is_empty())
        {
            folder = folder.open(name)?;
        }
        Ok(folder)
    }

    fn entry(&self, kind: Kind, folder: Option<Arc<Folder>>) -> Entry {
        let root = self.next_root.saturating_sub(1);
        Entry {
            root,
            path: self.path.clone(),
            kind,
            roots: self.roots.clone(),
            folder,
        }
    }

    /// What a failed look means: gone, or unreadable for a reason, or no room in this process,
    /// which is no fact about the evidence and ends the walk.
    fn failure(
        &self,
        error: io::Error,
        named: impl FnOnce(String) -> Kind,
    ) -> Result<Kind, WalkError> {
        match errno(&error) {
            Some(Errno::NOENT) => Ok(Kind::Vanished),
            Some(Errno::MFILE | Errno::NFILE | Errno::NOMEM) => Err(WalkError::Exhausted {
                path: PathBuf::from(OsString::from_vec(self.path.clone())),
                source: error,
            }),
            _ => Ok(named(error.to_string())),
        }
    }

    fn spill_error(&self, source: io::Error) -> WalkError {
        WalkError::Spill {
            folder: Path::to_owned(self.spill.folder()),
            source,
        }
    }
}

impl Iterator for Walk {
    type Item = Result<Entry, WalkError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.advance().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

fn errno(error: &io::Error) -> Option<Errno> {
    Errno::from_io_error(error)
}

#[cfg(test)]
mod tests;
