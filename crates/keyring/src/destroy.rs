//! Destroying keys, so that their bytes are nowhere in the folder, and finishing what a crash cut short. A key that is
//! wrapped anew takes the same steps.
//!
//! 1. The segment is written anew beside the old one, without the wraps, and made durable.
//! 2. The wraps in the old file are overwritten where they lie, and that is flushed.
//! 3. The new file takes the old one's name.
//!
//! A crash before 1 is done leaves a new file that is not whole: it is thrown away. After that the destruction
//! is finished by whoever next changes the keyring. A slot torn in step 2 is whole in the new file.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::{KeyNumber, KeyringError};
use crate::head::damaged;
use crate::keyring::Keyring;
use crate::segment;
use crate::slot::{self, State};

/// A segment before and after a destruction.
struct Rewrite {
    old: Vec<u8>,
    new: Vec<u8>,
}

impl Keyring {
    /// Destroys keys for ever, durable on return. A key destroyed before stays so. What a destroyed scope key
    /// wrapped cannot be opened either. Copies outside this folder (backups, snapshots, blocks that the file
    /// system or a flash disk keeps) are not reached.
    ///
    /// # Errors
    /// [`KeyringError::NoSuchKey`] before anything is destroyed. After [`KeyringError::Io`] it is open whether the
    /// keys are destroyed: repeat the call.
    pub fn destroy(&self, numbers: &[KeyNumber]) -> Result<(), KeyringError> {
        let _lock = self.lock()?;
        self.settle()?;
        let next = self.next_number()?;
        let mut by_segment: BTreeMap<u32, BTreeSet<u64>> = BTreeMap::new();
        for number in numbers {
            let known = segment::locate(*number).filter(|_| (1..next).contains(number));
            let (segment, slot) = known.ok_or(KeyringError::NoSuchKey { number: *number })?;
            by_segment.entry(segment).or_default().insert(slot);
        }
        for (segment, slots) in &by_segment {
            if let Some(Rewrite { old, new }) = self.without(*segment, slots)? {
                self.stop_on_failure(self.replace(*segment, &old, &new))?;
            }
        }
        self.forget_opened();
        Ok(())
    }

    /// The bytes of a segment, and the same without the wraps of `slots`; `None` if all are destroyed already.
    fn without(
        &self,
        segment: u32,
        slots: &BTreeSet<u64>,
    ) -> Result<Option<Rewrite>, KeyringError> {
        let path = segment::path(&self.dir, segment);
        let Some(old) = self.disk.read(&path)? else {
            return Err(damaged(&path, "all of it", "the file is missing"));
        };
        let mut new = old.clone();
        let (_, body) = new
            .split_at_mut_checked(segment::HEADER_LEN)
            .unwrap_or_default();
        let (bodies, _) = body.as_chunks_mut::<{ slot::LEN }>();
        for slot in slots {
            let number = segment::first_number(segment) + slot;
            let Some(bytes) = usize::try_from(*slot)
                .ok()
                .and_then(|at| bodies.get_mut(at))
            else {
                return Err(KeyringError::NoSuchKey { number });
            };
            match slot::parse(&self.id, number, bytes) {
                Ok(None) => return Err(KeyringError::NoSuchKey { number }),
                Ok(Some(info)) if info.state == State::Destroyed => {}
                Ok(Some(_)) | Err(_) => slot::destroy(&self.id, number, bytes),
            }
        }
        Ok((old != new).then_some(Rewrite { old, new }))
    }

    pub(crate) fn replace(&self, segment: u32, old: &[u8], new: &[u8]) -> Result<(), KeyringError> {
        let path = segment::new_path(&self.dir, segment);
        let mut file = self.disk.create_new(&path)?;
        file.write_all(new)?;
        file.sync()?;
        self.disk.sync_dir(&self.dir)?;
        self.finish(segment, old, new)
    }

    /// Steps 2 and 3.
    fn finish(&self, segment: u32, old: &[u8], new: &[u8]) -> Result<(), KeyringError> {
        let path = segment::path(&self.dir, segment);
        let file = self.disk.open_rw(&path)?;
        for (at, (old, new)) in slots(old).iter().zip(slots(new)).enumerate() {
            if old != new {
                file.write_at(segment::offset(at as u64), new)?;
            }
        }
        file.sync()?;
        self.disk
            .rename(&segment::new_path(&self.dir, segment), &path)?;
        self.disk.sync_dir(&self.dir)?;
        Ok(())
    }

    /// Finishes or throws away what a crash left of a destruction. Needs the lock.
    pub(crate) fn settle(&self) -> Result<(), KeyringError> {
        let listing = segment::list(&self.disk, &self.dir)?;
        if listing.temporary {
            self.disk.sweep_temporary(&self.dir)?;
        }
        for segment in listing.new {
            let path = segment::new_path(&self.dir, segment);
            let old = self.disk.read(&segment::path(&self.dir, segment))?;
            let new = self.disk.read(&path)?;
            match (old, new) {
                (Some(old), Some(new)) if self.is_whole(segment, &old, &new) => {
                    self.stop_on_failure(self.finish(segment, &old, &new))?;
                }
                (Some(_), Some(_)) => {
                    self.disk.remove_file(&path)?;
                    self.disk.sync_dir(&self.dir)?;
                }
                (None, _) | (_, None) => {
                    let what = "it is missing, and only a copy written beside it is there";
                    return Err(damaged(
                        &segment::path(&self.dir, segment),
                        "all of it",
                        what,
                    ));
                }
            }
        }
        self.settle_epoch()
    }

    /// Whether `new` is `old` but for slots that were destroyed or wrapped anew. Nothing is appended while `new` lies
    /// there, so the lengths are equal.
    fn is_whole(&self, segment: u32, old: &[u8], new: &[u8]) -> bool {
        let body = segment::HEADER_LEN + slots(old).len() * slot::LEN;
        let same_frame = old.len() == new.len()
            && old.get(..segment::HEADER_LEN) == new.get(..segment::HEADER_LEN)
            && old.get(body..) == new.get(body..);
        let numbers = segment::first_number(segment)..;
        same_frame
            && numbers
                .zip(slots(old).iter().zip(slots(new)))
                .all(|(number, (old, new))| old == new || self.is_later(number, old, new))
    }
}

impl Keyring {
    /// Whether `new` is what a destruction or a new wrap made of `old`, which may have been torn by its overwriting.
    fn is_later(&self, number: KeyNumber, old: &slot::Bytes, new: &slot::Bytes) -> bool {
        let Ok(Some(new)) = slot::parse(&self.id, number, new) else {
            return false;
        };
        let same_key = |old: &slot::SlotInfo| {
            (old.kind, old.subject) == (new.kind, new.subject) && old.epoch <= new.epoch
        };
        new.state == State::Destroyed
            || match slot::parse(&self.id, number, old) {
                Ok(Some(old)) => old.state == State::Live && same_key(&old),
                Ok(None) => false,
                Err(_) => true,
            }
    }
}

pub(crate) fn slots(file: &[u8]) -> &[slot::Bytes] {
    file.get(segment::HEADER_LEN..)
        .unwrap_or_default()
        .as_chunks()
        .0
}
