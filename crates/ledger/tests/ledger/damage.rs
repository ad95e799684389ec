//! Every way to damage every kind of file: each is found, and named.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use comity_core::digest::Digest;
use comity_core::finding::Finding;
use comity_ledger::{LedgerError, Record, Tree};

use crate::support::{Store, check, local, note, open, publish, record, records, stores};

const ENTRIES: &str = "ledger/tile/entries/001";
const TILE: &str = "ledger/tile/0/001";
const BODIES: &str = "ledger/body/001";
const EDGE: &str = "ledger/edge";
const CHECKPOINT: &str = "ledger/checkpoint";

/// A ledger of 1,100 events, 76 of them in the edge, in three frames.
struct Kept {
    store: Store,
    note: Vec<u8>,
}

impl Kept {
    fn new() -> Kept {
        let store = local();
        let mut tree = open(&store.objects);
        tree.append(0, &records(0..1_030)).unwrap();
        tree.trim().unwrap();
        tree.append(1_030, &records(1_030..1_060)).unwrap();
        tree.append(1_060, &records(1_060..1_100)).unwrap();
        let note = publish(&mut tree);
        let kept = Kept { store, note };
        assert_eq!(kept.check(), []);
        kept
    }

    fn path(&self, name: &str) -> PathBuf {
        self.store.folder.join(name)
    }

    fn check(&self) -> Vec<Finding> {
        let findings = check(&self.store.objects, None);
        let with_note = check(&self.store.objects, Some(&self.note));
        assert!(places(&findings).is_subset(&places(&with_note)));
        findings
    }

    /// Puts other bytes in a file's place, or none; what is found meanwhile.
    fn with(&self, name: &str, bytes: Option<&[u8]>) -> Vec<Finding> {
        let path = self.path(name);
        let before = fs::read(&path).ok();
        match bytes {
            Some(bytes) => {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, bytes).unwrap();
            }
            None => fs::remove_file(&path).unwrap(),
        }
        let findings = self.check();
        match before {
            Some(before) => fs::write(&path, before).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        findings
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }
}

fn places(findings: &[Finding]) -> BTreeSet<String> {
    findings
        .iter()
        .map(|finding| finding.place.clone())
        .collect()
}

fn only(name: &str) -> BTreeSet<String> {
    BTreeSet::from([name.to_owned()])
}

#[test]
fn deleted() {
    let kept = Kept::new();
    for name in [ENTRIES, TILE, BODIES, EDGE, CHECKPOINT] {
        let findings = kept.with(name, None);
        assert_eq!(places(&findings), only(name), "{findings:?}");
        assert!(findings[0].what.contains("missing"), "{findings:?}");
    }
    assert_eq!(kept.check(), []);
}

#[test]
fn truncated() {
    let kept = Kept::new();
    for name in [ENTRIES, TILE, BODIES, EDGE, CHECKPOINT] {
        let whole = kept.read(name);
        for len in [0, 1, 31, whole.len() / 2, whole.len() - 32, whole.len() - 1] {
            let findings = kept.with(name, Some(&whole[..len]));
            assert_eq!(
                places(&findings),
                only(name),
                "{name} cut to {len}: {findings:?}"
            );
        }
    }
}

#[test]
fn lengthened() {
    let kept = Kept::new();
    for name in [ENTRIES, TILE, BODIES, CHECKPOINT] {
        let longer = [kept.read(name), vec![0]].concat();
        let findings = kept.with(name, Some(&longer));
        assert_eq!(places(&findings), only(name), "{name}: {findings:?}");
    }
    // Past the last frame: as a write leaves it that was never acknowledged.
    assert_eq!(
        kept.with(EDGE, Some(&[kept.read(EDGE), vec![0]].concat())),
        []
    );
}

#[test]
fn a_flipped_bit_anywhere() {
    let kept = Kept::new();
    for name in [ENTRIES, TILE, BODIES, EDGE] {
        let whole = kept.read(name);
        let every = |at: usize| at < 80 || at.is_multiple_of(1009) || at + 34 > whole.len();
        for at in (0..whole.len()).filter(|at| every(*at)) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x10;
            fs::write(kept.path(name), &damaged).unwrap();
            let findings = check(&kept.store.objects, None);
            assert_eq!(
                places(&findings),
                only(name),
                "{name} at {at}: {findings:?}"
            );
        }
        fs::write(kept.path(name), &whole).unwrap();
    }
    let whole = kept.read(CHECKPOINT);
    let text = whole.windows(2).position(|pair| pair == b"\n\n").unwrap();
    for at in (0..whole.len()).filter(|at| at.is_multiple_of(3) || *at < text + 3) {
        let mut damaged = whole.clone();
        damaged[at] ^= 0x01;
        fs::write(kept.path(CHECKPOINT), &damaged).unwrap();
        let findings = check(&kept.store.objects, Some(&kept.note));
        assert_eq!(
            places(&findings),
            only(CHECKPOINT),
            "checkpoint at {at}: {findings:?}"
        );
        // Without another copy, name and signatures are for those who hold the log's keys.
        if (17..text).contains(&at) {
            let places = places(&check(&kept.store.objects, None));
            assert!(
                places == only(CHECKPOINT) || places == only(EDGE),
                "checkpoint at {at}: {places:?}"
            );
        }
    }
}

#[test]
fn one_altered_leaf_is_named_by_its_index() {
    let kept = Kept::new();
    let mut entries = kept.read(ENTRIES);
    let other = record(9_999).entry;
    let len = record(256).entry.len();
    assert_eq!(other.len(), len);
    entries[2..2 + len].copy_from_slice(&other);
    let findings = kept.with(ENTRIES, Some(&entries));
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(
        findings[0]
            .what
            .starts_with("event 256: its leaf was altered"),
        "{findings:?}"
    );
    fs::write(kept.path(ENTRIES), &entries).unwrap();
    let tree = open(&kept.store.objects);
    let error = tree.entry(256).unwrap_err();
    assert!(
        matches!(&error, LedgerError::Corrupt { file, .. } if file == ENTRIES),
        "{error}"
    );
    assert!(tree.records(0..1_100).any(|stored| stored.is_err()));
}

#[test]
fn swapped() {
    let kept = Kept::new();
    let pairs = [
        (ENTRIES, "ledger/tile/entries/003"),
        (TILE, "ledger/tile/0/002"),
        (BODIES, "ledger/body/000"),
        (ENTRIES, BODIES),
        (TILE, ENTRIES),
        (EDGE, CHECKPOINT),
        (EDGE, BODIES),
    ];
    for (one, two) in pairs {
        let (a, b) = (kept.read(one), kept.read(two));
        fs::write(kept.path(one), &b).unwrap();
        fs::write(kept.path(two), &a).unwrap();
        let findings = kept.check();
        fs::write(kept.path(one), &a).unwrap();
        fs::write(kept.path(two), &b).unwrap();
        let expected = BTreeSet::from([one.to_owned(), two.to_owned()]);
        assert_eq!(places(&findings), expected, "{findings:?}");
        if one.rsplit_once('/').unwrap().0 == two.rsplit_once('/').unwrap().0 && one != EDGE {
            assert!(
                findings
                    .iter()
                    .all(|finding| finding.what.contains("of leaf")),
                "told for what it is: {findings:?}"
            );
        }
    }
    assert_eq!(kept.check(), []);
}

#[test]
fn replayed_from_an_older_state() {
    let store = local();
    let mut tree = open(&store.objects);
    let path = |name: &str| store.folder.join(name);
    tree.append(0, &records(0..600)).unwrap();
    let old_note = publish(&mut tree);
    let untrimmed = fs::read(path(EDGE)).unwrap();
    tree.trim().unwrap();
    let trimmed = fs::read(path(EDGE)).unwrap();
    tree.append(600, &records(600..900)).unwrap();
    tree.trim().unwrap();
    let new_note = publish(&mut tree);
    let edge = fs::read(path(EDGE)).unwrap();
    for older in [&untrimmed, &trimmed] {
        fs::write(path(EDGE), older).unwrap();
        for note in [None, Some(&new_note[..])] {
            let findings = check(&store.objects, note);
            assert_eq!(places(&findings), only(EDGE), "{findings:?}");
            assert!(
                findings[0].what.contains("it ends at event 600"),
                "{findings:?}"
            );
        }
        assert!(matches!(
            Tree::open(store.objects.clone()),
            Err(LedgerError::Corrupt { .. })
        ));
    }
    fs::write(path(EDGE), &edge).unwrap();
    fs::write(path(CHECKPOINT), &old_note).unwrap();
    let findings = check(&store.objects, Some(&new_note));
    assert_eq!(places(&findings), only(CHECKPOINT), "{findings:?}");
    assert!(findings[0].what.contains("older"), "{findings:?}");
}

/// Files that are whole and right, of a ledger that differs in one event.
#[test]
fn replaced_from_another_ledger() {
    let kept = Kept::new();
    let other = local();
    let mut tree = open(&other.objects);
    let mut events: Vec<Record> = records(0..1_100);
    events[300] = record(9_999);
    tree.append(0, &events[..1_030]).unwrap();
    tree.trim().unwrap();
    tree.append(1_030, &events[1_030..]).unwrap();
    let other_note = publish(&mut tree);
    let theirs = |name: &str| fs::read(other.folder.join(name)).unwrap();
    for name in [ENTRIES, TILE, EDGE, CHECKPOINT] {
        let findings = kept.with(name, Some(&theirs(name)));
        assert_eq!(places(&findings), only(name), "{findings:?}");
    }
    // Leaf and tile together: only the hash above gives them away.
    fs::write(kept.path(ENTRIES), theirs(ENTRIES)).unwrap();
    let findings = kept.with(TILE, Some(&theirs(TILE)));
    assert_eq!(
        places(&findings),
        BTreeSet::from([ENTRIES.to_owned(), TILE.to_owned()]),
        "{findings:?}"
    );
    // The edge with them: only the checkpoint gives them away.
    fs::write(kept.path(TILE), theirs(TILE)).unwrap();
    let findings = kept.with(EDGE, Some(&theirs(EDGE)));
    assert_eq!(places(&findings), only(CHECKPOINT), "{findings:?}");
    // All of it: only a checkpoint from elsewhere does.
    fs::write(kept.path(EDGE), theirs(EDGE)).unwrap();
    fs::write(kept.path(CHECKPOINT), &other_note).unwrap();
    assert_eq!(check(&kept.store.objects, None), []);
    assert_eq!(
        places(&check(&kept.store.objects, Some(&kept.note))),
        only(CHECKPOINT)
    );
}

#[test]
fn surplus_files_are_named() {
    let kept = Kept::new();
    for name in [
        "ledger/tile/0/004",
        "ledger/tile/0/000.p/5",
        "ledger/tile/1/000",
        "ledger/tile/entries/004",
        "ledger/body/004",
        "ledger/body/000.p/3",
        "ledger/edge2",
        "ledger/notes.txt",
    ] {
        let findings = kept.with(name, Some(b"x"));
        assert_eq!(places(&findings), only(name), "{findings:?}");
    }
}

#[test]
fn a_leaf_that_is_not_canonical_or_a_body_that_is_none_is_named() {
    for trimmed in [false, true] {
        let store = local();
        let mut tree = open(&store.objects);
        let mut events = records(0..300);
        let spaced = String::from_utf8(events[7].entry.clone())
            .unwrap()
            .replace(':', ": ");
        events[7] = Record::new(spaced.into_bytes(), events[7].body.clone());
        events[9].body = b"clear text".to_vec();
        tree.append(0, &events).unwrap();
        if trimmed {
            tree.trim().unwrap();
        }
        publish(&mut tree);
        let findings = check(&store.objects, None);
        let (leaf, body) = if trimmed {
            ("ledger/tile/entries/000", "ledger/body/000")
        } else {
            (EDGE, EDGE)
        };
        for (place, index) in [(leaf, "event 7:"), (body, "event 9:")] {
            let found = findings
                .iter()
                .any(|finding| finding.place == place && finding.what.starts_with(index));
            assert!(found, "{findings:?}");
        }
        assert_eq!(findings.len(), 2);
    }
}

/// Tiles above the lowest, which only a ledger of more than 65,536 events has.
#[test]
fn tiles_of_level_one() {
    let store = local();
    let mut tree = open(&store.objects);
    tree.append(0, &records(0..66_000)).unwrap();
    tree.trim().unwrap();
    publish(&mut tree);
    let name = "ledger/tile/1/000";
    let path = store.folder.join(name);
    let whole = fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    flipped[100] ^= 1;
    let swapped = fs::read(store.folder.join("ledger/tile/0/010")).unwrap();
    for damaged in [
        None,
        Some(&whole[..100]),
        Some(&flipped[..]),
        Some(&swapped[..]),
    ] {
        match damaged {
            Some(bytes) => fs::write(&path, bytes).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let findings = check(&store.objects, None);
        assert_eq!(places(&findings), only(name), "{findings:?}");
    }
    // With its children's chain broken, a leaf that is altered below is still found.
    let entries = store.folder.join(ENTRIES);
    let mut altered = fs::read(&entries).unwrap();
    let good = altered.clone();
    altered[12] ^= 1;
    fs::write(&entries, &altered).unwrap();
    let found = places(&check(&store.objects, None));
    assert!(found.contains(ENTRIES) && found.contains(name), "{found:?}");
    fs::write(&entries, &good).unwrap();
    fs::write(&path, &whole).unwrap();
    assert_eq!(check(&store.objects, None), []);
}

#[test]
fn damaged_frames_say_which_events_they_cost() {
    let kept = Kept::new();
    let whole = kept.read(EDGE);
    let second = whole
        .windows(4)
        .enumerate()
        .filter(|(_, four)| four == b"GRP1")
        .nth(1)
        .unwrap()
        .0;
    let mut damaged = whole;
    damaged[second + 30] ^= 1;
    let findings = kept.with(EDGE, Some(&damaged));
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(
        findings[0]
            .what
            .contains(&format!("at byte {second}, from event 1030 on")),
        "{findings:?}"
    );
}

#[test]
fn on_s3_frames_and_head_are_named_too() {
    let [_, store] = &stores();
    let objects = &store.objects;
    let mut tree = open(objects);
    for (from, to) in [(0, 500), (500, 600), (600, 610), (610, 650)] {
        tree.append(from, &records(from..to)).unwrap();
        if to == 600 {
            tree.trim().unwrap();
        }
    }
    let note = publish(&mut tree);
    assert_eq!(check(objects, None), []);
    let frame = "ledger/edge/0000000000000258";
    for name in ["ledger/edge/head", frame, ENTRIES, TILE, BODIES, CHECKPOINT] {
        let whole = objects.get(name).unwrap().unwrap();
        let mut flipped = whole.clone();
        flipped[whole.len() / 3] ^= 1;
        for bytes in [None, Some(&whole[..whole.len() / 2]), Some(&flipped[..])] {
            match bytes {
                Some(bytes) => objects.put(name, bytes).unwrap(),
                None => objects.delete(name).unwrap(),
            }
            let findings = check(objects, Some(&note));
            assert_eq!(places(&findings), only(name), "{findings:?}");
            if name.starts_with("ledger/edge") {
                assert!(
                    matches!(
                        Tree::open(objects.clone()),
                        Err(LedgerError::Corrupt { .. })
                    ),
                    "{name}"
                );
            }
        }
        objects.put(name, &whole).unwrap();
    }
    assert_eq!(check(objects, Some(&note)), []);
}

#[test]
fn no_checkpoint_that_does_not_fit_is_ever_built_upon() {
    let store = local();
    let mut tree = open(&store.objects);
    tree.append(0, &records(0..300)).unwrap();
    publish(&mut tree);
    for wrong in [
        note(300, Digest::of(b"another")),
        note(301, tree.root()),
        b"torn".to_vec(),
    ] {
        fs::write(store.folder.join(CHECKPOINT), &wrong).unwrap();
        assert!(matches!(
            Tree::open(store.objects.clone()),
            Err(LedgerError::Corrupt { .. })
        ));
        for _ in 0..2 {
            let error = tree.append(300, &records(300..301)).unwrap_err();
            assert!(error.is_fatal(), "{error}");
        }
    }
}

/// A running process meets the edge of another ledger in the place of its own.
#[test]
fn no_edge_of_another_ledger_is_ever_built_upon() {
    let (store, other) = (local(), local());
    let mut tree = open(&store.objects);
    tree.append(0, &records(0..300)).unwrap();
    publish(&mut tree);
    open(&other.objects).append(0, &records(100..450)).unwrap();
    fs::rename(other.folder.join(EDGE), store.folder.join(EDGE)).unwrap();
    for _ in 0..2 {
        let error = tree.append(300, &records(300..301)).unwrap_err();
        assert!(
            matches!(&error, LedgerError::Corrupt { file, .. } if file == CHECKPOINT),
            "{error}"
        );
    }
}
