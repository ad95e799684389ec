//! Roots and proofs from tiles.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::{Frontier, ProofError, full_subtree_root, node_hash};
use crate::digest::Digest;
use crate::tile::{FULL_WIDTH, TileId, tile_hashes};

/// Why a proof could not be made from tiles.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TileProofError<E> {
    /// No such proof exists.
    #[error("{0}")]
    Proof(ProofError),
    /// The reader failed.
    #[error("{0}")]
    Read(E),
    /// The reader gave a tile of another length.
    #[error("{path} has {found} bytes instead of {expected}")]
    TileLength {
        /// The tile's path.
        path: String,
        /// How many bytes the reader gave.
        found: usize,
        /// How many the tile has.
        expected: usize,
    },
    /// The reader gave fewer or more tiles than it was asked for.
    #[error("asked for {expected} tiles and got {found}")]
    TileCount {
        /// How many the reader gave.
        found: usize,
        /// How many it was asked for.
        expected: usize,
    },
}

/// The inclusion proof of leaf `index` in the tree of `size` leaves (RFC 9162 section 2.1.3.1).
///
/// `read` is called once, with every tile that is needed, and returns their bytes in the same
/// order. A tile's width is that of the tree of `size` leaves: a reader whose tree has grown since
/// gives the first `width` hashes of its wider tile.
///
/// # Errors
/// An index outside the tree; what `read` reports; tiles of the wrong number or length.
pub fn inclusion_proof<E>(
    index: u64,
    size: u64,
    read: impl FnOnce(&[TileId]) -> Result<Vec<Vec<u8>>, E>,
) -> Result<Vec<Digest>, TileProofError<E>> {
    if index >= size {
        return Err(TileProofError::Proof(ProofError::OutOfTree { index, size }));
    }
    let (mut low, mut high) = (0, size);
    let mut siblings = Vec::new();
    while high - low > 1 {
        let middle = low + split(high - low);
        if index < middle {
            siblings.push(middle..high);
            high = middle;
        } else {
            siblings.push(low..middle);
            low = middle;
        }
    }
    siblings.reverse();
    roots(&siblings, size, read)
}

/// The consistency proof from the tree of `old_size` leaves to that of `new_size` (RFC 9162
/// section 2.1.4.1); empty from size 0 and between equal sizes. `read` is as for
/// [`inclusion_proof`], with the widths of the tree of `new_size` leaves.
///
/// # Errors
/// A tree that shrinks; what `read` reports; tiles of the wrong number or length.
pub fn consistency_proof<E>(
    old_size: u64,
    new_size: u64,
    read: impl FnOnce(&[TileId]) -> Result<Vec<Vec<u8>>, E>,
) -> Result<Vec<Digest>, TileProofError<E>> {
    if old_size > new_size {
        return Err(TileProofError::Proof(ProofError::Shrinks {
            old: old_size,
            new: new_size,
        }));
    }
    if old_size == 0 || old_size == new_size {
        return Ok(Vec::new());
    }
    let (mut low, mut high) = (0, new_size);
    let mut parts = Vec::new();
    while high != old_size {
        let middle = low + split(high - low);
        if old_size <= middle {
            parts.push(middle..high);
            high = middle;
        } else {
            parts.push(low..middle);
            low = middle;
        }
    }
    if low > 0 {
        parts.push(low..high);
    }
    parts.reverse();
    roots(&parts, new_size, read)
}

/// The frontier of the tree of `size` leaves, from its tiles: what is needed to tell its root and
/// to go on. `read` is as for [`inclusion_proof`].
///
/// # Errors
/// What `read` reports; tiles of the wrong number or length.
pub fn frontier_from_tiles<E>(
    size: u64,
    read: impl FnOnce(&[TileId]) -> Result<Vec<Vec<u8>>, E>,
) -> Result<Frontier, TileProofError<E>> {
    let subtrees: Vec<_> = full_subtrees(0..size)
        .map(|subtree| subtree.leaves())
        .collect();
    let roots = roots(&subtrees, size, read)?;
    Ok(Frontier::from_subtrees(size, roots).unwrap_or_default())
}

/// The largest power of two that is smaller than `leaves`, which is at least 2.
fn split(leaves: u64) -> u64 {
    1 << (u64::BITS - 1 - (leaves - 1).leading_zeros())
}

/// A full subtree: leaves `index << height` to `(index + 1) << height`.
#[derive(Clone, Copy)]
struct Subtree {
    height: u32,
    index: u64,
}

impl Subtree {
    fn leaves(self) -> Range<u64> {
        let first = self.index << self.height;
        first..first + (1 << self.height)
    }

    /// The tile that holds the hashes nearest below its root, and where they are in it.
    fn place(self, size: u64) -> Option<(TileId, Range<usize>)> {
        let level = (self.height / 8) as u8;
        let hashes = 1_u64 << (self.height % 8);
        let first = self.index * hashes;
        let tile = TileId::in_tree(level, first / u64::from(FULL_WIDTH), size)?;
        let offset = (first % u64::from(FULL_WIDTH)) as usize;
        Some((tile, offset..offset + hashes as usize))
    }
}

/// The full subtrees that make up a range of leaves, the first leaf's first.
fn full_subtrees(leaves: Range<u64>) -> impl Iterator<Item = Subtree> {
    let mut low = leaves.start;
    std::iter::from_fn(move || {
        let left = leaves.end - low;
        let largest = left.checked_ilog2()?;
        let height = if low == 0 {
            largest
        } else {
            largest.min(low.trailing_zeros())
        };
        let subtree = Subtree {
            height,
            index: low >> height,
        };
        low += 1 << height;
        Some(subtree)
    })
}

/// The roots of ranges of leaves, each of which is a node of some RFC 6962 tree.
fn roots<E>(
    ranges: &[Range<u64>],
    size: u64,
    read: impl FnOnce(&[TileId]) -> Result<Vec<Vec<u8>>, E>,
) -> Result<Vec<Digest>, TileProofError<E>> {
    let places = |range: &Range<u64>| {
        full_subtrees(range.clone()).filter_map(move |subtree| subtree.place(size))
    };
    let needed: BTreeSet<TileId> = ranges
        .iter()
        .flat_map(places)
        .map(|(tile, _)| tile)
        .collect();
    let needed: Vec<TileId> = needed.into_iter().collect();
    let tiles = read_tiles(&needed, read)?;
    let mut roots = Vec::with_capacity(ranges.len());
    for range in ranges {
        let mut subtrees = Vec::new();
        for (tile, hashes) in places(range) {
            let hashes = tiles.get(&tile).and_then(|tile| tile.get(hashes));
            subtrees.extend(hashes.and_then(full_subtree_root));
        }
        let root = subtrees
            .into_iter()
            .rev()
            .reduce(|right, left| node_hash(&left, &right));
        roots.extend(root);
    }
    Ok(roots)
}

fn read_tiles<E>(
    needed: &[TileId],
    read: impl FnOnce(&[TileId]) -> Result<Vec<Vec<u8>>, E>,
) -> Result<BTreeMap<TileId, Vec<Digest>>, TileProofError<E>> {
    if needed.is_empty() {
        return Ok(BTreeMap::new());
    }
    let read = read(needed).map_err(TileProofError::Read)?;
    if read.len() != needed.len() {
        let (found, expected) = (read.len(), needed.len());
        return Err(TileProofError::TileCount { found, expected });
    }
    let mut tiles = BTreeMap::new();
    for (tile, bytes) in needed.iter().zip(&read) {
        let hashes = tile_hashes(bytes).filter(|hashes| hashes.len() == usize::from(tile.width));
        let (path, found, expected) = (tile.path(), bytes.len(), tile.len_bytes());
        let hashes = hashes.ok_or(TileProofError::TileLength {
            path,
            found,
            expected,
        })?;
        tiles.insert(*tile, hashes);
    }
    Ok(tiles)
}
