//! What becomes of an act when the clock is wrong, PostgreSQL goes down, or S3 does with requests what it likes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use comity_app::intake::run;
use comity_rig::{Fate, Fates, Postgres};
use comity_store::{Call, Disk, Faults, Outcome};

use crate::faults::delivery;
use crate::fixture::*;

on_every_kind! {
    a_clock_that_jumps_changes_no_order_and_loses_nothing,
}

const DAY: i64 = 86_400_000_000;

fn a_clock_that_jumps_changes_no_order_and_loses_nothing(kind: Kind) {
    // Back by a day, to before 1970, and ahead by ten years, each between two groups of an intake.
    for jump in [-DAY, -60 * 365 * DAY, 3653 * DAY] {
        let world = World::new(kind);
        let request = delivery(&world);
        let centre = world.open();
        let before = log_size(&centre);
        let jumped = AtomicU64::new(0);
        run(&centre, &actor(&centre), &request, &|p| {
            if p.tally.met() > 0 && jumped.fetch_add(1, Ordering::SeqCst) == 0 {
                world.clock.pass(jump);
            }
        })
        .unwrap();
        assert!(jumped.into_inner() > 0);
        assert_eq!(listing(&centre).len(), 4, "{jump}");
        let item = item_at(&centre, "usb/a.txt");
        assert_eq!(bytes_of(&centre, &item), b"one", "{jump}");
        assert!(log_size(&centre) > before + 5);
        drop(centre);
        world.assert_sound();
        // It goes on when the clock is right again.
        world.clock.pass(-jump);
        let more = world.place("more");
        put(&more, "later.txt", b"later");
        take_in(&world.open(), &crate::fixture::request(&[&more])).unwrap();
        world.assert_sound();
    }
}

/// Has PostgreSQL crash at one durable call of ours: between its own commits, wherever that is.
struct Crash {
    server: Postgres,
    at: AtomicU64,
}

impl Faults for Crash {
    fn before(&self, call: &Call<'_>) -> Outcome {
        if call.op.is_durable() && self.at.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.server.crash();
        }
        Outcome::Go
    }
}

#[test]
fn postgres_that_crashes_in_the_middle_takes_nothing_with_it() {
    let crash = Arc::new(Crash {
        server: Postgres::of_its_own(),
        at: AtomicU64::new(u64::MAX),
    });
    let world = World::on(Some(crash.server.database()), None);
    let usb = world.place("usb");
    put(&usb, "a.txt", b"one");
    take_in(&world.open(), &request(&[&usb])).unwrap();
    let centre = world.open_on(Disk::with_faults(crash.clone())).unwrap();
    // In the middle of a transaction: what was begun is not there, and the same process goes on.
    let before = log_size(&centre);
    let ended = centre.sequencer().commit(&centre.keys, |group| {
        group
            .session
            .execute("UPDATE log_state SET size = size", &[])?;
        crash.server.crash();
        group
            .session
            .execute("UPDATE log_state SET size = size", &[])?;
        Ok(())
    });
    let said = ended.unwrap_err().to_string();
    assert!(said.contains("the database failed"), "{said}");
    assert_eq!(log_size(&centre), before);
    // Between the commits of a group, at each of our own calls: told as done, or as failed; there or not there, whole.
    let mut failed = 0;
    for at in 1..8 {
        crash.at.store(at, Ordering::SeqCst);
        let name = format!("Case {at}");
        let ended = centre.open_case(&actor(&centre), &name);
        crash.at.store(u64::MAX, Ordering::SeqCst);
        let cases = centre.cases(&mut centre.session().unwrap()).unwrap();
        let is_there = cases.iter().any(|case| case.name.as_deref() == Some(&name));
        match ended {
            Ok(_) => assert!(is_there, "{at}"),
            Err(error) => {
                failed += 1;
                let said = error.to_string();
                assert!(!said.contains("damaged"), "{at}: {said}");
                if !is_there {
                    centre.open_case(&actor(&centre), &name).unwrap();
                }
            }
        }
        world.assert_sound();
    }
    assert!(failed > 0);
}

/// What S3 does, and whether an intake can end well all the same.
struct Row {
    name: &'static str,
    fates: fn(&str, &str, u64) -> Fate,
    ends_well: bool,
}

const S3: [Row; 6] = [
    Row {
        name: "every third request is answered 500",
        fates: |_, _, n| {
            if n % 3 == 0 {
                Fate::Refused
            } else {
                Fate::Served
            }
        },
        ends_well: true,
    },
    Row {
        name: "every second change is done and answered 500, so it is done twice",
        fates: |method, _, n| match (method, n % 2) {
            ("PUT" | "POST" | "DELETE", 0) => Fate::DoneAndRefused,
            _ => Fate::Served,
        },
        ends_well: true,
    },
    Row {
        name: "every fifth answer is late",
        fates: |_, _, n| match n % 5 {
            0 => Fate::Late(Duration::from_millis(150)),
            _ => Fate::Served,
        },
        ends_well: true,
    },
    Row {
        name: "listings are stale",
        fates: |_, asked, _| match asked.contains("list-type=") {
            true => Fate::Stale,
            false => Fate::Served,
        },
        ends_well: false,
    },
    Row {
        name: "after a while every change is answered 500",
        fates: |method, _, n| match method {
            "PUT" | "POST" if n > 60 => Fate::Refused,
            _ => Fate::Served,
        },
        ends_well: false,
    },
    Row {
        name: "after a while every change is done and answered 500",
        fates: |method, _, n| match method {
            "PUT" | "POST" if n > 60 => Fate::DoneAndRefused,
            _ => Fate::Served,
        },
        ends_well: false,
    },
];

mod of_s3_on_s3 {
    #[test]
    fn whatever_it_does_nothing_acknowledged_is_lost() {
        if crate::fixture::has_s3() {
            super::S3.iter().for_each(super::try_row);
        }
    }
}

fn try_row(row: &'static Row) {
    let what = row.name;
    // Off until the centre is made, on for the intake, then off for good.
    let asked = Arc::new(AtomicU64::new(0));
    let counted = asked.clone();
    let fates: Fates = Arc::new(move |method, path| {
        match counted.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| {
            (n > 0).then_some(n + 1)
        }) {
            Ok(n) => (row.fates)(method, path, n),
            Err(_) => Fate::Served,
        }
    });
    let mut s3 = comity_rig::s3_with(fates);
    s3.url.push_str("&retry_secs=2");
    let world = World::on(None, Some(s3));
    let request = delivery(&world);
    let acknowledged = AtomicU64::new(0);
    asked.store(1, Ordering::SeqCst);
    let ended = world.open_on(Disk::real()).and_then(|centre| {
        run(&centre, &actor(&centre), &request, &|p| {
            acknowledged.fetch_max(p.tally.met(), Ordering::SeqCst);
        })
    });
    let met = asked.swap(0, Ordering::SeqCst);
    assert!(met > 20, "{what}: {met} requests");
    if row.ends_well {
        ended.unwrap_or_else(|e| panic!("{what}: {e}"));
    }
    let centre = world.open();
    assert!(
        listing(&centre).len() as u64 >= acknowledged.into_inner(),
        "{what}"
    );
    take_in(&centre, &request).unwrap_or_else(|e| panic!("{what}: {e}"));
    assert_eq!(listing(&centre).len(), 4, "{what}");
    drop(centre);
    world.assert_sound();
}
