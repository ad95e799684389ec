//! The keyring's epochs at the command line.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use crate::kill::SIGKILL;
use crate::world::{World, both, leftovers, put};

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// A centre with two items of UKR.
fn with_items() -> (World, PathBuf) {
    let world = World::new();
    let usb = world.folder.path().join("usb");
    put(&usb, "a.txt", b"one");
    put(&usb, "b.txt", b"two");
    world.take_in(&usb, "stick", &["--no-receipt"]);
    (world, usb)
}

fn sound(world: &World, what: &str) {
    for words in [&["verify", "--full"][..], &["rebuild", "--check"]] {
        let ran = world.run(words);
        assert!(ran.status.success(), "{what}: {}", both(&ran));
    }
}

#[test]
fn a_new_epoch_and_fresh_scope_keys_change_nothing_that_is_read_and_everything_that_is_sealed_after()
 {
    let (world, usb) = with_items();
    let before = world.listing();
    let done = world.json(&["keys", "rotate", "--reason", "a year has passed"]);
    assert_eq!(done["epoch"], 2);
    assert_eq!(
        world.json(&["keys", "rotate", "--member", "UKR"])["epoch"],
        3
    );
    assert_eq!(world.listing(), before);
    sound(&world, "rotated");

    // Equal paths and bytes are found though the scope keys are others.
    put(&usb, "c.txt", b"three");
    world.take_in(&usb, "stick", &["--no-receipt"]);
    assert_eq!(world.listing().len(), 3);
    world.fine(&[
        "item",
        "get",
        "UKR-000001-0000001",
        "--purpose",
        "a look",
        "-o",
        "out",
    ]);
    world.fine(&["keys", "rotate", "--member", "UKR"]);
    sound(&world, "rotated twice");
    world.fine(&["rebuild"]);
    sound(&world, "rebuilt");
    let nobody = world.run(&["keys", "rotate", "--member", "XYZ"]);
    assert_eq!(nobody.status.code(), Some(2), "{}", both(&nobody));
    assert_eq!(world.json(&["keys", "rotate"])["epoch"], 5);
}

#[test]
fn an_older_keyring_is_refused_and_named() {
    let (world, _) = with_items();
    let keyring = world.dir.join("keyring");
    let old = world.folder.path().join("old");
    copy_folder(&keyring, &old);
    world.fine(&["keys", "rotate"]);
    copy_folder(&old, &keyring);
    let refused = world.run(&["item", "list"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(both(&refused).contains("older copy"), "{}", both(&refused));
    let checked = world.run(&["verify"]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(both(&checked).contains("epoch 2"), "{}", both(&checked));
}

#[test]
fn killed_before_any_durable_call_a_new_epoch_is_finished_or_never_began() {
    let (template, _) = with_items();
    let words = ["keys", "rotate", "--member", "UKR", "--reason", "a trial"];
    let reference = template.copy("reference");
    let count = reference.folder.path().join("count");
    let ran = reference
        .comity(&words)
        .env("COMITY_FAULT", format!("count:{}", count.display()))
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", both(&ran));
    let calls: usize = fs::read_to_string(&count).unwrap().trim().parse().unwrap();
    assert!(calls > 30, "{calls}");
    let expected = template.listing();

    let mut finished = 0;
    for n in 1..=calls {
        let world = template.copy("killed");
        let what = format!("killed before durable call {n} of {calls}");
        let ran = world
            .comity(&words)
            .env("COMITY_FAULT", format!("kill@{n}"))
            .output()
            .unwrap();
        assert_eq!(ran.status.signal(), Some(SIGKILL), "{what}: {}", both(&ran));
        // What lies there is whole for whoever only looks.
        let looked = world.run(&["verify"]);
        assert!(looked.status.success(), "{what}: {}", both(&looked));
        let list = world.run(&["--json", "item", "list"]);
        assert!(list.status.success(), "{what}: {}", both(&list));
        let said = String::from_utf8(list.stderr).unwrap();
        let began = said.contains("new epoch");
        finished += usize::from(began);
        assert_eq!(world.listing(), expected, "{what}");
        assert_eq!(leftovers(&world.dir), [] as [PathBuf; 0], "{what}");
        if n % 5 == 0 || began {
            sound(&world, &what);
        }
        let again = world.json(&words);
        let epoch = again["epoch"].as_u64().unwrap();
        assert!(epoch == 2 || epoch == 3, "{what}: {again}");
    }
    assert!(
        finished > 10,
        "only {finished} of {calls} kills left something to finish"
    );
}
