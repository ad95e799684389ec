//! What leaves the centre, killed at any moment: in its place and whole, or never handed over; and nothing else left.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use comity_core::package::{
    Beside, CONSISTENCY_ENDING, PROOF_ENDING, PackageOptions, ReceiptOptions, Recording, Source,
    check_package, check_receipt,
};

use crate::folder::Folder;
use crate::world::{World, both, leftovers, put};
use crate::zipped::Zipped;

const SIGKILL: i32 = 9;

/// A centre with a case of three exhibits, one of them a link.
fn with_exhibits() -> World {
    let world = World::new();
    let usb = world.folder.path().join("usb");
    put(&usb, "a.txt", b"one");
    put(&usb, "b.txt", b"two");
    std::os::unix::fs::symlink("a.txt", usb.join("link")).unwrap();
    world.take_in(&usb, "stick", &["--no-receipt"]);
    world
}

fn source(place: &Path) -> Box<dyn Source> {
    if place.is_dir() {
        Box::new(Folder::open(place).unwrap())
    } else {
        Box::new(Zipped::open(fs::File::open(place).unwrap()).unwrap())
    }
}

/// As `comity-verify` judges it: nothing wrong, and recorded.
fn assert_recorded(place: &Path, what: &str) {
    let name = place.file_name().unwrap().to_str().unwrap();
    let name = name.strip_suffix(".zip").unwrap_or(name);
    let read = |ending: &str| fs::read(place.with_file_name(format!("{name}{ending}"))).ok();
    let beside = Beside {
        proof: read(PROOF_ENDING),
        consistency: read(CONSISTENCY_ENDING),
    };
    let options = PackageOptions {
        beside,
        threads: 1,
        ..PackageOptions::default()
    };
    let report = check_package(&*source(place), &options);
    assert!(report.findings.is_empty(), "{what}: {:?}", report.findings);
    assert!(
        matches!(report.recording, Some(Recording::Recorded { .. })),
        "{what}: {:?}",
        report.recording
    );
}

/// Everything in the folder of what is handed over, and everything in the centre that is no store of bytes.
fn names(folder: &Path) -> BTreeSet<String> {
    let Ok(entries) = fs::read_dir(folder) else {
        return BTreeSet::new();
    };
    entries
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect()
}

fn events_of(world: &World, kind: &str) -> usize {
    let text = world.fine(&["--json", "item", "history", "UKR-000001-0000001"]);
    text.matches(&format!("\"{kind}\"")).count()
}

/// The places of a run's durable calls, found by a run that counts them.
fn durable_calls(world: &World, words: &[&str]) -> usize {
    let count = world.folder.path().join("count");
    let ran = world
        .comity(words)
        .env("COMITY_FAULT", format!("count:{}", count.display()))
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", both(&ran));
    fs::read_to_string(&count).unwrap().trim().parse().unwrap()
}

/// Runs it and kills it before a durable call. `None` when it had fewer and is done.
fn kill_at(world: &World, words: &[&str], n: usize, calls: usize) -> Option<String> {
    let what = format!("{} killed before durable call {n} of {calls}", words[0]);
    let ran = world
        .comity(words)
        .env("COMITY_FAULT", format!("kill@{n}"))
        .output()
        .unwrap();
    if ran.status.success() && n + 4 > calls {
        return None;
    }
    assert_eq!(ran.status.signal(), Some(SIGKILL), "{what}: {}", both(&ran));
    Some(what)
}

/// What the next command says that it recovered.
fn next_start(world: &World, what: &str) -> String {
    let ran = world.run(&["--json", "item", "list"]);
    assert!(ran.status.success(), "{what}: {}", both(&ran));
    String::from_utf8(ran.stderr).unwrap()
}

fn killed_disclosures(file: &str, step: usize) {
    let template = with_exhibits();
    let words = |out: &str| {
        let words = [
            "disclose",
            "--case",
            "C0001",
            "--purpose",
            "trial",
            "--recipient",
            "Court",
            "-o",
            out,
        ];
        words.map(str::to_owned).to_vec()
    };
    fn run(owned: &[String]) -> Vec<&str> {
        owned.iter().map(String::as_str).collect()
    }
    let reference = template.copy("reference");
    let owned = words(file);
    let calls = durable_calls(&reference, &run(&owned));
    assert!(calls > 40, "{calls}");
    assert_recorded(&reference.folder.path().join(file), "not killed");
    let mut ends = [0; 3];
    // The last calls, which hand it over, are all taken.
    let points = (1..=calls).filter(|n| (n - 1) % step == 0 || n + 25 > calls);
    for n in points {
        let world = template.copy("killed");
        let out = world.folder.path().join("out");
        fs::create_dir(&out).unwrap();
        let place = out.join(file);
        let owned = words(place.to_str().unwrap());
        let Some(what) = kill_at(&world, &run(&owned), n, calls) else {
            continue;
        };
        let stem = file.strip_suffix(".zip").unwrap_or(file);
        let whole = BTreeSet::from([
            file.to_owned(),
            format!("{stem}{CONSISTENCY_ENDING}"),
            format!("{stem}{PROOF_ENDING}"),
        ]);
        if place.exists() {
            // In its place before the next start: then all of it is true already.
            assert_recorded(&place, &what);
        }
        let said = next_start(&world, &what);
        if place.exists() {
            assert_recorded(&place, &what);
            assert_eq!(names(&out), whole, "{what}");
            assert_eq!(events_of(&world, "disclosed"), 1, "{what}");
            ends[0] += 1;
        } else {
            assert_eq!(names(&out), BTreeSet::new(), "{what}");
            let recorded = events_of(&world, "disclosed") > 0;
            let told = said.contains("never handed over");
            assert!(told || !recorded, "{what}: {said}");
            ends[1 + usize::from(told)] += 1;
        }
        assert_eq!(leftovers(world.folder.path()), [] as [PathBuf; 0], "{what}");
        assert_eq!(next_start(&world, &what), "", "{what}");
        if n % 4 == 0 || n + 8 > calls {
            world.fine(&["verify"]);
            world.fine(&["rebuild", "--check"]);
        }
        // The same may be disclosed again.
        if !place.exists() && n % 3 == 0 {
            world.fine(&run(&owned));
            assert_recorded(&place, &what);
        }
    }
    // Some were completed, and some were said never to have been handed over.
    assert!(ends[0] > 3 && ends[2] > 3, "{ends:?}");
}

#[test]
fn a_disclosure_killed_anywhere_is_whole_or_was_never_handed_over() {
    killed_disclosures("package", 3);
}

#[test]
fn a_disclosure_in_a_zip_killed_anywhere_is_whole_or_was_never_handed_over() {
    killed_disclosures("package.zip", 5);
}

#[test]
fn a_disclosure_waits_for_its_disk_and_replaces_nothing() {
    let template = with_exhibits();
    let reference = template.copy("reference");
    let words = |place: &str| {
        [
            "disclose",
            "--case",
            "C0001",
            "--purpose",
            "trial",
            "-o",
            place,
        ]
        .map(str::to_owned)
    };
    let reference_place = reference.folder.path().join("p.zip");
    let owned = words(reference_place.to_str().unwrap());
    let refs: Vec<&str> = owned.iter().map(String::as_str).collect();
    let calls = durable_calls(&reference, &refs);
    // The last kill before it has its name: what follows is the flush of its folder, and the end of the work on it.
    let (world, stick, place, what) = (1..calls)
        .rev()
        .find_map(|n| {
            let world = template.copy("killed");
            let stick = world.folder.path().join("stick");
            fs::create_dir(&stick).unwrap();
            let place = stick.join("p.zip");
            let owned = words(place.to_str().unwrap());
            let refs: Vec<&str> = owned.iter().map(String::as_str).collect();
            let what = kill_at(&world, &refs, n, calls)?;
            (!place.exists()).then_some((world, stick, place, what))
        })
        .unwrap();
    // The stick is away: that is told, and the centre works all the same.
    let away = world.folder.path().join("away");
    fs::rename(&stick, &away).unwrap();
    let said = next_start(&world, &what);
    assert!(said.contains("cannot be finished now"), "{said}");
    fs::rename(&away, &stick).unwrap();
    fs::write(&place, b"somebody else's").unwrap();
    let said = next_start(&world, &what);
    assert!(said.contains("something else is at"), "{said}");
    assert_eq!(fs::read(&place).unwrap(), b"somebody else's");
    fs::remove_file(&place).unwrap();
    let said = next_start(&world, &what);
    assert!(said.contains("it is complete now"), "{said}");
    assert_recorded(&place, &what);
}

fn recorded_events(world: &World) -> u64 {
    world.json(&["verify"])["events"].as_u64().unwrap()
}

#[test]
fn a_recorded_disclosure_that_lost_its_bag_is_recorded_as_failed_once() {
    let template = with_exhibits();
    let words = [
        "disclose",
        "--case",
        "C0001",
        "--purpose",
        "trial",
        "-o",
        "package",
    ];
    let reference = template.copy("reference");
    let calls = durable_calls(&reference, &words);
    let before = recorded_events(&template);
    // The last kill at which it is recorded and its bag is still under its temporary name.
    let (killed, what, bag) = (1..calls)
        .rev()
        .find_map(|n| {
            let killed = template.copy("killed");
            let what = kill_at(&killed, &words, n, calls)?;
            let bag = leftovers(killed.folder.path())
                .into_iter()
                .find(|p| p.join("tagmanifest-sha256.txt").is_file())?;
            (recorded_events(&killed) > before).then_some((killed, what, bag))
        })
        .unwrap();
    let events = recorded_events(&killed);
    fs::remove_file(bag.join("tagmanifest-sha256.txt")).unwrap();
    // The next start is killed too, at every call in turn.
    for n in 1.. {
        let ran = killed
            .comity(&["--json", "item", "list"])
            .env("COMITY_FAULT", format!("kill@{n}"))
            .output()
            .unwrap();
        if ran.status.success() {
            break;
        }
        assert_eq!(ran.status.signal(), Some(SIGKILL), "{what}: {}", both(&ran));
    }
    assert!(!killed.folder.path().join("package").exists());
    assert_eq!(leftovers(killed.folder.path()), [] as [PathBuf; 0]);
    assert_eq!(recorded_events(&killed), events + 1);
    killed.fine(&["rebuild", "--check"]);
}

#[test]
fn a_receipt_killed_anywhere_is_whole_or_not_there() {
    let template = with_exhibits();
    let reference = template.copy("reference");
    let words = ["receipt", "UKR-000001"];
    let calls = durable_calls(&reference, &words);
    assert!(calls > 15, "{calls}");
    let mut ends = [0; 2];
    for n in 1..=calls {
        let world = template.copy("killed");
        let Some(what) = kill_at(&world, &words, n, calls) else {
            continue;
        };
        let said = next_start(&world, &what);
        let place = world.folder.path().join("UKR-000001.receipt");
        ends[usize::from(place.exists())] += 1;
        if place.exists() {
            let report = check_receipt(&*source(&place), &ReceiptOptions::default());
            assert!(report.findings.is_empty(), "{what}: {:?}", report.findings);
        } else {
            assert!(!said.contains("complete"), "{what}: {said}");
        }
        assert_eq!(leftovers(world.folder.path()), [] as [PathBuf; 0], "{what}");
        assert_eq!(next_start(&world, &what), "", "{what}");
        world.fine(&["verify"]);
    }
    assert!(ends[0] > 3 && ends[1] > 2, "{ends:?}");
}

#[test]
fn an_item_that_is_got_killed_anywhere_leaves_nothing_in_the_clear() {
    let template = with_exhibits();
    let words = [
        "item",
        "get",
        "UKR-000001-0000001",
        "--purpose",
        "trial",
        "-o",
        "out/a.txt",
    ];
    let reference = template.copy("reference");
    fs::create_dir(reference.folder.path().join("out")).unwrap();
    let calls = durable_calls(&reference, &words);
    let mut got = 0;
    for n in 1..=calls {
        let world = template.copy("killed");
        let out = world.folder.path().join("out");
        fs::create_dir(&out).unwrap();
        let Some(what) = kill_at(&world, &words, n, calls) else {
            continue;
        };
        if names(&out).is_empty() {
            let ran = world.run(&words);
            assert!(ran.status.success(), "{what}: {}", both(&ran));
        } else {
            got += 1;
        }
        assert_eq!(names(&out), BTreeSet::from(["a.txt".to_owned()]), "{what}");
        assert_eq!(fs::read(out.join("a.txt")).unwrap(), b"one", "{what}");
        // What is there is not replaced.
        assert_eq!(world.run(&words).status.code(), Some(2), "{what}");
    }
    assert!(got > 0 && got < calls, "{got} of {calls}");
}

#[test]
fn a_rebuild_killed_anywhere_leaves_the_old_tables_or_the_new() {
    let template = with_exhibits();
    let reference = template.copy("reference");
    for words in [&["rebuild"][..], &["rebuild", "--check"]] {
        let calls = durable_calls(&reference, words);
        assert!(calls > 1, "{calls}");
        let expected = reference.listing();
        for n in 1..=calls {
            let world = template.copy("killed");
            let Some(what) = kill_at(&world, words, n, calls) else {
                continue;
            };
            assert_eq!(next_start(&world, &what), "", "{what}");
            assert_eq!(world.listing(), expected, "{what}");
            world.fine(&["verify"]);
            world.fine(&["rebuild", "--check"]);
            assert_eq!(leftovers(world.folder.path()), [] as [PathBuf; 0], "{what}");
        }
    }
}
