//! RFC 6962 section 2.1 as it reads, slow and simple, and the tiles of a tree from its definition.

use std::collections::BTreeMap;

use comity_core::digest::Digest;
use comity_core::leaf::leaf_hash;
use comity_core::tile::TileId;

pub fn leaves(count: usize) -> Vec<Digest> {
    (0..count)
        .map(|i| leaf_hash(format!("leaf {i}").as_bytes()))
        .collect()
}

fn node(left: &Digest, right: &Digest) -> Digest {
    Digest::of(&[&[1], left.0.as_slice(), right.0.as_slice()].concat())
}

/// The largest power of two smaller than `n`.
fn split(n: usize) -> usize {
    let mut k = 1;
    while 2 * k < n {
        k *= 2;
    }
    k
}

/// MTH(D[n]).
pub fn naive_root(leaves: &[Digest]) -> Digest {
    match leaves {
        [] => Digest::of(b""),
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(split(leaves.len()));
            node(&naive_root(left), &naive_root(right))
        }
    }
}

/// PATH(m, D[n]).
pub fn naive_inclusion(index: usize, leaves: &[Digest]) -> Vec<Digest> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut path, sibling) = if index < k {
        (naive_inclusion(index, left), naive_root(right))
    } else {
        (naive_inclusion(index - k, right), naive_root(left))
    };
    path.push(sibling);
    path
}

/// PROOF(m, D[n]); empty for m = 0, where the RFC defines none.
pub fn naive_consistency(old: usize, leaves: &[Digest]) -> Vec<Digest> {
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
            vec![naive_root(leaves)]
        };
    }
    let k = split(leaves.len());
    let (left, right) = leaves.split_at(k);
    let (mut proof, sibling) = if old <= k {
        (subproof(old, left, whole), naive_root(right))
    } else {
        (subproof(old - k, right, false), naive_root(left))
    };
    proof.push(sibling);
    proof
}

/// All tiles of a tree, by their names.
pub struct Tiles(pub BTreeMap<TileId, Vec<u8>>);

impl Tiles {
    pub fn new(leaves: &[Digest]) -> Tiles {
        let mut tiles = BTreeMap::new();
        let mut hashes = leaves.to_vec();
        let mut level = 0;
        while !hashes.is_empty() {
            for (index, tile) in hashes.chunks(256).enumerate() {
                let id = TileId {
                    level,
                    index: index as u64,
                    width: tile.len() as u16,
                };
                tiles.insert(id, tile.iter().flat_map(|hash| hash.0).collect());
            }
            hashes = hashes.chunks_exact(256).map(naive_root).collect();
            level += 1;
        }
        Tiles(tiles)
    }

    /// Reads tiles of this tree, and of smaller ones, whose partial tiles are the beginnings of ours.
    pub fn read(&self, ids: &[TileId]) -> Result<Vec<Vec<u8>>, String> {
        ids.iter()
            .map(|id| {
                let wide = self.0.iter().find(|(tile, _)| {
                    (tile.level, tile.index) == (id.level, id.index) && tile.width >= id.width
                });
                let bytes = wide.ok_or_else(|| format!("no {}", id.path()))?.1;
                Ok(bytes[..id.len_bytes()].to_vec())
            })
            .collect()
    }
}
