//! The lexicon of an index, as questions ask it: which words have a form.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

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
    found: RefCell<HashMap<String, Rc<[String]>>>,
}

impl<'a> Words<'a> {
    /// Of the index with this number among those that are asked, of which these segments are open.
    pub fn new(number: usize, open: &'a [Arc<Open>]) -> Words<'a> {
        Words {
            number,
            parts: open.iter().filter_map(|o| o.forms.as_ref()).collect(),
            found: RefCell::default(),
        }
    }

    /// The words, folded, that have this form.
    pub fn with(&self, form: &str) -> Result<Rc<[String]>> {
        if let Some(words) = self.found.borrow().get(form) {
            return Ok(Rc::clone(words));
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
        let words: Rc<[String]> = words.into();
        let mut found = self.found.borrow_mut();
        found.insert(form.to_owned(), Rc::clone(&words));
        Ok(words)
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
