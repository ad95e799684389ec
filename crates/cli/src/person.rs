//! `comity person`: register and list persons.

use clap::{Args, Subcommand};
use comity_app::Centre;
use comity_app::acts::SolemnAct;
use comity_app::event::Actor;
use comity_core::digest::hex;
use comity_core::id::MemberCode;
use serde_json::json;

use crate::args::Global;
use crate::output::{answer, columns};
use crate::proposal::{proposed, waits};
use crate::world::{Failure, actor, actor_given, key, open};

#[derive(Args)]
pub struct PersonArgs {
    #[command(subcommand)]
    pub verb: PersonVerb,
}

#[derive(Subcommand)]
pub enum PersonVerb {
    /// Register a person of a member
    Add {
        /// The member's code
        #[arg(long, value_name = "CODE")]
        member: MemberCode,
        /// The person's name
        name: String,
    },
    /// Register the key given with --key as the actor's own: from then on it signs what they do
    Key,
    /// List the registered persons
    List,
}

pub fn run(global: &Global, args: &PersonArgs) -> Result<(), Failure> {
    match &args.verb {
        PersonVerb::Add { member, name } => {
            actor_given(global)?;
            let centre = open(global)?;
            let actor = actor(global, &centre)?;
            let act = SolemnAct::AddPerson {
                member: *member,
                name: name.clone(),
            };
            if waits(global, &centre, &actor, &act)? {
                return Ok(());
            }
            add(global, &centre, &actor, member, name)
        }
        PersonVerb::Key => {
            actor_given(global)?;
            let key = key(global)?.ok_or_else(|| {
                Failure::Usage(
                    "which key? give its private file with --key FILE: it signs its own registration".to_owned(),
                )
            })?;
            let centre = open(global)?;
            let actor = actor(global, &centre)?;
            let public = hex(&key.public());
            if let Some(waiting) = centre.propose_key(&actor, key.clone())? {
                let json = json!({ "proposal": waiting.proposal, "lapses": waiting.lapses, "act": "person_key" });
                return answer(global, &json, &proposed(&waiting.proposal, &waiting.lapses));
            }
            let at = centre.register_key(&actor, key)?;
            registered(global, &actor.person, &public, at.index)
        }
        PersonVerb::List => {
            let centre = open(global)?;
            let mut session = centre.session()?;
            let persons = centre.persons(&mut session)?;
            let keys = persons
                .iter()
                .map(|p| Ok(centre.registered_key(&mut session, p.no)?.map(|k| hex(&k))))
                .collect::<Result<Vec<_>, Failure>>()?;
            let list: Vec<_> = persons
                .iter()
                .zip(&keys)
                .map(|(p, key)| json!({ "person": p.code, "name": p.name, "member": p.member, "key": key }))
                .collect();
            let rows: Vec<_> = persons
                .iter()
                .zip(&keys)
                .map(|(p, key)| {
                    vec![
                        p.code.clone(),
                        p.member.clone().unwrap_or_default(),
                        p.name.clone().unwrap_or_else(|| "(erased)".to_owned()),
                        key.as_ref()
                            .map_or_else(|| "no key".to_owned(), |k| format!("key {}…", &k[..16])),
                    ]
                })
                .collect();
            answer(global, &json!(list), &columns(&rows))
        }
    }
}

/// Registers a person, and says so.
pub fn add(
    global: &Global,
    centre: &Centre,
    actor: &Actor,
    member: &MemberCode,
    name: &str,
) -> Result<(), Failure> {
    let (number, at) = centre.add_person(actor, member, name)?;
    let line = format!("{number} {name} is registered (leaf {}).", at.index);
    answer(
        global,
        &json!({ "person": number, "name": name, "member": member.to_string(), "leaf": at.index }),
        &[line],
    )
}

/// Says that a key is registered.
pub fn registered(global: &Global, person: &str, key: &str, leaf: u64) -> Result<(), Failure> {
    let lines = [
        format!("The key {key} of {person} is registered (leaf {leaf})."),
        "Their intakes, disclosures, holds and erasures need its signature from now on.".to_owned(),
    ];
    let json = json!({ "person": person, "key": key, "leaf": leaf });
    answer(global, &json, &lines)
}
