//! `comity rebuild`: make tables and search index anew, or compare them with what the ledger says.

use clap::Args;
use comity_app::mirror::{WentOn, go_on_from};
use comity_app::{Ambient, Centre};
use comity_core::shown::escape_for_terminal;
use serde_json::json;

use crate::args::Global;
use crate::output::answer;
use crate::passphrase;
use crate::progress::Bar;
use crate::world::{Failure, folder, writable};

#[derive(Args)]
pub struct RebuildArgs {
    /// Change nothing: compare the live tables with what the ledger says
    #[arg(long)]
    pub check: bool,
    /// The object store is lost: go on from this one, a mirror, which becomes the store
    #[arg(long, value_name = "STORE", conflicts_with = "check")]
    pub objects: Option<String>,
    /// With --objects: go on although the mirror is known to lack what was recorded last
    #[arg(long, requires = "objects")]
    pub incomplete: bool,
}

pub fn run(global: &Global, args: &RebuildArgs) -> Result<(), Failure> {
    let dir = folder(global)?;
    writable(&dir)?;
    let passphrase = passphrase::get(global)?;
    let went_on = match &args.objects {
        Some(store) => {
            let by = passphrase.by();
            Some(go_on_from(
                &dir,
                store,
                args.incomplete,
                by,
                &Ambient::system(),
            )?)
        }
        None => None,
    };
    let bar = Bar::new(!global.json);
    if args.check {
        let centre = Centre::open(&dir, passphrase.by(), Ambient::system())?;
        let differences = centre.rebuild_check(&|done, all| bar.show("tables", done, all));
        bar.clear();
        let differences = differences?;
        let mut lines = differences.clone();
        if differences.is_empty() {
            lines.push("The live tables are what the ledger says.".to_owned());
        }
        lines.push(
            "The search index was not compared: it is no table, and `comity rebuild` makes it anew."
                .to_owned(),
        );
        answer(
            global,
            &json!({
                "same": differences.is_empty(), "differences": differences, "index_compared": false,
            }),
            &lines,
        )?;
        return if differences.is_empty() {
            Ok(())
        } else {
            Err(Failure::Said)
        };
    }
    let centre = Centre::open_setting_state_aside(&dir, passphrase.by(), Ambient::system())?;
    for sentence in &centre.recovered {
        eprintln!("comity: recovered: {}", escape_for_terminal(sentence));
    }
    let made = centre
        .rebuild(&|done, all| bar.show("tables", done, all))
        .and_then(|events| Ok((events, centre.rebuild_indexes(&bar.indexing())?)));
    bar.clear();
    let (events, waiting) = made?;
    let mut lines = went_on.as_ref().map_or_else(Vec::new, WentOn::sentences);
    lines.push(format!(
        "The tables and the search index are made anew from {events} events."
    ));
    lines.extend(waiting.iter().map(|member| {
        format!("The index of {member} waits for its desk, and is made when its key is there.")
    }));
    answer(
        global,
        &json!({ "events": events, "waiting": waiting, "went_on": went_on.map(|w| json!({
            "events": w.events, "known": w.known, "lost": w.lost, "set_aside": w.set_aside, "config_lost": w.config_lost,
        })) }),
        &lines,
    )
}
