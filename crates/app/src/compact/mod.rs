//! `comity vault compact`: the space of objects whose keys were destroyed (`docs/format/vault.md`, Compaction).

mod plan;

use std::collections::{HashMap, HashSet};

use comity_core::finding::Finding;
use comity_core::id::ObjectId;
use comity_core::json::Value as Json;
use comity_keyring::inspect;
use comity_store::ObjectReader;
use comity_vault::{PackId, Placed, UnsyncedPack};

use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::event::Actor;
use crate::sql::{Session, Value};

use plan::{NewPack, Plan, read};

/// Packs that become durable behind one barrier.
const BATCH: usize = 16;
/// What stands for the pack of an object that lies nowhere any more.
pub(crate) const NOWHERE: PackId = PackId([0; 16]);
/// Rows that one statement changes.
const ROWS: usize = 512;

/// What was done.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Packs that are gone.
    pub packs_removed: u64,
    /// Packs that were made of what lived in them.
    pub packs_made: u64,
    /// Dead objects that are gone.
    pub objects_removed: u64,
    /// Bytes given back.
    pub bytes_freed: u64,
    /// The index of the leaf that records it; `None` where there was nothing to do.
    pub leaf: Option<u64>,
    /// Packs that are left as they were, and why.
    pub left: Vec<Finding>,
}

/// Packs that a compaction is making or removing: what they hold lies elsewhere too, and counts there.
pub(crate) fn packs_in_work(session: &mut Session) -> Result<HashSet<PackId>> {
    let rows = session.query("SELECT id FROM packs_in_work", &[])?;
    rows.iter().map(|row| Ok(PackId(row.array(0)?))).collect()
}

impl Centre {
    /// Gives back the space of dead objects.
    ///
    /// # Errors
    /// [`AppError::Refused`] while an intake, a backup or another reader counts on the packs.
    pub fn compact(&self, actor: &Actor) -> Result<Outcome> {
        let Some(_alone) = self.take_packs()? else {
            return Err(AppError::Refused(
                "the vault is in use (an intake, a backup, a disclosure or a reader): give the command again when it is done".to_owned(),
            ));
        };
        let mut session = self.session()?;
        // Another process may have been killed since this one was opened.
        self.finish_packs(&mut session)?;
        let ring = self.dir.join("keyring");
        let keyring = inspect(&ring, &self.ambient.disk, &mut |_, _| ())?;
        let plan = Plan::make(self, &mut session, &keyring)?;
        if plan.removed.is_empty() {
            return Ok(Outcome {
                left: plan.left,
                ..Outcome::default()
            });
        }
        let coming: Vec<Value> = plan
            .made
            .iter()
            .flat_map(|new| [Value::from(new.id.0), Value::Int(0)])
            .collect();
        session.begin()?;
        session.insert("packs_in_work", &["id", "leaves"], &coming)?;
        session.commit()?;
        let placed = self.write_packs(&plan.made)?;
        let before: u64 = plan.removed.iter().map(|(_, size)| size).sum();
        let mut outcome = Outcome {
            packs_removed: plan.removed.len() as u64,
            packs_made: plan.made.len() as u64,
            objects_removed: plan.dead,
            bytes_freed: before.saturating_sub(placed.bytes),
            leaf: None,
            left: Vec::new(),
        };
        outcome.leaf =
            Some(self.record_compaction(actor, &mut session, &plan, &placed, &outcome)?);
        self.finish_packs(&mut session)?;
        outcome.left = plan.left;
        Ok(outcome)
    }

    fn write_packs(&self, planned: &[NewPack]) -> Result<Written> {
        let mut written = Written::default();
        let mut waiting: Vec<UnsyncedPack> = Vec::new();
        let mut open: Option<(PackId, ObjectReader)> = None;
        for new in planned {
            let mut pack = self.vault.pack(new.scope_key, new.id)?;
            for moved in &new.objects {
                let file = match open.take() {
                    Some((from, file)) if from == moved.from => file,
                    _ => self.objects.reader(&moved.from.name())?,
                };
                let bytes = read(&file, &moved.entry)
                    .map_err(|what| AppError::damaged(moved.from.name(), what))?;
                let placed = pack.add_sealed(moved.entry.object, &bytes)?;
                written.placed.push((moved.no, moved.entry.object, placed));
                open = Some((moved.from, file));
            }
            let pack = pack.finish()?;
            written.bytes += pack.size();
            waiting.push(pack);
            if waiting.len() >= BATCH {
                self.vault.commit(std::mem::take(&mut waiting))?;
            }
        }
        self.vault.commit(waiting)?;
        Ok(written)
    }

    /// The event, the new places and the list of what goes, in one transaction.
    fn record_compaction(
        &self,
        actor: &Actor,
        session: &mut Session,
        plan: &Plan,
        written: &Written,
        outcome: &Outcome,
    ) -> Result<u64> {
        let ids = |ids: &mut dyn Iterator<Item = PackId>| {
            Json::Array(ids.map(|id| id.to_string().into()).collect())
        };
        let counts = Json::from_iter([
            ("packs_removed".to_owned(), outcome.packs_removed.into()),
            ("packs_made".to_owned(), outcome.packs_made.into()),
            ("objects_removed".to_owned(), outcome.objects_removed.into()),
            ("bytes_freed".to_owned(), Json::from(outcome.bytes_freed)),
        ]);
        let event = self
            .draft("vault_compacted", actor)
            .custody("counts", counts)
            .content("removed", ids(&mut plan.removed.iter().map(|(id, _)| *id)))
            .content("made", ids(&mut plan.made.iter().map(|new| new.id)));
        let draft = self.seal_own(session, event)?;
        let committed = self.sequencer().commit(&self.keys, |group| {
            let session = &mut *group.session;
            session.execute("DELETE FROM packs_in_work", &[])?;
            for (id, _) in &plan.removed {
                session.insert(
                    "packs_in_work",
                    &["id", "leaves"],
                    &[id.0.into(), Value::Int(1)],
                )?;
            }
            for part in written.placed.chunks(ROWS) {
                let rows = vec!["(?,?,?,?)"; part.len()].join(",");
                let values: Vec<Value> = part
                    .iter()
                    .flat_map(|(no, id, placed)| {
                        let pack = placed.pack.0.into();
                        [(*no).into(), id.0.into(), pack, (placed.offset as i64).into()]
                    })
                    .collect();
                let changed = session.execute(
                    &format!("WITH moved (no, id, pack, at) AS (VALUES {rows}) UPDATE objects SET pack = moved.pack, at = moved.at FROM moved WHERE objects.no = moved.no AND objects.id = moved.id"),
                    &values,
                )?;
                if changed != part.len() as u64 {
                    // An erasure came between: it may have given the object to another item.
                    return Err(AppError::Overtaken("while packs were being made"));
                }
            }
            for (no, id) in &plan.dead_rows {
                session.execute(
                    "UPDATE objects SET pack = ?, at = 0 WHERE no = ? AND id = ?",
                    &[NOWHERE.0.into(), (*no).into(), id.0.into()],
                )?;
            }
            group.push(&draft)
        })?;
        Ok(committed.index)
    }

    /// Removes what an interrupted compaction left: the new packs, or the old ones where it is on record.
    pub(crate) fn recover_packs(&self) -> Result<Option<String>> {
        let mut session = self.session()?;
        if packs_in_work(&mut session)?.is_empty() {
            return Ok(None);
        }
        // Somebody is at it, or reads: the next start finds it as it is.
        let Some(_alone) = self.take_packs()? else {
            return Ok(None);
        };
        let recorded = self.finish_packs(&mut session)?;
        Ok(match recorded.get(&true).or(recorded.get(&false)) {
            Some(_) if recorded.contains_key(&true) => Some(
                "A compaction of the vault was recorded and interrupted; the packs that it replaced are removed now.".to_owned(),
            ),
            Some(_) => Some(
                "A compaction of the vault was interrupted before it was recorded; what was made of it is removed.".to_owned(),
            ),
            None => None,
        })
    }

    /// Removes the packs that are in work, whichever way; how many there were of those that go after a record, and
    /// of those that never had one.
    fn finish_packs(&self, session: &mut Session) -> Result<HashMap<bool, u64>> {
        let mut done = HashMap::new();
        let rows = session.query("SELECT id, leaves FROM packs_in_work", &[])?;
        for row in &rows {
            self.objects.delete(&PackId(row.array(0)?).name())?;
            *done.entry(row.int(1)? == 1).or_default() += 1;
        }
        if !rows.is_empty() {
            session.execute("DELETE FROM packs_in_work", &[])?;
        }
        Ok(done)
    }
}

/// Where living objects came to lie.
#[derive(Default)]
struct Written {
    placed: Vec<(i64, ObjectId, Placed)>,
    bytes: u64,
}
