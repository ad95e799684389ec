//! Mending one of two stores from the other, either way round. What the ledger names decides which copy is right, never
//! which of the two stores it lies in.

use std::collections::{BTreeSet, HashMap};

use comity_core::checkpoint::SignedCheckpoint;
use comity_core::finding::Finding;
use comity_core::id::ObjectId;
use comity_ledger::Tree;
use comity_store::Objects;
use comity_vault::{PackId, Vault};

use super::repair::BothWays;
use super::{Repaired, Rows, held_as_recorded, packs_of_tables};
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::event::Actor;
use crate::item::{COLUMNS, Item, TABLES};
use crate::mirror::Mirror;
use crate::sql::Session;

impl Centre {
    /// Mends the first store from the mirror and the mirror from the first store. Lost and torn packs and those of items
    /// in quarantine are looked for; with `full`, every byte of both stores is read.
    ///
    /// # Errors
    /// [`AppError::Usage`] where there is no mirror, [`AppError::Refused`] while it is away or the vault is in use.
    pub fn repair_both_ways(&self, actor: &Actor, full: bool) -> Result<Repaired> {
        let Some(mirror) = &self.mirror else {
            return Err(AppError::Usage(
                "the centre has no mirror to mend from: name a backup with --from".to_owned(),
            ));
        };
        if let Some(why) = mirror.reach() {
            return Err(AppError::Refused(format!(
                "the mirror {} cannot be used: {why}",
                mirror.place()
            )));
        }
        let Some(_alone) = self.take_packs()? else {
            return Err(AppError::Refused(
                "the vault is in use: give the command again when an intake, a backup or a reader is done".to_owned(),
            ));
        };
        let (mut done, mut both) = (Repaired::default(), BothWays::default());
        self.mend_ledgers(mirror, &mut done, &mut both)?;
        let mended = self.mend_packs(mirror, full, &mut done, &mut both)?;
        done.packs = both.first.len() as u64;
        done.mirror_packs = both.mirror.len() as u64;
        done.ledger_files = both.ledger.len() as u64;
        done.items = mended.len() as u64;
        if done.packs + done.mirror_packs + done.ledger_files + done.items > 0 {
            let leaf = self.record_repair(actor, mirror.place(), Some(&both), &mended)?;
            done.leaf = Some(leaf);
        }
        Ok(done)
    }

    fn mend_packs(
        &self,
        mirror: &Mirror,
        full: bool,
        done: &mut Repaired,
        both: &mut BothWays,
    ) -> Result<Vec<(Item, PackId)>> {
        let first = Vault::new(self.objects.alone().clone());
        let second = Vault::new(mirror.objects().clone());
        let mut session = self.session()?;
        let known = packs_of_tables(&mut session)?;
        let mut apart = self.apart(&mut session)?;
        let packs: BTreeSet<PackId> = known.keys().chain(apart.keys()).copied().collect();
        let mut mended = Vec::new();
        for pack in packs {
            let waiting = apart.remove(&pack).unwrap_or_default();
            let rows = known.get(&pack);
            let deep = full || !waiting.is_empty();
            let wrong = (
                unsound(&first, pack, rows, deep),
                unsound(&second, pack, rows, deep),
            );
            let outcome = match wrong {
                (None, None) => Ok(()),
                (Some(_), None) => {
                    both.first.insert(pack);
                    self.mend_from(&mut session, &second, &first, pack, &known)
                }
                (None, Some(_)) => {
                    both.mirror.insert(pack);
                    self.mend_from(&mut session, &first, &second, pack, &known)
                }
                (Some(here), Some(there)) => Err(AppError::damaged(
                    pack.name(),
                    format!(
                        "neither copy is whole: in the first store, {here}; in the mirror {}, {there}",
                        mirror.place()
                    ),
                )),
            };
            match outcome {
                Ok(()) => mended.extend(waiting.into_iter().map(|(item, _)| (item, pack))),
                Err(e) => {
                    both.first.remove(&pack);
                    both.mirror.remove(&pack);
                    done.findings.push(Finding::new(pack.name(), e.to_string()));
                }
            }
        }
        Ok(mended)
    }

    /// As [`Centre::mend`], with what the events of all items in the pack say, so that no meddled table decides.
    fn mend_from(
        &self,
        session: &mut Session,
        source: &Vault,
        target: &Vault,
        pack: PackId,
        known: &HashMap<PackId, Rows>,
    ) -> Result<()> {
        let rows = session.query(
            &format!("SELECT {COLUMNS}, o.id FROM {TABLES} JOIN objects o ON o.no = i.object WHERE o.pack = ? ORDER BY i.no"),
            &[pack.0.into()],
        )?;
        let mut items = Vec::with_capacity(rows.len());
        for row in &rows {
            let Some(id) = row.0.last() else { continue };
            let id = crate::sql::Row(vec![id.clone()]);
            let item = match self.item_of_row(row) {
                Ok(item) => item,
                // What waits for its desk is judged by the rows that were made of its events.
                Err(AppError::Locked { .. }) => continue,
                Err(e) => return Err(e),
            };
            match self.received_event(&item) {
                Ok(event) if event.is_erased() => {}
                Ok(_) => items.push((item, ObjectId(id.array(0)?))),
                Err(AppError::Locked { .. }) => {}
                Err(e) => return Err(e),
            }
        }
        self.mend(source, target, pack, &items, known)
    }

    /// Puts the ledger's files in place where one store has them and the other does not.
    fn mend_ledgers(
        &self,
        mirror: &Mirror,
        done: &mut Repaired,
        both: &mut BothWays,
    ) -> Result<()> {
        let (first, second) = (self.objects.alone(), mirror.objects());
        let here = comity_ledger::check(first, None, &|_, _| ())?;
        let there = comity_ledger::check(second, None, &|_, _| ())?;
        let opened = Tree::open_read_only(second.clone());
        match (here.is_empty(), there.is_empty() && opened.is_ok()) {
            (true, true) => {}
            (true, false) => match self.refuse_to_replace(mirror)? {
                Some(finding) => done.findings.push(finding),
                None => self.replace_mirror_ledger(mirror, both)?,
            },
            (false, true) => {
                let names = here.iter().map(|f| f.place.as_str());
                mend_files(names.collect(), second, first, both)?;
                done.findings
                    .extend(comity_ledger::check(first, None, &|_, _| ())?);
            }
            (false, false) => {
                done.findings.extend(here);
                done.findings.extend(there.into_iter().map(|f| {
                    Finding::new(format!("mirror {}: {}", mirror.place(), f.place), f.what)
                }));
            }
        }
        Ok(())
    }

    /// A signed checkpoint in the mirror that this log does not continue is evidence, and stays.
    fn refuse_to_replace(&self, mirror: &Mirror) -> Result<Option<Finding>> {
        let Some(note) = mirror.objects().get("ledger/checkpoint")? else {
            return Ok(None);
        };
        let Ok(signed) = SignedCheckpoint::parse(&note).and_then(|c| c.verify(&self.log_keys()))
        else {
            return Ok(None);
        };
        let sequencer = self.sequencer();
        let is_ours = signed.size() <= sequencer.tree.size()
            && sequencer.tree.root_at(signed.size())? == *signed.root();
        Ok((!is_ours).then(|| {
            Finding::new(
                format!("mirror {}: ledger/checkpoint", mirror.place()),
                "this log signed it and does not continue it: it is evidence of another history, and nothing is written over it",
            )
        }))
    }

    fn replace_mirror_ledger(&self, mirror: &Mirror, both: &mut BothWays) -> Result<()> {
        let snapshot = self.sequencer().snapshot()?;
        let (first, second) = (self.objects.alone(), mirror.objects());
        for name in snapshot.files() {
            let bytes = first.get(&name)?;
            if let Some(bytes) = bytes
                && second.get(&name)?.as_ref() != Some(&bytes)
            {
                second.put(&name, &bytes)?;
                both.ledger.push(format!("mirror: {name}"));
            }
        }
        snapshot.put_edge(second)?;
        both.ledger.push("mirror: ledger/edge".to_owned());
        self.sequencer().recover()?;
        Ok(())
    }
}

/// Full tiles and bundles, which never change.
fn mend_files(
    names: BTreeSet<&str>,
    from: &Objects,
    to: &Objects,
    both: &mut BothWays,
) -> Result<()> {
    for name in names {
        let is_full = name.starts_with("ledger/tile/") || name.starts_with("ledger/body/");
        if is_full
            && let Some(bytes) = from.get(name)?
            && to.get(name)?.as_ref() != Some(&bytes)
        {
            to.put(name, &bytes)?;
            both.ledger.push(name.to_owned());
        }
    }
    Ok(())
}

/// What is wrong with a pack in a store; `deep` reads every byte.
fn unsound(vault: &Vault, pack: PackId, rows: Option<&Rows>, deep: bool) -> Option<String> {
    if let Err(e) = held_as_recorded(vault, pack, rows) {
        return Some(e.to_string());
    }
    match deep.then(|| vault.check_pack(&pack.name())) {
        Some(Ok(found)) => found.into_iter().next().map(|f| f.what),
        Some(Err(e)) => Some(e.to_string()),
        None => None,
    }
}
