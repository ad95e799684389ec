//! What files of several formats say of their origin (C2PA): they are signed here with keys of our own, and then
//! changed.

#![allow(clippy::expect_used)]

mod kept;
mod made;

use comity_extract::State;
use kept::{Kept, read};
use made::c2pa::{self, Frames, Signer};

fn says(kept: &Kept, words: &str) -> bool {
    kept.fields.iter().any(|(_, value)| value.contains(words))
}

fn place(file: &[u8], words: &[u8]) -> usize {
    file.windows(words.len())
        .position(|window| window == words)
        .expect("it is there")
}

#[test]
fn a_signed_file_of_each_format_says_by_whom_and_that_it_is_whole() {
    for (name, what, file) in c2pa::all() {
        let (outcome, kept) = read(name, &file);
        assert_eq!(
            outcome.state,
            State::Read,
            "{name}: {outcome:?} {:?}",
            kept.missing
        );
        for words in [
            "signed by CN=Invented Camera 1; the signature holds; the signer is not checked against a trust list",
            &format!("the {what} is the one that the manifest was signed for"),
            "c2pa.created digitalCapture",
            "Camera 1",
        ] {
            assert!(says(&kept, words), "{name}: {words}: {:?}", kept.fields);
        }
    }
}

#[test]
fn a_file_of_each_format_that_was_changed_after_signing_is_not_the_one() {
    for (name, what, mut file) in c2pa::all() {
        // A byte of the pixels, frames or samples, of the text, or of what ends the file.
        let at = match name {
            "crater.svg" => place(&file, "крат".as_bytes()),
            "order.pdf" => place(&file, b"/MediaBox[0 0 200") + 16,
            "crater.webp" | "voice.wav" => 60,
            "crater.tif" => 16,
            _ => file.len() - 20,
        };
        file[at] ^= 1;
        let (_, kept) = read(name, &file);
        let words = format!("the {what} is not the one that its C2PA manifest was signed for");
        assert!(
            kept.missing.contains(&words),
            "{name}: {:?} {:?}",
            kept.missing,
            kept.fields
        );
        assert!(!says(&kept, "is the one that"), "{name}");
    }
}

#[test]
fn signatures_of_each_kind_hold_until_a_letter_is_another_one() {
    for signer in [
        Signer::Es256,
        Signer::Es384,
        Signer::Es512,
        Signer::Ps256,
        Signer::Ps384,
        Signer::EdDsa,
    ] {
        let mut file = c2pa::jpeg(signer);
        let (outcome, kept) = read("crater.jpg", &file);
        assert_eq!(outcome.state, State::Read, "{signer:?} {:?}", kept.missing);
        assert!(says(&kept, "the signature holds"), "{signer:?}");
        let at = place(&file, b"crater");
        file[at] ^= 1;
        let (_, kept) = read("crater.jpg", &file);
        assert_eq!(
            kept.missing,
            ["the signature of its C2PA manifest does not hold"],
            "{signer:?}"
        );
        assert!(!says(&kept, "was signed for"), "{signer:?}");
        assert!(says(
            &kept,
            "no signature that was found to hold is over it"
        ));
    }
}

#[test]
fn what_was_changed_in_a_manifest_after_signing_is_named() {
    let mut file = c2pa::jpeg(Signer::Es256);
    let at = place(&file, b"digitalCapture");
    file[at] ^= 1;
    let (_, kept) = read("crater.jpg", &file);
    assert_eq!(
        kept.missing,
        ["the C2PA statement c2pa.actions.v2 is not what was signed"]
    );
    assert!(!says(&kept, "c2pa.created"));
}

/// A picture with a store of these manifests, each with the statements it binds.
fn picture(manifests: impl Fn(usize) -> Vec<Vec<u8>>) -> Vec<u8> {
    let segment = |length| c2pa::segment(&c2pa::labelled("c2pa", &manifests(length)));
    let length = segment(0).len();
    c2pa::jpeg_with(&c2pa::labelled("c2pa", &manifests(length)))
}

#[test]
fn what_stands_beside_the_signed_statements_is_not_believed() {
    let file = picture(|length| {
        let signed = [("c2pa.hash.data", c2pa::jpeg_binding(length))];
        let also = [c2pa::statement("c2pa.actions.v2", &c2pa::actions())];
        vec![c2pa::manifest("urn:c2pa:1", Signer::Es256, &signed, &also)]
    });
    let (_, kept) = read("crater.jpg", &file);
    assert_eq!(
        kept.missing,
        ["the C2PA statement c2pa.actions.v2 is not among what was signed"]
    );
    assert!(!says(&kept, "c2pa.created"));
    // Neither is a digest of the picture that nobody signed.
    let file = picture(|length| {
        let also = [c2pa::statement(
            "c2pa.hash.data",
            &c2pa::jpeg_binding(length),
        )];
        let signed = [("c2pa.actions.v2", c2pa::actions())];
        vec![c2pa::manifest("urn:c2pa:1", Signer::Es256, &signed, &also)]
    });
    let (_, kept) = read("crater.jpg", &file);
    assert_eq!(
        kept.missing,
        [
            "the C2PA statement c2pa.hash.data is not among what was signed",
            "its C2PA manifest names no digest of the picture",
        ]
    );
    assert!(!says(&kept, "is the one that"));
}

/// Each digest is over the whole file: a thousand of them would only keep the reader busy.
#[test]
fn of_several_digests_the_first_alone_is_checked() {
    let file = picture(|length| {
        let signed = [
            ("c2pa.hash.data", c2pa::jpeg_binding(length)),
            ("c2pa.hash.data__2", c2pa::but_for(2, length, &[7; 32])),
        ];
        vec![c2pa::manifest("urn:c2pa:1", Signer::Es256, &signed, &[])]
    });
    let (_, kept) = read("crater.jpg", &file);
    assert!(says(&kept, "the picture is the one that"));
    assert_eq!(
        kept.missing,
        ["its C2PA manifest names 2 digests of the picture: the first alone is checked"]
    );
}

#[test]
fn a_manifest_that_adds_to_another_is_told_with_it() {
    let file = picture(|length| {
        let first = [
            ("c2pa.hash.data", c2pa::jpeg_binding(length)),
            ("c2pa.actions.v2", c2pa::actions()),
        ];
        let first = c2pa::manifest("urn:c2pa:1", Signer::Es256, &first, &[]);
        let parent = c2pa::hashed("self#jumbf=/c2pa/urn:c2pa:1", &first[8..]);
        let second = [(
            "c2pa.ingredient.v3",
            c2pa::named(&[
                ("relationship", c2pa::text("parentOf")),
                ("activeManifest", parent),
            ]),
        )];
        let second = c2pa::manifest("urn:c2pa:2", Signer::EdDsa, &second, &[]);
        vec![first, second]
    });
    let (outcome, kept) = read("crater.jpg", &file);
    assert_eq!(outcome.state, State::Read, "{:?}", kept.missing);
    assert!(says(&kept, "it adds to the manifest urn:c2pa:1"));
    assert!(says(&kept, "the picture is the one that"));
    // What it adds to is bound by a digest too.
    let mut changed = file;
    let at = place(&changed, b"digitalCapture");
    changed[at] ^= 1;
    let (_, kept) = read("crater.jpg", &changed);
    assert_eq!(
        kept.missing,
        ["the C2PA manifest that its last one adds to is not there as it was signed for"]
    );
    assert!(!says(&kept, "is the one that"));
}

#[test]
fn what_a_signer_leaves_out_beside_the_manifest_is_counted() {
    // All but the first two bytes.
    let rest = c2pa::jpeg(Signer::Es256).len() - 2;
    let file = picture(|_| {
        let digest = <sha2::Sha256 as sha2::Digest>::digest(b"\xff\xd8");
        let binding = c2pa::but_for(2, rest, &digest);
        let signed = [
            ("c2pa.hash.data", binding),
            ("c2pa.actions.v2", c2pa::actions()),
        ];
        vec![c2pa::manifest("urn:c2pa:1", Signer::Es256, &signed, &[])]
    });
    let (_, kept) = read("crater.jpg", &file);
    assert!(
        says(
            &kept,
            "was signed for, but for 6286 bytes that it leaves out"
        ),
        "{:?} {:?}",
        kept.fields,
        kept.missing
    );
    // Boxes of films are named.
    let (_, kept) = read("strike.mp4", &c2pa::film(Frames::Plain));
    assert!(says(&kept, "but for 24 bytes that it leaves out: /ftyp"));
}

#[test]
fn a_box_of_a_film_that_was_moved_or_added_makes_it_another_one() {
    let whole = c2pa::film(Frames::Plain);
    let differs = "the film is not the one that its C2PA manifest was signed for";
    // What may be added anywhere is not bound, but the places of all that follows are.
    let free = c2pa::single(b"free", &[0; 8]);
    let at = place(&whole, b"mvhd") - 12;
    let moved = [&whole[..at], &free, &whole[at..]].concat();
    let (_, kept) = read("strike.mp4", &moved);
    assert_eq!(kept.missing, [differs]);
    let (_, kept) = read("strike.mp4", &[&whole[..], &free].concat());
    assert!(
        says(&kept, "but for 40 bytes that it leaves out: /free, /ftyp"),
        "{:?}",
        kept.fields
    );
    let other = c2pa::single(b"udta", &[0; 8]);
    let (_, kept) = read("strike.mp4", &[&whole[..], &other].concat());
    assert_eq!(kept.missing, [differs]);
}

#[test]
fn a_tree_over_what_is_no_piece_of_the_file_is_said_to_be_unchecked() {
    let with_node = |frames| {
        let film = c2pa::film(frames);
        let at = place(&film, &[0xd8, 0xfe, 0xc3, 0xd6]);
        let node = [&film[at..at + 20], b"merkle\0"].concat();
        let film = [&film[..], &c2pa::single(b"uuid", &node)].concat();
        read("pieces.mp4", &film).1
    };
    let kept = with_node(Frames::Samples);
    assert_eq!(
        kept.missing,
        [
            "the digest of the film in its C2PA manifest is not checked: the frames are bound by a Merkle tree of a kind that is not checked"
        ]
    );
    assert!(!says(&kept, "is the one that"));
    // Nodes that are kept add nothing to pieces that are all there.
    let kept = with_node(Frames::Pieces);
    assert!(
        says(&kept, "the film is the one that"),
        "{:?}",
        kept.missing
    );
}

#[test]
fn a_store_that_is_cut_off_is_said_to_be_damaged() {
    let mut file = c2pa::jpeg(Signer::Es256);
    let place = place(&file, b"jumb");
    file[place - 1] = 0xff;
    file[place - 2] = 0xff;
    let (_, kept) = read("crater.jpg", &file);
    assert_eq!(kept.missing, ["its C2PA manifest: it is damaged"]);
}
