//! Keys come back as they were given, one by one and in bulk, here and after opening anew.

use std::fs;

use comity_keyring::{Argon2Params, Keyring, KeyringError, Kind, Lock, NewKey, Secret, State};
use comity_store::Disk;

use crate::fixture::{BIG, Centre, PASSPHRASE, names};

#[test]
fn every_kind_of_key_comes_back_after_opening_anew() {
    let (centre, keyring) = Centre::new();
    assert_eq!(keyring.next_number().unwrap(), 1);
    let member = keyring
        .append(&[centre.key(Kind::Scope, 0)], &centre.rng)
        .unwrap()
        .start;
    let case = keyring
        .append(&[centre.key(Kind::Scope, member)], &centre.rng)
        .unwrap()
        .start;
    let mut label = [0; 16];
    label[..3].copy_from_slice(b"log");
    let new = [
        NewKey {
            kind: Kind::Item,
            parent: case,
            subject: [9; 16],
            secret: Secret::random(&centre.rng),
        },
        NewKey {
            kind: Kind::Secret,
            parent: 0,
            subject: label,
            secret: Secret::random(&centre.rng),
        },
    ];
    let numbers = keyring.append(&new, &centre.rng).unwrap();
    assert_eq!((member, case, numbers.clone()), (1, 2, 3..5));

    for keyring in [keyring, centre.open()] {
        assert_eq!(keyring.next_number().unwrap(), 5);
        for (number, new) in numbers.clone().zip(&new) {
            assert_eq!(keyring.open_key(number).unwrap(), new.secret);
            let info = keyring.slot_info(number).unwrap();
            assert_eq!(
                (info.kind, info.parent, info.subject),
                (new.kind, new.parent, new.subject)
            );
            assert_eq!(
                (info.state, info.lock, info.epoch),
                (State::Live, Lock::Parent, 1)
            );
        }
    }
}

#[test]
fn a_number_that_was_never_given_is_no_such_key() {
    let (centre, keyring) = Centre::new();
    keyring
        .append(&[centre.key(Kind::Item, 0)], &centre.rng)
        .unwrap();
    for number in [0, 2, 65_536, 65_537, u64::MAX] {
        let missing = keyring.open_key(number).unwrap_err();
        assert!(
            matches!(missing, KeyringError::NoSuchKey { number: n } if n == number),
            "{missing}"
        );
    }
}

#[test]
fn only_a_live_scope_wraps() {
    let (centre, keyring) = Centre::new();
    let scope = keyring
        .append(&[centre.key(Kind::Scope, 0)], &centre.rng)
        .unwrap()
        .start;
    let item = keyring
        .append(&[centre.key(Kind::Item, scope)], &centre.rng)
        .unwrap()
        .start;
    let below = |parent| {
        keyring
            .append(&[centre.key(Kind::Item, parent)], &centre.rng)
            .unwrap_err()
    };
    assert!(matches!(below(item), KeyringError::NotAScope { number } if number == item));
    assert!(matches!(below(77), KeyringError::NoSuchKey { number: 77 }));
    keyring.destroy(&[scope]).unwrap();
    assert!(matches!(below(scope), KeyringError::Destroyed { number } if number == scope));
    assert_eq!(
        keyring.next_number().unwrap(),
        3,
        "a refused append takes no number"
    );
}

#[test]
fn segments_meet_at_65536() {
    let centre = Centre::big();
    let keyring = centre.open();
    let size = |name| fs::metadata(centre.file(name)).unwrap().len();
    assert_eq!(size("00000000.keys"), 64 + 65_536 * 192);
    assert_eq!(size("00000001.keys"), 64 + 10 * 192);

    let opened = keyring.open_range(65_530, 20).unwrap();
    for (number, secret) in (65_530..65_550).zip(opened) {
        if number < BIG.next {
            assert_eq!(secret.unwrap(), keyring.open_key(number).unwrap());
        } else {
            assert!(matches!(secret, Err(KeyringError::NoSuchKey { number: n }) if n == number));
        }
    }
    assert!(centre.inspect().findings.is_empty());
}

#[test]
fn opening_in_bulk_equals_opening_one_by_one() {
    let centre = Centre::big();
    let keyring = centre.open();
    keyring.destroy(&[1000, 2000]).unwrap();
    let opened = keyring.open_range(0, 3000).unwrap();
    assert_eq!(opened.len(), 3000);
    for (number, secret) in (0..).zip(opened) {
        match (secret, keyring.open_key(number)) {
            (Ok(bulk), Ok(single)) => assert_eq!(bulk, single),
            (Err(bulk), Err(single)) => assert_eq!(bulk.to_string(), single.to_string()),
            (bulk, single) => panic!("key {number}: {bulk:?} in bulk, {single:?} alone"),
        }
    }
}

#[test]
fn every_wrap_is_opened_and_progress_reaches_the_end() {
    let centre = Centre::big();
    let keyring = centre.open();
    keyring.destroy(&[1, 70]).unwrap();
    let last = std::sync::Mutex::new(0);
    let check = keyring
        .verify_wraps(&|_| true, &|done, total| {
            assert_eq!(total, BIG.next);
            let mut last = last.lock().unwrap();
            *last = done.max(*last);
        })
        .unwrap();
    assert_eq!(*last.lock().unwrap(), BIG.next);
    assert!(check.findings.is_empty(), "{:?}", check.findings);
    assert_eq!(check.opened, BIG.next - 1 - 2);
}

#[test]
fn opening_and_checking_write_nothing() {
    let centre = Centre::big();
    fs::remove_file(centre.file("lock")).unwrap();
    let before = names(&centre.dir());
    let keyring = centre.open();
    keyring.open_key(65_540).unwrap();
    keyring.open_range(1, 10).unwrap();
    keyring.verify_wraps(&|_| true, &|_, _| {}).unwrap();
    centre.inspect();
    assert_eq!(
        names(&centre.dir()),
        before,
        "a read-only copy has no place for a lock file"
    );
}

#[test]
fn a_key_destroyed_by_another_process_does_not_come_from_memory() {
    let (centre, here) = Centre::new();
    let scope = here
        .append(&[centre.key(Kind::Scope, 0)], &centre.rng)
        .unwrap()
        .start;
    let item = here
        .append(&[centre.key(Kind::Item, scope)], &centre.rng)
        .unwrap()
        .start;
    here.open_key(item).unwrap();
    centre.open().destroy(&[scope]).unwrap();
    for key in [scope, item] {
        let gone = here.open_key(key).unwrap_err();
        assert!(
            matches!(gone, KeyringError::Destroyed { number } if number == scope),
            "{gone}"
        );
    }
    let bulk = here.open_range(scope, 2).unwrap();
    assert!(bulk.iter().all(Result::is_err));
    let check = here.verify_wraps(&|_| true, &|_, _| {}).unwrap();
    assert_eq!(
        (check.opened, check.below_destroyed, check.findings.len()),
        (0, 1, 0)
    );
}

#[test]
fn a_keyring_is_made_once() {
    let (centre, keyring) = Centre::new();
    let again = || {
        Keyring::create(
            &centre.dir(),
            Disk::real(),
            "other",
            Argon2Params::TEST,
            &centre.rng,
        )
    };
    assert!(matches!(again(), Err(KeyringError::AlreadyThere { .. })));
    keyring.append(&centre.items(1, 0), &centre.rng).unwrap();
    fs::remove_file(centre.file("head")).unwrap();
    assert!(
        matches!(again(), Err(KeyringError::AlreadyThere { .. })),
        "keys without a head are not overwritten"
    );
    let elsewhere = centre.folder.path().join("elsewhere");
    let missing = Keyring::open(&elsewhere, Disk::real(), PASSPHRASE);
    assert!(matches!(missing, Err(KeyringError::NoKeyring { .. })));
    let empty = Keyring::create(
        &elsewhere,
        Disk::real(),
        "",
        Argon2Params::TEST,
        &centre.rng,
    );
    assert!(matches!(empty, Err(KeyringError::Refused { .. })));
}

#[test]
fn secrets_are_not_printed() {
    let secret = Secret {
        first: [0xAB; 32],
        second: [0xCD; 32],
    };
    let new = NewKey {
        kind: Kind::Item,
        parent: 1,
        subject: [0; 16],
        secret,
    };
    let (_centre, keyring) = Centre::new();
    let text = format!("{new:?} {keyring:?}").to_lowercase();
    assert!(
        !text.contains("171") && !text.contains("205") && !text.contains("root"),
        "{text}"
    );
}
