//! Bringing a mirror up to date: packs that it lacks, packs that it is to lose, and what lies beside the ledger.

use std::collections::{BTreeMap, HashSet};

use comity_core::finding::Finding;
use comity_store::Objects;
use comity_vault::{PackId, Vault};

use super::Mirror;
use super::note::ADDED;
use crate::centre::{Centre, KEYS_FILE};
use crate::compact::packs_in_work;
use crate::error::{AppError, Result};
use crate::fixity::{held_as_recorded, packs_of_tables};
use crate::rebuild::Watch;

/// Who brings the mirror up to date, alone: a file in the centre's folder.
const LOCK: &str = "tmp/mirror-work.lock";
/// So many bytes of packs an opening of the centre copies before it goes on with what it was opened for.
pub(crate) const AT_OPENING: u64 = 256 << 20;
/// Packs that become durable behind one barrier.
const BATCH: usize = 16;

/// What was done to bring a mirror up to date.
#[derive(Debug, Default)]
pub struct Brought {
    /// Packs copied to it.
    pub copied: u64,
    /// Packs removed from it, as they had been from the first store.
    pub removed: u64,
    /// Bytes copied.
    pub bytes: u64,
    /// Packs that are still to be copied.
    pub left: u64,
    /// What stays as it is, and why.
    pub findings: Vec<Finding>,
    /// Whether it holds all now.
    pub is_whole: bool,
    /// Whether it had never been filled since it was added.
    pub is_first: bool,
}

impl Brought {
    /// What was done, for a person.
    pub fn sentence(&self, place: &str) -> String {
        let done = match self.is_first {
            true => format!(
                "The first copy to the mirror {place} goes on; packs copied: {}",
                self.copied
            ),
            false => format!(
                "The mirror {place} had missed something; packs copied to it: {}, removed from it: {}",
                self.copied, self.removed
            ),
        };
        match (self.is_whole, self.left) {
            (true, _) => format!("{done}. It holds all now."),
            (false, 0) => format!("{done}. It may still lack something."),
            (false, left) => format!(
                "{done}. Packs still to be copied: {left}; `comity vault mirror catch-up` does it at once."
            ),
        }
    }
}

impl Centre {
    /// Brings the mirror up to date where it missed something: `None` where it did not, where there is none, where it
    /// is away, or where another process is at it. Copies `most` bytes of packs at the most, and at least one pack, and
    /// tells `watch` how many bytes are copied, of how many.
    ///
    /// # Errors
    /// Where the centre's own folder cannot be written to. That the mirror could not be brought up to date is none: it
    /// is on record.
    pub fn catch_up(&self, most: u64, watch: Watch<'_>) -> Result<Option<Brought>> {
        let Some(mirror) = &self.mirror else {
            return Ok(None);
        };
        let Some(note) = mirror.note()? else {
            return Ok(None);
        };
        let disk = &self.ambient.disk;
        disk.create_dir_all(&self.dir.join("tmp"))?;
        let Some(_alone) = disk.try_lock(&self.dir.join(LOCK))? else {
            return Ok(None);
        };
        if !mirror.is_here() {
            return Ok(None);
        }
        let _stay = self.keep_packs()?;
        let done = self
            .copy_to_mirror(mirror, most, watch)
            .and_then(|brought| self.sequencer().recover().map(|_| brought));
        let mut brought = match done {
            Ok(brought) => brought,
            // Whichever side fails: the mirror lacks what it lacked, and the centre is no worse for it.
            Err(e) => {
                mirror.failed(&e.to_string())?;
                return Ok(None);
            }
        };
        brought.is_first = note.why == ADDED;
        if brought.left == 0 && brought.findings.is_empty() && mirror.is_here() {
            brought.is_whole = mirror.is_up_to_date(&note)?;
        }
        Ok(Some(brought))
    }

    fn copy_to_mirror(&self, mirror: &Mirror, most: u64, watch: Watch<'_>) -> Result<Brought> {
        let first = Vault::new(self.objects.alone().clone());
        let second = Vault::new(mirror.objects().clone());
        // The mirror is listed before the first store: a pack that is in the mirror alone was removed, or lost.
        let there: BTreeMap<PackId, u64> = packs(&second)?;
        let here: BTreeMap<PackId, u64> = packs(&first)?;
        let mut session = self.session()?;
        let known = packs_of_tables(&mut session)?;
        let in_work = packs_in_work(&mut session)?;
        let lacking = here.iter().filter(|(pack, _)| !there.contains_key(*pack));
        let all: u64 = lacking.map(|(_, size)| size).sum::<u64>().min(most);
        let mut so_far = 0;
        let mut brought = Brought::default();
        let (mut waiting, mut settled) = (Vec::new(), vec![KEYS_FILE.to_owned()]);
        for (pack, size) in &here {
            let name = pack.name();
            match there.get(pack) {
                Some(held) if held == size => {
                    settled.push(name);
                    continue;
                }
                Some(_) => {
                    let what = "its length is not that of the first store's: `comity vault repair` finds out which is right";
                    let place = format!("mirror {}: {name}", mirror.place());
                    brought.findings.push(Finding::new(place, what));
                    continue;
                }
                None if brought.copied > 0 && brought.bytes >= most => {
                    brought.left += 1;
                    continue;
                }
                None => {}
            }
            let recorded = known.get(pack);
            let copied = held_as_recorded(&first, *pack, recorded).and_then(|()| {
                Ok(first.copy_pack(&name, &second, &mut |bytes| {
                    so_far += bytes;
                    watch(so_far.min(all), all);
                })?)
            });
            match copied {
                Ok(copied) => {
                    brought.bytes += size;
                    brought.copied += 1;
                    waiting.push(copied.pack);
                }
                Err(AppError::Damaged { place, what }) => {
                    brought.findings.push(Finding::new(place, what));
                }
                Err(AppError::Vault(e @ comity_vault::VaultError::DamagedPack { .. })) => {
                    brought.findings.push(Finding::new(name, e.to_string()));
                }
                Err(e) => return Err(e),
            }
            if waiting.len() >= BATCH {
                second.commit(std::mem::take(&mut waiting))?;
            }
        }
        second.commit(waiting)?;
        for pack in there.keys() {
            let is_gone = !here.contains_key(pack) && !known.contains_key(pack);
            if is_gone && !in_work.contains(pack) {
                mirror.objects().delete(&pack.name())?;
                brought.removed += 1;
            }
        }
        let names: Vec<&str> = settled.iter().map(String::as_str).collect();
        mirror.objects().settle(&names)?;
        copy_papers(self.objects.alone(), mirror.objects())?;
        mirror
            .objects()
            .put(KEYS_FILE, self.log_keys().to_file().as_bytes())?;
        Ok(brought)
    }
}

fn packs(vault: &Vault) -> Result<BTreeMap<PackId, u64>> {
    let files = vault.packs()?;
    Ok(files
        .into_iter()
        .filter_map(|f| Some((f.pack?, f.size)))
        .collect())
}

/// What lies beside the tree: policy, cosignatures, time stamps, successions. Nothing is removed.
pub(super) fn copy_papers(from: &Objects, to: &Objects) -> Result<()> {
    let there: HashSet<(String, u64)> = papers(to)?.into_iter().collect();
    for paper in papers(from)? {
        let name = paper.0.as_str();
        let Some(bytes) = from.get(name)? else {
            continue;
        };
        if !there.contains(&paper) || to.get(name)?.as_ref() != Some(&bytes) {
            to.put(name, &bytes)?;
        }
    }
    Ok(())
}

/// Files of the ledger that are not the tree.
pub(crate) fn papers(objects: &Objects) -> Result<Vec<(String, u64)>> {
    let mut all = objects.list("ledger/")?;
    all.retain(|(name, _)| {
        ![
            "ledger/tile/",
            "ledger/body/",
            "ledger/edge",
            "ledger/ahead",
            "ledger/checkpoint",
        ]
        .iter()
        .any(|tree| name.starts_with(tree))
    });
    Ok(all)
}
