//! Where the words of a question stand in a hit, and how each matched.

use std::collections::{HashSet, VecDeque};
use std::rc::Rc;
use std::sync::Arc;

use comity_search::query::{Field, Form, Query, Value, Word};
use comity_words::{Language, fold_into, folded_end, words};

use crate::document::{Part, stemmed};
use crate::error::Result;
use crate::lexicon::Words;
use crate::slot::{How, Meaning, Slot};

/// A place in an item where words of the question stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// In which part: `path`, `subject`, or the anchor of a passage, such as `page 3`.
    pub part: String,
    /// The text around, in pieces; those that matched say how. As it stands in the evidence: whoever shows it escapes it.
    pub pieces: Vec<Piece>,
}

/// A piece of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// The text.
    pub text: String,
    /// How it matched, if it did.
    pub how: Option<How>,
}

/// Places shown of one hit at most.
const MOST: usize = 3;
/// Words around a match that are shown on either side.
const AROUND: usize = 8;
/// Words of a part that are looked at for a highlight.
const LOOKED_AT: usize = 200_000;

/// A word that is looked for, and in which field alone, if in one.
struct Wanted {
    meaning: Arc<Meaning>,
    field: Option<Field>,
    /// The words that it may mean, folded, if the lexicon said so: others need no second look.
    reached: Option<HashSet<String>>,
}

/// Marks the words of one question.
pub(crate) struct Marker {
    wanted: Vec<Wanted>,
    likely: Option<Likely>,
}

/// A sieve: which words may be among those that are looked for. Of the others, which are nearly all words of a text,
/// nothing else is asked.
struct Likely {
    folded: [u64; 64],
    /// By the last letter, which is known before a word is folded: most words need not be.
    ends: u64,
}

impl Likely {
    /// `None` where a word is known by something else than its folded form.
    fn of(wanted: &[Wanted]) -> Option<Likely> {
        let mut likely = Likely {
            folded: [0; 64],
            ends: 0,
        };
        for one in wanted {
            match (&one.reached, one.meaning.exactly()) {
                (Some(reached), _) => reached.iter().for_each(|word| likely.add(word)),
                (None, Some(word)) => likely.add(word),
                (None, None) => return None,
            }
        }
        Some(likely)
    }

    /// From its length and the last bytes of its first and last letter.
    fn bit(word: &str) -> (usize, u32) {
        let bytes = word.as_bytes();
        let byte = |at: usize| bytes.get(at).map_or(0, |b| usize::from(*b));
        let last = byte(bytes.len().wrapping_sub(1));
        let hash = byte(1) ^ last.rotate_left(5) ^ bytes.len().rotate_left(9);
        (hash / 64 % 64, (hash % 64) as u32)
    }

    fn end(letter: char) -> u64 {
        1 << (u32::from(letter) % 64)
    }

    fn add(&mut self, word: &str) {
        let (at, bit) = Likely::bit(word);
        self.folded[at] |= 1 << bit;
        self.ends |= word.chars().next_back().map_or(u64::MAX, Likely::end);
    }

    /// Whether this word may be one, as it stands in a text.
    fn may_be(&self, word: &str) -> bool {
        folded_end(word).is_none_or(|letter| self.ends & Likely::end(letter) != 0)
    }

    fn has(&self, word: &str) -> bool {
        let (at, bit) = Likely::bit(word);
        self.folded[at] >> bit & 1 == 1
    }
}

impl Marker {
    /// `ready` gives the words of the question as they are looked up.
    pub fn new(
        query: &Query,
        ready: &dyn Fn(&Word) -> Rc<Slot>,
        lexicons: &[Words<'_>],
    ) -> Result<Marker> {
        let mut words = Vec::new();
        gather(query, &mut words);
        let wanted = words.into_iter().map(|(word, field)| {
            let slot = ready(&word);
            let (mut words_of_slot, mut known) = (HashSet::new(), false);
            for words in lexicons {
                known = slot.add_reached(words, &mut words_of_slot)?;
            }
            Ok(Wanted {
                meaning: Arc::clone(&slot.meaning),
                field,
                reached: known.then_some(words_of_slot),
            })
        });
        let wanted: Vec<Wanted> = wanted.collect::<Result<_>>()?;
        Ok(Marker {
            likely: Likely::of(&wanted),
            wanted,
        })
    }

    /// The first places in which a word stands, a few for a hit; text before names.
    pub fn mark(&self, parts: &[Part<'_>], languages: &[String]) -> Vec<Found> {
        let spoken = stemmed(languages);
        let (texts, names): (Vec<&Part<'_>>, Vec<&Part<'_>>) =
            parts.iter().partition(|p| p.is_text);
        texts
            .into_iter()
            .chain(names)
            .filter_map(|part| {
                let languages = if part.is_text {
                    &spoken[..]
                } else {
                    &Language::ALL
                };
                self.in_part(part, languages)
            })
            .take(MOST)
            .collect()
    }

    fn in_part(&self, part: &Part<'_>, languages: &[Language]) -> Option<Found> {
        let mut folded = String::new();
        let mut means = |word: &str| {
            let here = |w: &&Wanted| match w.field {
                None => true,
                Some(field) => !part.is_text && part.label == field.word(),
            };
            if self.likely.as_ref().is_some_and(|l| !l.may_be(word)) {
                return None;
            }
            fold_into(word, &mut folded);
            if self.likely.as_ref().is_some_and(|l| !l.has(&folded)) {
                return None;
            }
            let how = |w: &Wanted| {
                let may = w
                    .reached
                    .as_ref()
                    .is_none_or(|r| r.contains(folded.as_str()));
                let means = || w.meaning.means(word, &folded, languages, !part.is_text);
                may.then(means).flatten()
            };
            self.wanted.iter().filter(here).filter_map(how).min()
        };
        let mut all = words(part.words).take(LOOKED_AT);
        let mut shown = VecDeque::with_capacity(2 + 3 * AROUND);
        loop {
            let word = all.next()?;
            if shown.len() > AROUND {
                shown.pop_front();
            }
            shown.push_back(word);
            if means(word.text).is_some() {
                break;
            }
        }
        shown.extend(all.take(2 * AROUND));
        let begin = shown.front()?.start;
        let end = shown.back().map(|w| w.start + w.text.len())?;
        let mut pieces = Vec::new();
        let plain = |from: usize, to: usize, pieces: &mut Vec<Piece>| {
            if from < to {
                pieces.push(Piece {
                    text: part.words[from..to].to_owned(),
                    how: None,
                });
            }
        };
        let mut at = begin;
        for word in shown {
            if let Some(how) = means(word.text) {
                plain(at, word.start, &mut pieces);
                at = word.start + word.text.len();
                pieces.push(Piece {
                    text: word.text.to_owned(),
                    how: Some(how),
                });
            }
        }
        plain(at, end, &mut pieces);
        Some(Found {
            part: part.label.to_owned(),
            pieces,
        })
    }
}

/// The words that a hit has because of the question: what is under NOT is not among them.
fn gather(query: &Query, out: &mut Vec<(Word, Option<Field>)>) {
    match query {
        Query::Word(word) => out.push((word.clone(), None)),
        Query::Phrase(phrase) => out.extend(phrase.iter().map(|w| (w.clone(), None))),
        Query::Near { left, right, .. } => {
            gather(left, out);
            gather(right, out);
        }
        Query::And(parts) | Query::Or(parts) => parts.iter().for_each(|p| gather(p, out)),
        Query::Field { field, value } => {
            let (text, last) = match value {
                Value::Is(text) => (text, Form::Any),
                Value::Begins(text) => (text, Form::Begins),
                Value::Range(..) => return,
            };
            if let Some(found) = crate::places::phrase_of(text, last, Form::Any) {
                let mut inner = Vec::new();
                gather(&found, &mut inner);
                out.extend(inner.into_iter().map(|(word, _)| (word, Some(*field))));
            }
        }
        Query::Not(_) | Query::Has(_) | Query::Around(_) => {}
    }
}
