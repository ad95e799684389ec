//! Single events of many callers, committed together.
//!
//! What an event costs is its share of one transaction, two flushes and one signature. Callers that come while a
//! group is being committed gather for the next one; the first of them is told to commit it for all, and each is
//! answered when its own event stands in a published checkpoint. Nobody waits for company: a lone caller commits at
//! once.

use std::mem::take;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::centre::Centre;
use crate::commit::{Committed, Draft};
use crate::error::{AppError, Result};

/// Events that wait for the next group.
#[derive(Default)]
pub(crate) struct Queue(Mutex<State>);

#[derive(Default)]
struct State {
    /// In the order in which they came.
    waiting: Vec<Waiting>,
    /// Somebody commits, or has been told to.
    led: bool,
}

struct Waiting {
    draft: Draft,
    tell: SyncSender<Told>,
}

/// What a caller that waits is told.
enum Told {
    /// To commit the group that has gathered, its own event with it.
    Lead,
    /// What became of its event.
    Done(Result<Committed>),
}

impl Waiting {
    fn answer(&self, result: Result<Committed>) {
        // There is room for one word; a caller that went away needs none.
        let _ = self.tell.try_send(Told::Done(result));
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an event. Whoever finds nobody leading leads.
    fn push(&self, waiting: Waiting) {
        let mut state = self.state();
        if !state.led {
            state.led = true;
            let _ = waiting.tell.try_send(Told::Lead);
        }
        state.waiting.push(waiting);
    }
}

/// Leads no longer when it is dropped, whatever happened: the first of those that gathered meanwhile does.
struct Lead<'a>(&'a Queue);

impl Drop for Lead<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.led = state
            .waiting
            .first()
            .is_some_and(|next| next.tell.try_send(Told::Lead).is_ok());
    }
}

impl Centre {
    /// How many events of this process wait for their turn.
    pub fn waiting(&self) -> usize {
        self.queue.state().waiting.len()
    }

    /// Records one event that depends on nothing that another caller may change meanwhile. On return it stands in a
    /// published checkpoint.
    ///
    /// # Errors
    /// That the event itself cannot be recorded, or that the log cannot be written.
    pub fn append(&self, draft: Draft) -> Result<Committed> {
        let (tell, told) = sync_channel(1);
        self.queue.push(Waiting { draft, tell });
        loop {
            match told.recv() {
                Ok(Told::Lead) => self.commit_waiting(),
                Ok(Told::Done(done)) => return done,
                Err(_) => {
                    return Err(AppError::Refused(
                        "the event was not recorded: the program is ending".to_owned(),
                    ));
                }
            }
        }
    }

    fn commit_waiting(&self) {
        let lead = Lead(&self.queue);
        let mut sequencer = self.sequencer();
        let group = take(&mut self.queue.state().waiting);
        let done = sequencer.commit(&self.keys, |to| {
            group
                .iter()
                .map(|waiting| to.push(&waiting.draft))
                .collect::<Result<Vec<_>>>()
        });
        drop(lead);
        match done {
            Ok(all) => {
                for (waiting, committed) in group.iter().zip(all) {
                    waiting.answer(Ok(committed));
                }
            }
            Err(error) => {
                // One event that cannot be recorded must not take the others with it.
                let mut first = Some(error);
                for waiting in &group {
                    let alone = match first.take() {
                        Some(error) if group.len() == 1 => Err(error),
                        _ => sequencer.commit(&self.keys, |to| to.push(&waiting.draft)),
                    };
                    waiting.answer(alone);
                }
            }
        }
    }
}
