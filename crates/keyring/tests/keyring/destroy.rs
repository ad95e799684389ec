//! What is destroyed is gone from the folder, and only that.

use std::fs;
use std::io::Read;

use comity_keyring::{Argon2Params, KeyringError, State};

use crate::fixture::{
    BIG, Centre, PASSPHRASE, SEGMENT_0, SEGMENT_1, edit, folder_holds, names, slot_at,
};

#[test]
fn a_destroyed_key_does_not_open_and_its_bytes_are_nowhere() {
    let centre = Centre::big();
    let keyring = centre.open();
    let doomed = [7, 65_535, 65_536, 65_540];
    let wraps: Vec<Vec<u8>> = doomed
        .iter()
        .map(|number| {
            let file = centre.file(if *number < 65_536 {
                SEGMENT_0
            } else {
                SEGMENT_1
            });
            let at = slot_at(*number as usize % 65_536);
            fs::read(file).unwrap()[at + 32..at + 168].to_vec()
        })
        .collect();
    let before = keyring.slot_info(7).unwrap();
    assert!(
        wraps
            .iter()
            .all(|wrap| folder_holds(&centre.dir(), &wrap[..40]))
    );

    keyring.destroy(&doomed).unwrap();

    assert!(
        wraps
            .iter()
            .all(|wrap| !folder_holds(&centre.dir(), &wrap[60..80]))
    );
    for keyring in [keyring, centre.open()] {
        for number in doomed {
            let gone = keyring.open_key(number).unwrap_err();
            assert!(
                matches!(gone, KeyringError::Destroyed { number: n } if n == number),
                "{gone}"
            );
        }
        for number in [6, 8, 65_534, 65_537, 65_539, 65_541, BIG.next - 1] {
            keyring.open_key(number).unwrap();
        }
        let after = keyring.slot_info(7).unwrap();
        assert_eq!(after.state, State::Destroyed);
        assert_eq!(
            (after.kind, after.epoch, after.parent, after.subject),
            (before.kind, before.epoch, before.parent, before.subject)
        );
    }
    let inspection = centre.inspect();
    assert_eq!((inspection.findings.len(), inspection.destroyed), (0, 4));
    assert_eq!(
        names(&centre.dir()),
        ["00000000.keys", "00000001.keys", "head", "lock"]
    );
}

/// Whoever has the old file open (a backup program, a file system that keeps deleted files) finds no wrap in it.
#[test]
fn the_old_files_bytes_are_overwritten() {
    let centre = Centre::small();
    let keyring = centre.open();
    let (mut segment, mut head) = (Vec::new(), Vec::new());
    let mut old_segment = fs::File::open(centre.file(SEGMENT_0)).unwrap();
    let mut old_head = fs::File::open(centre.file("head")).unwrap();
    keyring.destroy(&[5, 7]).unwrap();
    keyring
        .change_passphrase(PASSPHRASE, "new", Argon2Params::TEST, &centre.rng)
        .unwrap();
    old_segment.read_to_end(&mut segment).unwrap();
    old_head.read_to_end(&mut head).unwrap();
    for slot in [5, 7] {
        assert!(
            segment[slot_at(slot) + 32..slot_at(slot) + 168]
                .iter()
                .all(|byte| *byte == 0)
        );
    }
    assert!(
        segment[slot_at(6) + 32..slot_at(6) + 168]
            .iter()
            .any(|byte| *byte != 0)
    );
    assert!(head.iter().all(|byte| *byte == 0));
}

#[test]
fn destroying_again_changes_nothing_and_an_unknown_number_destroys_nothing() {
    let (centre, keyring) = Centre::new();
    keyring.append(&centre.items(3, 0), &centre.rng).unwrap();
    keyring.destroy(&[2, 2]).unwrap();
    let once = fs::read(centre.file(SEGMENT_0)).unwrap();
    keyring.destroy(&[2]).unwrap();
    keyring.destroy(&[]).unwrap();
    assert_eq!(fs::read(centre.file(SEGMENT_0)).unwrap(), once);
    for unknown in [0, 4, 1 << 60] {
        let error = keyring.destroy(&[1, unknown]).unwrap_err();
        assert!(
            matches!(error, KeyringError::NoSuchKey { number } if number == unknown),
            "{error}"
        );
    }
    keyring.open_key(1).unwrap();
}

#[test]
fn a_damaged_key_can_be_destroyed_too() {
    let (centre, keyring) = Centre::new();
    keyring.append(&centre.items(3, 0), &centre.rng).unwrap();
    edit(&centre.file(SEGMENT_0), |bytes| {
        bytes[slot_at(2)..slot_at(2) + 4].fill(0xFF)
    });
    keyring.destroy(&[2]).unwrap();
    assert!(matches!(
        keyring.open_key(2),
        Err(KeyringError::Destroyed { number: 2 })
    ));
    assert!(centre.inspect().findings.is_empty());
}

#[test]
fn numbers_go_on_after_a_destruction() {
    let (centre, keyring) = Centre::new();
    keyring.append(&centre.items(3, 0), &centre.rng).unwrap();
    keyring.destroy(&[3]).unwrap();
    assert_eq!(
        keyring.append(&centre.items(1, 0), &centre.rng).unwrap(),
        4..5
    );
}
