//! `centre.json`: what a program must know of a centre before it can open anything. It holds no secret.

use std::path::{Path, PathBuf};

use comity_core::json::{self, Value};
use comity_store::{Disk, Objects};

use crate::ambient::Ambient;
use crate::error::{AppError, Result};
use crate::mirror::{Mirror, impatient, open_place};
use crate::sql::{Access, Database};

/// The file's name in the centre's folder.
pub const FILE: &str = "centre.json";
const FORMAT: &str = "comity-centre-1";

/// Where the parts of a centre are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The log's origin.
    pub origin: String,
    /// URL of the PostgreSQL database, or `None` for the sealed SQLite file in the folder.
    pub database: Option<String>,
    /// URL or folder of the object store, or `None` for the centre's folder itself.
    pub objects: Option<String>,
    /// URL or folder of its mirror, if it has one.
    pub mirror: Option<String>,
}

impl Config {
    /// Reads the file of the centre in `dir`.
    pub fn read(dir: &Path, disk: &Disk) -> Result<Config> {
        let path = dir.join(FILE);
        let bytes = disk.read(&path)?.ok_or_else(|| {
            AppError::Usage(format!("there is no centre in {}: make one with `comity init`, or name another with --centre", dir.display()))
        })?;
        let broken = |what: &str| AppError::damaged(path.display().to_string(), what.to_owned());
        let value = json::parse(&bytes).map_err(|e| broken(&e.to_string()))?;
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        match text("format").as_deref() {
            Some(FORMAT) => {}
            Some(other) => {
                return Err(broken(&format!(
                    "its format {other:?} is not one that this program knows"
                )));
            }
            None => return Err(broken("it names no format")),
        }
        // A name that is not known may be one that was changed, and what it said would be lost in silence.
        let known = ["format", "origin", "database", "objects", "mirror"];
        let names = value.as_object().into_iter().flatten();
        if let Some((other, _)) = names
            .into_iter()
            .find(|(name, _)| !known.contains(&name.as_str()))
        {
            return Err(broken(&format!(
                "it says {other:?}, which this program does not know"
            )));
        }
        Ok(Config {
            origin: text("origin").ok_or_else(|| broken("it names no origin"))?,
            database: text("database"),
            objects: text("objects"),
            mirror: text("mirror"),
        })
    }

    /// Writes the file, durable on return.
    pub fn write(&self, dir: &Path, disk: &Disk) -> Result<()> {
        let value = Value::from_iter([
            ("format".to_owned(), Value::from(FORMAT)),
            ("origin".to_owned(), self.origin.as_str().into()),
            ("database".to_owned(), self.database.as_deref().into()),
            ("objects".to_owned(), self.objects.as_deref().into()),
            ("mirror".to_owned(), self.mirror.as_deref().into()),
        ]);
        let mut bytes = json::canonical(&value).map_err(|e| AppError::Refused(e.to_string()))?;
        bytes.push(b'\n');
        Ok(disk.write_atomic(&dir.join(FILE), &bytes)?)
    }

    /// The object store, without its mirror.
    pub fn open_objects(&self, dir: &Path, disk: &Disk) -> Result<Objects> {
        match &self.objects {
            None => Ok(Objects::local(dir.to_owned(), disk.clone())?),
            Some(place) if !place.contains("://") && !Path::new(place).is_dir() => {
                Err(AppError::Usage(format!(
                    "the object store {place} is not there: mount its disk; if it is lost and the centre has a mirror, open that with `comity rebuild --objects MIRROR`"
                )))
            }
            Some(place) => open_place(place, false, disk),
        }
    }

    /// The mirror. Nothing is read or written yet.
    pub fn open_mirror(&self, dir: &Path, ambient: &Ambient) -> Result<Option<Mirror>> {
        let Some(place) = &self.mirror else {
            return Ok(None);
        };
        let objects = open_place(&impatient(place), false, &ambient.disk)?;
        Ok(Some(Mirror::new(
            place,
            &self.origin,
            objects,
            dir,
            ambient.clone(),
        )))
    }

    /// The state's database; `key` seals the SQLite file.
    pub fn database(&self, dir: &Path, key: [u8; 32], access: Access) -> Database {
        match &self.database {
            None => Database::Sqlite {
                path: state_file(dir),
                key,
                access,
            },
            Some(url) => Database::Postgres {
                url: url.clone(),
                schema: "comity".to_owned(),
            },
        }
    }
}

/// The sealed SQLite file.
pub fn state_file(dir: &Path) -> PathBuf {
    dir.join("state.db")
}

/// A password in a URL would lie in `centre.json` in the clear.
pub fn refuse_password(url: &str) -> Result<()> {
    let authority = url
        .split_once("://")
        .map_or(url, |(_, rest)| rest)
        .split(['/', '?'])
        .next()
        .unwrap_or("");
    match authority.rsplit_once('@') {
        Some((user, _)) if user.contains(':') => Err(AppError::Usage(
            "the URL holds a password, which would be kept in the clear: leave it out and give it in PGPASSWORD or ~/.pgpass".to_owned(),
        )),
        _ => Ok(()),
    }
}
