//! The succession of the log's keys at the command line, with a witness and a reader from before.

use std::fs;

use std::path::Path;
use std::process::{Command, Output};

use crate::world::{World, bare, both, put};

/// A private key of a person.
pub fn key(folder: &Path, name: &str) -> String {
    let file = folder.join(name);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&file)
        .status();
    assert!(made.unwrap().success());
    file.to_str().unwrap().to_owned()
}

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

/// On a machine that has no centre.
fn elsewhere(words: &[&str]) -> Output {
    bare(words).output().unwrap()
}

#[test]
fn heirs_sign_a_draft_each_on_a_machine_of_their_own_and_enough_of_them_name_the_new_keys() {
    let world = World::new();
    let folder = world.folder.path();
    let at = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    world.fine(&["person", "add", "--member", "LTU", "Jonas"]);
    let (olena, jonas) = (key(folder, "olena"), key(folder, "jonas"));
    world.fine(&["--key", &olena, "person", "key"]);
    world.fine(&["--actor", "LTU-P0001", "--key", &jonas, "person", "key"]);
    let none = world.run(&["keys", "succeed", "--lost", &at("early")]);
    assert!(
        both(&none).contains("no heirs of the log's keys were named"),
        "{}",
        both(&none)
    );
    let heirs = ["--key", &olena, "keys", "heirs", "--need", "2"];
    let both_of = ["--person", "UKR-P0001", "--person", "LTU-P0001"];
    let said = world.fine(&[&heirs[..], &both_of].concat());
    assert!(said.contains("any 2 of UKR-P0001, LTU-P0001"), "{said}");

    let draft = at("draft");
    let said = world.fine(&["keys", "succeed", "--lost", &draft]);
    for part in [
        "2 of UKR-P0001, LTU-P0001 must sign it",
        "Until then record nothing",
    ] {
        assert!(said.contains(part), "{said}");
    }
    let again = world.run(&["keys", "succeed", "--lost", &draft]);
    assert!(
        !again.status.success(),
        "a draft that may have signatures was replaced"
    );
    let sign = |person: &str, key: &str| {
        elsewhere(&["--key", key, "keys", "sign", &draft, "--person", person])
    };
    let signed = sign("UKR-P0001", &olena);
    assert!(signed.status.success(), "{}", both(&signed));
    for part in [
        "UKR-P0001 has signed: after",
        "these keys sign",
        "on another way than this file",
    ] {
        assert!(both(&signed).contains(part), "{}", both(&signed));
    }
    let record = ["--key", &olena, "keys", "succeed", "--signed", &draft];
    let short = world.run(&record);
    assert!(
        both(&short).contains("1 heirs of the 2"),
        "{}",
        both(&short)
    );
    // A key of somebody else in an heir's name counts for nothing.
    fs::copy(&draft, at("forged")).unwrap();
    let forged = elsewhere(&[
        "--key",
        &olena,
        "keys",
        "sign",
        &at("forged"),
        "--person",
        "LTU-P0001",
    ]);
    assert!(forged.status.success());
    let refused = world.run(&[
        "--key",
        &olena,
        "keys",
        "succeed",
        "--signed",
        &at("forged"),
    ]);
    assert!(!refused.status.success());

    assert!(sign("LTU-P0001", &jonas).status.success());
    // What was recorded in between is not in the draft's tree.
    world.fine(&["case", "new", "Another case"]);
    let late = world.run(&record);
    assert!(both(&late).contains("draft another one"), "{}", both(&late));
    fs::remove_file(&draft).unwrap();
    world.fine(&["keys", "succeed", "--lost", &draft]);
    for (person, key) in [("UKR-P0001", &olena), ("LTU-P0001", &jonas)] {
        assert!(sign(person, key).status.success());
    }
    let said = world.fine(&[&record[..], &["--reason", "the safe burnt"]].concat());
    for part in [
        "by the quorum of UKR-P0001 and LTU-P0001",
        "Fingerprint",
        "destroy them, and make a new backup",
    ] {
        assert!(said.contains(part), "{said}");
    }
    for words in [&["verify", "--full"][..], &["rebuild", "--check"]] {
        world.fine(words);
    }
    assert!(world.fine(&["keys", "status"]).contains("by the quorum of"));
}

#[test]
fn a_succession_that_takes_two_is_proposed_by_its_verb_and_confirmed() {
    let world = World::new();
    let folder = world.folder.path();
    world.fine(&["person", "add", "--member", "LTU", "Jonas"]);
    let (olena, jonas) = (key(folder, "olena"), key(folder, "jonas"));
    world.fine(&["--key", &olena, "person", "key"]);
    world.fine(&["--actor", "LTU-P0001", "--key", &jonas, "person", "key"]);
    let rules = [
        "--set",
        "erase",
        "--set",
        "keys_succeed:other-member",
        "--set",
        "keys_lock",
    ];
    world.fine(&[&["--key", &olena, "proposal", "rules"], &rules[..]].concat());
    let said = world.fine(&["--key", &olena, "keys", "succeed", "--reason", "five years"]);
    assert!(
        said.contains("To be done: give the log new keys."),
        "{said}"
    );
    let heirs = [
        "--key",
        &olena,
        "keys",
        "heirs",
        "--need",
        "1",
        "--person",
        "LTU-P0001",
    ];
    let said = world.fine(&heirs);
    assert!(
        said.contains("name the heirs of the log's keys: any 1 of LTU-P0001+"),
        "{said}"
    );
    let second = [
        "--actor",
        "LTU-P0001",
        "--key",
        &jonas,
        "proposal",
        "confirm",
    ];
    let said = world.fine(&[&second[..], &["P0002"]].concat());
    assert!(said.contains("heirs of the keys were named"), "{said}");
    let said = world.fine(&[&second[..], &["P0001"]].concat());
    assert!(said.contains("keys succeeded at size"), "{said}");

    // The desk's key is brought by both; another one than was proposed locks nothing.
    let desk = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    for name in ["ltu.desk", "other.desk"] {
        let said = world.fine(&["keys", "desk-key", "--member", "LTU", "-o", &desk(name)]);
        assert!(said.contains("Its fingerprint is "), "{said}");
    }
    let lock = [
        "keys",
        "lock",
        "--member",
        "LTU",
        "--desk-key",
        &desk("ltu.desk"),
    ];
    let said = world.fine(&[&["--key", &olena], &lock[..]].concat());
    assert!(
        said.contains("lock the scope of LTU with the desk's key "),
        "{said}"
    );
    let third = [&second[..], &["P0003", "--desk-key"]].concat();
    let other = world.run(&[&third[..], &[&desk("other.desk")]].concat());
    assert!(
        both(&other).contains("proposes something else"),
        "{}",
        both(&other)
    );
    world.fine(&[&third[..], &[&desk("ltu.desk")]].concat());
    world.fine(&["verify", "--full", "--desk-key", &desk("ltu.desk")]);
}
