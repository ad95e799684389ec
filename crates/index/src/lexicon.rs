//! The lexicon of an index, as questions ask it: which words have a form.

use std::sync::{Arc, Mutex, PoisonError};

use lru::LruCache;
use tantivy::Searcher;
use tantivy::columnar::StrColumn;
use tantivy::index::InvertedIndexReader;

use crate::error::Result;
use crate::fields::{FORMS, Fields};
use crate::terms::entries_of;
use crate::values::Open;

/// The lexicon of one index. It knows the words of all items of a member, so nothing of it is ever shown: it says which
/// words to ask for, and these are looked for in what may be found alone.
pub(crate) struct Words<'a> {
    /// Which of the indexes that are asked it is of.
    pub number: usize,
    parts: Vec<&'a StrColumn>,
    /// Of the index, as of which it is asked.
    generation: u64,
    looked_up: &'a LookedUp,
}

impl<'a> Words<'a> {
    /// Of the index with this number among those that are asked, of which these segments are open.
    pub fn new(
        number: usize,
        open: &'a [Arc<Open>],
        searcher: &Searcher,
        looked_up: &'a LookedUp,
    ) -> Words<'a> {
        Words {
            number,
            parts: open.iter().filter_map(|o| o.forms.as_ref()).collect(),
            generation: searcher.generation().generation_id(),
            looked_up,
        }
    }

    /// The words, folded, that have this form.
    pub fn with(&self, form: &str) -> Result<Arc<[String]>> {
        if let Some(words) = self.looked_up.get(self.generation, form) {
            return Ok(words);
        }
        let begin = entries_of(form);
        let mut words = Vec::new();
        for part in &self.parts {
            let mut entries = part.dictionary().prefix_range(&begin).into_stream()?;
            while entries.advance() {
                let word = &entries.key()[begin.len()..];
                words.push(String::from_utf8_lossy(word).into_owned());
            }
        }
        words.sort_unstable();
        words.dedup();
        let words: Arc<[String]> = words.into();
        self.looked_up.put(self.generation, form, &words);
        Ok(words)
    }
}

/// What was looked up in a lexicon last, for as long as the index stays as it is: whoever turns a page or asks on asks
/// for the same words again.
#[derive(Default)]
pub(crate) struct LookedUp(Mutex<Option<Recent>>);

/// Forms and words that are remembered.
const REMEMBERED: usize = 100_000;

struct Recent {
    generation: u64,
    forms: LruCache<String, Arc<[String]>>,
    /// Forms, and words of all of them.
    size: usize,
}

impl LookedUp {
    fn get(&self, generation: u64, form: &str) -> Option<Arc<[String]>> {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let recent = recent.as_mut().filter(|r| r.generation == generation)?;
        recent.forms.get(form).cloned()
    }

    fn put(&self, generation: u64, form: &str, words: &Arc<[String]>) {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let before = recent.take().filter(|r| r.generation == generation);
        let recent = recent.insert(before.unwrap_or_else(|| Recent {
            generation,
            forms: LruCache::unbounded(),
            size: 0,
        }));
        recent.size += words.len() + 1;
        if let Some(same) = recent.forms.put(form.to_owned(), Arc::clone(words)) {
            recent.size -= same.len() + 1;
        }
        while recent.size > REMEMBERED
            && let Some((_, words)) = recent.forms.pop_lru()
        {
            recent.size -= words.len() + 1;
        }
    }
}

/// Says which entries the lexicon of an index has, and which items the index, while it is written.
pub(crate) struct Standing {
    entries: Vec<StrColumn>,
    items: Vec<Arc<InvertedIndexReader>>,
}

impl Standing {
    pub fn open(searcher: &Searcher, fields: &Fields) -> Result<Standing> {
        let segments = searcher.segment_readers();
        let entries = segments.iter().map(|s| Ok(s.fast_fields().str(FORMS)?));
        let items = segments.iter().map(|s| Ok(s.inverted_index(fields.ern)?));
        Ok(Standing {
            entries: entries
                .filter_map(Result::transpose)
                .collect::<Result<_>>()?,
            items: items.collect::<Result<_>>()?,
        })
    }

    /// Whether it has this entry. One that cannot be looked up is written again, which changes nothing.
    pub fn has(&self, entry: &str) -> bool {
        let in_part = |part: &StrColumn| part.dictionary().term_ord(entry);
        self.entries
            .iter()
            .any(|part| matches!(in_part(part), Ok(Some(_))))
    }

    /// Whether the index may have the item of this number.
    pub fn has_item(&self, ern: &str) -> bool {
        let in_part = |part: &Arc<InvertedIndexReader>| part.terms().get(ern.as_bytes());
        let mut parts = self.items.iter();
        parts.any(|part| !matches!(in_part(part), Ok(None)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_looked_up_is_forgotten_with_the_index_as_it_was() {
        let words = |n: usize| -> Arc<[String]> { (0..n).map(|n| n.to_string()).collect() };
        let known = LookedUp::default();
        known.put(1, "uk:a", &words(2));
        assert_eq!(known.get(1, "uk:a"), Some(words(2)));
        assert_eq!(known.get(2, "uk:a"), None);
        known.put(2, "uk:b", &words(1));
        assert_eq!(known.get(1, "uk:a"), None);
        assert_eq!(known.get(2, "uk:a"), None);
        // No more than so many stay, and those that were asked for last.
        known.put(2, "uk:c", &words(REMEMBERED - 3));
        assert_eq!(known.get(2, "uk:b"), Some(words(1)));
        known.put(2, "uk:d", &words(1));
        assert_eq!(known.get(2, "uk:c"), None);
        assert_eq!(known.get(2, "uk:b"), Some(words(1)));
        assert_eq!(known.get(2, "uk:d"), Some(words(1)));
    }
}
