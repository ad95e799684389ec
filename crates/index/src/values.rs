//! What of a segment stays open between questions: the values by which its documents are counted and compared, and the
//! columns by which they are ordered.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use tantivy::columnar::{Cardinality, Column, StrColumn};
use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::SegmentId;
use tantivy::{BitSet, DocId, Searcher, SegmentReader};

use crate::error::Result;
use crate::fields::{FORMS, Fields, column};

/// Columns of which many documents have the same values.
const COMMON: [&str; 8] = [
    column::TYPE,
    column::LANGUAGE,
    column::SOURCE,
    column::CASE,
    column::STATE,
    column::YEAR,
    column::HANDLING,
    column::HAS,
];
/// Columns of which they have not.
const OWN: [&str; 3] = [column::PLACE, column::NAME, column::KNOWN];

/// A segment, as it stays open.
pub(crate) struct Open {
    pub values: Values,
    pub own: Vec<(&'static str, Option<StrColumn>)>,
    /// Entries of the lexicon.
    pub forms: Option<StrColumn>,
    /// How many words each document has.
    pub lengths: FieldNormReader,
    pub order: Option<Column<u64>>,
    pub inner: Option<Column<u64>>,
    pub dates: Option<Column<i64>>,
}

impl Open {
    fn new(segment: &SegmentReader, fields: &Fields) -> Result<Open> {
        let fast = segment.fast_fields();
        let own = OWN.iter().map(|name| Ok((*name, fast.str(name)?)));
        Ok(Open {
            values: Values::of(segment)?,
            own: own.collect::<Result<_>>()?,
            forms: fast.str(FORMS)?,
            lengths: segment.get_fieldnorms_reader(fields.words)?,
            order: fast.column_opt(column::ORDER)?,
            inner: fast.column_opt(column::INNER)?,
            dates: fast.column_opt(column::DATE)?,
        })
    }

    /// Adds up how many of these documents have each value of a column, given how many of them are of each kind.
    pub fn count(
        &self,
        name: &str,
        kinds: &[u64],
        docs: &[(DocId, f32)],
        counts: &mut BTreeMap<String, u64>,
    ) -> Result<()> {
        let add = |counts: &mut BTreeMap<String, u64>, text: &str, count| match counts.get_mut(text)
        {
            Some(known) => *known += count,
            None => {
                counts.insert(text.to_owned(), count);
            }
        };
        if let Some(at) = COMMON.iter().position(|common| *common == name) {
            for (kind, count) in self.values.kinds.iter().zip(kinds) {
                for ord in kind[at].iter().filter(|_| *count > 0) {
                    add(counts, &self.values.texts[at][*ord as usize], *count);
                }
            }
            return Ok(());
        }
        let own = self.own.iter().find(|(own, _)| *own == name);
        let Some((_, Some(column))) = own else {
            return Ok(());
        };
        let mut ords: Vec<u64> = Vec::new();
        let mut of_doc: Vec<u64> = Vec::new();
        for (doc, _) in docs {
            of_doc.extend(column.term_ords(*doc));
            of_doc.sort_unstable();
            of_doc.dedup();
            ords.append(&mut of_doc);
        }
        ords.sort_unstable();
        let mut text = String::new();
        for same in ords.chunk_by(|a, b| a == b) {
            column.ord_to_str(same[0], &mut text)?;
            add(counts, &text, same.len() as u64);
        }
        Ok(())
    }

    /// Adds up how many documents have each set of states, given how many are of each kind.
    pub fn states(&self, kinds: &[u64], counts: &mut BTreeMap<Vec<String>, u64>) {
        let Some(at) = COMMON.iter().position(|common| *common == column::STATE) else {
            return;
        };
        let of_kinds = self.values.kinds.iter().zip(kinds);
        for (kind, count) in of_kinds.filter(|(_, count)| **count > 0) {
            let text = |ord: &u32| self.values.texts[at][*ord as usize].clone();
            let states = kind[at].iter().map(text).collect();
            *counts.entry(states).or_default() += count;
        }
    }

    /// The documents of which one value of a column is wanted.
    pub fn having(&self, name: &str, wanted: &dyn Fn(&str) -> bool) -> Result<BitSet> {
        if COMMON.contains(&name) {
            return Ok(self.values.having(name, wanted).documents());
        }
        let max_doc = self.values.of_doc.len() as DocId;
        let mut found = BitSet::with_max_value(max_doc);
        let own = self.own.iter().find(|(own, _)| *own == name);
        let Some((_, Some(values))) = own else {
            return Ok(found);
        };
        let mut text = String::new();
        let mut is_wanted = Vec::with_capacity(values.num_terms());
        for ord in 0..values.num_terms() {
            values.ord_to_str(ord as u64, &mut text)?;
            is_wanted.push(wanted(&text));
        }
        if is_wanted.contains(&true) {
            for doc in 0..max_doc {
                let mut ords = values.term_ords(doc);
                if ords.any(|ord| is_wanted.get(ord as usize).copied().unwrap_or(false)) {
                    found.insert(doc);
                }
            }
        }
        Ok(found)
    }
}

/// The values of the columns that many documents have in common. Documents with the same values are of one *kind*, and
/// there are few kinds: so what is asked of values is asked of kinds.
pub(crate) struct Values {
    of_doc: Vec<u32>,
    /// Which values a kind has, of each column, in order.
    kinds: Vec<[Box<[u32]>; COMMON.len()]>,
    /// The values of each column.
    texts: [Vec<String>; COMMON.len()],
}

impl Values {
    fn of(segment: &SegmentReader) -> Result<Values> {
        let mut values = Values {
            of_doc: vec![0; segment.max_doc() as usize],
            kinds: vec![Default::default()],
            texts: Default::default(),
        };
        for (at, name) in COMMON.iter().enumerate() {
            if let Some(column) = segment.fast_fields().str(name)? {
                values.divide(at, &column)?;
            }
        }
        Ok(values)
    }

    /// Divides kinds by the values of one more column.
    fn divide(&mut self, at: usize, column: &StrColumn) -> Result<()> {
        let mut text = String::new();
        for ord in 0..column.num_terms() {
            column.ord_to_str(ord as u64, &mut text)?;
            self.texts[at].push(text.clone());
        }
        let all_the_same =
            column.num_terms() == 1 && column.ords().get_cardinality() == Cardinality::Full;
        let mut known: HashMap<(u32, Box<[u32]>), u32> = HashMap::new();
        let mut kinds = Vec::new();
        let mut ords: Vec<u32> = if all_the_same { vec![0] } else { Vec::new() };
        // Neighbours are often of one kind.
        let mut last: Option<(u32, Vec<u32>, u32)> = None;
        for (doc, kind) in (0..).zip(&mut self.of_doc) {
            if !all_the_same {
                ords.clear();
                ords.extend(column.term_ords(doc).map(|ord| ord as u32));
                if ords.len() > 1 {
                    ords.sort_unstable();
                    ords.dedup();
                }
            }
            *kind = match &last {
                Some((before, same, new)) if before == kind && *same == ords => *new,
                _ => {
                    let key = (*kind, ords.as_slice().into());
                    let new = *known.entry(key).or_insert_with(|| {
                        let mut divided = self.kinds[*kind as usize].clone();
                        divided[at] = ords.as_slice().into();
                        kinds.push(divided);
                        kinds.len() as u32 - 1
                    });
                    last = Some((*kind, ords.clone(), new));
                    new
                }
            };
        }
        if !kinds.is_empty() {
            self.kinds = kinds;
        }
        Ok(())
    }

    /// How many of these documents are of each kind.
    pub fn kinds(&self, docs: impl Iterator<Item = DocId>) -> Vec<u64> {
        let mut counts = vec![0; self.kinds.len()];
        for doc in docs {
            if let Some(kind) = self.of_doc.get(doc as usize) {
                counts[*kind as usize] += 1;
            }
        }
        counts
    }

    /// The kinds of which one value of a common column is wanted.
    pub fn having(&self, name: &str, wanted: &dyn Fn(&str) -> bool) -> Among<'_> {
        let of_column = |at: usize| {
            let is_wanted: Vec<bool> = self.texts[at].iter().map(|text| wanted(text)).collect();
            let kinds = self.kinds.iter();
            kinds
                .map(|kind| kind[at].iter().any(|ord| is_wanted[*ord as usize]))
                .collect()
        };
        let at = COMMON.iter().position(|common| *common == name);
        Among {
            of_doc: &self.of_doc,
            kinds: at.map_or_else(|| vec![false; self.kinds.len()], of_column),
        }
    }
}

/// Documents of some kinds.
pub(crate) struct Among<'a> {
    of_doc: &'a [u32],
    kinds: Vec<bool>,
}

impl Among<'_> {
    /// Whether a document is one of them.
    pub fn contains(&self, doc: DocId) -> bool {
        let kind = self.of_doc.get(doc as usize);
        kind.is_some_and(|kind| self.kinds[*kind as usize])
    }

    fn documents(&self) -> BitSet {
        let mut found = BitSet::with_max_value(self.of_doc.len() as DocId);
        if self.kinds.contains(&true) {
            for (doc, kind) in (0..).zip(self.of_doc) {
                if self.kinds[*kind as usize] {
                    found.insert(doc);
                }
            }
        }
        found
    }
}

/// The segments of an index that stay open, for as long as the index has them.
#[derive(Default)]
pub(crate) struct Held(Mutex<HashMap<SegmentId, Arc<Open>>>);

impl Held {
    /// The segments of an index, in its order.
    pub fn of(&self, searcher: &Searcher, fields: &Fields) -> Result<Vec<Arc<Open>>> {
        let segments = searcher.segment_readers();
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() > segments.len() {
            held.retain(|id, _| segments.iter().any(|s| s.segment_id() == *id));
        }
        let open = |segment: &SegmentReader| {
            if let Some(open) = held.get(&segment.segment_id()) {
                return Ok(Arc::clone(open));
            }
            let open = Arc::new(Open::new(segment, fields)?);
            held.insert(segment.segment_id(), Arc::clone(&open));
            Ok(open)
        };
        segments.iter().map(open).collect()
    }
}
