//! The terms under which words stand in the index, and the lexicon of their forms.
//!
//! A word stands at its place under one term: its folded form, with a mark before it that says where it stands. Which
//! other words are forms of it is kept once for each word, and not at each place: the *lexicon* has a term for each
//! form, `uk:наказ` and `~nakaz`, followed by the word that has it. A question looks up its own forms there, and asks
//! for the words that have them. The terms of the lexicon stand in documents of their own, which are no items.

use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

use comity_words::{Language, Stem, fold, names, stems, words};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use crate::met::Words;
use crate::near;

/// Where a word stands: in a text, in small letters.
pub(crate) const IN_TEXT: char = '=';
/// In a text, with a capital letter: there it may be a name.
pub(crate) const CAPITAL: char = '^';
/// In a path, a subject, a list of persons, where nobody minds capitals and every word may be a name.
pub(crate) const IN_PART: char = '@';
/// All marks.
pub(crate) const MARKS: [char; 3] = [IN_TEXT, CAPITAL, IN_PART];
/// The mark of a sound in the lexicon.
const SOUND: char = '~';
/// Stands between a form and the word that has it; no word has it.
const HAS: char = '\0';
/// The name under which the index knows [`Terms`].
pub(crate) const TOKENIZER: &str = "comity";
/// Places between two texts of a document: no phrase and no neighbourhood reaches across.
const APART: usize = 1000;
/// Words whose folded form is remembered: texts repeat them.
const REMEMBERED: usize = 200_000;
/// Entries of the lexicon that are remembered as written.
const WRITTEN: usize = 2_000_000;

/// The form of a stem, as the lexicon has it.
pub(crate) fn stem_form(stem: &Stem) -> String {
    format!("{}:{}", stem.language.code(), stem.text)
}

/// The form of a sound, as the lexicon has it.
pub(crate) fn sound_form(key: &str) -> String {
    format!("{SOUND}{key}")
}

/// What the lexicon's entries for a form begin with; the word that has it follows.
pub(crate) fn entries_of(form: &str) -> String {
    format!("{form}{HAS}")
}

/// Whether a word of running text may be a name: there names begin with a capital letter.
pub(crate) fn may_be_name(word: &str) -> bool {
    word.chars().next().is_some_and(char::is_uppercase)
}

/// How the words of a part of a document are to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// A text in these languages, a bit for each of [`Language::ALL`].
    Text(u16),
    /// Anything else: in any language, and all words may be names.
    Part,
}

/// The bit of sounds, beside those of languages.
const SOUNDS: u16 = 1 << 15;

impl Manner {
    pub fn of_text(languages: &[Language]) -> Manner {
        Manner::Text(bits(languages))
    }

    fn mark(self, word: &str) -> char {
        match self {
            Manner::Part => IN_PART,
            Manner::Text(_) if may_be_name(word) => CAPITAL,
            Manner::Text(_) => IN_TEXT,
        }
    }

    /// Which forms a word under this mark has.
    fn forms(self, mark: char) -> u16 {
        let languages = match self {
            Manner::Text(languages) => languages,
            Manner::Part => bits(&Language::ALL),
        };
        languages | if mark == IN_TEXT { 0 } else { SOUNDS }
    }
}

/// A bit for each language, in the order of [`Language::ALL`].
pub(crate) fn bits(languages: &[Language]) -> u16 {
    let all = Language::ALL.iter().enumerate();
    let bits = all.filter(|(_, l)| languages.contains(l));
    bits.map(|(i, _)| 1 << i).sum()
}

/// The languages of these bits.
pub(crate) fn of_bits(bits: u16) -> impl Iterator<Item = Language> {
    let all = Language::ALL.into_iter().enumerate();
    all.filter(move |(i, _)| bits >> i & 1 == 1)
        .map(|(_, language)| language)
}

/// Folds words, and gathers what the lexicon of an index lacks.
#[derive(Default)]
pub(crate) struct Lexicon {
    met: Words,
    /// Words that were met before `met` was full and begun anew: those that are met again go over.
    earlier: Words,
    written: HashSet<u64>,
    hashes: RandomState,
    /// Entries to be written.
    fresh: Vec<String>,
}

impl Lexicon {
    /// The terms of a text, one for each word, as [`Terms`] takes them: before each stands its length in bytes, as a
    /// character. `stands` says which entries the index has already; `each` is given the hash of each word in sketches.
    pub fn lines(
        &mut self,
        text: &str,
        manner: Manner,
        stands: &dyn Fn(&str) -> bool,
        each: &mut dyn FnMut(u64),
    ) -> String {
        let mut lines = String::with_capacity(text.len() + text.len() / 4);
        for word in words(text) {
            let mark = manner.mark(word.text);
            let forms = manner.forms(mark);
            let known = self.met.get(word.text).filter(|m| forms & !m.forms == 0);
            match known.map(|met| (met.hash, self.met.folded(met))) {
                Some((hash, folded)) => {
                    put_term(&mut lines, mark, folded);
                    each(hash);
                }
                None => {
                    let (hash, folded) = self.meet(word.text, forms, stands);
                    put_term(&mut lines, mark, &folded);
                    each(hash);
                }
            }
        }
        lines
    }

    /// Remembers a word, and learns which of these forms it has. Gives its hash in sketches, and the word folded.
    fn meet(&mut self, word: &str, forms: u16, stands: &dyn Fn(&str) -> bool) -> (u64, String) {
        if self.met.len() >= REMEMBERED {
            self.earlier = std::mem::take(&mut self.met);
        }
        let of = |words: &Words| {
            let met = words.get(word)?;
            Some((met.forms, met.hash, words.folded(met).to_owned()))
        };
        let known = of(&self.met).or_else(|| of(&self.earlier));
        let (had, hash, folded) = known.unwrap_or_else(|| {
            let folded = fold(word);
            (0, near::of_word(&folded), folded)
        });
        self.met.put(word, &folded, hash, had | forms);
        let missing = forms & !had;
        if missing == 0 {
            return (hash, folded);
        }
        let languages: Vec<Language> = of_bits(missing).collect();
        let mut found: Vec<String> = stems(word, &languages).iter().map(stem_form).collect();
        if missing & SOUNDS != 0 {
            found.extend(names::keys(word).iter().map(|key| sound_form(key)));
        }
        for form in found {
            let entry = format!("{}{folded}", entries_of(&form));
            if self.written.len() >= WRITTEN {
                self.written.clear();
            }
            if self.written.insert(self.hashes.hash_one(&entry)) && !stands(&entry) {
                self.fresh.push(entry);
            }
        }
        (hash, folded)
    }

    /// Takes the entries that are to be written, if there are at least so many.
    pub fn fresh(&mut self, at_least: usize) -> Vec<String> {
        if self.fresh.len() < at_least {
            return Vec::new();
        }
        std::mem::take(&mut self.fresh)
    }
}

/// Puts a term behind others: its length in bytes, the mark, the word.
fn put_term(terms: &mut String, mark: char, folded: &str) {
    let length = u32::try_from(mark.len_utf8() + folded.len()).ok();
    // No word is so long that its length were no character, however it is folded.
    let Some(length) = length.and_then(char::from_u32) else {
        return;
    };
    terms.push(length);
    terms.push(mark);
    terms.push_str(folded);
}

/// Gives Tantivy the terms of [`Lexicon::lines`].
#[derive(Clone, Default)]
pub(crate) struct Terms;

impl Tokenizer for Terms {
    type TokenStream<'a> = Stream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Stream<'a> {
        Stream {
            rest: text,
            token: Token {
                position: APART,
                ..Token::default()
            },
            begun: false,
        }
    }
}

/// The terms of one text.
pub(crate) struct Stream<'a> {
    rest: &'a str,
    token: Token,
    begun: bool,
}

impl TokenStream for Stream<'_> {
    fn advance(&mut self) -> bool {
        let mut rest = self.rest.chars();
        let Some(length) = rest.next() else {
            return false;
        };
        let rest = rest.as_str();
        let Some((line, rest)) = rest.split_at_checked(u32::from(length) as usize) else {
            return false;
        };
        self.rest = rest;
        self.token.position += usize::from(self.begun);
        self.begun = true;
        self.token.text.clear();
        self.token.text.push_str(line);
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
