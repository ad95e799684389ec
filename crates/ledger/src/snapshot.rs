//! The ledger as it was at its published checkpoint, for a copy of it elsewhere (`docs/format/backup.md`).

use comity_core::digest::Digest;
use comity_core::tile::{MAX_LEVEL, hashes_at};
use comity_store::Objects;

use crate::edge::frame;
use crate::edge::head::Head;
use crate::error::LedgerError;
use crate::levels::WIDTH;
use crate::names;
use crate::tree::Tree;

/// What a copy of the ledger at one checkpoint consists of. The files never change; edge and checkpoint are here.
pub struct Snapshot {
    /// The published checkpoint, a signed note.
    pub checkpoint: Vec<u8>,
    /// Its size: how many events the copy holds.
    pub size: u64,
    /// Its root.
    pub root: Digest,
    /// The growing edge as one file, cut off at `size`.
    pub edge: Vec<u8>,
    first: u64,
    /// Where the head of `edge` ends, and its one frame begins.
    head_len: usize,
}

impl Snapshot {
    /// The name of the growing edge in a store that is a folder.
    pub const EDGE: &str = names::EDGE;
    /// The name of the published checkpoint.
    pub const CHECKPOINT: &str = names::CHECKPOINT;

    /// The names of all full tiles and bundles that the edge rests on. They are durable, and nothing changes or
    /// removes them.
    pub fn files(&self) -> impl Iterator<Item = String> + '_ {
        let bundles = (0..self.first / WIDTH).flat_map(|n| [names::entries(n), names::body(n)]);
        let tiles = (0..=MAX_LEVEL).flat_map(|level| {
            let full = hashes_at(level, self.first) / WIDTH;
            (0..full).map(move |index| names::tile(level, index))
        });
        tiles.chain(bundles)
    }
}

impl Snapshot {
    /// Writes edge and checkpoint into another store, whatever edge is there, in the form of its kind. The full tiles
    /// and bundles are there already. Nobody reads or appends there meanwhile; interrupted, it is done again.
    ///
    /// # Errors
    /// [`LedgerError::Store`].
    pub fn put_edge(&self, to: &Objects) -> Result<(), LedgerError> {
        if to.local_root().is_some() {
            to.put(names::EDGE, &self.edge)?;
        } else {
            for (name, _) in to.list(names::EDGE_PREFIX)? {
                to.delete(&name)?;
            }
            let (head, frame) = self.edge.split_at(self.head_len.min(self.edge.len()));
            if !frame.is_empty() {
                to.put(&names::frame(self.first), frame)?;
            }
            to.put(names::EDGE_HEAD, head)?;
        }
        Ok(to.put(names::CHECKPOINT, &self.checkpoint)?)
    }
}

impl Tree {
    /// What a copy of the ledger at its published checkpoint consists of. Events past the checkpoint, which nobody
    /// was told of, are left out. Trims first, so that the edge in memory is small: the caller holds the lock of those
    /// who append.
    ///
    /// # Errors
    /// [`LedgerError::Unfit`] if no checkpoint is published, or the edge begins after it: then an interrupted run is
    /// to be finished first.
    pub fn snapshot(&mut self) -> Result<Snapshot, LedgerError> {
        let unfit = |what: &str| LedgerError::Unfit {
            what: what.to_owned(),
        };
        if self.published_size() == self.size() {
            self.trim()?;
        } else {
            self.refresh()?;
        }
        let (size, first) = (self.published_size(), self.edge_first());
        let note = self
            .published()
            .ok_or_else(|| unfit("no checkpoint is published yet"))?
            .to_vec();
        if first > size {
            return Err(unfit(
                "events that were never published stand in full bundles already",
            ));
        }
        let upper = self.state.head.upper.clone();
        let mut edge = Head { first, upper }.encode();
        let head_len = edge.len();
        if size > first {
            let lost = || LedgerError::corrupt(names::EDGE, "a frame of the edge has gone");
            let batch = self.edge_batch(first, size)?.ok_or_else(lost)?;
            let events: Vec<_> = batch
                .iter()
                .map(|event| (event.hash, event.entry, event.body))
                .collect();
            frame::write(first, events.iter().copied(), usize::MAX, |piece| {
                edge.extend_from_slice(piece);
                Ok::<(), LedgerError>(())
            })?;
        }
        Ok(Snapshot {
            root: self.root_at(size)?,
            checkpoint: note,
            size,
            edge,
            first,
            head_len,
        })
    }
}
