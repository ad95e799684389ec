//! Fixity: every byte of the vault read again and again, a part a run, and what is found damaged set apart.

mod both_ways;
mod repair;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::thread::sleep;
use std::time::Duration;

use comity_core::digest::Digest;
use comity_core::id::{Ern, ObjectId};
use comity_core::json::Value as Json;
use comity_store::StoreError;
use comity_vault::{PackId, Vault, VaultError};

use crate::centre::Centre;
use crate::commit::Draft;
use crate::compact::NOWHERE;
use crate::error::{AppError, Result};
use crate::event::Actor;
use crate::item::{COLUMNS, Item, TABLES};
use crate::sql::Session;

pub use repair::Repaired;

/// Failures that an event names one by one.
const NAMED: usize = 10_000;

/// How a run reads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Pace {
    /// Bytes a second at most; as fast as the disk gives them, unless said.
    pub bytes_per_sec: Option<u64>,
    /// The run ends with the pack at which so many seconds have gone; after one round, unless said.
    pub seconds: Option<u64>,
}

/// Bytes that do not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The item that they are of; `None` where no item holds them.
    pub ern: Option<Ern>,
    /// The pack's name.
    pub pack: String,
    /// What is wrong.
    pub what: String,
}

/// What a run did.
#[derive(Debug)]
pub struct Run {
    /// The last pack that was read; the next run goes on after it.
    pub to: Option<PackId>,
    /// Packs read.
    pub packs: u64,
    /// Bytes read.
    pub bytes: u64,
    /// What does not pass.
    pub failures: Vec<Failure>,
    /// Items that are in quarantine since this run.
    pub quarantined: u64,
    /// The index of the leaf that records it.
    pub leaf: u64,
}

/// What the tables say of a pack: its objects by their rows.
pub(crate) type Rows = HashMap<ObjectId, (i64, Digest)>;

impl Centre {
    /// Reads packs from where the last run stopped, and sets apart the items whose bytes do not pass.
    pub fn check_fixity(&self, actor: &Actor, pace: Pace, watch: &dyn Fn(u64, u64)) -> Result<Run> {
        let _stay = self.keep_packs()?;
        let mut session = self.session()?;
        let last = session.query_one(
            "SELECT last FROM fixity_runs ORDER BY leaf DESC LIMIT 1",
            &[],
        )?;
        let last = match last {
            Some(row) => row.opt_blob(0)?.and_then(|b| b.try_into().ok()).map(PackId),
            None => None,
        };
        let rows = packs_of_tables(&mut session)?;
        let mut all: BTreeSet<PackId> = rows.keys().copied().collect();
        all.extend(self.vault.packs()?.into_iter().filter_map(|f| f.pack));
        let after: Vec<PackId> = all.iter().copied().filter(|p| Some(*p) > last).collect();
        let round = after.iter().chain(all.iter().filter(|p| Some(**p) <= last));
        let clock = Pacing::new(self, pace);
        let (mut run, mut failed) = (
            Run {
                to: last,
                packs: 0,
                bytes: 0,
                failures: Vec::new(),
                quarantined: 0,
                leaf: 0,
            },
            BTreeMap::new(),
        );
        let second = match &self.mirror {
            None => None,
            Some(mirror) => match mirror.absence() {
                None => Some((mirror.place(), Vault::new(mirror.objects().clone()))),
                Some(why) => {
                    run.failures.push(Failure {
                        ern: None,
                        pack: format!("mirror {}", mirror.place()),
                        what: format!("it cannot be read: {why}"),
                    });
                    None
                }
            },
        };
        for pack in round {
            let none = Rows::new();
            let known = rows.get(pack).unwrap_or(&none);
            let mut read = 0;
            let pace = &mut |n| {
                read += n;
                clock.wait(run.bytes + read);
            };
            let found = check_one(&self.vault, *pack, known, pace);
            if let Some((place, vault)) = &second {
                // A bad copy beside a good one takes nothing away from anybody: it is named, and the item stays.
                for (object, what) in check_one(vault, *pack, known, pace) {
                    let ern = match object {
                        Some(no) => items_of_object(self, &mut session, no)?
                            .first()
                            .map(|i| i.ern),
                        None => None,
                    };
                    let pack = format!("mirror {place}: {}", pack.name());
                    run.failures.push(Failure { ern, pack, what });
                }
            }
            run.bytes += read;
            run.packs += 1;
            run.to = Some(*pack);
            watch(run.packs, all.len() as u64);
            for (object, what) in found {
                let items = match object {
                    Some(no) => items_of_object(self, &mut session, no)?,
                    None => Vec::new(),
                };
                let failure = |ern| Failure {
                    ern,
                    pack: pack.name(),
                    what: what.clone(),
                };
                if items.is_empty() {
                    run.failures.push(failure(None));
                }
                for item in items {
                    run.failures.push(failure(Some(item.ern)));
                    // What was read of an item can be read again: its own bytes are not in question.
                    if object.is_some_and(|no| no < 0) {
                        continue;
                    }
                    failed.entry(item.no).or_insert((item, what.clone()));
                }
            }
            if clock.is_over() {
                break;
            }
        }
        self.record_fixity(actor, &mut session, last, &mut run, failed.into_values())?;
        Ok(run)
    }

    fn record_fixity(
        &self,
        actor: &Actor,
        session: &mut Session,
        from: Option<PackId>,
        run: &mut Run,
        failed: impl Iterator<Item = (Item, String)>,
    ) -> Result<()> {
        let named = run.failures.iter().take(NAMED).map(|f| {
            Json::from_iter([
                ("item".to_owned(), Json::from(f.ern.map(|e| e.to_string()))),
                ("pack".to_owned(), f.pack.as_str().into()),
                ("what".to_owned(), f.what.as_str().into()),
            ])
        });
        let counts = Json::from_iter([
            ("packs".to_owned(), Json::from(run.packs)),
            ("bytes".to_owned(), run.bytes.into()),
            ("failures".to_owned(), (run.failures.len() as u64).into()),
        ]);
        let act = self
            .draft("fixity_checked", actor)
            .custody_opt("from", from.map(|p| p.to_string()))
            .custody_opt("to", run.to.map(|p| p.to_string()))
            .custody("counts", counts)
            .content("failures", Json::Array(named.collect()));
        let id = act.id().to_string();
        let mut drafts = vec![self.seal_own(session, act)?];
        for (item, what) in failed.filter(|(item, _)| !item.quarantined) {
            let event = self
                .draft("quarantined", actor)
                .custody("act", id.as_str())
                .custody("ern", item.ern.to_string())
                .content("reason", what);
            drafts.push(self.seal_of_item(session, &item, event)?);
        }
        run.quarantined = drafts.len() as u64 - 1;
        run.leaf = self.append_all(&drafts)?;
        Ok(())
    }

    /// Records events in one group, and gives the leaf of the first.
    fn append_all(&self, drafts: &[Draft]) -> Result<u64> {
        let leaves = self.sequencer().commit(&self.keys, |group| {
            drafts
                .iter()
                .map(|draft| Ok(group.push(draft)?.index))
                .collect::<Result<Vec<_>>>()
        })?;
        Ok(leaves.first().copied().unwrap_or(0))
    }
}

/// What is wrong with a pack, by the rows of its objects: against its own digests, and against the ledger's.
fn check_one(
    vault: &Vault,
    pack: PackId,
    known: &Rows,
    pace: &mut dyn FnMut(u64),
) -> Vec<(Option<i64>, String)> {
    let name = pack.name();
    let whole = |what: String| match known.is_empty() {
        true => vec![(None, what)],
        false => known
            .values()
            .map(|(no, _)| (Some(*no), what.clone()))
            .collect(),
    };
    let found = match vault.check_pack_paced(&name, pace) {
        Ok(found) => found,
        Err(VaultError::Store(StoreError::NotFound { .. })) if known.is_empty() => {
            return Vec::new();
        }
        Err(e) => return whole(e.to_string()),
    };
    if let Some(of_pack) = found.iter().find(|f| f.object.is_none()) {
        return whole(of_pack.what.clone());
    }
    let mut wrong: Vec<(Option<i64>, String)> = Vec::new();
    for f in &found {
        let no = f.object.and_then(|o| known.get(&o)).map(|(no, _)| *no);
        wrong.push((no, f.what.clone()));
    }
    if known.is_empty() {
        return wrong;
    }
    let index = match vault.read_pack_index(&name) {
        Ok(index) => index,
        Err(e) => return whole(e.to_string()),
    };
    let held: HashMap<ObjectId, Digest> =
        index.objects.iter().map(|o| (o.object, o.sha256)).collect();
    for (id, (no, recorded)) in known {
        match held.get(id) {
            Some(found) if found == recorded => {}
            Some(_) => wrong.push((
                Some(*no),
                "its sealed bytes are not those that its event names".to_owned(),
            )),
            None => wrong.push((Some(*no), "its pack does not hold it".to_owned())),
        }
    }
    wrong
}

/// Holds a pack's index against what the tables say that it holds; its objects are held against the index elsewhere.
pub(crate) fn held_as_recorded(vault: &Vault, pack: PackId, known: Option<&Rows>) -> Result<()> {
    let index = vault.read_pack_index(&pack.name())?;
    let held: HashMap<ObjectId, Digest> =
        index.objects.iter().map(|o| (o.object, o.sha256)).collect();
    for (id, (_, recorded)) in known.into_iter().flatten() {
        if held.get(id) != Some(recorded) {
            let what = format!("it does not hold object {id} as recorded");
            return Err(AppError::damaged(pack.name(), what));
        }
    }
    Ok(())
}

/// The packs that the tables know, and what they hold by them.
pub(crate) fn packs_of_tables(session: &mut Session) -> Result<HashMap<PackId, Rows>> {
    const PAGE: usize = 10_000;
    let mut packs: HashMap<PackId, Rows> = HashMap::new();
    // Derivatives' objects have numbers below zero.
    let mut after = i64::MIN;
    loop {
        let rows = session.query(
            &format!("SELECT no, id, pack, sealed_sha256 FROM objects WHERE no > ? ORDER BY no LIMIT {PAGE}"),
            &[after.into()],
        )?;
        for row in &rows {
            after = row.int(0)?;
            let pack = PackId(row.array(2)?);
            if pack != NOWHERE {
                let object = (after, Digest(row.array(3)?));
                packs
                    .entry(pack)
                    .or_default()
                    .insert(ObjectId(row.array(1)?), object);
            }
        }
        if rows.len() < PAGE {
            return Ok(packs);
        }
    }
}

/// The items that hold an object: the first bears its number; the one of which a derivative was made.
fn items_of_object(centre: &Centre, session: &mut Session, object: i64) -> Result<Vec<Item>> {
    if object < 0 {
        let row = session.query_one(
            "SELECT item FROM derivatives WHERE leaf = ?",
            &[(-object).into()],
        )?;
        let item = row.map(|row| row.int(0)).transpose()?;
        return item
            .map(|no| centre.item_by_no(session, no))
            .into_iter()
            .collect();
    }
    let rows = session.query(
        &format!(
            "SELECT {COLUMNS} FROM {TABLES} WHERE i.object = ? AND (i.no = ? OR i.object <> i.no)"
        ),
        &[object.into(), object.into()],
    )?;
    rows.iter().map(|row| centre.item_of_row(row)).collect()
}

/// Keeps a run within its rate and its time.
struct Pacing<'a> {
    centre: &'a Centre,
    pace: Pace,
    begun: i64,
}

impl<'a> Pacing<'a> {
    fn new(centre: &'a Centre, pace: Pace) -> Pacing<'a> {
        let begun = centre.ambient.clock.now_micros();
        Pacing {
            centre,
            pace,
            begun,
        }
    }

    fn gone(&self) -> u64 {
        let gone = self.centre.ambient.clock.now_micros() - self.begun;
        u64::try_from(gone).unwrap_or(0)
    }

    /// Waits until so many bytes may have been read.
    fn wait(&self, bytes: u64) {
        if let Some(rate) = self.pace.bytes_per_sec.filter(|r| *r > 0) {
            sleep(too_early(bytes, rate, self.gone()));
        }
    }

    fn is_over(&self) -> bool {
        self.pace
            .seconds
            .is_some_and(|s| self.gone() >= s.saturating_mul(1_000_000))
    }
}

/// How long to wait before so many bytes were read in all, at so many a second, when so many microseconds are gone.
fn too_early(bytes: u64, rate: u64, gone: u64) -> Duration {
    let due = u128::from(bytes) * 1_000_000 / u128::from(rate);
    let due = u64::try_from(due).unwrap_or(u64::MAX);
    Duration::from_micros(due.saturating_sub(gone))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_never_reads_faster_than_its_rate() {
        let (megabyte, second) = (1 << 20, 1_000_000);
        // Ten megabytes at one a second take ten seconds, however fast the disk was.
        assert_eq!(
            too_early(10 * megabyte, megabyte, second),
            Duration::from_secs(9)
        );
        assert_eq!(
            too_early(10 * megabyte, megabyte, 10 * second),
            Duration::ZERO
        );
        assert_eq!(
            too_early(10 * megabyte, megabyte, 60 * second),
            Duration::ZERO
        );
        assert_eq!(too_early(u64::MAX, 1, 0), Duration::from_micros(u64::MAX));
    }
}
