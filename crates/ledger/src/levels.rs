//! The hashes of the growing edge: for each tile level those that are in no full, durable tile yet.
//!
//! Each level keeps the hashes of its unfinished tiles and, as a binary counter, the roots of the complete
//! subtrees in the last of them. So a leaf costs one node hash on average, the root of a tile falls out when
//! its 256th hash arrives, and the root of the tree is a fold over at most eight nodes a level.

use comity_core::digest::Digest;
use comity_core::merkle::{empty_root, node_hash};
use comity_core::tile::{MAX_LEVEL, hashes_at};

/// Hashes in a full tile, events in a full bundle.
pub(crate) const WIDTH: u64 = comity_core::tile::FULL_WIDTH as u64;

/// The index of the first hash of the tile of `level` that is unfinished at `size`.
pub(crate) fn unfinished_start(level: u8, size: u64) -> u64 {
    hashes_at(level, size) / WIDTH * WIDTH
}

/// How many levels above 0 a tree of `size` leaves has hashes in.
pub(crate) fn upper_levels(size: u64) -> usize {
    (1..=MAX_LEVEL)
        .take_while(|level| hashes_at(*level, size) > 0)
        .count()
}

#[derive(Clone, Debug, Default)]
struct Level {
    /// The index, at this level, of `hashes[0]`: a multiple of 256.
    start: u64,
    hashes: Vec<Digest>,
    /// Roots of the complete subtrees of the last, unfinished tile, largest first.
    peaks: Vec<Digest>,
}

impl Level {
    fn end(&self) -> u64 {
        self.start + self.hashes.len() as u64
    }

    /// Adds a hash; gives the tile's root if that completes it.
    fn push(&mut self, hash: Digest) -> Option<Digest> {
        let mut before = self.end() % WIDTH;
        let completes = before == WIDTH - 1;
        self.hashes.push(hash);
        let mut node = hash;
        while before & 1 == 1 {
            if let Some(left) = self.peaks.pop() {
                node = node_hash(&left, &node);
            }
            before >>= 1;
        }
        if completes {
            return Some(node);
        }
        self.peaks.push(node);
        None
    }
}

/// The hashes of every level that are in no full, durable tile.
#[derive(Clone, Debug, Default)]
pub(crate) struct Levels {
    levels: Vec<Level>,
}

impl Levels {
    /// The state of a tree of `first` leaves (a multiple of 256) whose unfinished tiles of level 1 and up are
    /// `upper`. `None` if these cannot be the tiles of a tree of that size.
    pub(crate) fn restore(first: u64, upper: &[Vec<Digest>]) -> Option<Levels> {
        if !first.is_multiple_of(WIDTH) || upper.len() != upper_levels(first) {
            return None;
        }
        let mut levels = vec![Level {
            start: first,
            ..Level::default()
        }];
        for (level, hashes) in (1..).zip(upper) {
            if hashes.len() as u64 != hashes_at(level, first) % WIDTH {
                return None;
            }
            let mut state = Level {
                start: unfinished_start(level, first),
                ..Level::default()
            };
            for hash in hashes {
                state.push(*hash);
            }
            levels.push(state);
        }
        Some(Levels { levels })
    }

    /// The number of leaves.
    pub(crate) fn size(&self) -> u64 {
        self.levels.first().map_or(0, Level::end)
    }

    /// Adds a leaf.
    pub(crate) fn push(&mut self, leaf: Digest) {
        let mut carry = Some(leaf);
        let mut level = 0;
        while let Some(hash) = carry {
            if self.levels.len() == level {
                self.levels.push(Level::default());
            }
            carry = self.levels[level].push(hash);
            level += 1;
        }
    }

    /// The root (RFC 6962 section 2.1).
    pub(crate) fn root(&self) -> Digest {
        let peaks = self
            .levels
            .iter()
            .flat_map(|level| level.peaks.iter().rev());
        peaks
            .fold(None, |right, peak| Some(join(peak, right)))
            .unwrap_or_else(empty_root)
    }

    /// Hashes `from..to` of `level`, if all of them are here.
    pub(crate) fn hashes(&self, level: u8, from: u64, to: u64) -> Option<&[Digest]> {
        let state = self.levels.get(usize::from(level))?;
        let from = usize::try_from(from.checked_sub(state.start)?).ok()?;
        let to = usize::try_from(to.checked_sub(state.start)?).ok()?;
        state.hashes.get(from..to)
    }

    /// The unfinished tiles of level 1 and up at `size`, which is not before the last trim.
    pub(crate) fn upper(&self, size: u64) -> Option<Vec<Vec<Digest>>> {
        (1..=MAX_LEVEL)
            .take(upper_levels(size))
            .map(|level| {
                let (from, to) = (unfinished_start(level, size), hashes_at(level, size));
                self.hashes(level, from, to).map(<[Digest]>::to_vec)
            })
            .collect()
    }

    /// Forgets the hashes that are in full tiles at `first`.
    pub(crate) fn trim(&mut self, first: u64) {
        for (level, state) in (0..).zip(&mut self.levels) {
            let start = unfinished_start(level, first)
                .min(state.end())
                .max(state.start);
            let drop = usize::try_from(start - state.start).unwrap_or(usize::MAX);
            state.hashes.drain(..drop.min(state.hashes.len()));
            state.hashes.shrink_to_fit();
            state.start = start;
        }
    }
}

fn join(left: &Digest, right: Option<Digest>) -> Digest {
    right.map_or(*left, |right| node_hash(left, &right))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use comity_core::merkle::Frontier;

    fn leaf(n: u64) -> Digest {
        Digest::of(&n.to_be_bytes())
    }

    #[test]
    fn root_equals_the_frontier_and_survives_trim_and_restore() {
        let mut levels = Levels::default();
        let mut frontier = Frontier::new();
        for n in 0..140_000 {
            levels.push(leaf(n));
            frontier.push(leaf(n));
            if n % 977 == 0 || n % 65_536 > 65_530 {
                assert_eq!(levels.root(), frontier.root(), "at {n}");
            }
            if n % 7_919 == 0 {
                let first = levels.size() / WIDTH * WIDTH;
                let upper = levels.upper(first).unwrap();
                let rest = levels.hashes(0, first, levels.size()).unwrap().to_vec();
                levels.trim(first);
                let mut again = Levels::restore(first, &upper).unwrap();
                for hash in rest {
                    again.push(hash);
                }
                assert_eq!(again.root(), levels.root());
                levels = again;
            }
        }
        assert_eq!(levels.size(), 140_000);
    }

    #[test]
    fn restore_refuses_what_no_tree_has() {
        assert!(Levels::restore(0, &[]).is_some());
        assert!(Levels::restore(100, &[]).is_none());
        assert!(Levels::restore(256, &[]).is_none());
        assert!(Levels::restore(256, &[vec![leaf(0), leaf(1)]]).is_none());
        assert!(Levels::restore(256, &[vec![leaf(0)]]).is_some());
        assert!(Levels::restore(65_536, &[vec![]]).is_none());
        assert!(Levels::restore(65_536, &[vec![], vec![leaf(0)]]).is_some());
    }
}
