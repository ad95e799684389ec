//! `comity keys`: the keyring's epochs, shares and locks.

use std::path::{Path, PathBuf};
use std::process::Command;

use clap::{Args, Subcommand};
use comity_app::acts::SolemnAct;
use comity_app::event::Actor;
use comity_app::keychange::Changed;
use comity_app::keyring::{DeskKey, Scheme, SharesKey, shares_of};
use comity_app::{Ambient, AppError, Centre};
use comity_core::id::MemberCode;
use serde_json::{Value, json};

use crate::args::Global;
use crate::opened;
use crate::output::answer;
use crate::passphrase::{self, Opening};
use crate::proposal::waits;
use crate::shares;
use crate::succession;
use crate::world::{Failure, actor, actor_given, folder, open};

#[derive(Args)]
pub struct KeysArgs {
    #[command(subcommand)]
    pub verb: KeysVerb,
}

#[derive(Subcommand)]
pub enum KeysVerb {
    /// Say what opens the keyring, its epoch, and which members' scopes are locked
    Status,
    /// Make a new root key and wrap all scope keys anew; the former one opens nothing any more
    Rotate(RotateArgs),
    /// As rotate, with another passphrase in place of the present one (COMITY_NEW_PASSPHRASE, or typed)
    Passphrase(ReasonArgs),
    /// Share the keyring: so many holders of so many members open it together
    Share(ShareArgs),
    /// Gather shares and run a command, or several in a shell, with the centre open
    Open(OpenArgs),
    /// Make the key of a member's desk, in a file that only the desk keeps
    DeskKey(DeskKeyArgs),
    /// Lock a member's scope with its desk's key (--desk-key): without it nobody opens its items
    Lock(LockArgs),
    /// Take a member's lock away; its desk's key is needed (--desk-key)
    Unlock(LockArgs),
    /// Give the log new keys, signed by the old ones; or, when these are lost, by its heirs
    Succeed(succession::SucceedArgs),
    /// Name the persons who may name the log's next keys when the present ones are lost
    Heirs(succession::HeirsArgs),
    /// As an heir, sign a drafted succession with one's own key (--key); needs no centre
    Sign(succession::SignArgs),
}

#[derive(Args)]
pub struct ReasonArgs {
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

#[derive(Args)]
pub struct RotateArgs {
    /// Give this member fresh scope keys for all that comes as well
    #[arg(long, value_name = "CODE")]
    pub member: Option<MemberCode>,
    #[command(flatten)]
    pub reason: ReasonArgs,
}

#[derive(Args)]
pub struct ShareArgs {
    /// So many members of so many, and so many holders of each: 2of3:UKR=2of3,LTU=1of2,NLD=1of1
    #[arg(long, value_name = "SCHEME")]
    pub scheme: String,
    /// The passphrase goes on opening the keyring; without this only shares do
    #[arg(long)]
    pub keep_passphrase: bool,
    /// Write each holder's words into a file of its own in this folder, instead of showing them one after the other
    #[arg(long, value_name = "DIR")]
    pub to_dir: Option<PathBuf>,
    #[command(flatten)]
    pub reason: ReasonArgs,
}

#[derive(Args)]
pub struct OpenArgs {
    /// The command and its words, after `--`; without it the shares are only tried
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<std::ffi::OsString>,
}

#[derive(Args)]
pub struct DeskKeyArgs {
    /// The member
    #[arg(long, value_name = "CODE")]
    pub member: MemberCode,
    /// The file, which must not be there yet
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
}

#[derive(Args)]
pub struct LockArgs {
    /// The member
    #[arg(long, value_name = "CODE")]
    pub member: MemberCode,
    #[command(flatten)]
    pub reason: ReasonArgs,
}

pub fn run(global: &Global, args: &KeysArgs) -> Result<(), Failure> {
    match &args.verb {
        KeysVerb::Status => status(global),
        KeysVerb::Rotate(args) => act(
            global,
            &SolemnAct::RotateKeys {
                member: args.member,
                reason: args.reason.given(),
                new_passphrase: false,
            },
            None,
        ),
        KeysVerb::Passphrase(args) => act(
            global,
            &SolemnAct::RotateKeys {
                member: None,
                reason: args.given(),
                new_passphrase: true,
            },
            None,
        ),
        KeysVerb::Share(args) => {
            let scheme = Scheme::parse(&args.scheme).map_err(|e| Failure::Usage(e.to_string()))?;
            act(
                global,
                &SolemnAct::ShareKeys {
                    scheme: scheme.text(),
                    keep_passphrase: args.keep_passphrase,
                    reason: args.reason.given(),
                },
                args.to_dir.as_deref(),
            )
        }
        KeysVerb::Open(args) => open_with_shares(global, args),
        KeysVerb::DeskKey(args) => desk_key(global, args),
        KeysVerb::Lock(args) => {
            let desk = desk_of(global, &args.member)?;
            act(global, &args.act(Some(&desk)), None)
        }
        KeysVerb::Succeed(args) => succession::succeed(global, args),
        KeysVerb::Heirs(args) => succession::heirs(global, args),
        KeysVerb::Sign(args) => succession::sign(global, args),
        KeysVerb::Unlock(args) => act(global, &args.act(None), None),
    }
}

impl ReasonArgs {
    /// The reason as it is recorded.
    fn given(&self) -> Option<String> {
        let reason = self.reason.as_deref().map(str::trim);
        reason.filter(|r| !r.is_empty()).map(str::to_owned)
    }
}

impl LockArgs {
    fn act(&self, desk: Option<&DeskKey>) -> SolemnAct {
        SolemnAct::LockKeys {
            member: self.member,
            desk: desk.map(|key| key.fingerprint().to_string()),
            reason: self.reason.given(),
        }
    }
}

/// Opens the centre and changes its keys, or proposes that.
fn act(global: &Global, act: &SolemnAct, to_dir: Option<&Path>) -> Result<(), Failure> {
    actor_given(global)?;
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    if waits(global, &centre, &actor, act)? {
        return Ok(());
    }
    perform(global, &centre, &actor, act, to_dir)
}

/// Makes a new epoch as the act says, and says what it did.
pub fn perform(
    global: &Global,
    centre: &Centre,
    actor: &Actor,
    act: &SolemnAct,
    to_dir: Option<&Path>,
) -> Result<(), Failure> {
    let done = |done: Changed, said: &str| told(global, done, said, &json!({}));
    match act {
        SolemnAct::RotateKeys {
            reason,
            new_passphrase: true,
            ..
        } => {
            let new = passphrase::new("COMITY_NEW_PASSPHRASE")?;
            done(
                centre.change_passphrase(actor, &new, reason.as_deref())?,
                "The former passphrase opens nothing here any more.",
            )
        }
        SolemnAct::RotateKeys { member, reason, .. } => done(
            centre.rotate_keys(actor, member.as_ref(), reason.as_deref())?,
            "The former root key opens nothing here any more.",
        ),
        SolemnAct::ShareKeys {
            scheme,
            keep_passphrase,
            reason,
        } => share(
            global,
            centre,
            actor,
            (scheme, *keep_passphrase, reason.as_deref()),
            to_dir,
        ),
        SolemnAct::LockKeys {
            member,
            desk: Some(_),
            reason,
        } => {
            let desk = desk_of(global, member)?;
            done(
                centre.lock_scope(actor, member, &desk, reason.as_deref())?,
                &format!(
                    "The scope of {member} is locked: without its desk's key nobody opens its items."
                ),
            )
        }
        SolemnAct::LockKeys { member, reason, .. } => done(
            centre.unlock_scope(actor, member, reason.as_deref())?,
            &format!("The scope of {member} is not locked any more."),
        ),
        other => Err(Failure::Usage(format!(
            "`{}` is no change of keys",
            other.name()
        ))),
    }
}

fn told(global: &Global, done: Changed, said: &str, more: &Value) -> Result<(), Failure> {
    let mut json = json!({ "epoch": done.epoch, "leaf": done.leaf });
    if let (Some(all), Some(more)) = (json.as_object_mut(), more.as_object()) {
        all.extend(more.clone());
    }
    let lines = [
        format!("{said} The keyring is in epoch {} (leaf {}).", done.epoch, done.leaf),
        "Older copies of the keyring still open with what opened them then: destroy those that are not needed, and make a new copy.".to_owned(),
    ];
    answer(global, &json, &lines)
}

fn status(global: &Global) -> Result<(), Failure> {
    let centre = open(global)?;
    let ring = centre.keys.ring();
    let (scheme, by_passphrase) = ring.opened_by().map_err(AppError::from)?;
    let locks = centre.locks()?;
    let mut lines = vec![format!("Epoch        {}", ring.epoch())];
    let passphrase = if by_passphrase {
        "yes"
    } else {
        "no: it opens nothing"
    };
    lines.push(format!("Passphrase   {passphrase}"));
    let shares = scheme.as_ref().map_or("none".to_owned(), Scheme::in_words);
    lines.push(format!("Shares       {shares}"));
    for (member, is_open) in &locks {
        let waits = if *is_open {
            "; its key is here"
        } else {
            "; its items wait for the desk"
        };
        lines.push(format!("Locked       {member}{waits}"));
    }
    let log_keys = centre.log_keys();
    let succeeded: Vec<String> = log_keys
        .chain()
        .statements()
        .iter()
        .map(|s| s.in_words())
        .collect();
    lines.extend(succeeded.iter().map(|what| format!("Log          {what}")));
    if log_keys.chain().heirs().is_none() {
        lines.push("Log          no heirs are named: were its keys lost, it could not go on (`comity keys heirs`)".to_owned());
    }
    let locks: Vec<_> = locks
        .iter()
        .map(|(member, is_open)| json!({ "member": member.as_str(), "open": is_open }))
        .collect();
    let json = json!({
        "epoch": ring.epoch(), "passphrase": by_passphrase, "shares": scheme.as_ref().map(Scheme::text), "locks": locks, "log": succeeded,
    });
    answer(global, &json, &lines)
}

/// Shares the keyring by a scheme, with the passphrase or without, for a reason.
fn share(
    global: &Global,
    centre: &Centre,
    actor: &Actor,
    (scheme_text, keep_passphrase, reason): (&str, bool, Option<&str>),
    to_dir: Option<&Path>,
) -> Result<(), Failure> {
    let scheme = Scheme::parse(scheme_text).map_err(|e| Failure::Usage(e.to_string()))?;
    let mut files = Vec::new();
    let mut broken_off = None;
    let done = centre.share_keys(actor, scheme, keep_passphrase, reason, &mut |sharing| {
        let handed = match to_dir {
            Some(folder) => shares::to_folder(sharing, folder).map(|written| files = written),
            None => shares::on_screen(sharing),
        };
        handed.map_err(|failure| {
            broken_off = Some(failure);
            AppError::Usage("the shares were not handed out; nothing was changed".to_owned())
        })
    });
    let done = match (done, broken_off) {
        (Err(_), Some(failure)) => return Err(failure),
        (done, _) => done?,
    };
    let files: Vec<_> = files.iter().map(|f| f.display().to_string()).collect();
    let said = if keep_passphrase {
        "The keyring is shared; the passphrase opens it as well."
    } else {
        "The keyring is shared; no passphrase opens it any more. `comity keys open` gathers shares."
    };
    told(
        global,
        done,
        said,
        &json!({ "files": files, "scheme": scheme_text }),
    )
}

fn open_with_shares(global: &Global, args: &OpenArgs) -> Result<(), Failure> {
    let dir = folder(global)?;
    let disk = Ambient::system().disk;
    let (scheme, _, id) = shares_of(&dir.join("keyring"), &disk).map_err(AppError::from)?;
    let scheme = scheme.ok_or_else(|| {
        Failure::Usage("this keyring is not shared: its passphrase opens it".to_owned())
    })?;
    let gathered = match std::env::var_os("COMITY_SHARES_FILE") {
        Some(files) => shares::of_files(&files)?,
        None => shares::gather(&scheme)?,
    };
    let wrong = |e: &dyn std::fmt::Display| {
        Failure::Usage(format!("the shares do not open the keyring: {e}"))
    };
    let key = SharesKey::gathered(&gathered, &id).map_err(|e| wrong(&e))?;
    // Tried before anything is run: shares that are whole may be of another sharing.
    let opening = Opening::gathered(global, gathered)?;
    opening
        .by()
        .open_keyring(&dir.join("keyring"), &disk)
        .map_err(|e| wrong(&e))?;
    let Some((program, words)) = args.command.split_first() else {
        let json = json!({ "opens": true, "scheme": scheme.text() });
        return answer(
            global,
            &json,
            &["These shares open the keyring.".to_owned()],
        );
    };
    let memory = opened::hand_on(&key)?;
    let ended = Command::new(program)
        .args(words)
        .env(opened::VARIABLE, opened::number(&memory))
        .env("COMITY_CENTRE", &dir)
        .status()
        .map_err(|e| Failure::Usage(format!("{} cannot be run: {e}", program.to_string_lossy())))?;
    drop(memory);
    match ended.code() {
        Some(0) => Ok(()),
        code => Err(Failure::Ended(
            code.and_then(|c| u8::try_from(c).ok()).unwrap_or(1),
        )),
    }
}

fn desk_key(global: &Global, args: &DeskKeyArgs) -> Result<(), Failure> {
    let key = DeskKey::random(&*Ambient::system().random);
    shares::write_secret(&args.output, &key.to_file(&args.member))?;
    let file = args.output.display().to_string();
    let lines = [
        format!("The key of the desk of {} is in {file}.", args.member),
        format!("Its fingerprint is {}: who confirms a lock by it sees the same.", key.fingerprint()),
        "Nothing brings it back once it is lost: keep a second copy at the desk, on paper or encrypted with age, and none with the centre.".to_owned(),
    ];
    answer(
        global,
        &json!({ "member": args.member.as_str(), "file": file, "fingerprint": key.fingerprint().to_string() }),
        &lines,
    )
}

/// The key that the desk of this member has brought.
fn desk_of(global: &Global, member: &MemberCode) -> Result<DeskKey, Failure> {
    for file in &global.desk_keys {
        let (of, key) = shares::desk_key(file)?;
        if of == *member {
            return Ok(key);
        }
    }
    Err(Failure::Usage(format!(
        "which key? give the file of the desk of {member} with --desk-key; `comity keys desk-key` makes one"
    )))
}
