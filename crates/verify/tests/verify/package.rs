//! A package that holds, in all the ways it can be asked about, and packages and logs that contradict what was recorded.

use std::fs;
use std::path::Path;

use crate::world::*;
use comity_core::Digest;
use comity_core::body::Field;
use comity_core::json::{Value, parse};
use comity_core::merkle::consistency_proof;
use comity_core::package::{Consistency, bag};
use comity_core::tile::TileId;

const NOT_ANCHORED: &str =
    "CONSISTENT, NOT ANCHORED: compare this fingerprint with one you had from elsewhere";

const FIRST: &str = "UKR-000123-0000001";

#[test]
fn a_whole_package_holds() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    let answer = verify(&[&made.folder]);
    answer.expect(
        0,
        &[
            "recorded: its making stands at index",
            "that nothing came later is the discloser's word",
        ],
    );
    assert_eq!(answer.first_line(), NOT_ANCHORED);
    assert!(
        answer
            .text
            .contains(&made.centre.log.signer.keys().fingerprint_groups())
    );
    answer.expect(
        0,
        &[
            "items outside the selection are outside the proof",
            "index.html proves nothing",
        ],
    );

    let anchored = verify(&[&made.folder, Path::new("--keys"), &made.keys]);
    anchored.expect(0, &["VERIFIED"]);
    let with_log = verify(&[
        &made.folder,
        Path::new("--keys"),
        &made.keys,
        Path::new("--log"),
        &made.tree,
    ]);
    with_log.expect(
        0,
        &[
            "VERIFIED",
            "holds no other leaf of these exhibits",
            "6 came after it",
        ],
    );
    assert!(
        !with_log.text.contains("the discloser's word"),
        "{}",
        with_log.text
    );
}

#[test]
fn an_anchor_can_be_required() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    verify_with(&made.folder, &["--require-anchor"]).expect(1, &[NOT_ANCHORED]);
    verify(&[
        &made.folder,
        Path::new("--require-anchor"),
        Path::new("--keys"),
        &made.keys,
    ])
    .expect(0, &["VERIFIED"]);
}

#[test]
fn answers_in_json() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    let answer = verify_with(&made.folder, &["--json"]);
    answer.expect(0, &[]);
    let value = parse(answer.text.as_bytes()).unwrap();
    assert_eq!(value["verdict"], "consistent, not anchored");
    assert_eq!(value["findings"], Value::Array(Vec::new()));
    assert_eq!(value["package"]["recording"]["state"], "recorded");
    assert_eq!(value["package"]["exhibits"], 6);
    assert_eq!(value["package"]["withheld"], 2);
    fs::write(made.folder.join("data/UKR-000123-0000001.txt"), "x").unwrap();
    let value = parse(verify_with(&made.folder, &["--json"]).text.as_bytes()).unwrap();
    assert_eq!(value["verdict"], "failed");
    assert_eq!(value["findings"][0]["place"], "UKR-000123-0000001");
}

#[test]
fn used_wrongly() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    verify(&[]).expect(2, &["say which package"]);
    verify(&[Path::new("/nowhere/at/all")]).expect(2, &["cannot read"]);
    verify_with(&made.folder, &["--colour"]).expect(2, &["--colour"]);
    verify_with(&made.folder, &["--keys"]).expect(2, &[]);
    verify_with(&made.folder, &["--keys", "/nowhere"]).expect(2, &["cannot use the keys"]);
    verify_with(&made.folder, &["--log", "/nowhere"]).expect(2, &["cannot read the log"]);
    verify_with(&made.folder, &["--against", "."]).expect(2, &["--against is for receipts"]);
    let empty = root.path().join("empty");
    fs::create_dir(&empty).unwrap();
    verify(&[&empty]).expect(1, &["neither a package nor a receipt"]);
}

#[test]
fn what_is_missing_is_said_once_and_nothing_is_made_of_it() {
    for name in ["comity/items.jsonl", "comity/events.jsonl"] {
        let root = tempfile::tempdir().unwrap();
        let made = made(root.path());
        fs::remove_file(made.folder.join(name)).unwrap();
        let missing = format!("{name}: is missing");
        verify(&[&made.folder]).expect(1, &["FAILED: 1 thing is wrong", &missing]);
    }
}

#[test]
fn a_package_made_again_is_not_the_recorded_one() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    write(
        &made.folder,
        "index.html",
        b"<!doctype html><p>another page\n",
    );
    seal_bag(&made.folder);
    verify(&[&made.folder]).expect(
        1,
        &["NAME.disclosure.tlog-proof: another package was recorded"],
    );
}

#[test]
fn another_log_with_the_same_name_is_told_apart_by_its_keys() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    let mut forged = Centre::new();
    forged.log = Log::new(9);
    forged.fill(3);
    let item = receive(&mut forged, 1, "a.txt", Some(b"planted"), "sealed");
    let forged = disclose(&root.path().join("forged"), forged, vec![item]);
    assert_eq!(verify(&[&forged.folder]).first_line(), NOT_ANCHORED);
    verify(&[&forged.folder, Path::new("--keys"), &made.keys]).expect(
        1,
        &[
            "comity/keys: are not the keys that you gave",
            "comity/log/checkpoint: ",
        ],
    );
}

#[test]
fn the_log_shows_what_was_left_out() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    let mut items = made.items.clone();
    items[0].events.truncate(1);
    let shortened = root.path().join("shortened/NAME");
    write_package(&shortened, &made.centre.log, &items, made.size_a);
    assert_eq!(verify(&[&shortened]).first_line(), NOT_ANCHORED);
    verify(&[&shortened, Path::new("--log"), &made.tree]).expect(
        1,
        &["UKR-000123-0000001: the package shows 1 events, and the log has 2 at the same checkpoint"],
    );
}

#[test]
fn a_log_that_does_not_fit_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    let log = Path::new("--log");
    let young = root.path().join("young");
    made.centre.log.export(&young, made.size_a - 1);
    verify(&[&made.folder, log, &young])
        .expect(1, &["log: checkpoint: has", "older than the package"]);

    let mut other = Log::new(1);
    for entry in &made.centre.log.entries {
        other.append(entry.clone());
    }
    other.entries.swap(0, 1);
    let mut forked = Log::new(1);
    for entry in other.entries {
        forked.append(entry);
    }
    let fork = root.path().join("fork");
    forked.export(&fork, forked.size());
    verify(&[&made.folder, log, &fork])
        .expect(1, &["do not hash to the root of the package's checkpoint"]);

    for (damage, word) in [
        (None, "is missing"),
        (Some(&b"\0\x05short"[..]), "leaf 0: "),
    ] {
        let tree = root.path().join("damaged");
        copy(&made.tree, &tree);
        let bundle = tree.join("tile/entries/000");
        match damage {
            None => fs::remove_file(&bundle).unwrap(),
            Some(bytes) => fs::write(&bundle, bytes).unwrap(),
        }
        verify(&[&made.folder, log, &tree]).expect(1, &["log: tile/entries/000", word]);
    }
}

#[test]
fn a_second_leaf_of_the_same_place_is_named() {
    let root = tempfile::tempdir().unwrap();
    let Made {
        mut centre,
        folder,
        items,
        ..
    } = made(root.path());
    let fork = centre.log.entries[items[0].events[1].index as usize].clone();
    centre.log.append(fork);
    let tree = root.path().join("forked");
    centre.log.export(&tree, centre.log.size());
    verify(&[&folder, Path::new("--log"), &tree]).expect(
        1,
        &["UKR-000123-0000001: the log has a second leaf for its event 1"],
    );
}

/// What only the keeper of a log could do: its tree is in order, and its chains are not.
#[test]
fn a_log_that_contradicts_itself_is_named() {
    type Contradiction = (fn(&mut Centre, &mut Item), &'static str);
    let viewed = |centre: &mut Centre, item: &mut Item, ern: &str| {
        let fields = vec![
            Field::custody("ern", ern),
            Field::custody("purpose", "review"),
        ];
        item.events
            .push(centre.record(item.chain, "opened", fields));
    };
    let contradictions: &[Contradiction] = &[
        (
            |centre, item| centre.break_chain(item.chain),
            "event 1 does not continue event 0",
        ),
        (
            |centre, item| {
                let again = vec![Field::custody("ern", item.ern.to_string())];
                item.events
                    .push(centre.record(item.chain, "received", again));
            },
            "event 1: an exhibit is received once, as its event 0",
        ),
        (
            |centre, item| {
                let other = vec![Field::custody("ern", "UKR-000123-0000002")];
                item.events.push(centre.record(item.chain, "opened", other));
            },
            "event 1: it was recorded for UKR-000123-0000002, not for this exhibit",
        ),
        (
            |centre, item| {
                item.chain = centre.chain();
                item.events.clear();
                let fields = vec![Field::custody("ern", item.ern.to_string())];
                item.events
                    .push(centre.record(item.chain, "opened", fields));
            },
            "its chain does not begin with the event that received it",
        ),
        (
            |_, item| item.events[0] = item.events[0].without("ern"),
            "event 0: it does not open ern",
        ),
        (
            |_, item| item.events[0] = item.events[0].without("sha256"),
            "comity/items.jsonl gives another digest",
        ),
    ];
    for (contradict, words) in contradictions {
        let root = tempfile::tempdir().unwrap();
        let mut centre = Centre::new();
        let mut item = receive(&mut centre, 1, "a.txt", Some(b"a"), "sealed");
        contradict(&mut centre, &mut item);
        viewed(&mut centre, &mut item, FIRST);
        let made = disclose(root.path(), centre, vec![item]);
        verify(&[&made.folder]).expect(1, &[FIRST, words]);
    }

    let root = tempfile::tempdir().unwrap();
    let mut centre = Centre::new();
    let mut item = receive(&mut centre, 1, "a.txt", Some(b"a"), "sealed");
    viewed(&mut centre, &mut item, FIRST);
    let [first, second] = &mut item.events[..] else {
        panic!()
    };
    centre.swap(first, second);
    let made = disclose(root.path(), centre, vec![item]);
    verify(&[&made.folder]).expect(1, &["event 1 stands before event 0 in the log"]);
}

#[test]
fn two_exhibits_do_not_share_a_chain() {
    let root = tempfile::tempdir().unwrap();
    let mut centre = Centre::new();
    let item = receive(&mut centre, 1, "a.txt", Some(b"a"), "sealed");
    let mut twin = item.clone();
    twin.ern = "UKR-000123-0000002".parse().unwrap();
    let made = disclose(root.path(), centre, vec![item, twin]);
    verify(&[&made.folder]).expect(
        1,
        &["UKR-000123-0000002: it claims the chain of UKR-000123-0000001"],
    );
}

/// What was recorded must be this package's making, at checkpoints that fit.
#[test]
fn a_recording_of_something_else_is_named() {
    type Act = (&'static str, Vec<Field>, &'static str);
    let root = tempfile::tempdir().unwrap();
    let mut made = made(root.path());
    let digest = Digest::of(&fs::read(made.folder.join(bag::TAGMANIFEST)).unwrap()).to_string();
    let said = |tagmanifest: &str, exhibits: u64, recipient: &str| {
        vec![
            Field::custody("case", "C0001"),
            Field::custody("purpose", "trial"),
            Field::custody("recipient", recipient),
            Field::content("tagmanifest_sha256", tagmanifest),
            Field::content("exhibits", exhibits),
        ]
    };
    let acts: Vec<Act> = vec![
        ("disclosed", said(&digest, 6, "the court"), ""),
        (
            "opened",
            said(&digest, 6, "the court"),
            "its act is not a disclosure",
        ),
        (
            "disclosed",
            said(&digest, 5, "the court"),
            "does not say that there are 6 exhibits",
        ),
        (
            "disclosed",
            said(&digest, 6, "the press"),
            "another recipient",
        ),
        (
            "disclosed",
            said(&"0".repeat(64), 6, "the court"),
            "another package was recorded",
        ),
    ];
    for (kind, fields, words) in acts {
        let chain = made.centre.chain();
        let act = made.centre.record(chain, kind, fields);
        let size = made.centre.log.size();
        write_beside(&made.folder, &made.centre.log, &act, made.size_a, size);
        let code = i32::from(!words.is_empty());
        verify(&[&made.folder]).expect(code, &[words]);
    }
    // An act from before the package cannot speak of it, whatever it says.
    let chain = made.centre.chain();
    let act = made
        .centre
        .record(chain, "disclosed", said(&digest, 6, "the court"));
    let size = made.centre.log.size();
    write_package(&made.folder, &made.centre.log, &made.items, size);
    write_beside(&made.folder, &made.centre.log, &act, size, size);
    verify(&[&made.folder]).expect(1, &["is not after checkpoint A"]);
}

#[test]
fn checkpoints_that_do_not_fit_are_named() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    let file = beside(&made.folder, ".consistency");
    let size = made.centre.log.size();
    let write = |old: u64, new: u64, proved: (u64, u64)| {
        let log = &made.centre.log;
        let hashes = consistency_proof(proved.0, proved.1, |tiles| log.tiles(tiles)).unwrap();
        let file_bytes = Consistency {
            hashes,
            old: log.checkpoint(old),
            new: log.checkpoint(new),
        };
        fs::write(&file, file_bytes.encode()).unwrap();
    };
    write(made.size_a - 1, size - 3, (made.size_a - 1, size - 3));
    verify(&[&made.folder]).expect(
        1,
        &["its earlier checkpoint is not the package's checkpoint A"],
    );
    write(made.size_a, size, (made.size_a, size));
    verify(&[&made.folder]).expect(1, &["its later checkpoint is not that of"]);
    write(made.size_a, size - 3, (made.size_a, size));
    verify(&[&made.folder]).expect(1, &["does not continue the earlier one"]);
}

#[test]
fn a_tile_that_nothing_needs_is_named() {
    let root = tempfile::tempdir().unwrap();
    let made = made_after(root.path(), 600);
    verify(&[&made.folder]).expect(0, &[]);
    let tile = TileId {
        level: 0,
        index: 0,
        width: 256,
    };
    let name = format!("comity/log/{}", tile.path());
    write(&made.folder, &name, &made.centre.log.tile(tile));
    seal_bag(&made.folder);
    verify(&[&made.folder]).expect(
        1,
        &["comity/log/tile/0/000: is a tile that no event here needs"],
    );
}

#[test]
fn a_log_whose_end_was_changed_is_named() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    let mut other = Log::new(1);
    let (last, rest) = made.centre.log.entries.split_last().unwrap();
    rest.iter().for_each(|entry| {
        other.append(entry.clone());
    });
    other.append(last.clone());
    let tree = root.path().join("changed");
    other.export(&tree, other.size());
    // The last bundle with its last leaf of another chain, under the checkpoint of the true log.
    let bundle = names(&tree.join("tile/entries"))
        .into_iter()
        .rfind(|name| name.contains(".p/"))
        .unwrap();
    let path = tree.join("tile/entries").join(bundle);
    let text = String::from_utf8_lossy(last).into_owned();
    let at = last.len() - text.find("\"chain\":\"").unwrap() - 9;
    let mut bytes = fs::read(&path).unwrap();
    let place = bytes.len() - at;
    bytes[place] = if bytes[place] == b'0' { b'1' } else { b'0' };
    fs::write(&path, bytes).unwrap();
    verify(&[&made.folder, Path::new("--log"), &tree]).expect(
        1,
        &["the leaves do not hash to the root of the log's checkpoint"],
    );
}

#[test]
fn manifests_are_what_sha256sum_reads() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    for manifest in [bag::MANIFEST, bag::TAGMANIFEST] {
        let status = std::process::Command::new("sha256sum")
            .args(["--quiet", "--strict", "-c", manifest])
            .current_dir(&made.folder)
            .status()
            .unwrap();
        assert!(status.success());
    }
}
