//! The space of what was forgotten is given back, and nothing else goes.

use std::fs;

use comity_app::item::Item;
use comity_app::{AppError, Centre};
use comity_core::digest::hex;
use comity_store::Disk;

use crate::faults::{Script, TABLE};
use crate::fixture::*;

on_every_kind! {
    dead_objects_go_and_the_others_stay,
    whatever_interrupts_it_every_living_object_stays,
}

/// Destroys the key of items, as an erasure does.
pub fn forget(centre: &Centre, items: &[Item]) {
    let key = |item: &Item| {
        let sql = format!("SELECT content_key FROM chains WHERE no = {}", item.no);
        number(centre, &sql) as u64
    };
    let keys: Vec<u64> = items.iter().map(key).collect();
    centre.keys.ring().destroy(&keys).unwrap();
}

fn delivery(world: &World) {
    let usb = world.place("usb");
    for n in 0..6 {
        put(
            &usb,
            format!("{n}.txt"),
            format!("statement {n}").as_bytes(),
        );
    }
    put(&usb, "large", &noise(7, 5 << 20));
    put(&usb, "twice-1", b"the same bytes");
    put(&usb, "twice-2", b"the same bytes");
    take_in(&world.open(), &request(&[&usb])).unwrap();
}

/// Shown path and digest of every item that is not forgotten.
fn living(centre: &Centre) -> Vec<(String, String)> {
    let facts = items(centre).into_iter().filter_map(|item| {
        let facts = item.facts.as_ref()?;
        let path = comity_core::shown::shown(&facts.path);
        assert_eq!(sha256(&bytes_of(centre, &item)), hex(&facts.sha256?));
        Some((path, hex(&facts.sha256?)))
    });
    facts.collect()
}

fn vault_bytes(centre: &Centre) -> u64 {
    centre.vault.packs().unwrap().iter().map(|p| p.size).sum()
}

fn dead_objects_go_and_the_others_stay(kind: Kind) {
    let world = World::new(kind);
    delivery(&world);
    let centre = world.open();
    let dead = ["usb/2.txt", "usb/large", "usb/twice-1"].map(|p| item_at(&centre, p));
    let nothing = centre.compact(&actor(&centre)).unwrap();
    assert_eq!((nothing.leaf, nothing.left.len()), (None, 0));
    let (before, held) = (vault_bytes(&centre), objects(&centre).len());
    let size = log_size(&centre);
    forget(&centre, &dead);
    let expected = living(&centre);
    assert_eq!(expected.len(), 6);

    let done = centre.compact(&actor(&centre)).unwrap();
    // The bytes that two items share are alive in the other one.
    assert_eq!(done.objects_removed, 2);
    assert_eq!((done.packs_removed, done.packs_made), (2, 1));
    assert_eq!(objects(&centre).len(), held - 2);
    assert_eq!(vault_bytes(&centre), before - done.bytes_freed);
    assert!(done.bytes_freed > 5 << 20);
    assert!(log_size(&centre) > size);
    let event = centre.read_event(done.leaf.unwrap()).unwrap();
    assert_eq!(
        event.value("removed").unwrap().as_array().map(Vec::len),
        Some(2)
    );
    assert_eq!(living(&centre), expected);
    assert_eq!(centre.compact(&actor(&centre)).unwrap().leaf, None);

    // The tables made anew show the same places.
    centre.rebuild(&|_, _| ()).unwrap();
    assert_eq!(living(&world.open()), expected);
    drop(centre);
    world.assert_sound();

    // And once more, of tables in which the dead have no rows.
    let centre = world.open();
    forget(&centre, &[item_at(&centre, "usb/twice-2")]);
    centre.rebuild(&|_, _| ()).unwrap();
    let expected = living(&centre);
    let done = centre.compact(&actor(&centre)).unwrap();
    assert_eq!((done.objects_removed, done.packs_made), (1, 1));
    assert_eq!(living(&centre), expected);
    drop(centre);
    world.assert_sound();
}

fn whatever_interrupts_it_every_living_object_stays(kind: Kind) {
    let plain = !kind.s3 && !kind.postgres;
    let template = World::new(kind);
    let prepare = |world: &World| {
        delivery(world);
        let centre = world.open();
        forget(
            &centre,
            &["usb/2.txt", "usb/large"].map(|p| item_at(&centre, p)),
        );
        centre.rebuild(&|_, _| ()).unwrap();
    };
    prepare(&template);
    let expected = living(&template.open());
    for name in [
        "stored and reported as failed",
        "a flush fails",
        "a rename fails",
    ] {
        let row = TABLE.iter().find(|row| row.name() == name).unwrap();
        let mut struck = 0;
        let step = match name {
            _ if !plain => every(13),
            "a flush fails" => every(3),
            _ => 1,
        };
        for nth in (0..).step_by(step) {
            let world = if plain {
                template.copy(&format!("{}-{nth}", name.len()))
            } else {
                let world = World::new(kind);
                prepare(&world);
                world
            };
            let (script, disk) = Script::disk(Some((row, nth)));
            let ended = world.open_on(disk).and_then(|centre| {
                let actor = actor(&centre);
                centre.compact(&actor)
            });
            let Some(what) = script.what() else { break };
            struck += 1;
            if plain && nth % 3 == 0 {
                // The tables are lost at that moment too.
                let lost = world.copy(&format!("lost-{}-{nth}", name.len()));
                for suffix in ["", "-wal", "-shm"] {
                    let _ = fs::remove_file(lost.dir.join(format!("state.db{suffix}")));
                }
                drop(lost.open());
                lost.assert_sound();
                assert_eq!(living(&lost.open()), expected, "{what}");
                lost.open().compact(&actor(&lost.open())).unwrap();
                assert_eq!(objects(&lost.open()).len(), 6, "{what}");
                lost.assert_sound();
            }
            let centre = world.open();
            assert_eq!(living(&centre), expected, "{what}");
            drop(centre);
            world.assert_sound();
            if ended.is_err() {
                let centre = world.open();
                centre
                    .compact(&actor(&centre))
                    .unwrap_or_else(|e| panic!("{what}: {e}"));
            }
            let centre = world.open();
            assert_eq!(objects(&centre).len(), 6, "{what}");
            assert_eq!(living(&centre), expected, "{what}");
            drop(centre);
            world.assert_sound();
            fs::remove_dir_all(&world.dir).unwrap();
        }
        assert!(struck > 1 || !plain, "{name}: {struck}");
    }
}

#[test]
fn what_cannot_be_told_dead_stays() {
    let world = World::new(PLAIN);
    delivery(&world);
    let centre = world.open();
    let mut session = centre.session().unwrap();
    // As if one item of the member did not open, its key being there.
    let closed = item_at(&centre, "usb/4.txt");
    let sql = "UPDATE items SET object = NULL WHERE no = ?";
    session.execute(sql, &[closed.no.into()]).unwrap();
    forget(&centre, &[item_at(&centre, "usb/large")]);
    let before = files(&world.dir.join("vault"));
    let done = centre.compact(&actor(&centre)).unwrap();
    assert_eq!((done.leaf, done.left.len()), (None, 2), "{:?}", done.left);
    assert_eq!(files(&world.dir.join("vault")), before);
}

#[test]
fn a_damaged_pack_and_a_vault_in_use_stay() {
    let world = World::new(PLAIN);
    delivery(&world);
    let centre = world.open();
    forget(&centre, &[item_at(&centre, "usb/2.txt")]);
    let mut session = centre.session().unwrap();
    let item = item_at(&centre, "usb/1.txt");
    let opening = centre
        .open_item(&mut session, &actor(&centre), item.clone(), "a test", None)
        .unwrap();
    let e = centre.compact(&actor(&centre)).unwrap_err();
    assert!(matches!(e, AppError::Refused(_)), "{e}");
    drop(opening);

    let sql = "SELECT o.pack, o.at FROM items i JOIN objects o ON o.no = i.object WHERE i.no = ?";
    let row = session.query_one(sql, &[item.no.into()]).unwrap().unwrap();
    let name = comity_vault::PackId(row.array(0).unwrap()).name();
    let mut bytes = fs::read(world.dir.join(&name)).unwrap();
    bytes[row.int(1).unwrap() as usize + 70] ^= 1;
    fs::write(world.dir.join(&name), bytes).unwrap();
    let before = files(&world.dir.join("vault"));
    let done = centre.compact(&actor(&centre)).unwrap();
    assert_eq!(done.leaf, None);
    assert_eq!(done.left.len(), 1);
    assert_eq!(done.left[0].place, name);
    assert_eq!(files(&world.dir.join("vault")), before);
    assert!(world.open_on(Disk::real()).is_ok());
}
