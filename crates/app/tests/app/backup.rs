//! Backups: made while the centre runs, interrupted anywhere, opened on a machine that has nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use comity_app::AppError;
use comity_app::backup::{KEYRING_DAYS, Mark, Outcome, Request, check};
use comity_app::verify::{Depth, Report};
use comity_core::finding::Finding;
use comity_store::Disk;

use crate::faults::{Script, TABLE};
use crate::fixture::*;

on_every_kind! {
    a_backup_opens_on_a_machine_that_has_nothing_else,
}

pub fn asked(to: &Path) -> Request {
    Request {
        to: to.to_owned(),
        keyring: None,
        keep_keyrings: None,
        keyring_days: KEYRING_DAYS,
    }
}

pub fn back_up(world: &World, to: &Path, disk: Disk) -> Result<Outcome, AppError> {
    let centre = world.open_on(disk)?;
    centre.backup(&actor(&centre), &asked(to), &|_, _, _| ())
}

fn check_full(world: &World, to: &Path) -> Report {
    let ambient = world.ambient(Disk::real());
    let checked = check(
        to,
        None,
        Depth::Full,
        Some(PASSPHRASE),
        &ambient,
        &|_, _, _| (),
    );
    checked.unwrap().1
}

fn copies(to: &Path) -> Vec<PathBuf> {
    let mut all: Vec<_> = fs::read_dir(to.join("keyring-copies"))
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    all.sort();
    all
}

/// The centre as it opens from a backup and the newest copy of the keyring, elsewhere.
pub fn restore(world: &World, to: &Path) -> World {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("centre");
    copy(&to.join("centre"), &dir);
    copy(copies(to).last().unwrap(), &dir.join("keyring"));
    let restored = World {
        objects: dir.clone(),
        dir,
        clock: world.clock.clone(),
        folder,
    };
    restored.open().rebuild(&|_, _| ()).unwrap();
    restored
}

fn a_backup_opens_on_a_machine_that_has_nothing_else(kind: Kind) {
    let world = World::new(kind);
    let to = world.folder.path().join("backup");
    let usb = world.place("usb");
    evidence(&usb);
    for n in 0..300 {
        put(&usb, format!("many/{n:03}"), format!("file {n}").as_bytes());
    }
    take_in(&world.open(), &request(&[&usb])).unwrap();
    let first = back_up(&world, &to, Disk::real()).unwrap();
    assert!(first.packs.copied > 1 && first.ledger.copied > 2);
    put(&usb, "later/one.txt", b"added between two backups");
    take_in(&world.open(), &request(&[&usb])).unwrap();
    let expected = listing(&world.open());

    let second = back_up(&world, &to, Disk::real()).unwrap();
    assert_eq!(second.packs.kept, first.packs.copied);
    assert_eq!(second.packs.copied, 1);
    assert_eq!(second.packs_removed, 0);
    assert_eq!(
        second.size,
        Mark::read(&to, &Disk::real()).unwrap().unwrap().size
    );
    assert_eq!(check_full(&world, &to).findings, Vec::<Finding>::new());

    let restored = restore(&world, &to);
    assert_eq!(listing(&restored.open()), expected);
    restored.assert_sound();
    let item = item_at(&restored.open(), "usb/later/one.txt");
    assert_eq!(
        bytes_of(&restored.open(), &item),
        b"added between two backups"
    );
    // The backups are on record: the first in the second one's copy, both in the centre.
    assert_eq!(count_events(&restored.open(), "backup_made"), 1);
    let centre = world.open();
    assert_eq!(count_events(&centre, "backup_made"), 2);
    let event = centre.read_event(second.leaf).unwrap();
    let said = event.value("checkpoint").unwrap();
    assert_eq!(said["size"].as_u64(), Some(second.size));
    assert_eq!(
        said["root"].as_str(),
        Some(second.root.to_string().as_str())
    );
    world.assert_sound();
}

#[test]
fn whatever_interrupts_a_backup_the_one_before_it_still_opens() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    put(&usb, "a.txt", b"one");
    put(&usb, "large", &noise(3, 5 << 20));
    take_in(&world.open(), &request(&[&usb])).unwrap();
    let template = world.folder.path().join("backup");
    back_up(&world, &template, Disk::real()).unwrap();
    let before = listing(&world.open());
    for n in 0..300 {
        put(&usb, format!("many/{n:03}"), format!("file {n}").as_bytes());
    }
    take_in(&world.open(), &request(&[&usb])).unwrap();
    let after = listing(&world.open());
    let row = TABLE
        .iter()
        .find(|row| row.name() == "stored and reported as failed")
        .unwrap();
    // The centre's own calls come first and last; those between are the backup's.
    let mut struck = 0;
    for nth in (0..).step_by(every(2)) {
        let to = world.folder.path().join(format!("backup-{nth}"));
        copy(&template, &to);
        let (script, disk) = Script::disk(Some((row, nth)));
        let ended = back_up(&world, &to, disk);
        let Some(what) = script.what() else { break };
        struck += usize::from(what.contains("backup-"));
        if ended.is_err() {
            let kept = listing(&restore(&world, &to).open());
            assert!(kept == before || kept == after, "{what}: {}", kept.len());
            back_up(&world, &to, Disk::real()).unwrap_or_else(|e| panic!("{what}: {e}"));
        }
        assert_eq!(
            check_full(&world, &to).findings,
            Vec::<Finding>::new(),
            "{what}"
        );
        fs::remove_dir_all(&to).unwrap();
    }
    assert!(struck > 10, "{struck}");
    world.assert_sound();
}

#[test]
fn the_first_backup_is_none_until_it_is_whole() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    put(&usb, "a.txt", b"one");
    take_in(&world.open(), &request(&[&usb])).unwrap();
    let row = TABLE
        .iter()
        .find(|row| row.name() == "a flush fails")
        .unwrap();
    let mut failed = 0;
    for nth in 0.. {
        let to = world.folder.path().join(format!("backup-{nth}"));
        let (script, disk) = Script::disk(Some((row, nth)));
        let ended = back_up(&world, &to, disk);
        let Some(what) = script.what() else { break };
        if ended.is_err() && Mark::read(&to, &Disk::real()).unwrap().is_none() {
            failed += 1;
            let ambient = world.ambient(Disk::real());
            let checked = check(
                &to,
                None,
                Depth::Sealed,
                None::<&str>,
                &ambient,
                &|_, _, _| (),
            );
            assert!(checked.is_err_and(|e| e.is_usage()), "{what}");
        }
        back_up(&world, &to, Disk::real()).unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(
            check_full(&world, &to).findings,
            Vec::<Finding>::new(),
            "{what}"
        );
    }
    assert!(failed > 10, "{failed}");
}

#[test]
fn a_backup_made_while_an_intake_runs_holds_a_beginning_of_it() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    for n in 0..900 {
        put(
            &usb,
            format!("{:02}/{n:04}", n % 6),
            format!("file {n}").as_bytes(),
        );
    }
    for n in 0..6 {
        put(&usb, format!("{n:02}/large"), &noise(n, 5 << 20));
    }
    let to = world.folder.path().join("backup");
    let other = world.open();
    let last = AtomicU64::new(0);
    let sizes = std::sync::Mutex::new(Vec::new());
    let centre = world.open();
    // Each time the intake says how far it is, it is in the middle of its work.
    take_in_watched(&centre, &request(&[&usb]), &|p| {
        if p.tally.met() > last.swap(p.tally.met(), Ordering::SeqCst) {
            let done = other
                .backup(&actor(&other), &asked(&to), &|_, _, _| ())
                .unwrap();
            let restored = restore(&world, &to);
            assert_eq!(restored.verify(Depth::Full).findings, Vec::<Finding>::new());
            let restored = listing(&restored.open());
            sizes.lock().unwrap().push((done.size, restored));
        }
    });
    let all = listing(&centre);
    let sizes = sizes.into_inner().unwrap();
    assert!(!sizes.is_empty());
    assert!(sizes.windows(2).all(|w| w[0].0 < w[1].0));
    for (_, kept) in sizes {
        assert_eq!(kept, all[..kept.len()]);
    }
    world.assert_sound();
}

#[test]
fn nothing_but_this_centres_own_older_backup_is_written_over() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    put(&usb, "a.txt", b"one");
    let older = world.copy("older");
    take_in(&world.open(), &request(&[&usb])).unwrap();
    let to = world.folder.path().join("backup");
    back_up(&world, &to, Disk::real()).unwrap();
    let before = files(&to);

    let refused = |world: &World, to: &Path| back_up(world, to, Disk::real()).err().unwrap();
    let e = refused(&older, &to);
    assert!(e.to_string().contains("older than its backup"), "{e}");
    // As many events and more, and others.
    for n in 0..9 {
        put(&usb, format!("other-{n}"), b"of another history");
    }
    take_in(&older.open(), &request(&[&usb])).unwrap();
    let e = refused(&older, &to);
    assert!(e.to_string().contains("different histories"), "{e}");
    let stranger = World::new(PLAIN);
    assert!(refused(&stranger, &to).is_usage());
    assert_eq!(files(&to), before);

    let strange = world.place("strange");
    put(&strange, "thesis.doc", b"not a backup");
    assert!(refused(&world, &strange).is_usage());
    assert!(refused(&world, &world.dir.join("backup")).is_usage());
    assert!(refused(&world, &world.dir).is_usage());
}

#[test]
fn older_copies_of_the_keyring_are_told_of_and_go() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    put(&usb, "a.txt", b"one");
    take_in(&world.open(), &request(&[&usb])).unwrap();
    let to = world.folder.path().join("backup");
    assert_eq!(
        back_up(&world, &to, Disk::real()).unwrap().warnings,
        Vec::<String>::new()
    );
    assert_eq!(
        back_up(&world, &to, Disk::real()).unwrap().warnings,
        Vec::<String>::new()
    );
    world.clock.pass(31 * 86_400 * 1_000_000);
    let aged = back_up(&world, &to, Disk::real()).unwrap().warnings;
    assert_eq!(aged.len(), 2, "{aged:?}");
    assert!(aged[0].contains("31 days old"), "{aged:?}");

    let centre = world.open();
    let item = item_at(&centre, "usb/a.txt");
    let key = number(
        &centre,
        &format!("SELECT content_key FROM chains WHERE no = {}", item.no),
    );
    centre.keys.ring().destroy(&[key as u64]).unwrap();
    let undone = back_up(&world, &to, Disk::real()).unwrap().warnings;
    assert_eq!(undone.len(), 3, "{undone:?}");
    assert!(
        undone
            .iter()
            .all(|w| w.contains("opens 1 keys that were destroyed since")),
        "{undone:?}"
    );

    let mut request = asked(&to);
    request.keep_keyrings = Some(1);
    let done = centre
        .backup(&actor(&centre), &request, &|_, _, _| ())
        .unwrap();
    assert_eq!((done.keyrings_removed, done.warnings), (4, Vec::new()));
    assert_eq!(copies(&to), [done.keyring]);
}

#[test]
fn what_is_damaged_in_the_centre_or_the_backup_is_named() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    put(&usb, "a.txt", b"one");
    put(&usb, "large", &noise(3, 5 << 20));
    take_in(&world.open(), &request(&[&usb])).unwrap();
    let packs: Vec<String> = world
        .open()
        .vault
        .packs()
        .unwrap()
        .into_iter()
        .map(|p| p.name)
        .collect();
    let flip = |path: &Path, at: usize| {
        let mut bytes = fs::read(path).unwrap();
        bytes[at] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    let to = world.folder.path().join("backup");
    back_up(&world, &to, Disk::real()).unwrap();
    let ambient = world.ambient(Disk::real());
    let sealed = |to: &Path| {
        let report = check(
            to,
            None,
            Depth::Sealed,
            None::<&str>,
            &ambient,
            &|_, _, _| (),
        )
        .unwrap()
        .1;
        report
            .findings
            .into_iter()
            .map(|f| f.place)
            .collect::<Vec<_>>()
    };
    // In the backup.
    flip(&to.join("centre").join(&packs[0]), 100);
    assert_eq!(sealed(&to), [packs[0].clone()]);
    fs::remove_file(to.join("centre").join(&packs[0])).unwrap();
    assert_eq!(sealed(&to), [packs[0].clone()]);
    // In the centre: it stays out, and what the backup has of it stays.
    flip(&world.dir.join(&packs[0]), 100);
    flip(&world.dir.join(&packs[1]), 100);
    let done = back_up(&world, &to, Disk::real()).unwrap();
    let named: Vec<_> = done.findings.iter().map(|f| f.place.clone()).collect();
    assert_eq!(named, [packs[0].clone()]);
    assert_eq!(sealed(&to), [packs[0].clone()]);
    // Lost in the centre: the backup keeps it.
    fs::remove_file(world.dir.join(&packs[1])).unwrap();
    let done = back_up(&world, &to, Disk::real()).unwrap();
    assert_eq!((done.packs.kept, done.packs_removed), (1, 0));
    assert!(to.join("centre").join(&packs[1]).exists());
}
