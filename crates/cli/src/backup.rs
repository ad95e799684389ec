//! `comity backup`: copy all that is kept while the centre runs, and check such a copy.

use std::path::PathBuf;

use clap::Args;
use comity_app::Ambient;
use comity_app::backup::{KEYRING_DAYS, Outcome, Request, check};
use comity_app::verify::Depth;
use serde_json::{Value, json};

use crate::args::Global;
use crate::output::{answer, counted};
use crate::passphrase;
use crate::progress::Bar;
use crate::verify::tell;
use crate::world::{Failure, actor, actor_given, open};

#[derive(Args)]
pub struct BackupArgs {
    /// The folder of the backup, new or of an earlier one: only what is new is copied
    pub to: PathBuf,
    /// Keep the copies of the keyring in this folder, apart from what they open
    #[arg(long, value_name = "DIR")]
    pub keyring: Option<PathBuf>,
    /// Remove all copies of the keyring but the newest N, overwriting them first
    #[arg(long, value_name = "N", conflicts_with = "check", value_parser = clap::value_parser!(u16).range(1..))]
    pub keep_keyrings: Option<u16>,
    /// For how many days a copy of the keyring may be kept before this command warns of it
    #[arg(long, value_name = "DAYS", default_value_t = KEYRING_DAYS, conflicts_with = "check")]
    pub keyring_days: u64,
    /// Copy nothing: check the backup, every byte against the digests beside it, without a passphrase
    #[arg(long)]
    pub check: bool,
    /// With --check: open it with the passphrase, and read every byte of every item back
    #[arg(long, requires = "check")]
    pub full: bool,
}

pub fn run(global: &Global, args: &BackupArgs) -> Result<(), Failure> {
    if args.check {
        return checked(global, args);
    }
    actor_given(global)?;
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    let bar = Bar::new(!global.json);
    let request = Request {
        to: args.to.clone(),
        keyring: args.keyring.clone(),
        keep_keyrings: args.keep_keyrings.map(usize::from),
        keyring_days: args.keyring_days,
    };
    let outcome = centre.backup(&actor, &request, &|what, done, all| {
        bar.show(what, done, all);
    })?;
    bar.clear();
    for warning in &outcome.warnings {
        eprintln!(
            "comity: warning: {}",
            comity_core::shown::escape_for_terminal(warning)
        );
    }
    answer(global, &as_json(&outcome), &lines(&outcome, args))?;
    if outcome.findings.is_empty() {
        Ok(())
    } else {
        Err(Failure::Said)
    }
}

fn as_json(outcome: &Outcome) -> Value {
    let findings: Vec<_> = outcome
        .findings
        .iter()
        .map(|f| json!({ "place": f.place, "what": f.what }))
        .collect();
    json!({
        "size": outcome.size, "root": outcome.root.to_string(), "leaf": outcome.leaf,
        "packs": { "copied": outcome.packs.copied, "kept": outcome.packs.kept, "removed": outcome.packs_removed },
        "ledger_files": { "copied": outcome.ledger.copied, "kept": outcome.ledger.kept },
        "bytes_copied": outcome.packs.bytes + outcome.ledger.bytes,
        "keyring": outcome.keyring.display().to_string(), "keyrings_removed": outcome.keyrings_removed,
        "findings": findings, "warnings": outcome.warnings,
    })
}

fn lines(outcome: &Outcome, args: &BackupArgs) -> Vec<String> {
    let mut lines: Vec<String> = outcome
        .findings
        .iter()
        .map(|f| format!("Not in the backup: {f}"))
        .collect();
    lines.push(format!(
        "The backup in {} is of {} (root {}).",
        args.to.display(),
        counted(outcome.size, "event"),
        outcome.root
    ));
    lines.push(format!(
        "Packs        {} copied, {} there already, {} removed",
        outcome.packs.copied, outcome.packs.kept, outcome.packs_removed
    ));
    lines.push(format!(
        "Ledger       {} copied, {} there already, and the edge",
        counted(outcome.ledger.copied, "file"),
        outcome.ledger.kept
    ));
    lines.push(format!(
        "Keyring      {} (destroy it by the end of its {}: it undoes erasures)",
        outcome.keyring.display(),
        counted(args.keyring_days, "day")
    ));
    lines.push(format!("Recorded     leaf {}", outcome.leaf));
    lines
}

fn checked(global: &Global, args: &BackupArgs) -> Result<(), Failure> {
    let (depth, passphrase) = match args.full {
        true => (Depth::Full, Some(passphrase::get(global)?)),
        false => (Depth::Sealed, None),
    };
    let bar = Bar::new(!global.json);
    let (mark, report) = check(
        &args.to,
        args.keyring.as_deref(),
        depth,
        passphrase.as_ref().map(passphrase::Opening::by),
        &Ambient::system(),
        &|what, done, all| bar.show(what, done, all),
    )?;
    bar.clear();
    let what = format!(
        "a backup of {} made {}, {}",
        counted(mark.size, "event"),
        mark.made,
        counted(report.packs, "pack")
    );
    let json = json!({
        "size": mark.size, "root": mark.root.to_string(), "made": mark.made, "keyring": mark.keyring,
        "packs": report.packs, "items_read": report.items_read,
    });
    tell(global, &report, &what, json)
}
