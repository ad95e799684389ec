//! The order of hits: only as many are put in order as somebody looks at.

use std::cmp::Reverse;
use std::ops::Range;
use std::sync::Arc;

use tantivy::{DocAddress, DocId};

use crate::answer::Sort;
use crate::fields;
use crate::sets::Set;
use crate::values::Open;

/// A segment that was asked.
pub(crate) struct Of {
    /// Its index among those that were asked.
    pub index: u32,
    /// The place of the index's member among all that were asked, in order.
    pub member: u32,
    /// Its place in that index.
    pub segment: u32,
    pub open: Arc<Open>,
}

/// A hit. There may be as many as documents, so it holds no more than is needed to order them.
#[derive(Clone, Copy)]
struct Found {
    of: u32,
    doc: DocId,
    weight: f32,
}

/// What hits are ordered by, the first first; what does not matter is the same for all.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    weight: Reverse<u32>,
    date: i64,
    member: u32,
    order: fields::Place,
    segment: u32,
    doc: DocId,
}

/// All hits of a question.
pub(crate) struct Hits {
    of: Vec<Of>,
    found: Vec<Found>,
    sort: Sort,
}

/// Where a hit lies.
#[derive(Clone, Copy)]
pub(crate) struct Place<'a> {
    pub index: u32,
    pub at: DocAddress,
    open: &'a Open,
}

impl Place<'_> {
    /// Its place among the items of its member.
    pub fn order(&self) -> fields::Place {
        order(self.open, self.at.doc_id)
    }
}

fn order(open: &Open, doc: DocId) -> fields::Place {
    fields::Place {
        order: open.order.as_ref().and_then(|o| o.first(doc)).unwrap_or(0),
        inner: open.inner.as_ref().and_then(|o| o.first(doc)).unwrap_or(0),
    }
}

impl Hits {
    /// Of these segments, a set for each.
    pub fn new(of: Vec<Of>, sets: Vec<Set>, sort: Sort) -> Hits {
        let mut found = Vec::with_capacity(sets.iter().map(Vec::len).sum());
        for (of, set) in (0..).zip(sets) {
            found.extend(
                set.into_iter()
                    .map(|(doc, weight)| Found { of, doc, weight }),
            );
        }
        Hits { of, found, sort }
    }

    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// The hits at these places of the order, as far as they were put in order.
    pub fn places(&self, range: Range<usize>) -> impl Iterator<Item = Place<'_>> {
        let found = self.found.get(range).unwrap_or_default();
        found.iter().filter_map(|found| {
            let of = self.of.get(found.of as usize)?;
            Some(Place {
                index: of.index,
                at: DocAddress::new(of.segment, found.doc),
                open: &of.open,
            })
        })
    }

    /// Puts the first `end` hits in order.
    pub fn order_to(&mut self, end: usize) {
        let mut found = std::mem::take(&mut self.found);
        let near = match self.sort {
            Sort::Relevance => heaviest(&mut found, end),
            Sort::Date | Sort::Ern => found.len(),
        };
        let mut keyed: Vec<(Key, Found)> = found[..near]
            .iter()
            .map(|found| (self.key(found), *found))
            .collect();
        if end < keyed.len() {
            if end > 0 {
                keyed.select_nth_unstable_by_key(end - 1, |(key, _)| *key);
            }
            keyed[..end].sort_unstable_by_key(|(key, _)| *key);
        } else {
            keyed.sort_unstable_by_key(|(key, _)| *key);
        }
        for (place, (_, one)) in found.iter_mut().zip(keyed) {
            *place = one;
        }
        self.found = found;
    }

    fn key(&self, found: &Found) -> Key {
        let of = self.of.get(found.of as usize);
        let open = of.map(|of| &of.open);
        let date = || {
            let dates = open?.dates.as_ref()?;
            dates.values_for_doc(found.doc).min()
        };
        Key {
            weight: Reverse(match self.sort {
                Sort::Relevance => ordered(found.weight),
                Sort::Date | Sort::Ern => 0,
            }),
            date: match self.sort {
                Sort::Date => date().unwrap_or(i64::MAX),
                Sort::Relevance | Sort::Ern => 0,
            },
            member: of.map_or(0, |of| of.member),
            order: open.map_or_else(fields::Place::default, |open| order(open, found.doc)),
            segment: of.map_or(0, |of| of.segment),
            doc: found.doc,
        }
    }
}

/// A weight as a number of the same order: none is below 0.
fn ordered(weight: f32) -> u32 {
    weight.max(0.0).to_bits()
}

/// Puts those first that may be among the first `end` by their weight, and says how many: what weighs as much as the
/// last of them is one of them.
fn heaviest(found: &mut [Found], end: usize) -> usize {
    if end == 0 || end >= found.len() {
        return if end == 0 { 0 } else { found.len() };
    }
    let by = |a: &Found, b: &Found| ordered(b.weight).cmp(&ordered(a.weight));
    let (_, last, rest) = found.select_nth_unstable_by(end - 1, by);
    let last = ordered(last.weight);
    let mut equal = 0;
    for at in 0..rest.len() {
        if ordered(rest[at].weight) == last {
            rest.swap(at, equal);
            equal += 1;
        }
    }
    end + equal
}
