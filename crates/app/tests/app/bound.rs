//! The event that closes an intake names its items: what is slipped in, left out or exchanged afterwards is named.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use comity_app::Centre;
use comity_app::keyring::DeskKey;
use comity_app::read::OpenedEvent;
use comity_app::receipt::Place;
use comity_core::json::{Value, json, parse};
use comity_core::merkle::Frontier;
use comity_core::package::{ReceiptOptions, ReceiptReport, Signer, check_receipt};
use comity_store::Disk;

use crate::acts::{Stops, filled, key, person};
use crate::fixture::*;

on_every_kind! {
    an_intake_is_closed_with_its_items_and_no_others,
    a_package_shows_whose_keys_signed_and_what_was_closed_and_nobody_else,
}

fn events(centre: &Centre) -> Vec<OpenedEvent> {
    (0..log_size(centre))
        .map(|index| centre.read_event(index).unwrap())
        .collect()
}

/// Root and size of the tree over the items' events of the last intake, from the log, and what its closing event says.
fn last_intake(centre: &Centre) -> (Value, Value) {
    let events = events(centre);
    let of = |kind: &str| {
        events
            .iter()
            .rfind(|e| e.text("kind") == Some(kind))
            .unwrap()
    };
    let act = of("intake_opened").text("event").unwrap();
    let mut tree = Frontier::new();
    let items = events.iter().filter(|e| {
        matches!(e.text("kind"), Some("received" | "delivered_again")) && e.text("act") == Some(act)
    });
    items.for_each(|event| tree.push(event.hash));
    let found = json!({ "root": tree.root().to_string(), "size": tree.size() });
    (found, of("intake_closed").value("items").unwrap().clone())
}

fn an_intake_is_closed_with_its_items_and_no_others(kind: Kind) {
    let world = filled(kind);
    let centre = world.open();
    let signed = person(&centre, "UKR-P0001", Some(1));
    let usb = world.place("usb");
    put(&usb, "d/new.txt", b"New.");
    // Three things are there already, and one is new.
    comity_app::intake::run(&centre, &signed, &request(&[&usb]), &|_| ()).unwrap();
    let (found, named) = last_intake(&centre);
    assert_eq!(found, named);
    assert_eq!(named["size"], 4);
    let place = world.place("out").join("receipt");
    let no = centre
        .intake_of_name(&mut centre.session().unwrap(), "UKR-000002")
        .unwrap();
    centre
        .make_receipt(&signed, no, Place::Here(&place), &|_, _| ())
        .unwrap();
    drop(centre);
    world.assert_sound();
    let report = checked(&place);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    let bound = report.bound.unwrap();
    let signer = bound.signer.unwrap();
    assert_eq!(
        (bound.events, signer.person.as_str(), signer.key),
        (4, "UKR-P0001", key(1).public())
    );
    what_is_not_what_was_closed_is_named(&place);
}

/// Of four things two are disclosed: one that was delivered twice, in an intake that nobody signed and in one that its
/// person did, and one of the latter alone.
fn a_package_shows_whose_keys_signed_and_what_was_closed_and_nobody_else(kind: Kind) {
    let world = filled(kind);
    let centre = world.open();
    let signed = person(&centre, "UKR-P0001", Some(1));
    let usb = world.place("usb");
    put(&usb, "d/new.txt", b"New.");
    comity_app::intake::run(&centre, &signed, &request(&[&usb]), &|_| ()).unwrap();
    let exhibits = ["usb/c/other.txt", "usb/d/new.txt"].map(|path| item_at(&centre, path).ern);
    let selection = comity_app::disclose::Selection {
        to: None,
        case: CASE.to_owned(),
        items: exhibits.to_vec(),
        purpose: "trial".to_owned(),
        recipient: None,
        viewings: false,
    };
    let place = world.place("out").join("package");
    centre
        .disclose(&signed, &selection, &place, &|_, _, _| ())
        .unwrap();
    let report = crate::acts::checked(&place);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    let all = events(&centre);
    let index_of = |kind: &str, person: &str| {
        let of =
            |e: &&OpenedEvent| e.text("kind") == Some(kind) && e.text("person") == Some(person);
        all.iter().find(of).unwrap().index
    };
    let intakes: Vec<_> = report
        .intakes
        .iter()
        .map(|i| (i.name.as_str(), i.items, i.shown, i.signer.is_some()))
        .collect();
    let mut expected = [("UKR-000001", 3, 1, false), ("UKR-000002", 4, 2, true)];
    expected.sort_by_key(|(name, ..)| report.intakes.iter().position(|i| i.name == *name));
    assert_eq!(intakes, expected);
    assert_eq!(report.unbound, 0);
    let registered: Vec<_> = report
        .registered
        .iter()
        .map(|(signer, index)| (signer.person.as_str(), signer.key, *index))
        .collect();
    let index = index_of("person_key_registered", "UKR-P0001");
    assert_eq!(registered, [("UKR-P0001", key(1).public(), index)]);
    // Persons who signed nothing of this are not in it, and nobody's name is.
    for (name, bytes) in files(&place) {
        let text = String::from_utf8_lossy(&bytes);
        for other in ["UKR-P0002", "LTU-P0001", "\"Second\"", "\"Third\""] {
            let is_ours = name.starts_with("comity/") && !name.starts_with("comity/format/");
            assert!(!is_ours || !text.contains(other), "{other} is in {name}");
        }
    }
    drop(centre);
    world.assert_sound();
}

/// The key that signed is shown either way; whose it is, only where the desk that locked its person's records brings its
/// key, and the package says nothing false without it.
#[test]
fn a_person_whose_desk_has_locked_its_records_is_left_out_until_it_brings_its_key() {
    let world = filled(PLAIN);
    let centre = world.open();
    let exhibit = item_at(&centre, "usb/c/other.txt").ern;
    let covered = comity_app::acts::Covered::Items(vec![exhibit]);
    let third = person(&centre, "LTU-P0001", Some(3));
    centre.hold(&third, &covered, "trial", "rule 54").unwrap();
    let (desk, lithuania) = (DeskKey::new([5; 32]), "LTU".parse().unwrap());
    centre
        .lock_scope(
            &person(&centre, "UKR-P0001", Some(1)),
            &lithuania,
            &desk,
            None,
        )
        .unwrap();
    drop(centre);
    let centre = world.open();
    let signed = person(&centre, "UKR-P0001", Some(1));
    for brings_it in [false, true] {
        if brings_it {
            centre.keys.ring().bring(&desk);
        }
        let selection = comity_app::disclose::Selection {
            to: None,
            case: CASE.to_owned(),
            items: vec![exhibit],
            purpose: "trial".to_owned(),
            recipient: None,
            viewings: false,
        };
        let place = world.place("out").join(format!("package-{brings_it}"));
        centre
            .disclose(&signed, &selection, &place, &|_, _, _| ())
            .unwrap();
        let report = crate::acts::checked(&place);
        assert!(report.findings.is_empty(), "{:?}", report.findings);
        let by_third = |signer: &&Signer| signer.person == "LTU-P0001";
        let key_3 = key(3).public();
        let seen = report.signers.keys().find(by_third).unwrap();
        assert_eq!(seen.key, key_3);
        let shown: Vec<&str> = report
            .registered
            .keys()
            .map(|s| s.person.as_str())
            .collect();
        let expected: &[&str] = if brings_it { &["LTU-P0001"] } else { &[] };
        assert_eq!(shown, expected);
        // Who signed the disclosure itself is there either way.
        let persons = std::fs::read_to_string(place.join("comity/persons.jsonl")).unwrap();
        assert!(persons.contains("UKR-P0001"));
        assert_eq!(persons.contains("LTU-P0001"), brings_it);
    }
}

fn checked(place: &std::path::Path) -> ReceiptReport {
    let source = crate::folder::Folder::open(place).unwrap();
    check_receipt(&source, &ReceiptOptions::default())
}

/// Whoever changes the receipt changes its lists and counts with it; the closing event they cannot change.
fn what_is_not_what_was_closed_is_named(place: &std::path::Path) {
    let file = place.join("manifest.jsonl");
    let whole = std::fs::read_to_string(&file).unwrap();
    let mut lines: Vec<&str> = whole.lines().collect();
    let last = lines.pop().unwrap();
    for (changed, said) in [
        (
            lines.join("\n") + "\n",
            "not those with which the intake was closed",
        ),
        (whole.replace("\"delivered_again\"", "\"received\""), ""),
    ] {
        std::fs::write(&file, changed).unwrap();
        let report = checked(place);
        assert_eq!(report.bound, None);
        let found = report.findings.list();
        assert!(found.iter().any(|f| f.what.contains(said)), "{found:?}");
    }
    assert!(parse(last.as_bytes()).is_ok());
    std::fs::write(&file, whole).unwrap();
    // The closing of another intake, or none at all, binds nothing.
    let acts = place.join("intake.jsonl");
    let text = std::fs::read_to_string(&acts).unwrap();
    let opened = text.lines().next().unwrap();
    std::fs::write(&acts, format!("{opened}\n{opened}\n")).unwrap();
    let report = checked(place);
    assert!(report.bound.is_none() && !report.findings.is_empty());
}

#[test]
fn an_intake_that_was_interrupted_is_closed_with_the_items_of_all_its_runs() {
    let world = filled(PLAIN);
    let usb = world.place("usb");
    for n in 0..40 {
        put(
            &usb,
            format!("more/{n}.txt"),
            format!("file {n}").as_bytes(),
        );
    }
    let mut resumed = 0;
    for n in 1.. {
        let world = world.copy(&format!("stopped-{n}"));
        let centre = world
            .open_on(Disk::with_faults(Arc::new(Stops(AtomicUsize::new(n)))))
            .unwrap();
        let signed = person(&centre, "UKR-P0001", Some(1));
        let wanted = request(&[&usb]);
        let run = |centre: &Centre| comity_app::intake::run(centre, &signed, &wanted, &|_| ());
        let done = run(&centre);
        drop(centre);
        let centre = world.open();
        if done.is_err() {
            resumed += u64::from(run(&centre).unwrap().resumed);
        }
        let (found, named) = last_intake(&centre);
        assert_eq!(found, named);
        drop(centre);
        world.assert_sound();
        if done.is_ok() {
            assert!(resumed > 0, "no intake was resumed");
            return;
        }
    }
}
