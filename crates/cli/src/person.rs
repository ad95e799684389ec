//! `comity person`: register and list persons.

use clap::{Args, Subcommand};
use comity_core::id::MemberCode;
use serde_json::json;

use crate::args::Global;
use crate::output::{answer, columns};
use crate::world::{Failure, actor, actor_given, open};

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
    /// List the registered persons
    List,
}

pub fn run(global: &Global, args: &PersonArgs) -> Result<(), Failure> {
    match &args.verb {
        PersonVerb::Add { member, name } => {
            actor_given(global)?;
            let centre = open(global)?;
            let (number, at) = centre.add_person(&actor(global, &centre)?, member, name)?;
            let line = format!("{number} {name} is registered (leaf {}).", at.index);
            answer(
                global,
                &json!({ "person": number, "name": name, "member": member.to_string(), "leaf": at.index }),
                &[line],
            )
        }
        PersonVerb::List => {
            let centre = open(global)?;
            let persons = centre.persons(&mut centre.session()?)?;
            let list: Vec<_> = persons
                .iter()
                .map(|p| json!({ "person": p.code, "name": p.name, "member": p.member }))
                .collect();
            let rows: Vec<_> = persons
                .iter()
                .map(|p| {
                    vec![
                        p.code.clone(),
                        p.member.clone().unwrap_or_default(),
                        p.name.clone().unwrap_or_else(|| "(erased)".to_owned()),
                    ]
                })
                .collect();
            answer(global, &json!(list), &columns(&rows))
        }
    }
}
