//! `comity verify`: is what is kept what was recorded?

use clap::Args;
use comity_app::Ambient;
use comity_app::verify::{Depth, verify_opened_by};
use serde_json::json;

use crate::args::Global;
use crate::output::{answer, counted};
use crate::passphrase;
use crate::progress::Bar;
use crate::world::{Failure, folder};

#[derive(Args)]
pub struct VerifyArgs {
    /// Without a passphrase: ledger, keyring and packs against the digests beside them
    #[arg(long, conflicts_with = "full")]
    pub sealed: bool,
    /// Read every byte of every item back
    #[arg(long)]
    pub full: bool,
}

pub fn run(global: &Global, args: &VerifyArgs) -> Result<(), Failure> {
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
    let report = verify_opened_by(
        &dir,
        depth,
        passphrase.as_ref().map(passphrase::Opening::by),
        &Ambient::system(),
        &|what, done, all| bar.show(what, done, all),
    )?;
    bar.clear();
    let mut lines: Vec<String> = report.findings.iter().map(ToString::to_string).collect();
    lines.extend(report.notes.iter().map(|n| format!("Note: {n}")));
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
    lines.push(match report.findings.len() {
        0 => format!("Nothing wrong: {what}."),
        n => format!("{} ({what}).", counted(n as u64, "finding")),
    });
    let findings: Vec<_> = report
        .findings
        .iter()
        .map(|f| json!({ "place": f.place, "what": f.what }))
        .collect();
    let json = json!({
        "findings": findings, "notes": report.notes, "events": report.events, "packs": report.packs,
        "items_read": report.items_read, "bytes_read": report.bytes_read,
    });
    answer(global, &json, &lines)?;
    if report.findings.is_empty() {
        Ok(())
    } else {
        Err(Failure::Said)
    }
}
