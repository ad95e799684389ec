//! Every chain of the ledger from 0 to its last event, without a gap and without a fork.

use std::collections::HashMap;

use comity_core::digest::Digest;
use comity_core::finding::Finding;
use comity_core::id::ChainId;
use comity_core::leaf::Leaf;

/// The heads of all chains so far. Sixteen bytes of a hash tell one event from another here; the
/// whole hash is compared by the tree.
#[derive(Default)]
pub struct Chains {
    heads: HashMap<ChainId, (u32, [u8; 16])>,
}

impl Chains {
    /// Takes the next leaf of the log.
    pub fn follow(&mut self, index: u64, leaf: &Leaf, hash: &Digest) -> Option<Finding> {
        let short = |d: &Digest| {
            let mut out = [0; 16];
            out.copy_from_slice(&d.as_bytes()[..16]);
            out
        };
        let wrong = match (self.heads.get(&leaf.chain), &leaf.prev) {
            (None, None) if leaf.n == 0 => None,
            (None, _) => Some(format!(
                "its chain {} does not begin with event 0",
                leaf.chain
            )),
            (Some(_), None) => Some(format!("its chain {} begins a second time", leaf.chain)),
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
