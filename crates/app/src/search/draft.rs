//! Documents that are being made: what the tables and the ledger say of many items is looked up together; then each
//! document is made by itself, on whatever core.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use comity_core::id::Ern;
use comity_index::Document;

use super::document;
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::item::Item;
use crate::reading::Known;
use crate::sql::Session;

/// What events change of one item.
pub(super) enum Change {
    /// It came, with this document if that was in what was looked at; it was read, or not.
    Item {
        base: Option<Box<Document>>,
        read: bool,
    },
    /// It was erased.
    Remove,
}

/// What is to be changed, by number.
pub(super) type Changes = BTreeMap<Ern, Change>;

/// Whence outermost containers came, as far as that was asked.
pub(super) type Sources = HashMap<Ern, Option<String>>;

/// Documents without what was read in the items, in the order of their numbers, and what is known of that.
pub(super) struct Drafts {
    pub all: Vec<Draft>,
    pub known: Known,
}

/// One of them.
pub(super) struct Draft {
    pub ern: Ern,
    /// Nothing, once the item has been erased.
    base: Option<Box<Document>>,
    /// The item, where its readings are to be looked at.
    read: Option<Item>,
}

impl Centre {
    /// Looks up what the documents of these items need.
    pub(super) fn drafts(
        &self,
        session: &mut Session,
        changes: Vec<(Ern, Change)>,
        sources: &mut Sources,
    ) -> Result<Drafts> {
        let in_tables = |change: &Change| matches!(change, Change::Item { base, read } if base.is_none() || *read);
        let wanted: Vec<Ern> = changes
            .iter()
            .filter(|(_, change)| in_tables(change))
            .map(|(ern, _)| *ern)
            .collect();
        let mut items = self.items(session, &wanted)?;
        if let Some(ern) = wanted.iter().find(|ern| !items.contains_key(ern)) {
            let what = "the ledger has it and the tables do not; run `comity rebuild`";
            return Err(AppError::damaged(format!("item {ern}"), what));
        }
        let known = self.known_of(session, items.values())?;
        let came_before = changes
            .iter()
            .filter(|(_, change)| matches!(change, Change::Item { base: None, .. }))
            .filter_map(|(ern, _)| Some(items.get(ern)?.first_index));
        let received = self.read_events(came_before.collect())?;
        let draft = |(ern, change)| {
            let read = items.remove(&ern);
            let event = read.as_ref().and_then(|i| received.get(&i.first_index));
            let base = match change {
                Change::Item { base, .. } => {
                    base.or_else(|| event.and_then(document::received).map(Box::new))
                }
                Change::Remove => None,
            };
            Draft { ern, base, read }
        };
        let mut all: Vec<Draft> = changes.into_iter().map(draft).collect();
        self.add_sources(session, &mut all, sources)?;
        Ok(Drafts { all, known })
    }

    /// Items that were found inside of others came whence the outermost of these came.
    fn add_sources(
        &self,
        session: &mut Session,
        drafts: &mut [Draft],
        sources: &mut Sources,
    ) -> Result<()> {
        let mut inside: Vec<_> = drafts.iter_mut().filter_map(Draft::inside_of).collect();
        let asked: BTreeSet<Ern> = inside
            .iter()
            .map(|(outermost, _)| *outermost)
            .filter(|outermost| !sources.contains_key(outermost))
            .collect();
        let items = self.items(session, &Vec::from_iter(asked))?;
        let events = self.read_events(items.values().map(|i| i.first_index).collect())?;
        for (ern, item) in items {
            let event = events.get(&item.first_index);
            let source = event.and_then(|event| event.text("source"));
            sources.insert(ern, source.map(str::to_owned));
        }
        for (outermost, document) in &mut inside {
            document.source = sources.get(outermost).cloned().flatten();
        }
        Ok(())
    }
}

impl Draft {
    /// The outermost container of an item that does not say itself whence it came.
    fn inside_of(&mut self) -> Option<(Ern, &mut Document)> {
        let mut outermost = self.ern.parent()?;
        while let Some(container) = outermost.parent() {
            outermost = container;
        }
        let document = self.base.as_deref_mut()?;
        document.source.is_none().then_some((outermost, document))
    }

    /// The whole document; `None` once the item has been erased.
    pub fn finish(&mut self, centre: &Centre, known: &Known) -> Result<Option<Document>> {
        let Some(mut document) = self.base.take() else {
            return Ok(None);
        };
        if let Some(item) = self.read.take()
            && let Some(reading) = known.reading(centre, item)?
        {
            document::add_reading(&mut document, &reading)?;
            for further in known.further(centre, &reading.item)? {
                document::add_further(&mut document, &reading.item, &further)?;
            }
        }
        Ok(Some(*document))
    }
}
