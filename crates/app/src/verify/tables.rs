//! The tables against what the ledger says: made anew in a sealed file of the check's own, and compared.

use std::collections::HashSet;
use std::path::Path;
use std::thread::JoinHandle;

use comity_core::finding::Finding;
use comity_ledger::Tree;
use comity_vault::PackId;

use super::{Report, Scene, Scratch};
use crate::compact::packs_in_work;
use crate::compare::differences;
use crate::error::{AppError, Result};
use crate::keys::{Keys, STATE_KEY};
use crate::places::FoundObjects;
use crate::project::Projector;
use crate::rebuild::{Opened, apply, finish};
use crate::sql::{Access, Database, Session, SqlError, schema};

/// Threads that compare tables: the five that grow with every item are done by as many.
const COMPARING: usize = 4;
/// The published checkpoint, as findings name it.
const CHECKPOINT: &str = "ledger/checkpoint";
/// The sealed SQLite file, as findings name it.
const STATE_FILE: &str = "state.db";

/// The tables in the making, beside the live ones; nothing once they were given up.
pub struct Tables {
    work: Option<Work>,
    soundness: Option<Soundness>,
    in_work: HashSet<PackId>,
}

struct Work {
    live: Session,
    /// More sessions on the same state, for the comparison.
    others: Vec<Session>,
    made: Session,
    database: Database,
    projector: Projector,
    /// The live tables go as far as this.
    size: u64,
    scratch: Scratch,
}

impl Tables {
    /// What is wrong has been said, and there is nothing to compare.
    fn none() -> Tables {
        Tables {
            work: None,
            soundness: None,
            in_work: HashSet::new(),
        }
    }

    /// Opens the live tables for reading and an empty file for the comparison.
    pub fn begin(
        scene: &Scene<'_>,
        keys: &Keys,
        tree: &Tree,
        report: &mut Report,
    ) -> Result<Tables> {
        if !scene.has_tables {
            return Ok(Tables::none());
        }
        let scratch = Scratch::new(scene.ambient)?;
        let key = match keys.scope(STATE_KEY) {
            Ok(secret) => secret.first,
            Err(e) => {
                report.findings.push(Finding::new("keyring", e.to_string()));
                return Ok(Tables::none());
            }
        };
        if let Database::Sqlite { path, .. } =
            scene.config.database(scene.dir, key, Access::ReadOnly)
            && !path.exists()
        {
            report.findings.push(Finding::new(
                STATE_FILE,
                "it is missing; `comity rebuild` makes it anew from the ledger",
            ));
            return Ok(Tables::none());
        }
        let opened = live(scene, key, &scratch.folder).and_then(|database| {
            let live = Session::open(&database)?;
            Ok((live, database.clone(), Soundness::begin(database)))
        });
        let (mut live, database, soundness) = match opened {
            Ok(opened) => opened,
            Err(AppError::Sql(e @ (SqlError::Unreadable { .. } | SqlError::Engine { .. }))) => {
                report.findings.push(Finding::new("state", e.to_string()));
                return Ok(Tables::none());
            }
            Err(e) => return Err(e),
        };
        let wrong = match schema::version(&mut live) {
            Ok(Some(schema::VERSION)) => None,
            Ok(other) => {
                let which = other.map_or("none".to_owned(), |v| v.to_string());
                Some(format!(
                    "its tables are of version {which} and this program's are of version {}; `comity rebuild` makes them anew from the ledger",
                    schema::VERSION
                ))
            }
            Err(e) => Some(e.to_string()),
        };
        if let Some(wrong) = wrong {
            // Damaged pages say more than what cannot be read because of them.
            if soundness.end(report) {
                report.findings.push(Finding::new(STATE_FILE, wrong));
            }
            return Ok(Tables::none());
        }
        // One snapshot: another process may go on recording.
        let state = snapshot(&mut live)?;
        let others = others_like(&database, &state)?;
        let in_work = packs_in_work(&mut live)?;
        let (size, tree_size) = (state.first().copied().unwrap_or(0) as u64, tree.size());
        let is_hurt = report.findings.iter().any(|f| f.place == CHECKPOINT);
        if tree.published_size() < size && !is_hurt {
            report.findings.extend(put_back(scene, &mut live, size)?);
        }
        if size > tree_size {
            report.notes.push(format!("{} events of an interrupted run are in SQL and not in the tree yet; the next command that records brings them over. The tables were not compared.", size - tree_size));
            return Ok(Tables {
                work: None,
                soundness: Some(soundness),
                in_work,
            });
        }
        if size < tree_size {
            // Rows are committed before the tree is published, so they are never behind it by themselves.
            report.findings.push(Finding::new(
                STATE_FILE,
                format!("it knows {size} events and {tree_size} are published: an older copy was put in place; the next command that opens the centre makes it anew"),
            ));
        }
        let database = Database::Sqlite {
            path: scratch.folder.join("made.db"),
            key,
            access: Access::Making,
        };
        let mut made = Session::open(&database)?;
        schema::create(&mut made)?;
        let projector = Projector::from_nothing(&mut made)?;
        made.begin()?;
        Ok(Tables {
            work: Some(Work {
                live,
                others,
                made,
                database,
                projector,
                size,
                scratch,
            }),
            soundness: Some(soundness),
            in_work,
        })
    }

    /// Packs that a compaction is making or removing.
    pub fn packs_in_work(&self) -> &HashSet<PackId> {
        &self.in_work
    }

    /// Takes the next event.
    pub fn take(
        &mut self,
        keys: &Keys,
        found: &FoundObjects,
        chain_no: Option<i64>,
        event: Opened,
    ) -> Result<()> {
        let Some(work) = &mut self.work else {
            return Ok(());
        };
        if event.event.index >= work.size {
            return Ok(());
        }
        if apply(
            keys,
            &mut work.made,
            &mut work.projector,
            found,
            chain_no,
            event,
        )
        .is_err()
        {
            // An event that fits no chain is named by the check of the chains; the tables cannot be made from it.
            self.work = None;
            return Ok(());
        }
        work.projector.rows.make_room(&mut work.made)?;
        Ok(())
    }

    /// The tables cannot be made from a damaged ledger, so they are not compared with one.
    pub fn give_up(&mut self) {
        self.work = None;
    }

    /// Compares.
    pub fn end(self, scene: &Scene<'_>, tree: &Tree, report: &mut Report) -> Result<()> {
        if !scene.has_tables {
            return Ok(());
        }
        let is_sound = self.soundness.is_none_or(|s| s.end(report));
        let Some(mut work) = self.work.filter(|_| is_sound) else {
            report
                .notes
                .push("The tables were not compared with the ledger.".to_owned());
            return Ok(());
        };
        work.projector.rows.flush(&mut work.made)?;
        finish(&mut work.made, work.size, tree.published())?;
        (scene.watch)("tables", 0, 1);
        match differences(
            &mut work.live,
            work.others,
            work.made,
            &work.database,
            &work.projector.rows,
        ) {
            Ok(all) => report
                .findings
                .extend(all.into_iter().map(|what| Finding::new("state", what))),
            Err(e) => report.findings.push(Finding::new(
                STATE_FILE,
                format!("{e}; run `comity rebuild`"),
            )),
        }
        (scene.watch)("tables", 1, 1);
        drop(work.scratch);
        Ok(())
    }
}

/// From here on a session sees one state of the tables: how many events they know, and how many groups there were.
fn snapshot(session: &mut Session) -> Result<Vec<i64>> {
    let begin = match session.is_postgres() {
        true => "BEGIN ISOLATION LEVEL REPEATABLE READ",
        false => "BEGIN",
    };
    session.execute(begin, &[])?;
    let row = session.query_one("SELECT size, fence FROM log_state WHERE id = 1", &[])?;
    match row {
        Some(row) => Ok(vec![row.int(0)?, row.int(1)?]),
        None => Ok(Vec::new()),
    }
}

/// An older checkpoint that was put in place. What the tables hold for the tree is their last group: all before it was
/// published before they numbered it. One group less is what a run leaves that ended before it published.
fn put_back(scene: &Scene<'_>, live: &mut Session, size: u64) -> Result<Option<Finding>> {
    let waiting = live.query_one("SELECT min(first) FROM pending", &[])?;
    let waiting = waiting.map(|row| row.opt_int(0)).transpose()?.flatten();
    let signed = live.query_one("SELECT checkpoint FROM log_state WHERE id = 1", &[])?;
    // Read after the tables: another process may have published in between. What cannot be read is named elsewhere.
    let Ok(now) = Tree::open_read_only(scene.objects.clone()) else {
        return Ok(None);
    };
    // Nor was anything published after that which the tables themselves know.
    if signed
        .map(|row| row.opt_blob(0).map(|note| note == now.published()))
        .transpose()?
        == Some(true)
    {
        return Ok(None);
    }
    let published = now.published_size();
    let before = waiting.map_or(size, |first| first as u64);
    Ok((published < before).then(|| {
        Finding::new(
            CHECKPOINT,
            format!("it speaks of {published} events, and a checkpoint of at least {before} was published: an older copy was put in place; the next command that records puts the newest there again"),
        )
    }))
}

/// Sessions on the same state, one for each other core. Where another process recorded in between there are fewer.
fn others_like(database: &Database, state: &[i64]) -> Result<Vec<Session>> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let mut others = Vec::new();
    for _ in 1..cores.min(COMPARING) {
        let mut other = Session::open(database)?;
        if snapshot(&mut other)? == state {
            others.push(other);
        }
    }
    Ok(others)
}

/// The engine's own check of its pages, seals included, on a thread of its own while the ledger is read.
struct Soundness(JoinHandle<Vec<Finding>>);

impl Soundness {
    fn begin(database: Database) -> Soundness {
        Soundness(std::thread::spawn(move || {
            let finding = |what: String| vec![Finding::new(STATE_FILE, what)];
            match Session::open(&database) {
                Ok(session) if session.is_postgres() => Vec::new(),
                Ok(mut session) => sound(&mut session).unwrap_or_else(|e| finding(e.to_string())),
                Err(e) => finding(e.to_string()),
            }
        }))
    }

    /// Waits for it: whether there was nothing to report.
    fn end(self, report: &mut Report) -> bool {
        let found = self
            .0
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        let is_sound = found.is_empty();
        report.findings.extend(found);
        is_sound
    }
}

fn sound(live: &mut Session) -> Result<Vec<Finding>> {
    for pragma in ["PRAGMA cipher_integrity_check", "PRAGMA quick_check"] {
        let found: Vec<Finding> = live
            .query(pragma, &[])?
            .iter()
            .filter_map(|row| row.text(0).ok())
            .filter(|words| *words != "ok")
            .take(20)
            .map(|words| Finding::new(STATE_FILE, format!("{words}; run `comity rebuild`")))
            .collect();
        if !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// The live tables, for reading. Of a copy that cannot be written to, the sealed files are copied first, since the
/// engine must be able to write beside them.
fn live(scene: &Scene<'_>, key: [u8; 32], scratch: &Path) -> Result<Database> {
    let database = scene.config.database(scene.dir, key, Access::Live);
    let Database::Sqlite { path, .. } = &database else {
        return Ok(database);
    };
    let writable =
        std::fs::OpenOptions::new().write(true).open(path).is_ok() && !is_read_only(scene.dir);
    if writable {
        return Ok(database);
    }
    for suffix in ["", "-wal"] {
        let from = scene.dir.join(format!("state.db{suffix}"));
        if from.exists() {
            std::fs::copy(&from, scratch.join(format!("live.db{suffix}")))
                .map_err(|e| AppError::io(&from, e))?;
        }
    }
    let copy = scratch.join("live.db");
    let mut permissions = std::fs::metadata(&copy)
        .map_err(|e| AppError::io(&copy, e))?
        .permissions();
    std::os::unix::fs::PermissionsExt::set_mode(&mut permissions, 0o600);
    std::fs::set_permissions(&copy, permissions).map_err(|e| AppError::io(&copy, e))?;
    Ok(Database::Sqlite {
        path: copy,
        key,
        access: Access::Live,
    })
}

fn is_read_only(dir: &Path) -> bool {
    rustix::fs::access(dir, rustix::fs::Access::WRITE_OK).is_err()
}
