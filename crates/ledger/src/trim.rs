//! Trimming: from the growing edge to full tiles and bundles.
//!
//! Order, and what is true after a crash: tiles and bundles are made durable first. Until the edge is replaced they
//! are not believed, and the next trim writes the same bytes again. Then an edge that begins later takes the place of
//! the old one, in one rename: after it the bundles are believed, and they are all there.

use crate::bundle::encode_bodies;
use crate::edge::head::Head;
use crate::error::LedgerError;
use crate::levels::{Levels, WIDTH, unfinished_start};
use crate::names;
use crate::parallel::{cores, in_parallel};
use crate::record::StoredRef;
use crate::tree::Tree;

impl Tree {
    /// Puts full tiles, entry bundles and body bundles in their places, durable, then the rest of the edge anew.
    /// How many events left the edge.
    ///
    /// # Errors
    /// When it fails the tree is as readable as before, and the call may be repeated.
    pub fn trim(&mut self) -> Result<u64, LedgerError> {
        self.begin_write()?;
        self.trim_now()
    }

    pub(crate) fn trim_now(&mut self) -> Result<u64, LedgerError> {
        let (from, size) = (self.state.head.first, self.size());
        let to = unfinished_start(0, size);
        if to == from && !self.edge.is_doubtful() {
            return Ok(0);
        }
        let inconsistent =
            || LedgerError::corrupt(names::EDGE, "it does not hold the hashes of its own tiles");
        let upper = self.state.levels.upper(to).ok_or_else(inconsistent)?;
        self.put_edge_bundles(from, to)?;
        self.put_upper_tiles(&self.state.levels, from, to)?;
        let head = Head { first: to, upper };
        let rest = self.edge_batch(to, size)?.ok_or_else(inconsistent)?;
        let placed = self.edge.replace(&self.state.head, &head, &rest)?;
        let moved = usize::try_from(to - from)
            .unwrap_or(usize::MAX)
            .min(self.state.places.len());
        self.state.places.drain(..moved);
        self.state.places.shrink_to_fit();
        if !placed.is_empty() {
            self.state.places.clear();
            for placed in &placed {
                self.state.place(placed, 0);
            }
        }
        self.state.levels.trim(to);
        self.state.head = head;
        Ok(to - from)
    }

    /// Makes the bundles and level-0 tiles of leaves `from..to`, which are in the edge, durable, some MiB at a time.
    fn put_edge_bundles(&self, from: u64, to: u64) -> Result<(), LedgerError> {
        const CHUNK_BYTES: u64 = 8 << 20;
        let make = |bundle: &u64| {
            let first = bundle * WIDTH;
            let batch = self.edge_batch(first, first + WIDTH)?;
            let batch = batch
                .ok_or_else(|| LedgerError::corrupt(names::EDGE, "a frame of the edge has gone"))?;
            Ok(files(&batch.iter().collect::<Vec<_>>()))
        };
        let mut chunk = Vec::new();
        let mut chunk_bytes = 0;
        for bundle in from / WIDTH..to / WIDTH {
            let places = self
                .state
                .places(bundle * WIDTH, (bundle + 1) * WIDTH)
                .unwrap_or_default();
            chunk.push(bundle);
            chunk_bytes += places
                .iter()
                .map(|place| place.end() - place.at)
                .sum::<u64>();
            if chunk_bytes >= CHUNK_BYTES {
                self.put_bundles(&chunk, make)?;
                chunk.clear();
                chunk_bytes = 0;
            }
        }
        self.put_bundles(&chunk, make)
    }

    /// Makes the files of bundles on all cores, and then durable.
    pub(crate) fn put_bundles<B: Sync>(
        &self,
        bundles: &[B],
        make: impl Fn(&B) -> Result<[(String, Vec<u8>); 3], LedgerError> + Sync,
    ) -> Result<(), LedgerError> {
        let threads = if self.objects.local_root().is_some() {
            cores()
        } else {
            8
        };
        let mut objects = Vec::with_capacity(bundles.len() * 3);
        for made in in_parallel(threads, bundles, make) {
            objects.extend(made?);
        }
        if !objects.is_empty() {
            self.objects.put_many(objects)?;
        }
        Ok(())
    }

    /// Makes the tiles of level 1 and up durable that a tree of `to` events has full, and one of `from` has not.
    pub(crate) fn put_upper_tiles(
        &self,
        levels: &Levels,
        from: u64,
        to: u64,
    ) -> Result<(), LedgerError> {
        let mut tiles = Vec::new();
        for level in 1..=comity_core::tile::MAX_LEVEL {
            let (first, end) = (unfinished_start(level, from), unfinished_start(level, to));
            for index in first / WIDTH..end / WIDTH {
                let hashes = levels
                    .hashes(level, index * WIDTH, (index + 1) * WIDTH)
                    .unwrap_or_default();
                tiles.push((
                    names::tile(level, index),
                    hashes.iter().flat_map(|hash| hash.0).collect(),
                ));
            }
        }
        if !tiles.is_empty() {
            self.objects.put_many(tiles)?;
        }
        Ok(())
    }
}

/// Entry bundle, body bundle and level-0 tile of the 256 events of a bundle.
pub(crate) fn files(events: &[StoredRef<'_>]) -> [(String, Vec<u8>); 3] {
    let first = events.first().map_or(0, |event| event.index);
    let bundle = first / WIDTH;
    let mut entries = Vec::with_capacity(events.iter().map(|event| 2 + event.entry.len()).sum());
    for event in events {
        entries.extend_from_slice(&(event.entry.len() as u16).to_be_bytes());
        entries.extend_from_slice(event.entry);
    }
    let hashes = events.iter().flat_map(|event| event.hash.0).collect();
    [
        (names::entries(bundle), entries),
        (
            names::body(bundle),
            encode_bodies(first, events.iter().map(|event| event.body)),
        ),
        (names::tile(0, bundle), hashes),
    ]
}
