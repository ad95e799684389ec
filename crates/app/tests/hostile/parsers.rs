//! What a deliverer brings beside the evidence, under the names of the corpora: lists of digests, statements of
//! provenance, and bags in a zip archive or a folder.

use std::fs;
use std::path::Path;

use comity_app::intake::bag::{Bag, Limits};
use comity_app::intake::manifest::Manifest;
use comity_app::intake::provenance::Provenance;
use comity_app::intake::walk::Spill;
use comity_core::random::TestRandom;

/// A parser under the name of its corpus.
pub type Named = (&'static str, fn(&[u8]));

pub const ALL: &[Named] = &[
    ("list", list),
    ("provenance", provenance),
    ("zip", zip),
    ("bag", bag),
];

pub fn list(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("list");
    fs::write(&path, bytes).expect("a file of the test");
    let _ = Manifest::read(&path, &[]).is_ok();
}

pub fn provenance(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("provenance.csv");
    fs::write(&path, bytes).expect("a file of the test");
    let _ = Provenance::read(&path).is_ok();
}

fn open(folder: &Path, bag: &Path) {
    let spill = Spill::new(folder, &TestRandom::new([4; 32]));
    if let Ok(bag) = Bag::open(bag, &Limits::default(), spill) {
        let _ = bag.check_payload(1, &|_, _| ()).len();
    }
}

pub fn zip(bytes: &[u8]) {
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("bag.zip");
    fs::write(&path, bytes).expect("a file of the test");
    open(folder.path(), &path);
}

/// A bag of which each tag file in turn is these bytes.
pub fn bag(bytes: &[u8]) {
    const SOUND: [(&str, &[u8]); 3] = [
        (
            "bagit.txt",
            b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
        ),
        ("bag-info.txt", b"Payload-Oxum: 0.0\n"),
        ("manifest-sha256.txt", b""),
    ];
    let folder = tempfile::tempdir().expect("a folder for the test");
    let path = folder.path().join("bag");
    fs::create_dir_all(path.join("data")).expect("a folder of the test");
    for (given, _) in SOUND {
        for (name, content) in SOUND {
            let content = if name == given { bytes } else { content };
            fs::write(path.join(name), content).expect("a file of the test");
        }
        open(folder.path(), &path);
    }
}
