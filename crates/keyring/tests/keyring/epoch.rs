//! New epochs: what was there opens, the former root key opens nothing, and a crash at any point is finished.

use std::fs;
use std::time::Instant;

use comity_keyring::{DeskKey, Keyring, KeyringError, Kind, Lock, NewEpoch, Rewrap};
use comity_store::Disk;

use crate::crash::at_every_step;
use crate::fixture::{BIG, Centre, PASSPHRASE, SEGMENT_0, edit, folder_holds, names, slot_at};

pub const ACT: NewEpoch<'static> = NewEpoch {
    act: b"a test",
    unlock: comity_keyring::Unlocking::Same,
};

fn secrets(keyring: &Keyring) -> Vec<comity_keyring::Secret> {
    (1..=13)
        .map(|number| keyring.open_key(number).unwrap())
        .collect()
}

#[test]
fn a_new_epoch_opens_what_was_there_and_its_former_head_and_wraps_are_nowhere() {
    let centre = Centre::small();
    let keyring = centre.open();
    let before = secrets(&keyring);
    let head = fs::read(centre.file("head")).unwrap();
    let segment = fs::read(centre.file(SEGMENT_0)).unwrap();

    assert_eq!(keyring.begin_epoch(&ACT, &centre.rng).unwrap(), 2);
    let pending = keyring.pending().unwrap().unwrap();
    assert_eq!((pending.epoch, &pending.act[..]), (2, &b"a test"[..]));
    assert_eq!(secrets(&centre.open()), before);
    keyring.end_epoch(&centre.rng).unwrap();
    assert!(keyring.pending().unwrap().is_none());

    assert_eq!(secrets(&keyring), before);
    let anew = centre.open();
    assert_eq!(secrets(&anew), before);
    assert_eq!(anew.epoch(), 2);
    assert_eq!(anew.slot_info(1).unwrap().epoch, 2);
    assert_eq!(anew.slot_info(3).unwrap().epoch, 1);
    assert_eq!(centre.inspect().findings, []);
    for slot in [1, 2] {
        let wrap = &segment[slot_at(slot) + 32..slot_at(slot) + 168];
        assert!(!folder_holds(&centre.dir(), &wrap[..40]));
    }
    let text = String::from_utf8(head).unwrap();
    let wrap = text.split("\"wrap\":\"").nth(1).unwrap();
    assert!(!folder_holds(&centre.dir(), &wrap.as_bytes()[..64]));

    // The former head with the former root key opens nothing that was written since.
    fs::write(centre.file("head"), text).unwrap();
    let old = centre.open();
    let error = old.open_key(1).unwrap_err();
    assert!(
        error.to_string().contains("older copy of the head"),
        "{error}"
    );
    let found = centre.inspect().findings;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].place == "keyring/head" && found[0].what.contains("older copy"),
        "{}",
        found[0]
    );
}

#[test]
fn an_older_segment_is_named() {
    let centre = Centre::small();
    let old = fs::read(centre.file(SEGMENT_0)).unwrap();
    centre.open().rotate(&ACT, &centre.rng).unwrap();
    fs::write(centre.file(SEGMENT_0), old).unwrap();
    let error = centre.open().open_key(1).unwrap_err();
    assert!(
        error.to_string().contains("older copy of this file"),
        "{error}"
    );
    let found = centre.inspect().findings;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].what.contains("older copy of this file"),
        "{}",
        found[0]
    );
}

#[test]
fn a_program_that_had_the_keyring_open_goes_on_in_the_new_epoch() {
    let centre = Centre::small();
    let other = centre.open();
    centre.open().rotate(&ACT, &centre.rng).unwrap();
    centre.open().rotate(&ACT, &centre.rng).unwrap();
    let scope = other
        .append(&[centre.key(Kind::Scope, 0)], &centre.rng)
        .unwrap()
        .start;
    assert_eq!(other.slot_info(scope).unwrap().epoch, 3);
    other.open_key(1).unwrap();
    centre.open().open_key(scope).unwrap();
    let reader = centre.open();
    centre.open().rotate(&ACT, &centre.rng).unwrap();
    reader.open_key(1).unwrap();
    assert_eq!(reader.epoch(), 4);
}

#[test]
fn a_fault_in_a_new_epoch_loses_no_key_and_is_finished_by_whoever_ends_it() {
    at_every_step(
        Centre::small,
        |keyring, centre| keyring.rotate(&ACT, &centre.rng).map(drop),
        |centre, step, result| {
            let keyring = centre.open();
            let before = secrets(&keyring);
            let began = keyring.epoch() == 2;
            assert!(began || result.is_err(), "{step}");
            if result.is_ok() {
                assert!(keyring.pending().unwrap().is_none(), "{step}");
            }
            // Another program may append before anyone ends the epoch.
            keyring.append(&centre.items(1, 3), &centre.rng).unwrap();
            keyring.end_epoch(&centre.rng).unwrap();
            let anew = centre.open();
            assert_eq!(secrets(&anew), before, "{step}");
            assert_eq!(centre.inspect().findings, [], "{step}");
            assert_eq!(
                names(&centre.dir()),
                ["00000000.keys", "head", "lock"],
                "{step}"
            );
            assert_eq!(anew.slot_info(1).unwrap().epoch, anew.epoch(), "{step}");
        },
    );
}

#[test]
fn a_damaged_scope_key_stops_a_new_epoch_before_it_begins() {
    for at in [0, 1, 8, 15, 40] {
        let centre = Centre::small();
        edit(&centre.file(SEGMENT_0), |bytes| {
            bytes[slot_at(2) + at] ^= 0x40
        });
        let error = centre.open().rotate(&ACT, &centre.rng).unwrap_err();
        assert!(
            matches!(error, KeyringError::Damaged { .. }),
            "byte {at}: {error}"
        );
        assert_eq!(centre.open().epoch(), 1, "byte {at}");
    }
    let centre = Centre::small();
    edit(&centre.file(SEGMENT_0), |bytes| {
        bytes[slot_at(5) + 40] ^= 0x40
    });
    centre.open().rotate(&ACT, &centre.rng).unwrap();
}

#[test]
fn a_second_epoch_waits_for_the_first() {
    let centre = Centre::small();
    let keyring = centre.open();
    keyring.begin_epoch(&ACT, &centre.rng).unwrap();
    let error = centre.open().begin_epoch(&ACT, &centre.rng).unwrap_err();
    assert!(matches!(error, KeyringError::Refused { .. }), "{error}");
}

#[test]
fn keys_come_below_another_scope_and_under_a_desks_lock() {
    let centre = Centre::small();
    let keyring = centre.open();
    let before = secrets(&keyring);
    let gate = keyring
        .append(&[centre.key(Kind::Scope, 0)], &centre.rng)
        .unwrap()
        .start;
    let desk = DeskKey::new([9; 32]);
    let lock = Rewrap {
        number: 2,
        parent: gate,
        desk: Some(&desk),
    };
    keyring.rewrap(&[lock], &centre.rng).unwrap();
    assert_eq!(
        secrets(&keyring),
        before,
        "whoever locked it has the desk's key at hand"
    );
    assert_eq!(keyring.slot_info(2).unwrap().lock, Lock::ParentAndDesk);

    let without = centre.open();
    let locked = without.open_key(4).unwrap_err();
    assert!(
        matches!(locked, KeyringError::Locked { number: 2 }),
        "{locked}"
    );
    // A new epoch needs no desk.
    without.rotate(&ACT, &centre.rng).unwrap();
    let anew = centre.open();
    anew.unlock(2, &desk).unwrap();
    assert_eq!(secrets(&anew), before);
    let unlock = Rewrap {
        number: 2,
        parent: 0,
        desk: None,
    };
    anew.rewrap(&[unlock], &centre.rng).unwrap();
    assert_eq!(secrets(&centre.open()), before);
    assert_eq!(centre.inspect().findings, []);
}

#[test]
fn a_fault_in_a_lock_leaves_a_key_as_it_was_or_locked() {
    let desk = DeskKey::new([9; 32]);
    at_every_step(
        Centre::small,
        |keyring, centre| {
            let lock = Rewrap {
                number: 3,
                parent: 1,
                desk: Some(&desk),
            };
            keyring.rewrap(&[lock], &centre.rng)
        },
        |centre, step, result| {
            let keyring = centre.open();
            keyring.append(&centre.items(1, 2), &centre.rng).unwrap();
            let is_locked = keyring.slot_info(3).unwrap().lock == Lock::ParentAndDesk;
            assert!(is_locked || result.is_err(), "{step}");
            if is_locked {
                keyring.unlock(3, &desk).unwrap();
            }
            keyring.open_key(4).unwrap();
            assert_eq!(centre.inspect().findings, [], "{step}");
        },
    );
}

#[test]
fn a_new_epoch_costs_what_its_scopes_cost_and_not_what_its_items_do() {
    let centre = Centre::big();
    let keyring = Keyring::open(&centre.dir(), Disk::real(), PASSPHRASE).unwrap();
    let begin = Instant::now();
    keyring.rotate(&ACT, &centre.rng).unwrap();
    // 65,545 keys here; a million in a minute would be four seconds.
    assert!(begin.elapsed().as_secs() < 4, "{:?}", begin.elapsed());
    centre.open().open_key(BIG.next - 1).unwrap();
}
