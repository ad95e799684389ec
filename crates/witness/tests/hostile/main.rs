//! No input makes a parser of this crate panic, overflow or ask for memory without reason.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../../tests/hostile/feed.rs"]
mod feed;
mod parsers;

use std::fs;
use std::path::Path;

use comity_core::Digest;
use comity_core::checkpoint::{Checkpoint, LogSigner};
use comity_core::merkle::node_hash;
use comity_witness::{AddCheckpoint, Decision, decide};

#[test]
fn no_input_breaks_a_parser() {
    feed::feed(parsers::ALL, 1000);
}

/// The log of `policy/valid-witnesses` sends its first leaf, and then a second one.
#[test]
fn the_signed_requests_of_the_corpus_are_cosigned() {
    let log = LogSigner::new("hostile.example/log", &[1; 32], &[2; 32]).unwrap();
    let (one, two) = (Digest([1; 32]), Digest([2; 32]));
    let at = |size, root| Checkpoint {
        origin: log.origin().to_owned(),
        size,
        root,
    };
    let first = at(1, one);
    let second = at(2, node_hash(&one, &two));
    for (name, old, proof, checkpoint, last) in [
        ("first", 0, vec![], &first, None),
        ("second", 1, vec![two], &second, Some(first.clone())),
    ] {
        let note = log.sign(checkpoint, 5).unwrap();
        let made = AddCheckpoint { old, proof, note }.encode();
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/corpus/request");
        let kept = fs::read(corpus.join(format!("valid-{name}"))).unwrap_or_default();
        assert!(kept == made, "valid-{name} is not what is made here");
        let keys = log.keys().vkeys().to_vec();
        let decision = decide(&made, |_| (Some(keys), last));
        assert_eq!(decision, Decision::Cosign(checkpoint.clone()));
    }
}
