//! The tree as C2SP tlog-tiles lays it out, for any standard reader.

use std::path::Path;

use comity_core::digest::Digest;
use comity_core::leaf::leaf_hash;
use comity_core::merkle::full_subtree_root;
use comity_core::tile::{FULL_WIDTH, MAX_LEVEL, TileId, entries_path, hashes_at};
use comity_store::Objects;

use crate::bundle::entry_spans;
use crate::checkpoint::Published;
use crate::error::LedgerError;
use crate::levels::WIDTH;
use crate::names;
use crate::tree::Tree;

/// Bytes gathered before they are written behind one durability barrier.
const BATCH_BYTES: usize = 16 << 20;

struct Export<'a> {
    tree: &'a Tree,
    target: Objects,
    waiting: Vec<(String, Vec<u8>)>,
    bytes: usize,
}

impl Tree {
    /// Writes the tree of the checkpoint `note` and the log's `keys` file into `folder`: tiles and entry bundles,
    /// full and partial, then `keys`, and `checkpoint` last.
    ///
    /// What is exported is verified: each entry against its tile, each tile against the one above, the rest against
    /// the checkpoint's root. Files that are there already with the right bytes are left alone, so an export that
    /// was interrupted goes on where it was, and one into the folder of an earlier one adds what is new. `progress`
    /// is told the number of leaves that are done, and of all.
    ///
    /// # Errors
    /// [`LedgerError::Unfit`] if the note is no checkpoint of this tree; [`LedgerError::Corrupt`] if a file of the
    /// ledger does not verify.
    pub fn export(
        &self,
        folder: &Path,
        note: &[u8],
        keys: &[u8],
        progress: &dyn Fn(u64, u64),
    ) -> Result<(), LedgerError> {
        let checkpoint = Published::parse(note).map_err(|what| LedgerError::Unfit { what })?;
        let size = checkpoint.size;
        self.check_size(size)?;
        if self.root_at(size)? != checkpoint.root {
            let what = format!("its root is not that of the first {size} events of this ledger");
            return Err(LedgerError::Unfit { what });
        }
        let target = Objects::local(folder.to_owned(), self.objects.disk().clone())?;
        let mut export = Export {
            tree: self,
            target,
            waiting: Vec::new(),
            bytes: 0,
        };
        for level in (1..=MAX_LEVEL).rev() {
            for index in 0..hashes_at(level, size).div_ceil(WIDTH) {
                if let Some(tile) = TileId::in_tree(level, index, size) {
                    export.tile(tile)?;
                }
            }
        }
        for index in 0..size.div_ceil(WIDTH) {
            if let Some(tile) = TileId::in_tree(0, index, size) {
                let hashes = export.tile(tile)?;
                export.entries(tile, &hashes)?;
                progress(index * WIDTH + u64::from(tile.width), size);
            }
        }
        export.flush()?;
        export.target.put("keys", keys)?;
        export.target.put("checkpoint", note)?;
        // The store's workplace is not part of the tree; it stays if another export is at work in it.
        drop(export);
        let _ = std::fs::remove_dir(folder.join("tmp"));
        Ok(())
    }
}

impl Export<'_> {
    fn tile(&mut self, tile: TileId) -> Result<Vec<Digest>, LedgerError> {
        let hashes = self
            .tree
            .hashes(tile.level, tile.index, u64::from(tile.width))?;
        // A partial tile was verified with the root. A full one has a parent, unless it has no place for one.
        if tile.is_full() {
            let above =
                self.tree
                    .hashes(tile.level + 1, tile.index / WIDTH, tile.index % WIDTH + 1)?;
            if full_subtree_root(&hashes).as_ref() != above.last() {
                let parent = TileId {
                    level: tile.level + 1,
                    index: tile.index / WIDTH,
                    width: FULL_WIDTH,
                };
                let what = format!("its root is not the one that {} has for it", parent.path());
                return Err(LedgerError::corrupt(
                    names::tile(tile.level, tile.index),
                    what,
                ));
            }
        }
        self.put(tile.path(), hashes.iter().flat_map(|hash| hash.0).collect())?;
        Ok(hashes)
    }

    fn entries(&mut self, tile: TileId, hashes: &[Digest]) -> Result<(), LedgerError> {
        let name = names::entries(tile.index);
        let bytes = self.tree.entries(tile.index, tile.width)?;
        let spans = entry_spans(&bytes, usize::from(tile.width));
        let spans = spans.map_err(|what| LedgerError::corrupt(&name, what))?;
        for ((span, hash), index) in spans.into_iter().zip(hashes).zip(tile.index * WIDTH..) {
            if leaf_hash(&bytes[span]) != *hash {
                let what = format!("its entry {index} has another hash than the tree");
                return Err(LedgerError::corrupt(name, what));
            }
        }
        self.put(entries_path(tile.index, tile.width), bytes)
    }

    fn put(&mut self, name: String, bytes: Vec<u8>) -> Result<(), LedgerError> {
        let there = self.target.size(&name)? == Some(bytes.len() as u64)
            && self.target.get(&name)?.as_ref() == Some(&bytes);
        if there {
            return Ok(());
        }
        self.bytes += bytes.len();
        self.waiting.push((name, bytes));
        if self.bytes >= BATCH_BYTES {
            self.flush()
        } else {
            Ok(())
        }
    }

    fn flush(&mut self) -> Result<(), LedgerError> {
        self.bytes = 0;
        if !self.waiting.is_empty() {
            self.target.put_many(std::mem::take(&mut self.waiting))?;
        }
        Ok(())
    }
}
