//! The files of a ledger under the names of their corpora, each put in its place in a sound ledger. The fuzz targets
//! call the same functions.

use std::fs;
use std::path::Path;

use comity_core::Digest;
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
    let _ = tree.records(0..u64::MAX).filter(Result::is_ok).count();
    for index in [0, 255, 256, 299] {
        let _ = (tree.entry(index), tree.body(index));
    }
}

/// As it is, and with the digests of its head and its frames made anew, so that what they cover is read.
pub fn edge(bytes: &[u8]) {
    read_with("edge", bytes);
    let mut bytes = bytes.to_vec();
    let mut at = head_end(&bytes);
    let mut start = 0;
    while let Some(end) = at {
        let Some(digest) = bytes.get_mut(start..end + 32) else {
            break;
        };
        let (covered, digest) = digest.split_at_mut(end - start);
        digest.copy_from_slice(&Digest::of(covered).0);
        start = end + 32;
        let len = bytes.get(start + 16..).and_then(|len| len.first_chunk());
        let len = len.map(|len| u64::from_be_bytes(*len) as usize);
        at = len.and_then(|len| len.checked_add(start + 24));
    }
    read_with("edge", &bytes);
}

/// Where the digest of the head begins (`docs/format/ledger.md`, Edge).
fn head_end(bytes: &[u8]) -> Option<usize> {
    let mut end = 25;
    for _ in 0..*bytes.get(24)? {
        let count = u16::from_be_bytes(*bytes.get(end..)?.first_chunk()?);
        end += 2 + 32 * usize::from(count);
    }
    Some(end)
}

pub fn entries(bytes: &[u8]) {
    read_with("tile/entries/000", bytes);
}

/// As it is, and with its digest made anew.
pub fn bodies(bytes: &[u8]) {
    read_with("body/000", bytes);
    if let Some((covered, _)) = bytes.split_last_chunk::<32>() {
        let digest = Digest::of(covered);
        read_with("body/000", &[covered, &digest.0].concat());
    }
}

pub fn published(bytes: &[u8]) {
    read_with("checkpoint", bytes);
}
