//! A word of a question: under which terms it stands in the index, and which words of a text it means.

use comity_search::query::{Form, Word};
use comity_words::{Language, fold, names, stems};
use levenshtein_automata::{DFA, Distance, LevenshteinAutomatonBuilder};
use tantivy::postings::TermInfo;
use tantivy::termdict::TermDictionary;
use tantivy_fst::Automaton;

use crate::error::{IndexError, Result};
use crate::terms::{FOLDED, SOUND, may_be_name, stem_term};

/// How a word of a text came to match a word of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum How {
    /// The same word, in whatever spelling.
    Same,
    /// Another form of it.
    Inflected,
    /// It begins as asked.
    Begins,
    /// A letter or two away.
    Similar,
    /// It sounds like it in another alphabet or by another table of transliteration: a candidate.
    Transliterated,
}

impl How {
    /// In words.
    pub fn words(self) -> &'static str {
        match self {
            How::Same => "the same word",
            How::Inflected => "another form of the word",
            How::Begins => "begins so",
            How::Similar => "a similar word",
            How::Transliterated => "matched by transliteration",
        }
    }
}

/// Different words that one word of a phrase may mean: more would hold too much memory.
const MAX_WORDS: usize = 10_000;

/// A word of a question, ready to be looked up.
pub(crate) struct Slot {
    typed: String,
    folded: String,
    form: Form,
    stems: Vec<String>,
    sounds: Vec<String>,
    close: Option<DFA>,
}

impl Slot {
    /// `transliterate` allows names in another alphabet.
    pub fn new(word: &Word, transliterate: bool) -> Slot {
        let folded = fold(&word.text);
        let (stems, sounds) = match word.form {
            Form::Any => (
                stems(&word.text, &Language::ALL)
                    .iter()
                    .map(stem_term)
                    .collect(),
                if transliterate {
                    names::keys(&word.text)
                } else {
                    Vec::new()
                },
            ),
            _ => (Vec::new(), Vec::new()),
        };
        let close = match word.form {
            Form::Fuzzy(n) => {
                let builder = LevenshteinAutomatonBuilder::new(n, false);
                Some(builder.build_dfa(&format!("{FOLDED}{folded}")))
            }
            _ => None,
        };
        Slot {
            typed: word.to_string(),
            folded,
            form: word.form,
            stems,
            sounds,
            close,
        }
    }

    /// Where the terms that it means stand in this dictionary.
    pub fn terms(&self, dictionary: &TermDictionary) -> Result<Vec<TermInfo>> {
        let mut found = Vec::new();
        match self.form {
            Form::Any | Form::Exact => {
                let mut look = |term: String| -> Result<()> {
                    found.extend(dictionary.get(term.as_bytes())?);
                    Ok(())
                };
                look(format!("{FOLDED}{}", self.folded))?;
                for stem in &self.stems {
                    look(stem.clone())?;
                }
                for sound in &self.sounds {
                    look(format!("{SOUND}{sound}"))?;
                }
            }
            Form::Begins => {
                let prefix = format!("{FOLDED}{}", self.folded);
                let mut stream = dictionary.range().ge(&prefix).into_stream()?;
                while stream.advance() && stream.key().starts_with(prefix.as_bytes()) {
                    found.push(stream.value().clone());
                }
            }
            Form::Fuzzy(_) => {
                if let Some(close) = &self.close {
                    let mut stream = dictionary.search(Close(close)).into_stream()?;
                    while stream.advance() {
                        // The mark counts as a letter for the automaton, and must be the same.
                        if stream.key().starts_with(FOLDED.as_bytes()) {
                            found.push(stream.value().clone());
                        }
                    }
                }
            }
        }
        Ok(found)
    }

    /// As [`Slot::terms`], when places are needed: for phrases and neighbourhood.
    pub fn terms_in_memory(&self, dictionary: &TermDictionary) -> Result<Vec<TermInfo>> {
        let found = self.terms(dictionary)?;
        if found.len() > MAX_WORDS {
            return Err(IndexError::Question(format!(
                "{} means more than {MAX_WORDS} different words here, too many for a phrase or for near: give more letters",
                self.typed
            )));
        }
        Ok(found)
    }

    /// Whether it means this word of a text in these languages, and how.
    pub fn means(&self, word: &str, languages: &[Language], all_names: bool) -> Option<How> {
        let folded = fold(word);
        match self.form {
            _ if folded == self.folded => Some(How::Same),
            Form::Begins if folded.starts_with(&self.folded) => Some(How::Begins),
            Form::Fuzzy(_) => {
                let close = self.close.as_ref()?;
                let distance = close.eval(format!("{FOLDED}{folded}"));
                matches!(distance, Distance::Exact(_)).then_some(How::Similar)
            }
            Form::Any => {
                let stemmed = stems(word, languages);
                if stemmed.iter().any(|s| self.stems.contains(&stem_term(s))) {
                    return Some(How::Inflected);
                }
                let sounds = !self.sounds.is_empty() && (all_names || may_be_name(word));
                let alike = || names::keys(word).iter().any(|k| self.sounds.contains(k));
                (sounds && alike()).then_some(How::Transliterated)
            }
            _ => None,
        }
    }
}

/// The automaton of similar words, as the dictionary asks it.
pub(crate) struct Close<'a>(pub &'a DFA);

impl Automaton for Close<'_> {
    type State = u32;

    fn start(&self) -> u32 {
        self.0.initial_state()
    }

    fn is_match(&self, state: &u32) -> bool {
        matches!(self.0.distance(*state), Distance::Exact(_))
    }

    fn can_match(&self, state: &u32) -> bool {
        *state != levenshtein_automata::SINK_STATE
    }

    fn accept(&self, state: &u32, byte: u8) -> u32 {
        self.0.transition(*state, byte)
    }
}
