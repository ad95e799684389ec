//! Every chain of the ledger from 0 to its last event, without a gap and without a fork.

use comity_core::digest::Digest;
use comity_core::finding::Finding;
use comity_core::id::ChainId;
use comity_core::leaf::Leaf;
use comity_ledger::{Batch, LedgerError, Tree};

use crate::error::Result;
use crate::numbered::Numbered;

/// The heads of all chains so far. Sixteen bytes of a hash tell one event from another here; the
/// whole hash is compared by the tree.
#[derive(Default)]
pub struct Chains {
    numbers: Numbered,
    /// The last event of each chain: its place, and its hash.
    heads: Vec<(u32, [u8; 16])>,
    /// Some events could not be read, of whichever chains.
    has_gap: bool,
}

impl Chains {
    /// Events that cannot be read stand here: a chain may go on after them further on.
    pub fn gap(&mut self) {
        self.has_gap = true;
    }

    /// Which chain of the log it is, from 0.
    pub fn number(&self, chain: &ChainId) -> Option<usize> {
        self.numbers.of(&chain.0)
    }

    /// Takes the next leaf of the log.
    pub fn follow(&mut self, index: u64, leaf: &Leaf, hash: &Digest) -> Option<Finding> {
        let number = self.number(&leaf.chain);
        let head = number.and_then(|number| self.heads.get(number));
        let wrong = match (head, &leaf.prev) {
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
        let last = (u32::try_from(leaf.n).unwrap_or(u32::MAX), short(hash));
        match number.and_then(|number| self.heads.get_mut(number)) {
            Some(head) => *head = last,
            None => {
                self.numbers.add(leaf.chain.0);
                self.heads.push(last);
            }
        }
        wrong.map(|what| Finding::new(format!("event {index} of the ledger"), what))
    }
}

fn short(hash: &Digest) -> [u8; 16] {
    let mut out = [0; 16];
    out.copy_from_slice(&hash.as_bytes()[..16]);
    out
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Chain, place in it, and which leaf it names as the one before.
    type Told = (u8, u64, Option<u8>);

    /// Follows these leaves, each with a hash of its own: the places of those that are findings, and what they say.
    fn follow(leaves: &[Told], gap_before: Option<usize>) -> Vec<(usize, String)> {
        let mut chains = Chains::default();
        let mut found = Vec::new();
        for (i, (chain, n, prev)) in leaves.iter().enumerate() {
            if gap_before == Some(i) {
                chains.gap();
            }
            let leaf = Leaf {
                chain: ChainId([*chain; 16]),
                n: *n,
                prev: prev.map(|of| Digest([of; 32])),
                body: Digest([0; 32]),
            };
            let wrong = chains.follow(i as u64, &leaf, &Digest([i as u8; 32]));
            found.extend(wrong.map(|finding| (i, finding.what)));
            assert!(chains.number(&leaf.chain).is_some());
        }
        found
    }

    #[test]
    fn a_chain_without_beginning_with_a_fork_or_a_hole_is_named() {
        let whole = [(7, 0, None), (8, 0, None), (7, 1, Some(0)), (7, 2, Some(2))];
        assert_eq!(follow(&whole, None), []);
        let table: [(&[Told], &str); 5] = [
            (&[(7, 0, None), (8, 1, Some(0))], "does not begin with"),
            (&[(7, 0, None), (7, 0, None)], "begins a second time"),
            (&[(7, 0, None), (7, 2, Some(0))], "stands after event 0"),
            (
                &[(7, 0, None), (8, 0, None), (7, 1, Some(1))],
                "names another event",
            ),
            (
                &[(7, 0, None), (7, 1, Some(0)), (7, 1, Some(0))],
                "stands after event 1",
            ),
        ];
        for (leaves, expected) in table {
            let found = follow(leaves, None);
            let [(at, what)] = &found[..] else {
                panic!("{expected}: {found:?}");
            };
            assert_eq!(*at, leaves.len() - 1);
            assert!(what.contains(expected), "{what}");
        }
        // What could not be read may have been the missing part, but a fork stays one.
        let hole = [(7, 0, None), (7, 2, Some(9)), (8, 3, Some(9))];
        assert_eq!(follow(&hole, Some(1)), []);
        assert_eq!(follow(&[(7, 0, None), (7, 1, Some(9))], Some(1)).len(), 1);
    }
}
