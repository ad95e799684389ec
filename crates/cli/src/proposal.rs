//! `comity proposal`: acts that wait for a second person, and which acts need one.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use comity_app::Centre;
use comity_app::acts::{Covered, SolemnAct, TwoPersons, act_names};
use comity_app::ambient::time_text;
use comity_app::event::Actor;
use serde_json::json;

use crate::args::Global;
use crate::output::{answer, columns, counted};
use crate::world::{Failure, actor, actor_given, open};
use crate::{attest, disclose, erase, hold, keys, mirror, person, stamp, succession};

#[derive(Args)]
pub struct ProposalArgs {
    #[command(subcommand)]
    pub verb: ProposalVerb,
}

#[derive(Subcommand)]
pub enum ProposalVerb {
    /// List the proposals, the newest first
    List,
    /// Confirm what another person proposed, with your own key (--key), and do it
    Confirm(ConfirmArgs),
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

#[derive(Args)]
pub struct ConfirmArgs {
    /// The proposal, such as P0001
    pub proposal: String,
    /// For a disclosure: the package, as `comity disclose` takes it
    #[arg(short, long, value_name = "DIR|FILE.zip|FILE.zip.age")]
    pub output: Option<PathBuf>,
    /// For shares of the keyring: a folder for a file a holder, instead of showing them one after the other
    #[arg(long, value_name = "DIR")]
    pub to_dir: Option<PathBuf>,
    #[command(flatten)]
    pub attested: attest::AttestedArgs,
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
                        act_names()
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
        ProposalVerb::Confirm(args) => {
            actor_given(global)?;
            let centre = open(global)?;
            confirm(global, &centre, &actor(global, &centre)?, args)
        }
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
            let actor = actor(global, &centre)?;
            if waits(global, &centre, &actor, &SolemnAct::Rules(set.clone()))? {
                return Ok(());
            }
            centre.set_two_person_acts(&actor, set)?;
            rules_answer(global, set)
        }
    }
}

/// Proposes an act that takes two persons, and says what is to be done. `false` where it can be done at once.
pub fn waits(
    global: &Global,
    centre: &Centre,
    actor: &Actor,
    act: &SolemnAct,
) -> Result<bool, Failure> {
    let Some(waiting) = centre.propose(actor, act)? else {
        return Ok(false);
    };
    let mut lines = vec![format!("To be done: {}.", words(act))];
    lines.extend(proposed(&waiting.proposal, &waiting.lapses));
    let json = json!({ "proposal": waiting.proposal, "lapses": waiting.lapses, "act": act.name() });
    answer(global, &json, &lines)?;
    Ok(true)
}

/// What to do about a proposal.
pub fn proposed(proposal: &str, lapses: &str) -> Vec<String> {
    vec![
        format!(
            "Proposed as {proposal}. Nothing is done until another person confirms it with their own key:"
        ),
        format!("  comity --actor PERSON --key FILE proposal confirm {proposal}"),
        format!("It lapses at {lapses}."),
    ]
}

/// Does what another person proposed.
pub fn confirm(
    global: &Global,
    centre: &Centre,
    actor: &Actor,
    args: &ConfirmArgs,
) -> Result<(), Failure> {
    let number = &args.proposal;
    let (second, act) = centre.second_person(actor, number)?;
    match &act {
        SolemnAct::Erase { .. } => erase::confirm(global, centre, actor, number),
        SolemnAct::Release {
            hold,
            reason,
            authority,
        } => {
            centre.release(&second, hold, reason, authority)?;
            hold::released(global, hold)
        }
        SolemnAct::Hold {
            covered,
            reason,
            authority,
        } => hold::place(global, centre, &second, covered, reason, authority),
        SolemnAct::Disclose { selection, .. } => {
            let place = args.output.as_ref().ok_or_else(|| {
                Failure::Usage(format!(
                    "{number} is a disclosure: where to? give -o DIR|FILE.zip|FILE.zip.age"
                ))
            })?;
            args.attested.apply(centre)?;
            disclose::make(global, centre, &second, selection, place)
        }
        SolemnAct::RotateKeys { .. } | SolemnAct::ShareKeys { .. } | SolemnAct::LockKeys { .. } => {
            keys::perform(global, centre, &second, &act, args.to_dir.as_deref())
        }
        SolemnAct::SucceedKeys { .. } | SolemnAct::NameHeirs { .. } => {
            succession::perform(global, centre, &second, &act)
        }
        SolemnAct::AddPerson { member, name } => person::add(global, centre, &second, member, name),
        SolemnAct::PersonKey { person, key, .. } => {
            let at = centre.key_registered(&second, &act)?;
            person::registered(global, person, key, at.index)
        }
        SolemnAct::Witnesses { policy, warn_after } => {
            attest::set_policy(global, centre, &second, policy, *warn_after)
        }
        SolemnAct::SetStampAuthority(authority) => stamp::set(global, centre, &second, authority),
        SolemnAct::RemoveStampAuthority(name) => stamp::remove(global, centre, &second, name),
        SolemnAct::AddMirror(_) | SolemnAct::DropMirror(_) => {
            mirror::perform(global, centre, &second, &act)
        }
        SolemnAct::Rules(rules) => {
            centre.set_two_person_acts(&second, rules)?;
            rules_answer(global, rules)
        }
    }
}

/// An act in words.
fn words(act: &SolemnAct) -> String {
    let many = |items: &[comity_core::id::Ern]| counted(items.len() as u64, "item");
    match act {
        SolemnAct::Erase { items, reason, .. } => format!("erase {}: {reason}", many(items)),
        SolemnAct::Release { hold, reason, .. } => format!("release {hold}: {reason}"),
        SolemnAct::Hold {
            covered, reason, ..
        } => match covered {
            Covered::Case(case) => format!("hold the case {case}: {reason}"),
            Covered::Items(items) => format!("hold {}: {reason}", many(items)),
        },
        SolemnAct::Disclose { selection, fixed } => format!(
            "disclose {} of {}{}, for “{}”",
            counted(fixed.exhibits, "exhibit"),
            selection.case,
            selection
                .recipient
                .as_ref()
                .map_or(String::new(), |to| format!(" to {to}")),
            selection.purpose
        ),
        SolemnAct::RotateKeys {
            member,
            new_passphrase,
            ..
        } => match (member, new_passphrase) {
            (Some(member), _) => format!("make new keys, of {member} too"),
            (None, true) => "make new keys, with another passphrase".to_owned(),
            (None, false) => "make new keys".to_owned(),
        },
        SolemnAct::ShareKeys {
            scheme,
            keep_passphrase,
            ..
        } => {
            let passphrase = match keep_passphrase {
                true => "keep",
                false => "remove",
            };
            format!("share the keyring as {scheme}, and {passphrase} the passphrase")
        }
        SolemnAct::LockKeys { member, desk, .. } => match desk {
            Some(desk) => format!("lock the scope of {member} with the desk's key {desk}"),
            None => format!("take the lock of {member} away"),
        },
        SolemnAct::SucceedKeys { .. } => "give the log new keys".to_owned(),
        SolemnAct::NameHeirs { heirs, .. } if heirs.is_empty() => {
            "take the heirs of the log's keys away".to_owned()
        }
        SolemnAct::NameHeirs { need, heirs } => format!(
            "name the heirs of the log's keys: any {need} of {}",
            heirs.join(", ")
        ),
        SolemnAct::AddPerson { member, name } => format!("register {name} as a person of {member}"),
        SolemnAct::PersonKey {
            person,
            key,
            replaces,
        } => match replaces {
            None => format!("register the key {key} of {person}"),
            Some(old) => format!("register the key {key} of {person} in the place of {old}"),
        },
        SolemnAct::Witnesses { .. } => "set the policy that names the witnesses".to_owned(),
        SolemnAct::SetStampAuthority(authority) => {
            format!("set the time stamp authority {}", authority.name)
        }
        SolemnAct::RemoveStampAuthority(name) => format!("remove the time stamp authority {name}"),
        SolemnAct::AddMirror(place) => format!("give the centre a mirror at {place}"),
        SolemnAct::DropMirror(place) => format!("drop the centre's mirror at {place}"),
        SolemnAct::Rules(rules) => {
            let rules: Vec<String> = rules.iter().map(rule_words).collect();
            format!("set which acts need two persons: {}", rules.join("; "))
        }
    }
}

fn rule_words(rule: &TwoPersons) -> String {
    let whose = if rule.other_member {
        ", of different members"
    } else {
        ""
    };
    format!(
        "{}: two persons{whose}; a proposal lapses after {} hours",
        rule.act, rule.hours
    )
}

fn rules_answer(global: &Global, rules: &[TwoPersons]) -> Result<(), Failure> {
    let json: Vec<_> = rules
        .iter()
        .map(|r| json!({ "act": r.act, "hours": r.hours, "other_member": r.other_member }))
        .collect();
    let lines: Vec<String> = rules.iter().map(rule_words).collect();
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
            vec![
                p.number.clone(),
                p.state.word().to_owned(),
                p.act.clone(),
                p.person.clone(),
                time_text(p.lapses),
                SolemnAct::of(p).map_or_else(|e| e.to_string(), |act| words(&act)),
            ]
        })
        .collect();
    answer(global, &json!(json), &columns(&rows))
}
