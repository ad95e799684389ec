//! `comity init`: make a centre.

use std::path::PathBuf;

use clap::Args;
use comity_app::centre::{Founding, KEYS_FILE, create};
use comity_app::{Ambient, AppError};
use comity_core::id::MemberCode;
use serde_json::json;

use crate::args::Global;
use crate::output::answer;
use crate::passphrase;
use crate::world::{Failure, actor_given};

/// What stands for the centre's own folder among the places of objects.
const OWN_FOLDER: &str = ".";

#[derive(Args)]
pub struct InitArgs {
    /// The centre's folder, new or empty
    pub dir: PathBuf,
    /// The centre's name
    #[arg(long)]
    pub name: String,
    /// A member, as CODE="Name"; once for each
    #[arg(long = "member", required = true, value_name = "CODE=NAME")]
    pub members: Vec<String>,
    /// The member that hosts the centre (the first one, unless said)
    #[arg(long, value_name = "CODE")]
    pub host: Option<String>,
    /// Keep the state in this PostgreSQL database
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
    /// Keep vault and ledger in this store: s3://bucket/prefix?endpoint=…, or a folder. Given twice, the second is a
    /// mirror of the first; the centre's own folder as the first is `.`
    #[arg(long, value_name = "STORE")]
    pub objects: Vec<String>,
}

fn code(text: &str) -> Result<MemberCode, Failure> {
    text.parse()
        .map_err(|e: comity_core::id::IdError| Failure::Usage(e.to_string()))
}

pub fn run(global: &Global, args: &InitArgs) -> Result<(), Failure> {
    let founder = actor_given(global)?.to_owned();
    let mut members = Vec::new();
    for member in &args.members {
        let (c, name) = member.split_once('=').ok_or_else(|| {
            Failure::Usage(format!(
                "--member {member}: a member is given as CODE=\"Name\", such as UKR=\"Ukraine\""
            ))
        })?;
        members.push((code(c)?, name.to_owned()));
    }
    let host = match (&args.host, members.first()) {
        (Some(host), _) => code(host)?,
        (None, Some((first, _))) => *first,
        (None, None) => return Err(AppError::Usage("a centre needs a member".to_owned()).into()),
    };
    let (first, mirror) = match args.objects.as_slice() {
        [] => (None, None),
        [first] => (Some(first), None),
        [first, mirror] => (Some(first), Some(mirror.clone())),
        _ => {
            return Err(Failure::Usage(
                "--objects is given twice at most: a store and its mirror".to_owned(),
            ));
        }
    };
    let founding = Founding {
        name: args.name.clone(),
        members,
        host,
        founder: founder.clone(),
        database: args.database.clone(),
        objects: first.filter(|first| *first != OWN_FOLDER).cloned(),
        mirror,
        argon2: comity_app::centre::ARGON2,
    };
    let centre = create(
        &args.dir,
        &founding,
        &passphrase::new("COMITY_PASSPHRASE")?,
        Ambient::system(),
    )?;
    let keys = centre.log_keys();
    let vkeys: Vec<String> = keys.vkeys().iter().map(ToString::to_string).collect();
    let file = args.dir.join(KEYS_FILE);
    let person = format!("{}-P0001", founding.host);
    let answer_json = json!({
        "centre": args.dir.display().to_string(), "name": args.name, "origin": keys.origin(), "vkeys": vkeys,
        "fingerprint": keys.fingerprint().to_string(), "keys_file": file.display().to_string(), "person": person,
        "mirror": centre.config.mirror,
    });
    let mut lines = vec![
        format!(
            "The centre {:?} is made in {}.",
            args.name,
            args.dir.display()
        ),
        String::new(),
        format!("Origin       {}", keys.origin()),
    ];
    // An ML-DSA-44 key has 1,750 characters: the file has it whole.
    lines.extend(
        vkeys
            .iter()
            .map(|v| format!("Key          {}", shortened(v))),
    );
    lines.push(format!("Fingerprint  {}", keys.fingerprint_groups()));
    lines.push(format!(
        "Key file     {} (give it to outsiders; they compare the fingerprint)",
        file.display()
    ));
    if let Some(mirror) = &centre.config.mirror {
        lines.push(format!("Mirror       {mirror}"));
    }
    lines.push(format!("First person {person} {founder}"));
    answer(global, &answer_json, &lines)
}

fn shortened(vkey: &str) -> String {
    if vkey.len() <= 160 {
        vkey.to_owned()
    } else {
        format!(
            "{}… ({} characters)",
            vkey.chars().take(120).collect::<String>(),
            vkey.len()
        )
    }
}
