//! How the reading of an item ended. Nothing ends as silence.

use std::fmt;

/// The named states. The worker states those up to [`State::OverLimit`], the supervisor the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum State {
    /// Everything that the reader knows to look for was read.
    Read = 0,
    /// Something was not; `missing` says what.
    InPart = 1,
    /// No bytes, or nothing in them.
    Empty = 2,
    /// A passphrase or key is needed.
    Encrypted = 3,
    /// The type is named, and nothing reads it yet.
    Unsupported = 4,
    /// The bytes are not what their type asks for.
    Damaged = 5,
    /// It would give or need more than is allowed.
    OverLimit = 6,
    /// The worker ended without an answer, twice.
    Crashed = 7,
    /// It took longer than is allowed, twice.
    TimedOut = 8,
}

impl State {
    /// All states, in the order of their numbers.
    pub const ALL: [State; 9] = [
        State::Read,
        State::InPart,
        State::Empty,
        State::Encrypted,
        State::Unsupported,
        State::Damaged,
        State::OverLimit,
        State::Crashed,
        State::TimedOut,
    ];

    /// The state with this number.
    pub fn of(number: u8) -> Option<State> {
        State::ALL.get(usize::from(number)).copied()
    }

    /// The state with this name.
    pub fn named(name: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Its name, as people see it and as it is kept.
    pub fn name(self) -> &'static str {
        match self {
            State::Read => "read",
            State::InPart => "read in part",
            State::Empty => "empty",
            State::Encrypted => "encrypted",
            State::Unsupported => "unsupported",
            State::Damaged => "damaged",
            State::OverLimit => "over a limit",
            State::Crashed => "crashed the reader",
            State::TimedOut => "timed out",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A state with its reason in words; the reason is empty where the state says all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub state: State,
    /// Why, for a person.
    pub reason: String,
}

impl Outcome {
    /// A state with its reason.
    pub fn new(state: State, reason: impl Into<String>) -> Outcome {
        Outcome {
            state,
            reason: reason.into(),
        }
    }
}
