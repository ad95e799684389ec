//! Which acts need two persons: configuration of the centre, itself an event.

use comity_core::json::Value;

use crate::centre::Centre;
use crate::commit::Subject;
use crate::error::{AppError, Result};
use crate::event::{Actor, EventDraft};
use crate::sql::Session;

/// The acts that can be asked to have two persons.
pub const ACTS: [&str; 2] = ["erase", "release"];
/// The act that always has two.
const ALWAYS: &str = "erase";
/// Until something else is said, in hours.
const TERM: u32 = 72;
/// The longest term, in hours: 90 days.
const MAX_TERM: u32 = 90 * 24;

/// That an act needs two persons, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TwoPersons {
    /// The act, one of [`ACTS`].
    pub act: String,
    /// The two must be of different members.
    pub other_member: bool,
    /// A proposal lapses after so many hours.
    pub hours: u32,
}

impl Centre {
    /// The acts that need two persons, in the order of [`ACTS`].
    pub fn two_person_acts(&self, session: &mut Session) -> Result<Vec<TwoPersons>> {
        let rows = session.query("SELECT act, other_member, hours FROM two_person_acts", &[])?;
        let mut rules = Vec::with_capacity(rows.len());
        for row in &rows {
            rules.push(TwoPersons {
                act: row.text(0)?.to_owned(),
                other_member: row.int(1)? != 0,
                hours: u32::try_from(row.int(2)?).unwrap_or(TERM),
            });
        }
        if rules.is_empty() {
            rules.push(TwoPersons {
                act: ALWAYS.to_owned(),
                other_member: false,
                hours: TERM,
            });
        }
        rules.sort_by_key(|r| ACTS.iter().position(|a| *a == r.act));
        Ok(rules)
    }

    /// How an act needs two persons, if it does.
    pub fn needs_two(&self, session: &mut Session, act: &str) -> Result<Option<TwoPersons>> {
        Ok(self
            .two_person_acts(session)?
            .into_iter()
            .find(|r| r.act == act))
    }

    /// Says which acts need two persons from now on. Returns the leaf of the event.
    pub fn set_two_person_acts(&self, actor: &Actor, rules: &[TwoPersons]) -> Result<u64> {
        for rule in rules {
            if !ACTS.contains(&rule.act.as_str()) {
                return Err(AppError::Usage(format!(
                    "{:?} is no act that can be asked to have two persons: these are {}",
                    rule.act,
                    ACTS.join(", ")
                )));
            }
            if !(1..=MAX_TERM).contains(&rule.hours) {
                return Err(AppError::Usage(format!(
                    "a proposal lapses after 1 to {MAX_TERM} hours"
                )));
            }
        }
        if rules.iter().filter(|r| r.act == ALWAYS).count() != 1 {
            return Err(AppError::Usage(format!(
                "`{ALWAYS}` needs two persons always: name it, once"
            )));
        }
        let acts: Vec<Value> = rules
            .iter()
            .map(|r| {
                Value::from_iter([
                    ("act".to_owned(), Value::from(r.act.as_str())),
                    ("hours".to_owned(), r.hours.into()),
                    ("other_member".to_owned(), r.other_member.into()),
                ])
            })
            .collect();
        let random = &*self.ambient.random;
        let event = EventDraft::new("two_person_acts_set", &actor.person, &self.now(), random)
            .custody("acts", Value::Array(acts))
            .signed(actor, &self.config.origin)?;
        let centre = self.own_chain(&mut self.session()?)?;
        Ok(self
            .append(self.custody_of_centre(Subject::Known(centre), event)?)?
            .index)
    }
}
