//! Words as they were met while an index is written: each word of every text is looked up here.
//!
//! All lie in one text, behind one another, each with its folded form: of a rare word that is one place in memory to
//! fetch and not four. The hash is one that a text cannot be made against, as its seed differs from run to run, and
//! that takes a fraction of the time of the usual one.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

/// What is remembered of a word.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Met {
    /// Where it stands in the text.
    at: u32,
    len: u16,
    folded_len: u16,
    /// Of which languages, and whether of sounds, its forms were put into the lexicon.
    pub forms: u16,
    /// Its hash in sketches.
    pub hash: u64,
}

/// The words.
#[derive(Default)]
pub(crate) struct Words {
    table: HashTable<Met>,
    text: String,
    hasher: RandomState,
}

impl Words {
    pub fn len(&self) -> usize {
        self.table.len()
    }

    pub fn get(&self, word: &str) -> Option<&Met> {
        let hash = self.hasher.hash_one(word);
        self.table.find(hash, |met| self.word(met) == word)
    }

    /// The folded form of a word that is here.
    pub fn folded(&self, met: &Met) -> &str {
        let begin = met.at as usize + usize::from(met.len);
        let folded = self.text.get(begin..begin + usize::from(met.folded_len));
        folded.unwrap_or_default()
    }

    fn word(&self, met: &Met) -> &str {
        let begin = met.at as usize;
        let word = self.text.get(begin..begin + usize::from(met.len));
        word.unwrap_or_default()
    }

    /// Puts a word that is not here, or another state of one that is. A word longer than any is not remembered.
    pub fn put(&mut self, word: &str, folded: &str, hash: u64, forms: u16) {
        let of_word = self.hasher.hash_one(word);
        let text = &self.text;
        let is = |met: &Met| {
            text.get(met.at as usize..met.at as usize + usize::from(met.len)) == Some(word)
        };
        if let Some(met) = self.table.find_mut(of_word, is) {
            met.forms = forms;
            return;
        }
        let at = u32::try_from(self.text.len());
        let lens = (u16::try_from(word.len()), u16::try_from(folded.len()));
        let (Ok(at), (Ok(len), Ok(folded_len))) = (at, lens) else {
            return;
        };
        self.text.push_str(word);
        self.text.push_str(folded);
        let met = Met {
            at,
            len,
            folded_len,
            forms,
            hash,
        };
        let (text, hasher) = (&self.text, &self.hasher);
        let again = |met: &Met| {
            let begin = met.at as usize;
            let word = text.get(begin..begin + usize::from(met.len));
            hasher.hash_one(word.unwrap_or_default())
        };
        self.table.insert_unique(of_word, met, again);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn words_are_remembered_each_with_its_own() {
        let mut words = Words::default();
        let word = |n: u32| format!("Слово{n}");
        for n in 0..10_000 {
            words.put(&word(n), &format!("слово{n}"), u64::from(n), 0);
        }
        for n in (0..10_000).step_by(3) {
            words.put(&word(n), "", 0, 5);
        }
        assert_eq!(words.len(), 10_000);
        for n in 0..10_000 {
            let met = words.get(&word(n)).unwrap();
            assert_eq!(words.folded(met), format!("слово{n}"));
            assert_eq!(
                (met.hash, met.forms),
                (u64::from(n), if n % 3 == 0 { 5 } else { 0 })
            );
        }
        assert!(words.get("Слово10000").is_none());
        assert!(words.get("").is_none());
    }
}
