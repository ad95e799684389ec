//! Sets of documents: read from the lists of words, added up, and joined.

use tantivy::index::InvertedIndexReader;
use tantivy::postings::{Postings, TermInfo};
use tantivy::schema::IndexRecordOption;
use tantivy::{BitSet, DocId, DocSet, TERMINATED};

use crate::error::Result;

/// Documents in order, each with its weight.
pub(crate) type Set = Vec<(DocId, f32)>;

/// Calls `put` with each document of a list and how often the term stands in it.
pub(crate) fn each(
    reader: &InvertedIndexReader,
    term: &TermInfo,
    mut put: impl FnMut(DocId, u32),
) -> Result<()> {
    let option = IndexRecordOption::WithFreqs;
    let mut list = reader.read_block_postings_from_terminfo(term, option)?;
    while !list.docs().is_empty() {
        for (at, doc) in list.docs().iter().enumerate() {
            put(*doc, list.freq(at));
        }
        list.advance();
    }
    Ok(())
}

/// Calls `put` with each document of a list: half the work, where nobody asks how often.
pub(crate) fn each_doc(
    reader: &InvertedIndexReader,
    term: &TermInfo,
    put: impl FnMut(DocId),
) -> Result<()> {
    let option = IndexRecordOption::Basic;
    let mut list = reader.read_block_postings_from_terminfo(term, option)?;
    let mut put = put;
    while !list.docs().is_empty() {
        list.docs().iter().copied().for_each(&mut put);
        list.advance();
    }
    Ok(())
}

/// How much longer one of two lists must be before the other's documents are looked up in it one by one.
const MUCH_LONGER: usize = 8;

/// Calls `put` with the place in `docs`, which are in order, of each that a list has too, and how often the term stands
/// in it. Reads no more of the list than it must.
pub(crate) fn each_of(
    reader: &InvertedIndexReader,
    term: &TermInfo,
    docs: &[DocId],
    mut put: impl FnMut(usize, u32),
) -> Result<()> {
    if docs.len().saturating_mul(MUCH_LONGER) < term.doc_freq as usize {
        let option = IndexRecordOption::WithFreqs;
        let mut list = reader.read_postings_from_terminfo(term, option)?;
        for (at, doc) in docs.iter().enumerate() {
            if list.doc() < *doc {
                list.seek(*doc);
            }
            match list.doc() {
                TERMINATED => break,
                found if found == *doc => put(at, list.term_freq()),
                _ => {}
            }
        }
        return Ok(());
    }
    let sparse = (term.doc_freq as usize).saturating_mul(MUCH_LONGER) < docs.len();
    let mut at = 0;
    each(reader, term, |doc, often| {
        let rest = docs.get(at..).unwrap_or_default();
        at += match sparse {
            true => rest.partition_point(|d| *d < doc),
            false => rest.iter().take_while(|d| **d < doc).count(),
        };
        if docs.get(at) == Some(&doc) {
            put(at, often);
        }
    })
}

/// How often something stands in documents, added up from several lists.
pub(crate) enum Counts {
    /// Few: sorted at the end.
    Few(Vec<(DocId, u32)>),
    /// Many: a place for each document.
    Many(Vec<u32>),
}

impl Counts {
    pub fn new(max_doc: u32, total: u64) -> Counts {
        if total * 16 < u64::from(max_doc) {
            Counts::Few(Vec::with_capacity(total as usize))
        } else {
            Counts::Many(vec![0; max_doc as usize])
        }
    }

    pub fn add(&mut self, doc: DocId, often: u32) {
        match self {
            Counts::Few(pairs) => pairs.push((doc, often)),
            Counts::Many(all) => {
                if let Some(count) = all.get_mut(doc as usize) {
                    *count += often;
                }
            }
        }
    }

    pub fn finish(self) -> Vec<(DocId, u32)> {
        match self {
            Counts::Few(mut pairs) => {
                // Runs that are in order already, one of each list, which this sort puts together.
                pairs.sort_by_key(|(doc, _)| *doc);
                pairs.dedup_by(|later, first| {
                    let same = later.0 == first.0;
                    if same {
                        first.1 += later.1;
                    }
                    same
                });
                pairs
            }
            Counts::Many(all) => (0..).zip(all).filter(|(_, n)| *n > 0).collect(),
        }
    }
}

/// The documents of both, with the weights of both.
pub(crate) fn both(a: &[(DocId, f32)], b: &[(DocId, f32)]) -> Set {
    let (few, many) = if a.len() <= b.len() { (a, b) } else { (b, a) };
    let mut out = Set::with_capacity(few.len());
    let mut rest = many;
    for (doc, weight) in few {
        rest = &rest[rest.partition_point(|(d, _)| d < doc).min(rest.len())..];
        if let Some((found, other)) = rest.first()
            && found == doc
        {
            out.push((*doc, weight + other));
        }
    }
    out
}

/// The documents of either, with the weights of both.
pub(crate) fn either(a: &[(DocId, f32)], b: &[(DocId, f32)]) -> Set {
    let mut out = Set::with_capacity(a.len() + b.len());
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    loop {
        match (a.peek(), b.peek()) {
            (None, None) => return out,
            (Some(x), Some(y)) if x.0 == y.0 => {
                out.push((x.0, x.1 + y.1));
                a.next();
                b.next();
            }
            (Some(x), y) if y.is_none_or(|y| x.0 < y.0) => {
                out.push(**x);
                a.next();
            }
            (_, Some(y)) => {
                out.push(**y);
                b.next();
            }
            (Some(_), None) => {
                out.extend(a.next());
            }
        }
    }
}

/// What may be found but for these.
pub(crate) fn without(visible: &BitSet, set: &[(DocId, f32)]) -> Set {
    let mut out = Set::new();
    let mut taken = set.iter().map(|(doc, _)| *doc).peekable();
    for doc in 0..visible.max_value() {
        if taken.next_if_eq(&doc).is_none() && visible.contains(doc) {
            out.push((doc, 0.0));
        }
    }
    out
}

/// A set without the documents of another.
pub(crate) fn less(set: &mut Set, other: &[(DocId, f32)]) {
    let mut taken = other;
    set.retain(|(doc, _)| {
        taken = &taken[taken.partition_point(|(d, _)| d < doc)..];
        taken.first().is_none_or(|(d, _)| d != doc)
    });
}
