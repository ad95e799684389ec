//! The succession of the log's keys at the command line, with a witness and a reader from before.

use std::fs;

use crate::world::{World, both, put};

#[test]
fn a_witness_and_a_reader_of_the_old_key_file_follow_the_succession() {
    let world = World::new();
    let at = |name: &str| world.folder.path().join(name).to_str().unwrap().to_owned();
    let usb = world.folder.path().join("usb");
    put(&usb, "a.txt", b"one");
    world.take_in(&usb, "stick", &["--no-receipt"]);
    fs::copy(world.dir.join("keys"), at("old-keys")).unwrap();
    world.fine(&["witness", "init", &at("witness"), "--name", "aster.example"]);
    world.fine(&["witness", "add-log", &at("witness"), &at("old-keys")]);

    let done = world.json(&["keys", "succeed", "--reason", "a year has passed"]);
    let what = format!(
        "keys succeeded at size {}, signed by the old keys",
        done["size"]
    );
    assert_eq!(done["what"], what.as_str());
    let status = both(&world.run(&["keys", "status"]));
    assert!(status.contains(&what), "{status}");
    assert!(status.contains("no heirs are named"), "{status}");
    world.fine(&["ledger", "status"]);
    for words in [
        &["verify", "--full"][..],
        &["verify", "--sealed"],
        &["rebuild", "--check"],
    ] {
        world.fine(words);
    }
    // The witness's keeper gives it the new file, and not one whose keys nothing leads to.
    let new = world.dir.join("keys").to_str().unwrap().to_owned();
    world.fine(&["witness", "add-log", &at("witness"), &new]);
    let bare: String = fs::read_to_string(&new)
        .unwrap()
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| format!("{line}\n"))
        .collect();
    fs::write(at("bare"), bare).unwrap();
    world.fine(&["witness", "init", &at("other"), "--name", "birch.example"]);
    world.fine(&["witness", "add-log", &at("other"), &at("old-keys")]);
    let refused = world.run(&["witness", "add-log", &at("other"), &at("bare")]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(
        both(&refused).contains("nothing in the file shows"),
        "{}",
        both(&refused)
    );
    // And goes on a second time.
    world.fine(&["keys", "succeed"]);
    world.fine(&["witness", "add-log", &at("other"), &new]);
}
