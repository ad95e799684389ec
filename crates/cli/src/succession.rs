//! `comity keys succeed`, `heirs` and `sign`: the log's keys have successors.

use std::path::{Path, PathBuf};

use clap::Args;
use comity_app::Centre;
use comity_app::acts::SolemnAct;
use comity_app::event::Actor;
use comity_app::succession::{Succeeded, sign_draft};
use serde_json::json;

use crate::args::Global;
use crate::output::answer;
use crate::proposal::waits;
use crate::world::{Failure, actor, actor_given, key, open};

#[derive(Args)]
pub struct SucceedArgs {
    /// The old keys are lost or stolen: make a draft for the heirs to sign, in this file
    #[arg(long, value_name = "FILE", conflicts_with = "signed")]
    pub lost: Option<PathBuf>,
    /// Record the draft that the heirs have signed
    #[arg(long, value_name = "FILE")]
    pub signed: Option<PathBuf>,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

#[derive(Args)]
pub struct HeirsArgs {
    /// How many of them are needed
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub need: usize,
    /// A person with a registered key, such as UKR-P0001; once for each. None takes the former heirs away
    #[arg(long = "person", value_name = "PERSON", requires = "need")]
    pub persons: Vec<String>,
}

#[derive(Args)]
pub struct SignArgs {
    /// The draft; the signature is added to it
    pub draft: PathBuf,
    /// The number under which the heir is registered, such as UKR-P0001
    #[arg(long, value_name = "PERSON")]
    pub person: String,
}

pub fn succeed(global: &Global, args: &SucceedArgs) -> Result<(), Failure> {
    if let Some(file) = &args.lost {
        return draft(global, file);
    }
    actor_given(global)?;
    let signed = args.signed.as_deref().map(read).transpose()?;
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    if let Some(statement) = signed {
        let done = centre.succeed_by_heirs(&actor, &statement, args.reason.as_deref())?;
        return succeeded(global, &centre, &done);
    }
    let reason = args.reason.as_deref().map(str::trim);
    let reason = reason.filter(|r| !r.is_empty()).map(str::to_owned);
    act(global, &centre, &actor, &SolemnAct::SucceedKeys { reason })
}

/// Does it, or proposes it.
fn act(global: &Global, centre: &Centre, actor: &Actor, act: &SolemnAct) -> Result<(), Failure> {
    match waits(global, centre, actor, act)? {
        true => Ok(()),
        false => perform(global, centre, actor, act),
    }
}

/// Gives the log new keys, or names its heirs, as the act says.
pub fn perform(
    global: &Global,
    centre: &Centre,
    actor: &Actor,
    act: &SolemnAct,
) -> Result<(), Failure> {
    if let SolemnAct::SucceedKeys { reason } = act {
        let done = centre.succeed_log_keys(actor, reason.as_deref())?;
        return succeeded(global, centre, &done);
    }
    let done = centre.name_heirs(actor, act)?;
    let more = ["Give the new file `keys` to outsiders: it tells who the heirs are.".to_owned()];
    said(global, &done, &more)
}

fn succeeded(global: &Global, centre: &Centre, done: &Succeeded) -> Result<(), Failure> {
    let keys = centre.log_keys();
    let more = [
        format!("Fingerprint  {}", keys.fingerprint_groups()),
        "Give the new file `keys` to outsiders, and to the keepers of the witnesses: until they have given it to `comity witness add-log`, nothing new is attested.".to_owned(),
        "Older copies of the keyring still hold the old keys: destroy them, and make a new backup.".to_owned(),
    ];
    said(global, done, &more)
}

pub fn heirs(global: &Global, args: &HeirsArgs) -> Result<(), Failure> {
    actor_given(global)?;
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    let solemn = centre.heirs_act(args.need, &args.persons)?;
    act(global, &centre, &actor, &solemn)
}

fn said(global: &Global, done: &Succeeded, more: &[String]) -> Result<(), Failure> {
    let mut lines = vec![format!(
        "The record says: {} (leaf {}).",
        done.what, done.leaf
    )];
    lines.extend_from_slice(more);
    let json = json!({ "size": done.size, "leaf": done.leaf, "what": done.what });
    answer(global, &json, &lines)
}

fn draft(global: &Global, file: &Path) -> Result<(), Failure> {
    let centre = open(global)?;
    let draft = centre.draft_succession()?;
    write_new(file, &draft.bytes)?;
    let lines = [
        format!(
            "The draft is in {}, over {} events.",
            file.display(),
            draft.size
        ),
        format!(
            "{} of {} must sign it, each on a machine of their own: comity keys sign {} --person PERSON --key FILE",
            draft.need,
            draft.heirs.join(", "),
            file.display()
        ),
        "Then: comity keys succeed --signed FILE. Until then record nothing.".to_owned(),
    ];
    let json = json!({ "file": file.display().to_string(), "size": draft.size, "need": draft.need, "heirs": draft.heirs });
    answer(global, &json, &lines)
}

pub fn sign(global: &Global, args: &SignArgs) -> Result<(), Failure> {
    let key = key(global)?.ok_or_else(|| {
        Failure::Usage("whose signature? give your private key with --key FILE".to_owned())
    })?;
    let (says, bytes) = sign_draft(&read(&args.draft)?, &args.person, &key)?;
    std::fs::write(&args.draft, bytes).map_err(|e| unreadable(&args.draft, &e))?;
    let lines = [
        format!(
            "{} has signed: after {} events of {} these keys sign:",
            args.person, says.size, says.origin
        ),
        says.new
            .iter()
            .map(|key| format!("  {key}"))
            .collect::<Vec<_>>()
            .join("\n"),
        "Compare them with what the centre's keeper shows, on another way than this file."
            .to_owned(),
    ];
    let json = json!({ "person": args.person, "origin": says.origin, "size": says.size });
    answer(global, &json, &lines)
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    std::fs::read(file).map_err(|e| unreadable(file, &e))
}

/// A draft that is there already may have signatures.
fn write_new(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    let opened = options.write(true).create_new(true).open(file);
    opened
        .and_then(|mut out| out.write_all(bytes))
        .map_err(|e| unreadable(file, &e))
}

fn unreadable(file: &Path, error: &std::io::Error) -> Failure {
    Failure::Usage(format!("{}: {error}", file.display()))
}
