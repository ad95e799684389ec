//! Notes, keys, checkpoints and proofs: what the log signed verifies, and nothing else does.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use comity_core::checkpoint::{
    Checkpoint, CheckpointError, KeysError, LogKeys, LogSigner, SignError, SignedCheckpoint,
};
use comity_core::digest::Digest;
use comity_core::merkle::empty_root;
use comity_core::note::{Note, NoteError, NoteSignature};
use comity_core::proof::{TlogProof, TlogProofError};
use comity_core::vkey::{KeyKind, Vkey, VkeyError};
use proptest::prelude::*;

use crate::naive::{leaves, naive_inclusion, naive_root};

const ORIGIN: &str = "centre.example/log";
const TIME: u64 = 1_795_517_467;

fn signer() -> LogSigner {
    LogSigner::new(ORIGIN, &[1; 32], &[2; 32]).unwrap()
}

fn checkpoint() -> Checkpoint {
    Checkpoint {
        origin: ORIGIN.to_owned(),
        size: 1000,
        root: Digest([0x5a; 32]),
    }
}

fn signed() -> Vec<u8> {
    signer().sign(&checkpoint(), TIME).unwrap()
}

fn verify(bytes: &[u8]) -> Result<SignedCheckpoint, CheckpointError> {
    SignedCheckpoint::parse(bytes)?.verify(signer().keys())
}

/// The signed checkpoint without one of its signature lines.
fn without_line(line: usize) -> Vec<u8> {
    let text = String::from_utf8(signed()).unwrap();
    let (head, signatures) = text.split_once("\n\n").unwrap();
    let kept = signatures.lines().enumerate().filter(|(i, _)| *i != line);
    let kept: String = kept.map(|(_, line)| format!("{line}\n")).collect();
    format!("{head}\n\n{kept}").into_bytes()
}

#[test]
fn the_example_of_signed_note_verifies() {
    let key = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let note = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1\
        Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    let vkey: Vkey = key.parse().unwrap();
    assert_eq!(vkey.to_string(), key);
    let parsed = Note::parse(note.as_bytes()).unwrap();
    assert_eq!(parsed.verify(std::slice::from_ref(&vkey)).unwrap().len(), 1);
    assert_eq!(parsed.encode(), note.as_bytes());
    let altered = Note::parse(note.replace("example m", "example n").as_bytes()).unwrap();
    assert!(matches!(
        altered.verify(&[vkey]),
        Err(NoteError::WrongSignature { .. })
    ));
}

#[test]
fn a_signed_checkpoint_verifies_and_says_when_it_was_signed() {
    let bytes = signed();
    let verified = verify(&bytes).unwrap();
    assert_eq!(*verified.checkpoint(), checkpoint());
    assert_eq!(
        (verified.size(), *verified.root()),
        (1000, Digest([0x5a; 32]))
    );
    assert_eq!(verified.time_secs(), TIME);
    assert_eq!(verified.as_bytes(), bytes);
    let text = format!("{ORIGIN}\n1000\n{}\n", STANDARD.encode([0x5a; 32]));
    assert!(bytes.starts_with(format!("{text}\n\u{2014} {ORIGIN} ").as_bytes()));
    assert_eq!(signed(), bytes, "signing is deterministic");
}

#[test]
fn both_signatures_must_be_there_and_hold() {
    assert_eq!(
        verify(&without_line(0)),
        Err(CheckpointError::SignatureMissing {
            kind: KeyKind::Ed25519
        })
    );
    assert_eq!(
        verify(&without_line(1)),
        Err(CheckpointError::SignatureMissing {
            kind: KeyKind::MlDsa44
        })
    );
    let text = String::from_utf8(signed()).unwrap();
    let altered = [
        text.replace("\n1000\n", "\n1001\n"),
        text.replace(&STANDARD.encode([0x5a; 32]), &STANDARD.encode([0x5b; 32])),
    ];
    for altered in altered {
        assert!(matches!(
            verify(altered.as_bytes()),
            Err(CheckpointError::Note(NoteError::WrongSignature { .. }))
        ));
    }
}

#[test]
fn one_changed_bit_anywhere_in_a_checkpoint_is_found() {
    let bytes = signed();
    for at in (0..bytes.len()).filter(|at| *at < 250 || at % 16 == 0) {
        for bit in [0, 3, 7] {
            let mut altered = bytes.clone();
            altered[at] ^= 1 << bit;
            assert!(verify(&altered).is_err(), "byte {at} bit {bit}");
        }
    }
    for len in (0..bytes.len()).step_by(7) {
        assert!(verify(&bytes[..len]).is_err(), "{len} bytes");
    }
}

#[test]
fn each_half_of_a_forged_pair_is_refused() {
    let other = LogSigner::new(ORIGIN, &[1; 32], &[3; 32]).unwrap();
    let half = other.sign(&checkpoint(), TIME).unwrap();
    assert_eq!(
        verify(&half),
        Err(CheckpointError::SignatureMissing {
            kind: KeyKind::MlDsa44
        })
    );
    let other = LogSigner::new(ORIGIN, &[3; 32], &[2; 32]).unwrap();
    let half = other.sign(&checkpoint(), TIME).unwrap();
    assert_eq!(
        verify(&half),
        Err(CheckpointError::SignatureMissing {
            kind: KeyKind::Ed25519
        })
    );
    let other = LogSigner::new(ORIGIN, &[3; 32], &[4; 32]).unwrap();
    let neither = other.sign(&checkpoint(), TIME).unwrap();
    assert_eq!(
        verify(&neither),
        Err(CheckpointError::Note(NoteError::NotSigned))
    );
}

#[test]
fn the_time_of_signing_is_signed() {
    let mut note = Note::parse(&signed()).unwrap();
    let mut signatures = note.signatures().to_vec();
    signatures[1].signature[7] ^= 1;
    note = Note::new(note.text().to_owned()).unwrap();
    signatures
        .into_iter()
        .for_each(|signature| note.push(signature));
    assert!(matches!(
        verify(&note.encode()),
        Err(CheckpointError::Note(NoteError::WrongSignature {
            kind: KeyKind::MlDsa44,
            ..
        }))
    ));
}

#[test]
fn a_checkpoint_of_another_log_is_neither_signed_nor_accepted() {
    let other = Checkpoint {
        origin: "other.example/log".to_owned(),
        ..checkpoint()
    };
    assert!(matches!(
        signer().sign(&other, TIME),
        Err(SignError::OtherLog { .. })
    ));
    let theirs = LogSigner::new("other.example/log", &[1; 32], &[2; 32]).unwrap();
    assert!(matches!(
        verify(&theirs.sign(&other, TIME).unwrap()),
        Err(CheckpointError::OtherLog { .. })
    ));
}

#[test]
fn lines_of_strangers_are_ignored_and_wrong_ones_of_ours_are_not() {
    let stranger = NoteSignature {
        name: "witness.example".into(),
        key_id: [1; 4],
        signature: vec![9; 72],
    };
    let mut note = Note::parse(&signed()).unwrap();
    for _ in 0..20 {
        note.push(stranger.clone());
    }
    assert!(verify(&note.encode()).is_ok());
    note.push(NoteSignature {
        key_id: signer().keys().vkeys()[0].key_id(),
        ..stranger
    });
    assert!(
        verify(&note.encode()).is_ok(),
        "the id alone does not make it ours"
    );
    let again = note.signatures()[0].clone();
    note.push(again.clone());
    assert!(verify(&note.encode()).is_ok(), "the same signature twice");
    note.push(NoteSignature {
        signature: vec![0; 64],
        ..again
    });
    assert!(
        verify(&note.encode()).is_err(),
        "a wrong signature beside the good ones"
    );
}

#[test]
fn texts_that_are_not_checkpoints_are_refused() {
    let root = STANDARD.encode([0x5a; 32]);
    let table = [
        format!("{ORIGIN}\n1000\n{root}\nextension\n"),
        format!("{ORIGIN}\n1000\n{root}"),
        format!("{ORIGIN}\n1000\n{root}\n\n"),
        format!("\n1000\n{root}\n"),
        format!("{ORIGIN}\n01000\n{root}\n"),
        format!("{ORIGIN}\n+1000\n{root}\n"),
        format!("{ORIGIN}\n-1\n{root}\n"),
        format!("{ORIGIN}\n\n{root}\n"),
        format!("{ORIGIN}\n18446744073709551616\n{root}\n"),
        format!("{ORIGIN}\n0\n{root}\n"),
        format!("{ORIGIN}\n1000\n{}\n", STANDARD.encode([0x5a; 31])),
        format!("{ORIGIN}\n1000\n{}\n", root.trim_end_matches('=')),
        format!("{ORIGIN}\n1000\n{}\n", root.replace("Wlo=", "Wlp=")),
        format!("{ORIGIN}\r\n1000\r\n{root}\r\n"),
        format!("two words\n1000\n{root}\n"),
        format!("{ORIGIN}\n1000\n"),
        String::new(),
    ];
    for text in table {
        assert!(Checkpoint::parse_text(&text).is_err(), "{text:?}");
    }
    let empty = Checkpoint {
        size: 0,
        root: empty_root(),
        ..checkpoint()
    };
    assert_eq!(Checkpoint::parse_text(&empty.text()), Ok(empty));
    let largest = Checkpoint {
        size: u64::MAX,
        ..checkpoint()
    };
    assert_eq!(Checkpoint::parse_text(&largest.text()), Ok(largest));
}

#[test]
fn hostile_notes_are_refused() {
    let good = String::from_utf8(signed()).unwrap();
    let signature = good.split("\n\n").nth(1).unwrap().lines().next().unwrap();
    let note =
        |text: &str, signatures: &str| Note::parse(format!("{text}\n{signatures}").as_bytes());
    assert!(note("a\n", &format!("{signature}\n")).is_ok());
    assert!(
        note("a\n\nb\n", &format!("{signature}\n")).is_ok_and(|note| note.text() == "a\n\nb\n")
    );
    for text in ["a\u{1b}[2J\n", "a\rb\n", "a\tb\n", "a\0\n"] {
        let error = note(text, &format!("{signature}\n")).unwrap_err();
        assert!(matches!(error, NoteError::Character { .. }), "{text:?}");
    }
    let em_dash = "\u{2014}";
    for line in [
        "",
        em_dash,
        "- x AAAAAAE=",
        "\u{2014} x",
        "\u{2014} x ",
        "\u{2014}  AAAAAAE=",
        "\u{2014} x AAAA",
        "\u{2014} x AAAAAA==",
        "\u{2014} x AAAAAAE",
        "\u{2014} x AAAAAAF=",
        "\u{2014} x+y AAAAAAE=",
        "\u{2014} x\u{a0}y AAAAAAE=",
        "\u{2014} x AAAAAAE= ",
        "\u{2014} x AAAAAAE= y",
        " \u{2014} x AAAAAAE=",
        "\u{2014} x AAAA-_E=",
        "\u{2013} x AAAAAAE=",
    ] {
        assert!(note("a\n", &format!("{line}\n")).is_err(), "{line:?}");
    }
    assert!(note("a\n", "\u{2014} x AAAAAAE=\n").is_ok());
    assert!(note("a\n", "\u{2014} x AAAAAAE=").is_err());
    assert!(
        Note::parse(b"").is_err()
            && Note::parse(b"\n\n").is_err()
            && Note::parse(b"\xff\n\nx\n").is_err()
    );
    let many = "\u{2014} x AAAAAAE=\n".repeat(101);
    assert_eq!(note("a\n", &many), Err(NoteError::TooLarge));
    assert!(note("a\n", &"\u{2014} x AAAAAAE=\n".repeat(100)).is_ok());
    assert_eq!(
        Note::parse(&vec![b'a'; 1_000_001]),
        Err(NoteError::TooLarge)
    );
    assert!(Note::new("no line feed".into()).is_err() && Note::new("\u{7}\n".into()).is_err());
}

#[test]
fn two_different_keys_with_one_name_and_id_are_told() {
    // Found by trying: a key id has 32 bits only.
    let key = |counter: u64| {
        let mut public = [0; 1312];
        public[1304..].copy_from_slice(&counter.to_be_bytes());
        Vkey::new_mldsa44(ORIGIN, &public).unwrap()
    };
    let (one, other) = (key(67_579), key(88_755));
    assert!(one.key_id() == other.key_id() && one != other);
    let mut note = Note::parse(&signed()).unwrap();
    note.push(NoteSignature {
        name: ORIGIN.into(),
        key_id: one.key_id(),
        signature: vec![0; 2428],
    });
    let name = ORIGIN.to_owned();
    let keys = [one.clone(), other.clone()];
    assert_eq!(note.verify(&keys), Err(NoteError::AmbiguousKeys { name }));
    let mut keys = signer().keys().vkeys().to_vec();
    keys.extend([one, other]);
    assert!(matches!(
        LogKeys::new(keys),
        Err(KeysError::Unfit {
            what: "two with the same id",
            ..
        })
    ));
}

#[test]
fn vkeys_are_checked_whole() {
    let vkey = signer().keys().vkeys()[0].to_string();
    assert_eq!(vkey.parse::<Vkey>().unwrap().to_string(), vkey);
    let (name, rest) = vkey.split_once('+').unwrap();
    let (id, key) = rest.split_once('+').unwrap();
    let with =
        |name: &str, id: &str, key: &str| format!("{name}+{id}+{key}").parse::<Vkey>().unwrap_err();
    assert!(matches!(with(name, "00000000", key), VkeyError::Id { .. }));
    assert!(matches!(with("other", id, key), VkeyError::Id { .. }));
    assert!(matches!(
        with(name, &id.to_uppercase(), key),
        VkeyError::Syntax | VkeyError::Id { .. }
    ));
    assert!(matches!(with(name, &id[1..], key), VkeyError::Syntax));
    assert!(matches!(
        with(name, id, &key[..key.len() - 4]),
        VkeyError::Syntax | VkeyError::PublicKey { .. }
    ));
    assert!(matches!(with("", id, key), VkeyError::Name(_)));
    assert!(matches!(with("a b", id, key), VkeyError::Name(_)));
    assert!(matches!(
        with(&"n".repeat(256), id, key),
        VkeyError::Name(_)
    ));
    let typed = |byte: u8, key: &[u8]| STANDARD.encode([&[byte], key].concat());
    assert!(matches!(
        with(name, id, &typed(2, &[0; 32])),
        VkeyError::UnknownKind { kind: 2, .. }
    ));
    assert!(matches!(
        with(name, id, &typed(6, &[0; 32])),
        VkeyError::PublicKey { .. }
    ));
    let mut identity = [0; 32];
    identity[0] = 1;
    assert!(
        matches!(
            with(name, id, &typed(1, &identity)),
            VkeyError::PublicKey { .. }
        ),
        "a weak key"
    );
    assert!("".parse::<Vkey>().is_err() && "a+b".parse::<Vkey>().is_err());
    assert!(LogSigner::new("a+b", &[1; 32], &[2; 32]).is_err());
}

#[test]
fn the_key_of_type_1_and_of_type_4_have_different_ids() {
    let signer = signer();
    let note_key = &signer.keys().vkeys()[0];
    let digest = |kind: u8| {
        Digest::of(&[ORIGIN.as_bytes(), b"\n", &[kind], note_key.public_key()].concat()).0
    };
    assert_eq!(note_key.key_id(), digest(1)[..4]);
    let id = comity_core::hex(&digest(4)[..4]);
    let key = STANDARD.encode([&[4], note_key.public_key()].concat());
    let cosigner: Vkey = format!("{ORIGIN}+{id}+{key}").parse().unwrap();
    assert_eq!(cosigner.kind(), KeyKind::Ed25519Cosignature);
}

#[test]
fn an_ed25519_cosignature_of_a_witness_verifies_with_its_time() {
    use ed25519_dalek::Signer as _;
    let secret = ed25519_dalek::SigningKey::from_bytes(&[8; 32]);
    let typed = [[4].as_slice(), secret.verifying_key().as_bytes()].concat();
    let id = &Digest::of(&[b"w.example\n", typed.as_slice()].concat()).0[..4];
    let vkey = format!(
        "w.example+{}+{}",
        comity_core::hex(id),
        STANDARD.encode(&typed)
    );
    let vkey: Vkey = vkey.parse().unwrap();
    let mut note = Note::parse(&signed()).unwrap();
    let message = format!("cosignature/v1\ntime 77\n{}", note.text());
    let signature = secret.sign(message.as_bytes()).to_bytes();
    let signature = [77_u64.to_be_bytes().as_slice(), &signature].concat();
    note.push(NoteSignature {
        name: "w.example".into(),
        key_id: vkey.key_id(),
        signature,
    });
    let verified = note.verify(&[vkey]).unwrap();
    assert_eq!(verified[0].time_secs, Some(77));
}

#[test]
fn the_key_file_is_read_back_and_its_fingerprint_can_be_made_by_hand() {
    let signer = signer();
    let keys = signer.keys();
    let file = keys.to_file();
    assert_eq!(LogKeys::parse(file.as_bytes()).as_ref(), Ok(keys));
    let vkeys: String = file
        .lines()
        .filter_map(|line| line.strip_prefix("log "))
        .map(|vkey| format!("{vkey}\n"))
        .collect();
    assert_eq!(keys.fingerprint(), Digest::of(vkeys.as_bytes()));
    let groups = keys.fingerprint_groups();
    assert_eq!(groups.split(' ').count(), 16);
    assert_eq!(groups.replace(' ', ""), keys.fingerprint().to_string());
    assert!(file.contains(&groups));

    let commented = format!(
        "# hello\n\n  # more\n{}\t\n",
        file.replace("log ", " log\t")
    );
    assert_eq!(LogKeys::parse(commented.as_bytes()).as_ref(), Ok(keys));
}

#[test]
fn key_files_that_trust_less_than_both_keys_are_refused() {
    let signer = signer();
    let [ed25519, mldsa44] = signer.keys().vkeys() else {
        unreachable!()
    };
    let parse = |text: String| LogKeys::parse(text.as_bytes());
    assert_eq!(
        parse(format!("log {ed25519}\nquorum none\n")),
        Err(KeysError::Missing {
            kind: KeyKind::MlDsa44
        })
    );
    assert_eq!(
        parse(format!("log {mldsa44}\nquorum none\n")),
        Err(KeysError::Missing {
            kind: KeyKind::Ed25519
        })
    );
    let both = format!("log {ed25519}\nlog {mldsa44}\n");
    assert_eq!(parse(both.clone()), Err(KeysError::Quorum));
    assert_eq!(
        parse(format!("{both}quorum none\nquorum none\n")),
        Err(KeysError::Quorum)
    );
    assert!(matches!(
        parse(format!("{both}quorum w\n")),
        Err(KeysError::Policy(_))
    ));
    assert!(matches!(
        parse(format!("{both}witness w {ed25519}\nquorum w\n")),
        Err(KeysError::Policy(_))
    ));
    assert_eq!(
        parse(format!("{both}other w\n")),
        Err(KeysError::Line { line: 3 })
    );
    assert!(matches!(
        parse(format!("{both}log {ed25519}\nquorum none\n")),
        Err(KeysError::Unfit {
            what: "the same public key twice",
            ..
        })
    ));
    let other = LogSigner::new("other.example", &[5; 32], &[6; 32]).unwrap();
    let theirs = &other.keys().vkeys()[0];
    assert!(matches!(
        parse(format!("{both}log {theirs}\nquorum none\n")),
        Err(KeysError::TwoLogs { .. })
    ));
    assert!(matches!(
        parse("log x+y+z\nquorum none\n".into()),
        Err(KeysError::Key { line: 1, .. })
    ));
    assert_eq!(LogKeys::parse(b"\xff"), Err(KeysError::NotText));
    assert!(LogKeys::parse(b"").is_err() && LogKeys::new(vec![]).is_err());
}

#[test]
fn cloudflares_signed_note_accepts_our_checkpoint_and_reads_it_alike() {
    let signer = signer();
    let theirs = signed_note::Note::from_bytes(&signed()).unwrap();
    let vkey = signer.keys().vkeys()[0].to_string();
    let verifier = signed_note::StandardVerifier::new(&vkey).unwrap();
    let known = signed_note::VerifierList::new(vec![Box::new(verifier)]);
    let (verified, unverified) = theirs.verify(&known).unwrap();
    assert_eq!((verified.len(), unverified.len()), (1, 1));
    let read = tlog_tiles::Checkpoint::from_bytes(theirs.text()).unwrap();
    assert_eq!(
        (read.origin(), read.size(), read.hash().0),
        (ORIGIN, 1000, [0x5a; 32])
    );
}

#[test]
fn another_implementation_of_fips_204_accepts_our_signature_over_the_specified_message() {
    use fips204::ml_dsa_44::{KG, PublicKey};
    use fips204::traits::{KeyGen as _, SerDes as _, Verifier as _};
    let signer = signer();
    let vkey = &signer.keys().vkeys()[1];
    let (theirs, _) = KG::keygen_from_seed(&[2; 32]);
    assert_eq!(theirs.into_bytes().as_slice(), vkey.public_key());

    let mut message = b"subtree/v1\n\0\x12centre.example/log".to_vec();
    message.extend_from_slice(&TIME.to_be_bytes());
    message.extend_from_slice(b"\x12centre.example/log");
    message.extend_from_slice(&0_u64.to_be_bytes());
    message.extend_from_slice(&1000_u64.to_be_bytes());
    message.extend_from_slice(&[0x5a; 32]);
    let note = Note::parse(&signed()).unwrap();
    let line = &note.signatures()[1];
    let (time, signature) = line.signature.split_at(8);
    assert_eq!(time, TIME.to_be_bytes());
    let public = PublicKey::try_from_bytes(vkey.public_key().try_into().unwrap()).unwrap();
    assert!(public.verify(&message, signature.try_into().unwrap(), &[]));
}

#[test]
fn we_accept_what_another_implementation_of_fips_204_signed() {
    use fips204::ml_dsa_44::KG;
    use fips204::traits::{KeyGen as _, SerDes as _, Signer as _};
    let (public, secret) = KG::keygen_from_seed(&[4; 32]);
    let vkey = Vkey::new_mldsa44("w.example", &public.into_bytes()).unwrap();
    let mut message = b"subtree/v1\n\0\x09w.example".to_vec();
    message.extend_from_slice(&55_u64.to_be_bytes());
    message.extend_from_slice(b"\x12centre.example/log");
    message.extend_from_slice(&0_u64.to_be_bytes());
    message.extend_from_slice(&1000_u64.to_be_bytes());
    message.extend_from_slice(&[0x5a; 32]);
    let signature = secret.try_sign_with_seed(&[5; 32], &message, &[]).unwrap();
    let signature = [55_u64.to_be_bytes().as_slice(), &signature].concat();
    let mut note = Note::parse(&signed()).unwrap();
    note.push(NoteSignature {
        name: "w.example".into(),
        key_id: vkey.key_id(),
        signature,
    });
    assert_eq!(note.verify(&[vkey]).unwrap()[0].time_secs, Some(55));
}

fn proof_of(index: usize) -> (TlogProof, Digest) {
    let leaves = leaves(100);
    let root = naive_root(&leaves);
    let checkpoint = Checkpoint {
        origin: ORIGIN.into(),
        size: 100,
        root,
    };
    let checkpoint = signer().sign(&checkpoint, TIME).unwrap();
    let hashes = naive_inclusion(index, &leaves);
    (
        TlogProof {
            extra: None,
            index: index as u64,
            hashes,
            checkpoint,
        },
        leaves[index],
    )
}

#[test]
fn a_proof_file_is_read_back_and_proves_its_leaf_only() {
    let signer = signer();
    for index in [0, 41, 99] {
        let (proof, leaf) = proof_of(index);
        let bytes = proof.encode();
        assert!(bytes.starts_with(format!("c2sp.org/tlog-proof@v1\nindex {index}\n").as_bytes()));
        let read = TlogProof::parse(&bytes).unwrap();
        assert_eq!(read, proof);
        assert_eq!(read.verify(signer.keys(), &leaf).unwrap().size(), 100);
        let other = leaves(100)[(index + 1) % 100];
        assert!(matches!(
            read.verify(signer.keys(), &other),
            Err(TlogProofError::Inclusion(_))
        ));
        let stranger = LogSigner::new(ORIGIN, &[3; 32], &[4; 32]).unwrap();
        assert!(matches!(
            read.verify(stranger.keys(), &leaf),
            Err(TlogProofError::Checkpoint(_))
        ));
    }
    let (proof, _) = proof_of(5);
    let extra = TlogProof {
        extra: Some(b"\0more".to_vec()),
        ..proof
    };
    assert_eq!(TlogProof::parse(&extra.encode()), Ok(extra));
}

#[test]
fn damaged_and_hostile_proof_files_are_refused() {
    let signer = signer();
    let (proof, leaf) = proof_of(41);
    let bytes = proof.encode();
    let text = String::from_utf8(bytes.clone()).unwrap();
    for (from, to) in [
        ("proof@v1", "proof@v2"),
        ("index 41", "index 041"),
        ("index 41", "index +41"),
        ("index 41", "index 42"),
        ("index 41", "index 18446744073709551616"),
        ("index 41", "extra !\nindex 41"),
        ("index 41", "extra AA==\nextra AA==\nindex 41"),
        ("index 41", "index 41\nindex 41"),
        ("\n\n", "\n"),
        ("\n\n", "\n\n\n"),
        ("\n\n", "\nAAAA\n\n"),
        ("c2sp", " c2sp"),
    ] {
        let altered = text.replacen(from, to, 1);
        assert_ne!(altered, text);
        let holds = TlogProof::parse(altered.as_bytes())
            .is_ok_and(|proof| proof.verify(signer.keys(), &leaf).is_ok());
        assert!(!holds, "{from:?} to {to:?}");
    }
    let hash = format!("{}\n", STANDARD.encode([0; 32]));
    let many = format!("c2sp.org/tlog-proof@v1\nindex 1\n{}\n", hash.repeat(65));
    assert!(matches!(
        TlogProof::parse(many.as_bytes()),
        Err(TlogProofError::Line { line: 67, .. })
    ));
    for at in (0..bytes.len()).filter(|at| *at < 700 || at % 64 == 0) {
        let mut altered = bytes.clone();
        altered[at] ^= 1;
        let holds = TlogProof::parse(&altered)
            .is_ok_and(|proof| proof.verify(signer.keys(), &leaf).is_ok());
        assert!(!holds, "byte {at}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_the_readers_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "\\PC{0,40}\n{0,2}\u{2014}? ?[a-z+]{0,4} [A-Za-z0-9=]{0,12}\n?") {
        for bytes in [bytes.as_slice(), text.as_bytes()] {
            let _ = Note::parse(bytes);
            let _ = SignedCheckpoint::parse(bytes);
            let _ = TlogProof::parse(bytes);
            let _ = LogKeys::parse(bytes);
        }
        let _ = text.parse::<Vkey>();
        let _ = Checkpoint::parse_text(&text);
    }

    #[test]
    fn a_note_is_read_back(text in "([ -~\u{a0}-\u{d7ff}\n]{0,40}\n)", name in "[a-z./]{1,12}", signature in prop::collection::vec(any::<u8>(), 1..80)) {
        let mut note = Note::new(text).unwrap();
        note.push(NoteSignature { name, key_id: [1, 2, 3, 4], signature });
        prop_assert_eq!(Note::parse(&note.encode()), Ok(note));
    }
}
