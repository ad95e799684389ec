//! Inputs that lie behind a signature: the corpus has sound ones, made here from fixed seeds, so that changes of them go
//! through the checks that only signed bytes reach.

use std::fs;
use std::path::Path;

use comity_core::Digest;
use comity_core::checkpoint::{Checkpoint, LogSigner, SignedCheckpoint};
use comity_core::cosigner::Cosigner;
use comity_core::merkle::node_hash;
use comity_core::misbehaviour::{Deed, Misbehaviour};
use comity_core::note::Note;
use comity_core::policy::Policy;

const ORIGIN: &str = "hostile.example/log";

fn log() -> LogSigner {
    LogSigner::new(ORIGIN, &[1; 32], &[2; 32]).unwrap()
}

fn signed(size: u64, root: Digest, time_secs: u64) -> Vec<u8> {
    let origin = ORIGIN.to_owned();
    log()
        .sign(&Checkpoint { origin, size, root }, time_secs)
        .unwrap()
}

/// The log's keys, and two witnesses of which both must sign.
fn policy() -> (String, [Cosigner; 2]) {
    let witnesses = [("aster", 3), ("birch", 4)]
        .map(|(name, seed)| Cosigner::new(name, &[seed; 32], &[seed + 100; 32]).unwrap());
    let mut text = String::new();
    for key in log().keys().vkeys() {
        text += &format!("log {key}\n");
    }
    for witness in &witnesses {
        let (name, [ed25519, mldsa]) = (witness.name(), witness.vkeys()) else {
            panic!("a witness has two keys")
        };
        text += &format!("witness {name}-ed25519 {ed25519}\nwitness {name}-ml-dsa-44 {mldsa}\n");
        text += &format!("group {name} all {name}-ed25519 {name}-ml-dsa-44\n");
    }
    (
        text + "group both all aster birch\nquorum both\n",
        witnesses,
    )
}

/// A checkpoint that both witnesses cosigned.
fn cosigned() -> Vec<u8> {
    let mut note = Note::parse(&signed(1000, Digest([0x5a; 32]), 5)).unwrap();
    for witness in &policy().1 {
        for line in witness.cosign(note.text(), 6).unwrap() {
            note.push(line);
        }
    }
    note.encode()
}

fn fork() -> Misbehaviour {
    let [a, b, c] = [[1; 32], [2; 32], [3; 32]].map(Digest);
    Misbehaviour {
        deed: Deed::Fork,
        root: a,
        hashes: vec![b],
        keys: log().keys().to_file().into_bytes(),
        first: signed(1, c, 5),
        second: signed(2, node_hash(&a, &b), 6),
    }
}

fn rollback() -> Misbehaviour {
    Misbehaviour {
        deed: Deed::Rollback,
        hashes: Vec::new(),
        root: Digest([1; 32]),
        first: signed(2, node_hash(&Digest([1; 32]), &Digest([2; 32])), 5),
        second: signed(1, Digest([1; 32]), 6),
        ..fork()
    }
}

#[test]
fn the_signed_inputs_of_the_corpus_hold() {
    let (policy_text, _) = policy();
    for (name, made) in [
        ("policy/valid-witnesses", policy_text.clone().into_bytes()),
        ("note/valid-cosigned", cosigned()),
        ("checkpoint/valid-cosigned", cosigned()),
        ("misbehaviour/valid-fork", fork().encode()),
        ("misbehaviour/valid-rollback", rollback().encode()),
    ] {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/corpus");
        let kept = fs::read(corpus.join(name)).unwrap_or_default();
        assert!(kept == made, "{name} is not what is made here");
    }
    let checkpoint = SignedCheckpoint::parse(&cosigned()).unwrap();
    let checkpoint = checkpoint.verify(log().keys()).unwrap();
    let policy: Policy = policy_text.parse().unwrap();
    let attestation = policy.attestation(checkpoint.note()).unwrap();
    assert_eq!(attestation.attested_secs, Some(6));
    for evidence in [fork(), rollback()] {
        let read = Misbehaviour::parse(&evidence.encode()).unwrap();
        assert_eq!(read.verify(None).unwrap().deed, evidence.deed);
    }
}
