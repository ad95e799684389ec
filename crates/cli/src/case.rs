//! `comity case`: open and list cases.

use clap::{Args, Subcommand};
use serde_json::json;

use crate::args::Global;
use crate::output::{answer, columns};
use crate::world::{Failure, actor, actor_given, open};

#[derive(Args)]
pub struct CaseArgs {
    #[command(subcommand)]
    pub verb: CaseVerb,
}

#[derive(Subcommand)]
pub enum CaseVerb {
    /// Open a case
    New {
        /// Its name
        name: String,
    },
    /// List the cases
    List,
}

pub fn run(global: &Global, args: &CaseArgs) -> Result<(), Failure> {
    match &args.verb {
        CaseVerb::New { name } => {
            actor_given(global)?;
            let centre = open(global)?;
            let (code, at) = centre.open_case(&actor(global, &centre)?, name)?;
            let line = format!("Case {code} {name:?} is open (leaf {}).", at.index);
            answer(
                global,
                &json!({ "case": code, "name": name, "leaf": at.index }),
                &[line],
            )
        }
        CaseVerb::List => {
            let centre = open(global)?;
            let cases = centre.cases(&mut centre.session().map_err(Failure::from)?)?;
            let list: Vec<_> = cases
                .iter()
                .map(|c| json!({ "case": c.code, "name": c.name }))
                .collect();
            let rows: Vec<_> = cases
                .iter()
                .map(|c| {
                    vec![
                        c.code.clone(),
                        c.name.clone().unwrap_or_else(|| "(erased)".to_owned()),
                    ]
                })
                .collect();
            answer(global, &json!(list), &columns(&rows))
        }
    }
}
