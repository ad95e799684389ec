//! Verifying proofs: the algorithms of RFC 9162 sections 2.1.3.2 and 2.1.4.2.

use super::{empty_root, node_hash};
use crate::digest::Digest;

/// A proof that does not prove what it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The leaf is not one of the tree's.
    #[error("leaf {index} is not in a tree of {size} leaves")]
    OutOfTree {
        /// The index asked for.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
    /// A consistency proof from a larger tree to a smaller one.
    #[error("a tree of {new} leaves cannot follow one of {old}")]
    Shrinks {
        /// The size before.
        old: u64,
        /// The size after.
        new: u64,
    },
    /// Too few or too many hashes.
    #[error("the proof has {found} hashes and needs {needed}")]
    WrongLength {
        /// How many the proof has.
        found: usize,
        /// How many it must have.
        needed: usize,
    },
    /// The proof leads to another root than the tree's.
    #[error(
        "the proof leads to another root: the leaf or an earlier tree is not part of this tree"
    )]
    WrongRoot,
}

/// How many hashes the inclusion proof of leaf `index` has in a tree of `size` leaves.
fn inclusion_proof_len(index: u64, size: u64) -> usize {
    let inner = inner_len(index, size);
    let border = index.checked_shr(inner).unwrap_or(0).count_ones();
    (inner + border) as usize
}

/// How many levels up the paths from `index` and from the last leaf meet.
fn inner_len(index: u64, size: u64) -> u32 {
    u64::BITS - (index ^ (size - 1)).leading_zeros()
}

/// Checks that the leaf hash `leaf` stands at `index` of the tree of `size` leaves with `root`.
///
/// # Errors
/// An index outside the tree, a proof of the wrong length, or another root.
pub fn verify_inclusion(
    index: u64,
    size: u64,
    leaf: &Digest,
    proof: &[Digest],
    root: &Digest,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfTree { index, size });
    }
    let needed = inclusion_proof_len(index, size);
    if proof.len() != needed {
        return Err(ProofError::WrongLength {
            found: proof.len(),
            needed,
        });
    }
    let (mut node, mut last, mut hash) = (index, size - 1, *leaf);
    for sibling in proof {
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    if last == 0 && hash == *root {
        Ok(())
    } else {
        Err(ProofError::WrongRoot)
    }
}

/// Checks that the tree of `new_size` leaves with `new_root` begins with the whole tree of
/// `old_size` leaves with `old_root`.
///
/// From an empty tree, and between equal sizes, the proof is empty.
///
/// # Errors
/// A tree that shrinks, a proof of the wrong length, or another root.
pub fn verify_consistency(
    old_size: u64,
    new_size: u64,
    old_root: &Digest,
    new_root: &Digest,
    proof: &[Digest],
) -> Result<(), ProofError> {
    if old_size > new_size {
        return Err(ProofError::Shrinks {
            old: old_size,
            new: new_size,
        });
    }
    let needed = consistency_proof_len(old_size, new_size);
    if proof.len() != needed {
        return Err(ProofError::WrongLength {
            found: proof.len(),
            needed,
        });
    }
    if old_size == 0 || old_size == new_size {
        let equal = if old_size == 0 {
            *old_root == empty_root()
        } else {
            old_root == new_root
        };
        let empty_stays = new_size > 0 || *new_root == empty_root();
        return if equal && empty_stays {
            Ok(())
        } else {
            Err(ProofError::WrongRoot)
        };
    }
    let (mut node, mut last) = (old_size - 1, new_size - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let mut siblings = proof.iter();
    let first = if node == 0 {
        Some(old_root)
    } else {
        siblings.next()
    };
    let Some(first) = first else {
        return Err(ProofError::WrongLength {
            found: proof.len(),
            needed,
        });
    };
    let (mut old_hash, mut new_hash) = (*first, *first);
    for sibling in siblings {
        if last == 0 {
            return Err(ProofError::WrongRoot);
        }
        if node & 1 == 1 || node == last {
            old_hash = node_hash(sibling, &old_hash);
            new_hash = node_hash(sibling, &new_hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_hash = node_hash(&new_hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    let holds = last == 0 && old_hash == *old_root && new_hash == *new_root;
    if holds {
        Ok(())
    } else {
        Err(ProofError::WrongRoot)
    }
}

/// How many hashes the consistency proof between two sizes has.
fn consistency_proof_len(old_size: u64, new_size: u64) -> usize {
    if old_size == 0 || old_size == new_size {
        return 0;
    }
    let shift = old_size.trailing_zeros();
    let inner = inner_len(old_size - 1, new_size) - shift;
    let border = (old_size - 1)
        .checked_shr(inner + shift)
        .unwrap_or(0)
        .count_ones();
    let first = u32::from(!old_size.is_power_of_two());
    (first + inner + border) as usize
}
