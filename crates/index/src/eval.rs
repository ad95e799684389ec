//! A question, answered for every segment of every index that the one who asks may look into.
//!
//! Every part gives all documents that fit, in order, with their weight. So counts and facets are exact by nature, and
//! nothing is estimated.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::rc::Rc;

use comity_search::query::{Field, Form, Query, Thing, Value, Word};
use comity_words::fold;
use tantivy::index::InvertedIndexReader;
use tantivy::postings::TermInfo;
use tantivy::schema::{Field as Column, IndexRecordOption};
use tantivy::{BitSet, DocId, DocSet, SegmentReader, TERMINATED};

use crate::columns;
use crate::error::{IndexError, Result};
use crate::fields::{Fields, column};
use crate::lexicon::Words;
use crate::lists::Seen;
use crate::near::{self, Traits};
use crate::places;
use crate::sets::{self, Counts, Set, either, without};
use crate::slot::{Listed, MAX_WORDS, Meaning, Slot};
use crate::terms::of_bits;
use crate::values::{Among, Open};

/// A part of an index, and what of it may be found.
pub(crate) struct Segment<'a> {
    /// Its place among all that are asked.
    pub number: usize,
    pub reader: &'a SegmentReader,
    pub open: &'a Open,
    pub fields: &'a Fields,
    /// The lexicon of its index.
    pub words: &'a Words<'a>,
    pub member: &'a str,
    pub visible: &'a BitSet,
    pub count: u64,
    /// Whether that is all of its items.
    pub whole: bool,
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

    /// Documents by how often what is looked for stands in them, weighed: what is rare among all that may be found
    /// weighs more, and so does what is a larger share of its document (BM25, with one length for an average text).
    fn weighed(
        &self,
        find: impl Fn(&Segment<'_>) -> Result<Vec<(DocId, u32)>>,
    ) -> Result<Vec<Set>> {
        let found: Vec<_> = self.segments.iter().map(find).collect::<Result<_>>()?;
        let with = found.iter().map(Vec::len).sum::<usize>() as u64;
        let rare = rarity(with, self.segments.iter().map(|s| s.count).sum());
        let pairs = self.segments.iter().zip(found);
        let weigh = |(s, found): (&Segment<'_>, Vec<(DocId, u32)>)| -> Set {
            let found = found.into_iter();
            let weigh = found.map(|(doc, often)| (doc, rare * weight(s, doc, often)));
            weigh.collect()
        };
        Ok(pairs.map(weigh).collect())
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
        let slot = Rc::new(Slot::new(Meaning::of(&meant, self.transliterate)));
        slots.insert(word.clone(), Rc::clone(&slot));
        slot
    }

    /// The lists of a word in a field of a segment.
    pub(crate) fn lists_of(
        &self,
        s: &Segment<'_>,
        column: Column,
        word: &Word,
    ) -> Result<Rc<[Listed]>> {
        let reader = s.reader.inverted_index(column)?;
        let slot = self.slot(word);
        slot.lists((s.number, column), reader.terms(), s.words)
    }

    /// The documents that may be found in which a word stands, with how often.
    pub(crate) fn word(
        &self,
        s: &Segment<'_>,
        column: Column,
        word: &Word,
    ) -> Result<Vec<(DocId, u32)>> {
        let reader = s.reader.inverted_index(column)?;
        let lists = self.lists_of(s, column, word)?;
        let visible = |doc| s.whole || s.visible.contains(doc);
        if let [list] = &*lists
            && list.spoken.is_none()
        {
            let mut found = Vec::with_capacity(list.info.doc_freq as usize);
            sets::each(&reader, &list.info, |doc, often| {
                if visible(doc) {
                    found.push((doc, often * list.weight));
                }
            })?;
            return Ok(found);
        }
        let total: u64 = lists.iter().map(|l| u64::from(l.info.doc_freq)).sum();
        let mut counts = Counts::new(s.reader.max_doc(), total);
        for list in lists.iter() {
            let among = list.spoken.map(|bits| speaking(s.open, bits));
            sets::each(&reader, &list.info, |doc, often| {
                let counts_here = among.as_ref().is_none_or(|among| among.contains(doc));
                if counts_here && visible(doc) {
                    counts.add(doc, often * list.weight);
                }
            })?;
        }
        Ok(counts.finish())
    }

    /// Whether a word stands in any item that may be found.
    pub fn stands(&self, word: &Word) -> Result<bool> {
        for s in self.segments {
            let reader = s.reader.inverted_index(s.fields.words)?;
            for list in self.lists_of(s, s.fields.words, word)?.iter() {
                if stands(s, &reader, &list.info, list.spoken)? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn placed(&self, s: &Segment<'_>, column: Column, query: &Query) -> Result<Vec<(DocId, u32)>> {
        let reader = s.reader.inverted_index(column)?;
        let lists = |word: &Word| -> Result<Rc<[Listed]>> {
            let lists = self.lists_of(s, column, word)?;
            if lists.len() <= MAX_WORDS {
                return Ok(lists);
            }
            // Of more words, those that stand in what may be found are few enough: more were refused.
            let mut standing = Vec::new();
            for list in lists.iter() {
                if stands(s, &reader, &list.info, None)? {
                    standing.push(list.clone());
                }
            }
            Ok(standing.into())
        };
        let place = places::Place {
            reader: &reader,
            lists: &lists,
            speaking: &|bits| speaking(s.open, bits),
            wanted: &|doc| s.whole || s.visible.contains(doc),
            end: s.reader.max_doc(),
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
            let mut lists = 0;
            for s in self.segments {
                if let Some(column) = column(s) {
                    lists += self.lists_of(s, column, word)?.len();
                }
            }
            // Nothing need be looked at where there are no more words than that at all.
            if lists <= MAX_WORDS {
                continue;
            }
            let (slot, mut found) = (self.slot(word), HashSet::new());
            for s in self.segments {
                let Some(column) = column(s) else { continue };
                let reader = s.reader.inverted_index(column)?;
                let stands = |info: &TermInfo| stands(s, &reader, info, None);
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
pub(crate) fn weight(s: &Segment<'_>, doc: DocId, often: u32) -> f32 {
    /// Words of an average document.
    const AVERAGE: f32 = 400.0;
    let (often, length) = (often as f32, s.open.lengths.fieldnorm(doc) as f32);
    often * 2.2 / (often + 1.2 * (0.25 + 0.75 * length / AVERAGE))
}

/// What something weighs for being rare among all that may be found.
pub(crate) fn rarity(with: u64, all: u64) -> f32 {
    let (with, all) = (with as f32, all as f32);
    (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
}

/// Whether a word stands in a document that may be found, and that is in one of these languages.
fn stands(
    s: &Segment<'_>,
    reader: &InvertedIndexReader,
    info: &TermInfo,
    spoken: Option<u16>,
) -> Result<bool> {
    if s.whole && spoken.is_none() {
        return Ok(info.doc_freq > 0);
    }
    let among = spoken.map(|bits| speaking(s.open, bits));
    let wanted = |doc| {
        let counts = among.as_ref().is_none_or(|among| among.contains(doc));
        counts && s.visible.contains(doc)
    };
    let mut list = reader.read_postings_from_terminfo(info, IndexRecordOption::Basic)?;
    while list.doc() != TERMINATED {
        if wanted(list.doc()) {
            return Ok(true);
        }
        list.advance();
    }
    Ok(false)
}

/// The documents that are in one of these languages.
pub(crate) fn speaking(open: &Open, languages: u16) -> Among<'_> {
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
        sets::each_doc(&reader, stream.value(), |doc| {
            found.insert(doc);
        })?;
    }
    Ok(found)
}
