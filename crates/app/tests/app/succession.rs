//! The log's keys have successors: one set signs each size, whatever stops in between, and old papers go on holding.

use std::sync::Arc;

use comity_app::person_key::PersonKey;
use comity_app::receipt::Place;
use comity_app::succession::sign_draft;
use comity_app::verify::Depth;
use comity_app::{AppError, Centre};
use comity_core::checkpoint::{CheckpointError, LogKeys, SignedCheckpoint};
use comity_core::finding::Finding;
use comity_core::package::{ReceiptOptions, ReceiptReport, check_receipt};
use comity_store::Disk;

use crate::backup::{back_up, restore};
use crate::fixture::*;
use crate::folder::Folder;

on_every_kind! {
    a_log_goes_on_with_new_keys_and_its_old_papers_hold,
    heirs_name_new_keys_when_the_old_ones_are_lost,
}

/// An age identity of a test: the same byte 32 times.
fn key(seed: u8) -> PersonKey {
    let hrp = bech32::Hrp::parse("age-secret-key-").unwrap();
    let identity = bech32::encode_upper::<bech32::Bech32>(hrp, &[seed; 32]).unwrap();
    PersonKey::read(identity.as_bytes(), &|| unreachable!()).unwrap()
}

fn published(centre: &Centre) -> Vec<u8> {
    let mut sequencer = centre.sequencer();
    sequencer.snapshot().unwrap().checkpoint
}

fn verify(note: &[u8], keys: &LogKeys) -> Result<SignedCheckpoint, CheckpointError> {
    SignedCheckpoint::parse(note)?.verify(keys)
}

/// The receipt of the first intake, made once under each name, as a reader with these keys judges it.
fn receipt(world: &World, centre: &Centre, name: &str, keys: Option<&LogKeys>) -> ReceiptReport {
    let place = world.folder.path().join(name);
    if !place.exists() {
        let no = centre
            .intake_of_name(&mut centre.session().unwrap(), "UKR-000001")
            .unwrap();
        centre
            .make_receipt(&actor(centre), no, Place::Here(&place), &|_, _| ())
            .unwrap();
    }
    let options = ReceiptOptions { keys, threads: 1 };
    check_receipt(&Folder::open(&place).unwrap(), &options)
}

fn filled(kind: Kind) -> World {
    let world = World::new(kind);
    let usb = world.place("usb");
    put(&usb, "a.txt", b"one");
    take_in(&world.open(), &request(&[&usb])).unwrap();
    world
}

fn a_log_goes_on_with_new_keys_and_its_old_papers_hold(kind: Kind) {
    let world = filled(kind);
    let centre = world.open();
    let old = (*centre.log_keys()).clone();
    let before = receipt(&world, &centre, "before", Some(&old));
    assert!(before.findings.is_empty(), "{:?}", before.findings);
    let last_of_old = published(&centre);

    let done = centre
        .succeed_log_keys(&actor(&centre), Some("a year has passed"))
        .unwrap();
    assert_eq!(
        done.what,
        format!(
            "keys succeeded at size {}, signed by the old keys",
            done.size
        )
    );
    assert_eq!(verify(&last_of_old, &old).unwrap().size(), done.size);
    let new = (*centre.log_keys()).clone();
    assert_ne!(new.vkeys(), old.vkeys());
    // The new keys sign, the old ones do not any more, and the reader of the old file hears why.
    let now = published(&centre);
    assert!(verify(&now, &new).unwrap().size() > done.size);
    assert!(verify(&now, &old).is_err());
    assert_eq!(verify(&last_of_old, &new).unwrap().size(), done.size);
    assert!(centre.keys.ring().open_key(2).is_err());
    for keys in [&old, &new] {
        for name in ["before", "after"] {
            let report = receipt(&world, &centre, name, Some(keys));
            assert!(report.findings.is_empty(), "{name}: {:?}", report.findings);
            let told = report.log.unwrap().succeeded.len();
            assert_eq!(told, usize::from(name == "after" && keys == &old));
        }
    }
    let file = std::fs::read(world.dir.join("keys")).unwrap();
    assert_eq!(LogKeys::parse(&file).unwrap(), new);
    drop(centre);
    world.assert_sound();

    // Once more, after a rebuild from the ledger alone, and in a backup.
    let centre = world.open();
    centre.succeed_log_keys(&actor(&centre), None).unwrap();
    centre.rebuild(&|_, _| ()).unwrap();
    take_in(&centre, &request(&[&world.place("usb")])).unwrap();
    let newest = (*centre.log_keys()).clone();
    assert_eq!(newest.chain().statements().len(), 2);
    for keys in [&old, &new, &newest] {
        let report = receipt(&world, &centre, "before", Some(keys));
        assert!(report.findings.is_empty(), "{:?}", report.findings);
    }
    drop(centre);
    world.assert_sound();
    let to = world.folder.path().join("backup");
    for _ in 0..2 {
        back_up(&world, &to, Disk::real()).unwrap();
    }
    let restored = restore(&world, &to);
    assert_eq!(*restored.open().log_keys(), newest);
    restored.assert_sound();
}

fn heirs_name_new_keys_when_the_old_ones_are_lost(kind: Kind) {
    let world = World::new(kind);
    let centre = world.open();
    let mut founder = actor(&centre);
    founder.key = Some(Arc::new(key(1)));
    centre.register_key(&actor(&centre), key(1)).unwrap();
    founder.registered = Some(key(1).public());
    let nobody = centre.draft_succession().unwrap_err();
    assert!(nobody.to_string().contains("no heirs"), "{nobody}");
    let act = centre
        .heirs_act(1, std::slice::from_ref(&founder.person))
        .unwrap();
    centre.name_heirs(&founder, &act).unwrap();
    let named = (*centre.log_keys()).clone();

    centre.keys.ring().destroy(&[2]).unwrap();
    drop(centre);
    // What is there can be read; nothing is signed.
    let centre = world.open();
    let refused = centre.name_heirs(&founder, &act).unwrap_err();
    assert!(matches!(refused, AppError::MustNotSign(_)), "{refused}");
    let draft = centre.draft_succession().unwrap();
    let short = centre
        .succeed_by_heirs(&founder, &draft.bytes, None)
        .unwrap_err();
    assert!(short.to_string().contains("0 heirs of the 1"), "{short}");
    let (_, by_another) = sign_draft(&draft.bytes, &founder.person, &key(9)).unwrap();
    assert!(
        centre
            .succeed_by_heirs(&founder, &by_another, None)
            .is_err()
    );
    let (_, signed) = sign_draft(&draft.bytes, &founder.person, &key(1)).unwrap();
    let done = centre
        .succeed_by_heirs(&founder, &signed, Some("burnt"))
        .unwrap();
    assert!(
        done.what
            .ends_with(&format!("by the quorum of {}", founder.person)),
        "{}",
        done.what
    );
    let after = verify(&published(&centre), &centre.log_keys()).unwrap();
    assert!(after.size() > done.size);
    assert_eq!(
        named.joined(&centre.log_keys()).as_ref(),
        Some(&*centre.log_keys())
    );
    drop(centre);
    world.assert_sound();
}

/// `ledger/successions` as it was, is not, or was made by somebody who had the keys: the events tell.
#[test]
fn statements_beside_the_ledger_are_held_against_its_events() {
    const FILE: &str = "ledger/successions";
    let world = filled(PLAIN);
    let succeed = |world: &World| {
        let centre = world.open();
        centre.succeed_log_keys(&actor(&centre), None).unwrap();
        std::fs::read(world.dir.join(FILE)).unwrap()
    };
    let first = succeed(&world);
    // Both continue the first, over the same tree.
    let other = succeed(&world.copy("elsewhere"));
    let both = succeed(&world);
    assert_eq!(both.len(), other.len());
    take_in(&world.open(), &request(&[&world.place("usb")])).unwrap();
    let longer = {
        let copy = world.copy("longer");
        succeed(&copy)
    };
    take_in(&world.open(), &request(&[&world.place("usb")])).unwrap();
    world.assert_sound();
    let table: [(&[u8], &str); 4] = [
        (&first, "it is missing"),
        (b"", "it is missing"),
        (&other, "it was altered"),
        (&longer, "it is extra"),
    ];
    for (bytes, said) in table {
        std::fs::write(world.dir.join(FILE), bytes).unwrap();
        let found = world.verify(Depth::Full).findings;
        let told = |f: &Finding| f.place == FILE && f.what.contains(said);
        assert!(found.iter().any(told), "{found:?} says nothing of {said:?}");
        std::fs::write(world.dir.join(FILE), &both).unwrap();
    }
    world.assert_sound();
}
