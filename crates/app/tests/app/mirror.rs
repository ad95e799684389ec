//! Evidence in two places: written to both, named and mended where one of them lacks it, and neither trusted blindly.

use std::fs;
use std::path::{Path, PathBuf};

use comity_app::mirror::go_on_from;
use comity_app::verify::{Depth, Report};
use comity_app::{AppError, Centre};
use comity_store::Disk;
use comity_vault::{PackId, Vault};
use tempfile::TempDir;

use crate::acts::{erase, fill};
use crate::backup::{back_up, restore};
use crate::compact::forget;
use crate::fixture::*;

/// Which of the two stores are on S3: the first, the mirror.
#[derive(Clone, Copy, Debug)]
pub struct Two {
    pub first: bool,
    pub mirror: bool,
}

pub const FOLDERS: Two = Two {
    first: false,
    mirror: false,
};

/// Makes one test of each pair of stores.
macro_rules! on_every_pair {
    ($($name:ident),* $(,)?) => {
        mod folder_and_folder {
            $(#[test] fn $name() { super::$name(super::FOLDERS); })*
        }
        mod folder_with_mirror_on_s3 {
            $(#[test] fn $name() {
                if crate::fixture::has_s3() {
                    super::$name(super::Two { first: false, mirror: true });
                }
            })*
        }
        mod both_on_s3 {
            $(#[test] fn $name() {
                if crate::fixture::has_s3() {
                    super::$name(super::Two { first: true, mirror: true });
                }
            })*
        }
    };
}

on_every_pair! {
    what_is_taken_in_lies_in_both_stores_and_what_one_lost_is_named_and_mended,
    damage_in_either_store_is_named_read_around_and_mended_from_the_other,
    a_mirror_that_is_away_stops_nobody_and_catches_up,
    an_erasure_is_incomplete_in_a_mirror_that_is_away_until_it_is_reached,
    an_older_copy_in_place_of_the_mirror_is_told_and_brought_up_to_date,
    either_store_alone_opens_the_centre,
    a_mirror_whose_keeper_alters_a_pack_is_named_and_never_a_source,
}

/// A centre with a mirror, and where the mirror's objects lie as files.
pub struct Twins {
    pub world: World,
    pub place: String,
    pub files: PathBuf,
    /// Where the mirror is a folder, it goes with this.
    pub _folder: TempDir,
}

impl Twins {
    pub fn new(two: Two) -> Twins {
        let folder = tempfile::tempdir().unwrap();
        let (place, files) = match two.mirror {
            true => {
                let s3 = comity_rig::s3();
                (s3.url, s3.folder)
            }
            false => {
                let path = folder.path().join("mirror");
                (path.to_str().unwrap().to_owned(), path)
            }
        };
        let first = two.first.then(comity_rig::s3);
        Twins {
            world: World::mirrored(None, first, Some(place.clone())),
            place,
            files,
            _folder: folder,
        }
    }

    /// The mirror out of reach, as a disk that is not mounted or an empty bucket.
    pub fn away(&self) {
        fs::rename(&self.files, self.aside()).unwrap();
        if self.place.starts_with("s3://") {
            fs::create_dir(&self.files).unwrap();
        }
    }

    pub fn back(&self) {
        let _ = fs::remove_dir_all(&self.files);
        fs::rename(self.aside(), &self.files).unwrap();
        // Nobody waits for a minute in a test.
        self.world.clock.pass(61_000_000);
    }

    fn aside(&self) -> PathBuf {
        self.files.with_extension("aside")
    }

    /// All is well in both stores, at every depth, and no word is said of the mirror.
    pub fn assert_whole(&self) {
        for depth in [Depth::Sealed, Depth::Middle, Depth::Full] {
            assert_eq!(told(&self.world.verify(depth)), Vec::<String>::new());
        }
        assert_eq!(packs(&self.world.objects), packs(&self.files));
        let centre = self.world.open();
        assert_eq!(centre.recovered, Vec::<String>::new());
        assert!(centre.mirror_status().unwrap().unwrap().note.is_none());
    }
}

/// The packs below a folder, with their bytes. Temporary files of a store are none.
pub fn packs(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = files(folder);
    all.retain(|(name, _)| name.starts_with("vault/"));
    all
}

pub fn told(report: &Report) -> Vec<String> {
    report.findings.iter().map(ToString::to_string).collect()
}

/// Three small items in a pack or more, and a large one in a pack of its own.
pub fn delivery(world: &World) -> PathBuf {
    let usb = world.place("usb");
    for n in 0..3 {
        put(
            &usb,
            format!("{n}.txt"),
            format!("statement {n}").as_bytes(),
        );
    }
    put(&usb, "large", &noise(7, 5 << 20));
    usb
}

fn deliver(world: &World) {
    take_in(&world.open(), &request(&[&delivery(world)])).unwrap();
}

fn pack_of(centre: &Centre, path: &str) -> (PackId, usize) {
    let item = item_at(centre, path);
    let sql = "SELECT pack, at FROM objects WHERE no = ?";
    let mut session = centre.session().unwrap();
    let row = session.query_one(sql, &[item.object.unwrap().into()]);
    let row = row.unwrap().unwrap();
    (PackId(row.array(0).unwrap()), row.int(1).unwrap() as usize)
}

fn what_is_taken_in_lies_in_both_stores_and_what_one_lost_is_named_and_mended(two: Two) {
    let twins = Twins::new(two);
    deliver(&twins.world);
    twins.assert_whole();
    let (lost, _) = pack_of(&twins.world.open(), "usb/large");
    fs::remove_file(twins.files.join(lost.name())).unwrap();
    for depth in [Depth::Sealed, Depth::Middle, Depth::Full] {
        let told = told(&twins.world.verify(depth));
        assert!(!told.is_empty());
        for line in &told {
            let mirror = format!("mirror {}: {}", twins.place, lost.name());
            assert!(line.starts_with(&mirror), "{line}");
        }
    }
    let centre = twins.world.open();
    let done = centre.repair_both_ways(&actor(&centre), false).unwrap();
    assert_eq!((done.packs, done.mirror_packs, done.items), (0, 1, 0));
    assert_eq!(done.findings, []);
    let event = centre.read_event(done.leaf.unwrap()).unwrap();
    assert_eq!(event.text("place"), Some(twins.place.as_str()));
    assert_eq!(event.value("mirror_packs").unwrap()[0], lost.to_string());
    drop(centre);
    twins.assert_whole();
    let centre = twins.world.open();
    let nothing = centre.repair_both_ways(&actor(&centre), true).unwrap();
    assert_eq!(nothing.leaf, None);
}

/// What is done to a pack of which an object lies at byte `at`.
type Harm = (&'static str, fn(&Path, usize));

const HARMS: [Harm; 4] = [
    ("deleted", |path, _| fs::remove_file(path).unwrap()),
    ("cut", |path, _| {
        let bytes = fs::read(path).unwrap();
        fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    }),
    ("flipped", |path, at| {
        let mut bytes = fs::read(path).unwrap();
        bytes[at + 70] ^= 1;
        fs::write(path, bytes).unwrap();
    }),
    ("another", |path, _| {
        let folder = path.parent().unwrap().parent().unwrap();
        let mut all = files(folder);
        all.retain(|(name, _)| !path.ends_with(name));
        fs::write(path, &all[0].1).unwrap();
    }),
];

fn damage_in_either_store_is_named_read_around_and_mended_from_the_other(two: Two) {
    let twins = Twins::new(two);
    deliver(&twins.world);
    let (pack, at) = pack_of(&twins.world.open(), "usb/large");
    let name = pack.name();
    let whole = packs(&twins.files);
    for (what, harm) in HARMS {
        for in_mirror in [false, true] {
            let folder = if in_mirror {
                &twins.files
            } else {
                &twins.world.objects
            };
            harm(&folder.join(&name), at);
            let told = told(&twins.world.verify(Depth::Full));
            assert!(!told.is_empty(), "{what}");
            for line in &told {
                assert_eq!(line.starts_with("mirror "), in_mirror, "{what}: {line}");
            }
            let centre = twins.world.open();
            let item = item_at(&centre, "usb/large");
            assert_eq!(bytes_of(&centre, &item), noise(7, 5 << 20), "{what}");
            let read = centre.read_from_mirror();
            assert_eq!(read.is_empty(), in_mirror, "{what}: {read:?}");
            if !in_mirror {
                assert_eq!(read[0].place, name);
                assert!(read[0].what.contains(&twins.place), "{}", read[0].what);
            }
            // By schedule, an item whose first copy is bad is set apart, and one whose mirror is bad is not.
            let run = centre.check_fixity(&actor(&centre), Default::default(), &|_, _| ());
            let run = run.unwrap();
            assert_eq!(run.failures.len(), 1, "{what}: {:?}", run.failures);
            assert_eq!(run.quarantined, u64::from(!in_mirror), "{what}");
            assert_eq!(run.failures[0].pack.starts_with("mirror "), in_mirror);
            let done = centre.repair_both_ways(&actor(&centre), true).unwrap();
            assert_eq!(done.findings, [], "{what}");
            assert_eq!(
                (done.packs, done.mirror_packs, done.items),
                if in_mirror { (0, 1, 0) } else { (1, 0, 1) },
                "{what}"
            );
            drop(centre);
            assert_eq!(packs(&twins.world.objects), whole, "{what}");
            twins.assert_whole();
        }
    }
    // Both: told with both places, and nothing is put anywhere.
    for folder in [&twins.files, &twins.world.objects] {
        HARMS[2].1(&folder.join(&name), at);
    }
    let (here, there) = (packs(&twins.world.objects), packs(&twins.files));
    let centre = twins.world.open();
    let done = centre.repair_both_ways(&actor(&centre), true).unwrap();
    assert_eq!(done.findings.len(), 1);
    assert!(done.findings[0].what.contains("first store"));
    assert!(done.findings[0].what.contains(&twins.place));
    let mut session = centre.session().unwrap();
    let item = item_at(&centre, "usb/large");
    let opening = centre.open_item(&mut session, &actor(&centre), item, "a test", None);
    let error = opening
        .and_then(|o| o.copy_to(&mut Vec::new()))
        .unwrap_err();
    assert!(error.to_string().contains("mirror"), "{error}");
    drop(centre);
    let told = told(&twins.world.verify(Depth::Full));
    assert!(told.iter().any(|l| l.starts_with("mirror ")), "{told:?}");
    assert!(told.iter().any(|l| l.starts_with("UKR-")), "{told:?}");
    assert_eq!(
        (packs(&twins.world.objects), packs(&twins.files)),
        (here, there)
    );
}

fn a_mirror_that_is_away_stops_nobody_and_catches_up(two: Two) {
    let twins = Twins::new(two);
    deliver(&twins.world);
    twins.away();
    let size = {
        let centre = twins.world.open();
        // Nothing was missed yet, and that it is away is said.
        let status = centre.mirror_status().unwrap().unwrap();
        assert!(status.absence.is_some());
        put(&twins.world.place("usb"), "later", b"while it was away");
        take_in(&centre, &request(&[&twins.world.place("usb")])).unwrap();
        let status = centre.mirror_status().unwrap().unwrap();
        assert!(status.events >= 5, "{}", status.events);
        let warning = status.warning().unwrap();
        assert!(warning.contains(&twins.place) && warning.contains("one place only"));
        log_size(&centre)
    };
    // Another process knows it too, and the check says which store could not be looked at.
    let told_away = told(&twins.world.verify(Depth::Middle));
    assert_eq!(told_away.len(), 1, "{told_away:?}");
    assert!(told_away[0].contains(&twins.place));
    assert!(!twins.world.objects.join("mirror").exists());
    twins.back();
    let lacking = told(&twins.world.verify(Depth::Middle));
    assert!(
        lacking.iter().all(|l| l.starts_with("mirror ")),
        "{lacking:?}"
    );
    assert!(lacking.iter().any(|l| l.contains("lacks this pack")));
    assert!(lacking.iter().any(|l| l.contains("events")), "{lacking:?}");
    let centre = twins.world.open();
    assert_eq!(centre.recovered.len(), 1, "{:?}", centre.recovered);
    assert!(centre.recovered[0].contains("holds all now"));
    assert_eq!(log_size(&centre), size);
    drop(centre);
    twins.assert_whole();
}

fn an_erasure_is_incomplete_in_a_mirror_that_is_away_until_it_is_reached(two: Two) {
    let twins = Twins::new(two);
    fill(&twins.world);
    twins.away();
    let before = packs(&twins.aside());
    let centre = twins.world.open();
    let gone = item_at(&centre, "usb/c/other.txt");
    let erased = erase(&centre, &[&gone], comity_app::acts::Scope::Unsaid);
    let left = erased.survivors.mirror.unwrap();
    assert!(
        left.contains("INCOMPLETE") && left.contains(&twins.place),
        "{left}"
    );
    centre.compact(&actor(&centre)).unwrap().leaf.unwrap();
    let status = centre.mirror_status().unwrap().unwrap();
    assert_eq!(status.erasures, ["E0001"]);
    let warning = status.warning().unwrap();
    assert!(
        warning.contains("INCOMPLETE") && warning.contains("E0001"),
        "{warning}"
    );
    assert!(status.note.unwrap().removals >= 1);
    drop(centre);
    // The next opening that does not reach it says so still.
    let status = twins.world.open().mirror_status().unwrap().unwrap();
    assert!(status.warning().unwrap().contains("E0001"));
    assert_eq!(packs(&twins.aside()), before);
    twins.back();
    drop(twins.world.open());
    assert_ne!(packs(&twins.files), before);
    twins.assert_whole();
    // Whoever has the mirror alone, and an older keyring, is told of the erasure.
    let mut left = packs(&twins.files);
    left.retain(|pack| before.contains(pack));
    assert_eq!(left, []);
}

fn an_older_copy_in_place_of_the_mirror_is_told_and_brought_up_to_date(two: Two) {
    let twins = Twins::new(two);
    deliver(&twins.world);
    let older = twins.world.folder.path().join("older");
    copy(&twins.files, &older);
    for n in 0..3 {
        put(&twins.world.place("usb"), format!("new-{n}"), &[n; 40]);
        take_in(&twins.world.open(), &request(&[&twins.world.place("usb")])).unwrap();
    }
    let _ = fs::remove_dir_all(&twins.files);
    copy(&older, &twins.files);
    let found = told(&twins.world.verify(Depth::Sealed));
    assert!(found.iter().all(|l| l.starts_with("mirror ")), "{found:?}");
    assert!(found.iter().any(|l| l.contains("it holds")), "{found:?}");
    let centre = twins.world.open();
    assert_eq!(centre.recovered.len(), 1, "{:?}", centre.recovered);
    drop(centre);
    twins.assert_whole();
}

fn either_store_alone_opens_the_centre(two: Two) {
    let twins = Twins::new(two);
    deliver(&twins.world);
    let expected = listing(&twins.world.open());
    // Of the centre's folder the keyring alone is left.
    let dir = twins.world.folder.path().join("elsewhere");
    copy(&twins.world.dir.join("keyring"), &dir.join("keyring"));
    let ambient = twins.world.ambient(Disk::real());
    go_on_from(&dir, &twins.place, false, PASSPHRASE, &ambient).unwrap();
    let alone = World {
        folder: tempfile::tempdir().unwrap(),
        dir,
        clock: twins.world.clock.clone(),
        objects: twins.files.clone(),
    };
    assert_eq!(listing(&alone.open()), expected);
    let centre = alone.open();
    let item = item_at(&centre, "usb/large");
    assert_eq!(bytes_of(&centre, &item), noise(7, 5 << 20));
    drop(centre);
    alone.assert_sound();
    // Here the mirror has gone on without the first store: it is ahead, and is not cut back.
    let held = files(&twins.files);
    let found = told(&twins.world.verify(Depth::Sealed));
    assert!(found.iter().any(|l| l.contains("older copy")), "{found:?}");
    let centre = twins.world.open();
    centre.open_case(&actor(&centre), "A third case").unwrap();
    assert!(centre.mirror_status().unwrap().unwrap().warning().is_some());
    assert_eq!(files(&twins.files), held);
}

/// Packs of the same name and form with other bytes in them, all digests made anew.
fn a_mirror_whose_keeper_alters_a_pack_is_named_and_never_a_source(two: Two) {
    let twins = Twins::new(two);
    deliver(&twins.world);
    let centre = twins.world.open();
    let (pack, at) = pack_of(&centre, "usb/large");
    let mirror = Vault::new(centre.mirror.as_ref().unwrap().objects().clone());
    let index = mirror.read_pack_index(&pack.name()).unwrap();
    let mut forged = mirror.pack(index.scope_key, pack).unwrap();
    for o in &index.objects {
        let mut bytes = mirror
            .store()
            .get_range(&pack.name(), o.offset, o.len)
            .unwrap();
        bytes[100] ^= 1;
        forged.add_sealed(o.object, &bytes).unwrap();
    }
    mirror.commit(vec![forged.finish().unwrap()]).unwrap();
    drop(centre);
    let good = packs(&twins.world.objects);
    let sealed = told(&twins.world.verify(Depth::Sealed));
    assert_eq!(sealed.len(), 1, "{sealed:?}");
    assert!(sealed[0].contains("another one than that of the first store"));
    let found = told(&twins.world.verify(Depth::Full));
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].starts_with(&format!("mirror {}", twins.place)),
        "{found:?}"
    );
    assert!(found[0].contains("other sealed bytes"), "{found:?}");
    let centre = twins.world.open();
    let run = centre.check_fixity(&actor(&centre), Default::default(), &|_, _| ());
    let run = run.unwrap();
    assert_eq!((run.failures.len(), run.quarantined), (1, 0));
    // With the good copy damaged, the altered one is no source: not for a reader, not for a repair.
    let path = twins.world.objects.join(pack.name());
    HARMS[2].1(&path, at);
    let damaged = packs(&twins.world.objects);
    let done = centre.repair_both_ways(&actor(&centre), true).unwrap();
    assert_eq!(
        (done.findings.len(), done.packs, done.mirror_packs),
        (1, 0, 0)
    );
    assert_eq!(packs(&twins.world.objects), damaged);
    fs::write(
        &path,
        &good.iter().find(|(n, _)| *n == pack.name()).unwrap().1,
    )
    .unwrap();
    let done = centre.repair_both_ways(&actor(&centre), false).unwrap();
    assert_eq!(
        (done.findings.len(), done.packs, done.mirror_packs),
        (0, 0, 1)
    );
    assert_eq!(packs(&twins.world.objects), good);
    drop(centre);
    twins.assert_whole();
}

/// The mirror was used without its centre for one event, and the centre went on for three: two histories.
#[test]
fn a_mirror_with_another_history_is_named_and_not_written_over() {
    let twins = Twins::new(FOLDERS);
    deliver(&twins.world);
    twins.away();
    let centre = twins.world.open();
    for name in ["A third case", "A fourth", "A fifth"] {
        centre.open_case(&actor(&centre), name).unwrap();
    }
    drop(centre);
    let dir = twins.world.folder.path().join("elsewhere");
    copy(&twins.world.dir.join("keyring"), &dir.join("keyring"));
    let ambient = twins.world.ambient(Disk::real());
    go_on_from(
        &dir,
        twins.aside().to_str().unwrap(),
        false,
        PASSPHRASE,
        &ambient,
    )
    .unwrap();
    let other = Centre::open(&dir, PASSPHRASE, ambient).unwrap();
    other
        .open_case(&actor(&other), "Another third case")
        .unwrap();
    drop(other);
    twins.back();
    let held = files(&twins.files.join("ledger"));
    let found = told(&twins.world.verify(Depth::Sealed));
    assert!(
        found.iter().any(|l| l.contains("another history")),
        "{found:?}"
    );
    let centre = twins.world.open();
    centre.open_case(&actor(&centre), "A sixth").unwrap();
    let status = centre.mirror_status().unwrap().unwrap();
    let absence = status.absence.unwrap();
    assert!(absence.contains("another history"), "{absence}");
    assert!(status.note.is_some());
    // Nor does a repair write over it, which mends what is damaged.
    fs::remove_file(twins.files.join("ledger/edge")).unwrap();
    let done = centre.repair_both_ways(&actor(&centre), true).unwrap();
    assert!(
        done.findings
            .iter()
            .any(|f| f.what.contains("another history"))
    );
    let mut left = held;
    left.retain(|(name, _)| name != "edge");
    assert_eq!(files(&twins.files.join("ledger")), left);
}

/// A pack that the first store lost is in the next backup all the same.
#[test]
fn a_backup_takes_from_the_mirror_what_the_first_store_lost() {
    let twins = Twins::new(FOLDERS);
    deliver(&twins.world);
    let (pack, at) = pack_of(&twins.world.open(), "usb/large");
    HARMS[2].1(&twins.world.objects.join(pack.name()), at);
    let to = twins.world.folder.path().join("backup");
    let done = back_up(&twins.world, &to, Disk::real()).unwrap();
    assert_eq!(done.findings, []);
    let restored = restore(&twins.world, &to);
    restored.assert_sound();
    let centre = restored.open();
    assert!(centre.mirror.is_none());
    let item = item_at(&centre, "usb/large");
    assert_eq!(bytes_of(&centre, &item), noise(7, 5 << 20));
}

#[test]
fn no_key_and_no_sentence_is_in_a_mirror() {
    let twins = Twins::new(FOLDERS);
    let usb = twins.world.place("usb");
    put(&usb, "night-watch-4471.txt", SENTENCE.as_bytes());
    put(&usb, "other.txt", b"another");
    take_in(&twins.world.open(), &request(&[&usb])).unwrap();
    let keys = files(&twins.world.dir.join("keyring"));
    let held = files(&twins.files);
    assert!(held.len() > 3 && keys.len() > 1);
    for (name, bytes) in &held {
        let is_known = ["ledger/", "vault/", "keys"]
            .iter()
            .any(|k| name.starts_with(k));
        assert!(is_known, "{name}");
        for secret in [SENTENCE.as_bytes(), b"night-watch-4471", FOUNDER.as_bytes()] {
            assert!(!shows(bytes, secret), "{name}");
        }
        // Nor 24 bytes of any wrapped key.
        for (segment, wraps) in &keys {
            let found = wraps
                .chunks_exact(24)
                .filter(|w| w.iter().any(|b| *b != 0) && shows(bytes, w))
                .count();
            assert_eq!(found, 0, "{name} holds bytes of {segment}");
        }
    }
}

#[test]
fn a_mirror_is_added_to_and_dropped_from_a_living_centre() {
    let world = World::new(PLAIN);
    deliver(&world);
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("mirror");
    let text = place.to_str().unwrap();
    let centre = world.open();
    for own in [world.dir.join("m"), world.dir.clone()] {
        let error = centre.add_mirror(&actor(&centre), own.to_str().unwrap());
        assert!(matches!(error, Err(AppError::Usage(_))));
    }
    centre.add_mirror(&actor(&centre), text).unwrap();
    drop(centre);
    let centre = world.open();
    assert_eq!(centre.recovered.len(), 1, "{:?}", centre.recovered);
    drop(centre);
    let twins = Twins {
        world,
        place: text.to_owned(),
        files: place.clone(),
        _folder: folder,
    };
    twins.assert_whole();
    let centre = twins.world.open();
    let again = centre.add_mirror(&actor(&centre), "/elsewhere");
    assert!(matches!(again, Err(AppError::Usage(_))));
    // Objects that are dead go from both.
    forget(&centre, &[item_at(&centre, "usb/1.txt")]);
    centre.rebuild(&|_, _| ()).unwrap();
    centre.compact(&actor(&centre)).unwrap().leaf.unwrap();
    drop(centre);
    twins.assert_whole();
    let centre = twins.world.open();
    assert_eq!(centre.drop_mirror(&actor(&centre)).unwrap().0, text);
    drop(centre);
    let centre = twins.world.open();
    assert!(centre.mirror_status().unwrap().is_none());
    assert_eq!(count_events(&centre, "mirror_added"), 1);
    assert_eq!(count_events(&centre, "mirror_dropped"), 1);
    drop(centre);
    // Another centre's store is none for this one.
    let other = World::new(PLAIN);
    let centre = other.open();
    let error = centre.add_mirror(&actor(&centre), text).unwrap_err();
    assert!(matches!(error, AppError::Usage(_)), "{error}");
}
