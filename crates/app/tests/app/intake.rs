//! What goes in, under which number, and what comes of a folder that is handed over twice.

use std::fs;
use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, mpsc};

use comity_app::commit::Group;
use comity_app::project::ItemState;

use crate::fixture::*;

on_every_kind! {
    everything_met_has_a_number_in_the_order_of_the_walk,
    a_folder_delivered_again_makes_no_second_item,
    the_same_path_with_other_bytes_names_the_former,
    another_source_is_another_occurrence_of_bytes_stored_once,
    bytes_that_the_group_before_brought_are_stored_once,
    members_share_nothing,
}

fn everything_met_has_a_number_in_the_order_of_the_walk(kind: Kind) {
    let world = World::new(kind);
    let usb = world.place("usb");
    let expected = evidence(&usb);
    let centre = world.open();
    let outcome = take_in(&centre, &request(&[&usb])).unwrap();
    assert_eq!(
        (outcome.name.as_str(), outcome.resumed),
        ("UKR-000001", false)
    );
    assert_eq!(outcome.tally.items(), 13);
    assert_eq!(outcome.tally.of(ItemState::Sealed), 10);
    assert_eq!(outcome.tally.attention(), 2);

    let lines = listing(&centre);
    let met: Vec<_> = lines.iter().map(|l| (l.1, l.2.clone())).collect();
    assert_eq!(met, expected);
    for (line, n) in lines.iter().zip(1..) {
        assert_eq!(line.0, format!("UKR-000001-{n:07}"));
    }
    // Every item gives back the exact bytes of its file, and says what the file was.
    for item in items(&centre)
        .iter()
        .filter(|i| i.state == ItemState::Sealed)
    {
        let facts = item.facts.as_ref().unwrap();
        let name = facts.path.strip_prefix(b"usb/").unwrap();
        let path = usb.join(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(name));
        let bytes = fs::read(path).unwrap();
        assert_eq!(bytes_of(&centre, item), bytes, "{}", item.ern);
        assert_eq!(said(&centre, item, "sha256").unwrap(), sha256(&bytes));
        assert_eq!(item.size, bytes.len() as u64);
        let file = said(&centre, item, "file").unwrap();
        assert_eq!(file["size"], bytes.len() as u64);
        assert!(file["mtime"].as_str().is_some() && file["mode"].as_str().is_some());
    }
    let of = |path: &str| item_at(&centre, path);
    assert_eq!(of("usb/b/same-1").object, of("usb/b/same-2").object);
    assert_eq!(
        of("usb/d/large.bin").object,
        of("usb/d/large-again.bin").object
    );
    assert_eq!(objects(&centre).len(), 8);
    assert_eq!(
        said(&centre, &of("usb/c/caf\\xe9.txt"), "path_bytes").unwrap(),
        "7573622f632f636166e92e747874"
    );
    assert_eq!(said(&centre, &of("usb/a.txt"), "path_bytes"), None);
    assert_eq!(
        said(&centre, &of("usb/e-link"), "link").unwrap(),
        "../a.txt"
    );
    assert!(said(&centre, &of("usb/f-pipe"), "reason").is_some());
    drop(centre);
    world.assert_sound();
}

fn a_folder_delivered_again_makes_no_second_item(kind: Kind) {
    let world = World::new(kind);
    let usb = world.place("usb");
    put(&usb, "one.txt", b"one");
    put(&usb, "two.txt", b"two");
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    put(&usb, "three.txt", b"three");
    let outcome = take_in(&centre, &request(&[&usb])).unwrap();
    assert_eq!((outcome.tally.items(), outcome.tally.again), (1, 2));
    assert!(!outcome.resumed);
    assert_eq!(items(&centre).len(), 3);
    assert_eq!(objects(&centre).len(), 3);
    assert_eq!(
        kinds(&centre, &item_at(&centre, "usb/one.txt")),
        ["received", "delivered_again"]
    );
    assert_eq!(
        item_at(&centre, "usb/three.txt").ern.to_string(),
        "UKR-000002-0000001"
    );
    drop(centre);
    world.assert_sound();
}

fn the_same_path_with_other_bytes_names_the_former(kind: Kind) {
    let world = World::new(kind);
    let usb = world.place("usb");
    put(&usb, "note.txt", b"first");
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    put(&usb, "note.txt", b"second");
    take_in(&centre, &request(&[&usb])).unwrap();
    let new = item_at(&centre, "usb/note.txt");
    assert_eq!(new.ern.to_string(), "UKR-000002-0000001");
    assert_eq!(said(&centre, &new, "former").unwrap(), "UKR-000001-0000001");
    let all = items(&centre);
    assert_eq!(bytes_of(&centre, &all[0]), b"first");
    assert_eq!(bytes_of(&centre, &all[1]), b"second");
    drop(centre);
    world.assert_sound();
}

fn another_source_is_another_occurrence_of_bytes_stored_once(kind: Kind) {
    let world = World::new(kind);
    let usb = world.place("usb");
    put(&usb, "note.txt", b"the same note");
    put(&usb, "large.bin", &noise(2, 5 << 20));
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    let mut other = request(&[&usb]);
    other.source = "the phone of the pilot".to_owned();
    take_in(&centre, &other).unwrap();
    // Another case of the same member is another occurrence too.
    other.case = "C0002".to_owned();
    take_in(&centre, &other).unwrap();
    let all = items(&centre);
    assert_eq!(all.len(), 6);
    assert_eq!(all[0].object, all[2].object);
    assert_eq!(all[1].object, all[5].object);
    assert_eq!(objects(&centre).len(), 2);
    assert!(
        all.iter()
            .all(|i| said(&centre, i, "former").is_none() && kinds(&centre, i) == ["received"])
    );
    assert_eq!(bytes_of(&centre, &all[5]), b"the same note");
    drop(centre);
    world.assert_sound();
}

/// A group is sealed while the one before is being committed, and must know what that one brings: here the log is
/// held by another process from the first group on until the third was read, and that process then records something between the groups.
fn bytes_that_the_group_before_brought_are_stored_once(kind: Kind) {
    const GROUPS_OF: usize = 2048;
    let world = World::new(kind);
    let usb = world.place("usb");
    for n in 0..3 * GROUPS_OF + 1 {
        put(
            &usb,
            format!("{n:04}.txt"),
            format!("text {}", n % 4).as_bytes(),
        );
    }
    let (centre, other) = (world.open(), world.open());
    let (read, is_read) = mpsc::channel::<()>();
    let (held, is_held) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let (began, begin) = mpsc::channel::<()>();
        scope.spawn(move || {
            begin.recv().unwrap();
            let hold = |_: &mut Group<'_>| {
                held.send(()).unwrap();
                is_read.recv().unwrap();
                Ok(())
            };
            other.sequencer().commit(&other.keys, hold).unwrap();
            for n in 0..20 {
                other
                    .open_case(&actor(&other), &format!("Case {n}"))
                    .unwrap();
            }
        });
        let (groups, ends) = (AtomicU64::new(0), Mutex::new((began, read, is_held)));
        take_in_watched(&centre, &request(&[&usb]), &|_| {
            let ends = ends.lock().unwrap();
            match groups.fetch_add(1, Ordering::SeqCst) {
                0 => {
                    ends.0.send(()).unwrap();
                    ends.2.recv().unwrap();
                }
                2 => ends.1.send(()).unwrap(),
                _ => {}
            }
        });
    });
    let all = items(&centre);
    assert_eq!((all.len(), objects(&centre).len()), (3 * GROUPS_OF + 1, 4));
    for (n, item) in all.iter().enumerate() {
        assert_eq!(item.object, all[n % 4].object, "file {n}");
    }
    drop(centre);
    world.assert_sound();
}

fn members_share_nothing(kind: Kind) {
    let world = World::new(kind);
    let usb = world.place("usb");
    put(&usb, "note.txt", b"the same note");
    put(&usb, "large.bin", &noise(3, 5 << 20));
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    let mut other = request(&[&usb]);
    other.member = "LTU".parse().unwrap();
    let outcome = take_in(&centre, &other).unwrap();
    assert_eq!(
        (
            outcome.name.as_str(),
            outcome.tally.items(),
            outcome.tally.again
        ),
        ("LTU-000001", 2, 0)
    );
    let ids: std::collections::BTreeSet<_> = objects(&centre).into_iter().collect();
    assert_eq!(ids.len(), 4);
    let all = items(&centre);
    assert_ne!(all[0].object, all[2].object);
    assert_eq!(said(&centre, &all[2], "former"), None);
    // Nothing that a table keys by content or path is the same for the two.
    assert_eq!(
        number(&centre, "SELECT count(DISTINCT tag) FROM digests"),
        4
    );
    assert_eq!(number(&centre, "SELECT count(DISTINCT name) FROM paths"), 4);
    drop(centre);
    world.assert_sound();
}

/// Files that go away and files that grow under the reader's hands, seen while a large one before them is read.
#[test]
fn what_vanishes_or_changes_ends_in_a_named_state_and_the_rest_goes_on() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    for n in 0..7 {
        sparse(&usb, &format!("0/{n}"), 4 << 20);
    }
    let grows = sparse(&usb, "1-grows", 6 << 20);
    let gone = put(&usb, "2-gone", b"soon gone");
    let replaced = put(&usb, "3-replaced", b"soon a link");
    put(&usb, "4-stays", b"stays");
    let centre = world.open();
    let once = AtomicBool::new(true);
    take_in_watched(&centre, &request(&[&usb]), &|progress| {
        if progress.tally.bytes > 0 && once.swap(false, Ordering::SeqCst) {
            fs::remove_file(&gone).unwrap();
            fs::remove_file(&replaced).unwrap();
            std::os::unix::fs::symlink("4-stays", &replaced).unwrap();
        }
        if progress.tally.bytes > 30 << 20 && fs::metadata(&grows).unwrap().len() == 6 << 20 {
            let mut file = fs::OpenOptions::new().append(true).open(&grows).unwrap();
            file.write_all(b"more").unwrap();
        }
    });
    let state = |path: &str| item_at(&centre, path).state;
    assert_eq!(state("usb/1-grows"), ItemState::Changed);
    assert_eq!(state("usb/2-gone"), ItemState::Vanished);
    assert_eq!(state("usb/3-replaced"), ItemState::Changed);
    assert_eq!(state("usb/4-stays"), ItemState::Sealed);
    for path in ["usb/1-grows", "usb/2-gone", "usb/3-replaced"] {
        let item = item_at(&centre, path);
        assert!(said(&centre, &item, "reason").is_some(), "{path}");
        assert_eq!(item.object, None);
    }
    assert_eq!(items(&centre).len(), 11);
    drop(centre);
    world.assert_sound();
}

#[test]
fn a_file_that_cannot_be_read_has_a_number_and_a_reason() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    put(&usb, "a", b"a");
    let memory = std::path::Path::new("/proc/self/mem");
    let centre = world.open();
    let outcome = take_in(&centre, &request(&[memory, &usb])).unwrap();
    assert_eq!(
        (
            outcome.tally.of(ItemState::Unreadable),
            outcome.tally.of(ItemState::Sealed)
        ),
        (1, 1)
    );
    let item = item_at(&centre, "mem");
    assert_eq!(item.ern.to_string(), "UKR-000001-0000001");
    assert!(
        said(&centre, &item, "reason")
            .unwrap()
            .as_str()
            .unwrap()
            .contains("error")
    );
    // Delivered readable later, it is a new item that names this one.
    fs::create_dir(world.folder.path().join("later")).unwrap();
    let later = put(&world.place("later"), "mem", b"now readable");
    take_in(&centre, &request(&[&later])).unwrap();
    let new = item_at(&centre, "mem");
    assert_eq!(new.state, ItemState::Sealed);
    assert_eq!(said(&centre, &new, "former").unwrap(), "UKR-000001-0000001");
    drop(centre);
    world.assert_sound();
}

#[test]
fn an_intake_that_cannot_be_is_refused_before_anything_is_recorded() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    put(&usb, "a", b"a");
    let centre = world.open();
    let size = log_size(&centre);
    let mut wrong = Vec::new();
    wrong.push(request(&[&usb.join("not-there")]));
    wrong.push(request(&[&usb, &usb.join("a")]));
    wrong.push(request(&[&world.dir]));
    type Change = fn(&mut comity_app::intake::Request);
    let changes: [Change; 6] = [
        |r| r.source = " ".to_owned(),
        |r| r.case = "No such case".to_owned(),
        |r| r.member = "POL".parse().unwrap(),
        |r| r.manifest = Some("/not/there".into()),
        |r| r.provenance = Some("/not/there".into()),
        |r| r.documents = vec!["/not/there".into()],
    ];
    for change in changes {
        let mut request = request(&[&usb]);
        change(&mut request);
        wrong.push(request);
    }
    for request in wrong {
        let refused = take_in(&centre, &request).expect_err(&format!("{request:?}"));
        assert!(refused.is_usage(), "{request:?}: {refused}");
    }
    assert_eq!(log_size(&centre), size);
}
