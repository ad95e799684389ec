//! Indexes that keep up with the log while something long is recorded, so that no search has to catch up with all of it.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::follow::{Watch, unwatched};
use crate::centre::Centre;
use crate::error::Result;

/// After how long the indexes are brought up to whatever little was recorded.
const LONG: Duration = Duration::from_secs(5);

/// Brings the indexes up to the log now and then.
pub struct KeepingUp<'a> {
    centre: &'a Centre,
    /// Events after which it is done.
    events: u64,
    /// How many events the log had the last time, and when that was.
    last: Mutex<(u64, Instant)>,
}

impl Centre {
    /// For work that records much, and calls [`KeepingUp::step`] as it goes: a step after `events` events, or after five
    /// seconds, brings the indexes up to the log.
    pub fn keeping_up(&self, events: u64) -> KeepingUp<'_> {
        KeepingUp {
            centre: self,
            events,
            last: Mutex::new((self.log_size(), Instant::now())),
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

impl KeepingUp<'_> {
    /// Brings the indexes up to the log if it is time. The work waits for it, so that it never runs away from them.
    /// What hinders that hinders no work: the next search meets it, and says it.
    pub fn step(&self) {
        let Ok(mut last) = self.last.try_lock() else {
            return;
        };
        let (size, (known, when)) = (self.centre.log_size(), *last);
        let behind = size.saturating_sub(known);
        if behind >= self.events || (behind > 0 && when.elapsed() >= LONG) {
            let _ = self.centre.indexes(&unwatched);
            *last = (size, Instant::now());
        }
    }
}
