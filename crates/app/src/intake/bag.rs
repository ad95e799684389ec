//! BagIt bags (RFC 8493, versions 0.97 and 1.0) in a folder or a zip archive.
//!
//! [`Bag::open`] checks everything but the bytes of the payload: the declaration, the form of
//! every tag file, that all that is listed is there and all that is there is listed, the tag
//! files' digests, `Payload-Oxum`. [`Bag::check_payload`] then reads the payload once against
//! its digests. Either gives every finding, not the first, and a bag with one is not taken in.
//! Nothing is unpacked, fetched or written.
//!
//! What the RFC allows and a person may want to know is a remark, see [`Bag::remarks`]: names
//! that differ in case or Unicode normalisation alone, the asterisk of `md5sum` before a path,
//! blank lines. Stricter than the RFC are we where evidence wants it:
//!
//! - symbolic links and special files are findings: a bag holds files;
//! - what `fetch.txt` says is still to be fetched is a finding: the payload is not here;
//! - a manifest by an algorithm that cannot be checked is a finding;
//! - in an archive, paths that lead out, doubled names, names that some systems take for one,
//!   overlapping or contradicting headers, encryption, and sizes beyond [`Limits`] are findings.
//!
//! Payload files come in the order of a walk: by the bytes of names, folder by folder.

mod archive;
mod check;
mod finding;
mod paths;
mod source;
mod tags;

use std::fmt;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use comity_core::finding::Finding;
use serde_json::Value;

use super::manifest::algorithm::Algorithm;
use super::walk::{RootError, Spill};
use check::Manifests;
use finding::Found;
pub use source::BagReader;
use source::{Present, Source};

/// The largest `bagit.txt` that is read.
const DECLARATION_BYTES: u64 = 64 * 1024;

/// The version of a bag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BagVersion {
    /// 0.97 (draft-kunze-bagit-14 and before).
    V0_97,
    /// 1.0 (RFC 8493).
    V1_0,
}

impl fmt::Display for BagVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            BagVersion::V0_97 => "0.97",
            BagVersion::V1_0 => "1.0",
        })
    }
}

/// What a bag in an archive may claim.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Files in an archive. 10,000,000 by default.
    pub files: u64,
    /// How many times its own size an archive may say that it unpacks to, in bytes a byte. 200
    /// by default.
    pub ratio: u64,
    /// Bytes up to which the ratio does not matter. 1 GiB by default.
    pub ratio_from_bytes: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            files: 10_000_000,
            ratio: 200,
            ratio_from_bytes: 1 << 30,
        }
    }
}

/// Why a bag is not taken in.
#[derive(Debug, thiserror::Error)]
pub enum BagError {
    /// It cannot be read at all.
    #[error("the bag {} cannot be read: {source}", path.display())]
    Io {
        /// The bag.
        path: PathBuf,
        /// What the system answers.
        source: io::Error,
    },
    /// The folder cannot be walked.
    #[error(transparent)]
    Root(#[from] RootError),
    /// It is no valid bag. All findings, in order of place.
    #[error("the bag is not valid: {} finding{}: {}", findings.len(), if findings.len() == 1 { "" } else { "s" }, listed(findings))]
    Invalid {
        /// Everything that was found wrong.
        findings: Vec<Finding>,
    },
}

/// A file of the bag.
#[derive(Clone, Copy, Debug)]
pub struct BagFile<'a> {
    present: &'a Present,
}

impl<'a> BagFile<'a> {
    /// Its path in the bag, as bytes: `data/…` for payload.
    #[must_use]
    pub fn path(&self) -> &'a [u8] {
        &self.present.path
    }

    /// Its length in bytes, as the file system or the archive says.
    #[must_use]
    pub fn size_bytes(&self) -> u64 {
        self.present.size_bytes
    }
}

/// A bag whose form is sound. Its payload may still differ from its digests.
#[derive(Debug)]
pub struct Bag {
    version: BagVersion,
    info: Vec<(String, String)>,
    remarks: Vec<Finding>,
    source: Source,
    files: Vec<Present>,
    /// Payload files, by place in `files`, and their rows.
    payload: Vec<(usize, Range<usize>)>,
    manifests: Manifests,
}

impl Bag {
    /// Opens the bag at `path`, a folder or a zip archive, and checks its form. Names of folders
    /// too large for memory are sorted in `spill`.
    ///
    /// # Errors
    /// With all findings when it is not valid.
    pub fn open(path: &Path, limits: &Limits, spill: Spill) -> Result<Bag, BagError> {
        let failed = |source| BagError::Io {
            path: path.to_owned(),
            source,
        };
        let mut found = Found::default();
        let contents = source::list(path, limits, spill, &mut found)?;
        if contents.files.is_empty() && !found.findings.is_empty() {
            return Err(invalid(found));
        }
        let at = check::position(&contents.files, tags::DECLARATION.as_bytes());
        let declared = match at.and_then(|at| contents.files.get(at)) {
            None => {
                found.finding(tags::DECLARATION, "it is not there");
                None
            }
            Some(file) => {
                let mut bytes = Vec::new();
                let read = contents
                    .source
                    .open(file)
                    .and_then(|reader| reader.take(DECLARATION_BYTES).read_to_end(&mut bytes));
                match read {
                    Ok(_) => tags::declaration(&bytes, &mut found).map_err(failed)?,
                    Err(error) => {
                        found.finding(tags::DECLARATION, format!("it cannot be read: {error}"));
                        None
                    }
                }
            }
        };
        if !contents.has_data {
            found.finding(
                "data",
                "there is no such folder, and a bag has its payload in it",
            );
        }
        let Some(declared) = declared else {
            return Err(invalid(found));
        };
        let at = check::position(&contents.files, tags::INFO.as_bytes());
        let info = match at.and_then(|at| contents.files.get(at)) {
            None => Vec::new(),
            Some(file) => match contents.source.open(file) {
                Ok(reader) => tags::info(reader, declared, &mut found).map_err(failed)?,
                Err(error) => {
                    found.finding(tags::INFO, format!("it cannot be read: {error}"));
                    Vec::new()
                }
            },
        };
        let [mut manifests, of_tags] =
            check::manifests(&contents, declared, &mut found).map_err(failed)?;
        let payload =
            check::completeness(&contents, &mut manifests, declared, &mut found).map_err(failed)?;
        check::tag_files(&contents, &manifests, &of_tags, declared, &mut found).map_err(failed)?;
        let sizes = contents
            .files
            .iter()
            .filter(|file| file.path.starts_with(b"data/"));
        check::oxum(
            &info,
            sizes.map(|file| file.size_bytes),
            declared,
            &mut found,
        );
        if let Source::Folder(_) = contents.source {
            check::collisions(&contents, &mut found);
        }
        if !found.findings.is_empty() {
            return Err(invalid(found));
        }
        Ok(Bag {
            version: declared.version,
            info,
            remarks: found.remarks,
            source: contents.source,
            files: contents.files,
            payload,
            manifests,
        })
    }

    /// The version that it declares.
    #[must_use]
    pub fn version(&self) -> BagVersion {
        self.version
    }

    /// The labels and values of `bag-info.txt`, in order, repeated ones too.
    #[must_use]
    pub fn info(&self) -> &[(String, String)] {
        &self.info
    }

    /// What is allowed and a person may want to know.
    #[must_use]
    pub fn remarks(&self) -> &[Finding] {
        &self.remarks
    }

    /// The payload, in the order of a walk.
    pub fn payload(&self) -> impl ExactSizeIterator<Item = BagFile<'_>> {
        self.payload.iter().map(|(at, _)| BagFile {
            present: &self.files[*at],
        })
    }

    /// The other files: declaration, metadata, manifests and whatever lies beside them.
    pub fn tag_files(&self) -> impl Iterator<Item = BagFile<'_>> {
        let tags = self
            .files
            .iter()
            .filter(|file| !file.path.starts_with(b"data/"));
        tags.map(|present| BagFile { present })
    }

    /// Bytes of the payload.
    #[must_use]
    pub fn payload_bytes(&self) -> u64 {
        self.payload().map(|file| file.size_bytes()).sum()
    }

    /// The algorithms of the payload manifests, weakest first.
    #[must_use]
    pub fn algorithms(&self) -> Vec<Algorithm> {
        let mut algorithms: Vec<_> = self.manifests.files.iter().map(|(a, _)| *a).collect();
        algorithms.sort_unstable();
        algorithms
    }

    /// The digests that the manifests list for a payload file.
    pub fn expected(&self, file: &BagFile<'_>) -> impl Iterator<Item = (Algorithm, &[u8])> {
        let rows = self.rows_of(file.path());
        self.manifests
            .table
            .rows(rows)
            .map(|row| (row.algorithm, row.digest))
    }

    fn rows_of(&self, path: &[u8]) -> Range<usize> {
        let at = check::position(&self.files, path);
        let found = at.and_then(|at| self.payload.binary_search_by_key(&at, |(at, _)| *at).ok());
        found
            .and_then(|index| self.payload.get(index))
            .map_or(0..0, |(_, rows)| rows.clone())
    }

    /// Opens a file for reading. Many may be open at once.
    ///
    /// # Errors
    /// What the system answers; a file of an archive fails while it is read when it is not as
    /// long as the archive says, or its CRC-32 differs.
    pub fn read(&self, file: &BagFile<'_>) -> io::Result<BagReader> {
        self.source.open(file.present)
    }

    /// What the file system, or the archive, says of a file: the `file` field of its event. An
    /// archive has `size`, `mode` and `mtime_local`, a time without a zone.
    ///
    /// # Errors
    /// What the system answers.
    pub fn record(&self, file: &BagFile<'_>) -> io::Result<Value> {
        source::record(&self.source, file.present)
    }

    /// Reads the whole payload against its digests, on `threads` threads. `progress` is told
    /// the files and bytes that are done. All findings, in the order of the payload; none means
    /// that the bag is valid.
    #[must_use]
    pub fn check_payload(
        &self,
        threads: usize,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Vec<Finding> {
        let next = AtomicUsize::new(0);
        let (files, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        let found: Mutex<Vec<(usize, Finding)>> = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for _ in 0..threads.max(1) {
                scope.spawn(|| {
                    loop {
                        let index = next.fetch_add(1, Ordering::Relaxed);
                        let Some((at, rows)) = self.payload.get(index) else {
                            return;
                        };
                        let Some(file) = self.files.get(*at) else {
                            return;
                        };
                        let (read, findings) = self.check_one(file, rows);
                        if let Ok(mut found) = found.lock() {
                            found.extend(findings.into_iter().map(|finding| (index, finding)));
                        }
                        let files = files.fetch_add(1, Ordering::Relaxed) + 1;
                        let bytes = bytes.fetch_add(read, Ordering::Relaxed) + read;
                        progress(files, bytes);
                    }
                });
            }
        });
        let mut found = found
            .into_inner()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        found.sort();
        found.into_iter().map(|(_, finding)| finding).collect()
    }

    fn check_one(&self, file: &Present, rows: &Range<usize>) -> (u64, Vec<Finding>) {
        let mut found = Found::default();
        let rows = || self.manifests.table.rows(rows.clone());
        let algorithms: Vec<Algorithm> = rows().map(|row| row.algorithm).collect();
        let read = self
            .source
            .open(file)
            .and_then(|reader| check::digests(reader, &algorithms));
        let passed = match read {
            Ok((digests, passed)) => {
                for row in rows().filter(|row| digests.get(row.algorithm) != Some(row.digest)) {
                    found.finding(
                        &file.path,
                        check::differs(row.algorithm, row.digest, &digests),
                    );
                }
                passed
            }
            Err(error) => {
                found.finding(&file.path, format!("it cannot be read: {error}"));
                0
            }
        };
        (passed, found.findings)
    }
}

fn invalid(mut found: Found) -> BagError {
    found.findings.sort();
    found.findings.dedup();
    BagError::Invalid {
        findings: found.findings,
    }
}

fn listed(findings: &[Finding]) -> String {
    findings
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

#[cfg(test)]
mod tests;
