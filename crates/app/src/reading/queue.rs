//! What is to be read, in the order in which it was recorded: what was found inside an item comes after it.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::claim::{BLOCK, Claim, Claims};
use super::job::{Job, Scopes};
use super::pass::Pass;
use super::progress::SetAside;
use super::segments::{Turn, ask_again, turns};
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::item::{COLUMNS, TABLES};
use crate::project::ItemState;
use crate::sql::{Row, Session};

/// Bytes that no reader has seen, or that are to be read again; or for which a further pass waits.
fn is_waiting(pass: Pass) -> String {
    let waits = match pass {
        Pass::Read => "(r.item IS NULL OR r.waits = 1)",
        Pass::Draw | Pass::Recognise => "f.waits = 1 AND r.waits = 0",
    };
    let sealed = ItemState::Sealed as i64;
    format!("i.state = {sealed} AND i.erased IS NULL AND {waits}")
}

/// The tables in which that stands, besides those of items and readings.
fn joined(pass: Pass) -> String {
    match pass {
        Pass::Read => String::new(),
        _ => format!(
            " JOIN further f ON f.item = i.no AND f.pass = {}",
            pass as i64
        ),
    }
}

/// How many items and bytes wait for a pass.
pub fn waiting(session: &mut Session, pass: Pass) -> Result<(u64, u64)> {
    let sql = format!(
        "SELECT count(*), CAST(coalesce(sum(i.size), 0) AS BIGINT) FROM items i LEFT JOIN readings r ON r.item = i.no{} WHERE {}",
        joined(pass),
        is_waiting(pass)
    );
    let row = session.query_one(&sql, &[])?;
    Ok(match row {
        Some(row) => (row.int(0)? as u64, row.int(1)? as u64),
        None => (0, 0),
    })
}

/// The last item that there is.
pub fn newest(session: &mut Session) -> Result<i64> {
    let row = session.query_one("SELECT max(no) FROM items", &[])?;
    let newest = row.map(|row| row.opt_int(0)).transpose()?.flatten();
    Ok(newest.unwrap_or(0))
}

/// Hands out items to the threads of this process.
pub struct Queue<'a> {
    centre: &'a Centre,
    pass: Pass,
    claims: Arc<Claims>,
    scopes: Scopes,
    state: Mutex<State>,
    ended: Condvar,
}

struct State {
    session: Session,
    ready: VecDeque<Job>,
    /// The last item that this pass has looked at.
    after: i64,
    /// Items handed out of which nothing is on record yet.
    under_way: usize,
    /// Another process had a block of this pass, or what it had waits for another item: it is gone through once more.
    skipped: bool,
    /// Something was handed out in this pass.
    progressed: bool,
    /// Items that cannot be read now, and why.
    aside: Vec<SetAside>,
    set_aside: HashSet<i64>,
    over: bool,
    /// The last item that there was when the reading last looked for more: while a further pass is made, what comes
    /// later is read first. `None` where this run reads nothing.
    seen: Option<i64>,
    /// A further pass gave way to what was taken in meanwhile.
    gave_way: bool,
    /// Blocks with items that wait for others, of this time through the tables and of the one before: a claim that is
    /// given back cannot be had again at once, where a process that is being started has inherited its lock.
    kept: [Vec<Arc<Claim>>; 2],
}

impl<'a> Queue<'a> {
    /// Nothing handed out yet. A further pass gives way to items that come after the one that was `seen`.
    pub fn new(centre: &'a Centre, pass: Pass, seen: Option<i64>) -> Result<Queue<'a>> {
        let session = centre.session()?;
        Ok(Queue {
            centre,
            pass,
            claims: Claims::new(centre)?,
            scopes: Scopes::default(),
            state: Mutex::new(State {
                session,
                ready: VecDeque::new(),
                after: 0,
                under_way: 0,
                skipped: false,
                progressed: false,
                aside: Vec::new(),
                set_aside: HashSet::new(),
                over: false,
                seen,
                gave_way: false,
                kept: Default::default(),
            }),
            ended: Condvar::new(),
        })
    }

    /// Which pass it is the queue of.
    pub fn pass(&self) -> Pass {
        self.pass
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next item; `None` when there is nothing to be read any more, or another process reads what is left.
    pub fn next(&self) -> Result<Option<Job>> {
        let mut state = self.state();
        loop {
            if state.over {
                return Ok(None);
            }
            if self.pass != Pass::Read
                && let Some(seen) = state.seen
                && newest(&mut state.session)? > seen
            {
                (state.over, state.gave_way) = (true, true);
                state.ready.clear();
                self.ended.notify_all();
                return Ok(None);
            }
            if let Some(job) = state.ready.pop_front() {
                state.under_way += 1;
                state.progressed = true;
                return Ok(Some(job));
            }
            if self.pass == Pass::Read {
                state.seen = Some(newest(&mut state.session)?);
            }
            if self.look(&mut state)? {
                continue;
            }
            if state.under_way > 0 {
                // What is found inside of what is being read is read as well.
                state = self
                    .ended
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            if !state.skipped || !state.progressed {
                state.over = true;
                self.ended.notify_all();
                return Ok(None);
            }
            (state.after, state.skipped, state.progressed) = (0, false, false);
            let kept = std::mem::take(&mut state.kept[0]);
            state.kept[1] = kept;
        }
    }

    /// What was read of an item is on record, or it is set aside.
    pub fn end(&self, aside: Option<SetAside>) {
        let mut state = self.state();
        state.under_way -= 1;
        if let Some(aside) = aside {
            state.set_aside.insert(aside.no);
            state.aside.push(aside);
        }
        self.ended.notify_all();
    }

    /// Whether more is being read, or is about to be, than so many items of which nothing is on record yet.
    pub fn reads_more_than(&self, items: usize) -> bool {
        let state = self.state();
        state.under_way > items || !(state.over || state.ready.is_empty())
    }

    /// What was read could not be recorded as it was, and its item waits once more.
    pub fn once_more(&self, job: &Job) {
        let mut state = self.state();
        state.kept[0].push(Arc::clone(&job.claim));
        (state.skipped, state.progressed) = (true, true);
    }

    /// Hands out nothing any more.
    pub fn stop(&self) {
        self.state().over = true;
        self.ended.notify_all();
    }

    /// Items that could not be read now; whether it gave way to items that came meanwhile; the last item that was there
    /// when nothing more was to be read.
    pub fn finish(self) -> (Vec<SetAside>, bool, Option<i64>) {
        let state = self.state.into_inner();
        let state = state.unwrap_or_else(PoisonError::into_inner);
        (state.aside, state.gave_way, state.seen)
    }

    /// Claims the block of the next unread item and takes what is unread in it. `false` at the end of the tables.
    fn look(&self, state: &mut State) -> Result<bool> {
        let first = state.session.query_one(
            &format!(
                "SELECT i.no FROM items i LEFT JOIN readings r ON r.item = i.no{} WHERE i.no > ? AND {} ORDER BY i.no LIMIT 1",
                joined(self.pass),
                is_waiting(self.pass)
            ),
            &[state.after.into()],
        )?;
        let Some(first) = first.map(|row| row.int(0)).transpose()? else {
            return Ok(false);
        };
        let last = first / BLOCK * BLOCK + BLOCK - 1;
        let after = state.after;
        state.after = last;
        let Some(claim) = self.claims.claim(self.centre, first)? else {
            // Of this process's own blocks nothing comes back: their items are handed out, or will be in this pass.
            state.skipped = true;
            return Ok(true);
        };
        // Asked for only now: until here another process may have read them.
        let rows = state.session.query(
            &format!(
                "SELECT {COLUMNS}, i.intake, i.source FROM {TABLES}{} WHERE i.no > ? AND i.no <= ? AND {} ORDER BY i.no",
                joined(self.pass),
                is_waiting(self.pass)
            ),
            &[after.into(), last.into()],
        )?;
        // What is found inside of an item may get the next numbers of the same block.
        state.after = match rows.last() {
            Some(last) => last.int(0)?,
            None => first,
        };
        let mut jobs = Vec::with_capacity(rows.len());
        for row in &rows {
            let job = self.job(&mut state.session, row, &claim);
            match job? {
                Ok(job) => jobs.push(job),
                Err(aside) => {
                    if state.set_aside.insert(aside.no) {
                        state.aside.push(aside);
                    }
                }
            }
        }
        jobs.retain(|job| !state.set_aside.contains(&job.item.no));
        self.give_turns(state, jobs)?;
        Ok(true)
    }

    /// Makes ready those whose turn has come. What is read with the first file of an image waits for that one.
    fn give_turns(&self, state: &mut State, jobs: Vec<Job>) -> Result<()> {
        let turns = turns(self.centre, &mut state.session, &jobs, &state.set_aside)?;
        for (mut job, turn) in jobs.into_iter().zip(turns) {
            match turn {
                Turn::Now(note) => {
                    job.note = note;
                    state.ready.push_back(job);
                }
                Turn::After => {
                    state.skipped = true;
                    state.kept[0].push(job.claim);
                }
                Turn::With(first) => {
                    ask_again(self.centre, &mut state.session, &first, &job.item.ern)?;
                    (state.skipped, state.progressed) = (true, true);
                    state.kept[0].push(job.claim);
                }
            }
        }
        Ok(())
    }

    fn job(
        &self,
        session: &mut Session,
        row: &Row,
        claim: &Arc<Claim>,
    ) -> Result<std::result::Result<Job, SetAside>> {
        let item = self.centre.item_of_row(row)?;
        let aside = |why: String| {
            Ok(Err(SetAside {
                no: item.no,
                ern: item.ern,
                why,
            }))
        };
        if item.quarantined {
            return aside(
                "it is in quarantine; `comity vault repair --from BACKUP` mends it".to_owned(),
            );
        }
        let content_key = row.int(10)? as u64;
        let secret = match self.centre.keys.item(content_key) {
            Ok(Some(secret)) => secret,
            Ok(None) => return aside("it has been erased".to_owned()),
            Err(e @ AppError::Locked { .. }) => return aside(e.to_string()),
            Err(e) => return Err(e),
        };
        let scope = match self.scopes.of(self.centre, session, &item) {
            Ok(scope) => scope,
            Err(e @ AppError::Locked { .. }) => return aside(e.to_string()),
            Err(e) => return Err(e),
        };
        Ok(Ok(Job {
            pass: self.pass,
            intake: row.int(20)?,
            source: row.int(21)?,
            note: None,
            item,
            scope,
            content_key,
            secret,
            claim: Arc::clone(claim),
        }))
    }
}
