//! Indexes that keep up with the log while something long is recorded, so that no search has to catch up with all of it.

use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use super::follow::{Watch, unwatched};
use crate::centre::Centre;
use crate::error::Result;

/// The shortest time from one turn to the next.
const PAUSE: Duration = Duration::from_secs(2);
/// How many times as long as a turn took the next one is waited for: a tenth of the time goes into the index at most.
const TIMES: u32 = 9;

impl Centre {
    /// Does `work`, and meanwhile brings the indexes up to the log again and again. What hinders that hinders no work:
    /// the next search meets it, and says it.
    pub fn searchable_while<T>(&self, work: impl FnOnce() -> T) -> T {
        let (end, ended) = channel::<()>();
        std::thread::scope(|scope| {
            scope.spawn(move || self.keep_searchable(&ended));
            let done = work();
            drop(end);
            done
        })
    }

    fn keep_searchable(&self, ended: &Receiver<()>) {
        let (mut pause, mut known) = (PAUSE, self.log_size());
        while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
            let size = self.log_size();
            if size == known {
                continue;
            }
            let begun = Instant::now();
            if self.indexes(&unwatched).is_ok() {
                known = size;
            }
            pause = PAUSE.max(begun.elapsed() * TIMES);
        }
    }

    /// Brings the indexes up to the log. Gives what had to be made anew, and why, a sentence each.
    ///
    /// # Errors
    /// What a search would meet: an index that can be neither read nor made anew.
    pub fn make_searchable(&self, watch: Watch<'_>) -> Result<Vec<String>> {
        Ok(self.indexes(watch)?.said)
    }
}
