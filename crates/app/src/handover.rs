//! What leaves the centre as a folder or a zip: written beside its destination, made durable, then renamed.
//!
//! Files that grow side by side (lists, pages) are written in a folder; in a zip they follow the payload.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use comity_core::digest::{Digest, Sha256Hasher};
use comity_store::{Disk, Op, StoreError};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::error::{AppError, Result};
use crate::recipients::{Passing, Recipients};

/// Buffer of a file that is being written.
const BUFFER: usize = 1 << 18;

/// A folder or a zip in the making, by several threads if they like. Each durable call is a step of `disk`, where
/// faults are injected.
pub struct Handover {
    disk: Disk,
    /// Where the files are gathered: the folder itself, or what goes into the zip at the end.
    folder: PathBuf,
    zip: Option<(Mutex<ZipOut>, PathBuf)>,
    /// Of an encrypted zip: seals what is gathered until it goes in.
    passing: Option<Passing>,
    /// The name of the one folder in the zip.
    name: String,
    folders: Mutex<std::collections::BTreeSet<PathBuf>>,
}

/// A file's path in the hand-over, its digest and size.
pub struct Written {
    /// The path, with `/`.
    pub path: String,
    /// SHA-256 of its bytes.
    pub sha256: Digest,
    /// Their number.
    pub size: u64,
}

/// Whether a destination is a zip: by its name.
pub fn is_zip(place: &Path) -> bool {
    place
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("zip"))
}

/// The ending of an encrypted package.
const SEALED_ENDING: &str = ".zip.age";

/// Whether a destination is a zip that is encrypted to recipients: by its name.
pub fn is_sealed(place: &Path) -> bool {
    let name = place.file_name().and_then(|n| n.to_str());
    name.is_some_and(|n| n.ends_with(SEALED_ENDING))
}

/// The name of the package: the destination's, without `.zip` or `.zip.age`.
pub fn name_of(place: &Path) -> Result<String> {
    let name = if is_zip(place) {
        place.file_stem()
    } else {
        place.file_name()
    };
    name.and_then(|n| n.to_str())
        .map(|n| n.strip_suffix(SEALED_ENDING).unwrap_or(n))
        .filter(|n| !n.is_empty())
        .map(str::to_owned)
        .ok_or_else(|| {
            AppError::Usage(format!(
                "{} is no name for a package: give a new folder, or a file that ends in .zip",
                place.display()
            ))
        })
}

/// Refuses a destination that is there, or whose folder is not.
pub fn refuse_taken(place: &Path) -> Result<()> {
    if std::fs::symlink_metadata(place).is_ok() {
        return Err(AppError::Usage(format!(
            "{} is there already: name a new folder or zip",
            place.display()
        )));
    }
    let parent = parent(place);
    if parent.is_dir() {
        Ok(())
    } else {
        Err(AppError::Usage(format!(
            "the folder {} is not there",
            parent.display()
        )))
    }
}

/// The folder of a path; of a bare name the current one.
pub fn parent(place: &Path) -> &Path {
    match place.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    }
}

/// The name beside `place` under which it is made: hidden, and told apart by `tag`.
pub fn partial(place: &Path, tag: &str) -> PathBuf {
    let name = place
        .file_name()
        .map(|n| n.to_string_lossy().into_owned())
        .unwrap_or_default();
    parent(place).join(format!(".{name}.comity-partial-{tag}"))
}

/// Removes whatever lies at a partial name, durably.
pub fn remove_partial(disk: &Disk, made: &Path) -> Result<()> {
    let mut found = false;
    for path in [made.to_owned(), gathering(made)] {
        match std::fs::symlink_metadata(&path) {
            Ok(there) if there.is_dir() => disk.remove_dir_all(&path)?,
            Ok(_) => disk.remove_file(&path)?,
            Err(_) => continue,
        }
        found = true;
    }
    if found {
        disk.sync_dir(parent(made))?;
    }
    Ok(())
}

fn gathering(made: &Path) -> PathBuf {
    let mut name = made.file_name().unwrap_or_default().to_owned();
    name.push(".files");
    made.with_file_name(name)
}

impl Handover {
    /// Begins at `made`, the partial name; `place` says whether it is a zip and how its folder is called. A zip is
    /// encrypted to `recipients`, when there are any.
    pub fn begin(
        disk: &Disk,
        place: &Path,
        made: &Path,
        recipients: Option<&Recipients>,
    ) -> Result<Handover> {
        let name = name_of(place)?;
        let (folder, zip) = if is_zip(place) || recipients.is_some() {
            let file = BufWriter::with_capacity(BUFFER, Stepped::create(disk, made)?);
            let zip = match recipients {
                None => ZipOut::Clear(Box::new(ZipWriter::new(file))),
                Some(recipients) => {
                    ZipOut::sealed(file, recipients).map_err(|e| AppError::io(made, e))?
                }
            };
            (gathering(made), Some((Mutex::new(zip), made.to_owned())))
        } else {
            (made.to_owned(), None)
        };
        disk.step(Op::CreateDir, &folder, || std::fs::create_dir(&folder))?;
        Ok(Handover {
            disk: disk.clone(),
            folder,
            zip,
            passing: recipients.map(|_| Passing::new()),
            name,
            folders: Mutex::default(),
        })
    }

    fn create(&self, path: &str) -> Result<Stepped> {
        let target = self.folder.join(path);
        self.make_folder(parent(&target))?;
        Stepped::create(&self.disk, &target)
    }

    fn make_folder(&self, folder: &Path) -> Result<()> {
        // Held until the folder is there: another thread may want to write into it.
        let mut made = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if made.contains(folder) {
            return Ok(());
        }
        self.disk
            .step(Op::CreateDir, folder, || std::fs::create_dir_all(folder))?;
        made.insert(folder.to_owned());
        Ok(())
    }

    /// A file that grows while others are written.
    pub fn growing(&self, path: &str) -> Result<Growing> {
        let file = BufWriter::with_capacity(BUFFER, self.create(path)?);
        let target = self.folder.join(path);
        let out = match &self.passing {
            None => GrowingOut::Clear(file),
            Some(passing) => {
                GrowingOut::Sealed(passing.seal(file).map_err(|e| AppError::io(&target, e))?)
            }
        };
        Ok(Growing {
            path: path.to_owned(),
            target,
            out,
            hasher: Sha256Hasher::new(),
            size: 0,
        })
    }

    /// A whole small file.
    pub fn add(&self, path: &str, bytes: &[u8]) -> Result<Written> {
        let mut file = self.growing(path)?;
        file.write(bytes)?;
        file.end()
    }

    /// Whether it is a zip, whose files are written one after the other.
    pub fn is_zip(&self) -> bool {
        self.zip.is_some()
    }

    /// A file of a folder, written in one go.
    pub fn put(&self, path: &str, bytes: &[u8]) -> Result<Written> {
        self.create(path)?
            .write_all(bytes)
            .map_err(|e| AppError::io(&self.folder.join(path), e))?;
        Ok(Written {
            path: path.to_owned(),
            sha256: Digest::of(bytes),
            size: bytes.len() as u64,
        })
    }

    /// A file whose bytes `fill` writes, in a zip stored as they are.
    pub fn payload(
        &self,
        path: &str,
        fill: impl FnOnce(&mut dyn Write) -> Result<u64>,
    ) -> Result<Written> {
        let mut hasher = Sha256Hasher::new();
        let size = match &self.zip {
            Some((zip, at)) => {
                let mut zip = zip.lock().unwrap_or_else(PoisonError::into_inner);
                let options = SimpleFileOptions::default()
                    .compression_method(CompressionMethod::Stored)
                    .large_file(true);
                zip.start_file(format!("{}/{path}", self.name), options)
                    .map_err(|e| zip_error(at, e))?;
                fill(&mut Tee {
                    out: &mut *zip,
                    hasher: &mut hasher,
                })?
            }
            None => {
                let target = self.folder.join(path);
                let mut out = BufWriter::with_capacity(BUFFER, self.create(path)?);
                let size = fill(&mut Tee {
                    out: &mut out,
                    hasher: &mut hasher,
                })?;
                out.flush().map_err(|e| AppError::io(&target, e))?;
                size
            }
        };
        Ok(Written {
            path: path.to_owned(),
            sha256: hasher.finish(),
            size,
        })
    }

    /// Ends it: everything durable under the partial name. Of an encrypted one, the SHA-256 of its bytes.
    pub fn finish(self, files: &[&str]) -> Result<Option<Digest>> {
        let Some((zip, at)) = self.zip else {
            flush_file_system(&self.disk, &self.folder)?;
            return Ok(None);
        };
        let mut zip = zip.into_inner().unwrap_or_else(PoisonError::into_inner);
        for path in files {
            let source = self.folder.join(path);
            let file = BufReader::with_capacity(
                BUFFER,
                File::open(&source).map_err(|e| AppError::io(&source, e))?,
            );
            let mut file: Box<dyn Read> = match &self.passing {
                None => Box::new(file),
                Some(passing) => {
                    Box::new(passing.open(file).map_err(|e| AppError::io(&source, e))?)
                }
            };
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Deflated)
                .large_file(true);
            zip.start_file(format!("{}/{path}", self.name), options)
                .map_err(|e| zip_error(&at, e))?;
            std::io::copy(&mut file, &mut zip).map_err(|e| AppError::io(&at, e))?;
        }
        let (out, sealed) = zip.finish().map_err(|e| AppError::io(&at, e))?;
        let file = out
            .into_inner()
            .map_err(|e| AppError::io(&at, e.into_error()))?;
        file.sync()?;
        self.disk.remove_dir_all(&self.folder)?;
        Ok(sealed)
    }
}

/// Fifty thousand files are made durable at once: one flush of their file system.
fn flush_file_system(disk: &Disk, folder: &Path) -> Result<()> {
    Ok(disk.step(Op::Sync, folder, || {
        Ok(rustix::fs::syncfs(File::open(folder)?)?)
    })?)
}

/// Puts what was made in its place, durably, unless something is there; whether it did.
pub fn put_in_place(disk: &Disk, made: &Path, place: &Path) -> Result<bool> {
    let put = disk.rename_new(made, place)?;
    if put {
        disk.sync_dir(parent(place))?;
    }
    Ok(put)
}

/// Writes a small file durably beside others, replacing what a run before left: under a partial name first.
pub fn write_beside(disk: &Disk, place: &Path, tag: &str, bytes: &[u8]) -> Result<()> {
    let made = partial(place, tag);
    remove_partial(disk, &made)?;
    let mut file = Stepped::create(disk, &made)?;
    file.write_all(bytes).map_err(|e| AppError::io(place, e))?;
    file.sync()?;
    disk.rename(&made, place)?;
    Ok(disk.sync_dir(parent(place))?)
}

/// A file that is handed over: its mode is the one that its owner's other files have, and its writes are steps.
struct Stepped {
    disk: Disk,
    path: PathBuf,
    file: File,
}

impl Stepped {
    fn create(disk: &Disk, path: &Path) -> Result<Stepped> {
        Ok(Stepped {
            disk: disk.clone(),
            path: path.to_owned(),
            file: disk.step(Op::Create, path, || File::create_new(path))?,
        })
    }

    fn sync(&self) -> Result<()> {
        Ok(self
            .disk
            .step(Op::Sync, &self.path, || self.file.sync_all())?)
    }
}

impl Write for Stepped {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let file = &mut self.file;
        self.disk
            .step(Op::Write, &self.path, || file.write(bytes))
            .map_err(|e| match e {
                StoreError::Io { source, .. } | StoreError::Full { source, .. } => source,
                other => std::io::Error::other(other),
            })
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

impl Seek for Stepped {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.file.seek(to)
    }
}

/// The zip of a hand-over: as it is, or encrypted while it is written.
enum ZipOut {
    Clear(Box<ZipWriter<BufWriter<Stepped>>>),
    Sealed(Box<ZipWriter<zip::write::StreamWriter<SealedOut>>>),
}

type SealedOut = age::stream::StreamWriter<Hashing<BufWriter<Stepped>>>;

impl ZipOut {
    fn sealed(file: BufWriter<Stepped>, recipients: &Recipients) -> std::io::Result<ZipOut> {
        let out = Hashing {
            out: file,
            hasher: Sha256Hasher::new(),
        };
        Ok(ZipOut::Sealed(Box::new(ZipWriter::new_stream(
            recipients.seal(out)?,
        ))))
    }

    fn start_file(
        &mut self,
        name: String,
        options: SimpleFileOptions,
    ) -> zip::result::ZipResult<()> {
        match self {
            ZipOut::Clear(zip) => zip.start_file(name, options),
            ZipOut::Sealed(zip) => zip.start_file(name, options),
        }
    }

    fn finish(self) -> std::io::Result<(BufWriter<Stepped>, Option<Digest>)> {
        match self {
            ZipOut::Clear(zip) => Ok((zip.finish().map_err(std::io::Error::other)?, None)),
            ZipOut::Sealed(zip) => {
                let stream = zip.finish().map_err(std::io::Error::other)?;
                let hashing = stream.into_inner().finish()?;
                Ok((hashing.out, Some(hashing.hasher.finish())))
            }
        }
    }
}

impl Write for ZipOut {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match self {
            ZipOut::Clear(zip) => zip.write(bytes),
            ZipOut::Sealed(zip) => zip.write(bytes),
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        match self {
            ZipOut::Clear(zip) => zip.flush(),
            ZipOut::Sealed(zip) => zip.flush(),
        }
    }
}

/// Takes the digest of what goes through.
struct Hashing<W> {
    out: W,
    hasher: Sha256Hasher,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

fn zip_error(at: &Path, error: zip::result::ZipError) -> AppError {
    AppError::io(at, std::io::Error::other(error))
}

/// A file that grows while others are written.
pub struct Growing {
    path: String,
    target: PathBuf,
    out: GrowingOut,
    hasher: Sha256Hasher,
    size: u64,
}

enum GrowingOut {
    Clear(BufWriter<Stepped>),
    Sealed(age::stream::StreamWriter<BufWriter<Stepped>>),
}

impl GrowingOut {
    fn end(self) -> std::io::Result<()> {
        match self {
            GrowingOut::Clear(mut out) => out.flush(),
            GrowingOut::Sealed(out) => out.finish()?.flush(),
        }
    }
}

impl Growing {
    /// Adds bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        match &mut self.out {
            GrowingOut::Clear(out) => out.write_all(bytes),
            GrowingOut::Sealed(out) => out.write_all(bytes),
        }
        .map_err(|e| AppError::io(&self.target, e))
    }

    /// Ends the file.
    pub fn end(self) -> Result<Written> {
        self.out.end().map_err(|e| AppError::io(&self.target, e))?;
        Ok(Written {
            path: self.path,
            sha256: self.hasher.finish(),
            size: self.size,
        })
    }
}

struct Tee<'a> {
    out: &'a mut dyn Write,
    hasher: &'a mut Sha256Hasher,
}

impl Write for Tee<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.out.write_all(bytes)?;
        self.hasher.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// SHA-256 of a whole file.
pub fn digest_of(file: &Path) -> Option<Digest> {
    let mut hasher = Sha256Hasher::new();
    std::io::copy(&mut File::open(file).ok()?, &mut hasher).ok()?;
    Some(hasher.finish())
}

/// Reads one file of a finished hand-over, in either form.
pub fn read_file(made: &Path, as_zip: bool, name: &str, path: &str) -> Option<Vec<u8>> {
    if !as_zip {
        return std::fs::read(made.join(path)).ok();
    }
    let mut archive = zip::ZipArchive::new(BufReader::new(File::open(made).ok()?)).ok()?;
    let mut bytes = Vec::new();
    archive
        .by_name(&format!("{name}/{path}"))
        .ok()?
        .read_to_end(&mut bytes)
        .ok()?;
    Some(bytes)
}
