//! The different words of all names of a list, and which of them a word of a text may be.

use std::collections::HashMap;

use crate::how::Compared;

/// A word of names, by its number.
pub(crate) type Token = u32;

/// Texts one after the other in one piece of memory.
#[derive(Default)]
pub(crate) struct Texts {
    text: String,
    ends: Vec<u32>,
}

impl Texts {
    /// Adds one, and gives its number. Past 4 GiB, nothing is added any more.
    pub fn push(&mut self, text: &str) -> Option<u32> {
        let end = u32::try_from(self.text.len() + text.len()).ok()?;
        let number = u32::try_from(self.ends.len()).ok()?;
        self.text.push_str(text);
        self.ends.push(end);
        Some(number)
    }

    pub fn get(&self, number: u32) -> &str {
        let end = |n: usize| self.ends.get(n).copied().unwrap_or(0) as usize;
        let begin = match number {
            0 => 0,
            n => end(n as usize - 1),
        };
        self.text
            .get(begin..end(number as usize))
            .unwrap_or_default()
    }

    pub fn len(&self) -> usize {
        self.ends.len()
    }
}

/// The words, while names are added.
#[derive(Default)]
pub(crate) struct Gathering {
    texts: Texts,
    numbers: HashMap<Box<str>, Token>,
    keys: Vec<(u64, Token)>,
}

impl Gathering {
    /// The number of a word, as it is written.
    pub fn token(&mut self, word: &str) -> Option<Token> {
        if let Some(number) = self.numbers.get(word) {
            return Some(*number);
        }
        let number = self.texts.push(word)?;
        self.numbers.insert(word.into(), number);
        let keys = Compared::new(word).keys();
        self.keys.extend(keys.into_iter().map(|key| (key, number)));
        Some(number)
    }

    pub fn finish(mut self) -> Tokens {
        self.keys.sort_unstable();
        Tokens {
            texts: self.texts,
            keys: self.keys,
        }
    }
}

/// The words, ready to be looked up.
pub(crate) struct Tokens {
    texts: Texts,
    keys: Vec<(u64, Token)>,
}

impl Tokens {
    pub fn text(&self, token: Token) -> &str {
        self.texts.get(token)
    }

    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// The words that have a key.
    pub fn with_key(&self, key: u64) -> impl Iterator<Item = Token> {
        let start = self.keys.partition_point(|(k, _)| *k < key);
        let rest = self.keys.get(start..).unwrap_or_default().iter();
        rest.take_while(move |(k, _)| *k == key).map(|(_, t)| *t)
    }
}
