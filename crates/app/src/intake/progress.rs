//! What an intake says while it runs.

use crate::project::ItemState;

/// Counts of an intake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// New items by state, in the order of [`ItemState::ALL`].
    pub new: [u64; 6],
    /// Items that were there already with the same bytes.
    pub again: u64,
    /// Items that an interrupted run of this same intake had recorded.
    pub resumed: u64,
    /// Bytes of the files read in this run.
    pub bytes: u64,
}

impl Tally {
    /// Everything met so far.
    pub fn met(&self) -> u64 {
        self.new.iter().sum::<u64>() + self.again + self.resumed
    }

    /// New items.
    pub fn items(&self) -> u64 {
        self.new.iter().sum()
    }

    /// New items of a state.
    pub fn of(&self, state: ItemState) -> u64 {
        self.new.get(state as usize).copied().unwrap_or(0)
    }

    /// Items that a person should look at: refused, unreadable, vanished, changed.
    pub fn attention(&self) -> u64 {
        self.new[ItemState::Refused as usize..].iter().sum()
    }
}

/// Shown again and again while an intake runs; every count is of acknowledged items.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Counts so far.
    pub tally: Tally,
    /// Files and bytes in all, once they have been counted.
    pub total: Option<(u64, u64)>,
    /// A bag is being read against its own manifests first: bytes done and in all.
    pub checking: Option<(u64, u64)>,
}
