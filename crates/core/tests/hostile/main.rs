//! No input makes a parser of this crate panic, overflow or ask for memory without reason.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../../tests/hostile/feed.rs"]
mod feed;
mod packages;
mod parsers;
mod signed;

/// Breaks at one changed byte, as a parser that trusts what it reads.
fn careless(bytes: &[u8]) {
    let number = bytes
        .iter()
        .find(|b| b.is_ascii_digit())
        .map_or(b'0', |digit| *digit);
    assert!(number != b'9' || bytes.len() > 400);
}

/// Believes a length.
fn greedy(bytes: &[u8]) {
    let length = u32::from_be_bytes(bytes.first_chunk().copied().unwrap_or_default());
    drop(std::hint::black_box(Vec::<u8>::with_capacity(
        length as usize,
    )));
}

/// One test, since memory is counted for the whole process.
#[test]
fn no_input_breaks_a_parser() {
    feed::feed(parsers::ALL, 2000);
    feed::feed(parsers::WHOLE, 30);
    for (what, parser) in [("careless", careless as fn(&[u8])), ("greedy", greedy)] {
        let fed = std::panic::catch_unwind(|| feed::feed(&[("leaf", parser)], 2000));
        assert!(fed.is_err(), "a {what} parser was not found out");
    }
}
