//! `comity member`: list the members.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::args::Global;
use crate::output::{answer, columns};
use crate::world::{Failure, open};

#[derive(Args)]
pub struct MemberArgs {
    #[command(subcommand)]
    pub verb: MemberVerb,
}

#[derive(Subcommand)]
pub enum MemberVerb {
    /// List the members
    List,
}

pub fn run(global: &Global, args: &MemberArgs) -> Result<(), Failure> {
    let MemberVerb::List = args.verb;
    let centre = open(global)?;
    let members = centre.members(&mut centre.session()?)?;
    let list: Vec<_> = members
        .iter()
        .map(|m| json!({ "member": m.code, "name": m.name }))
        .collect();
    let rows: Vec<_> = members
        .iter()
        .map(|m| vec![m.code.clone(), m.name.clone().unwrap_or_default()])
        .collect();
    answer(global, &json!(list), &columns(&rows))
}
