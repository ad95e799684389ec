//! Solemn acts of people (`docs/format/acts.md`): their keys, proposals that a second person confirms, holds, erasure.

mod erase;
mod hold;
mod key;
mod proposal;
mod rules;

use crate::centre::Centre;
use crate::commit::{Draft, Subject};
use crate::error::{AppError, Result};
use crate::event::{EventDraft, NumberedKey};
use crate::item::Item;
use crate::keys::CENTRE_KEY;
use crate::project::ObjectAt;
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

    /// An event without content fields on an item's chain: custody alone, so that it outlives the content.
    fn custody_event(
        &self,
        session: &mut Session,
        item: &Item,
        event: EventDraft,
    ) -> Result<Draft> {
        let row = session.query_one(
            "SELECT s.scope_key FROM items i JOIN scopes s ON s.member = i.member AND s.case_no = i.case_no WHERE i.no = ?",
            &[item.no.into()],
        )?;
        let scope = row
            .ok_or_else(|| {
                AppError::damaged(
                    item.ern.to_string(),
                    "it has no scope; run `comity rebuild`",
                )
            })?
            .int(0)? as u64;
        let scope = self.keys.scope_key(scope)?;
        self.plain(Subject::Known(item.no), event, &scope)
    }

    /// An event without content fields of the centre's own scope.
    fn centre_event(&self, subject: Subject, event: EventDraft) -> Result<Draft> {
        self.plain(subject, event, &self.keys.scope_key(CENTRE_KEY)?)
    }

    fn plain(&self, subject: Subject, event: EventDraft, scope: &NumberedKey) -> Result<Draft> {
        Ok(Draft {
            subject,
            event: event.seal(scope, scope, &*self.ambient.random)?,
            secret: None,
            object: ObjectAt::Unknown,
        })
    }
}
