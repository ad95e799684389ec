//! Successions of a log's keys: what a statement needs, and what the old keys are worth afterwards.

use comity_core::checkpoint::{
    Checkpoint, CheckpointError, KeysError, LogKeys, LogSigner, SignedCheckpoint,
};
use comity_core::digest::{Digest, hex};
use comity_core::json::{Value, json};
use comity_core::note::NoteSignature;
use comity_core::succession::{
    Chain, ChainError, Heirs, Statement, Succession, SuccessionError, Vouched,
};
use comity_core::vkey::Vkey;
use ed25519_dalek::{Signer as _, SigningKey};

const ORIGIN: &str = "centre.example/log";

/// The log's keys of the first, second, … reign.
fn signer(reign: u8) -> LogSigner {
    LogSigner::new(ORIGIN, &[reign; 32], &[reign + 100; 32]).unwrap()
}

/// An heir: a person with a key of their own.
struct Heir(&'static str, u8);

impl Heir {
    fn key(&self) -> SigningKey {
        SigningKey::from_bytes(&[self.1; 32])
    }

    fn vkey(&self) -> Vkey {
        Vkey::new_ed25519(self.0, self.key().verifying_key().as_bytes()).unwrap()
    }

    fn sign(&self, text: &str) -> NoteSignature {
        NoteSignature {
            name: self.0.to_owned(),
            key_id: self.vkey().key_id(),
            signature: self.key().sign(text.as_bytes()).to_bytes().to_vec(),
        }
    }
}

const ASTER: Heir = Heir("AAA-P0001", 61);
const BIRCH: Heir = Heir("BBB-P0001", 62);
const CEDAR: Heir = Heir("CCC-P0001", 63);
const STRANGER: Heir = Heir("DDD-P0001", 64);

fn heirs(need: usize) -> Heirs {
    Heirs {
        need,
        vkeys: [ASTER, BIRCH, CEDAR].iter().map(Heir::vkey).collect(),
    }
}

fn says(size: u64, old: u8, new: u8, heirs: Heirs) -> Succession {
    Succession {
        origin: ORIGIN.to_owned(),
        size,
        root: root(size),
        old: signer(old).keys().vkeys().to_vec(),
        new: signer(new).keys().vkeys().to_vec(),
        heirs,
    }
}

fn root(size: u64) -> Digest {
    Digest::of(&size.to_be_bytes())
}

/// A statement, signed by these logs' keys and these heirs.
fn signed(says: Succession, logs: &[u8], heirs: &[Heir]) -> Vec<u8> {
    let text = says.text();
    let mut statement = Statement::new(says).unwrap();
    for log in logs {
        let lines = signer(*log).sign_statement(&text).unwrap();
        lines.into_iter().for_each(|line| statement.push(line));
    }
    heirs
        .iter()
        .for_each(|heir| statement.push(heir.sign(&text)));
    statement.encode()
}

fn chain(statements: &[Vec<u8>]) -> Result<Chain, ChainError> {
    Chain::parse(&String::from_utf8(statements.concat()).unwrap())
}

fn why(statements: &[Vec<u8>]) -> SuccessionError {
    match chain(statements).unwrap_err() {
        ChainError::Statement(why) => why,
        other => panic!("{other}"),
    }
}

/// Heirs named at 3, a planned succession at 10, and at 20 one by two heirs.
fn three() -> Vec<Vec<u8>> {
    vec![
        signed(says(3, 1, 1, heirs(2)), &[1], &[]),
        signed(says(10, 1, 2, heirs(2)), &[1, 2], &[]),
        signed(says(20, 2, 3, heirs(2)), &[3], &[ASTER, CEDAR]),
    ]
}

fn keys(first: u8, statements: &[Vec<u8>]) -> LogKeys {
    let first = signer(first).keys().clone();
    first.succeeded(chain(statements).unwrap()).unwrap()
}

fn checkpoint(reign: u8, size: u64) -> Vec<u8> {
    let checkpoint = Checkpoint {
        origin: ORIGIN.to_owned(),
        size,
        root: root(size),
    };
    signer(reign).sign(&checkpoint, 1_795_517_467).unwrap()
}

fn verify(note: &[u8], keys: &LogKeys) -> Result<SignedCheckpoint, CheckpointError> {
    SignedCheckpoint::parse(note)?.verify(keys)
}

pub fn vectors() -> Value {
    let string = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let keys = keys(1, &three());
    let checkpoints: Vec<Value> = [
        (1, 3),
        (1, 10),
        (2, 11),
        (2, 20),
        (3, 21),
        (1, 11),
        (2, 21),
        (2, 10),
        (3, 20),
    ]
    .map(|(reign, size)| {
        let note = checkpoint(reign, size);
        json!({ "reign": reign, "holds": keys.at(size) == signer(reign).keys().vkeys(), "note": string(note) })
    })
    .to_vec();
    let other_root = Succession {
        root: root(999),
        ..says(10, 1, 2, heirs(2))
    };
    let refused: Vec<Value> = [
        ("signed by the new keys only", signed(says(10, 1, 2, heirs(2)), &[2], &[])),
        ("signed by the old keys only", signed(says(10, 1, 2, heirs(2)), &[1], &[])),
        ("one heir of the two that are needed", signed(says(10, 1, 2, heirs(2)), &[2], &[BIRCH])),
        ("an heir whom nobody named", signed(says(10, 1, 2, heirs(2)), &[2], &[BIRCH, STRANGER])),
        ("not of a later size", signed(says(3, 1, 2, heirs(2)), &[1, 2], &[])),
        ("the old keys are not those of then", signed(says(10, 5, 2, heirs(2)), &[5, 2], &[])),
        ("another root than was signed", string(signed(says(10, 1, 2, heirs(2)), &[1, 2], &[])).replace(
            &other_root_of(&says(10, 1, 2, heirs(2))), &other_root_of(&other_root)).into_bytes()),
    ]
    .map(|(why, second)| json!({ "why": why, "statements": string([three().remove(0), second].concat()) }))
    .to_vec();
    let seeds: Vec<Value> = [1, 2, 3]
        .map(|n: u8| json!({ "ed25519": hex(&[n; 32]), "mldsa44": hex(&[n + 100; 32]) }))
        .to_vec();
    json!({
        "origin": ORIGIN,
        "keys": keys.to_file(),
        "statements": keys.chain().text(),
        "in_words": keys.chain().statements().iter().map(|s| s.in_words()).collect::<Vec<_>>(),
        "seeds_of_the_reigns": seeds,
        "checkpoints": checkpoints,
        "refused": refused,
    })
}

fn other_root_of(says: &Succession) -> String {
    says.text().lines().nth(3).unwrap().to_owned()
}

#[test]
fn each_size_has_one_set_of_keys() {
    let keys = keys(1, &three());
    for (size, reign) in [
        (0, 1),
        (3, 1),
        (4, 1),
        (10, 1),
        (11, 2),
        (20, 2),
        (21, 3),
        (1 << 40, 3),
    ] {
        assert_eq!(keys.at(size), signer(reign).keys().vkeys(), "at {size}");
        for other in [1, 2, 3] {
            let holds = verify(&checkpoint(other, size), &keys);
            assert_eq!(
                holds.is_ok(),
                other == reign && size != 0,
                "{other} at {size}"
            );
        }
    }
    assert_eq!(keys.vkeys(), signer(3).keys().vkeys());
    assert_eq!(keys.fingerprint(), signer(3).keys().fingerprint());
}

#[test]
fn a_thief_of_the_old_keys_signs_nothing_above_the_succession() {
    let keys = keys(1, &three()[..2]);
    let error = verify(&checkpoint(1, 11), &keys).unwrap_err();
    assert!(matches!(
        error,
        CheckpointError::OtherReign { size: 11, .. }
    ));
    assert!(
        error.to_string().contains("hold only up to size 10"),
        "{error}"
    );
    // Nor another tree at the size of the succession, where the old keys did sign.
    let other = Checkpoint {
        origin: ORIGIN.to_owned(),
        size: 10,
        root: root(5),
    };
    let other = signer(1).sign(&other, 9).unwrap();
    assert_eq!(
        verify(&other, &keys),
        Err(CheckpointError::OtherTree { size: 10 })
    );
    // And the new keys sign nothing that was before them.
    let error = verify(&checkpoint(2, 9), &keys).unwrap_err();
    assert!(
        matches!(error, CheckpointError::OtherReign { size: 9, .. }),
        "{error}"
    );
}

#[test]
fn old_and_new_keys_must_both_sign() {
    assert!(matches!(
        why(&[signed(says(10, 1, 2, Heirs::default()), &[2], &[])]),
        SuccessionError::NotVouched {
            old: 2,
            old_signed: 0,
            need: 0,
            ..
        }
    ));
    assert!(matches!(
        why(&[signed(says(10, 1, 2, Heirs::default()), &[1], &[])]),
        SuccessionError::NewKeyMissing { size: 10, .. }
    ));
    // One key of the two that a log has is not enough, on neither side.
    let whole = String::from_utf8(signed(says(10, 1, 2, Heirs::default()), &[1, 2], &[])).unwrap();
    let (text, lines) = whole.split_once("\n\n").unwrap();
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines.len(), 4);
    for left_out in 0..4 {
        let rest: Vec<&str> = (0..4)
            .filter(|i| *i != left_out)
            .map(|i| lines[i])
            .collect();
        let statement = format!("{text}\n\n{}\n", rest.join("\n"));
        assert!(Chain::parse(&statement).is_err(), "without line {left_out}");
    }
    // A signature of another text beside good ones is no slip.
    let other = signed(says(11, 1, 2, Heirs::default()), &[1, 2], &[]);
    let mixed = format!(
        "{text}\n\n{}",
        String::from_utf8(other)
            .unwrap()
            .split_once("\n\n")
            .unwrap()
            .1
    );
    assert!(matches!(
        Chain::parse(&mixed),
        Err(ChainError::Statement(SuccessionError::Note(_)))
    ));
}

#[test]
fn heirs_count_when_they_were_named_before_and_are_enough() {
    let named = signed(says(3, 1, 1, heirs(2)), &[1], &[]);
    let lost = says(10, 1, 2, heirs(2));
    let by = |people: &[Heir]| chain(&[named.clone(), signed(lost.clone(), &[2], people)]);
    let enough = by(&[CEDAR, BIRCH]).unwrap();
    let by_whom = &enough.statements()[1];
    assert_eq!(
        by_whom.by,
        Vouched::Heirs(vec!["CCC-P0001".into(), "BBB-P0001".into()])
    );
    assert_eq!(
        by_whom.in_words(),
        "keys succeeded at size 10, by the quorum of CCC-P0001 and BBB-P0001"
    );
    // One short; one twice; one who is no heir.
    for people in [&[BIRCH][..], &[BIRCH, BIRCH], &[BIRCH, STRANGER]] {
        assert!(matches!(
            by(people),
            Err(ChainError::Statement(SuccessionError::NotVouched {
                heirs_signed: 1,
                need: 2,
                ..
            }))
        ));
    }
    // Heirs that the statement names itself were not named before it.
    assert!(matches!(
        why(&[signed(lost, &[2], &[ASTER, BIRCH])]),
        SuccessionError::NotVouched { need: 0, .. }
    ));
    // Nobody but the log's keys names heirs.
    assert!(matches!(
        why(&[
            named,
            signed(says(10, 1, 1, Heirs::default()), &[], &[ASTER, BIRCH])
        ]),
        SuccessionError::NewKeyMissing { .. }
    ));
}

#[test]
fn a_statement_follows_the_one_before_it() {
    let three = three();
    for (what, list) in [
        (
            "out of order",
            vec![three[0].clone(), three[2].clone(), three[1].clone()],
        ),
        ("one left out", vec![three[0].clone(), three[2].clone()]),
        ("twice", vec![three[0].clone(), three[0].clone()]),
    ] {
        assert!(
            matches!(why(&list), SuccessionError::DoesNotFollow { .. }),
            "{what}"
        );
    }
    let text = String::from_utf8(three.concat()).unwrap();
    assert!(Chain::parse(&format!("x\n{text}")).is_err());
    assert!(Chain::parse(&text[..text.len() - 1]).is_err());
    // Read back, written anew, the same.
    assert_eq!(Chain::parse(&text).unwrap().text(), text);
}

#[test]
fn the_text_has_one_form() {
    let good = says(10, 1, 2, heirs(2)).text();
    assert_eq!(Succession::parse_text(&good).unwrap().text(), good);
    for (from, to) in [
        ("size 10", "size 010"),
        ("size 10", "size +10"),
        ("need 2", "need 0"),
        ("need 2", "need 4"),
        ("need 2\n", ""),
        ("origin centre.example/log", "origin other.example/log"),
        ("comity-succession-1", "comity-succession-2"),
        ("\nneed", "\n\nneed"),
        ("heir AAA", "heir  AAA"),
        ("old ", "new "),
    ] {
        let other = good.replacen(from, to, 1);
        assert_ne!(other, good);
        assert!(
            Succession::parse_text(&other).is_err(),
            "{from:?} as {to:?}"
        );
    }
    assert!(Succession::parse_text(&format!("{good}more\n")).is_err());
    assert!(
        Statement::new(Succession {
            new: signer(1).keys().vkeys()[..1].to_vec(),
            ..says(1, 1, 2, heirs(1))
        })
        .is_err()
    );
    let mut twice = heirs(2);
    twice.vkeys[1] = twice.vkeys[0].clone();
    assert!(Statement::new(says(1, 1, 2, twice)).is_err());
    // One key kept and the other one changed: who stole the one that is kept would go on with half.
    let half = vec![
        signer(1).keys().vkeys()[0].clone(),
        signer(2).keys().vkeys()[1].clone(),
    ];
    assert!(
        Statement::new(Succession {
            new: half,
            ..says(1, 1, 2, heirs(1))
        })
        .is_err()
    );
}

#[test]
fn the_key_file_carries_the_statements_and_is_read_by_others() {
    let keys = keys(1, &three());
    let file = keys.to_file();
    assert_eq!(LogKeys::parse(file.as_bytes()).unwrap(), keys);
    // What an editor makes of the empty line before the signatures does no harm.
    assert_eq!(
        LogKeys::parse(file.replace("#=\n", "#= \n").as_bytes()).unwrap(),
        keys
    );
    // Any reader of tlog-policy reads it as the present keys.
    let policy = comity_core::Policy::parse(file.as_bytes()).unwrap();
    let logs: Vec<_> = policy.logs().iter().map(|log| log.vkey.clone()).collect();
    assert_eq!(logs, signer(3).keys().vkeys());
    // Keys that the statements do not lead to are refused, and so is a changed statement.
    let thief = signer(9).keys().to_file();
    let statements: String = file
        .lines()
        .filter(|l| l.starts_with("#="))
        .map(|l| format!("{l}\n"))
        .collect();
    assert_eq!(
        LogKeys::parse(format!("{statements}{thief}").as_bytes()),
        Err(KeysError::NotTheLast)
    );
    let changed = file.replacen("#= size 10", "#= size 12", 1);
    assert!(matches!(
        LogKeys::parse(changed.as_bytes()),
        Err(KeysError::Succession(_))
    ));
    let older = keys_file_of(1, &three()[..2], 1);
    assert_eq!(LogKeys::parse(older.as_bytes()), Err(KeysError::NotTheLast));
}

/// A file with these statements, and the keys of another reign than they lead to.
fn keys_file_of(first: u8, statements: &[Vec<u8>], shown: u8) -> String {
    let file = keys(first, statements).to_file();
    let lines: String = file
        .lines()
        .filter(|l| l.starts_with("#="))
        .map(|l| format!("{l}\n"))
        .collect();
    format!("{lines}{}", signer(shown).keys().to_file())
}

#[test]
fn an_anchor_and_a_papers_keys_are_joined_when_one_continues_the_other() {
    let three = three();
    let bare = |reign: u8| signer(reign).keys().clone();
    let all = keys(1, &three);
    for anchor in [
        bare(1),
        bare(2),
        bare(3),
        keys(1, &three[..1]),
        keys(1, &three[..2]),
        all.clone(),
    ] {
        assert_eq!(anchor.joined(&all), Some(all.clone()));
        assert_eq!(all.joined(&anchor), Some(all.clone()));
    }
    let told = |anchor: &LogKeys| all.successions_since(Some(anchor)).len();
    assert_eq!([bare(1), bare(2), bare(3)].map(|a| told(&a)), [3, 1, 0]);
    assert_eq!(
        [keys(1, &three[..1]), keys(1, &three[..2]), all.clone()].map(|a| told(&a)),
        [2, 1, 0]
    );
    assert_eq!(all.successions_since(None).len(), 3);
    // Strangers, and two successors of the same keys.
    assert_eq!(bare(1).joined(&bare(2)), None);
    assert_eq!(bare(9).joined(&all), None);
    assert_eq!(all.joined(&bare(9)), None);
    let thiefs = keys(
        1,
        &[
            three[0].clone(),
            signed(says(10, 1, 7, heirs(2)), &[1, 7], &[]),
        ],
    );
    assert_eq!(all.joined(&thiefs), None);
    assert_eq!(thiefs.joined(&all), None);
    // Whose first keys were never the log's cannot lead to them: they did not sign it.
    assert!(chain(&[signed(says(2, 9, 1, Heirs::default()), &[9], &[])]).is_err());
}
