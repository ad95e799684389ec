//! The power fails at every durable call of an act, and the machine comes up with what was flushed, and with more or
//! less of what was not.
//!
//! The tables are as SQLite last committed them, and our own files as [`Outage`] says: so each moment before, between
//! and after the commits of the one and the flushes of the other is tried.

use std::collections::HashSet;
use std::path::Path;

use comity_app::acts::Scope;
use comity_app::intake::{Request, run};
use comity_app::search::unwatched;
use comity_app::verify::Depth;
use comity_app::{AppError, Centre};
use comity_core::digest::Digest;
use comity_store::Disk;

use crate::acts::{confirm, fill, propose};
use crate::backup::{back_up, restore};
use crate::compact::forget;
use crate::faults::delivery;
use crate::fixture::*;
use crate::outage::{Lots, Outage};
use crate::search::paths;

/// Lots beside the one by which everything is lost.
const LOTS: u64 = 2;

/// Does an act on a disk, with the evidence of the first world; tells how far it is, and may be given again.
type Run = fn(&World, &World, Disk, &(dyn Fn(u64) + Sync)) -> Result<(), AppError>;

/// An act, done to a centre that was made ready.
struct Act {
    prepare: fn() -> World,
    run: Run,
    /// What must hold whenever the power fails.
    holds: fn(&World),
}

/// What a person would compare: items that are not forgotten, and how many are.
fn shown(centre: &Centre) -> (Vec<Line>, usize) {
    let all = items(centre);
    let living: Vec<Line> = all
        .iter()
        .filter_map(|item| {
            let facts = item.facts.as_ref()?;
            let path = comity_core::shown::shown(&facts.path);
            let digest = facts.sha256.map(|d| comity_core::digest::hex(&d));
            Some(Line(item.ern.to_string(), item.state.word(), path, digest))
        })
        .collect();
    let forgotten = all.len() - living.len();
    (living, forgotten)
}

fn history(centre: &Centre) -> (u64, Digest) {
    let sequencer = centre.sequencer();
    let size = sequencer.tree.published_size();
    (size, sequencer.tree.root_at(size).unwrap())
}

/// Another folder with the same clock.
fn elsewhere(world: &World) -> World {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("centre");
    World {
        objects: dir.clone(),
        dir,
        clock: world.clock.clone(),
        folder,
    }
}

fn cut(act: &Act) {
    cut_at(act, 1);
}

/// Tries every so-manieth moment.
fn cut_at(act: &Act, step: usize) {
    let world = (act.prepare)();
    let before = shown(&world.open());
    let first = history(&world.open());
    let damaged = wrong_with(&world);
    let (outage, disk) = Outage::watch(world.folder.path());
    let told = |so_far| outage.acknowledge(so_far);
    (act.run)(&world, &world, disk, &told).unwrap();
    let moments = outage.moments();
    let expected = shown(&world.open());
    let (mut tried, mut seen) = (0, HashSet::new());
    for (at, moment) in moments.iter().enumerate().step_by(step) {
        for lot in 0..=LOTS {
            if lot > 0 && !moment.is_at_stake() {
                continue;
            }
            let found = elsewhere(&world);
            let seed = (at as u64 + 1) * lot;
            outage.restore(moment, &mut Lots::new(seed), found.folder.path());
            moved(&world, &found);
            if !seen.insert((digest_of(found.folder.path()), moment.acknowledged)) {
                continue;
            }
            tried += 1;
            let what = format!("call {at} of {}, {}, lot {lot}", moments.len(), moment.what);
            let centre = found
                .open_on(Disk::real())
                .unwrap_or_else(|e| panic!("{what}: {e}"));
            let now = shown(&centre);
            let count = now.0.len() + now.1;
            assert!(count as u64 >= moment.acknowledged, "{what}: {count} items");
            for item in &now.0 {
                let is_known = before.0.contains(item) || expected.0.contains(item);
                assert!(is_known, "{what}: {item:?}");
            }
            assert!(now.1 >= before.1, "{what}: what was forgotten is back");
            let (size, root) = first;
            let kept = centre.sequencer().tree.root_at(size).unwrap();
            assert_eq!(kept, root, "{what}: another history");
            drop(centre);
            (act.holds)(&found);
            // What an act is to mend may still be damaged, and nothing else is.
            let wrong = wrong_with(&found);
            assert!(wrong.is_subset(&damaged), "{what}: {wrong:?}");
            (act.run)(&found, &world, Disk::real(), &|_| ())
                .unwrap_or_else(|e| panic!("{what}: {e}"));
            assert_eq!(shown(&found.open()), expected, "{what}");
            if !damaged.is_empty() {
                assert_eq!(wrong_with(&found), HashSet::new(), "{what}");
            }
            if tried % 5 == 0 {
                found.assert_sound();
            }
        }
    }
    println!("{tried} folders of {} moments", moments.len());
    assert!(tried > moments.len() / step / 2, "{tried}");
}

/// What is wrong with a centre and its mirror, wherever they lie.
fn wrong_with(world: &World) -> HashSet<String> {
    let folder = world.folder.path().to_str().unwrap();
    let findings = world.verify(Depth::Full).findings;
    findings
        .iter()
        .map(|f| f.to_string().replace(folder, ""))
        .collect()
}

/// A mirror beside the centre has moved with it.
fn moved(from: &World, to: &World) {
    let file = to.dir.join("centre.json");
    if let Ok(text) = std::fs::read_to_string(&file) {
        let path = |world: &World| world.folder.path().to_str().unwrap().to_owned();
        std::fs::write(&file, text.replace(&path(from), &path(to))).unwrap();
    }
}

/// Of all files below a folder.
fn digest_of(folder: &Path) -> Digest {
    let mut all = Vec::new();
    for (name, bytes) in files(folder) {
        all.extend_from_slice(name.as_bytes());
        all.push(0);
        all.extend_from_slice(Digest::of(&bytes).as_bytes());
    }
    Digest::of(&all)
}

fn with_items() -> World {
    let world = World::new(PLAIN);
    let request = delivery(&world);
    take_in(&world.open(), &request).unwrap();
    world
}

/// Takes in what was handed over, on a disk, and tells how much of it was met.
fn hand_over(
    world: &World,
    request: &Request,
    disk: Disk,
    told: &(dyn Fn(u64) + Sync),
) -> Result<(), AppError> {
    let centre = world.open_on(disk)?;
    run(&centre, &actor(&centre), request, &|p| told(p.tally.met())).map(drop)
}

#[test]
fn in_an_intake() {
    cut(&Act {
        prepare: || {
            let world = World::new(PLAIN);
            delivery(&world);
            world
        },
        run: |world, first, disk, told| hand_over(world, &delivery(first), disk, told),
        holds: |_| (),
    });
}

fn many_files(world: &World) -> Request {
    let request = delivery(world);
    for n in 0..520 {
        let text = format!("the {n}th");
        put(&world.place("usb"), format!("{n:03}"), text.as_bytes());
    }
    request
}

/// The bundles of a large group are on the disk before the group is numbered. `POWER_STEP=1` tries every moment.
#[test]
fn in_an_intake_of_a_large_group() {
    let step = std::env::var("POWER_STEP").map_or(13, |step| step.parse().unwrap());
    let act = Act {
        prepare: || {
            let world = World::new(PLAIN);
            many_files(&world);
            world
        },
        run: |world, first, disk, told| hand_over(world, &many_files(first), disk, told),
        holds: |_| (),
    };
    cut_at(&act, step);
}

/// Bundles are put ahead where nobody else may write meanwhile, and no other store must do without them.
#[test]
fn a_large_group_goes_ahead_only_without_a_server_and_without_a_mirror() {
    let on_postgres = World::on(Some(comity_rig::postgres()), None);
    for (world, goes_ahead) in [
        (World::new(PLAIN), true),
        (on_postgres, false),
        (with_mirror(), false),
    ] {
        take_in(&world.open(), &many_files(&world)).unwrap();
        let is_allowed = world.dir.join("ledger/ahead").exists();
        assert_eq!(is_allowed, goes_ahead);
        world.assert_sound();
    }
}

fn with_mirror() -> World {
    World::mirrored(None, None, Some("mirror".to_owned()))
}

/// What the first store has lies in the mirror, and nothing waits.
fn both_hold_the_same(world: &World) {
    let mirror = world.folder.path().join("mirror");
    let lacking = crate::mirror::packs(&world.dir)
        .into_iter()
        .find(|pack| !crate::mirror::packs(&mirror).contains(pack));
    assert!(lacking.is_none(), "{:?}", lacking.map(|(name, _)| name));
    assert!(!world.dir.join("mirror.json").exists());
}

#[test]
fn in_an_intake_with_a_mirror() {
    cut(&Act {
        prepare: || {
            let world = with_mirror();
            delivery(&world);
            world
        },
        run: |world, first, disk, told| hand_over(world, &delivery(first), disk, told),
        holds: both_hold_the_same,
    });
}

#[test]
fn in_a_compaction_with_a_mirror() {
    cut(&Act {
        prepare: || {
            let world = with_mirror();
            let request = delivery(&world);
            take_in(&world.open(), &request).unwrap();
            let centre = world.open();
            let dead = ["usb/b.txt", "usb/large"].map(|path| item_at(&centre, path));
            forget(&centre, &dead);
            centre.rebuild(&|_, _| ()).unwrap();
            drop(centre);
            world
        },
        run: |world, _, disk, _| {
            let centre = world.open_on(disk)?;
            centre.compact(&actor(&centre)).map(drop)
        },
        holds: both_hold_the_same,
    });
}

#[test]
fn while_a_mirror_catches_up() {
    cut(&Act {
        prepare: || {
            let world = with_mirror();
            let beside = |name: &str| world.folder.path().join(name);
            let (mirror, aside) = (beside("mirror"), beside("aside"));
            std::fs::rename(&mirror, &aside).unwrap();
            let request = delivery(&world);
            take_in(&world.open(), &request).unwrap();
            std::fs::rename(&aside, &mirror).unwrap();
            world
        },
        run: |world, _, disk, _| world.open_on(disk).map(drop),
        holds: both_hold_the_same,
    });
}

#[test]
fn in_a_change_of_keys() {
    cut(&Act {
        prepare: with_items,
        run: |world, _, disk, _| {
            let centre = world.open_on(disk)?;
            let member = "UKR".parse().unwrap();
            centre
                .rotate_keys(&actor(&centre), Some(&member), None)
                .map(drop)
        },
        holds: |_| (),
    });
}

/// One of two items with the same bytes is to be erased, and the second person has not confirmed it yet.
fn proposed(world: World) -> World {
    fill(&world);
    let centre = world.open();
    let item = item_at(&centre, "usb/a/statement.txt");
    propose(&centre, &[&item], Scope::These);
    drop(centre);
    world
}

fn confirmed(world: &World, disk: Disk, told: &dyn Fn(u64)) -> Result<(), AppError> {
    let centre = world.open_on(disk)?;
    match confirm(&centre, "P0001") {
        Err(AppError::Refused(why)) if why.contains("confirmed already") => Ok(()),
        done => done.map(|_| told(3)),
    }
}

/// Whoever is told that it is forgotten is told the truth.
fn is_forgotten(world: &World) {
    let centre = world.open();
    let sql = "SELECT count(*) FROM erasures WHERE completed = 0";
    assert_eq!(number(&centre, sql), 0);
    for item in items(&centre).iter().filter(|i| i.erased.is_some()) {
        let sql = format!("SELECT content_key FROM chains WHERE no = {}", item.no);
        let key = number(&centre, &sql) as u64;
        assert!(centre.keys.item(key).unwrap().is_none(), "{}", item.ern);
    }
}

#[test]
fn in_an_erasure() {
    cut(&Act {
        prepare: || proposed(World::new(PLAIN)),
        run: |world, _, disk, told| confirmed(world, disk, told),
        holds: is_forgotten,
    });
}

#[test]
fn in_an_erasure_with_a_mirror() {
    cut(&Act {
        prepare: || proposed(with_mirror()),
        run: |world, _, disk, told| confirmed(world, disk, told),
        holds: |world| {
            is_forgotten(world);
            both_hold_the_same(world);
            // The mirror knows of the erasure as well: alone, with the keyring, it tells of it and opens nothing more.
            let centre = world.open();
            let size = centre.sequencer().tree.published_size();
            let mirror = centre.mirror.as_ref().unwrap().objects().clone();
            let there = comity_ledger::Tree::open_read_only(mirror).unwrap();
            assert_eq!(there.published_size(), size);
        },
    });
}

/// A pack is cut in the first store, and another one has a changed byte in the mirror.
#[test]
fn in_a_repair_from_the_mirror_and_to_it() {
    cut(&Act {
        prepare: || {
            let world = with_mirror();
            let request = delivery(&world);
            take_in(&world.open(), &request).unwrap();
            let mut packs = crate::mirror::packs(&world.dir);
            packs.sort_by_key(|(_, bytes)| bytes.len());
            let [(small, bytes), .., (large, of_large)] = packs.as_slice() else {
                panic!("fewer than two packs");
            };
            let mut flipped = bytes.clone();
            flipped[70] ^= 1;
            let mirror = world.folder.path().join("mirror");
            std::fs::write(mirror.join(small), flipped).unwrap();
            std::fs::write(world.dir.join(large), &of_large[..of_large.len() / 2]).unwrap();
            world
        },
        run: |world, _, disk, _| {
            let centre = world.open_on(disk)?;
            let done = centre.repair_both_ways(&actor(&centre), true)?;
            assert_eq!(done.findings, []);
            drop(centre);
            both_hold_the_same(world);
            Ok(())
        },
        holds: |_| (),
    });
}

#[test]
fn in_a_compaction() {
    cut(&Act {
        prepare: || {
            let world = with_items();
            let centre = world.open();
            let dead = ["usb/b.txt", "usb/large"].map(|path| item_at(&centre, path));
            forget(&centre, &dead);
            centre.rebuild(&|_, _| ()).unwrap();
            drop(centre);
            world
        },
        run: |world, _, disk, _| {
            let centre = world.open_on(disk)?;
            centre.compact(&actor(&centre)).map(drop)
        },
        holds: |world| {
            let centre = world.open();
            assert_eq!(bytes_of(&centre, &item_at(&centre, "usb/a.txt")), b"one");
        },
    });
}

#[test]
fn in_a_backup() {
    cut(&Act {
        prepare: || {
            let world = with_items();
            back_up(&world, &world.folder.path().join("backup"), Disk::real()).unwrap();
            let more = world.place("more");
            put(&more, "later.txt", b"later");
            take_in(&world.open(), &request(&[&more])).unwrap();
            world
        },
        run: |world, _, disk, _| {
            back_up(world, &world.folder.path().join("backup"), disk).map(drop)
        },
        // The older backup, or the new one, opens on a machine that has nothing else.
        holds: |world| {
            let restored = restore(world, &world.folder.path().join("backup"));
            assert!(items(&restored.open()).len() >= 4);
            restored.assert_sound();
        },
    });
}

/// What a search finds of the first delivery and of the second.
fn finds_everything(world: &World) {
    let centre = world.open();
    assert_eq!(centre.make_searchable(&unwatched).unwrap(), [""; 0]);
    assert_eq!(paths(&centre, "source:harbour").len(), items(&centre).len());
    assert_eq!(paths(&centre, "later"), ["more/later.txt"]);
}

/// Files of an index are flushed when a list of them is to name them, and not before: an index that the power cut off
/// goes on from the former list or the new one, is never damaged, and never answers with less.
#[test]
fn in_a_search_that_follows_an_intake() {
    cut(&Act {
        prepare: || {
            let world = with_items();
            paths(&world.open(), "source:harbour");
            let more = world.place("more");
            put(&more, "later.txt", b"later");
            take_in(&world.open(), &request(&[&more])).unwrap();
            world
        },
        run: |world, _, disk, _| {
            let centre = world.open_on(disk)?;
            assert_eq!(paths(&centre, "later"), ["more/later.txt"]);
            Ok(())
        },
        holds: finds_everything,
    });
}
