//! What the tests share.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU8, Ordering};

use comity_core::random::TestRandom;
use comity_keyring::{Argon2Params, Condition, Inspection, Keyring, Kind, NewKey, Secret, inspect};
use comity_store::Disk;
use tempfile::TempDir;

pub const PASSPHRASE: &str = "correct horse battery staple";
pub const SEGMENT_0: &str = "00000000.keys";
pub const SEGMENT_1: &str = "00000001.keys";

pub struct Centre {
    pub folder: TempDir,
    pub rng: TestRandom,
}

impl Centre {
    /// A centre with an empty keyring, unlike any other's.
    pub fn new() -> (Centre, Keyring) {
        static COUNT: AtomicU8 = AtomicU8::new(0);
        let rng = TestRandom::new([COUNT.fetch_add(1, Ordering::Relaxed); 32]);
        let centre = Centre {
            folder: tempfile::tempdir().unwrap(),
            rng,
        };
        let params = Argon2Params::TEST;
        let keyring =
            Keyring::create(&centre.dir(), Disk::real(), PASSPHRASE, params, &centre.rng).unwrap();
        (centre, keyring)
    }

    /// Key 1 is the centre, 2 a member, 3 its case; 4 to 13 are items of the case.
    pub fn small() -> Centre {
        let (centre, keyring) = Centre::new();
        for parent in [0, 0, 2] {
            keyring
                .append(&[centre.key(Kind::Scope, parent)], &centre.rng)
                .unwrap();
        }
        keyring.append(&centre.items(10, 3), &centre.rng).unwrap();
        centre
    }

    /// A centre of its own with the bytes of [`BIG`].
    pub fn big() -> Centre {
        let centre = Centre {
            folder: tempfile::tempdir().unwrap(),
            rng: TestRandom::new([255; 32]),
        };
        copy(&BIG.dir, &centre.dir());
        centre
    }

    pub fn dir(&self) -> PathBuf {
        self.folder.path().join("keyring")
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.dir().join(name)
    }

    pub fn open(&self) -> Keyring {
        Keyring::open(&self.dir(), Disk::real(), PASSPHRASE).unwrap()
    }

    pub fn inspect(&self) -> Inspection {
        inspect(&self.dir(), &Disk::real(), &mut |_, _| {}).unwrap()
    }

    pub fn key(&self, kind: Kind, parent: u64) -> NewKey {
        NewKey {
            kind,
            parent,
            subject: [parent as u8; 16],
            secret: Secret::random(&self.rng),
        }
    }

    pub fn items(&self, count: usize, parent: u64) -> Vec<NewKey> {
        (0..count).map(|_| self.key(Kind::Item, parent)).collect()
    }
}

/// Two segments: key 1 is the centre, 2 a member, 3 its case; items of the case up to 65,545.
pub struct Big {
    _folder: TempDir,
    dir: PathBuf,
    pub next: u64,
}

pub static BIG: LazyLock<Big> = LazyLock::new(|| {
    let (centre, keyring) = Centre::new();
    for parent in [0, 0, 2] {
        keyring
            .append(&[centre.key(Kind::Scope, parent)], &centre.rng)
            .unwrap();
    }
    let first = keyring
        .append(&centre.items(65_530, 3), &centre.rng)
        .unwrap();
    assert_eq!(first, 4..65_534);
    let across = keyring.append(&centre.items(12, 3), &centre.rng).unwrap();
    assert_eq!(across, 65_534..65_546);
    let dir = centre.dir();
    Big {
        _folder: centre.folder,
        dir,
        next: across.end,
    }
});

pub fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Where a slot begins in its file.
pub fn slot_at(slot: usize) -> usize {
    64 + slot * 192
}

pub fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// Whether `needle` is in any file of the folder.
pub fn folder_holds(dir: &Path, needle: &[u8]) -> bool {
    fs::read_dir(dir).unwrap().any(|entry| {
        let bytes = fs::read(entry.unwrap().path()).unwrap();
        bytes.windows(needle.len()).any(|window| window == needle)
    })
}

pub fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// What the ledger would say of the keys: all of `live` are there, all of `destroyed` were destroyed.
pub fn compare(
    inspection: &Inspection,
    live: impl IntoIterator<Item = u64>,
    destroyed: &[u64],
) -> Vec<comity_core::Finding> {
    let missing = live
        .into_iter()
        .filter_map(|number| inspection.need_live(number));
    let back = destroyed
        .iter()
        .filter_map(|number| inspection.need_destroyed(*number));
    missing.chain(back).collect()
}

pub fn conditions(inspection: &Inspection) -> Vec<Condition> {
    (1..inspection.next_number())
        .map(|number| inspection.condition(number))
        .collect()
}
