//! The program killed at every call that changes durable state, whatever it is doing, and killed again while it goes on.
//!
//! Each act is run once to count its durable calls (of the disk, and before and after each commit of the database).
//! Then a fresh copy of the same centre is killed before each of them in turn; after that, at calls drawn by lot, several
//! times in a row. After every kill the next command recovers, `verify --full` reads everything back, and what the
//! model remembers as acknowledged is looked for: every item with its digest, the last checkpoint that was seen, every
//! receipt, package and backup. At last the act is given again until it succeeds, and its outcome is compared with that of
//! an act that was never killed.
//!
//! `KILLS` says how many kills there are at least (1,000), `KILLS_SEED` how lots are drawn.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[allow(dead_code, reason = "a part of another test's tools is enough here")]
#[path = "../cli/world.rs"]
mod world;

/// A source of `comity-verify`, so that packages are judged here as it judges them.
#[path = "../../../verify/src/folder.rs"]
mod folder;

#[allow(dead_code, reason = "as above")]
#[path = "../cli/authority.rs"]
mod authority;

mod acts;
mod model;
mod outside;

use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use acts::{ACTS, Act, LARGE, Outside};
use model::{Model, Shown};
use world::{World, both};

const SIGKILL: i32 = 9;
/// How far it is, is told after so many kills each.
const TOLD: u64 = 500;
/// Kills in a row of one run, at most.
const ROW: u64 = 4;

fn number(name: &str, otherwise: u64) -> u64 {
    let given = std::env::var(name).ok();
    given.map_or(otherwise, |text| text.parse().unwrap())
}

/// An act, the centre that it is done to, and what comes of it when nothing interrupts it.
struct Prepared {
    act: &'static Act,
    template: World,
    calls: u64,
    before: Model,
    expected: Vec<Shown>,
    _outside: Outside,
}

impl Prepared {
    fn new(act: &'static Act, template: World) -> Prepared {
        let outside = (act.prepare)(&template);
        let before = Model::of(&template, act.name);
        let reference = template.copy("reference");
        let count = reference.folder.path().join("count");
        let ran = reference
            .comity(&words(&(act.words)(&reference, &template)))
            .env("COMITY_FAULT", format!("count:{}", count.display()))
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}: {}", act.name, both(&ran));
        let calls = std::fs::read_to_string(&count).unwrap();
        (act.after)(&reference, act.name);
        Prepared {
            act,
            before,
            calls: calls.trim().parse().unwrap(),
            expected: Model::of(&reference, act.name).items,
            template,
            _outside: outside,
        }
    }

    /// Kills a run before these durable calls, one after the other, and then lets it end. How many kills there were.
    fn kill_at(&self, calls: &[u64]) -> u64 {
        let act = self.act;
        let world = self.template.copy("killed");
        let mut model = self.before.clone();
        let asked = (act.words)(&world, &self.template);
        let (mut kills, mut ended) = (0, false);
        for call in calls {
            let what = format!(
                "{}: killed at {calls:?} of {}, at {call}",
                act.name, self.calls
            );
            let ran = world
                .comity(&words(&asked))
                .env("COMITY_FAULT", format!("kill@{call}"))
                .output()
                .unwrap();
            if ran.status.signal() != Some(SIGKILL) {
                // It had fewer calls than that: a part of it was done before.
                ended = act.ends(&ran);
                assert!(ended, "{what}: {}", both(&ran));
                break;
            }
            kills += 1;
            match act.mends {
                true => model.check_log(&world, &what, &self.expected),
                false => model.check(&world, &what, &self.expected),
            }
            if world.folder.path().join(acts::OUT).exists() {
                (act.after)(&world, &what);
            }
        }
        let what = format!("{}: after kills at {calls:?} of {}", act.name, self.calls);
        if !ended {
            let ran = world.run(&words(&asked));
            assert!(act.ends(&ran), "{what}: {}", both(&ran));
        }
        model.check(&world, &what, &self.expected);
        assert_eq!(model.items, self.expected, "{what}");
        (act.after)(&world, &what);
        for folder in [Some(&world.dir), world.mirror.as_ref()]
            .into_iter()
            .flatten()
        {
            let left = world::leftovers(folder);
            assert_eq!(left, [] as [std::path::PathBuf; 0], "{what}");
        }
        if calls.iter().sum::<u64>() % 5 == 0 {
            let ran = world.run(&["rebuild", "--check"]);
            assert!(ran.status.success(), "{what}: {}", both(&ran));
        }
        kills
    }
}

fn words(owned: &[String]) -> Vec<&str> {
    owned.iter().map(String::as_str).collect()
}

/// Lots, the same for the same seed.
struct Lots(u64);

impl Lots {
    fn draw(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

#[test]
fn killed_at_every_call_that_changes_durable_state_nothing_acknowledged_is_lost() {
    let (wanted, seed) = (number("KILLS", 1000), number("KILLS_SEED", 0x5eed));
    let only = std::env::var("KILLS_ACT").ok();
    let acts = ACTS
        .iter()
        .filter(|a| only.as_ref().is_none_or(|o| o == a.name));
    let world = |act: &Act| match act.mirrored {
        true => World::mirrored(),
        false => World::new(),
    };
    let prepared: Vec<Prepared> = acts.map(|act| Prepared::new(act, world(act))).collect();
    let mut jobs: Vec<(usize, Vec<u64>)> = Vec::new();
    for (at, prepared) in prepared.iter().enumerate() {
        jobs.extend((1..=prepared.calls).map(|call| (at, vec![call])));
    }
    // Every job so far is one kill; those drawn by lot are up to four in a row.
    let mut lots = Lots(seed | 1);
    let mut planned = jobs.len() as u64;
    // An act that ends before its next kill leaves a row short: so more are drawn, and left when enough were killed.
    while planned < wanted * 2 {
        let at = lots.draw(prepared.len() as u64) as usize;
        let row: Vec<u64> = (0..=lots.draw(ROW))
            .map(|_| 1 + lots.draw(prepared[at].calls))
            .collect();
        planned += row.len() as u64;
        jobs.push((at, row));
    }
    let (next, killed) = (AtomicU64::new(0), AtomicU64::new(0));
    let by_act = Mutex::new(vec![0; prepared.len()]);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let job = next.fetch_add(1, Ordering::SeqCst) as usize;
                    let Some((at, calls)) = jobs.get(job) else {
                        break;
                    };
                    let exhaustive = calls.len() == 1;
                    if !exhaustive && killed.load(Ordering::SeqCst) >= wanted {
                        break;
                    }
                    let kills = prepared[*at].kill_at(calls);
                    let before = killed.fetch_add(kills, Ordering::SeqCst);
                    if before / TOLD != (before + kills) / TOLD {
                        println!("{} kills so far", before + kills);
                    }
                    by_act.lock().unwrap()[*at] += kills;
                }
            });
        }
    });
    let by_act = by_act.into_inner().unwrap();
    for (prepared, kills) in prepared.iter().zip(&by_act) {
        println!(
            "{:<12} {:>4} durable calls  {kills:>6} kills",
            prepared.act.name, prepared.calls
        );
    }
    let killed = killed.into_inner();
    println!("{killed} kills");
    assert!(killed >= wanted, "{killed} of {wanted}");
}

/// Some hundreds of items are looked through after each kill: `KILLS_LARGE_STEP` says to try every so-manieth call (6).
#[test]
fn killed_within_a_large_group_nothing_acknowledged_is_lost() {
    let world = World::new();
    let prepared = Prepared::new(&LARGE, world);
    let step = number("KILLS_LARGE_STEP", 6);
    let killed = AtomicU64::new(0);
    let next = AtomicU64::new(1);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                loop {
                    let call = next.fetch_add(step, Ordering::SeqCst);
                    if call > prepared.calls {
                        break;
                    }
                    killed.fetch_add(prepared.kill_at(&[call]), Ordering::SeqCst);
                }
            });
        }
    });
    let bundle = prepared.template.copy("bundle");
    bundle.run(&words(&(LARGE.words)(&bundle, &prepared.template)));
    assert!(
        bundle.dir.join("ledger/ahead").exists(),
        "no group was large"
    );
    let killed = killed.into_inner();
    println!(
        "large group  {:>4} durable calls  {killed:>6} kills",
        prepared.calls
    );
    assert!(killed > prepared.calls / step / 2, "{killed}");
}

const S3_PROCESS: &str = "COMITY_TEST_S3";

/// The same on PostgreSQL and S3, and with a mirror in another bucket, where a kill costs more: `KILLS_STEP` says to
/// try every so-manieth call (7); 1 is all.
#[test]
fn on_postgres_and_s3_too() {
    if std::env::var_os(S3_PROCESS).is_none() {
        // The keys to S3 come from the environment of a process.
        let ran = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "on_postgres_and_s3_too", "--nocapture"])
            .envs(comity_rig::s3().env())
            .env(S3_PROCESS, "yes")
            .output()
            .unwrap();
        print!("{}", String::from_utf8_lossy(&ran.stdout));
        assert!(ran.status.success(), "{}", both(&ran));
        return;
    }
    let step = number("KILLS_STEP", 7);
    let mut killed = 0;
    let only = std::env::var("KILLS_ACT").ok();
    let acts = ACTS
        .iter()
        .filter(|a| a.on_servers && only.as_ref().is_none_or(|o| o == a.name));
    for act in acts {
        let (database, first) = (comity_rig::postgres(), comity_rig::s3());
        let world = match act.mirrored {
            true => World::mirrored_on(database, [first, comity_rig::s3()]),
            false => World::on(Some(database), Some(first)),
        };
        let prepared = Prepared::new(act, world);
        let calls = (1..=prepared.calls).step_by(step as usize);
        let kills: u64 = calls.map(|call| prepared.kill_at(&[call])).sum();
        println!(
            "{:<12} {:>4} durable calls  {kills:>6} kills on PostgreSQL and S3",
            act.name, prepared.calls
        );
        killed += kills;
    }
    println!("{killed} kills on PostgreSQL and S3");
    assert!(killed > 10 || only.is_some(), "{killed}");
}
