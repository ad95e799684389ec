//! A mirror that fails in every way, at every call: nobody is stopped, and it catches up.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use comity_app::verify::Depth;
use comity_rig::{Fate, Fates};
use comity_store::Disk;

use crate::faults::{Script, TABLE};
use crate::fixture::*;
use crate::mirror::{FOLDERS, Twins, delivery, packs, told};

/// A fresh centre on a disk of which the mirror's part fails at the `nth` call.
fn twins() -> Twins {
    Twins::new(FOLDERS)
}

#[test]
fn whatever_the_mirrors_disk_does_the_intake_is_done_and_the_mirror_catches_up() {
    for (r, row) in TABLE.iter().enumerate() {
        let mut struck = 0;
        let step = every(5);
        for nth in (r % step..).step_by(step) {
            let twins = twins();
            let usb = delivery(&twins.world);
            let (script, disk) = Script::disk_below(row, nth, twins.files.clone());
            let ended = twins
                .world
                .open_on(disk)
                .and_then(|centre| take_in(&centre, &request(&[&usb])));
            let Some(what) = script.what() else { break };
            struck += 1;
            ended.unwrap_or_else(|e| panic!("{what}: {e}"));
            // The first store wants nothing, whatever the mirror does.
            for line in told(&twins.world.verify(Depth::Full)) {
                assert!(line.starts_with("mirror "), "{what}: {line}");
            }
            let centre = twins.world.open();
            assert_eq!(listing(&centre).len(), 4, "{what}");
            drop(centre);
            let lacking = told(&twins.world.verify(Depth::Full));
            assert_eq!(lacking, Vec::<String>::new(), "{what}");
            twins.assert_whole();
        }
        assert!(struck > 0, "{} never happened", row.name());
    }
}

/// What a mirror on S3 does, and whether it lacks something afterwards.
struct Row {
    name: &'static str,
    /// By the method of a request, the so-manieth it is, and how many bytes the bucket holds.
    fates: fn(&str, u64, u64) -> Fate,
    lacks: bool,
}

/// A bucket has so much room: the intake is in its middle when it is full.
const ROOM: u64 = 300_000;

const ROWS: [Row; 6] = [
    Row {
        name: "every change is answered 500",
        fates: |method, _, _| match method {
            "PUT" | "POST" | "DELETE" => Fate::Refused,
            _ => Fate::Served,
        },
        lacks: true,
    },
    Row {
        name: "every change is done and answered 500",
        fates: |method, _, _| match method {
            "PUT" | "POST" | "DELETE" => Fate::DoneAndRefused,
            _ => Fate::Served,
        },
        lacks: true,
    },
    Row {
        name: "everything is answered 500",
        fates: |_, _, _| Fate::Refused,
        lacks: true,
    },
    Row {
        name: "every third answer is late",
        fates: |_, n, _| match n % 3 {
            0 => Fate::Late(Duration::from_millis(200)),
            _ => Fate::Served,
        },
        lacks: false,
    },
    Row {
        name: "its disk is full, as MinIO says it",
        fates: |method, _, held| match method {
            "PUT" if held > ROOM => Fate::Denied(507, "XMinioStorageFull"),
            _ => Fate::Served,
        },
        lacks: true,
    },
    Row {
        name: "its quota is used up, as Ceph says it",
        fates: |method, _, held| match method {
            "PUT" if held > ROOM => Fate::Denied(403, "QuotaExceeded"),
            _ => Fate::Served,
        },
        lacks: true,
    },
];

mod of_a_mirror_on_s3 {
    #[test]
    fn whatever_it_answers_the_intake_is_done_and_the_mirror_catches_up() {
        if crate::fixture::has_s3() {
            super::ROWS.iter().for_each(super::try_row);
        }
    }
}

fn held(folder: &Path) -> u64 {
    files(folder)
        .iter()
        .map(|(_, bytes)| bytes.len() as u64)
        .sum()
}

fn try_row(row: &'static Row) {
    let what = row.name;
    let (is_on, asked) = (Arc::new(AtomicBool::new(false)), AtomicU64::new(0));
    let bucket: Arc<OnceLock<PathBuf>> = Arc::default();
    let (switch, folder) = (is_on.clone(), bucket.clone());
    let fates: Fates = Arc::new(move |method, _| match switch.load(Ordering::SeqCst) {
        true => {
            let held = folder.get().map_or(0, |folder| held(folder));
            (row.fates)(method, asked.fetch_add(1, Ordering::SeqCst), held)
        }
        false => Fate::Served,
    });
    let mut s3 = comity_rig::s3_with(fates);
    s3.url.push_str("&retry_secs=1");
    bucket.set(s3.folder.clone()).unwrap();
    let twins = Twins {
        world: World::mirrored(None, None, Some(s3.url.clone())),
        place: s3.url,
        files: s3.folder,
        _folder: tempfile::tempdir().unwrap(),
    };
    let usb = delivery(&twins.world);
    is_on.store(true, Ordering::SeqCst);
    let centre = twins.world.open();
    take_in(&centre, &request(&[&usb])).unwrap_or_else(|e| panic!("{what}: {e}"));
    let note = centre.mirror_status().unwrap().unwrap().note;
    assert_eq!(note.is_some(), row.lacks, "{what}");
    if what.contains("full") || what.contains("quota") {
        let why = note.unwrap().why;
        assert!(why.contains("no room left in the object store"), "{why}");
    }
    drop(centre);
    is_on.store(false, Ordering::SeqCst);
    let centre = twins.world.open();
    assert_eq!(
        centre.recovered.len(),
        usize::from(row.lacks),
        "{what}: {:?}",
        centre.recovered
    );
    drop(centre);
    twins.assert_whole();
}

#[test]
fn a_mirror_that_comes_back_in_the_middle_is_written_to_again() {
    let twins = twins();
    twins.away();
    let centre = twins.world.open();
    let usb = delivery(&twins.world);
    take_in(&centre, &request(&[&usb])).unwrap();
    twins.back();
    // The same process, a minute later: what comes now lies in both, and what was missed is still on record.
    put(&usb, "later", b"after it came back");
    take_in(&centre, &request(&[&usb])).unwrap();
    assert!(centre.mirror_status().unwrap().unwrap().note.is_some());
    assert!(!packs(&twins.files).is_empty());
    drop(centre);
    drop(twins.world.open());
    twins.assert_whole();
}

/// Each file that a mirror has, harmed in each way: named as the mirror's, nobody is stopped, and it is mended.
#[test]
fn damage_of_every_file_of_a_mirror_is_named_as_the_mirrors_and_mended() {
    let twins = twins();
    let usb = delivery(&twins.world);
    for n in 0..530 {
        put(&usb, format!("many/{n:03}"), format!("file {n}").as_bytes());
    }
    take_in(&twins.world.open(), &request(&[&usb])).unwrap();
    twins.assert_whole();
    let cut: fn(&Path, &[u8]) = |path, bytes| fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    let flip: fn(&Path, &[u8]) = |path, bytes| {
        let mut bytes = bytes.to_vec();
        let at = bytes.len() / 2;
        bytes[at] ^= 1;
        fs::write(path, bytes).unwrap();
    };
    let gone: fn(&Path, &[u8]) = |path, _| fs::remove_file(path).unwrap();
    let all = files(&twins.files);
    let kinds = [
        "ledger/tile/entries",
        "ledger/tile/0",
        "ledger/body",
        "ledger/edge",
        "ledger/checkpoint",
        "vault/",
        "keys",
    ];
    for kind in kinds {
        let (name, bytes) = all.iter().find(|(name, _)| name.starts_with(kind)).unwrap();
        for (harm, how) in [("cut", cut), ("flipped", flip), ("gone", gone)] {
            let what = format!("{name} {harm}");
            how(&twins.files.join(name), bytes);
            let found = told(&twins.world.verify(Depth::Sealed));
            // A note or key file with another signature in it is found where its signature is looked at.
            assert!(!found.is_empty(), "{what}");
            for line in &found {
                assert!(line.starts_with("mirror "), "{what}: {line}");
            }
            let centre = twins.world.open();
            let name_of_case = format!("Case {what}");
            centre.open_case(&actor(&centre), &name_of_case).unwrap();
            if kind == "keys" {
                assert!(centre.mirror_status().unwrap().unwrap().warning().is_some());
                fs::write(twins.files.join(name), bytes).unwrap();
                twins.world.clock.pass(61_000_000);
            }
            let done = centre.repair_both_ways(&actor(&centre), true).unwrap();
            assert_eq!(done.findings, [], "{what}");
            drop(centre);
            drop(twins.world.open());
            twins.assert_whole();
        }
    }
}

#[test]
fn files_of_the_ledger_that_the_first_store_lost_come_back_from_the_mirror() {
    let twins = twins();
    let usb = delivery(&twins.world);
    for n in 0..530 {
        put(&usb, format!("many/{n:03}"), format!("file {n}").as_bytes());
    }
    take_in(&twins.world.open(), &request(&[&usb])).unwrap();
    let all = files(&twins.world.dir);
    for kind in ["ledger/tile/entries", "ledger/body"] {
        let (name, bytes) = all.iter().find(|(name, _)| name.starts_with(kind)).unwrap();
        let path = twins.world.dir.join(name);
        fs::write(&path, &bytes[..bytes.len() / 3]).unwrap();
        let centre = twins.world.open_on(Disk::real()).unwrap();
        let done = centre.repair_both_ways(&actor(&centre), false).unwrap();
        assert_eq!(
            (done.findings.len(), done.ledger_files),
            (0, 1),
            "{name}: {:?}",
            done.findings
        );
        assert_eq!(fs::read(&path).unwrap(), *bytes);
        drop(centre);
        twins.assert_whole();
    }
}
