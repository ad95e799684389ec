//! Opening an item: on record before the first byte.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use comity_app::item::{Item, proof_of};
use comity_app::{AppError, Centre};
use comity_store::{Call, Disk, Faults, Op, Outcome};

use crate::fixture::*;

on_every_kind! {
    an_opening_is_on_record_before_the_first_byte_and_for_a_quarter_of_an_hour,
}

fn leaf(
    centre: &Centre,
    item: &str,
    who: &str,
    purpose: &str,
    range: Option<(u64, u64)>,
) -> Result<u64, AppError> {
    let mut session = centre.session().unwrap();
    let actor = centre.actor(&mut session, who).unwrap();
    let item: Item = item_at(centre, item);
    centre
        .open_item(&mut session, &actor, item, purpose, range)
        .map(|opening| opening.leaf)
}

fn an_opening_is_on_record_before_the_first_byte_and_for_a_quarter_of_an_hour(kind: Kind) {
    let world = World::new(kind);
    let usb = world.place("usb");
    let bytes = noise(9, 5 << 20);
    put(&usb, "large", &bytes);
    std::os::unix::fs::symlink("large", usb.join("link")).unwrap();
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    let founder = actor(&centre);
    let (second, _) = centre
        .add_person(&founder, &"LTU".parse().unwrap(), "Second Person")
        .unwrap();

    let before = log_size(&centre);
    let mut session = centre.session().unwrap();
    let item = item_at(&centre, "usb/large");
    let opening = centre
        .open_item(
            &mut session,
            &founder,
            item,
            "reading",
            Some((1000, 2 << 20)),
        )
        .unwrap();
    // The event is published, provably, while no byte has been written yet.
    assert_eq!(opening.leaf, before);
    let proof = proof_of(&centre, opening.leaf).unwrap();
    assert_eq!(proof.index, before);
    let event = centre.read_event(before).unwrap();
    assert_eq!(
        (
            event.text("kind"),
            event.text("purpose"),
            event.text("actor")
        ),
        (Some("opened"), Some("reading"), Some("UKR-P0001"))
    );
    assert_eq!(event.value("range").unwrap()["offset"], 1000);
    let mut out = Vec::new();
    opening.copy_range_to(1000, 2 << 20, &mut out).unwrap();
    assert_eq!(out, bytes[1000..1000 + (2 << 20)]);

    // The same person for the same purpose goes on with the same opening, from another process too.
    let open =
        |who: &str, purpose: &str| leaf(&centre, "usb/large", who, purpose, Some((0, 10))).unwrap();
    assert_eq!(open("UKR-P0001", "reading"), before);
    world.clock.pass(14 * 60 * 1_000_000);
    assert_eq!(
        leaf(&world.open(), "usb/large", "UKR-P0001", "reading", None).unwrap(),
        before
    );
    world.clock.pass(60 * 1_000_000);
    let later = open("UKR-P0001", "reading");
    assert_eq!(later, before + 1);
    // Another purpose and another person are openings of their own.
    assert_eq!(open("UKR-P0001", "showing the court"), before + 2);
    assert_eq!(open(&second, "showing the court"), before + 3);
    assert_eq!(open("UKR-P0001", "showing the court"), before + 4);
    assert_eq!(
        kinds(&centre, &item_at(&centre, "usb/large")),
        ["received", "opened", "opened", "opened", "opened", "opened"]
    );

    // What cannot be read is refused, and is not on record as read.
    let size = log_size(&centre);
    for (path, purpose, range) in [
        ("usb/large", " ", None),
        ("usb/large", "reading", Some((5 << 20, 1))),
        ("usb/large", "reading", Some((u64::MAX, 2))),
        ("usb/link", "reading", None),
    ] {
        assert!(
            leaf(&centre, path, "UKR-P0001", purpose, range).is_err(),
            "{path} {purpose} {range:?}"
        );
    }
    assert_eq!(log_size(&centre), size);
    drop(session);
    drop(centre);
    world.assert_sound();
}

#[test]
fn bytes_that_were_damaged_are_not_handed_out_as_the_item() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    put(&usb, "large", &noise(9, 5 << 20));
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    let pack = centre.vault.packs().unwrap()[0].name.clone();
    let mut bytes = std::fs::read(world.objects.join(&pack)).unwrap();
    bytes[3 << 20] ^= 1;
    std::fs::write(world.objects.join(&pack), &bytes).unwrap();
    let mut session = centre.session().unwrap();
    let item = item_at(&centre, "usb/large");
    let opening = centre
        .open_item(&mut session, &actor(&centre), item, "reading", None)
        .unwrap();
    let mut out = Vec::new();
    assert!(opening.copy_to(&mut out).is_err());
    assert!(out.len() < 4 << 20);
}

/// A file system that knows no files without a name.
struct NoNameless(AtomicBool);

impl Faults for NoNameless {
    fn before(&self, call: &Call<'_>) -> Outcome {
        let is_it = call.op == Op::Create && call.path.ends_with("back.txt");
        if is_it && !self.0.swap(true, Ordering::SeqCst) {
            return Outcome::Fail(std::io::Error::from_raw_os_error(95));
        }
        Outcome::Go
    }
}

#[test]
fn an_item_is_restored_where_every_file_has_a_name_too() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    put(&usb, "a.txt", b"one");
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    let item = item_at(&centre, "usb/a.txt");
    let opening = centre
        .open_item(
            &mut centre.session().unwrap(),
            &actor(&centre),
            item,
            "a test",
            None,
        )
        .unwrap();
    let out = world.place("out");
    let names = || std::fs::read_dir(&out).unwrap().count();
    for disk in [
        Disk::real(),
        Disk::with_faults(Arc::new(NoNameless(AtomicBool::new(false)))),
    ] {
        let file = out.join("back.txt");
        assert_eq!(opening.restore(&disk, &file).unwrap(), 3);
        assert_eq!(std::fs::read(&file).unwrap(), b"one");
        std::fs::write(&file, b"somebody else's").unwrap();
        let refused = opening.restore(&disk, &file).unwrap_err().to_string();
        assert!(refused.contains("back.txt cannot be written"), "{refused}");
        assert_eq!(std::fs::read(&file).unwrap(), b"somebody else's");
        assert_eq!(names(), 1);
        std::fs::remove_file(&file).unwrap();
    }
    // Taken while it is being written, on such a file system.
    let disk = Disk::with_faults(Arc::new(NoNameless(AtomicBool::new(false))));
    let file = put(&out, "back.txt", b"somebody else's");
    assert!(opening.restore(&disk, &file).is_err());
    assert_eq!(std::fs::read(&file).unwrap(), b"somebody else's");
    assert_eq!(names(), 1);
}
