//! Each kind of file in a centre: deleted, cut, one byte changed, swapped; found and named, and nothing else blamed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::OnceLock;

use comity_app::keys::CENTRE_KEY;
use comity_app::verify::{Depth, verify};
use comity_core::digest::Digest;
use comity_keyring::{Kind, Secret};
use comity_store::Disk;

use crate::fixture::*;

/// A centre with full tiles and bundles, two packs and more, and every kind of event that an item has.
fn full() -> &'static World {
    static FULL: OnceLock<World> = OnceLock::new();
    FULL.get_or_init(|| {
        let world = World::new(PLAIN);
        let usb = world.place("usb");
        evidence(&usb);
        for n in 0..530 {
            put(&usb, format!("many/{n:03}"), format!("file {n}").as_bytes());
        }
        let centre = world.open();
        take_in(&centre, &request(&[&usb])).unwrap();
        put(&usb, "a.txt", b"another one");
        put(&usb, "second-large", &noise(11, 5 << 20));
        take_in(&centre, &request(&[&usb])).unwrap();
        bytes_of(&centre, &item_at(&centre, "usb/b/same-1"));
        drop(centre);
        world.assert_sound();
        world
    })
}

/// The kind of a file, by its place in the folder.
fn kind_of(name: &str) -> &'static str {
    let parts: Vec<&str> = name.split('/').collect();
    match parts.as_slice() {
        ["centre.json"] => "centre.json",
        ["keys"] => "keys",
        ["state.db"] => "state.db",
        ["lock"] | ["state.db-wal"] | ["state.db-shm"] | ["tmp", ..] => "not kept",
        ["keyring", "head"] => "keyring/head",
        ["keyring", "lock"] => "not kept",
        ["keyring", ..] => "keyring segment",
        ["ledger", "ahead"] => "ahead",
        ["ledger", "checkpoint"] => "checkpoint",
        ["ledger", "tile", "entries", ..] => "entry bundle",
        ["ledger", "tile", ..] => "tile",
        ["ledger", "body", ..] => "body bundle",
        ["ledger", ..] => "edge",
        ["vault", ..] => "pack",
        _ => "unknown",
    }
}

/// What is done to a file.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Harm {
    Deleted,
    Cut,
    Flipped,
    /// With the next of its kind.
    Swapped,
}

/// One kind of file: what is done to it, the least depth that finds it, and which words every finding must have one of.
struct Row {
    kind: &'static str,
    harms: &'static [Harm],
    depth: Depth,
    named: &'static [&'static str],
}

use Harm::{Cut, Deleted, Flipped, Swapped};

const ALL: &[Harm] = &[Deleted, Cut, Flipped, Swapped];
const ALONE: &[Harm] = &[Deleted, Cut, Flipped];

/// `FILE` stands for the file itself, `OTHER` for the one it was swapped with.
const TABLE: [Row; 13] = [
    Row {
        kind: "centre.json",
        harms: ALONE,
        depth: Depth::Sealed,
        named: &["FILE", "there is no centre"],
    },
    Row {
        kind: "keys",
        harms: ALONE,
        depth: Depth::Sealed,
        named: &["FILE"],
    },
    Row {
        kind: "keyring/head",
        harms: ALONE,
        depth: Depth::Sealed,
        named: &["FILE"],
    },
    Row {
        kind: "keyring segment",
        harms: ALONE,
        depth: Depth::Sealed,
        named: &["FILE"],
    },
    Row {
        kind: "checkpoint",
        harms: ALONE,
        depth: Depth::Sealed,
        named: &["FILE"],
    },
    // Without it, bundles that it would allow are named, and there are none.
    Row {
        kind: "ahead",
        harms: &[Cut, Flipped],
        depth: Depth::Sealed,
        named: &["FILE"],
    },
    Row {
        kind: "edge",
        harms: ALONE,
        depth: Depth::Sealed,
        named: &["FILE"],
    },
    Row {
        kind: "tile",
        harms: ALL,
        depth: Depth::Sealed,
        named: &["FILE", "OTHER"],
    },
    Row {
        kind: "entry bundle",
        harms: ALL,
        depth: Depth::Sealed,
        named: &["FILE", "OTHER"],
    },
    Row {
        kind: "body bundle",
        harms: ALL,
        depth: Depth::Sealed,
        named: &["FILE", "OTHER"],
    },
    Row {
        kind: "pack",
        harms: &[Cut, Flipped, Swapped],
        depth: Depth::Sealed,
        named: &["FILE", "OTHER"],
    },
    // Which packs there must be stands in the sealed bodies.
    Row {
        kind: "pack",
        harms: &[Deleted],
        depth: Depth::Middle,
        named: &["the vault does not hold its bytes"],
    },
    Row {
        kind: "state.db",
        harms: ALONE,
        depth: Depth::Middle,
        named: &["FILE"],
    },
];

fn findings(world: &World, depth: Depth) -> Vec<String> {
    let ambient = world.ambient(Disk::real());
    match verify(&world.dir, depth, Some(PASSPHRASE), &ambient, &|_, _, _| ()) {
        Ok(report) => report.findings.iter().map(ToString::to_string).collect(),
        Err(e) => vec![e.to_string()],
    }
}

/// Does the harm in a copy and tells the names of the files that were hurt; nothing where there is no second to swap.
fn harmed(kind: &str, nth: usize, harm: Harm) -> Option<(World, Vec<String>)> {
    let all = files(&full().dir);
    let of_kind: Vec<_> = all
        .iter()
        .filter(|(name, _)| kind_of(name) == kind)
        .collect();
    let (name, bytes) = of_kind.get(nth)?;
    let copy = full().copy(&format!("{}-{harm:?}-{nth}", kind.replace('/', "-")));
    let path = copy.dir.join(name);
    let mut hurt = vec![name.clone()];
    match harm {
        Deleted => fs::remove_file(&path).unwrap(),
        Cut => fs::write(&path, &bytes[..bytes.len() / 2]).unwrap(),
        Flipped => {
            let mut changed = bytes.clone();
            changed[bytes.len() / 2] ^= 1;
            fs::write(&path, changed).unwrap();
        }
        Swapped => {
            let (other, others) = of_kind.get(nth + 1)?;
            fs::write(&path, others).unwrap();
            fs::write(copy.dir.join(other), bytes).unwrap();
            hurt.push(other.clone());
        }
    }
    Some((copy, hurt))
}

/// No file of a centre is of a kind that the table does not have.
#[test]
fn every_kind_of_file_is_in_the_table() {
    for (name, _) in files(&full().dir) {
        let kind = kind_of(&name);
        assert!(
            kind == "not kept" || TABLE.iter().any(|row| row.kind == kind),
            "{name} is {kind}"
        );
    }
    for row in &TABLE {
        assert!(
            files(&full().dir)
                .iter()
                .any(|(name, _)| kind_of(name) == row.kind),
            "no {}",
            row.kind
        );
    }
}

#[test]
fn what_is_damaged_is_found_and_named_and_nothing_else_is_blamed() {
    for row in &TABLE {
        for harm in row.harms {
            let (world, hurt) = harmed(row.kind, 0, *harm).unwrap();
            let what = format!("{} {harm:?}", hurt[0]);
            let found = findings(&world, row.depth);
            assert!(!found.is_empty(), "{what}: not found");
            let other = hurt.get(1).unwrap_or(&hurt[0]);
            for finding in &found {
                let named = |word: &&str| {
                    finding.contains(&word.replace("FILE", &hurt[0]).replace("OTHER", other))
                };
                assert!(row.named.iter().any(named), "{what}: {finding}");
            }
            for file in &hurt {
                let named = row.depth == Depth::Middle && row.kind == "pack"
                    || *harm == Deleted && row.kind == "centre.json";
                assert!(
                    named || found.iter().any(|f| f.contains(file.as_str())),
                    "{what}: {found:?} does not name {file}"
                );
            }
            if *harm == Flipped {
                // Deeper checks find it too.
                assert!(!findings(&world, Depth::Full).is_empty(), "{what}");
            }
            fs::remove_dir_all(&world.dir).unwrap();
        }
    }
}

/// An older version of one file, put in the place of the present one.
#[test]
fn an_older_version_of_a_file_is_found_and_named_and_nothing_else_is_blamed() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    evidence(&usb);
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    drop(centre);
    let before = files(&world.dir);
    put(&usb, "later.txt", b"what came later");
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    centre.rotate_keys(&actor(&centre), None, None).unwrap();
    drop(centre);
    world.assert_sound();
    let mut tried = Vec::new();
    for (name, bytes) in &before {
        let kind = kind_of(name);
        let path = world.dir.join(name);
        if kind == "not kept" || fs::read(&path).is_ok_and(|now| now == *bytes) {
            continue;
        }
        let copy = world.copy(&format!("older-{}", tried.len()));
        fs::write(copy.dir.join(name), bytes).unwrap();
        let ambient = copy.ambient(Disk::real());
        let watch = |_: &str, _, _| ();
        let report = verify(&copy.dir, Depth::Middle, Some(PASSPHRASE), &ambient, &watch);
        let report = match report {
            Ok(report) => report,
            Err(error) => {
                assert!(error.to_string().contains(name.as_str()), "{name}: {error}");
                tried.push(kind);
                continue;
            }
        };
        let found: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
        let at = name.split('/').next().unwrap();
        assert!(
            found
                .iter()
                .all(|f| f.starts_with(at) || f.contains(name.as_str())),
            "{name}: {found:#?}"
        );
        assert!(
            found.iter().any(|f| f.starts_with(name.as_str())),
            "{name}: {found:#?}"
        );
        tried.push(kind);
        fs::remove_dir_all(&copy.dir).unwrap();
    }
    for kind in ["checkpoint", "edge", "state.db", "keyring/head"] {
        assert!(tried.contains(&kind), "{tried:?}");
    }
}

/// The number of a format in a file, with what makes the file whole around it.
fn of_another_version(kind: &str, bytes: &[u8]) -> Vec<u8> {
    let mut changed = bytes.to_vec();
    match kind {
        "keyring/head" => {
            let text = String::from_utf8(changed).unwrap();
            let line = text.lines().next().unwrap();
            let line = line.replace("comity-keyring-1", "comity-keyring-2");
            return format!("{line}\n{}\n", sha256(line.as_bytes())).into_bytes();
        }
        "keyring segment" => {
            changed[9] = 2;
            let digest = comity_core::digest::Digest::of(&changed[..32]);
            changed[32..64].copy_from_slice(&digest.0);
        }
        _ => changed[9] = 2,
    }
    changed
}

#[test]
fn what_a_newer_program_wrote_is_a_finding_and_the_rest_is_checked_all_the_same() {
    for kind in [
        "keyring/head",
        "keyring segment",
        "edge",
        "body bundle",
        "pack",
        "state.db",
    ] {
        let world = full().copy(&format!("newer-{}", kind.replace('/', "-")));
        let all = files(&world.dir);
        let of_kind = |kind: &str| all.iter().find(|(name, _)| kind_of(name) == kind).unwrap();
        let (name, bytes) = of_kind(kind);
        if kind == "state.db" {
            let centre = world.open();
            let mut session = centre.session().unwrap();
            session
                .execute("UPDATE log_state SET version = version + 1", &[])
                .unwrap();
        } else {
            fs::write(world.dir.join(name), of_another_version(kind, bytes)).unwrap();
        }
        // Something else is hurt as well, at the other end of the checks.
        let (other, whole) = all
            .iter()
            .rev()
            .find(|(name, _)| kind_of(name) == "pack")
            .unwrap();
        let mut hurt = whole.clone();
        hurt[whole.len() / 2] ^= 1;
        fs::write(world.dir.join(other), hurt).unwrap();
        for depth in [Depth::Sealed, Depth::Full] {
            if depth == Depth::Sealed && kind == "state.db" {
                continue;
            }
            let report = world.verify(depth);
            if kind == "body bundle" && depth == Depth::Full {
                // The events of the other bundles are read all the same, and their items.
                assert!(report.items_read > 200, "{}", report.items_read);
            }
            let said: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
            let about = said.iter().filter(|f| f.contains(name.as_str())).count();
            // A pack's digest goes over its version too.
            let most = 1 + usize::from(kind == "pack");
            assert!(
                (1..=most).contains(&about),
                "{name} at {depth:?}: {said:#?}"
            );
            let rest = said.iter().filter(|f| !f.contains(name.as_str())).count();
            assert!(rest > 0, "{name} at {depth:?}: {said:#?}");
        }
        fs::remove_dir_all(&world.dir).unwrap();
    }
}

#[test]
fn a_hurt_head_is_told_once() {
    for kind in ["keyring/head", "checkpoint", "edge", "keys"] {
        for harm in ALONE {
            let (world, hurt) = harmed(kind, 0, *harm).unwrap();
            for depth in [Depth::Sealed, Depth::Middle] {
                let found = findings(&world, depth);
                assert_eq!(
                    found.len(),
                    1,
                    "{} {harm:?} at {depth:?}: {found:#?}",
                    hurt[0]
                );
            }
            fs::remove_dir_all(&world.dir).unwrap();
        }
    }
}

#[test]
fn a_check_that_was_killed_leaves_nothing_to_the_one_after_next() {
    let left = std::env::temp_dir().join("comity-verify-0123456789abcdef");
    put(&left, "made.db", b"of a process that is gone");
    put(&left, "lock", b"");
    assert_eq!(findings(full(), Depth::Middle), [""; 0]);
    assert!(!left.exists());
}

/// The items that a hurt file takes with it, and no others.
#[test]
fn the_full_check_names_the_items_that_are_hurt() {
    let lines = listing(&full().open());
    let large = lines
        .iter()
        .find(|l| l.2 == "usb/second-large")
        .unwrap()
        .0
        .clone();
    let packs: Vec<_> = files(&full().dir)
        .into_iter()
        .filter(|(n, _)| kind_of(n) == "pack")
        .collect();
    let nth = packs.iter().position(|(_, b)| b.len() > 5 << 20).unwrap();
    for (harm, depth) in [(Deleted, Depth::Middle), (Flipped, Depth::Full)] {
        let (world, _) = harmed("pack", nth, harm).unwrap();
        let found = findings(&world, depth);
        assert!(
            found.len() == 1 && found[0].starts_with(&large),
            "{harm:?}: {found:?}"
        );
        fs::remove_dir_all(&world.dir).unwrap();
    }
    // A body that is damaged takes its own event and no later one of its chain.
    let (world, _) = harmed("body bundle", 0, Flipped).unwrap();
    let found = findings(&world, Depth::Middle);
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found
            .iter()
            .all(|f| f.contains("ledger/body/000") || f.starts_with("event ")),
        "{found:?}"
    );
}

/// A wrap that was replaced by one that does not open, with a check sum that fits: of an item's key, and of one that no
/// event names yet.
#[test]
fn a_key_that_does_not_open_is_named_whether_an_event_names_it_or_not() {
    let world = full().copy("wraps");
    let centre = world.open();
    let random = &*world.ambient(Disk::real()).random;
    let secret = Secret::random(random);
    let add = || centre.keys.add(Kind::Item, CENTRE_KEY, [7; 16], &secret);
    let last = "SELECT max(content_key) FROM chains";
    let (named, spare) = (number(&centre, last) as u64, add().unwrap());
    drop(centre);
    let path = world.dir.join("keyring/00000000.keys");
    let sound = fs::read(&path).unwrap();
    for key in [named, spare] {
        let mut bytes = sound.clone();
        let (id, slot) = (&sound[16..32], 64 + key as usize * 192);
        bytes[slot + 100] ^= 1;
        let said = &bytes[slot..slot + 168];
        let sum = Digest::of(&[b"comity/slot/v1\n", id, &key.to_be_bytes(), said].concat());
        bytes[slot + 168..slot + 192].copy_from_slice(&sum.0[..24]);
        fs::write(&path, bytes).unwrap();
        let place = format!("keyring/00000000.keys, slot {key} (key {key})");
        let found = findings(&world, Depth::Middle);
        assert!(found.iter().any(|f| f.starts_with(&place)), "{found:?}");
    }
    fs::write(&path, sound).unwrap();
    world.assert_sound();
}

/// What cannot be written to can still be checked, and a check leaves no trace.
#[test]
fn a_read_only_copy_is_checked_and_stays_as_it_is() {
    let world = full().copy("read-only");
    let before = files(&world.dir);
    set_mode(&world.dir, false);
    for depth in [Depth::Sealed, Depth::Middle, Depth::Full] {
        assert_eq!(findings(&world, depth), Vec::<String>::new());
    }
    set_mode(&world.dir, true);
    let after: Vec<_> = files(&world.dir)
        .into_iter()
        .filter(|(n, _)| !n.starts_with("state.db-"))
        .collect();
    let before: Vec<_> = before
        .into_iter()
        .filter(|(n, _)| !n.starts_with("state.db-"))
        .collect();
    assert!(after == before);
}

fn set_mode(folder: &Path, writable: bool) {
    let bits = if writable { 0o700 } else { 0o500 };
    fs::set_permissions(folder, fs::Permissions::from_mode(bits)).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            set_mode(&path, writable);
        } else {
            fs::set_permissions(&path, fs::Permissions::from_mode(bits & 0o600)).unwrap();
        }
    }
}
