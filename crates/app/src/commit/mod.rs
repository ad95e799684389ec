//! The sequencer: groups of events into the log, in the order of ADR 0003.
//!
//! 1. Objects and wrapped keys are durable before [`commit`](Sequencer::commit) is called.
//! 2. One SQL transaction gives indices and stores leaves, sealed bodies and projections; those that fill bundles of a
//!    large group were made durable in their places before it ends, and nobody believes them yet.
//! 3. The tree makes entries and bodies durable, or begins to believe what is.
//! 4. The checkpoint is signed and stored in SQL by compare-and-swap on the former one.
//! 5. It is published.
//!
//! From the end of 2 all is a function of SQL. [`finish`](Sequencer::finish) does 3 to 5, after
//! every group and at every start alike.

mod decide;
mod group;
mod lock;
#[cfg(test)]
mod model;
mod records;

use std::panic::resume_unwind;
use std::path::PathBuf;
use std::thread;

use comity_core::checkpoint::{Checkpoint, SignedCheckpoint};
use comity_core::digest::Digest;
use comity_ledger::{Ahead, Record, Snapshot, Tree};

use crate::ambient::Ambient;
use crate::attest::{Attester, Setting};
use crate::error::{AppError, Result};
use crate::keys::ScopeKeys;
use crate::mirror::MirrorLog;
use crate::project::Projector;
use crate::sql::{Database, Session, Value};
use crate::succession::Reigns;

use decide::{Next, Seen, decide};
pub use group::{Committed, Draft, Group, Ready, Subject};
use lock::Lock;
use records::Pending;

/// Device and number of a file.
type FileId = (u64, u64);

/// The file that a SQLite database's name leads to: another one once the tables were made anew.
fn file_id(database: &Database) -> Option<FileId> {
    use std::os::unix::fs::MetadataExt;
    match database {
        Database::Sqlite { path, .. } => {
            let found = std::fs::metadata(path).ok()?;
            Some((found.dev(), found.ino()))
        }
        Database::Postgres { .. } => None,
    }
}

/// Pages of the tables that are kept in memory, in KiB.
const PAGES_KIB: u32 = 24 << 10;

fn open(database: &Database) -> Result<Session> {
    let mut session = Session::open(database)?;
    session.keep_pages(PAGES_KIB)?;
    Ok(session)
}

/// What `log_state` says.
struct LogState {
    size: u64,
    fence: i64,
    checkpoint: Option<Vec<u8>>,
}

/// The one way into the log. One at a time in a process; processes take turns by the group.
pub struct Sequencer {
    /// The session that writes.
    pub session: Session,
    /// The tree on disk.
    pub tree: Tree,
    reigns: Reigns,
    ambient: Ambient,
    lock_file: Option<PathBuf>,
    database: Database,
    /// Which file `session` has open.
    opened: Option<FileId>,
    projector: Option<Projector>,
    expected: Option<(u64, i64)>,
    /// The last checkpoint whose signatures were verified or made here.
    believed: Option<(Vec<u8>, Checkpoint)>,
    /// Shows what is published to the witnesses.
    attester: Attester,
    /// The leaf of the policy that the attester goes by.
    policy_leaf: Option<i64>,
    /// The ledger in the mirror.
    mirror: Option<MirrorLog>,
}

impl Sequencer {
    /// A sequencer over an open tree and the state. `lock_file` is where processes that share a folder take turns;
    /// `None` if neither tables nor ledger lie in one.
    pub(crate) fn new(
        database: &Database,
        tree: Tree,
        reigns: Reigns,
        ambient: Ambient,
        lock_file: Option<PathBuf>,
        attester: Attester,
        mirror: Option<MirrorLog>,
    ) -> Result<Sequencer> {
        Ok(Sequencer {
            session: open(database)?,
            opened: file_id(database),
            tree,
            reigns,
            ambient,
            lock_file,
            database: database.clone(),
            projector: None,
            expected: None,
            believed: None,
            attester,
            policy_leaf: None,
            mirror,
        })
    }

    /// Finishes what an interrupted process left between SQL and the published checkpoint, and says what it did.
    pub fn recover(&mut self) -> Result<Vec<String>> {
        let lock = self.lock()?;
        let done = self.locked(|s| {
            let state = s.state()?;
            let mut said: Vec<String> = s.tree.recovered();
            // Another process may have recorded since this one opened the tree.
            s.tree.refresh()?;
            if let Some(sentence) = s.finish(&state, None)? {
                said.push(sentence);
            }
            Ok(said)
        });
        self.end_turn(lock, done)
    }

    /// Runs `build` under the lock and commits the events it pushes, all or none. On return they stand in
    /// a published checkpoint.
    pub fn commit<T>(
        &mut self,
        keys: &dyn ScopeKeys,
        build: impl FnOnce(&mut Group<'_>) -> Result<T>,
    ) -> Result<T> {
        let lock = self.lock()?;
        let done = self.locked(|s| s.commit_locked(keys, build));
        self.end_turn(lock, done)
    }

    /// Takes the lock. Another process may have made the tables anew in the meantime: on SQLite they are another file
    /// then, and what was written into the old one would be lost.
    fn lock(&mut self) -> Result<Lock> {
        let lock = match self.take_lock() {
            // The server was restarted, or ended a session that lay idle for long. Another session will do.
            Err(_) if self.session.is_postgres() => {
                self.open_anew()?;
                self.take_lock()?
            }
            other => other?,
        };
        if file_id(&self.database) != self.opened {
            self.open_anew()?;
        }
        Ok(lock)
    }

    fn take_lock(&mut self) -> Result<Lock> {
        let file = self.lock_file.as_deref();
        Lock::take(&mut self.session, &self.ambient.disk, file)
    }

    /// Gives the turn back. If it was lost before, others may have had theirs meanwhile: then all is looked at again
    /// and finished as at a start, so that `done` is true, and what was written last here stands over nothing newer.
    fn end_turn<T>(&mut self, lock: Lock, done: Result<T>) -> Result<T> {
        let Err(lost) = lock.release(&mut self.session) else {
            return done;
        };
        let regained = self.open_anew().and_then(|()| {
            let lock = self.lock()?;
            let finished = self.locked(|s| {
                s.tree.refresh()?;
                let state = s.state()?;
                s.finish(&state, None)
            });
            lock.release(&mut self.session)?;
            finished
        });
        match (done, regained) {
            (Ok(_), Err(_)) => Err(lost),
            (done, _) => done,
        }
    }

    fn open_anew(&mut self) -> Result<()> {
        self.session = open(&self.database)?;
        self.opened = file_id(&self.database);
        self.projector = None;
        self.expected = None;
        Ok(())
    }

    /// Whatever fails under the lock leaves no transaction open and nothing remembered that may be wrong.
    fn locked<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let done = work(self);
        if done.is_err() {
            self.session.rollback();
            self.projector = None;
            self.expected = None;
        }
        done
    }

    fn state(&mut self) -> Result<LogState> {
        let row = self
            .session
            .query_one(
                "SELECT size, fence, checkpoint FROM log_state WHERE id = 1",
                &[],
            )?
            .ok_or_else(|| {
                AppError::damaged(
                    "state",
                    "the row of the log is missing; run `comity rebuild`",
                )
            })?;
        Ok(LogState {
            size: row.int(0)? as u64,
            fence: row.int(1)?,
            checkpoint: row.opt_blob(2)?.map(<[u8]>::to_vec),
        })
    }

    fn commit_locked<T>(
        &mut self,
        keys: &dyn ScopeKeys,
        build: impl FnOnce(&mut Group<'_>) -> Result<T>,
    ) -> Result<T> {
        let mut state = self.state()?;
        if self.expected != Some((state.size, state.fence)) {
            // Another process has been here, or this is the first group of this one.
            self.projector = None;
            self.tree.refresh()?;
            if self.finish(&state, None)?.is_some() {
                state = self.state()?;
            }
        }
        // Before anything is numbered: what a copy must not sign it must not record either.
        self.may_sign()?;
        self.session.begin()?;
        let mut projector = match self.projector.take() {
            Some(p) => p,
            None => Projector::load(&mut self.session)?,
        };
        let mut group = Group::new(
            &mut self.session,
            &mut projector,
            keys,
            state.size,
            &self.tree,
        );
        let answer = build(&mut group)?;
        let (records, highest_key) = group.end();
        if records.is_empty() {
            self.session.rollback();
            self.projector = Some(projector);
            self.expected = Some((state.size, state.fence));
            return Ok(answer);
        }
        let ahead = self.flush(&mut projector, &records, state.size)?;
        projector.end_group();
        let size = state.size + records.len() as u64;
        let events = records.len() as i64;
        let pending = Pending::new(state.size, ahead, records);
        // The former group is published; its room is used again.
        self.session.execute("DELETE FROM pending", &[])?;
        self.session.insert(
            "pending",
            &["first", "events", "records"],
            &[
                (state.size as i64).into(),
                events.into(),
                pending.encode().into(),
            ],
        )?;
        let changed = self.session.execute(
            "UPDATE log_state SET size = ?, fence = fence + 1, highest_key = CASE WHEN highest_key < ? THEN ? ELSE highest_key END WHERE id = 1 AND size = ? AND fence = ?",
            &[(size as i64).into(),
                (highest_key as i64).into(),
                (highest_key as i64).into(), (state.size as i64).into(), state.fence.into()],
        )?;
        if changed != 1 {
            return Err(AppError::Overtaken("while events were being numbered"));
        }
        self.session.commit()?;
        let now = LogState {
            size,
            fence: state.fence + 1,
            checkpoint: state.checkpoint,
        };
        self.finish(&now, Some(pending))?;
        self.projector = Some(projector);
        self.expected = Some((now.size, now.fence));
        Ok(answer)
    }

    /// The rows of a group into the tables, and beside it those of its events ahead that fill bundles.
    fn flush(
        &mut self,
        projector: &mut Projector,
        records: &[Record],
        first: u64,
    ) -> Result<Option<Ahead>> {
        let (tree, session) = (&mut self.tree, &mut self.session);
        // Not where tables on a server let several machines share the folder: one whose lock was given away while it
        // slept must not write before the tables have told it so. Nor where there is a mirror, which must be able to
        // stand in with what the tables hold.
        let is_alone = self.mirror.is_none() && !session.is_postgres();
        if !is_alone || !tree.goes_ahead(records.len()) {
            projector.rows.flush(session)?;
            return Ok(None);
        }
        thread::scope(|scope| {
            let ahead = scope.spawn(|| tree.put_ahead(first, records));
            let flushed = projector.rows.flush(session);
            let ahead = ahead.join().unwrap_or_else(|e| resume_unwind(e));
            flushed?;
            Ok(ahead?)
        })
    }

    /// Steps 3 to 5. `fresh` is the group just committed, so that it need not be read back.
    /// Says in a sentence what it had to finish, when it had to.
    fn finish(&mut self, state: &LogState, fresh: Option<Pending>) -> Result<Option<String>> {
        let recovering = fresh.is_none();
        let mut fresh = fresh;
        let mut note = state.checkpoint.clone();
        // Whose signature is believed may have changed with what was recorded since.
        self.reigns.refresh(&mut self.session)?;
        let mut stored = note.as_deref().map(|n| self.believe(n)).transpose()?;
        let before = stored.as_ref().map_or(0, |c| c.size);
        let mut given = false;
        let is_signed_here = loop {
            let seen = Seen {
                numbered: state.size,
                given,
                appended: self.tree.size(),
                signed: stored.as_ref().map(|c| c.size),
                agrees: match &stored {
                    Some(c) if given && c.size <= self.tree.size() => {
                        self.tree.root_at(c.size)? == c.root
                    }
                    _ => true,
                },
            };
            match decide(&seen) {
                Next::Append => {
                    match fresh.take() {
                        Some(group) if group.first == self.tree.size() => {
                            group.give(&mut self.tree)?;
                        }
                        _ => self.append_pending()?,
                    }
                    given = true;
                }
                Next::Sign => {
                    self.may_sign()?;
                    let signed = self.sign(state.size)?;
                    self.store_checkpoint(state, &signed)?;
                    stored = Some(self.believe(&signed)?);
                    note = Some(signed);
                }
                Next::Publish => {
                    let note = note.unwrap_or_default();
                    // The tree itself refuses a checkpoint that does not continue the published one.
                    self.tree.publish(&note)?;
                    self.mirror_published(state)?;
                    let is_signed_here = state.checkpoint.as_ref() != Some(&note);
                    if is_signed_here {
                        self.attester.published(&note);
                    }
                    break is_signed_here;
                }
                Next::OtherTree => return Err(self.other_tree(state)?),
                Next::Behind | Next::Fork => return Err(self.other_history(&seen)),
            }
        };
        if !recovering || !is_signed_here {
            return Ok(None);
        }
        Ok(Some(format!(
            "An interrupted run had recorded {} events that were not published yet; they are now.",
            state.size - before
        )))
    }

    /// Gives the mirror what is published. What was published before the last group was given to it then, or it is on
    /// record that it was not.
    fn mirror_published(&mut self, state: &LogState) -> Result<()> {
        let Some(mirror) = &mut self.mirror else {
            return Ok(());
        };
        let last = "SELECT min(first) FROM pending";
        let last = self.session.query_one(last, &[])?;
        let last = last.map(|row| row.opt_int(0)).transpose()?.flatten();
        let floor = last.map_or(state.size, |first| first as u64);
        mirror.follow(&self.tree, floor)
    }

    /// What to say where the tree does not hold as many events as SQL numbered.
    fn other_tree(&mut self, state: &LogState) -> Result<AppError> {
        // Held up for so long that it lost its turn, a process sees here what others did since.
        if self.state()?.fence != state.fence {
            return Ok(AppError::Overtaken("while events were being appended"));
        }
        Ok(AppError::damaged(
            "state",
            format!(
                "SQL speaks of {} events and the ledger holds {}; run `comity rebuild`",
                state.size,
                self.tree.size()
            ),
        ))
    }

    /// A checkpoint must speak of this tree: signing beside another one would be a fork.
    fn other_history(&self, seen: &Seen) -> AppError {
        let (signed, appended) = (seen.signed.unwrap_or(0), seen.appended);
        let what = if signed > appended {
            format!(
                "a checkpoint of {signed} events is signed and the tree holds {appended}; nothing is signed behind it: restore a newer copy"
            )
        } else {
            format!("the tree at {signed} events does not have the root that was signed")
        };
        AppError::damaged("ledger", what)
    }

    fn may_sign(&mut self) -> Result<()> {
        self.go_by_policy();
        match self.tree.published() {
            Some(note) => self.attester.may_sign(note),
            None => Ok(()),
        }
    }

    /// Tells the attester of a policy that was set since, here or by another process. Tables of another version have
    /// none, and whatever else cannot be read of them is named where it is needed.
    fn go_by_policy(&mut self) {
        let newest = "SELECT coalesce(max(leaf), -1) FROM witness_policies";
        let leaf = match self.session.query_one(newest, &[]) {
            Ok(row) => row.and_then(|row| row.int(0).ok()),
            Err(_) => None,
        };
        if leaf.is_some()
            && leaf != self.policy_leaf
            && let Ok(setting) = Setting::read(&mut self.session)
        {
            self.attester.go_by(setting);
            self.policy_leaf = leaf;
        }
    }

    fn append_pending(&mut self) -> Result<()> {
        let rows = self
            .session
            .query("SELECT first, records FROM pending ORDER BY first", &[])?;
        for row in rows {
            Pending::decode(row.int(0)? as u64, row.blob(1)?)?.give(&mut self.tree)?;
        }
        Ok(())
    }

    /// A checkpoint that this log signed with both its keys.
    fn believe(&mut self, note: &[u8]) -> Result<Checkpoint> {
        if let Some((known, checkpoint)) = &self.believed
            && known == note
        {
            return Ok(checkpoint.clone());
        }
        let checkpoint = SignedCheckpoint::parse(note)
            .and_then(|c| c.verify(&self.reigns.known()))
            .map(|c| c.checkpoint().clone())
            .map_err(|e| AppError::damaged("the log's last checkpoint", e.to_string()))?;
        self.believed = Some((note.to_vec(), checkpoint.clone()));
        Ok(checkpoint)
    }

    fn sign(&mut self, size: u64) -> Result<Vec<u8>> {
        let root: Digest = self.tree.root();
        let checkpoint = Checkpoint {
            origin: self.reigns.known().origin().to_owned(),
            size,
            root,
        };
        let seconds = u64::try_from(self.ambient.clock.now_micros() / 1_000_000).unwrap_or(0);
        let note = self.reigns.sign(&mut self.session, &checkpoint, seconds)?;
        self.believed = Some((note.clone(), checkpoint));
        Ok(note)
    }

    /// Step 4: compare-and-swap.
    fn store_checkpoint(&mut self, state: &LogState, note: &[u8]) -> Result<()> {
        self.session.begin()?;
        let former: Value = state.checkpoint.clone().into();
        let changed = self.session.execute(
            "UPDATE log_state SET checkpoint = ? WHERE id = 1 AND size = ? AND fence = ? AND (checkpoint = ? OR checkpoint IS NULL)",
            &[note.into(), (state.size as i64).into(), state.fence.into(), former],
        )?;
        if changed != 1 {
            return Err(AppError::Overtaken("while the checkpoint was being stored"));
        }
        self.session.commit()?;
        Ok(())
    }

    /// Runs `make` under the lock with the sequencer's session closed, so that it can put another state in place;
    /// then goes on from that state.
    pub fn replace_state<T>(
        &mut self,
        make: impl FnOnce(&Tree, &Database) -> Result<T>,
    ) -> Result<T> {
        // The lock must outlive the session that is closed: on PostgreSQL it is another session's.
        let mut holder = match self.database {
            Database::Sqlite { .. } => Session::nowhere()?,
            Database::Postgres { .. } => Session::open(&self.database)?,
        };
        let file = self.lock_file.as_deref();
        let lock = Lock::take(&mut holder, &self.ambient.disk, file)?;
        if file_id(&self.database) != self.opened {
            self.open_anew()?;
        }
        self.finish_if_readable();
        self.tree.refresh()?;
        std::mem::replace(&mut self.session, Session::nowhere()?).close()?;
        let made = make(&self.tree, &self.database);
        self.open_anew()?;
        let answer = made?;
        let state = self.state()?;
        self.finish(&state, None)?;
        lock.release(&mut holder)?;
        Ok(answer)
    }

    /// Events that SQL holds and the tree does not yet: brought over while the old state can still say them.
    fn finish_if_readable(&mut self) {
        if let Ok(state) = self.state() {
            let _ = self.finish(&state, None);
            self.session.rollback();
        }
    }

    /// The ledger at its published checkpoint, for a copy of it: what an interrupted run left is finished first.
    pub fn snapshot(&mut self) -> Result<Snapshot> {
        let lock = self.lock()?;
        let done = self.locked(|s| {
            s.tree.refresh()?;
            let state = s.state()?;
            s.finish(&state, None)?;
            Ok(s.tree.snapshot()?)
        });
        self.end_turn(lock, done)
    }

    /// Makes full tiles of what the growing edge holds, when it is worth it. For the end of a run.
    pub fn tidy(&mut self) -> Result<()> {
        let lock = self.lock()?;
        let done = self.locked(|s| {
            s.tree.refresh()?;
            if s.tree.edge_len() > 256 {
                s.tree.trim()?;
            }
            let state = s.state()?;
            if s.tree.published_size() == state.size {
                s.mirror_published(&state)?;
            }
            s.session.execute(
                "DELETE FROM pending WHERE first < ?",
                &[(s.tree.published_size() as i64).into()],
            )?;
            Ok(())
        });
        self.end_turn(lock, done)
    }
}
