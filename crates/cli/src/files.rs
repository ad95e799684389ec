//! `comity files`: lists of files by their digests, of no interest or looked for.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use comity_app::lists::Import;
use comity_app::search::Class;

use crate::args::Global;
use crate::names::{bring, drop_list, hits, list, show};
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
    /// List the lists that you may see
    List,
    /// Show what is on record of a list, all its versions
    Show {
        /// Its number, such as L0002
        list: String,
    },
    /// Use a list no longer; what it was stays on record
    Drop {
        /// Its number, such as L0002
        list: String,
    },
    /// How many items are on a list
    Hits {
        /// Its number, such as L0002
        list: String,
        /// What it is looked up for; goes on record before an answer is given
        #[arg(long)]
        purpose: String,
        /// In this case alone, by code or name
        #[arg(long)]
        case: Option<String>,
    },
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
        FilesVerb::List => list(global, &[Class::Known, Class::Watch]),
        FilesVerb::Show { list } => show(global, list),
        FilesVerb::Drop { list } => drop_list(global, list),
        FilesVerb::Hits {
            list,
            purpose,
            case,
        } => hits(global, list, purpose, case.as_deref()),
    }
}
