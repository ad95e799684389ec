//! The mirror of a centre's store: whether it is there, what it missed, and what had to be read from it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use comity_core::checkpoint::LogKeys;
use comity_core::finding::Finding;
use comity_store::{FileLock, Keeper, Lack, Objects, StoreError};

use super::note::Note;
use crate::ambient::{Ambient, time_text};
use crate::centre::KEYS_FILE;

/// Who changes the note takes turns at this file in the centre's folder.
const LOCK: &str = "tmp/mirror.lock";
/// After so long a mirror that failed is tried again in the same process, in microseconds.
const AGAIN_MICROS: i64 = 60_000_000;

/// A centre's mirror. Clones are the same.
#[derive(Clone)]
pub struct Mirror(Arc<Shared>);

struct Shared {
    place: String,
    origin: String,
    objects: Objects,
    dir: PathBuf,
    ambient: Ambient,
    state: Mutex<State>,
    read: Mutex<Vec<Finding>>,
}

#[derive(Default)]
struct State {
    /// Whether it was seen to be this centre's.
    recognised: bool,
    /// Since when (microseconds since 1970) it has not been tried, and why.
    away: Option<(i64, String)>,
    /// So many events it is known to hold.
    size: u64,
}

impl Mirror {
    /// The mirror at `place`, of the centre in `dir`. Nothing is read or written yet.
    pub fn new(
        place: &str,
        origin: &str,
        objects: Objects,
        dir: &Path,
        ambient: Ambient,
    ) -> Mirror {
        Mirror(Arc::new(Shared {
            place: place.to_owned(),
            origin: origin.to_owned(),
            objects,
            dir: dir.to_owned(),
            ambient,
            state: Mutex::default(),
            read: Mutex::default(),
        }))
    }

    /// `first` with this mirror.
    pub fn over(&self, first: Objects) -> Objects {
        Objects::mirrored(first, self.0.objects.clone(), self.0.clone())
    }

    /// Where it is.
    pub fn place(&self) -> &str {
        &self.0.place
    }

    /// Its store.
    pub fn objects(&self) -> &Objects {
        &self.0.objects
    }

    /// Why it is not used now, if it is not.
    pub fn absence(&self) -> Option<String> {
        match self.0.is_here() {
            true => None,
            false => self.0.state().away.as_ref().map(|(_, why)| why.clone()),
        }
    }

    /// Tries it now, however lately it failed; why it is not there, if it is not.
    pub(crate) fn reach(&self) -> Option<String> {
        self.0.state().away = None;
        self.0.state().recognised = false;
        self.absence()
    }

    /// What it missed, if anything.
    pub fn note(&self) -> Result<Option<Note>, StoreError> {
        Note::read(&self.0.dir, &self.0.ambient.disk)
    }

    /// What was read from it because the first store did not have it whole; told once.
    pub fn take_read(&self) -> Vec<Finding> {
        std::mem::take(&mut *self.0.read.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// It failed, or holds what it should not: it is left alone for a while, and may lack something.
    pub(crate) fn failed(&self, why: &str) -> Result<(), StoreError> {
        self.0.away(why);
        self.0.write_down(Lack::Written)
    }

    /// It was not there to be written to.
    pub(crate) fn missed(&self) -> Result<(), StoreError> {
        self.0.write_down(Lack::Written)
    }

    /// It may lack something, and is used all the same.
    pub(crate) fn may_lack(&self, why: &str) -> Result<(), StoreError> {
        self.0.write_down_why(Lack::Written, why)
    }

    /// It holds so many events.
    pub(crate) fn holds(&self, size: u64) {
        self.0.state().size = size;
    }

    /// So many events it is known to hold, by what this process saw.
    pub(crate) fn size(&self) -> u64 {
        self.0.state().size
    }

    /// Whether it is there, tried now if it was not for a while.
    pub(crate) fn is_here(&self) -> bool {
        self.0.is_here()
    }

    /// Takes the note away, unless something was missed since it was `former`.
    pub(crate) fn is_up_to_date(&self, former: &Note) -> Result<bool, StoreError> {
        let shared = &self.0;
        let _turn = shared.lock()?;
        let disk = &shared.ambient.disk;
        match Note::read(&shared.dir, disk)? {
            Some(now) if now.misses != former.misses => Ok(false),
            None => Ok(true),
            Some(_) => {
                Note::remove(&shared.dir, disk)?;
                Ok(true)
            }
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> Result<FileLock, StoreError> {
        let disk = &self.ambient.disk;
        disk.create_dir_all(&self.dir.join("tmp"))?;
        disk.lock(&self.dir.join(LOCK))
    }

    fn away(&self, why: &str) {
        let now = self.ambient.clock.now_micros();
        self.state().away = Some((now, why.to_owned()));
    }

    /// A folder that is not mounted, an empty bucket or another centre's store must not be taken for the mirror.
    fn recognise(&self) -> Result<(), String> {
        match self.objects.get(KEYS_FILE) {
            Err(e) => Err(e.to_string()),
            Ok(None) => Err(format!(
                "it holds no file `{KEYS_FILE}`: it is not there (a disk that is not mounted?), or is no mirror"
            )),
            Ok(Some(bytes)) => match LogKeys::parse(&bytes) {
                Ok(keys) if keys.origin() == self.origin => Ok(()),
                Ok(keys) => Err(format!(
                    "it is the mirror of another log, {}",
                    keys.origin()
                )),
                Err(e) => Err(format!("its file `{KEYS_FILE}` cannot be read: {e}")),
            },
        }
    }

    fn write_down(&self, what: Lack) -> Result<(), StoreError> {
        let why = self.state().away.as_ref().map(|(_, why)| why.clone());
        self.write_down_why(what, &why.unwrap_or_default())
    }

    fn write_down_why(&self, what: Lack, why: &str) -> Result<(), StoreError> {
        let _turn = self.lock()?;
        let disk = &self.ambient.disk;
        let mut note = match Note::read(&self.dir, disk)? {
            Some(note) => note,
            None => Note {
                since: time_text(self.ambient.clock.now_micros()),
                why: why.to_owned(),
                size: self.state().size,
                ..Note::default()
            },
        };
        note.misses += 1;
        note.removals += u64::from(what == Lack::Removed);
        note.write(&self.dir, disk)
    }
}

impl Keeper for Shared {
    fn is_here(&self) -> bool {
        let mut state = self.state();
        let now = self.ambient.clock.now_micros();
        match &state.away {
            // A clock that went back is no reason to wait for longer.
            Some((since, _)) if (0..AGAIN_MICROS).contains(&(now - since)) => return false,
            None if state.recognised => return true,
            _ => {}
        }
        match self.recognise() {
            Ok(()) => {
                state.recognised = true;
                state.away = None;
                true
            }
            Err(why) => {
                state.away = Some((now, why));
                false
            }
        }
    }

    fn missed(&self, what: Lack, why: Option<&StoreError>) -> Result<(), StoreError> {
        if let Some(error) = why {
            self.away(&error.to_string());
        }
        self.write_down(what)
    }

    fn read_elsewhere(&self, name: &str, why: &str) {
        let what = format!("{why}; it was read from the mirror {}", self.place);
        let finding = Finding::new(name, what);
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if !read.contains(&finding) {
            read.push(finding);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_was_missed_while_it_caught_up_stays_on_record() {
        let folder = tempfile::tempdir().unwrap();
        let ambient = Ambient::system();
        let objects = Objects::local_if_there(folder.path().join("m"), ambient.disk.clone());
        let mirror = Mirror::new("m", "comity/test", objects, folder.path(), ambient);
        assert_eq!(mirror.note().unwrap(), None);
        mirror.failed("its line was cut").unwrap();
        let begun = mirror.note().unwrap().unwrap();
        // Another process misses something between the listing and the end.
        mirror.missed().unwrap();
        assert!(!mirror.is_up_to_date(&begun).unwrap());
        let now = mirror.note().unwrap().unwrap();
        assert_eq!((now.misses, now.why.as_str()), (2, "its line was cut"));
        assert_eq!(now.since, begun.since);
        assert!(mirror.is_up_to_date(&now).unwrap());
        assert_eq!(mirror.note().unwrap(), None);
    }

    #[test]
    fn a_note_that_cannot_be_read_says_that_anything_may_be_lacking() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(super::super::note::FILE), b"{\"format\"").unwrap();
        let note = Note::read(folder.path(), &comity_store::Disk::real());
        let note = note.unwrap().unwrap();
        assert_eq!((note.size, note.misses), (0, 0));
        assert!(note.why.contains("cannot be read"));
    }
}
