//! `comity disclose`: a package for a court, the defence or another body.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use comity_app::Centre;
use comity_app::disclose::Selection;
use comity_app::event::Actor;
use comity_app::recipients::Recipients;
use comity_core::id::Ern;
use comity_core::package::{CONSISTENCY_ENDING, PROOF_ENDING};
use serde_json::json;

use crate::args::Global;
use crate::attest;
use crate::output::{answer, counted};
use crate::progress::Bar;
use crate::proposal::waits;
use crate::world::{Failure, actor, actor_given, open};

#[derive(Args)]
pub struct DiscloseArgs {
    /// The case, by code or name
    #[arg(long)]
    pub case: String,
    /// Only this item of it; once for each
    #[arg(long = "item", value_name = "ERN")]
    pub items: Vec<Ern>,
    /// What for
    #[arg(long)]
    pub purpose: String,
    /// To whom
    #[arg(long)]
    pub recipient: Option<String>,
    /// Encrypt the package to this recipient, once for each: an age key (age1…), an SSH key ("ssh-ed25519 …"), or a
    /// file of such keys
    #[arg(long = "to", value_name = "RECIPIENT")]
    pub to: Vec<String>,
    /// Open the viewings by people too; they are withheld as work product otherwise
    #[arg(long)]
    pub viewings: bool,
    #[command(flatten)]
    pub attested: attest::AttestedArgs,
    /// The package: a new folder, or a new file that ends in .zip; with --to in .zip.age. Where a disclosure takes two
    /// persons, whoever confirms it says where
    #[arg(short, long, value_name = "DIR|FILE.zip|FILE.zip.age")]
    pub output: PathBuf,
}

pub fn run(global: &Global, args: &DiscloseArgs) -> Result<(), Failure> {
    actor_given(global)?;
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    args.attested.apply(&centre)?;
    let to = match args.to.as_slice() {
        [] => None,
        given => Some(Arc::new(Recipients::parse(given)?)),
    };
    let selection = Selection {
        to,
        case: args.case.clone(),
        items: args.items.clone(),
        purpose: args.purpose.clone(),
        recipient: args.recipient.clone(),
        viewings: args.viewings,
    };
    if waits(global, &centre, &actor, &centre.disclosure_act(&selection)?)? {
        return Ok(());
    }
    make(global, &centre, &actor, &selection, &args.output)
}

/// Makes the package, and says what it is.
pub fn make(
    global: &Global,
    centre: &Centre,
    actor: &Actor,
    selection: &Selection,
    output: &Path,
) -> Result<(), Failure> {
    let bar = Bar::new(!global.json);
    let done = centre.disclose(actor, selection, output, &|what, done, all| {
        bar.show(what, done, all)
    })?;
    bar.clear();
    let fingerprint = centre.log_keys().fingerprint_groups();
    let name = output.file_name().unwrap_or_default();
    let name = name.to_string_lossy();
    let name = name
        .strip_suffix(".zip.age")
        .or(name.strip_suffix(".zip"))
        .unwrap_or(&name);
    let mut lines = vec![
        format!(
            "In {4}: {0}, {1} with {2}, {3}.",
            counted(done.head.exhibits, "exhibit"),
            counted(done.head.files, "file"),
            counted(done.head.bytes, "byte"),
            counted(done.head.events, "event"),
            output.display()
        ),
        format!(
            "Made from checkpoint {}, recorded in leaf {}, published in checkpoint {}.",
            done.head.size, done.leaf, done.recorded_at
        ),
        format!(
            "Hand over with it the two files beside it: {name}{PROOF_ENDING} and {name}{CONSISTENCY_ENDING}"
        ),
        format!("Digest of its tag manifest: {}", done.tagmanifest),
        format!("Whoever checks it compares this fingerprint: {fingerprint}"),
    ];
    let keys = selection.to.as_ref().map_or(&[][..], |to| to.keys());
    if !keys.is_empty() {
        lines.push(format!(
            "Encrypted to {}: `age -d -i KEY {name}.zip.age > {name}.zip` opens it.",
            counted(keys.len() as u64, "recipient")
        ));
    }
    let mut json = json!({
        "recipients": keys,
        "package": output.display().to_string(), "exhibits": done.head.exhibits, "files": done.head.files, "bytes": done.head.bytes,
        "events": done.head.events, "checkpoint": done.head.size, "leaf": done.leaf, "recorded_at": done.recorded_at,
        "tagmanifest_sha256": done.tagmanifest.to_string(), "fingerprint": centre.log_keys().fingerprint().to_string(),
    });
    if let Some((attested, words)) = attest::say_of(centre, done.recorded_at)? {
        json["attestation"] = attested;
        lines.push(words);
    }
    answer(global, &json, &lines)
}
