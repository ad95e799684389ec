//! A mirror, as people at a terminal meet it.

use std::fs;
use std::path::Path;

use crate::world::{PASSPHRASE, World, bare, both, put};

#[test]
fn a_centre_is_made_with_a_store_and_its_mirror() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| {
        bare(words)
            .current_dir(folder.path())
            .env("COMITY_ACTOR", "Olena")
            .env("COMITY_PASSPHRASE", PASSPHRASE)
            .output()
            .unwrap()
    };
    let init = ["init", "c", "--name", "T", "--member", "UKR=Ukraine"];
    let with = |stores: &[&'static str]| [&init[..], stores].concat();
    // Three places, or twice the same one, are refused before anything is made.
    for stores in [
        &["--objects", ".", "--objects", "m", "--objects", "n"][..],
        &["--objects", "s", "--objects", "s"],
        &["--objects", ".", "--objects", "c/inside"],
    ] {
        let ran = run(&with(stores));
        assert_eq!(ran.status.code(), Some(2), "{}", both(&ran));
        assert!(!folder.path().join("c/centre.json").exists());
        let _ = fs::remove_dir_all(folder.path().join("c"));
    }
    let ran = run(&with(&["--objects", "s", "--objects", "m"]));
    assert!(ran.status.success(), "{}", both(&ran));
    assert!(both(&ran).contains("Mirror"), "{}", both(&ran));
    for store in ["s", "m"] {
        assert!(folder.path().join(store).join("ledger/checkpoint").exists());
    }
    assert!(!folder.path().join("c/ledger").exists());
}

#[test]
fn what_a_mirror_lacks_is_said_at_the_end_of_every_command_until_it_is_there() {
    let world = World::mirrored();
    let mirror = world.mirror.clone().unwrap();
    let usb = world.folder.path().join("usb");
    put(&usb, "a.txt", b"one");
    let aside = world.folder.path().join("aside");
    fs::rename(&mirror, &aside).unwrap();
    world.take_in(&usb, "stick", &["--no-receipt"]);
    for words in [
        &["item", "list"][..],
        &["ledger", "status"],
        &["case", "new", "X"],
    ] {
        let ran = world.run(words);
        assert!(ran.status.success());
        let said = String::from_utf8(ran.stderr).unwrap();
        assert!(said.contains("WARNING: the mirror"), "{words:?}: {said}");
        assert!(said.contains("one place only"), "{words:?}: {said}");
    }
    let status = world.json(&["ledger", "status"]);
    assert!(status["mirror"]["events_lacking"].as_u64().unwrap() > 3);
    let ran = world.run(&["vault", "mirror", "catch-up"]);
    assert_eq!(ran.status.code(), Some(1), "{}", both(&ran));
    let ran = world.run(&["vault", "repair"]);
    assert_eq!(ran.status.code(), Some(1), "{}", both(&ran));

    fs::rename(&aside, &mirror).unwrap();
    let ran = world.run(&["vault", "mirror", "catch-up"]);
    assert!(ran.status.success(), "{}", both(&ran));
    assert!(both(&ran).contains("holds all"), "{}", both(&ran));
    let ran = world.run(&["verify", "--full"]);
    assert!(ran.status.success(), "{}", both(&ran));
    assert!(!both(&ran).contains("WARNING"), "{}", both(&ran));
}

#[test]
fn what_is_read_from_the_mirror_is_told_and_the_mirror_alone_goes_on() {
    let world = World::mirrored();
    let mirror = world.mirror.clone().unwrap();
    let usb = world.folder.path().join("usb");
    put(&usb, "a.txt", b"one");
    world.take_in(&usb, "stick", &["--no-receipt"]);
    fs::remove_dir_all(world.dir.join("vault")).unwrap();
    let got = world.folder.path().join("got");
    let words = [
        "item",
        "get",
        "UKR-000001-0000001",
        "--purpose",
        "a test",
        "-o",
    ];
    let ran = world.run(&[&words[..], &[got.to_str().unwrap()]].concat());
    assert!(ran.status.success(), "{}", both(&ran));
    assert_eq!(fs::read(&got).unwrap(), b"one");
    let said = String::from_utf8(ran.stderr).unwrap();
    assert!(
        said.contains("WARNING") && said.contains("vault repair"),
        "{said}"
    );
    let repaired = world.json(&["vault", "repair"]);
    assert_eq!(repaired["packs"], 1);

    // The first store is lost, all of it; of the folder the keyring alone is left.
    let listing = world.listing();
    for entry in fs::read_dir(&world.dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("keyring") {
            fs::remove_dir_all(&path).unwrap();
        } else if path.is_file() {
            fs::remove_file(&path).unwrap();
        }
    }
    assert!(!Path::new(&world.dir.join("keys")).exists());
    world.fine(&["rebuild", "--objects", mirror.to_str().unwrap()]);
    assert_eq!(world.listing(), listing);
    world.fine(&["verify", "--full"]);
}

#[test]
fn a_mirror_is_added_with_its_first_copy_and_nothing_is_called_a_recovery() {
    let world = World::new();
    let usb = world.folder.path().join("usb");
    put(&usb, "a.txt", b"one");
    put(&usb, "large", &vec![7; (4 << 20) + 9]);
    world.take_in(&usb, "stick", &["--no-receipt"]);
    let ran = world.run(&["vault", "mirror", "add", "second"]);
    let said = both(&ran);
    assert!(ran.status.success(), "{said}");
    for word in [
        "second is the mirror now",
        "First copy: 2 packs copied",
        "holds all",
    ] {
        assert!(said.contains(word), "{word:?} is not in {said}");
    }
    for word in ["recovered", "missed", "WARNING"] {
        assert!(!said.contains(word), "{word:?} is in {said}");
    }
    world.fine(&["verify", "--full"]);
}

#[test]
fn a_mirror_can_take_two_persons_to_add_and_to_drop() {
    let world = World::new();
    let folder = world.folder.path();
    world.fine(&["person", "add", "--member", "LTU", "Jonas"]);
    let [olena, jonas] = ["olena", "jonas"].map(|name| crate::succession::key(folder, name));
    world.fine(&["--key", &olena, "person", "key"]);
    let second = ["--actor", "LTU-P0001", "--key", &jonas];
    world.fine(&[&second[..], &["person", "key"]].concat());
    let rules = [
        "proposal",
        "rules",
        "--set",
        "erase",
        "--set",
        "mirror:other-member",
    ];
    world.fine(&[&["--key", &olena][..], &rules].concat());
    let mirror = |words: &[&str]| {
        let whole = [&["--key", olena.as_str(), "vault", "mirror"][..], words].concat();
        world.fine(&whole)
    };
    let confirm =
        |number: &str| world.fine(&[&second[..], &["proposal", "confirm", number]].concat());
    let place = folder.join("second");
    let said = mirror(&["add", "second"]);
    assert!(
        said.contains("To be done: give the centre a mirror at"),
        "{said}"
    );
    assert!(!place.exists(), "something was done");
    assert!(confirm("P0001").contains("is the mirror now"));
    assert!(place.join("ledger/checkpoint").exists());
    let said = mirror(&["drop"]);
    assert!(
        said.contains("To be done: drop the centre's mirror at"),
        "{said}"
    );
    assert!(
        world
            .fine(&["vault", "mirror", "list"])
            .contains("holds all")
    );
    assert!(confirm("P0002").contains("is no mirror any more"));
    assert!(
        world
            .fine(&["vault", "mirror", "list"])
            .contains("no mirror")
    );
    world.fine(&["verify", "--full"]);
}
