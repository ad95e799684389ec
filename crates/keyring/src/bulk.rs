//! Opening many keys: a block of slots is read at once, its scope keys are opened once, and all cores unwrap.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use comity_core::Finding;
use zeroize::Zeroizing;

use crate::append::threads;
use crate::error::{KeyNumber, KeyringError};
use crate::keyring::{Found, Keyring, place};
use crate::secret::Secret;
use crate::segment::{self, Segment};
use crate::slot::{self, State};

/// Opened keys, in the order of their numbers; each on its own.
pub type Opened = Vec<Result<Secret, KeyringError>>;

/// Keys that one thread opens before a second one pays.
const SHARE: usize = 500;

/// What a check of every wrap found.
#[derive(Debug, Default)]
pub struct WrapCheck {
    /// Live keys that do not open, though their slots are whole.
    pub findings: Vec<Finding>,
    /// Live keys that opened.
    pub opened: u64,
    /// Live keys that wait for a desk's key, or lie below one that does: not checked.
    pub locked: u64,
    /// Live keys below a scope that was destroyed.
    pub below_destroyed: u64,
}

impl Keyring {
    /// Opens `count` keys from `first` on, each as [`Keyring::open_key`] would. Memory: some 400 bytes a key.
    ///
    /// # Errors
    /// Only if the disk fails; what is wrong with one key is in its place of the answer.
    pub fn open_range(&self, first: KeyNumber, count: usize) -> Result<Opened, KeyringError> {
        let mut opened = Vec::with_capacity(count.min(segment::SLOTS as usize));
        let mut number = first;
        while opened.len() < count {
            let missing = count - opened.len();
            let Some((segment, at)) = segment::locate(number) else {
                opened.extend(
                    (number..)
                        .take(missing)
                        .map(|number| Err(KeyringError::NoSuchKey { number })),
                );
                break;
            };
            let wanted = (segment::SLOTS - at).min(missing as u64);
            let slots = match Segment::open(&self.disk, &self.dir, segment)? {
                Some(open) => open.block(at, wanted.min(open.slots.saturating_sub(at)))?,
                None => Vec::new(),
            };
            self.open_block(number, &slots, threads(), &mut opened);
            let read = slots.len() as u64;
            let absent = (number + read..number + wanted)
                .map(|number| Err(KeyringError::NoSuchKey { number }));
            opened.extend(absent);
            number += wanted;
        }
        Ok(opened)
    }

    fn open_block(
        &self,
        first: KeyNumber,
        slots: &[slot::Bytes],
        threads: usize,
        out: &mut Opened,
    ) {
        let parents = self.parents(slots);
        let share = slots.len().div_ceil(threads).max(SHARE);
        let open_share = |first: KeyNumber, slots: &[slot::Bytes]| -> Opened {
            (first..)
                .zip(slots)
                .map(|(number, bytes)| self.open_slot(number, bytes, &parents))
                .collect()
        };
        if slots.len() <= share {
            out.extend(open_share(first, slots));
            return;
        }
        thread::scope(|scope| {
            let open_share = &open_share;
            let running: Vec<_> = (first..)
                .step_by(share)
                .zip(slots.chunks(share))
                .map(|(first, slots)| (first, slots, scope.spawn(move || open_share(first, slots))))
                .collect();
            for (first, slots, handle) in running {
                out.extend(handle.join().unwrap_or_else(|_| open_share(first, slots)));
            }
        });
    }

    /// The wrapping keys of a block's slots, as far as they open.
    fn parents(&self, slots: &[slot::Bytes]) -> HashMap<KeyNumber, Option<Zeroizing<[u8; 32]>>> {
        let mut parents = HashMap::new();
        for bytes in slots.iter().filter(|bytes| bytes[0] == 1) {
            // The few keys right below the root are opened one by one: which root key depends on their epoch.
            let parent = slot::parent_unchecked(bytes);
            if parent != 0 {
                parents
                    .entry(parent)
                    .or_insert_with(|| self.scope_key(parent, 0).ok());
            }
        }
        parents
    }

    /// The quick way for a slot that fits and whose parent is open; else the careful one, which says what is wrong.
    fn open_slot(
        &self,
        number: KeyNumber,
        bytes: &slot::Bytes,
        parents: &HashMap<KeyNumber, Option<Zeroizing<[u8; 32]>>>,
    ) -> Result<Secret, KeyringError> {
        if let Ok(Some(info)) = slot::parse(&self.id, number, bytes)
            && info.state == State::Live
            && let Some(Some(parent)) = parents.get(&info.parent)
        {
            return self.open_wrapped(
                number,
                &Found {
                    bytes: *bytes,
                    info,
                },
                parent,
            );
        }
        self.open_key(number)
    }

    /// Opens every live key that is `wanted` on all cores and says which do not open. Damage to slots themselves is
    /// [`crate::inspect`]'s to find. `progress` is called with (numbers done, all numbers).
    ///
    /// # Errors
    /// If the folder or a segment cannot be read.
    pub fn verify_wraps(
        &self,
        wanted: &(dyn Fn(KeyNumber) -> bool + Sync),
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<WrapCheck, KeyringError> {
        let total = self.next_number()?;
        let (begun, done) = (AtomicU64::new(0), AtomicU64::new(0));
        let all = Mutex::new((WrapCheck::default(), None));
        thread::scope(|scope| {
            for _ in 0..threads() {
                scope.spawn(|| {
                    loop {
                        let first = begun.fetch_add(segment::BLOCK, Ordering::Relaxed);
                        if first >= total {
                            return;
                        }
                        let count = segment::BLOCK.min(total - first);
                        let checked = self.check_block(first, count, wanted);
                        let mut all = all.lock().unwrap_or_else(PoisonError::into_inner);
                        match checked {
                            Ok(block) => all.0.add(block),
                            Err(error) => all.1 = Some(error),
                        }
                        drop(all);
                        progress(done.fetch_add(count, Ordering::Relaxed) + count, total);
                    }
                });
            }
        });
        let (mut check, error) = all.into_inner().unwrap_or_else(PoisonError::into_inner);
        check.findings.sort();
        error.map_or(Ok(check), Err)
    }

    fn check_block(
        &self,
        first: KeyNumber,
        count: u64,
        wanted: &(dyn Fn(KeyNumber) -> bool + Sync),
    ) -> Result<WrapCheck, KeyringError> {
        let mut check = WrapCheck::default();
        if !(first..first + count).any(wanted) {
            return Ok(check);
        }
        let Some((segment, at)) = segment::locate(first) else {
            return Ok(check);
        };
        let Some(open) = Segment::open(&self.disk, &self.dir, segment)? else {
            return Ok(check);
        };
        let slots = open.block(at, count.min(open.slots.saturating_sub(at)))?;
        let parents = self.parents(&slots);
        for (number, bytes) in (first..).zip(&slots) {
            let live = wanted(number)
                && slot::parse(&self.id, number, bytes)
                    .is_ok_and(|info| info.is_some_and(|info| info.state == State::Live));
            if !live {
                continue;
            }
            match self.open_slot(number, bytes, &parents) {
                Ok(_) => check.opened += 1,
                Err(KeyringError::Locked { .. }) => check.locked += 1,
                Err(KeyringError::Destroyed { .. }) => check.below_destroyed += 1,
                Err(error) => {
                    let place = format!("keyring/{}, {}", segment::name(segment), place(number));
                    let what = match error {
                        KeyringError::Damaged { what, .. } => what,
                        other => other.to_string(),
                    };
                    check.findings.push(Finding::new(place, what));
                }
            }
        }
        Ok(check)
    }
}

impl WrapCheck {
    fn add(&mut self, other: WrapCheck) {
        self.findings.extend(other.findings);
        self.opened += other.opened;
        self.locked += other.locked;
        self.below_destroyed += other.below_destroyed;
    }
}
