//! What is flushed before what: the promises that no fault in a running system can show, since only a loss of power
//! breaks them.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use comity_ledger::Tree;
use comity_store::{Call, Disk, Faults, Objects, Op, Outcome};
use tempfile::TempDir;

use crate::support::{local_at, note, open, records};

/// Writes down every durable call; fails those of one kind on the edge, if told to.
#[derive(Default)]
struct Trace {
    calls: Mutex<Vec<(Op, PathBuf)>>,
    fails: Mutex<Option<Op>>,
}

impl Faults for Trace {
    fn before(&self, call: &Call<'_>) -> Outcome {
        if !call.op.is_durable() {
            return Outcome::Go;
        }
        self.calls
            .lock()
            .unwrap()
            .push((call.op, call.path.to_owned()));
        let fails =
            *self.fails.lock().unwrap() == Some(call.op) && call.path.ends_with("ledger/edge");
        if fails {
            Outcome::Fail(io::Error::other("injected"))
        } else {
            Outcome::Go
        }
    }
}

struct Traced {
    folder: TempDir,
    trace: Arc<Trace>,
}

impl Traced {
    fn new() -> Traced {
        Traced {
            folder: TempDir::new().unwrap(),
            trace: Arc::default(),
        }
    }

    fn open(&self) -> Tree {
        let disk = Disk::with_faults(self.trace.clone());
        open(&Objects::local(self.folder.path().to_owned(), disk).unwrap())
    }

    /// The calls of `act`, by the names of the files below the store's folder.
    fn calls(&self, act: impl FnOnce()) -> Vec<(Op, String)> {
        self.trace.calls.lock().unwrap().clear();
        act();
        let calls = std::mem::take(&mut *self.trace.calls.lock().unwrap());
        let name = |path: PathBuf| {
            path.strip_prefix(self.folder.path())
                .unwrap_or(&path)
                .to_str()
                .unwrap()
                .to_owned()
        };
        calls
            .into_iter()
            .map(|(op, path)| (op, name(path)))
            .collect()
    }
}

fn place(calls: &[(Op, String)], op: Op, name: &str) -> usize {
    let found = calls
        .iter()
        .position(|(called, on)| *called == op && on == name);
    found.unwrap_or_else(|| panic!("no {op} of {name} in {calls:?}"))
}

#[test]
fn a_group_is_one_write_and_one_flush() {
    let traced = Traced::new();
    let mut tree = traced.open();
    tree.append(0, &records(0..10)).unwrap();
    for (first, count) in [(10, 1), (11, 500)] {
        let calls = traced.calls(|| tree.append(first, &records(first..first + count)).unwrap());
        let edge = || "ledger/edge".to_owned();
        assert_eq!(calls, [(Op::Write, edge()), (Op::Sync, edge())]);
    }
    assert_eq!(
        traced.calls(|| tree.append(11, &records(11..511)).unwrap()),
        [],
        "nothing new, nothing written"
    );
    // A new process flushes the name of the edge once: the one before it may have been killed before it could.
    let mut tree = traced.open();
    let first = traced.calls(|| tree.append(511, &records(511..512)).unwrap());
    assert!(place(&first, Op::SyncDir, "ledger") < place(&first, Op::Write, "ledger/edge"));
    let second = traced.calls(|| tree.append(512, &records(512..513)).unwrap());
    assert_eq!(second.len(), 2, "{second:?}");
}

#[test]
fn bundles_are_durable_before_the_edge_moves_on() {
    let traced = Traced::new();
    let mut tree = traced.open();
    tree.append(0, &records(0..600)).unwrap();
    let calls = traced.calls(|| assert_eq!(tree.trim().unwrap(), 512));
    let moved = place(&calls, Op::Rename, "ledger/edge");
    for kind in ["ledger/tile/0", "ledger/tile/entries", "ledger/body"] {
        for bundle in ["000", "001"] {
            let named = place(&calls, Op::Rename, &format!("{kind}/{bundle}"));
            let flushed = calls
                .iter()
                .rposition(|(op, on)| *op == Op::SyncDir && on == kind)
                .unwrap();
            assert!(named < flushed && flushed < moved, "{calls:?}");
        }
    }
    assert!(
        calls[moved..]
            .iter()
            .any(|(op, on)| *op == Op::SyncDir && on == "ledger"),
        "{calls:?}"
    );
}

#[test]
fn a_large_group_is_durable_before_it_is_believed_and_its_bodies_are_written_once() {
    let traced = Traced::new();
    let mut tree = traced.open();
    tree.append(0, &records(0..100)).unwrap();
    let group = records(100..800);
    let mut ahead = None;
    let calls = traced.calls(|| ahead = tree.put_ahead(100, &group).unwrap());
    let ahead = ahead.unwrap();
    assert_eq!(ahead.events, 668);
    for kind in ["ledger/tile/0", "ledger/tile/entries", "ledger/body"] {
        for bundle in ["000", "001", "002"] {
            let named = place(&calls, Op::Rename, &format!("{kind}/{bundle}"));
            let mut later = calls[named..].iter();
            assert!(
                later.any(|(op, on)| *op == Op::SyncDir && on == kind),
                "{calls:?}"
            );
        }
    }
    assert!(calls.iter().all(|(_, on)| on != "ledger/edge"), "{calls:?}");
    assert_eq!(
        (tree.size(), open(&local_at(traced.folder.path())).size()),
        (100, 100)
    );

    let calls = traced.calls(|| tree.take_up(100, &ahead, &group[668..]).unwrap());
    place(&calls, Op::Rename, "ledger/edge");
    assert!(
        calls.iter().all(|(_, on)| !on.starts_with("ledger/body")),
        "{calls:?}"
    );
    assert_eq!(
        traced.calls(|| tree.take_up(100, &ahead, &group[668..]).unwrap()),
        [],
        "nothing new, nothing written"
    );
}

/// A process was killed between the write of a frame and its flush; what the next one reads may be in memory only.
#[test]
fn what_another_process_left_is_flushed_before_it_is_published() {
    let traced = Traced::new();
    let mut tree = open(&local_at(traced.folder.path()));
    tree.append(0, &records(0..10)).unwrap();
    let checkpoint = note(10, tree.root());
    let mut tree = traced.open();
    let again = traced.calls(|| tree.append(0, &records(0..10)).unwrap());
    place(&again, Op::Sync, "ledger/edge");
    let mut tree = traced.open();
    let calls = traced.calls(|| tree.publish(&checkpoint).unwrap());
    assert!(
        place(&calls, Op::Sync, "ledger/edge") < place(&calls, Op::Rename, "ledger/checkpoint")
    );
    let mut tree = traced.open();
    let calls = traced.calls(|| tree.publish(&checkpoint).unwrap());
    place(&calls, Op::SyncDir, "ledger");
    let mut tree = traced.open();
    let calls = traced.calls(|| tree.append(0, &records(0..10)).unwrap());
    assert!(
        calls.iter().all(|(op, _)| *op != Op::Sync),
        "a published tree is durable: {calls:?}"
    );
}

/// After a flush that failed, a later one that succeeds proves nothing about what was written before it.
#[test]
fn after_a_failed_flush_the_edge_is_written_anew_or_the_frame_taken_back() {
    for whole_edge_in_doubt in [false, true] {
        let traced = Traced::new();
        let mut tree = open(&local_at(traced.folder.path()));
        tree.append(0, &records(0..10)).unwrap();
        if !whole_edge_in_doubt {
            tree.publish(&note(10, tree.root())).unwrap();
        }
        let mut tree = traced.open();
        *traced.trace.fails.lock().unwrap() = Some(Op::Sync);
        let calls = traced.calls(|| assert!(tree.append(10, &records(10..20)).is_err()));
        place(&calls, Op::SetLen, "ledger/edge");
        assert_eq!(tree.size(), 10);
        *traced.trace.fails.lock().unwrap() = None;
        let calls = traced.calls(|| tree.append(10, &records(10..20)).unwrap());
        let anew = calls
            .iter()
            .any(|(op, on)| *op == Op::Rename && on == "ledger/edge");
        assert_eq!(anew, whole_edge_in_doubt, "{calls:?}");
        assert_eq!(open(&local_at(traced.folder.path())).size(), 20);
    }
}
