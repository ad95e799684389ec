//! The centre's keys by what they are for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use comity_core::random::Random;
use comity_keyring::{Keyring, KeyringError, Kind, NewKey, Secret};
use comity_seal::Key;

use crate::error::{AppError, Result};
use crate::event::NumberedKey;

/// Key number of the centre's scope: the first key of every keyring.
pub const CENTRE_KEY: u64 = 1;
/// Key number of the log's signing seeds.
pub const LOG_KEY: u64 = 2;
/// Key number of the key of the SQLite file.
pub const STATE_KEY: u64 = 3;

/// Gives the index key of a scope, which keys the tags of its rows.
pub trait ScopeKeys {
    /// The second half of the scope's secret.
    fn index_key(&self, number: u64) -> Result<[u8; 32]>;

    /// The secret of a chain's own key, or `None` when it has been destroyed.
    fn item_secret(&self, number: u64) -> Result<Option<Secret>>;
}

/// A key waits for its member's desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locked;

/// Keys that lie closer than this are read in one go.
const NEIGHBOURS: u64 = 16;

/// Item keys that were opened together; `None` for those that were destroyed.
#[derive(Default)]
pub struct ItemKeys(HashMap<u64, Option<Secret>>);

impl ItemKeys {
    /// The numbers of those that opened.
    pub fn opened(&self) -> impl Iterator<Item = u64> {
        let opened = self.0.iter().filter(|(_, secret)| secret.is_some());
        opened.map(|(number, _)| *number)
    }

    /// The secret of a chain's own key, or `None` when it has been destroyed.
    pub fn get(&self, keys: &Keys, number: u64) -> Result<Option<Secret>> {
        match self.0.get(&number) {
            Some(secret) => Ok(secret.clone()),
            None => keys.item(number),
        }
    }
}

/// The opened keyring of a centre. Scope keys stay in memory once used; item keys are read when needed.
pub struct Keys {
    ring: Keyring,
    random: Arc<dyn Random>,
    scopes: Mutex<HashMap<u64, Secret>>,
    /// Whose desk a locked key waits for.
    desks: Mutex<HashMap<u64, String>>,
}

impl Keys {
    /// Takes over an opened keyring.
    pub fn new(ring: Keyring, random: Arc<dyn Random>) -> Keys {
        Keys {
            ring,
            random,
            scopes: Mutex::new(HashMap::new()),
            desks: Mutex::default(),
        }
    }

    /// The keyring itself, for what is not an everyday act.
    pub fn ring(&self) -> &Keyring {
        &self.ring
    }

    /// Remembers whose desk a locked key waits for, so that errors can say it.
    pub(crate) fn waits_for(&self, number: u64, member: &str) {
        let mut desks = self.desks.lock().unwrap_or_else(PoisonError::into_inner);
        desks.insert(number, member.to_owned());
    }

    fn named(&self, error: KeyringError) -> AppError {
        match error {
            KeyringError::Locked { number } => {
                let desks = self.desks.lock().unwrap_or_else(PoisonError::into_inner);
                AppError::Locked {
                    number,
                    member: desks.get(&number).cloned(),
                }
            }
            error => error.into(),
        }
    }

    /// The secret of a scope key.
    pub fn scope(&self, number: u64) -> Result<Secret> {
        let mut scopes = self.scopes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secret) = scopes.get(&number) {
            return Ok(secret.clone());
        }
        let secret = self.ring.open_key(number).map_err(|e| self.named(e))?;
        scopes.insert(number, secret.clone());
        Ok(secret)
    }

    /// A scope key, ready to seal custody sections.
    pub fn scope_key(&self, number: u64) -> Result<NumberedKey> {
        Ok(NumberedKey {
            number,
            key: Key::new(self.scope(number)?.first),
        })
    }

    /// The secret of a chain's own key, or `None` when it has been destroyed.
    pub fn item(&self, number: u64) -> Result<Option<Secret>> {
        match self.ring.open_key(number) {
            Ok(secret) => Ok(Some(secret)),
            Err(comity_keyring::KeyringError::Destroyed { .. }) => Ok(None),
            Err(e) => Err(self.named(e)),
        }
    }

    /// As [`Keys::item`]; `Err(Locked)` inside while the key waits for a member's desk.
    pub fn item_unless_locked(
        &self,
        number: u64,
    ) -> Result<std::result::Result<Option<Secret>, Locked>> {
        match self.item(number) {
            Err(AppError::Locked { .. }) => Ok(Err(Locked)),
            other => other.map(Ok),
        }
    }

    /// The secrets of many chains' own keys. Neighbours are read and opened together, which is most of what a run over
    /// the ledger asks for.
    pub fn items(&self, numbers: impl Iterator<Item = u64>) -> Result<ItemKeys> {
        let mut numbers: Vec<u64> = numbers.filter(|n| *n != 0).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let mut opened = HashMap::with_capacity(numbers.len());
        for run in numbers.chunk_by(|a, b| b - a < NEIGHBOURS) {
            let [first, .., last] = run else { continue };
            let range = self.ring.open_range(*first, (last - first + 1) as usize)?;
            let wanted = |n: &u64| run.binary_search(n).is_ok();
            opened.extend((*first..).zip(range).filter(|(n, _)| wanted(n)).filter_map(
                |(number, key)| match key {
                    Ok(secret) => Some((number, Some(secret))),
                    Err(comity_keyring::KeyringError::Destroyed { .. }) => Some((number, None)),
                    // Asked for again by itself, it says what is wrong.
                    Err(_) => None,
                },
            ));
        }
        Ok(ItemKeys(opened))
    }

    /// Appends one key under a scope; durable on return.
    pub fn add(&self, kind: Kind, parent: u64, subject: [u8; 16], secret: &Secret) -> Result<u64> {
        Ok(self
            .add_many(&[NewKey {
                kind,
                parent,
                subject,
                secret: secret.clone(),
            }])?
            .start)
    }

    /// Appends many keys in one write; durable on return. Their numbers follow each other.
    pub fn add_many(&self, keys: &[NewKey]) -> Result<std::ops::Range<u64>> {
        self.ring
            .append(keys, &*self.random)
            .map_err(|e| self.named(e))
    }
}

impl ScopeKeys for Arc<Keys> {
    fn index_key(&self, number: u64) -> Result<[u8; 32]> {
        (**self).index_key(number)
    }

    fn item_secret(&self, number: u64) -> Result<Option<Secret>> {
        (**self).item_secret(number)
    }
}

impl ScopeKeys for Keys {
    fn index_key(&self, number: u64) -> Result<[u8; 32]> {
        Ok(self.scope(number)?.second)
    }

    fn item_secret(&self, number: u64) -> Result<Option<Secret>> {
        self.item(number)
    }
}
