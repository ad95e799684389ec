//! What of a hit fits the conditions of a question, and where it comes from: which date, which place, which language.

use std::collections::BTreeMap;
use std::ops::Range;

use comity_search::query::{Around, Field, Query};
use serde_json::Value;

use crate::columns::{self, Fits};
use crate::error::Result;
use crate::fields::year_of;
use crate::near::Traits;

/// Something known of a hit that a condition asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    /// `date`, `position`, `language` or `like`.
    pub field: &'static str,
    /// As it is shown.
    pub value: String,
    /// Where it comes from.
    pub origin: String,
}

/// Shown of one hit for each condition at most.
const MOST: usize = 3;

/// A condition of a question whose answer has an origin.
enum Condition {
    Dated(Range<i64>),
    OfYear(Fits),
    Within(Around),
    Spoken(Fits),
}

/// The conditions of one question; those under NOT are no reason for a hit.
pub(crate) struct Conditions {
    kept: Vec<Condition>,
    likes: BTreeMap<String, Traits>,
}

impl Conditions {
    /// `likes` are the items that the question compares with.
    pub fn of(query: &Query, likes: BTreeMap<String, Traits>) -> Result<Conditions> {
        let mut kept = Vec::new();
        gather(query, &mut kept)?;
        Ok(Conditions { kept, likes })
    }

    /// Whether the traits of hits are needed.
    pub fn compare(&self) -> bool {
        !self.likes.is_empty()
    }

    /// How a hit of these traits is like what it was compared with.
    pub fn alike<'a>(&'a self, hit: &'a Traits) -> impl Iterator<Item = Known> + 'a {
        self.likes.iter().filter_map(|(number, traits)| {
            Some(Known {
                field: "like",
                value: number.clone(),
                origin: traits.likeness(hit)?.words(),
            })
        })
    }

    /// What fits, of an item as it is kept.
    pub fn known(&self, kept: &Value) -> Option<Vec<Known>> {
        let mut found: Vec<Known> = Vec::new();
        for condition in &self.kept {
            let (field, name) = match condition {
                Condition::Dated(_) | Condition::OfYear(_) => ("date", "dates"),
                Condition::Within(_) => ("position", "points"),
                Condition::Spoken(_) => ("language", "languages"),
            };
            let fitting = kept.get(name)?.as_array()?.iter();
            let fitting = fitting.filter_map(|known| condition.fits(known));
            for (value, origin) in fitting.take(MOST) {
                let known = Known {
                    field,
                    value,
                    origin,
                };
                if !found.contains(&known) {
                    found.push(known);
                }
            }
        }
        Some(found)
    }
}

impl Condition {
    /// Value and origin of what is kept, if it is what is asked for.
    fn fits(&self, kept: &Value) -> Option<(String, String)> {
        let text = |at: usize| Some(kept.get(at)?.as_str()?.to_owned());
        match self {
            Condition::Dated(range) => {
                let (from, to) = (kept.get(0)?.as_i64()?, kept.get(1)?.as_i64()?);
                let fits = range.contains(&from) && range.contains(&to.saturating_sub(1));
                fits.then_some((text(2)?, text(3)?))
            }
            Condition::OfYear(fits) => {
                let year = year_of(kept.get(0)?.as_i64()?, kept.get(1)?.as_i64()?)?;
                fits(&year).then_some((text(2)?, text(3)?))
            }
            Condition::Within(circle) => {
                let (north, east) = (kept.get(0)?.as_f64()?, kept.get(1)?.as_f64()?);
                let fits = columns::kilometres(circle, north, east) <= circle.km;
                fits.then_some((format!("{north:.6},{east:.6}"), text(2)?))
            }
            Condition::Spoken(fits) => {
                let code = text(0)?;
                fits(&code).then_some((code, text(1)?))
            }
        }
    }
}

fn gather(query: &Query, out: &mut Vec<Condition>) -> Result<()> {
    match query {
        Query::Field { field, value } => match field {
            Field::Date => out.push(Condition::Dated(columns::moments(value)?)),
            Field::Year => out.push(Condition::OfYear(columns::fits(*field, value)?)),
            Field::Language => out.push(Condition::Spoken(columns::fits(*field, value)?)),
            _ => {}
        },
        Query::Around(circle) => out.push(Condition::Within(*circle)),
        Query::And(parts) | Query::Or(parts) => parts.iter().try_for_each(|p| gather(p, out))?,
        _ => {}
    }
    Ok(())
}
