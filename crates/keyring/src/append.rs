//! Appending keys: the range of numbers is taken under the file lock, since a wrap's context names its number.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::atomic::Ordering;
use std::thread;

use comity_core::Random;
use comity_seal::Key;

use crate::error::{KeyNumber, KeyringError};
use crate::head::damaged;
use crate::keyring::Keyring;
use crate::secret::{DeskKey, Lock, NewKey};
use crate::segment::{self, Segment};
use crate::slot::{self, SlotInfo, State};
use crate::wrap;

/// Keys that one thread wraps before a second one pays.
const SHARE: usize = 1000;

impl Keyring {
    /// Appends keys and gives their numbers, in order. They are durable on return. A batch costs one write and
    /// one flush, however many keys it holds.
    ///
    /// After an error none of these numbers may be used; if parts were stored, their numbers are skipped.
    ///
    /// # Errors
    /// [`KeyringError::NotAScope`], [`KeyringError::Destroyed`] or [`KeyringError::NoSuchKey`] for a parent;
    /// [`KeyringError::Io`], whose [`KeyringError::must_stop`] says whether to stop.
    pub fn append(
        &self,
        keys: &[NewKey],
        rng: &dyn Random,
    ) -> Result<Range<KeyNumber>, KeyringError> {
        self.append_wrapped(keys, None, rng)
    }

    /// As [`Keyring::append`], but each key opens only together with the desk's key ([`Keyring::unlock`]).
    ///
    /// # Errors
    /// As [`Keyring::append`].
    pub fn append_locked(
        &self,
        keys: &[NewKey],
        desk: &DeskKey,
        rng: &dyn Random,
    ) -> Result<Range<KeyNumber>, KeyringError> {
        self.append_wrapped(keys, Some(desk), rng)
    }

    fn append_wrapped(
        &self,
        keys: &[NewKey],
        desk: Option<&DeskKey>,
        rng: &dyn Random,
    ) -> Result<Range<KeyNumber>, KeyringError> {
        let mut salts = vec![[0; 24]; keys.len()];
        rng.fill(salts.as_flattened_mut());
        let _lock = self.lock()?;
        self.settle()?;
        let first = self.next_checked()?;
        let mut wrapping = HashMap::new();
        for parent in keys.iter().map(|key| key.parent).collect::<BTreeSet<_>>() {
            let key = match parent {
                0 => self.present_root().1,
                parent => self.scope_key(parent, 0)?,
            };
            wrapping.insert(parent, wrap::wrapping_key(&key, desk));
        }
        let lock = desk.map_or(Lock::Parent, |_| Lock::ParentAndDesk);
        let slots = self.wrap_all(first, keys, &salts, &wrapping, lock);
        self.stop_on_failure(self.write(first, &slots))?;
        let next = first + keys.len() as u64;
        self.seen_next.fetch_max(next, Ordering::SeqCst);
        Ok(first..next)
    }

    /// The next number, which is never one that was given before.
    fn next_checked(&self) -> Result<KeyNumber, KeyringError> {
        let next = self.next_number()?;
        let seen = self.seen_next.fetch_max(next, Ordering::SeqCst);
        if next < seen {
            return Err(self.damaged_slot(
                next,
                "it and what follows are gone, though this program has read them",
            ));
        }
        Ok(next)
    }

    fn wrap_all(
        &self,
        first: KeyNumber,
        keys: &[NewKey],
        salts: &[[u8; 24]],
        wrapping: &HashMap<KeyNumber, Key>,
        lock: Lock,
    ) -> Vec<slot::Bytes> {
        let epoch = self.epoch();
        let wrap_share =
            |first: KeyNumber, keys: &[NewKey], salts: &[[u8; 24]], out: &mut [slot::Bytes]| {
                for (((number, key), salt), slot) in (first..).zip(keys).zip(salts).zip(out) {
                    let info = SlotInfo {
                        state: State::Live,
                        kind: key.kind,
                        lock,
                        epoch,
                        parent: key.parent,
                        subject: key.subject,
                    };
                    let parent = &wrapping[&key.parent];
                    wrap::seal(&self.id, number, &info, &key.secret, parent, *salt, slot);
                }
            };
        let mut slots = vec![[0; slot::LEN]; keys.len()];
        let share = keys.len().div_ceil(threads()).max(SHARE);
        thread::scope(|scope| {
            let shares = keys
                .chunks(share)
                .zip(salts.chunks(share))
                .zip(slots.chunks_mut(share));
            let mut begin = first;
            let mut mine = None;
            for ((keys, salts), out) in shares {
                let first = begin;
                begin += keys.len() as u64;
                if mine.is_none() {
                    mine = Some((first, keys, salts, out));
                } else {
                    scope.spawn(move || wrap_share(first, keys, salts, out));
                }
            }
            if let Some((first, keys, salts, out)) = mine {
                wrap_share(first, keys, salts, out);
            }
        });
        slots
    }

    /// Writes slots to their segments and flushes them; a later segment begins when the earlier is durable.
    fn write(&self, first: KeyNumber, slots: &[slot::Bytes]) -> Result<(), KeyringError> {
        let mut number = first;
        let mut rest = slots;
        while !rest.is_empty() {
            let Some((segment, slot)) = segment::locate(number) else {
                return Err(KeyringError::Refused {
                    what: "the keyring is full",
                });
            };
            let room = usize::try_from(segment::SLOTS - slot).unwrap_or(rest.len());
            let (now, later) = rest.split_at(room.min(rest.len()));
            let path = segment::path(&self.dir, segment);
            let ours = segment::Header {
                segment,
                id: self.id,
            };
            match Segment::open(&self.disk, &self.dir, segment)? {
                None => self.disk.write_atomic(&path, &segment::header(&ours))?,
                Some(open) => match segment::parse_header(&open.header()?) {
                    Ok(header) if header == ours => {}
                    Ok(_) => {
                        let what = "it belongs to another segment or keyring";
                        return Err(damaged(&path, "the header", what));
                    }
                    Err(what) => return Err(damaged(&path, "the header", what)),
                },
            }
            let file = self.disk.open_rw(&path)?;
            file.write_at(segment::offset(slot), now.as_flattened())?;
            file.sync()?;
            number += now.len() as u64;
            rest = later;
        }
        Ok(())
    }
}

/// Threads that work on keys at once.
pub(crate) fn threads() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
