//! `comity`: the command line of a centre. A file per verb.

mod args;
mod attest;
mod backup;
mod case;
mod disclose;
mod erase;
mod files;
mod groups;
mod hold;
mod init;
mod intake;
mod item;
mod keys;
mod ledger;
mod member;
mod mirror;
mod names;
mod opened;
mod output;
mod passphrase;
mod person;
mod progress;
mod proposal;
mod rebuild;
mod receipt;
mod search;
mod shares;
mod shell;
mod stamp;
mod succession;
mod vault;
mod verify;
mod witness;
mod work;
mod world;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Verb};
use world::Failure;

/// Many small pieces of memory, made on one thread and freed on another: the system's allocator takes a tenth of an intake for that.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { 2 } else { 0 });
        }
    };
    let done = run(&cli);
    attest::farewell();
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(cli.global.json),
    }
}

fn run(cli: &Cli) -> Result<(), Failure> {
    let global = &cli.global;
    match &cli.verb {
        Verb::Init(args) => init::run(global, args),
        Verb::Case(args) => case::run(global, args),
        Verb::Member(args) => member::run(global, args),
        Verb::Person(args) => person::run(global, args),
        Verb::Intake(args) => intake::run(global, args),
        Verb::Work(args) => work::run(global, args),
        Verb::Item(args) => item::run(global, args),
        Verb::Search(args) => search::run(global, args),
        Verb::Names(args) => names::run(global, args),
        Verb::Files(args) => files::run(global, args),
        Verb::Keys(args) => keys::run(global, args),
        Verb::Ledger(args) => ledger::run(global, args),
        Verb::Stamp(args) => stamp::run(global, args),
        Verb::Verify(args) => verify::run(global, args),
        Verb::Backup(args) => backup::run(global, args),
        Verb::Vault(args) => vault::run(global, args),
        Verb::Receipt(args) => receipt::run(global, args),
        Verb::Hold(args) => hold::run(global, args),
        Verb::Release(args) => hold::release(global, args),
        Verb::Erase(args) => erase::run(global, args),
        Verb::Proposal(args) => proposal::run(global, args),
        Verb::Disclose(args) => disclose::run(global, args),
        Verb::Completions(args) => shell::completions(args),
        Verb::Man(args) => shell::man(args),
        Verb::Rebuild(args) => rebuild::run(global, args),
        Verb::Witness(args) => witness::run(global, args),
    }
}
