//! `comity item`: list, show, open, and tell the history of items.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use comity_app::ambient::time_text;
use comity_app::intake::provenance::Pattern;
use comity_app::item::{Filter, Item, moment, proof_of};
use comity_app::project::ItemState;
use comity_app::sql::Session;
use comity_app::{AppError, Centre};
use comity_core::digest::hex;
use comity_core::id::{Ern, MemberCode};
use comity_core::shown::{escape_for_terminal, shown};
use serde_json::{Value, json};

use crate::args::Global;
use crate::output::{answer, write};
use crate::world::{Failure, actor, actor_given, open};

#[derive(Args)]
pub struct ItemArgs {
    #[command(subcommand)]
    pub verb: ItemVerb,
}

#[derive(Subcommand)]
pub enum ItemVerb {
    /// List items
    List(ListArgs),
    /// Show what was recorded about an item
    Show {
        /// Its evidence registration number
        ern: Ern,
    },
    /// Open an item: its bytes, exactly
    Get(GetArgs),
    /// Tell what happened to an item
    History {
        /// Its evidence registration number
        ern: Ern,
        /// Write the proof of each event into this folder
        #[arg(long, value_name = "DIR")]
        proofs: Option<PathBuf>,
    },
}

#[derive(Args)]
pub struct ListArgs {
    /// Of this case, by code or name
    #[arg(long)]
    pub case: Option<String>,
    /// Of this member
    #[arg(long, value_name = "CODE")]
    pub member: Option<MemberCode>,
    /// In this state
    #[arg(long, value_parser = ["sealed", "link", "refused", "unreadable", "vanished", "changed"])]
    pub state: Option<String>,
    /// Whose path matches this pattern: * within a folder, ** across folders, ? one letter
    #[arg(long, value_name = "PATTERN")]
    pub path: Option<String>,
    /// Received on this day or later: 2026-11-24, or a time with its zone
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// Received before this day or time
    #[arg(long, value_name = "TIME")]
    pub before: Option<String>,
    /// At most so many
    #[arg(long)]
    pub limit: Option<u64>,
    /// Only those after this item, in the order of their recording
    #[arg(long, value_name = "ERN")]
    pub after: Option<Ern>,
}

#[derive(Args)]
pub struct GetArgs {
    /// Its evidence registration number
    pub ern: Ern,
    /// What it is opened for; goes on record before the first byte
    #[arg(long)]
    pub purpose: String,
    /// Write to this new file
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Only these bytes, to standard output: OFFSET:LENGTH
    #[arg(long, value_name = "OFFSET:LENGTH", conflicts_with = "output")]
    pub range: Option<String>,
}

pub fn run(global: &Global, args: &ItemArgs) -> Result<(), Failure> {
    match &args.verb {
        ItemVerb::List(args) => list(global, args),
        ItemVerb::Show { ern } => show(global, ern),
        ItemVerb::Get(args) => get(global, args),
        ItemVerb::History { ern, proofs } => history(global, ern, proofs.as_deref()),
    }
}

/// What has become of an item, in a word.
fn state(item: &Item) -> &'static str {
    match item.erased {
        Some(_) => "erased",
        None => item.state.word(),
    }
}

fn filter(centre: &Centre, session: &mut Session, args: &ListArgs) -> Result<Filter, Failure> {
    let pattern =
        |p: &String| Pattern::parse(p).map_err(|e| Failure::Usage(format!("--path {p}: {e}")));
    Ok(Filter {
        case: args
            .case
            .as_ref()
            .map(|c| centre.case(session, c))
            .transpose()?
            .map(|c| c.no),
        member: args
            .member
            .as_ref()
            .map(|m| centre.member(session, m))
            .transpose()?
            .map(|m| m.no),
        intake: None,
        state: args.state.as_deref().and_then(ItemState::of_word),
        path: args.path.as_ref().map(pattern).transpose()?,
        since: args.since.as_deref().map(moment).transpose()?,
        before: args.before.as_deref().map(moment).transpose()?,
    })
}

fn item_json(item: &Item) -> Value {
    json!({
        "ern": item.ern.to_string(), "case": item.case, "state": state(item), "size": item.size,
        "received": time_text(item.received),
        "waits": item.waits,
        "path": item.facts.as_ref().map(|f| shown(&f.path)),
        "sha256": item.facts.as_ref().and_then(|f| f.sha256).map(|d| hex(&d)),
        "events": item.last_n + 1, "quarantined": item.quarantined,
    })
}

fn list(global: &Global, args: &ListArgs) -> Result<(), Failure> {
    let centre = open(global)?;
    let mut session = centre.session()?;
    let filter = filter(&centre, &mut session, args)?;
    let after = args
        .after
        .as_ref()
        .map(|e| centre.item(&mut session, e))
        .transpose()?
        .map_or(0, |i| i.no);
    let limit = args.limit.unwrap_or(u64::MAX);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let (mut count, mut failure) = (0, None);
    // A list of a million items is written as it is read, JSON as one value a line.
    centre.each_item(&mut session, &filter, after, &mut |item| {
        if count >= limit {
            return Ok(false);
        }
        count += 1;
        let line = if global.json {
            item_json(&item).to_string()
        } else {
            let path = item
                .facts
                .as_ref()
                .map_or_else(|| without_facts(&item), |f| shown(&f.path));
            format!(
                "{}  {:<10}  {:>13}  {}  {}{}",
                item.ern,
                state(&item),
                item.size,
                &time_text(item.received)[..10],
                escape_for_terminal(&path),
                if item.quarantined {
                    "  (in quarantine)"
                } else {
                    ""
                }
            )
        };
        failure = write(&mut out, &line).err();
        Ok(failure.is_none())
    })?;
    match failure {
        Some(failure) => Err(failure),
        None => out
            .flush()
            .map_err(|e| Failure::Wrong(format!("the answer could not be written: {e}"))),
    }
}

fn show(global: &Global, ern: &Ern) -> Result<(), Failure> {
    let centre = open(global)?;
    let mut session = centre.session()?;
    let item = centre.item(&mut session, ern)?;
    let event = centre.received_event(&item)?;
    let fields: serde_json::Map<String, Value> = event
        .fields
        .iter()
        .map(|f| {
            (
                f.name.clone(),
                f.value.clone().unwrap_or_else(|| json!("(erased)")),
            )
        })
        .collect();
    let mut lines = vec![
        format!("{:<12}{}", "item", item.ern),
        format!("{:<12}{}", "leaf", item.first_index),
        format!("{:<12}{}", "events", item.last_n + 1),
    ];
    if item.quarantined {
        lines.push(format!("{:<12}{}", "quarantine", "its bytes did not pass the last check of fixity; `comity vault repair --from BACKUP` mends it"));
    }
    tell_all(&mut lines, 0, &fields);
    answer(
        global,
        &json!({ "item": item_json(&item), "leaf": item.first_index, "fields": fields }),
        &lines,
    )
}

/// Named values as lines for people, in a column; what one of them holds stands below it, indented.
fn tell_all(lines: &mut Vec<String>, depth: usize, values: &serde_json::Map<String, Value>) {
    let longest = values.keys().map(|name| name.chars().count() + 1).max();
    let width = longest.unwrap_or(0).max(12);
    for (name, value) in values {
        tell(lines, depth, width, name, value);
    }
}

fn tell(lines: &mut Vec<String>, depth: usize, width: usize, name: &str, value: &Value) {
    let indent = "  ".repeat(depth);
    match (value, plain(value)) {
        (_, Some(text)) => lines.push(format!("{indent}{name:<width$}{text}")),
        (Value::Object(members), None) if !members.is_empty() => {
            lines.push(format!("{indent}{name}"));
            tell_all(lines, depth + 1, members);
        }
        (Value::Array(values), None) if !values.is_empty() => {
            lines.push(format!("{indent}{name}"));
            for value in values {
                match plain(value) {
                    Some(text) => lines.push(format!("{indent}  - {text}")),
                    None => tell(lines, depth + 1, width, "-", value),
                }
            }
        }
        (_, None) => lines.push(format!("{indent}{name:<width$}(empty)")),
    }
}

/// A single value, or a list of such, in one line; nothing for what has parts of its own.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Null => Some("(nothing)".to_owned()),
        Value::Array(values) if !values.is_empty() => values
            .iter()
            .map(|v| plain(v).filter(|_| !v.is_array()))
            .collect::<Option<Vec<_>>>()
            .map(|texts| texts.join(", ")),
        Value::Array(_) | Value::Object(_) => None,
        other => Some(other.to_string()),
    }
}

fn get(global: &Global, args: &GetArgs) -> Result<(), Failure> {
    actor_given(global)?;
    if let Some(file) = &args.output
        && file.exists()
    {
        return Err(Failure::Usage(format!(
            "{} is there already: name a new file",
            file.display()
        )));
    }
    let range = args.range.as_deref().map(range_of).transpose()?;
    if args.output.is_none() && range.is_none() {
        return Err(Failure::Usage(
            "where to? give -o FILE, or --range OFFSET:LENGTH for standard output".to_owned(),
        ));
    }
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    let mut session = centre.session()?;
    let item = centre.item(&mut session, &args.ern)?;
    let opening = centre.open_item(&mut session, &actor, item, &args.purpose, range)?;
    match (&args.output, range) {
        (Some(file), _) => {
            let bytes = opening.restore(&centre.ambient.disk, file)?;
            let line = format!(
                "{} is in {}: {bytes} bytes, SHA-256 as recorded (opening: leaf {}).",
                args.ern,
                file.display(),
                opening.leaf
            );
            answer(
                global,
                &json!({ "item": args.ern.to_string(), "file": file.display().to_string(), "bytes": bytes, "leaf": opening.leaf }),
                &[line],
            )
        }
        (None, Some((offset, len))) => {
            Ok(opening.copy_range_to(offset, len, &mut std::io::stdout().lock())?)
        }
        (None, None) => Ok(()),
    }
}

fn range_of(text: &str) -> Result<(u64, u64), Failure> {
    let parts = text
        .split_once(':')
        .and_then(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    parts.ok_or_else(|| {
        Failure::Usage(format!(
            "--range {text}: a range is OFFSET:LENGTH in bytes, such as 0:4096"
        ))
    })
}

fn history(global: &Global, ern: &Ern, proofs: Option<&Path>) -> Result<(), Failure> {
    let centre = open(global)?;
    let mut session = centre.session()?;
    let item = centre.item(&mut session, ern)?;
    let history = centre.history(&mut session, &item)?;
    let mut lines = Vec::new();
    let mut list = Vec::new();
    for h in &history {
        let time = h.event.text("time").unwrap_or("(time withheld)");
        lines.push(format!(
            "{:>4}  {time}  {}  (leaf {})",
            h.event.leaf.n, h.words, h.event.index
        ));
        let fields: serde_json::Map<String, Value> = h
            .event
            .fields
            .iter()
            .filter_map(|f| f.value.clone().map(|v| (f.name.clone(), v)))
            .collect();
        list.push(json!({ "n": h.event.leaf.n, "leaf": h.event.index, "words": h.words, "fields": fields }));
    }
    if let Some(dir) = proofs {
        write_proofs(&centre, dir, ern, &history)?;
        lines.push(format!("The proofs are in {}.", dir.display()));
    }
    answer(global, &json!(list), &lines)
}

fn write_proofs(
    centre: &Centre,
    dir: &Path,
    ern: &Ern,
    history: &[comity_app::item::HistoryEvent],
) -> Result<(), Failure> {
    let io = |e: std::io::Error| Failure::from(AppError::io(dir, e));
    std::fs::create_dir_all(dir).map_err(io)?;
    for h in history {
        let mut proof = proof_of(centre, h.event.index)?;
        proof.extra = Some(h.event.entry.clone());
        std::fs::write(
            dir.join(format!("{ern}.{}.tlog-proof", h.event.leaf.n)),
            proof.encode(),
        )
        .map_err(io)?;
    }
    Ok(())
}

/// What stands in place of a path that cannot be read.
fn without_facts(item: &Item) -> String {
    if item.waits {
        format!("(waits for the desk of {})", item.ern.member())
    } else {
        "(erased)".to_owned()
    }
}
