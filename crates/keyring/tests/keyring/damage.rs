//! Damage × every kind of file: each is found, and the file and slot are named.

use std::fs;

use comity_core::Digest;
use comity_keyring::{Condition, KeyringError};

use crate::fixture::{BIG, Centre, SEGMENT_0, SEGMENT_1, compare, conditions, copy, edit, slot_at};

type Row = (&'static str, fn(&Centre), &'static str, &'static str);

/// What is done, how, what the finding must name, and what it must say.
const ROWS: &[Row] = &[
    (
        "delete the head",
        |c| fs::remove_file(c.file("head")).unwrap(),
        "keyring/head",
        "missing",
    ),
    (
        "truncate the head",
        |c| edit(&c.file("head"), |b| b.truncate(100)),
        "keyring/head",
        "cut short",
    ),
    (
        "delete a segment",
        |c| fs::remove_file(c.file(SEGMENT_0)).unwrap(),
        "keyring/00000000.keys",
        "the keys 1 to 65535",
    ),
    (
        "truncate a segment",
        |c| edit(&c.file(SEGMENT_0), |b| b.truncate(slot_at(9))),
        "keyring/00000000.keys, its end",
        "9 of 65536",
    ),
    (
        "truncate a segment inside a slot",
        |c| edit(&c.file(SEGMENT_0), |b| b.truncate(slot_at(9) + 5)),
        "keyring/00000000.keys, its end",
        "9 of 65536",
    ),
    (
        "truncate a segment inside its header",
        |c| edit(&c.file(SEGMENT_1), |b| b.truncate(63)),
        "keyring/00000001.keys",
        "ends inside it",
    ),
    (
        "lengthen a full segment",
        |c| edit(&c.file(SEGMENT_0), |b| b.push(0)),
        "keyring/00000000.keys",
        "longer than",
    ),
    (
        "flip a byte of a wrap",
        |c| edit(&c.file(SEGMENT_0), |b| b[slot_at(5) + 100] ^= 1),
        "keyring/00000000.keys, slot 5 (key 5)",
        "checksum",
    ),
    (
        "flip a byte in the last slot",
        |c| edit(&c.file(SEGMENT_1), |b| b[slot_at(9) + 191] ^= 1),
        "keyring/00000001.keys, slot 9 (key 65545)",
        "checksum",
    ),
    (
        "flip a byte of the header",
        |c| edit(&c.file(SEGMENT_0), |b| b[13] ^= 1),
        "keyring/00000000.keys, the header",
        "digest",
    ),
    (
        "write to slot 0",
        |c| {
            edit(&c.file(SEGMENT_0), |b| {
                b.copy_within(slot_at(5)..slot_at(6), slot_at(0))
            })
        },
        "keyring/00000000.keys, slot 0 (key 0)",
        "checksum",
    ),
    (
        "zero some slots",
        |c| edit(&c.file(SEGMENT_0), |b| b[slot_at(5)..slot_at(8)].fill(0)),
        "keyring/00000000.keys, slot 5 (key 5) to slot 7 (key 7)",
        "empty",
    ),
    (
        "swap two slots",
        |c| {
            edit(&c.file(SEGMENT_0), |b| {
                for at in 0..192 {
                    b.swap(slot_at(5) + at, slot_at(6) + at);
                }
            })
        },
        "keyring/00000000.keys, slot 5 (key 5) to slot 6 (key 6)",
        "checksum",
    ),
    (
        "swap slots of two segments",
        |c| {
            let zero = fs::read(c.file(SEGMENT_0)).unwrap()[slot_at(3)..slot_at(4)].to_vec();
            edit(&c.file(SEGMENT_1), |b| {
                b[slot_at(3)..slot_at(4)].copy_from_slice(&zero)
            });
        },
        "keyring/00000001.keys, slot 3 (key 65539)",
        "another place",
    ),
    (
        "swap two segments",
        |c| {
            let (one, two) = (
                fs::read(c.file(SEGMENT_0)).unwrap(),
                fs::read(c.file(SEGMENT_1)).unwrap(),
            );
            fs::write(c.file(SEGMENT_0), two).unwrap();
            fs::write(c.file(SEGMENT_1), one).unwrap();
        },
        "keyring/00000000.keys, the header",
        "the keys of 00000001.keys",
    ),
    (
        "put another keyring's segment in place",
        |c| {
            let (other, keyring) = Centre::new();
            keyring.append(&other.items(10, 0), &c.rng).unwrap();
            fs::copy(other.file(SEGMENT_0), c.file(SEGMENT_0)).unwrap();
        },
        "keyring/00000000.keys, the header",
        "another keyring",
    ),
    (
        "leave a strange file",
        |c| fs::write(c.file("notes.txt"), "x").unwrap(),
        "keyring/notes.txt",
        "no part",
    ),
];

#[test]
fn each_damage_is_found_and_named() {
    assert_eq!(Centre::big().inspect().findings, [], "before");
    for (what, damage, place, says) in ROWS {
        let centre = Centre::big();
        damage(&centre);
        let found = centre.inspect().findings;
        assert!(
            found
                .iter()
                .any(|f| f.place.starts_with(place) && f.what.contains(says)),
            "{what}: {found:?}"
        );
        assert!(
            found.len() <= 3,
            "{what}: one cause, few findings: {found:?}"
        );
    }
}

#[test]
fn damage_of_a_slot_is_not_taken_for_a_wrong_passphrase_and_spares_its_neighbours() {
    let centre = Centre::big();
    edit(&centre.file(SEGMENT_0), |b| b[slot_at(5) + 40] ^= 1);
    let keyring = centre.open();
    let error = keyring.open_key(5).unwrap_err();
    assert!(
        matches!(&error, KeyringError::Damaged { place, .. } if place == "slot 5 (key 5)"),
        "{error}"
    );
    assert!(
        error.to_string().contains("restore the file from a backup"),
        "{error}"
    );
    keyring.open_key(4).unwrap();
    keyring.open_key(6).unwrap();
    let range = keyring.open_range(4, 3).unwrap();
    assert!(
        range[0].is_ok()
            && matches!(range[1], Err(KeyringError::Damaged { .. }))
            && range[2].is_ok()
    );
}

#[test]
fn a_damaged_scope_names_what_hangs_on_it() {
    let centre = Centre::big();
    edit(&centre.file(SEGMENT_0), |b| b[slot_at(3) + 40] ^= 1);
    let found = centre.inspect().findings;
    assert!(
        found
            .iter()
            .any(|f| f.place.contains("key 4") && f.what.contains("wrapped by key 3")),
        "{found:?}"
    );
    let error = centre.open().open_key(65_540).unwrap_err();
    assert!(
        matches!(&error, KeyringError::Damaged { place, .. } if place == "slot 3 (key 3)"),
        "{error}"
    );
}

#[test]
fn every_flipped_byte_of_a_slot_and_of_a_header_is_found() {
    let (centre, keyring) = Centre::new();
    keyring.append(&centre.items(3, 0), &centre.rng).unwrap();
    keyring.destroy(&[3]).unwrap();
    let whole = fs::read(centre.file(SEGMENT_0)).unwrap();
    for at in (0..64).chain(slot_at(2)..slot_at(4)) {
        for flip in [1, 0x80] {
            edit(&centre.file(SEGMENT_0), |bytes| bytes[at] ^= flip);
            let found = centre.inspect().findings;
            assert_eq!(found.len(), 1, "byte {at} ^ {flip}");
            let place = match at {
                0..64 => "the header",
                _ if at < slot_at(3) => "slot 2 (key 2)",
                _ => "slot 3 (key 3)",
            };
            assert_eq!(found[0].place, format!("keyring/00000000.keys, {place}"));
            fs::write(centre.file(SEGMENT_0), &whole).unwrap();
        }
    }
}

#[test]
fn an_older_segment_put_back_is_found_by_what_the_ledger_says() {
    let centre = Centre::big();
    let older = centre.folder.path().join("older");
    copy(&centre.dir(), &older);
    let keyring = centre.open();
    keyring.destroy(&[500]).unwrap();
    let more = keyring.append(&centre.items(4, 3), &centre.rng).unwrap();
    let ledger_says = |centre: &Centre| {
        let live = (1..500).chain(501..more.end);
        compare(&centre.inspect(), live, &[500])
    };
    assert_eq!(ledger_says(&centre), []);

    fs::copy(older.join(SEGMENT_0), centre.file(SEGMENT_0)).unwrap();
    assert_eq!(
        centre.inspect().findings,
        [],
        "in itself the older segment is whole"
    );
    let found = ledger_says(&centre);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].place, "keyring/00000000.keys, slot 500 (key 500)");
    assert!(found[0].what.contains("it is there"), "{}", found[0]);

    fs::copy(older.join(SEGMENT_1), centre.file(SEGMENT_1)).unwrap();
    let found = ledger_says(&centre);
    assert_eq!(found.len(), 1 + 4, "{found:?}");
    assert_eq!(found[0].place, "keyring/00000001.keys, slot 10 (key 65546)");
    assert!(
        found[0].what.contains("older than the ledger"),
        "{}",
        found[0]
    );
}

#[test]
fn numbers_are_not_given_twice_when_the_end_is_lost_under_a_running_program() {
    let centre = Centre::big();
    let keyring = centre.open();
    keyring.append(&centre.items(1, 3), &centre.rng).unwrap();
    edit(&centre.file(SEGMENT_1), |bytes| bytes.truncate(slot_at(5)));
    let error = keyring
        .append(&centre.items(1, 3), &centre.rng)
        .unwrap_err();
    assert!(
        matches!(&error, KeyringError::Damaged { place, .. } if place == "slot 5 (key 65541)"),
        "{error}"
    );
    assert!(
        centre.open().next_number().unwrap() < BIG.next,
        "a program that has just begun compares with the ledger"
    );
}

#[test]
fn nothing_is_appended_to_a_segment_of_another_keyring() {
    let (centre, keyring) = Centre::new();
    keyring.append(&centre.items(2, 0), &centre.rng).unwrap();
    let (other, strange) = Centre::new();
    fs::copy(centre.file(SEGMENT_0), other.file(SEGMENT_0)).unwrap();
    let error = strange.append(&other.items(1, 0), &other.rng).unwrap_err();
    assert!(
        matches!(&error, KeyringError::Damaged { place, .. } if place == "the header"),
        "{error}"
    );
    assert_eq!(
        fs::read(other.file(SEGMENT_0)).unwrap(),
        fs::read(centre.file(SEGMENT_0)).unwrap()
    );
}

/// Someone who can write the file can make its checksums fit. The seals cannot be made to fit.
#[test]
fn a_wrap_moved_with_its_checksum_made_anew_is_found_with_the_passphrase() {
    let centre = Centre::big();
    let keyring = centre.open();
    let id = keyring.id();
    edit(&centre.file(SEGMENT_0), |bytes| {
        bytes.copy_within(slot_at(9)..slot_at(9) + 168, slot_at(8));
        let sum = Digest::of(
            &[
                b"comity/slot/v1\n",
                &id[..],
                &8u64.to_be_bytes(),
                &bytes[slot_at(8)..slot_at(8) + 168],
            ]
            .concat(),
        );
        bytes[slot_at(8) + 168..slot_at(9)].copy_from_slice(&sum.0[..24]);
    });
    let inspection = centre.inspect();
    assert_eq!(inspection.findings, []);
    assert!(
        conditions(&inspection)
            .iter()
            .all(|condition| *condition == Condition::Live)
    );
    let check = keyring.verify_wraps(&|_| true, &|_, _| {}).unwrap();
    assert_eq!(check.findings.len(), 1, "{:?}", check.findings);
    assert_eq!(
        check.findings[0].place,
        "keyring/00000000.keys, slot 8 (key 8)"
    );
    assert!(matches!(
        keyring.open_key(8),
        Err(KeyringError::Damaged { .. })
    ));
}
