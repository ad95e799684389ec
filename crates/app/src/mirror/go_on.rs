//! Going on from the mirror when the first store is lost: it becomes the store.

use std::path::Path;

use comity_core::checkpoint::LogKeys;
use comity_ledger::Tree;

use super::note::Note;
use super::settle::{open_place, whole_place};
use crate::ambient::Ambient;
use crate::centre::{Config, KEYS_FILE, config};
use crate::error::{AppError, Result};

/// Makes `place`, a mirror or another whole copy of the object store, the store of the centre in `dir`, which has no
/// mirror then. Of the folder only the keyring need be left. The tables are to be made anew after it.
///
/// # Errors
/// [`AppError::Usage`] where `place` holds no such log; [`AppError::Refused`] where it is on record that it lacks
/// something, unless that is accepted with `incomplete`.
pub fn go_on_from(dir: &Path, place: &str, incomplete: bool, ambient: &Ambient) -> Result<()> {
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
    if Tree::open_read_only(objects)?.published_size() == 0 {
        return Err(none("holds no published checkpoint"));
    }
    if let Some(note) = Note::read(dir, disk)?
        && !incomplete
    {
        return Err(AppError::Refused(format!(
            "the mirror is known to lack what was recorded since {} ({}): events that were acknowledged would be lost, and the log would go on without them. Mend the first store if there is any way; if there is none, tell the members what is lost, and say --incomplete",
            note.since, note.why
        )));
    }
    if former.is_none() {
        disk.create_dir_all(dir)?;
        disk.write_atomic(&dir.join(KEYS_FILE), &bytes)?;
    }
    if incomplete {
        // Tables that know of more than the log would be mistaken for the truth.
        let name = format!("state.before-{}", ambient.clock.now_micros());
        for suffix in ["", "-wal", "-shm"] {
            let from = dir.join(format!("state.db{suffix}"));
            if from.exists() {
                disk.rename(&from, &dir.join(format!("{name}{suffix}")))?;
            }
        }
    }
    let config = Config {
        origin: keys.origin().to_owned(),
        database: former.and_then(|former| former.database),
        objects: Some(place),
        mirror: None,
    };
    config.write(dir, disk)?;
    Ok(Note::remove(dir, disk)?)
}
