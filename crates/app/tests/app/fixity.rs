//! Fixity: the vault read a part a run, what is damaged set apart and named, and mended from a backup.

use std::fs;

use comity_app::AppError;
use comity_app::fixity::Pace;
use comity_app::verify::Depth;
use comity_core::digest::Digest;
use comity_core::finding::Finding;
use comity_store::Disk;
use comity_vault::PackId;

use crate::backup::back_up;
use crate::fixture::*;

on_every_kind! {
    what_is_damaged_is_set_apart_and_mended_from_a_backup,
}

/// Three items in one pack, and two with a pack each.
fn delivery(world: &World) {
    let usb = world.place("usb");
    for n in 0..3 {
        put(
            &usb,
            format!("{n}.txt"),
            format!("statement {n}").as_bytes(),
        );
    }
    put(&usb, "large-1", &noise(7, 5 << 20));
    put(&usb, "large-2", &noise(8, 5 << 20));
    take_in(&world.open(), &request(&[&usb])).unwrap();
}

fn pack_of(world: &World, path: &str) -> (PackId, usize) {
    let centre = world.open();
    let item = item_at(&centre, path);
    let mut session = centre.session().unwrap();
    let sql = "SELECT pack, at FROM objects WHERE no = ?";
    let row = session.query_one(sql, &[item.no.into()]).unwrap().unwrap();
    (PackId(row.array(0).unwrap()), row.int(1).unwrap() as usize)
}

/// Changes one byte of a pack, in a folder or behind the server.
fn flip(world: &World, pack: PackId, at: usize) {
    let centre = world.open();
    let mut bytes = centre.objects.get(&pack.name()).unwrap().unwrap();
    bytes[at] ^= 1;
    centre.objects.put(&pack.name(), &bytes).unwrap();
}

fn what_is_damaged_is_set_apart_and_mended_from_a_backup(kind: Kind) {
    let world = World::new(kind);
    delivery(&world);
    let to = world.folder.path().join("backup");
    back_up(&world, &to, Disk::real()).unwrap();
    let clean = |world: &World| {
        let centre = world.open();
        let run = centre.check_fixity(&actor(&centre), Pace::default(), &|_, _| ());
        run.unwrap()
    };
    let run = clean(&world);
    // How many packs three small files fill depends on how fast they were read.
    let packs = world.open().vault.packs().unwrap().len() as u64;
    assert!(packs >= 3);
    assert_eq!((run.packs, run.failures.len()), (packs, 0));
    let held: u64 = world
        .open()
        .vault
        .packs()
        .unwrap()
        .iter()
        .map(|p| p.size)
        .sum();
    assert!(run.bytes > 10 << 20 && run.bytes < held);

    let (small, at) = pack_of(&world, "usb/1.txt");
    flip(&world, small, at + 70);
    let (large, _) = pack_of(&world, "usb/large-2");
    world.open().objects.delete(&large.name()).unwrap();
    let run = clean(&world);
    let mut named: Vec<String> = run
        .failures
        .iter()
        .filter_map(|f| Some(f.ern?.to_string()))
        .collect();
    named.sort();
    let centre = world.open();
    let (damaged, lost) = (
        item_at(&centre, "usb/1.txt"),
        item_at(&centre, "usb/large-2"),
    );
    assert_eq!(named, [damaged.ern.to_string(), lost.ern.to_string()]);
    assert_eq!(run.quarantined, 2);
    let apart: Vec<bool> = items(&centre).iter().map(|i| i.quarantined).collect();
    assert_eq!(apart, [false, true, false, false, true]);
    // It is refused, and nothing is recorded as read.
    let mut session = centre.session().unwrap();
    let refused = centre.open_item(
        &mut session,
        &actor(&centre),
        damaged.clone(),
        "a test",
        None,
    );
    assert!(refused.err().unwrap().to_string().contains("in quarantine"));
    assert_eq!(kinds(&centre, &damaged), ["received", "quarantined"]);
    // Another run sees it again and does not set it apart a second time.
    let run = clean(&world);
    assert_eq!((run.failures.len(), run.quarantined), (2, 0));
    let done = centre.repair(&actor(&centre), &to).unwrap();
    assert_eq!((done.packs, done.items, done.findings.len()), (2, 2, 0));
    let centre = world.open();
    assert!(items(&centre).iter().all(|i| !i.quarantined));
    assert_eq!(
        kinds(&centre, &damaged),
        ["received", "quarantined", "repaired"]
    );
    assert_eq!(
        bytes_of(&centre, &item_at(&centre, "usb/1.txt")),
        b"statement 1"
    );
    drop(centre);
    world.assert_sound();
    assert_eq!(clean(&world).failures.len(), 0);
}

#[test]
fn a_run_goes_on_where_the_last_one_stopped_and_is_on_record() {
    let world = World::new(PLAIN);
    delivery(&world);
    let centre = world.open();
    let pace = Pace {
        bytes_per_sec: None,
        seconds: Some(0),
    };
    let mut seen = Vec::new();
    // How many packs three small files fill depends on how fast they were read.
    let count = centre.vault.packs().unwrap().len();
    for _ in 0..=count {
        let run = centre
            .check_fixity(&actor(&centre), pace, &|_, _| ())
            .unwrap();
        assert_eq!(run.packs, 1);
        let event = centre.read_event(run.leaf).unwrap();
        assert_eq!(event.text("from").map(str::to_owned), seen.last().cloned());
        seen.push(event.text("to").unwrap().to_owned());
    }
    let mut packs: Vec<String> = seen[..count].to_vec();
    packs.sort();
    packs.dedup();
    assert_eq!(packs.len(), count);
    assert_eq!(seen[count], seen[0]);
    // Of tables made anew it goes on at the same place.
    centre.rebuild(&|_, _| ()).unwrap();
    let run = world
        .open()
        .check_fixity(&actor(&centre), pace, &|_, _| ())
        .unwrap();
    assert_eq!(run.to.unwrap().to_string(), seen[1]);
    drop(centre);
    world.assert_sound();
}

#[test]
fn only_what_the_ledger_names_is_put_in_place() {
    let world = World::new(PLAIN);
    delivery(&world);
    let to = world.folder.path().join("backup");
    back_up(&world, &to, Disk::real()).unwrap();
    let (pack, _) = pack_of(&world, "usb/large-1");
    let copy = to.join("centre").join(pack.name());
    let good = fs::read(&copy).unwrap();
    // The backup's pack is whole in itself and holds other bytes: the digests beside them were made anew.
    let (mut forged, index) = (good.clone(), good.len() - 128);
    forged[100] ^= 1;
    let digest = Digest::of(&forged[64..index]);
    forged[index + 32..index + 64].copy_from_slice(&digest.0);
    let covered = [&forged[..64], &forged[index..index + 64 + 32]].concat();
    let digest = Digest::of(&covered);
    forged[index + 96..].copy_from_slice(&digest.0);
    fs::write(&copy, &forged).unwrap();
    flip(&world, pack, 200);
    let before = fs::read(world.dir.join(pack.name())).unwrap();
    let centre = world.open();
    centre
        .check_fixity(&actor(&centre), Pace::default(), &|_, _| ())
        .unwrap();
    let done = centre.repair(&actor(&centre), &to).unwrap();
    assert_eq!((done.packs, done.leaf), (0, None));
    assert!(
        done.findings[0]
            .what
            .contains("does not hold the sealed bytes"),
        "{:?}",
        done.findings
    );
    assert_eq!(fs::read(world.dir.join(pack.name())).unwrap(), before);
    // A damaged one neither.
    forged[100] ^= 2;
    fs::write(&copy, &forged).unwrap();
    assert_eq!(centre.repair(&actor(&centre), &to).unwrap().packs, 0);
    assert_eq!(fs::read(world.dir.join(pack.name())).unwrap(), before);
    fs::write(&copy, &good).unwrap();
    assert_eq!(centre.repair(&actor(&centre), &to).unwrap().items, 1);
    let nowhere = centre.repair(&actor(&centre), world.folder.path());
    assert!(matches!(nowhere, Err(AppError::Usage(_))));
    drop(centre);
    assert_eq!(world.verify(Depth::Full).findings, Vec::<Finding>::new());
}
