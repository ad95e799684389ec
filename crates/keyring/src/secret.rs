//! Secrets in memory: wiped when dropped, never printed.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use comity_core::Random;
use zeroize::{Zeroize, Zeroizing};

use crate::error::KeyNumber;

/// The secret of one key: two halves of 32 bytes (`docs/format/keyring.md`, *Key number and slot*).
#[derive(Clone)]
pub struct Secret {
    /// Scope: wraps what is below and seals custody sections. Item: seals content sections. Log key: Ed25519 seed.
    pub first: [u8; 32],
    /// Scope: index key. Item: data key of the object. Log key: ML-DSA-44 seed.
    pub second: [u8; 32],
}

impl Secret {
    /// A new secret, both halves random.
    pub fn random(rng: &dyn Random) -> Self {
        let mut both = Zeroizing::new([0; 64]);
        rng.fill(&mut both[..]);
        Self::from_bytes(&both)
    }

    /// The secret whose halves are these 64 bytes.
    pub fn from_bytes(both: &[u8; 64]) -> Self {
        let mut secret = Self {
            first: [0; 32],
            second: [0; 32],
        };
        secret.first.copy_from_slice(&both[..32]);
        secret.second.copy_from_slice(&both[32..]);
        secret
    }

    /// Both halves, one after the other.
    pub fn to_bytes(&self) -> Zeroizing<[u8; 64]> {
        let mut both = Zeroizing::new([0; 64]);
        both[..32].copy_from_slice(&self.first);
        both[32..].copy_from_slice(&self.second);
        both
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.first.zeroize();
        self.second.zeroize();
    }
}

/// In constant time.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.to_bytes()[..], &other.to_bytes()[..]).is_ok()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// A key that only a member's desk brings; with it the desk locks keys of its scope. 32 random bytes.
#[derive(Clone)]
pub struct DeskKey([u8; 32]);

impl DeskKey {
    /// The desk key of these bytes, which must be uniformly random.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Drop for DeskKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for DeskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DeskKey(..)")
    }
}

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Wraps the keys below it, seals custody sections, keys the index of its scope.
    Scope,
    /// Seals the content of one chain, and its object.
    Item,
    /// A secret of the centre itself: a log key, the key of the SQLite file.
    Secret,
}

/// Whose keys a wrap needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lock {
    /// The parent's key.
    Parent,
    /// The parent's key and the desk's, together.
    ParentAndDesk,
}

/// A key to be appended.
#[derive(Debug)]
pub struct NewKey {
    /// What it is for.
    pub kind: Kind,
    /// The scope key that wraps it; 0 is the root key.
    pub parent: KeyNumber,
    /// The chain id of its item, case, member or centre; for [`Kind::Secret`] an ASCII label padded with zero.
    pub subject: [u8; 16],
    /// What it keeps.
    pub secret: Secret,
}
