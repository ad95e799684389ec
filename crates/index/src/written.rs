//! A document on its way to the thread that writes an index, as Tantivy takes it: and how much may be on the way.
//!
//! Tantivy lets ten thousand documents wait, however large they are. Here they may hold so many bytes together.

use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tantivy::schema::Field as Column;
use tantivy::schema::document::{Document, ReferenceValue, ReferenceValueLeaf, Value};

/// Bytes of the documents that wait at most, unless one alone has more: 32 MiB.
const MOST: usize = 32 << 20;
/// How long to wait for the one that writes before Tantivy is asked what became of it.
const PATIENCE: Duration = Duration::from_secs(10);

/// A value of a field.
#[derive(Debug)]
enum Kind {
    /// A range of the document's text.
    Text(Range<usize>),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
}

/// A document's values, in the order in which they were added.
#[derive(Debug, Default)]
pub(crate) struct Draft {
    values: Vec<(Column, Kind)>,
    /// All texts, one behind the other.
    text: String,
    /// What it takes of what may be on the way.
    _room: Option<Room>,
}

impl Draft {
    /// With room for so many bytes of text.
    pub fn with_capacity(bytes: usize) -> Draft {
        Draft {
            values: Vec::with_capacity(64),
            text: String::with_capacity(bytes),
            _room: None,
        }
    }

    pub fn add_text(&mut self, field: Column, text: &str) {
        let begin = self.text.len();
        self.text.push_str(text);
        let range = begin..self.text.len();
        self.values.push((field, Kind::Text(range)));
    }

    pub fn add_u64(&mut self, field: Column, value: u64) {
        self.values.push((field, Kind::Unsigned(value)));
    }

    pub fn add_i64(&mut self, field: Column, value: i64) {
        self.values.push((field, Kind::Signed(value)));
    }

    pub fn add_f64(&mut self, field: Column, value: f64) {
        self.values.push((field, Kind::Float(value)));
    }

    /// Waits until there is room for it.
    pub fn on(mut self, way: &Arc<Way>) -> Draft {
        let values = self.values.capacity() * size_of::<(Column, Kind)>();
        let bytes = self.text.capacity() + values;
        self._room = Some(way.enter(bytes));
        self
    }
}

/// What is on the way.
#[derive(Debug, Default)]
pub(crate) struct Way {
    bytes: Mutex<usize>,
    emptier: Condvar,
}

/// So many bytes on the way, for as long as it lives.
#[derive(Debug)]
struct Room {
    way: Arc<Way>,
    bytes: usize,
}

impl Way {
    fn bytes(&self) -> MutexGuard<'_, usize> {
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(self: &Arc<Way>, bytes: usize) -> Room {
        let mut held = self.bytes();
        if *held + bytes > MOST {
            let full = |held: &mut usize| *held > MOST / 2;
            let waited = self.emptier.wait_timeout_while(held, PATIENCE, full);
            (held, _) = waited.unwrap_or_else(PoisonError::into_inner);
        }
        *held += bytes;
        drop(held);
        Room {
            way: Arc::clone(self),
            bytes,
        }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut held = self.way.bytes();
        let was_full = *held > MOST / 2;
        *held -= self.bytes;
        if was_full && *held <= MOST / 2 {
            self.way.emptier.notify_all();
        }
    }
}

impl Document for Draft {
    type Value<'a> = Written<'a>;
    type FieldsValuesIter<'a> = Values<'a>;

    fn iter_fields_and_values(&self) -> Values<'_> {
        Values {
            values: self.values.iter(),
            text: &self.text,
        }
    }
}

/// The values of a document.
pub(crate) struct Values<'a> {
    values: std::slice::Iter<'a, (Column, Kind)>,
    text: &'a str,
}

/// A value of a document, as Tantivy reads it.
#[derive(Clone, Debug)]
pub(crate) struct Written<'a>(ReferenceValueLeaf<'a>);

impl<'a> Iterator for Values<'a> {
    type Item = (Column, Written<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let (field, value) = self.values.next()?;
        let value = match value {
            Kind::Text(range) => {
                let text = self.text.get(range.clone());
                ReferenceValueLeaf::Str(text.unwrap_or_default())
            }
            Kind::Unsigned(value) => ReferenceValueLeaf::U64(*value),
            Kind::Signed(value) => ReferenceValueLeaf::I64(*value),
            Kind::Float(value) => ReferenceValueLeaf::F64(*value),
        };
        Some((*field, Written(value)))
    }
}

impl<'a> Value<'a> for Written<'a> {
    type ArrayIter = std::iter::Empty<Self>;
    type ObjectIter = std::iter::Empty<(&'a str, Self)>;

    fn as_value(&self) -> ReferenceValue<'a, Self> {
        ReferenceValue::Leaf(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_writes_faster_than_is_read_waits() {
        let way = Arc::new(Way::default());
        let first = way.enter(MOST - 1);
        let (say, said) = std::sync::mpsc::channel();
        let other = Arc::clone(&way);
        let writer = std::thread::spawn(move || {
            let room = other.enter(2);
            say.send(*other.bytes()).ok();
            drop(room);
        });
        assert!(said.recv_timeout(Duration::from_millis(100)).is_err());
        drop(first);
        assert_eq!(said.recv(), Ok(2));
        assert!(writer.join().is_ok());
        assert_eq!(*way.bytes(), 0);
        // One that is larger than all that may wait goes alone.
        let large = way.enter(3 * MOST);
        assert_eq!(*way.bytes(), 3 * MOST);
        drop(large);
        assert_eq!(*way.bytes(), 0);
    }
}
