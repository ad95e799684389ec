//! `comity ledger`: the log's state, proofs, and its export for any standard reader.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use comity_app::ambient::time_text;
use comity_app::item::proof_of;
use comity_app::{AppError, Centre};
use comity_core::checkpoint::SignedCheckpoint;
use comity_core::id::Ern;
use comity_core::package::Consistency;
use serde_json::json;

use crate::args::Global;
use crate::attest;
use crate::output::answer;
use crate::progress::Bar;
use crate::stamp::{status_json, status_lines};
use crate::world::{Failure, open};

#[derive(Args)]
pub struct LedgerArgs {
    #[command(subcommand)]
    pub verb: LedgerVerb,
}

#[derive(Subcommand)]
pub enum LedgerVerb {
    /// Size, root and age of the published checkpoint
    Status,
    /// The published checkpoint itself, as a signed note
    Checkpoint,
    /// Prove that an event stands in the log, or that the log only grew
    Proof(ProofArgs),
    /// Set the policy that names the witnesses, or show it
    Policy(attest::PolicyArgs),
    /// Ask the witnesses to cosign the published checkpoint now
    Attest(attest::AttestArgs),
    /// Write the log as a tlog-tiles tree
    Export {
        /// The folder to write, new or of an earlier export
        dir: PathBuf,
    },
}

#[derive(Args)]
pub struct ProofArgs {
    /// The item whose event is proved
    pub ern: Option<Ern>,
    /// Which event of the item, from 0 (the last one, unless said)
    #[arg(long, requires = "ern")]
    pub event: Option<u64>,
    /// Any event by the index of its leaf
    #[arg(long, conflicts_with = "ern")]
    pub leaf: Option<u64>,
    /// Consistency with this earlier checkpoint (a file that `ledger checkpoint` wrote)
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ern", "leaf"])]
    pub since: Option<PathBuf>,
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

pub fn run(global: &Global, args: &LedgerArgs) -> Result<(), Failure> {
    match &args.verb {
        LedgerVerb::Policy(args) => return attest::policy(global, args),
        LedgerVerb::Attest(args) => return attest::attest(global, args),
        _ => {}
    }
    let centre = open(global)?;
    match &args.verb {
        LedgerVerb::Policy(_) | LedgerVerb::Attest(_) => Ok(()),
        LedgerVerb::Status => status(global, &centre),
        LedgerVerb::Checkpoint => deliver(global, None, published(&centre)?.as_bytes()),
        LedgerVerb::Proof(args) => proof(global, &centre, args),
        LedgerVerb::Export { dir } => export(global, &centre, dir),
    }
}

fn published(centre: &Centre) -> Result<SignedCheckpoint, Failure> {
    let note = centre
        .sequencer()
        .tree
        .published()
        .map(<[u8]>::to_vec)
        .unwrap_or_default();
    SignedCheckpoint::parse(&note)
        .and_then(|c| c.verify(&centre.log_keys()))
        .map_err(|e| Failure::Wrong(format!("the published checkpoint does not verify: {e}")))
}

fn status(global: &Global, centre: &Centre) -> Result<(), Failure> {
    let checkpoint = published(centre)?;
    let now = centre.ambient.clock.now_micros() / 1_000_000;
    let signed = i64::try_from(checkpoint.time_secs()).unwrap_or(i64::MAX);
    let age = now.saturating_sub(signed);
    let keys = centre.log_keys();
    let attestation = centre.attestation()?;
    let stamps = centre.stamp_status(&mut centre.session()?)?;
    let mut lines = vec![
        format!("Origin       {}", keys.origin()),
        format!("Events       {}", checkpoint.size()),
        format!("Root         {}", checkpoint.root()),
        format!(
            "Signed       {} ({})",
            time_text(signed.saturating_mul(1_000_000)),
            ago(age)
        ),
        format!("Fingerprint  {}", keys.fingerprint_groups()),
    ];
    let now_secs = u64::try_from(now).unwrap_or(0);
    lines.extend(status_lines(&stamps, checkpoint.size(), now_secs));
    lines.extend(attest::status_lines(&attestation));
    lines.extend(attestation.warning());
    let mirror = centre.mirror_status()?;
    lines.extend(mirror.iter().map(crate::mirror::status_line));
    let json = json!({
        "attestation": attest::status_json(&attestation),
        "stamps": status_json(&stamps),
        "mirror": mirror.as_ref().map(crate::mirror::status_json),
        "origin": keys.origin(), "size": checkpoint.size(), "root": checkpoint.root().to_string(),
        "signed_at": time_text(signed.saturating_mul(1_000_000)), "age_seconds": age, "fingerprint": keys.fingerprint().to_string(),
    });
    answer(global, &json, &lines)
}

pub(crate) fn ago(seconds: i64) -> String {
    match seconds {
        s if s < 0 => format!("{} s in the future: look at this machine's clock", -s),
        s if s < 120 => format!("{s} s ago"),
        s if s < 7200 => format!("{} min ago", s / 60),
        s if s < 172_800 => format!("{} h ago", s / 3600),
        s => format!("{} days ago", s / 86_400),
    }
}

fn proof(global: &Global, centre: &Centre, args: &ProofArgs) -> Result<(), Failure> {
    if let Some(file) = &args.since {
        return deliver(global, args.output.as_deref(), &since(centre, file)?);
    }
    let index = match (&args.ern, args.leaf) {
        (Some(ern), _) => {
            let mut session = centre.session()?;
            let item = centre.item(&mut session, ern)?;
            let indices = centre.chain_indices(&mut session, item.no)?;
            let n = args.event.unwrap_or(item.last_n);
            let found = usize::try_from(n)
                .ok()
                .and_then(|n| indices.get(n))
                .copied();
            found.ok_or_else(|| {
                Failure::Usage(format!(
                    "{ern} has events 0 to {}, and {n} is not one of them",
                    item.last_n
                ))
            })?
        }
        (None, Some(leaf)) => leaf,
        (None, None) => {
            return Err(Failure::Usage(
                "a proof of what? name an item, --leaf INDEX, or --since CHECKPOINT".to_owned(),
            ));
        }
    };
    let mut proof = proof_of(centre, index)?;
    // The leaf travels with its proof; the format leaves it unauthenticated, and the proof covers its hash.
    proof.extra = Some(centre.read_event(index)?.entry);
    deliver(global, args.output.as_deref(), &proof.encode())
}

fn since(centre: &Centre, file: &Path) -> Result<Vec<u8>, Failure> {
    let bytes = std::fs::read(file).map_err(|e| Failure::from(AppError::io(file, e)))?;
    let old = SignedCheckpoint::parse(&bytes)
        .and_then(|c| c.verify(&centre.log_keys()))
        .map_err(|e| {
            Failure::Wrong(format!(
                "{} is not a checkpoint of this log: {e}",
                file.display()
            ))
        })?;
    let new = published(centre)?;
    if old.size() > new.size() {
        return Err(Failure::Wrong(format!(
            "{} is of {} events and the log holds {}: events are missing here, or this is an old copy of the centre",
            file.display(),
            old.size(),
            new.size()
        )));
    }
    let sequencer = centre.sequencer();
    let root = sequencer.tree.root_at(old.size()).map_err(AppError::from)?;
    if root != *old.root() {
        return Err(Failure::Wrong(format!(
            "{} was signed over other events than this log holds: two logs were shown",
            file.display()
        )));
    }
    let hashes = sequencer
        .tree
        .consistency_proof(old.size(), new.size())
        .map_err(AppError::from)?;
    Ok(Consistency {
        old: old.as_bytes().to_vec(),
        new: new.as_bytes().to_vec(),
        hashes,
    }
    .encode())
}

fn export(global: &Global, centre: &Centre, dir: &Path) -> Result<(), Failure> {
    let checkpoint = published(centre)?;
    let keys = centre.key_file()?;
    let sequencer = centre.sequencer();
    let bar = Bar::new(!global.json);
    let watch = |done, all| bar.show("log", done, all);
    let exported = sequencer
        .tree
        .export(dir, checkpoint.as_bytes(), keys.as_bytes(), &watch);
    bar.clear();
    exported.map_err(AppError::from)?;
    let line = format!(
        "The log of {} events is in {}, with its keys.",
        checkpoint.size(),
        dir.display()
    );
    answer(
        global,
        &json!({ "dir": dir.display().to_string(), "size": checkpoint.size() }),
        &[line],
    )
}

/// Writes a text of the log to a file, or to standard output as it is; with `--json`, says it in JSON.
fn deliver(global: &Global, file: Option<&Path>, bytes: &[u8]) -> Result<(), Failure> {
    use std::io::Write;
    match file {
        Some(file) => {
            std::fs::write(file, bytes).map_err(|e| Failure::from(AppError::io(file, e)))?;
            let line = format!("Written to {}.", file.display());
            answer(
                global,
                &json!({ "file": file.display().to_string() }),
                &[line],
            )
        }
        None if global.json => {
            let text = String::from_utf8_lossy(bytes);
            answer(global, &json!({ "text": text }), &[])
        }
        None => std::io::stdout()
            .write_all(bytes)
            .map_err(|e| Failure::Wrong(format!("the answer could not be written: {e}"))),
    }
}
