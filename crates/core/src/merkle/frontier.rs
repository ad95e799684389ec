//! The growing tree in O(log n) memory.

use super::{empty_root, node_hash};
use crate::digest::Digest;

/// A tree that can grow and tell its root, kept as the roots of the full subtrees at its right
/// edge: one for each bit that is set in its size, the largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    subtrees: Vec<Digest>,
}

impl Frontier {
    /// The empty tree.
    #[must_use]
    pub fn new() -> Frontier {
        Frontier::default()
    }

    /// A tree of `size` leaves from the roots of its full subtrees, the largest first; `None`
    /// when their number is not that of the bits set in `size`.
    #[must_use]
    pub fn from_subtrees(size: u64, subtrees: Vec<Digest>) -> Option<Frontier> {
        (subtrees.len() == size.count_ones() as usize).then_some(Frontier { size, subtrees })
    }

    /// Adds a leaf by its leaf hash.
    pub fn push(&mut self, leaf_hash: Digest) {
        self.push_subtree(leaf_hash, 0);
    }

    /// Adds a full subtree of 2^`height` leaves by its root. Returns false, and adds nothing, when
    /// the tree's size is not a multiple of 2^`height` or the tree would be too large.
    pub fn push_subtree(&mut self, root: Digest, height: u8) -> bool {
        let Some(leaves) = 1_u64.checked_shl(u32::from(height)) else {
            return false;
        };
        let Some(size) = self.size.checked_add(leaves) else {
            return false;
        };
        if !self.size.is_multiple_of(leaves) {
            return false;
        }
        let mut node = root;
        let merges = (self.size >> height).trailing_ones();
        for _ in 0..merges {
            if let Some(left) = self.subtrees.pop() {
                node = node_hash(&left, &node);
            }
        }
        self.subtrees.push(node);
        self.size = size;
        true
    }

    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the full subtrees, the largest first.
    #[must_use]
    pub fn subtrees(&self) -> &[Digest] {
        &self.subtrees
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> Digest {
        let mut smaller_first = self.subtrees.iter().rev();
        match smaller_first.next() {
            Some(smallest) => smaller_first.fold(*smallest, |right, left| node_hash(left, &right)),
            None => empty_root(),
        }
    }
}
