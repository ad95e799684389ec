//! The log's keys were succeeded: readers of the old keys follow, old papers hold, and thieves are named.

use std::fs;
use std::path::{Path, PathBuf};

use comity_core::checkpoint::{LogKeys, LogSigner};
use comity_core::succession::{Chain, Heirs, Statement, Succession};

use crate::world::*;

/// A statement from the keys `old` to `new` over the log as it stands, signed by `signers`.
fn statement(log: &Log, old: &LogSigner, new: &LogSigner, signers: &[&LogSigner]) -> Vec<u8> {
    let says = Succession {
        origin: log.keys.origin().to_owned(),
        size: log.size(),
        root: log.root(log.size()),
        old: old.keys().vkeys().to_vec(),
        new: new.keys().vkeys().to_vec(),
        heirs: Heirs::default(),
    };
    let text = says.text();
    let mut statement = Statement::new(says).unwrap();
    for signer in signers {
        let lines = signer.sign_statement(&text).unwrap();
        lines.into_iter().for_each(|line| statement.push(line));
    }
    statement.encode()
}

fn key_file(root: &Path, name: &str, keys: &LogKeys) -> PathBuf {
    let file = root.join(name);
    fs::write(&file, keys.to_file()).unwrap();
    file
}

/// The keys of three reigns, one succession after the other, in a log of seven leaves.
struct Reigns {
    centre: Centre,
    old: LogSigner,
    middle: LogSigner,
}

fn reigns() -> Reigns {
    let mut centre = Centre::new();
    let (old, middle) = (at_origin(&centre, 51), at_origin(&centre, 61));
    centre.fill(3);
    let mut text = statement(&centre.log, &old, &middle, &[&old, &middle]);
    centre.fill(4);
    let last = &centre.log.signer;
    text.extend(statement(&centre.log, &middle, last, &[&middle, last]));
    let chain = Chain::parse(&String::from_utf8(text).unwrap()).unwrap();
    centre.log.keys = old.keys().clone().succeeded(chain).unwrap();
    Reigns {
        centre,
        old,
        middle,
    }
}

fn at_origin(centre: &Centre, seed: u8) -> LogSigner {
    let origin = centre.log.signer.origin();
    LogSigner::new(origin, &[seed; 32], &[seed + 1; 32]).unwrap()
}

fn letter(centre: &mut Centre) -> Vec<Item> {
    vec![receive(
        centre,
        1,
        "letter.txt",
        Some(b"A letter"),
        "sealed",
    )]
}

#[test]
fn a_reader_of_old_keys_follows_two_successions_and_is_told() {
    let root = tempfile::tempdir().unwrap();
    let Reigns {
        mut centre,
        old,
        middle,
    } = reigns();
    let items = letter(&mut centre);
    let made = disclose(root.path(), centre, items);
    let told = |keys: &LogKeys, words: &[&str]| {
        let file = key_file(root.path(), "anchor", keys);
        let answer = verify(&[
            &made.folder,
            Path::new("--keys"),
            &file,
            Path::new("--log"),
            &made.tree,
        ]);
        answer.expect(0, words);
        answer
    };
    let (first, second) = (
        "keys succeeded at size 3, signed by the old keys",
        "keys succeeded at size 7, signed by the old keys",
    );
    told(old.keys(), &["VERIFIED", first, second]);
    let later = told(middle.keys(), &["VERIFIED", second]);
    assert!(!later.text.contains(first), "{}", later.text);
    told(made.centre.log.signer.keys(), &["VERIFIED"]);
    told(&made.centre.log.keys, &["VERIFIED"]);
}

#[test]
fn an_old_package_holds_with_the_new_key_file() {
    let root = tempfile::tempdir().unwrap();
    let mut centre = Centre::new();
    let new = at_origin(&centre, 71);
    centre.fill(3);
    let items = letter(&mut centre);
    let made = disclose(root.path(), centre, items);
    let log = &made.centre.log;
    let text = statement(log, &log.signer, &new, &[&log.signer, &new]);
    let chain = Chain::parse(&String::from_utf8(text).unwrap()).unwrap();
    let keys = log.signer.keys().clone().succeeded(chain).unwrap();
    let file = key_file(root.path(), "anchor", &keys);
    verify(&[&made.folder, Path::new("--keys"), &file]).expect(0, &["VERIFIED"]);
    // Keys of the same log that nothing connects with it are not taken.
    let bare = key_file(root.path(), "bare", new.keys());
    verify(&[&made.folder, Path::new("--keys"), &bare])
        .expect(1, &["are not the keys that you gave"]);
}

#[test]
fn a_thief_of_old_keys_signs_nothing_above_the_succession() {
    let root = tempfile::tempdir().unwrap();
    let Reigns {
        mut centre, old, ..
    } = reigns();
    let keys = centre.log.keys.clone();
    // With the true key file in the package; and with one of the thief's own.
    for (name, own) in [("true", keys.clone()), ("own", old.keys().clone())] {
        let mut thief = Centre::new();
        thief.fill(7);
        thief.log.signer = at_origin(&centre, 51);
        thief.log.keys = own;
        let items = letter(&mut thief);
        let folder = root.path().join(name);
        fs::create_dir(&folder).unwrap();
        let made = disclose(&folder, thief, items);
        let file = key_file(root.path(), "anchor", &keys);
        verify(&[&made.folder, Path::new("--keys"), &file]).expect(
            1,
            &[
                "FAILED",
                "signed by keys of the log that hold only up to size 3",
            ],
        );
    }
    let items = letter(&mut centre);
    disclose(root.path(), centre, items);
}

#[test]
fn a_statement_of_one_side_alone_leads_nowhere() {
    let root = tempfile::tempdir().unwrap();
    let mut centre = Centre::new();
    let old = at_origin(&centre, 51);
    centre.fill(3);
    let new = &centre.log.signer;
    // By the new keys alone: anybody can make that. By the old ones alone: nobody shows that the new ones exist.
    for (name, signers) in [("new", [new, new]), ("old", [&old, &old])] {
        let text = statement(&centre.log, &old, new, &signers);
        assert!(
            Chain::parse(std::str::from_utf8(&text).unwrap()).is_err(),
            "{name}"
        );
    }
    let items = letter(&mut centre);
    let text = statement(&centre.log, &old, &centre.log.signer, &[&centre.log.signer]);
    let mut file: String = String::from_utf8(text)
        .unwrap()
        .lines()
        .map(|line| format!("#= {line}\n"))
        .collect();
    file.push_str(&centre.log.keys.to_file());
    let made = disclose(root.path(), centre, items);
    fs::write(made.folder.join("comity/keys"), file).unwrap();
    seal_bag(&made.folder);
    let anchor = key_file(root.path(), "anchor", old.keys());
    verify(&[&made.folder, Path::new("--keys"), &anchor]).expect(
        1,
        &[
            "FAILED",
            "comity/keys: the succession at size",
            "is not vouched for",
        ],
    );
}

#[test]
fn two_successors_of_the_same_keys_are_not_weighed() {
    let root = tempfile::tempdir().unwrap();
    let Reigns {
        mut centre,
        old,
        middle,
    } = reigns();
    let items = letter(&mut centre);
    let made = disclose(root.path(), centre, items);
    let mut other = Centre::new();
    other.fill(2);
    let text = statement(&other.log, &old, &middle, &[&old, &middle]);
    let chain = Chain::parse(&String::from_utf8(text).unwrap()).unwrap();
    let keys = old.keys().clone().succeeded(chain).unwrap();
    let anchor = key_file(root.path(), "anchor", &keys);
    verify(&[&made.folder, Path::new("--keys"), &anchor]).expect(
        1,
        &["comity/keys: tell of another succession of the log's keys than those that you gave"],
    );
}
