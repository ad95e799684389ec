//! `comity files`: lists of files by their digests, of no interest or looked for.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use comity_app::Centre;
use comity_app::lists::{Import, Watched};
use comity_app::search::Class;
use comity_core::shown::escape_for_terminal;

use serde_json::{Value, json};

use crate::args::Global;
use crate::names::{ListVerb, bring, kept};
use crate::output::counted;
use crate::world::Failure;

#[derive(Args)]
pub struct FilesArgs {
    #[command(subcommand)]
    pub verb: FilesVerb,
}

#[derive(Subcommand)]
pub enum FilesVerb {
    /// Bring a list: digests with or without names, hashdeep, or a table with columns md5, sha1 or sha256
    Import(ImportArgs),
    #[command(flatten)]
    Kept(ListVerb),
}

#[derive(Args)]
pub struct ImportArgs {
    /// The file
    pub file: PathBuf,
    /// What the list is called; your member's list of this name gets a new version
    #[arg(long)]
    pub name: String,
    /// Its files are known and of no interest
    #[arg(long, conflicts_with = "watch", required_unless_present = "watch")]
    pub known: bool,
    /// Its files are looked for
    #[arg(long)]
    pub watch: bool,
    /// Let all members see what it says
    #[arg(long)]
    pub shared: bool,
    /// Leave out lines that cannot be used, and say which, instead of refusing the whole
    #[arg(long)]
    pub skip_bad: bool,
}

pub fn run(global: &Global, args: &FilesArgs) -> Result<(), Failure> {
    match &args.verb {
        FilesVerb::Import(args) => {
            let class = if args.watch {
                Class::Watch
            } else {
                Class::Known
            };
            let import = Import {
                file: &args.file,
                class,
                name: &args.name,
                shared: args.shared,
                kind: None,
                skip_bad: args.skip_bad,
            };
            bring(global, &import)
        }
        FilesVerb::Kept(verb) => kept(global, verb, &[Class::Known, Class::Watch]),
    }
}

/// How many of the items that came or were read from this leaf on are on lists of files that are looked for: of those
/// lists that the people of this member see, or of the shared ones. What was done before stands in any case.
pub fn watched(centre: &Centre, member: Option<&str>, since: u64) -> (Value, Vec<String>) {
    let found = match centre.watched_since(member, since) {
        Ok(found) => found,
        Err(error) => {
            let said = format!("What came was not held against the watch lists: {error}");
            return (Value::Null, vec![said]);
        }
    };
    let value = |w: &Watched| json!({ "list": w.list, "name": w.name, "items": w.items });
    let values: Vec<Value> = found.iter().map(value).collect();
    let line = |w: &Watched| {
        escape_for_terminal(&format!(
            "On the watch list {} “{}”: {}. To see them: comity search watch:{}",
            w.list,
            w.name,
            counted(w.items, "item"),
            w.list
        ))
    };
    (values.into(), found.iter().map(line).collect())
}
