//! The tree: opened, grown, trimmed and published.

use comity_core::digest::Digest;
use comity_store::Objects;

use crate::bundle::{MAX_BODY, MAX_ENTRY};
use crate::checkpoint::Published;
use crate::edge::head::Head;
use crate::edge::{Edge, News, State};
use crate::error::LedgerError;
use crate::levels::WIDTH;
use crate::names;
use crate::record::{Batch, Record};

/// The ledger's tree (`docs/format/ledger.md`).
///
/// One process at a time may append, trim and publish: the caller holds a lock for that. Any number may read
/// meanwhile. What an open tree holds stays readable while others append and trim; [`Tree::refresh`] shows it
/// what they did.
pub struct Tree {
    pub(crate) objects: Objects,
    pub(crate) edge: Edge,
    pub(crate) state: State,
    published: Option<Published>,
    /// Whether edge and published checkpoint, as they are now, were held against each other.
    held: bool,
    writes: bool,
}

impl Tree {
    /// Opens the ledger under `ledger/` of `objects`, or an empty one if there is none. Nothing is written yet.
    ///
    /// Reads the edge whole, checks its digests, and holds the published checkpoint against it.
    ///
    /// # Errors
    /// [`LedgerError::Corrupt`] if head, frames or checkpoint are damaged, do not fit each other, or if the
    /// checkpoint is of more events than the ledger holds.
    pub fn open(objects: Objects) -> Result<Tree, LedgerError> {
        Tree::open_as(objects, true)
    }

    /// As [`Tree::open`], for a copy that must not be written to: needs no lock and makes no file.
    ///
    /// # Errors
    /// As [`Tree::open`].
    pub fn open_read_only(objects: Objects) -> Result<Tree, LedgerError> {
        Tree::open_as(objects, false)
    }

    fn open_as(objects: Objects, writes: bool) -> Result<Tree, LedgerError> {
        let edge = Edge::of(&objects);
        let state = State::default();
        let mut tree = Tree {
            objects,
            edge,
            state,
            published: None,
            held: false,
            writes,
        };
        tree.published = tree.read_published()?;
        let (head, frames) = tree.edge.load(tree.published_size())?;
        tree.state = restore(head, &frames)?;
        tree.hold_against_published()?;
        Ok(tree)
    }

    /// Shows the tree what other processes appended, trimmed and published since it was opened or refreshed;
    /// whether there was anything. Costs a look at the edge's name and length when there was not.
    ///
    /// # Errors
    /// As [`Tree::open`]; again and again, until what is wrong was repaired.
    pub fn refresh(&mut self) -> Result<bool, LedgerError> {
        // The checkpoint is read before the edge: the edge is never behind it.
        let published = self.read_published()?;
        let mut changed = published != self.published;
        let before = std::mem::replace(&mut self.published, published);
        self.held &= !changed;
        match self.take_news() {
            Ok(news) => changed |= news,
            Err(error) => {
                self.published = before;
                return Err(error);
            }
        }
        if !self.held {
            self.hold_against_published()?;
        }
        Ok(changed)
    }

    fn take_news(&mut self) -> Result<bool, LedgerError> {
        match self.edge.news(&self.state, self.published_size())? {
            News::Unchanged => Ok(false),
            News::Grown(frames) => {
                self.held = false;
                frames.iter().for_each(|placed| self.state.extend(placed));
                Ok(true)
            }
            News::Replaced(head, frames) => {
                self.held = false;
                self.state = restore(head, &frames)?;
                Ok(true)
            }
        }
    }

    /// The number of events.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.state.size()
    }

    /// The index of the first event in the growing edge: those before it are in full tiles and bundles.
    #[must_use]
    pub fn edge_first(&self) -> u64 {
        self.state.head.first
    }

    /// The number of events in the growing edge.
    #[must_use]
    pub fn edge_len(&self) -> u64 {
        self.size() - self.edge_first()
    }

    /// The root of the tree at its present size.
    #[must_use]
    pub fn root(&self) -> Digest {
        self.state.levels.root()
    }

    /// What was left out when the edge was read because it had never been acknowledged, as sentences. It is
    /// removed by the next append.
    #[must_use]
    pub fn recovered(&self) -> Vec<String> {
        self.edge.recovered().into_iter().collect()
    }

    /// Appends events, durable on return: one write and one flush on a local disk, one object on S3.
    ///
    /// `first` is the index of the first of them. Those that the tree already has must be the same and are passed
    /// over, so that a group may be given again after a crash. Trims first when the edge is over 65,536 events or
    /// 128 MiB. When it fails, nothing was acknowledged and the same call may be repeated.
    ///
    /// # Errors
    /// [`LedgerError::Conflict`] if an event in the tree is another, [`LedgerError::Gap`] if events before `first`
    /// are missing, [`LedgerError::TooLarge`] before anything is written.
    pub fn append(&mut self, first: u64, records: &[Record]) -> Result<(), LedgerError> {
        self.begin_write()?;
        let size = self.size();
        let Some(known) = size.checked_sub(first) else {
            return Err(LedgerError::Gap { first, size });
        };
        let known = usize::try_from(known)
            .unwrap_or(usize::MAX)
            .min(records.len());
        let (known, new) = records.split_at(known);
        self.hold_against_tree(first, known)?;
        check_lengths(size, new)?;
        if new.is_empty() {
            return self.edge.make_durable();
        }
        if self.edge.is_full(self.state.places.len()) {
            self.trim_now()?;
        }
        let placed = self.edge.append(&self.state, new)?;
        self.state.extend(&placed);
        Ok(())
    }

    /// Publishes a checkpoint: the signed note whose size and root are this tree's at that size.
    ///
    /// # Errors
    /// [`LedgerError::Unfit`] if the note is no checkpoint, is of another origin than the published one, is older
    /// than it, is of more events than the tree holds, or has another root.
    pub fn publish(&mut self, note: &[u8]) -> Result<(), LedgerError> {
        self.begin_write()?;
        let unfit = |what: String| LedgerError::Unfit { what };
        let new = Published::parse(note).map_err(unfit)?;
        if let Some(old) = &self.published {
            if old.note == new.note {
                // The process that put it there may have been killed before it was durable.
                self.edge.make_durable()?;
                return Ok(self.objects.settle(&[names::CHECKPOINT])?);
            }
            if old.origin != new.origin {
                return Err(unfit(format!(
                    "its origin is {}, and this ledger's is {}",
                    new.origin, old.origin
                )));
            }
            if new.size < old.size {
                return Err(unfit(format!(
                    "it is of {} events, and one of {} is published",
                    new.size, old.size
                )));
            }
        }
        if new.size > self.size() {
            return Err(unfit(format!(
                "it is of {} events, and the ledger holds {}",
                new.size,
                self.size()
            )));
        }
        if self.root_at(new.size)? != new.root {
            return Err(unfit(format!(
                "its root is not that of the first {} events of this ledger",
                new.size
            )));
        }
        self.edge.make_durable()?;
        let former = self.published();
        if !self.objects.put_over(names::CHECKPOINT, former, note)? {
            return Err(LedgerError::overtaken(names::CHECKPOINT));
        }
        self.published = Some(new);
        Ok(())
    }

    /// The published checkpoint as it was when the tree was last opened, refreshed or published to.
    #[must_use]
    pub fn published(&self) -> Option<&[u8]> {
        self.published
            .as_ref()
            .map(|published| published.note.as_slice())
    }

    /// The number of events under the published checkpoint; 0 if there is none.
    #[must_use]
    pub fn published_size(&self) -> u64 {
        self.published
            .as_ref()
            .map_or(0, |published| published.size)
    }

    /// Looks what others did and settles what a failed write left.
    pub(crate) fn begin_write(&mut self) -> Result<(), LedgerError> {
        if !self.writes {
            return Err(LedgerError::ReadOnly);
        }
        self.refresh()?;
        if self.edge.is_doubtful() {
            self.trim_now()?;
        }
        Ok(())
    }

    fn read_published(&self) -> Result<Option<Published>, LedgerError> {
        let Some(note) = self.objects.get(names::CHECKPOINT)? else {
            return Ok(None);
        };
        if let Some(published) = self
            .published
            .as_ref()
            .filter(|published| published.note == note)
        {
            return Ok(Some(published.clone()));
        }
        Published::parse(&note)
            .map(Some)
            .map_err(|what| LedgerError::corrupt(names::CHECKPOINT, what))
    }

    fn hold_against_published(&mut self) -> Result<(), LedgerError> {
        let Some(published) = &self.published else {
            self.held = true;
            return Ok(());
        };
        if published.size > self.size() {
            let what = format!(
                "it ends at event {}, and a checkpoint of {} is published",
                self.size(),
                published.size
            );
            return Err(LedgerError::corrupt(names::EDGE, what));
        }
        if self.root_at(published.size)? != published.root {
            let what = format!(
                "its root is not that of the first {} events of the ledger",
                published.size
            );
            return Err(LedgerError::corrupt(names::CHECKPOINT, what));
        }
        self.held = true;
        Ok(())
    }

    /// Compares events that were given again with those in the tree.
    fn hold_against_tree(&self, first: u64, records: &[Record]) -> Result<(), LedgerError> {
        let mut at = first;
        let mut rest = records;
        while !rest.is_empty() {
            let in_tile = usize::try_from(WIDTH - at % WIDTH)
                .unwrap_or(usize::MAX)
                .min(rest.len());
            let (now, later) = rest.split_at(in_tile);
            let hashes = self.leaf_hashes(at, at + in_tile as u64)?;
            for ((record, hash), index) in now.iter().zip(&hashes).zip(at..) {
                if record.hash != *hash {
                    return Err(LedgerError::Conflict { index });
                }
            }
            at += in_tile as u64;
            rest = later;
        }
        Ok(())
    }

    /// Events `from..to` out of the edge; `None` if they are not or no longer there.
    pub(crate) fn edge_batch(&self, from: u64, to: u64) -> Result<Option<Batch>, LedgerError> {
        let places = self.state.places(from, to);
        let hashes = self.state.levels.hashes(0, from, to);
        match (places, hashes) {
            (Some(places), Some(hashes)) => self.edge.read(from, places, hashes),
            _ => Ok(None),
        }
    }
}

fn restore(head: Head, frames: &[crate::edge::Placed]) -> Result<State, LedgerError> {
    State::new(head, frames)
        .ok_or_else(|| LedgerError::corrupt(names::EDGE, "its head fits no tree"))
}

pub(crate) fn check_lengths(first: u64, records: &[Record]) -> Result<(), LedgerError> {
    for (record, index) in records.iter().zip(first..) {
        let parts = [
            ("entry", record.entry.len(), MAX_ENTRY),
            ("sealed body", record.body.len(), MAX_BODY),
        ];
        for (part, len, max) in parts {
            if len > max {
                return Err(LedgerError::TooLarge {
                    index,
                    part,
                    len,
                    max,
                });
            }
        }
    }
    Ok(())
}
