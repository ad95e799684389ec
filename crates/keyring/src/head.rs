//! The head: which keyring this is, and the root key under each passphrase (`docs/format/keyring.md`, *Head*).

use std::path::Path;

use comity_core::json::{Map, Value, canonical, parse};
use comity_core::{Digest, Random, hex, unhex};
use comity_seal::{Key, SealError};
use zeroize::Zeroizing;

use crate::error::KeyringError;
use crate::unlock::{Argon2Params, unlock_key};

/// The head's name in the keyring's folder.
pub(crate) const FILE: &str = "head";
const FORMAT: &str = "comity-keyring-1";
/// No head is longer; in bytes.
const MAX_LEN: usize = 65_536;
/// The root key, sealed; in bytes.
const WRAP_LEN: usize = 104;

/// The root key, in memory only.
pub(crate) type RootKey = Zeroizing<[u8; 32]>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) id: [u8; 16],
    pub(crate) epoch: u32,
    pub(crate) unlock: Vec<Unlock>,
}

/// The root key under one passphrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unlock {
    params: Argon2Params,
    salt: [u8; 16],
    wrap: Vec<u8>,
}

impl Head {
    /// The root key under `passphrase`.
    pub(crate) fn wrap_root(
        id: &[u8; 16],
        epoch: u32,
        root: &RootKey,
        passphrase: &str,
        params: Argon2Params,
        rng: &dyn Random,
    ) -> Result<Unlock, KeyringError> {
        let (mut salt, mut seal_salt) = ([0; 16], [0; 24]);
        rng.fill(&mut salt);
        rng.fill(&mut seal_salt);
        let key = unlock_key(passphrase, &salt, params)?;
        let wrap = comity_seal::seal(&key, seal_salt, &context(id, epoch), &root[..]);
        Ok(Unlock { params, salt, wrap })
    }

    /// Opens the root key; also says which of `unlock` the passphrase fits.
    pub(crate) fn open_root(
        &self,
        file: &Path,
        passphrase: &str,
    ) -> Result<(usize, RootKey), KeyringError> {
        for (at, unlock) in self.unlock.iter().enumerate() {
            let key: Key = unlock_key(passphrase, &unlock.salt, unlock.params)?;
            match comity_seal::open(&key, &context(&self.id, self.epoch), &unlock.wrap) {
                Ok(clear) => {
                    let clear = Zeroizing::new(clear);
                    let mut root = RootKey::default();
                    if clear.len() != root.len() {
                        return Err(damaged(file, "line 1", "its wrap does not hold a root key"));
                    }
                    root.copy_from_slice(&clear);
                    return Ok((at, root));
                }
                Err(SealError::WrongKey) => {}
                Err(error) => {
                    return Err(damaged(
                        file,
                        "line 1",
                        &format!("its wrap is broken: {error}"),
                    ));
                }
            }
        }
        Err(KeyringError::WrongPassphrase)
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, KeyringError> {
        let unlock: Vec<Value> = self.unlock.iter().map(Unlock::to_json).collect();
        let mut members = Map::new();
        members.insert("epoch".into(), self.epoch.into());
        members.insert("format".into(), FORMAT.into());
        members.insert("id".into(), hex(&self.id).into());
        members.insert("unlock".into(), unlock.into());
        let mut bytes = canonical(&Value::Object(members)).map_err(|_| KeyringError::Refused {
            what: "the head of the keyring cannot be written as canonical JSON",
        })?;
        let digest = Digest::of(&bytes);
        bytes.push(b'\n');
        bytes.extend_from_slice(hex(&digest.0).as_bytes());
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Reads a head. Every changed byte is damage, whatever the passphrase.
    pub(crate) fn parse(file: &Path, bytes: &[u8]) -> Result<Head, KeyringError> {
        if bytes.len() > MAX_LEN {
            return Err(damaged(file, "its end", "it is longer than any head"));
        }
        let Some((line, rest)) = split_line(bytes) else {
            return Err(damaged(
                file,
                "line 1",
                "the line has no end: the file was cut short",
            ));
        };
        let Some((sum, [])) = split_line(rest) else {
            return Err(damaged(
                file,
                "line 2",
                "it is not one digest and a newline",
            ));
        };
        if hex(&Digest::of(line).0).as_bytes() != sum {
            return Err(damaged(
                file,
                "line 1",
                "the line does not match its digest on line 2",
            ));
        }
        let value = parse(line)
            .map_err(|error| damaged(file, "line 1", &format!("it is not JSON: {error}")))?;
        if !canonical(&value).is_ok_and(|again| again == line) {
            return Err(damaged(file, "line 1", "it is not canonical JSON"));
        }
        match value.get("format").and_then(Value::as_str) {
            Some(FORMAT) => {}
            other => {
                return Err(KeyringError::Unsupported {
                    file: file.to_path_buf(),
                    what: format!("its format is {}", other.unwrap_or("not named")),
                });
            }
        }
        Self::from_json(&value).ok_or_else(|| KeyringError::Unsupported {
            file: file.to_path_buf(),
            what: "it has members that this program does not know, or lacks some".into(),
        })
    }

    fn from_json(value: &Value) -> Option<Head> {
        let members = value.as_object().filter(|members| members.len() == 4)?;
        let unlock: Vec<Unlock> = members
            .get("unlock")?
            .as_array()?
            .iter()
            .map(Unlock::from_json)
            .collect::<Option<_>>()?;
        Some(Head {
            id: fixed(members.get("id")?)?,
            epoch: u32::try_from(members.get("epoch")?.as_u64()?).ok()?,
            unlock: Some(unlock).filter(|list| !list.is_empty())?,
        })
    }
}

impl Unlock {
    fn to_json(&self) -> Value {
        let mut argon2id = Map::new();
        argon2id.insert("lanes".into(), self.params.lanes.into());
        argon2id.insert("memory_kib".into(), self.params.memory_kib.into());
        argon2id.insert("passes".into(), self.params.passes.into());
        argon2id.insert("salt".into(), hex(&self.salt).into());
        let mut members = Map::new();
        members.insert("argon2id".into(), Value::Object(argon2id));
        members.insert("kind".into(), "passphrase".into());
        members.insert("wrap".into(), hex(&self.wrap).into());
        Value::Object(members)
    }

    fn from_json(value: &Value) -> Option<Unlock> {
        let members = value.as_object().filter(|members| members.len() == 3)?;
        if members.get("kind")?.as_str()? != "passphrase" {
            return None;
        }
        let argon2id = members
            .get("argon2id")?
            .as_object()
            .filter(|members| members.len() == 4)?;
        let number = |name: &str| u32::try_from(argon2id.get(name)?.as_u64()?).ok();
        let params = Argon2Params {
            memory_kib: number("memory_kib")?,
            passes: number("passes")?,
            lanes: number("lanes")?,
        };
        let wrap = unhex(members.get("wrap")?.as_str()?)?;
        Some(Unlock {
            params: Some(params).filter(|params| params.is_sane())?,
            salt: fixed(argon2id.get("salt")?)?,
            wrap: Some(wrap).filter(|wrap| wrap.len() == WRAP_LEN)?,
        })
    }
}

pub(crate) fn damaged(file: &Path, place: &str, what: &str) -> KeyringError {
    KeyringError::Damaged {
        file: file.to_path_buf(),
        place: place.into(),
        what: what.into(),
    }
}

fn context(id: &[u8; 16], epoch: u32) -> Vec<u8> {
    [&b"comity/root/v1\n"[..], id, &epoch.to_be_bytes()].concat()
}

fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

fn fixed<const N: usize>(value: &Value) -> Option<[u8; N]> {
    unhex(value.as_str()?)?.try_into().ok()
}
