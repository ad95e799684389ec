//! Unfinished objects: kept while someone is at them, listed and swept when nobody is.

use std::fs;

use comity_store::{Disk, Objects};

#[test]
fn the_unfinished_objects_of_a_live_store_are_not_swept() {
    let folder = tempfile::tempdir().unwrap();
    let writing = Objects::local(folder.path().to_path_buf(), Disk::real()).unwrap();
    let sweeping = Objects::local(folder.path().to_path_buf(), Disk::real()).unwrap();
    let mut writer = writing.writer("vault/00/pack").unwrap();
    writer.append(&vec![7; 300_000]).unwrap();
    assert_eq!(sweeping.leftovers().unwrap(), []);
    assert_eq!(sweeping.sweep_temporary().unwrap(), []);
    writer.finish().unwrap();
    assert_eq!(sweeping.size("vault/00/pack").unwrap(), Some(300_000));
}

#[test]
fn what_a_dead_process_left_is_listed_then_swept() {
    let folder = tempfile::tempdir().unwrap();
    let objects = Objects::local(folder.path().to_path_buf(), Disk::real()).unwrap();
    let dead = folder.path().join("tmp/999999999-0");
    fs::create_dir_all(&dead).unwrap();
    fs::write(dead.join("lock"), b"").unwrap();
    fs::write(dead.join(".tmp-0"), b"half a pack").unwrap();
    // Killed between making its folder and locking it.
    fs::create_dir_all(folder.path().join("tmp/999999999-1")).unwrap();

    let expected = [("tmp/999999999-0/.tmp-0".to_owned(), 11)];
    assert_eq!(objects.leftovers().unwrap(), expected);
    assert_eq!(
        objects.list("").unwrap(),
        [],
        "unfinished objects are not objects"
    );
    assert_eq!(objects.sweep_temporary().unwrap(), expected);
    assert_eq!(objects.leftovers().unwrap(), []);
    assert_eq!(fs::read_dir(folder.path().join("tmp")).unwrap().count(), 0);
}

#[test]
fn a_store_that_is_closed_leaves_no_folder_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let objects = Objects::local(folder.path().to_path_buf(), Disk::real()).unwrap();
    objects.put("a", b"1").unwrap();
    let writer = objects.writer("b").unwrap();
    drop(objects);
    writer.finish().unwrap();
    assert_eq!(fs::read_dir(folder.path().join("tmp")).unwrap().count(), 0);
    assert_eq!(fs::read(folder.path().join("b")).unwrap(), b"");
}
