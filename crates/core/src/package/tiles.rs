//! Which tiles of the log go into a package or receipt, and what is read of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Read as _};

use crate::digest::Digest;
use crate::merkle::full_subtree_root;
use crate::tile::{FULL_WIDTH, MAX_LEVEL, TileId, TreeTiles, hashes_at, tile_hashes};

use super::event::{CheckedEvent, EventLine};
use super::report::Findings;
use super::source::{Source, find, under};

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

/// How many tiles of leaf hashes are held at a time.
const HELD_TILES: usize = 1024;

/// The tiles of a package or receipt. Full tiles of leaf hashes, which grow with the number of
/// events, are read when they are needed, and held against the tile above each time.
pub(crate) struct LeafTiles<'a> {
    source: &'a dyn Source,
    folder: &'a str,
    /// All other tiles.
    tree: TreeTiles,
    held: HashMap<u64, Vec<Digest>>,
}

impl<'a> LeafTiles<'a> {
    /// Holds all tiles below `folder` (with its slash) against the tree.
    pub(crate) fn load(
        source: &'a dyn Source,
        folder: &'a str,
        size: u64,
        root: &Digest,
        findings: &mut Findings,
    ) -> LeafTiles<'a> {
        let mut tiles = BTreeMap::new();
        let mut of_leaves = Vec::new();
        for (file, name) in under(source, folder) {
            let path = name.strip_prefix(folder);
            let Some(path) = path.filter(|path| path.starts_with("tile/")) else {
                continue;
            };
            let Some(tile) = TileId::parse_path(path) else {
                findings.add(name, "is not the name of a tile");
                continue;
            };
            if TileId::in_tree(tile.level, tile.index, size) != Some(tile) {
                findings.add(name, format!("does not belong to a tree of {size} leaves"));
            } else if tile.level == 0 && tile.is_full() {
                of_leaves.push(tile);
            } else {
                match read_tile(source, file, tile) {
                    Ok(bytes) => drop(tiles.insert(tile, bytes)),
                    Err(error) => findings.add(name, format!("cannot be read: {error}")),
                }
            }
        }
        let (tree, errors) = TreeTiles::authenticate(size, root, tiles);
        for error in errors {
            let finding = error.to_finding();
            findings.add(format!("{folder}{}", finding.place), finding.what);
        }
        let tiles = LeafTiles {
            source,
            folder,
            tree,
            held: HashMap::new(),
        };
        for tile in of_leaves {
            if let Err(what) = tiles.read_full(tile) {
                findings.add(format!("{folder}{}", tile.path()), what);
            }
        }
        tiles
    }

    /// Whether the leaf hash `leaf` stands at `index`.
    ///
    /// # Errors
    /// A sentence: the index is outside the tree; the tile is missing or wrong.
    pub(crate) fn contains(&mut self, index: u64, leaf: &Digest) -> Result<bool, String> {
        let tile = TileId::in_tree(0, index / u64::from(FULL_WIDTH), self.tree.size());
        let Some(tile) = tile.filter(TileId::is_full) else {
            return self
                .tree
                .contains(index, leaf)
                .map_err(|error| error.to_string());
        };
        if !self.held.contains_key(&tile.index) {
            let hashes = self
                .read_full(tile)
                .map_err(|what| format!("the file {} {what}", tile.path()))?;
            if self.held.len() >= HELD_TILES {
                self.held.clear();
            }
            self.held.insert(tile.index, hashes);
        }
        let held = self.held.get(&tile.index);
        let found = held.and_then(|hashes| hashes.get((index % u64::from(FULL_WIDTH)) as usize));
        Ok(found == Some(leaf))
    }

    fn read_full(&self, tile: TileId) -> Result<Vec<Digest>, String> {
        let file = find(self.source, &format!("{}{}", self.folder, tile.path()));
        let bytes = read_tile(self.source, file.ok_or("is missing")?, tile)
            .map_err(|error| format!("cannot be read: {error}"))?;
        let hashes = tile_hashes(&bytes).filter(|hashes| hashes.len() == usize::from(FULL_WIDTH));
        let hashes =
            hashes.ok_or_else(|| format!("has not the {} bytes of a tile", tile.len_bytes()))?;
        match self.tree.hash_at(1, tile.index) {
            None => Err("cannot be checked: the tile above is missing or wrong".to_owned()),
            Some(root) if full_subtree_root(&hashes).as_ref() == Some(root) => Ok(hashes),
            Some(_) => {
                Err("was altered: its root is not the one that the tile above has".to_owned())
            }
        }
    }
}

/// Checks an event that stands in a file of its own, `name`: its body, its leaf, and its place in the log.
pub(crate) fn stands(
    event: &EventLine<'_>,
    name: &str,
    tiles: Option<&mut LeafTiles<'_>>,
    leaf_tiles: &mut BTreeSet<u64>,
    findings: &mut Findings,
) -> Option<CheckedEvent> {
    let checked = event
        .check()
        .map_err(|error| findings.add(name, error))
        .ok()?;
    leaf_tiles.insert(checked.index / u64::from(FULL_WIDTH));
    match tiles.map(|tiles| tiles.contains(checked.index, &checked.hash)) {
        None | Some(Ok(true)) => {}
        Some(Ok(false)) => findings.add(
            name,
            format!(
                "its leaf is not the one that the log has at index {}",
                checked.index
            ),
        ),
        Some(Err(error)) => findings.add(
            name,
            format!("its place in the log cannot be shown: {error}"),
        ),
    }
    Some(checked)
}

/// The bytes of a tile, and at most one more.
fn read_tile(source: &dyn Source, file: usize, tile: TileId) -> io::Result<Vec<u8>> {
    let limit = tile.len_bytes() as u64 + 1;
    let mut bytes = Vec::with_capacity(tile.len_bytes());
    source.read(file, &mut |reader| {
        bytes.clear();
        reader.take(limit).read_to_end(&mut bytes).map(|_| ())
    })?;
    Ok(bytes)
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
    for (_, name) in under(source, folder) {
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
