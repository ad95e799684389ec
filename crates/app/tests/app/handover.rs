//! What leaves the centre while its disk fails, or while others put things in its place.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use comity_app::disclose::{Disclosed, Selection};
use comity_app::receipt::Place;
use comity_app::{AppError, Centre};
use comity_core::package::{
    Beside, CONSISTENCY_ENDING, PROOF_ENDING, PackageOptions, ReceiptOptions, Recording,
    check_package, check_receipt,
};
use comity_store::{Call, Disk, Faults, Op, Outcome};

use crate::faults::{Script, TABLE};
use crate::fixture::*;
use crate::folder::Folder;

on_every_kind! {
    tables_replaced_by_another_process_are_gone_on_with,
}

fn with_items(kind: Kind) -> World {
    let world = World::new(kind);
    let usb = world.place("usb");
    put(&usb, "a.txt", b"one");
    put(&usb, "b.txt", b"two");
    take_in(&world.open(), &request(&[&usb])).unwrap();
    world
}

fn disclose(centre: &Centre, place: &Path) -> Result<Disclosed, AppError> {
    let selection = Selection {
        to: None,
        case: CASE.to_owned(),
        items: Vec::new(),
        purpose: "trial".to_owned(),
        recipient: None,
        viewings: false,
    };
    centre.disclose(&acting(centre)?, &selection, place, &|_, _, _| ())
}

fn assert_recorded(place: &Path, what: &str) {
    let beside = |ending: &str| {
        let name = format!("{}{ending}", place.file_name().unwrap().to_str().unwrap());
        fs::read(place.with_file_name(name)).ok()
    };
    let options = PackageOptions {
        beside: Beside {
            proof: beside(PROOF_ENDING),
            consistency: beside(CONSISTENCY_ENDING),
        },
        threads: 1,
        ..PackageOptions::default()
    };
    let report = check_package(&Folder::open(place).unwrap(), &options);
    assert!(report.findings.is_empty(), "{what}: {:?}", report.findings);
    let is_recorded = matches!(report.recording, Some(Recording::Recorded { .. }));
    assert!(is_recorded, "{what}: {:?}", report.recording);
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn whatever_the_disk_does_a_disclosure_is_whole_or_was_never_handed_over() {
    let template = with_items(PLAIN);
    let (mut whole, mut nothing) = (0, 0);
    for (r, row) in TABLE.iter().enumerate() {
        let step = every(if row.name() == "a read fails" { 29 } else { 5 });
        for nth in (r % step.min(5)..).step_by(step) {
            let world = template.copy(&format!("{r}-{nth}"));
            let out = world.place("out");
            let place = out.join("package");
            let (script, disk) = Script::disk(Some((row, nth)));
            let ended = world.open_on(disk).and_then(|c| disclose(&c, &place));
            let Some(what) = script.what() else { break };
            if ended.is_ok() {
                assert_recorded(&place, &what);
            }
            let centre = world.open();
            if place.exists() {
                assert_recorded(&place, &what);
                assert_eq!(count_events(&centre, "disclosed"), 3, "{what}");
                assert_eq!(count_events(&centre, "disclosure_failed"), 0, "{what}");
                whole += 1;
            } else {
                assert_eq!(names(&out), [""; 0], "{what}");
                assert_eq!(
                    count_events(&centre, "disclosed"),
                    3 * count_events(&centre, "disclosure_failed"),
                    "{what}"
                );
                nothing += 1;
            }
            drop(centre);
            let centre = world.open();
            assert_eq!(centre.recovered, Vec::<String>::new(), "{what}");
            let left = number(&centre, "SELECT count(*) FROM packages_in_work");
            assert_eq!(left, 0, "{what}");
            drop(centre);
            assert_eq!(
                world.verify(comity_app::verify::Depth::Middle).findings,
                [],
                "{what}"
            );
            fs::remove_dir_all(&world.dir).unwrap();
        }
    }
    assert!(whole > 5 && nothing > 10, "{whole} {nothing}");
}

/// Puts something in the way of a receipt just before it gets its name, as often as told.
struct InTheWay {
    left: AtomicUsize,
}

impl Faults for InTheWay {
    fn before(&self, call: &Call<'_>) -> Outcome {
        let name = call.path.file_name().unwrap_or_default().to_string_lossy();
        let is_it = call.op == Op::Rename && name.contains(".receipt");
        let go = |left: usize| left.checked_sub(1);
        if is_it
            && self
                .left
                .fetch_update(Ordering::SeqCst, Ordering::SeqCst, go)
                .is_ok()
        {
            put(call.path, "receipt.json", b"another centre's");
        }
        Outcome::Go
    }
}

#[test]
fn receipts_that_race_for_a_name_take_the_next_one() {
    let world = with_items(PLAIN);
    let folder = world.place("desk");
    let wanted = folder.join("UKR-000001.receipt");
    let disk = Disk::with_faults(Arc::new(InTheWay {
        left: AtomicUsize::new(2),
    }));
    let centre = world.open_on(disk).unwrap();
    let no = centre
        .intake_of_name(&mut centre.session().unwrap(), "UKR-000001")
        .unwrap();
    let made = centre
        .make_receipt(&actor(&centre), no, Place::Numbered(&wanted), &|_, _| ())
        .unwrap();
    let third: PathBuf = folder.join("UKR-000001.receipt-3");
    assert_eq!(made.place, third);
    assert_eq!(
        names(&folder),
        [
            "UKR-000001.receipt",
            "UKR-000001.receipt-2",
            "UKR-000001.receipt-3"
        ]
    );
    for other in ["UKR-000001.receipt", "UKR-000001.receipt-2"] {
        assert_eq!(names(&folder.join(other)), ["receipt.json"]);
    }
    let report = check_receipt(&Folder::open(&third).unwrap(), &ReceiptOptions::default());
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert_eq!(count_events(&centre, "receipt_made"), 1);
    // A name that was asked for is that name or nothing; one that is taken is refused before anything is recorded.
    let asked = centre.make_receipt(&actor(&centre), no, Place::Here(&wanted), &|_, _| ());
    assert!(asked.unwrap_err().is_usage());
    assert_eq!(count_events(&centre, "receipt_made"), 1);
}

fn tables_replaced_by_another_process_are_gone_on_with(kind: Kind) {
    let world = with_items(kind);
    let (one, other) = (world.open(), world.open());
    one.open_case(&actor(&one), "Before").unwrap();
    other.rebuild(&|_, _| ()).unwrap();
    one.open_case(&actor(&one), "After").unwrap();
    other.open_case(&actor(&other), "And after that").unwrap();
    let usb = world.place("more");
    put(&usb, "c.txt", b"three");
    take_in(&one, &request(&[&usb])).unwrap();
    drop((one, other));
    world.assert_sound();
    assert_eq!(listing(&world.open()).len(), 3);
}
