//! Which tiles of the log go into a package or receipt, and what is read of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use crate::tile::{FULL_WIDTH, MAX_LEVEL, TileId, TreeTiles, hashes_at};

use super::report::Findings;
use super::source::Source;

/// The tiles that show that the leaves `indices` are in a tree of `size` leaves: those that hold
/// the leaves, the ones above them up to the top, and every partial tile, which give the root.
///
/// Indices outside the tree are passed over. The order is by level, then index.
#[must_use]
pub fn needed_tiles(indices: &[u64], size: u64) -> Vec<TileId> {
    let leaf_tiles: BTreeSet<u64> = indices
        .iter()
        .filter(|index| **index < size)
        .map(|index| index / u64::from(FULL_WIDTH))
        .collect();
    needed_above(&leaf_tiles, size).into_iter().collect()
}

/// As [`needed_tiles`], from the indices of the level-0 tiles.
pub(crate) fn needed_above(leaf_tiles: &BTreeSet<u64>, size: u64) -> BTreeSet<TileId> {
    let mut needed = BTreeSet::new();
    for level in 0..=MAX_LEVEL {
        let edge = hashes_at(level, size) / u64::from(FULL_WIDTH);
        needed.extend(TileId::in_tree(level, edge, size));
    }
    let mut row = leaf_tiles.clone();
    for level in 0..=MAX_LEVEL {
        needed.extend(
            row.iter()
                .filter_map(|index| TileId::in_tree(level, *index, size)),
        );
        row = row
            .iter()
            .map(|index| index / u64::from(FULL_WIDTH))
            .collect();
    }
    needed
}

/// Reads all tiles below `folder` (with its slash) and holds them against the tree.
pub(crate) fn load(
    source: &dyn Source,
    folder: &str,
    size: u64,
    root: &crate::Digest,
    findings: &mut Findings,
) -> TreeTiles {
    let mut tiles = BTreeMap::new();
    for (index, name) in source.names().iter().enumerate() {
        let Some(path) = name
            .strip_prefix(folder)
            .filter(|path| path.starts_with("tile/"))
        else {
            continue;
        };
        let Some(tile) = TileId::parse_path(path) else {
            findings.add(name, "is not the name of a tile");
            continue;
        };
        if TileId::in_tree(tile.level, tile.index, size) != Some(tile) {
            findings.add(name, format!("does not belong to a tree of {size} leaves"));
            continue;
        }
        let mut bytes = Vec::with_capacity(tile.len_bytes());
        let read = source.read(index, &mut |reader| {
            bytes.clear();
            reader
                .take(tile.len_bytes() as u64 + 1)
                .read_to_end(&mut bytes)
                .map(|_| ())
        });
        match read {
            Ok(()) => {
                tiles.insert(tile, bytes);
            }
            Err(error) => findings.add(name, format!("cannot be read: {error}")),
        }
    }
    let (tree, errors) = TreeTiles::authenticate(size, root, tiles);
    for error in errors {
        let finding = error.to_finding();
        findings.add(format!("{folder}{}", finding.place), finding.what);
    }
    tree
}

/// Findings for tiles that are there and not needed.
pub(crate) fn check_none_left_over(
    source: &dyn Source,
    folder: &str,
    leaf_tiles: &BTreeSet<u64>,
    size: u64,
    findings: &mut Findings,
) {
    let needed = needed_above(leaf_tiles, size);
    for name in source.names() {
        let tile = name.strip_prefix(folder).and_then(TileId::parse_path);
        if tile.is_some_and(|tile| !needed.contains(&tile)) {
            findings.add(name, "is a tile that no event here needs");
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;

    #[test]
    fn leaves_parents_and_the_right_edge_are_needed() {
        let paths = |indices: &[u64], size| -> Vec<String> {
            needed_tiles(indices, size)
                .iter()
                .map(TileId::path)
                .collect()
        };
        assert_eq!(paths(&[], 0), [""; 0]);
        assert_eq!(paths(&[0], 1), ["tile/0/000.p/1"]);
        assert_eq!(paths(&[3], 256), ["tile/0/000", "tile/1/000.p/1"]);
        assert_eq!(
            paths(&[0, 5, 300, 69_999, 70_000], 70_000),
            [
                "tile/0/000",
                "tile/0/001",
                "tile/0/273.p/112",
                "tile/1/000",
                "tile/1/001.p/17",
                "tile/2/000.p/1"
            ]
        );
        assert_eq!(paths(&[], 65_536), ["tile/2/000.p/1"]);
        assert_eq!(
            paths(&[], 65_536 + 256),
            ["tile/1/001.p/1", "tile/2/000.p/1"]
        );
    }
}
