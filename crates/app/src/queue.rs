//! Single events of many callers, committed together.
//!
//! What an event costs is its share of one transaction, two flushes and one signature. Callers that come while
//! another's group is being committed wait for its end; the first of them then commits for all, and each is answered
//! when its own event stands in a published checkpoint. Nobody waits for company: a lone caller commits at once.

use std::mem::take;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use crate::centre::Centre;
use crate::commit::{Committed, Draft};
use crate::error::{AppError, Result};

/// Events that wait for the sequencer, in the order in which they came.
#[derive(Default)]
pub(crate) struct Queue(Mutex<Vec<Waiting>>);

struct Waiting {
    draft: Draft,
    answer: SyncSender<Result<Committed>>,
}

impl Waiting {
    fn answer(&self, result: Result<Committed>) {
        // There is room for one answer; a caller that went away needs none.
        let _ = self.answer.try_send(result);
    }
}

impl Queue {
    fn push(&self, waiting: Waiting) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(waiting);
    }

    fn take(&self) -> Vec<Waiting> {
        take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Centre {
    /// How many events of this process wait for their turn.
    pub fn waiting(&self) -> usize {
        self.queue
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// Records one event that depends on nothing that another caller may change meanwhile. On return it stands in a
    /// published checkpoint.
    ///
    /// # Errors
    /// That the event itself cannot be recorded, or that the log cannot be written.
    pub fn append(&self, draft: Draft) -> Result<Committed> {
        let (answer, answered) = sync_channel(1);
        self.queue.push(Waiting { draft, answer });
        let mut sequencer = self.sequencer();
        if let Ok(done) = answered.try_recv() {
            return done;
        }
        let group = self.queue.take();
        let done = sequencer.commit(&self.keys, |to| {
            group
                .iter()
                .map(|waiting| to.push(&waiting.draft))
                .collect::<Result<Vec<_>>>()
        });
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
        drop(sequencer);
        answered.recv().unwrap_or_else(|_| {
            Err(AppError::Refused(
                "the event was not recorded: the program is ending".to_owned(),
            ))
        })
    }
}
