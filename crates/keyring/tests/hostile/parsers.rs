//! The files of a keyring, words of a share and a desk's key under the names of their corpora. The fuzz targets call the
//! same functions.

use std::fs;

use comity_keyring::slip39::Share;
use comity_keyring::{DeskKey, Keyring, Scheme, inspect};
use comity_store::Disk;

/// A parser under the name of its corpus.
pub type Named = (&'static str, fn(&[u8]));

pub const ALL: &[Named] = &[
    ("keyring-head", head),
    ("keyring-segment", segment),
    ("share", share),
    ("desk-key", desk_key),
];

const HEAD: &[u8] = include_bytes!("../../../../testdata/vectors/keyring/head");
const SEGMENT: &[u8] = include_bytes!("../../../../testdata/vectors/keyring/00000000.keys");

fn read_with(head: &[u8], segment: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    fs::write(folder.path().join("head"), head).expect("a file of the test");
    fs::write(folder.path().join("00000000.keys"), segment).expect("a file of the test");
    let _ = inspect(folder.path(), &Disk::real(), &mut |_, _| ());
    let _ = Keyring::open(folder.path(), Disk::real(), "not the passphrase").is_ok();
}

pub fn head(bytes: &[u8]) {
    read_with(bytes, SEGMENT);
}

pub fn segment(bytes: &[u8]) {
    read_with(HEAD, bytes);
}

pub fn share(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(share) = Share::parse(text) {
        let again = Share::parse(&share.words()).expect("what is written is read");
        assert_eq!(*again.words(), *share.words());
    }
    let _ = Scheme::parse(text).is_ok();
}

pub fn desk_key(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok((member, key)) = DeskKey::parse(text) {
        assert!(
            DeskKey::parse(&key.to_file(&member)).is_ok(),
            "what is written is read"
        );
    }
}
