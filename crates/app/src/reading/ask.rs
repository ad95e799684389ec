//! Asking for another reading of items: a person's act, and on record.

use comity_core::id::Ern;

use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::event::Actor;
use crate::item::Item;
use crate::project::ItemState;

/// Events of one group.
const GROUP: usize = 4096;

impl Centre {
    /// Puts items into the queue once more, and gives how many. Those that wait already stay as they are.
    ///
    /// # Errors
    /// An item without bytes of its own: all are named, and nothing is recorded.
    pub fn read_again(&self, actor: &Actor, items: &[Item]) -> Result<u64> {
        let without: Vec<String> = items.iter().filter_map(no_bytes).collect();
        if !without.is_empty() {
            return Err(AppError::Usage(without.join("; ")));
        }
        let mut session = self.session()?;
        let mut asked = 0;
        let again: Vec<&Item> = items.iter().filter(|item| !item.is_unread()).collect();
        for part in again.chunks(GROUP) {
            let mut drafts = Vec::with_capacity(part.len());
            for item in part {
                let event = self
                    .draft("reading_asked", actor)
                    .custody("ern", item.ern.to_string());
                drafts.push(self.custody_of_item(&mut session, item, event)?);
            }
            self.sequencer().commit(&self.keys, |group| {
                drafts
                    .iter()
                    .try_for_each(|draft| group.push(draft).map(drop))
            })?;
            asked += part.len() as u64;
        }
        Ok(asked)
    }

    /// The items of these numbers, each once, in order.
    pub fn items_of_numbers(&self, erns: &[Ern]) -> Result<Vec<Item>> {
        let mut session = self.session()?;
        let mut erns = erns.to_vec();
        erns.sort_unstable();
        erns.dedup();
        erns.iter()
            .map(|ern| self.item(&mut session, ern))
            .collect()
    }
}

/// Why an item has nothing to be read.
fn no_bytes(item: &Item) -> Option<String> {
    let ern = item.ern;
    match (item.erased, item.state, ern.parent()) {
        (Some(_), ..) => Some(format!("{ern} has been erased")),
        (None, ItemState::Sealed, _) => None,
        (None, _, Some(container)) => Some(format!(
            "{ern} could not be taken out of {container}: ask for that one"
        )),
        (None, state, None) => Some(format!("{ern} has no bytes: its state is {}", state.word())),
    }
}
