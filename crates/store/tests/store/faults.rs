//! The local disk under faults: for each operation and each way to fail, what is seen after, and whether to stop.

use std::{fs, path::Path};

use comity_store::{Disk, Objects, Op, StoreError};

use crate::script::{Fault, Script, is_eio};

const OLD: &[u8] = b"old content";
const NEW: &[u8] = b"new";

/// What a reader sees after the failed call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Seen {
    Old,
    New,
}

struct Row(Op, Fault, Seen, Advice);

/// What the error advises.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Advice {
    TryAgain,
    MakeRoom,
    Stop,
}

use Advice::{MakeRoom, Stop, TryAgain};
use Fault::{Eio, Enospc, StoredYetFailed, Torn};
use Seen::{New, Old};

/// Replacing an object. A flush that failed is always fatal and never shows the object; once renamed it is seen, and
/// only a flushed folder makes that last.
const REPLACE: [Row; 20] = [
    Row(Op::Create, Eio, Old, Stop),
    Row(Op::Create, Enospc, Old, MakeRoom),
    Row(Op::Create, StoredYetFailed, Old, Stop),
    Row(Op::Create, Torn, Old, Stop),
    Row(Op::Write, Eio, Old, Stop),
    Row(Op::Write, Enospc, Old, MakeRoom),
    Row(Op::Write, StoredYetFailed, Old, Stop),
    Row(Op::Write, Torn, Old, Stop),
    Row(Op::Sync, Eio, Old, Stop),
    Row(Op::Sync, Enospc, Old, Stop),
    Row(Op::Sync, StoredYetFailed, Old, Stop),
    Row(Op::Sync, Torn, Old, Stop),
    Row(Op::Rename, Eio, Old, Stop),
    Row(Op::Rename, Enospc, Old, MakeRoom),
    Row(Op::Rename, StoredYetFailed, New, Stop),
    Row(Op::Rename, Torn, Old, Stop),
    Row(Op::SyncDir, Eio, New, Stop),
    Row(Op::SyncDir, Enospc, New, Stop),
    Row(Op::SyncDir, StoredYetFailed, New, Stop),
    Row(Op::SyncDir, Torn, New, Stop),
];

fn advice(error: &StoreError) -> Advice {
    match error {
        error if error.is_fatal() => Stop,
        StoreError::Full { .. } => MakeRoom,
        _ => TryAgain,
    }
}

fn check_rows(
    rows: &[Row],
    label: &str,
    replace: impl Fn(&Objects, &[u8]) -> Result<(), StoreError>,
    seen: impl Fn(&Path) -> Option<Vec<u8>>,
) {
    for Row(op, fault, expected, told) in rows {
        let folder = tempfile::tempdir().unwrap();
        let (script, disk) = Script::disk();
        let objects = Objects::local(folder.path().to_path_buf(), disk).unwrap();
        replace(&objects, OLD).unwrap();
        script.plan(*op, 0, *fault);
        let result = replace(&objects, NEW);
        let row = format!("{label}: {op:?} {fault:?}");
        assert!(script.struck(), "{row}: the fault did not take place");
        assert_eq!(advice(&result.expect_err(&row)), *told, "{row}");
        let content = if *expected == Old { OLD } else { NEW };
        assert_eq!(seen(folder.path()).as_deref(), Some(content), "{row}");
        replace(&objects, NEW).expect(&row);
        assert_eq!(
            seen(folder.path()).as_deref(),
            Some(NEW),
            "{row}: after another try"
        );
        assert_eq!(
            unfinished(folder.path()),
            0,
            "{row}: while the store is open"
        );
        drop(objects);
        assert_no_leftovers(folder.path(), &row);
    }
}

/// Files of unfinished objects, those of live stores included.
fn unfinished(root: &Path) -> usize {
    let Ok(folders) = fs::read_dir(root.join("tmp")) else {
        return 0;
    };
    let files = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
    files
        .filter(|file| file.as_ref().unwrap().file_name() != "lock")
        .count()
}

fn assert_no_leftovers(root: &Path, row: &str) {
    let objects = Objects::local(root.to_path_buf(), Disk::real()).unwrap();
    assert_eq!(objects.leftovers().unwrap(), [], "{row}");
    let disk = Disk::real();
    let beside = disk.list(&root.join("d")).unwrap();
    assert!(
        beside
            .iter()
            .all(|name| !name.to_string_lossy().starts_with(".tmp-")),
        "{row}: {beside:?}"
    );
}

fn object(root: &Path) -> Option<Vec<u8>> {
    Objects::local(root.to_path_buf(), Disk::real())
        .unwrap()
        .get("d/a")
        .unwrap()
}

#[test]
fn a_failed_put_shows_the_old_object_or_the_new_one_whole() {
    check_rows(
        &REPLACE,
        "put",
        |objects, bytes| objects.put("d/a", bytes),
        object,
    );
}

#[test]
fn a_failed_writer_shows_the_old_object_or_the_new_one_whole() {
    let stream = |objects: &Objects, bytes: &[u8]| {
        let mut writer = objects.writer("d/a")?;
        writer.append(bytes)?;
        writer.finish()
    };
    check_rows(&REPLACE, "writer", stream, object);
}

#[test]
fn a_failed_batch_of_one_is_as_a_failed_put() {
    let batch = |objects: &Objects, bytes: &[u8]| {
        objects.put_many(vec![("d/a".to_owned(), bytes.to_vec())])
    };
    check_rows(&REPLACE, "put_many", batch, object);
}

#[test]
fn a_failed_atomic_write_shows_the_old_file_or_the_new_one_whole() {
    let write = |objects: &Objects, bytes: &[u8]| {
        let folder = objects.local_root().unwrap().join("d");
        objects.disk().create_dir_all(&folder)?;
        objects.disk().write_atomic(&folder.join("a"), bytes)
    };
    check_rows(&REPLACE, "write_atomic", write, |root| {
        fs::read(root.join("d/a")).ok()
    });
}

#[test]
fn a_failed_first_put_into_a_new_folder_shows_nothing_or_all() {
    // The flushes of folders, in order: the root's own when first seen, the new folder's parent, the folder itself.
    let rows = [
        (Op::CreateDir, 0, Eio, false, Stop),
        (Op::CreateDir, 0, Enospc, false, MakeRoom),
        (Op::CreateDir, 0, StoredYetFailed, false, Stop),
        (Op::SyncDir, 0, Eio, false, Stop),
        (Op::SyncDir, 1, Eio, true, Stop),
        (Op::Sync, 0, Eio, false, Stop),
        (Op::Rename, 0, StoredYetFailed, true, Stop),
    ];
    for new_only in [false, true] {
        for (op, nth, fault, shown, told) in rows {
            let folder = tempfile::tempdir().unwrap();
            let (script, disk) = Script::disk();
            let objects = Objects::local(folder.path().to_path_buf(), disk).unwrap();
            script.plan(op, nth, fault);
            let put = || {
                if new_only {
                    objects.put_new("d/a", NEW).map(drop)
                } else {
                    objects.put("d/a", NEW)
                }
            };
            let row = format!("{op:?} {nth} {fault:?} {new_only}");
            assert_eq!(advice(&put().expect_err(&row)), told, "{row}");
            assert!(script.struck(), "{row}");
            assert_eq!(object(folder.path()), shown.then(|| NEW.to_vec()), "{row}");
            put().expect(&row);
            assert_eq!(object(folder.path()).unwrap(), NEW, "{row}");
            drop(objects);
            assert_no_leftovers(folder.path(), &row);
        }
    }
}

#[test]
fn an_object_is_flushed_before_it_appears_and_its_folder_after() {
    let folder = tempfile::tempdir().unwrap();
    let (script, disk) = Script::disk();
    let objects = Objects::local(folder.path().to_path_buf(), disk).unwrap();
    objects.put("d/a", OLD).unwrap();
    let expected = [Op::Create, Op::Write, Op::Sync, Op::Rename, Op::SyncDir];
    let mut writer = objects.writer("d/a").unwrap();
    script.clear();
    objects.put("d/a", NEW).unwrap();
    assert_eq!(script.durable_ops(), expected, "put");
    script.clear();
    objects.put_new("d/b", NEW).unwrap();
    assert_eq!(script.durable_ops(), expected, "put_new");
    script.clear();
    objects
        .disk()
        .write_atomic(&folder.path().join("d/c"), NEW)
        .unwrap();
    assert_eq!(script.durable_ops(), expected, "write_atomic");
    script.clear();
    writer.append(NEW).unwrap();
    writer.finish().unwrap();
    assert_eq!(script.durable_ops(), expected[1..], "writer");
    script.clear();
    objects.delete("d/a").unwrap();
    assert_eq!(script.durable_ops(), [Op::Remove, Op::SyncDir], "delete");
    script.clear();
    objects.settle(&["d/b", "d/c"]).unwrap();
    assert_eq!(
        script.durable_calls(),
        [(Op::SyncDir, folder.path().join("d"))],
        "settle"
    );
}

#[test]
fn a_batch_has_one_barrier() {
    let folder = tempfile::tempdir().unwrap();
    let (script, disk) = Script::disk();
    let objects = Objects::local(folder.path().to_path_buf(), disk).unwrap();
    let batch = |bytes: &[u8]| {
        (0..300)
            .map(|i| (format!("d{}/{i}", i % 2), bytes.to_vec()))
            .collect::<Vec<_>>()
    };
    objects.put_many(batch(OLD)).unwrap();
    script.clear();
    objects.put_many(batch(NEW)).unwrap();
    assert_one_barrier(&script, 300);

    script.clear();
    let writers = batch(OLD).into_iter().map(|(name, bytes)| {
        let mut writer = objects.writer(&name).unwrap();
        writer.append(&bytes).unwrap();
        writer
    });
    objects.finish_many(writers.collect()).unwrap();
    assert_one_barrier(&script, 300);
}

/// No object appears before the content of all is durable, and each of the two folders is flushed once, at the end.
fn assert_one_barrier(script: &Script, count: usize) {
    let ops = script.durable_ops();
    let of = |wanted: Op| {
        ops.iter()
            .enumerate()
            .filter(move |(_, op)| **op == wanted)
            .map(|(place, _)| place)
    };
    assert_eq!(
        (
            of(Op::Sync).count(),
            of(Op::Rename).count(),
            of(Op::SyncDir).count()
        ),
        (count, count, 2)
    );
    assert!(of(Op::Sync).max() < of(Op::Rename).min());
    assert!(of(Op::Rename).max() < of(Op::SyncDir).min());
}

#[test]
fn a_batch_in_which_one_flush_fails_shows_none() {
    for fault in Fault::ALL {
        for nth in [0, 7, 139] {
            let folder = tempfile::tempdir().unwrap();
            let (script, disk) = Script::disk();
            let objects = Objects::local(folder.path().to_path_buf(), disk).unwrap();
            script.plan(Op::Sync, nth, fault);
            let batch = (0..140).map(|i| (format!("d/{i}"), NEW.to_vec())).collect();
            assert!(
                objects.put_many(batch).unwrap_err().is_fatal(),
                "{fault:?} {nth}"
            );
            assert_eq!(objects.list("").unwrap(), [], "{fault:?} {nth}");
            drop(objects);
            assert_no_leftovers(folder.path(), "batch");
        }
    }
}

#[test]
fn a_batch_in_which_a_rename_fails_shows_those_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let (script, disk) = Script::disk();
    let objects = Objects::local(folder.path().to_path_buf(), disk).unwrap();
    script.plan(Op::Rename, 2, Eio);
    let batch = ["c", "a", "d", "b"].map(|name| (name.to_owned(), NEW.to_vec()));
    assert!(objects.put_many(batch.to_vec()).unwrap_err().is_fatal());
    assert_eq!(
        objects.list("").unwrap(),
        [("a".to_owned(), 3), ("c".to_owned(), 3)]
    );
}

#[test]
fn a_writer_with_a_failed_write_cannot_be_finished() {
    let folder = tempfile::tempdir().unwrap();
    let (script, disk) = Script::disk();
    let objects = Objects::local(folder.path().to_path_buf(), disk).unwrap();
    let mut writer = objects.writer("d/a").unwrap();
    script.plan(Op::Write, 0, Enospc);
    let large = vec![1; 200_000];
    assert_eq!(advice(&writer.append(&large).unwrap_err()), MakeRoom);
    assert!(matches!(
        writer.finish(),
        Err(StoreError::Unfinished { .. })
    ));
    assert_eq!(object(folder.path()), None);
}

#[test]
fn a_failed_removal_is_seen_as_it_is() {
    for (op, fault, gone) in [
        (Op::Remove, Eio, false),
        (Op::Remove, StoredYetFailed, true),
        (Op::SyncDir, Eio, true),
        (Op::SyncDir, StoredYetFailed, true),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (script, disk) = Script::disk();
        let objects = Objects::local(folder.path().to_path_buf(), disk).unwrap();
        objects.put("d/a", OLD).unwrap();
        script.plan(op, 0, fault);
        assert!(
            objects.delete("d/a").unwrap_err().is_fatal(),
            "{op:?} {fault:?}"
        );
        assert_eq!(object(folder.path()).is_none(), gone, "{op:?} {fault:?}");
        objects.delete("d/a").unwrap();
        assert_eq!(object(folder.path()), None, "{op:?} {fault:?}");
    }
}

#[test]
fn a_failed_read_is_an_error_that_can_be_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let (script, disk) = Script::disk();
    let objects = Objects::local(folder.path().to_path_buf(), disk).unwrap();
    objects.put("d/a", OLD).unwrap();
    let reader = objects.reader("d/a").unwrap();
    let all = OLD.len() as u64;
    type Reading<'a> = Box<dyn Fn() -> Result<(), StoreError> + 'a>;
    let calls: [(&str, Op, Reading<'_>); 7] = [
        ("get", Op::Read, Box::new(|| objects.get("d/a").map(drop))),
        ("get", Op::Open, Box::new(|| objects.get("d/a").map(drop))),
        (
            "get_range",
            Op::Read,
            Box::new(|| objects.get_range("d/a", 0, all).map(drop)),
        ),
        ("size", Op::Read, Box::new(|| objects.size("d/a").map(drop))),
        ("list", Op::List, Box::new(|| objects.list("").map(drop))),
        (
            "reader",
            Op::Open,
            Box::new(|| objects.reader("d/a").map(drop)),
        ),
        (
            "read_at",
            Op::Read,
            Box::new(|| reader.read_at(0, &mut [0; 4])),
        ),
    ];
    for (call, op, read) in &calls {
        for fault in [Eio, StoredYetFailed] {
            script.plan(*op, 0, fault);
            match read() {
                Err(error @ StoreError::Io { .. }) => {
                    assert!(!error.is_fatal(), "{call}");
                    let StoreError::Io { source, .. } = error else {
                        continue;
                    };
                    assert!(is_eio(&source), "{call}");
                }
                other => panic!("{call} {op:?} {fault:?}: {other:?}"),
            }
            read().expect(call);
        }
    }
}
