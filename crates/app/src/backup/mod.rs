//! `comity backup`: a copy of all that is kept, made while the centre runs (`docs/format/backup.md`).

mod check;
mod copies;
mod mark;
mod packs;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use comity_core::checkpoint::LogKeys;
use comity_core::digest::Digest;
use comity_core::finding::Finding;
use comity_core::json::Value;
use comity_ledger::{Snapshot, Tree};
use comity_store::{Disk, Objects};
use comity_vault::Vault;

use crate::centre::{Centre, Config, KEYS_FILE};
use crate::compact::NOWHERE;
use crate::error::{AppError, Result};
use crate::event::Actor;
use crate::fixity::{held_as_recorded, packs_of_tables};
use crate::succession;

pub use check::check;
pub use mark::Mark;
pub(crate) use packs::Copied;

/// Copies of the keyring are to be kept for so many days, unless told otherwise.
pub const KEYRING_DAYS: u64 = 30;
/// The centre in a backup.
pub const CENTRE: &str = "centre";
const LOCK: &str = "lock";
/// Bytes of the ledger's files that are written behind one barrier.
const BATCH: u64 = 16 << 20;

/// Told again and again: what is being done, how far it is, and of how much.
pub type Watch<'a> = &'a (dyn Fn(&str, u64, u64) + Sync);

/// What is asked for.
pub struct Request {
    /// The folder of the backup, new or of an earlier one.
    pub to: PathBuf,
    /// Where copies of the keyring go; inside `to` unless said.
    pub keyring: Option<PathBuf>,
    /// How many copies of the keyring stay, the new one with them; all, unless said.
    pub keep_keyrings: Option<usize>,
    /// For how many days a copy of the keyring may be kept.
    pub keyring_days: u64,
}

/// What was done.
pub struct Outcome {
    /// Events under the checkpoint.
    pub size: u64,
    /// Its root.
    pub root: Digest,
    /// The ledger's files and the packs: copied, and left as they were.
    pub ledger: Copied,
    /// Of packs.
    pub packs: Copied,
    /// Packs that the centre has replaced and the backup needs no more.
    pub packs_removed: u64,
    /// Where the keyring's copy is.
    pub keyring: PathBuf,
    /// Copies of the keyring that were removed.
    pub keyrings_removed: u64,
    /// The index of the leaf that records it.
    pub leaf: u64,
    /// What is damaged in the centre and therefore not in the backup.
    pub findings: Vec<Finding>,
    /// What else is to be known.
    pub warnings: Vec<String>,
}

/// Where the copies of the keyring of a backup lie.
pub fn keyring_folder(to: &Path, given: Option<&Path>) -> PathBuf {
    given.map_or_else(|| to.join(copies::FOLDER), Path::to_owned)
}

impl Centre {
    /// Makes a backup, or brings an earlier one up to date. Other processes go on meanwhile.
    pub fn backup(&self, actor: &Actor, request: &Request, watch: Watch<'_>) -> Result<Outcome> {
        let (to, disk) = (&request.to, &self.ambient.disk);
        let keyring_folder = keyring_folder(to, request.keyring.as_deref());
        self.refuse_own_folder(&[to, &keyring_folder])?;
        disk.create_dir_all(to)?;
        let _turn = disk.lock(&to.join(LOCK))?;
        let former = self.refuse_other_backup(to)?;
        let _stay = self.keep_packs()?;

        let snapshot = self.sequencer().snapshot()?;
        if let Some(former) = &former {
            self.refuse_other_history(former, &snapshot)?;
        }
        let copy = Objects::local(to.join(CENTRE), disk.clone())?;
        copy.sweep_temporary()?;
        let keys = self.log_keys().as_of(snapshot.size);
        disk.write_atomic(&to.join(CENTRE).join(KEYS_FILE), keys.to_file().as_bytes())?;
        if !keys.chain().statements().is_empty() {
            copy.put(succession::FILE, keys.chain().text().as_bytes())?;
        }
        let ledger = copy_ledger(&self.objects, &copy, &snapshot, watch)?;
        crate::stamp::kept::copy(&self.objects, &copy, snapshot.size)?;
        crate::attest::copy(&self.objects, &copy, &keys, snapshot.size)?;
        let vault = Vault::new(copy.clone());
        let wanted = self.wanted_packs()?;
        let recorded = packs_of_tables(&mut self.session()?)?;
        let instead = |pack: comity_vault::PackId, why: &comity_vault::VaultError| {
            let (mirror, keeper) = self.objects.mirror()?;
            let second = Vault::new(mirror.clone());
            held_as_recorded(&second, pack, recorded.get(&pack)).ok()?;
            let copied = second.copy_pack(&pack.name(), &vault, &mut |_| ()).ok()?;
            keeper.read_elsewhere(&pack.name(), &why.to_string());
            Some(copied)
        };
        let packs = packs::copy(&self.vault, &vault, &wanted, &instead, watch)?;

        let made = self.now();
        let name = copies::name_of(&made);
        copies::make(self, &keyring_folder, &name)?;
        let (list, bytes) = mark::encode_list(&packs.listed);
        disk.write_atomic(&to.join(&list), &bytes)?;
        copy.put(Snapshot::EDGE, &snapshot.edge)?;
        copy.put(Snapshot::CHECKPOINT, &snapshot.checkpoint)?;
        let config = Config {
            database: None,
            objects: None,
            mirror: None,
            ..self.config.clone()
        };
        config.write(&to.join(CENTRE), disk)?;
        let mark = Mark {
            origin: config.origin,
            checkpoint: String::from_utf8_lossy(&snapshot.checkpoint).into_owned(),
            size: snapshot.size,
            root: snapshot.root,
            made,
            keyring: name.clone(),
            packs: list,
            lacks: packs.lacks.iter().map(|f| f.place.clone()).collect(),
        };
        mark.write(to, disk)?;

        let packs_removed = packs::remove_replaced(&vault, &wanted)?;
        remove_older_lists(to, &mark.packs, disk)?;
        drop((vault, copy));
        let _ = std::fs::remove_dir(to.join(CENTRE).join("tmp"));
        let keyrings_removed = match request.keep_keyrings {
            Some(keep) => remove_older_keyrings(&keyring_folder, keep.max(1), disk)?,
            None => 0,
        };
        let now = self.ambient.clock.now_micros();
        let warnings = copies::warnings(&keyring_folder, now, request.keyring_days, disk)?;
        let mut outcome = Outcome {
            size: snapshot.size,
            root: snapshot.root,
            ledger,
            packs: packs.count,
            packs_removed,
            keyring: keyring_folder.join(name),
            keyrings_removed,
            leaf: 0,
            findings: packs.lacks,
            warnings,
        };
        outcome.leaf = self.record_backup(actor, to, &outcome)?;
        Ok(outcome)
    }

    /// The files of a centre are no place for a copy of them: it would be copied into itself, and lost with them.
    fn refuse_own_folder(&self, places: &[&Path]) -> Result<()> {
        let absolute = |p: &Path| std::path::absolute(p).map_err(|e| AppError::io(p, e));
        let own = absolute(&self.dir)?;
        for place in places {
            let real = std::fs::canonicalize(place).or_else(|_| absolute(place))?;
            if real.starts_with(&own)
                || std::fs::canonicalize(&own).is_ok_and(|o| real.starts_with(o))
            {
                return Err(AppError::Usage(format!(
                    "{} lies in the centre itself: name a folder on another disk",
                    place.display()
                )));
            }
        }
        Ok(())
    }

    /// The mark of the whole backup that is there. Anything but this centre's backup, whole or not, is refused.
    fn refuse_other_backup(&self, to: &Path) -> Result<Option<Mark>> {
        let disk = &self.ambient.disk;
        let keys = disk.read(&to.join(CENTRE).join(KEYS_FILE))?;
        let is_ours = match keys {
            // Of the same log, be it from before a succession of its keys.
            Some(bytes) => {
                LogKeys::parse(&bytes).is_ok_and(|keys| keys.joined(&self.log_keys()).is_some())
            }
            // Nothing of an earlier attempt but what precedes the keys.
            None => disk.list(to)?.iter().all(|n| n == LOCK || n == CENTRE),
        };
        let mark = Mark::read(to, disk)?;
        if !is_ours
            || mark
                .as_ref()
                .is_some_and(|m| m.origin != self.config.origin)
        {
            return Err(AppError::Usage(format!(
                "{} is not empty and holds no backup of this centre: name a new folder",
                to.display()
            )));
        }
        Ok(mark)
    }

    /// A backup of a newer state, or of another history under the same keys, must not be written over: it may be all
    /// that is left of it.
    fn refuse_other_history(&self, former: &Mark, snapshot: &Snapshot) -> Result<()> {
        if former.size > snapshot.size {
            return Err(AppError::Refused(format!(
                "the backup is of {} events and the centre has {}: the centre is older than its backup, which is not written over; if the centre was restored from an older copy, restore it from this one",
                former.size, snapshot.size
            )));
        }
        if self.sequencer().tree.root_at(former.size)? != former.root {
            return Err(AppError::Refused(format!(
                "the backup and the centre have different histories: at {} events their roots differ; nothing is written over, and both are to be kept for an inquiry",
                former.size
            )));
        }
        Ok(())
    }

    /// Every pack that the vault holds, with its size, and those that the tables know and the vault lacks.
    fn wanted_packs(&self) -> Result<packs::Wanted> {
        let files = self.vault.packs()?;
        let here: HashMap<_, _> = files
            .into_iter()
            .filter_map(|f| Some((f.pack?, f.size)))
            .collect();
        let rows = self
            .session()?
            .query("SELECT DISTINCT pack FROM objects", &[])?;
        let known = rows
            .iter()
            .map(|row| Ok(comity_vault::PackId(row.array(0)?)))
            .filter(|id| !matches!(id, Ok(id) if *id == NOWHERE))
            .collect::<Result<_>>()?;
        Ok(packs::Wanted { here, known })
    }

    fn record_backup(&self, actor: &Actor, to: &Path, outcome: &Outcome) -> Result<u64> {
        let checkpoint = Value::from_iter([
            ("size".to_owned(), Value::from(outcome.size)),
            ("root".to_owned(), outcome.root.to_string().into()),
        ]);
        let counts = Value::from_iter([
            (
                "packs".to_owned(),
                Value::from(outcome.packs.copied + outcome.packs.kept),
            ),
            ("packs_copied".to_owned(), outcome.packs.copied.into()),
            (
                "packs_lacking".to_owned(),
                (outcome.findings.len() as u64).into(),
            ),
            (
                "bytes_copied".to_owned(),
                (outcome.packs.bytes + outcome.ledger.bytes).into(),
            ),
            (
                "keyrings_removed".to_owned(),
                outcome.keyrings_removed.into(),
            ),
        ]);
        let event = self
            .draft("backup_made", actor)
            .custody("checkpoint", checkpoint)
            .custody("counts", counts)
            .content(
                "place",
                comity_core::shown::shown(std::os::unix::ffi::OsStrExt::as_bytes(to.as_os_str())),
            )
            .content("keyring", outcome.keyring.display().to_string());
        let draft = self.seal_own(&mut self.session()?, event)?;
        Ok(self.append(draft)?.index)
    }
}

/// The checkpoint of the ledger in a backup, whatever its mark says; for the check.
fn ledger_of(to: &Path, disk: &Disk) -> Result<Tree> {
    Ok(Tree::open_read_only(Objects::local(
        to.join(CENTRE),
        disk.clone(),
    )?)?)
}

fn copy_ledger(
    from: &Objects,
    to: &Objects,
    snapshot: &Snapshot,
    watch: Watch<'_>,
) -> Result<Copied> {
    let sizes = |objects: &Objects| -> Result<HashMap<String, u64>> {
        let mut all = objects.list("ledger/tile/")?;
        all.extend(objects.list("ledger/body/")?);
        Ok(all.into_iter().collect())
    };
    let (here, there) = (sizes(from)?, sizes(to)?);
    let mut count = Copied::default();
    let (mut waiting, mut bytes) = (Vec::new(), 0);
    let all = here.len() as u64;
    for name in snapshot.files() {
        let size = here.get(&name).copied();
        if size.is_some() && there.get(&name).copied() == size {
            count.kept += 1;
            continue;
        }
        let read = from.get(&name)?;
        let content = read.ok_or_else(|| AppError::damaged(&name, "it is missing"))?;
        count.copied += 1;
        count.bytes += content.len() as u64;
        bytes += content.len() as u64;
        waiting.push((name, content));
        if bytes >= BATCH {
            to.put_many(std::mem::take(&mut waiting))?;
            bytes = 0;
        }
        watch("ledger", count.copied + count.kept, all);
    }
    if !waiting.is_empty() {
        to.put_many(waiting)?;
    }
    Ok(count)
}

fn remove_older_lists(to: &Path, current: &str, disk: &Disk) -> Result<()> {
    for name in disk.list(to)? {
        if name
            .to_str()
            .is_some_and(|n| n.starts_with(mark::LIST) && n != current)
        {
            disk.remove_file(&to.join(name))?;
        }
    }
    Ok(disk.sync_dir(to)?)
}

fn remove_older_keyrings(folder: &Path, keep: usize, disk: &Disk) -> Result<u64> {
    let copies = copies::list(folder, disk)?;
    let older = &copies[..copies.len().saturating_sub(keep)];
    for name in older {
        copies::remove(folder, name, disk)?;
    }
    Ok(older.len() as u64)
}
