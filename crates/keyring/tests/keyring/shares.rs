//! Keyrings that shares open: what the head says, what it opens with, and every byte of it damaged.

use std::fs;

use comity_core::Digest;
use comity_core::hex;
use comity_keyring::slip39::{Gathering, Share};
use comity_keyring::{
    Argon2Params, Holder, Keyring, KeyringError, Means, NewEpoch, Scheme, SharesKey, Sharing,
    Unlocking, shares_of,
};
use comity_store::Disk;

use crate::fixture::{Centre, PASSPHRASE};

const SCHEME: &str = "2of3:UKR=2of3,LTU=1of2,NLD=1of1";

/// A small centre, shared.
fn shared(keep_passphrase: bool) -> (Centre, Vec<Holder>) {
    let centre = Centre::small();
    let sharing = share(&centre, &centre.open(), SCHEME, keep_passphrase);
    let holders = sharing.holders().collect();
    (centre, holders)
}

fn share(centre: &Centre, keyring: &Keyring, scheme: &str, keep_passphrase: bool) -> Sharing {
    let sharing = Sharing::new(Scheme::parse(scheme).unwrap(), &keyring.id(), &centre.rng).unwrap();
    let unlock = Unlocking::Shares {
        sharing: &sharing,
        keep_passphrase,
    };
    keyring
        .rotate(&NewEpoch { act: b"", unlock }, &centre.rng)
        .unwrap();
    sharing
}

fn gathered(holders: &[Holder], which: &[usize]) -> Gathering {
    let mut all = Gathering::default();
    for at in which {
        all.add(Share::parse(&holders[*at].words).unwrap()).unwrap();
    }
    all
}

fn open(centre: &Centre, by: Means<'_>) -> Result<Keyring, KeyringError> {
    Keyring::open(&centre.dir(), Disk::real(), by)
}

#[test]
fn shares_and_passphrases_open_what_the_scheme_says_through_every_epoch() {
    for keep in [false, true] {
        let (centre, holders) = shared(keep);
        assert_eq!(holders.len(), 6);
        let enough = gathered(&holders, &[0, 2, 3]);
        let others = gathered(&holders, &[4, 5]);
        for _ in 0..3 {
            let by_shares = open(&centre, Means::Gathered(&enough)).unwrap();
            by_shares.open_key(13).unwrap();
            open(&centre, Means::Gathered(&others))
                .unwrap()
                .open_key(13)
                .unwrap();
            match open(&centre, PASSPHRASE.into()) {
                Ok(keyring) => {
                    assert!(keep);
                    keyring.open_key(13).unwrap();
                    // Opened by the passphrase alone, a new epoch keeps the shares.
                    keyring.rotate(&crate::epoch::ACT, &centre.rng).unwrap();
                }
                Err(KeyringError::NeedsShares { scheme }) => {
                    assert!(!keep && scheme.contains("UKR 2 of 3"), "{scheme}");
                    by_shares.rotate(&crate::epoch::ACT, &centre.rng).unwrap();
                }
                Err(other) => panic!("{other}"),
            }
        }
        let (scheme, has_passphrase, id) = shares_of(&centre.dir(), &Disk::real()).unwrap();
        assert_eq!(scheme.unwrap().text(), SCHEME);
        assert_eq!(has_passphrase, keep);
        let key = SharesKey::gathered(&enough, &id).unwrap();
        let again = SharesKey::from_bytes(*key.bytes());
        open(&centre, Means::Shares(&again)).unwrap();
        assert_eq!(centre.inspect().findings, []);
    }
}

#[test]
fn too_few_old_and_foreign_shares_and_a_wrong_passphrase_are_told_apart() {
    let (centre, holders) = shared(true);
    let few = open(&centre, Means::Gathered(&gathered(&holders, &[0, 3]))).unwrap_err();
    assert!(matches!(few, KeyringError::Shares { .. }), "{few}");
    let enough = gathered(&holders, &[3, 5]);
    let keyring = open(&centre, Means::Gathered(&enough)).unwrap();
    let wrong = open(&centre, Means::Passphrase("wrong")).unwrap_err();
    assert!(matches!(wrong, KeyringError::WrongPassphrase), "{wrong}");

    // Shared anew, the former shares open nothing, and neither does a program that had them.
    share(&centre, &centre.open(), "1of1:UKR=1of1", true);
    let old = open(&centre, Means::Gathered(&enough)).unwrap_err();
    assert!(matches!(old, KeyringError::WrongShares), "{old}");
    let shut_out = keyring
        .append(&centre.items(1, 3), &centre.rng)
        .unwrap_err();
    assert!(
        matches!(shut_out, KeyringError::ShutOut { epoch: 3 }),
        "{shut_out}"
    );

    let unshared = Centre::small();
    let none = open(&unshared, Means::Gathered(&enough)).unwrap_err();
    assert!(matches!(none, KeyringError::NotShared), "{none}");
    let (other, _) = shared(false);
    let foreign = open(&other, Means::Gathered(&enough)).unwrap_err();
    assert!(matches!(foreign, KeyringError::WrongShares), "{foreign}");
}

#[test]
fn a_new_passphrase_takes_the_place_of_the_former_ones() {
    let (centre, holders) = shared(true);
    for keep_shares in [true, false] {
        let unlock = Unlocking::Passphrase {
            passphrase: "another",
            params: Argon2Params::TEST,
            keep_shares,
        };
        let keyring = open(&centre, Means::Gathered(&gathered(&holders, &[3, 5]))).unwrap();
        keyring
            .rotate(&NewEpoch { act: b"", unlock }, &centre.rng)
            .unwrap();
        keyring.open_key(13).unwrap();
        assert!(matches!(
            open(&centre, PASSPHRASE.into()),
            Err(KeyringError::WrongPassphrase)
        ));
        open(&centre, "another".into())
            .unwrap()
            .open_key(13)
            .unwrap();
    }
    let gone = open(&centre, Means::Gathered(&gathered(&holders, &[3, 5]))).unwrap_err();
    assert!(matches!(gone, KeyringError::NotShared), "{gone}");
}

#[test]
fn every_flipped_byte_of_a_shared_and_pending_head_is_damage_and_no_share_is_blamed() {
    let (centre, holders) = shared(true);
    centre
        .open()
        .begin_epoch(&crate::epoch::ACT, &centre.rng)
        .unwrap();
    let enough = gathered(&holders, &[3, 5]);
    let file = centre.file("head");
    let whole = fs::read(&file).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x01;
        fs::write(&file, &bytes).unwrap();
        for by in [Means::Gathered(&enough), PASSPHRASE.into()] {
            let error = open(&centre, by).unwrap_err();
            assert!(
                matches!(error, KeyringError::Damaged { .. }),
                "byte {at}: {error}"
            );
        }
    }
    fs::write(&file, &whole).unwrap();
    open(&centre, Means::Gathered(&enough))
        .unwrap()
        .end_epoch(&centre.rng)
        .unwrap();
}

/// A forged head has a right digest: what is sealed in it must still be told from what is not.
#[test]
fn a_forged_head_opens_nothing_or_is_refused() {
    let (centre, holders) = shared(false);
    let enough = gathered(&holders, &[3, 5]);
    let file = centre.file("head");
    let text = fs::read_to_string(&file).unwrap();
    let line = text.lines().next().unwrap().to_owned();
    let write = |line: &str| {
        let sum = hex(&Digest::of(line.as_bytes()).0);
        fs::write(&file, format!("{line}\n{sum}\n")).unwrap();
    };
    for (from, to) in [
        ("\"epoch\":2", "\"epoch\":3"),
        ("\"group_threshold\":2", "\"group_threshold\":4"),
        ("\"group_threshold\":2", "\"group_threshold\":0"),
        ("\"count\":3", "\"count\":1"),
        ("\"count\":3", "\"count\":17"),
        ("\"member\":\"UKR\"", "\"member\":\"../\""),
        ("\"identifier\":", "\"identifier\":99"),
        ("\"kind\":\"shares\"", "\"kind\":\"share\""),
        ("\"wrap\":\"", "\"wrap\":\"00"),
        ("\"again\":\"", "\"again\":\"00"),
        ("\"again\":", "\"against\":"),
        ("}]}", "}],\"zeal\":{}}"),
    ] {
        assert!(line.contains(from), "{from}");
        write(&line.replacen(from, to, 1));
        let error = open(&centre, Means::Gathered(&enough)).unwrap_err();
        let fits = matches!(
            error,
            KeyringError::Unsupported { .. } | KeyringError::WrongShares
        );
        assert!(fits, "{to}: {error}");
    }
    write(&line);
    open(&centre, Means::Gathered(&enough)).unwrap();
}
