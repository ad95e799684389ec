//! Phrases and neighbourhood: where words stand in a document.

use std::ops::Range;
use std::rc::Rc;

use comity_search::query::{Form, Query, Word};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use tantivy::index::InvertedIndexReader;
use tantivy::postings::{Postings, SegmentPostings, TermInfo};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, TERMINATED};

use crate::error::{IndexError, Result};
use crate::slot::Listed;
use crate::values::Among;

/// Words that stand together: the place of the first, and of the last.
type Span = (u32, u32);

/// The documents of a word in a segment, and those of them in which it counts, if not in all.
struct List<'a> {
    docs: SegmentPostings,
    /// Whether `docs` has places too. They are read only once a document is found that has all words: most of the list
    /// of a frequent word are places.
    with_places: bool,
    info: TermInfo,
    among: Option<Among<'a>>,
}

/// A word of what is looked for: where it stands in all its forms.
struct Stands<'a> {
    lists: Vec<List<'a>>,
    /// Where it stands in a document, in order. Kept from document to document, as all that is gathered for one.
    places: Vec<u32>,
    of_list: Vec<u32>,
}

/// What is looked for, with the lists of one segment opened.
enum Node<'a> {
    Word(Stands<'a>),
    Phrase(Vec<Stands<'a>>),
    Near(Box<Neighbours<'a>>),
}

/// Two that are to stand near each other, and how many words may stand between.
struct Neighbours<'a> {
    left: Node<'a>,
    right: Node<'a>,
    within: u32,
    spans: [Vec<Span>; 2],
}

/// A segment in which phrases and neighbourhoods are looked for.
pub(crate) struct Place<'a> {
    pub reader: &'a InvertedIndexReader,
    /// The lists of a word.
    pub lists: &'a dyn Fn(&Word) -> Result<Rc<[Listed]>>,
    /// The documents that are in one of these languages.
    pub speaking: &'a dyn Fn(u16) -> Among<'a>,
    /// The documents that may be found.
    pub wanted: &'a (dyn Fn(DocId) -> bool + Sync),
    /// One more than the last document.
    pub end: DocId,
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

/// Documents of the rarest word from which on all cores look for them, each among its share of the segment.
const MANY: u64 = 5_000;

/// The documents in which a word, phrase or neighbourhood stands, with how often.
pub(crate) fn find(place: &Place<'_>, query: &Query) -> Result<Vec<(DocId, u32)>> {
    let node = Node::open(place, query)?;
    let (reader, wanted) = (place.reader, place.wanted);
    if node.at_most() < MANY {
        return node.find(reader, wanted, 0..place.end);
    }
    let cores = u32::try_from(rayon::current_num_threads()).unwrap_or(1);
    let share = place.end.div_ceil(cores).max(1);
    let mut shares = vec![(node, 0..share)];
    for begin in (share..place.end).step_by(share as usize) {
        shares.push((
            Node::open(place, query)?,
            begin..begin.saturating_add(share),
        ));
    }
    let found = shares.into_par_iter();
    let found = found.map(|(node, share)| node.find(reader, wanted, share));
    Ok(found.collect::<Result<Vec<_>>>()?.concat())
}

impl<'a> Node<'a> {
    fn open(place: &Place<'a>, query: &Query) -> Result<Node<'a>> {
        let word = |word: &Word| -> Result<Stands<'a>> {
            let lists = (place.lists)(word)?;
            let opened = lists.iter().map(|list| {
                let basic = IndexRecordOption::Basic;
                Ok(List {
                    docs: place
                        .reader
                        .read_postings_from_terminfo(&list.info, basic)?,
                    with_places: false,
                    info: list.info.clone(),
                    among: list.spoken.map(place.speaking),
                })
            });
            Ok(Stands {
                lists: opened.collect::<Result<_>>()?,
                places: Vec::new(),
                of_list: Vec::new(),
            })
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
            } => Ok(Node::Near(Box::new(Neighbours {
                left: Node::open(place, left)?,
                right: Node::open(place, right)?,
                within: *within,
                spans: Default::default(),
            }))),
            other => Err(IndexError::Question(format!(
                "near/ stands between words and phrases, and {other} is neither"
            ))),
        }
    }

    /// In how many documents it stands at most.
    fn at_most(&self) -> u64 {
        match self {
            Node::Word(word) => word.at_most(),
            Node::Phrase(words) => words.iter().map(Stands::at_most).min().unwrap_or(0),
            Node::Near(near) => near.left.at_most().min(near.right.at_most()),
        }
    }

    /// Those of a range of documents in which it stands, with how often.
    fn find(
        mut self,
        reader: &InvertedIndexReader,
        wanted: &dyn Fn(DocId) -> bool,
        range: Range<DocId>,
    ) -> Result<Vec<(DocId, u32)>> {
        let (mut found, mut spans) = (Vec::new(), Vec::new());
        let mut at = range.start;
        while let Some(doc) = self.next_from(at).filter(|doc| *doc < range.end) {
            if wanted(doc) {
                self.spans(reader, doc, &mut spans)?;
                if !spans.is_empty() {
                    found.push((doc, u32::try_from(spans.len()).unwrap_or(u32::MAX)));
                }
            }
            at = doc + 1;
        }
        Ok(found)
    }

    /// The first document from `at` on in which all parts stand somewhere.
    fn next_from(&mut self, at: DocId) -> Option<DocId> {
        match self {
            Node::Word(word) => word.first(at),
            Node::Phrase(words) => first_of_all(words, at),
            Node::Near(near) => {
                let mut at = at;
                loop {
                    let left = near.left.next_from(at)?;
                    let right = near.right.next_from(left)?;
                    if left == right {
                        return Some(left);
                    }
                    at = right;
                }
            }
        }
    }

    /// Where it stands in a document that [`Node::next_from`] gave, in order.
    fn spans(
        &mut self,
        reader: &InvertedIndexReader,
        doc: DocId,
        spans: &mut Vec<Span>,
    ) -> Result<()> {
        spans.clear();
        match self {
            Node::Word(word) => {
                spans.extend(word.places_in(reader, doc)?.iter().map(|p| (*p, *p)));
            }
            Node::Phrase(words) => {
                for word in words.iter_mut() {
                    if word.places_in(reader, doc)?.is_empty() {
                        return Ok(());
                    }
                }
                let Some((first, others)) = words.split_first() else {
                    return Ok(());
                };
                let last = u32::try_from(others.len()).unwrap_or(u32::MAX);
                let follows = |first: u32| {
                    let mut next = (first + 1..).zip(others);
                    next.all(|(place, word)| word.places.binary_search(&place).is_ok())
                };
                let firsts = first.places.iter().filter(|first| follows(**first));
                spans.extend(firsts.map(|first| (*first, first + last)));
            }
            Node::Near(near) => {
                let [left, right] = &mut near.spans;
                near.left.spans(reader, doc, left)?;
                near.right.spans(reader, doc, right)?;
                pairs(left, right, near.within, spans);
            }
        }
        Ok(())
    }
}

/// The first document from `at` on in which all these words stand somewhere.
fn first_of_all(words: &mut [Stands<'_>], at: DocId) -> Option<DocId> {
    let mut at = at;
    loop {
        let mut furthest = at;
        for word in words.iter_mut() {
            furthest = furthest.max(word.first(furthest)?);
        }
        if furthest == at {
            return Some(at);
        }
        at = furthest;
    }
}

impl Stands<'_> {
    /// In how many documents it stands at most.
    fn at_most(&self) -> u64 {
        let lists = self.lists.iter();
        lists.map(|list| u64::from(list.info.doc_freq)).sum()
    }

    /// The first document from `at` on in which it stands.
    fn first(&mut self, at: DocId) -> Option<DocId> {
        let docs = self.lists.iter_mut().map(|list| {
            if list.docs.doc() < at {
                list.docs.seek(at)
            } else {
                list.docs.doc()
            }
        });
        docs.min().filter(|doc| *doc != TERMINATED)
    }

    /// The places at which it stands in a document, in order.
    fn places_in(&mut self, reader: &InvertedIndexReader, doc: DocId) -> Result<&[u32]> {
        self.places.clear();
        for list in &mut self.lists {
            if list.docs.doc() < doc {
                list.docs.seek(doc);
            }
            let counts = list.among.as_ref().is_none_or(|among| among.contains(doc));
            if counts && list.docs.doc() == doc {
                list.places(reader, doc, &mut self.of_list)?;
                self.places.append(&mut self.of_list);
            }
        }
        if self.lists.len() > 1 {
            self.places.sort_unstable();
            self.places.dedup();
        }
        Ok(&self.places)
    }
}

impl List<'_> {
    /// The places in a document of the list; documents come in order.
    fn places(
        &mut self,
        reader: &InvertedIndexReader,
        doc: DocId,
        out: &mut Vec<u32>,
    ) -> Result<()> {
        if !self.with_places {
            let option = IndexRecordOption::WithFreqsAndPositions;
            self.docs = reader.read_postings_from_terminfo(&self.info, option)?;
            self.with_places = true;
        }
        if self.docs.doc() < doc {
            self.docs.seek(doc);
        }
        self.docs.positions(out);
        Ok(())
    }
}

/// Pairs with at most `within` words between, in either order and not over each other.
fn pairs(left: &[Span], right: &[Span], within: u32, found: &mut Vec<Span>) {
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
        let near = |left: &[Span], right: &[Span], within| {
            let mut found = Vec::new();
            pairs(left, right, within, &mut found);
            found
        };
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
