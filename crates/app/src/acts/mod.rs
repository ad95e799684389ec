//! Solemn acts of people (`docs/format/acts.md`): their keys, proposals that a second person confirms, holds, erasure.

mod erase;
mod hold;
mod key;
mod proposal;
mod rules;

use crate::centre::Centre;
use crate::error::Result;
use crate::sql::Session;

pub use erase::{Asked, Erased, Erasure, Scope, Survivors};
pub use hold::{Covered, Hold};
pub use proposal::{Proposal, State};
pub use rules::{ACTS, TwoPersons};

/// What came of an act that may take two persons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// It is done.
    Now,
    /// It was proposed, and another person is to confirm it.
    Proposed {
        /// The proposal's number.
        proposal: String,
        /// When it lapses, as events write times.
        lapses: String,
    },
}

impl Centre {
    /// The next number of a table of numbered acts, such as `H0001`.
    fn next_act(&self, session: &mut Session, table: &str, letter: char) -> Result<String> {
        let count = session.query_one(&format!("SELECT count(*) FROM {table}"), &[])?;
        let count = count.map(|r| r.int(0)).transpose()?.unwrap_or(0);
        Ok(format!("{letter}{:04}", count + 1))
    }
}
