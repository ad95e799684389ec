//! `comity work`: reads what was taken in.

use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, ValueEnum};
use comity_app::reading::{Outcome, Pass, Progress, Tally, Workers};
use comity_core::shown::escape_for_terminal;
use comity_extract::{Limits, State};
use serde_json::{Value, json};

use crate::args::Global;
use crate::files::watched;
use crate::names::looks;
use crate::output::{answer, counted};
use crate::progress::{Bar, size, time_left};
use crate::world::{Failure, open};

/// The program that reads, beside this one.
const READER: &str = "extract-worker";
/// Where it is when it is not beside this one.
const ELSEWHERE: &str = "/usr/libexec/comity/extract-worker";

/// Events by which the search indexes may be behind: some thousand items, which a search catches up with in a moment.
const EVENTS: u64 = 2000;

#[derive(Args)]
pub struct WorkArgs {
    /// The program that reads files; the one beside this program, unless said
    #[arg(long, env = "COMITY_READER", value_name = "FILE")]
    pub reader: Option<PathBuf>,
    /// How many files are read at a time; one for each core, unless said
    #[arg(long, value_name = "NUMBER")]
    pub readers: Option<usize>,
    /// Only this: read, draw pictures for viewing, or recognise characters; may be given several times
    #[arg(long, value_name = "WHAT")]
    pub only: Vec<Work>,
    /// Recognise no characters now: pictures and scanned pages wait for another run
    #[arg(long, conflicts_with = "only")]
    pub no_ocr: bool,
    /// The languages that characters are looked for in, as Tesseract names them
    #[arg(
        long,
        env = "COMITY_OCR_LANGUAGES",
        value_delimiter = ',',
        default_value = "ukr,rus,eng"
    )]
    pub ocr_languages: Vec<String>,
    /// Show no progress
    #[arg(short, long)]
    pub quiet: bool,
}

/// A part of the work.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Work {
    /// Read files
    Read,
    /// Draw pictures for viewing
    Pictures,
    /// Recognise characters of pictures and scanned pages
    Ocr,
}

impl Work {
    fn of(pass: Pass) -> Work {
        match pass {
            Pass::Read => Work::Read,
            Pass::Draw => Work::Pictures,
            Pass::Recognise => Work::Ocr,
        }
    }
}

fn passes(args: &WorkArgs) -> Vec<Pass> {
    let wanted = |pass: &Pass| match Work::of(*pass) {
        Work::Ocr if args.no_ocr => false,
        work => args.only.is_empty() || args.only.contains(&work),
    };
    Pass::ALL.into_iter().filter(wanted).collect()
}

/// The words of a state on the command line: its name, with hyphens.
pub fn state_word(state: State) -> String {
    state.name().replace(' ', "-")
}

pub fn run(global: &Global, args: &WorkArgs) -> Result<(), Failure> {
    let workers = Workers {
        program: reader(args)?,
        limits: Limits::default(),
        threads: args
            .readers
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)),
        passes: passes(args),
        languages: args.ocr_languages.clone(),
    };
    let centre = open(global)?;
    let bar = Bar::new(!args.quiet && !global.json);
    let (begun, since) = (Instant::now(), centre.log_size());
    let member = looks(global, &centre)?;
    let indexes = centre.keeping_up(EVENTS);
    let done = centre.work(&workers, &|progress| {
        bar.say(line(progress, begun));
        indexes.step();
    });
    bar.clear();
    let outcome = done?;
    let (mut json, mut lines) = (outcome_json(&outcome), lines(&outcome));
    let bar = Bar::new(!args.quiet && !global.json);
    let searchable = centre.make_searchable(&bar.indexing());
    bar.clear();
    match searchable {
        Ok(said) => lines.extend(said),
        // What was read is kept, whatever the index is like.
        Err(error) => {
            json["not_searchable"] = error.to_string().into();
            lines.push(format!(
                "What was read is not in the search index yet: {error}. The next search tries again."
            ));
        }
    }
    let (on_lists, said) = watched(&centre, member.as_deref(), since);
    json["watched"] = on_lists;
    lines.extend(said);
    answer(global, &json, &lines)?;
    if outcome.aside.is_empty() {
        Ok(())
    } else {
        Err(Failure::Said)
    }
}

fn reader(args: &WorkArgs) -> Result<PathBuf, Failure> {
    if let Some(reader) = &args.reader {
        return Ok(reader.clone());
    }
    let beside = std::env::current_exe()
        .ok()
        .map(|exe| exe.with_file_name(READER));
    let places = beside.into_iter().chain([PathBuf::from(ELSEWHERE)]);
    places
        .into_iter()
        .find(|place| place.is_file())
        .ok_or_else(|| {
            Failure::Usage(format!(
                "{READER}, the program that reads files, is neither beside this program nor at {ELSEWHERE}: give its place with --reader FILE, or COMITY_READER"
            ))
        })
}

fn line(progress: &Progress, begun: Instant) -> String {
    let (tally, seconds) = (&progress.tally, begun.elapsed().as_secs_f64().max(0.001));
    let all = tally.items() + progress.waiting;
    let bytes = tally.bytes + progress.waiting_bytes;
    let doing = match progress.pass {
        Pass::Read => "",
        Pass::Draw => "pictures: ",
        Pass::Recognise => "OCR: ",
    };
    let mut line = format!(
        "{doing}{} of {all} files, {} of {}, {}/s",
        tally.items(),
        size(tally.bytes),
        size(bytes),
        size((tally.bytes as f64 / seconds) as u64)
    );
    let share = |done: u64, all: u64| {
        if all == 0 {
            1.0
        } else {
            done as f64 / all as f64
        }
    };
    let done = share(tally.items(), all).min(share(tally.bytes, bytes));
    if let Some(left) = time_left(seconds, done) {
        line.push_str(&format!(", {left} left"));
    }
    if tally.attention() > 0 {
        line.push_str(&format!("; {} need attention", tally.attention()));
    }
    line
}

fn states(tally: &Tally) -> impl Iterator<Item = (State, u64)> {
    State::ALL
        .into_iter()
        .zip(tally.states)
        .filter(|(_, items)| *items > 0)
}

fn lines(outcome: &Outcome) -> Vec<String> {
    let tally = &outcome.tally;
    let further = [
        (&outcome.drawn, "drawn"),
        (&outcome.recognised, "looked through by OCR"),
    ];
    let idle = tally.items() == 0 && further.iter().all(|(tally, _)| tally.items() == 0);
    if idle && outcome.aside.is_empty() && outcome.without_ocr.is_none() {
        return vec!["Nothing waits to be read.".to_owned()];
    }
    let mut lines = vec![format!(
        "{} read, {}",
        counted(tally.items(), "item"),
        size(tally.bytes)
    )];
    let mut row = |name: &str, n: u64| lines.push(format!("  {name:<34}{n:>12}"));
    for (state, items) in states(tally) {
        row(state.name(), items);
    }
    if tally.found > 0 {
        row("found inside of others", tally.found);
    }
    if tally.overtaken > 0 {
        row("read by another process meanwhile", tally.overtaken);
    }
    for (tally, what) in further.iter().filter(|(tally, _)| tally.items() > 0) {
        lines.push(format!("{} {what}", counted(tally.items(), "item")));
        let row = |(state, items): (State, u64)| format!("  {:<34}{items:>12}", state.name());
        lines.extend(states(tally).map(row));
    }
    if let Some((items, why)) = &outcome.without_ocr {
        let waits = if *items == 1 { "waits" } else { "wait" };
        lines.push(escape_for_terminal(&format!(
            "{} {waits} for OCR, which this machine cannot do: {why}",
            counted(*items, "item")
        )));
    }
    if tally.attention() > 0 {
        lines.push("To see what could not be read, and why:".to_owned());
        let quiet = [State::Read, State::Empty];
        let wanting = states(tally).filter(|(state, _)| !quiet.contains(state));
        lines.extend(wanting.map(|(s, _)| format!("  comity item list --state {}", state_word(s))));
    }
    if !outcome.aside.is_empty() {
        lines.push(format!(
            "{} could not be read now, and stay in the queue:",
            counted(outcome.aside.len() as u64, "item")
        ));
        let named = outcome.aside.iter().take(20);
        lines.extend(named.map(|a| escape_for_terminal(&format!("  {}: {}", a.ern, a.why))));
        if outcome.aside.len() > 20 {
            lines.push(format!("  and {} more", outcome.aside.len() - 20));
        }
    }
    lines
}

fn outcome_json(outcome: &Outcome) -> Value {
    let tally = &outcome.tally;
    let by_state = |tally: &Tally| {
        let all = State::ALL.into_iter().zip(tally.states);
        let named = all.map(|(state, items)| (state.name().to_owned(), json!(items)));
        named.collect::<serde_json::Map<String, Value>>()
    };
    let aside: Vec<Value> = outcome
        .aside
        .iter()
        .map(|a| json!({ "item": a.ern.to_string(), "why": a.why }))
        .collect();
    json!({
        "items": tally.items(), "bytes": tally.bytes, "states": by_state(tally), "found": tally.found,
        "overtaken": tally.overtaken, "attention": tally.attention(), "not_now": aside,
        "drawn": by_state(&outcome.drawn), "recognised": by_state(&outcome.recognised),
        "without_ocr": outcome.without_ocr.as_ref().map(|(items, why)| json!({ "items": items, "why": why })),
    })
}
