//! A word of a question: under which terms it stands in the index, and which words of a text it means.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashSet};
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use comity_search::query::{Form, Word};
use comity_words::{Language, fold, names, stems};
use levenshtein_automata::{DFA, Distance, LevenshteinAutomatonBuilder};
use tantivy::postings::TermInfo;
use tantivy::schema::Field as Column;
use tantivy::termdict::TermDictionary;
use tantivy_fst::Automaton;

use crate::document::ALWAYS;
use crate::error::{IndexError, Result};
use crate::lexicon::Words;
use crate::terms::{CAPITAL, IN_PART, IN_TEXT, MARKS, bits, may_be_name, sound_form, stem_form};

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

/// Different words that one word of a phrase may mean, of those that stand in what may be found: more would hold too
/// much memory.
pub(crate) const MAX_WORDS: usize = 10_000;

/// How much more than a name in another alphabet another form of a word weighs, and the very word that was typed.
const OTHER_FORM: u32 = 2;
pub(crate) const SAME: u32 = 3;

/// The number of a segment, and a field of it.
type Place = (usize, Column);

/// A list of the places of one word.
#[derive(Clone)]
pub(crate) struct Listed {
    pub info: TermInfo,
    /// What an occurrence weighs.
    pub weight: u32,
    /// The languages, as bits, of which a document must have one: the word has the form that was asked for in these
    /// alone.
    pub spoken: Option<u16>,
}

/// How a word of the index has a form that was asked for.
#[derive(Default)]
struct Reach {
    same: bool,
    /// In these languages, as bits.
    languages: u16,
    sound: bool,
}

/// What a word of a question means.
pub(crate) struct Meaning {
    typed: String,
    folded: String,
    form: Form,
    /// Its stems, as the lexicon has them, with the bit of the language.
    stems: Vec<(String, u16)>,
    /// How it sounds.
    sounds: Vec<String>,
    close: Option<DFA>,
}

/// A word of a question, ready to be looked up.
pub(crate) struct Slot {
    pub meaning: Arc<Meaning>,
    /// What it means in the index that was asked last, by its number.
    reached: RefCell<Option<(usize, Rc<Reached>)>>,
    /// Its lists in segments, by the number of the segment and the field.
    lists: RefCell<Vec<(Place, Rc<[Listed]>)>>,
}

/// Words of an index, folded, and how each has a form that was asked for.
type Reached = BTreeMap<String, Reach>;

impl Slot {
    /// Of a word that is to be looked up.
    pub fn new(meaning: Meaning) -> Slot {
        Slot {
            meaning: Arc::new(meaning),
            reached: RefCell::default(),
            lists: RefCell::default(),
        }
    }

    /// The words of an index that it means, folded, when it means a word in any form.
    fn reach(&self, words: &Words<'_>) -> Result<Rc<Reached>> {
        if let Some((number, known)) = &*self.reached.borrow()
            && *number == words.number
        {
            return Ok(Rc::clone(known));
        }
        let mut reach = Reached::new();
        reach.entry(self.meaning.folded.clone()).or_default().same = true;
        for (stem, language) in &self.meaning.stems {
            for word in words.with(stem)?.iter() {
                reach.entry(word.clone()).or_default().languages |= language;
            }
        }
        for sound in &self.meaning.sounds {
            for word in words.with(&sound_form(sound))?.iter() {
                reach.entry(word.clone()).or_default().sound = true;
            }
        }
        let reach = Rc::new(reach);
        *self.reached.borrow_mut() = Some((words.number, Rc::clone(&reach)));
        Ok(reach)
    }

    /// Adds the words that it may mean in an index; `false` when that is seen by the word itself.
    pub fn add_reached(&self, words: &Words<'_>, found: &mut HashSet<String>) -> Result<bool> {
        let known = self.meaning.form == Form::Any;
        if known {
            found.extend(self.reach(words)?.keys().cloned());
        }
        Ok(known)
    }

    /// The lists of a field of a segment, by its dictionary and the lexicon of its index, of all words that it means.
    /// A question needs them more than once.
    pub fn lists(
        &self,
        field: Place,
        dictionary: &TermDictionary,
        words: &Words<'_>,
    ) -> Result<Rc<[Listed]>> {
        let known = self.lists.borrow();
        if let Some((_, lists)) = known.iter().find(|(of, _)| *of == field) {
            return Ok(Rc::clone(lists));
        }
        drop(known);
        let mut found = Vec::new();
        self.each_list(dictionary, words, &mut |_, list| {
            found.push(list);
            Ok(())
        })?;
        let lists: Rc<[Listed]> = found.into();
        if lists.len() <= MAX_WORDS {
            let mut known = self.lists.borrow_mut();
            known.push((field, Rc::clone(&lists)));
        }
        Ok(lists)
    }

    /// Calls `each` with all these lists, and the folded word of each.
    fn each_list(
        &self,
        dictionary: &TermDictionary,
        words: &Words<'_>,
        each: &mut dyn FnMut(&[u8], Listed) -> Result<()>,
    ) -> Result<()> {
        // Before the word stands its mark, of one byte.
        fn word_of(key: &[u8]) -> &[u8] {
            key.get(1..).unwrap_or_default()
        }
        match self.meaning.form {
            Form::Any | Form::Exact => {
                let mut term = String::new();
                for (word, reach) in &*self.reach(words)? {
                    for mark in MARKS {
                        let Some((weight, spoken)) = reach.under(mark) else {
                            continue;
                        };
                        term.clear();
                        term.push(mark);
                        term.push_str(word);
                        if let Some(info) = dictionary.get(term.as_bytes())? {
                            let list = Listed {
                                info,
                                weight,
                                spoken,
                            };
                            each(word.as_bytes(), list)?;
                        }
                    }
                }
            }
            Form::Begins => {
                for mark in MARKS {
                    let prefix = format!("{mark}{}", self.meaning.folded);
                    let mut stream = dictionary.range().ge(&prefix).into_stream()?;
                    while stream.advance() && stream.key().starts_with(prefix.as_bytes()) {
                        each(word_of(stream.key()), Listed::of(stream.value()))?;
                    }
                }
            }
            Form::Fuzzy(_) => {
                if let Some(close) = &self.meaning.close {
                    let mut stream = dictionary.search(Close(close)).into_stream()?;
                    while stream.advance() {
                        each(word_of(stream.key()), Listed::of(stream.value()))?;
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds the words that it means and that stand in what may be found.
    ///
    /// # Errors
    /// [`IndexError::Question`] if they become too many for a phrase: in all segments together, so that it says nothing
    /// of what else is in them.
    pub fn add_standing(
        &self,
        dictionary: &TermDictionary,
        words: &Words<'_>,
        stands: &dyn Fn(&TermInfo) -> Result<bool>,
        found: &mut HashSet<Vec<u8>>,
    ) -> Result<()> {
        self.each_list(dictionary, words, &mut |word, list| {
            if !found.contains(word) && stands(&list.info)? {
                found.insert(word.to_vec());
            }
            match found.len() > MAX_WORDS {
                true => Err(IndexError::Question(format!(
                    "{} means more than {MAX_WORDS} different words here, too many for a phrase or for near: give more letters",
                    self.meaning.typed
                ))),
                false => Ok(()),
            }
        })
    }
}

impl Meaning {
    /// `transliterate` allows names in another alphabet.
    pub fn of(word: &Word, transliterate: bool) -> Meaning {
        let folded = fold(&word.text);
        let any = word.form == Form::Any;
        let stems = if any {
            stems(&word.text, &Language::ALL)
        } else {
            Vec::new()
        };
        let sounds = if any && transliterate {
            names::keys(&word.text)
        } else {
            Vec::new()
        };
        let close = match word.form {
            Form::Fuzzy(n) => Some(close_to(&folded, n, false)),
            _ => None,
        };
        Meaning {
            typed: word.to_string(),
            folded,
            form: word.form,
            stems: stems
                .iter()
                .map(|stem| (stem_form(stem), bits(&[stem.language])))
                .collect(),
            sounds,
            close,
        }
    }

    /// The folded word that it means alone, if it means but one.
    pub fn exactly(&self) -> Option<&str> {
        (self.form == Form::Exact).then_some(&self.folded)
    }

    /// Whether it means this word of a text in these languages, given also in its folded form, and how.
    pub fn means(
        &self,
        word: &str,
        folded: &str,
        languages: &[Language],
        all_names: bool,
    ) -> Option<How> {
        match self.form {
            _ if folded == self.folded => Some(How::Same),
            Form::Begins if folded.starts_with(&self.folded) => Some(How::Begins),
            Form::Fuzzy(_) => {
                let close = self.close.as_ref()?;
                let distance = close.eval(folded);
                matches!(distance, Distance::Exact(_)).then_some(How::Similar)
            }
            Form::Any => {
                let asked = |form: &str| self.stems.iter().any(|(stem, _)| stem == form);
                if stems(word, languages).iter().any(|s| asked(&stem_form(s))) {
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

impl Listed {
    fn of(info: &TermInfo) -> Listed {
        Listed {
            info: info.clone(),
            weight: SAME,
            spoken: None,
        }
    }
}

impl Reach {
    /// What an occurrence under this mark weighs, and the languages that a document must have one of for it; `None` if
    /// it is not meant there.
    fn under(&self, mark: char) -> Option<(u32, Option<u16>)> {
        if self.same {
            return Some((SAME, None));
        }
        let everywhere = mark == IN_PART || self.languages & bits(&ALWAYS) != 0;
        match self.languages {
            0 => {}
            _ if everywhere => return Some((OTHER_FORM, None)),
            // By its sound it is meant in every document.
            _ if mark == CAPITAL && self.sound => {}
            languages => return Some((OTHER_FORM, Some(languages))),
        }
        (self.sound && mark != IN_TEXT).then_some((1, None))
    }
}

/// The automaton of words that are so many letters from a folded one, 1 or 2; `swaps` counts two letters that changed
/// places as one. What is the same for all words is made once: it takes longer than a question.
pub(crate) fn close_to(folded: &str, letters: u8, swaps: bool) -> DFA {
    static BUILDERS: [OnceLock<LevenshteinAutomatonBuilder>; 4] = [const { OnceLock::new() }; 4];
    let letters = letters.clamp(1, 2);
    let builder = &BUILDERS[usize::from(letters - 1) * 2 + usize::from(swaps)];
    let builder = builder.get_or_init(|| LevenshteinAutomatonBuilder::new(letters, swaps));
    builder.build_dfa(folded)
}

/// The automaton of similar words, as the dictionary asks it: the mark before a word is any.
pub(crate) struct Close<'a>(pub &'a DFA);

/// Nothing was read, not even the mark. No state of the automaton has this number.
const BEFORE: u32 = u32::MAX;

impl Automaton for Close<'_> {
    type State = u32;

    fn start(&self) -> u32 {
        BEFORE
    }

    fn is_match(&self, state: &u32) -> bool {
        *state != BEFORE && matches!(self.0.distance(*state), Distance::Exact(_))
    }

    fn can_match(&self, state: &u32) -> bool {
        *state != levenshtein_automata::SINK_STATE
    }

    fn accept(&self, state: &u32, byte: u8) -> u32 {
        match *state {
            BEFORE => self.0.initial_state(),
            state => self.0.transition(state, byte),
        }
    }
}
