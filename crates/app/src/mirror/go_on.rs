//! Going on from the mirror when the first store is lost: it becomes the store.

use std::path::Path;

use comity_core::checkpoint::LogKeys;
use comity_ledger::Tree;

use super::note::Note;
use super::settle::{open_place, whole_place};
use crate::ambient::Ambient;
use crate::centre::{Config, KEYS_FILE, OpenedBy, config};
use crate::error::{AppError, Result};
use crate::keys::STATE_KEY;
use crate::sql::{Access, Database, Session, schema};

/// What a centre goes on with.
#[derive(Clone, Debug, Default)]
pub struct WentOn {
    /// Events that stand under the last checkpoint of the store.
    pub events: u64,
    /// Events that the tables knew of, if there were tables and they could be read.
    pub known: Option<u64>,
    /// Events among them that the log does not hold any more.
    pub lost: u64,
    /// Under which name the former tables were set aside, if they were.
    pub set_aside: Option<String>,
    /// Whether `centre.json` was lost, and with it where the tables had been.
    pub config_lost: bool,
}

impl WentOn {
    /// What was done, for a person: sentences.
    pub fn sentences(&self) -> Vec<String> {
        let mut said = vec![format!(
            "The centre goes on from the {} events that this store holds.",
            self.events
        )];
        if self.lost > 0 {
            said.push(format!(
                "LOST to the log: {} events that the former tables know of. Tell the members: a witness that cosigned them will not cosign this log, and is right.",
                self.lost
            ));
        }
        match &self.set_aside {
            Some(name) => said.push(format!(
                "The former tables are kept as {name}: nothing reads them any more. Keep them for an inquiry, then destroy them."
            )),
            None if self.config_lost => said.push(
                "centre.json was lost: the tables are in the file state.db now. If they were in PostgreSQL, docs/operating/mirror.md says how to go back to it.".to_owned(),
            ),
            None => {}
        }
        said
    }
}

/// Makes `place`, a mirror or another whole copy of the object store, the store of the centre in `dir`, which has no
/// mirror then. Of the folder only the keyring need be left. The tables are to be made anew after it; with `incomplete`
/// those that are there, in a file or in PostgreSQL, are set aside first.
///
/// # Errors
/// [`AppError::Usage`] where `place` holds no such log; [`AppError::Refused`] where it lacks something by the record of
/// the mirror or by the tables, unless that is accepted with `incomplete`. Nothing is changed then.
pub fn go_on_from<'a>(
    dir: &Path,
    place: &str,
    incomplete: bool,
    by: impl Into<OpenedBy<'a>>,
    ambient: &Ambient,
) -> Result<WentOn> {
    let disk = &ambient.disk;
    let place = whole_place(place)?;
    let objects = open_place(&place, false, disk)?;
    let none = |what: &str| AppError::Usage(format!("{place} {what}"));
    let bytes = objects
        .get(KEYS_FILE)?
        .ok_or_else(|| none("holds no file `keys`: it is no mirror, or its disk is not mounted"))?;
    let keys =
        LogKeys::parse(&bytes).map_err(|e| none(&format!("has a damaged file `keys`: {e}")))?;
    let former = match dir.join(config::FILE).exists() {
        true => Some(Config::read(dir, disk)?),
        false => None,
    };
    if let Some(former) = &former
        && former.origin != keys.origin()
    {
        return Err(none(&format!(
            "is of another log, {}, and this centre's is {}",
            keys.origin(),
            former.origin
        )));
    }
    let tree = Tree::open_read_only(objects)?;
    if tree.published_size() == 0 {
        return Err(none("holds no published checkpoint"));
    }
    let ring = by.into().open_keyring(&dir.join("keyring"), disk)?;
    let config = Config {
        origin: keys.origin().to_owned(),
        database: former.as_ref().and_then(|former| former.database.clone()),
        objects: Some(place),
        mirror: None,
    };
    let tables = config.database(dir, ring.open_key(STATE_KEY)?.first, Access::Live);
    drop(ring);
    let known = Known::of(&tables)?;
    if !incomplete {
        refuse_what_lacks(Note::read(dir, disk)?, &tree, known.as_ref())?;
    }
    let (events, knew) = (tree.published_size(), known.as_ref().and_then(|k| k.events));
    let went_on = WentOn {
        events,
        known: knew,
        // What the tables hold themselves comes into the log, unless they are set aside.
        lost: match incomplete {
            true => knew.unwrap_or(events).saturating_sub(events),
            false => 0,
        },
        // Tables that know of more than the log would be mistaken for the truth.
        set_aside: match known.filter(|_| incomplete) {
            Some(_) => Some(set_aside(&tables, ambient)?),
            None => None,
        },
        config_lost: former.is_none(),
    };
    if former.is_none() {
        disk.create_dir_all(dir)?;
        disk.write_atomic(&dir.join(KEYS_FILE), &bytes)?;
    }
    config.write(dir, disk)?;
    Note::remove(dir, disk)?;
    Ok(went_on)
}

/// What the tables that are there know.
struct Known {
    /// Events that they have numbered; `None` where they cannot be read.
    events: Option<u64>,
    /// The first event whose body the tables hold themselves: from there on they can tell the ledger.
    held_from: u64,
}

impl Known {
    /// `None` where there are no tables.
    ///
    /// # Errors
    /// Where a server cannot be reached. A file that cannot be read knows nothing.
    fn of(tables: &Database) -> Result<Option<Known>> {
        let unreadable = Known {
            events: None,
            held_from: 0,
        };
        match tables {
            Database::Sqlite { path, .. } if !path.exists() => Ok(None),
            Database::Sqlite { .. } => Ok(Known::read(tables).unwrap_or(Some(unreadable))),
            Database::Postgres { .. } => Known::read(tables),
        }
    }

    fn read(tables: &Database) -> Result<Option<Known>> {
        let mut session = Session::open(tables)?;
        if schema::version(&mut session)?.is_none() {
            return Ok(None);
        }
        let mut number = |sql| match session.query_one(sql, &[])? {
            Some(row) => Ok(row.opt_int(0)?),
            None => Ok::<_, AppError>(None),
        };
        let events = number("SELECT size FROM log_state WHERE id = 1")?.unwrap_or(0) as u64;
        let held_from = number("SELECT min(first) FROM pending")?.map_or(events, |n| n as u64);
        session.close()?;
        Ok(Some(Known {
            events: Some(events),
            held_from,
        }))
    }
}

fn refuse_what_lacks(note: Option<Note>, tree: &Tree, known: Option<&Known>) -> Result<()> {
    let how = match (note, known) {
        (Some(note), _) => format!(
            "the mirror is known to lack what was recorded since {} ({})",
            note.since, note.why
        ),
        (None, Some(known)) if known.held_from > tree.size() => format!(
            "the tables know of {} events, and this store holds {}",
            known.events.unwrap_or(known.held_from),
            tree.published_size()
        ),
        (None, _) => return Ok(()),
    };
    Err(AppError::Refused(format!(
        "{how}: events that were acknowledged would be lost, and the log would go on without them. Mend the first store if there is any way; if there is none, tell the members what is lost, and say --incomplete"
    )))
}

/// Gives the tables another name, which it returns with the word for what bears it.
fn set_aside(tables: &Database, ambient: &Ambient) -> Result<String> {
    let now = ambient.clock.now_micros();
    match tables {
        Database::Sqlite { path, .. } => {
            let aside = path.with_file_name(format!("state.before-{now}"));
            for suffix in ["", "-wal", "-shm"] {
                let named = |path: &Path| {
                    let mut name = path.as_os_str().to_owned();
                    name.push(suffix);
                    std::path::PathBuf::from(name)
                };
                if named(path).exists() {
                    ambient.disk.rename(&named(path), &named(&aside))?;
                }
            }
            Ok(format!("the file state.before-{now}"))
        }
        Database::Postgres { schema, .. } => {
            let aside = format!("{schema}_before_{now}");
            let mut session = Session::open(tables)?;
            session.execute(&format!("ALTER SCHEMA {schema} RENAME TO {aside}"), &[])?;
            session.close()?;
            Ok(format!("the schema {aside} of the database"))
        }
    }
}
