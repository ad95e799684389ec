//! `comity completions` and `comity man`: from the same definitions as the help.

use std::path::PathBuf;

use clap::{Args, CommandFactory};
use clap_complete::Shell;

use crate::args::Cli;
use crate::world::Failure;

#[derive(Args)]
pub struct CompletionsArgs {
    /// For this shell
    pub shell: Shell,
}

#[derive(Args)]
pub struct ManArgs {
    /// The folder for the pages
    pub dir: PathBuf,
}

pub fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    clap_complete::generate(
        args.shell,
        &mut Cli::command(),
        "comity",
        &mut std::io::stdout(),
    );
    Ok(())
}

pub fn man(args: &ManArgs) -> Result<(), Failure> {
    let io = |e: std::io::Error| Failure::Wrong(format!("{}: {e}", args.dir.display()));
    std::fs::create_dir_all(&args.dir).map_err(io)?;
    clap_mangen::generate_to(Cli::command(), &args.dir).map_err(io)
}
