//! How far the reading is.

use comity_core::id::Ern;
use comity_extract::State;

use super::pass::Pass;

/// An item that could not be read now. Nothing is recorded of it, and it stays in the queue.
#[derive(Clone, Debug)]
pub struct SetAside {
    /// The number of its chain.
    pub no: i64,
    /// Its number.
    pub ern: Ern,
    /// Why.
    pub why: String,
}

/// What was done so far.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Items that were read, by the state in which each ended.
    pub states: [u64; State::ALL.len()],
    /// Bytes of these items.
    pub bytes: u64,
    /// Items found inside of others.
    pub found: u64,
    /// Items that another process had read in the meantime.
    pub overtaken: u64,
}

impl Tally {
    /// Adds what was done besides.
    pub fn add(&mut self, other: &Tally) {
        for (sum, more) in self.states.iter_mut().zip(other.states) {
            *sum += more;
        }
        self.bytes += other.bytes;
        self.found += other.found;
        self.overtaken += other.overtaken;
    }

    /// Items that were read.
    pub fn items(&self) -> u64 {
        self.states.iter().sum()
    }

    /// Items that ended in another state than read or empty.
    pub fn attention(&self) -> u64 {
        self.items() - self.states[State::Read as usize] - self.states[State::Empty as usize]
    }
}

/// Told after each group of events.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Of which pass.
    pub pass: Pass,
    /// What was done so far.
    pub tally: Tally,
    /// Items that wait, children of what was read with them.
    pub waiting: u64,
    /// Their bytes.
    pub waiting_bytes: u64,
}
