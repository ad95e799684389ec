//! Cosignatures, policies and evidence against a log.

use comity_core::checkpoint::{Checkpoint, KeysError, LogKeys, LogSigner, SignedCheckpoint};
use comity_core::cosigner::Cosigner;
use comity_core::digest::Digest;
use comity_core::merkle::empty_root;
use comity_core::misbehaviour::{Deed, Misbehaviour, MisbehaviourError};
use comity_core::note::{Note, NoteError};
use comity_core::policy::{Policy, PolicyError};
use comity_core::vkey::KeyKind;
use proptest::prelude::*;

use crate::naive::{leaves, naive_consistency, naive_root};

const ORIGIN: &str = "centre.example/log";

fn log() -> LogSigner {
    LogSigner::new(ORIGIN, &[1; 32], &[2; 32]).unwrap()
}

fn witness(name: &str, seed: u8) -> Cosigner {
    Cosigner::new(name, &[seed; 32], &[seed + 100; 32]).unwrap()
}

fn signed(size: u64, root: Digest, time_secs: u64) -> Vec<u8> {
    let origin = ORIGIN.to_owned();
    log()
        .sign(&Checkpoint { origin, size, root }, time_secs)
        .unwrap()
}

fn cosigned(by: &[(&Cosigner, u64)]) -> Note {
    let mut note = Note::parse(&signed(1000, Digest([0x5a; 32]), 5)).unwrap();
    for (witness, time) in by {
        for line in witness.cosign(note.text(), *time).unwrap() {
            note.push(line);
        }
    }
    note
}

fn lines(witness: &Cosigner) -> String {
    let [old, new] = witness.vkeys() else {
        panic!("two keys")
    };
    let name = witness.name();
    format!(
        "witness {name}-a {old} https://{name}.example\nwitness {name}-b {new} https://{name}.example\ngroup {name} all {name}-a {name}-b\n"
    )
}

fn two_of_three() -> (Policy, [Cosigner; 3]) {
    let three = [
        witness("aster", 3),
        witness("birch", 4),
        witness("cedar", 5),
    ];
    let text: String = three.iter().map(lines).collect();
    let logs: String = log()
        .keys()
        .vkeys()
        .iter()
        .map(|k| format!("log {k}\n"))
        .collect();
    let text = format!("# ours\n{logs}{text}group quorum 2 aster birch cedar\nquorum quorum\n");
    (text.parse().unwrap(), three)
}

#[test]
fn the_quorum_holds_when_enough_witnesses_signed_with_all_their_keys() {
    let (policy, [aster, birch, cedar]) = two_of_three();
    let none = policy.attestation(&cosigned(&[])).unwrap();
    assert_eq!((none.attested_secs, none.missing.len()), (None, 3));
    let one = policy.attestation(&cosigned(&[(&aster, 100)])).unwrap();
    assert_eq!(one.attested_secs, None);
    assert_eq!(
        one.seen[0].kinds,
        [KeyKind::Ed25519Cosignature, KeyKind::MlDsa44]
    );
    let three = cosigned(&[(&aster, 100), (&birch, 300), (&cedar, 200)]);
    let three = policy.attestation(&three).unwrap();
    assert_eq!(
        three.attested_secs,
        Some(200),
        "birch and cedar are the newest two"
    );
    // The same witness twice is not two witnesses.
    let twice = policy
        .attestation(&cosigned(&[(&aster, 100), (&aster, 200)]))
        .unwrap();
    assert_eq!(twice.attested_secs, None);
}

#[test]
fn half_of_a_witness_is_not_a_witness() {
    let (policy, [aster, birch, _]) = two_of_three();
    let mut note = cosigned(&[(&aster, 100)]);
    let [ed25519, _] = birch.cosign(note.text(), 100).unwrap();
    note.push(ed25519);
    assert_eq!(policy.attestation(&note).unwrap().attested_secs, None);
}

#[test]
fn a_cosigned_checkpoint_still_verifies_and_a_wrong_cosignature_spoils_it() {
    let (policy, [aster, ..]) = two_of_three();
    let note = cosigned(&[(&aster, 100)]);
    let read = SignedCheckpoint::parse(&note.encode()).unwrap();
    read.verify(log().keys()).unwrap();
    for (kind, line) in [(KeyKind::Ed25519Cosignature, 2), (KeyKind::MlDsa44, 3)] {
        // The time is signed too, in its last byte as elsewhere.
        for at in [7, 40] {
            let mut altered = Note::new(note.text().to_owned()).unwrap();
            for (i, signature) in note.signatures().iter().enumerate() {
                let mut signature = signature.clone();
                if i == line {
                    signature.signature[at] ^= 1;
                }
                altered.push(signature);
            }
            let answer = policy.attestation(&altered);
            assert!(matches!(answer, Err(NoteError::WrongSignature { kind: k, .. }) if k == kind));
        }
    }
}

#[test]
fn ed25519_covers_extension_lines_and_time_zero_is_never_signed() {
    let (policy, [aster, ..]) = two_of_three();
    let text = format!("{}extension\n", cosigned(&[]).text());
    let mut note = Note::new(text.clone()).unwrap();
    for line in aster.cosign(&text, 9).unwrap() {
        note.push(line);
    }
    assert_eq!(policy.attestation(&note).unwrap().seen.len(), 1);
    let mut other = Note::new(text.replace("extension", "other")).unwrap();
    note.signatures().iter().for_each(|s| other.push(s.clone()));
    assert!(policy.attestation(&other).is_err());
    assert!(aster.cosign(&text, 0).is_err());
}

#[test]
fn a_policy_is_read_written_and_read_again() {
    let (policy, _) = two_of_three();
    assert_eq!(policy.to_string().parse::<Policy>().unwrap(), policy);
    assert_eq!(policy.submission_urls().len(), 3);
    let handed_over = log().keys().to_file_with(Some(&policy));
    assert!(!handed_over.contains("https:"));
    let again: Policy = handed_over.parse().unwrap();
    assert_eq!(again.witnesses().len(), 6);
    // And it is a key file as before.
    let keys = LogKeys::parse(handed_over.as_bytes()).unwrap();
    assert_eq!(keys.fingerprint(), log().keys().fingerprint());
}

#[test]
fn what_no_policy_says_is_refused_with_its_line() {
    let key = |seed: u8| witness("aster", seed).vkeys()[0].to_string();
    let (a, b) = (key(1), key(2));
    let many: String = (0..33)
        .map(|i| format!("witness w{i} {}\n", key(i + 10)))
        .collect();
    for (text, line) in [
        (format!("witness a {a}\nwitness a {b}\nquorum a\n"), 2),
        (format!("witness a {a}\nwitness b {a}\nquorum a\n"), 2),
        (format!("witness none {a}\nquorum none\n"), 1),
        (format!("witness a {a}\ngroup g 2 a\nquorum g\n"), 2),
        (format!("witness a {a}\ngroup g 0 a\nquorum g\n"), 2),
        (format!("witness a {a}\ngroup g any\nquorum g\n"), 2),
        (format!("group g any a\nwitness a {a}\nquorum g\n"), 1),
        (
            format!("witness a {a}\ngroup g any a\ngroup h any a\nquorum g\n"),
            3,
        ),
        (format!("witness a {a}\ngroup g any a a\nquorum g\n"), 2),
        (format!("witness a {a} url more\nquorum a\n"), 1),
        ("quorum a\n".to_owned(), 1),
        ("witness\n".to_owned(), 1),
        (many, 33),
    ] {
        match text.parse::<Policy>() {
            Err(PolicyError::Line { line: found, .. }) => assert_eq!(found, line, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
    assert_eq!(
        "quorum none\nquorum none\n".parse::<Policy>(),
        Err(PolicyError::Quorums(2))
    );
    assert_eq!("".parse::<Policy>(), Err(PolicyError::Quorums(0)));
    let keys: String = log()
        .keys()
        .vkeys()
        .iter()
        .map(|k| format!("log {k}\n"))
        .collect();
    let file = format!("{keys}quorum nobody\n");
    assert!(matches!(
        LogKeys::parse(file.as_bytes()),
        Err(KeysError::Policy(_))
    ));
}

/// The evidence of two trees: `m` leaves of one, `n` of another which differs from the leaf `at` on.
fn fork(m: usize, n: usize, at: usize) -> Misbehaviour {
    let one = leaves(n);
    let mut other = one.clone();
    for leaf in &mut other[at..] {
        leaf.0[0] ^= 1;
    }
    Misbehaviour {
        deed: Deed::Fork,
        root: naive_root(&other[..m]),
        hashes: naive_consistency(m, &other),
        keys: log().keys().to_file().into_bytes(),
        first: signed(m as u64, naive_root(&one[..m]), 5),
        second: signed(n as u64, naive_root(&other), 6),
    }
}

#[test]
fn two_trees_of_one_log_are_proved_to_anyone() {
    for (m, n) in [(5, 5), (5, 9), (8, 9), (1, 300)] {
        let evidence = Misbehaviour::parse(&fork(m, n, 0).encode()).unwrap();
        assert_eq!(evidence, fork(m, n, 0));
        let proven = evidence.verify(None).unwrap();
        assert_eq!(
            (proven.first.size(), proven.second.size()),
            (m as u64, n as u64)
        );
        evidence.verify(Some(log().keys())).unwrap();
        let others = LogSigner::new(ORIGIN, &[9; 32], &[9; 32]).unwrap();
        assert!(evidence.verify(Some(others.keys())).is_err());
    }
}

#[test]
fn an_honest_log_cannot_be_accused() {
    // The trees differ only after the first one's end: the second continues it.
    let evidence = fork(5, 9, 5);
    assert!(matches!(
        evidence.verify(None),
        Err(MisbehaviourError::Consistent(_))
    ));
    // Another root than the proof gives.
    let mut evidence = fork(5, 9, 5);
    evidence.root = Digest([7; 32]);
    assert!(matches!(
        evidence.verify(None),
        Err(MisbehaviourError::Proof(_))
    ));
    let mut evidence = fork(5, 9, 0);
    evidence.second = signed(9, Digest([7; 32]), 6);
    assert!(matches!(
        evidence.verify(None),
        Err(MisbehaviourError::Proof(_))
    ));
    // From nothing everything may grow.
    let mut evidence = fork(5, 9, 0);
    evidence.first = signed(0, empty_root(), 5);
    evidence.hashes.clear();
    assert!(evidence.verify(None).is_err());
}

#[test]
fn going_back_is_proved_by_the_logs_own_times() {
    let tree = leaves(9);
    let rollback = |m: usize, n: usize, times: (u64, u64)| Misbehaviour {
        deed: Deed::Rollback,
        root: naive_root(&tree[..n]),
        hashes: Vec::new(),
        keys: log().keys().to_file().into_bytes(),
        first: signed(m as u64, naive_root(&tree[..m]), times.0),
        second: signed(n as u64, naive_root(&tree[..n]), times.1),
    };
    let evidence = Misbehaviour::parse(&rollback(9, 5, (5, 6)).encode()).unwrap();
    assert_eq!(evidence.verify(None).unwrap().deed, Deed::Rollback);
    assert!(
        rollback(9, 5, (6, 5)).verify(None).is_err(),
        "signed before"
    );
    assert!(rollback(5, 9, (5, 6)).verify(None).is_err(), "it grew");
}

proptest! {
    #[test]
    fn nothing_read_as_policy_or_evidence_panics(text in "(log |witness |group |quorum |all|any|a|b|\\+|\n| |1){0,40}", cut in 0..6000_usize) {
        let _ = text.parse::<Policy>();
        let _ = Misbehaviour::parse(format!("comity-misbehaviour-1\nfork\n{text}").as_bytes());
        let whole = fork(3, 4, 0).encode();
        let _ = Misbehaviour::parse(&whole[..cut.min(whole.len())]).map(|m| m.verify(None));
    }
}
