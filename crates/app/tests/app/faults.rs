//! A disk that fails in every way at every durable call of an intake.

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use comity_app::AppError;
use comity_app::intake::{Outcome as Ended, Request, run};
use comity_store::{Call, Disk, Faults, Op, Outcome};

use crate::fixture::*;

on_every_kind! {
    whatever_the_disk_does_nothing_acknowledged_is_lost,
}

/// How a call goes wrong, and which calls it can befall.
pub struct Row {
    name: &'static str,
    befalls: fn(Op) -> bool,
    outcome: fn() -> Outcome,
}

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

fn error(code: i32) -> io::Error {
    io::Error::from_raw_os_error(code)
}

pub const TABLE: [Row; 8] = [
    Row {
        name: "the disk is full",
        befalls: |op| matches!(op, Op::Create | Op::Write | Op::CreateDir | Op::Put),
        outcome: || Outcome::Fail(error(ENOSPC)),
    },
    Row {
        name: "a write fails",
        befalls: |op| matches!(op, Op::Write | Op::Put),
        outcome: || Outcome::Fail(error(EIO)),
    },
    Row {
        name: "a flush fails",
        befalls: |op| matches!(op, Op::Sync | Op::SyncDir),
        outcome: || Outcome::Fail(error(EIO)),
    },
    Row {
        name: "a write is torn",
        befalls: |op| op == Op::Write,
        outcome: || Outcome::Torn(5),
    },
    Row {
        name: "a write is short, and then the disk is full",
        befalls: |op| op == Op::Write,
        outcome: || Outcome::Short(700),
    },
    Row {
        name: "a read fails",
        befalls: |op| matches!(op, Op::Read | Op::Open | Op::List),
        outcome: || Outcome::Fail(error(EIO)),
    },
    Row {
        name: "stored and reported as failed",
        befalls: Op::is_durable,
        outcome: || Outcome::DoThenFail(error(EIO)),
    },
    Row {
        name: "a rename fails",
        befalls: |op| op == Op::Rename,
        outcome: || Outcome::Fail(error(EIO)),
    },
];

/// Lets the n-th call (from 0) that a row befalls go wrong.
pub struct Script {
    row: Option<(&'static Row, usize)>,
    /// Only calls on what lies below this folder.
    below: Option<PathBuf>,
    met: AtomicUsize,
    struck: Mutex<Option<(Op, PathBuf)>>,
}

impl Row {
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl Script {
    pub fn disk(row: Option<(&'static Row, usize)>) -> (Arc<Script>, Disk) {
        Script::disk_of(row, None)
    }

    /// As [`Script::disk`], where calls below `folder` alone are met.
    pub fn disk_below(row: &'static Row, nth: usize, folder: PathBuf) -> (Arc<Script>, Disk) {
        Script::disk_of(Some((row, nth)), Some(folder))
    }

    fn disk_of(row: Option<(&'static Row, usize)>, below: Option<PathBuf>) -> (Arc<Script>, Disk) {
        let script = Arc::new(Script {
            row,
            below,
            met: AtomicUsize::new(0),
            struck: Mutex::new(None),
        });
        (script.clone(), Disk::with_faults(script))
    }

    /// What was struck, if anything was.
    pub fn what(&self) -> Option<String> {
        let struck = self.struck.lock().unwrap();
        let ((row, nth), (op, path)) = self.row.zip(struck.as_ref())?;
        Some(format!(
            "{}, call {nth} ({op} {})",
            row.name,
            path.display()
        ))
    }
}

impl Faults for Script {
    fn before(&self, call: &Call<'_>) -> Outcome {
        let Some((row, nth)) = self.row else {
            return Outcome::Go;
        };
        let is_elsewhere = |below: &PathBuf| !call.path.starts_with(below);
        if self.below.as_ref().is_some_and(is_elsewhere) {
            return Outcome::Go;
        }
        if !(row.befalls)(call.op) || self.met.fetch_add(1, Ordering::SeqCst) != nth {
            return Outcome::Go;
        }
        *self.struck.lock().unwrap() = Some((call.op, call.path.to_owned()));
        (row.outcome)()
    }
}

/// Four groups of events: opening, files, documents, closing.
pub fn delivery(world: &World) -> Request {
    let usb = world.place("usb");
    put(&usb, "a.txt", b"one");
    put(&usb, "b.txt", b"two");
    sparse(&usb, "large", 4 << 20);
    let mut request = request(&[&usb]);
    request.documents = vec![put(world.folder.path(), "protocol.txt", b"signed")];
    request
}

/// Runs the intake on a disk, and tells how many items were acknowledged.
fn attempt(world: &World, disk: Disk, request: &Request) -> (Result<Ended, AppError>, u64) {
    let acknowledged = AtomicU64::new(0);
    let ended = world.open_on(disk).and_then(|centre| {
        run(&centre, &acting(&centre)?, request, &|p| {
            acknowledged.fetch_max(p.tally.met(), Ordering::SeqCst);
        })
    });
    (ended, acknowledged.into_inner())
}

fn whatever_the_disk_does_nothing_acknowledged_is_lost(kind: Kind) {
    let reference = World::new(kind);
    let wanted = delivery(&reference);
    take_in(&reference.open(), &wanted).unwrap();
    let expected = listing(&reference.open());
    assert_eq!(expected.len(), 4);
    let plain = !kind.s3 && !kind.postgres;
    let template = World::new(PLAIN);
    for (r, row) in TABLE.iter().enumerate() {
        let mut struck = 0;
        // On the plain kind one row takes every durable call, and the others some of theirs; on the other kinds each
        // its turn.
        let step = match plain {
            // There are many more of these, and they change nothing.
            _ if row.name == "a read fails" => every(13),
            true if row.name == "stored and reported as failed" => 1,
            true => every(4),
            false => every(9),
        };
        for nth in (r % step..).step_by(step) {
            let world = if plain {
                template.copy(&format!("{r}-{nth}"))
            } else {
                World::new(kind)
            };
            let request = delivery(&world);
            let (script, disk) = Script::disk(Some((row, nth)));
            let (ended, acknowledged) = attempt(&world, disk, &request);
            let Some((op, path)) = script.struck.lock().unwrap().clone() else {
                break;
            };
            struck += 1;
            let what = format!("{}, call {nth} ({op} {})", row.name, path.display());
            let centre = world
                .open_on(Disk::real())
                .unwrap_or_else(|e| panic!("{what}: {e}"));
            let kept = listing(&centre);
            assert!(
                kept.len() as u64 >= acknowledged,
                "{what}: {acknowledged} were acknowledged, {} are there",
                kept.len()
            );
            assert_eq!(kept, expected[..kept.len()], "{what}");
            drop(centre);
            let found = world.verify(comity_app::verify::Depth::Full).findings;
            assert!(found.is_empty(), "{what}: {found:?}");
            if ended.is_err() {
                let centre = world.open();
                take_in(&centre, &request).unwrap_or_else(|e| panic!("{what}: {e}"));
            }
            assert_eq!(listing(&world.open()), expected, "{what}");
            // Of each row every fourth in full; the rest would say the same of the same bytes.
            if struck % 4 == 1 {
                world.assert_sound();
            }
            std::fs::remove_dir_all(&world.dir).unwrap();
        }
        assert!(struck > 0 || !plain, "{} never happened", row.name);
    }
}

#[test]
fn an_intake_that_failed_in_the_middle_goes_on_with_the_same_numbers() {
    let world = World::new(PLAIN);
    let request = delivery(&world);
    // The fault strikes the documents' group: the files' is acknowledged by then.
    for nth in (0..).step_by(3) {
        let world = world.copy(&format!("at-{nth}"));
        let (script, disk) = Script::disk(Some((&TABLE[2], nth)));
        let (ended, acknowledged) = attempt(&world, disk, &request);
        assert!(
            script.struck.lock().unwrap().is_some(),
            "no flush came after the first group"
        );
        if ended.is_ok() || acknowledged < 3 {
            continue;
        }
        let centre = world.open();
        let outcome = take_in(&centre, &request).unwrap();
        assert!(outcome.resumed);
        assert!(outcome.tally.resumed >= 3, "{:?}", outcome.tally);
        assert_eq!(outcome.name, "UKR-000001");
        assert_eq!(count_events(&centre, "intake_opened"), 1);
        assert_eq!(count_events(&centre, "delivered_again"), 0);
        return;
    }
}

/// The next write to the edge of the ledger, once armed, is cut off after so many bytes, and the process can do nothing
/// more to the disk: what it wrote stays as it is.
struct TornEdge {
    state: AtomicUsize,
    after: usize,
}

const ARMED: usize = 1;
const DEAD: usize = 2;

impl Faults for TornEdge {
    fn before(&self, call: &Call<'_>) -> Outcome {
        let is_edge = call.op == Op::Write && call.path.ends_with("ledger/edge");
        match self.state.load(Ordering::SeqCst) {
            ARMED if is_edge => {
                self.state.store(DEAD, Ordering::SeqCst);
                Outcome::Torn(self.after)
            }
            DEAD if call.op.is_durable() => Outcome::Fail(error(EIO)),
            _ => Outcome::Go,
        }
    }
}

/// The tables have the group, whichever they are, and the next process finds half a frame behind the edge.
fn a_torn_tail_of_the_edge_is_written_anew(postgres: bool) {
    let world = World::new(Kind {
        postgres,
        s3: false,
    });
    for after in [0, 1, 5, 40, 300] {
        let torn = Arc::new(TornEdge {
            state: AtomicUsize::new(0),
            after,
        });
        let centre = world.open_on(Disk::with_faults(torn.clone())).unwrap();
        let (size, name) = (log_size(&centre), format!("Case {after}"));
        let edge = world.dir.join("ledger/edge");
        let len = || std::fs::metadata(&edge).unwrap().len() as usize;
        let before = len();
        torn.state.store(ARMED, Ordering::SeqCst);
        let done = centre.open_case(&actor(&centre), &name);
        assert_eq!(
            torn.state.load(Ordering::SeqCst),
            DEAD,
            "the edge was not written"
        );
        assert_eq!(len(), before + after, "no torn tail is left");
        assert!(
            done.is_err(),
            "acknowledged with {after} bytes of its frame"
        );
        drop(centre);
        let centre = world.open();
        assert_eq!(log_size(&centre), size + 1, "torn after {after}");
        let last = centre.read_event(size).unwrap();
        assert_eq!(last.text("name"), Some(name.as_str()));
        drop(centre);
        world.assert_sound();
    }
}

#[test]
fn a_torn_tail_of_the_edge_is_written_anew_from_sqlite() {
    a_torn_tail_of_the_edge_is_written_anew(false);
}

#[test]
fn a_torn_tail_of_the_edge_is_written_anew_from_postgres() {
    a_torn_tail_of_the_edge_is_written_anew(true);
}
