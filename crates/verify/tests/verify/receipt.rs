//! A receipt that holds, those that were forged, and a deliverer's own files against it.

use std::fs;
use std::path::{Path, PathBuf};

use comity_core::body::Field;

use crate::world::*;

struct Received {
    receipt: PathBuf,
    files: PathBuf,
    keys: PathBuf,
}

fn received(root: &Path) -> Received {
    let mut made = made(root);
    let receipt = root.join("receipt");
    let items = write_receipt(&receipt, &mut made.centre, &made.items);
    let files = root.join("files");
    for item in &items {
        match &item.bytes {
            Some(bytes) => write(&files, &item.path, bytes),
            None if item.state == "link" => {
                std::os::unix::fs::symlink("elsewhere", files.join(&item.path)).unwrap();
            }
            None => write(&files, &item.path, b"could not be read"),
        }
    }
    Received {
        receipt,
        files,
        keys: made.keys,
    }
}

#[test]
fn a_whole_receipt_holds() {
    let root = tempfile::tempdir().unwrap();
    let received = received(root.path());
    let answer = verify(&[&received.receipt]);
    answer.expect(
        0,
        &[
            "6 received, 1 delivered again",
            "your manifest: 1 missing",
            "Поліція",
        ],
    );
    assert!(answer.first_line().starts_with("CONSISTENT, NOT ANCHORED"));
    verify(&[&received.receipt, Path::new("--keys"), &received.keys]).expect(0, &["VERIFIED"]);
    verify(&[&received.receipt, Path::new("--require-anchor")]).expect(1, &["NOT ANCHORED"]);
    verify(&[&received.receipt, Path::new("--log"), &received.files]).expect(2, &[]);
    let status = std::process::Command::new("sha256sum")
        .args(["--quiet", "--strict", "-c", "SHA256SUMS"])
        .current_dir(&received.receipt)
        .status()
        .unwrap();
    assert!(status.success());
}

#[test]
fn what_was_received_begins_a_chain() {
    let root = tempfile::tempdir().unwrap();
    let mut centre = Centre::new();
    let mut item = receive(&mut centre, 1, "a.txt", Some(b"a"), "sealed");
    let again = item.events[0]
        .fields
        .iter()
        .skip(5)
        .filter(|field| field.value.is_some());
    let again: Vec<Field> = again
        .map(|field| Field {
            class: field.class,
            name: field.name.clone(),
            value: field.value.clone().unwrap(),
        })
        .collect();
    item.events = vec![centre.record(item.chain, "received", again)];
    let receipt = root.path().join("receipt");
    write_receipt(&receipt, &mut centre, &[item]);
    verify(&[&receipt]).expect(
        1,
        &["UKR-000123-0000001: was received, but not as the first event of its chain"],
    );
}

#[test]
fn the_deliverers_files_are_compared() {
    let root = tempfile::tempdir().unwrap();
    let received = received(root.path());
    let against = [
        received.receipt.as_path(),
        Path::new("--against"),
        &received.files,
    ];
    verify(&against).expect(0, &["5 files are as recorded, 2 have no digest"]);

    fs::write(received.files.join("mail/again.txt"), "other").unwrap();
    fs::remove_file(received.files.join("тека/лист №1.txt")).unwrap();
    fs::write(received.files.join("new\u{1b}[2J.txt"), "new").unwrap();
    let answer = verify(&against);
    answer.expect(
        1,
        &[
            "FAILED: 3 things are wrong",
            "mail/again.txt: different: its bytes are not those that were recorded",
            "тека/лист №1.txt: missing: the receipt lists it as UKR-000123-0000001",
            "new\\u{1b}[2J.txt: extra: the receipt does not list it",
        ],
    );
    verify(&[
        &received.receipt,
        Path::new("--against"),
        Path::new("/nowhere"),
    ])
    .expect(2, &["cannot list"]);
}

#[test]
fn a_folder_that_cannot_be_listed_is_named_and_the_rest_is_compared() {
    let root = tempfile::tempdir().unwrap();
    let received = received(root.path());
    // Deeper than a path may be long, so that nobody can list it by its path, the superuser neither.
    let (near, far) = ("n".repeat(250), received.files.join("far"));
    fs::create_dir(&far).unwrap();
    for _ in 0..17 {
        fs::create_dir_all(far.join(&near)).unwrap();
        let pushed = received.files.join("pushed");
        fs::rename(&far, &pushed).unwrap();
        fs::create_dir(&far).unwrap();
        fs::rename(&pushed, far.join(&near)).unwrap();
    }
    let answer = verify(&[
        received.receipt.as_path(),
        Path::new("--against"),
        &received.files,
    ]);
    answer.expect(
        1,
        &[
            "FAILED: 1 thing is wrong",
            "nnnn: this folder cannot be listed, and nothing in it was compared",
            "5 files are as recorded, 2 have no digest",
        ],
    );
}

#[test]
fn one_delivered_folder_is_compared_by_itself() {
    let root = tempfile::tempdir().unwrap();
    let received = received(root.path());
    let mail = received.files.join("mail");
    let against = [received.receipt.as_path(), Path::new("--against"), &mail];
    verify(&against).expect(0, &["2 files are as recorded", "5 lay elsewhere"]);
    fs::write(mail.join("again.txt"), "other").unwrap();
    verify(&against).expect(1, &["mail/again.txt: different"]);
}

type Forgery = (&'static str, fn(&Path), &'static [&'static str]);

const FORGERIES: &[Forgery] = &[
    (
        "another path",
        |receipt| {
            edit(
                receipt,
                "manifest.jsonl",
                "\"photo.JPG\"},",
                "\"photo.PNG\"},",
            )
        },
        &["UKR-000123-0000006: "],
    ),
    (
        "another path for people only",
        |receipt| {
            edit(
                receipt,
                "manifest.jsonl",
                "\"path\":\"photo.JPG\"",
                "\"path\":\"photo.PNG\"",
            )
        },
        &["UKR-000123-0000006: repeats another path than its fields have"],
    ),
    (
        "another index",
        |receipt| edit(receipt, "manifest.jsonl", "\"index\":250", "\"index\":249"),
        &["UKR-000123-0000001: its leaf is not the one that the log has at index 249"],
    ),
    (
        "a line left out",
        |receipt| {
            let text = fs::read_to_string(receipt.join("manifest.jsonl")).unwrap();
            let kept: String = text
                .lines()
                .skip(1)
                .map(|line| format!("{line}\n"))
                .collect();
            write(receipt, "manifest.jsonl", kept.as_bytes());
        },
        &[
            "receipt.json: says lines 8, and the manifest has 7",
            "manifest.jsonl: was altered",
        ],
    ),
    (
        "a line twice",
        |receipt| {
            let text = fs::read_to_string(receipt.join("manifest.jsonl")).unwrap();
            let first = text.lines().next().unwrap();
            write(
                receipt,
                "manifest.jsonl",
                format!("{first}\n{text}").as_bytes(),
            );
        },
        &["UKR-000123-0000001: stands twice"],
    ),
    (
        "an earlier intake's item that was not delivered again",
        |receipt| {
            let text = fs::read_to_string(receipt.join("manifest.jsonl")).unwrap();
            let kept: String = text
                .lines()
                .filter(|line| !line.contains("delivered_again"))
                .map(|line| format!("{line}\n"))
                .collect();
            write(receipt, "manifest.jsonl", kept.as_bytes());
        },
        &["UKR-000007-0000009: is of another intake, and was not delivered again"],
    ),
    (
        "another count",
        |receipt| edit(receipt, "receipt.json", "\"again\":1", "\"again\":2"),
        &["receipt.json: says again 2, and the manifest has 1"],
    ),
    (
        "another state",
        |receipt| edit(receipt, "receipt.json", "\"link\":1", "\"link\":2"),
        &["receipt.json: counts other states"],
    ),
    (
        "another case",
        |receipt| {
            edit(
                receipt,
                "receipt.json",
                "\"case\":\"C0001\"",
                "\"case\":\"C0002\"",
            )
        },
        &["is of another case than receipt.json says"],
    ),
    (
        "another member",
        |receipt| {
            edit(
                receipt,
                "receipt.json",
                "\"member\":\"UKR\"",
                "\"member\":\"LTU\"",
            )
        },
        &["is of another member than receipt.json says"],
    ),
    (
        "another finding",
        |receipt| edit(receipt, "differences.jsonl", "missing", "extra"),
        &["differences.jsonl: was altered"],
    ),
    (
        "a member twice",
        |receipt| {
            edit(
                receipt,
                "receipt.json",
                "\"again\":1",
                "\"again\":1,\"again\":1",
            )
        },
        &["receipt.json: the member name \"again\""],
    ),
    (
        "a file more",
        |receipt| write(receipt, "run.sh", b"planted"),
        &["run.sh: has no place in a receipt"],
    ),
    (
        "a tile gone",
        |receipt| fs::remove_file(receipt.join("log/tile/0/000")).unwrap(),
        &["UKR-000123-0000001: its place in the log cannot be shown"],
    ),
];

fn edit(receipt: &Path, name: &str, from: &str, to: &str) {
    let text = fs::read_to_string(receipt.join(name)).unwrap();
    assert!(text.contains(from), "{from} is not in {name}");
    write(receipt, name, text.replacen(from, to, 1).as_bytes());
}

#[test]
fn forgeries_are_named() {
    for (what, forge, words) in FORGERIES {
        let root = tempfile::tempdir().unwrap();
        let received = received(root.path());
        forge(&received.receipt);
        seal_receipt(&received.receipt);
        let answer = verify(&[&received.receipt]);
        assert_eq!(answer.code, 1, "{what}: {}", answer.text);
        for word in *words {
            assert!(
                answer.text.contains(word),
                "{what}: {word:?} is not in:\n{}",
                answer.text
            );
        }
    }
}
