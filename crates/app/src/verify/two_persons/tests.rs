//! Histories in which an act was not done as two persons do it.

use comity_core::checkpoint::LogSigner;
use comity_core::id::ChainId;
use comity_core::json::json;
use comity_core::leaf::Leaf;
use comity_core::note::NoteSignature;
use comity_core::succession::{Statement, Succession};
use comity_core::vkey::Vkey;

use super::*;
use crate::read::OpenedEvent;

/// An event of this index, as the program would have read it, its fields in the order given.
fn event(index: u64, kind: &str, fields: &[(&str, Value)]) -> Opened {
    let mut all = vec![
        Field::custody("kind", kind),
        Field::custody("event", format!("{index:032x}")),
        Field::custody("time", "2026-01-02T00:00:00.000000Z"),
    ];
    all.extend(
        fields
            .iter()
            .map(|(name, value)| Field::custody(*name, value.clone())),
    );
    let hash = Digest::of(&index.to_be_bytes());
    Opened {
        event: OpenedEvent {
            index,
            entry: Vec::new(),
            leaf: Leaf {
                chain: ChainId([0; 16]),
                n: 0,
                prev: None,
                body: hash,
            },
            hash,
            custody_key: 1,
            content_key: 0,
            fields: Vec::new(),
        },
        fields: all,
        secret: None,
        received: None,
        signature: Some(Ok([1; 32])),
    }
}

fn text_of(pairs: &[(&'static str, &str)]) -> Vec<(&'static str, Value)> {
    pairs.iter().map(|(n, v)| (*n, Value::from(*v))).collect()
}

/// A log in which a hold is proposed and confirmed, with `changed` in the place of a part of it.
fn found(changed: &dyn Fn(&mut Vec<Opened>)) -> Vec<String> {
    let key = |index, person: &str| {
        event(
            index,
            "person_key_registered",
            &text_of(&[("person", person), ("actor", person)]),
        )
    };
    let rule = json!([{"act": "erase", "hours": 72, "other_member": false},
        {"act": "hold", "hours": 24, "other_member": true}]);
    let leaf = Digest::of(&4u64.to_be_bytes()).to_string();
    let by_two = |index, kind: &str, more: &[(&'static str, &str)]| {
        let mut fields = text_of(&[
            ("actor", "B-P1"),
            ("proposed_by", "A-P1"),
            ("proposal", "P0001"),
            ("proposal_leaf", &leaf),
        ]);
        fields.extend(text_of(more));
        event(index, kind, &fields)
    };
    let mut proposed = text_of(&[
        ("actor", "A-P1"),
        ("proposal", "P0001"),
        ("proposes", "hold"),
        ("lapses", "2026-01-03T00:00:00.000000Z"),
    ]);
    proposed.push(("parameters", json!({"case": "C0001", "reason": "trial"})));
    let mut log = vec![
        key(1, "A-P1"),
        key(2, "B-P1"),
        event(3, "two_person_acts_set", &[("acts", rule)]),
        event(4, "proposed", &proposed),
        by_two(5, "hold_placed", &[("case", "C0001"), ("reason", "trial")]),
        by_two(6, "confirmed", &[("act", &format!("{:032x}", 5))]),
    ];
    changed(&mut log);
    let mut acts = ActsOfTwo::default();
    let mut findings: Vec<Finding> = log
        .iter()
        .flat_map(|e| acts.meet(e, &Chain::default()))
        .collect();
    findings.extend(acts.end());
    findings.into_iter().map(|f| f.what).collect()
}

fn set(event: &mut Opened, name: &str, value: &str) {
    let field = event.fields.iter_mut().find(|f| f.name == name);
    field.into_iter().for_each(|f| f.value = value.into());
}

type Forgery<'a> = &'a dyn Fn(&mut Vec<Opened>);

#[test]
fn an_act_of_two_that_was_not_proposed_confirmed_or_meant_so_is_named() {
    assert_eq!(found(&|_| ()), Vec::<String>::new());
    let table: [(Forgery<'_>, &str); 12] = [
        (&|log| log[4].fields.truncate(4), "needs two persons"),
        (&|log| drop(log.remove(3)), "nobody proposed"),
        (&|log| drop(log.remove(5)), "has not confirmed"),
        (&|log| set(&mut log[5], "act", "00"), "has not confirmed"),
        (
            &|log| set(&mut log[3], "proposes", "release"),
            "another act",
        ),
        (
            &|log| set(&mut log[3], "actor", "B-P1"),
            "proposed it and confirmed it",
        ),
        (&|log| set(&mut log[3], "actor", "B-P2"), "of one member"),
        (
            &|log| set(&mut log[4], "proposal_leaf", "00"),
            "not the one in the log",
        ),
        (
            &|log| set(&mut log[4], "case", "C0002"),
            "its case is not what",
        ),
        (
            &|log| set(&mut log[3], "lapses", "2026-01-01T00:00:00.000000Z"),
            "lapsed",
        ),
        (
            &|log| {
                let key = log.remove(1);
                log.insert(
                    3,
                    Opened {
                        event: OpenedEvent {
                            index: 9,
                            ..key.event
                        },
                        ..key
                    },
                );
            },
            "newer than the proposal",
        ),
        (
            &|log| {
                let mut again = event(7, "hold_placed", &[]);
                again
                    .fields
                    .extend(log[4].fields.drain(3..).collect::<Vec<_>>());
                log[4].fields.extend(again.fields[3..].to_vec());
                log.push(again);
            },
            "was done before",
        ),
    ];
    for (changed, said) in table {
        let found = found(changed);
        assert!(
            found.iter().any(|f| f.contains(said)),
            "{found:?} says nothing of {said:?}"
        );
    }
}

const ORIGIN: &str = "log.example/c1";

fn signer(seed: u8) -> LogSigner {
    LogSigner::new(ORIGIN, &[seed; 32], &[seed + 100; 32]).unwrap()
}

fn heir(person: &str) -> Vkey {
    let key = ed25519_key(person);
    Vkey::new_ed25519(person, key.verifying_key().as_bytes()).unwrap()
}

fn ed25519_key(person: &str) -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(Digest::of(person.as_bytes()).as_bytes())
}

/// A statement over `size` events, from the keys of one seed to those of another, with these heirs; signed by the new
/// keys, and by the old ones or else by `by`.
fn statement(size: u64, keys: (u8, u8), heirs: &[&str], by: &[&str]) -> String {
    let (old, new) = (signer(keys.0), signer(keys.1));
    let says = Succession {
        origin: ORIGIN.to_owned(),
        size,
        root: Digest::of(&[1]),
        old: old.keys().vkeys().to_vec(),
        new: new.keys().vkeys().to_vec(),
        heirs: Heirs {
            need: heirs.len().min(1),
            vkeys: heirs.iter().map(|h| heir(h)).collect(),
        },
    };
    let text = says.text();
    let mut statement = Statement::new(says).unwrap();
    let mut lines: Vec<NoteSignature> = new.sign_statement(&text).unwrap().into();
    if by.is_empty() && keys.0 != keys.1 {
        lines.extend(old.sign_statement(&text).unwrap());
    }
    lines.extend(by.iter().map(|person| {
        NoteSignature {
            name: (*person).to_owned(),
            key_id: heir(person).key_id(),
            signature: ed25519_dalek::Signer::sign(&ed25519_key(person), text.as_bytes())
                .to_bytes()
                .to_vec(),
        }
    }));
    lines.into_iter().for_each(|line| statement.push(line));
    String::from_utf8(statement.encode()).unwrap()
}

/// What is found in a log whose rule asks two persons of different members for successions, and two for rotations, and
/// where one of them proposed what `parameters` say and the other did `acts` with it or without.
fn found_of_keys(parameters: Value, acts: &[(&str, &[(&'static str, &str)])]) -> Vec<String> {
    let rule = json!([{"act": "erase", "hours": 72, "other_member": false},
        {"act": "keys_lock", "hours": 24, "other_member": false},
        {"act": "keys_rotate", "hours": 24, "other_member": false},
        {"act": "keys_succeed", "hours": 24, "other_member": true}]);
    let named = [
        ("actor", "A-P1"),
        ("statement", &*statement(1, (1, 1), &["A-P1", "B-P2"], &[])),
    ];
    let lock = parameters.get("lock").is_some();
    let mut proposed = text_of(&[
        ("actor", "A-P1"),
        ("proposal", "P0001"),
        ("proposes", if lock { "keys_lock" } else { "keys_succeed" }),
        ("lapses", "2026-01-03T00:00:00.000000Z"),
    ]);
    proposed.push(("parameters", parameters));
    let mut log = vec![
        event(3, "log_heirs_named", &text_of(&named)),
        event(4, "two_person_acts_set", &[("acts", rule)]),
        event(5, "proposed", &proposed),
    ];
    let leaf = Digest::of(&5u64.to_be_bytes()).to_string();
    for (index, (kind, fields)) in (6..).zip(acts) {
        let mut fields = fields.to_vec();
        let two = fields.iter().position(|(name, _)| *name == "two");
        if let Some(at) = two {
            fields.remove(at);
            fields.extend([("actor", "B-P1"), ("proposed_by", "A-P1")]);
            fields.extend([("proposal", "P0001"), ("proposal_leaf", &*leaf)]);
        }
        let done = event(index, kind, &text_of(&fields));
        let confirmed = [
            ("actor", "B-P1"),
            ("proposal", "P0001"),
            ("act", &*format!("{index:032x}")),
        ];
        log.push(done);
        if two.is_some() {
            log.push(event(index, "confirmed", &text_of(&confirmed)));
        }
    }
    let (mut acts, mut chain) = (ActsOfTwo::default(), Chain::default());
    let mut findings = Vec::new();
    for event in &log {
        if let Some(statement) = text(&event.fields, "statement") {
            chain
                .push(Statement::parse(statement.as_bytes()).unwrap())
                .unwrap();
        }
        findings.extend(acts.meet(event, &chain));
    }
    findings.extend(acts.end());
    findings.into_iter().map(|f| f.what).collect()
}

#[test]
fn keys_that_one_person_gave_the_log_or_that_were_not_proposed_so_are_named() {
    let heirs = ["A-P1", "B-P2"];
    let by = |by: &[&str]| statement(2, (1, 2), &heirs, by);
    let (plain, by_first, by_both) = (by(&[]), by(&["A-P1"]), by(&heirs));
    let (others, of_others) = (
        statement(2, (1, 2), &["C-P1"], &[]),
        statement(2, (1, 1), &["C-P1"], &[]),
    );
    let why = || json!({"reason": "old"});
    let heirs_are = |name: &str| json!({"heirs": [heir(name).to_string()], "need": 1});
    let one = "needs two persons, and one did it";
    let succeeded = "log_keys_succeeded";
    type Acts<'a> = &'a [(&'a str, &'a [(&'static str, &'a str)])];
    let by_two = (
        succeeded,
        &[("two", ""), ("statement", &*plain), ("reason", "old")][..],
    );
    let ended = ("keys_rotated", &[("actor", "B-P1")][..]);
    let table: [(Value, Acts<'_>, &[&str]); 15] = [
        (why(), &[by_two, ended], &[]),
        (
            why(),
            &[(succeeded, &[("actor", "A-P1"), ("statement", &plain)])],
            &[one],
        ),
        (
            why(),
            &[(
                "log_heirs_named",
                &[("actor", "A-P1"), ("statement", &of_others)],
            )],
            &[one],
        ),
        // Who is the only heir that signed, and records it too, is one person; so are two of one member.
        (
            why(),
            &[(succeeded, &[("actor", "A-P1"), ("statement", &by_first)])],
            &[one],
        ),
        (
            why(),
            &[(succeeded, &[("actor", "A-P7"), ("statement", &by_first)])],
            &[one],
        ),
        (
            why(),
            &[(succeeded, &[("actor", "B-P1"), ("statement", &by_first)])],
            &[],
        ),
        (
            why(),
            &[(succeeded, &[("actor", "A-P1"), ("statement", &by_both)])],
            &[],
        ),
        (
            why(),
            &[(succeeded, &[("two", ""), ("statement", &others)])],
            &["names other heirs"],
        ),
        (
            why(),
            &[("log_heirs_named", &[("two", ""), ("statement", &of_others)])],
            &["are two acts"],
        ),
        (
            heirs_are("C-P1"),
            &[("log_heirs_named", &[("two", ""), ("statement", &of_others)])],
            &[],
        ),
        (
            heirs_are("D-P1"),
            &[("log_heirs_named", &[("two", ""), ("statement", &of_others)])],
            &["names other heirs"],
        ),
        (
            why(),
            &[(
                succeeded,
                &[("two", ""), ("statement", &plain), ("reason", "new")],
            )],
            &["its reason is not"],
        ),
        // One epoch of the keyring ends a succession, and it is of the same person.
        (
            why(),
            &[by_two, ended, ended],
            &["`keys_rotate` needs two persons"],
        ),
        (
            why(),
            &[by_two, ("keys_rotated", &[("actor", "A-P1")])],
            &["`keys_rotate` needs two persons"],
        ),
        (
            json!({"lock": true, "member": "A", "desk": "00"}),
            &[(
                "scope_locked",
                &[("two", ""), ("member", "A"), ("desk", "11")],
            )],
            &["its desk is not what A-P1 proposed"],
        ),
    ];
    for (at, (parameters, acts, said)) in table.into_iter().enumerate() {
        let found = found_of_keys(parameters, acts);
        let told = |said: &&str| found.iter().any(|f| f.contains(*said));
        assert!(
            said.iter().all(told),
            "row {at}: {found:?} says nothing of {said:?}"
        );
        assert_eq!(found.is_empty(), said.is_empty(), "row {at}: {found:?}");
    }
}
