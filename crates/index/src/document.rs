//! What the index knows of an item.

use comity_search::query::{Field, Thing};
use comity_words::Language;
use serde_json::{Value, json};

use crate::lists::{Mention, OnList};

/// An item as it is indexed. What is not known is left empty: nothing is invented so that something is found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// Its evidence registration number: putting another document of this number takes this one's place.
    pub ern: String,
    /// Its case's code.
    pub case: String,
    /// How it ended when it was met, and how its reading ended: words such as `sealed` and `damaged`.
    pub states: Vec<String>,
    /// The type of its content, as a media type.
    pub media_type: Option<String>,
    /// The languages that its text was found to be in; the ones that it states where none was found.
    pub languages: Vec<Spoken>,
    /// Whence it came, as stated.
    pub source: Option<String>,
    /// The originator's handling code.
    pub handling: Option<String>,
    /// Places that it is about or was made at.
    pub places: Vec<String>,
    /// What it has besides; `date`, `gps` and `text` follow from the rest.
    pub has: Vec<Thing>,
    /// Length in bytes.
    pub size: u64,
    /// When it was received, in microseconds since 1970.
    pub received: i64,
    /// Its dates, its own and those that its text speaks of.
    pub dates: Vec<Dated>,
    /// Its coordinates.
    pub points: Vec<Located>,
    /// The perceptual hash of a picture.
    pub looks: Option<u64>,
    /// Its path as it is shown.
    pub path: String,
    /// Author, sender, recipients, subject.
    pub named: Vec<(Field, String)>,
    /// What else is known of it in words: what it is, and the words.
    pub details: Vec<(String, String)>,
    /// Its text, a passage for each anchor.
    pub text: Vec<Passage>,
    /// Who on lists of names stands in it.
    pub mentions: Vec<Mention>,
    /// The lists of files that it is on.
    pub on_lists: Vec<OnList>,
    /// The lists of files that it could not be held against, for want of the digests that they have: the leaves of
    /// their imports.
    pub not_held: Vec<u64>,
}

/// A language of an item.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Spoken {
    /// Its code.
    pub code: String,
    /// Who says so.
    pub origin: String,
}

/// A date of an item: a time in which it lies. A moment is one of a microsecond, a month one of a month; a date that
/// may be two days reaches from the one to the other, and so is found only where both are asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dated {
    /// Where that time begins, in microseconds since 1970.
    pub from: i64,
    /// Where it ends; this moment is not in it.
    pub to: i64,
    /// The date as it is shown, with a zone or without.
    pub shown: String,
    /// Where it comes from.
    pub origin: String,
    /// Whether it is a date of the item itself, and not one that its text speaks of: items are sorted by their own.
    pub own: bool,
}

/// Coordinates of an item.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Located {
    /// Latitude in degrees.
    pub north: f64,
    /// Longitude in degrees.
    pub east: f64,
    /// Where they come from.
    pub origin: String,
}

/// A piece of an item's text with one anchor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Passage {
    /// Where it stands: `page 3`, `cell B7`.
    pub anchor: String,
    /// The text.
    pub text: String,
    /// Whether it goes on where the passage before it ends, so that a phrase may reach across.
    pub flows: bool,
}

/// A part of a document in which words are found, as highlights read it back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    /// `path`, `subject`, …, or the anchor of a passage of the text.
    pub label: &'a str,
    pub words: &'a str,
    /// Whether it is a passage of the item's text.
    pub is_text: bool,
}

impl Document {
    /// What it has, without repetitions.
    pub(crate) fn things(&self) -> Vec<Thing> {
        let mut things = self.has.clone();
        let follows = [
            (Thing::Date, !self.dates.is_empty()),
            (Thing::Gps, !self.points.is_empty()),
            (Thing::Text, !self.text.is_empty()),
        ];
        for (thing, holds) in follows {
            if holds && !things.contains(&thing) {
                things.push(thing);
            }
        }
        things
    }

    /// The languages in which the words of its text have stems.
    pub(crate) fn languages(&self) -> Vec<Language> {
        stemmed(&self.codes())
    }

    /// The codes of its languages.
    pub(crate) fn codes(&self) -> Vec<String> {
        self.languages.iter().map(|l| l.code.clone()).collect()
    }

    /// All parts in which words are found, in order.
    pub(crate) fn parts(&self) -> Vec<Part<'_>> {
        fn part<'a>(label: &'a str, words: &'a str, is_text: bool) -> Part<'a> {
            Part {
                label,
                words,
                is_text,
            }
        }
        let mut parts = vec![part("path", &self.path, false)];
        parts.extend(self.source.iter().map(|s| part("source", s, false)));
        parts.extend(self.places.iter().map(|p| part("place", p, false)));
        let named = self.named.iter();
        parts.extend(named.map(|(field, words)| part(field.word(), words, false)));
        let details = self.details.iter();
        parts.extend(details.map(|(label, words)| part(label, words, false)));
        let text = self.text.iter();
        parts.extend(text.map(|p| part(&p.anchor, &p.text, true)));
        parts
    }

    /// What a list of hits shows without asking the tables: a line of JSON, and the words of all parts behind it.
    pub(crate) fn kept(&self) -> String {
        let words = self.parts();
        let parts = words.iter();
        let parts: Vec<Value> = parts
            .map(|p| json!([p.label, p.words.len(), p.is_text]))
            .collect();
        let dates = self.dates.iter();
        let dates: Vec<Value> = dates
            .map(|d| json!([d.from, d.to, d.shown, d.origin]))
            .collect();
        let points = self.points.iter();
        let points: Vec<Value> = points.map(|p| json!([p.north, p.east, p.origin])).collect();
        let spoken = self.languages.iter();
        let spoken: Vec<Value> = spoken.map(|l| json!([l.code, l.origin])).collect();
        let head = json!({
            "ern": self.ern, "case": self.case, "states": self.states, "path": self.path,
            "size": self.size, "received": self.received, "languages": spoken,
            "dates": dates, "points": points, "type": self.media_type, "parts": parts,
            "names": self.mentions.iter().map(Mention::kept).collect::<Vec<_>>(),
            "lists": self.on_lists.iter().map(OnList::kept).collect::<Vec<_>>(),
        });
        let mut kept = head.to_string();
        kept.push('\n');
        for part in words {
            kept.push_str(part.words);
        }
        kept
    }
}

/// The parts of a kept document.
pub(crate) fn read_parts<'a>(head: &'a Value, mut words: &'a str) -> Option<Vec<Part<'a>>> {
    let parts = head.get("parts")?.as_array()?.iter();
    let part = |part: &'a Value| {
        let len = usize::try_from(part.get(1)?.as_u64()?).ok()?;
        let (these, rest) = words.split_at_checked(len)?;
        words = rest;
        Some(Part {
            label: part.get(0)?.as_str()?,
            words: these,
            is_text: part.get(2)?.as_bool()?,
        })
    };
    parts.map(part).collect()
}

/// Languages whose stems every text has: what a document says of its own language is often its program's default.
pub(crate) const ALWAYS: [Language; 3] =
    [Language::Ukrainian, Language::Russian, Language::English];

/// The languages in which the words of a text have stems, from the codes of those that were stated or found.
pub(crate) fn stemmed(codes: &[String]) -> Vec<Language> {
    let mut languages = ALWAYS.to_vec();
    let known = codes.iter().filter_map(|code| Language::from_code(code));
    languages.extend(known.filter(|language| !ALWAYS.contains(language)));
    languages
}
