//! Ledgers that earlier programs wrote must open for ever, and the same events must give the same bytes.

use std::fs;
use std::path::{Path, PathBuf};

use comity_core::checkpoint::{Checkpoint, LogKeys, LogSigner, SignedCheckpoint};
use comity_core::digest::Digest;
use comity_ledger::Tree;
use tempfile::TempDir;

use crate::support::{check, copy, files, local_at, open, records};

const ORIGIN: &str = "log.example/vectors";

fn vectors() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/vectors/ledger")
}

/// The ledger of the vectors: 300 events, of which 256 are in full bundles and 44 in the edge, in two frames.
fn write(folder: &Path) -> Tree {
    let signer = LogSigner::new(ORIGIN, &[1; 32], &[2; 32]).unwrap();
    let mut tree = open(&local_at(folder));
    tree.append(0, &records(0..280)).unwrap();
    tree.trim().unwrap();
    tree.append(280, &records(280..300)).unwrap();
    let checkpoint = Checkpoint {
        origin: ORIGIN.into(),
        size: 300,
        root: tree.root(),
    };
    tree.publish(&signer.sign(&checkpoint, 1_790_000_000).unwrap())
        .unwrap();
    fs::write(folder.join("keys"), signer.keys().to_file()).unwrap();
    tree
}

/// Roots at every size, and the digest of each exported file: what a stranger's program must come to.
fn expected(tree: &Tree, keys: &[u8]) -> String {
    let mut text = String::new();
    for size in 0..=tree.size() {
        text += &format!("root {size} {}\n", tree.root_at(size).unwrap());
    }
    let folder = TempDir::new().unwrap();
    tree.export(folder.path(), tree.published().unwrap(), keys, &|_, _| ())
        .unwrap();
    for (name, bytes) in files(folder.path()) {
        text += &format!("export {name} {}\n", Digest::of(&bytes));
    }
    text
}

#[test]
fn the_first_format_opens_and_verifies() {
    let folder = TempDir::new().unwrap();
    copy(&vectors().join("kept"), folder.path());
    let objects = local_at(folder.path());
    let keys = fs::read(folder.path().join("keys")).unwrap();
    let mut tree = open(&objects);
    let verified = SignedCheckpoint::parse(tree.published().unwrap()).unwrap();
    let verified = verified.verify(&LogKeys::parse(&keys).unwrap()).unwrap();
    assert_eq!(
        (verified.size(), *verified.root()),
        (tree.size(), tree.root())
    );
    assert_eq!(check(&objects, None), []);
    assert_eq!(
        expected(&tree, &keys),
        fs::read_to_string(vectors().join("expected.txt")).unwrap()
    );
    for (stored, record) in tree.records(0..300).zip(records(0..300)) {
        let stored = stored.unwrap();
        assert_eq!((stored.entry, stored.body), (record.entry, record.body));
    }
    tree.append(300, &records(300..600)).unwrap();
    tree.trim().unwrap();
    assert_eq!(check(&objects, None), []);
}

/// With `COMITY_WRITE_VECTORS=1` the vectors are written anew, for a new format beside the old ones.
#[test]
fn the_same_events_give_the_same_bytes() {
    let folder = TempDir::new().unwrap();
    let tree = write(folder.path());
    if std::env::var_os("COMITY_WRITE_VECTORS").is_some() {
        copy(
            &folder.path().join("ledger"),
            &vectors().join("kept/ledger"),
        );
        let keys = fs::read(folder.path().join("keys")).unwrap();
        fs::write(vectors().join("kept/keys"), &keys).unwrap();
        fs::write(vectors().join("expected.txt"), expected(&tree, &keys)).unwrap();
    }
    let written = files(&folder.path().join("ledger"));
    assert!(written == files(&vectors().join("kept/ledger")));
}
