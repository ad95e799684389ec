//! Where an audit reads the log: an exported tree, the same over HTTP, or a centre's folder.

use std::path::{Path, PathBuf};

use comity_core::Digest;
use comity_core::checkpoint::{LogKeys, SignedCheckpoint};
use comity_core::merkle;
use comity_core::tile::TileId;
use comity_ledger::Tree;
use comity_store::Disk;
use comity_witness::Client;

use crate::centre::{Config, config};
use crate::error::{AppError, Result};

/// A log to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A tlog-tiles tree in a folder.
    Tree(PathBuf),
    /// A tlog-tiles tree under a URL.
    Url(String),
    /// A centre; no passphrase is needed.
    Centre(PathBuf),
}

impl Source {
    /// What a person named: a URL, or a folder that holds a centre or an exported tree.
    pub fn of(given: &str) -> Source {
        if given.starts_with("http://") || given.starts_with("https://") {
            return Source::Url(given.trim_end_matches('/').to_owned());
        }
        let path = PathBuf::from(given);
        match path.join(config::FILE).exists() {
            true => Source::Centre(path),
            false => Source::Tree(path),
        }
    }

    pub(super) fn open<'a>(&self, keys: &LogKeys, client: &'a Client) -> Result<Shown<'a>> {
        let tiles = match self {
            Source::Tree(path) => Tiles::Folder(path.clone()),
            Source::Url(url) => Tiles::Url(url.clone(), client),
            Source::Centre(path) => {
                let disk = Disk::real();
                let objects = Config::read(path, &disk)?.open_objects(path, &disk)?;
                Tiles::Centre(Box::new(Tree::open_read_only(objects)?))
            }
        };
        let note = match &tiles {
            Tiles::Centre(tree) => tree.published().map(<[u8]>::to_vec).unwrap_or_default(),
            other => other.read("checkpoint")?,
        };
        let checkpoint = SignedCheckpoint::parse(&note)
            .and_then(|c| c.verify(keys))
            .map_err(|e| AppError::damaged("its checkpoint", e.to_string()))?;
        Ok(Shown { tiles, checkpoint })
    }
}

enum Tiles<'a> {
    Folder(PathBuf),
    Url(String, &'a Client),
    Centre(Box<Tree>),
}

/// The log as it is shown now.
pub(super) struct Shown<'a> {
    tiles: Tiles<'a>,
    checkpoint: SignedCheckpoint,
}

impl Shown<'_> {
    pub(super) fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// The root that this tree has at an earlier size, and the proof that it has. The proof is held against the signed
    /// root: tiles that do not fit it accuse nobody.
    pub(super) fn root_and_proof(&self, size: u64) -> Result<(Digest, Vec<Digest>)> {
        let now = self.checkpoint.size();
        let (root, proof) = match &self.tiles {
            Tiles::Centre(tree) => (tree.root_at(size)?, tree.consistency_proof(size, now)?),
            tiles => {
                let read = |ids: &[TileId]| tiles.read_all(ids, now);
                let broken = |e: String| AppError::damaged("the log's tiles", e);
                let frontier =
                    merkle::frontier_from_tiles(size, read).map_err(|e| broken(e.to_string()))?;
                let proof = merkle::consistency_proof(size, now, read)
                    .map_err(|e| broken(e.to_string()))?;
                (frontier.root(), proof)
            }
        };
        merkle::verify_consistency(size, now, &root, self.checkpoint.root(), &proof)
            .map_err(|e| AppError::damaged("the log's tiles", e.to_string()))?;
        Ok((root, proof))
    }
}

impl Tiles<'_> {
    /// The tiles as they were in a smaller tree: the first hashes of those of the tree of `now` leaves.
    fn read_all(&self, ids: &[TileId], now: u64) -> Result<Vec<Vec<u8>>> {
        ids.iter()
            .map(|id| {
                let there = TileId::in_tree(id.level, id.index, now).unwrap_or(*id);
                let mut bytes = self.read(&there.path())?;
                bytes.truncate(id.len_bytes());
                Ok(bytes)
            })
            .collect()
    }

    fn read(&self, name: &str) -> Result<Vec<u8>> {
        let missing = || AppError::damaged(name, "it is not there");
        match self {
            Tiles::Folder(folder) => read_file(&folder.join(name)),
            Tiles::Url(url, client) => client
                .get(&format!("{url}/{name}"))
                .map_err(AppError::Refused)?
                .ok_or_else(missing),
            Tiles::Centre(_) => Err(missing()),
        }
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).map_err(|e| AppError::io(path, e))
}
