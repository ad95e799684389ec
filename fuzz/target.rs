//! One fuzz target: the parser that has the name of the program which is built. The tests `hostile` of the crates feed
//! the same functions.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../crates/core/tests/hostile/parsers.rs"]
mod core;
#[path = "../crates/keyring/tests/hostile/parsers.rs"]
mod keyring;
#[path = "../crates/ledger/tests/hostile/parsers.rs"]
mod ledger;
#[path = "../crates/vault/tests/hostile/parsers.rs"]
mod vault;

fuzz_target!(|bytes: &[u8]| {
    let all = [core::ALL, keyring::ALL, ledger::ALL, vault::ALL];
    let named = |(name, _): &&(&str, fn(&[u8]))| *name == env!("CARGO_BIN_NAME");
    let parser = all.into_iter().flatten().find(named);
    let (_, parser) = parser.expect("each target has the name of a parser");
    parser(bytes);
});
