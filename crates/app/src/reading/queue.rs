//! What is to be read, in the order in which it was recorded: what was found inside an item comes after it.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::claim::{BLOCK, Claims};
use super::job::{Job, Scopes};
use super::progress::SetAside;
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::item::{COLUMNS, TABLES};
use crate::project::ItemState;
use crate::sql::{Row, Session};

/// Bytes of which no reader has seen, or that are to be read again.
fn is_unread() -> String {
    let sealed = ItemState::Sealed as i64;
    format!("i.state = {sealed} AND i.erased IS NULL AND (r.item IS NULL OR r.waits = 1)")
}

/// How many items and bytes wait.
pub fn waiting(session: &mut Session) -> Result<(u64, u64)> {
    let sql = format!(
        "SELECT count(*), CAST(coalesce(sum(i.size), 0) AS BIGINT) FROM items i LEFT JOIN readings r ON r.item = i.no WHERE {}",
        is_unread()
    );
    let row = session.query_one(&sql, &[])?;
    Ok(match row {
        Some(row) => (row.int(0)? as u64, row.int(1)? as u64),
        None => (0, 0),
    })
}

/// Hands out items to the threads of this process.
pub struct Queue<'a> {
    centre: &'a Centre,
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
    /// Another process had a block of this pass.
    skipped: bool,
    /// Something was handed out in this pass.
    progressed: bool,
    /// Items that cannot be read now, and why.
    aside: Vec<SetAside>,
    set_aside: HashSet<i64>,
    over: bool,
}

impl<'a> Queue<'a> {
    /// Nothing handed out yet.
    pub fn new(centre: &'a Centre) -> Result<Queue<'a>> {
        Ok(Queue {
            centre,
            claims: Claims::new(centre)?,
            scopes: Scopes::default(),
            state: Mutex::new(State {
                session: centre.session()?,
                ready: VecDeque::new(),
                after: 0,
                under_way: 0,
                skipped: false,
                progressed: false,
                aside: Vec::new(),
                set_aside: HashSet::new(),
                over: false,
            }),
            ended: Condvar::new(),
        })
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
            if let Some(job) = state.ready.pop_front() {
                state.under_way += 1;
                state.progressed = true;
                return Ok(Some(job));
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

    /// Hands out nothing any more.
    pub fn stop(&self) {
        self.state().over = true;
        self.ended.notify_all();
    }

    /// Items that could not be read now.
    pub fn aside(self) -> Vec<SetAside> {
        let state = self.state.into_inner();
        state.unwrap_or_else(PoisonError::into_inner).aside
    }

    /// Claims the block of the next unread item and takes what is unread in it. `false` at the end of the tables.
    fn look(&self, state: &mut State) -> Result<bool> {
        let first = state.session.query_one(
            &format!(
                "SELECT i.no FROM items i LEFT JOIN readings r ON r.item = i.no WHERE i.no > ? AND {} ORDER BY i.no LIMIT 1",
                is_unread()
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
                "SELECT {COLUMNS}, i.intake FROM {TABLES} WHERE i.no > ? AND i.no <= ? AND {} ORDER BY i.no",
                is_unread()
            ),
            &[after.into(), last.into()],
        )?;
        // What is found inside of an item may get the next numbers of the same block.
        state.after = match rows.last() {
            Some(last) => last.int(0)?,
            None => first,
        };
        for row in &rows {
            let job = self.job(&mut state.session, row, &claim);
            match job? {
                Ok(job) => state.ready.push_back(job),
                Err(aside) => {
                    if state.set_aside.insert(aside.no) {
                        state.aside.push(aside);
                    }
                }
            }
        }
        state
            .ready
            .retain(|job| !state.set_aside.contains(&job.item.no));
        Ok(true)
    }

    fn job(
        &self,
        session: &mut Session,
        row: &Row,
        claim: &Arc<super::claim::Claim>,
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
            intake: row.int(20)?,
            item,
            scope,
            content_key,
            secret,
            _claim: Arc::clone(claim),
        }))
    }
}
