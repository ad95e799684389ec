//! The keyring of format 1 in `testdata/vectors/keyring`: it must open for ever, and making it again gives the same
//! bytes. `tests/judges/keyring.py` opens it by the document alone. To write it anew, after a change of format:
//! `COMITY_WRITE_VECTORS=1 cargo test -p comity-keyring --test keyring frozen`.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use comity_core::hex;
use comity_core::random::TestRandom;
use comity_keyring::{
    Argon2Params, DeskKey, Keyring, KeyringError, Kind, Lock, NewKey, Secret, inspect,
};
use comity_store::Disk;

use crate::fixture::SEGMENT_0;

const PASSPHRASE: &str = "сім'я вартує, a frozen passphrase";
const PARAMS: Argon2Params = Argon2Params {
    memory_kib: 256,
    passes: 3,
    lanes: 2,
};
const DESK: [u8; 32] = [0xDE; 32];
const DESTROYED: u64 = 6;
const LOCKED: u64 = 7;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/vectors/keyring")
}

/// Kind, parent, subject.
const KEYS: [(Kind, u64, &[u8; 16]); 8] = [
    (Kind::Scope, 0, &[0x10; 16]),
    (Kind::Scope, 0, &[0x20; 16]),
    (Kind::Scope, 2, &[0x30; 16]),
    (Kind::Item, 3, &[0x40; 16]),
    (Kind::Secret, 0, b"log\0\0\0\0\0\0\0\0\0\0\0\0\0"),
    (Kind::Item, 3, &[0x60; 16]),
    (Kind::Scope, 2, &[0x70; 16]),
    (Kind::Item, 7, &[0x80; 16]),
];

/// Makes the keyring in `dir` and gives the secrets that went in.
fn make(dir: &Path) -> Vec<Secret> {
    let rng = TestRandom::new(*b"the frozen keyring of format one");
    let keyring = Keyring::create(dir, Disk::real(), PASSPHRASE, PARAMS, &rng).unwrap();
    let desk = DeskKey::new(DESK);
    let mut secrets = Vec::new();
    for (number, (kind, parent, subject)) in (1..).zip(KEYS) {
        let secret = Secret::random(&rng);
        secrets.push(secret.clone());
        let new = [NewKey {
            kind,
            parent,
            subject: *subject,
            secret,
        }];
        if number == LOCKED {
            keyring.append_locked(&new, &desk, &rng).unwrap();
            keyring.unlock(LOCKED, &desk).unwrap();
        } else {
            keyring.append(&new, &rng).unwrap();
        }
    }
    keyring.destroy(&[DESTROYED]).unwrap();
    secrets
}

fn expected(secrets: &[Secret]) -> String {
    let mut out = format!(
        "{{\n\"passphrase\": \"{PASSPHRASE}\",\n\"desk_key\": \"{}\",\n\"keys\": [\n",
        hex(&DESK)
    );
    for ((number, (kind, parent, subject)), secret) in (1u64..).zip(KEYS).zip(secrets) {
        let kind = match kind {
            Kind::Scope => 1,
            Kind::Item => 2,
            Kind::Secret => 3,
        };
        let secret = match number {
            DESTROYED => "null".into(),
            _ => format!("\"{}\"", hex(&secret.to_bytes()[..])),
        };
        let end = if number as usize == KEYS.len() {
            "\n]\n}\n"
        } else {
            ",\n"
        };
        let _ = write!(
            out,
            "{{\"number\": {number}, \"kind\": {kind}, \"lock\": {}, \"parent\": {parent}, \"subject\": \"{}\", \"secret\": {secret}}}{end}",
            u8::from(number == LOCKED),
            hex(subject),
        );
    }
    out
}

#[test]
fn the_format_is_the_frozen_one() {
    let made = tempfile::tempdir().unwrap();
    let secrets = make(made.path());
    fs::write(made.path().join("expected.json"), expected(&secrets)).unwrap();
    for name in ["head", SEGMENT_0, "expected.json"] {
        let bytes = fs::read(made.path().join(name)).unwrap();
        if std::env::var_os("COMITY_WRITE_VECTORS").is_some() {
            fs::create_dir_all(folder()).unwrap();
            fs::write(folder().join(name), &bytes).unwrap();
        }
        let frozen = fs::read(folder().join(name)).unwrap();
        assert!(
            frozen == bytes,
            "testdata/vectors/keyring/{name} differs from what this program writes"
        );
    }
}

#[test]
fn the_frozen_keyring_opens() {
    let frozen = Keyring::open(&folder(), Disk::real(), PASSPHRASE).unwrap();
    let listed = fs::read_to_string(folder().join("expected.json")).unwrap();
    assert!(matches!(
        frozen.open_key(8),
        Err(KeyringError::Locked { number: LOCKED })
    ));
    frozen.unlock(LOCKED, &DeskKey::new(DESK)).unwrap();
    for (number, (kind, parent, subject)) in (1u64..).zip(KEYS) {
        let info = frozen.slot_info(number).unwrap();
        assert_eq!(
            (info.kind, info.parent, &info.subject, info.epoch),
            (kind, parent, subject, 1)
        );
        assert_eq!(info.lock == Lock::ParentAndDesk, number == LOCKED);
        match frozen.open_key(number) {
            Ok(secret) => assert!(
                listed.contains(&hex(&secret.to_bytes()[..])),
                "key {number}"
            ),
            Err(KeyringError::Destroyed { number }) => assert_eq!(number, DESTROYED),
            Err(other) => panic!("key {number}: {other}"),
        }
    }
    assert_eq!(frozen.next_number().unwrap(), 9);
    let wrong = Keyring::open(&folder(), Disk::real(), "another");
    assert!(matches!(wrong, Err(KeyringError::WrongPassphrase)));
    let found = inspect(&folder(), &Disk::real(), &mut |_, _| {}).unwrap();
    assert_eq!(
        found.findings.len(),
        1,
        "only expected.json is strange: {:?}",
        found.findings
    );
}
