//! Making a keyring, opening it, and opening single keys.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use comity_core::Random;
use comity_seal::{Key, SealError};
use comity_store::{Disk, FileLock};
use zeroize::Zeroizing;

use crate::cache::Cache;
use crate::entry::{Entry, How, Place};
use crate::error::{KeyNumber, KeyringError};
use crate::head::{self, Head, Means, Root, RootKey, damaged};
use crate::secret::{DeskKey, Kind, Lock, Secret};
use crate::segment::{self, Segment};
use crate::slot::{self, SlotInfo, State};
use crate::unlock::Argon2Params;
use crate::wrap;

/// The lock that appending and destroying take; never read.
pub(crate) const LOCK_FILE: &str = "lock";
/// Scope keys above a key: centre or member, case. More is a loop.
const MAX_DEPTH: u8 = 8;

/// An open keyring. Several threads may share it, and several processes may have one open on the same folder:
/// what changes it takes an exclusive lock on the file, and everything is read anew from the disk.
pub struct Keyring {
    pub(crate) dir: PathBuf,
    pub(crate) disk: Disk,
    pub(crate) id: [u8; 16],
    root: Mutex<Root>,
    /// What opened the head, and opens the next one too if its entry is still there.
    unlock: Mutex<Key>,
    cache: Mutex<Cache>,
    desks: Mutex<HashMap<KeyNumber, DeskKey>>,
    /// Desks' keys of which it is not known yet what they open.
    brought: Mutex<Vec<DeskKey>>,
    /// The next key number as this process last saw it.
    pub(crate) seen_next: AtomicU64,
    pub(crate) stopped: AtomicBool,
}

/// A slot as it lies on the disk, and what it says.
pub(crate) struct Found {
    pub(crate) bytes: slot::Bytes,
    pub(crate) info: SlotInfo,
}

impl Keyring {
    /// Makes a keyring without keys in the folder `dir` (made if missing), durable on return.
    ///
    /// # Errors
    /// [`KeyringError::AlreadyThere`] if the folder holds one; [`KeyringError::Refused`] for an empty passphrase.
    pub fn create(
        dir: &Path,
        disk: Disk,
        passphrase: &str,
        params: Argon2Params,
        rng: &dyn Random,
    ) -> Result<Keyring, KeyringError> {
        refuse_empty(passphrase)?;
        disk.create_dir_all(dir)?;
        let _lock = disk.lock(&dir.join(LOCK_FILE))?;
        let file = dir.join(head::FILE);
        if disk.open_read(&file)?.is_some() || !segment::list(&disk, dir)?.segments.is_empty() {
            return Err(KeyringError::AlreadyThere {
                dir: dir.to_path_buf(),
            });
        }
        let (mut id, mut root) = ([0; 16], RootKey::default());
        rng.fill(&mut id);
        rng.fill(&mut root[..]);
        let (how, key) = How::passphrase(passphrase, params, rng)?;
        let place = Place { id: &id, epoch: 1 };
        let head = Head {
            unlock: vec![Entry::new(how, &key, place, &root, false, rng)],
            id,
            epoch: 1,
            pending: None,
        };
        disk.write_atomic(&file, &head.encode()?)?;
        let root = Root {
            epoch: 1,
            key: root,
            former: None,
        };
        Ok(Self::new(dir, disk, id, key, root))
    }

    /// Opens the keyring in the folder `dir`. Nothing is written, so a read-only copy opens too.
    ///
    /// # Errors
    /// [`KeyringError::WrongPassphrase`] and [`KeyringError::Damaged`] are never confused: the head's digest is
    /// checked first, and only then is the passphrase tried.
    pub fn open<'a>(
        dir: &Path,
        disk: Disk,
        by: impl Into<Means<'a>>,
    ) -> Result<Keyring, KeyringError> {
        let head = read_head(dir, &disk)?;
        let (_, key, root) = head.open(&dir.join(head::FILE), by.into())?;
        Ok(Self::new(dir, disk, head.id, key, root))
    }

    fn new(dir: &Path, disk: Disk, id: [u8; 16], unlock: Key, root: Root) -> Self {
        Self {
            dir: dir.to_path_buf(),
            disk,
            id,
            root: Mutex::new(root),
            unlock: Mutex::new(unlock),
            cache: Mutex::default(),
            desks: Mutex::default(),
            brought: Mutex::default(),
            seen_next: AtomicU64::new(1),
            stopped: AtomicBool::new(false),
        }
    }

    /// Wraps the root key under another passphrase, durable on return. The old one no longer opens this folder;
    /// it still opens older copies of it, so backups that it protects must be destroyed where it leaked.
    ///
    /// # Errors
    /// [`KeyringError::WrongPassphrase`] if `old` is not a passphrase of this keyring.
    pub fn change_passphrase(
        &self,
        old: &str,
        new: &str,
        params: Argon2Params,
        rng: &dyn Random,
    ) -> Result<(), KeyringError> {
        refuse_empty(new)?;
        let _lock = self.lock()?;
        let file = self.dir.join(head::FILE);
        let mut head = read_head(&self.dir, &self.disk)?;
        let (at, _, root) = head.open(&file, Means::Passphrase(old))?;
        let again = head.unlock[at].has_again();
        let (how, key) = How::passphrase(new, params, rng)?;
        head.unlock[at] = Entry::new(how, &key, head.place(), &root.key, again, rng);
        self.replace_head(&head)?;
        self.set_unlock_key(key);
        Ok(())
    }

    pub(crate) fn set_unlock_key(&self, key: Key) {
        *guard(&self.unlock) = key;
    }

    /// What opened the head, or is to open the next one.
    pub(crate) fn unlock_key(&self) -> Key {
        guard(&self.unlock).clone()
    }

    /// Puts another head in the place of the one that lies there, durable on return. Needs the lock.
    pub(crate) fn replace_head(&self, head: &Head) -> Result<(), KeyringError> {
        let file = self.dir.join(head::FILE);
        let bytes = head.encode()?;
        let before = self.disk.open_rw(&file)?;
        let old_len = before.len()?;
        self.stop_on_failure(self.disk.write_atomic(&file, &bytes))?;
        // The old head has no name any more; where it cannot be overwritten the change still stands.
        let zeros = vec![0; usize::try_from(old_len).unwrap_or(0)];
        let _ = before.write_at(0, &zeros).and_then(|()| before.sync());
        Ok(())
    }

    /// The head as it lies there, the root key, and which entry is of what opened this keyring; past the last one if
    /// none is any more.
    pub(crate) fn head(&self) -> Result<(Head, usize, Root), KeyringError> {
        let head = read_head(&self.dir, &self.disk)?;
        if head.id != self.id {
            let what = "another keyring was put in place while this program had this one open";
            return Err(damaged(&self.dir.join(head::FILE), "line 1", what));
        }
        let (epoch, key) = self.present_root();
        match head.open_by_key(&self.dir.join(head::FILE), &self.unlock_key())? {
            Some((at, root)) => Ok((head, at, root)),
            // The passphrase was changed meanwhile, and the root key is the same.
            None if head.epoch == epoch => {
                let root = head.with_former(&self.dir.join(head::FILE), key)?;
                let none = head.unlock.len();
                Ok((head, none, root))
            }
            None => Err(KeyringError::ShutOut { epoch: head.epoch }),
        }
    }

    /// The epoch as this program last saw it.
    pub fn epoch(&self) -> u32 {
        guard(&self.root).epoch
    }

    pub(crate) fn set_root(&self, root: Root) {
        *guard(&self.root) = root;
        self.forget_opened();
    }

    /// The root key that wraps a slot of `epoch` whose parent is 0.
    fn root_key(&self, number: KeyNumber, epoch: u32) -> Result<RootKey, KeyringError> {
        if epoch > self.epoch() {
            // Another program may have made a new epoch.
            let (_, _, root) = self.head()?;
            self.set_root(root);
        }
        let root = guard(&self.root);
        match &root.former {
            _ if epoch == root.epoch => Ok(root.key.clone()),
            Some(former) if epoch < root.epoch => Ok(former.clone()),
            _ if epoch < root.epoch => {
                let what = format!(
                    "it is of epoch {epoch} and the head of epoch {}: an older copy of this file was put in place",
                    root.epoch
                );
                Err(self.damaged_slot(number, &what))
            }
            _ => {
                let what = format!(
                    "{} is of epoch {epoch}: an older copy of the head was put in place",
                    place(number)
                );
                let file = self.dir.join(head::FILE);
                Err(damaged(&file, "line 1", &what))
            }
        }
    }

    /// The root key of the present epoch, for wrapping.
    pub(crate) fn present_root(&self) -> (u32, RootKey) {
        let root = guard(&self.root);
        (root.epoch, root.key.clone())
    }

    /// The keyring's id: 16 random bytes, in the head and in every segment.
    pub fn id(&self) -> [u8; 16] {
        self.id
    }

    /// The number that the next key gets. A ledger that names this number or a higher one is newer than the keyring:
    /// the keyring was restored from an old backup, and must not be appended to.
    ///
    /// # Errors
    /// If the last segment is damaged or cannot be read.
    pub fn next_number(&self) -> Result<KeyNumber, KeyringError> {
        let Some(last) = segment::list(&self.disk, &self.dir)?.segments.pop() else {
            return Ok(1);
        };
        let used = Segment::open(&self.disk, &self.dir, last)?.map_or(Ok(0), |open| open.used())?;
        Ok((segment::first_number(last) + used).max(1))
    }

    /// What is known of a key without opening it.
    ///
    /// # Errors
    /// [`KeyringError::NoSuchKey`], or [`KeyringError::Damaged`] if its slot is.
    pub fn slot_info(&self, number: KeyNumber) -> Result<SlotInfo, KeyringError> {
        Ok(self.find(number)?.info)
    }

    /// Opens a key.
    ///
    /// # Errors
    /// [`KeyringError::Destroyed`] if it or a scope above it was destroyed, [`KeyringError::NoSuchKey`],
    /// [`KeyringError::Damaged`], [`KeyringError::Locked`] until the desk's key is brought by [`Keyring::unlock`].
    pub fn open_key(&self, number: KeyNumber) -> Result<Secret, KeyringError> {
        let found = self.find(number)?;
        if found.info.kind == Kind::Scope {
            return Ok(Secret::clone(&*self.open_scope(number, &found, 0)?));
        }
        self.open_found(number, &found, 0)
    }

    /// Brings the desk's key for a locked key; it, and what it wraps, opens until [`Keyring::relock`].
    ///
    /// # Errors
    /// [`KeyringError::WrongDeskKey`]; as [`Keyring::open_key`].
    pub fn unlock(&self, number: KeyNumber, desk: &DeskKey) -> Result<(), KeyringError> {
        let found = self.find(number)?;
        let parent = self.key_above(number, &found.info, 0)?;
        self.open_with(number, &found, &parent, Some(desk))?;
        guard(&self.desks).insert(number, desk.clone());
        Ok(())
    }

    /// Brings a desk's key for whatever it locks: it is tried when a locked key is asked for.
    pub fn bring(&self, desk: &DeskKey) {
        guard(&self.brought).push(desk.clone());
        self.forget_opened();
    }

    /// Forgets the desk's key of a locked key, and every scope key that was opened.
    pub fn relock(&self, number: KeyNumber) {
        guard(&self.desks).remove(&number);
        self.forget_opened();
    }

    /// Keeps the desk's key of a key that was locked just now, and forgets that of one that was unlocked.
    pub(crate) fn keep_desk(&self, number: KeyNumber, desk: Option<&DeskKey>) {
        match desk {
            Some(desk) => guard(&self.desks).insert(number, desk.clone()),
            None => guard(&self.desks).remove(&number),
        };
    }

    /// The desk's key that was brought for a locked key.
    pub(crate) fn brought(&self, number: KeyNumber) -> Option<DeskKey> {
        guard(&self.desks).get(&number).cloned()
    }

    pub(crate) fn forget_opened(&self) {
        guard(&self.cache).clear();
    }

    /// Reads a slot that was used. A slot that does not fit is read again, since its segment may just have been
    /// written anew; the same bytes twice are damage.
    pub(crate) fn find(&self, number: KeyNumber) -> Result<Found, KeyringError> {
        let missing = KeyringError::NoSuchKey { number };
        let Some((segment, slot)) = segment::locate(number).filter(|_| number > 0) else {
            return Err(missing);
        };
        let mut before = None;
        loop {
            let Some(open) = Segment::open(&self.disk, &self.dir, segment)? else {
                return Err(missing);
            };
            if slot >= open.slots {
                return Err(missing);
            }
            let bytes = open.slot(slot)?;
            match slot::parse(&self.id, number, &bytes) {
                Ok(Some(info)) => return Ok(Found { bytes, info }),
                Ok(None) => return Err(missing),
                Err(what) if before == Some(bytes) => {
                    return match segment::beside(&self.disk, &self.dir, &self.id, number) {
                        Some((bytes, info)) => Ok(Found { bytes, info }),
                        None => Err(damaged(&open.path, &place(number), what)),
                    };
                }
                Err(_) => before = Some(bytes),
            }
        }
    }

    /// The key that wraps a key.
    pub(crate) fn key_above(
        &self,
        number: KeyNumber,
        info: &SlotInfo,
        depth: u8,
    ) -> Result<Zeroizing<[u8; 32]>, KeyringError> {
        match info.parent {
            0 => self.root_key(number, info.epoch),
            parent => self.scope_key(parent, depth),
        }
    }

    /// The key that wraps what is below the scope key `parent`, which is not 0.
    pub(crate) fn scope_key(
        &self,
        parent: KeyNumber,
        depth: u8,
    ) -> Result<Zeroizing<[u8; 32]>, KeyringError> {
        let found = self.find(parent)?;
        if found.info.kind != Kind::Scope {
            return Err(KeyringError::NotAScope { number: parent });
        }
        Ok(Zeroizing::new(
            self.open_scope(parent, &found, depth)?.first,
        ))
    }

    fn open_scope(
        &self,
        number: KeyNumber,
        found: &Found,
        depth: u8,
    ) -> Result<Arc<Secret>, KeyringError> {
        if let Some(secret) = guard(&self.cache).get(number, &found.bytes) {
            return Ok(secret);
        }
        let secret = Arc::new(self.open_found(number, found, depth)?);
        guard(&self.cache).put(number, found.bytes, Arc::clone(&secret));
        Ok(secret)
    }

    fn open_found(
        &self,
        number: KeyNumber,
        found: &Found,
        depth: u8,
    ) -> Result<Secret, KeyringError> {
        if found.info.state == State::Destroyed {
            return Err(KeyringError::Destroyed { number });
        }
        if depth >= MAX_DEPTH {
            return Err(self.damaged_slot(number, "the keys above it lead round in a circle"));
        }
        let parent = self.key_above(number, &found.info, depth + 1)?;
        self.open_wrapped(number, found, &parent)
    }

    /// Opens a slot whose parent's key is at hand, with the desk's key if it was brought.
    pub(crate) fn open_wrapped(
        &self,
        number: KeyNumber,
        found: &Found,
        parent: &[u8; 32],
    ) -> Result<Secret, KeyringError> {
        let desk = match found.info.lock {
            Lock::Parent => None,
            Lock::ParentAndDesk => self.brought(number),
        };
        if desk.is_none() && found.info.lock == Lock::ParentAndDesk {
            for desk in guard(&self.brought).iter() {
                match self.open_with(number, found, parent, Some(desk)) {
                    Err(KeyringError::WrongDeskKey { .. }) => {}
                    opened => {
                        self.keep_desk(number, Some(desk));
                        return opened;
                    }
                }
            }
        }
        self.open_with(number, found, parent, desk.as_ref())
    }

    fn open_with(
        &self,
        number: KeyNumber,
        found: &Found,
        parent: &[u8; 32],
        desk: Option<&DeskKey>,
    ) -> Result<Secret, KeyringError> {
        if found.info.state == State::Destroyed {
            return Err(KeyringError::Destroyed { number });
        }
        let locked = found.info.lock == Lock::ParentAndDesk;
        if locked && desk.is_none() {
            return Err(KeyringError::Locked { number });
        }
        let key = wrap::wrapping_key(parent, desk.filter(|_| locked));
        wrap::open(number, &found.info, &key, &found.bytes).map_err(|error| match error {
            SealError::WrongKey if locked => KeyringError::WrongDeskKey { number },
            SealError::WrongKey => {
                let what = format!("its wrap was not made with key {}", found.info.parent);
                self.damaged_slot(number, &what)
            }
            error => self.damaged_slot(number, &format!("its wrap is broken: {error}")),
        })
    }

    pub(crate) fn damaged_slot(&self, number: KeyNumber, what: &str) -> KeyringError {
        let segment = segment::locate(number).map_or(0, |(segment, _)| segment);
        damaged(&segment::path(&self.dir, segment), &place(number), what)
    }

    /// Takes the lock that whatever changes the keyring holds.
    pub(crate) fn lock(&self) -> Result<FileLock, KeyringError> {
        if self.stopped.load(Ordering::SeqCst) {
            return Err(KeyringError::Stopped);
        }
        Ok(self.disk.lock(&self.dir.join(LOCK_FILE))?)
    }

    /// After a failure that may have lost acknowledged writes, this process writes no more.
    pub(crate) fn stop_on_failure<T, E: Into<KeyringError>>(
        &self,
        result: Result<T, E>,
    ) -> Result<T, KeyringError> {
        result.map_err(Into::into).inspect_err(|error| {
            if error.must_stop() {
                self.stopped.store(true, Ordering::SeqCst);
            }
        })
    }
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyring")
            .field("dir", &self.dir)
            .finish_non_exhaustive()
    }
}

/// A slot, for people.
pub(crate) fn place(number: KeyNumber) -> String {
    format!("slot {} (key {number})", number % segment::SLOTS)
}

pub(crate) fn read_head(dir: &Path, disk: &Disk) -> Result<Head, KeyringError> {
    let file = dir.join(head::FILE);
    match disk.read(&file)? {
        Some(bytes) => Head::parse(&file, &bytes),
        None if dir.is_dir() && !segment::list(disk, dir)?.segments.is_empty() => {
            Err(damaged(&file, "all of it", "the file is missing"))
        }
        None => Err(KeyringError::NoKeyring {
            dir: dir.to_path_buf(),
        }),
    }
}

pub(crate) fn refuse_empty(passphrase: &str) -> Result<(), KeyringError> {
    if passphrase.is_empty() {
        return Err(KeyringError::Refused {
            what: "an empty passphrase protects nothing: choose one",
        });
    }
    Ok(())
}

/// A thread that panicked while it held one of these left nothing half done: both are plain maps.
fn guard<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
