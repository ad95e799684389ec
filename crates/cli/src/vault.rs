//! `comity vault`: the care for the sealed bytes.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use serde_json::json;

use crate::args::Global;
use crate::mirror::{self, MirrorVerb};
use crate::output::{answer, counted};
use crate::progress::Bar;
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
    /// Mend what is damaged from the mirror, and the mirror from the centre; only bytes that the ledger names are put in
    /// place
    Repair {
        /// Mend the items in quarantine from this backup instead
        #[arg(long, value_name = "BACKUP")]
        from: Option<PathBuf>,
        /// Read every byte of both stores, and not only what is known to be damaged or seen to be missing
        #[arg(long, conflicts_with = "from")]
        full: bool,
    },
    /// A second store that holds the same
    Mirror {
        #[command(subcommand)]
        verb: MirrorVerb,
    },
}

pub fn run(global: &Global, args: &VaultArgs) -> Result<(), Failure> {
    match &args.verb {
        VaultVerb::Compact => compact(global),
        VaultVerb::Repair { from, full } => repair(global, from.as_deref(), *full),
        VaultVerb::Mirror { verb } => mirror::run(global, verb),
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

fn repair(global: &Global, from: Option<&Path>, full: bool) -> Result<(), Failure> {
    actor_given(global)?;
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    let done = match from {
        Some(from) => centre.repair(&actor, from)?,
        None => {
            let done = centre.repair_both_ways(&actor, full)?;
            let bar = Bar::new(!global.json);
            let watch = |done, all| bar.show("mirror", done, all);
            centre.catch_up(u64::MAX, &watch)?;
            done
        }
    };
    let mut lines: Vec<String> = done
        .findings
        .iter()
        .map(|f| format!("Not mended: {f}"))
        .collect();
    lines.push(match done.leaf {
        Some(leaf) => format!(
            "{} mended, {} out of quarantine{} (leaf {leaf}).",
            counted(done.packs, "pack"),
            counted(done.items, "item"),
            match done.mirror_packs + done.ledger_files {
                0 => String::new(),
                _ => format!(
                    "; {} mended in the mirror, {} put in place",
                    counted(done.mirror_packs, "pack"),
                    counted(done.ledger_files, "ledger file")
                ),
            }
        ),
        None if done.findings.is_empty() && from.is_none() => {
            "Nothing to mend: both stores hold all packs; `--full` reads every byte of them."
                .to_owned()
        }
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
    let json = json!({ "items": done.items, "packs": done.packs, "mirror_packs": done.mirror_packs, "ledger_files": done.ledger_files, "leaf": done.leaf, "findings": findings });
    answer(global, &json, &lines)?;
    if done.findings.is_empty() {
        Ok(())
    } else {
        Err(Failure::Said)
    }
}
