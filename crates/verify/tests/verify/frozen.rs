//! Packages and receipts of the released formats verify for ever, and the writers still write them
//! byte by byte. They lie in `testdata/package/1` and `testdata/receipt/1`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::world::*;

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata")
        .join(name)
}

#[track_caller]
fn same(made: &Path, kept: &Path) {
    assert_eq!(names(made), names(kept));
    for name in names(kept) {
        let same = fs::read(made.join(&name)).unwrap() == fs::read(kept.join(&name)).unwrap();
        assert!(same, "{name} is written in another way than before");
    }
}

#[test]
fn a_package_of_format_1() {
    let kept = testdata("package/1");
    let (package, keys, tree) = (
        kept.join("NAME"),
        kept.join("keys-from-elsewhere"),
        kept.join("tree"),
    );
    verify(&[
        &package,
        Path::new("--keys"),
        &keys,
        Path::new("--log"),
        &tree,
    ])
    .expect(0, &["VERIFIED", "recorded: its making stands at index 299"]);
    let root = tempfile::tempdir().unwrap();
    made(root.path());
    same(root.path(), &kept);
}

#[test]
fn a_receipt_of_format_1() {
    let kept = testdata("receipt/1");
    verify(&[&kept]).expect(0, &["CONSISTENT", "6 received, 1 delivered again"]);
    let root = tempfile::tempdir().unwrap();
    let mut made = made(&root.path().join("package"));
    let receipt = root.path().join("receipt");
    write_receipt(&receipt, &mut made.centre, &made.items);
    same(&receipt, &kept);
}
