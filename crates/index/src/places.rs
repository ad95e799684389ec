//! Phrases and neighbourhood: where words stand in a document.

use std::rc::Rc;

use comity_search::query::{Form, Query, Word};
use tantivy::index::InvertedIndexReader;
use tantivy::postings::{Postings, SegmentPostings, TermInfo};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, TERMINATED};

use crate::error::{IndexError, Result};
use crate::lexicon::Words;
use crate::slot::Slot;
use crate::values::Among;

/// Words that stand together: the place of the first, and of the last.
type Span = (u32, u32);

/// The places of a word in a segment, and the documents in which they count, if not in all.
struct List<'a> {
    places: SegmentPostings,
    among: Option<Among<'a>>,
}

/// What is looked for, with the lists of one segment opened.
enum Node<'a> {
    Word(Vec<List<'a>>),
    Phrase(Vec<Vec<List<'a>>>),
    Near(Box<Node<'a>>, Box<Node<'a>>, u32),
}

/// A segment in which phrases and neighbourhoods are looked for.
pub(crate) struct Place<'a> {
    pub reader: &'a InvertedIndexReader,
    /// The lexicon of its index.
    pub words: &'a Words<'a>,
    /// A word, ready to be looked up.
    pub slot: &'a dyn Fn(&Word) -> Rc<Slot>,
    /// The documents that are in one of these languages.
    pub speaking: &'a dyn Fn(u16) -> Among<'a>,
    /// The documents that may be found.
    pub wanted: &'a dyn Fn(DocId) -> bool,
    /// Whether a word stands in one of them.
    pub stands: &'a dyn Fn(&TermInfo) -> Result<bool>,
}

/// The words of a phrase or neighbourhood.
pub(crate) fn words_of<'q>(query: &'q Query, out: &mut Vec<&'q Word>) {
    match query {
        Query::Word(word) => out.push(word),
        Query::Phrase(words) => out.extend(words),
        Query::Near { left, right, .. } => {
            words_of(left, out);
            words_of(right, out);
        }
        _ => {}
    }
}

/// The documents in which a word, phrase or neighbourhood stands, with how often.
pub(crate) fn find(place: &Place<'_>, query: &Query) -> Result<Vec<(DocId, u32)>> {
    let mut node = Node::open(place, query)?;
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(doc) = node.next_from(at) {
        if (place.wanted)(doc) {
            let spans = node.spans(doc);
            if !spans.is_empty() {
                found.push((doc, u32::try_from(spans.len()).unwrap_or(u32::MAX)));
            }
        }
        at = doc + 1;
    }
    Ok(found)
}

impl<'a> Node<'a> {
    fn open(place: &Place<'a>, query: &Query) -> Result<Node<'a>> {
        let word = |word: &Word| -> Result<Vec<List<'a>>> {
            let slot = (place.slot)(word);
            let lists = slot.lists_standing(place.reader.terms(), place.words, place.stands)?;
            let option = IndexRecordOption::WithFreqsAndPositions;
            let opened = lists.iter().map(|list| {
                Ok(List {
                    places: place
                        .reader
                        .read_postings_from_terminfo(&list.info, option)?,
                    among: list.spoken.map(place.speaking),
                })
            });
            opened.collect()
        };
        match query {
            Query::Word(w) => Ok(Node::Word(word(w)?)),
            Query::Phrase(words) => {
                Ok(Node::Phrase(words.iter().map(word).collect::<Result<_>>()?))
            }
            Query::Near {
                left,
                right,
                within,
            } => Ok(Node::Near(
                Box::new(Node::open(place, left)?),
                Box::new(Node::open(place, right)?),
                *within,
            )),
            other => Err(IndexError::Question(format!(
                "near/ stands between words and phrases, and {other} is neither"
            ))),
        }
    }

    /// The first document from `at` on in which all parts stand somewhere.
    fn next_from(&mut self, at: DocId) -> Option<DocId> {
        match self {
            Node::Word(lists) => first(lists, at),
            Node::Phrase(slots) => {
                let mut at = at;
                loop {
                    let mut furthest = at;
                    for slot in slots.iter_mut() {
                        furthest = furthest.max(first(slot, at)?);
                    }
                    if furthest == at {
                        return Some(at);
                    }
                    at = furthest;
                }
            }
            Node::Near(left, right, _) => {
                let mut at = at;
                loop {
                    let left = left.next_from(at)?;
                    let right = right.next_from(left)?;
                    if left == right {
                        return Some(left);
                    }
                    at = right;
                }
            }
        }
    }

    /// Where it stands in a document that [`Node::next_from`] gave, in order.
    fn spans(&mut self, doc: DocId) -> Vec<Span> {
        match self {
            Node::Word(lists) => places(lists, doc).into_iter().map(|p| (p, p)).collect(),
            Node::Phrase(slots) => {
                let lists: Vec<Vec<u32>> = slots.iter_mut().map(|s| places(s, doc)).collect();
                let Some((firsts, others)) = lists.split_first() else {
                    return Vec::new();
                };
                let last = u32::try_from(others.len()).unwrap_or(u32::MAX);
                let follows = |first: u32| {
                    let next = (first + 1..).zip(others);
                    next.into_iter()
                        .all(|(place, list)| list.binary_search(&place).is_ok())
                };
                firsts
                    .iter()
                    .filter(|first| follows(**first))
                    .map(|first| (*first, first + last))
                    .collect()
            }
            Node::Near(left, right, within) => near(&left.spans(doc), &right.spans(doc), *within),
        }
    }
}

/// Pairs with at most `within` words between, in either order and not over each other.
fn near(left: &[Span], right: &[Span], within: u32) -> Vec<Span> {
    let mut found = Vec::new();
    // Spans of one node differ in length by a bounded number of places, so that neighbours in order are near.
    let longest = right.iter().map(|(a, b)| b - a).max().unwrap_or(0);
    for (from, to) in left {
        let begin = from.saturating_sub(within + 1 + longest);
        let start = right.partition_point(|(a, _)| *a < begin);
        for (a, b) in right.iter().skip(start) {
            if *a > to + within + 1 {
                break;
            }
            let after = a > to && a - to - 1 <= within;
            let before = b < from && from - b - 1 <= within;
            if after || before {
                found.push((*from.min(a), *to.max(b)));
            }
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// The first document from `at` on that one of the lists has.
fn first(lists: &mut [List<'_>], at: DocId) -> Option<DocId> {
    let docs = lists.iter_mut().map(|list| {
        if list.places.doc() < at {
            list.places.seek(at)
        } else {
            list.places.doc()
        }
    });
    docs.min().filter(|doc| *doc != TERMINATED)
}

/// The places at which one of the lists stands in a document, in order.
fn places(lists: &mut [List<'_>], doc: DocId) -> Vec<u32> {
    let mut all = Vec::new();
    let mut some = Vec::new();
    for list in lists.iter_mut() {
        if list.places.doc() < doc {
            list.places.seek(doc);
        }
        let counts = list.among.as_ref().is_none_or(|among| among.contains(doc));
        if counts && list.places.doc() == doc {
            list.places.positions(&mut some);
            all.append(&mut some);
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// The words of a value of a field, as a phrase that may end in a beginning.
pub(crate) fn phrase_of(text: &str, last: Form, form: Form) -> Option<Query> {
    let mut words: Vec<Word> = comity_words::words(text)
        .map(|w| Word {
            text: w.text.to_owned(),
            form,
        })
        .collect();
    words.last_mut()?.form = last;
    match words.as_slice() {
        [one] => Some(Query::Word(one.clone())),
        _ => Some(Query::Phrase(words)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_counts_the_words_between_in_either_order() {
        assert_eq!(near(&[(0, 0)], &[(1, 1)], 1), [(0, 1)]);
        assert_eq!(near(&[(0, 0)], &[(6, 6)], 5), [(0, 6)]);
        assert_eq!(near(&[(0, 0)], &[(7, 7)], 5), []);
        assert_eq!(near(&[(7, 7)], &[(0, 1)], 5), [(0, 7)]);
        assert_eq!(near(&[(8, 8)], &[(0, 1)], 5), []);
        // One word is not near itself.
        assert_eq!(near(&[(3, 3)], &[(3, 3)], 5), []);
        assert_eq!(near(&[(3, 4)], &[(4, 4)], 5), []);
    }
}
