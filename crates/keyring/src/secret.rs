//! Secrets in memory: wiped when dropped, never printed.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use comity_core::id::MemberCode;
use comity_core::{Digest, Random, Sha256Hasher, hex, unhex};
use zeroize::{Zeroize, Zeroizing};

use crate::error::{KeyNumber, KeyringError};

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

    /// A new key of a desk.
    pub fn random(rng: &dyn Random) -> Self {
        let mut bytes = [0; 32];
        rng.fill(&mut bytes);
        Self(bytes)
    }

    /// The file that a desk keeps: `docs/format/keyring.md`, *A desk's key*.
    pub fn to_file(&self, member: &MemberCode) -> Zeroizing<String> {
        let line = Zeroizing::new(format!("{DESK_FORMAT} {member} {}", &*hex_of(&self.0)));
        Zeroizing::new(format!("{} {}\n", &*line, sum_of(&line)))
    }

    /// Reads the file that a desk keeps.
    ///
    /// # Errors
    /// [`KeyringError::DeskFile`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<(MemberCode, DeskKey), KeyringError> {
        let wrong = |what| KeyringError::DeskFile { what };
        let line = text.trim_end();
        let (said, sum) = line
            .rsplit_once(' ')
            .filter(|_| line.starts_with(DESK_FORMAT))
            .ok_or(wrong("it is not the file of a desk's key"))?;
        if sum_of(said) != sum {
            return Err(wrong(
                "its checksum does not fit: a part of it was changed or cut off",
            ));
        }
        let mut parts = said.split(' ').skip(1);
        let member = parts.next().and_then(|m| m.parse().ok());
        let key = parts.next().and_then(unhex).map(Zeroizing::new);
        let key = key.and_then(|key| <[u8; 32]>::try_from(&key[..]).ok());
        match (member, key, parts.next()) {
            (Some(member), Some(key), None) => Ok((member, DeskKey(key))),
            _ => Err(wrong("it does not name a member and a key of 32 bytes")),
        }
    }

    /// What names this key and tells nothing of it: `docs/format/keyring.md`, *A desk's key*.
    pub fn fingerprint(&self) -> Digest {
        let mut hasher = Sha256Hasher::new();
        hasher.update(b"comity/desk-key/v1\n");
        hasher.update(&self.0);
        hasher.finish()
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

const DESK_FORMAT: &str = "comity-desk-key-1";

fn hex_of(bytes: &[u8; 32]) -> Zeroizing<String> {
    Zeroizing::new(hex(bytes))
}

fn sum_of(line: &str) -> String {
    hex(&Digest::of(line.as_bytes()).0[..8])
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
