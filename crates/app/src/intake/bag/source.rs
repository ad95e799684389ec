//! Where the files of a bag lie: in a folder, or in a zip archive.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::Limits;
use super::archive::{Archive, ArchiveReader, Member};
use super::finding::Found;
use crate::intake::manifest::table::path_order;
use crate::intake::walk::{Kind, Spill, Walk, WalkError, open_below};

/// A file that lies in the bag.
#[derive(Clone, Debug)]
pub(super) struct Present {
    /// Its path in the bag, as bytes.
    pub(super) path: Vec<u8>,
    pub(super) size_bytes: u64,
    /// Where a zip archive has it.
    pub(super) member: Option<Box<Member>>,
}

/// Where the files lie.
#[derive(Debug)]
pub(super) enum Source {
    Folder(PathBuf),
    Archive(Archive),
}

/// Everything that lies in a bag.
pub(super) struct Contents {
    pub(super) source: Source,
    /// All files, in the order of a walk.
    pub(super) files: Vec<Present>,
    /// Whether there is a folder `data`, be it empty.
    pub(super) has_data: bool,
}

/// Lists the bag at `path`, which is a folder or a zip archive.
pub(super) fn list(
    path: &Path,
    limits: &Limits,
    spill: Spill,
    found: &mut Found,
) -> Result<Contents, super::BagError> {
    let failed = |source| super::BagError::Io {
        path: path.to_owned(),
        source,
    };
    if std::fs::metadata(path).map_err(failed)?.is_dir() {
        return list_folder(path, spill, found);
    }
    let (archive, mut files, has_data) = Archive::list(path, limits, found).map_err(failed)?;
    files.sort_by(|a, b| path_order(&a.path, &b.path));
    Ok(Contents {
        source: Source::Archive(archive),
        files,
        has_data,
    })
}

fn list_folder(path: &Path, spill: Spill, found: &mut Found) -> Result<Contents, super::BagError> {
    let failed = |source| super::BagError::Io {
        path: path.to_owned(),
        source,
    };
    let root = std::fs::canonicalize(path).map_err(failed)?;
    let has_data = std::fs::symlink_metadata(root.join("data")).is_ok_and(|data| data.is_dir());
    let walk = Walk::new(std::slice::from_ref(&root), &[], spill)?;
    let name_len = walk.roots().first().map_or(0, |root| root.name.len() + 1);
    let mut files = Vec::new();
    for entry in walk {
        let entry = entry.map_err(|error| match error {
            WalkError::Spill { source, .. } | WalkError::Exhausted { source, .. } => failed(source),
        })?;
        let path = entry.path.get(name_len..).unwrap_or_default().to_vec();
        let what = match &entry.kind {
            Kind::File => match entry.stat() {
                Ok(stat) => {
                    files.push(Present {
                        path,
                        size_bytes: stat.size_bytes,
                        member: None,
                    });
                    continue;
                }
                Err(error) => format!("it cannot be read: {error}"),
            },
            Kind::Symlink { .. } => "it is a symbolic link, and a bag holds files alone".into(),
            Kind::Socket | Kind::Fifo | Kind::Device => "it is no regular file".into(),
            Kind::FolderUnreadable { reason } | Kind::Unreadable { reason } => {
                format!("it cannot be read: {reason}")
            }
            Kind::Vanished => "it vanished while the bag was checked".into(),
        };
        found.finding(path, what);
    }
    Ok(Contents {
        source: Source::Folder(root),
        files,
        has_data,
    })
}

impl Source {
    /// Opens a file of the bag.
    pub(super) fn open(&self, file: &Present) -> io::Result<BagReader> {
        match (self, &file.member) {
            (Source::Folder(root), _) => {
                let (file, _) = open_below(root, &file.path).map_err(io::Error::other)?;
                Ok(BagReader(Inner::File(file)))
            }
            (Source::Archive(archive), Some(member)) => Ok(BagReader(Inner::Archive(Box::new(
                archive.open(member, file.size_bytes),
            )))),
            (Source::Archive(_), None) => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// Reads one file of a bag from its beginning. A file in an archive ends in an error when its
/// length or its CRC-32 is not what the archive says.
#[derive(Debug)]
pub struct BagReader(Inner);

#[derive(Debug)]
enum Inner {
    File(File),
    Archive(Box<ArchiveReader>),
}

impl BagReader {
    /// The open file, when the bag is a folder.
    #[must_use]
    pub fn as_file(&self) -> Option<&File> {
        match &self.0 {
            Inner::File(file) => Some(file),
            Inner::Archive(_) => None,
        }
    }
}

impl Read for BagReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Inner::File(file) => file.read(buffer),
            Inner::Archive(reader) => reader.read(buffer),
        }
    }
}

/// What the archive, or the file system, says of a file: the `file` field of its event.
pub(super) fn record(source: &Source, file: &Present) -> io::Result<Value> {
    if let Source::Folder(root) = source {
        let (_, stat) = open_below(root, &file.path).map_err(io::Error::other)?;
        return Ok(stat.to_json());
    }
    let mut fields = Map::new();
    fields.insert("size".into(), file.size_bytes.into());
    if let Some(member) = &file.member {
        if let Some(mode) = member.mode {
            fields.insert("mode".into(), format!("{mode:07o}").into());
        }
        if let Some(time) = &member.modified {
            fields.insert("mtime_local".into(), time.as_str().into());
        }
    }
    Ok(fields.into())
}
