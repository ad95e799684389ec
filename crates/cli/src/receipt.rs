//! `comity receipt`: make the receipt of an intake anew.

use std::path::PathBuf;

use clap::Args;
use comity_app::Centre;
use comity_app::event::Actor;
use comity_app::receipt::Place;
use comity_core::digest::hex;
use serde_json::{Value, json};

use crate::args::Global;
use crate::attest;
use crate::output::answer;
use crate::progress::Bar;
use crate::world::{Failure, actor, actor_given, open};

#[derive(Args)]
pub struct ReceiptArgs {
    /// The intake: member and number, such as UKR-000123
    pub intake: String,
    /// The receipt: a new folder, or a new file that ends in .zip
    #[arg(short, long, value_name = "DIR|FILE.zip")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub attested: attest::AttestedArgs,
}

pub fn run(global: &Global, args: &ReceiptArgs) -> Result<(), Failure> {
    actor_given(global)?;
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    args.attested.apply(&centre)?;
    let no = centre.intake_of_name(&mut centre.session()?, &args.intake)?;
    let default = default_place(&args.intake);
    let place = match &args.output {
        Some(given) => Place::Here(given),
        None => Place::Numbered(&default),
    };
    let bar = Bar::new(!global.json);
    let (json, lines) = make(&centre, &actor, no, place, &bar)?;
    answer(global, &json, &lines)
}

/// Where a receipt goes when nobody said: the current folder, named by the intake, with a number when that is taken.
pub fn default_place(intake: &str) -> PathBuf {
    PathBuf::from(format!("{intake}.receipt"))
}

/// Makes a receipt and says what a deliverer should know.
pub fn make(
    centre: &Centre,
    actor: &Actor,
    no: i64,
    place: Place<'_>,
    bar: &Bar,
) -> Result<(Value, Vec<String>), Failure> {
    let made = centre.make_receipt(actor, no, place, &|done, all| {
        bar.show("receipt", done, all)
    })?;
    bar.clear();
    let mut lines = vec![
        format!(
            "Receipt      {} ({} lines; comity-verify checks it)",
            made.place.display(),
            made.head.lines
        ),
        format!("Manifest     {}", grouped(&made.head.manifest_sha256.0)),
        format!("Fingerprint  {}", centre.log_keys().fingerprint_groups()),
    ];
    let mut json = json!({
        "receipt": made.place.display().to_string(), "lines": made.head.lines, "manifest_sha256": made.head.manifest_sha256.to_string(),
        "checkpoint": made.head.size, "leaf": made.leaf, "fingerprint": centre.log_keys().fingerprint().to_string(),
    });
    if let Some((attested, words)) = attest::say_of(centre, made.head.size)? {
        json["attestation"] = attested;
        lines.push(words);
    }
    Ok((json, lines))
}

fn grouped(bytes: &[u8]) -> String {
    bytes.chunks(2).map(hex).collect::<Vec<_>>().join(" ")
}
