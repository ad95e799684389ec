//! Durable appends a second, by number of callers and size of batch: each event is acknowledged when it stands in a
//! published checkpoint.
//!
//! ```text
//! cargo run --release -p comity-app --example appends [-- --quick]
//! ```
use std::error::Error;
use std::path::Path;
use std::thread;
use std::time::Instant;

use comity_app::centre::{Founding, create};
use comity_app::commit::{Draft, Subject};
use comity_app::event::EventDraft;
use comity_app::intake::{self, Request};
use comity_app::project::ObjectAt;
use comity_app::{Ambient, AppError, Centre};
use comity_core::id::Ern;
use comity_keyring::Argon2Params;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Items on whose chains events are appended: as many as there are callers at most.
const ITEMS: usize = 64;

fn main() -> Outcome<()> {
    let quick = std::env::args().any(|word| word == "--quick");
    let seconds = if quick { 1 } else { 5 };
    let folder = tempfile::tempdir()?;
    let (centre, chains) = centre_with_items(folder.path())?;

    println!("| callers | events a commit | events a second |");
    println!("| ---: | ---: | ---: |");
    for callers in [1, 8, 64] {
        let rate = singles(&centre, &chains, callers, seconds)?;
        println!("| {callers} | 1 | {rate:.0} |");
    }
    for batch in [10, 100, 1_000, 10_000] {
        let rate = batches(&centre, &chains, batch, seconds)?;
        println!("| 1 | {batch} | {rate:.0} |");
    }
    Ok(())
}

/// A chain, and the number of the key of its custody sections.
#[derive(Clone)]
struct Chain {
    no: i64,
    custody_key: u64,
    ern: Ern,
}

fn centre_with_items(folder: &Path) -> Outcome<(Centre, Vec<Chain>)> {
    let files = folder.join("files");
    std::fs::create_dir(&files)?;
    for number in 0..ITEMS {
        std::fs::write(files.join(format!("{number:03}")), number.to_string())?;
    }
    let member: comity_core::id::MemberCode = "UKR".parse()?;
    let founding = Founding {
        name: "Bench".to_owned(),
        members: vec![(member, "Ukraine".to_owned())],
        host: member,
        founder: "Bench".to_owned(),
        database: None,
        objects: None,
        argon2: Argon2Params::CENTRE,
    };
    let centre = create(
        &folder.join("centre"),
        &founding,
        "for measuring",
        Ambient::system(),
    )?;
    let actor = centre.actor(&mut centre.session()?, "Bench")?;
    centre.open_case(&actor, "Bench")?;
    let request = Request::new(member, "Bench", "bench", vec![files]);
    intake::run(&centre, &actor, &request, &|_| ())?;
    let mut session = centre.session()?;
    let mut chains = Vec::new();
    for number in 1..=ITEMS {
        let ern: Ern = format!("UKR-000001-{number:07}").parse()?;
        let item = centre.item(&mut session, &ern)?;
        let row = session.query_one(
            "SELECT custody_key FROM chains WHERE no = ?",
            &[item.no.into()],
        )?;
        let custody_key = row.map(|row| row.int(0)).transpose()?.unwrap_or(0) as u64;
        chains.push(Chain {
            no: item.no,
            custody_key,
            ern,
        });
    }
    Ok((centre, chains))
}

fn draft(centre: &Centre, chain: &Chain) -> Result<Draft, AppError> {
    let scope = centre.keys.scope_key(chain.custody_key)?;
    let event = EventDraft::new(
        "opened",
        "UKR-P0001",
        &centre.now(),
        &*centre.ambient.random,
    )
    .custody("ern", chain.ern.to_string())
    .custody("purpose", "measuring")
    .seal(&scope, &scope, &*centre.ambient.random)?;
    Ok(Draft {
        subject: Subject::Known(chain.no),
        event,
        secret: None,
        object: ObjectAt::Unknown,
    })
}

/// Each caller appends one event, waits for its answer, and appends the next.
fn singles(centre: &Centre, chains: &[Chain], callers: usize, seconds: u64) -> Outcome<f64> {
    let began = Instant::now();
    let done: Outcome<u64> = thread::scope(|scope| {
        let threads: Vec<_> = chains
            .iter()
            .take(callers)
            .map(|chain| {
                scope.spawn(move || {
                    let mut count = 0;
                    while began.elapsed().as_secs() < seconds {
                        centre.append(draft(centre, chain)?)?;
                        count += 1;
                    }
                    Ok::<u64, AppError>(count)
                })
            })
            .collect();
        let mut all = 0;
        for thread in threads {
            all += thread.join().map_err(|_| "a caller panicked")??;
        }
        Ok(all)
    });
    Ok(done? as f64 / began.elapsed().as_secs_f64())
}

/// One caller appends groups, over all chains in turn.
fn batches(centre: &Centre, chains: &[Chain], batch: usize, seconds: u64) -> Outcome<f64> {
    let began = Instant::now();
    let mut count = 0;
    while began.elapsed().as_secs() < seconds {
        let drafts: Vec<Draft> = chains
            .iter()
            .cycle()
            .take(batch)
            .map(|chain| draft(centre, chain))
            .collect::<Result<_, _>>()?;
        centre.sequencer().commit(&centre.keys, |group| {
            for draft in &drafts {
                group.push(draft)?;
            }
            Ok(())
        })?;
        count += batch;
    }
    Ok(count as f64 / began.elapsed().as_secs_f64())
}
