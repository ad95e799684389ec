//! The local disk: appending, locking, folders.

use std::{fs, os::unix::fs::PermissionsExt};

use comity_store::{Disk, Op, StoreError};

use crate::script::{Fault, Script};

#[test]
fn a_torn_append_is_overwritten_by_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("edge");
    let (script, disk) = Script::disk();
    let mut file = disk.create_new(&path).unwrap();
    file.write_all(b"head").unwrap();
    script.plan(Op::Write, 0, Fault::Torn);
    assert!(file.write_all(b"frame").unwrap_err().is_fatal());
    assert_eq!(fs::read(&path).unwrap(), b"headfr");
    file.write_all(b"FRAME").unwrap();
    file.sync().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"headFRAME");

    let mut again = disk.open_rw(&path).unwrap();
    again.set_len(4).unwrap();
    again.write_all(b"!").unwrap();
    again.write_at(0, b"H").unwrap();
    assert_eq!(disk.read(&path).unwrap().unwrap(), b"Head!");
    assert_eq!(
        (again.len().unwrap(), again.is_empty().unwrap()),
        (5, false)
    );
}

#[test]
fn a_file_that_was_cut_is_short_and_not_an_io_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("edge");
    let disk = Disk::real();
    disk.write_atomic(&path, b"12345").unwrap();
    let file = disk.open_read(&path).unwrap().unwrap();
    let mut buf = [0; 4];
    file.read_at(1, &mut buf).unwrap();
    assert_eq!(&buf, b"2345");
    assert!(matches!(
        file.read_at(2, &mut buf),
        Err(StoreError::Short {
            offset: 2,
            len: 4,
            ..
        })
    ));
}

#[test]
fn what_is_not_there_is_told_from_what_fails() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::real();
    let absent = folder.path().join("absent");
    assert!(disk.open_read(&absent).unwrap().is_none());
    assert_eq!(disk.read(&absent).unwrap(), None);
    assert_eq!(disk.size(&absent).unwrap(), None);
    assert!(disk.list(&absent).unwrap().is_empty());
    assert!(matches!(
        disk.open_rw(&absent),
        Err(StoreError::NotFound { .. })
    ));
    disk.remove_file(&absent).unwrap();
    disk.remove_dir_all(&absent).unwrap();
    let mut file = disk.create_new(&absent).unwrap();
    file.write_all(b"x").unwrap();
    assert!(
        disk.create_new(&absent).is_err(),
        "a file that is there is not made anew"
    );
    assert_eq!(disk.read(&absent).unwrap().unwrap(), b"x");
}

#[test]
fn a_lock_is_had_by_one_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lock");
    let (one, two) = (Disk::real(), Disk::real());
    let held = one.lock(&path).unwrap();
    assert!(two.try_lock(&path).unwrap().is_none());
    drop(held);
    let held = two.try_lock(&path).unwrap();
    assert!(held.is_some());
    assert!(one.try_lock(&path).unwrap().is_none());
}

#[test]
fn new_folders_are_flushed_into_their_parents() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let (script, disk) = Script::disk();
    disk.create_dir_all(&root.join("a/b")).unwrap();
    let above = root.parent().unwrap();
    let expected = [
        (Op::SyncDir, above.to_path_buf()),
        (Op::CreateDir, root.join("a")),
        (Op::SyncDir, root.to_path_buf()),
        (Op::CreateDir, root.join("a/b")),
        (Op::SyncDir, root.join("a")),
    ];
    assert_eq!(script.durable_calls(), expected);

    script.clear();
    disk.create_dir_all(&root.join("a/b")).unwrap();
    assert_eq!(script.durable_calls(), [], "once in a process is enough");

    // Another process may have been killed between making the folder and flushing its parent.
    let (script, disk) = Script::disk();
    disk.create_dir_all(&root.join("a/b")).unwrap();
    assert_eq!(script.durable_calls(), [(Op::SyncDir, root.join("a"))]);

    disk.remove_dir_all(&root.join("a")).unwrap();
    script.clear();
    disk.create_dir_all(&root.join("a/b")).unwrap();
    assert!(
        root.join("a/b").is_dir(),
        "a folder that was removed is made again"
    );
}

#[test]
fn files_and_folders_are_for_their_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::real();
    let inside = folder.path().join("keyring");
    disk.create_dir_all(&inside).unwrap();
    disk.write_atomic(&inside.join("head"), b"x").unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        (mode(inside.clone()), mode(inside.join("head"))),
        (0o700, 0o600)
    );
}

#[test]
fn what_interrupted_writes_left_is_swept_unless_someone_is_at_it() {
    let folder = tempfile::tempdir().unwrap();
    let disk = Disk::real();
    let (left, live, kept) = (
        folder.path().join(".tmp-1-0-head"),
        folder.path().join(".tmp-2-0-head"),
        folder.path().join("head"),
    );
    for path in [&left, &live, &kept] {
        fs::write(path, b"old keys").unwrap();
    }
    let at_it = disk.lock(&live).unwrap();
    assert_eq!(
        disk.sweep_temporary(folder.path()).unwrap(),
        [".tmp-1-0-head"]
    );
    assert!(!left.exists() && live.exists() && kept.exists());
    drop(at_it);
    assert_eq!(
        disk.sweep_temporary(folder.path()).unwrap(),
        [".tmp-2-0-head"]
    );
    assert_eq!(disk.list(folder.path()).unwrap(), ["head"]);
}
