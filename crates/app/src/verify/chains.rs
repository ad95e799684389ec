//! Every chain of the ledger from 0 to its last event, without a gap and without a fork.

use std::collections::HashMap;

use comity_core::digest::Digest;
use comity_core::finding::Finding;
use comity_core::id::ChainId;
use comity_core::leaf::Leaf;
use comity_ledger::{Batch, LedgerError, Tree};

use crate::error::Result;

/// The heads of all chains so far. Sixteen bytes of a hash tell one event from another here; the
/// whole hash is compared by the tree.
#[derive(Default)]
pub struct Chains {
    heads: HashMap<ChainId, (u32, [u8; 16])>,
    /// Some events could not be read, of whichever chains.
    has_gap: bool,
}

impl Chains {
    /// Events that cannot be read stand here: a chain may go on after them further on.
    pub fn gap(&mut self) {
        self.has_gap = true;
    }

    /// Takes the next leaf of the log.
    pub fn follow(&mut self, index: u64, leaf: &Leaf, hash: &Digest) -> Option<Finding> {
        let short = |d: &Digest| {
            let mut out = [0; 16];
            out.copy_from_slice(&d.as_bytes()[..16]);
            out
        };
        let wrong = match (self.heads.get(&leaf.chain), &leaf.prev) {
            (None, None) if leaf.n == 0 => None,
            (None, Some(_)) if self.has_gap => None,
            (None, _) => Some(format!(
                "its chain {} does not begin with event 0",
                leaf.chain
            )),
            (Some(_), None) => Some(format!("its chain {} begins a second time", leaf.chain)),
            (Some((n, _)), Some(_)) if self.has_gap && leaf.n > u64::from(*n) + 1 => None,
            (Some((n, _)), Some(_)) if leaf.n != u64::from(*n) + 1 => Some(format!(
                "it is event {} of chain {} and stands after event {n}",
                leaf.n, leaf.chain
            )),
            (Some((_, head)), Some(prev)) if short(prev) != *head => Some(format!(
                "it names another event than the one before it in chain {}",
                leaf.chain
            )),
            _ => None,
        };
        self.heads.insert(
            leaf.chain,
            (u32::try_from(leaf.n).unwrap_or(u32::MAX), short(hash)),
        );
        wrong.map(|what| Finding::new(format!("event {index} of the ledger"), what))
    }
}

/// The events of the ledger, a bundle at a time. In place of one that is damaged, which the ledger's own check names,
/// stands `None`; the next one follows.
pub struct Bundles<'a> {
    tree: &'a Tree,
    next: u64,
}

/// Events in a bundle (`docs/format/ledger.md`).
const WIDTH: u64 = 256;

impl<'a> Bundles<'a> {
    /// All events of a tree.
    pub fn of(tree: &'a Tree) -> Bundles<'a> {
        Bundles { tree, next: 0 }
    }
}

impl Iterator for Bundles<'_> {
    type Item = Result<Option<Batch>>;

    fn next(&mut self) -> Option<Self::Item> {
        let to = (self.next / WIDTH + 1) * WIDTH;
        let batch = self.tree.batches(self.next..to).next()?;
        self.next = to;
        Some(match batch {
            Ok(batch) => Ok(Some(batch)),
            Err(LedgerError::Corrupt { .. }) => Ok(None),
            Err(e) => Err(e.into()),
        })
    }
}
