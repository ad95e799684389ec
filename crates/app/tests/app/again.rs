//! The same delivery a second time, interrupted, and gone on with.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use comity_app::intake::run;
use comity_store::{Call, Disk, Faults, Op, Outcome};

use crate::fixture::*;

on_every_kind! {
    an_opening_between_an_interrupted_delivery_and_its_end_makes_no_second_event,
}

/// Lets everything fail that makes the ledger durable, once told to.
struct Switch(AtomicBool);

impl Faults for Switch {
    fn before(&self, call: &Call<'_>) -> Outcome {
        let durable = matches!(call.op, Op::Write | Op::Sync | Op::Create | Op::Put);
        if durable && self.0.load(Ordering::SeqCst) {
            Outcome::Fail(std::io::Error::from_raw_os_error(5))
        } else {
            Outcome::Go
        }
    }
}

fn an_opening_between_an_interrupted_delivery_and_its_end_makes_no_second_event(kind: Kind) {
    let world = World::new(kind);
    let usb = world.place("usb");
    put(&usb, "a.txt", b"one");
    put(&usb, "b.txt", b"two");
    std::os::unix::fs::symlink("a.txt", usb.join("link")).unwrap();
    let list = format!(
        "{}  usb/a.txt\n{}  usb/b.txt\n",
        sha256(b"one"),
        sha256(b"other")
    );
    let mut request = request(&[&usb]);
    let list: PathBuf = put(world.folder.path(), "SHA256SUMS", list.as_bytes());
    request.manifest = Some(list);
    let first = take_in(&world.open(), &request).unwrap();
    assert_eq!(first.tally.new[0], 2);

    // The second run has a document besides. It is interrupted once its items are acknowledged, before that one is.
    let document = put(world.folder.path(), "protocol.txt", b"signed");
    request.documents = vec![document];
    let switch = Arc::new(Switch(AtomicBool::new(false)));
    let centre = world.open_on(Disk::with_faults(switch.clone())).unwrap();
    let ended = run(&centre, &actor(&centre), &request, &|progress| {
        if progress.tally.again == 3 {
            switch.0.store(true, Ordering::SeqCst);
        }
    });
    assert!(ended.is_err());
    drop(centre);

    let centre = world.open();
    assert_eq!(count_events(&centre, "delivered_again"), 3);
    assert_eq!(bytes_of(&centre, &item_at(&centre, "usb/a.txt")), b"one");
    let third = take_in(&centre, &request).unwrap();
    assert!(third.resumed);
    assert_eq!((third.tally.resumed, third.tally.again), (3, 0));
    assert_eq!(count_events(&centre, "delivered_again"), 3);
    assert_eq!(count_events(&centre, "intake_closed"), 2);
    // What the list said of them is counted all the same.
    let compared = third.compared.unwrap();
    assert_eq!((compared.matched, compared.different), (1, 1));
    assert_eq!(
        kinds(&centre, &item_at(&centre, "usb/a.txt")),
        ["received", "delivered_again", "opened"]
    );
    drop(centre);
    world.assert_sound();
}
