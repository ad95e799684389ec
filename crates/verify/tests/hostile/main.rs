//! No input makes a parser of this crate panic, overflow or ask for memory without reason.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../../../tests/hostile/feed.rs"]
mod feed;
mod parsers;

#[test]
fn no_input_breaks_a_parser() {
    feed::feed(parsers::ALL, 1000);
}
