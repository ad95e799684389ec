//! Copies of the keyring, kept apart and few: they are what can undo an erasure.

use std::path::{Path, PathBuf};

use comity_keyring::{Condition, Inspection, inspect};
use comity_store::Disk;

use crate::ambient::time_micros;
use crate::centre::Centre;
use crate::error::Result;

/// The folder of the copies inside a backup.
pub const FOLDER: &str = "keyring-copies";
const MAKING: &str = ".making-";
const GOING: &str = ".going-";
const ZEROS: usize = 1 << 16;

/// A moment as a copy is named by it.
pub fn name_of(time: &str) -> String {
    time.replace(':', "-")
}

/// The moment of a copy's name, microseconds since 1970.
fn moment_of(name: &str) -> Option<i64> {
    let (day, time) = name.split_once('T')?;
    time_micros(&format!("{day}T{}", time.replace('-', ":")))
}

/// The copies in a folder, oldest first.
pub fn list(folder: &Path, disk: &Disk) -> Result<Vec<String>> {
    let names = disk.list(folder)?;
    let names = names.iter().filter_map(|n| n.to_str());
    Ok(names
        .filter(|n| moment_of(n).is_some())
        .map(str::to_owned)
        .collect())
}

/// Copies the keyring into `folder` under `name`; whole or not there at all.
pub fn make(centre: &Centre, folder: &Path, name: &str) -> Result<u64> {
    let disk = &centre.ambient.disk;
    disk.create_dir_all(folder)?;
    for left in disk.list(folder)? {
        let left = left.to_string_lossy().into_owned();
        if left.starts_with(MAKING) || left.starts_with(GOING) {
            wipe(&folder.join(left), disk)?;
        }
    }
    let making = folder.join(format!("{MAKING}{name}"));
    disk.create_dir_all(&making)?;
    let next = centre.keys.ring().copy_to(&making)?;
    disk.rename(&making, &folder.join(name))?;
    disk.sync_dir(folder)?;
    Ok(next)
}

/// Removes a copy, its bytes overwritten first. What a file system or a flash disk keeps elsewhere is not reached.
pub fn remove(folder: &Path, name: &str, disk: &Disk) -> Result<()> {
    let going = folder.join(format!("{GOING}{name}"));
    disk.rename(&folder.join(name), &going)?;
    disk.sync_dir(folder)?;
    wipe(&going, disk)
}

fn wipe(copy: &Path, disk: &Disk) -> Result<()> {
    // The head goes first: without it no passphrase opens anything of the copy.
    let mut names = disk.list(copy)?;
    names.sort_by_key(|name| name != "head");
    for name in names {
        let path = copy.join(name);
        let file = disk.open_rw(&path)?;
        let (mut at, len) = (0, file.len()?);
        while at < len {
            let now = (len - at).min(ZEROS as u64);
            file.write_at(at, &[0; ZEROS][..now as usize])?;
            at += now;
        }
        file.sync()?;
        disk.remove_file(&path)?;
    }
    disk.remove_dir_all(copy)?;
    Ok(disk.sync_dir(copy.parent().unwrap_or(Path::new(".")))?)
}

/// What is to be said of the copies that are there: those that outlive their limit, and those that still open keys
/// that were destroyed since.
pub fn warnings(
    folder: &Path,
    now_micros: i64,
    limit_days: u64,
    disk: &Disk,
) -> Result<Vec<String>> {
    let copies = list(folder, disk)?;
    let Some((newest, older)) = copies.split_last() else {
        return Ok(Vec::new());
    };
    let read = |name: &str| inspect(&folder.join(name), disk, &mut |_, _| ()).ok();
    let now = read(newest);
    let mut said = Vec::new();
    for name in older {
        let place: PathBuf = folder.join(name);
        let days = moment_of(name).map_or(0, |then| (now_micros - then) / 86_400_000_000);
        let undone = match (&now, read(name)) {
            (Some(now), Some(then)) => destroyed_since(now, &then),
            _ => 0,
        };
        if undone > 0 {
            said.push(format!(
                "the copy of the keyring in {} opens {undone} keys that were destroyed since: with its passphrase or shares it undoes their erasure; destroy it (--keep-keyrings 1)",
                place.display()
            ));
        } else if u64::try_from(days).unwrap_or(0) >= limit_days {
            said.push(format!(
                "the copy of the keyring in {} is {days} days old, and copies are to be kept for {limit_days}: destroy it (--keep-keyrings N keeps the newest N)",
                place.display()
            ));
        }
    }
    Ok(said)
}

fn destroyed_since(now: &Inspection, then: &Inspection) -> u64 {
    let numbers = 1..then.next_number();
    let undone = numbers.filter(|n| {
        then.condition(*n) == Condition::Live && now.condition(*n) == Condition::Destroyed
    });
    undone.count() as u64
}
