//! SLIP-39 against vectors that its reference implementation made (`tests/judges/slip39.py` makes them anew and holds
//! them against it), and what is told of shares that do not fit.

use std::fs;
use std::path::Path;

use comity_core::json::{Value, parse};
use comity_core::random::TestRandom;
use comity_core::{hex, unhex};
use comity_keyring::slip39::{
    Fit, Gathering, GroupScheme, Misfit, Share, ShareError, Splitting, split,
};

fn vectors() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/vectors/slip39.json");
    parse(&fs::read(path).unwrap()).unwrap()
}

fn combine(mnemonics: &[&str], passphrase: &[u8]) -> Result<String, String> {
    let mut all = Gathering::default();
    for words in mnemonics {
        let share = Share::parse(words).map_err(|e| e.to_string())?;
        assert_eq!(**share.words(), **words, "the words come back");
        all.add(share).map_err(|e| e.to_string())?;
    }
    let secret = all.combine(passphrase).map_err(|e| e.to_string())?;
    Ok(hex(&secret))
}

#[test]
fn vectors_of_the_reference_are_opened_and_refused_as_it_does() {
    let vectors = vectors();
    let rows = vectors.as_array().unwrap();
    assert!(rows.len() > 15);
    for row in rows {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap();
        let words: Vec<&str> = row["mnemonics"]
            .as_array()
            .unwrap()
            .iter()
            .map(|m| m.as_str().unwrap())
            .collect();
        let found = combine(&words, text("passphrase").as_bytes());
        match text("secret") {
            "" => {
                let error = found.expect_err(text("what"));
                let expected = text("says");
                assert!(error.contains(expected), "{}: {error}", text("what"));
            }
            secret => assert_eq!(found.as_deref(), Ok(secret), "{}", text("what")),
        }
    }
}

const GROUPS: [GroupScheme; 3] = [
    GroupScheme {
        threshold: 2,
        count: 3,
    },
    GroupScheme {
        threshold: 1,
        count: 1,
    },
    GroupScheme {
        threshold: 3,
        count: 5,
    },
];

fn made(seed: u8, identifier: u16) -> (Vec<Vec<Share>>, Vec<u8>) {
    let rng = TestRandom::new([seed; 32]);
    let secret = vec![seed; 32];
    let how = Splitting {
        identifier,
        extendable: true,
        exponent: 0,
        group_threshold: 2,
        groups: &GROUPS,
    };
    (split(&secret, &how, &rng).unwrap(), secret)
}

#[test]
fn any_enough_shares_bring_the_secret_back_and_fewer_do_not() {
    let (shares, secret) = made(7, 12_345);
    assert_eq!(shares.iter().map(Vec::len).collect::<Vec<_>>(), [3, 1, 5]);
    let sets: [&[(usize, usize)]; 4] = [
        &[(0, 0), (0, 1), (1, 0)],
        &[(0, 2), (0, 1), (2, 4), (2, 0), (2, 2)],
        &[(2, 1), (2, 2), (2, 3), (1, 0), (0, 0)],
        &[
            (0, 0),
            (0, 1),
            (0, 2),
            (1, 0),
            (2, 0),
            (2, 1),
            (2, 2),
            (2, 3),
        ],
    ];
    for set in sets {
        let mut all = Gathering::default();
        for (group, member) in set {
            let words = shares[*group][*member].words();
            assert_eq!(words.split(' ').count(), 33);
            all.add(Share::parse(&words).unwrap()).unwrap();
        }
        assert_eq!(*all.combine(b"").unwrap(), secret);
    }
    for set in [&[(0, 0), (1, 0)][..], &[(0, 0), (0, 1), (2, 0), (2, 1)]] {
        let mut all = Gathering::default();
        for (group, member) in set {
            all.add(shares[*group][*member].clone()).unwrap();
        }
        assert!(!all.is_enough());
        assert_eq!(all.combine(b"").unwrap_err(), Misfit::TooFew);
    }
}

#[test]
fn wrong_mixed_doubled_and_forged_shares_are_told_apart() {
    let (shares, _) = made(7, 12_345);
    let (others, _) = made(8, 54);
    let (forged, _) = made(9, 12_345);
    let mut all = Gathering::default();
    assert_eq!(all.add(shares[0][0].clone()), Ok(Fit::Taken));
    assert_eq!(all.add(others[0][1].clone()), Err(Misfit::OtherSet));
    assert_eq!(all.add(shares[0][0].clone()), Err(Misfit::Duplicate));
    assert_eq!(all.add(forged[0][0].clone()), Err(Misfit::Contradicts));
    assert_eq!(all.add(forged[0][1].clone()), Ok(Fit::Taken));
    assert_eq!(all.add(shares[0][2].clone()), Ok(Fit::NotNeeded));
    assert_eq!(all.add(shares[1][0].clone()), Ok(Fit::Taken));
    assert_eq!(all.combine(b"").unwrap_err(), Misfit::NotOneSecret);

    let words = shares[0][0].words();
    let mut list: Vec<&str> = words.split(' ').collect();
    let right = list[10];
    list[10] = "colour";
    let error = Share::parse(&list.join(" ")).unwrap_err();
    assert_eq!(
        error,
        ShareError::UnknownWord {
            place: 11,
            word: "colour".into()
        }
    );
    list[10] = if right == "acid" { "acne" } else { "acid" };
    assert_eq!(
        Share::parse(&list.join(" ")).unwrap_err(),
        ShareError::Checksum
    );
    list.remove(10);
    assert_eq!(
        Share::parse(&list.join(" ")).unwrap_err(),
        ShareError::Length { words: 32 }
    );
    assert_eq!(
        Share::parse("").unwrap_err(),
        ShareError::Length { words: 0 }
    );
    // Four letters of each word, in capitals, over several lines.
    let short: Vec<String> = words.split(' ').map(|w| w[..4].to_uppercase()).collect();
    assert_eq!(Share::parse(&short.join("\n ")).unwrap(), shares[0][0]);
    assert!(!format!("{:?}", shares[0][0]).contains("value"));
}

#[test]
fn every_single_wrong_word_is_seen() {
    let (shares, _) = made(7, 12_345);
    let words = shares[2][0].words();
    let right: Vec<&str> = words.split(' ').collect();
    for at in 0..right.len() {
        for wrong in ["academic", "zero", "luxury"] {
            let mut list = right.clone();
            if list[at] != wrong {
                list[at] = wrong;
                assert!(Share::parse(&list.join(" ")).is_err(), "word {at}: {wrong}");
            }
        }
    }
}

#[test]
fn what_the_standard_has_no_scheme_for_is_refused() {
    let rng = TestRandom::new([1; 32]);
    let one = |threshold, count| [GroupScheme { threshold, count }];
    for (group_threshold, groups) in [
        (1, one(1, 2)),
        (1, one(3, 2)),
        (0, one(1, 1)),
        (2, one(1, 1)),
        (1, one(2, 17)),
    ] {
        let how = Splitting {
            identifier: 1,
            extendable: true,
            exponent: 0,
            group_threshold,
            groups: &groups,
        };
        assert!(
            split(&[1; 32], &how, &rng).is_none(),
            "{group_threshold} {groups:?}"
        );
    }
    let how = Splitting {
        identifier: 1,
        extendable: true,
        exponent: 0,
        group_threshold: 1,
        groups: &one(1, 1),
    };
    assert!(split(&[1; 15], &how, &rng).is_none());
    assert_eq!(unhex("00"), Some(vec![0]));
}
