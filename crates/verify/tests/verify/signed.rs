//! Acts that a log's keeper invents in the name of a member's people: the keeper can record anything and sign
//! checkpoints, and does not have a person's key.

use comity_core::Digest;
use comity_core::body::Field;
use comity_core::json::{Value, json};
use comity_core::signature::{ActSignature, message, signed_commitment};
use ed25519_dalek::{Signer, SigningKey};

use crate::world::*;

fn erasure(item: &Item) -> Vec<Field> {
    [
        ("ern", item.ern.to_string()),
        ("reason", "the wrong house".to_owned()),
        ("authority", "order 7".to_owned()),
        ("proposed_by", "UKR-P0002".to_owned()),
    ]
    .map(|(name, value)| Field::custody(name, value))
    .into()
}

/// What the keeper puts in as signature, given the log's origin and the commitment that it should cover.
type Sign = fn(&str, &Digest) -> Option<Value>;

/// A package in which the first exhibit has an `erased` event, with the signature that `sign` makes.
fn package(root: &std::path::Path, sign: Sign) -> Made {
    let mut centre = Centre::new();
    centre.fill(3);
    let mut item = receive(&mut centre, 1, "a.txt", Some(b"bytes"), "sealed");
    let fields = centre.fields_of("erased", erasure(&item));
    let list: Vec<_> = fields
        .iter()
        .map(|f| (f.class, f.name.as_str(), f.commitment))
        .collect();
    let commitment = signed_commitment(&list).unwrap();
    let origin = centre.log.signer.keys().origin().to_owned();
    let signature = sign(&origin, &commitment);
    let mut fields = erasure(&item);
    fields.extend(signature.map(|value| Field::custody("signature", value)));
    let event = centre.record(item.chain, "erased", fields);
    item.events.push(event);
    disclose(root, centre, vec![item])
}

fn by(seed: u8, message: &[u8]) -> Value {
    let key = SigningKey::from_bytes(&[seed; 32]);
    ActSignature {
        key: key.verifying_key().to_bytes(),
        value: key.sign(message).to_bytes(),
    }
    .to_value()
}

#[test]
fn an_act_that_its_person_signed_says_so() {
    let root = tempfile::tempdir().unwrap();
    let made = package(root.path(), |origin, commitment| {
        Some(by(5, &message(origin, commitment)))
    });
    let key = comity_core::hex(&SigningKey::from_bytes(&[5; 32]).verifying_key().to_bytes());
    let words = [
        "VERIFIED",
        "UKR-000123-0000001: UKR-P0001 erased",
        "order 7",
        &format!("1 by UKR-P0001 with the key {key}"),
        "whose a signing key is",
    ];
    verify_with(&made.folder, &["--keys", made.keys.to_str().unwrap()]).expect(0, &words);
}

#[test]
fn an_act_that_a_keeper_of_the_log_invents_is_named() {
    let cases: [(&str, Sign, &str); 5] = [
        ("none at all", |_, _| None, "its signature is not there"),
        (
            "of another log",
            |_, commitment| Some(by(5, &message("another.example/log", commitment))),
            "its signature does not hold",
        ),
        (
            "of other fields",
            |_, _| Some(by(5, b"other fields")),
            "its signature does not hold",
        ),
        (
            "of a weak key",
            |_, _| Some(json!({"key": "00".repeat(32), "value": "00".repeat(64)})),
            "its signature does not hold",
        ),
        (
            "of another form",
            |_, _| Some(json!({"key": "00"})),
            "not written as the format says",
        ),
    ];
    for (what, sign, expected) in cases {
        let root = tempfile::tempdir().unwrap();
        let made = package(root.path(), sign);
        let answer = verify_with(&made.folder, &["--keys", made.keys.to_str().unwrap()]);
        answer.expect(1, &["UKR-000123-0000001: event 1:", expected]);
        assert!(answer.first_line().starts_with("FAILED: 1 thing"), "{what}");
    }
}
