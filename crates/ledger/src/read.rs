//! Reading: entries, bodies, tiles of any size, roots and proofs.

use std::ops::Range;

use comity_core::digest::Digest;
use comity_core::leaf::leaf_hash;
use comity_core::merkle::{
    TileProofError, consistency_proof, frontier_from_tiles, inclusion_proof,
};
use comity_core::tile::{FULL_WIDTH, TileId, hashes_at, tile_hashes};
use comity_store::StoreError;

use crate::bundle::{BODY_HEADER, body_spans, entry_spans};
use crate::error::LedgerError;
use crate::levels::WIDTH;
use crate::names;
use crate::record::{Batch, Stored};
use crate::tree::Tree;

impl Tree {
    /// The leaf's bytes. Its hash was compared with the one in the tree.
    ///
    /// # Errors
    /// [`LedgerError::OutOfRange`]; [`LedgerError::Corrupt`] if the bundle or its tile is damaged.
    pub fn entry(&self, index: u64) -> Result<Vec<u8>, LedgerError> {
        self.check_index(index)?;
        if let Some(batch) = self.edge_batch(index, index + 1)? {
            return Ok(batch.entry(0).unwrap_or_default().to_vec());
        }
        let (bundle, at) = place(index);
        let name = names::entries(bundle);
        let (bytes, spans) = self.entry_bundle(bundle)?;
        let entry = spans
            .get(at)
            .and_then(|span| bytes.get(span.clone()))
            .unwrap_or_default();
        if leaf_hash(entry) != self.leaf_hash(index)? {
            return Err(disagree(name, bundle, index));
        }
        Ok(entry.to_vec())
    }

    /// The sealed body. Whether it is the one that the leaf commits to shows when it is opened.
    ///
    /// # Errors
    /// [`LedgerError::OutOfRange`]; [`LedgerError::Corrupt`] if the bundle's header is damaged or it is missing.
    pub fn body(&self, index: u64) -> Result<Vec<u8>, LedgerError> {
        self.check_index(index)?;
        if let Some(batch) = self.edge_batch(index, index + 1)? {
            return Ok(batch.body(0).unwrap_or_default().to_vec());
        }
        let (bundle, at) = place(index);
        let name = names::body(bundle);
        let failed = |error| match error {
            StoreError::NotFound { .. } => missing(&name),
            StoreError::Short { .. } => {
                LedgerError::corrupt(&name, format!("the body of event {index} is cut off"))
            }
            error => error.into(),
        };
        let header = self
            .objects
            .get_range(&name, 0, BODY_HEADER as u64)
            .map_err(failed)?;
        let spans = body_spans(&header, bundle * WIDTH);
        let spans = spans.map_err(|what| LedgerError::corrupt(&name, what))?;
        let span = spans.get(at).cloned().unwrap_or_default();
        if span.is_empty() {
            return Ok(Vec::new());
        }
        self.objects
            .get_range(&name, span.start as u64, span.len() as u64)
            .map_err(failed)
    }

    /// The leaf hash, from the tree's tiles.
    ///
    /// # Errors
    /// [`LedgerError::OutOfRange`]; [`LedgerError::Corrupt`] if the tile is missing or has another length.
    pub fn leaf_hash(&self, index: u64) -> Result<Digest, LedgerError> {
        let hashes = self.leaf_hashes(index, index.saturating_add(1))?;
        hashes.first().copied().ok_or(LedgerError::OutOfRange {
            asked: index,
            size: self.size(),
        })
    }

    /// Leaf hashes of `from..to`, which lie in one tile.
    pub(crate) fn leaf_hashes(&self, from: u64, to: u64) -> Result<Vec<Digest>, LedgerError> {
        if to > self.size() {
            return Err(LedgerError::OutOfRange {
                asked: to - 1,
                size: self.size(),
            });
        }
        if let Some(hashes) = self.state.levels.hashes(0, from, to) {
            return Ok(hashes.to_vec());
        }
        let mut hashes = self.hashes(0, from / WIDTH, WIDTH)?;
        hashes.truncate(usize::try_from(to - from / WIDTH * WIDTH).unwrap_or(usize::MAX));
        hashes.drain(..usize::try_from(from % WIDTH).unwrap_or(0).min(hashes.len()));
        Ok(hashes)
    }

    /// The first `width` hashes of a tile that the tree has.
    pub(crate) fn hashes(
        &self,
        level: u8,
        index: u64,
        width: u64,
    ) -> Result<Vec<Digest>, LedgerError> {
        let first = index.saturating_mul(WIDTH);
        if first.saturating_add(width) > hashes_at(level, self.size()) {
            return Err(LedgerError::OutOfRange {
                asked: first,
                size: self.size(),
            });
        }
        if let Some(hashes) = self.state.levels.hashes(level, first, first + width) {
            return Ok(hashes.to_vec());
        }
        let mut hashes = self.stored_hashes(level, index)?;
        hashes.truncate(usize::try_from(width).unwrap_or(usize::MAX));
        Ok(hashes)
    }

    /// The hashes of the full tile that lies in the store.
    pub(crate) fn stored_hashes(&self, level: u8, index: u64) -> Result<Vec<Digest>, LedgerError> {
        let name = names::tile(level, index);
        let bytes = self.objects.get(&name)?.ok_or_else(|| missing(&name))?;
        let hashes = tile_hashes(&bytes).filter(|hashes| hashes.len() as u64 == WIDTH);
        hashes.ok_or_else(|| {
            LedgerError::corrupt(
                &name,
                format!("it has {} bytes and should have 8192", bytes.len()),
            )
        })
    }

    /// A tile as tlog-tiles serves it, full or partial, of any size that the tree has had.
    ///
    /// # Errors
    /// [`LedgerError::OutOfRange`] if the tree never had such a tile; [`LedgerError::Corrupt`] if it is missing or
    /// has another length.
    pub fn tile(&self, tile: TileId) -> Result<Vec<u8>, LedgerError> {
        let hashes = self.hashes(
            tile.level,
            tile.index,
            u64::from(tile.width.min(FULL_WIDTH)),
        )?;
        Ok(hashes.iter().flat_map(|hash| hash.0).collect())
    }

    /// An entry bundle as tlog-tiles serves it: the first `width` entries of bundle `index`, each after its length.
    ///
    /// # Errors
    /// As [`Tree::tile`].
    pub fn entries(&self, index: u64, width: u16) -> Result<Vec<u8>, LedgerError> {
        let first = index.saturating_mul(WIDTH);
        let to = first.saturating_add(u64::from(width.min(FULL_WIDTH)));
        if width == 0 || to > self.size() {
            return Err(LedgerError::OutOfRange {
                asked: to,
                size: self.size(),
            });
        }
        if let Some(batch) = self.edge_batch(first, to)? {
            return Ok(batch.entries);
        }
        let (mut bytes, spans) = self.entry_bundle(index)?;
        let end = spans.get(usize::from(width) - 1).map_or(0, |span| span.end);
        bytes.truncate(end);
        Ok(bytes)
    }

    fn entry_bundle(&self, bundle: u64) -> Result<(Vec<u8>, Vec<Range<usize>>), LedgerError> {
        let name = names::entries(bundle);
        let bytes = self.objects.get(&name)?.ok_or_else(|| missing(&name))?;
        let spans = entry_spans(&bytes, usize::from(FULL_WIDTH));
        let spans = spans.map_err(|what| LedgerError::corrupt(&name, what))?;
        Ok((bytes, spans))
    }

    /// The root of the tree when it had `size` leaves (RFC 6962 section 2.1).
    ///
    /// # Errors
    /// [`LedgerError::OutOfRange`]; [`LedgerError::Corrupt`] if a tile that is needed is damaged.
    pub fn root_at(&self, size: u64) -> Result<Digest, LedgerError> {
        self.check_size(size)?;
        if size == self.size() {
            return Ok(self.root());
        }
        frontier_from_tiles(size, |tiles| self.tiles(tiles))
            .map(|tree| tree.root())
            .map_err(proof_error)
    }

    /// The inclusion proof of leaf `index` in the tree of `size` leaves, the leaf's sibling first.
    ///
    /// # Errors
    /// As [`Tree::root_at`].
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Result<Vec<Digest>, LedgerError> {
        self.check_size(size)?;
        self.check_index(index)?;
        inclusion_proof(index, size, |tiles| self.tiles(tiles)).map_err(proof_error)
    }

    /// The consistency proof from the tree of `old` leaves to that of `new`; empty from 0 and between equal sizes.
    ///
    /// # Errors
    /// As [`Tree::root_at`].
    pub fn consistency_proof(&self, old: u64, new: u64) -> Result<Vec<Digest>, LedgerError> {
        self.check_size(new)?;
        consistency_proof(old, new, |tiles| self.tiles(tiles)).map_err(proof_error)
    }

    fn tiles(&self, tiles: &[TileId]) -> Result<Vec<Vec<u8>>, LedgerError> {
        tiles.iter().map(|tile| self.tile(*tile)).collect()
    }

    /// Events in order, one after the other, a bundle in memory at a time. The range is cut to the tree's size.
    pub fn records(
        &self,
        range: Range<u64>,
    ) -> impl Iterator<Item = Result<Stored, LedgerError>> + '_ {
        self.batches(range).flat_map(|batch| {
            let (batch, error) = match batch {
                Ok(batch) => (batch, None),
                Err(error) => (Batch::default(), Some(Err(error))),
            };
            let stored: Vec<_> = batch
                .iter()
                .map(|event| {
                    let (entry, body) = (event.entry.to_vec(), event.body.to_vec());
                    Ok(Stored {
                        index: event.index,
                        hash: event.hash,
                        entry,
                        body,
                    })
                })
                .collect();
            stored.into_iter().chain(error)
        })
    }

    /// As [`Tree::records`], a bundle or the part of one that lies in the range at a time, without copies.
    ///
    /// Every leaf hash is computed from its entry and compared with the tree's tile. After an error nothing follows.
    pub fn batches(
        &self,
        range: Range<u64>,
    ) -> impl Iterator<Item = Result<Batch, LedgerError>> + '_ {
        let end = range.end.min(self.size());
        let mut next = range.start;
        std::iter::from_fn(move || {
            if next >= end {
                return None;
            }
            let to = end.min((next / WIDTH + 1) * WIDTH);
            let batch = self.batch(next, to);
            next = if batch.is_ok() { to } else { end };
            Some(batch)
        })
    }

    /// Events `from..to`, which lie in one bundle.
    fn batch(&self, from: u64, to: u64) -> Result<Batch, LedgerError> {
        if let Some(batch) = self.edge_batch(from, to)? {
            return Ok(batch);
        }
        let bundle = from / WIDTH;
        let (entries, entry_spans) = self.entry_bundle(bundle)?;
        let name = names::body(bundle);
        let bodies = self.objects.get(&name)?.ok_or_else(|| missing(&name))?;
        let body_spans = body_spans(&bodies, bundle * WIDTH)
            .map_err(|what| LedgerError::corrupt(&name, what))?;
        if body_spans.last().is_none_or(|span| span.end > bodies.len()) {
            return Err(LedgerError::corrupt(&name, "the body bundle is cut short"));
        }
        let hashes = self.leaf_hashes(from, to)?;
        let within = place(from).1..place(from).1 + hashes.len();
        let cut = |spans: Vec<Range<usize>>| {
            spans
                .get(within.clone())
                .map(<[_]>::to_vec)
                .unwrap_or_default()
        };
        let batch = Batch {
            first: from,
            entry_spans: cut(entry_spans),
            body_spans: cut(body_spans),
            entries,
            bodies,
            hashes,
        };
        let wrong = batch
            .iter()
            .find(|event| leaf_hash(event.entry) != event.hash)
            .map(|event| event.index);
        match wrong {
            Some(index) => Err(disagree(names::entries(bundle), bundle, index)),
            None => Ok(batch),
        }
    }

    fn check_index(&self, index: u64) -> Result<(), LedgerError> {
        let size = self.size();
        if index < size {
            Ok(())
        } else {
            Err(LedgerError::OutOfRange { asked: index, size })
        }
    }

    pub(crate) fn check_size(&self, asked: u64) -> Result<(), LedgerError> {
        let size = self.size();
        if asked <= size {
            Ok(())
        } else {
            Err(LedgerError::OutOfRange { asked, size })
        }
    }
}

fn place(index: u64) -> (u64, usize) {
    (index / WIDTH, usize::try_from(index % WIDTH).unwrap_or(0))
}

pub(crate) fn missing(name: &str) -> LedgerError {
    LedgerError::corrupt(name, "it is missing")
}

fn disagree(entries: String, bundle: u64, index: u64) -> LedgerError {
    let tile = names::tile(0, bundle);
    LedgerError::corrupt(
        entries,
        format!("its entry {index} has another hash than {tile} says: one of the two was altered"),
    )
}

fn proof_error(error: TileProofError<LedgerError>) -> LedgerError {
    match error {
        TileProofError::Read(error) => error,
        other => LedgerError::Unfit {
            what: other.to_string(),
        },
    }
}
