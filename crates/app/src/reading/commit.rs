//! One thread of a process commits what all others have read, by the group: a transaction, a few flushes and a
//! signature for as many items as ended meanwhile.

use std::collections::HashSet;
use std::sync::mpsc::Receiver;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use comity_core::json::Value as Json;
use comity_extract::{Limits, State};

use super::pass::Pass;
use super::progress::{Progress, Tally};
use super::queue::{Queue, waiting};
use super::record::{Batch, CENTRE, Prepared, prepare};
use crate::centre::Centre;
use crate::commit::{Draft, Group};
use crate::error::Result;
use crate::event::EventDraft;
use crate::item::Item;
use crate::project::{Filters, ItemState, below};
use crate::sql::{Session, Value};

/// Items of a group,
const ITEMS: usize = 2048;
/// and bytes of it in memory.
const BYTES: u64 = 16 << 20;
/// How long a group is gathered at most: each costs some flushes, a signature and a pack.
const GATHERING: Duration = Duration::from_millis(200);
/// Bytes that wait for the committing thread, all readers together.
const ROOM: u64 = 64 << 20;

/// Bytes that wait. Who would go beyond waits.
#[derive(Default)]
pub struct Room {
    taken: Mutex<u64>,
    freed: Condvar,
}

impl Room {
    /// Waits for room. One batch has room always.
    pub fn take(&self, weight: u64) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        while *taken > 0 && *taken + weight > ROOM {
            taken = self
                .freed
                .wait(taken)
                .unwrap_or_else(PoisonError::into_inner);
        }
        *taken += weight;
    }

    fn give(&self, weight: u64) {
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) -= weight;
        self.freed.notify_all();
    }
}

/// How many items ended with these batches.
fn ended(group: &[Batch]) -> usize {
    group.iter().filter(|b| b.finding.is_some()).count()
}

/// Commits what it is handed.
pub struct Committer<'a> {
    centre: &'a Centre,
    queue: &'a Queue<'a>,
    room: &'a Room,
    limits: &'a Limits,
    watch: &'a (dyn Fn(&Progress) + Sync),
    session: Session,
    filters: Filters,
    /// The event id of the act, once it is on record.
    act: Option<String>,
    progress: Progress,
}

impl<'a> Committer<'a> {
    /// Nothing committed yet.
    pub fn new(
        centre: &'a Centre,
        queue: &'a Queue<'a>,
        room: &'a Room,
        limits: &'a Limits,
        watch: &'a (dyn Fn(&Progress) + Sync),
    ) -> Result<Committer<'a>> {
        let mut session = centre.session()?;
        let (items, bytes) = waiting(&mut session, queue.pass())?;
        let progress = Progress {
            pass: queue.pass(),
            waiting: items,
            waiting_bytes: bytes,
            tally: Tally::default(),
        };
        watch(&progress);
        Ok(Committer {
            centre,
            queue,
            room,
            limits,
            watch,
            session,
            filters: Filters::default(),
            act: None,
            progress,
        })
    }

    /// Until nobody reads any more. After an error everything that still comes is dropped, so that nobody waits for it.
    pub fn run(mut self, read: &Receiver<Batch>) -> Result<Tally> {
        let mut failed = None;
        while let Ok(first) = read.recv() {
            let (mut weight, began) = (first.weight(), Instant::now());
            let mut group = vec![first];
            while group.len() < ITEMS
                && weight < BYTES
                && let Some(next) = self.next(read, &group, began)
            {
                weight += next.weight();
                group.push(next);
            }
            if failed.is_none()
                && let Err(error) = self.commit(&mut group)
            {
                self.queue.stop();
                failed = Some(error);
            }
            let ended = ended(&group);
            drop(group);
            self.room.give(weight);
            (0..ended).for_each(|_| self.queue.end(None));
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(self.progress.tally),
        }
    }

    /// What goes into a group that has begun: all that has been read, and for a while what is being read. Nobody is kept
    /// waiting: not whoever waits for a batch to be on record, and not a run that has nothing else to read.
    fn next(&self, read: &Receiver<Batch>, group: &[Batch], began: Instant) -> Option<Batch> {
        if let Ok(next) = read.try_recv() {
            return Some(next);
        }
        let is_waited_for = group.iter().any(|batch| batch.tell.is_some());
        if is_waited_for || !self.queue.reads_more_than(ended(group)) {
            return None;
        }
        read.recv_timeout(GATHERING.checked_sub(began.elapsed())?)
            .ok()
    }

    fn commit(&mut self, group: &mut [Batch]) -> Result<()> {
        let (begun, act) = match &self.act {
            Some(act) => (None, act.clone()),
            None => {
                let (draft, act) = self.begun()?;
                (Some(draft), act)
            }
        };
        let Prepared { batches, packs } = prepare(
            self.centre,
            &mut self.session,
            &mut self.filters,
            &act,
            group,
        )?;
        self.centre.vault.commit(packs)?;
        let items: Vec<i64> = group.iter().map(|b| b.job.item.no).collect();
        let stands = self.centre.sequencer().commit(&self.centre.keys, |to| {
            if let Some(begun) = &begun {
                to.push(begun)?;
            }
            let mut stands = group
                .iter()
                .map(|batch| is_wanted(to, batch))
                .collect::<Result<Vec<bool>>>()?;
            leave_out_files(group, &mut stands);
            to.look_up(&items)?;
            for ((children, read, files), (batch, stands)) in
                batches.into_iter().zip(group.iter().zip(&stands))
            {
                if !stands {
                    continue;
                }
                for child in children {
                    to.push_ready(child)?;
                }
                if let Some(read) = read {
                    to.push(&read)?;
                }
                for (file, segment) in files.iter().zip(&batch.with.segments) {
                    // Where another process has read it meanwhile by itself, that stands.
                    if is_as_it_was(to, &segment.item)? == Some(true) {
                        to.push(file)?;
                    }
                }
            }
            Ok(stands)
        })?;
        self.act = Some(act);
        for (batch, stands) in group.iter().zip(stands) {
            if !stands && !batch.with.segments.is_empty() {
                self.queue.once_more(&batch.job);
            }
            self.count(batch, stands);
            if let Some(tell) = &batch.tell {
                let _ = tell.send(stands);
            }
        }
        (self.watch)(&self.progress);
        Ok(())
    }

    /// The act: a run of this program, and the limits that it held readers to.
    fn begun(&mut self) -> Result<(Draft, String)> {
        let (centre, pass) = (self.centre, self.queue.pass());
        let limits = Json::from_iter([
            (
                "memory_bytes".to_owned(),
                Json::from(self.limits.memory_bytes),
            ),
            ("cpu_secs".to_owned(), self.limits.cpu_secs.into()),
            ("time_secs".to_owned(), self.limits.time.as_secs().into()),
            ("text_bytes".to_owned(), self.limits.text_bytes.into()),
            (
                "children_bytes".to_owned(),
                self.limits.children_bytes.into(),
            ),
            ("children".to_owned(), self.limits.children.into()),
        ]);
        let random = &*centre.ambient.random;
        let event = EventDraft::new("reading_begun", CENTRE, &centre.now(), random)
            .content("limits", limits)
            .content_opt("pass", (pass != Pass::Read).then_some(pass.field()));
        let id = event.id().to_string();
        Ok((centre.seal_own(&mut self.session, event)?, id))
    }

    fn count(&mut self, batch: &Batch, stands: bool) {
        let tally = &mut self.progress.tally;
        match (&batch.finding, stands) {
            (Some(finding), true) => {
                tally.states[finding.outcome.state as usize] += 1;
                tally.bytes += batch.job.item.size;
                for segment in batch.with.segments.iter().take(batch.with.files) {
                    tally.states[State::Read as usize] += 1;
                    tally.bytes += segment.item.size;
                }
            }
            (Some(_), false) => tally.overtaken += 1,
            (None, _) => {}
        }
        if stands {
            tally.found += batch.children.len() as u64;
            for child in &batch.children {
                let Some(bytes) = &child.bytes else { continue };
                self.progress.waiting += 1;
                self.progress.waiting_bytes += bytes.hashes().size;
            }
        }
        if batch.finding.is_some() {
            let files = batch.with.segments.iter().take(batch.with.files);
            let files = files.map(|segment| &segment.item).filter(|i| i.is_unread());
            for item in files.chain([&batch.job.item]) {
                self.progress.waiting = self.progress.waiting.saturating_sub(1);
                let bytes = self.progress.waiting_bytes;
                self.progress.waiting_bytes = bytes.saturating_sub(item.size);
            }
        }
    }
}

/// A file that was read as one with the first one of its image in this group is not recorded by itself as well.
fn leave_out_files(group: &[Batch], stands: &mut [bool]) {
    let read = group.iter().zip(&*stands);
    let read = read.filter(|(batch, stands)| **stands && batch.finding.is_some());
    let files: HashSet<i64> = read
        .flat_map(|(batch, _)| batch.with.segments.iter().take(batch.with.files))
        .map(|segment| segment.item.no)
        .collect();
    for (batch, stands) in group.iter().zip(stands) {
        *stands &= !files.contains(&batch.job.item.no);
    }
}

/// Whether an item is still as it was when its turn came: not read by another process. `None` for one that has been
/// erased, or has no bytes. Asked under the lock.
fn is_as_it_was(to: &mut Group<'_>, item: &Item) -> Result<Option<bool>> {
    let row = to.session.query_one(
        "SELECT i.state, i.erased, coalesce(r.leaf, -1), coalesce(r.waits, 0) FROM items i LEFT JOIN readings r ON r.item = i.no WHERE i.no = ?",
        &[item.no.into()],
    )?;
    let Some(row) = row else { return Ok(None) };
    let was: [Value; 2] = match item.reading {
        Some(reading) => [
            (reading.leaf as i64).into(),
            i64::from(reading.again).into(),
        ],
        None => [(-1i64).into(), 0i64.into()],
    };
    let is_there = row.int(0)? == ItemState::Sealed as i64 && row.opt_int(1)?.is_none();
    Ok(is_there.then(|| row.0.get(2..) == Some(&was[..])))
}

/// Whether what was found may be recorded: the item is as it was, and no file that a reader could ask for has been
/// erased. Asked under the lock.
fn is_wanted(to: &mut Group<'_>, batch: &Batch) -> Result<bool> {
    let item = &batch.job.item;
    if is_as_it_was(to, item)? != Some(true) {
        return Ok(false);
    }
    for segment in &batch.with.segments {
        if is_as_it_was(to, &segment.item)?.is_none() {
            return Ok(false);
        }
    }
    if batch.job.pass != Pass::Read {
        let row = to.session.query_one(
            "SELECT waits FROM further WHERE pass = ? AND item = ?",
            &[(batch.job.pass as i64).into(), item.no.into()],
        )?;
        return Ok(row.map(|row| row.int(0)).transpose()? == Some(1));
    }
    // A number is given once, also where two processes read one container because a claim was lost.
    let Some(first) = batch.children.first() else {
        return Ok(true);
    };
    let row = to.session.query_one(
        "SELECT no FROM items WHERE intake = ? AND number = ? AND below = ?",
        &[
            batch.job.intake.into(),
            first.ern.number().into(),
            below(&first.ern).into(),
        ],
    )?;
    Ok(row.is_none())
}
