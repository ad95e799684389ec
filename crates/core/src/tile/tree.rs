//! Some tiles of a tree, held against its root, so that a leaf can be looked up in them.

use std::collections::{BTreeMap, HashMap};

use super::{FULL_WIDTH, MAX_LEVEL, TileId, hashes_at, tile_hashes, width_at};
use crate::digest::Digest;
use crate::finding::Finding;
use crate::merkle::{Frontier, full_subtree_root};

/// Tiles of one tree that were authenticated: by the root, or by a tile above that was.
///
/// The tiles need not be all of the tree's. Those at its right edge must be there, since they give
/// the root; any other needs its parent.
#[derive(Clone, Debug)]
pub struct TreeTiles {
    size: u64,
    tiles: HashMap<(u8, u64), Vec<Digest>>,
}

/// What is wrong with one tile, or missing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TileError {
    /// A tile that is needed is not there.
    #[error("the file {path} is missing")]
    Missing {
        /// The tile's path.
        path: String,
    },
    /// A tile that a tree of this size does not have.
    #[error("the file {path} does not belong to a tree of {size} leaves")]
    NotOfTree {
        /// The tile's path.
        path: String,
        /// The size of the tree.
        size: u64,
    },
    /// A tile's length does not fit its name.
    #[error("the file {path} has {found} bytes instead of {expected}")]
    Length {
        /// The tile's path.
        path: String,
        /// How many bytes it has.
        found: usize,
        /// How many its name says.
        expected: usize,
    },
    /// The tiles at the right edge give another root than the checkpoint's.
    #[error("{path} gives another root than the checkpoint's: one of these files was altered")]
    WrongRoot {
        /// The paths of the tiles, with commas between them.
        path: String,
    },
    /// A full tile's root is not the hash that the tile above has for it.
    #[error("the file {path} was altered: its root is not the one that {parent} has for it")]
    Altered {
        /// The tile's path.
        path: String,
        /// The path of the tile above it.
        parent: String,
    },
    /// A full tile cannot be checked, because the tile above is missing or wrong.
    #[error("the file {path} cannot be checked, because {parent} is missing or wrong")]
    Unchecked {
        /// The tile's path.
        path: String,
        /// The path of the tile above it.
        parent: String,
    },
    /// A leaf that the tree does not have.
    #[error("leaf {index} is not in a tree of {size} leaves")]
    OutOfTree {
        /// The index asked for.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
}

impl TileError {
    /// The finding, with the tile's path as its place.
    #[must_use]
    pub fn to_finding(&self) -> Finding {
        let place = match self {
            TileError::Missing { path }
            | TileError::NotOfTree { path, .. }
            | TileError::Length { path, .. }
            | TileError::WrongRoot { path }
            | TileError::Altered { path, .. }
            | TileError::Unchecked { path, .. } => path.clone(),
            TileError::OutOfTree { .. } => "tile".to_owned(),
        };
        Finding::new(place, self.to_string())
    }
}

impl TreeTiles {
    /// Holds `tiles` against the tree of `size` leaves with `root`: those at the right edge against
    /// the root, then every full tile against the one above it.
    ///
    /// Returns the tiles that hold, and everything that is wrong with the others. A leaf found in
    /// the result is in the tree, whatever else is wrong.
    #[must_use = "the errors say which tiles were left out"]
    pub fn authenticate(
        size: u64,
        root: &Digest,
        tiles: BTreeMap<TileId, Vec<u8>>,
    ) -> (TreeTiles, Vec<TileError>) {
        let mut errors = Vec::new();
        let mut given = BTreeMap::new();
        for (tile, bytes) in tiles {
            match check_shape(tile, &bytes, size) {
                Ok(hashes) => {
                    given.insert(tile, hashes);
                }
                Err(error) => errors.push(error),
            }
        }
        let mut tree = TreeTiles {
            size,
            tiles: HashMap::new(),
        };
        tree.add_right_edge(root, &mut given, &mut errors);
        // From the top down, so that a tile's parent is settled before the tile.
        for (tile, hashes) in given.into_iter().rev() {
            match tree.check_against_parent(tile, &hashes) {
                Ok(()) => {
                    tree.tiles.insert((tile.level, tile.index), hashes);
                }
                Err(error) => errors.push(error),
            }
        }
        (tree, errors)
    }

    /// The number of leaves in the tree.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The leaf hash at `index`.
    ///
    /// # Errors
    /// An index outside the tree; a tile that is missing or was left out.
    pub fn leaf_hash(&self, index: u64) -> Result<&Digest, TileError> {
        let width = u64::from(FULL_WIDTH);
        let Some(tile) = TileId::in_tree(0, index / width, self.size).filter(|_| index < self.size)
        else {
            return Err(TileError::OutOfTree {
                index,
                size: self.size,
            });
        };
        self.tiles
            .get(&(0, tile.index))
            .and_then(|hashes| hashes.get((index % width) as usize))
            .ok_or_else(|| TileError::Missing { path: tile.path() })
    }

    /// The hash `index` of `level`, in any authenticated tile; `None` when there is none that has
    /// it. At level 1 these are the roots of the full tiles of leaf hashes.
    #[must_use]
    pub fn hash_at(&self, level: u8, index: u64) -> Option<&Digest> {
        let width = u64::from(FULL_WIDTH);
        self.tiles
            .get(&(level, index / width))
            .and_then(|hashes| hashes.get((index % width) as usize))
    }

    /// Whether the leaf hash `leaf` stands at `index`.
    ///
    /// # Errors
    /// As [`TreeTiles::leaf_hash`].
    pub fn contains(&self, index: u64, leaf: &Digest) -> Result<bool, TileError> {
        self.leaf_hash(index).map(|found| found == leaf)
    }

    /// Takes the partial tiles out of `given` and keeps them if they give the root.
    fn add_right_edge(
        &mut self,
        root: &Digest,
        given: &mut BTreeMap<TileId, Vec<Digest>>,
        errors: &mut Vec<TileError>,
    ) {
        let mut frontier = Frontier::new();
        let mut edge = Vec::new();
        let mut whole = true;
        for level in (0..=MAX_LEVEL).rev() {
            let index = hashes_at(level, self.size) / u64::from(FULL_WIDTH);
            let width = width_at(level, self.size);
            if width == 0 {
                continue;
            }
            let tile = TileId {
                level,
                index,
                width,
            };
            let Some(hashes) = given.remove(&tile) else {
                whole = false;
                let reported = errors.iter().any(
                    |error| matches!(error, TileError::Length { path, .. } if *path == tile.path()),
                );
                if !reported {
                    errors.push(TileError::Missing { path: tile.path() });
                }
                continue;
            };
            for hash in &hashes {
                frontier.push_subtree(*hash, level * 8);
            }
            edge.push((tile, hashes));
        }
        if whole && frontier.size() == self.size && frontier.root() == *root {
            let tiles = edge
                .into_iter()
                .map(|(tile, hashes)| ((tile.level, tile.index), hashes));
            self.tiles.extend(tiles);
        } else if whole {
            let paths: Vec<String> = edge.iter().map(|(tile, _)| tile.path()).collect();
            let path = if paths.is_empty() {
                "the empty tree".to_owned()
            } else {
                paths.join(", ")
            };
            errors.push(TileError::WrongRoot { path });
        }
    }

    fn check_against_parent(&self, tile: TileId, hashes: &[Digest]) -> Result<(), TileError> {
        let width = u64::from(FULL_WIDTH);
        let path = tile.path();
        let parent = TileId::in_tree(tile.level + 1, tile.index / width, self.size);
        let Some(parent) = parent.filter(|_| tile.is_full()) else {
            return Err(TileError::NotOfTree {
                path,
                size: self.size,
            });
        };
        let expected = self
            .tiles
            .get(&(parent.level, parent.index))
            .and_then(|above| above.get((tile.index % width) as usize));
        match expected {
            None => Err(TileError::Unchecked {
                path,
                parent: parent.path(),
            }),
            Some(expected) if full_subtree_root(hashes).as_ref() == Some(expected) => Ok(()),
            Some(_) => Err(TileError::Altered {
                path,
                parent: parent.path(),
            }),
        }
    }
}

fn check_shape(tile: TileId, bytes: &[u8], size: u64) -> Result<Vec<Digest>, TileError> {
    if TileId::in_tree(tile.level, tile.index, size) != Some(tile) {
        return Err(TileError::NotOfTree {
            path: tile.path(),
            size,
        });
    }
    let hashes = tile_hashes(bytes).filter(|hashes| hashes.len() == usize::from(tile.width));
    hashes.ok_or_else(|| TileError::Length {
        path: tile.path(),
        found: bytes.len(),
        expected: tile.len_bytes(),
    })
}
