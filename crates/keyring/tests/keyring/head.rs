//! A wrong passphrase and a damaged head are told apart, whatever byte is hit.

use std::fs;

use comity_core::Digest;
use comity_keyring::{Argon2Params, Keyring, KeyringError};
use comity_store::Disk;

use crate::fixture::{Centre, PASSPHRASE, folder_holds};

fn open(centre: &Centre, passphrase: &str) -> Result<Keyring, KeyringError> {
    Keyring::open(&centre.dir(), Disk::real(), passphrase)
}

#[test]
fn every_flipped_byte_of_the_head_is_damage_and_no_passphrase_is_blamed() {
    let (centre, _) = Centre::new();
    let file = centre.file("head");
    let whole = fs::read(&file).unwrap();
    for at in 0..whole.len() {
        for flip in [0x01, 0x20, 0x80] {
            let mut bytes = whole.clone();
            bytes[at] ^= flip;
            fs::write(&file, &bytes).unwrap();
            for passphrase in [PASSPHRASE, "wrong"] {
                let error = open(&centre, passphrase).unwrap_err();
                assert!(
                    matches!(error, KeyringError::Damaged { .. }),
                    "byte {at} ^ {flip:#x}: {error}"
                );
            }
            let found = centre.inspect().findings;
            assert_eq!(found[0].place, "keyring/head", "byte {at}");
            assert!(found[0].what.contains("only a backup"), "{}", found[0]);
        }
    }
    fs::write(&file, &whole).unwrap();
    assert!(matches!(
        open(&centre, "wrong"),
        Err(KeyringError::WrongPassphrase)
    ));
    open(&centre, PASSPHRASE).unwrap();
}

#[test]
fn a_head_cut_anywhere_or_added_to_is_damage() {
    let (centre, _) = Centre::new();
    let file = centre.file("head");
    let whole = fs::read(&file).unwrap();
    let cut = (0..whole.len()).map(|len| whole[..len].to_vec());
    let longer = [&whole[..], b"\n"].concat();
    let twice = [&whole[..], &whole[..]].concat();
    for bytes in cut.chain([longer, twice, vec![b'a'; 70_000]]) {
        fs::write(&file, &bytes).unwrap();
        let error = open(&centre, PASSPHRASE).unwrap_err();
        assert!(
            matches!(error, KeyringError::Damaged { .. }),
            "{} bytes: {error}",
            bytes.len()
        );
    }
}

#[test]
fn a_lost_head_is_said_plainly() {
    let (centre, keyring) = Centre::new();
    keyring.append(&centre.items(1, 0), &centre.rng).unwrap();
    fs::remove_file(centre.file("head")).unwrap();
    let text = open(&centre, PASSPHRASE).unwrap_err().to_string();
    assert!(
        text.contains("head is damaged")
            && text.contains("missing")
            && text.contains("only a backup"),
        "{text}"
    );
    let found = centre.inspect().findings;
    assert_eq!(
        found.len(),
        1,
        "the slots are whole and can still be checked: {found:?}"
    );
    assert!(found[0].what.contains("missing"), "{}", found[0]);
}

#[test]
fn a_head_of_another_format_is_refused_and_called_so() {
    let (centre, _) = Centre::new();
    let whole = fs::read_to_string(centre.file("head")).unwrap();
    let line = whole.lines().next().unwrap();
    let rows = [
        line.replace("comity-keyring-1", "comity-keyring-2"),
        line.replace("passphrase", "shares"),
        line.replace("\"memory_kib\":8", "\"memory_kib\":4294967295"),
        line.replace("\"epoch\":1,", "\"epoch\":1,\"extra\":1,"),
    ];
    for line in rows {
        let head = format!("{line}\n{}\n", Digest::of(line.as_bytes()));
        fs::write(centre.file("head"), head).unwrap();
        let error = open(&centre, PASSPHRASE).unwrap_err();
        assert!(
            matches!(error, KeyringError::Unsupported { .. }),
            "{line}: {error}"
        );
    }
}

#[test]
fn a_head_that_is_not_canonical_is_refused() {
    let (centre, _) = Centre::new();
    let whole = fs::read_to_string(centre.file("head")).unwrap();
    let line = whole
        .lines()
        .next()
        .unwrap()
        .replace(",\"format\"", ", \"format\"");
    fs::write(
        centre.file("head"),
        format!("{line}\n{}\n", Digest::of(line.as_bytes())),
    )
    .unwrap();
    assert!(matches!(
        open(&centre, PASSPHRASE),
        Err(KeyringError::Damaged { .. })
    ));
}

#[test]
fn a_changed_passphrase_opens_the_same_keys_and_the_old_one_opens_nothing() {
    let (centre, keyring) = Centre::new();
    let item = keyring
        .append(&centre.items(1, 0), &centre.rng)
        .unwrap()
        .start;
    let secret = keyring.open_key(item).unwrap();
    let old_head = fs::read(centre.file("head")).unwrap();
    let change = |old: &str, new: &str| {
        let keyring = &keyring;
        keyring.change_passphrase(old, new, Argon2Params::TEST, &centre.rng)
    };
    assert!(matches!(
        change("wrong", "new"),
        Err(KeyringError::WrongPassphrase)
    ));
    assert_eq!(
        fs::read(centre.file("head")).unwrap(),
        old_head,
        "a refused change changes nothing"
    );
    assert!(matches!(
        change(PASSPHRASE, ""),
        Err(KeyringError::Refused { .. })
    ));

    change(PASSPHRASE, "пароль 🔑").unwrap();
    assert!(matches!(
        open(&centre, PASSPHRASE),
        Err(KeyringError::WrongPassphrase)
    ));
    assert_eq!(
        open(&centre, "пароль 🔑").unwrap().open_key(item).unwrap(),
        secret
    );
    let old_wrap = old_head
        .windows(7)
        .position(|at| at == b"\"wrap\":")
        .unwrap()
        + 8;
    assert!(!folder_holds(
        &centre.dir(),
        &old_head[old_wrap..old_wrap + 64]
    ));
}

#[test]
fn argon2id_parameters_out_of_bounds_are_refused() {
    let (centre, keyring) = Centre::new();
    for (memory_kib, passes, lanes) in [
        (7, 1, 1),
        (8, 0, 1),
        (8, 1, 0),
        (u32::MAX, 1, 1),
        (8, 65, 1),
        (8, 1, 2),
    ] {
        let params = Argon2Params {
            memory_kib,
            passes,
            lanes,
        };
        let refused = keyring.change_passphrase(PASSPHRASE, "new", params, &centre.rng);
        assert!(
            matches!(refused, Err(KeyringError::Refused { .. })),
            "{params:?}"
        );
    }
}
