//! The terms under which a word stands in the index.
//!
//! One word stands under several terms at the same place: its folded form (`=наказу`), its stem in each language that
//! the text may be in (`uk:наказ`), and how it sounds if it may be a name (`~nakaz`). So one list of places serves
//! words, phrases and neighbourhood in every form, and a question says which forms it means.

use std::collections::HashMap;
use std::sync::Arc;

use comity_words::{Language, Stem, Words, fold, names, stems, words};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

/// The mark of a folded form.
pub(crate) const FOLDED: &str = "=";
/// The mark of a sound.
pub(crate) const SOUND: &str = "~";
/// The name under which the index knows [`Terms`].
pub(crate) const TOKENIZER: &str = "comity";
/// Places between two texts of a document: no phrase and no neighbourhood reaches across.
const APART: usize = 1000;
/// Words whose terms are remembered: texts repeat them.
const REMEMBERED: usize = 100_000;

/// The term of a stem.
pub(crate) fn stem_term(stem: &Stem) -> String {
    format!("{}:{}", stem.language.code(), stem.text)
}

/// Whether a word of running text may be a name: there names begin with a capital letter.
pub(crate) fn may_be_name(word: &str) -> bool {
    word.chars().next().is_some_and(char::is_uppercase)
}

/// How the words of a text are to be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Manner {
    /// A bit for each of [`Language::ALL`] in which words have stems.
    languages: u16,
    /// Every word may be a name: in paths, subjects and lists of persons nobody minds capitals.
    all_names: bool,
}

impl Manner {
    pub fn new(languages: &[Language], all_names: bool) -> Manner {
        let bits = Language::ALL.iter().enumerate();
        let bits = bits.filter(|(_, l)| languages.contains(l));
        Manner {
            languages: bits.map(|(i, _)| 1 << i).sum(),
            all_names,
        }
    }

    /// The text with its manner before it, as [`Terms`] takes it: four hexadecimal digits.
    pub fn with(self, text: &str) -> String {
        let names = u16::from(self.all_names) << 15;
        format!("{:04x}{text}", self.languages | names)
    }

    fn of(text: &str) -> (Manner, &str) {
        let (manner, text) = text.split_at_checked(4).unwrap_or(("0000", text));
        let bits = u16::from_str_radix(manner, 16).unwrap_or(0);
        let manner = Manner {
            languages: bits & 0x7fff,
            all_names: bits >> 15 == 1,
        };
        (manner, text)
    }

    fn spoken(self) -> impl Iterator<Item = Language> {
        let all = Language::ALL.into_iter().enumerate();
        all.filter(move |(i, _)| self.languages >> i & 1 == 1)
            .map(|(_, language)| language)
    }
}

/// Terms by word.
type Known = HashMap<String, Arc<[String]>>;

/// Makes terms of texts that have their [`Manner`] before them.
#[derive(Clone, Default)]
pub(crate) struct Terms {
    /// By manner, and whether the word may be a name.
    known: HashMap<(Manner, bool), Known>,
    count: usize,
}

impl Terms {
    fn of(&mut self, word: &str, manner: Manner) -> Arc<[String]> {
        let name = manner.all_names || may_be_name(word);
        let known = self.known.entry((manner, name)).or_default();
        if let Some(terms) = known.get(word) {
            return Arc::clone(terms);
        }
        let languages: Vec<Language> = manner.spoken().collect();
        let mut terms = vec![format!("{FOLDED}{}", fold(word))];
        terms.extend(stems(word, &languages).iter().map(stem_term));
        if name {
            let keys = names::keys(word);
            terms.extend(keys.iter().map(|key| format!("{SOUND}{key}")));
        }
        let terms: Arc<[String]> = terms.into();
        if self.count >= REMEMBERED {
            self.known.clear();
            self.count = 0;
        }
        let known = self.known.entry((manner, name)).or_default();
        known.insert(word.to_owned(), Arc::clone(&terms));
        self.count += 1;
        terms
    }
}

impl Tokenizer for Terms {
    type TokenStream<'a> = Stream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Stream<'a> {
        let (manner, text) = Manner::of(text);
        Stream {
            words: words(text),
            manner,
            terms: self,
            waiting: Arc::default(),
            next: 0,
            token: Token::default(),
        }
    }
}

/// The terms of one text.
pub(crate) struct Stream<'a> {
    words: Words<'a>,
    manner: Manner,
    terms: &'a mut Terms,
    waiting: Arc<[String]>,
    next: usize,
    token: Token,
}

impl TokenStream for Stream<'_> {
    fn advance(&mut self) -> bool {
        while self.next >= self.waiting.len() {
            let Some(word) = self.words.next() else {
                return false;
            };
            self.waiting = self.terms.of(word.text, self.manner);
            self.next = 0;
            self.token.position = APART + word.place as usize;
        }
        if let Some(term) = self.waiting.get(self.next) {
            self.token.text.clear();
            self.token.text.push_str(term);
        }
        self.next += 1;
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
