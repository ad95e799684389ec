//! `comity stamp`: time stamps over checkpoints.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use comity_app::Centre;
use comity_app::acts::SolemnAct;
use comity_app::ambient::time_text;
use comity_app::event::Actor;
use comity_app::stamp::{Authority, Due, Http, Outcome, StampStatus, Taken};
use comity_core::shown::escape_for_terminal;
use comity_core::stamp::{Certificates, HashKind};
use serde_json::{Value, json};

use crate::args::Global;
use crate::output::{answer, columns, counted};
use crate::proposal::waits;
use crate::world::{Failure, actor, actor_given, open};

/// How often a stamp is due when nothing else is said.
const DAY_SECS: u64 = 86_400;
/// An authority that fails is asked again after so many seconds.
const RETRIES_SECS: [u64; 3] = [2, 10, 60];

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_required = false)]
pub struct StampArgs {
    /// Take what is due: new stamps, and renewals of those whose certificates end soon
    #[arg(long)]
    pub scheduled: bool,
    /// Stay and do it again and again; a stamp is due when the newest is older than this (such as 90s, 30m, 6h, 1d)
    #[arg(long, value_name = "TIME", requires = "scheduled", value_parser = seconds)]
    pub every: Option<u64>,
    #[command(subcommand)]
    pub verb: Option<StampVerb>,
}

#[derive(Subcommand)]
pub enum StampVerb {
    /// The authorities that are asked
    #[command(subcommand)]
    Authority(AuthorityVerb),
    /// Have the published checkpoint stamped now
    Now {
        /// These authorities only
        names: Vec<String>,
    },
}

#[derive(Subcommand)]
pub enum AuthorityVerb {
    /// Add an authority, or set one anew
    Add {
        /// Its name here: small letters, digits and hyphens
        name: String,
        /// Where it is asked
        #[arg(long)]
        url: String,
        /// Its certificates in PEM: the root, and those between
        #[arg(long, value_name = "FILE.pem")]
        certificates: PathBuf,
        /// It is a qualified authority (eIDAS); the record says that you said so
        #[arg(long)]
        qualified: bool,
        /// The hash function of imprints
        #[arg(long, default_value = "sha256", value_parser = ["sha256", "sha512"])]
        hash: String,
    },
    /// List the authorities
    List,
    /// Ask an authority no longer; what it stamped stays
    Remove {
        /// Its name
        name: String,
    },
}

pub fn run(global: &Global, args: &StampArgs) -> Result<(), Failure> {
    match (&args.verb, args.scheduled) {
        (Some(StampVerb::Authority(verb)), _) => authority(global, verb),
        (Some(StampVerb::Now { names }), _) => now(global, names),
        (None, true) => scheduled(global, args.every),
        (None, false) => Err(Failure::Usage(
            "say what to do: `comity stamp now`, `comity stamp --scheduled`, or `comity stamp authority`"
                .to_owned(),
        )),
    }
}

/// Seconds of a time such as `90s`, `30m`, `6h`, `1d`.
fn seconds(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no time: a number and s, m, h or d, such as 6h");
    let unit = match text.chars().last() {
        Some('s') => 1,
        Some('m') => 60,
        Some('h') => 3600,
        Some('d') => DAY_SECS,
        _ => return Err(wrong()),
    };
    let number = text.get(..text.len() - 1).unwrap_or_default();
    let number: u64 = number.parse().map_err(|_| wrong())?;
    number
        .checked_mul(unit)
        .filter(|secs| *secs > 0)
        .ok_or_else(wrong)
}

fn authority(global: &Global, verb: &AuthorityVerb) -> Result<(), Failure> {
    match verb {
        AuthorityVerb::Add {
            name,
            url,
            certificates,
            qualified,
            hash,
        } => {
            actor_given(global)?;
            let pem = std::fs::read_to_string(certificates).map_err(|e| {
                Failure::Usage(format!("{} cannot be read: {e}", certificates.display()))
            })?;
            let centre = open(global)?;
            let authority = Authority {
                no: 0,
                name: name.clone(),
                url: url.clone(),
                certificates: pem,
                hash: HashKind::of_name(hash).unwrap_or(HashKind::Sha256),
                qualified: *qualified,
            };
            let actor = actor(global, &centre)?;
            let act = SolemnAct::SetStampAuthority(authority.clone());
            if waits(global, &centre, &actor, &act)? {
                return Ok(());
            }
            set(global, &centre, &actor, &authority)
        }
        AuthorityVerb::List => {
            let centre = open(global)?;
            let all = centre.stamp_authorities(&mut centre.session()?)?;
            let list: Vec<Value> = all
                .iter()
                .map(|a| {
                    json!({ "authority": a.name, "url": a.url, "hash": a.hash.name(), "qualified": a.qualified, "roots": roots_json(a) })
                })
                .collect();
            let rows: Vec<Vec<String>> = all
                .iter()
                .map(|a| {
                    let root = roots(a).into_iter().next().unwrap_or_default();
                    vec![
                        a.name.clone(),
                        a.url.clone(),
                        a.hash.name().to_owned(),
                        if a.qualified {
                            "qualified"
                        } else {
                            "not qualified"
                        }
                        .to_owned(),
                        root.0,
                        root.1,
                    ]
                })
                .collect();
            answer(global, &json!(list), &columns(&rows))
        }
        AuthorityVerb::Remove { name } => {
            actor_given(global)?;
            let centre = open(global)?;
            let actor = actor(global, &centre)?;
            let act = SolemnAct::RemoveStampAuthority(name.clone());
            if waits(global, &centre, &actor, &act)? {
                return Ok(());
            }
            remove(global, &centre, &actor, name)
        }
    }
}

/// Sets an authority, and says so.
pub fn set(
    global: &Global,
    centre: &Centre,
    actor: &Actor,
    authority: &Authority,
) -> Result<(), Failure> {
    let name = &authority.name;
    let at = centre.set_stamp_authority(actor, authority)?;
    let mut lines = vec![format!(
        "{name} is asked for stamps from now on (leaf {}).",
        at.index
    )];
    lines.extend(roots(authority).into_iter().map(|(subject, sha256)| {
        format!("Compare with what the authority publishes: root {subject}, SHA-256 {sha256}")
    }));
    answer(
        global,
        &json!({ "authority": name, "leaf": at.index, "roots": roots_json(authority) }),
        &lines,
    )
}

/// Asks an authority no longer, and says so.
pub fn remove(global: &Global, centre: &Centre, actor: &Actor, name: &str) -> Result<(), Failure> {
    let at = centre.remove_stamp_authority(actor, name)?;
    let line = format!("{name} is asked no longer (leaf {}).", at.index);
    answer(
        global,
        &json!({ "authority": name, "leaf": at.index }),
        &[line],
    )
}

fn roots(authority: &Authority) -> Vec<(String, String)> {
    Certificates::parse_pem(authority.certificates.as_bytes())
        .map(|certificates| {
            certificates
                .roots()
                .map(|(subject, sha256, _)| (subject, sha256.to_string()))
                .collect()
        })
        .unwrap_or_default()
}

fn roots_json(authority: &Authority) -> Value {
    roots(authority)
        .into_iter()
        .map(|(subject, sha256)| json!({ "subject": subject, "sha256": sha256 }))
        .collect()
}

fn now(global: &Global, names: &[String]) -> Result<(), Failure> {
    let centre = open(global)?;
    let taken = centre.take_stamps(&Http::new(), names, Due::Now)?;
    told(global, &taken)?;
    if any_failed(&taken) {
        Err(Failure::Said)
    } else {
        Ok(())
    }
}

fn any_failed(taken: &[Taken]) -> bool {
    taken
        .iter()
        .any(|one| matches!(one.outcome, Outcome::Failed(_)))
}

/// The centre is opened anew each time: another process may have recorded, and a long wait holds no key in memory.
fn scheduled(global: &Global, every: Option<u64>) -> Result<(), Failure> {
    let http = Http::new();
    let due = Due::After(every.unwrap_or(DAY_SECS));
    loop {
        let mut retries = RETRIES_SECS.into_iter();
        let failed = loop {
            let taken = open(global)?.take_stamps(&http, &[], due)?;
            if !taken.is_empty() || every.is_none() {
                told(global, &taken)?;
            }
            if !any_failed(&taken) {
                break false;
            }
            match retries.next() {
                Some(secs) => std::thread::sleep(Duration::from_secs(secs)),
                None => break true,
            }
        };
        match every {
            Some(secs) => std::thread::sleep(Duration::from_secs(secs)),
            None if failed => return Err(Failure::Said),
            None => return Ok(()),
        }
    }
}

fn told(global: &Global, taken: &[Taken]) -> Result<(), Failure> {
    let mut lines = Vec::new();
    for one in taken {
        let what = match one.number {
            0 => format!("the checkpoint of {}", counted(one.size, "event")),
            n => format!(
                "the stamp over {}, renewal {n},",
                counted(one.size, "event")
            ),
        };
        lines.push(match &one.outcome {
            Outcome::Stamped(facts, _) => format!(
                "{}: {what} existed before {}, according to {}",
                one.authority,
                utc(facts.latest_secs),
                facts.authority
            ),
            Outcome::There => format!("{}: {what} is stamped already", one.authority),
            Outcome::Failed(why) => format!("{}: {what} is NOT stamped: {why}", one.authority),
        });
        if let Outcome::Stamped(_, not_got) = &one.outcome {
            lines.extend(
                not_got
                    .iter()
                    .map(|why| format!("{}: {why}", one.authority)),
            );
        }
    }
    if taken.is_empty() {
        lines.push("Nothing is due.".to_owned());
    }
    let list: Vec<Value> = taken.iter().map(taken_json).collect();
    answer(global, &json!(list), &lines)
}

fn taken_json(one: &Taken) -> Value {
    let mut value = json!({ "authority": one.authority, "size": one.size, "number": one.number });
    match &one.outcome {
        Outcome::Stamped(facts, not_got) => {
            value["outcome"] = "stamped".into();
            value["existed_before"] = utc(facts.latest_secs).into();
            value["according_to"] = facts.authority.as_str().into();
            value["root_sha256"] = facts.root_sha256.to_string().into();
            value["not_got"] = json!(not_got);
        }
        Outcome::There => value["outcome"] = "there".into(),
        Outcome::Failed(why) => {
            value["outcome"] = "failed".into();
            value["why"] = why.as_str().into();
        }
    }
    value
}

fn utc(secs: u64) -> String {
    let micros = i64::try_from(secs)
        .unwrap_or(i64::MAX)
        .saturating_mul(1_000_000);
    let text = time_text(micros);
    text.replace(".000000Z", "Z")
}

/// The lines of `comity ledger status` that speak of stamps; `size` is that of the published checkpoint.
pub fn status_lines(all: &[StampStatus], size: u64, now_secs: u64) -> Vec<String> {
    let mut lines = Vec::new();
    if all.is_empty() {
        lines.push("Stamped      by nobody: no time stamp authority is configured".to_owned());
    }
    for one in all {
        let label = format!("Stamped      {}: ", one.authority);
        let mut text = match one.newest {
            Some((stamped, secs)) => {
                let behind = match size.saturating_sub(stamped) {
                    0 => String::new(),
                    n => format!(", {} came later", counted(n, "event")),
                };
                format!("{stamped} events before {}{behind}", utc(secs))
            }
            None => "nothing yet".to_owned(),
        };
        if let Some(until) = one.valid_until_secs
            && until < now_secs
        {
            text.push_str(&format!(
                "; its certificates ended {} and it was NOT renewed",
                utc(until)
            ));
        }
        if let Some((at, why)) = &one.failed {
            text.push_str(&format!("; FAILED {}: {why}", utc(*at)));
        }
        if let Some(what) = &one.damaged {
            text.push_str(&format!("; DAMAGED: {what}"));
        }
        if !one.configured {
            text.push_str(" (asked no longer)");
        }
        lines.push(escape_for_terminal(&format!("{label}{text}")));
    }
    lines
}

/// The same in JSON.
pub fn status_json(all: &[StampStatus]) -> Value {
    all.iter()
        .map(|one| {
            json!({
                "authority": one.authority, "configured": one.configured,
                "size": one.newest.map(|(size, _)| size), "existed_before": one.newest.map(|(_, secs)| utc(secs)),
                "valid_until": one.valid_until_secs.map(utc), "checkpoints": one.checkpoints,
                "failed": one.failed.as_ref().map(|(at, why)| json!({ "at": utc(*at), "why": why })),
                "damaged": one.damaged,
            })
        })
        .collect()
}
