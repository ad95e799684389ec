//! `comity files`: lists of files by their digests, of no interest or looked for.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use comity_app::lists::Import;
use comity_app::search::Class;

use crate::args::Global;
use crate::names::{ListVerb, bring, kept};
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
