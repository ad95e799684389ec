//! What lists say of items: who is named in them, and which of their files are known.
//!
//! A list is not everybody's to see. What it says stands in columns of its own, each value under the list's number, and a
//! question is told which lists it may look at: what the others say is not there for it, neither in hits nor in counts.

use std::collections::BTreeMap;

use comity_search::query::{Field, Form, Query, Thing, Value, Word};
use comity_words::{Language, fold, words};
use serde_json::{Value as Json, json};
use tantivy::BitSet;

use crate::columns::{self, Fits};
use crate::error::Result;
use crate::fields::column;
use crate::slot::Meaning;
use crate::values::Open;

/// Divides what stands in a value of a column.
const MARK: char = '\t';
/// Bytes of a value at most; names that do not fit any more are left out, and found by their entity's id.
const LONGEST: usize = 8192;

/// What a list is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Names.
    Names,
    /// Files that are known and of no interest.
    Known,
    /// Files that are looked for.
    Watch,
}

impl Class {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Class::Names => "names",
            Class::Known => "known",
            Class::Watch => "watch",
        }
    }

    /// The class of a word.
    pub fn of_word(word: &str) -> Option<Class> {
        let all = [Class::Names, Class::Known, Class::Watch];
        all.into_iter().find(|c| c.word() == word)
    }
}

/// A list that the one who asks may look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenList {
    /// The leaf of its import, which is its number in the index.
    pub leaf: u64,
    /// Its number for people: `L0001`.
    pub number: String,
    /// What it is called.
    pub name: String,
    /// What it is for.
    pub class: Class,
}

/// Somebody or something on a list of names, who stands in an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// The leaf of the list's import.
    pub list: u64,
    /// The id in the list.
    pub id: String,
    /// What it is, in a word.
    pub kind: String,
    /// The name that it is shown by.
    pub caption: String,
    /// Its other names.
    pub names: Vec<String>,
    /// How the first place matched, in words.
    pub how: String,
    /// In which part of the item the first place is: `path`, or the anchor of a passage.
    pub part: String,
    /// The name as it stands there.
    pub text: String,
    /// How many places there are.
    pub places: u64,
}

/// A place of an item on a list of files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnList {
    /// The leaf of the list's import.
    pub list: u64,
    /// What the list calls the file; empty where it has a digest alone.
    pub name: String,
    /// By which digest.
    pub by: String,
}

impl Mention {
    /// As it stands in the column.
    pub(crate) fn value(&self) -> String {
        let clean = |text: &str| text.replace(MARK, " ");
        let mut value = format!(
            "{}{MARK}{}{MARK}{}",
            self.list,
            clean(&self.id),
            clean(&self.caption)
        );
        for name in &self.names {
            if value.len() + name.len() < LONGEST {
                value.push(MARK);
                value.push_str(&clean(name));
            }
        }
        value
    }

    pub(crate) fn kept(&self) -> Json {
        json!([
            self.list,
            self.id,
            self.kind,
            self.caption,
            self.how,
            self.part,
            self.text,
            self.places
        ])
    }

    pub(crate) fn read(kept: &Json) -> Option<Mention> {
        let text = |at: usize| Some(kept.get(at)?.as_str()?.to_owned());
        Some(Mention {
            list: kept.get(0)?.as_u64()?,
            id: text(1)?,
            kind: text(2)?,
            caption: text(3)?,
            names: Vec::new(),
            how: text(4)?,
            part: text(5)?,
            text: text(6)?,
            places: kept.get(7)?.as_u64()?,
        })
    }
}

impl OnList {
    /// As it stands in the column.
    pub(crate) fn value(&self) -> String {
        self.list.to_string()
    }

    pub(crate) fn kept(&self) -> Json {
        json!([self.list, self.name, self.by])
    }

    pub(crate) fn read(kept: &Json) -> Option<OnList> {
        let text = |at: usize| Some(kept.get(at)?.as_str()?.to_owned());
        Some(OnList {
            list: kept.get(0)?.as_u64()?,
            name: text(1)?,
            by: text(2)?,
        })
    }
}

/// The value of an item that could not be held against a list of files.
pub(crate) fn not_held(list: u64) -> String {
    format!("{list}{MARK}?")
}

/// The lists that a question may look at, by their leaves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen(BTreeMap<u64, SeenList>);

impl Seen {
    pub fn new(lists: &[SeenList]) -> Seen {
        Seen(lists.iter().map(|l| (l.leaf, l.clone())).collect())
    }

    pub fn has(&self, leaf: u64) -> bool {
        self.0.contains_key(&leaf)
    }

    /// The list of a value, if it may be looked at, and what else the value says.
    fn of<'v>(&self, value: &'v str) -> Option<(&SeenList, std::str::Split<'v, char>)> {
        let mut parts = value.split(MARK);
        let leaf = parts.next()?.parse().ok()?;
        Some((self.0.get(&leaf)?, parts))
    }

    /// The list of files of a value, if it may be looked at and the value says that an item is on it.
    fn on(&self, value: &str) -> Option<&SeenList> {
        let (list, mut more) = self.of(value)?;
        more.next().is_none().then_some(list)
    }

    /// The documents of which a list that may be looked at says what is asked for.
    pub fn having(&self, open: &Open, field: Field, asked: &Value) -> Result<BitSet> {
        match field {
            Field::Known | Field::Watch => {
                let class = if field == Field::Known {
                    Class::Known
                } else {
                    Class::Watch
                };
                let fits = columns::fits(field, asked)?;
                open.having(column::KNOWN, &|value| {
                    self.on(value)
                        .is_some_and(|l| l.class == class && (fits(&l.number) || fits(&l.name)))
                })
            }
            Field::Entity => {
                let fits = columns::fits(field, asked)?;
                open.having(column::NAME, &|value| {
                    let Some((list, mut parts)) = self.of(value) else {
                        return false;
                    };
                    let id = parts.next().unwrap_or_default();
                    fits(id) || fits(&format!("{}/{id}", list.number))
                })
            }
            _ => {
                let fits = name_fits(asked);
                open.having(column::NAME, &|value| {
                    self.of(value)
                        .is_some_and(|(_, parts)| parts.skip(1).any(&fits))
                })
            }
        }
    }

    /// The documents of which such a list says anything.
    pub fn anything(&self, open: &Open, thing: Thing) -> Result<BitSet> {
        let (name, class) = match thing {
            Thing::Known => (column::KNOWN, Class::Known),
            Thing::Watch => (column::KNOWN, Class::Watch),
            _ => (column::NAME, Class::Names),
        };
        open.having(name, &|value| {
            let list = match class {
                Class::Names => self.of(value).map(|(list, _)| list),
                Class::Known | Class::Watch => self.on(value),
            };
            list.is_some_and(|l| l.class == class)
        })
    }

    /// Of counts by values of the column of lists of files, those of items that could not be held against a list.
    pub fn not_held(&self, counts: &BTreeMap<String, u64>) -> Vec<(String, u64)> {
        let lists = self.0.values().filter(|l| l.class != Class::Names);
        let not_held =
            |list: &SeenList| Some((list.number.clone(), *counts.get(&not_held(list.leaf))?));
        lists.filter_map(not_held).collect()
    }

    /// Whether a question asks what lists of files say.
    pub fn asks_files(query: &Query) -> bool {
        match query {
            Query::Field { field, .. } => matches!(field, Field::Known | Field::Watch),
            Query::Has(thing) => matches!(thing, Thing::Known | Thing::Watch),
            Query::And(parts) | Query::Or(parts) => parts.iter().any(Seen::asks_files),
            Query::Not(part) => Seen::asks_files(part),
            Query::Word(_) | Query::Phrase(_) | Query::Near { .. } | Query::Around(_) => false,
        }
    }

    /// Counts by values of a column as counts by what people are shown, of those lists alone.
    pub fn shown(&self, counts: BTreeMap<String, u64>, class: Class) -> BTreeMap<String, u64> {
        let mut shown = BTreeMap::new();
        for (value, count) in counts {
            let Some((list, mut parts)) = self.of(&value).filter(|(l, _)| l.class == class) else {
                continue;
            };
            let label = match class {
                Class::Names => {
                    let id = parts.next().unwrap_or_default();
                    let caption = parts.next().unwrap_or_default();
                    format!("{caption} ({}/{id})", list.number)
                }
                _ if parts.next().is_some() => continue,
                _ => format!("{} ({})", list.name, list.number),
            };
            *shown.entry(label).or_default() += count;
        }
        shown
    }
}

/// Whether a name has all words that are asked for, in any order, spelling, form and alphabet.
fn name_fits(asked: &Value) -> Fits {
    let (text, begins) = match asked {
        Value::Is(text) => (text.as_str(), false),
        Value::Begins(text) => (text.as_str(), true),
        Value::Range(..) => return Box::new(|_| false),
    };
    let mut typed: Vec<Word> = words(text)
        .map(|w| Word {
            text: w.text.to_owned(),
            form: Form::Any,
        })
        .collect();
    if begins && let Some(last) = typed.last_mut() {
        last.form = Form::Begins;
    }
    let whole = fold(text);
    let asked: Vec<Meaning> = typed.iter().map(|word| Meaning::of(word, true)).collect();
    Box::new(move |name| {
        if fold(name) == whole {
            return true;
        }
        let words: Vec<&str> = words(name).map(|w| w.text).collect();
        let stands = |one: &Meaning| {
            words
                .iter()
                .any(|w| one.means(w, &fold(w), &Language::ALL, true).is_some())
        };
        !asked.is_empty() && asked.iter().all(stands)
    })
}
