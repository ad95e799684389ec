//! Events, checkpoints and stores for the tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use comity_core::body::SealedBody;
use comity_core::checkpoint::Checkpoint;
use comity_core::digest::Digest;
use comity_core::finding::Finding;
use comity_core::id::ChainId;
use comity_core::leaf::Leaf;
use comity_core::note::{Note, NoteSignature};
use comity_ledger::{Record, Tree};
use comity_store::{Credentials, Disk, Objects};
use tempfile::TempDir;

/// The event of index `n`: always the same, each of another length.
pub fn record(n: u64) -> Record {
    static FIRST: OnceLock<Vec<Record>> = OnceLock::new();
    let first = FIRST.get_or_init(|| (0..2_000).map(make_record).collect());
    first
        .get(n as usize)
        .cloned()
        .unwrap_or_else(|| make_record(n))
}

fn make_record(n: u64) -> Record {
    let seed = Digest::of(&n.to_be_bytes());
    let chain = ChainId(seed.0[..16].try_into().unwrap());
    let entry = Leaf {
        chain,
        n: 0,
        prev: None,
        body: Digest::of(&seed.0),
    }
    .encode();
    let custody = seed.0.repeat(1 + usize::from(seed.0[0]) % 3);
    let content = (seed.0[1].is_multiple_of(2)).then_some(&seed.0[..]);
    let content_key = content.map_or(0, |_| n + 2);
    let body = SealedBody {
        custody_key: n + 1,
        content_key,
        custody: &custody,
        content,
    };
    Record::new(entry, body.encode().unwrap())
}

pub fn records(range: std::ops::Range<u64>) -> Vec<Record> {
    range.map(record).collect()
}

/// A signed note of that size and root. Its signature is none that verifies, which is not the ledger's matter.
pub fn note(size: u64, root: Digest) -> Vec<u8> {
    let text = Checkpoint {
        origin: "log.example/test".into(),
        size,
        root,
    }
    .text();
    let mut note = Note::new(text).unwrap();
    note.push(NoteSignature {
        name: "log.example/test".into(),
        key_id: [1, 2, 3, 4],
        signature: vec![5; 64],
    });
    note.encode()
}

/// Publishes a checkpoint of the tree as it is.
pub fn publish(tree: &mut Tree) -> Vec<u8> {
    let note = note(tree.size(), tree.root());
    tree.publish(&note).unwrap();
    note
}

pub fn open(objects: &Objects) -> Tree {
    Tree::open(objects.clone()).unwrap()
}

pub fn check(objects: &Objects, note: Option<&[u8]>) -> Vec<Finding> {
    comity_ledger::check(objects, note, &|_, _| ()).unwrap()
}

/// A store, and where its files lie.
pub struct Store {
    pub objects: Objects,
    /// The folder that holds `ledger/`.
    pub folder: PathBuf,
    _temporary: Option<TempDir>,
}

pub fn local() -> Store {
    let temporary = TempDir::new().unwrap();
    let folder = temporary.path().to_owned();
    Store {
        objects: local_at(&folder),
        folder,
        _temporary: Some(temporary),
    }
}

pub fn local_at(folder: &Path) -> Objects {
    Objects::local(folder.to_owned(), Disk::real()).unwrap()
}

pub fn s3() -> Store {
    let server = comity_rig::s3();
    Store {
        objects: s3_on(&server, Disk::real()),
        folder: server.folder,
        _temporary: None,
    }
}

pub fn s3_on(server: &comity_rig::S3, disk: Disk) -> Objects {
    let keys = Credentials {
        access_key_id: server.access_key_id.into(),
        secret_access_key: server.secret_access_key.into(),
    };
    Objects::from_url(&server.url, &keys, disk).unwrap()
}

/// Both kinds of store: what holds for the one must hold for the other.
pub fn stores() -> [Store; 2] {
    [local(), s3()]
}

/// All files below a folder, by their paths from it.
pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        for entry in fs::read_dir(&path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let name = path
                    .strip_prefix(folder)
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                found.push((name, fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

pub fn copy(from: &Path, to: &Path) {
    for (name, bytes) in files(from) {
        let path = to.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }
}
