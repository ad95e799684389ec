//! Solemn acts of people (`docs/format/acts.md`): their keys, proposals that a second person confirms, holds, erasure.

mod erase;
mod hold;
mod key;
pub(crate) mod proposal;
mod rules;
mod solemn;

use crate::centre::Centre;
use crate::error::Result;
use crate::sql::Session;

pub use erase::{Asked, Erased, Erasure, Scope, Survivors};
pub use hold::{Covered, Hold};
pub use proposal::{Proposal, State};
pub use rules::{ACTS, ActKind, TwoPersons, act_names};
pub(crate) use rules::{act_of, are_two, first_rules, rule_for_rules, rules_of};
pub use solemn::{Fixed, SolemnAct};

/// An act that was proposed and waits for another person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The proposal's number.
    pub proposal: String,
    /// When it lapses, as events write times.
    pub lapses: String,
}

impl Centre {
    /// The next number of a table of numbered acts, such as `H0001`.
    fn next_act(&self, session: &mut Session, table: &str, letter: char) -> Result<String> {
        let count = session.query_one(&format!("SELECT count(*) FROM {table}"), &[])?;
        let count = count.map(|r| r.int(0)).transpose()?.unwrap_or(0);
        Ok(format!("{letter}{:04}", count + 1))
    }
}
