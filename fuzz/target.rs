//! The parser that COMITY_PARSER names, which is also the name of its corpus. The tests `hostile` of the crates feed the
//! same functions.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;

#[path = "../crates/app/tests/hostile/parsers.rs"]
mod app;
#[path = "../crates/core/tests/hostile/parsers.rs"]
mod core;
#[path = "../crates/keyring/tests/hostile/parsers.rs"]
mod keyring;
#[path = "../crates/ledger/tests/hostile/parsers.rs"]
mod ledger;
#[path = "../crates/lists/tests/hostile/parsers.rs"]
mod lists;
#[path = "../crates/core/tests/hostile/packages.rs"]
mod packages;
#[path = "../crates/seal/tests/hostile/parsers.rs"]
mod seal;
#[path = "../crates/vault/tests/hostile/parsers.rs"]
mod vault;
#[path = "../crates/verify/tests/hostile/parsers.rs"]
mod verify;
#[path = "../crates/witness/tests/hostile/parsers.rs"]
mod witness;
#[path = "../crates/worker/tests/hostile/parsers.rs"]
mod worker;

// What a deliverer brings is read by these modules of `app`, which need nothing else of it: no database is built for a
// fuzzer. Under this name they are what the test `hostile` of `app` calls.
extern crate self as comity_app;

/// Part of `app`.
#[allow(dead_code, reason = "what a fuzzer does not call, the program does")]
#[path = "../crates/app/src/intake"]
pub mod intake {
    pub mod bag;
    pub mod manifest;
    pub mod provenance;
    pub mod stat;
    pub mod walk;
}

static PARSER: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    // Where a library gives up over an input, and our reader goes on, nothing is wrong. Where it does not go on, libFuzzer
    // ends all the same.
    let ends = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let is_library = |at: &std::panic::Location<'_>| at.file().contains("/registry/src/");
        if !info.location().is_some_and(is_library) {
            ends(info);
        }
    }));
    let all = [
        app::ALL,
        core::ALL,
        core::WHOLE,
        keyring::ALL,
        ledger::ALL,
        lists::ALL,
        seal::ALL,
        vault::ALL,
        verify::ALL,
        witness::ALL,
        worker::ALL,
    ];
    let wanted = std::env::var("COMITY_PARSER").expect("COMITY_PARSER names a parser");
    let found = all.into_iter().flatten().find(|(name, _)| *name == wanted);
    found.unwrap_or_else(|| panic!("no parser is called {wanted}")).1
});

fuzz_target!(|bytes: &[u8]| PARSER(bytes));
