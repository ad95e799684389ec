//! The files of a ledger under the names of their corpora, each put in its place in a sound ledger. The fuzz targets
//! call the same functions.

use std::fs;
use std::path::Path;

use comity_ledger::{Tree, check};
use comity_store::{Disk, Objects};

/// A parser under the name of its corpus.
pub type Named = (&'static str, fn(&[u8]));

pub const ALL: &[Named] = &[
    ("edge", edge),
    ("entries", entries),
    ("bodies", bodies),
    ("published", published),
];

const SOUND: [(&str, &[u8]); 5] = [
    (
        "edge",
        include_bytes!("../../../../testdata/vectors/ledger/kept/ledger/edge"),
    ),
    (
        "checkpoint",
        include_bytes!("../../../../testdata/vectors/ledger/kept/ledger/checkpoint"),
    ),
    (
        "tile/0/000",
        include_bytes!("../../../../testdata/vectors/ledger/kept/ledger/tile/0/000"),
    ),
    (
        "tile/entries/000",
        include_bytes!("../../../../testdata/vectors/ledger/kept/ledger/tile/entries/000"),
    ),
    (
        "body/000",
        include_bytes!("../../../../testdata/vectors/ledger/kept/ledger/body/000"),
    ),
];

fn write(folder: &Path, name: &str, bytes: &[u8]) {
    let path = folder.join("ledger").join(name);
    fs::create_dir_all(path.parent().expect("it is in a folder")).expect("a folder of the test");
    fs::write(path, bytes).expect("a file of the test");
}

/// Opens, checks and reads the ledger in which `name` is `bytes`.
fn read_with(name: &str, bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    for (sound, content) in SOUND {
        write(
            folder.path(),
            sound,
            if sound == name { bytes } else { content },
        );
    }
    let objects = || Objects::local(folder.path().to_owned(), Disk::real()).expect("a store");
    let _ = check(&objects(), None, &|_, _| ());
    let Ok(tree) = Tree::open_read_only(objects()) else {
        return;
    };
    let _ = (
        tree.root_at(256),
        tree.root_at(u64::MAX),
        tree.leaf_hash(299),
    );
    let _ = (
        tree.inclusion_proof(0, 300),
        tree.inclusion_proof(299, tree.size()),
    );
}

pub fn edge(bytes: &[u8]) {
    read_with("edge", bytes);
}

pub fn entries(bytes: &[u8]) {
    read_with("tile/entries/000", bytes);
}

pub fn bodies(bytes: &[u8]) {
    read_with("body/000", bytes);
}

pub fn published(bytes: &[u8]) {
    read_with("checkpoint", bytes);
}
