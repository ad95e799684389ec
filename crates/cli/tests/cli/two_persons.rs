//! What two persons do, as they see it: the verb proposes, another person confirms.

use std::path::PathBuf;
use std::process::Command;

use crate::world::{World, both};

/// A person's private key file.
fn key(world: &World, name: &str) -> PathBuf {
    let file = world.folder.path().join(name);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&file)
        .status();
    assert!(made.unwrap().success());
    file
}

#[test]
fn a_disclosure_is_proposed_by_its_verb_and_made_by_whoever_confirms_it() {
    let world = World::new();
    let usb = world.folder.path().join("usb");
    std::fs::create_dir(&usb).unwrap();
    std::fs::write(usb.join("a.txt"), b"A file.").unwrap();
    world.take_in(&usb, "Police", &[]);
    world.fine(&["person", "add", "--member", "LTU", "Jonas"]);
    let (olena, jonas) = (key(&world, "olena"), key(&world, "jonas"));
    let (olena, jonas) = (olena.to_str().unwrap(), jonas.to_str().unwrap());
    world.fine(&["--key", olena, "person", "key"]);
    world.fine(&["--actor", "LTU-P0001", "--key", jonas, "person", "key"]);
    let rules = ["--key", olena, "proposal", "rules", "--set", "erase"];
    world.fine(&[&rules[..], &["--set", "disclose:48:other-member"]].concat());
    let package = world.folder.path().join("package");
    let place = package.to_str().unwrap();
    let disclose = [
        "disclose",
        "--case",
        "C0001",
        "--purpose",
        "trial",
        "-o",
        place,
    ];
    let said = world.fine(&[&["--key", olena], &disclose[..]].concat());
    for part in [
        "disclose 1 exhibit of C0001, for “trial”",
        "Proposed as P0001",
        "proposal confirm P0001",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert!(!package.exists());
    let said = world.fine(&["proposal", "list"]);
    assert!(said.contains("disclose 1 exhibit of C0001"), "{said}");
    let confirm = ["proposal", "confirm", "P0001"];
    let alone = world.run(&[&["--key", olena], &confirm[..], &["-o", place]].concat());
    assert!(!alone.status.success() && both(&alone).contains("the same person"));
    let second = [&["--actor", "LTU-P0001", "--key", jonas], &confirm[..]].concat();
    let nowhere = world.run(&second);
    assert!(both(&nowhere).contains("-o DIR"), "{}", both(&nowhere));
    world.fine(&[&second[..], &["-o", place]].concat());
    assert!(package.join("bagit.txt").exists());
    world.fine(&["verify", "--full"]);
    // No verb does alone what takes two.
    let said = world.json(&[&["--key", olena], &disclose[..6], &[&format!("{place}-2")]].concat());
    assert_eq!(
        (said["proposal"].as_str(), said["act"].as_str()),
        (Some("P0002"), Some("disclose"))
    );
}
