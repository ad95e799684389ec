//! Folders as open descriptors: names are resolved one at a time and links are never followed.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir, openat, readlinkat};
use rustix::io::Errno;

use super::names::Hint;
use crate::intake::stat::FileStat;

/// An open folder.
#[derive(Debug)]
pub(super) struct Folder {
    fd: OwnedFd,
    id: (u64, u64),
}

impl Folder {
    /// Opens `path` only to resolve names in it; links on the way are followed.
    pub(super) fn anchor(path: &Path) -> io::Result<Folder> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Folder::new(openat(CWD, path, flags, Mode::empty())?)
    }

    /// Opens the folder `name` to list it; a link is refused.
    pub(super) fn open(&self, name: &[u8]) -> io::Result<Folder> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Folder::new(open_quietly(&self.fd, name, flags)?)
    }

    fn new(fd: OwnedFd) -> io::Result<Folder> {
        let id = FileStat::of(&fd)?.id();
        Ok(Folder { fd, id })
    }

    /// Device and inode.
    pub(super) fn id(&self) -> (u64, u64) {
        self.id
    }

    /// Opens the file `name` for reading. Neither a link is followed nor a pipe waited for; the
    /// caller must see that what it got is a regular file.
    pub(super) fn open_file(&self, name: &[u8]) -> io::Result<File> {
        let flags =
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        Ok(open_quietly(&self.fd, name, flags)?.into())
    }

    /// Asks about `name` itself, not about what a link leads to.
    pub(super) fn stat(&self, name: &[u8]) -> io::Result<FileStat> {
        FileStat::at(&self.fd, OsStr::from_bytes(name), AtFlags::empty())
    }

    /// Where the link `name` leads, as bytes.
    pub(super) fn read_link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        Ok(readlinkat(&self.fd, OsStr::from_bytes(name), Vec::new())?.into_bytes())
    }

    /// Hands every name but `.` and `..` to `take`. The outer error is `take`'s; the inner one
    /// says that the folder could be listed in part only.
    pub(super) fn list(
        &self,
        buffer: &mut [MaybeUninit<u8>],
        mut take: impl FnMut(&[u8], Hint) -> io::Result<()>,
    ) -> io::Result<Result<(), io::Error>> {
        let mut listing = RawDir::new(self.fd.as_fd(), buffer);
        while let Some(entry) = listing.next() {
            let entry = match entry {
                Ok(entry) => entry,
                Err(Errno::INTR) => continue,
                Err(error) => return Ok(Err(error.into())),
            };
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                take(name, hint(entry.file_type()))?;
            }
        }
        Ok(Ok(()))
    }
}

/// What a mode says that a file is.
pub(super) fn hint_of_mode(mode: u32) -> Hint {
    hint(FileType::from_raw_mode(mode))
}

fn hint(kind: FileType) -> Hint {
    match kind {
        FileType::RegularFile => Hint::File,
        FileType::Directory => Hint::Folder,
        FileType::Symlink => Hint::Symlink,
        FileType::Socket => Hint::Socket,
        FileType::Fifo => Hint::Fifo,
        FileType::CharacterDevice | FileType::BlockDevice => Hint::Device,
        FileType::Unknown => Hint::Unknown,
    }
}

/// Opens without touching the time of last access where the system allows that.
fn open_quietly(folder: &OwnedFd, name: &[u8], flags: OFlags) -> io::Result<OwnedFd> {
    let name = OsStr::from_bytes(name);
    loop {
        let opened = match openat(folder, name, flags | OFlags::NOATIME, Mode::empty()) {
            Err(Errno::PERM) => openat(folder, name, flags, Mode::empty()),
            opened => opened,
        };
        match opened {
            Err(Errno::INTR) => {}
            opened => return Ok(opened?),
        }
    }
}
