//! What a check found wrong. Checks return every finding, not the first.

use std::fmt;

/// One thing that a check found wrong: where, and what.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Finding {
    /// The file or item, as the reader knows it.
    pub place: String,
    /// What is wrong with it, as a sentence without its full stop.
    pub what: String,
}

impl Finding {
    /// A finding at `place`.
    #[must_use]
    pub fn new(place: impl Into<String>, what: impl Into<String>) -> Finding {
        Finding {
            place: place.into(),
            what: what.into(),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}
