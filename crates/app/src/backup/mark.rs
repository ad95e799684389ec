//! `backup.json` and the list of packs (`docs/format/backup.md`).

use std::path::Path;

use comity_core::digest::{Digest, hex, unhex};
use comity_core::json::{self, Value};
use comity_store::Disk;

use crate::error::{AppError, Result};

/// The mark's name.
pub const FILE: &str = "backup.json";
const FORMAT: &str = "comity-backup-1";

/// What the mark of a whole backup says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The log's origin.
    pub origin: String,
    /// The checkpoint that it was made for, a signed note.
    pub checkpoint: String,
    /// That checkpoint's size, in events.
    pub size: u64,
    /// Its root.
    pub root: Digest,
    /// When it was made.
    pub made: String,
    /// The copy of the keyring that belongs to it.
    pub keyring: String,
    /// The name of its list of packs.
    pub packs: String,
    /// Packs that were damaged in the centre and are not in it.
    pub lacks: Vec<String>,
}

impl Mark {
    /// The mark of the backup in `to`; `None` where there is no whole one.
    pub fn read(to: &Path, disk: &Disk) -> Result<Option<Mark>> {
        let path = to.join(FILE);
        let Some(bytes) = disk.read(&path)? else {
            return Ok(None);
        };
        let broken = |what: String| AppError::damaged(path.display().to_string(), what);
        let value = json::parse(&bytes).map_err(|e| broken(e.to_string()))?;
        let text = |name: &str| {
            let found = value.get(name).and_then(Value::as_str).map(str::to_owned);
            found.ok_or_else(|| broken(format!("it says no {name}")))
        };
        let format = text("format")?;
        if format != FORMAT {
            return Err(broken(format!(
                "its format {format:?} is not one that this program knows"
            )));
        }
        let root = unhex(&text("root")?).and_then(|b| <[u8; 32]>::try_from(b).ok());
        let lacks = value.get("lacks").and_then(Value::as_array);
        Ok(Some(Mark {
            origin: text("origin")?,
            checkpoint: text("checkpoint")?,
            size: value
                .get("size")
                .and_then(Value::as_u64)
                .ok_or_else(|| broken("it says no size".to_owned()))?,
            root: Digest(root.ok_or_else(|| broken("its root is malformed".to_owned()))?),
            made: text("made")?,
            keyring: text("keyring")?,
            packs: text("packs")?,
            lacks: lacks
                .into_iter()
                .flatten()
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect(),
        }))
    }

    /// Writes it, durable on return.
    pub fn write(&self, to: &Path, disk: &Disk) -> Result<()> {
        let lacks: Vec<Value> = self.lacks.iter().map(|n| n.as_str().into()).collect();
        let value = Value::from_iter([
            ("format".to_owned(), Value::from(FORMAT)),
            ("origin".to_owned(), self.origin.as_str().into()),
            ("checkpoint".to_owned(), self.checkpoint.as_str().into()),
            ("size".to_owned(), self.size.into()),
            ("root".to_owned(), self.root.to_string().into()),
            ("made".to_owned(), self.made.as_str().into()),
            ("keyring".to_owned(), self.keyring.as_str().into()),
            ("packs".to_owned(), self.packs.as_str().into()),
            ("lacks".to_owned(), Value::Array(lacks)),
        ]);
        let mut bytes = json::canonical(&value).map_err(|e| AppError::Refused(e.to_string()))?;
        bytes.push(b'\n');
        Ok(disk.write_atomic(&to.join(FILE), &bytes)?)
    }
}

/// One pack of a backup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The digest in its trailer.
    pub digest: Digest,
    /// Its size, in bytes.
    pub size: u64,
    /// Its name.
    pub name: String,
}

/// How the names of lists begin.
pub const LIST: &str = "packs-";

/// The list as it is written, and its name.
pub fn encode_list(packs: &[Listed]) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    for pack in packs {
        let line = format!("{}  {}  {}\n", pack.digest, pack.size, pack.name);
        bytes.extend_from_slice(line.as_bytes());
    }
    let digest = Digest::of(&bytes);
    (format!("{LIST}{}", hex(&digest.0[..8])), bytes)
}

/// Reads the list of that name; it must be the one that its name says.
pub fn read_list(to: &Path, name: &str, disk: &Disk) -> Result<Vec<Listed>> {
    let path = to.join(name);
    let broken = |what: &str| AppError::damaged(path.display().to_string(), what.to_owned());
    let is_plain = name.starts_with(LIST) && !name.contains('/');
    let bytes = is_plain.then(|| disk.read(&path)).transpose()?.flatten();
    let bytes = bytes.ok_or_else(|| broken("it is missing"))?;
    if format!("{LIST}{}", hex(&Digest::of(&bytes).0[..8])) != name {
        return Err(broken("it is not the list that its name says"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| broken("it is no text"))?;
    text.lines()
        .map(|line| {
            let mut parts = line.splitn(3, "  ");
            let digest = parts.next().and_then(unhex);
            let digest = digest.and_then(|b| <[u8; 32]>::try_from(b).ok());
            let size = parts.next().and_then(|s| s.parse().ok());
            match (digest, size, parts.next()) {
                (Some(digest), Some(size), Some(name)) => Ok(Listed {
                    digest: Digest(digest),
                    size,
                    name: name.to_owned(),
                }),
                _ => Err(broken("a line of it is malformed")),
            }
        })
        .collect()
}
