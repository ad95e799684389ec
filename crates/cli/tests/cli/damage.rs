//! What a person is told when something kept is damaged: which item, which file, what to do.

use std::fs;
use std::path::PathBuf;

use crate::world::{World, both, put};

/// A centre with one item of many chunks, and the path of its pack.
fn world() -> (World, PathBuf) {
    let world = World::new();
    let usb = world.folder.path().join("usb");
    // Noise, so that it is not compressed to nothing.
    let mut state = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 56) as u8
    })
    .take(300_000)
    .collect();
    put(&usb, "photo.jpg", &noise);
    world.take_in(&usb, "s", &["--no-receipt"]);
    let mut folders = vec![world.dir.join("vault")];
    let mut packs = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path)
            } else {
                packs.push(path)
            }
        }
    }
    assert_eq!(packs.len(), 1, "{packs:?}");
    (world, packs.remove(0))
}

#[test]
fn a_damaged_object_is_told_by_its_item_with_what_to_do() {
    let (world, pack) = world();
    let mut bytes = fs::read(&pack).unwrap();
    bytes[100_000] ^= 1;
    fs::write(&pack, bytes).unwrap();
    let out = world.folder.path().join("out");
    let (out, name) = (
        out.to_str().unwrap(),
        pack.file_name().unwrap().to_str().unwrap(),
    );
    let ern = "UKR-000001-0000001";
    for words in [
        &["item", "get", ern, "--purpose", "p", "-o", out][..],
        &["item", "get", ern, "--purpose", "p", "--range", "0:300000"],
        &["disclose", "--case", "C0001", "--purpose", "p", "-o", out],
    ] {
        let ran = world.run(words);
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(1), "{words:?}: {}", both(&ran));
        assert!(
            said.contains(&format!("{ern} is damaged: ")),
            "{words:?}: {said}"
        );
        assert!(
            said.contains("`comity verify --sealed`"),
            "{words:?}: {said}"
        );
        assert!(!fs::exists(out).unwrap(), "{words:?} left something behind");
    }
    let ran = world.run(&["verify", "--sealed"]);
    assert!(
        String::from_utf8_lossy(&ran.stdout).contains(name),
        "{}",
        both(&ran)
    );
}

#[test]
fn damaged_tables_are_told_once_in_our_words() {
    let (world, _) = world();
    let state = world.dir.join("state.db");
    fs::write(&state, vec![7; 50_000]).unwrap();
    for beside in ["state.db-wal", "state.db-shm"] {
        let _ = fs::remove_file(world.dir.join(beside));
    }
    // More than once: the driver's thread and the end of the process must not race each other.
    for _ in 0..10 {
        let ran = world.run(&["item", "list"]);
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(1), "{}", both(&ran));
        assert!(
            said.contains("`comity rebuild`") && said.lines().count() == 1,
            "{said}"
        );
    }
    world.fine(&["rebuild"]);
    assert_eq!(world.listing().len(), 1);
}
