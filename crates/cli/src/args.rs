//! What can be said on the command line. Help, completions and man pages come from here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::{
    backup, case, disclose, erase, files, hold, init, intake, item, keys, ledger, member, names,
    person, proposal, rebuild, receipt, search, shell, stamp, vault, verify, witness, work,
};

/// Evidence and case software for nations that investigate together.
///
/// A centre is one folder: a vault of sealed evidence, a ledger that anyone can check, and a keyring.
#[derive(Parser)]
#[command(
    name = "comity",
    version,
    max_term_width = 100,
    propagate_version = true
)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub verb: Verb,
}

/// What every verb takes.
#[derive(Args)]
pub struct Global {
    /// The centre's folder
    #[arg(long, global = true, env = "COMITY_CENTRE", value_name = "DIR")]
    pub centre: Option<PathBuf>,
    /// Who acts: a registered person, by number (UKR-P0001) or by name
    #[arg(long, global = true, env = "COMITY_ACTOR", value_name = "PERSON")]
    pub actor: Option<String>,
    /// The key of a member's desk, for what is locked by it; may be given again, or with colons between
    #[arg(
        long = "desk-key",
        global = true,
        env = "COMITY_DESK_KEY",
        value_name = "FILE",
        value_delimiter = ':'
    )]
    pub desk_keys: Vec<PathBuf>,
    /// The private key of whoever acts: an OpenSSH file (Ed25519) or an age identity
    #[arg(long, global = true, env = "COMITY_KEY", value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Answer in JSON
    #[arg(long, global = true)]
    pub json: bool,
}

#[derive(Subcommand)]
pub enum Verb {
    /// Make a centre
    Init(init::InitArgs),
    /// Open and list cases
    Case(case::CaseArgs),
    /// List members
    Member(member::MemberArgs),
    /// Register and list persons
    Person(person::PersonArgs),
    /// Take in evidence
    Intake(intake::IntakeArgs),
    /// Make the receipt of an intake anew
    Receipt(receipt::ReceiptArgs),
    /// Read what was taken in, each item behind walls
    Work(work::WorkArgs),
    /// List, show and open items, and tell their history
    Item(item::ItemArgs),
    /// Find items by words, names, dates, places and what is recorded of them
    Search(search::SearchArgs),
    /// Lists of names, which are looked for in everything that was read
    Names(names::NamesArgs),
    /// Lists of files that are known, or looked for, by their digests
    Files(files::FilesArgs),
    /// The log: its state, proofs, and its export
    Ledger(ledger::LedgerArgs),
    /// Have checkpoints stamped by time stamp authorities
    Stamp(stamp::StampArgs),
    /// The keyring: new epochs, shares, and members' locks
    Keys(keys::KeysArgs),
    /// Make a package for a court, the defence or another body
    Disclose(disclose::DiscloseArgs),
    /// Place a hold: nothing under it is erased
    Hold(hold::HoldArgs),
    /// End a hold
    Release(hold::ReleaseArgs),
    /// Forget items by law, with two persons
    Erase(erase::EraseArgs),
    /// Acts that wait for a second person, and which acts need one
    Proposal(proposal::ProposalArgs),
    /// Check that what is kept is what was recorded
    Verify(verify::VerifyArgs),
    /// Copy all that is kept, while the centre runs, and check such a copy
    Backup(backup::BackupArgs),
    /// Care for the sealed bytes: give space back, mend, mirror
    Vault(vault::VaultArgs),
    /// Make tables and search index anew from ledger, bodies, keyring and vault
    Rebuild(rebuild::RebuildArgs),
    /// Run a witness of other centres' logs, and compare what it saw
    Witness(witness::WitnessArgs),
    /// Write completions for a shell to standard output
    Completions(shell::CompletionsArgs),
    /// Write the man pages into a folder
    Man(shell::ManArgs),
}
