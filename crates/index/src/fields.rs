//! The fields of the index: `docs/format/index.md` lists them.

use comity_core::id::Ern;
use comity_search::query::Field;
use tantivy::schema::{
    FAST, Field as Column, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing,
    TextOptions,
};

use crate::document::Document;
use crate::lists::{Mention, OnList, not_held};
use crate::near;
use crate::terms::{Lexicon, Manner, TOKENIZER};
use crate::written::Draft;

/// The version of the schema and of the terms; an index of another version is made anew.
pub(crate) const VERSION: u32 = 4;

/// Splits a passage into the lines of its words, and gives the hash of each word to the one who asks for it.
type Lines<'a> = dyn FnMut(&str, Manner, &mut dyn FnMut(u64)) -> String + 'a;

/// The field of the lexicon: a column, of which the dictionary alone is asked. The one of a column is built in a fraction
/// of the time that the one of terms takes.
pub(crate) const FORMS: &str = "forms";

/// What stands for a number in documents that are no items.
pub(crate) const NO_ITEM: &str = "";

/// Names of columns: one value or several for an item, compared whole.
pub(crate) mod column {
    pub const CASE: &str = "case";
    pub const STATE: &str = "state";
    pub const TYPE: &str = "type";
    pub const LANGUAGE: &str = "language";
    pub const SOURCE: &str = "source";
    pub const HANDLING: &str = "handling";
    pub const PLACE: &str = "place";
    pub const YEAR: &str = "year";
    pub const HAS: &str = "has";
    pub const NAME: &str = "name";
    pub const KNOWN: &str = "known";
    pub const WORDS: [&str; 11] = [
        CASE, STATE, TYPE, LANGUAGE, SOURCE, HANDLING, PLACE, YEAR, HAS, NAME, KNOWN,
    ];
    pub const SIZE: &str = "size";
    /// The item's own dates, by which hits are sorted.
    pub const DATE: &str = "date";
    /// Where the time of each date begins, and the last moment of it.
    pub const BEGINS: &str = "date_begins";
    pub const ENDS: &str = "date_ends";
    pub const ORDER: &str = "order";
    pub const INNER: &str = "inner";
    /// The sketch of a text, and the perceptual hash of a picture.
    pub const SKETCH: &str = "sketch";
    pub const LOOKS: &str = "looks";
    pub const LATITUDE: &str = "latitude";
    pub const LONGITUDE: &str = "longitude";
}

/// Fields of words that can be asked for alone, with the names of their lists of places.
const NAMED: [(Field, &str); 7] = [
    (Field::Path, "path_words"),
    (Field::Source, "source_words"),
    (Field::Place, "place_words"),
    (Field::Author, "author_words"),
    (Field::From, "from_words"),
    (Field::To, "to_words"),
    (Field::Subject, "subject_words"),
];

/// The fields by what they are for.
#[derive(Clone)]
pub(crate) struct Fields {
    pub schema: Schema,
    /// The evidence registration number.
    pub ern: Column,
    /// The words of everything.
    pub words: Column,
    /// The lexicon: which words have which forms.
    pub forms: Column,
    /// What hits show.
    pub kept: Column,
    named: Vec<(Field, Column)>,
    columns: Vec<Column>,
    numbers: [Column; 10],
}

impl Fields {
    pub fn new() -> Fields {
        let mut schema = Schema::builder();
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(TOKENIZER)
            .set_index_option(IndexRecordOption::WithFreqsAndPositions);
        let places = TextOptions::default().set_indexing_options(indexing);
        let ern = schema.add_text_field("ern", STRING);
        let words = schema.add_text_field("words", places.clone());
        let forms = schema.add_text_field(FORMS, TextOptions::default().set_fast("raw"));
        // As text: Tantivy reads stored bytes one by one.
        let kept = schema.add_text_field("kept", STORED);
        let named = NAMED
            .iter()
            .map(|(field, name)| (*field, schema.add_text_field(name, places.clone())))
            .collect();
        let columns = column::WORDS
            .iter()
            .map(|name| schema.add_text_field(name, TextOptions::default().set_fast("raw")))
            .collect();
        let numbers = [
            schema.add_u64_field(column::SIZE, FAST),
            schema.add_u64_field(column::ORDER, FAST),
            schema.add_u64_field(column::INNER, FAST),
            schema.add_i64_field(column::DATE, FAST),
            schema.add_i64_field(column::BEGINS, FAST),
            schema.add_i64_field(column::ENDS, FAST),
            schema.add_u64_field(column::SKETCH, FAST),
            schema.add_u64_field(column::LOOKS, FAST),
            schema.add_f64_field(column::LATITUDE, FAST),
            schema.add_f64_field(column::LONGITUDE, FAST),
        ];
        Fields {
            schema: schema.build(),
            ern,
            words,
            forms,
            kept,
            named,
            columns,
            numbers,
        }
    }

    /// The words of a field alone; `None` for a field that is a column.
    pub fn words_of(&self, field: Field) -> Option<Column> {
        let found = self.named.iter().find(|(named, _)| *named == field);
        found.map(|(_, column)| *column)
    }

    /// Entries of the lexicon as Tantivy takes them: a document without a number.
    pub fn entries(&self, entries: &[String]) -> Draft {
        let mut out = Draft::default();
        out.add_text(self.ern, NO_ITEM);
        for entry in entries {
            out.add_text(self.forms, entry);
        }
        out
    }

    /// A document as Tantivy takes it. `lexicon` learns its words; `stands` says which entries the index has already.
    pub fn tantivy(
        &self,
        document: &Document,
        lexicon: &mut Lexicon,
        stands: &dyn Fn(&str) -> bool,
    ) -> Draft {
        let kept = document.kept();
        // The words of the parts, each with its mark and length, and the fields of some of them once more.
        let mut out = Draft::with_capacity(3 * kept.len());
        let mut lines = |text: &str, manner, each: &mut dyn FnMut(u64)| {
            lexicon.lines(text, manner, stands, each)
        };
        let [
            size,
            order,
            inner,
            date,
            begins,
            ends,
            sketch,
            looks,
            latitude,
            longitude,
        ] = self.numbers;
        let place = Place::of(&document.ern);
        out.add_text(self.ern, &document.ern);
        out.add_text(self.kept, &kept);
        for lanes in self.add_words(&mut out, document, &mut lines) {
            out.add_u64(sketch, lanes);
        }
        self.add_columns(&mut out, document);
        out.add_u64(size, document.size);
        out.add_u64(order, place.order);
        out.add_u64(inner, place.inner);
        for dated in &document.dates {
            if dated.own {
                out.add_i64(date, dated.from);
            }
            out.add_i64(begins, dated.from);
            out.add_i64(ends, dated.to.saturating_sub(1));
        }
        if let Some(hash) = document.looks {
            out.add_u64(looks, hash);
        }
        for point in &document.points {
            out.add_f64(latitude, point.north);
            out.add_f64(longitude, point.east);
        }
        out
    }

    /// Adds the words of all parts, and gives the sketch of the text.
    fn add_words(&self, out: &mut Draft, document: &Document, lines: &mut Lines<'_>) -> Vec<u64> {
        for part in document.parts().iter().filter(|part| !part.is_text) {
            let words = lines(part.words, Manner::Part, &mut |_| ());
            let named = self.named.iter();
            for (_, column) in named.filter(|(field, _)| field.word() == part.label) {
                out.add_text(*column, &words);
            }
            out.add_text(self.words, &words);
        }
        let manner = Manner::of_text(&document.languages());
        let mut sketch = near::Sketch::default();
        for run in document.text.chunk_by(|_, next| next.flows) {
            let mut words = String::new();
            for passage in run {
                words += &lines(&passage.text, manner, &mut |hash| sketch.add(hash));
            }
            out.add_text(self.words, &words);
        }
        sketch.finish()
    }

    fn add_columns(&self, out: &mut Draft, document: &Document) {
        let years: std::collections::BTreeSet<String> = document
            .dates
            .iter()
            .filter_map(|d| year_of(d.from, d.to))
            .collect();
        for (name, field) in column::WORDS.iter().zip(&self.columns) {
            if matches!(*name, column::NAME | column::KNOWN) {
                let mut values: Vec<String> = match *name {
                    column::NAME => document.mentions.iter().map(Mention::value).collect(),
                    _ => {
                        let on = document.on_lists.iter().map(OnList::value);
                        on.chain(document.not_held.iter().map(|l| not_held(*l)))
                            .collect()
                    }
                };
                values.sort_unstable();
                values.dedup();
                values
                    .into_iter()
                    .for_each(|value| out.add_text(*field, &value));
                continue;
            }
            let values: Vec<&str> = match *name {
                column::CASE => vec![&document.case],
                column::STATE => document.states.iter().map(String::as_str).collect(),
                column::TYPE => document.media_type.iter().map(String::as_str).collect(),
                column::LANGUAGE => document.languages.iter().map(|l| &*l.code).collect(),
                column::SOURCE => document.source.iter().map(String::as_str).collect(),
                column::HANDLING => document.handling.iter().map(String::as_str).collect(),
                column::PLACE => document.places.iter().map(String::as_str).collect(),
                column::YEAR => years.iter().map(String::as_str).collect(),
                _ => document.things().into_iter().map(|t| t.word()).collect(),
            };
            for value in values {
                out.add_text(*field, value);
            }
        }
    }
}

/// The place of an item among those of its member.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// Of the item that was handed over: intake × 10,000,000 + number.
    pub order: u64,
    /// Of what is inside of it: its first three places in containers, as far as 24 and twice 20 bits go.
    pub inner: u64,
}

impl Place {
    /// From its number; what is no number comes first.
    pub fn of(ern: &str) -> Place {
        let Ok(ern) = ern.parse::<Ern>() else {
            return Place::default();
        };
        let places = ern.places();
        let bits = |at: usize, bits: u32| -> u64 {
            let place = places.get(at).copied().unwrap_or(0);
            u64::from(place).min((1 << bits) - 1)
        };
        Place {
            order: u64::from(ern.intake()) * 10_000_000 + u64::from(ern.number()),
            inner: bits(0, 24) << 40 | bits(1, 20) << 20 | bits(2, 20),
        }
    }
}

/// The year that a date lies in; `None` for one that may lie in several.
pub(crate) fn year_of(from: i64, to: i64) -> Option<String> {
    let (first, last) = (year(from)?, year(to.saturating_sub(1))?);
    (first == last).then_some(first)
}

fn year(micros: i64) -> Option<String> {
    let time = jiff::Timestamp::from_microsecond(micros).ok()?.to_string();
    let end = time
        .match_indices('-')
        .map(|(at, _)| at)
        .find(|at| *at > 0)?;
    Some(time[..end].to_owned())
}
