//! The tree of RFC 6962, written down as the RFC defines it and held whole in memory.

use comity_core::digest::Digest;
use comity_core::merkle::node_hash;

/// The root of the tree over leaf hashes: MTH of RFC 6962 section 2.1.
pub fn root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest::of(b""),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node_hash(&root(left), &root(right))
        }
    }
}

/// PATH of RFC 6962 section 2.1.1.
pub fn inclusion(index: usize, leaves: &[Digest]) -> Vec<Digest> {
    if leaves.len() <= 1 {
        return Vec::new();
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let (mut proof, sibling) = if index < middle {
        (inclusion(index, left), root(right))
    } else {
        (inclusion(index - middle, right), root(left))
    };
    proof.push(sibling);
    proof
}

/// PROOF of RFC 6962 section 2.1.2.
pub fn consistency(old: usize, leaves: &[Digest]) -> Vec<Digest> {
    if old == 0 {
        Vec::new()
    } else {
        subproof(old, leaves, true)
    }
}

fn subproof(old: usize, leaves: &[Digest], whole: bool) -> Vec<Digest> {
    if old == leaves.len() {
        return if whole {
            Vec::new()
        } else {
            vec![root(leaves)]
        };
    }
    let middle = split(leaves.len());
    let (left, right) = leaves.split_at(middle);
    let (mut proof, other) = if old <= middle {
        (subproof(old, left, whole), root(right))
    } else {
        (subproof(old - middle, right, false), root(left))
    };
    proof.push(other);
    proof
}

/// The hashes of a tile: for each of them the root of the 256^level leaves below.
pub fn tile(level: u8, index: u64, width: u16, leaves: &[Digest]) -> Vec<u8> {
    let span = 256_usize.pow(u32::from(level));
    let first = index as usize * 256;
    (first..first + usize::from(width))
        .flat_map(|at| root(&leaves[at * span..(at + 1) * span]).0)
        .collect()
}

fn split(len: usize) -> usize {
    len.next_power_of_two() / 2
}
