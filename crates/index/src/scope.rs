//! What the one who asks may find, as a part of every question.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::schema::IndexRecordOption;
use tantivy::{BitSet, DocSet, Searcher, SegmentReader, TERMINATED, Term};

use crate::error::Result;
use crate::fields::{Fields, NO_ITEM, column};
use crate::values::Open;

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

/// What of a segment may be found.
pub(crate) struct Visible {
    pub docs: BitSet,
    pub count: u64,
    /// Whether these are all of its items, and none was taken out: then every document of a list of words may be found.
    pub whole: bool,
    /// How many of these have each set of states.
    pub states: BTreeMap<Vec<String>, u64>,
}

/// Scopes whose visible part is remembered: people ask many questions under a few.
const REMEMBERED: usize = 8;

/// What was found to be visible, by scope, for as long as an index stays as it is.
#[derive(Default)]
pub(crate) struct Views(Mutex<Vec<Remembered>>);

struct Remembered {
    scope: Scope,
    /// Of the index, as of which it is so.
    generation: u64,
    segments: Arc<Vec<Visible>>,
}

impl Views {
    /// What of each segment of an index may be found.
    pub fn of(
        &self,
        scope: &Scope,
        searcher: &Searcher,
        open: &[Arc<Open>],
        fields: &Fields,
        member: &str,
    ) -> Result<Arc<Vec<Visible>>> {
        let generation = searcher.generation().generation_id();
        let mut remembered = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.retain(|r| r.generation == generation);
        if let Some(known) = remembered.iter().find(|r| r.scope == *scope) {
            return Ok(Arc::clone(&known.segments));
        }
        let segments = searcher.segment_readers().iter().zip(open);
        let segments = segments.map(|(s, open)| scope.of_segment(s, open, fields, member));
        let segments: Arc<Vec<Visible>> = Arc::new(segments.collect::<Result<_>>()?);
        if remembered.len() >= REMEMBERED {
            remembered.remove(0);
        }
        remembered.push(Remembered {
            scope: scope.clone(),
            generation,
            segments: Arc::clone(&segments),
        });
        Ok(segments)
    }
}

impl Scope {
    fn of_segment(
        &self,
        segment: &SegmentReader,
        open: &Open,
        fields: &Fields,
        member: &str,
    ) -> Result<Visible> {
        let (docs, whole) = self.visible(segment, open, fields, member)?;
        let count = docs.len() as u64;
        let mut states = BTreeMap::new();
        let kinds = (0..segment.max_doc()).filter(|doc| docs.contains(*doc));
        let kinds = open.values.kinds(kinds);
        open.states(&kinds, &mut states);
        Ok(Visible {
            docs,
            count,
            whole,
            states,
        })
    }

    /// The documents of a segment that may be found, and whether these are all items that were ever in it.
    fn visible(
        &self,
        segment: &SegmentReader,
        open: &Open,
        fields: &Fields,
        member: &str,
    ) -> Result<(BitSet, bool)> {
        let mut visible = BitSet::with_max_value(segment.max_doc());
        let of_member = |c: &Clause| c.values.iter().any(|v| v == member) == c.among;
        let members = self.clauses.iter().filter(|c| c.mark == Mark::Member);
        if !members.into_iter().all(of_member) {
            return Ok((visible, false));
        }
        for doc in segment.doc_ids_alive() {
            visible.insert(doc);
        }
        // The lexicon is no item.
        let numbers = segment.inverted_index(fields.ern)?;
        let no_items = Term::from_field_text(fields.ern, NO_ITEM);
        let mut others = 0;
        if let Some(mut list) = numbers.read_postings(&no_items, IndexRecordOption::Basic)? {
            while list.doc() != TERMINATED {
                visible.remove(list.doc());
                others += 1;
                list.advance();
            }
        }
        for clause in &self.clauses {
            let name = match clause.mark {
                Mark::Member => continue,
                Mark::Case => column::CASE,
                Mark::Handling => column::HANDLING,
            };
            let holds = open
                .values
                .having(name, &|value| clause.values.iter().any(|v| v == value));
            for doc in 0..segment.max_doc() {
                if holds.contains(doc) != clause.among {
                    visible.remove(doc);
                }
            }
        }
        let whole = visible.len() + others == segment.max_doc() as usize;
        Ok((visible, whole))
    }
}
