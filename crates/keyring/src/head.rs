//! The head: which keyring this is, and the root key under each way to open it (`docs/format/keyring.md`, *Head*).

use std::path::Path;

use comity_core::json::{Map, Value, canonical, parse};
use comity_core::{Digest, hex, unhex};
use comity_seal::Key;
use zeroize::Zeroizing;

use crate::entry::{Entry, How, Place, sealed_32, thirty_two};
use crate::error::KeyringError;
use crate::scheme::{Scheme, SharesKey};
use crate::slip39::Gathering;
use crate::unlock::unlock_key;

/// The head's name in the keyring's folder.
pub(crate) const FILE: &str = "head";
const FORMAT: &str = "comity-keyring-1";
/// No head is longer; in bytes.
const MAX_LEN: usize = 65_536;
/// The longest `act`, sealed; in bytes.
const MAX_ACT: usize = 8192;

/// The root key, in memory only.
pub(crate) type RootKey = Zeroizing<[u8; 32]>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) id: [u8; 16],
    pub(crate) epoch: u32,
    pub(crate) unlock: Vec<Entry>,
    /// While a new epoch is being made.
    pub(crate) pending: Option<Sealed>,
}

/// What only the root key opens of a pending epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) act: Vec<u8>,
    pub(crate) former: Vec<u8>,
}

/// What the head opens to.
pub(crate) struct Root {
    pub(crate) epoch: u32,
    pub(crate) key: RootKey,
    /// The root key of the epoch before, while slots may still be wrapped by it.
    pub(crate) former: Option<RootKey>,
}

/// How the root key is to be opened.
#[derive(Clone, Copy, Debug)]
pub enum Means<'a> {
    /// A passphrase.
    Passphrase(&'a str),
    /// What shares came to.
    Shares(&'a SharesKey),
    /// Shares that were gathered.
    Gathered(&'a Gathering),
}

impl<'a> From<&'a SharesKey> for Means<'a> {
    fn from(key: &'a SharesKey) -> Self {
        Means::Shares(key)
    }
}

impl<'a> From<&'a str> for Means<'a> {
    fn from(passphrase: &'a str) -> Self {
        Means::Passphrase(passphrase)
    }
}

impl<'a> From<&'a String> for Means<'a> {
    fn from(passphrase: &'a String) -> Self {
        Means::Passphrase(passphrase)
    }
}

impl Head {
    pub(crate) fn place(&self) -> Place<'_> {
        Place {
            id: &self.id,
            epoch: self.epoch,
        }
    }

    /// Opens the root key; also gives the unlock key, and which of `unlock` it fits.
    pub(crate) fn open(
        &self,
        file: &Path,
        by: Means<'_>,
    ) -> Result<(usize, Key, Root), KeyringError> {
        let gathered = match by {
            Means::Gathered(shares) => {
                let key = SharesKey::gathered(shares, &self.id);
                Some(key.map_err(|misfit| KeyringError::Shares { misfit })?)
            }
            _ => None,
        };
        let by = gathered.as_ref().map_or(by, Means::Shares);
        for (at, entry) in self.unlock.iter().enumerate() {
            let key = match (by, &entry.how) {
                (Means::Passphrase(passphrase), How::Passphrase { params, salt }) => {
                    unlock_key(passphrase, salt, *params)?
                }
                (Means::Shares(key), How::Shares(_)) => key.key().clone(),
                _ => continue,
            };
            if let Some(root) = entry.open(file, self.place(), &key)? {
                return Ok((at, key, self.with_former(file, root)?));
            }
        }
        Err(match (by, self.scheme()) {
            (Means::Passphrase(_), Some(scheme)) if !self.has_passphrase() => {
                KeyringError::NeedsShares {
                    scheme: scheme.in_words(),
                }
            }
            (Means::Passphrase(_), _) => KeyringError::WrongPassphrase,
            (_, Some(_)) => KeyringError::WrongShares,
            (_, None) => KeyringError::NotShared,
        })
    }

    /// The scheme of the shares that open the root key.
    pub(crate) fn scheme(&self) -> Option<&Scheme> {
        self.unlock.iter().find_map(|entry| match &entry.how {
            How::Shares(scheme) => Some(scheme),
            How::Passphrase { .. } => None,
        })
    }

    /// Whether a passphrase opens the root key.
    pub(crate) fn has_passphrase(&self) -> bool {
        let is_one = |entry: &Entry| matches!(entry.how, How::Passphrase { .. });
        self.unlock.iter().any(is_one)
    }

    /// Opens the root key by an unlock key that opened an earlier head; `None` if none of the entries is of that key.
    pub(crate) fn open_by_key(
        &self,
        file: &Path,
        key: &Key,
    ) -> Result<Option<(usize, Root)>, KeyringError> {
        for (at, entry) in self.unlock.iter().enumerate() {
            if let Some(root) = entry.open(file, self.place(), key)? {
                return Ok(Some((at, self.with_former(file, root)?)));
            }
        }
        Ok(None)
    }

    pub(crate) fn with_former(&self, file: &Path, key: RootKey) -> Result<Root, KeyringError> {
        let former = match &self.pending {
            Some(sealed) => Some(thirty_two(
                file,
                self.open_sealed(file, &key, "comity/former/v1\n", &sealed.former)?,
            )?),
            None => None,
        };
        Ok(Root {
            epoch: self.epoch,
            key,
            former,
        })
    }

    /// What the pending epoch is for.
    pub(crate) fn act(&self, file: &Path, root: &RootKey) -> Result<Option<Vec<u8>>, KeyringError> {
        let sealed = self.pending.as_ref();
        sealed
            .map(|sealed| self.open_sealed(file, root, "comity/act/v1\n", &sealed.act))
            .transpose()
    }

    fn open_sealed(
        &self,
        file: &Path,
        root: &RootKey,
        label: &str,
        sealed: &[u8],
    ) -> Result<Vec<u8>, KeyringError> {
        comity_seal::open(&Key::new(**root), &self.place().context(label), sealed).map_err(
            |error| {
                let what = format!("what it says of the pending epoch is broken: {error}");
                damaged(file, "line 1", &what)
            },
        )
    }

    pub(crate) fn encode(&self) -> Result<Vec<u8>, KeyringError> {
        let unlock: Vec<Value> = self.unlock.iter().map(Entry::to_json).collect();
        let mut members = Map::new();
        members.insert("epoch".into(), self.epoch.into());
        members.insert("format".into(), FORMAT.into());
        members.insert("id".into(), hex(&self.id).into());
        members.insert("unlock".into(), unlock.into());
        if let Some(sealed) = &self.pending {
            let mut pending = Map::new();
            pending.insert("act".into(), hex(&sealed.act).into());
            pending.insert("former".into(), hex(&sealed.former).into());
            members.insert("pending".into(), Value::Object(pending));
        }
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
        let members = value.as_object()?;
        let pending = match members.get("pending") {
            Some(pending) => Some(Sealed::from_json(pending)?),
            None => None,
        };
        if members.len() != 4 + usize::from(pending.is_some()) {
            return None;
        }
        let unlock: Vec<Entry> = members
            .get("unlock")?
            .as_array()?
            .iter()
            .map(Entry::from_json)
            .collect::<Option<_>>()?;
        Some(Head {
            id: fixed(members.get("id")?)?,
            epoch: u32::try_from(members.get("epoch")?.as_u64()?).ok()?,
            unlock: Some(unlock).filter(|list| !list.is_empty())?,
            pending,
        })
    }
}

impl Sealed {
    fn from_json(value: &Value) -> Option<Sealed> {
        let members = value.as_object().filter(|members| members.len() == 2)?;
        let act = unhex(members.get("act")?.as_str()?)?;
        Some(Sealed {
            act: Some(act).filter(|act| act.len() <= MAX_ACT)?,
            former: sealed_32(members.get("former")?)?,
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

fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

pub(crate) fn fixed<const N: usize>(value: &Value) -> Option<[u8; N]> {
    unhex(value.as_str()?)?.try_into().ok()
}
