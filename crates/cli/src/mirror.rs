//! `comity vault mirror`: a second store that holds the same, added, dropped, looked at and brought up to date.

use std::io::Write;

use clap::Subcommand;
use comity_app::Centre;
use comity_app::acts::SolemnAct;
use comity_app::event::Actor;
use comity_app::mirror::{Mirror, Status};
use comity_core::shown::escape_for_terminal;
use serde_json::{Value, json};

use crate::args::Global;
use crate::output::{answer, counted};
use crate::progress::Bar;
use crate::proposal::waits;
use crate::world::{Failure, actor, actor_given, open, open_before_mirror};

#[derive(Subcommand)]
pub enum MirrorVerb {
    /// Make this store the mirror, and copy to it all that the centre holds
    Add {
        /// s3://bucket/prefix?endpoint=…, or a folder, on another disk than the centre's
        store: String,
    },
    /// Have no mirror any more; what lies there stays
    Drop,
    /// Where the mirror is, and what it lacks
    List,
    /// Bring the mirror up to date at once, however much that is
    CatchUp,
}

pub fn run(global: &Global, verb: &MirrorVerb) -> Result<(), Failure> {
    match verb {
        MirrorVerb::Add { store } => add(global, store),
        MirrorVerb::Drop => drop_it(global),
        MirrorVerb::List => list(global),
        MirrorVerb::CatchUp => catch_up(global, None),
    }
}

fn add(global: &Global, store: &str) -> Result<(), Failure> {
    actor_given(global)?;
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    let act = centre.mirror_act(store)?;
    if waits(global, &centre, &actor, &act)? {
        return Ok(());
    }
    perform(global, &centre, &actor, &act)
}

fn drop_it(global: &Global) -> Result<(), Failure> {
    actor_given(global)?;
    let centre = open(global)?;
    let actor = actor(global, &centre)?;
    let act = centre.no_mirror_act()?;
    if waits(global, &centre, &actor, &act)? {
        return Ok(());
    }
    perform(global, &centre, &actor, &act)
}

/// Does an act on the mirror that needs nobody else any more.
pub fn perform(
    global: &Global,
    centre: &Centre,
    actor: &Actor,
    act: &SolemnAct,
) -> Result<(), Failure> {
    if let SolemnAct::AddMirror(place) = act {
        let leaf = centre.add_mirror(actor, place)?;
        // Opened anew, the centre writes to both.
        return catch_up(global, Some(leaf));
    }
    let left = centre.mirror_status()?.and_then(|s| s.warning());
    let (place, leaf) = centre.drop_mirror(actor)?;
    let mut lines = vec![format!(
        "{place} is no mirror any more (leaf {leaf}). What lies there stays, sealed, and no erasure reaches it: destroy it, or keep it as an older copy."
    )];
    lines.extend(left.map(|left| format!("When it was dropped: {left}")));
    answer(global, &json!({ "place": place, "leaf": leaf }), &lines)
}

fn list(global: &Global) -> Result<(), Failure> {
    let centre = open(global)?;
    match centre.mirror_status()? {
        None => answer(
            global,
            &json!({ "mirror": null }),
            &["The centre has no mirror: everything lies in one place.".to_owned()],
        ),
        Some(status) => answer(
            global,
            &json!({ "mirror": status_json(&status) }),
            &[status_line(&status)],
        ),
    }
}

fn catch_up(global: &Global, leaf: Option<u64>) -> Result<(), Failure> {
    let centre = open_before_mirror(global)?;
    let bar = Bar::new(!global.json);
    let what = if leaf.is_some() {
        "first copy"
    } else {
        "mirror"
    };
    let brought = centre.catch_up(u64::MAX, &|done, all| bar.show(what, done, all))?;
    bar.clear();
    let Some(status) = centre.mirror_status()? else {
        return Err(Failure::Usage("the centre has no mirror".to_owned()));
    };
    let mut lines = Vec::new();
    lines.extend(leaf.map(|leaf| {
        format!(
            "{} is the mirror now (leaf {leaf}): all that is taken in and recorded is written to both.",
            status.place
        )
    }));
    let mut json = json!({ "mirror": status_json(&status), "leaf": leaf });
    if let Some(brought) = brought {
        lines.extend(brought.findings.iter().map(|f| format!("Not copied: {f}")));
        let copied = format!(
            "{} copied with {}",
            counted(brought.copied, "pack"),
            counted(brought.bytes, "byte")
        );
        lines.push(match brought.is_first {
            true => format!("First copy: {copied}."),
            false => format!("{copied}, {} removed.", brought.removed),
        });
        let findings = brought.findings.iter();
        json["copied"] = brought.copied.into();
        json["removed"] = brought.removed.into();
        json["findings"] = findings
            .map(|f| json!({ "place": f.place, "what": f.what }))
            .collect();
    }
    lines.push(status_line(&status));
    answer(global, &json, &lines)?;
    match status.note {
        None => Ok(()),
        Some(_) => Err(Failure::Said),
    }
}

/// How it is about the mirror, in a line.
pub fn status_line(status: &Status) -> String {
    match (status.warning(), &status.absence) {
        (Some(warning), _) => format!("WARNING: {warning}."),
        (None, Some(why)) => format!(
            "WARNING: the mirror {} cannot be used now ({why}). All that is on record was written to it.",
            status.place
        ),
        (None, None) => format!("Mirror       {} (holds all)", status.place),
    }
}

pub fn status_json(status: &Status) -> Value {
    json!({
        "place": status.place, "away": status.absence, "since": status.note.as_ref().map(|n| &n.since),
        "why": status.note.as_ref().map(|n| &n.why), "events_lacking": status.events, "erasures_lacking": status.erasures,
        "packs_not_removed": status.note.as_ref().map_or(0, |n| n.removals),
    })
}

/// At the end of a command: what was read from the mirror, and whether it lacks something.
pub fn farewell(mirror: &Mirror) {
    let mut lines: Vec<String> = mirror
        .take_read()
        .iter()
        .map(|f| format!("WARNING: {f}. Mend it with `comity vault repair`."))
        .collect();
    if let Ok(Some(note)) = mirror.note() {
        lines.push(format!(
            "WARNING: the mirror {} may lack something since {} ({}): that lies in one place only. `comity ledger status` says what.",
            mirror.place(),
            note.since,
            note.why
        ));
    }
    for line in lines {
        let _ = writeln!(std::io::stderr(), "comity: {}", escape_for_terminal(&line));
    }
}
