//! `comity proposal`: acts that wait for a second person, and which acts need one.

use clap::{Args, Subcommand};
use comity_app::acts::{ACTS, TwoPersons};
use comity_app::ambient::time_text;
use serde_json::json;

use crate::args::Global;
use crate::output::{answer, columns};
use crate::world::{Failure, actor, actor_given, open};

#[derive(Args)]
pub struct ProposalArgs {
    #[command(subcommand)]
    pub verb: ProposalVerb,
}

#[derive(Subcommand)]
pub enum ProposalVerb {
    /// List the proposals, the newest first
    List,
    /// Take a proposal back, or refuse it
    Withdraw {
        /// The proposal, such as P0001
        proposal: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Show which acts need two persons, or set it
    Rules {
        /// All acts that need two persons from now on: ACT[:HOURS][:other-member], once for each
        #[arg(long, value_name = "RULE", value_parser = rule)]
        set: Vec<TwoPersons>,
    },
}

/// `erase:72:other-member`.
fn rule(text: &str) -> Result<TwoPersons, String> {
    let mut parts = text.split(':');
    let act = parts.next().unwrap_or_default().to_owned();
    let mut rule = TwoPersons {
        act,
        other_member: false,
        hours: 72,
    };
    for part in parts {
        match part {
            "other-member" => rule.other_member = true,
            hours => {
                rule.hours = hours.parse().map_err(|_| {
                    format!(
                        "{hours:?} is neither a number of hours nor other-member; acts are {}",
                        ACTS.join(", ")
                    )
                })?;
            }
        }
    }
    Ok(rule)
}

pub fn run(global: &Global, args: &ProposalArgs) -> Result<(), Failure> {
    match &args.verb {
        ProposalVerb::List => list(global),
        ProposalVerb::Withdraw { proposal, reason } => {
            actor_given(global)?;
            let centre = open(global)?;
            let leaf = centre.withdraw(&actor(global, &centre)?, proposal, reason)?;
            let line = format!("{proposal} is withdrawn (leaf {leaf}).");
            answer(
                global,
                &json!({ "proposal": proposal, "leaf": leaf }),
                &[line],
            )
        }
        ProposalVerb::Rules { set } if set.is_empty() => {
            let centre = open(global)?;
            let rules = centre.two_person_acts(&mut centre.session()?)?;
            rules_answer(global, &rules)
        }
        ProposalVerb::Rules { set } => {
            actor_given(global)?;
            let centre = open(global)?;
            centre.set_two_person_acts(&actor(global, &centre)?, set)?;
            rules_answer(global, set)
        }
    }
}

fn rules_answer(global: &Global, rules: &[TwoPersons]) -> Result<(), Failure> {
    let json: Vec<_> = rules
        .iter()
        .map(|r| json!({ "act": r.act, "hours": r.hours, "other_member": r.other_member }))
        .collect();
    let lines: Vec<String> = rules
        .iter()
        .map(|r| {
            let whose = if r.other_member {
                ", of different members"
            } else {
                ""
            };
            format!(
                "{}: two persons{whose}; a proposal lapses after {} hours",
                r.act, r.hours
            )
        })
        .collect();
    answer(global, &json!(json), &lines)
}

fn list(global: &Global) -> Result<(), Failure> {
    let centre = open(global)?;
    let proposals = centre.proposals(&mut centre.session()?)?;
    let json: Vec<_> = proposals
        .iter()
        .map(|p| {
            let parameters = serde_json::to_value(&p.parameters).unwrap_or_default();
            json!({ "proposal": p.number, "act": p.act, "by": p.person, "lapses": time_text(p.lapses), "state": p.state.word(), "parameters": parameters })
        })
        .collect();
    let rows: Vec<_> = proposals
        .iter()
        .map(|p| {
            let reason = p
                .parameters
                .get("reason")
                .and_then(|r| r.as_str())
                .unwrap_or_default();
            vec![
                p.number.clone(),
                p.state.word().to_owned(),
                p.act.clone(),
                p.person.clone(),
                time_text(p.lapses),
                reason.to_owned(),
            ]
        })
        .collect();
    answer(global, &json!(json), &columns(&rows))
}
