//! Events of many callers at once: one group, one checkpoint, and each caller its own answer.

use std::collections::BTreeSet;
use std::thread;

use comity_app::commit::{Draft, Subject};
use comity_app::event::EventDraft;
use comity_app::project::ObjectAt;
use comity_app::{AppError, Centre};

use crate::fixture::*;

on_every_kind! {
    callers_share_a_group_and_one_that_cannot_be_recorded_takes_none_with_it,
}

const CALLERS: usize = 16;

/// An event on the chain of an item, or on one that is not there.
fn opening(centre: &Centre, chain: i64) -> Draft {
    let mut session = centre.session().unwrap();
    let row = session
        .query_one("SELECT max(custody_key) FROM chains", &[])
        .unwrap()
        .unwrap();
    let scope = centre.keys.scope_key(row.int(0).unwrap() as u64).unwrap();
    let random = &*centre.ambient.random;
    let event = EventDraft::new("opened", "UKR-P0001", &centre.now(), random)
        .custody("purpose", "together")
        .seal(&scope, &scope, random)
        .unwrap();
    Draft {
        subject: Subject::Known(chain),
        event,
        secret: None,
        object: ObjectAt::Unknown,
    }
}

fn callers_share_a_group_and_one_that_cannot_be_recorded_takes_none_with_it(kind: Kind) {
    let world = World::new(kind);
    let usb = world.place("usb");
    for number in 0..CALLERS {
        put(&usb, format!("{number:02}"), number.to_string().as_bytes());
    }
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    let items = items(&centre);
    let before = log_size(&centre);

    let drafts: Vec<Draft> = items.iter().map(|item| opening(&centre, item.no)).collect();
    let impossible = opening(&centre, i64::MAX);
    let turn = centre.sequencer();
    let answers: Vec<Result<u64, AppError>> = thread::scope(|scope| {
        let callers: Vec<_> = drafts
            .into_iter()
            .chain([impossible])
            .map(|draft| {
                let centre = &centre;
                scope.spawn(move || centre.append(draft).map(|at| at.index))
            })
            .collect();
        while centre.waiting() < CALLERS + 1 {
            thread::yield_now();
        }
        drop(turn);
        callers
            .into_iter()
            .map(|caller| caller.join().unwrap())
            .collect()
    });

    let failed: Vec<usize> = (0..answers.len())
        .filter(|&caller| answers.get(caller).is_some_and(Result::is_err))
        .collect();
    assert_eq!(failed, [CALLERS], "only the impossible one");
    let indices: BTreeSet<u64> = answers.into_iter().flatten().collect();
    assert_eq!(indices, (before..before + CALLERS as u64).collect());
    for item in &items {
        assert_eq!(kinds(&centre, item), ["received", "opened"]);
    }
    drop(centre);
    world.assert_sound();

    let centre = world.open();
    let (before, fences) = (log_size(&centre), fence(&centre));
    let drafts: Vec<Draft> = items.iter().map(|item| opening(&centre, item.no)).collect();
    let turn = centre.sequencer();
    thread::scope(|scope| {
        for draft in drafts {
            let centre = &centre;
            scope.spawn(move || centre.append(draft).unwrap());
        }
        while centre.waiting() < CALLERS {
            thread::yield_now();
        }
        drop(turn);
    });
    assert_eq!(log_size(&centre), before + CALLERS as u64);
    assert_eq!(fence(&centre), fences + 1, "one group for all of them");
}

/// Grows by one with each group.
fn fence(centre: &Centre) -> i64 {
    number(centre, "SELECT fence FROM log_state")
}
