//! `comity intake`: take in evidence.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;
use comity_app::intake::{self, Collected, Progress, Request};
use comity_app::project::ItemState;
use comity_core::id::MemberCode;
use serde_json::{Value, json};

use crate::args::Global;
use crate::output::answer;
use crate::world::{Failure, actor, actor_given, open};

#[derive(Args)]
pub struct IntakeArgs {
    /// Files and folders to take in
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// The member that brings it: the originator
    #[arg(long, value_name = "CODE")]
    pub member: MemberCode,
    /// The case, by code or name
    #[arg(long)]
    pub case: String,
    /// Where it comes from, in words; with the path it says which item is which
    #[arg(long)]
    pub source: String,
    /// Who collected it
    #[arg(long, value_name = "NAME")]
    pub collected_by: Option<String>,
    /// When it was collected, with its time zone
    #[arg(long, value_name = "TIME")]
    pub collected_at: Option<String>,
    /// Where it was collected
    #[arg(long, value_name = "PLACE")]
    pub collected_place: Option<String>,
    /// The legal basis
    #[arg(long, value_name = "BASIS")]
    pub authority: Option<String>,
    /// Handling code of all its items
    #[arg(long, value_parser = ["H0", "H1", "H2", "H3"])]
    pub handling: Option<String>,
    /// Also compute MD5 and SHA-1, for old hash lists
    #[arg(long)]
    pub legacy_hashes: bool,
}

pub fn run(global: &Global, args: &IntakeArgs) -> Result<(), Failure> {
    actor_given(global)?;
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    let request = Request {
        roots: args.paths.clone(),
        member: args.member.clone(),
        case: args.case.clone(),
        source: args.source.clone(),
        collected: Collected {
            by: args.collected_by.clone(),
            at: args.collected_at.clone(),
            place: args.collected_place.clone(),
        },
        authority: args.authority.clone(),
        handling: args.handling.clone(),
        legacy_hashes: args.legacy_hashes,
        manifest: None,
        provenance: None,
        documents: Vec::new(),
        bag: false,
        count_first: std::io::stderr().is_terminal(),
    };
    let outcome = intake::run(&centre, &actor, &request, &|_: &Progress| ())?;
    let tally = outcome.tally;
    let states: Value = ItemState::ALL
        .iter()
        .map(|s| (s.word().to_owned(), json!(tally.of(*s))))
        .collect();
    let lines = vec![format!(
        "Intake {}: {} new items ({} need attention), {} delivered again, {} bytes read.",
        outcome.name,
        tally.items(),
        tally.attention(),
        tally.again,
        tally.bytes
    )];
    answer(
        global,
        &json!({ "intake": outcome.name, "states": states, "delivered_again": tally.again, "resumed": tally.resumed, "bytes": tally.bytes }),
        &lines,
    )
}
