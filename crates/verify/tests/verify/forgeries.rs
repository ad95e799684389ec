//! Packages forged by someone who can make bags but not sign checkpoints: each forgery is named.

use std::fs;

use crate::world::*;

/// A change to a package, whose manifests are then made anew to hide it.
type Forgery = (&'static str, fn(&Made), &'static [&'static str]);

const ITEMS: &str = "comity/items.jsonl";
const EVENTS: &str = "comity/events.jsonl";
const FIRST: &str = "UKR-000123-0000001";

const FORGERIES: &[Forgery] = &[
    (
        "other bytes under a number",
        |made| {
            write(
                &made.folder,
                "data/UKR-000123-0000001.txt",
                "Другий лист".as_bytes(),
            )
        },
        &["UKR-000123-0000001: data/UKR-000123-0000001.txt is not what was received"],
    ),
    (
        "two files swapped",
        |made| {
            write(
                &made.folder,
                "data/UKR-000123-0000001.txt",
                b"Second letter",
            );
            write(
                &made.folder,
                "data/UKR-000123-0000002.eml",
                "Перший лист".as_bytes(),
            );
        },
        &[
            "0000001: data/UKR-000123-0000001.txt is not what",
            "0000002: data/UKR-000123-0000002.eml is not what",
        ],
    ),
    (
        "the right bytes under another number",
        |made| {
            edit(
                made,
                ITEMS,
                "data/UKR-000123-0000001.txt",
                "data/UKR-000123-0000001x",
            );
            edit(
                made,
                ITEMS,
                "data/UKR-000123-0000002.eml",
                "data/UKR-000123-0000001.txt",
            );
            edit(
                made,
                ITEMS,
                "data/UKR-000123-0000001x",
                "data/UKR-000123-0000002.eml",
            );
        },
        &["UKR-000123-0000001: its file data/UKR-000123-0000002.eml has another exhibit's name"],
    ),
    (
        "a chain under another number",
        |made| {
            edit(made, ITEMS, "0000004\"", "0000014\"");
            reorder(made);
        },
        &["UKR-000123-0000004: it has events, and no line in comity/items.jsonl"],
    ),
    (
        "another value",
        |made| edit(made, EVENTS, "\"translation\"", "\"translatiom\""),
        &[
            "UKR-000123-0000001: event 1",
            "its opened fields are not those that the leaf",
        ],
    ),
    (
        "another class",
        |made| {
            edit(
                made,
                EVENTS,
                "{\"class\":\"content\",\"name\":\"source\"",
                "{\"class\":\"custody\",\"name\":\"source\"",
            )
        },
        &[FIRST, "its opened fields are not those"],
    ),
    (
        "an event taken out of the middle",
        |made| drop_lines(made, EVENTS, |n, _| n == 3),
        &["UKR-000123-0000002: event 1 is missing"],
    ),
    (
        "two events swapped",
        |made| {
            let text = read(made, EVENTS);
            let mut lines: Vec<&str> = text.lines().collect();
            lines.swap(3, 4);
            write(&made.folder, EVENTS, (lines.join("\n") + "\n").as_bytes());
        },
        &[
            "UKR-000123-0000002: event 1 is missing",
            "event 1 stands after event 2",
        ],
    ),
    (
        "the last event left out",
        |made| drop_lines(made, EVENTS, |n, _| n == 1),
        &["UKR-000123-0000001: its chain has 1 events here, and comity/items.jsonl says 2"],
    ),
    (
        "the first event left out",
        |made| drop_lines(made, EVENTS, |n, _| n == 2),
        &["UKR-000123-0000002: event 0 is missing"],
    ),
    (
        "all events of an exhibit left out",
        |made| drop_lines(made, EVENTS, |n, _| (2..5).contains(&n)),
        &["UKR-000123-0000002: its chain has 0 events here"],
    ),
    (
        "an exhibit left out of the list",
        |made| drop_lines(made, ITEMS, |n, _| n == 2),
        &[
            "UKR-000123-0000003: it has events, and no line",
            "UKR-000123-0000003: data/UKR-000123-0000003 is held against no event",
        ],
    ),
    (
        "an exhibit listed twice",
        |made| {
            let text = read(made, ITEMS);
            let first = text.lines().next().unwrap();
            write(&made.folder, ITEMS, format!("{first}\n{text}").as_bytes());
        },
        &["UKR-000123-0000001: comity/items.jsonl names it twice"],
    ),
    (
        "another size in the list",
        |made| edit(made, ITEMS, "\"size\":13", "\"size\":14"),
        &["UKR-000123-0000002: comity/items.jsonl gives another size"],
    ),
    (
        "a wrong Payload-Oxum",
        |made| edit(made, "bag-info.txt", "Payload-Oxum: ", "Payload-Oxum: 9"),
        &["bag-info.txt: its Payload-Oxum is 9"],
    ),
    (
        "another size of the log in the head",
        |made| edit(made, "comity/package.json", "\"size\":", "\"size\":9"),
        &["comity/package.json: has another size or root than the checkpoint"],
    ),
    (
        "another origin in the head",
        |made| edit(made, "comity/package.json", ORIGIN, "comity.example/other"),
        &["comity/package.json: has another origin than the checkpoint"],
    ),
    (
        "another case in the head",
        |made| edit(made, "comity/package.json", "\"C0001\"", "\"C0002\""),
        &["UKR-000123-0000001: it was received for another case"],
    ),
    (
        "another path in the list",
        |made| edit(made, ITEMS, "photo.JPG", "photo.JPEG"),
        &["UKR-000123-0000006: comity/items.jsonl gives another path"],
    ),
    (
        "another index",
        |made| edit(made, EVENTS, "\"index\":250", "\"index\":249"),
        &["UKR-000123-0000001: event 0: its leaf is not the one that the log has at index 249"],
    ),
    (
        "an index outside the tree",
        |made| edit(made, EVENTS, "\"index\":250", "\"index\":250000"),
        &["UKR-000123-0000001: event 0: its place in the log cannot be shown"],
    ),
    (
        "withheld without a reason",
        |made| edit(made, EVENTS, ",\"why\":\"work product\"", ""),
        &["UKR-000123-0000002: event 1: shows no field and gives no reason"],
    ),
    (
        "a file more",
        |made| write(&made.folder, "data/UKR-000123-0000077.txt", b"planted"),
        &["UKR-000123-0000077: data/UKR-000123-0000077.txt is held against no event"],
    ),
    (
        "a file of another kind",
        |made| write(&made.folder, "comity/run.sh", b"planted"),
        &["comity/run.sh: has no place in a package"],
    ),
    (
        "a tile more",
        |made| write(&made.folder, "comity/log/tile/0/007", b"planted"),
        &["comity/log/tile/0/007: does not belong to a tree"],
    ),
    (
        "another purpose in the head",
        |made| {
            edit(
                made,
                "comity/package.json",
                "\"purpose\":\"trial\"",
                "\"purpose\":\"press\"",
            )
        },
        &["its act has another purpose than comity/package.json"],
    ),
    (
        "another count in the head",
        |made| edit(made, "comity/package.json", "\"events\":9", "\"events\":8"),
        &["comity/package.json: says 8 events, and there are 9"],
    ),
    (
        "a member twice in the head",
        |made| {
            edit(
                made,
                "comity/package.json",
                "\"purpose\":",
                "\"purpose\":\"x\",\"purpose\":",
            )
        },
        &["comity/package.json: the member name \"purpose\""],
    ),
    (
        "a member twice in an event",
        |made| edit(made, EVENTS, ",\"index\":250", ",\"index\":1,\"index\":250"),
        &["UKR-000123-0000001: event 0 (comity/events.jsonl, line 1): expected ,\"leaf\":"],
    ),
    (
        "a field twice in an event",
        |made| edit(made, EVENTS, "\"name\":\"event\"", "\"name\":\"kind\""),
        &["two fields are named kind"],
    ),
    (
        "keys of another log",
        |made| {
            let other = Log::new(9);
            write(
                &made.folder,
                "comity/keys",
                other.signer.keys().to_file().as_bytes(),
            );
        },
        &["comity/log/checkpoint: "],
    ),
    (
        "a bag of two versions",
        |made| {
            write(
                &made.folder,
                "bagit.txt",
                b"BagIt-Version: 0.97\nTag-File-Character-Encoding: UTF-8\n",
            )
        },
        &["bagit.txt: "],
    ),
];

fn read(made: &Made, name: &str) -> String {
    fs::read_to_string(made.folder.join(name)).unwrap()
}

fn edit(made: &Made, name: &str, from: &str, to: &str) {
    let text = read(made, name);
    assert!(text.contains(from), "{from} is not in {name}");
    write(&made.folder, name, text.replacen(from, to, 1).as_bytes());
}

fn drop_lines(made: &Made, name: &str, dropped: fn(usize, &str) -> bool) {
    let text = read(made, name);
    let kept = text
        .lines()
        .enumerate()
        .filter(|(n, line)| !dropped(*n, line));
    let kept: String = kept.map(|(_, line)| format!("{line}\n")).collect();
    write(&made.folder, name, kept.as_bytes());
}

fn reorder(made: &Made) {
    let text = read(made, ITEMS);
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_by_key(|line| line.find("\"ern\"").map(|at| &line[at..at + 28]));
    write(&made.folder, ITEMS, (lines.join("\n") + "\n").as_bytes());
}

#[test]
fn forgeries_are_named() {
    for (what, forge, words) in FORGERIES {
        let root = tempfile::tempdir().unwrap();
        let made = made(root.path());
        forge(&made);
        if !["a bag of two versions", "a wrong Payload-Oxum"].contains(what) {
            seal_bag(&made.folder);
        }
        let answer = verify(&[&made.folder]);
        assert_eq!(answer.code, 1, "{what}: {}", answer.text);
        for word in *words {
            assert!(
                answer.text.contains(word),
                "{what}: {word:?} is not in:\n{}",
                answer.text
            );
        }
        assert!(
            answer.first_line().starts_with("FAILED"),
            "{what}: {}",
            answer.text
        );
    }
}

#[test]
fn a_reason_that_was_changed_shows_in_the_digests() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    edit(&made, EVENTS, "work product", "work of god ");
    verify(&[&made.folder]).expect(
        1,
        &["comity/events.jsonl: was altered: its digest is not the one in tagmanifest-sha256.txt"],
    );
}
