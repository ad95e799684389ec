//! `comity keys`: the keyring's epochs, shares and locks.

use clap::{Args, Subcommand};
use comity_core::id::MemberCode;
use serde_json::json;

use crate::args::Global;
use crate::output::answer;
use crate::world::{Failure, actor, actor_given, open};

#[derive(Args)]
pub struct KeysArgs {
    #[command(subcommand)]
    pub verb: KeysVerb,
}

#[derive(Subcommand)]
pub enum KeysVerb {
    /// Make a new root key and wrap all scope keys anew; the former one opens nothing any more
    Rotate(RotateArgs),
}

#[derive(Args)]
pub struct RotateArgs {
    /// Give this member fresh scope keys for all that comes as well
    #[arg(long, value_name = "CODE")]
    pub member: Option<MemberCode>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

pub fn run(global: &Global, args: &KeysArgs) -> Result<(), Failure> {
    match &args.verb {
        KeysVerb::Rotate(args) => rotate(global, args),
    }
}

fn rotate(global: &Global, args: &RotateArgs) -> Result<(), Failure> {
    actor_given(global)?;
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    let done = centre.rotate_keys(&actor, args.member.as_ref(), args.reason.as_deref())?;
    let mut lines = vec![format!(
        "The keyring is in epoch {} (leaf {}). The former root key opens nothing here any more.",
        done.epoch, done.leaf
    )];
    lines.push(
        "Older copies of the keyring still open with what opened them then: destroy those that are not needed, and make a new copy."
            .to_owned(),
    );
    let json = json!({ "epoch": done.epoch, "leaf": done.leaf, "member": args.member.as_ref().map(MemberCode::as_str) });
    answer(global, &json, &lines)
}
