//! The tiles above level 0, from the top down and, where that is broken, from below.

use std::collections::HashMap;
use std::sync::OnceLock;

use comity_core::digest::Digest;
use comity_core::merkle::{Frontier, full_subtree_root};
use comity_core::tile::{hashes_at, tile_hashes};
use comity_store::Objects;

use super::Findings;
use crate::error::LedgerError;
use crate::levels::{Levels, WIDTH, unfinished_start, upper_levels};
use crate::names;

/// For each level from 1 all hashes of the tree at the edge's first event; `None` where none can be believed.
pub(super) struct Lists {
    first: u64,
    levels: Vec<Vec<Option<Digest>>>,
    /// Level and index of the tiles that were found wrong.
    wrong: Vec<(u8, u64)>,
    /// The level-0 tiles by their roots, to tell swapped ones.
    by_root: OnceLock<HashMap<Digest, u64>>,
}

impl Lists {
    /// Reads the full tiles from the highest level down to 1. `upper` are the unfinished tiles in the edge's head,
    /// if it is believed.
    pub(super) fn from_top(
        objects: &Objects,
        first: u64,
        upper: Option<&[Vec<Digest>]>,
        findings: &Findings,
    ) -> Result<Lists, LedgerError> {
        let top = upper_levels(first);
        let mut lists = Lists {
            first,
            levels: vec![Vec::new(); top],
            wrong: Vec::new(),
            by_root: OnceLock::new(),
        };
        for level in (1..=top as u8).rev() {
            let mut hashes = Vec::new();
            for index in 0..hashes_at(level + 1, first) {
                match tile(objects, level, index, findings)? {
                    Some(tile) if lists.authenticates(level, index, &tile, findings) => {
                        hashes.extend(tile.into_iter().map(Some));
                    }
                    _ => {
                        lists.wrong.push((level, index));
                        hashes.extend([None; WIDTH as usize]);
                    }
                }
            }
            let count = usize::try_from(hashes_at(level, first)).unwrap_or(usize::MAX);
            match upper.and_then(|upper| upper.get(usize::from(level) - 1)) {
                Some(partial) => hashes.extend(partial.iter().copied().map(Some)),
                None => hashes.resize(count, None),
            }
            lists.levels[usize::from(level) - 1] = hashes;
        }
        Ok(lists)
    }

    fn authenticates(&self, level: u8, index: u64, tile: &[Digest], findings: &Findings) -> bool {
        let root = full_subtree_root(tile);
        match self.hash(level + 1, index) {
            Some(expected) if root != Some(expected) => {
                let above = self.name_above(level, index);
                let what =
                    format!("its root is not the one that {above} has for it: it was altered");
                findings.add(names::tile(level, index), what);
                false
            }
            _ => true,
        }
    }

    /// How many full bundles and level-0 tiles there should be.
    pub(super) fn bundles(&self) -> u64 {
        self.first / WIDTH
    }

    /// The hash at `index` of `level`, which is at least 1.
    pub(super) fn hash(&self, level: u8, index: u64) -> Option<Digest> {
        let list = self.levels.get(usize::from(level).checked_sub(1)?)?;
        list.get(usize::try_from(index).ok()?).copied().flatten()
    }

    /// The file that holds the root of a tile.
    pub(super) fn name_above(&self, level: u8, index: u64) -> String {
        let parent = index / WIDTH;
        if parent < hashes_at(level + 2, self.first) {
            names::tile(level + 1, parent)
        } else {
            names::EDGE.to_owned()
        }
    }

    /// The level-0 tile that has this root.
    pub(super) fn tile_with_root(&self, root: &Digest) -> Option<u64> {
        let by_root = self.by_root.get_or_init(|| {
            let level = self.levels.first().into_iter().flatten();
            level
                .zip(0..)
                .filter_map(|(hash, index)| Some(((*hash)?, index)))
                .collect()
        });
        by_root.get(root).copied()
    }

    /// Fills what is not known with what the level below gives, beginning with the roots of the level-0 tiles, and
    /// holds it against what is known above.
    pub(super) fn fill_from_below(&mut self, roots: Vec<Option<Digest>>, findings: &Findings) {
        let mut below = roots;
        for level in 1..=self.levels.len() as u8 {
            let list = &mut self.levels[usize::from(level) - 1];
            for (hash, computed) in list.iter_mut().zip(&below) {
                *hash = hash.or(*computed);
            }
            let (tiles, _) = list.as_chunks::<{ WIDTH as usize }>();
            below = tiles.iter().map(|tile| root_of(tile)).collect();
            for (computed, index) in below.iter().zip(0..) {
                let expected = self.hash(level + 1, index);
                if self.wrong.contains(&(level, index))
                    && let (Some(computed), Some(expected)) = (computed, expected)
                    && *computed != expected
                {
                    let leaves = WIDTH.saturating_pow(u32::from(level) + 1);
                    let (from, to) = (index * leaves, (index + 1) * leaves - 1);
                    let what = format!(
                        "events {from} to {to} do not give the hash that {} has for them: some were replaced together \
                         with their tiles",
                        self.name_above(level, index)
                    );
                    findings.add(names::tile(level, index), what);
                }
            }
        }
    }

    /// The state of the tree at the edge's first event, from the tiles alone; `None` if some are not known.
    pub(super) fn levels_of_edge(&self) -> Option<Levels> {
        let upper: Option<Vec<Vec<Digest>>> = (1..)
            .zip(&self.levels)
            .map(|(level, list)| {
                let start = usize::try_from(unfinished_start(level, self.first)).ok()?;
                list.get(start..)?.iter().copied().collect()
            })
            .collect();
        Levels::restore(self.first, &upper?)
    }

    /// The root at `size`, which is before the edge; `None` if hashes are not known.
    pub(super) fn root_at(
        &self,
        objects: &Objects,
        size: u64,
    ) -> Result<Option<Digest>, LedgerError> {
        let mut frontier = Frontier::new();
        for level in (1..=self.levels.len() as u8).rev() {
            for index in unfinished_start(level, size)..hashes_at(level, size) {
                let Some(hash) = self.hash(level, index) else {
                    return Ok(None);
                };
                frontier.push_subtree(hash, level * 8);
            }
        }
        let rest = usize::try_from(size % WIDTH).unwrap_or(0);
        if rest > 0 {
            let leaves = objects
                .get(&names::tile(0, size / WIDTH))?
                .and_then(|bytes| tile_hashes(&bytes));
            let Some(leaves) = leaves.filter(|leaves| leaves.len() as u64 == WIDTH) else {
                return Ok(None);
            };
            leaves
                .iter()
                .take(rest)
                .for_each(|leaf| frontier.push(*leaf));
        }
        Ok((frontier.size() == size).then(|| frontier.root()))
    }
}

/// A full tile's hashes; its absence or wrong length is a finding.
pub(super) fn tile(
    objects: &Objects,
    level: u8,
    index: u64,
    findings: &Findings,
) -> Result<Option<Vec<Digest>>, LedgerError> {
    let name = names::tile(level, index);
    let Some(bytes) = objects.get(&name)? else {
        findings.add(name, "it is missing");
        return Ok(None);
    };
    let hashes = tile_hashes(&bytes).filter(|hashes| hashes.len() as u64 == WIDTH);
    if hashes.is_none() {
        findings.add(
            name,
            format!(
                "it has {} bytes and should have {}",
                bytes.len(),
                WIDTH * 32
            ),
        );
    }
    Ok(hashes)
}

fn root_of(tile: &[Option<Digest>]) -> Option<Digest> {
    let hashes: Option<Vec<Digest>> = tile.iter().copied().collect();
    full_subtree_root(&hashes?)
}
