//! No input makes a parser of this crate panic, overflow or ask for memory without reason.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../../tests/hostile/feed.rs"]
mod feed;
mod parsers;

#[test]
fn no_input_breaks_a_parser() {
    feed::feed(parsers::ALL, 40);
}

/// The corpus holds sorted digests that a second implementation made by the document alone: they open, and what they
/// say is so. Otherwise the changes of it would try nothing.
#[test]
fn sorted_digests_of_the_document_are_those_of_the_program() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/corpus");
    for name in ["one", "many"] {
        let read = |of: &str| std::fs::read(format!("{folder}/{of}/valid-{name}")).unwrap();
        let (list, wanted) = (read("files"), read("digests"));
        assert_eq!(parsers::sorted(&list, usize::MAX), Some(wanted), "{name}");
    }
}
