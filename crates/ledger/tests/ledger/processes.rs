//! Several processes on one ledger: each open tree stands for one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use comity_core::digest::Digest;
use comity_ledger::{LedgerError, Tree};
use comity_store::{Call, Disk, Faults, Op, Outcome};
use tempfile::TempDir;

use crate::support::{
    Store, check, copy, files, local, local_at, note, open, publish, record, records, s3_on, stores,
};

#[test]
fn two_writers_take_turns_and_each_sees_what_the_other_did() {
    for Store { objects, .. } in &stores() {
        let (mut one, mut two) = (open(objects), open(objects));
        one.append(0, &records(0..300)).unwrap();
        publish(&mut one);
        assert_eq!(two.size(), 0);
        assert!(two.refresh().unwrap());
        assert!(!two.refresh().unwrap());
        assert_eq!(
            (two.size(), two.root(), two.published_size()),
            (300, one.root(), 300)
        );
        two.append(300, &records(300..310)).unwrap();
        two.trim().unwrap();
        two.append(310, &records(310..600)).unwrap();
        // Without a refresh: appending looks for itself.
        one.append(600, &records(600..601)).unwrap();
        assert_eq!(one.edge_first(), 256);
        one.trim().unwrap();
        publish(&mut one);
        two.append(601, &records(601..602)).unwrap();
        publish(&mut two);
        assert_eq!(open(objects).size(), 602);
        assert_eq!(check(objects, two.published()), []);
    }
}

#[test]
fn a_reader_survives_trims_under_its_feet() {
    for Store { objects, .. } in &stores() {
        let mut writer = open(objects);
        writer.append(0, &records(0..700)).unwrap();
        publish(&mut writer);
        let mut reader = Tree::open_read_only(objects.clone()).unwrap();
        let root = reader.root();
        writer.trim().unwrap();
        writer.append(700, &records(700..1500)).unwrap();
        writer.trim().unwrap();
        publish(&mut writer);
        assert_eq!((reader.size(), reader.root()), (700, root));
        for index in [0, 300, 511, 512, 699] {
            assert_eq!(reader.entry(index).unwrap(), record(index).entry);
            assert_eq!(reader.body(index).unwrap(), record(index).body);
        }
        assert_eq!(reader.records(0..700).filter_map(Result::ok).count(), 700);
        assert!(reader.refresh().unwrap());
        assert_eq!((reader.size(), reader.root()), (1500, writer.root()));
        assert_eq!(reader.records(0..1500).filter_map(Result::ok).count(), 1500);
    }
}

/// Lets others act just before one object is put: as if the process that puts it had slept there.
struct Asleep {
    before: &'static str,
    meanwhile: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl Faults for Asleep {
    fn before(&self, call: &Call<'_>) -> Outcome {
        if call.op == Op::Put
            && call.path == Path::new(self.before)
            && let Some(act) = self.meanwhile.lock().unwrap().take()
        {
            std::thread::spawn(act).join().unwrap();
        }
        Outcome::Go
    }
}

/// On S3 no lock of a file keeps the others waiting: what a process puts when it wakes lies over nothing of theirs.
#[test]
fn a_writer_that_slept_puts_nothing_over_what_others_put() {
    for before in ["ledger/edge/head", "ledger/checkpoint"] {
        let server = comity_rig::s3();
        let objects = s3_on(&server, Disk::real());
        let mut other = open(&objects);
        other.append(0, &records(0..300)).unwrap();
        publish(&mut other);
        let asleep = Arc::new(Asleep {
            before,
            meanwhile: Mutex::new(None),
        });
        let mut sleeper = open(&s3_on(&server, Disk::with_faults(asleep.clone())));
        sleeper.append(300, &records(300..310)).unwrap();
        let note = note(310, sleeper.root());
        *asleep.meanwhile.lock().unwrap() = Some(Box::new(move || {
            other.append(310, &records(310..700)).unwrap();
            publish(&mut other);
            other.trim().unwrap();
        }));
        let woken = match before {
            "ledger/checkpoint" => sleeper.publish(&note),
            _ => sleeper.trim().map(drop),
        };
        assert!(
            matches!(&woken, Err(LedgerError::Overtaken { file }) if file == before),
            "{woken:?}"
        );
        assert!(asleep.meanwhile.lock().unwrap().is_none());
        let now = open(&objects);
        assert_eq!(
            (now.size(), now.published_size(), now.edge_first()),
            (700, 700, 512)
        );
        assert_eq!(check(&objects, now.published()), []);
        // And it goes on from what is there.
        sleeper.append(700, &records(700..701)).unwrap();
        publish(&mut sleeper);
        assert_eq!(check(&objects, sleeper.published()), []);
    }
}

/// A reader opens, refreshes and reads all the time while a writer appends, puts ahead, trims and publishes.
#[test]
fn readers_and_a_writer_at_once() {
    let Store { objects, .. } = &local();
    let mut writer = open(objects);
    writer.append(0, &records(0..10)).unwrap();
    publish(&mut writer);
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut kept = Tree::open_read_only(objects.clone()).unwrap();
                let mut turns = 0;
                while !over.load(Ordering::Relaxed) || turns < 3 {
                    kept.refresh().unwrap();
                    let fresh = Tree::open_read_only(objects.clone()).unwrap();
                    for tree in [&kept, &fresh] {
                        let last = tree.size() - 1;
                        assert_eq!(tree.entry(last).unwrap(), record(last).entry);
                        assert_eq!(tree.body(last / 2).unwrap(), record(last / 2).body);
                        assert!(tree.published_size() <= tree.size());
                    }
                    turns += 1;
                }
            });
        }
        for _ in 0..60 {
            let first = writer.size();
            writer.append(first, &records(first..first + 90)).unwrap();
            if first.is_multiple_of(4) {
                writer.trim().unwrap();
            }
            if first.is_multiple_of(3) {
                let first = writer.size();
                let group = records(first..first + 600);
                let ahead = writer.put_ahead(first, &group).unwrap().unwrap();
                writer
                    .take_up(first, &ahead, &group[ahead.events..])
                    .unwrap();
            }
            publish(&mut writer);
        }
        over.store(true, Ordering::Relaxed);
    });
    assert_eq!(check(objects, writer.published()), []);
}

#[test]
fn a_read_only_copy_is_opened_and_checked_without_a_single_write() {
    let store = local();
    let mut tree = open(&store.objects);
    tree.append(0, &records(0..600)).unwrap();
    tree.trim().unwrap();
    publish(&mut tree);
    let temporary = TempDir::new().unwrap();
    let folder = temporary.path().join("copy");
    copy(&store.folder.join("ledger"), &folder.join("ledger"));
    let lock = |mode_dir, mode_file| {
        for (name, _) in files(&folder) {
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(mode_file)).unwrap();
        }
        for path in [
            "ledger/tile/0",
            "ledger/tile/entries",
            "ledger/tile",
            "ledger/body",
            "ledger",
            "",
        ] {
            fs::set_permissions(folder.join(path), fs::Permissions::from_mode(mode_dir)).unwrap();
        }
    };
    lock(0o500, 0o400);
    let before = files(&folder);
    let objects = local_at(&folder);
    let mut copy = Tree::open_read_only(objects.clone()).unwrap();
    copy.refresh().unwrap();
    assert_eq!(copy.root(), tree.root());
    assert_eq!(copy.records(0..600).filter_map(Result::ok).count(), 600);
    assert_eq!(check(&objects, None), []);
    assert!(matches!(
        copy.append(600, &records(600..601)),
        Err(LedgerError::ReadOnly)
    ));
    assert!(matches!(copy.trim(), Err(LedgerError::ReadOnly)));
    assert!(matches!(copy.publish(b""), Err(LedgerError::ReadOnly)));
    assert!(files(&folder) == before);
    lock(0o700, 0o600);
}

#[test]
fn an_edge_that_is_put_back_to_an_older_one_is_never_built_upon() {
    let store = local();
    let mut tree = open(&store.objects);
    let edge = store.folder.join("ledger/edge");
    tree.append(0, &records(0..300)).unwrap();
    publish(&mut tree);
    let older = fs::read(&edge).unwrap();
    tree.append(300, &records(300..400)).unwrap();
    publish(&mut tree);
    fs::write(&edge, &older).unwrap();
    let error = tree.append(400, &records(400..401)).unwrap_err();
    assert!(
        matches!(&error, LedgerError::Corrupt { file, .. } if file == "ledger/edge"),
        "{error}"
    );
    assert!(error.is_fatal());
    assert!(Tree::open(store.objects.clone()).is_err());
    assert_ne!(tree.root(), Digest::of(b""));
}
