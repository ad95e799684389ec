//! The first store is lost and the mirror becomes the store: what the tables that are still there know decides whether
//! anything is lost by it, in a file and in PostgreSQL alike.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use comity_app::AppError;
use comity_app::mirror::{WentOn, go_on_from};
use comity_store::Disk;

use crate::fixture::*;
use crate::mirror::{Twins, delivery};
use crate::rebuild::NoLedger;

fn twins(database: Option<String>) -> Twins {
    let folder = tempfile::tempdir().unwrap();
    let files = folder.path().join("mirror");
    let place = files.to_str().unwrap().to_owned();
    let twins = Twins {
        world: World::mirrored(database, None, Some(place.clone())),
        place,
        files,
        _folder: folder,
    };
    let usb = delivery(&twins.world);
    take_in(&twins.world.open(), &request(&[&usb])).unwrap();
    twins
}

fn go_on(twins: &Twins, incomplete: bool) -> Result<WentOn, AppError> {
    let ambient = twins.world.ambient(Disk::real());
    go_on_from(
        &twins.world.dir,
        &twins.place,
        incomplete,
        PASSPHRASE,
        &ambient,
    )
}

fn cases(twins: &Twins) -> usize {
    let centre = twins.world.open();
    let mut session = centre.session().unwrap();
    centre.cases(&mut session).unwrap().len()
}

fn on_both(test: fn(Option<String>)) {
    test(None);
    test(Some(comity_rig::postgres()));
}

#[test]
fn tables_that_know_more_than_the_mirror_are_refused_or_set_aside_and_told() {
    on_both(|database| {
        let is_postgres = database.is_some();
        let twins = twins(database);
        let held = log_size(&twins.world.open());
        twins.away();
        // The tables keep the last group themselves, and not the one before it.
        let centre = twins.world.open();
        for name in ["A third case", "A fourth case"] {
            centre.open_case(&actor(&centre), name).unwrap();
        }
        drop(centre);
        twins.back();
        let config = fs::read(twins.world.dir.join("centre.json")).unwrap();
        // By the record of what the mirror missed, and where that is lost too, by the tables.
        for by in ["was recorded since", "the tables know of"] {
            let error = go_on(&twins, false).unwrap_err();
            assert!(matches!(error, AppError::Refused(_)), "{error}");
            assert!(error.to_string().contains(by), "{error}");
            assert!(error.to_string().contains("--incomplete"), "{error}");
            let now = fs::read(twins.world.dir.join("centre.json")).unwrap();
            assert_eq!(now, config, "something was changed");
            let _ = fs::remove_file(twins.world.dir.join("mirror.json"));
        }
        let went_on = go_on(&twins, true).unwrap();
        assert_eq!((went_on.events, went_on.known), (held, Some(held + 2)));
        let said = went_on.sentences().join(" ");
        assert!(said.contains("LOST to the log: 2 events"), "{said}");
        let place = match is_postgres {
            true => "the schema comity_before_",
            false => "the file state.before-",
        };
        assert!(said.contains(place), "{said}");
        assert_eq!(cases(&twins), 2);
        // The log goes on, and what was set aside can still be read.
        let centre = twins.world.open();
        centre.open_case(&actor(&centre), "After it").unwrap();
        if is_postgres {
            let schema = went_on.set_aside.unwrap();
            let schema = schema.split(' ').nth(2).unwrap().to_owned();
            let sql = format!("SELECT size FROM {schema}.log_state");
            assert_eq!(number(&centre, &sql), held as i64 + 2);
        }
    });
}

#[test]
fn tables_that_know_no_more_than_the_mirror_are_made_anew_in_their_place() {
    on_both(|database| {
        let twins = twins(database);
        let expected = listing(&twins.world.open());
        let went_on = go_on(&twins, false).unwrap();
        assert_eq!(went_on.known, Some(went_on.events));
        assert_eq!(went_on.set_aside, None);
        assert_eq!(went_on.sentences().len(), 1, "{:?}", went_on.sentences());
        assert_eq!(listing(&twins.world.open()), expected);
        twins.world.assert_sound();
    });
}

#[test]
fn an_empty_database_is_filled_with_or_without_the_word() {
    for incomplete in [false, true] {
        let first = comity_rig::postgres();
        let twins = twins(Some(first.clone()));
        let expected = listing(&twins.world.open());
        let file = twins.world.dir.join("centre.json");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(&file, text.replace(&first, &comity_rig::postgres())).unwrap();
        let went_on = go_on(&twins, incomplete).unwrap();
        assert_eq!((went_on.known, went_on.set_aside), (None, None));
        assert_eq!(listing(&twins.world.open()), expected);
        twins.world.assert_sound();
    }
}

/// What SQL alone has can still be told the ledger: nothing is lost by it.
#[test]
fn events_that_the_tables_hold_themselves_are_brought_over() {
    on_both(|database| {
        let twins = twins(database);
        let faults = Arc::new(NoLedger(AtomicBool::new(false)));
        let centre = twins
            .world
            .open_on(Disk::with_faults(faults.clone()))
            .unwrap();
        centre.open_case(&actor(&centre), "Acknowledged").unwrap();
        let size = log_size(&centre);
        faults.0.store(true, Ordering::SeqCst);
        let failed = centre.open_case(&actor(&centre), "In SQL alone");
        assert!(failed.is_err());
        drop(centre);
        let went_on = go_on(&twins, false).unwrap();
        let numbers = (went_on.events, went_on.known, went_on.lost);
        assert_eq!(numbers, (size, Some(size + 1), 0));
        assert_eq!(log_size(&twins.world.open()), size + 1);
        assert_eq!(cases(&twins), 4);
        twins.world.assert_sound();
    });
}

#[test]
fn a_wrong_passphrase_or_a_server_that_is_away_changes_nothing() {
    let twins = twins(Some(comity_rig::postgres()));
    let file = twins.world.dir.join("centre.json");
    let config = fs::read_to_string(&file).unwrap();
    let ambient = twins.world.ambient(Disk::real());
    let wrong = go_on_from(&twins.world.dir, &twins.place, true, "wrong", &ambient);
    assert!(wrong.unwrap_err().to_string().contains("passphrase"));
    assert_eq!(fs::read_to_string(&file).unwrap(), config);
    let away = config.replace("@localhost/", "@localhost:1/");
    let away = away.replace("?host=/", "?host=/nowhere/");
    fs::write(&file, &away).unwrap();
    let error = go_on(&twins, true).unwrap_err().to_string();
    assert!(error.contains("PostgreSQL"), "{error}");
    assert_eq!(fs::read_to_string(&file).unwrap(), away);
}
