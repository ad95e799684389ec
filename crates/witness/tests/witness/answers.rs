//! Each answer of tlog-witness, by its code.

use comity_core::checkpoint::{Checkpoint, LogSigner};
use comity_core::digest::Digest;
use comity_core::note::{Note, NoteSignature};
use comity_witness::{AddCheckpoint, Refusal, Witness};

use crate::rig::{NOW, ORIGIN, Tree, consistency, signer, witness};

fn code(witness: &Witness, body: &[u8]) -> u16 {
    match witness.add_checkpoint(body, NOW).unwrap() {
        Ok(_) => 200,
        Err(refusal) => refusal.status(),
    }
}

fn request(old: u64, proof: Vec<Digest>, note: Vec<u8>) -> Vec<u8> {
    AddCheckpoint { old, proof, note }.encode()
}

#[test]
fn a_log_that_grows_is_cosigned_again_and_again() {
    let folder = tempfile::tempdir().unwrap();
    let witness = witness(folder.path());
    let mut old = 0;
    for size in [1, 1, 2, 7, 8, 9, 200, 200] {
        let lines = witness.add_checkpoint(&Tree::new(size, 0, 0).request(old), NOW);
        let lines: Vec<NoteSignature> = lines.unwrap().unwrap();
        let mut note = Note::parse(&Tree::new(size, 0, 0).note()).unwrap();
        lines.iter().for_each(|line| note.push(line.clone()));
        let verified = note.verify(witness.cosigner().vkeys()).unwrap();
        assert_eq!(verified.len(), 2);
        assert!(verified.iter().all(|v| v.time_secs == Some(NOW)));
        let seen = witness.seen(ORIGIN).unwrap().unwrap();
        assert_eq!(seen, note.encode(), "the page shows what was signed");
        old = size;
    }
}

#[test]
fn every_refusal_has_its_code_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let witness = witness(folder.path());
    let (five, nine) = (Tree::new(5, 0, 0), Tree::new(9, 0, 0));
    assert_eq!(
        code(&witness, &five.request(1)),
        409,
        "nothing was cosigned yet"
    );
    assert_eq!(
        code(&witness, &request(0, vec![Digest([1; 32])], five.note())),
        422
    );
    assert_eq!(code(&witness, &five.request(0)), 200);
    let before = witness.seen(ORIGIN).unwrap();
    let forked = Tree::new(9, 1, 2);
    let proof = consistency(5, &nine.0);
    let foreign = LogSigner::new("other.example", &[1; 32], &[2; 32]).unwrap();
    let imposter = LogSigner::new(ORIGIN, &[8; 32], &[9; 32]).unwrap();
    let nine_of = |signer: &LogSigner| {
        let (origin, size) = (signer.origin().to_owned(), 9);
        signer
            .sign(
                &Checkpoint {
                    origin,
                    size,
                    root: nine.root(),
                },
                NOW,
            )
            .unwrap()
    };
    let mut one_key = Note::new(Note::parse(&nine.note()).unwrap().text().to_owned()).unwrap();
    one_key.push(Note::parse(&nine.note()).unwrap().signatures()[0].clone());
    let mut altered = Note::parse(&nine.note()).unwrap();
    let mut bad = altered.signatures()[0].clone();
    bad.signature[9] ^= 1;
    altered.push(bad);
    let text = String::from_utf8(nine.request(5)).unwrap();
    for (what, body, expected) in [
        ("not a request", b"hello".to_vec(), 400),
        ("nothing", Vec::new(), 400),
        (
            "no size",
            text.replacen("old 5", "old", 1).into_bytes(),
            400,
        ),
        (
            "a size with a zero",
            text.replacen("old 5", "old 05", 1).into_bytes(),
            400,
        ),
        (
            "a line that is no hash",
            text.replacen("old 5\n", "old 5\n!\n", 1).into_bytes(),
            400,
        ),
        (
            "64 lines",
            request(5, vec![Digest([1; 32]); 64], nine.note()),
            400,
        ),
        (
            "old more than new",
            request(10, Vec::new(), nine.note()),
            400,
        ),
        ("too long", vec![b'a'; 300_000], 400),
        (
            "another log",
            request(5, proof.clone(), nine_of(&foreign)),
            404,
        ),
        (
            "other keys of the name",
            request(5, proof.clone(), nine_of(&imposter)),
            403,
        ),
        (
            "one key of two",
            request(5, proof.clone(), one_key.encode()),
            403,
        ),
        (
            "a wrong signature beside good ones",
            request(5, proof.clone(), altered.encode()),
            403,
        ),
        ("old 0", nine.request(0), 409),
        ("old 4", nine.request(4), 409),
        ("no proof", request(5, Vec::new(), nine.note()), 422),
        ("another tree", forked.request(5), 422),
        (
            "the same size and another tree",
            Tree::new(5, 1, 2).request(5),
            422,
        ),
        (
            "the same size with a proof",
            request(5, proof, five.note()),
            422,
        ),
    ] {
        assert_eq!(code(&witness, &body), expected, "{what}");
        assert_eq!(witness.seen(ORIGIN).unwrap(), before, "{what}");
    }
    let size = witness.add_checkpoint(&nine.request(0), NOW).unwrap();
    assert_eq!(size, Err(Refusal::OtherSize(5)));
}

#[test]
fn an_empty_tree_has_the_root_of_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let witness = witness(folder.path());
    let origin = ORIGIN.to_owned();
    let wrong = Checkpoint {
        origin,
        size: 0,
        root: Digest([1; 32]),
    };
    let note = signer().sign(&wrong, NOW).unwrap();
    assert_eq!(code(&witness, &request(0, Vec::new(), note)), 422);
    assert_eq!(code(&witness, &Tree::new(0, 0, 0).request(0)), 200);
    assert_eq!(code(&witness, &Tree::new(3, 0, 0).request(0)), 200);
}

#[test]
fn what_contradicts_is_kept_as_evidence_and_not_without_end() {
    let folder = tempfile::tempdir().unwrap();
    let witness = witness(folder.path());
    assert_eq!(code(&witness, &Tree::new(5, 0, 0).request(0)), 200);
    let forked = Tree::new(5, 1, 2);
    assert_eq!(code(&witness, &forked.request(5)), 422);
    assert_eq!(code(&witness, &forked.request(5)), 422);
    assert_eq!(witness.refused(ORIGIN).unwrap(), [forked.note()]);
    for branch in 1..100 {
        code(&witness, &Tree::new(6, branch, 0).request(5));
    }
    assert_eq!(witness.refused(ORIGIN).unwrap().len(), 64);
}

#[test]
fn extension_lines_of_other_logs_are_cosigned_with_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let witness = witness(folder.path());
    let text = format!(
        "{}more\n",
        Note::parse(&Tree::new(1, 0, 0).note()).unwrap().text()
    );
    // The log's Ed25519 signature must cover the extension: the old one does not.
    let mut note = Note::new(text).unwrap();
    for line in Note::parse(&Tree::new(1, 0, 0).note())
        .unwrap()
        .signatures()
    {
        note.push(line.clone());
    }
    assert_eq!(code(&witness, &request(0, Vec::new(), note.encode())), 403);
}
