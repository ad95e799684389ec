//! What the one who asks may find, as a part of every question.

use tantivy::{BitSet, SegmentReader};

use crate::columns;
use crate::error::Result;
use crate::fields::column;

/// What a clause goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The member that brought the item.
    Member,
    /// The item's case.
    Case,
    /// The originator's handling code.
    Handling,
}

/// A condition on an item's marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// Of which mark.
    pub mark: Mark,
    /// The values.
    pub values: Vec<String>,
    /// Whether the mark must be one of them, or none of them. An item without the mark is none of them.
    pub among: bool,
}

/// What may be found: items that fulfil all clauses. Whatever does not is not there for the question: not in counts,
/// not in facets, not in the weight that a rare word has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The clauses.
    pub clauses: Vec<Clause>,
}

impl Scope {
    /// The documents of a segment that may be found, and how many they are.
    pub(crate) fn visible(&self, segment: &SegmentReader, member: &str) -> Result<(BitSet, u64)> {
        let mut visible = BitSet::with_max_value(segment.max_doc());
        let of_member = |c: &Clause| c.values.iter().any(|v| v == member) == c.among;
        let members = self.clauses.iter().filter(|c| c.mark == Mark::Member);
        if !members.into_iter().all(of_member) {
            return Ok((visible, 0));
        }
        for doc in segment.doc_ids_alive() {
            visible.insert(doc);
        }
        for clause in &self.clauses {
            let name = match clause.mark {
                Mark::Member => continue,
                Mark::Case => column::CASE,
                Mark::Handling => column::HANDLING,
            };
            let holds = columns::having(segment, name, &|value| {
                clause.values.iter().any(|v| v == value)
            })?;
            for doc in 0..segment.max_doc() {
                if holds.contains(doc) != clause.among {
                    visible.remove(doc);
                }
            }
        }
        let count = visible.len() as u64;
        Ok((visible, count))
    }
}
