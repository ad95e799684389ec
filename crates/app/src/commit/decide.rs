//! What a process that holds the turn does next, decided by a function of what it sees and nothing else.
//!
//! These are steps 3 to 5 of ADR 0003, for a group that was just committed and for what another process left alike.
//! [`super::Sequencer::finish`] does what is decided, and asks again. The tests of this folder put the same function
//! before a model checker: two processes, crashes, turns that are lost while a process sleeps.

/// What there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Seen {
    /// Events that SQL has numbered.
    pub numbered: u64,
    /// Whether those that SQL still holds were given to the tree in this turn.
    pub given: bool,
    /// Events that the tree holds.
    pub appended: u64,
    /// Of how many events the checkpoint is that SQL holds.
    pub signed: Option<u64>,
    /// Whether the tree at that size has the root that was signed.
    pub agrees: bool,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Next {
    /// The tree is given the events that SQL holds; those that it has are passed over.
    Append,
    /// Nothing: the tree is not the one that SQL numbered.
    OtherTree,
    /// Nothing: a checkpoint of more events than there are was signed.
    Behind,
    /// Nothing: a checkpoint of another tree was signed.
    Fork,
    /// A checkpoint of all events is signed, and stored in SQL in the place of the former one.
    Sign,
    /// The checkpoint that SQL holds is published, and with that all is done.
    Publish,
}

/// The one decision.
pub fn decide(seen: &Seen) -> Next {
    match seen.signed {
        _ if !seen.given => Next::Append,
        _ if seen.appended != seen.numbered => Next::OtherTree,
        Some(signed) if signed > seen.appended => Next::Behind,
        Some(_) if !seen.agrees => Next::Fork,
        Some(signed) if signed == seen.numbered => Next::Publish,
        _ => Next::Sign,
    }
}
