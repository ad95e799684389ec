//! ext2, ext3 and ext4. What the journal holds is taken into account.

use super::{
    media::Disk,
    walk::{Entries, Entry, Files, Times, What},
};
use crate::{
    Out, Stop, decode,
    ints::{u16_at, u32_at},
    time,
};
use comity_extract::Child;
use ext4_view::{DirEntry, Ext4, Ext4Error, Ext4Read, FileType, PathBuf};
use std::{
    error::Error,
    io::{Read, Seek, SeekFrom},
};

/// The largest size of an inode that an image may be full of.
const INODE_MIN: u64 = 128;

pub struct Ext {
    system: Ext4,
    /// There is no folder without an inode.
    inodes: usize,
    folders: u64,
}

/// Which of the three it is, by the block after the first 1024 bytes.
pub fn name(block: &[u8]) -> Option<&'static str> {
    let is_sane = u16_at(block, 56) == 0xef53
        && u32_at(block, 0) > 0
        && u32_at(block, 4) > 0
        && u32_at(block, 24) <= 6
        && u32_at(block, 32) > 0
        && u32_at(block, 40) > 0;
    let (compatible, incompatible, read_only) =
        (u32_at(block, 92), u32_at(block, 96), u32_at(block, 100));
    // Extents, 64 bits, flexible groups, data in inodes; huge files, many folders, checksums.
    let is_4 = incompatible & 0x82c0 != 0 || read_only & 0x0478 != 0;
    is_sane.then_some(match (is_4, compatible & 4 != 0) {
        (true, _) => "ext4",
        (_, true) => "ext3",
        _ => "ext2",
    })
}

impl Ext {
    /// The file system at the beginning of `disk`, and its label.
    pub fn open(disk: &Disk) -> Result<(Ext, String), Stop> {
        let block = disk.exactly(1024, 1024)?;
        let number = |at| u64::from(u32_at(&block, at));
        // The tables of groups and inodes must have room in the image, before any memory is taken for them.
        let blocks = number(4)
            | if number(96) & 0x80 != 0 {
                number(0x150) << 32
            } else {
                0
            };
        let groups = blocks.div_ceil(number(32).max(1));
        let inodes = number(0);
        if groups.saturating_mul(32) > disk.size() || inodes * INODE_MIN > disk.size() {
            return Err(Stop::Damaged(
                "it says that it has more than the image has room for".to_owned(),
            ));
        }
        let system = Ext4::load(Box::new(Bytes(disk.clone()))).map_err(stop)?;
        let label = decode::name(system.label().as_bytes());
        let ext = Ext {
            system,
            inodes: inodes as usize,
            folders: 0,
        };
        Ok((ext, label))
    }

    fn entry(&mut self, entry: &DirEntry) -> Entry<PathBuf> {
        let path = entry.path();
        let found = entry.metadata();
        let mut times = Times::default();
        if let Ok(found) = &found {
            times = Times {
                created: found.created().and_then(|t| time::unix(t.seconds())),
                modified: time::unix(found.modified().seconds()),
                accessed: time::unix(found.accessed().seconds()),
            };
        }
        let what = match found.as_ref().map(|found| found.file_type()) {
            Ok(FileType::Directory) => {
                self.folders += 1;
                What::Folder(path, self.folders)
            }
            Ok(FileType::Symlink) => {
                let target = self
                    .system
                    .read_link(&path)
                    .map(|to| decode::name(to.as_ref()));
                What::Link(target.unwrap_or_default())
            }
            Ok(FileType::BlockDevice) => What::Special("block device"),
            Ok(FileType::CharacterDevice) => What::Special("character device"),
            Ok(FileType::Fifo) => What::Special("pipe"),
            Ok(FileType::Socket) => What::Special("socket"),
            // What is wrong with it is said when it is to be given.
            Ok(FileType::Regular) | Err(_) => {
                What::File(path, found.as_ref().map_or(0, |found| found.len()))
            }
        };
        let name = entry.file_name();
        let raw: &[u8] = name.as_ref();
        let name = decode::name(raw);
        let is_same = name.as_bytes() == raw;
        Entry {
            name_bytes: if is_same { Vec::new() } else { raw.to_vec() },
            name,
            times,
            what,
        }
    }
}

impl Files for Ext {
    type Handle = PathBuf;

    fn root(&mut self) -> Result<(PathBuf, u64), Stop> {
        Ok((PathBuf::new("/"), 0))
    }

    fn folders_max(&self) -> usize {
        self.inodes
    }

    fn list(&mut self, folder: &PathBuf, found: &mut Entries<PathBuf>) -> Result<(), Stop> {
        for entry in self.system.read_dir(folder).map_err(stop)? {
            let entry = entry.map_err(stop)?;
            let name = entry.file_name();
            if !matches!(name.as_ref(), b"." | b"..") {
                found.push(self.entry(&entry))?;
            }
        }
        Ok(())
    }

    fn give(&mut self, file: &PathBuf, child: Child, out: &mut Out) -> Result<(), Stop> {
        match self.system.open(file) {
            Ok(mut file) => out.child(child, &mut file),
            Err(error) => out.lost_child(child, stop(error)),
        }
    }
}

fn stop(error: Ext4Error) -> Stop {
    match error {
        Ext4Error::Encrypted => Stop::Encrypted("it is encrypted".to_owned()),
        Ext4Error::Incompatible(what) => Stop::Unsupported(what.to_string()),
        other => Stop::Damaged(other.to_string()),
    }
}

struct Bytes(Disk);

impl Ext4Read for Bytes {
    fn read(
        &mut self,
        start: u64,
        into: &mut [u8],
    ) -> Result<(), Box<dyn Error + Send + Sync + 'static>> {
        self.0.seek(SeekFrom::Start(start))?;
        Ok(self.0.read_exact(into)?)
    }
}
