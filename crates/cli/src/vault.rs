//! `comity vault`: the care for the sealed bytes.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::args::Global;
use crate::output::{answer, counted};
use crate::world::{Failure, actor, actor_given, open};

#[derive(Args)]
pub struct VaultArgs {
    #[command(subcommand)]
    pub verb: VaultVerb,
}

#[derive(Subcommand)]
pub enum VaultVerb {
    /// Give back the space of bytes whose keys were destroyed
    Compact,
}

pub fn run(global: &Global, args: &VaultArgs) -> Result<(), Failure> {
    match &args.verb {
        VaultVerb::Compact => compact(global),
    }
}

fn compact(global: &Global) -> Result<(), Failure> {
    actor_given(global)?;
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    let done = centre.compact(&actor)?;
    let mut lines: Vec<String> = done
        .left
        .iter()
        .map(|f| format!("Left as it is: {f}"))
        .collect();
    lines.push(match done.leaf {
        None => "Nothing to give back: no pack holds bytes whose keys were destroyed.".to_owned(),
        Some(leaf) => format!(
            "{} given back: {} removed, {} made of what lives in them, {} gone (leaf {leaf}).",
            counted(done.bytes_freed, "byte"),
            counted(done.packs_removed, "pack"),
            done.packs_made,
            counted(done.objects_removed, "dead object")
        ),
    });
    let left: Vec<_> = done
        .left
        .iter()
        .map(|f| json!({ "place": f.place, "what": f.what }))
        .collect();
    answer(
        global,
        &json!({
            "packs_removed": done.packs_removed, "packs_made": done.packs_made,
            "objects_removed": done.objects_removed, "bytes_freed": done.bytes_freed,
            "leaf": done.leaf, "left": left,
        }),
        &lines,
    )
}
