//! New epochs: another root key, and what it wraps wrapped anew (`docs/format/keyring.md`, *Epochs*).
//!
//! The new head is the point of no return. It has the former root key under the new one, so that every key opens
//! while slots of both epochs lie side by side, and whoever changes the keyring next can finish what a crash cut short.

use std::collections::{BTreeMap, HashMap};

use comity_core::Random;
use comity_seal::Key;
use zeroize::Zeroizing;

use crate::entry::{Entry, How, salt};
use crate::error::{KeyNumber, KeyringError};
use crate::head::{self, Head, Root, RootKey, Sealed, damaged};
use crate::keyring::{Found, Keyring, place, refuse_empty};
use crate::scheme::{Scheme, Sharing};
use crate::secret::{DeskKey, Kind, Lock};
use crate::segment::{self, Segment};
use crate::slot::{self, SlotInfo, State};
use crate::unlock::Argon2Params;
use crate::wrap;

/// The longest act; in bytes.
const MAX_ACT: usize = 4096;

/// What a new epoch is made for.
#[derive(Clone, Copy, Debug)]
pub struct NewEpoch<'a> {
    /// What it is for, in the caller's own format: kept under the root key until [`Keyring::end_epoch`], at most
    /// 4,096 bytes.
    pub act: &'a [u8],
    /// What opens the new root key besides, or in place of, what opens the present one.
    pub unlock: Unlocking<'a>,
}

/// What is to open the root key of a new epoch.
#[derive(Clone, Copy, Debug)]
pub enum Unlocking<'a> {
    /// All that opens the present one.
    Same,
    /// New shares; the former ones open nothing any more.
    Shares {
        /// The shares.
        sharing: &'a Sharing,
        /// Whether the passphrases go on opening it.
        keep_passphrase: bool,
    },
    /// A new passphrase in place of all former ones; shares stay.
    Passphrase {
        /// The passphrase.
        passphrase: &'a str,
        /// What a try of it costs.
        params: Argon2Params,
        /// Whether the shares go on opening it.
        keep_shares: bool,
    },
}

/// A new epoch that was begun and not ended.
#[derive(Debug)]
pub struct Pending {
    /// The new epoch.
    pub epoch: u32,
    /// [`NewEpoch::act`].
    pub act: Zeroizing<Vec<u8>>,
}

/// A key that is to be wrapped by another parent, or locked or unlocked.
#[derive(Debug)]
pub struct Rewrap<'a> {
    /// The key, which must open.
    pub number: KeyNumber,
    /// The scope key that wraps it from now on; 0 is the root key.
    pub parent: KeyNumber,
    /// The desk's key, if it is to be locked.
    pub desk: Option<&'a DeskKey>,
}

impl Keyring {
    /// Begins a new epoch: a new root key under every way to open the present one, and every key that the present one
    /// wraps wrapped anew. Durable on return. [`Keyring::end_epoch`] then forgets the former root key; until that, and
    /// after a crash at any point, [`Keyring::pending`] says what is to be finished.
    ///
    /// # Errors
    /// [`KeyringError::Damaged`] if a slot right below the root, or one that might be, is damaged: it could never be
    /// restored after. [`KeyringError::Refused`] if an epoch is pending already.
    pub fn begin_epoch(&self, new: &NewEpoch<'_>, rng: &dyn Random) -> Result<u32, KeyringError> {
        if new.act.len() > MAX_ACT {
            return Err(KeyringError::Refused {
                what: "what the new epoch is for takes more than 4,096 bytes: give a shorter reason",
            });
        }
        let _lock = self.lock()?;
        self.settle()?;
        let (head, at, root) = self.head()?;
        if head.pending.is_some() {
            return Err(KeyringError::Refused {
                what: "an earlier change of the keyring is not finished: open the centre again, which finishes it",
            });
        }
        self.below_root(&mut |_, _| ())?;
        let (next, root, unlock) = self.next_head(&head, at, &root.key, new, rng)?;
        self.replace_head(&next)?;
        if let Some(unlock) = unlock {
            self.set_unlock_key(unlock);
        }
        let epoch = root.epoch;
        self.set_root(root);
        self.wrap_anew(rng)?;
        Ok(epoch)
    }

    /// The scheme of the shares that open the keyring, and whether a passphrase does.
    ///
    /// # Errors
    /// If the head cannot be read.
    pub fn opened_by(&self) -> Result<(Option<Scheme>, bool), KeyringError> {
        let (head, _, _) = self.head()?;
        Ok((head.scheme().cloned(), head.has_passphrase()))
    }

    /// The epoch that was begun and not ended.
    ///
    /// # Errors
    /// If the head cannot be read, or does not open any more with what opened this keyring.
    pub fn pending(&self) -> Result<Option<Pending>, KeyringError> {
        let (head, _, root) = self.head()?;
        let act = head.act(&self.dir.join(head::FILE), &root.key)?;
        let epoch = root.epoch;
        self.set_root(root);
        Ok(act.map(|act| Pending {
            epoch,
            act: Zeroizing::new(act),
        }))
    }

    /// Finishes what a crash left half written in the segments, so that slots say what they are to say.
    ///
    /// # Errors
    /// If the disk fails; it can be called again.
    pub fn finish_writes(&self) -> Result<(), KeyringError> {
        let _lock = self.lock()?;
        self.settle()
    }

    /// Ends a pending epoch: what is still wrapped by the former root key is wrapped anew, and the former root key is
    /// forgotten. Durable on return; without a pending epoch nothing is done.
    ///
    /// # Errors
    /// As [`Keyring::begin_epoch`]; it can be called again.
    pub fn end_epoch(&self, rng: &dyn Random) -> Result<(), KeyringError> {
        let _lock = self.lock()?;
        self.settle()?;
        let (mut head, _, root) = self.head()?;
        if head.pending.is_none() {
            return Ok(());
        }
        self.set_root(root);
        self.wrap_anew(rng)?;
        head.pending = None;
        self.replace_head(&head)?;
        let (_, _, root) = self.head()?;
        self.set_root(root);
        Ok(())
    }

    /// A new epoch from beginning to end, for an act that needs no event.
    ///
    /// # Errors
    /// As [`Keyring::begin_epoch`].
    pub fn rotate(&self, new: &NewEpoch<'_>, rng: &dyn Random) -> Result<u32, KeyringError> {
        let epoch = self.begin_epoch(new, rng)?;
        self.end_epoch(rng)?;
        Ok(epoch)
    }

    /// Wraps keys anew where they lie, by other parents or locks, in the present epoch. Durable on return. A crash
    /// leaves each of them as it was or as it is to be.
    ///
    /// # Errors
    /// As [`Keyring::open_key`] for each of them, and for its parent, before anything is written.
    pub fn rewrap(&self, keys: &[Rewrap<'_>], rng: &dyn Random) -> Result<(), KeyringError> {
        let _lock = self.lock()?;
        self.settle()?;
        let mut slots = Slots::default();
        for key in keys {
            let found = self.find(key.number)?;
            let secret = self.open_key(key.number)?;
            let (epoch, root) = self.present_root();
            let parent = match key.parent {
                0 => root,
                parent => self.scope_key(parent, 0)?,
            };
            let info = SlotInfo {
                lock: key.desk.map_or(Lock::Parent, |_| Lock::ParentAndDesk),
                epoch,
                parent: key.parent,
                ..found.info
            };
            let by = wrap::wrapping_key(&parent, key.desk);
            let mut bytes = [0; slot::LEN];
            wrap::seal(
                &self.id,
                key.number,
                &info,
                &secret,
                &by,
                salt(rng),
                &mut bytes,
            );
            slots.add(key.number, bytes);
        }
        self.write_slots(slots)?;
        for key in keys {
            self.keep_desk(key.number, key.desk);
        }
        self.forget_opened();
        Ok(())
    }

    /// Locks `to`, a scope key just made, with the desk's key that was brought for `from`, and below the same parent.
    ///
    /// # Errors
    /// [`KeyringError::Locked`] if no desk's key was brought; as [`Keyring::rewrap`].
    pub fn pass_lock_on(
        &self,
        from: KeyNumber,
        to: KeyNumber,
        rng: &dyn Random,
    ) -> Result<(), KeyringError> {
        let parent = self.slot_info(from)?.parent;
        let desk = self
            .brought(from)
            .ok_or(KeyringError::Locked { number: from })?;
        let lock = Rewrap {
            number: to,
            parent,
            desk: Some(&desk),
        };
        self.rewrap(&[lock], rng)
    }

    /// Every live scope key with what is known of it, in order.
    ///
    /// # Errors
    /// If a segment is missing or cannot be read; a damaged slot that may be a scope key's is one.
    pub fn scopes(&self) -> Result<Vec<(KeyNumber, SlotInfo)>, KeyringError> {
        let mut scopes = Vec::new();
        self.each_scope(&mut |number, found| {
            if found.info.kind == Kind::Scope {
                scopes.push((number, found.info));
            }
        })?;
        Ok(scopes)
    }

    /// The numbers of every live secret of this label, in order.
    ///
    /// # Errors
    /// As [`Keyring::scopes`].
    pub fn secrets_of(&self, label: &str) -> Result<Vec<KeyNumber>, KeyringError> {
        let mut numbers = Vec::new();
        self.each_scope(&mut |number, found| {
            let subject = found.info.subject.iter().copied();
            let is_it = subject.take_while(|byte| *byte != 0).eq(label.bytes());
            if found.info.kind == Kind::Secret && is_it {
                numbers.push(number);
            }
        })?;
        Ok(numbers)
    }

    /// Another program may have begun a new epoch: what this one wraps must be of it. Needs the lock.
    pub(crate) fn settle_epoch(&self) -> Result<(), KeyringError> {
        let (head, _, root) = self.head()?;
        if head.epoch != self.epoch() {
            self.set_root(root);
        }
        Ok(())
    }

    fn next_head(
        &self,
        head: &Head,
        at: usize,
        former: &RootKey,
        new: &NewEpoch<'_>,
        rng: &dyn Random,
    ) -> Result<(Head, Root, Option<Key>), KeyringError> {
        let file = self.dir.join(head::FILE);
        let Some(epoch) = head.epoch.checked_add(1) else {
            return Err(KeyringError::Refused {
                what: "the keyring has had as many epochs as its format can count",
            });
        };
        let mut key = RootKey::default();
        rng.fill(&mut key[..]);
        let mut next = Head {
            id: head.id,
            epoch,
            unlock: Vec::new(),
            pending: None,
        };
        for (i, entry) in head.unlock.iter().enumerate() {
            let stays = match (new.unlock, &entry.how) {
                (Unlocking::Same, _) => true,
                (
                    Unlocking::Shares {
                        keep_passphrase, ..
                    },
                    How::Passphrase { .. },
                ) => keep_passphrase,
                (Unlocking::Passphrase { keep_shares, .. }, How::Shares(_)) => keep_shares,
                _ => false,
            };
            if !stays {
                continue;
            }
            let unlock = match entry.unlock_key(&file, head.place(), former)? {
                Some(unlock) => unlock,
                None if i == at => self.unlock_key(),
                None => {
                    return Err(KeyringError::Refused {
                        what: "the passphrase was changed while this program had the keyring open: start again with the new one",
                    });
                }
            };
            let how = entry.how.clone();
            let entry = Entry::new(how, &unlock, next.place(), &key, true, rng);
            next.unlock.push(entry);
        }
        let fresh = match new.unlock {
            Unlocking::Same => None,
            Unlocking::Shares { sharing, .. } => {
                Some((How::Shares(sharing.scheme().clone()), sharing.key().clone()))
            }
            Unlocking::Passphrase {
                passphrase, params, ..
            } => {
                refuse_empty(passphrase)?;
                Some(How::passphrase(passphrase, params, rng)?)
            }
        };
        if let Some((how, unlock)) = &fresh {
            let entry = Entry::new(how.clone(), unlock, next.place(), &key, true, rng);
            next.unlock.push(entry);
        }
        let seal = |label: &str, clear: &[u8]| {
            let context = next.place().context(label);
            comity_seal::seal(&Key::new(*key), salt(rng), &context, clear)
        };
        next.pending = Some(Sealed {
            act: seal("comity/act/v1\n", new.act),
            former: seal("comity/former/v1\n", &former[..]),
        });
        let root = Root {
            epoch,
            key,
            former: Some(former.clone()),
        };
        Ok((next, root, fresh.map(|(_, key)| key)))
    }

    /// Wraps what the former root key wraps by the present one.
    fn wrap_anew(&self, rng: &dyn Random) -> Result<(), KeyringError> {
        let (epoch, root) = self.present_root();
        let by = Key::new(*root);
        let mut late = Vec::new();
        self.below_root(&mut |number, found| {
            if found.info.epoch < epoch {
                late.push((number, found));
            }
        })?;
        let mut slots = Slots::default();
        for (number, found) in late {
            if found.info.lock == Lock::ParentAndDesk {
                let what = "it is locked by a desk and right below the root key, where nothing locked may be";
                return Err(self.damaged_slot(number, what));
            }
            let former = self.key_above(number, &found.info, 0)?;
            let secret = self.open_wrapped(number, &found, &former)?;
            let info = SlotInfo {
                epoch,
                ..found.info
            };
            let mut bytes = [0; slot::LEN];
            wrap::seal(&self.id, number, &info, &secret, &by, salt(rng), &mut bytes);
            slots.add(number, bytes);
        }
        self.write_slots(slots)?;
        self.forget_opened();
        Ok(())
    }

    fn write_slots(&self, slots: Slots) -> Result<(), KeyringError> {
        for (segment, changes) in slots.0 {
            let path = segment::path(&self.dir, segment);
            let Some(old) = self.disk.read(&path)? else {
                return Err(damaged(&path, "all of it", "the file is missing"));
            };
            let mut new = old.clone();
            for (at, bytes) in changes {
                let begin = usize::try_from(segment::offset(at)).unwrap_or(usize::MAX);
                let place = begin..begin.saturating_add(slot::LEN);
                if let Some(slot) = new.get_mut(place) {
                    slot.copy_from_slice(&bytes);
                }
            }
            self.stop_on_failure(self.replace(segment, &old, &new))?;
        }
        Ok(())
    }

    /// Every live key right below the root.
    fn below_root(&self, seen: &mut dyn FnMut(KeyNumber, Found)) -> Result<(), KeyringError> {
        self.each_scope(&mut |number, found| {
            if found.info.parent == 0 {
                seen(number, found);
            }
        })
    }

    /// Every live key that is a scope key or right below the root. A slot that says it is one and is damaged is an error.
    fn each_scope(&self, seen: &mut dyn FnMut(KeyNumber, Found)) -> Result<(), KeyringError> {
        let last = segment::list(&self.disk, &self.dir)?.segments.pop();
        for segment in last.map_or(0..0, |last| 0..last.saturating_add(1)) {
            let path = segment::path(&self.dir, segment);
            let Some(open) = Segment::open(&self.disk, &self.dir, segment)? else {
                return Err(damaged(&path, "all of it", "the file is missing"));
            };
            let mut at = 0;
            while at < open.slots {
                let count = segment::BLOCK.min(open.slots - at);
                let block = open.block(at, count)?;
                for (number, bytes) in (segment::first_number(segment) + at..).zip(&block) {
                    let is_item = bytes[1] == 2 && slot::parent_unchecked(bytes) != 0;
                    if is_item || slot::is_unused(bytes) {
                        continue;
                    }
                    match slot::parse(&self.id, number, bytes) {
                        Ok(Some(info)) if info.state == State::Live => seen(
                            number,
                            Found {
                                bytes: *bytes,
                                info,
                            },
                        ),
                        Ok(_) => {}
                        Err(what) => return Err(damaged(&path, &place(number), what)),
                    }
                }
                at += count;
            }
        }
        Ok(())
    }
}

/// Slots to be written, by segment and place.
#[derive(Default)]
struct Slots(BTreeMap<u32, HashMap<u64, slot::Bytes>>);

impl Slots {
    fn add(&mut self, number: KeyNumber, bytes: slot::Bytes) {
        if let Some((segment, at)) = segment::locate(number) {
            self.0.entry(segment).or_default().insert(at, bytes);
        }
    }
}
