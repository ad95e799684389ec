//! A small cache of opened scope keys.
//!
//! Another process may destroy a key at any moment, so the slot is read before the cache is asked,
//! and only the same bytes of the slot give the same secret.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::KeyNumber;
use crate::secret::Secret;
use crate::slot;

/// Opened keys that are kept.
const CAPACITY: usize = 512;

#[derive(Default)]
pub(crate) struct Cache {
    entries: HashMap<KeyNumber, Entry>,
    clock: u64,
}

struct Entry {
    slot: slot::Bytes,
    secret: Arc<Secret>,
    used: u64,
}

impl Cache {
    pub(crate) fn get(&mut self, number: KeyNumber, slot: &slot::Bytes) -> Option<Arc<Secret>> {
        self.clock += 1;
        let entry = self
            .entries
            .get_mut(&number)
            .filter(|entry| entry.slot == *slot)?;
        entry.used = self.clock;
        Some(Arc::clone(&entry.secret))
    }

    pub(crate) fn put(&mut self, number: KeyNumber, slot: slot::Bytes, secret: Arc<Secret>) {
        if self.entries.len() >= CAPACITY && !self.entries.contains_key(&number) {
            let oldest = self
                .entries
                .iter()
                .min_by_key(|(_, entry)| entry.used)
                .map(|(n, _)| *n);
            oldest.and_then(|number| self.entries.remove(&number));
        }
        self.clock += 1;
        self.entries.insert(
            number,
            Entry {
                slot,
                secret,
                used: self.clock,
            },
        );
    }

    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}
