//! The command line.

use std::path::PathBuf;

use lexopt::prelude::*;

/// What `--help` prints.
pub const HELP: &str = "\
comity-verify PACKAGE|RECEIPT|EVIDENCE [OPTIONS]

Checks a disclosure package or a receipt, a folder or a zip, with no network;
or evidence that a log signed two trees.

  --keys FILE        the log's keys, as you had them from elsewhere; a policy
                     that names witnesses is the one that is gone by
  --log TREE         a package: also read an exported log or mirror, and show
                     that at the package's checkpoint no later leaf and no
                     second leaf of the same place exists
  --against FOLDER   a receipt: also compare your own files with it
  --authorities FILE the roots of time stamp authorities that you trust, in
                     PEM; stamps under other roots do not count
  --require-anchor   without --keys, exit 1
  --json             answer in JSON
  --help, --version

Exit code: 0 nothing wrong, 1 something is wrong, 2 used wrongly.
";

/// What the program was asked to do.
pub enum Command {
    /// Print the help.
    Help,
    /// Print the version.
    Version,
    /// Check a package or receipt.
    Verify(Args),
}

/// The arguments of a check.
pub struct Args {
    /// The package or receipt.
    pub path: PathBuf,
    /// `--keys`.
    pub keys: Option<PathBuf>,
    /// `--log`.
    pub log: Option<PathBuf>,
    /// `--against`.
    pub against: Option<PathBuf>,
    /// `--authorities`.
    pub authorities: Option<PathBuf>,
    /// `--require-anchor`.
    pub require_anchor: bool,
    /// `--json`.
    pub json: bool,
}

/// Reads the command line.
///
/// # Errors
/// A sentence about what is wrong with it.
pub fn parse() -> Result<Command, String> {
    let mut parser = lexopt::Parser::from_env();
    let mut path = None;
    let (mut keys, mut log, mut against, mut authorities) = (None, None, None, None);
    let (mut require_anchor, mut json) = (false, false);
    while let Some(arg) = parser.next().map_err(|error| error.to_string())? {
        match arg {
            Short('h') | Long("help") => return Ok(Command::Help),
            Short('V') | Long("version") => return Ok(Command::Version),
            Long("keys") => keys = Some(value(&mut parser)?),
            Long("log") => log = Some(value(&mut parser)?),
            Long("against") => against = Some(value(&mut parser)?),
            Long("authorities") => authorities = Some(value(&mut parser)?),
            Long("require-anchor") => require_anchor = true,
            Long("json") => json = true,
            Value(value) if path.is_none() => path = Some(PathBuf::from(value)),
            other => return Err(other.unexpected().to_string()),
        }
    }
    let path = path.ok_or("say which package or receipt to check")?;
    Ok(Command::Verify(Args {
        path,
        keys,
        log,
        against,
        authorities,
        require_anchor,
        json,
    }))
}

fn value(parser: &mut lexopt::Parser) -> Result<PathBuf, String> {
    parser
        .value()
        .map(PathBuf::from)
        .map_err(|error| error.to_string())
}
