//! A bag in a zip archive: listed with suspicion, never unpacked.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;

use comity_core::shown::shown;
use flate2::Crc;
use flate2::read::DeflateDecoder;
use zip::result::{ZipError, ZipResult};
use zip::{CompressionMethod, ZipArchive};

use super::Limits;
use super::finding::Found;
use super::paths::refuse;
use super::source::Present;

/// Type bits of a Unix mode, and what they say for a link, a regular file and a folder.
const TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const FOLDER: u32 = 0o040_000;

/// Where an archive has a file, and what it says about it.
#[derive(Clone, Debug)]
pub(super) struct Member {
    data_start: u64,
    packed_bytes: u64,
    deflated: bool,
    crc32: u32,
    /// Unix mode, where the archive has one.
    pub(super) mode: Option<u32>,
    /// Local time without a zone, as `2024-05-01T10:00:00`.
    pub(super) modified: Option<String>,
}

/// An open archive.
#[derive(Clone, Debug)]
pub(super) struct Archive {
    file: Arc<File>,
}

impl Archive {
    /// Lists the files of the one bag in the archive at `path`; everything suspicious about it
    /// is a finding.
    pub(super) fn list(
        path: &Path,
        limits: &Limits,
        found: &mut Found,
    ) -> io::Result<(Archive, Vec<Present>, bool)> {
        let file = Arc::new(File::open(path)?);
        let size = file.metadata()?.len();
        let place = shown(path.file_name().unwrap_or_default().as_encoded_bytes());
        let archive = Archive { file };
        let mut members = Vec::new();
        let mut folders = Vec::new();
        if let Err(error) = archive.members(limits, &place, &mut members, &mut folders, found) {
            match error {
                ZipError::Io(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
                    return Err(error);
                }
                error => found.finding(&place, format!("it is no sound zip archive: {error}")),
            }
        }
        bomb(&members, size, limits, &place, found);
        let base = base(&mut members, &mut folders, &place, found);
        let data = [base.as_slice(), b"data/"].concat();
        let has_data = folders.iter().any(|folder| folder.starts_with(&data))
            || members.iter().any(|member| member.path.starts_with(&data));
        for member in &mut members {
            member.path.drain(..base.len());
        }
        collisions(&members, found);
        Ok((archive, members, has_data))
    }

    fn members(
        &self,
        limits: &Limits,
        place: &str,
        members: &mut Vec<Present>,
        folders: &mut Vec<Vec<u8>>,
        found: &mut Found,
    ) -> ZipResult<()> {
        let mut whole = ZipArchive::new(self.section())?;
        if whole.len() as u64 > limits.files {
            let count = whole.len();
            found.finding(
                place,
                format!("it lists {count} files; at most {} are read", limits.files),
            );
            return Ok(());
        }
        if whole.has_duplicate_names() {
            found.finding(
                place,
                "it lists a name twice, and readers differ in which they take",
            );
        } else if let Err(error) = whole.validate_header_consistency() {
            found.finding(
                place,
                format!("two readers could see two different bags in it: {error}"),
            );
        }
        for index in 0..whole.len() {
            let entry = whole.by_index_raw(index)?;
            let path = entry.name_raw().to_vec();
            if let Err(what) = refuse(&path) {
                found.finding(&path, what);
                continue;
            }
            if path.ends_with(b"/") {
                folders.push(path);
                continue;
            }
            let mode = entry.unix_mode().filter(|mode| mode & TYPE != 0);
            let what = match (entry.compression(), entry.data_start()) {
                _ if path
                    .split(|byte| *byte == b'/')
                    .any(|part| part.is_empty() || part == b".") =>
                {
                    "its path has an empty part or a `.`"
                }
                _ if mode.is_some_and(|mode| mode & TYPE == FOLDER) => {
                    "it is a folder named as a file"
                }
                _ if mode.is_some_and(|mode| mode & TYPE != REGULAR) => {
                    "it is a link or another special file, and a bag holds files alone"
                }
                _ if entry.encrypted() => "it is encrypted",
                (CompressionMethod::Stored | CompressionMethod::Deflated, Some(data_start)) => {
                    members.push(Present {
                        path,
                        size_bytes: entry.size(),
                        member: Some(Box::new(Member {
                            data_start,
                            packed_bytes: entry.compressed_size(),
                            deflated: entry.compression() == CompressionMethod::Deflated,
                            crc32: entry.crc32(),
                            mode,
                            modified: entry.last_modified().map(|time| {
                                format!(
                                    "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
                                    time.year(),
                                    time.month(),
                                    time.day(),
                                    time.hour(),
                                    time.minute(),
                                    time.second()
                                )
                            }),
                        })),
                    });
                    continue;
                }
                _ => "it is compressed by a method that is not read (stored and deflated are)",
            };
            found.finding(path, what);
        }
        Ok(())
    }

    /// Opens a file of `size_bytes`.
    pub(super) fn open(&self, member: &Member, size_bytes: u64) -> ArchiveReader {
        let section = Section {
            file: self.file.clone(),
            at: member.data_start,
            start: member.data_start,
            end: member.data_start.saturating_add(member.packed_bytes),
        };
        let packed = match member.deflated {
            true => Packed::Deflated(DeflateDecoder::new_with_buf(section, vec![0; 64 * 1024])),
            false => Packed::Stored(section),
        };
        ArchiveReader {
            packed,
            left: size_bytes,
            crc: Crc::new(),
            crc32: member.crc32,
        }
    }

    fn section(&self) -> BufReader<Section> {
        let end = self.file.metadata().map_or(0, |metadata| metadata.len());
        BufReader::new(Section {
            file: self.file.clone(),
            at: 0,
            start: 0,
            end,
        })
    }
}

/// The folder that holds the bag, with its separator; empty when the bag lies at the top.
fn base(
    members: &mut Vec<Present>,
    folders: &mut Vec<Vec<u8>>,
    place: &str,
    found: &mut Found,
) -> Vec<u8> {
    // Finder of macOS adds these beside what it packs.
    let is_foreign = |path: &[u8]| path.starts_with(b"__MACOSX/") || path == b".DS_Store";
    let before = members.len();
    members.retain(|member| !is_foreign(&member.path));
    folders.retain(|folder| !is_foreign(folder));
    if members.len() < before {
        let count = before - members.len();
        found.remark(
            place,
            format!("{count} files that macOS added beside the bag are not part of it"),
        );
    }
    if members.iter().any(|member| !member.path.contains(&b'/')) {
        return Vec::new();
    }
    let top = |path: &[u8]| {
        path.split_inclusive(|byte| *byte == b'/')
            .next()
            .map(<[u8]>::to_vec)
    };
    let Some(base) = members.first().and_then(|member| top(&member.path)) else {
        if found.findings.is_empty() {
            found.finding(place, "there is no bag in it");
        }
        return Vec::new();
    };
    members.retain(|member| {
        let within = member.path.starts_with(&base);
        if !within {
            found.finding(
                &member.path,
                "it lies beside the one folder that holds the bag",
            );
        }
        within
    });
    base
}

fn bomb(members: &[Present], size: u64, limits: &Limits, place: &str, found: &mut Found) {
    let clear: u128 = members
        .iter()
        .map(|member| u128::from(member.size_bytes))
        .sum();
    let most = u128::from(limits.ratio).saturating_mul(u128::from(size));
    if clear > most.max(u128::from(limits.ratio_from_bytes)) {
        let ratio = limits.ratio;
        found.finding(
            place,
            format!("its files say that they unpack to {clear} bytes, more than {ratio} times its own size"),
        );
    }
}

/// In an archive, names that some file system takes for one are findings: whoever unpacks it
/// there loses one of them.
fn collisions(members: &[Present], found: &mut Found) {
    let mut names: Vec<(String, &[u8])> = members
        .iter()
        .map(|member| (super::check::folded(&member.path), member.path.as_slice()))
        .collect();
    names.sort();
    for pair in names.windows(2) {
        let [(first_folded, first), (second_folded, second)] = pair else {
            continue;
        };
        if first_folded == second_folded {
            let first = shown(first);
            found.finding(
                second,
                format!("some systems take its name and {first:?} for one (case, or Unicode normalisation)"),
            );
        }
    }
}

/// A part of a file that many readers can read at once.
#[derive(Clone, Debug)]
struct Section {
    file: Arc<File>,
    at: u64,
    start: u64,
    end: u64,
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let len = left.min(buffer.len());
        let count = self
            .file
            .read_at(buffer.get_mut(..len).unwrap_or_default(), self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

impl Seek for Section {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => self.start.checked_add(offset),
            SeekFrom::End(offset) => self.end.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.at.checked_add_signed(offset),
        };
        let target = target.filter(|target| *target >= self.start);
        self.at = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at - self.start)
    }
}

#[derive(Debug)]
enum Packed {
    Stored(Section),
    Deflated(DeflateDecoder<Section>),
}

/// Reads one file of an archive, and holds it to the length and CRC-32 that the archive says.
#[derive(Debug)]
pub(super) struct ArchiveReader {
    packed: Packed,
    left: u64,
    crc: Crc,
    crc32: u32,
}

impl Read for ArchiveReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wrong = |what: &str| Err(io::Error::new(io::ErrorKind::InvalidData, what));
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = match &mut self.packed {
            Packed::Stored(section) => section.read(buffer)?,
            Packed::Deflated(decoder) => decoder.read(buffer)?,
        };
        if count == 0 {
            return match (self.left, self.crc.sum() == self.crc32) {
                (0, true) => Ok(0),
                (0, false) => wrong("its CRC-32 is not the one that the archive says"),
                _ => wrong("it is shorter than the archive says"),
            };
        }
        let Some(left) = self.left.checked_sub(count as u64) else {
            return wrong("it is longer than the archive says");
        };
        self.left = left;
        self.crc.update(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}
