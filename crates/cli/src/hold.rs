//! `comity hold` and `comity release`: nothing under a hold is erased.

use clap::Args;
use comity_app::Centre;
use comity_app::acts::Covered;
use comity_app::event::Actor;
use comity_core::id::Ern;
use serde_json::json;

use crate::args::Global;
use crate::attest::AttestedArgs;
use crate::output::{answer, columns, counted};
use crate::proposal::{ConfirmArgs, confirm, waits};
use crate::world::{Failure, actor, actor_given, open};

#[derive(Args)]
pub struct HoldArgs {
    /// These items
    #[arg(value_name = "ERN", required_unless_present_any = ["case", "list"], conflicts_with_all = ["case", "list"])]
    pub items: Vec<Ern>,
    /// A whole case, by code or name, with what comes into it later
    #[arg(long, conflicts_with = "list")]
    pub case: Option<String>,
    /// Why
    #[arg(long, required_unless_present = "list")]
    pub reason: Option<String>,
    /// On what authority: a court's order, a provision of law
    #[arg(long, required_unless_present = "list")]
    pub authority: Option<String>,
    /// List the holds
    #[arg(long)]
    pub list: bool,
}

#[derive(Args)]
pub struct ReleaseArgs {
    /// The hold, such as H0001
    #[arg(
        value_name = "HOLD",
        required_unless_present = "confirm",
        conflicts_with = "confirm"
    )]
    pub hold: Option<String>,
    /// Why
    #[arg(long, required_unless_present = "confirm")]
    pub reason: Option<String>,
    /// On what authority
    #[arg(long, required_unless_present = "confirm")]
    pub authority: Option<String>,
    /// Confirm the release that another person proposed
    #[arg(long, value_name = "PROPOSAL")]
    pub confirm: Option<String>,
}

pub fn run(global: &Global, args: &HoldArgs) -> Result<(), Failure> {
    if args.list {
        return list(global);
    }
    actor_given(global)?;
    let centre = open(global)?;
    let covered = match &args.case {
        Some(case) => Covered::Case(case.clone()),
        None => Covered::Items(args.items.clone()),
    };
    let (reason, authority) = (args.reason.as_deref(), args.authority.as_deref());
    let (reason, authority) = (reason.unwrap_or_default(), authority.unwrap_or_default());
    let actor = actor(global, &centre)?;
    let act = centre.hold_act(&covered, reason, authority)?;
    if waits(global, &centre, &actor, &act)? {
        return Ok(());
    }
    place(global, &centre, &actor, &covered, reason, authority)
}

/// Places a hold, and says so.
pub fn place(
    global: &Global,
    centre: &Centre,
    actor: &Actor,
    covered: &Covered,
    reason: &str,
    authority: &str,
) -> Result<(), Failure> {
    let number = centre.hold(actor, covered, reason, authority)?;
    let what = match covered {
        Covered::Case(case) => format!("the case {case}, with what comes into it"),
        Covered::Items(items) => counted(items.len() as u64, "item"),
    };
    let line = format!("{number} holds {what}: nothing of it is erased until it is released.");
    answer(global, &json!({ "hold": number }), &[line])
}

fn list(global: &Global) -> Result<(), Failure> {
    let centre = open(global)?;
    let holds = centre.holds(&mut centre.session()?)?;
    let list: Vec<_> = holds
        .iter()
        .map(|h| json!({ "hold": h.number, "case": h.case, "items": h.items, "released": h.released }))
        .collect();
    let rows: Vec<_> = holds
        .iter()
        .map(|h| {
            let what = match &h.case {
                Some(case) => format!("the case {case}"),
                None => counted(h.items, "item"),
            };
            let state = if h.released { "released" } else { "holds" };
            vec![h.number.clone(), state.to_owned(), what]
        })
        .collect();
    answer(global, &json!(list), &columns(&rows))
}

pub fn release(global: &Global, args: &ReleaseArgs) -> Result<(), Failure> {
    actor_given(global)?;
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    if let Some(number) = &args.confirm {
        let args = ConfirmArgs {
            proposal: number.clone(),
            output: None,
            to_dir: None,
            attested: AttestedArgs { attested: None },
        };
        return confirm(global, &centre, &actor, &args);
    }
    let hold = args.hold.as_deref().unwrap_or_default();
    let (reason, authority) = (args.reason.as_deref(), args.authority.as_deref());
    let (reason, authority) = (reason.unwrap_or_default(), authority.unwrap_or_default());
    if waits(
        global,
        &centre,
        &actor,
        &centre.release_act(hold, reason, authority)?,
    )? {
        return Ok(());
    }
    centre.release(&actor, hold, reason, authority)?;
    released(global, hold)
}

/// Says that a hold ended.
pub fn released(global: &Global, hold: &str) -> Result<(), Failure> {
    answer(
        global,
        &json!({ "released": hold }),
        &[format!("{hold} is released.")],
    )
}
