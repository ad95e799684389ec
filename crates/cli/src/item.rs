//! `comity item`: list, show, open, and tell the history of items.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use comity_app::ambient::time_text;
use comity_app::intake::provenance::Pattern;
use comity_app::item::{
    Counted, Filter, FurtherCounted, Item, ReadingState, Wanted, moment, proof_of,
};
use comity_app::project::ItemState;
use comity_app::reading::{Further, Pass, Reading};
use comity_app::search::{Hit, NearlySame};
use comity_app::sql::Session;
use comity_app::{AppError, Centre};
use comity_core::digest::hex;
use comity_core::id::{Ern, MemberCode};
use comity_core::shown::{escape_for_terminal, shown};
use comity_extract::{KeptLine, Role, State};
use serde_json::{Value, json};

use crate::args::Global;
use crate::groups::{self, GroupsArgs};
use crate::names::{known_json, listed_lines, mention_json};
use crate::output::{answer, counted, write};
use crate::progress::Bar;
use crate::work::state_word;
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
    /// List groups of items of a case that are nearly the same
    Groups(GroupsArgs),
    /// Have items read once more
    Retry(RetryArgs),
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
    /// In this state: as it was met (sealed, link, refused, unreadable, vanished, changed), or as it was read
    /// (not-read, read, read-in-part, empty, encrypted, unsupported, damaged, over-a-limit, crashed-the-reader,
    /// timed-out)
    #[arg(long, value_parser = state_wanted, value_name = "STATE")]
    pub state: Option<StateWanted>,
    /// Inside of this item, at any depth
    #[arg(long = "in", value_name = "ERN")]
    pub inside: Option<Ern>,
    /// Only how many there are in each state
    #[arg(long, conflicts_with_all = ["path", "limit", "after"])]
    pub counts: bool,
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
pub struct RetryArgs {
    /// Their evidence registration numbers
    #[arg(value_name = "ITEM", required_unless_present = "state")]
    pub items: Vec<Ern>,
    /// All whose reading ended in this state
    #[arg(long, value_parser = state_wanted, value_name = "STATE", conflicts_with = "items")]
    pub state: Option<StateWanted>,
    /// Of these, only those of this case, by code or name
    #[arg(long, requires = "state")]
    pub case: Option<String>,
}

/// A state as it is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateWanted {
    /// As it was met.
    Met(ItemState),
    /// As it was read.
    Reading(ReadingState),
}

fn state_wanted(word: &str) -> Result<StateWanted, String> {
    if let Some(state) = ItemState::of_word(word) {
        return Ok(StateWanted::Met(state));
    }
    if word == NOT_READ {
        return Ok(StateWanted::Reading(ReadingState::Unread));
    }
    let state = State::named(&word.replace('-', " "));
    let state = state.map(|s| StateWanted::Reading(ReadingState::Ended(s)));
    state.ok_or_else(|| {
        let met = ItemState::ALL.iter().map(|s| s.word().to_owned());
        let read = State::ALL.iter().map(|s| state_word(*s));
        let all: Vec<String> = met.chain([NOT_READ.to_owned()]).chain(read).collect();
        format!("it is one of {}", all.join(", "))
    })
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
    /// What was made of it instead: thumbnail, blurred, page:NUMBER, text or ocr
    #[arg(long, value_name = "WHICH", conflicts_with = "range")]
    pub derivative: Option<Wanted>,
}

pub fn run(global: &Global, args: &ItemArgs) -> Result<(), Failure> {
    match &args.verb {
        ItemVerb::List(args) => list(global, args),
        ItemVerb::Show { ern } => show(global, ern),
        ItemVerb::Get(args) => get(global, args),
        ItemVerb::Groups(args) => groups::run(global, args),
        ItemVerb::Retry(args) => retry(global, args),
        ItemVerb::History { ern, proofs } => history(global, ern, proofs.as_deref()),
    }
}

/// The word for bytes that no reader has seen.
const NOT_READ: &str = "not-read";

/// What has become of an item, in a word.
fn state(item: &Item) -> &'static str {
    match item.erased {
        Some(_) => "erased",
        None => item.state.word(),
    }
}

/// What has become of an item, its reading included.
fn state_shown(item: &Item) -> &'static str {
    match item.reading {
        Some(reading) => reading.state.name(),
        None => state(item),
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
        state: args.state.and_then(|s| match s {
            StateWanted::Met(state) => Some(state),
            StateWanted::Reading(_) => None,
        }),
        reading: args.state.and_then(|s| match s {
            StateWanted::Met(_) => None,
            StateWanted::Reading(reading) => Some(reading),
        }),
        inside: match &args.inside {
            Some(ern) => {
                let item = centre.item(session, ern)?;
                Some(centre.inside(session, &item)?)
            }
            None => None,
        },
        path: args.path.as_ref().map(pattern).transpose()?,
        since: args.since.as_deref().map(moment).transpose()?,
        before: args.before.as_deref().map(moment).transpose()?,
    })
}

fn item_json(item: &Item) -> Value {
    json!({
        "ern": item.ern.to_string(), "case": item.case, "state": state(item), "size": item.size,
        "reading": item.reading.map(|r| r.state.name()), "unread": item.is_unread(),
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
    if args.counts {
        let counted = centre.count_items(&mut session, &filter)?;
        return counts(
            global,
            &counted,
            &centre.count_further(&mut session, &filter)?,
        );
    }
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
                "{}  {:<12}  {:>13}  {}  {}{}",
                item.ern,
                state_shown(&item),
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
        None => match out.flush() {
            // A reader that went away has seen enough.
            Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Err(Failure::Said),
            done => {
                done.map_err(|e| Failure::Wrong(format!("the answer could not be written: {e}")))
            }
        },
    }
}

/// How many items are in each state.
fn counts(global: &Global, counted: &[Counted], further: &[FurtherCounted]) -> Result<(), Failure> {
    let mut sums: std::collections::BTreeMap<String, u64> = std::collections::BTreeMap::new();
    let mut unread = 0;
    for part in counted {
        let name = match (part.erased, part.reading) {
            (true, _) => "erased",
            (false, Some(state)) => state.name(),
            (false, None) if part.state == ItemState::Sealed => "not read",
            (false, None) => part.state.word(),
        };
        *sums.entry(name.to_owned()).or_default() += part.items;
        unread += if part.unread { part.items } else { 0 };
    }
    let all: u64 = sums.values().sum();
    let mut lines: Vec<String> = sums
        .iter()
        .map(|(name, items)| format!("{name:<20}{items:>12}"))
        .collect();
    lines.push(format!("{:<20}{all:>12}", "together"));
    if unread > 0 {
        lines.push(format!(
            "{unread} wait to be read: `comity work` reads them."
        ));
    }
    let mut passes = serde_json::Map::new();
    for part in further {
        let state = match part.state {
            Some(state) if !part.waits => state.name(),
            _ => "waits",
        };
        let name = match part.pass {
            Pass::Recognise => "OCR",
            Pass::Read | Pass::Draw => "pictures",
        };
        lines.push(format!(
            "{:<20}{:>12}",
            format!("{name}: {state}"),
            part.items
        ));
        let states = passes.entry(part.pass.field()).or_insert_with(|| json!({}));
        states[state] = json!(states[state].as_u64().unwrap_or(0) + part.items);
    }
    answer(
        global,
        &json!({ "states": sums, "items": all, "unread": unread, "further": passes }),
        &lines,
    )
}

fn retry(global: &Global, args: &RetryArgs) -> Result<(), Failure> {
    actor_given(global)?;
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    let items = match args.state {
        None => centre.items_of_numbers(&args.items)?,
        Some(StateWanted::Reading(reading @ ReadingState::Ended(_))) => {
            let mut session = centre.session()?;
            let case = args.case.as_ref();
            let filter = Filter {
                case: case
                    .map(|c| centre.case(&mut session, c))
                    .transpose()?
                    .map(|c| c.no),
                reading: Some(reading),
                ..Filter::default()
            };
            let mut items = Vec::new();
            centre.each_item(&mut session, &filter, 0, &mut |item| {
                // What could not be taken out of its container is had again from that one only.
                if item.state == ItemState::Sealed {
                    items.push(item);
                }
                Ok(true)
            })?;
            items
        }
        Some(_) => {
            return Err(Failure::Usage(
                "--state names how a reading ended, such as damaged or timed-out".to_owned(),
            ));
        }
    };
    let asked = centre.read_again(&actor, &items)?;
    answer(
        global,
        &json!({ "items": asked }),
        &[format!(
            "{} to be read again: `comity work` reads them.",
            counted(asked, "item")
        )],
    )
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
    let mut json = json!({ "item": item_json(&item), "leaf": item.first_index, "fields": fields });
    if let Some(container) = ern.parent() {
        lines.insert(1, format!("{:<12}{container}", "inside of"));
        json["inside_of"] = json!(container.to_string());
    }
    let unread = item.is_unread();
    let is_open = item.erased.is_none() && !item.waits;
    let alike = is_open.then(|| centre.nearly_same(&item));
    let told = centre.reading(&mut session, item)?;
    tell_all(&mut lines, 0, &fields);
    match &told {
        Some(reading) => {
            json["reading"] = show_reading(&mut lines, reading)?;
            let further = centre.further(&mut session, &reading.item)?;
            json["further"] = further
                .iter()
                .map(|one| show_further(&mut lines, one))
                .collect();
        }
        None if unread => lines.push("reading     not read yet: `comity work` reads it".to_owned()),
        None => {}
    }
    if let Some(alike) = alike {
        json["nearly_same"] = show_alike(&mut lines, alike);
    }
    let member = match &global.actor {
        Some(_) => Some(actor(global, &centre)?.member),
        None => None,
    };
    let bar = Bar::new(!global.json);
    let hit = centre.listed(member.as_deref(), ern, &bar.indexing());
    bar.clear();
    if let Some(hit) = hit? {
        lines.extend(listed_lines(&hit));
        json["names"] = hit.names.iter().map(mention_json).collect();
        json["lists"] = hit.on_lists.iter().map(known_json).collect();
    }
    answer(global, &json, &lines)
}

/// Items that are nearly the same, the most alike first. An index that does not open takes nothing from the item.
fn show_alike(lines: &mut Vec<String>, alike: comity_app::Result<NearlySame>) -> Value {
    let alike = match alike {
        Ok(alike) => alike,
        Err(error) => {
            lines.push(format!(
                "What is nearly the same cannot be said: {error}. The next search makes the index anew."
            ));
            return json!({ "error": error.to_string() });
        }
    };
    let how = |hit: &Hit| {
        hit.known
            .first()
            .map(|k| k.origin.clone())
            .unwrap_or_default()
    };
    if alike.count > 0 {
        lines.push("nearly the same".to_owned());
    }
    for hit in &alike.hits {
        lines.push(format!("  {}  {}  ({})", hit.ern, hit.path, how(hit)));
    }
    if alike.count > alike.hits.len() as u64 {
        lines.push(format!(
            "  {} of {} shown; `comity search like:…` finds all.",
            alike.hits.len(),
            alike.count
        ));
    }
    let items = alike.hits.iter();
    let items: Vec<Value> = items
        .map(|hit| json!({ "ern": hit.ern, "path": hit.path, "how": how(hit) }))
        .collect();
    json!({ "found": alike.count, "items": items, "events_behind": alike.behind })
}

/// How the reading of an item ended, and what it found of metadata.
fn show_reading(lines: &mut Vec<String>, reading: &Reading) -> Result<Value, Failure> {
    let mut fields: Vec<Value> = Vec::new();
    let mut missing: Vec<String> = Vec::new();
    let mut said = vec![("reading", reading.state.name().to_owned())];
    let more = [
        (
            "why",
            (!reading.reason.is_empty()).then(|| reading.reason.clone()),
        ),
        ("type", reading.media.clone()),
        ("format", reading.format.clone()),
        ("reader", reading.reader.clone()),
        ("read", Some(reading.time.clone())),
        ("files", files_shown(&reading.files)),
        (
            "inside",
            (reading.children > 0).then(|| counted(reading.children, "item")),
        ),
    ];
    said.extend(
        more.into_iter()
            .filter_map(|(name, value)| Some((name, value?))),
    );
    lines.extend(
        said.iter()
            .map(|(name, value)| format!("{name:<12}{value}")),
    );
    let mut found = Vec::new();
    reading.each_line(&mut |line| {
        match line {
            KeptLine::Field { name, value, from } => {
                found.push(format!("  {name:<15} {value}  ({from})"));
                fields.push(json!({ "name": name, "value": value, "from": from }));
            }
            KeptLine::Missing(what) => missing.push(what),
            KeptLine::Head { .. } | KeptLine::Text { .. } | KeptLine::End(_) => {}
        }
        Ok(true)
    })?;
    if !found.is_empty() {
        lines.push("found".to_owned());
        lines.extend(found);
    }
    lines.extend(
        missing
            .iter()
            .map(|what| format!("{:<12}{what}", "not read")),
    );
    Ok(json!({
        "state": reading.state.name(), "reason": reading.reason, "type": reading.media, "format": reading.format,
        "reader": reading.reader, "time": reading.time, "leaf": reading.leaf, "inside": reading.children,
        "fields": fields, "missing": missing,
        "files": reading.files.iter().map(ToString::to_string).collect::<Vec<_>>(),
    }))
}

/// The other files of its image that an item was read with.
fn files_shown(files: &[Ern]) -> Option<String> {
    match files {
        [] => None,
        [one] => Some(format!("read as one image with {one}")),
        [first, .., last] => Some(format!(
            "read as one image with {} more, {first} to {last}",
            files.len()
        )),
    }
}

/// How far pictures for viewing, or recognised text, of an item have come.
fn show_further(lines: &mut Vec<String>, further: &Further) -> Value {
    let name = match further.pass {
        Pass::Recognise => "OCR",
        Pass::Read | Pass::Draw => "pictures",
    };
    let Some(made) = &further.made else {
        lines.push(format!("{name:<12}not made yet: `comity work` makes them"));
        return json!({ "pass": further.pass.field(), "state": null, "waits": further.waits });
    };
    let mut said = vec![made.state.name().to_owned()];
    said.extend((!made.reason.is_empty()).then(|| made.reason.clone()));
    let pages = made
        .pictures
        .iter()
        .filter(|p| p.role == Role::Page)
        .count() as u64;
    said.extend((pages > 0).then(|| counted(pages, "page")));
    said.extend(made.reader.clone());
    said.extend(made.languages.clone());
    said.extend(
        made.confidence
            .map(|sure| format!("confidence {sure} of 100")),
    );
    said.extend(further.waits.then(|| "waits to be made anew".to_owned()));
    lines.push(format!("{name:<12}{}", said.join(", ")));
    json!({
        "pass": further.pass.field(), "state": made.state.name(), "waits": further.waits, "reason": made.reason,
        "reader": made.reader, "leaf": made.leaf, "pages": pages, "languages": made.languages,
        "confidence": made.confidence,
    })
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
    let (purpose, wanted) = (&args.purpose, args.derivative);
    let opening = match wanted {
        Some(wanted) => centre.open_derivative(&mut session, &actor, item, purpose, wanted)?,
        None => centre.open_item(&mut session, &actor, item, purpose, range)?,
    };
    match (&args.output, range) {
        (Some(file), _) => {
            let bytes = opening.restore(&centre.ambient.disk, file)?;
            let what = match wanted {
                Some(wanted) => format!("The {wanted} of {}", args.ern),
                None => args.ern.to_string(),
            };
            let as_recorded = if wanted.is_none() {
                ", SHA-256 as recorded"
            } else {
                ""
            };
            let line = format!(
                "{what} is in {}: {bytes} bytes{as_recorded} (opening: leaf {}).",
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
