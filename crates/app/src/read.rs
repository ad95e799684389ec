//! Reading events back: leaf, sealed body, fields.

use std::collections::HashMap;

use comity_core::body::{Class, CustodySection, OpenField, SealedBody, section_context};
use comity_core::digest::Digest;
use comity_core::json::Value;
use comity_core::leaf::{Leaf, leaf_hash};
use comity_keyring::Secret;
use comity_ledger::{Stored, StoredRef, Tree};
use comity_seal::{Key, open};

use crate::centre::Centre;
use crate::cores::on_all_cores;
use crate::error::{AppError, Result};
use crate::keys::{ItemKeys, Keys};
use crate::rebuild::item_keys;

/// An event read back, its commitment checked.
#[derive(Clone, Debug)]
pub struct OpenedEvent {
    /// The index of its leaf.
    pub index: u64,
    /// The leaf's exact bytes.
    pub entry: Vec<u8>,
    /// The leaf.
    pub leaf: Leaf,
    /// The hash of the leaf.
    pub hash: Digest,
    /// Key number of the custody section.
    pub custody_key: u64,
    /// Key number of the content section, 0 where there is none.
    pub content_key: u64,
    /// Its fields in order, with salts; content fields have no value once they are erased.
    pub fields: Vec<OpenField>,
}

impl OpenedEvent {
    /// The value of a field, unless it is missing or erased.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.fields
            .iter()
            .find(|f| f.name == name)
            .and_then(|f| f.value.as_ref())
    }

    /// The value of a field of text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.value(name).and_then(Value::as_str)
    }

    /// Whether its content has been erased.
    pub fn is_erased(&self) -> bool {
        self.fields
            .iter()
            .any(|f| f.class == Class::Content && f.value.is_none())
    }
}

/// Opens the event of a leaf from its sealed body, and checks that the body is the one that the leaf commits to.
pub fn open_event(keys: &Keys, index: u64, entry: &[u8], body: &[u8]) -> Result<OpenedEvent> {
    let stored = StoredRef {
        index,
        hash: leaf_hash(entry),
        entry,
        body,
    };
    Ok(open_event_with(keys, &ItemKeys::default(), &stored)?.0)
}

/// As [`open_event`], with item keys that were opened before; gives the secret of the content key besides.
pub(crate) fn open_event_with(
    keys: &Keys,
    items: &ItemKeys,
    stored: &StoredRef<'_>,
) -> Result<(OpenedEvent, Option<Secret>)> {
    let StoredRef {
        index,
        hash,
        entry,
        body,
    } = *stored;
    let place = || format!("event {index} of the ledger");
    let leaf = Leaf::parse(entry).map_err(|e| AppError::damaged(place(), e.to_string()))?;
    let sealed = SealedBody::parse(body).map_err(|e| AppError::damaged(place(), e.to_string()))?;
    let custody = keys.scope_key(sealed.custody_key)?;
    let unseal = |key: &Key, class: Class, bytes: &[u8]| {
        open(key, &section_context(class, &leaf.body), bytes).map_err(|source| AppError::Seal {
            place: place(),
            source,
        })
    };
    let section = CustodySection::parse(&unseal(&custody.key, Class::Custody, sealed.custody)?)
        .map_err(|e| AppError::damaged(place(), e.to_string()))?;
    let secret = match sealed.content {
        None => None,
        Some(_) => items.get(keys, sealed.content_key)?,
    };
    let content = match (sealed.content, &secret) {
        (Some(bytes), Some(secret)) => {
            Some(unseal(&Key::new(secret.first), Class::Content, bytes)?)
        }
        _ => None,
    };
    if section.commitment() != leaf.body {
        return Err(AppError::damaged(
            place(),
            "its body is not the one that the leaf commits to",
        ));
    }
    let fields = section
        .open(content.as_deref())
        .map_err(|e| AppError::damaged(place(), e.to_string()))?;
    let event = OpenedEvent {
        index,
        entry: entry.to_vec(),
        hash,
        leaf,
        custody_key: sealed.custody_key,
        content_key: sealed.content_key,
        fields,
    };
    Ok((event, secret))
}

/// Events of a full bundle.
const WIDTH: u64 = 256;

fn not_in_bundle(index: u64) -> AppError {
    AppError::damaged(
        format!("event {index} of the ledger"),
        "its bundle does not hold it",
    )
}

impl Centre {
    /// Reads one event by the index of its leaf.
    pub fn read_event(&self, index: u64) -> Result<OpenedEvent> {
        let (entry, body) = {
            let mut sequencer = self.sequencer();
            if index >= sequencer.tree.size() {
                // Another process has recorded it, or is about to: its turn is waited for.
                sequencer.recover()?;
            }
            if index < sequencer.tree.edge_first() {
                return self.read_from_bundle(&sequencer.tree, index);
            }
            (sequencer.tree.entry(index)?, sequencer.tree.body(index)?)
        };
        open_event(&self.keys, index, &entry, &body)
    }

    /// The sealed events of these leaves, given in ascending order. Those of one bundle are read together.
    pub(crate) fn stored_events(&self, indices: &[u64]) -> Result<Vec<Stored>> {
        let mut sequencer = self.sequencer();
        if indices.last().is_some_and(|i| *i >= sequencer.tree.size()) {
            sequencer.recover()?;
        }
        let mut events = Vec::with_capacity(indices.len());
        for run in indices.chunk_by(|a, b| a / WIDTH == b / WIDTH) {
            let [first, ..] = run else { continue };
            let end = run.last().unwrap_or(first) + 1;
            let mut wanted = run.iter().peekable();
            for batch in sequencer.tree.batches(*first..end) {
                events.extend(batch?.iter().filter_map(|event| {
                    wanted.next_if_eq(&&event.index)?;
                    Some(Stored {
                        index: event.index,
                        hash: event.hash,
                        entry: event.entry.to_vec(),
                        body: event.body.to_vec(),
                    })
                }));
            }
            if let Some(index) = wanted.next() {
                return Err(not_in_bundle(*index));
            }
        }
        Ok(events)
    }

    /// Reads many events by the indices of their leaves, in any order: bundles and keys are opened once, and all cores open
    /// events.
    pub(crate) fn read_events(&self, mut indices: Vec<u64>) -> Result<HashMap<u64, OpenedEvent>> {
        indices.sort_unstable();
        indices.dedup();
        let stored = self.stored_events(&indices)?;
        let stored: Vec<_> = stored.iter().map(Stored::as_ref).collect();
        let items = item_keys(&self.keys, &stored)?;
        let open = |(): &mut (), _, event: &StoredRef<'_>| {
            Ok((event.index, open_event_with(&self.keys, &items, event)?.0))
        };
        on_all_cores(&stored, || (), open).into_iter().collect()
    }

    /// Full bundles never change, and who reads one event mostly reads its neighbours next: the last bundle is kept.
    fn read_from_bundle(&self, tree: &Tree, index: u64) -> Result<OpenedEvent> {
        let first = index / WIDTH * WIDTH;
        let mut kept = self
            .last_bundle
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if kept.as_ref().is_none_or(|batch| batch.first() != first) {
            *kept = tree.batches(first..first + WIDTH).next().transpose()?;
        }
        let at = usize::try_from(index - first).unwrap_or(usize::MAX);
        match kept.as_ref().and_then(|batch| batch.iter().nth(at)) {
            Some(event) => open_event(&self.keys, index, event.entry, event.body),
            None => Err(not_in_bundle(index)),
        }
    }
}
