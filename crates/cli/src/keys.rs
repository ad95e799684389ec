//! `comity keys`: the keyring's epochs, shares and locks.

use std::path::PathBuf;
use std::process::Command;

use clap::{Args, Subcommand};
use comity_app::keychange::Changed;
use comity_app::keyring::{DeskKey, Scheme, SharesKey, shares_of};
use comity_app::{Ambient, AppError, Centre};
use comity_core::id::MemberCode;
use serde_json::{Value, json};

use crate::args::Global;
use crate::opened;
use crate::output::answer;
use crate::passphrase::{self, Opening};
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
        KeysVerb::Rotate(args) => {
            let reason = args.reason.reason.as_deref();
            change(
                global,
                "The former root key opens nothing here any more.",
                &|centre| {
                    centre
                        .rotate_keys(&actor(global, centre)?, args.member.as_ref(), reason)
                        .map_err(Failure::from)
                },
            )
        }
        KeysVerb::Passphrase(args) => change(
            global,
            "The former passphrase opens nothing here any more.",
            &|centre| {
                let actor = actor(global, centre)?;
                let new = passphrase::new("COMITY_NEW_PASSPHRASE")?;
                Ok(centre.change_passphrase(&actor, &new, args.reason.as_deref())?)
            },
        ),
        KeysVerb::Share(args) => share(global, args),
        KeysVerb::Open(args) => open_with_shares(global, args),
        KeysVerb::DeskKey(args) => desk_key(global, args),
        KeysVerb::Lock(args) => lock(global, args),
        KeysVerb::Succeed(args) => succession::succeed(global, args),
        KeysVerb::Heirs(args) => succession::heirs(global, args),
        KeysVerb::Sign(args) => succession::sign(global, args),
        KeysVerb::Unlock(args) => {
            let said = format!("The scope of {} is not locked any more.", args.member);
            change(global, &said, &|centre| {
                let actor = actor(global, centre)?;
                Ok(centre.unlock_scope(&actor, &args.member, args.reason.reason.as_deref())?)
            })
        }
    }
}

/// Opens the centre, makes a new epoch, and says what it did.
fn change(
    global: &Global,
    said: &str,
    act: &dyn Fn(&Centre) -> Result<Changed, Failure>,
) -> Result<(), Failure> {
    actor_given(global)?;
    let centre = open(global)?;
    told(global, act(&centre)?, said, &json!({}))
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

fn share(global: &Global, args: &ShareArgs) -> Result<(), Failure> {
    actor_given(global)?;
    let scheme = Scheme::parse(&args.scheme).map_err(|e| Failure::Usage(e.to_string()))?;
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    let mut files = Vec::new();
    let mut broken_off = None;
    let done = centre.share_keys(
        &actor,
        scheme,
        args.keep_passphrase,
        args.reason.reason.as_deref(),
        &mut |sharing| {
            let handed = match &args.to_dir {
                Some(folder) => shares::to_folder(sharing, folder).map(|written| files = written),
                None => shares::on_screen(sharing),
            };
            handed.map_err(|failure| {
                broken_off = Some(failure);
                AppError::Usage("the shares were not handed out; nothing was changed".to_owned())
            })
        },
    );
    let done = match (done, broken_off) {
        (Err(_), Some(failure)) => return Err(failure),
        (done, _) => done?,
    };
    let files: Vec<_> = files.iter().map(|f| f.display().to_string()).collect();
    let said = if args.keep_passphrase {
        "The keyring is shared; the passphrase opens it as well."
    } else {
        "The keyring is shared; no passphrase opens it any more. `comity keys open` gathers shares."
    };
    told(
        global,
        done,
        said,
        &json!({ "files": files, "scheme": args.scheme }),
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
        "Nothing brings it back once it is lost: keep a second copy at the desk, on paper or encrypted with age, and none with the centre.".to_owned(),
    ];
    answer(
        global,
        &json!({ "member": args.member.as_str(), "file": file }),
        &lines,
    )
}

fn lock(global: &Global, args: &LockArgs) -> Result<(), Failure> {
    let mut desk = None;
    for file in &global.desk_keys {
        let (member, key) = shares::desk_key(file)?;
        if member == args.member {
            desk = Some(key);
        }
    }
    let desk = desk.ok_or_else(|| {
        Failure::Usage(format!(
            "which key? give the file of the desk of {} with --desk-key; `comity keys desk-key` makes one",
            args.member
        ))
    })?;
    let said = format!(
        "The scope of {} is locked: without its desk's key nobody opens its items.",
        args.member
    );
    change(global, &said, &|centre| {
        let actor = actor(global, centre)?;
        Ok(centre.lock_scope(&actor, &args.member, &desk, args.reason.reason.as_deref())?)
    })
}
