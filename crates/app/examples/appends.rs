//! Durable appends a second, by number of callers and size of batch: each event is acknowledged when it stands in a
//! published checkpoint. Then the same with five witnesses on the loopback, which must not slow acknowledgement, and how
//! long it takes from an event to a checkpoint that all five cosigned.
//!
//! ```text
//! cargo run --release -p comity-app --example appends [-- --quick]
//! ```
use std::error::Error;
use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use comity_app::attest::Outcome::Cosigned;
use comity_app::centre::{Founding, create};
use comity_app::commit::{Draft, Subject};
use comity_app::event::EventDraft;
use comity_app::intake::{self, Request};
use comity_app::project::ObjectAt;
use comity_app::{Ambient, AppError, Centre};
use comity_core::id::Ern;
use comity_keyring::Argon2Params;
use comity_store::Disk;
use comity_witness::{Limits, Rate, Server, Witness};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const CALLERS: [usize; 3] = [1, 8, 64];
const BATCHES: [usize; 4] = [10, 100, 1_000, 10_000];
/// The policy of a centre without witnesses.
const NOBODY: &str = "quorum none\n";

/// Items on whose chains events are appended: as many as there are callers at most.
const ITEMS: usize = 64;

fn main() -> Outcome<()> {
    let quick = std::env::args().any(|word| word == "--quick");
    let seconds = if quick { 1 } else { 5 };
    let folder = tempfile::tempdir()?;
    let (centre, chains) = centre_with_items(folder.path())?;

    println!("| callers | events a commit | events a second |");
    println!("| ---: | ---: | ---: |");
    for callers in CALLERS {
        let rate = singles(&centre, &chains, callers, seconds)?;
        println!("| {callers} | 1 | {rate:.0} |");
    }
    for callers in [1, 2] {
        for batch in BATCHES {
            let rate = batches(&centre, &chains, callers, batch, seconds)?;
            println!("| {callers} | {batch} | {rate:.0} |");
        }
    }
    witnessed(&centre, &chains, folder.path(), quick)
}

/// The same events with and without witnesses, in turns; then one event at a time up to the quorum.
fn witnessed(centre: &Centre, chains: &[Chain], folder: &Path, quick: bool) -> Outcome<()> {
    let (turns, seconds, rounds) = if quick { (2, 1, 20) } else { (3, 5, 300) };
    let actor = centre.actor(&mut centre.session()?, "Bench")?;
    let (policy, witnesses) = witnesses(centre, folder)?;
    println!("\n| callers | events a commit | without witnesses | with five | ratio |");
    println!("| ---: | ---: | ---: | ---: | ---: |");
    for (callers, batch) in CALLERS
        .map(|n| (n, 1))
        .into_iter()
        .chain(BATCHES.map(|n| (1, n)))
    {
        let mut rates = [0.0, 0.0];
        for turn in 0..2 * turns {
            let is_on = turn % 2 == 1;
            centre.set_witness_policy(&actor, if is_on { &policy } else { NOBODY }, 3600)?;
            rates[turn % 2] += match batch {
                1 => singles(centre, chains, callers, seconds)?,
                batch => batches(centre, chains, 1, batch, seconds)?,
            } / turns as f64;
            centre.attester.settle(Duration::from_secs(60));
        }
        let [off, on] = rates;
        println!(
            "| {callers} | {batch} | {off:.0} | {on:.0} | {:.2} |",
            on / off
        );
    }
    centre.set_witness_policy(&actor, &policy, 3600)?;
    centre.attester.settle(Duration::from_secs(60));
    let mut took = Vec::new();
    for _ in 0..rounds {
        let began = Instant::now();
        centre.append(draft(centre, &chains[0])?)?;
        centre.attester.settle(Duration::from_secs(60));
        took.push(began.elapsed().as_secs_f64() * 1e3);
        let answers = centre.attester.last_answers();
        if let Some(other) = answers.iter().find(|one| one.outcome != Cosigned) {
            return Err(format!("{}: {:?}", other.name, other.outcome).into());
        }
    }
    took.sort_by(f64::total_cmp);
    let at = |part: f64| took[((took.len() - 1) as f64 * part) as usize];
    println!(
        "\nfrom an event to the cosignatures of five witnesses on the loopback, {rounds} times:"
    );
    println!("p50 {:.1} ms, p99 {:.1} ms", at(0.5), at(0.99));
    drop(witnesses);
    Ok(())
}

/// Five witnesses that serve on the loopback, and the policy that asks for all of them.
fn witnesses(centre: &Centre, folder: &Path) -> Outcome<(String, Vec<Server>)> {
    let (mut policy, mut servers) = (String::new(), Vec::new());
    for name in ["aster", "birch", "cedar", "daisy", "elder"] {
        let dir = folder.join(name);
        let seed = [name.as_bytes()[0]; 32];
        let witness = Witness::create(&dir, Disk::real(), name, [&seed, &seed])?;
        witness.follow(centre.log_keys().vkeys())?;
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        for line in std::fs::read_to_string(dir.join("keys"))?.lines() {
            policy += &format!("{line} http://{address}\n");
        }
        policy += &format!("group {name} all {name}-ed25519 {name}-ml-dsa-44\n");
        let rate = Rate {
            per_second: 0,
            burst: 0,
        };
        let limits = Limits {
            rate,
            ..Limits::default()
        };
        servers.push(Server::start(witness, listener, Arc::new(now), limits)?);
    }
    policy += "group five all aster birch cedar daisy elder\nquorum five\n";
    Ok((policy, servers))
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
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
        mirror: None,
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

/// Each caller appends groups, over all chains in turn: while the group of one is committed, another seals its own.
fn batches(
    centre: &Centre,
    chains: &[Chain],
    callers: usize,
    batch: usize,
    seconds: u64,
) -> Outcome<f64> {
    let began = Instant::now();
    let groups = || {
        let mut count = 0;
        while began.elapsed().as_secs() < seconds {
            let drafts: Vec<Draft> = chains
                .iter()
                .cycle()
                .take(batch)
                .map(|chain| draft(centre, chain))
                .collect::<Result<_, _>>()?;
            centre.sequencer().commit(&centre.keys, |group| {
                drafts.iter().try_for_each(|d| group.push(d).map(drop))
            })?;
            count += batch;
        }
        Ok::<usize, AppError>(count)
    };
    let done: Outcome<usize> = thread::scope(|scope| {
        let threads: Vec<_> = (0..callers).map(|_| scope.spawn(groups)).collect();
        let mut all = 0;
        for thread in threads {
            all += thread.join().map_err(|_| "a caller panicked")??;
        }
        Ok(all)
    });
    Ok(done? as f64 / began.elapsed().as_secs_f64())
}
