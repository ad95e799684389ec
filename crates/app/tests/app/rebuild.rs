//! The tables are a view: lost, damaged, behind or ahead, they come to be what the ledger says.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use comity_app::Centre;
use comity_store::{Call, Disk, Faults, Outcome};

use crate::fixture::*;

on_every_kind! {
    tables_made_anew_are_the_live_ones,
    events_that_only_sql_holds_are_brought_over,
    tables_of_an_older_version_are_made_anew_and_of_a_newer_refused,
}

fn filled(kind: Kind) -> World {
    let world = World::new(kind);
    let usb = world.place("usb");
    evidence(&usb);
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    put(&usb, "a.txt", b"another one");
    take_in(&centre, &request(&[&usb])).unwrap();
    bytes_of(&centre, &item_at(&centre, "usb/b/same-1"));
    world
}

fn tables_made_anew_are_the_live_ones(kind: Kind) {
    let world = filled(kind);
    let centre = world.open();
    let before = listing(&centre);
    assert_eq!(centre.rebuild(&|_, _| ()).unwrap(), log_size(&centre));
    assert_eq!(listing(&centre), before);
    // It goes on after that, in this process and in the next.
    let more = world.place("more");
    put(&more, "x", b"x");
    take_in(&centre, &request(&[&more])).unwrap();
    drop(centre);
    world.assert_sound();
}

/// Lets everything pass but the tree's part of a commit, once told to.
pub struct NoLedger(pub AtomicBool);

impl Faults for NoLedger {
    fn before(&self, call: &Call<'_>) -> Outcome {
        let path = call.path.to_string_lossy();
        let stops =
            self.0.load(Ordering::SeqCst) && path.contains("ledger") && call.op.is_durable();
        if stops {
            Outcome::Fail(std::io::Error::from_raw_os_error(5))
        } else {
            Outcome::Go
        }
    }
}

fn events_that_only_sql_holds_are_brought_over(kind: Kind) {
    let world = filled(kind);
    let faults = Arc::new(NoLedger(AtomicBool::new(false)));
    let centre = world.open_on(Disk::with_faults(faults.clone())).unwrap();
    // The next group begins where this one ended: nothing of the ledger is touched before SQL has it.
    centre.open_case(&actor(&centre), "Acknowledged").unwrap();
    let size = log_size(&centre);
    faults.0.store(true, Ordering::SeqCst);
    assert!(
        centre
            .open_case(&actor(&centre), "Never acknowledged")
            .is_err()
    );
    drop(centre);
    let centre = world.open();
    assert_eq!(log_size(&centre), size + 1);
    let said = centre.recovered.join(" ");
    assert!(said.contains("1 event"), "{said:?}");
    drop(centre);
    world.assert_sound();
}

/// What befell the state file, and whether the centre opens by itself or asks for `comity rebuild`.
#[test]
fn a_state_file_that_is_lost_cut_or_garbage_is_made_anew() {
    let world = filled(PLAIN);
    let before = listing(&world.open());
    let file = |name: &str, world: &World| world.dir.join(name);
    type Harm = fn(&std::path::Path);
    let harms: [(&str, Harm); 5] = [
        ("lost", |p| fs::remove_file(p).unwrap()),
        ("empty", |p| fs::write(p, b"").unwrap()),
        ("cut", |p| {
            let len = fs::metadata(p).unwrap().len();
            fs::OpenOptions::new()
                .write(true)
                .open(p)
                .unwrap()
                .set_len(len / 2 + 7)
                .unwrap();
        }),
        ("garbage", |p| fs::write(p, noise(4, 40_000)).unwrap()),
        ("one byte", |p| {
            let mut bytes = fs::read(p).unwrap();
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
            fs::write(p, bytes).unwrap();
        }),
    ];
    for (what, harm) in harms {
        let world = world.copy(&format!("copy-{what}"));
        harm(&file("state.db", &world));
        for beside in ["state.db-wal", "state.db-shm"] {
            let _ = fs::remove_file(file(beside, &world));
        }
        let centre =
            Centre::open_setting_state_aside(&world.dir, PASSPHRASE, world.ambient(Disk::real()));
        let centre = centre.unwrap_or_else(|e| panic!("{what}: {e}"));
        centre
            .rebuild(&|_, _| ())
            .unwrap_or_else(|e| panic!("{what}: {e}"));
        assert_eq!(listing(&centre), before, "{what}");
        drop(centre);
        world.assert_sound();
    }
}

#[test]
fn a_state_that_is_older_than_the_ledger_is_made_anew_before_anything_is_signed() {
    let world = filled(PLAIN);
    let old = world.copy("old");
    let centre = world.open();
    let more = world.place("more");
    put(&more, "x", b"x");
    take_in(&centre, &request(&[&more])).unwrap();
    let (size, lines) = (log_size(&centre), listing(&centre));
    drop(centre);
    for (name, _) in files(&world.dir) {
        if name.starts_with("state.db") {
            fs::remove_file(world.dir.join(name)).unwrap();
        }
    }
    for (name, bytes) in files(&old.dir) {
        if name.starts_with("state.db") {
            put(&world.dir, name, &bytes);
        }
    }
    let centre = world.open();
    assert!(
        centre.recovered.join(" ").contains("made anew"),
        "{:?}",
        centre.recovered
    );
    assert_eq!((log_size(&centre), listing(&centre)), (size, lines));
    take_in(&centre, &request(&[&more])).unwrap();
    drop(centre);
    world.assert_sound();
}

/// A program that keeps other tables than the one before makes them anew by itself, and touches no newer ones.
fn tables_of_an_older_version_are_made_anew_and_of_a_newer_refused(kind: Kind) {
    let world = filled(kind);
    let before = listing(&world.open());
    let change = |by: &str| {
        let mut session = world.open().session().unwrap();
        session
            .execute(&format!("UPDATE log_state SET version = version {by}"), &[])
            .unwrap();
    };
    change("- 1");
    let centre = world.open();
    let said = centre.recovered.join(" ");
    assert!(said.contains("of an older version"), "{said:?}");
    assert_eq!(listing(&centre), before);
    drop(centre);
    world.assert_sound();
    change("+ 1");
    let refused = world.open_on(Disk::real()).err().map(|e| e.to_string());
    assert!(refused.is_some_and(|e| e.contains("a newer one wrote it")));
}

/// The other way round would be a fork: a ledger that is older than what was signed is not gone on with.
#[test]
fn a_ledger_older_than_what_was_signed_is_refused() {
    let world = filled(PLAIN);
    let old = world.copy("old");
    let centre = world.open();
    // The last group is still in the state and would bring such a ledger up to what was signed.
    for name in ["Later", "Later still"] {
        centre.open_case(&actor(&centre), name).unwrap();
    }
    drop(centre);
    fs::remove_dir_all(world.dir.join("ledger")).unwrap();
    copy(&old.dir.join("ledger"), &world.dir.join("ledger"));
    let refused = world
        .open_on(Disk::real())
        .err()
        .expect("refused")
        .to_string();
    assert!(refused.contains("ledger"), "{refused}");
}

#[test]
fn a_table_that_was_meddled_with_is_told_by_rebuild_check_and_verify() {
    let world = filled(PLAIN);
    let centre = world.open();
    let mut session = centre.session().unwrap();
    session
        .execute("UPDATE items SET state = 1 WHERE number = 3", &[])
        .unwrap();
    session
        .execute("DELETE FROM events WHERE n = 1", &[])
        .unwrap();
    drop(session);
    let found = centre.rebuild_check(&|_, _| ()).unwrap();
    assert!(
        found.iter().any(|f| f.starts_with("table items")),
        "{found:?}"
    );
    assert!(
        found.iter().any(|f| f.starts_with("table events")),
        "{found:?}"
    );
    let report = world.verify(comity_app::verify::Depth::Middle);
    assert!(
        !report.findings.is_empty() && report.findings.iter().all(|f| f.place == "state"),
        "{:?}",
        report.findings
    );
    centre.rebuild(&|_, _| ()).unwrap();
    drop(centre);
    world.assert_sound();
}
