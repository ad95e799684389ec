//! What is nearly the same as an item, among all that may be found.

use std::collections::BTreeSet;

use comity_index::{Ask, Hit, Index, IndexError, Sort, ask};
use comity_rules::finding::Seeker;
use comity_search::query::{Field, Query, Value};

use super::scope_of;
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::item::Item;

/// Items shown at most; a search for `like:` gives all.
const MOST: usize = 20;

/// Items that are nearly the same as one, as far as the index has come.
#[derive(Debug, Default)]
pub struct NearlySame {
    /// The most alike first.
    pub hits: Vec<Hit>,
    /// How many there are.
    pub count: u64,
    /// Events that the index has not followed yet: the next search brings it up.
    pub behind: u64,
}

impl Centre {
    /// What is nearly the same as an item, by the index as it lies there: nothing is written. An item that the index
    /// does not know, or that has nothing to compare, is like no other.
    pub fn nearly_same(&self, item: &Item) -> Result<NearlySame> {
        let size = self.sequencer().tree.published_size();
        let (mut indexes, mut waiting, mut behind) = (Vec::<Index>::new(), BTreeSet::new(), 0);
        for member in self.members(&mut self.session()?)? {
            match self.index_as_it_is(&member.code) {
                Ok(Some(index)) => {
                    behind += size.saturating_sub(index.position().size);
                    indexes.push(index);
                }
                Ok(None) => behind += size,
                Err(AppError::Locked { .. }) => {
                    waiting.insert(member.code);
                }
                Err(error) => return Err(error),
            }
        }
        let scope = scope_of(&Seeker {
            case: None,
            waiting,
        });
        let query = Query::Field {
            field: Field::Like,
            value: Value::Is(item.ern.to_string()),
        };
        let asked = Ask {
            query,
            scope,
            exact: false,
            transliterate: false,
            sort: Sort::Relevance,
            lists: Vec::new(),
        };
        let answered = ask(&indexes, &asked).and_then(|mut answer| {
            let hits = answer.page(None, MOST)?;
            Ok((answer.count(), hits))
        });
        match answered {
            Ok((count, hits)) => Ok(NearlySame {
                hits,
                count,
                behind,
            }),
            Err(IndexError::Question(_)) => Ok(NearlySame {
                behind,
                ..NearlySame::default()
            }),
            Err(error) => Err(error.into()),
        }
    }
}
