//! `comity vault`: the care for the sealed bytes.

use std::path::{Path, PathBuf};

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
    /// Mend the items in quarantine from a backup; only bytes that the ledger names are put in place
    Repair {
        /// The backup
        #[arg(long, value_name = "BACKUP")]
        from: PathBuf,
    },
}

pub fn run(global: &Global, args: &VaultArgs) -> Result<(), Failure> {
    match &args.verb {
        VaultVerb::Compact => compact(global),
        VaultVerb::Repair { from } => repair(global, from),
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

fn repair(global: &Global, from: &Path) -> Result<(), Failure> {
    actor_given(global)?;
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    let done = centre.repair(&actor, from)?;
    let mut lines: Vec<String> = done
        .findings
        .iter()
        .map(|f| format!("Not mended: {f}"))
        .collect();
    lines.push(match done.leaf {
        Some(leaf) => format!(
            "{} mended, {} out of quarantine (leaf {leaf}).",
            counted(done.packs, "pack"),
            counted(done.items, "item")
        ),
        None if done.findings.is_empty() => {
            "Nothing is in quarantine: `comity verify --scheduled` looks for damage.".to_owned()
        }
        None => "Nothing was mended.".to_owned(),
    });
    let findings: Vec<_> = done
        .findings
        .iter()
        .map(|f| json!({ "place": f.place, "what": f.what }))
        .collect();
    let json = json!({ "items": done.items, "packs": done.packs, "leaf": done.leaf, "findings": findings });
    answer(global, &json, &lines)?;
    if done.findings.is_empty() {
        Ok(())
    } else {
        Err(Failure::Said)
    }
}
