//! `comity intake`: take in evidence.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::Args;
use comity_app::intake::{self, Collected, Outcome, Progress, Request, Tally};
use comity_app::item::moment;
use comity_app::project::ItemState;
use comity_app::receipt::Place;
use comity_core::id::MemberCode;
use serde_json::{Value, json};

use crate::args::Global;
use crate::attest;
use crate::files::watched;
use crate::output::answer;
use crate::progress::{Bar, size, time_left};
use crate::receipt;
use crate::world::{Failure, actor, actor_given, open};

#[derive(Args)]
pub struct IntakeArgs {
    /// Files and folders to take in
    #[arg(required_unless_present = "bag", value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Take in this BagIt bag (a folder or a zip) instead; an invalid one is refused
    #[arg(long, value_name = "BAG", conflicts_with_all = ["paths", "manifest"])]
    pub bag: Option<PathBuf>,
    /// The member that brings it: the originator
    #[arg(long, value_name = "CODE")]
    pub member: MemberCode,
    /// The case, by code or name
    #[arg(long)]
    pub case: String,
    /// Where it comes from, in words; with the path it says which item is which
    #[arg(long)]
    pub source: String,
    /// Who collected it
    #[arg(long, value_name = "NAME")]
    pub collected_by: Option<String>,
    /// When it was collected: a day (2026-11-24), or a time with its zone (2026-11-24T10:00:00+02:00)
    #[arg(long, value_name = "TIME")]
    pub collected_at: Option<String>,
    /// Where it was collected
    #[arg(long, value_name = "PLACE")]
    pub collected_place: Option<String>,
    /// The legal basis
    #[arg(long, value_name = "BASIS")]
    pub authority: Option<String>,
    /// Handling code of all its items, as the originator set it (Europol's H0 to H3)
    #[arg(long, value_parser = ["H0", "H1", "H2", "H3"])]
    pub handling: Option<String>,
    /// Also compute MD5 and SHA-1, for old hash lists
    #[arg(long)]
    pub legacy_hashes: bool,
    /// The deliverer's own list of digests (sha256sum, md5sum, hashdeep, CSV), checked while reading
    #[arg(long, value_name = "FILE")]
    pub manifest: Option<PathBuf>,
    /// Provenance by path pattern, CSV or JSON Lines
    #[arg(long, value_name = "FILE")]
    pub provenance: Option<PathBuf>,
    /// A hand-over document, taken in as an item that says so; once for each
    #[arg(long = "document", value_name = "FILE")]
    pub documents: Vec<PathBuf>,
    /// Where the receipt goes: a new folder, or a new file that ends in .zip (NAME.receipt here, unless said)
    #[arg(long, value_name = "DIR|FILE.zip")]
    pub receipt: Option<PathBuf>,
    /// Make no receipt now; `comity receipt` makes it later
    #[arg(long, conflicts_with = "receipt")]
    pub no_receipt: bool,
    #[command(flatten)]
    pub attested: attest::AttestedArgs,
}

pub fn run(global: &Global, args: &IntakeArgs) -> Result<(), Failure> {
    actor_given(global)?;
    if let Some(at) = &args.collected_at {
        moment(at).map_err(|e| Failure::Usage(format!("--collected-at: {e}")))?;
    }
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    args.attested.apply(&centre)?;
    let request = Request {
        roots: args
            .bag
            .as_ref()
            .map_or_else(|| args.paths.clone(), |bag| vec![bag.clone()]),
        member: args.member,
        case: args.case.clone(),
        source: args.source.clone(),
        collected: Collected {
            by: args.collected_by.clone(),
            at: args.collected_at.clone(),
            place: args.collected_place.clone(),
        },
        authority: args.authority.clone(),
        handling: args.handling.clone(),
        legacy_hashes: args.legacy_hashes,
        manifest: args.manifest.clone(),
        provenance: args.provenance.clone(),
        documents: args.documents.clone(),
        bag: args.bag.is_some(),
        count_first: std::io::stderr().is_terminal(),
    };
    let bar = Bar::new(!global.json);
    let (pace, since) = (Pace::start(), centre.log_size());
    let outcome = intake::run(&centre, &actor, &request, &|progress| {
        bar.say(pace.line(progress))
    })?;
    bar.clear();
    let (mut json, mut lines) = (json_of(&outcome), lines_of(&outcome));
    if !args.no_receipt {
        let default = receipt::default_place(&outcome.name);
        let place = match &args.receipt {
            Some(given) => Place::Here(given),
            None => Place::Numbered(&default),
        };
        let (made, said) =
            receipt::make(&centre, &actor, outcome.no, place, &Bar::new(!global.json))?;
        json["receipt"] = made;
        lines.extend(said);
    }
    let (on_lists, said) = watched(&centre, Some(&actor.member), since);
    json["watched"] = on_lists;
    lines.extend(said);
    answer(global, &json, &lines)
}

fn json_of(outcome: &Outcome) -> Value {
    let tally = outcome.tally;
    let states: Value = ItemState::ALL
        .iter()
        .map(|s| (s.word().to_owned(), json!(tally.of(*s))))
        .collect();
    let compared = outcome.compared.map(|c| {
        json!({ "matched": c.matched, "different": c.different, "missing": c.missing, "extra": c.extra, "not_comparable": c.not_comparable })
    });
    json!({
        "intake": outcome.name, "resumed": outcome.resumed, "states": states, "delivered_again": tally.again,
        "recorded_before": tally.resumed, "bytes": tally.bytes, "manifest": compared, "unused_provenance_rows": outcome.unused_provenance,
    })
}

fn lines_of(outcome: &Outcome) -> Vec<String> {
    let tally = outcome.tally;
    let mut lines = vec![format!(
        "Intake {}{}",
        outcome.name,
        if outcome.resumed {
            ", gone on with"
        } else {
            ""
        }
    )];
    let mut row = |name: &str, n: u64| lines.push(format!("  {name:<34}{n:>12}"));
    row("new items", tally.items());
    for state in &ItemState::ALL[1..] {
        if tally.of(*state) > 0 {
            row(&format!("  of these {}", state.word()), tally.of(*state));
        }
    }
    if tally.again > 0 {
        row("delivered again, the same bytes", tally.again);
    }
    if tally.resumed > 0 {
        row("recorded before the interruption", tally.resumed);
    }
    row("bytes read", tally.bytes);
    if let Some(c) = outcome.compared {
        row("the deliverer's list: matched", c.matched);
        for (name, n) in [
            ("different", c.different),
            ("missing", c.missing),
            ("not listed", c.extra),
            ("not comparable", c.not_comparable),
        ] {
            if n > 0 {
                row(&format!("  {name}"), n);
            }
        }
    }
    match outcome.unused_provenance {
        0 => {}
        1 => {
            lines.push("1 row of the provenance file fits no file: look at its pattern.".to_owned())
        }
        n => lines.push(format!(
            "{n} rows of the provenance file fit no file: look at their patterns."
        )),
    }
    if tally.attention() > 0 {
        lines.push(match tally.attention() {
            1 => "1 item needs attention, nothing of it was kept. To see it:".to_owned(),
            n => format!("{n} items need attention, nothing of them was kept. To see them:"),
        });
        let wanting = ItemState::ALL
            .iter()
            .filter(|s| !matches!(s, ItemState::Sealed | ItemState::Link) && tally.of(**s) > 0);
        lines.extend(wanting.map(|s| format!("  comity item list --state {}", s.word())));
    }
    lines
}

/// How fast it goes, from the beginning.
struct Pace(std::time::Instant);

impl Pace {
    fn start() -> Pace {
        Pace(std::time::Instant::now())
    }

    fn line(&self, progress: &Progress) -> String {
        if let Some((done, all)) = progress.checking {
            return format!("checking the bag: {} of {}", size(done), size(all));
        }
        let (tally, seconds) = (progress.tally, self.0.elapsed().as_secs_f64().max(0.001));
        let rate = tally.bytes as f64 / seconds;
        let mut line = format!(
            "{} files, {}, {}/s",
            tally.met(),
            size(tally.bytes),
            size(rate as u64)
        );
        if let Some((files, bytes)) = progress.total {
            line.push_str(&format!(" of {files} files, {}", size(bytes)));
            if let Some(left) = left(&tally, seconds, files, bytes) {
                line.push_str(&format!(", {left} left"));
            }
        }
        if tally.attention() > 0 {
            line.push_str(&format!("; {} need attention", tally.attention()));
        }
        line
    }
}

/// Time left: by what is slower, files or bytes.
fn left(tally: &Tally, seconds: f64, files: u64, bytes: u64) -> Option<String> {
    let share = |done: u64, all: u64| {
        if all == 0 {
            1.0
        } else {
            done as f64 / all as f64
        }
    };
    let done = share(tally.met(), files).min(
        share(tally.bytes, bytes)
            .max(share(tally.met(), files) * f64::from(u8::from(tally.bytes == 0))),
    );
    time_left(seconds, done)
}
