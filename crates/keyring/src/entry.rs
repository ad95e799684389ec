//! One way to open the root key: an entry of the head's `unlock` (`docs/format/keyring.md`, *Head*).

use std::path::Path;

use comity_core::json::{Map, Value};
use comity_core::{Random, hex, unhex};
use comity_seal::{Key, SealError};
use zeroize::Zeroizing;

use crate::error::KeyringError;
use crate::head::{RootKey, damaged, fixed};
use crate::scheme::Scheme;
use crate::unlock::{Argon2Params, unlock_key};

/// 32 bytes, sealed; in bytes.
pub(crate) const WRAP_LEN: usize = 104;

/// The root key under one unlock key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) how: How,
    wrap: Vec<u8>,
    /// The unlock key under the root key; entries of the first epoch have none.
    again: Option<Vec<u8>>,
}

/// Where the unlock key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Passphrase {
        params: Argon2Params,
        salt: [u8; 16],
    },
    Shares(Scheme),
}

impl How {
    /// A passphrase with a fresh salt, and its unlock key.
    pub(crate) fn passphrase(
        passphrase: &str,
        params: Argon2Params,
        rng: &dyn Random,
    ) -> Result<(How, Key), KeyringError> {
        let mut salt = [0; 16];
        rng.fill(&mut salt);
        let key = unlock_key(passphrase, &salt, params)?;
        Ok((How::Passphrase { params, salt }, key))
    }

    fn to_json(&self, members: &mut Map<String, Value>) {
        match self {
            How::Passphrase { params, salt } => {
                let mut argon2id = Map::new();
                argon2id.insert("lanes".into(), params.lanes.into());
                argon2id.insert("memory_kib".into(), params.memory_kib.into());
                argon2id.insert("passes".into(), params.passes.into());
                argon2id.insert("salt".into(), hex(salt).into());
                members.insert("argon2id".into(), Value::Object(argon2id));
                members.insert("kind".into(), "passphrase".into());
            }
            How::Shares(scheme) => scheme.to_json(members),
        }
    }
}

/// Which head an entry belongs to.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) id: &'a [u8; 16],
    pub(crate) epoch: u32,
}

impl Place<'_> {
    pub(crate) fn context(&self, label: &str) -> Vec<u8> {
        [label.as_bytes(), self.id, &self.epoch.to_be_bytes()].concat()
    }
}

impl Entry {
    /// The root key under `key`. With `again` the entry can be made anew for the next root key.
    pub(crate) fn new(
        how: How,
        key: &Key,
        place: Place<'_>,
        root: &RootKey,
        again: bool,
        rng: &dyn Random,
    ) -> Entry {
        let wrap = comity_seal::seal(
            key,
            salt(rng),
            &place.context("comity/root/v1\n"),
            &root[..],
        );
        let again = again.then(|| {
            let context = again_context(place, &wrap);
            comity_seal::seal(&Key::new(**root), salt(rng), &context, key.bytes())
        });
        Entry { how, wrap, again }
    }

    /// The root key, or `None` if `key` is another entry's.
    pub(crate) fn open(
        &self,
        file: &Path,
        place: Place<'_>,
        key: &Key,
    ) -> Result<Option<RootKey>, KeyringError> {
        let context = place.context("comity/root/v1\n");
        match comity_seal::open(key, &context, &self.wrap) {
            Ok(clear) => thirty_two(file, clear).map(Some),
            Err(SealError::WrongKey) => Ok(None),
            Err(error) => Err(damaged(
                file,
                "line 1",
                &format!("its wrap is broken: {error}"),
            )),
        }
    }

    /// The unlock key, by the root key; `None` for an entry that does not have it.
    pub(crate) fn unlock_key(
        &self,
        file: &Path,
        place: Place<'_>,
        root: &RootKey,
    ) -> Result<Option<Key>, KeyringError> {
        let Some(again) = &self.again else {
            return Ok(None);
        };
        let context = again_context(place, &self.wrap);
        match comity_seal::open(&Key::new(**root), &context, again) {
            Ok(clear) => Ok(Some(Key::new(*thirty_two(file, clear)?))),
            Err(error) => Err(damaged(
                file,
                "line 1",
                &format!("an unlock key under the root key is broken: {error}"),
            )),
        }
    }

    /// Whether the entry can be made anew for the next root key without its passphrase or shares.
    pub(crate) fn has_again(&self) -> bool {
        self.again.is_some()
    }

    pub(crate) fn to_json(&self) -> Value {
        let mut members = Map::new();
        if let Some(again) = &self.again {
            members.insert("again".into(), hex(again).into());
        }
        self.how.to_json(&mut members);
        members.insert("wrap".into(), hex(&self.wrap).into());
        Value::Object(members)
    }

    pub(crate) fn from_json(value: &Value) -> Option<Entry> {
        let members = value.as_object()?;
        let again = match members.get("again") {
            Some(again) => Some(sealed_32(again)?),
            None => None,
        };
        let wrap = sealed_32(members.get("wrap")?)?;
        let own = members.len().checked_sub(2)? - usize::from(again.is_some());
        let how = match members.get("kind")?.as_str()? {
            "passphrase" if own == 1 => passphrase_from_json(members.get("argon2id")?)?,
            "shares" if own == 3 => How::Shares(Scheme::from_json(members)?),
            _ => return None,
        };
        Some(Entry { how, wrap, again })
    }
}

fn passphrase_from_json(value: &Value) -> Option<How> {
    let argon2id = value.as_object().filter(|members| members.len() == 4)?;
    let number = |name: &str| u32::try_from(argon2id.get(name)?.as_u64()?).ok();
    let params = Argon2Params {
        memory_kib: number("memory_kib")?,
        passes: number("passes")?,
        lanes: number("lanes")?,
    };
    Some(How::Passphrase {
        params: Some(params).filter(Argon2Params::is_sane)?,
        salt: fixed(argon2id.get("salt")?)?,
    })
}

fn again_context(place: Place<'_>, wrap: &[u8]) -> Vec<u8> {
    [&place.context("comity/unlock/v1\n")[..], wrap].concat()
}

/// A fresh salt of a seal.
pub(crate) fn salt(rng: &dyn Random) -> [u8; 24] {
    let mut salt = [0; 24];
    rng.fill(&mut salt);
    salt
}

pub(crate) fn sealed_32(value: &Value) -> Option<Vec<u8>> {
    unhex(value.as_str()?).filter(|bytes| bytes.len() == WRAP_LEN)
}

pub(crate) fn thirty_two(file: &Path, clear: Vec<u8>) -> Result<RootKey, KeyringError> {
    let clear = Zeroizing::new(clear);
    let mut key = RootKey::default();
    if clear.len() != key.len() {
        return Err(damaged(file, "line 1", "a seal of it does not hold a key"));
    }
    key.copy_from_slice(&clear);
    Ok(key)
}
