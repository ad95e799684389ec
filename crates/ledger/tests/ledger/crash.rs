//! A fault at each durable call of appending, putting a group ahead, publishing and trimming. Whatever happens, the ledger opens again,
//! holds everything that was acknowledged, and goes on to the same tree.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use comity_core::digest::Digest;
use comity_ledger::{LedgerError, Tree};
use comity_store::{Call, Credentials, Disk, Faults, Objects, Op, Outcome, StoreError};
use tempfile::TempDir;

use crate::naive;
use crate::support::{check, local_at, note, open, record, records};

const EVENTS: u64 = 1_160;

/// What was acknowledged: by an append, and by a publication.
#[derive(Clone, Copy, Debug, Default)]
struct Acknowledged {
    appended: u64,
    published: u64,
}

/// One life of a ledger up to 1,160 events; the last 600 are a large group. Each step may be repeated, and so may all of it.
fn live(
    tree: &mut Tree,
    tries: usize,
    mut acknowledge: impl FnMut(Acknowledged),
    acknowledged: &mut Acknowledged,
) -> Result<(), LedgerError> {
    let retry = |step: &mut dyn FnMut() -> Result<(), LedgerError>| {
        let mut result = step();
        for _ in 1..tries {
            if result.is_ok() {
                break;
            }
            result = step();
        }
        result
    };
    let mut next = 0;
    let steps = [
        (3, false),
        (300, true),
        (1, false),
        (0, true),
        (256, true),
        (600, false),
    ];
    for (count, trims) in steps {
        let group = records(next..next + count);
        let mut ahead = None;
        if tree.size() == next {
            retry(&mut || tree.put_ahead(next, &group).map(|done| ahead = done))?;
        }
        retry(&mut || match &ahead {
            Some(ahead) => tree.take_up(next, ahead, &group[ahead.events..]),
            None => tree.append(next, &group),
        })?;
        next += count;
        acknowledged.appended = acknowledged.appended.max(next);
        acknowledge(*acknowledged);
        if trims {
            retry(&mut || tree.trim().map(drop))?;
        }
        if tree.published_size() < next {
            let note = note(next, tree.root_at(next)?);
            retry(&mut || tree.publish(&note))?;
        }
        acknowledged.published = acknowledged.published.max(next);
        acknowledge(*acknowledged);
    }
    Ok(())
}

fn hold(objects: &Objects, acknowledged: Acknowledged, what: &str) {
    let tree = Tree::open(objects.clone()).unwrap_or_else(|error| panic!("{what}: {error}"));
    let Acknowledged {
        appended,
        published,
    } = acknowledged;
    assert!(
        tree.size() >= appended,
        "{what}: {} of {appended} appended events",
        tree.size()
    );
    assert!(
        tree.published_size() >= published,
        "{what}: {} of {published} published",
        tree.published_size()
    );
    for stored in tree.records(0..tree.size()) {
        let stored = stored.unwrap_or_else(|error| panic!("{what}: {error}"));
        let expected = record(stored.index);
        assert_eq!(
            (stored.entry, stored.body),
            (expected.entry, expected.body),
            "{what}"
        );
    }
    let leaves: Vec<Digest> = records(0..tree.size())
        .iter()
        .map(|record| record.hash)
        .collect();
    assert_eq!(tree.root(), naive::root(&leaves), "{what}");
    // A kill before the first publication leaves a ledger whose checkpoint is rightly missing.
    if tree.published().is_some() {
        assert_eq!(check(objects, None), [], "{what}");
    }
}

/// The ledger is opened as after a crash, goes on, and ends where one that never failed ends.
fn recover(objects: &Objects, acknowledged: Acknowledged, what: &str) {
    hold(objects, acknowledged, what);
    let mut tree = open(objects);
    let mut again = acknowledged;
    live(&mut tree, 1, |_| (), &mut again).unwrap_or_else(|error| panic!("{what}: {error}"));
    assert_eq!(tree.size(), EVENTS);
    hold(
        objects,
        Acknowledged {
            appended: EVENTS,
            published: EVENTS,
        },
        what,
    );
    assert_eq!(open(objects).recovered(), [""; 0], "{what}");
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Fails,
    FailsAndWasDone,
    Torn(usize),
}

const KINDS: [Kind; 4] = [
    Kind::Fails,
    Kind::FailsAndWasDone,
    Kind::Torn(30),
    Kind::Torn(5_000),
];

/// Counts durable calls; one of them goes wrong and, if the process is to be dead, all after it.
struct Fault {
    at: usize,
    kind: Kind,
    then_dead: bool,
    calls: AtomicUsize,
    writes: AtomicBool,
}

impl Fault {
    fn new(at: usize, kind: Kind, then_dead: bool) -> Arc<Fault> {
        Arc::new(Fault {
            at,
            kind,
            then_dead,
            calls: AtomicUsize::new(0),
            writes: AtomicBool::new(false),
        })
    }

    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

impl Faults for Fault {
    fn before(&self, call: &Call<'_>) -> Outcome {
        if !call.op.is_durable() {
            return Outcome::Go;
        }
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        let error = || io::Error::other("injected");
        if number == self.at {
            self.writes.store(call.op == Op::Write, Ordering::SeqCst);
        }
        match self.kind {
            _ if number < self.at => Outcome::Go,
            _ if number > self.at && self.then_dead => Outcome::Fail(error()),
            _ if number > self.at => Outcome::Go,
            Kind::Fails => Outcome::Fail(error()),
            Kind::FailsAndWasDone => Outcome::DoThenFail(error()),
            Kind::Torn(bytes) => Outcome::Torn(bytes),
        }
    }
}

/// Runs the scenario once for each durable call that it makes and each way in which that call can go wrong. `store`
/// makes a new store: as seen through a fault, any number of times, and as it is.
fn each_call<S>(
    then_dead: bool,
    least: usize,
    store: impl Fn() -> S,
    open_at: impl Fn(&S, Disk) -> Result<Objects, StoreError>,
) {
    let tries = if then_dead { 1 } else { 2 };
    let run = |fault: &Arc<Fault>, store: &S, acknowledged: &mut Acknowledged| {
        let disk = Disk::with_faults(fault.clone());
        let objects = match open_at(store, disk.clone()) {
            Err(_) if tries > 1 => open_at(store, disk)?,
            opened => opened?,
        };
        live(&mut open(&objects), tries, |_| (), acknowledged)
    };
    let clean = Fault::new(usize::MAX, Kind::Fails, then_dead);
    run(&clean, &store(), &mut Acknowledged::default()).unwrap();
    let calls = clean.calls();
    assert!(calls >= least, "the scenario makes {calls} durable calls");
    for at in 0..calls {
        let mut writes = true;
        for kind in KINDS {
            // To die after a call is to die before the next; only a write can be torn.
            let same_as_another = match kind {
                Kind::Fails => false,
                Kind::FailsAndWasDone => then_dead,
                Kind::Torn(_) => !writes,
            };
            if same_as_another {
                continue;
            }
            let what = format!("{kind:?} at call {at}, then dead: {then_dead}");
            let store = store();
            let fault = Fault::new(at, kind, then_dead);
            let mut acknowledged = Acknowledged::default();
            let result = run(&fault, &store, &mut acknowledged);
            writes = fault.writes.load(Ordering::SeqCst);
            if !then_dead {
                result.unwrap_or_else(|error| panic!("{what}: the second try fails too: {error}"));
            }
            recover(&open_at(&store, Disk::real()).unwrap(), acknowledged, &what);
        }
    }
}

/// In memory where there is such a folder: the faults are the disk's part here.
fn folder() -> TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        TempDir::new_in(memory).unwrap()
    } else {
        TempDir::new().unwrap()
    }
}

#[test]
fn whatever_call_is_the_last_one_of_a_process() {
    each_call(true, 50, folder, |folder, disk| {
        Objects::local(folder.path().to_owned(), disk)
    });
}

#[test]
fn whatever_call_fails_once_in_a_process_that_goes_on() {
    each_call(false, 50, folder, |folder, disk| {
        Objects::local(folder.path().to_owned(), disk)
    });
}

#[test]
fn whatever_call_to_s3_fails() {
    for then_dead in [true, false] {
        each_call(then_dead, 20, comity_rig::s3, |server, disk| {
            let url = format!("{}&retry_secs=0", server.url);
            let keys = Credentials {
                access_key_id: server.access_key_id.into(),
                secret_access_key: server.secret_access_key.into(),
            };
            Objects::from_url(&url, &keys, disk)
        });
    }
}

const CHILD: &str = "COMITY_LEDGER_TEST_FOLDER";

/// Not a test by itself: the process that [`killed_before_any_call`] kills.
#[test]
fn child() {
    let Some(folder) = std::env::var_os(CHILD) else {
        return;
    };
    let folder = Path::new(&folder);
    let mut diary = OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("diary"))
        .unwrap();
    let objects = local_at(&folder.join("store"));
    let mut tree = open(&objects);
    let mut acknowledged = Acknowledged::default();
    let mut write = |Acknowledged {
                         appended,
                         published,
                     }| writeln!(diary, "{appended} {published}").unwrap();
    live(&mut tree, 1, &mut write, &mut acknowledged).unwrap();
    writeln!(diary, "done").unwrap();
}

#[test]
fn killed_before_any_call() {
    // Every call is the last one of a process above; here some of them are that of a real one.
    for at in (1..).step_by(4) {
        let folder = folder();
        let status = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::child", "--test-threads=1"])
            .env(CHILD, folder.path())
            .env("COMITY_FAULT", format!("kill@{at}"))
            .output()
            .unwrap();
        let diary = fs::read_to_string(folder.path().join("diary")).unwrap();
        let mut acknowledged = Acknowledged::default();
        for line in diary.lines().filter(|line| *line != "done") {
            let (appended, published) = line.split_once(' ').unwrap();
            acknowledged = Acknowledged {
                appended: appended.parse().unwrap(),
                published: published.parse().unwrap(),
            };
        }
        recover(
            &local_at(&folder.path().join("store")),
            acknowledged,
            &format!("killed before call {at}"),
        );
        if diary.ends_with("done\n") {
            assert!(status.status.success());
            assert!(at > 50, "the scenario makes {at} durable calls");
            return;
        }
        assert!(!status.status.success());
    }
}

/// Bytes that a loss of power left after the last flushed frame.
#[test]
fn a_torn_tail_is_dropped_and_said_unless_it_was_acknowledged() {
    let folder = folder();
    let objects = local_at(folder.path());
    let edge = folder.path().join("ledger/edge");
    let mut tree = open(&objects);
    tree.append(0, &records(0..40)).unwrap();
    let acknowledged = fs::metadata(&edge).unwrap().len() as usize;
    let checkpoint = note(40, tree.root());
    tree.append(40, &records(40..80)).unwrap();
    let whole = fs::read(&edge).unwrap();
    let beyond = note(80, tree.root());
    let mut zeros = whole.clone();
    zeros[acknowledged..].fill(0);
    let mut page_missing = whole.clone();
    page_missing[acknowledged + 100..acknowledged + 600].fill(0);
    let mut tails: Vec<Vec<u8>> = vec![zeros, page_missing];
    tails.extend(
        (1..whole.len() - acknowledged)
            .step_by(131)
            .map(|more| whole[..acknowledged + more].to_vec()),
    );
    for torn in tails {
        for published in [None, Some(&checkpoint)] {
            fs::remove_file(folder.path().join("ledger/checkpoint")).ok();
            if let Some(note) = published {
                fs::write(folder.path().join("ledger/checkpoint"), note).unwrap();
            }
            fs::write(&edge, &torn).unwrap();
            let mut tree = open(&objects);
            assert_eq!(tree.size(), 40);
            assert_eq!(tree.recovered().len(), 1);
            assert!(
                tree.recovered()[0].contains("never acknowledged"),
                "{:?}",
                tree.recovered()
            );
            assert_eq!(fs::read(&edge).unwrap(), torn, "opening writes nothing");
            tree.append(40, &records(40..41)).unwrap();
            assert_eq!(tree.recovered(), [""; 0]);
            assert_eq!(open(&objects).size(), 41);
        }
        fs::write(&edge, &torn).unwrap();
        fs::write(folder.path().join("ledger/checkpoint"), &beyond).unwrap();
        let error = Tree::open(objects.clone()).err().unwrap();
        assert!(
            matches!(&error, LedgerError::Corrupt { file, .. } if file == "ledger/edge"),
            "{error}"
        );
    }
    // Damage in a frame that another follows: that one could not have been written before the first was flushed.
    fs::remove_file(folder.path().join("ledger/checkpoint")).unwrap();
    let mut damaged = whole;
    damaged[acknowledged - 200] ^= 1;
    fs::write(&edge, &damaged).unwrap();
    assert!(matches!(
        Tree::open(objects),
        Err(LedgerError::Corrupt { .. })
    ));
}
