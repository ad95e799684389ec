//! What signed pictures (C2PA) say: a picture is signed here with a key of its own, and then changed.

#![allow(clippy::expect_used)]

mod kept;
mod made;

use comity_extract::State;
use kept::{Kept, read};
use p256::ecdsa::{SigningKey, signature::hazmat::PrehashSigner};
use sha2::{Digest, Sha256};

const PICTURE: &[u8] = include_bytes!("../../../testdata/samples/evidence/photos/crater north.jpg");

fn head(kind: u8, length: usize) -> Vec<u8> {
    [&[kind << 5 | 26][..], &(length as u32).to_be_bytes()].concat()
}

fn text(words: &str) -> Vec<u8> {
    [&head(3, words.len())[..], words.as_bytes()].concat()
}

fn bytes(bytes: &[u8]) -> Vec<u8> {
    [&head(2, bytes.len())[..], bytes].concat()
}

fn list(items: &[Vec<u8>]) -> Vec<u8> {
    [head(4, items.len()), items.concat()].concat()
}

fn named(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let each = entries
        .iter()
        .flat_map(|(name, value)| [text(name), value.clone()].concat());
    [head(5, entries.len()), each.collect()].concat()
}

fn single(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
}

fn labelled(label: &str, content: &[Vec<u8>]) -> Vec<u8> {
    let about = single(
        b"jumd",
        &[&[0; 16][..], &[3], label.as_bytes(), &[0]].concat(),
    );
    single(b"jumb", &[about, content.concat()].concat())
}

fn statement(label: &str, value: &[u8]) -> Vec<u8> {
    labelled(label, &[single(b"cbor", value)])
}

/// The store of a picture in which it takes `length` bytes from the second on.
fn store(length: usize) -> Vec<u8> {
    let range = named(&[("start", head(0, 2)), ("length", head(0, length))]);
    let digest = Sha256::digest(PICTURE);
    let content = statement(
        "c2pa.hash.data",
        &named(&[
            ("exclusions", list(&[range])),
            ("alg", text("sha256")),
            ("hash", bytes(&digest)),
        ]),
    );
    let action = named(&[
        ("action", text("c2pa.created")),
        ("digitalSourceType", text("digitalCapture")),
    ]);
    let actions = statement("c2pa.actions.v2", &named(&[("actions", list(&[action]))]));
    let bound: Vec<Vec<u8>> = [("c2pa.hash.data", &content), ("c2pa.actions.v2", &actions)]
        .map(|(label, part)| {
            let address = format!("self#jumbf=c2pa.assertions/{label}");
            named(&[
                ("url", text(&address)),
                ("hash", bytes(&Sha256::digest(&part[8..]))),
            ])
        })
        .to_vec();
    let claim = named(&[
        ("dc:title", text("crater")),
        (
            "claim_generator_info",
            named(&[("name", text("Camera")), ("version", text("1"))]),
        ),
        ("created_assertions", list(&bound)),
        ("alg", text("sha256")),
    ]);
    let key = SigningKey::from_slice(&[7; 32]).expect("a key");
    let point = key.verifying_key().to_sec1_point(false);
    // The algorithm, and the certificate.
    let protected = [
        head(5, 2),
        head(0, 1),
        vec![0x26],
        head(0, 33),
        bytes(&made::asn1::certificate(
            point.as_bytes(),
            "Invented Camera 1",
            None,
        )),
    ]
    .concat();
    let signed = [
        &[0x84][..],
        b"\x6aSignature1",
        &shortest(&protected),
        &[0x40],
        &shortest(&claim),
    ]
    .concat();
    let signature: p256::ecdsa::Signature = key
        .sign_prehash(&Sha256::digest(&signed))
        .expect("a signature");
    let cose = [
        &[0xd2][..],
        &list(&[
            bytes(&protected),
            head(5, 0),
            vec![0xf6],
            bytes(&signature.to_bytes()),
        ]),
    ]
    .concat();
    let manifest = labelled(
        "urn:c2pa:1",
        &[
            labelled("c2pa.assertions", &[content, actions]),
            statement("c2pa.claim.v2", &claim),
            statement("c2pa.signature", &cose),
        ],
    );
    labelled("c2pa", &[manifest])
}

/// Bytes with the shortest head, as what is signed has them.
fn shortest(bytes: &[u8]) -> Vec<u8> {
    match u8::try_from(bytes.len()) {
        Ok(length) => [&[0x58, length][..], bytes].concat(),
        Err(_) => [&[0x59][..], &(bytes.len() as u16).to_be_bytes(), bytes].concat(),
    }
}

fn signed() -> Vec<u8> {
    let segment = |store: &[u8]| {
        let body = [&b"JP\0\x01\0\0\0\x01"[..], store].concat();
        [
            &[0xff, 0xeb][..],
            &(body.len() as u16 + 2).to_be_bytes(),
            &body,
        ]
        .concat()
    };
    let length = segment(&store(0)).len();
    [&PICTURE[..2], &segment(&store(length)), &PICTURE[2..]].concat()
}

fn says(kept: &Kept, words: &str) -> bool {
    kept.fields.iter().any(|(_, value)| value.contains(words))
}

#[test]
fn a_signed_picture_says_by_whom_and_that_it_is_whole() {
    let (outcome, kept) = read("crater.jpg", &signed());
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
    assert!(says(
        &kept,
        "signed by CN=Invented Camera 1; the signature holds; the signer is not checked against a trust list"
    ));
    assert!(says(
        &kept,
        "the picture is the one that the manifest was signed for"
    ));
    assert!(says(&kept, "c2pa.created digitalCapture"));
    assert!(says(&kept, "Camera 1"));
}

#[test]
fn what_was_changed_after_signing_is_named() {
    let whole = signed();
    let changed = |place: usize| {
        let mut file = whole.clone();
        file[place] ^= 1;
        read("crater.jpg", &file).1.missing
    };
    let find = |words: &[u8]| {
        whole
            .windows(words.len())
            .position(|window| window == words)
            .expect("it is there")
    };
    // A byte of the picture's comment or tables, a letter of an action, a letter of the claim.
    let picture = "the picture is not the one that its C2PA manifest was signed for";
    assert_eq!(changed(whole.len() - 3), [picture]);
    let action = changed(find(b"digitalCapture"));
    assert_eq!(
        action,
        ["the C2PA statement c2pa.actions.v2 is not what was signed"]
    );
    let claim = changed(find(b"crater"));
    assert_eq!(claim, ["the signature of its C2PA manifest does not hold"]);
}

#[test]
fn a_store_that_is_cut_off_is_said_to_be_damaged() {
    let mut file = signed();
    let place = file
        .windows(4)
        .position(|window| window == b"jumb")
        .expect("a store");
    file[place - 1] = 0xff;
    file[place - 2] = 0xff;
    let (_, kept) = read("crater.jpg", &file);
    assert_eq!(kept.missing, ["its C2PA manifest: it is damaged"]);
}
