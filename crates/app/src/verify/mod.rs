//! `comity verify`: is what is kept what was recorded? Everything that is wrong is said, nothing is changed.
//!
//! Three depths. *Sealed* needs no passphrase: every byte of ledger, keyring and packs against the digests that lie
//! beside them, and the chains of leaves. The *middle* one opens the keyring: every key, every body against its leaf,
//! every object's place, every row of the tables. *Full* reads every item back as well.

mod chains;
mod events;
mod mirror;
mod sealed;
mod signatures;
mod stamps;
mod successions;
mod tables;
mod two_persons;

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use comity_core::checkpoint::LogKeys;
use comity_core::finding::Finding;
use comity_keyring::{Condition, Inspection, KeyringError};
use comity_store::{FileLock, Objects};
use comity_vault::Vault;

use self::events::OpenedKeys;
use crate::ambient::Ambient;
use crate::centre::{Config, KEYS_FILE, OpenedBy};
use crate::error::{AppError, Result};
use crate::keys::Keys;
use crate::mirror::Mirror;
use crate::succession;

/// The keyring as a whole, as findings name it.
const KEYRING: &str = "keyring";

/// How deep a check goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Without a passphrase.
    Sealed,
    /// Log, bodies, tables, keyring and the structure of the vault.
    Middle,
    /// And every byte of every item.
    Full,
}

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Everything that is wrong, in the order of the checks.
    pub findings: Vec<Finding>,
    /// What is worth knowing and not wrong.
    pub notes: Vec<String>,
    /// Events in the ledger.
    pub events: u64,
    /// Items whose bytes were read back.
    pub items_read: u64,
    /// Bytes of items that were read back.
    pub bytes_read: u64,
    /// Packs in the vault.
    pub packs: u64,
}

/// Told again and again: what is being done, how far it is, and of how much.
pub type Watch<'a> = &'a (dyn Fn(&str, u64, u64) + Sync);

/// The centre as a check sees it: nothing of it is opened for writing.
struct Scene<'a> {
    dir: &'a Path,
    keyring: &'a Path,
    has_tables: bool,
    ambient: &'a Ambient,
    config: Config,
    /// The first store; the mirror is checked beside it.
    objects: Objects,
    mirror: Option<Mirror>,
    vault: Vault,
    watch: Watch<'a>,
}

/// Where the parts of what is checked lie.
pub struct Place {
    /// The centre's folder.
    pub dir: PathBuf,
    /// The keyring's folder.
    pub keyring: PathBuf,
    /// Whether it has tables. A backup has none.
    pub has_tables: bool,
}

impl Place {
    /// A centre in its folder.
    pub fn centre(dir: &Path) -> Place {
        Place {
            dir: dir.to_owned(),
            keyring: dir.join(KEYRING),
            has_tables: true,
        }
    }
}

/// Checks the centre in `dir`. `passphrase` is needed for all but [`Depth::Sealed`]; a wrong one is an error.
pub fn verify(
    dir: &Path,
    depth: Depth,
    passphrase: Option<&str>,
    ambient: &Ambient,
    watch: Watch<'_>,
) -> Result<Report> {
    verify_place(&Place::centre(dir), depth, passphrase, ambient, watch)
}

/// As [`verify`], for what lies elsewhere than in a centre's folder, or is opened by shares or with the keys of desks.
pub fn verify_place<'a>(
    place: &Place,
    depth: Depth,
    by: Option<impl Into<OpenedBy<'a>>>,
    ambient: &Ambient,
    watch: Watch<'_>,
) -> Result<Report> {
    let by = by.map(Into::into);
    let dir = &place.dir;
    let config = Config::read(dir, &ambient.disk)?;
    let objects = config.open_objects(dir, &ambient.disk)?;
    // Where the folder can be written to, no pack is removed while it is read.
    let packs = dir.join(crate::packs::PACKS_LOCK);
    let _stay = packs
        .exists()
        .then(|| ambient.disk.lock_shared(&packs).ok());
    let scene = Scene {
        dir,
        keyring: &place.keyring,
        has_tables: place.has_tables,
        ambient,
        vault: Vault::new(objects.clone()),
        mirror: config.open_mirror(dir, ambient)?,
        config,
        objects,
        watch,
    };
    let mut report = Report::default();
    let keys = match by {
        Some(by) if depth > Depth::Sealed => open_keyring(&scene, by, &mut report)?,
        _ => None,
    };
    let log_keys = log_keys(&scene, keys.as_ref(), &mut report);
    let tree = sealed::ledger(&scene, log_keys.as_ref(), &mut report)?;
    stamps::check(&scene, log_keys.as_ref(), tree.as_ref(), &mut report)?;
    // After the tree: another process may go on recording, and keys are durable before the events that name them.
    let inspection = sealed::keyring(&scene, &mut report)?;
    let (log_keys, first) = (log_keys.as_ref(), tree.as_ref());
    let mut second =
        mirror::Second::check(&scene, log_keys, keys.as_ref(), first, depth, &mut report)?;
    let mut opened_keys = OpenedKeys::default();
    match (&tree, &keys) {
        (Some(tree), Some(keys)) => {
            let second = &mut second;
            opened_keys =
                events::check(&scene, keys, tree, &inspection, depth, second, &mut report)?;
        }
        (Some(tree), None) => {
            sealed::leaves(&scene, tree, &inspection, &mut report)?;
            sealed::packs(&scene, &mut report)?;
        }
        // What cannot be read in order is named by the ledger's own check; the packs can still be looked at.
        (None, _) => sealed::packs(&scene, &mut report)?,
    }
    if let Some(keys) = &keys {
        // What opened with an event need not be opened once more.
        let rest = |number| !opened_keys.has(number);
        let tell = |done, all| (scene.watch)("keys", done, all);
        let wraps = keys.ring().verify_wraps(&rest, &tell)?;
        report.findings.extend(wraps.findings);
    }
    Ok(report)
}

fn open_keyring(scene: &Scene<'_>, by: OpenedBy<'_>, report: &mut Report) -> Result<Option<Keys>> {
    let ring = match by.open_keyring(scene.keyring, &scene.ambient.disk) {
        Ok(ring) => ring,
        // All that can be checked without its keys still is.
        Err(
            e @ (KeyringError::Damaged { .. }
            | KeyringError::Unsupported { .. }
            | KeyringError::NoKeyring { .. }),
        ) => {
            report.findings.push(Finding::new(KEYRING, e.to_string()));
            return Ok(None);
        }
        Err(e) => return Err(e.into()),
    };
    Ok(Some(Keys::new(ring, scene.ambient.random.clone())))
}

/// The keys of the log: as outsiders have them, and held against the secret ones where the keyring is open.
fn log_keys(scene: &Scene<'_>, keys: Option<&Keys>, report: &mut Report) -> Option<LogKeys> {
    let path = scene.dir.join(KEYS_FILE);
    let told = match scene.ambient.disk.read(&path) {
        Ok(Some(bytes)) => LogKeys::parse(&bytes).map_err(|e| e.to_string()),
        Ok(None) => Err("the log's key file is missing".to_owned()),
        Err(e) => Err(e.to_string()),
    };
    let kept = succession::kept(&scene.objects, &scene.config.origin, keys);
    let mut wrong = |place: &str, what: &str| report.findings.push(Finding::new(place, what));
    match (told, kept) {
        (Ok(told), Ok(Some(kept))) => match told.joined(&kept) {
            None => {
                wrong(
                    KEYS_FILE,
                    "these are not the keys with which this log signs",
                );
                Some(kept)
            }
            Some(both) => {
                if kept.chain().statements().len() < both.chain().statements().len() {
                    let what = "it lacks successions of the log's keys that the key file tells of; the next command that opens the centre writes it anew";
                    wrong(succession::FILE, what);
                }
                Some(both)
            }
        },
        (Ok(told), Ok(None)) => Some(told),
        (Ok(told), Err(what)) => {
            wrong(succession::FILE, &what);
            Some(told)
        }
        (Err(what), kept) => {
            wrong(KEYS_FILE, &what);
            kept.ok().flatten()
        }
    }
}

/// A folder for what a check must write for itself; removed when dropped, or by the next check if this process is
/// killed.
struct Scratch {
    folder: PathBuf,
    _lock: FileLock,
}

impl Scratch {
    const NAME: &str = "comity-verify-";

    fn new(ambient: &Ambient) -> Result<Scratch> {
        let all = std::env::temp_dir();
        Scratch::sweep(ambient, &all);
        loop {
            let name = comity_core::digest::hex(&ambient.bytes::<8>());
            let folder = all.join(format!("{}{name}", Scratch::NAME));
            std::fs::DirBuilder::new()
                .mode(0o700)
                .create(&folder)
                .map_err(|e| AppError::io(&folder, e))?;
            match ambient.disk.lock(&folder.join("lock")) {
                Ok(lock) => {
                    return Ok(Scratch {
                        folder,
                        _lock: lock,
                    });
                }
                // A sweep took it between its making and its locking.
                Err(_) if !folder.exists() => {}
                Err(e) => return Err(e.into()),
            }
        }
    }

    /// Removes the folders of ours whose process is gone.
    fn sweep(ambient: &Ambient, all: &Path) {
        let me = rustix::process::geteuid().as_raw();
        for name in ambient.disk.list(all).unwrap_or_default() {
            let folder = all.join(&name);
            let is_ours = name.to_string_lossy().starts_with(Scratch::NAME)
                && std::fs::symlink_metadata(&folder).is_ok_and(|m| m.is_dir() && m.uid() == me);
            if is_ours && let Ok(Some(_lock)) = ambient.disk.try_lock(&folder.join("lock")) {
                let _ = ambient.disk.remove_dir_all(&folder);
            }
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Key numbers that events name, against the condition of their slots.
fn need_key(
    inspection: &Inspection,
    number: u64,
    report: &mut Report,
    told: &mut std::collections::BTreeSet<u64>,
) {
    if let Some(finding) = inspection.need_live(number)
        && told.insert(number)
    {
        report.findings.push(finding);
    }
}

/// Content keys that events name and the keyring never had. One that was destroyed has its slot still. They are told
/// as one finding: a keyring that lost its end lost many.
#[derive(Default)]
struct AbsentKeys {
    numbers: std::collections::BTreeSet<u64>,
    first: Option<Finding>,
}

impl AbsentKeys {
    /// `number` is 0 where an event has no content.
    fn meet(&mut self, inspection: &Inspection, number: u64) {
        if number > 0
            && inspection.condition(number) == Condition::Unused
            && self.numbers.insert(number)
            && self.numbers.first() == Some(&number)
        {
            self.first = inspection.need_live(number);
        }
    }

    fn tell(self, report: &mut Report) {
        let Some(mut finding) = self.first else {
            return;
        };
        if self.numbers.len() > 1 {
            finding.what = format!(
                "{} (and {} more keys)",
                finding.what,
                self.numbers.len() - 1
            );
        }
        report.findings.push(finding);
    }
}
