//! The Merkle tree of RFC 6962 section 2.1, as RFC 9162 sections 2.1.3 and 2.1.4 verify it.

mod frontier;
mod proof;
mod tiles;

pub use frontier::Frontier;
pub use proof::{ProofError, verify_consistency, verify_inclusion};
pub use tiles::{TileProofError, consistency_proof, frontier_from_tiles, inclusion_proof};

use crate::digest::{Digest, Sha256Hasher};

/// The hash of a node: SHA-256(0x01 ‖ left ‖ right).
#[must_use]
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let mut bytes = [1; 65];
    bytes[1..33].copy_from_slice(&left.0);
    bytes[33..].copy_from_slice(&right.0);
    Digest::of(&bytes)
}

/// The root of a tree without leaves: the SHA-256 of nothing.
#[must_use]
pub fn empty_root() -> Digest {
    Sha256Hasher::new().finish()
}

/// The root of a full subtree over `hashes`, whose number is a power of two; `None` otherwise.
#[must_use]
pub fn full_subtree_root(hashes: &[Digest]) -> Option<Digest> {
    if !hashes.len().is_power_of_two() {
        return None;
    }
    let mut nodes = hashes.to_vec();
    while nodes.len() > 1 {
        let half = nodes.len() / 2;
        for i in 0..half {
            nodes[i] = node_hash(&nodes[2 * i], &nodes[2 * i + 1]);
        }
        nodes.truncate(half);
    }
    nodes.pop()
}
