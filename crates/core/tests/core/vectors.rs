//! The frozen vectors `testdata/vectors/{leaf,body,checkpoint,proof,succession}.json`. Other implementations
//! read them too, so they say everything that is needed to make the results again.
//!
//! To write them anew after a change of format: `COMITY_WRITE_VECTORS=1 cargo test -p comity-core
//! --test core vectors`.

use std::path::PathBuf;

use comity_core::body::{
    Body, Class, CustodySection, Field, SealedBody, Seeds, field_commitment, salt, section_context,
};
use comity_core::checkpoint::{Checkpoint, LogKeys, LogSigner, SignedCheckpoint};
use comity_core::digest::{Digest, hex, unhex};
use comity_core::id::ChainId;
use comity_core::json::{Value, json, parse};
use comity_core::leaf::{Leaf, leaf_hash};
use comity_core::merkle::{
    consistency_proof, empty_root, frontier_from_tiles, inclusion_proof, verify_consistency,
    verify_inclusion,
};
use comity_core::proof::TlogProof;
use comity_core::succession::Chain;

use crate::naive::{Tiles, leaves, naive_root};

fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata/vectors")
        .join(name)
}

/// The frozen vectors of a name, after holding `now`, what the code makes today, against them.
fn frozen(name: &str, now: &Value) -> Value {
    let text = format!("{}\n", serde_json::to_string_pretty(now).unwrap());
    if std::env::var_os("COMITY_WRITE_VECTORS").is_some() {
        std::fs::write(path(name), &text).unwrap();
    }
    let kept = std::fs::read_to_string(path(name)).unwrap();
    assert!(
        kept == text,
        "{name}: the format changed; what was written with it must stay readable"
    );
    parse(kept.as_bytes()).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    unhex(text(value)).unwrap()
}

fn digest(value: &Value) -> Digest {
    text(value).parse().unwrap()
}

fn hashes(value: &Value) -> Vec<Digest> {
    value.as_array().unwrap().iter().map(digest).collect()
}

fn leaf_vectors() -> Value {
    let leaf = |chain: u8, n: u64, body: &str| Leaf {
        chain: ChainId([chain; 16]),
        n,
        prev: (n > 0).then(|| leaf_hash(format!("before {n}").as_bytes())),
        body: Digest::of(body.as_bytes()),
    };
    let leaves = [
        leaf(0, 0, "a"),
        leaf(0xab, 1, "b"),
        leaf(0xff, 4_503_599, "c"),
        leaf(1, (1 << 53) - 1, "d"),
    ];
    let accepted: Vec<Value> = leaves
        .iter()
        .map(|leaf| {
            json!({
                "chain": leaf.chain.to_string(),
                "n": leaf.n,
                "prev": leaf.prev.map(|prev| prev.to_string()),
                "body": leaf.body.to_string(),
                "entry": String::from_utf8(leaf.encode()).unwrap(),
                "leaf_hash": leaf_hash(&leaf.encode()).to_string(),
            })
        })
        .collect();
    let good = String::from_utf8(leaves[1].encode()).unwrap();
    let refused = [
        good.replace(":1,\"prev\"", ": 1,\"prev\""),
        good.replace(":1,\"prev\"", ":1.0,\"prev\""),
        good.replace(":1,\"prev\"", ":0,\"prev\""),
        good.replace("\"v\":1", "\"v\":2"),
        good.replace("abab", "ABAB"),
        good.replace("}", ",\"w\":1}"),
        good.replace("}", "}\n"),
        String::from_utf8(leaves[0].encode())
            .unwrap()
            .replace("\"n\":0", "\"n\":1"),
    ];
    json!({ "accepted": accepted, "refused": refused })
}

#[test]
fn leaves_are_frozen() {
    let vectors = frozen("leaf.json", &leaf_vectors());
    for case in vectors["accepted"].as_array().unwrap() {
        let leaf = Leaf::parse(text(&case["entry"]).as_bytes()).unwrap();
        assert_eq!(leaf.chain.to_string(), text(&case["chain"]));
        assert_eq!(json!(leaf.n), case["n"]);
        assert_eq!(leaf.body, digest(&case["body"]));
        assert_eq!(leaf_hash(&leaf.encode()), digest(&case["leaf_hash"]));
    }
    for entry in vectors["refused"].as_array().unwrap() {
        assert!(Leaf::parse(text(entry).as_bytes()).is_err(), "{entry}");
    }
}

fn bodies() -> Vec<Body> {
    let seeds = |byte: u8| Seeds {
        custody: [byte; 32],
        content: [byte ^ 0xff; 32],
    };
    let received = vec![
        Field::custody("kind", "received"),
        Field::custody("event", "000102030405060708090a0b0c0d0e0f"),
        Field::custody("time", "2026-11-24T10:41:07.123456Z"),
        Field::custody("actor", "UKR-P0001"),
        Field::custody("auth", "stated"),
        Field::custody("ern", "UKR-000123-0000456"),
        Field::content("path", "Фото/зобов’язання \"1\"\n.jpg"),
        Field::content("size", 9_007_199_254_740_991_i64),
        Field::content(
            "names",
            json!({ "\u{fb33}": 1, "\u{1f600}": -2, "a": [true, false, null] }),
        ),
    ];
    vec![
        Body {
            seeds: seeds(1),
            fields: received,
        },
        Body {
            seeds: seeds(2),
            fields: vec![Field::custody("kind", "opened"), Field::custody("n", 0)],
        },
        Body {
            seeds: seeds(3),
            fields: vec![Field::content("note", "")],
        },
        Body {
            seeds: seeds(4),
            fields: vec![],
        },
    ]
}

fn body_vector(body: &Body) -> Value {
    let encoded = body.encode().unwrap();
    let field = |field: &Field| {
        let seed = match field.class {
            Class::Custody => &body.seeds.custody,
            Class::Content => &body.seeds.content,
        };
        let salt = salt(seed, &field.name);
        json!({
            "class": field.class.as_str(),
            "name": field.name,
            "value": field.value,
            "salt": hex(&salt),
            "commitment": field_commitment(&salt, &field.name, &field.value).unwrap().to_string(),
        })
    };
    let content_key = if encoded.content.is_some() { 70_000 } else { 0 };
    let framed = SealedBody {
        custody_key: 5,
        content_key,
        custody: &encoded.custody,
        content: encoded.content.as_deref(),
    };
    json!({
        "custody_seed": hex(&body.seeds.custody),
        "content_seed": hex(&body.seeds.content),
        "fields": body.fields.iter().map(field).collect::<Vec<_>>(),
        "commitment": encoded.commitment.to_string(),
        "custody_section": hex(&encoded.custody),
        "content_section": encoded.content.as_deref().map(hex),
        "custody_context": hex(&section_context(Class::Custody, &encoded.commitment)),
        "content_context": hex(&section_context(Class::Content, &encoded.commitment)),
        "custody_key": 5,
        "content_key": content_key,
        "framed_as_if_sealed": hex(&framed.encode().unwrap()),
    })
}

fn refused_sections() -> Vec<Value> {
    let good = bodies()[1].encode().unwrap().custody;
    let with = |change: &dyn Fn(&mut Vec<u8>), why: &str| {
        let mut custody = good.clone();
        change(&mut custody);
        json!({ "custody_section": hex(&custody), "why": why })
    };
    vec![
        with(&|bytes| bytes.push(0), "a byte follows the end"),
        with(
            &|bytes| bytes.truncate(bytes.len() - 1),
            "the last value is cut short",
        ),
        with(&|bytes| bytes[33] = 3, "a third field is missing"),
        with(&|bytes| bytes[34] = 2, "no such class"),
        with(&|bytes| bytes[36] = b'K', "a capital in a name"),
        with(
            &|bytes| *bytes.last_mut().unwrap() = b' ',
            "a value that is not canonical JSON",
        ),
        with(
            &|bytes| {
                let second = bytes.split_off(52);
                bytes.extend_from_slice(b"\x01\x04note");
                bytes.extend_from_slice(&[0; 32]);
                bytes.extend_from_slice(&second);
                bytes[33] = 3;
            },
            "custody after content",
        ),
        with(
            &|bytes| {
                let field = bytes[34..].to_vec();
                bytes.extend_from_slice(&field);
                bytes[33] = 4;
            },
            "every name twice",
        ),
    ]
}

#[test]
fn bodies_are_frozen() {
    let accepted: Vec<Value> = bodies().iter().map(body_vector).collect();
    let vectors = frozen(
        "body.json",
        &json!({ "accepted": accepted, "refused": refused_sections() }),
    );
    for (case, body) in vectors["accepted"].as_array().unwrap().iter().zip(bodies()) {
        let framed = bytes(&case["framed_as_if_sealed"]);
        let framed = SealedBody::parse(&framed).unwrap();
        assert_eq!(framed.custody, bytes(&case["custody_section"]));
        let section = CustodySection::parse(framed.custody).unwrap();
        assert_eq!(section.commitment(), digest(&case["commitment"]));
        let opened = section.clone().open(framed.content).unwrap();
        for (field, expected) in opened.iter().zip(case["fields"].as_array().unwrap()) {
            assert_eq!(field.value.as_ref(), Some(&expected["value"]));
            assert_eq!(
                field.salt.map(|salt| hex(&salt)).as_deref(),
                expected["salt"].as_str()
            );
            assert_eq!(field.commitment, digest(&expected["commitment"]));
        }
        assert_eq!(section.join(framed.content).unwrap().fields, body.fields);
    }
    for case in vectors["refused"].as_array().unwrap() {
        let section = bytes(&case["custody_section"]);
        assert!(CustodySection::parse(&section).is_err(), "{}", case["why"]);
    }
}

const ORIGIN: &str = "centre.example/log";

fn signer() -> LogSigner {
    LogSigner::new(ORIGIN, &[0x11; 32], &[0x22; 32]).unwrap()
}

fn checkpoint_vectors() -> Value {
    let signer = signer();
    let signed = |size: u64, root: Digest, time_secs: u64| {
        let checkpoint = Checkpoint {
            origin: ORIGIN.to_owned(),
            size,
            root,
        };
        let note = signer.sign(&checkpoint, time_secs).unwrap();
        json!({
            "size": size,
            "root": root.to_string(),
            "time": time_secs,
            "note": String::from_utf8(note).unwrap(),
        })
    };
    let good = signed(300, naive_root(&leaves(300)), 1_795_517_467);
    let note = text(&good["note"]);
    let (head, lines) = note.split_once("\n\n").unwrap();
    let (first, second) = lines.split_once('\n').unwrap();
    let refused = json!([
        { "note": format!("{head}\n\n{first}\n"), "why": "not signed with ML-DSA-44" },
        { "note": format!("{head}\n\n{second}"), "why": "not signed with Ed25519" },
        { "note": note.replace("\n300\n", "\n301\n"), "why": "another size than was signed" },
        { "note": note.replace("\n300\n", "\n0300\n"), "why": "a size with a leading zero" },
        { "note": format!("{head}\nextension\n\n{lines}"), "why": "an extension line" },
        { "note": note.replace(ORIGIN, "other.example/log"), "why": "another log" },
        { "note": note.trim_end(), "why": "no line feed at the end" },
    ]);
    json!({
        "origin": ORIGIN,
        "ed25519_seed": hex(&[0x11; 32]),
        "mldsa44_seed": hex(&[0x22; 32]),
        "keys": signer.keys().to_file(),
        "fingerprint": signer.keys().fingerprint_groups(),
        "accepted": [signed(0, empty_root(), 1), good.clone(), signed(u64::from(u32::MAX) + 1, Digest([0x5a; 32]), 4_102_444_800)],
        "refused": refused,
    })
}

#[test]
fn checkpoints_and_keys_are_frozen() {
    let vectors = frozen("checkpoint.json", &checkpoint_vectors());
    let keys = LogKeys::parse(text(&vectors["keys"]).as_bytes()).unwrap();
    assert_eq!(keys.origin(), ORIGIN);
    assert_eq!(keys.fingerprint_groups(), text(&vectors["fingerprint"]));
    let verify = |note: &Value| SignedCheckpoint::parse(text(note).as_bytes())?.verify(&keys);
    for case in vectors["accepted"].as_array().unwrap() {
        let signed = verify(&case["note"]).unwrap();
        assert_eq!(json!(signed.size()), case["size"]);
        assert_eq!(*signed.root(), digest(&case["root"]));
        assert_eq!(json!(signed.time_secs()), case["time"]);
    }
    for case in vectors["refused"].as_array().unwrap() {
        assert!(verify(&case["note"]).is_err(), "{}", case["why"]);
    }
}

/// Leaf *i* of the tree of these vectors is the entry `leaf <i>`.
fn proof_vectors() -> Value {
    let leaves = leaves(700);
    let tiles = Tiles::new(&leaves);
    let strings =
        |hashes: Vec<Digest>| -> Vec<String> { hashes.iter().map(Digest::to_string).collect() };
    let root = |size: u64| naive_root(&leaves[..size as usize]).to_string();
    let inclusion: Vec<Value> = [(0, 1), (0, 2), (2, 3), (255, 256), (256, 257), (100, 300), (299, 300), (699, 700)]
        .map(|(index, size)| {
            let proof = inclusion_proof(index, size, |ids| tiles.read(ids)).unwrap();
            json!({ "index": index, "size": size, "root": root(size), "leaf_hash": leaves[index as usize].to_string(), "proof": strings(proof) })
        })
        .to_vec();
    let consistency: Vec<Value> = [(0, 5), (1, 2), (3, 7), (4, 7), (255, 256), (256, 700), (300, 700), (700, 700)]
        .map(|(old, new)| {
            let proof = consistency_proof(old, new, |ids| tiles.read(ids)).unwrap();
            json!({ "old": old, "old_root": root(old), "new": new, "new_root": root(new), "proof": strings(proof) })
        })
        .to_vec();
    let tile_digests: Vec<Value> = tiles
        .0
        .iter()
        .map(
            |(tile, bytes)| json!({ "path": tile.path(), "sha256": Digest::of(bytes).to_string() }),
        )
        .collect();
    let checkpoint = Checkpoint {
        origin: ORIGIN.to_owned(),
        size: 300,
        root: naive_root(&leaves[..300]),
    };
    let file = TlogProof {
        extra: Some(b"what this is about".to_vec()),
        index: 100,
        hashes: inclusion_proof(100, 300, |ids| tiles.read(ids)).unwrap(),
        checkpoint: signer().sign(&checkpoint, 1_795_517_467).unwrap(),
    };
    json!({
        "entries": "leaf <i>, for i from 0",
        "inclusion": inclusion,
        "consistency": consistency,
        "tiles_of_700": tile_digests,
        "tlog_proof": {
            "keys": signer().keys().to_file(),
            "entry": "leaf 100",
            "file": String::from_utf8(file.encode()).unwrap(),
        },
    })
}

#[test]
fn proofs_are_frozen() {
    let vectors = frozen("proof.json", &proof_vectors());
    let number = |value: &Value| value.as_u64().unwrap();
    for case in vectors["inclusion"].as_array().unwrap() {
        let (index, size) = (number(&case["index"]), number(&case["size"]));
        let (leaf, root) = (digest(&case["leaf_hash"]), digest(&case["root"]));
        assert_eq!(leaf, leaf_hash(format!("leaf {index}").as_bytes()));
        verify_inclusion(index, size, &leaf, &hashes(&case["proof"]), &root).unwrap();
    }
    for case in vectors["consistency"].as_array().unwrap() {
        let (old, new) = (number(&case["old"]), number(&case["new"]));
        let (old_root, new_root) = (digest(&case["old_root"]), digest(&case["new_root"]));
        verify_consistency(old, new, &old_root, &new_root, &hashes(&case["proof"])).unwrap();
    }
    let tiles = Tiles::new(&leaves(700));
    let root = frontier_from_tiles(700, |ids| tiles.read(ids))
        .unwrap()
        .root();
    assert_eq!(root, digest(&vectors["inclusion"][7]["root"]));
    let file = &vectors["tlog_proof"];
    let keys = LogKeys::parse(text(&file["keys"]).as_bytes()).unwrap();
    let proof = TlogProof::parse(text(&file["file"]).as_bytes()).unwrap();
    proof
        .verify(&keys, &leaf_hash(text(&file["entry"]).as_bytes()))
        .unwrap();
}

#[test]
fn successions_are_frozen() {
    let vectors = frozen("succession.json", &crate::succession::vectors());
    let keys = LogKeys::parse(text(&vectors["keys"]).as_bytes()).unwrap();
    assert_eq!(keys.chain().text(), text(&vectors["statements"]));
    let words: Vec<String> = keys
        .chain()
        .statements()
        .iter()
        .map(|s| s.in_words())
        .collect();
    assert_eq!(json!(words), vectors["in_words"]);
    let verify = |note: &Value| SignedCheckpoint::parse(text(note).as_bytes())?.verify(&keys);
    for case in vectors["checkpoints"].as_array().unwrap() {
        let held = verify(&case["note"]).is_ok();
        assert_eq!(json!(held), case["holds"], "{}", case["note"]);
    }
    for case in vectors["refused"].as_array().unwrap() {
        let statements = Chain::parse(text(&case["statements"]));
        assert!(statements.is_err(), "{}", case["why"]);
    }
}
