//! `comity-verify`: checks a disclosure package or a receipt with no network and no configuration.
//!
//! The checks are in `comity_core::package`; here are the arguments, the folder and the zip that
//! they read, and what is said about the result.

mod against;
mod args;
mod folder;
mod misbehaviour;
mod say;
mod stamps;
mod time;
mod zipped;

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use comity_core::Finding;
use comity_core::checkpoint::LogKeys;
use comity_core::package::{
    Beside, CONSISTENCY_ENDING, MAX_SMALL_FILE_BYTES, PROOF_ENDING, PackageOptions, ReceiptOptions,
    Source, check_package, check_receipt, find,
};
use comity_core::stamp::Certificates;

use args::{Args, Command};
use folder::Folder;
use say::Answer;
use stamps::Trust;
use zipped::Zipped;

/// Nothing was found wrong.
const FINE: u8 = 0;
/// Something was found wrong.
const WRONG: u8 = 1;
/// The program was used wrongly.
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    let code = match args::parse() {
        Ok(Command::Help) => {
            print!("{}", args::HELP);
            FINE
        }
        Ok(Command::Version) => {
            println!("comity-verify {}", env!("CARGO_PKG_VERSION"));
            FINE
        }
        Ok(Command::Verify(args)) => verify(&args),
        Err(error) => misused(&error),
    };
    ExitCode::from(code)
}

fn misused(error: &str) -> u8 {
    eprintln!("comity-verify: {error}");
    eprintln!("Try 'comity-verify --help'.");
    MISUSED
}

fn verify(args: &Args) -> u8 {
    let keys = match args.keys.as_deref().map(read_keys).transpose() {
        Ok(keys) => keys,
        Err(error) => return misused(&error),
    };
    if let Some(bytes) = misbehaviour::claimed(&args.path) {
        if args.log.is_some() || args.against.is_some() {
            return misused(
                "--log and --against are for packages and receipts, and this is evidence",
            );
        }
        print!("{}", misbehaviour::say(&bytes, keys.as_ref(), args.json));
        return WRONG;
    }
    let log = match args.log.as_deref().map(open_log).transpose() {
        Ok(log) => log,
        Err(error) => return misused(&error),
    };
    let authorities = match args
        .authorities
        .as_deref()
        .map(read_authorities)
        .transpose()
    {
        Ok(authorities) => authorities,
        Err(error) => return misused(&error),
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let trust = Trust::new(authorities.as_ref(), now.map_or(0, |since| since.as_secs()));
    let answer = match open(&args.path) {
        Ok(source) => match check(args, &*source, keys.as_ref(), log.as_ref()) {
            Ok(answer) => answer,
            Err(error) => return misused(&error),
        },
        Err(Unopened::Misused(error)) => return misused(&error),
        Err(Unopened::Wrong(finding)) => Answer::Unreadable(finding),
    };
    if args.json {
        println!("{}", say::json(args, &answer, &trust));
    } else {
        print!("{}", say::text(args, &answer, &trust));
    }
    let anchored = answer.anchored() || !args.require_anchor;
    if answer.holds() && anchored {
        FINE
    } else {
        WRONG
    }
}

fn check(
    args: &Args,
    source: &dyn Source,
    keys: Option<&LogKeys>,
    log: Option<&Folder>,
) -> Result<Answer, String> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let has = |name: &str| find(source, name).is_some();
    let in_comity = |name: &String| name.starts_with("comity/");
    if has("receipt.json") || (has("manifest.jsonl") && !has("bagit.txt")) {
        if args.log.is_some() {
            return Err("--log is for packages, and this is a receipt".to_owned());
        }
        let report = check_receipt(source, &ReceiptOptions { keys, threads });
        let against = match &args.against {
            Some(folder) => Some(against::compare(source, folder, threads)?),
            None => None,
        };
        return Ok(Answer::Receipt(Box::new(report), against));
    }
    if args.against.is_some() {
        return Err("--against is for receipts, and this is none".to_owned());
    }
    if has("bagit.txt") || source.names().iter().any(in_comity) {
        let options = PackageOptions {
            keys,
            beside: beside(&args.path),
            log: log.map(|log| log as &dyn Source),
            threads,
        };
        return Ok(Answer::Package(Box::new(check_package(source, &options))));
    }
    let mut findings = source.refused().to_vec();
    let what = "is neither a package nor a receipt: it has no bagit.txt and no receipt.json";
    findings.push(Finding::new(args.path.display().to_string(), what));
    Ok(Answer::Unreadable(findings))
}

enum Unopened {
    Misused(String),
    Wrong(Vec<Finding>),
}

fn open(path: &Path) -> Result<Box<dyn Source>, Unopened> {
    let unreadable = |error: &dyn std::fmt::Display| {
        Unopened::Misused(format!("cannot read {}: {error}", path.display()))
    };
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(&error))?;
    if metadata.is_dir() {
        let folder = Folder::open(path).map_err(|error| unreadable(&error))?;
        return Ok(Box::new(folder));
    }
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    match Zipped::open(file) {
        Ok(zipped) => Ok(Box::new(zipped)),
        Err(what) => Err(Unopened::Wrong(vec![Finding::new(
            path.display().to_string(),
            what,
        )])),
    }
}

fn open_log(path: &Path) -> Result<Folder, String> {
    let error = match Folder::open(path) {
        Ok(folder) if find(&folder, "checkpoint").is_some() => return Ok(folder),
        Ok(_) => "it has no file 'checkpoint', so it is no exported log".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(format!("cannot read the log {}: {error}", path.display()))
}

fn read_authorities(path: &Path) -> Result<Certificates, String> {
    let wrong = |error: &dyn std::fmt::Display| {
        format!("cannot use the authorities {}: {error}", path.display())
    };
    let bytes = std::fs::read(path).map_err(|error| wrong(&error))?;
    Certificates::parse_pem(&bytes).map_err(|error| wrong(&error))
}

fn read_keys(path: &Path) -> Result<LogKeys, String> {
    let wrong =
        |error: &dyn std::fmt::Display| format!("cannot use the keys {}: {error}", path.display());
    let bytes = std::fs::read(path).map_err(|error| wrong(&error))?;
    LogKeys::parse(&bytes).map_err(|error| wrong(&error))
}

/// A package's path with a last part, and its name: that part without `.zip`. The two files beside it begin with it.
fn named(package: &Path) -> (PathBuf, String) {
    let whole = match package.file_name() {
        Some(_) => package.to_path_buf(),
        None => package
            .canonicalize()
            .unwrap_or_else(|_| package.to_path_buf()),
    };
    let name = whole
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let name = name.strip_suffix(".zip").unwrap_or(&name).to_owned();
    (whole, name)
}

fn beside(package: &Path) -> Beside {
    let (whole, name) = named(package);
    let read = |ending: &str| -> Option<Vec<u8>> {
        let path: PathBuf = whole.with_file_name(format!("{name}{ending}"));
        let mut bytes = Vec::new();
        let file = File::open(path).ok()?;
        file.take(MAX_SMALL_FILE_BYTES)
            .read_to_end(&mut bytes)
            .ok()?;
        Some(bytes)
    };
    Beside {
        proof: read(PROOF_ENDING),
        consistency: read(CONSISTENCY_ENDING),
    }
}
