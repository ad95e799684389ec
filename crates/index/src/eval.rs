//! A question, answered for every segment of every index that the one who asks may look into.
//!
//! Every part gives all documents that fit, in order, with their weight. So counts and facets are exact by nature, and
//! nothing is estimated.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use comity_search::query::{Field, Form, Query, Thing, Value, Word};
use comity_words::fold;
use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::InvertedIndexReader;
use tantivy::postings::{Postings, TermInfo};
use tantivy::schema::{Field as Column, IndexRecordOption};
use tantivy::{BitSet, DocId, DocSet, SegmentReader, TERMINATED};

use crate::columns;
use crate::error::{IndexError, Result};
use crate::fields::{Fields, column};
use crate::lexicon::Words;
use crate::lists::Seen;
use crate::near::{self, Traits};
use crate::places;
use crate::slot::{Listed, Slot};
use crate::terms::of_bits;
use crate::values::{Among, Open};

/// Documents in order, each with its weight.
pub(crate) type Set = Vec<(DocId, f32)>;

/// A part of an index, and what of it may be found.
pub(crate) struct Segment<'a> {
    pub reader: &'a SegmentReader,
    pub open: &'a Open,
    pub fields: &'a Fields,
    /// The lexicon of its index.
    pub words: &'a Words<'a>,
    pub member: &'a str,
    pub visible: &'a BitSet,
    pub count: u64,
}

/// A question on its way.
pub(crate) struct Asking<'a> {
    pub segments: &'a [Segment<'a>],
    /// The items that the question compares with, by their numbers as they were typed.
    pub likes: &'a BTreeMap<String, Traits>,
    /// Whether words without a sign mean their exact form alone.
    pub exact: bool,
    pub transliterate: bool,
    /// The lists that may be looked at.
    pub lists: &'a Seen,
    /// The words of the question, ready to be looked up.
    pub slots: Slots,
}

/// Words that are ready to be looked up: a question has each more than once.
#[derive(Default)]
pub(crate) struct Slots(RefCell<HashMap<Word, Rc<Slot>>>);

impl Asking<'_> {
    /// The documents that fit, a set for each segment.
    pub fn eval(&self, query: &Query) -> Result<Vec<Set>> {
        match query {
            Query::Word(word) => self.weighed(|s| self.word(s, s.fields.words, word)),
            Query::Phrase(_) | Query::Near { .. } => {
                self.bounded(|s| Some(s.fields.words), query)?;
                self.weighed(|s| self.placed(s, s.fields.words, query))
            }
            Query::Field { field, value } => self.field(*field, value),
            Query::Has(thing @ (Thing::Name | Thing::Known | Thing::Watch)) => {
                self.columns(|s| self.lists.anything(s.open, *thing))
            }
            Query::Has(thing) => self.columns(|s| has(s.open, *thing)),
            Query::Around(circle) => self.columns(|s| columns::around(s.reader, circle)),
            Query::And(parts) => self.all(parts),
            Query::Or(parts) => {
                let mut sets = self.nothing();
                for part in parts {
                    for (set, other) in sets.iter_mut().zip(self.eval(part)?) {
                        *set = either(set, &other);
                    }
                }
                Ok(sets)
            }
            Query::Not(part) => {
                let sets = self.eval(part)?;
                let pairs = self.segments.iter().zip(sets);
                Ok(pairs.map(|(s, set)| without(s.visible, &set)).collect())
            }
        }
    }

    fn nothing(&self) -> Vec<Set> {
        self.segments.iter().map(|_| Set::new()).collect()
    }

    fn all(&self, parts: &[Query]) -> Result<Vec<Set>> {
        let Some((first, others)) = parts.split_first() else {
            return Ok(self.nothing());
        };
        let words = parts.iter().filter_map(|part| match part {
            Query::Word(word) => Some(word),
            _ => None,
        });
        if !self.meet(&words.collect::<Vec<_>>())? {
            return Ok(self.nothing());
        }
        let mut sets = self.eval(first)?;
        for part in others {
            for (set, other) in sets.iter_mut().zip(self.eval(part)?) {
                *set = both(set, &other);
            }
        }
        Ok(sets)
    }

    /// Whether all these words stand together in any document. That is soon known where they do, and where they do not,
    /// nothing need be weighed, for which every place of each is counted.
    fn meet(&self, words: &[&Word]) -> Result<bool> {
        if words.len() < 2 {
            return Ok(true);
        }
        for s in self.segments {
            let reader = s.reader.inverted_index(s.fields.words)?;
            let lists = |word: &&Word| self.slot(word).lists(reader.terms(), s.words);
            let lists: Vec<Vec<Listed>> = words.iter().map(lists).collect::<Result<_>>()?;
            if places::meet(&reader, &lists)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Documents by how often what is looked for stands in them, weighed: what is rare among all that may be found
    /// weighs more, and so does what is a larger share of its document (BM25, with one length for an average text).
    fn weighed(
        &self,
        find: impl Fn(&Segment<'_>) -> Result<Vec<(DocId, u32)>>,
    ) -> Result<Vec<Set>> {
        let found: Vec<_> = self.segments.iter().map(find).collect::<Result<_>>()?;
        let with = found.iter().map(Vec::len).sum::<usize>() as f32;
        let all = self.segments.iter().map(|s| s.count).sum::<u64>() as f32;
        let rare = (1.0 + (all - with + 0.5) / (with + 0.5)).ln();
        let pairs = self.segments.iter().zip(found);
        pairs
            .map(|(segment, found)| {
                let lengths = &segment.open.lengths;
                let weigh = |(doc, often): (DocId, u32)| (doc, rare * weight(lengths, doc, often));
                Ok(found.into_iter().map(weigh).collect())
            })
            .collect()
    }

    /// Documents by columns: they weigh nothing.
    fn columns(&self, find: impl Fn(&Segment<'_>) -> Result<BitSet>) -> Result<Vec<Set>> {
        let one = |s: &Segment<'_>| {
            let found = find(s)?;
            let docs = 0..s.reader.max_doc();
            let docs = docs.filter(|doc| found.contains(*doc) && s.visible.contains(*doc));
            Ok(docs.map(|doc| (doc, 0.0)).collect())
        };
        self.segments.iter().map(one).collect()
    }

    /// In how many items that may be found a word stands.
    pub fn items_with(&self, word: &Word) -> Result<u64> {
        let count = |s: &Segment<'_>| Ok(self.word(s, s.fields.words, word)?.len() as u64);
        self.segments.iter().map(count).sum()
    }

    /// What is nearly the same as an item, but for the item itself.
    fn like(&self, value: &Value) -> Result<Vec<Set>> {
        let traits = match value {
            Value::Is(number) => self.likes.get(number),
            Value::Begins(_) | Value::Range(..) => None,
        };
        let traits = traits.ok_or_else(|| {
            IndexError::Question(format!("like:{value}: one number is compared with"))
        })?;
        let one = |s: &Segment<'_>| {
            let itself = numbered(s, value)?;
            let wanted = |doc| s.visible.contains(doc) && !itself.contains(doc);
            near::alike(s.reader, traits, &wanted)
        };
        self.segments.iter().map(one).collect()
    }

    fn form(&self, form: Form) -> Form {
        match form {
            Form::Any if self.exact => Form::Exact,
            form => form,
        }
    }

    /// A word, ready to be looked up, in the form that it stands for.
    pub fn slot(&self, word: &Word) -> Rc<Slot> {
        let mut slots = self.slots.0.borrow_mut();
        if let Some(known) = slots.get(word) {
            return Rc::clone(known);
        }
        let meant = Word {
            text: word.text.clone(),
            form: self.form(word.form),
        };
        let slot = Rc::new(Slot::new(&meant, self.transliterate));
        slots.insert(word.clone(), Rc::clone(&slot));
        slot
    }

    fn word(&self, s: &Segment<'_>, column: Column, word: &Word) -> Result<Vec<(DocId, u32)>> {
        let reader = s.reader.inverted_index(column)?;
        let lists = self.slot(word).lists(reader.terms(), s.words)?;
        let total: u64 = lists.iter().map(|l| u64::from(l.info.doc_freq)).sum();
        let mut counts = Counts::new(s.reader.max_doc(), total);
        for list in &lists {
            let among = list.spoken.map(|bits| speaking(s.open, bits));
            each(&reader, &list.info, &mut |doc, often| {
                let counts_here = among.as_ref().is_none_or(|among| among.contains(doc));
                if counts_here && s.visible.contains(doc) {
                    counts.add(doc, often * list.weight);
                }
            })?;
        }
        Ok(counts.finish())
    }

    /// Whether a word stands in any item that may be found.
    pub fn stands(&self, word: &Word) -> Result<bool> {
        let slot = self.slot(word);
        for s in self.segments {
            let reader = s.reader.inverted_index(s.fields.words)?;
            for list in slot.lists(reader.terms(), s.words)? {
                let among = list.spoken.map(|bits| speaking(s.open, bits));
                let mut docs =
                    reader.read_postings_from_terminfo(&list.info, IndexRecordOption::Basic)?;
                while docs.doc() != TERMINATED {
                    let counts_here = among.as_ref().is_none_or(|a| a.contains(docs.doc()));
                    if counts_here && s.visible.contains(docs.doc()) {
                        return Ok(true);
                    }
                    docs.advance();
                }
            }
        }
        Ok(false)
    }

    fn placed(&self, s: &Segment<'_>, column: Column, query: &Query) -> Result<Vec<(DocId, u32)>> {
        let reader = s.reader.inverted_index(column)?;
        let place = places::Place {
            reader: &reader,
            words: s.words,
            slot: &|word| self.slot(word),
            speaking: &|bits| speaking(s.open, bits),
            wanted: &|doc| s.visible.contains(doc),
            stands: &|info| stands(s, &reader, info),
        };
        places::find(&place, query)
    }

    /// Refuses a phrase or neighbourhood of which a word means too many words, of those that stand in what may be found.
    fn bounded(
        &self,
        column: impl Fn(&Segment<'_>) -> Option<Column>,
        query: &Query,
    ) -> Result<()> {
        let mut words = Vec::new();
        places::words_of(query, &mut words);
        for word in words {
            let (slot, mut found) = (self.slot(word), HashSet::new());
            for s in self.segments {
                let Some(column) = column(s) else { continue };
                let reader = s.reader.inverted_index(column)?;
                let stands = |info: &TermInfo| stands(s, &reader, info);
                slot.add_standing(reader.terms(), s.words, &stands, &mut found)?;
            }
        }
        Ok(())
    }

    fn field(&self, field: Field, value: &Value) -> Result<Vec<Set>> {
        if let Some(name) = columns::of_field(field) {
            let fits = columns::fits(field, value)?;
            return self.columns(|s| s.open.having(name, &*fits));
        }
        match field {
            Field::Date => {
                let range = columns::moments(value)?;
                self.columns(|s| columns::dated(s.reader, &range))
            }
            Field::Size => {
                let range = columns::sizes(value)?;
                self.columns(|s| columns::sized(s.reader, &range))
            }
            Field::Member => {
                let fits = columns::fits(field, value)?;
                self.columns(|s| Ok(whole(s.reader.max_doc(), fits(s.member))))
            }
            Field::Like => self.like(value),
            Field::Ern => self.columns(|s| numbered(s, value)),
            Field::Name | Field::Entity | Field::Known | Field::Watch => {
                self.columns(|s| self.lists.having(s.open, field, value))
            }
            _ => self.words_of_field(field, value),
        }
    }

    fn words_of_field(&self, field: Field, value: &Value) -> Result<Vec<Set>> {
        let query = match value {
            Value::Is(text) => places::phrase_of(text, Form::Any, Form::Any),
            Value::Begins(text) => places::phrase_of(text, Form::Begins, Form::Any),
            Value::Range(..) => {
                return Err(IndexError::Question(format!(
                    "{field}:{value}: {field} has no order, so it has no ranges"
                )));
            }
        };
        let query = query.ok_or_else(|| {
            IndexError::Question(format!("{field}:{value} has no letter and no digit"))
        })?;
        if !matches!(query, Query::Word(_)) {
            self.bounded(|s| s.fields.words_of(field), &query)?;
        }
        self.weighed(|s| match (s.fields.words_of(field), &query) {
            (None, _) => Ok(Vec::new()),
            (Some(column), Query::Word(word)) => self.word(s, column, word),
            (Some(column), phrase) => self.placed(s, column, phrase),
        })
    }
}

/// What something weighs by how often it stands in a document of this length.
fn weight(lengths: &FieldNormReader, doc: DocId, often: u32) -> f32 {
    /// Words of an average document.
    const AVERAGE: f32 = 400.0;
    let (often, length) = (often as f32, lengths.fieldnorm(doc) as f32);
    often * 2.2 / (often + 1.2 * (0.25 + 0.75 * length / AVERAGE))
}

/// Whether a word stands in a document that may be found.
fn stands(s: &Segment<'_>, reader: &InvertedIndexReader, info: &TermInfo) -> Result<bool> {
    let mut list = reader.read_postings_from_terminfo(info, IndexRecordOption::Basic)?;
    while list.doc() != TERMINATED {
        if s.visible.contains(list.doc()) {
            return Ok(true);
        }
        list.advance();
    }
    Ok(false)
}

/// The documents that are in one of these languages.
fn speaking(open: &Open, languages: u16) -> Among<'_> {
    open.values.having(column::LANGUAGE, &|code| {
        of_bits(languages).any(|language| language.code() == code)
    })
}

fn has(open: &Open, thing: Thing) -> Result<BitSet> {
    open.having(column::HAS, &|value| value == thing.word())
}

fn whole(max_doc: u32, all: bool) -> BitSet {
    if all {
        BitSet::with_max_value_and_full(max_doc)
    } else {
        BitSet::with_max_value(max_doc)
    }
}

/// The items that a question compares with.
pub(crate) fn likes(segments: &[Segment<'_>], query: &Query) -> Result<BTreeMap<String, Traits>> {
    let mut values = Vec::new();
    near::compared(query, &mut values);
    let mut likes = BTreeMap::new();
    for value in values {
        let Value::Is(number) = value else { continue };
        let mut found = None;
        for s in segments {
            let named = numbered(s, value)?;
            let doc =
                (0..s.reader.max_doc()).find(|d| named.contains(*d) && s.visible.contains(*d));
            if let Some(doc) = doc {
                found = Some(near::traits(s.reader, doc)?);
            }
        }
        likes.insert(number.clone(), near::comparable(number, found)?);
    }
    Ok(likes)
}

/// Documents by their number: one, those that begin so, or a range.
fn numbered(s: &Segment<'_>, value: &Value) -> Result<BitSet> {
    let mut found = BitSet::with_max_value(s.reader.max_doc());
    let reader = s.reader.inverted_index(s.fields.ern)?;
    let upper = |text: &str| fold(text).to_uppercase();
    let (from, to, begins) = match value {
        Value::Is(text) => (Some(upper(text)), Some(upper(text)), None),
        Value::Begins(text) => (Some(upper(text)), None, Some(upper(text))),
        Value::Range(from, to) => (from.as_deref().map(upper), to.as_deref().map(upper), None),
    };
    let mut range = reader.terms().range();
    if let Some(from) = &from {
        range = range.ge(from);
    }
    if let Some(to) = &to {
        range = range.le(to);
    }
    let mut stream = range.into_stream()?;
    while stream.advance() {
        if begins
            .as_ref()
            .is_some_and(|b| !stream.key().starts_with(b.as_bytes()))
        {
            break;
        }
        each(&reader, stream.value(), &mut |doc, _| {
            found.insert(doc);
        })?;
    }
    Ok(found)
}

/// Calls `put` with each document of a list and how often the term stands in it.
pub(crate) fn each(
    reader: &InvertedIndexReader,
    term: &tantivy::postings::TermInfo,
    put: &mut dyn FnMut(DocId, u32),
) -> Result<()> {
    let mut list = reader.read_postings_from_terminfo(term, IndexRecordOption::WithFreqs)?;
    let mut doc = list.doc();
    while doc != TERMINATED {
        put(doc, list.term_freq());
        doc = list.advance();
    }
    Ok(())
}

/// How often something stands in documents, added up from several lists.
enum Counts {
    /// Few: sorted at the end.
    Few(Vec<(DocId, u32)>),
    /// Many: a place for each document.
    Many(Vec<u32>),
}

impl Counts {
    fn new(max_doc: u32, total: u64) -> Counts {
        if total * 16 < u64::from(max_doc) {
            Counts::Few(Vec::with_capacity(total as usize))
        } else {
            Counts::Many(vec![0; max_doc as usize])
        }
    }

    fn add(&mut self, doc: DocId, often: u32) {
        match self {
            Counts::Few(pairs) => pairs.push((doc, often)),
            Counts::Many(all) => {
                if let Some(count) = all.get_mut(doc as usize) {
                    *count += often;
                }
            }
        }
    }

    fn finish(self) -> Vec<(DocId, u32)> {
        match self {
            Counts::Few(mut pairs) => {
                pairs.sort_unstable();
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

fn both(a: &[(DocId, f32)], b: &[(DocId, f32)]) -> Set {
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

fn either(a: &[(DocId, f32)], b: &[(DocId, f32)]) -> Set {
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

fn without(visible: &BitSet, set: &[(DocId, f32)]) -> Set {
    let mut out = Set::new();
    let mut taken = set.iter().map(|(doc, _)| *doc).peekable();
    for doc in 0..visible.max_value() {
        if taken.next_if_eq(&doc).is_none() && visible.contains(doc) {
            out.push((doc, 0.0));
        }
    }
    out
}
