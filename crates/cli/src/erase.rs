//! `comity erase`: forget items by law, with two persons.

use clap::Args;
use comity_app::Centre;
use comity_app::acts::{Erasure, Scope, Survivors};
use comity_app::event::Actor;
use comity_core::id::Ern;
use serde_json::{Value, json};

use crate::args::Global;
use crate::output::{answer, counted};
use crate::proposal::proposed;
use crate::world::{Failure, actor, actor_given, open};

#[derive(Args)]
pub struct EraseArgs {
    /// The items
    #[arg(
        value_name = "ERN",
        required_unless_present = "confirm",
        conflicts_with = "confirm"
    )]
    pub items: Vec<Ern>,
    /// Why; stays on record for ever, so without names
    #[arg(long, required_unless_present = "confirm")]
    pub reason: Option<String>,
    /// On what authority: a court's order, a provision of law
    #[arg(long, required_unless_present = "confirm")]
    pub authority: Option<String>,
    /// Only these, although other items hold the same bytes
    #[arg(long, conflicts_with = "all")]
    pub these: bool,
    /// Every item that holds the same bytes as well
    #[arg(long)]
    pub all: bool,
    /// Confirm the erasure that another person proposed, and erase
    #[arg(long, value_name = "PROPOSAL")]
    pub confirm: Option<String>,
}

pub fn run(global: &Global, args: &EraseArgs) -> Result<(), Failure> {
    actor_given(global)?;
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    if let Some(number) = &args.confirm {
        return confirm(global, &centre, &actor, number);
    }
    let erasure = Erasure {
        items: args.items.clone(),
        scope: match (args.these, args.all) {
            (true, _) => Scope::These,
            (_, true) => Scope::All,
            _ => Scope::Unsaid,
        },
        reason: args.reason.clone().unwrap_or_default(),
        authority: args.authority.clone().unwrap_or_default(),
    };
    let asked = centre.erase(&actor, &erasure)?;
    let mut lines = vec![format!(
        "To be erased: {}.",
        counted(asked.items.len() as u64, "item")
    )];
    lines.extend(asked.items.iter().map(|ern| format!("  {ern}")));
    lines.extend(left(&asked.survivors));
    lines.extend(proposed(&asked.proposal, &asked.lapses));
    let json = json!({ "proposal": asked.proposal, "lapses": asked.lapses, "items": names(&asked.items), "left": survivors(&asked.survivors) });
    answer(global, &json, &lines)
}

/// Erases what another person proposed to erase.
pub fn confirm(
    global: &Global,
    centre: &Centre,
    actor: &Actor,
    number: &str,
) -> Result<(), Failure> {
    let done = centre.confirm_erasure(actor, number)?;
    let mut lines = vec![format!(
        "{}: {} erased. The log tells by whom, when, why and on what authority.",
        done.number,
        counted(done.items.len() as u64, "item")
    )];
    lines.extend(done.items.iter().map(|ern| format!("  {ern}")));
    lines.extend(left(&done.survivors));
    let json = json!({ "erasure": done.number, "items": names(&done.items), "left": survivors(&done.survivors) });
    answer(global, &json, &lines)
}

fn names(items: &[Ern]) -> Vec<String> {
    items.iter().map(Ern::to_string).collect()
}

/// What erasure does not reach, in lines.
fn left(survivors: &Survivors) -> Vec<String> {
    let mut lines = vec!["What this does not reach:".to_owned()];
    if !survivors.same_bytes.is_empty() {
        lines.push(format!(
            "  the same bytes stay with {}",
            names(&survivors.same_bytes).join(", ")
        ));
    }
    if !survivors.image_files.is_empty() {
        lines.push(format!(
            "  files that were read as one image with them: {}",
            names(&survivors.image_files).join(", ")
        ));
    }
    if !survivors.containers.is_empty() {
        lines.push(format!(
            "  the bytes stay inside of {}",
            names(&survivors.containers).join(", ")
        ));
    }
    lines.extend(
        survivors
            .packages
            .iter()
            .map(|p| format!("  a package handed over: {p}")),
    );
    if survivors.openings > 0 {
        lines.push(format!(
            "  what was read: opened {}",
            counted(survivors.openings, "time")
        ));
    }
    lines.extend(survivors.mirror.iter().map(|m| format!("  {m}")));
    lines.push(format!(
        "  copies of the keyring of epoch {} and before: they open with the passphrase or shares of their time",
        survivors.epoch
    ));
    lines.push(
        "  copies of the sealed bytes elsewhere, which no key of this centre opens any more"
            .to_owned(),
    );
    lines
}

fn survivors(s: &Survivors) -> Value {
    json!({
        "same_bytes": names(&s.same_bytes), "containers": names(&s.containers), "image_files": names(&s.image_files), "packages": s.packages,
        "openings": s.openings, "mirror": s.mirror, "keyring_epoch": s.epoch,
    })
}
