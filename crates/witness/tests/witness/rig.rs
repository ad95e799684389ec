//! A log of leaves that are numbers, and witnesses in temporary folders.

use std::path::Path;

use comity_core::checkpoint::{Checkpoint, LogSigner, SignedCheckpoint};
use comity_core::digest::Digest;
use comity_core::leaf::leaf_hash;
use comity_core::merkle::{Frontier, node_hash};
use comity_store::Disk;
use comity_witness::{AddCheckpoint, Witness};

pub const ORIGIN: &str = "centre.example/log";
pub const NOW: u64 = 1_790_000_000;

pub fn signer() -> LogSigner {
    LogSigner::new(ORIGIN, &[1; 32], &[2; 32]).unwrap()
}

/// A tree of `size` leaves; trees of different `branch` differ from the leaf `from` on.
#[derive(Clone)]
pub struct Tree(pub Vec<Digest>);

impl Tree {
    pub fn new(size: usize, branch: u8, from: usize) -> Tree {
        Tree(
            (0..size)
                .map(|i| leaf_hash(&[if i < from { 0 } else { branch }, i as u8]))
                .collect(),
        )
    }

    pub fn root(&self) -> Digest {
        let mut frontier = Frontier::new();
        self.0.iter().for_each(|leaf| frontier.push(*leaf));
        frontier.root()
    }

    pub fn note(&self) -> Vec<u8> {
        let (origin, size, root) = (ORIGIN.to_owned(), self.0.len() as u64, self.root());
        signer()
            .sign(&Checkpoint { origin, size, root }, NOW)
            .unwrap()
    }

    pub fn signed(&self) -> SignedCheckpoint {
        SignedCheckpoint::parse(&self.note())
            .unwrap()
            .verify(signer().keys())
            .unwrap()
    }

    pub fn request(&self, old: usize) -> Vec<u8> {
        let proof = consistency(old, &self.0);
        let note = self.note();
        AddCheckpoint {
            old: old as u64,
            proof,
            note,
        }
        .encode()
    }
}

fn root(leaves: &[Digest]) -> Digest {
    Tree(leaves.to_vec()).root()
}

/// RFC 6962 section 2.1.2.
pub fn consistency(old: usize, leaves: &[Digest]) -> Vec<Digest> {
    fn sub(old: usize, leaves: &[Digest], whole: bool) -> Vec<Digest> {
        if old == leaves.len() {
            return if whole {
                Vec::new()
            } else {
                vec![root(leaves)]
            };
        }
        let k = leaves.len().next_power_of_two() / 2;
        let (left, right) = leaves.split_at(k);
        let (mut proof, sibling) = if old <= k {
            (sub(old, left, whole), root(right))
        } else {
            (sub(old - k, right, false), root(left))
        };
        proof.push(sibling);
        proof
    }
    if old == 0 || old > leaves.len() {
        Vec::new()
    } else {
        sub(old, leaves, true)
    }
}

pub fn witness(dir: &Path) -> Witness {
    witness_on(dir, Disk::real())
}

pub fn witness_on(dir: &Path, disk: Disk) -> Witness {
    let made = Witness::create(
        &dir.join("w"),
        Disk::real(),
        "aster.example",
        [&[3; 32], &[4; 32]],
    );
    made.unwrap().follow(signer().keys().vkeys()).unwrap();
    Witness::open(&dir.join("w"), disk).unwrap()
}

#[test]
fn the_rig_makes_trees_as_the_rfc_does() {
    let leaves = Tree::new(3, 0, 3).0;
    let expected = node_hash(&node_hash(&leaves[0], &leaves[1]), &leaves[2]);
    assert_eq!(root(&leaves), expected);
}
