//! Every parser of `comity-core` under the name of its corpus. The fuzz targets call the same functions.

use std::collections::BTreeMap;

use comity_core::Digest;
use comity_core::body::{CustodySection, SealedBody};
use comity_core::checkpoint::{LogKeys, SignedCheckpoint};
use comity_core::leaf::{Leaf, leaf_hash};
use comity_core::merkle::{verify_consistency, verify_inclusion};
use comity_core::misbehaviour::Misbehaviour;
use comity_core::note::Note;
use comity_core::package::{
    Consistency, DifferenceLine, EventLine, ItemLine, PackageHead, ReceiptHead, bag, check_names,
    words,
};
use comity_core::policy::Policy;
use comity_core::proof::TlogProof;
use comity_core::signature::ActSignature;
use comity_core::stamp::{About, Certificates, check_token, revocation_points};
use comity_core::tile::{TileId, TreeTiles, parse_entries_path, tile_hashes};
use comity_core::{Vkey, json};

const KEYS: &[u8] = include_bytes!("../../../../testdata/package/1/keys-from-elsewhere");
const CERTIFICATE: &[u8] =
    include_bytes!("../../../../testdata/corpus/stamp/valid-certificate.pem");

/// A token over the word `stamped`, by the authority of the certificate: what is kept beside it is read only then.
const RESPONSE: &[u8] = include_bytes!("../../../../testdata/corpus/stamp/valid-response");

/// The keys of a log and of two witnesses, under which `checkpoint/valid-cosigned` holds.
const WITNESSED: &[u8] = include_bytes!("../../../../testdata/corpus/policy/valid-witnesses");

/// A parser under the name of its corpus.
pub type Named = (&'static str, fn(&[u8]));

pub const ALL: &[Named] = &[
    ("note", note),
    ("checkpoint", checkpoint),
    ("tile", tile),
    ("proof", proof),
    ("policy", policy),
    ("misbehaviour", misbehaviour),
    ("body", body),
    ("section", section),
    ("leaf", leaf),
    ("json", json_text),
    ("line", line),
    ("head", head),
    ("bag", bag_files),
    ("stamp", stamp),
];

/// What reads many files at once, and so costs more.
pub const WHOLE: &[Named] = &[
    ("package", super::packages::package),
    ("receipt", super::packages::receipt),
];

fn keys() -> LogKeys {
    LogKeys::parse(KEYS).expect("the keys of the package in testdata")
}

pub fn note(bytes: &[u8]) {
    if let Ok(note) = Note::parse(bytes) {
        assert_eq!(
            note.encode(),
            bytes,
            "a note that is read is written as it was"
        );
        let _ = note.verify(keys().vkeys());
    }
}

/// Cosignatures too: they are lines of a checkpoint.
pub fn checkpoint(bytes: &[u8]) {
    let Ok(parsed) = SignedCheckpoint::parse(bytes) else {
        return;
    };
    let _ = (parsed.claimed_origin().len(), parsed.claimed_size());
    for file in [KEYS, WITNESSED] {
        let keys = LogKeys::parse(file).expect("keys in testdata");
        if let (Ok(signed), Ok(policy)) = (parsed.clone().verify(&keys), Policy::parse(file)) {
            let _ = policy.attestation(signed.note());
        }
    }
}

pub fn tile(bytes: &[u8]) {
    if let Ok(path) = std::str::from_utf8(bytes) {
        if let Some(tile) = TileId::parse_path(path) {
            assert_eq!(tile.path(), path, "a tile has one path");
            let _ = (tile.len_bytes(), tile.is_full());
        }
        let _ = parse_entries_path(path);
    }
    let _ = tile_hashes(bytes);
    let first = [0, 1, 8].map(|n| bytes.get(n).copied().unwrap_or_default());
    let root = Digest::of(bytes);
    for size in [1, 56, 312, u64::from(first[0]) << 40, u64::MAX] {
        let id = TileId {
            level: first[1],
            index: u64::from(first[2]),
            width: 56,
        };
        for id in [
            id,
            TileId {
                level: 0,
                index: 1,
                width: 56,
            },
        ] {
            let (tree, _) =
                TreeTiles::authenticate(size, &root, BTreeMap::from([(id, bytes.to_vec())]));
            let _ = (
                tree.leaf_hash(0),
                tree.leaf_hash(u64::MAX),
                tree.hash_at(255, 0),
            );
        }
    }
}

pub fn proof(bytes: &[u8]) {
    let leaf = leaf_hash(b"leaf");
    if let Ok(proof) = TlogProof::parse(bytes) {
        let _ = proof.verify(&keys(), &leaf);
    }
    if let Ok(consistency) = Consistency::parse(bytes) {
        let _ = consistency.verify(&keys());
    }
    // The maths by itself, with numbers that no signature was asked about.
    let hashes: Vec<Digest> = bytes
        .chunks_exact(32)
        .take(70)
        .filter_map(Digest::from_slice)
        .collect();
    let number = |at: usize| {
        let word = bytes.get(at..at + 8).and_then(|b| b.try_into().ok());
        word.map_or(u64::MAX, u64::from_be_bytes)
    };
    let _ = verify_inclusion(number(0), number(8), &leaf, &hashes, &leaf);
    let _ = verify_consistency(number(0), number(8), &leaf, &leaf, &hashes);
}

pub fn policy(bytes: &[u8]) {
    let _ = LogKeys::parse(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = text.parse::<Vkey>();
    }
    if let Ok(policy) = Policy::parse(bytes) {
        let again = Policy::parse(policy.to_string().as_bytes()).expect("what is written is read");
        assert_eq!(again.to_string(), policy.to_string());
        let _ = (policy.asks_for_witnesses(), policy.submission_urls().len());
    }
}

pub fn misbehaviour(bytes: &[u8]) {
    let _ = Misbehaviour::is_claimed_by(bytes);
    if let Ok(evidence) = Misbehaviour::parse(bytes) {
        let _ = evidence.encode();
        let _ = (evidence.verify(None), evidence.verify(Some(&keys())));
    }
}

pub fn body(bytes: &[u8]) {
    if let Ok(body) = SealedBody::parse(bytes) {
        assert_eq!(
            body.encode().ok().as_deref(),
            Some(bytes),
            "a body has one form"
        );
    }
}

/// A custody section with the same bytes, or none, as its content.
pub fn section(bytes: &[u8]) {
    let Ok(section) = CustodySection::parse(bytes) else {
        return;
    };
    let _ = (section.commitment(), section.has_content());
    let _ = (
        section.clone().open(None),
        section.clone().open(Some(bytes)),
    );
    let _ = section.join(Some(bytes));
}

pub fn leaf(bytes: &[u8]) {
    if let Ok(leaf) = Leaf::parse(bytes) {
        assert_eq!(leaf.encode(), bytes, "a leaf has one form");
    }
}

pub fn json_text(bytes: &[u8]) {
    if let Ok(value) = json::parse(bytes) {
        let _ = ActSignature::parse(&value);
    }
    let _ = json::parse_canonical(bytes);
    let _ = About::parse(bytes);
}

pub fn line(bytes: &[u8]) {
    for event in [EventLine::parse(bytes), EventLine::parse_manifest(bytes)] {
        let Ok(event) = event else { continue };
        let _ = (event.check(), event.is_opened(), event.signer("o"));
        let _ = words(&|name| event.value(name));
        for name in ["kind", "time", "ern", "path", ""] {
            let _ = (event.value(name), event.text(name), event.integer(name));
        }
    }
    let _ = (ItemLine::parse(bytes), DifferenceLine::parse(bytes));
}

pub fn head(bytes: &[u8]) {
    let _ = (PackageHead::parse(bytes), ReceiptHead::parse(bytes));
}

pub fn bag_files(bytes: &[u8]) {
    let _ = (bag::parse_declaration(bytes), bag::parse_info(bytes));
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let mut names = Vec::new();
    for (n, line) in text.lines().enumerate() {
        if let Ok((_, path)) = bag::parse_manifest_line(line, n + 1) {
            let _ = bag::refused_bag_path(&path);
            names.push(bag::decode_path(&path));
        }
    }
    let _ = check_names(&names);
}

/// As a response, as certificates, as a certificate, and as revocation lists and answers beside a token that holds.
pub fn stamp(bytes: &[u8]) {
    let Ok(trusted) = Certificates::parse_pem(CERTIFICATE) else {
        return;
    };
    let _ = check_token(bytes, &[b"stamped"], &trusted, Some(bytes), Some(&[1]));
    let _ = check_token(RESPONSE, &[b"stamped"], &trusted, Some(bytes), None);
    let _ = revocation_points(bytes);
    if let Ok(given) = Certificates::parse_pem(bytes) {
        let _ = given.roots().count();
        let _ = check_token(bytes, &[], &given, None, None);
    }
}
