//! `comity verify`: is what is kept what was recorded?

use clap::Args;
use comity_app::Ambient;
use comity_app::fixity::{Failure as Fails, Pace};
use comity_app::verify::{Depth, Place, Report, verify_place};
use serde_json::{Value, json};

use crate::args::Global;
use crate::output::{answer, counted};
use crate::passphrase;
use crate::progress::Bar;
use crate::world::{Failure, actor, actor_given, folder, open};

#[derive(Args)]
pub struct VerifyArgs {
    /// Without a passphrase: ledger, keyring and packs against the digests beside them
    #[arg(long, conflicts_with = "full")]
    pub sealed: bool,
    /// Read every byte of every item back
    #[arg(long)]
    pub full: bool,
    /// Go on reading the vault where the last run stopped, record the run, and set damaged items apart
    #[arg(long, conflicts_with_all = ["sealed", "full"])]
    pub scheduled: bool,
    /// With --scheduled: read at most so many MB a second
    #[arg(long, value_name = "MB", requires = "scheduled")]
    pub rate: Option<u64>,
    /// With --scheduled: end with the pack at which so many seconds have gone
    #[arg(long = "for", value_name = "SECONDS", requires = "scheduled")]
    pub seconds: Option<u64>,
}

pub fn run(global: &Global, args: &VerifyArgs) -> Result<(), Failure> {
    if args.scheduled {
        return scheduled(global, args);
    }
    let dir = folder(global)?;
    let depth = match (args.sealed, args.full) {
        (true, _) => Depth::Sealed,
        (_, true) => Depth::Full,
        _ => Depth::Middle,
    };
    let passphrase = if args.sealed {
        None
    } else {
        Some(passphrase::get(global)?)
    };
    let bar = Bar::new(!global.json);
    let report = verify_place(
        &Place::centre(&dir),
        depth,
        passphrase.as_ref().map(passphrase::Opening::by),
        &Ambient::system(),
        &|what, done, all| bar.show(what, done, all),
    )?;
    bar.clear();
    let read = match depth {
        Depth::Full => format!(
            ", {} with {} read back",
            counted(report.items_read, "item"),
            counted(report.bytes_read, "byte")
        ),
        _ => String::new(),
    };
    let what = format!(
        "{}, {}{read}",
        counted(report.events, "event"),
        counted(report.packs, "pack")
    );
    let json = json!({
        "events": report.events, "packs": report.packs, "items_read": report.items_read, "bytes_read": report.bytes_read,
    });
    tell(global, &report, &what, json)
}

/// What a check found: findings and notes a line each, then how much was looked at (`what`). `json` gets both lists.
pub fn tell(global: &Global, report: &Report, what: &str, mut json: Value) -> Result<(), Failure> {
    let mut lines: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    lines.extend(report.notes.iter().map(|n| format!("Note: {n}")));
    lines.push(match report.findings.len() {
        0 => format!("Nothing wrong: {what}."),
        n => format!("{} ({what}).", counted(n as u64, "finding")),
    });
    let findings = report
        .findings
        .iter()
        .map(|f| json!({ "place": f.place, "what": f.what }));
    json["findings"] = findings.collect();
    json["notes"] = json!(report.notes);
    answer(global, &json, &lines)?;
    if report.findings.is_empty() {
        Ok(())
    } else {
        Err(Failure::Said)
    }
}

fn scheduled(global: &Global, args: &VerifyArgs) -> Result<(), Failure> {
    actor_given(global)?;
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    let bar = Bar::new(!global.json);
    let pace = Pace {
        bytes_per_sec: args.rate.map(|mb| mb.saturating_mul(1_000_000)),
        seconds: args.seconds,
    };
    let run = centre.check_fixity(&actor, pace, &|done, all| bar.show("fixity", done, all))?;
    bar.clear();
    let named = |f: &Fails| f.ern.map_or("no item".to_owned(), |ern| ern.to_string());
    let mut lines: Vec<String> = run
        .failures
        .iter()
        .map(|f| format!("{}: {} ({})", named(f), f.what, f.pack))
        .collect();
    lines.push(format!(
        "{} read in {}: {}, {} newly in quarantine (leaf {}).",
        counted(run.bytes, "byte"),
        counted(run.packs, "pack"),
        counted(run.failures.len() as u64, "failure"),
        run.quarantined,
        run.leaf
    ));
    let failures: Vec<_> = run
        .failures
        .iter()
        .map(|f| json!({ "item": f.ern.map(|e| e.to_string()), "pack": f.pack, "what": f.what }))
        .collect();
    let json = json!({
        "packs": run.packs, "bytes": run.bytes, "to": run.to.map(|p| p.to_string()), "failures": failures,
        "quarantined": run.quarantined, "leaf": run.leaf,
    });
    answer(global, &json, &lines)?;
    if run.failures.is_empty() {
        Ok(())
    } else {
        Err(Failure::Said)
    }
}
