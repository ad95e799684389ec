//! What a machine finds in a folder after a loss of power.
//!
//! [`Outage`] is shown every durable call. It knows of each file what it held when it was last flushed, and of each
//! folder which names it had when it was last flushed; at each call it keeps both, beside what the running system sees.
//! A [`Found`] is one of the folders that a machine may come up with if the power fails at that moment: of every file
//! that was not flushed since, the old content, the new one, or a part of it (a beginning, blocks of the one and of the
//! other, a length without its bytes); of every folder, the old name or the new one, each for itself.
//!
//! SQLite flushes its own files at every commit (`synchronous` is FULL, which the program asserts), and its own tests
//! cover how. So they are kept as they are, and what is not committed in them is nothing.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use comity_store::{Call, Disk, Faults, Op, Outcome};

type Inode = u64;
type Bytes = Arc<Vec<u8>>;

const BLOCK: usize = 512;

/// Of folders the names in them, of files the bytes.
#[derive(Clone, Default)]
struct Image {
    folders: HashMap<Inode, BTreeMap<OsString, Inode>>,
    files: HashMap<Inode, Bytes>,
}

/// The power fails here.
pub struct Moment {
    /// Before which call.
    pub what: String,
    /// How far the act had told that it was.
    pub acknowledged: u64,
    flushed: Image,
    seen: Image,
    tables: Vec<(PathBuf, Vec<u8>)>,
}

struct State {
    /// Everything that was ever there is held open, so that no number is given twice.
    held: HashMap<Inode, File>,
    flushed: Image,
    moments: Vec<Moment>,
    acknowledged: u64,
}

/// Watches a folder.
pub struct Outage {
    root: PathBuf,
    top: Inode,
    state: Mutex<State>,
}

impl Outage {
    /// All that is below `root` now is durable.
    pub fn watch(root: &Path) -> (Arc<Outage>, Disk) {
        let mut state = State {
            held: HashMap::new(),
            flushed: Image::default(),
            moments: Vec::new(),
            acknowledged: 0,
        };
        state.flushed = state.look(root);
        let outage = Arc::new(Outage {
            root: root.to_owned(),
            top: fs::metadata(root).unwrap().ino(),
            state: Mutex::new(state),
        });
        (outage.clone(), Disk::with_faults(outage))
    }

    /// Notes how far the act has told that it is.
    pub fn acknowledge(&self, so_far: u64) {
        let mut state = self.state.lock().unwrap();
        state.acknowledged = state.acknowledged.max(so_far);
    }

    /// Every moment so far, and the one after the last call.
    pub fn moments(&self) -> Vec<Moment> {
        let mut state = self.state.lock().unwrap();
        state.note(&self.root, "after the last call".to_owned());
        std::mem::take(&mut state.moments)
    }

    /// Writes what a machine finds into an empty folder.
    pub fn restore(&self, moment: &Moment, lots: &mut Lots, to: &Path) {
        moment.restore(self.top, lots, to);
        for (path, bytes) in &moment.tables {
            let path = to.join(path);
            if path.parent().unwrap().is_dir() {
                fs::write(path, bytes).unwrap();
            }
        }
    }
}

impl Faults for Outage {
    fn before(&self, call: &Call<'_>) -> Outcome {
        if call.op.is_durable() && call.path.starts_with(&self.root) {
            let name = call.path.strip_prefix(&self.root).unwrap();
            let what = format!("before: {} {}", call.op, name.display());
            self.state.lock().unwrap().note(&self.root, what);
        }
        Outcome::Go
    }

    fn after(&self, call: &Call<'_>) {
        let mut state = self.state.lock().unwrap();
        match call.op {
            Op::Sync => state.flushed_file(call.path),
            Op::SyncDir if call.path.starts_with(&self.root) => state.flushed_folder(call.path),
            _ => {}
        }
    }
}

fn is_tables(name: &std::ffi::OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"state.")
}

impl State {
    fn note(&mut self, root: &Path, what: String) {
        let tables = tables(root);
        let seen = self.look(root);
        self.moments.push(Moment {
            what,
            acknowledged: self.acknowledged,
            flushed: self.flushed.clone(),
            seen,
            tables,
        });
    }

    /// What the running system sees.
    fn look(&mut self, folder: &Path) -> Image {
        let mut image = Image::default();
        self.look_into(folder, &mut image);
        image
    }

    fn look_into(&mut self, folder: &Path, image: &mut Image) -> Option<Inode> {
        let number = self.hold(folder)?;
        let mut names = BTreeMap::new();
        for entry in fs::read_dir(folder).ok()?.flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let Ok(kind) = entry.file_type() else {
                continue;
            };
            if kind.is_dir() {
                names.extend(self.look_into(&path, image).map(|n| (name, n)));
            } else if kind.is_file() && !is_tables(&name) {
                let Some(file) = self.hold(&path) else {
                    continue;
                };
                image.files.insert(file, self.content(file));
                names.insert(name, file);
            }
        }
        image.folders.insert(number, names);
        Some(number)
    }

    fn hold(&mut self, path: &Path) -> Option<Inode> {
        let number = fs::symlink_metadata(path).ok()?.ino();
        if let std::collections::hash_map::Entry::Vacant(place) = self.held.entry(number) {
            place.insert(File::open(path).ok()?);
        }
        Some(number)
    }

    /// The bytes of a file now; the very same ones as were flushed, if they are.
    fn content(&self, number: Inode) -> Bytes {
        let file = &self.held[&number];
        let mut bytes = vec![0; file.metadata().unwrap().len() as usize];
        let mut read = 0;
        while read < bytes.len() {
            match file.read_at(&mut bytes[read..], read as u64).unwrap() {
                0 => break,
                n => read += n,
            }
        }
        bytes.truncate(read);
        match self.flushed.files.get(&number) {
            Some(flushed) if **flushed == bytes => flushed.clone(),
            _ => Arc::new(bytes),
        }
    }

    fn flushed_file(&mut self, path: &Path) {
        if let Some(number) = self.hold(path) {
            let bytes = self.content(number);
            self.flushed.files.insert(number, bytes);
        }
    }

    fn flushed_folder(&mut self, path: &Path) {
        let seen = self.look(path);
        let Some(number) = self.hold(path) else {
            return;
        };
        let names = seen.folders.get(&number).cloned().unwrap_or_default();
        // A folder in it is there, and what is in that one is its own matter.
        for inner in names.values().filter(|n| seen.folders.contains_key(n)) {
            self.flushed.folders.entry(*inner).or_default();
        }
        self.flushed.folders.insert(number, names);
    }
}

/// The tables' own files below a folder, as of one moment: read again until none changed meanwhile.
fn tables(root: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let places = |found: &mut Vec<PathBuf>| {
        let mut waiting = vec![root.to_owned()];
        while let Some(folder) = waiting.pop() {
            for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
                if entry.path().is_dir() {
                    waiting.push(entry.path());
                } else if is_tables(&entry.file_name()) {
                    found.push(entry.path());
                }
            }
        }
        found.sort();
    };
    let marks = || {
        let mut found = Vec::new();
        places(&mut found);
        let mark = |path: &PathBuf| {
            let met = fs::metadata(path).ok()?;
            Some((path.clone(), met.len(), met.mtime(), met.mtime_nsec()))
        };
        found.iter().map(mark).collect::<Vec<_>>()
    };
    loop {
        let before = marks();
        let read = before.iter().flatten().map(|(path, ..)| {
            let bytes = fs::read(path).unwrap_or_default();
            (path.strip_prefix(root).unwrap().to_owned(), bytes)
        });
        let read: Vec<_> = read.collect();
        if marks() == before {
            return read;
        }
    }
}

impl Moment {
    /// Whether the power could take anything: if not, this is the moment of a kill.
    pub fn is_at_stake(&self) -> bool {
        let files = self.seen.files.iter();
        let folders = self.seen.folders.iter();
        files
            .map(|(n, seen)| {
                self.flushed
                    .files
                    .get(n)
                    .is_some_and(|f| Arc::ptr_eq(f, seen))
            })
            .chain(folders.map(|(n, seen)| self.flushed.folders.get(n) == Some(seen)))
            .any(|is_same| !is_same)
    }

    fn restore(&self, folder: Inode, lots: &mut Lots, to: &Path) {
        fs::create_dir_all(to).unwrap();
        for (name, number) in self.names(folder, lots) {
            let place = to.join(&name);
            let is_folder = self.seen.folders.contains_key(&number)
                || self.flushed.folders.contains_key(&number);
            if is_folder {
                self.restore(number, lots, &place);
            } else {
                fs::write(place, self.bytes(number, lots)).unwrap();
            }
        }
    }

    /// Each name for itself: as it was when the folder was flushed, or as it is.
    fn names(&self, folder: Inode, lots: &mut Lots) -> BTreeMap<OsString, Inode> {
        let flushed = self.flushed.folders.get(&folder);
        let Some(seen) = self.seen.folders.get(&folder) else {
            return flushed.cloned().unwrap_or_default();
        };
        let none = BTreeMap::new();
        let flushed = flushed.unwrap_or(&none);
        let mut found = BTreeMap::new();
        for name in flushed.keys().chain(seen.keys()) {
            let (old, new) = (flushed.get(name), seen.get(name));
            let kept = if old == new || lots.keeps() { new } else { old };
            if let Some(number) = kept {
                found.insert(name.clone(), *number);
            }
        }
        found
    }

    fn bytes(&self, file: Inode, lots: &mut Lots) -> Vec<u8> {
        let none = Arc::default();
        let flushed: &Bytes = self.flushed.files.get(&file).unwrap_or(&none);
        let Some(seen) = self.seen.files.get(&file) else {
            return flushed.to_vec();
        };
        if Arc::ptr_eq(flushed, seen) {
            return seen.to_vec();
        }
        match lots.draw(if lots.is_strict() { 1 } else { 5 }) {
            0 => flushed.to_vec(),
            1 => seen.to_vec(),
            2 => {
                // A beginning of what was appended.
                let from = flushed.len().min(seen.len());
                let len = from + lots.draw((seen.len() - from) as u64 + 1) as usize;
                seen[..len].to_vec()
            }
            3 => {
                // The length, and not the bytes.
                let mut bytes = flushed.to_vec();
                bytes.resize(seen.len(), 0);
                bytes
            }
            _ => {
                // Some blocks of the one and some of the other.
                let mut bytes = flushed.to_vec();
                bytes.resize(seen.len(), 0);
                for (old, new) in bytes.chunks_mut(BLOCK).zip(seen.chunks(BLOCK)) {
                    if lots.keeps() {
                        old.copy_from_slice(new);
                    }
                }
                bytes
            }
        }
    }
}

/// What becomes of what was not flushed, by lot; with seed 0 all of it is lost.
pub struct Lots(u64);

impl Lots {
    pub fn new(seed: u64) -> Lots {
        Lots(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn is_strict(&self) -> bool {
        self.0 == 0
    }

    fn draw(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % below
    }

    fn keeps(&mut self) -> bool {
        self.draw(2) == 1
    }
}
