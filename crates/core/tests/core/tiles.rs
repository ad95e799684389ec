//! Names of tiles, and tiles held against a root.

use std::collections::BTreeMap;

use crate::naive::{Tiles, leaves, naive_root};
use comity_core::tile::{
    TileError, TileId, TreeTiles, entries_path, parse_entries_path, tile_path_number, width_at,
};
use proptest::prelude::*;

#[test]
fn names_are_those_of_tlog_tiles() {
    assert_eq!(tile_path_number(0), "000");
    assert_eq!(tile_path_number(1_234_067), "x001/x234/067");
    assert_eq!(
        TileId {
            level: 0,
            index: 1_234_067,
            width: 256
        }
        .path(),
        "tile/0/x001/x234/067"
    );
    assert_eq!(
        TileId {
            level: 63,
            index: 5,
            width: 1
        }
        .path(),
        "tile/63/005.p/1"
    );
    assert_eq!(entries_path(273, 112), "tile/entries/273.p/112");
    assert_eq!(entries_path(1000, 256), "tile/entries/x001/000");
    let theirs = tlog_tiles::Tile::new(8, 1, 1_234_067, 17, false).path();
    assert_eq!(theirs, "tile/8/1/x001/x234/067.p/17");
}

#[test]
fn a_tree_of_70_000_leaves_has_the_tiles_that_the_specification_counts() {
    let widths: Vec<u16> = (0..8).map(|level| width_at(level, 70_000)).collect();
    assert_eq!(widths, [112, 17, 1, 0, 0, 0, 0, 0]);
    let tile = |level, index| TileId::in_tree(level, index, 70_000).map(|tile| tile.width);
    assert_eq!(
        (tile(0, 272), tile(0, 273), tile(0, 274)),
        (Some(256), Some(112), None)
    );
    assert_eq!(
        (tile(1, 0), tile(1, 1), tile(1, 2)),
        (Some(256), Some(17), None)
    );
    assert_eq!((tile(2, 0), tile(3, 0), tile(63, 0)), (Some(1), None, None));
    assert_eq!(
        TileId::in_tree(0, 0, 256).map(|tile| tile.path()),
        Some("tile/0/000".to_owned())
    );
    assert_eq!(
        TileId::in_tree(1, 0, 256).map(|tile| tile.path()),
        Some("tile/1/000.p/1".to_owned())
    );
    assert_eq!(TileId::in_tree(0, u64::MAX, u64::MAX), None);
    assert_eq!(width_at(8, u64::MAX), 0);
    assert_eq!(width_at(255, u64::MAX), 0);
}

#[test]
fn paths_that_another_writer_could_mean_otherwise_are_refused() {
    for path in [
        "",
        "tile",
        "tile/0",
        "tile/0/",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000/001",
        "tile/0/001/x002",
        "tile/0/x001",
        "tile/0/x001/02",
        "tile/00/001",
        "tile/64/001",
        "tile/+1/001",
        "tile/-1/001",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/01",
        "tile/0/001.p/",
        "tile/0/001.p",
        "tile/0/001.p/1/2",
        "/tile/0/001",
        "tile//001",
        "tile/0/../001",
        "tile/0/001 ",
        "TILE/0/001",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/x999/x999/999",
        "tile/entries/001",
        "tile/0/x018/x446/x744/x073/x709/x551/616",
    ] {
        assert_eq!(TileId::parse_path(path), None, "{path}");
    }
    assert_eq!(
        parse_entries_path("tile/entries/x001/234.p/5"),
        Some((1234, 5))
    );
    assert_eq!(parse_entries_path("tile/0/001"), None);
    assert_eq!(parse_entries_path("tile/entries/1"), None);
}

fn authenticate(size: usize, tiles: &BTreeMap<TileId, Vec<u8>>) -> (TreeTiles, Vec<TileError>) {
    TreeTiles::authenticate(size as u64, &naive_root(&leaves(size)), tiles.clone())
}

#[test]
fn every_leaf_of_the_right_tiles_is_found_and_no_other_hash() {
    for size in [1, 2, 255, 256, 257, 1000, 65_536, 66_000] {
        let leaves = leaves(size);
        let (tree, errors) = authenticate(size, &Tiles::new(&leaves).0);
        assert_eq!(errors, [], "size {size}");
        for index in (0..size).step_by(97).chain([size - 1]) {
            assert_eq!(tree.contains(index as u64, &leaves[index]), Ok(true));
            let other = &leaves[(index + 1) % size];
            assert_eq!(tree.contains(index as u64, other), Ok(size == 1));
        }
        let beyond = tree.contains(size as u64, &leaves[0]);
        assert_eq!(
            beyond,
            Err(TileError::OutOfTree {
                index: size as u64,
                size: size as u64
            })
        );
    }
}

#[test]
fn a_package_may_hold_only_the_tiles_that_it_needs() {
    let size = 66_000;
    let leaves = leaves(size);
    let mut tiles = Tiles::new(&leaves).0;
    tiles.retain(|tile, _| tile.level > 0 || !tile.is_full() || tile.index == 7);
    let (tree, errors) = authenticate(size, &tiles);
    assert_eq!(errors, []);
    assert_eq!(tree.contains(7 * 256 + 3, &leaves[7 * 256 + 3]), Ok(true));
    assert_eq!(tree.contains(65_999, &leaves[65_999]), Ok(true));
    let missing = tree.contains(8 * 256, &leaves[8 * 256]).unwrap_err();
    assert_eq!(missing.to_string(), "the file tile/0/008 is missing");
    assert_eq!(missing.to_finding().place, "tile/0/008");
}

#[test]
fn every_damage_to_a_tile_is_found_and_named() {
    let size = 66_000;
    let leaves = leaves(size);
    let tiles = Tiles::new(&leaves).0;
    let id = |path: &str| TileId::parse_path(path).unwrap();
    let damaged = |path: &str, change: &dyn Fn(&mut Vec<u8>)| {
        let mut tiles = tiles.clone();
        change(tiles.get_mut(&id(path)).unwrap());
        authenticate(size, &tiles)
    };

    let (tree, errors) = damaged("tile/0/003", &|bytes| bytes[100] ^= 1);
    assert_eq!(
        errors
            .iter()
            .map(|error| error.to_finding().place)
            .collect::<Vec<_>>(),
        ["tile/0/003"]
    );
    assert!(matches!(&errors[0], TileError::Altered { parent, .. } if parent == "tile/1/000"));
    assert!(tree.contains(3 * 256, &leaves[3 * 256]).is_err());
    assert_eq!(tree.contains(4 * 256, &leaves[4 * 256]), Ok(true));

    let (tree, errors) = damaged("tile/0/003", &|bytes| {
        bytes.pop();
    });
    assert_eq!(errors.len(), 1);
    assert!(
        errors[0]
            .to_string()
            .contains("tile/0/003 has 8191 bytes instead of 8192")
    );
    assert!(tree.leaf_hash(3 * 256).is_err());

    let (tree, errors) = damaged("tile/1/000", &|bytes| bytes[0] ^= 1);
    assert_eq!(errors.len(), 257);
    assert_eq!(errors[0].to_finding().place, "tile/1/000");
    assert!(
        errors[1..]
            .iter()
            .all(|error| matches!(error, TileError::Unchecked { .. }))
    );
    assert_eq!(tree.contains(65_999, &leaves[65_999]), Ok(true));

    for edge in ["tile/0/x000/257.p/208", "tile/1/001.p/1", "tile/2/000.p/1"] {
        let edge = edge.replace("x000/", "");
        let (tree, errors) = damaged(&edge, &|bytes| bytes[0] ^= 1);
        assert!(
            errors[0].to_finding().place.contains(&edge),
            "{edge}: {errors:?}"
        );
        assert!(tree.leaf_hash(0).is_err() && tree.leaf_hash(65_999).is_err());

        let mut without = tiles.clone();
        without.remove(&id(&edge));
        let (tree, errors) = authenticate(size, &without);
        assert_eq!(errors[0], TileError::Missing { path: edge.clone() });
        assert!(tree.leaf_hash(0).is_err());

        let (_, errors) = damaged(&edge, &|bytes| bytes.truncate(31));
        assert_eq!(errors[0].to_finding().place, edge);
        assert!(!errors.contains(&TileError::Missing { path: edge }));
    }

    let mut swapped = tiles.clone();
    swapped.insert(id("tile/0/003"), tiles[&id("tile/0/004")].clone());
    swapped.insert(id("tile/0/004"), tiles[&id("tile/0/003")].clone());
    let (_, errors) = authenticate(size, &swapped);
    let mut places: Vec<_> = errors
        .iter()
        .map(|error| error.to_finding().place)
        .collect();
    places.sort();
    assert_eq!(places, ["tile/0/003", "tile/0/004"]);

    let mut extra = tiles.clone();
    for path in [
        "tile/0/000.p/5",
        "tile/0/258",
        "tile/0/257.p/207",
        "tile/9/000.p/1",
    ] {
        extra.insert(id(path), vec![0; id(path).len_bytes()]);
    }
    let (tree, errors) = authenticate(size, &extra);
    assert_eq!(errors.len(), 4);
    assert!(
        errors
            .iter()
            .all(|error| matches!(error, TileError::NotOfTree { .. }))
    );
    assert_eq!(tree.contains(0, &leaves[0]), Ok(true));
}

#[test]
fn another_trees_tiles_do_not_pass_under_this_root() {
    let mut others = leaves(1000);
    others.swap(3, 4);
    let (tree, errors) = authenticate(1000, &Tiles::new(&others).0);
    assert!(
        errors
            .iter()
            .any(|error| matches!(error, TileError::WrongRoot { .. }))
    );
    assert!((0..1000).all(|index| tree.leaf_hash(index).is_err()));
    let (_, errors) = TreeTiles::authenticate(0, &naive_root(&leaves(1)), BTreeMap::new());
    assert!(matches!(errors[..], [TileError::WrongRoot { .. }]));
    let (_, errors) = TreeTiles::authenticate(0, &naive_root(&[]), BTreeMap::new());
    assert_eq!(errors, []);
}

proptest! {
    #[test]
    fn a_path_is_read_back(level in 0_u8..64, index in any::<u64>(), width in 1_u16..=256) {
        let tile = TileId { level, index, width };
        prop_assert_eq!(TileId::parse_path(&tile.path()), Some(tile));
        prop_assert_eq!(parse_entries_path(&entries_path(index, width)), Some((index, width)));
    }

    #[test]
    fn no_path_makes_the_reader_panic(path in "(tile/)?[0-9x/.pe]{0,30}") {
        if let Some(tile) = TileId::parse_path(&path) {
            prop_assert_eq!(tile.path(), path);
        }
    }

    #[test]
    fn one_changed_bit_in_any_tile_is_found(size in 2_usize..1500, which in any::<prop::sample::Index>(), bit in any::<prop::sample::Index>()) {
        let mut tiles = Tiles::new(&leaves(size)).0;
        let at = which.index(tiles.len());
        let bytes = tiles.values_mut().nth(at).unwrap();
        let bit = bit.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        let (_, errors) = authenticate(size, &tiles);
        prop_assert!(!errors.is_empty());
    }
}
