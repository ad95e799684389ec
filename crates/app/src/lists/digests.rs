//! A list of files, opened for looking digests up: its sorted digests lie sealed in `index/lists/`, and are made from the
//! list when they are not there (`docs/format/lists.md`).

use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use comity_core::random::Random;
use comity_lists::{Digest, MAX_FILE_LINE, Sorted, Sum, read_file_line, sort_digests};
use comity_seal::{Key, Opener, ReadAt, Sealer};
use comity_store::{Disk, DiskFile, StoreError};

use super::{Bytes, List};
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::sql::Session;

/// Digests that are sorted in memory at a time: 48 bytes each, and 41 more while they are put aside.
const IN_MEMORY: usize = 1 << 20;
/// Bytes of a sorted run that are read at once.
const RUN: usize = 1 << 16;

/// A list of files, opened.
pub(crate) struct OpenList {
    sorted: Sorted,
    bytes: Bytes,
    number: String,
}

impl OpenList {
    /// Whether lines of it have no stronger digest than this kind.
    pub fn has(&self, sum: Sum) -> bool {
        self.sorted.has(sum)
    }

    /// What the list calls the file of this digest; `None` where it is not in it.
    pub fn find(&mut self, digest: &Digest) -> Result<Option<String>> {
        let Some(at) = self.sorted.find(digest).map_err(|e| self.damaged(&e))? else {
            return Ok(None);
        };
        let head = match self.sorted.head_of(at) {
            Some(head) => Some(self.line(head)?),
            None => None,
        };
        let read = read_file_line(head.as_deref(), &self.line(at)?);
        match read.filter(|(digests, _)| digests.contains(digest)) {
            Some((_, name)) => Ok(Some(name)),
            None => Err(self.damaged(&"its sorted digests speak of another list")),
        }
    }

    /// The line that begins there.
    fn line(&mut self, at: u64) -> Result<Vec<u8>> {
        let mut line = Vec::new();
        self.bytes.at = at.min(self.bytes.reader.size());
        let mut piece = [0; 1024];
        loop {
            let count = self.bytes.read(&mut piece);
            let count = count
                .map_err(|e| AppError::damaged(format!("list {}", self.number), e.to_string()))?;
            let read = piece.get(..count).unwrap_or_default();
            let end = read.iter().position(|b| *b == b'\n');
            line.extend_from_slice(read.get(..end.unwrap_or(count)).unwrap_or_default());
            if end.is_some() || count == 0 || line.len() as u64 > MAX_FILE_LINE {
                return Ok(line);
            }
        }
    }

    fn damaged(&self, what: &dyn std::fmt::Display) -> AppError {
        AppError::damaged(
            format!("the sorted digests of list {}", self.number),
            what.to_string(),
        )
    }
}

impl Centre {
    /// Where the sorted digests of lists lie.
    fn digests_folder(&self) -> PathBuf {
        self.dir.join("index").join("lists")
    }

    /// Forgets all sorted digests: they are made again from the lists.
    pub(crate) fn forget_digests(&self) -> Result<()> {
        Ok(self.ambient.disk.remove_dir_all(&self.digests_folder())?)
    }

    /// Opens a list of files. Its digests are sorted first where that was not done, or where what was made is damaged:
    /// then a sentence of that is added to `said`.
    pub(crate) fn open_list(
        &self,
        session: &mut Session,
        list: &List,
        said: &mut Vec<String>,
    ) -> Result<OpenList> {
        let bytes = self.list_reader(session, list)?;
        let key = self.list_key(session, list)?;
        let (folder, disk) = (self.digests_folder(), &self.ambient.disk);
        let path = folder.join(list.leaf.to_string());
        let context = format!("comity/digests/v1\n{}", list.leaf);
        let sorted = match opened(disk, &path, &key, &context) {
            Ok(Some(sorted)) => Some(sorted),
            Ok(None) => None,
            Err(error) => {
                said.push(format!("The sorted digests of list {} were damaged ({error}); they were made anew from it.", list.number));
                None
            }
        };
        let sorted = match sorted {
            Some(sorted) => sorted,
            None => {
                disk.create_dir_all(&folder)?;
                self.forget_former_digests(session, &folder)?;
                self.sort_list(session, list, &path, &key, &context)?;
                let made = opened(disk, &path, &key, &context);
                let made =
                    made.map_err(|e| AppError::damaged(path.display().to_string(), e.to_string()))?;
                made.ok_or_else(|| {
                    AppError::damaged(path.display().to_string(), "it was taken away")
                })?
            }
        };
        Ok(OpenList {
            sorted,
            bytes,
            number: list.number.clone(),
        })
    }

    /// Takes away the sorted digests of lists that are not in force any more.
    fn forget_former_digests(&self, session: &mut Session, folder: &Path) -> Result<()> {
        let lists = self.lists_in_force(session)?;
        let disk = &self.ambient.disk;
        for name in disk.list(folder)? {
            let leaf = name.to_str().and_then(|name| name.parse::<u64>().ok());
            if leaf.is_some_and(|leaf| lists.iter().all(|list| list.leaf != leaf)) {
                disk.remove_file(&folder.join(name))?;
            }
        }
        Ok(())
    }

    fn sort_list(
        &self,
        session: &mut Session,
        list: &List,
        path: &Path,
        key: &Key,
        context: &str,
    ) -> Result<()> {
        let (disk, random) = (&self.ambient.disk, &self.ambient.random);
        let mut input = BufReader::with_capacity(1 << 20, self.list_reader(session, list)?);
        let (beside, file) = disk.create_beside(path)?;
        let made = (|| {
            let mut spill = |run: &[u8]| put_aside(disk, path, &**random, run);
            let mut out = Sealer::new(key, self.ambient.bytes(), context.as_bytes(), Sink(file));
            sort_digests(&mut input, IN_MEMORY, &mut spill, &mut out)
                .map_err(|e| AppError::damaged(format!("list {}", list.number), e.to_string()))?;
            let Sink(file) = out.finish().map_err(|source| AppError::Io {
                path: path.display().to_string(),
                source,
            })?;
            file.sync()?;
            disk.rename(&beside, path)?;
            Ok(disk.sync_dir(&self.digests_folder())?)
        })();
        if made.is_err() {
            let _ = disk.remove_file(&beside);
        }
        made
    }
}

fn opened(disk: &Disk, path: &Path, key: &Key, context: &str) -> io::Result<Option<Sorted>> {
    let Some(file) = disk.open_read(path).map_err(io::Error::other)? else {
        return Ok(None);
    };
    let opener =
        Opener::new(key, context.as_bytes(), Source::new(file)?).map_err(io::Error::other)?;
    let size = opener.clear_len();
    let read = move |at: u64, to: &mut [u8]| opener.read_at(at, to).map_err(io::Error::other);
    Sorted::open(size, Box::new(read)).map(Some)
}

/// Keeps a sorted run until it is merged: sealed with a key of its own, in a file without a name.
fn put_aside(
    disk: &Disk,
    beside: &Path,
    random: &dyn Random,
    run: &[u8],
) -> io::Result<Box<dyn Read>> {
    let (mut key, mut salt) = ([0; 32], [0; 24]);
    random.fill(&mut key);
    random.fill(&mut salt);
    let (key, context) = (Key::new(key), b"comity/digests run/v1\n");
    let (path, file) = disk.create_beside(beside).map_err(io::Error::other)?;
    let mut sealer = Sealer::new(&key, salt, context, Sink(file));
    let written = sealer.write_all(run).and_then(|()| sealer.finish());
    disk.remove_file(&path).map_err(io::Error::other)?;
    let opener = Opener::new(&key, context, Source::new(written?.0)?).map_err(io::Error::other)?;
    Ok(Box::new(BufReader::with_capacity(
        RUN,
        Run { opener, at: 0 },
    )))
}

/// A run that is read from its beginning.
struct Run {
    opener: Opener<Source>,
    at: u64,
}

impl Read for Run {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let len = (buffer.len() as u64).min(self.opener.clear_len() - self.at) as usize;
        let (part, _) = buffer.split_at_mut(len);
        self.opener
            .read_at(self.at, part)
            .map_err(io::Error::other)?;
        self.at += len as u64;
        Ok(len)
    }
}

/// Sealed bytes on the disk.
struct Source {
    file: DiskFile,
    len: u64,
}

impl Source {
    fn new(file: DiskFile) -> io::Result<Source> {
        let len = file.len().map_err(io::Error::other)?;
        Ok(Source { file, len })
    }
}

impl ReadAt for Source {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.file.read_at(offset, buf).map_err(io::Error::other)
    }

    fn size(&self) -> u64 {
        self.len
    }
}

struct Sink(DiskFile);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written: std::result::Result<(), StoreError> = self.0.write_all(bytes);
        written.map_err(io::Error::other)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
