//! The deliverer's own list of digests, held against what was read.
//!
//! Read are the lists of `sha256sum`, `md5sum` and their sisters (GNU, BSD `--tag` and OpenSSL
//! shapes, also mixed), of hashdeep, and CSV with a column for the path (`path`, `file`,
//! `name`, …) and columns named after algorithms, or `hash` with `algorithm`, as PowerShell
//! writes them. Which it is is told from the content, never from the name.
//!
//! # Which line speaks of which file
//! Names are bytes and are not normalised, but for `.`, `..` and doubled separators in a path. A
//! file is looked for under these names, in this order, and the first that is listed counts:
//!
//! 1. its path from the folder that the manifest lies in, as `sha256sum -c` there would have it;
//! 2. its absolute path;
//! 3. its path as the walk gives it, beginning with the name of the given path;
//! 4. its path below the given path, when one path alone was given.
//!
//! Each is also looked for with `\` for `/`, as Windows programs write. The manifest itself,
//! when it lies among the files, is told apart from a file that is not listed.

pub mod algorithm;
mod columns;
mod sums;
pub(super) mod table;
pub(super) mod text;

use std::fs::{self, File};
use std::io::{self, BufRead, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use comity_core::digest::{Digest, hex};
use csv::{ByteRecord, ReaderBuilder};

use super::walk::Root;
use algorithm::{Algorithm, Digests, HashingReader};
use columns::Columns;
use sums::{Hashdeep, Sum};
use table::{DigestTable, Full};
use text::{Lines, separator, without_mark};

/// Faults that are kept; the rest are counted.
const FAULTS_KEPT: usize = 1000;

/// Bytes at the beginning from which the kind is told.
const HEAD_BYTES: usize = 64 * 1024;

/// What kind of list it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ManifestKind {
    /// Lines of `sha256sum` and its sisters.
    Sums,
    /// A hashdeep file.
    Hashdeep,
    /// Columns with a header.
    Csv,
}

/// A line that says nothing that could be held against a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineFault {
    /// From 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// It cannot be read.
    #[error("the manifest {} cannot be read: {source}", path.display())]
    Io {
        /// The manifest.
        path: PathBuf,
        /// What the system answers.
        source: io::Error,
    },
    /// It is no list of digests of a kind that is known.
    #[error(
        "{} is no manifest that is known: it holds neither lines of sha256sum, md5sum or their \
         sisters, nor a hashdeep file, nor CSV with a column for the path and one for a digest",
        path.display()
    )]
    Unrecognised {
        /// The manifest.
        path: PathBuf,
    },
    /// It is larger than this program holds in memory.
    #[error("the manifest {} is too large: its names or digests take more than 4 GiB", path.display())]
    TooLarge {
        /// The manifest.
        path: PathBuf,
    },
}

/// What the manifest says of one file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every digest that was computed is the listed one.
    Matched {
        /// The algorithms that were compared.
        algorithms: Vec<Algorithm>,
    },
    /// A digest is not the listed one.
    Different {
        /// Where it is listed, from 1.
        line: u64,
        /// By which algorithm.
        algorithm: Algorithm,
        /// What is listed, in lower-case hex.
        stated: String,
        /// What was read, in lower-case hex.
        found: String,
    },
    /// It is listed only with digests that were not computed.
    NotComparable {
        /// Where it is listed, from 1.
        line: u64,
        /// Their algorithms.
        algorithms: Vec<Algorithm>,
    },
    /// It is not listed.
    NotListed,
    /// It is the manifest itself.
    Itself,
}

/// A file that is listed and was not met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Missing<'a> {
    /// Where it is listed first, from 1.
    pub line: u64,
    /// The name that is listed, as bytes.
    pub name: &'a [u8],
}

/// Names under which the files of one given path may be listed.
#[derive(Debug)]
struct Prefixes {
    from_folder: Vec<u8>,
    absolute: Vec<u8>,
    name_len: usize,
    below_counts: bool,
}

/// A manifest in memory: some 100 bytes a line.
#[derive(Debug)]
pub struct Manifest {
    kind: ManifestKind,
    path: PathBuf,
    table: DigestTable,
    faults: Vec<LineFault>,
    faults_count: u64,
    sha256: Digest,
    prefixes: Vec<Prefixes>,
}

impl Manifest {
    /// Reads the manifest at `path`, for files that lie under `roots` as the walk gives them.
    ///
    /// # Errors
    /// When it cannot be read or is of no kind that is known. Single malformed lines are no
    /// error: see [`Manifest::faults`].
    pub fn read(path: &Path, roots: &[Root]) -> Result<Manifest, ManifestError> {
        let failed = |source| ManifestError::Io {
            path: path.to_owned(),
            source,
        };
        let absolute = fs::canonicalize(path).map_err(failed)?;
        let file = File::open(&absolute).map_err(failed)?;
        let mut raw = HashingReader::new(file, &[Algorithm::Sha256]);
        let mut parsed = Parsed::default();
        let kind = {
            let reader = without_mark(&mut raw).map_err(failed)?;
            parsed.read(reader).map_err(|stop| match stop {
                Stop::Io(source) => failed(source),
                Stop::Unrecognised => ManifestError::Unrecognised {
                    path: path.to_owned(),
                },
                Stop::Full => ManifestError::TooLarge {
                    path: path.to_owned(),
                },
            })?
        };
        let (digests, _) = raw.finish();
        let sha256 = digests.get(Algorithm::Sha256).and_then(Digest::from_slice);
        for twice in parsed.table.sort() {
            if !twice.same_digest {
                let reason = format!(
                    "line {} lists the same file with another digest",
                    twice.first_line
                );
                parsed.fault(u64::from(twice.line), reason);
            }
        }
        parsed.faults.sort_by_key(|fault| fault.line);
        let folder = absolute
            .parent()
            .unwrap_or(Path::new("/"))
            .as_os_str()
            .as_bytes()
            .to_vec();
        let prefixes = roots
            .iter()
            .map(|root| prefixes_of(root, &folder, roots.len() == 1))
            .collect();
        Ok(Manifest {
            kind,
            path: absolute,
            table: parsed.table,
            faults: parsed.faults,
            faults_count: parsed.faults_count,
            sha256: sha256.unwrap_or(Digest([0; 32])),
            prefixes,
        })
    }

    /// What kind of list it is.
    #[must_use]
    pub fn kind(&self) -> ManifestKind {
        self.kind
    }

    /// The digest of the manifest's own bytes.
    #[must_use]
    pub fn sha256(&self) -> Digest {
        self.sha256
    }

    /// The algorithms that it lists, weakest first: what must be computed to compare.
    #[must_use]
    pub fn algorithms(&self) -> Vec<Algorithm> {
        self.table.algorithms()
    }

    /// Digests that it lists.
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether it lists nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.table.len() == 0
    }

    /// Malformed and contradicting lines, at most 1,000 of them, in order.
    #[must_use]
    pub fn faults(&self) -> &[LineFault] {
        &self.faults
    }

    /// How many lines are malformed or contradict another.
    #[must_use]
    pub fn faults_count(&self) -> u64 {
        self.faults_count
    }

    /// Holds the file at `path` under the given path `root`, as the walk gives both, against
    /// its line, and remembers that it was met.
    pub fn check(&mut self, root: usize, path: &[u8], found: &Digests) -> Verdict {
        let Some(rows) = self.find(root, path) else {
            return match self.is_itself(root, path) {
                true => Verdict::Itself,
                false => Verdict::NotListed,
            };
        };
        self.table.mark(rows.clone());
        let mut compared = Vec::new();
        let mut listed = Vec::new();
        let mut line = u64::MAX;
        for row in self.table.rows(rows) {
            line = line.min(u64::from(row.line));
            listed.push(row.algorithm);
            let Some(digest) = found.get(row.algorithm) else {
                continue;
            };
            if digest != row.digest {
                return Verdict::Different {
                    line: u64::from(row.line),
                    algorithm: row.algorithm,
                    stated: hex(row.digest),
                    found: hex(digest),
                };
            }
            compared.push(row.algorithm);
        }
        match compared.is_empty() {
            true => Verdict::NotComparable {
                line,
                algorithms: listed,
            },
            false => Verdict::Matched {
                algorithms: compared,
            },
        }
    }

    /// Remembers that a file was met that could not be read: it is listed or not, and is not
    /// missing. Whether it is listed.
    pub fn meet(&mut self, root: usize, path: &[u8]) -> bool {
        let rows = self.find(root, path);
        self.table.mark(rows.clone().unwrap_or(0..0));
        rows.is_some()
    }

    /// The files that are listed and were not met, in the order of a walk.
    pub fn missing(&self) -> impl Iterator<Item = Missing<'_>> {
        self.table.paths().filter_map(|(name, rows)| {
            let mut rows = self.table.rows(rows);
            let first = rows.next().filter(|row| !row.seen)?;
            let line = rows.fold(first.line, |line, row| line.min(row.line));
            Some(Missing {
                line: u64::from(line),
                name,
            })
        })
    }

    fn find(&self, root: usize, path: &[u8]) -> Option<std::ops::Range<usize>> {
        let prefixes = self.prefixes.get(root)?;
        let below = path.get(prefixes.name_len..).unwrap_or_default();
        let below = below.strip_prefix(b"/").unwrap_or(below);
        let mut names = vec![
            join(&prefixes.from_folder, below),
            join(&prefixes.absolute, below),
            path.to_vec(),
        ];
        if prefixes.below_counts && !below.is_empty() {
            names.push(below.to_vec());
        }
        for mut name in names {
            for windows in [false, true] {
                if windows {
                    for byte in name.iter_mut().filter(|byte| **byte == b'/') {
                        *byte = b'\\';
                    }
                }
                let rows = self.table.find(&name);
                if !rows.is_empty() {
                    return Some(rows);
                }
            }
        }
        None
    }

    fn is_itself(&self, root: usize, path: &[u8]) -> bool {
        self.prefixes.get(root).is_some_and(|prefixes| {
            let below = path.get(prefixes.name_len..).unwrap_or_default();
            let below = below.strip_prefix(b"/").unwrap_or(below);
            join(&prefixes.absolute, below) == self.path.as_os_str().as_bytes()
        })
    }
}

#[derive(Debug, Default)]
struct Parsed {
    table: DigestTable,
    faults: Vec<LineFault>,
    faults_count: u64,
}

enum Stop {
    Io(io::Error),
    Unrecognised,
    Full,
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Stop {
        Stop::Io(error)
    }
}

impl From<Full> for Stop {
    fn from(_: Full) -> Stop {
        Stop::Full
    }
}

impl Parsed {
    fn fault(&mut self, line: u64, reason: String) {
        self.faults_count += 1;
        if self.faults.len() < FAULTS_KEPT {
            self.faults.push(LineFault { line, reason });
        }
    }

    fn take(&mut self, line: u64, sums: Result<Vec<Sum>, String>) -> Result<(), Full> {
        match sums {
            Ok(sums) => {
                for sum in sums {
                    self.table
                        .push(&normal(&sum.name), sum.algorithm, &sum.digest, line)?;
                }
            }
            Err(reason) => self.fault(line, reason),
        }
        Ok(())
    }

    fn read(&mut self, mut reader: Box<dyn BufRead + '_>) -> Result<ManifestKind, Stop> {
        let mut head = Vec::new();
        reader
            .by_ref()
            .take(HEAD_BYTES as u64)
            .read_to_end(&mut head)?;
        let kind = kind_of(&head).ok_or(Stop::Unrecognised)?;
        let reader = io::Cursor::new(head).chain(reader);
        match kind {
            ManifestKind::Csv => self.read_csv(reader)?,
            ManifestKind::Sums => {
                self.read_lines(reader, |line| sums::parse(line).map(|sum| vec![sum]))?
            }
            ManifestKind::Hashdeep => {
                let mut columns: Option<Hashdeep> = None;
                self.read_lines(reader, |line| match (&columns, line.starts_with(b"%%%%")) {
                    (_, true) if line.starts_with(b"%%%% HASHDEEP-") => Ok(Vec::new()),
                    (_, true) => {
                        columns = Some(Hashdeep::columns(line)?);
                        Ok(Vec::new())
                    }
                    (Some(columns), false) => columns.parse(line),
                    (None, false) => Err("no line before it says what its columns are".into()),
                })?;
            }
        }
        Ok(kind)
    }

    fn read_lines(
        &mut self,
        reader: impl BufRead,
        mut parse: impl FnMut(&[u8]) -> Result<Vec<Sum>, String>,
    ) -> Result<(), Stop> {
        let mut lines = Lines::new(reader);
        let mut ends_in_cr = None;
        while let Some(line) = lines.next()? {
            let Some(bytes) = line.bytes else {
                self.fault(line.number, "it is longer than 1 MiB".into());
                continue;
            };
            // A name may end in CR; where the first line ends in CR LF, all do.
            let ends_in_cr = *ends_in_cr.get_or_insert(bytes.ends_with(b"\r"));
            let text = match bytes.strip_suffix(b"\r") {
                Some(text) if ends_in_cr => text,
                _ => &bytes,
            };
            if !sums::is_blank(text) {
                self.take(line.number, parse(text))?;
            }
        }
        Ok(())
    }

    fn read_csv(&mut self, mut reader: impl BufRead) -> Result<(), Stop> {
        let mut skipped = 0;
        while reader.fill_buf()?.first() == Some(&b'#') {
            reader.skip_until(b'\n')?;
            skipped += 1;
        }
        let separator = separator(
            reader
                .fill_buf()?
                .split(|byte| *byte == b'\n')
                .next()
                .unwrap_or_default(),
        );
        let mut rows = ReaderBuilder::new()
            .delimiter(separator)
            .has_headers(false)
            .flexible(true)
            .from_reader(reader);
        let mut row = ByteRecord::new();
        let mut columns: Option<Columns> = None;
        while rows.read_byte_record(&mut row).map_err(io::Error::from)? {
            let line = skipped + row.position().map_or(0, csv::Position::line);
            match &columns {
                None => columns = Some(Columns::read(&row).ok_or(Stop::Unrecognised)?),
                Some(columns) => self.take(line, columns.parse(&row))?,
            }
        }
        Ok(())
    }
}

/// Tells the kind from the first lines.
fn kind_of(head: &[u8]) -> Option<ManifestKind> {
    let mut lines = head
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !sums::is_blank(line));
    let first = lines.next()?;
    if first.starts_with(b"%%%% HASHDEEP-") {
        return Some(ManifestKind::Hashdeep);
    }
    let mut header = ReaderBuilder::new()
        .delimiter(separator(first))
        .has_headers(false)
        .from_reader(first);
    let mut row = ByteRecord::new();
    if header.read_byte_record(&mut row).unwrap_or(false) && Columns::read(&row).is_some() {
        return Some(ManifestKind::Csv);
    }
    let is_sum = std::iter::once(first)
        .chain(lines.take(20))
        .any(|line| sums::parse(line).is_ok());
    is_sum.then_some(ManifestKind::Sums)
}

/// A listed name without `.`, `..` and doubled separators; those that lead up beyond the
/// beginning stay. Names of Windows lose a leading `.\`.
fn normal(name: &[u8]) -> Vec<u8> {
    let name = name.strip_prefix(b".\\").unwrap_or(name);
    let plain =
        !name.starts_with(b"./") && !name.windows(2).any(|pair| pair == b"//" || pair == b"/.");
    if plain && name != b"." {
        return name.to_vec();
    }
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in name.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." if parts.last().is_some_and(|last| *last != b"..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let joined = parts.join(&b'/');
    if name.starts_with(b"/") {
        [b"/", joined.as_slice()].concat()
    } else {
        joined
    }
}

fn prefixes_of(root: &Root, folder: &[u8], only: bool) -> Prefixes {
    let absolute = root.absolute.as_os_str().as_bytes();
    Prefixes {
        from_folder: way(folder, absolute),
        absolute: absolute.to_vec(),
        name_len: root.name.len(),
        below_counts: only,
    }
}

/// The way from one absolute folder to another place.
fn way(from: &[u8], to: &[u8]) -> Vec<u8> {
    fn parts(path: &[u8]) -> Vec<&[u8]> {
        path.split(|byte| *byte == b'/')
            .filter(|part| !part.is_empty())
            .collect()
    }
    let (from, to) = (parts(from), parts(to));
    let common = from.iter().zip(&to).take_while(|(a, b)| a == b).count();
    let up = std::iter::repeat_n(&b".."[..], from.len() - common);
    up.chain(to.into_iter().skip(common))
        .collect::<Vec<_>>()
        .join(&b'/')
}

fn join(prefix: &[u8], below: &[u8]) -> Vec<u8> {
    match (
        prefix.is_empty() || prefix.ends_with(b"/"),
        below.is_empty(),
    ) {
        (_, true) => prefix.to_vec(),
        (true, false) => [prefix, below].concat(),
        (false, false) => [prefix, b"/", below].concat(),
    }
}

#[cfg(test)]
mod tests;
