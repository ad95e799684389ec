//! A zip as a source: one folder inside, each name once, no links, no bombs.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use comity_core::Finding;
use comity_core::package::{Source, refused_name};
use comity_core::shown::{escape_for_terminal, shown};
use zip::{CompressionMethod, ZipArchive};

/// The most entries that are looked at: more than any package needs that is handed over as one
/// file.
const MAX_ENTRIES: usize = 5_000_000;
/// Smaller entries may shrink as they like.
const SMALL_BYTES: u64 = 1 << 20;
/// An entry that shrank more than this is a bomb (`docs/format/disclosure.md`, Limits).
const MAX_RATIO: u64 = 200;

/// A package or receipt in a zip.
pub struct Zipped {
    archive: ZipArchive<SharedFile>,
    names: Vec<String>,
    /// For each name its entry in the archive.
    entries: Vec<usize>,
    refused: Vec<Finding>,
}

impl Zipped {
    /// Reads the directory of a zip.
    ///
    /// # Errors
    /// A sentence: it is no zip, or one that could be read in two ways.
    pub fn open(file: File) -> Result<Zipped, String> {
        let mut archive = ZipArchive::new(SharedFile {
            file: Arc::new(file),
            at: 0,
        })
        .map_err(|error| format!("cannot be read as a zip: {error}"))?;
        if archive.has_duplicate_names() {
            return Err("has two entries of one name: programs would disagree about it".to_owned());
        }
        if archive.len() > MAX_ENTRIES {
            return Err(format!("has more than {MAX_ENTRIES} entries"));
        }
        match archive.has_overlapping_entries() {
            Ok(false) => {}
            Ok(true) => return Err("has entries that overlap, as zip bombs do".to_owned()),
            Err(error) => return Err(format!("cannot be read as a zip: {error}")),
        }
        let mut listed: Vec<(String, usize)> = Vec::with_capacity(archive.len());
        let mut refused = Vec::new();
        for index in 0..archive.len() {
            let entry = archive
                .by_index_raw(index)
                .map_err(|error| error.to_string())?;
            if entry.is_dir() {
                continue;
            }
            let raw = entry.name_raw();
            match (std::str::from_utf8(raw), refused_entry(&entry)) {
                (Ok(name), None) => listed.push((name.to_owned(), index)),
                (_, why) => {
                    let why = why.unwrap_or("has a name that is not text");
                    refused.push(Finding::new(escape_for_terminal(&shown(raw)), why));
                }
            }
        }
        listed.sort_unstable();
        let (names, entries) = strip_top_folder(listed, &mut refused).into_iter().unzip();
        Ok(Zipped {
            archive,
            names,
            entries,
            refused,
        })
    }
}

/// Why an entry is not read.
fn refused_entry<R: Read>(entry: &zip::read::ZipFile<'_, R>) -> Option<&'static str> {
    let known = [CompressionMethod::Stored, CompressionMethod::Deflated];
    let (size, packed) = (entry.size(), entry.compressed_size());
    let name = std::str::from_utf8(entry.name_raw()).unwrap_or_default();
    if let Some(why) = refused_name(name) {
        Some(why)
    } else if entry.is_symlink() {
        Some("is a symbolic link: a package or receipt has none, and it was not followed")
    } else if entry.encrypted() {
        Some("is encrypted")
    } else if !known.contains(&entry.compression()) {
        Some("is neither stored nor deflated")
    } else if size > SMALL_BYTES && size / MAX_RATIO > packed {
        Some("says that it grows more than 200 times when it is unpacked, as zip bombs do")
    } else {
        None
    }
}

/// Takes off the one folder that holds everything, if the files do not lie at the top themselves.
fn strip_top_folder(
    listed: Vec<(String, usize)>,
    refused: &mut Vec<Finding>,
) -> Vec<(String, usize)> {
    let at_top = |name: &str| matches!(name, "bagit.txt" | "receipt.json");
    if listed.iter().any(|(name, _)| at_top(name)) {
        return listed;
    }
    let holder = listed
        .iter()
        .find(|(name, _)| name.split_once('/').is_some_and(|(_, rest)| at_top(rest)))
        .or(listed.first());
    let Some(top) = holder
        .and_then(|(name, _)| name.split_once('/'))
        .map(|(top, _)| format!("{top}/"))
    else {
        return listed;
    };
    let mut inside = Vec::with_capacity(listed.len());
    for (name, index) in listed {
        match name.strip_prefix(&top) {
            Some(rest) => inside.push((rest.to_owned(), index)),
            None => refused.push(Finding::new(
                name,
                format!("lies outside the folder {top} of the zip"),
            )),
        }
    }
    inside
}

impl Source for Zipped {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn refused(&self) -> &[Finding] {
        &self.refused
    }

    fn read(
        &self,
        index: usize,
        visit: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> io::Result<()> {
        let entry = *self.entries.get(index).ok_or(io::ErrorKind::NotFound)?;
        // The clone shares the directory and has a place in the file of its own.
        let mut archive = self.archive.clone();
        let mut entry = archive.by_index(entry)?;
        let limit = entry.size();
        visit(&mut Limited {
            reader: &mut entry,
            left: limit,
        })
    }
}

/// Stops an entry that unpacks to more than it says.
struct Limited<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.left = self
            .left
            .checked_sub(count as u64)
            .ok_or_else(|| io::Error::other("unpacks to more bytes than the zip says"))?;
        Ok(count)
    }
}

/// A file that several threads read, each at its own place.
#[derive(Clone)]
struct SharedFile {
    file: Arc<File>,
    at: u64,
}

impl Read for SharedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read_at(buffer, self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for SharedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.file.metadata()?.len().checked_add_signed(by),
        };
        self.at = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
