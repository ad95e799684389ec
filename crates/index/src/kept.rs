//! What is kept of an item for lists of hits, read straight from where it is stored: it is the only field that is, and
//! most of what a question reads.

use serde_json::Value;
use tantivy::schema::document::{
    DeserializeError, DocumentDeserialize, DocumentDeserializer, ValueDeserialize,
    ValueDeserializer,
};
use tantivy::{DocAddress, Searcher};

use crate::error::{IndexError, Result};

/// A line of JSON, and the words of all parts behind it.
pub(crate) struct Kept(String);

impl Kept {
    /// Of this document.
    pub fn of(searcher: &Searcher, at: DocAddress) -> Result<Kept> {
        Ok(searcher.doc(at)?)
    }

    /// Its head, and the words of all its parts.
    pub fn read(&self) -> Result<(Value, &str)> {
        let read = || {
            let (head, words) = self.0.split_once('\n')?;
            Some((serde_json::from_str(head).ok()?, words))
        };
        read().ok_or_else(broken)
    }
}

/// What is said where it is not as it was written.
pub(crate) fn broken() -> IndexError {
    IndexError::Damaged {
        what: "what it keeps of an item is malformed".to_owned(),
    }
}

impl DocumentDeserialize for Kept {
    fn deserialize<'de, D: DocumentDeserializer<'de>>(
        mut stored: D,
    ) -> std::result::Result<Self, DeserializeError> {
        let field = stored.next_field::<Text>()?;
        Ok(Kept(field.map_or_else(String::new, |(_, text)| text.0)))
    }
}

struct Text(String);

impl ValueDeserialize for Text {
    fn deserialize<'de, D: ValueDeserializer<'de>>(
        stored: D,
    ) -> std::result::Result<Self, DeserializeError> {
        stored.deserialize_string().map(Text)
    }
}
