//! Trees and proofs, held against a naive tree written straight from RFC 6962 section 2.1.

use crate::naive::{Tiles, leaves, naive_consistency, naive_inclusion, naive_root};
use comity_core::digest::Digest;
use comity_core::leaf::leaf_hash;
use comity_core::merkle::{
    Frontier, ProofError, TileProofError, consistency_proof, empty_root, frontier_from_tiles,
    full_subtree_root, inclusion_proof, verify_consistency, verify_inclusion,
};
use comity_core::tile::TileId;
use proptest::prelude::*;

#[test]
fn the_frontier_has_the_root_of_the_naive_tree_at_every_size() {
    let leaves = leaves(600);
    let mut frontier = Frontier::new();
    assert_eq!(frontier.root(), empty_root());
    assert_eq!(
        empty_root().to_string(),
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    );
    for (i, leaf) in leaves.iter().enumerate() {
        frontier.push(*leaf);
        assert_eq!(frontier.size(), i as u64 + 1);
        assert_eq!(frontier.root(), naive_root(&leaves[..=i]), "size {}", i + 1);
        let again = Frontier::from_subtrees(frontier.size(), frontier.subtrees().to_vec());
        assert_eq!(again.as_ref(), Some(&frontier));
    }
    assert_eq!(Frontier::from_subtrees(3, vec![leaves[0]]), None);
}

#[test]
fn a_subtree_is_only_added_where_it_is_aligned() {
    let leaves = leaves(12);
    let mut frontier = Frontier::new();
    assert!(frontier.push_subtree(full_subtree_root(&leaves[..8]).unwrap(), 3));
    assert!(frontier.push_subtree(full_subtree_root(&leaves[8..10]).unwrap(), 1));
    let before = frontier.clone();
    assert!(!frontier.push_subtree(leaves[0], 2));
    assert!(!frontier.push_subtree(leaves[0], 64));
    assert_eq!(frontier, before);
    assert!(frontier.push_subtree(full_subtree_root(&leaves[10..12]).unwrap(), 1));
    assert_eq!(frontier.root(), naive_root(&leaves));
    assert_eq!(full_subtree_root(&leaves[..3]), None);
    assert_eq!(full_subtree_root(&[]), None);
}

#[test]
fn every_inclusion_proof_of_small_trees_holds_and_no_other_leaf_does() {
    let leaves = leaves(40);
    for size in 1..=40_u64 {
        let tree = &leaves[..size as usize];
        let root = naive_root(tree);
        for index in 0..size {
            let proof = naive_inclusion(index as usize, tree);
            let leaf = &tree[index as usize];
            assert_eq!(verify_inclusion(index, size, leaf, &proof, &root), Ok(()));
            for other in (0..size).filter(|other| *other != index) {
                assert!(verify_inclusion(other, size, leaf, &proof, &root).is_err());
            }
        }
        assert_eq!(
            verify_inclusion(size, size, &leaves[0], &[], &root),
            Err(ProofError::OutOfTree { index: size, size })
        );
    }
}

#[test]
fn every_consistency_proof_of_small_trees_holds() {
    let leaves = leaves(40);
    for new in 0..=40_usize {
        for old in 0..=new {
            let (old_root, new_root) = (naive_root(&leaves[..old]), naive_root(&leaves[..new]));
            let proof = naive_consistency(old, &leaves[..new]);
            let (old, new) = (old as u64, new as u64);
            assert_eq!(
                verify_consistency(old, new, &old_root, &new_root, &proof),
                Ok(())
            );
            let mut longer = proof.clone();
            longer.push(leaves[0]);
            assert!(verify_consistency(old, new, &old_root, &new_root, &longer).is_err());
            if old < new && old > 0 {
                assert!(verify_consistency(old, new, &leaves[39], &new_root, &proof).is_err());
                assert!(verify_consistency(old, new, &old_root, &leaves[39], &proof).is_err());
                assert!(verify_consistency(old, new, &new_root, &old_root, &proof).is_err());
            }
        }
    }
}

#[test]
fn a_tree_neither_shrinks_nor_begins_with_another_empty_tree() {
    let root = naive_root(&leaves(5));
    assert_eq!(
        verify_consistency(5, 4, &root, &root, &[]),
        Err(ProofError::Shrinks { old: 5, new: 4 })
    );
    assert_eq!(
        verify_consistency(0, 5, &root, &root, &[]),
        Err(ProofError::WrongRoot)
    );
    assert_eq!(
        verify_consistency(0, 0, &empty_root(), &root, &[]),
        Err(ProofError::WrongRoot)
    );
    assert_eq!(
        verify_consistency(5, 5, &root, &empty_root(), &[]),
        Err(ProofError::WrongRoot)
    );
}

#[test]
fn sizes_at_the_end_of_the_range_do_not_overflow() {
    let hash = leaf_hash(b"");
    for size in [u64::MAX, u64::MAX - 1, 1 << 63] {
        for proof in [vec![], vec![hash; 63], vec![hash; 64]] {
            assert!(verify_inclusion(size - 1, size, &hash, &proof, &hash).is_err());
            assert!(verify_consistency(size - 1, size, &hash, &hash, &proof).is_err());
            assert!(verify_consistency(1, size, &hash, &hash, &proof).is_err());
        }
        let none = |_: &[TileId]| -> Result<Vec<Vec<u8>>, &'static str> { Err("no tiles") };
        assert!(inclusion_proof(size - 1, size, none).is_err());
        assert!(consistency_proof(size - 1, size, none).is_err());
        assert!(frontier_from_tiles(size, none).is_err());
    }
}

/// Holds proofs from the tiles of `leaves` against naive ones, at `sizes` of their tree.
fn compare_with_naive(leaves: &[Digest], sizes: &[usize], indices: &[usize], olds: &[usize]) {
    let tiles = Tiles::new(leaves);
    for &size in sizes {
        let tree = &leaves[..size];
        let frontier = frontier_from_tiles(size as u64, |ids| tiles.read(ids)).unwrap();
        assert_eq!(
            (frontier.size(), frontier.root()),
            (size as u64, naive_root(tree))
        );
        for &index in indices.iter().filter(|index| **index < size) {
            let proof = inclusion_proof(index as u64, size as u64, |ids| tiles.read(ids)).unwrap();
            assert_eq!(proof, naive_inclusion(index, tree), "{index} of {size}");
        }
        for &old in olds.iter().filter(|old| **old <= size) {
            let proof = consistency_proof(old as u64, size as u64, |ids| tiles.read(ids)).unwrap();
            assert_eq!(proof, naive_consistency(old, tree), "{old} to {size}");
        }
    }
}

#[test]
fn proofs_from_tiles_are_those_of_the_naive_tree() {
    let sizes = [0, 1, 2, 3, 255, 256, 257, 511, 512, 513, 1500];
    compare_with_naive(
        &leaves(1500),
        &sizes,
        &[0, 1, 255, 256, 257, 512, 1499],
        &sizes,
    );
}

#[test]
fn proofs_reach_through_three_levels_of_tiles() {
    let sizes = [65_535, 65_536, 66_000];
    compare_with_naive(
        &leaves(66_000),
        &sizes,
        &[300, 65_535, 65_999],
        &[256, 65_535, 65_536],
    );
}

#[test]
fn a_reader_that_gives_the_wrong_tiles_is_told_so() {
    let short =
        |ids: &[TileId]| Ok::<_, &str>(ids.iter().map(|id| vec![0; id.len_bytes() - 1]).collect());
    let error = inclusion_proof(0, 300, short).unwrap_err();
    assert_eq!(
        error.to_string(),
        "tile/0/000 has 8191 bytes instead of 8192"
    );
    let error = inclusion_proof(0, 300, |_| Ok::<_, &str>(vec![])).unwrap_err();
    assert!(matches!(error, TileProofError::TileCount { found: 0, .. }));
    let error = inclusion_proof(0, 300, |_| Err("the disk is gone")).unwrap_err();
    assert_eq!(error.to_string(), "the disk is gone");
}

#[test]
fn go_and_cloudflare_read_our_tiles_and_proofs_as_we_do() {
    use tlog_tiles::{Hash, check_record, check_tree};
    let leaves = leaves(1000);
    let tiles = Tiles::new(&leaves);
    for size in [1_u64, 2, 255, 256, 257, 700, 1000] {
        let root = frontier_from_tiles(size, |ids| tiles.read(ids))
            .unwrap()
            .root();
        for index in [0, size / 2, size - 1] {
            let proof = inclusion_proof(index, size, |ids| tiles.read(ids)).unwrap();
            let theirs = proof.iter().map(|hash| Hash(hash.0)).collect();
            check_record(
                &theirs,
                size,
                Hash(root.0),
                index,
                Hash(leaves[index as usize].0),
            )
            .unwrap();
        }
        for old in [1, size.div_ceil(2), size] {
            let old_root = naive_root(&leaves[..old as usize]);
            let proof = consistency_proof(old, size, |ids| tiles.read(ids)).unwrap();
            let theirs = proof.iter().map(|hash| Hash(hash.0)).collect();
            check_tree(&theirs, size, Hash(root.0), old, Hash(old_root.0)).unwrap();
        }
    }
}

fn flip(digest: &Digest, bit: usize) -> Digest {
    let mut flipped = *digest;
    flipped.0[bit / 8 % 32] ^= 1 << (bit % 8);
    flipped
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn one_changed_bit_breaks_an_inclusion_proof(
        size in 2_usize..700, at in any::<prop::sample::Index>(), what in any::<prop::sample::Index>(), bit in 0_usize..256,
    ) {
        let leaves = leaves(size);
        let index = at.index(size);
        let proof = naive_inclusion(index, &leaves);
        let root = naive_root(&leaves);
        let (index, size) = (index as u64, size as u64);
        let leaf = &leaves[index as usize];
        prop_assert_eq!(verify_inclusion(index, size, leaf, &proof, &root), Ok(()));
        let mut broken = proof.clone();
        let which = what.index(proof.len());
        broken[which] = flip(&proof[which], bit);
        prop_assert_eq!(verify_inclusion(index, size, leaf, &broken, &root), Err(ProofError::WrongRoot));
        prop_assert!(verify_inclusion(index, size, &flip(leaf, bit), &proof, &root).is_err());
        prop_assert!(verify_inclusion(index, size, leaf, &proof, &flip(&root, bit)).is_err());
        prop_assert!(verify_inclusion(index, size, leaf, &proof[1..], &root).is_err());
    }

    #[test]
    fn one_changed_bit_breaks_a_consistency_proof(
        new in 2_usize..700, from in any::<prop::sample::Index>(), what in any::<prop::sample::Index>(), bit in 0_usize..256,
    ) {
        let leaves = leaves(new);
        let old = 1 + from.index(new - 1);
        let proof = naive_consistency(old, &leaves);
        let (old_root, new_root) = (naive_root(&leaves[..old]), naive_root(&leaves));
        let (old, new) = (old as u64, new as u64);
        prop_assert_eq!(verify_consistency(old, new, &old_root, &new_root, &proof), Ok(()));
        let mut broken = proof.clone();
        let which = what.index(proof.len());
        broken[which] = flip(&proof[which], bit);
        prop_assert!(verify_consistency(old, new, &old_root, &new_root, &broken).is_err());
        prop_assert!(verify_consistency(old, new, &flip(&old_root, bit), &new_root, &proof).is_err());
        prop_assert!(verify_consistency(old, new, &old_root, &flip(&new_root, bit), &proof).is_err());
    }

    #[test]
    fn proofs_from_tiles_equal_naive_ones(size in 1_usize..1400, at in any::<prop::sample::Index>()) {
        let leaves = leaves(size);
        let tiles = Tiles::new(&leaves);
        let at = at.index(size);
        let proof = inclusion_proof(at as u64, size as u64, |ids| tiles.read(ids)).unwrap();
        prop_assert_eq!(proof, naive_inclusion(at, &leaves));
        let proof = consistency_proof(at as u64, size as u64, |ids| tiles.read(ids)).unwrap();
        prop_assert_eq!(proof, naive_consistency(at, &leaves));
    }
}
