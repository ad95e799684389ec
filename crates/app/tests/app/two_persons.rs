//! Acts that one person proposes and another confirms: each as it was proposed, signed by both, and by nobody who
//! became a person meanwhile.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use comity_app::Centre;
use comity_app::acts::{Covered, SolemnAct, TwoPersons};
use comity_app::disclose::Selection;
use comity_core::package::{PackageReport, Recording};
use comity_core::proof::TlogProof;
use comity_store::Disk;

use crate::acts::{Stops, filled, key, person, refused};
use crate::fixture::*;

fn rules(acts: &[(&str, bool)]) -> Vec<TwoPersons> {
    let erase = [("erase", false)];
    let rule = |(act, other_member): &(&str, bool)| TwoPersons {
        act: (*act).to_owned(),
        other_member: *other_member,
        hours: 24,
    };
    erase.iter().chain(acts).map(rule).collect()
}

/// A world with three persons with keys where these acts take two.
fn world_of(acts: &[(&str, bool)]) -> World {
    let world = filled(PLAIN);
    let centre = world.open();
    let first = person(&centre, "UKR-P0001", Some(1));
    centre.set_two_person_acts(&first, &rules(acts)).unwrap();
    drop(centre);
    world
}

fn proposed(centre: &Centre, act: &SolemnAct) -> String {
    let first = person(centre, "UKR-P0001", Some(1));
    centre.propose(&first, act).unwrap().unwrap().proposal
}

fn selection() -> Selection {
    Selection {
        to: None,
        case: CASE.to_owned(),
        items: Vec::new(),
        purpose: "trial".to_owned(),
        recipient: Some("the court".to_owned()),
        viewings: false,
    }
}

fn checked(place: &std::path::Path) -> PackageReport {
    let source = crate::folder::Folder::open(place).unwrap();
    let beside = |ending: &str| {
        let name = place.file_name().unwrap().to_str().unwrap();
        std::fs::read(place.with_file_name(format!("{name}{ending}"))).ok()
    };
    let options = comity_core::package::PackageOptions {
        beside: comity_core::package::Beside {
            proof: beside(".disclosure.tlog-proof"),
            consistency: beside(".consistency"),
        },
        ..Default::default()
    };
    comity_core::package::check_package(&source, &options)
}

#[test]
fn a_disclosure_of_two_is_what_was_proposed_and_shows_both_signatures() {
    let world = world_of(&[("disclose", true)]);
    let centre = world.open();
    let place = world.place("out").join("package");
    let first = person(&centre, "UKR-P0001", Some(1));
    refused(
        centre.disclose(&first, &selection(), &place, &|_, _, _| ()),
        "two persons",
    );
    let act = centre.disclosure_act(&selection()).unwrap();
    let number = proposed(&centre, &act);
    // What comes into the case after the proposal is not part of it.
    let more = world.place("more");
    put(&more, "late.txt", b"Late.");
    comity_app::intake::run(&centre, &first, &request(&[&more]), &|_| ()).unwrap();
    refused(
        centre.second_person(&person(&centre, "UKR-P0002", Some(2)), &number),
        "another member",
    );
    let third = person(&centre, "LTU-P0001", Some(3));
    let (confirming, act) = centre.second_person(&third, &number).unwrap();
    let SolemnAct::Disclose { selection, .. } = &act else {
        panic!("{act:?}")
    };
    let other = Selection {
        purpose: "the press".to_owned(),
        ..selection.clone()
    };
    refused(
        centre.disclose(&confirming, &other, &place, &|_, _, _| ()),
        "something else",
    );
    centre
        .disclose(&confirming, selection, &place, &|_, _, _| ())
        .unwrap();
    let report = checked(&place);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert_eq!(report.exhibits, 3);
    let Some(Recording::Recorded {
        signer: Some(signer),
        proposer: Some(proposer),
        ..
    }) = &report.recording
    else {
        panic!("{:?}", report.recording)
    };
    assert_eq!(
        (
            signer.person.as_str(),
            signer.key,
            proposer.person.as_str(),
            proposer.key
        ),
        ("LTU-P0001", key(3).public(), "UKR-P0001", key(1).public())
    );
    refused(centre.second_person(&third, &number), "confirmed already");
    drop(centre);
    world.assert_sound();
    a_proposal_that_is_left_out_or_changed_is_named(&place);
}

fn a_proposal_that_is_left_out_or_changed_is_named(place: &std::path::Path) {
    let file = place.with_file_name("package.disclosure.tlog-proof");
    let whole = std::fs::read(&file).unwrap();
    let proof = TlogProof::parse(&whole).unwrap();
    let extra = String::from_utf8(proof.extra.clone().unwrap()).unwrap();
    let (act, rest) = extra.split_once(",\"proposal\":").unwrap();
    for (changed, said) in [
        (format!("{act}}}"), "the proposal is not there"),
        (
            format!(
                "{act},\"proposal\":{}",
                rest.replace("\"the court\"", "\"the press\"")
            ),
            "its proposal",
        ),
        (
            format!("{act},\"proposal\":{act}}}}}"),
            "names another proposal",
        ),
    ] {
        let proof = TlogProof {
            extra: Some(changed.into_bytes()),
            ..proof.clone()
        };
        std::fs::write(&file, proof.encode()).unwrap();
        let report = checked(place);
        assert_eq!(report.recording, Some(Recording::Wrong));
        let found = &report.findings.list()[0].what;
        assert!(found.contains(said), "{found:?} says nothing of {said:?}");
    }
    std::fs::write(&file, whole).unwrap();
}

#[test]
fn who_became_a_person_or_got_a_key_after_the_proposal_cannot_confirm_it() {
    let world = world_of(&[("hold", false)]);
    let centre = world.open();
    let case = Covered::Case(CASE.to_owned());
    let act = centre.hold_act(&case, "trial", "rule 54").unwrap();
    let (number, again) = (proposed(&centre, &act), proposed(&centre, &act));
    let first = person(&centre, "UKR-P0001", Some(1));
    let newcomer = centre
        .add_person(&first, &"LTU".parse().unwrap(), "Newcomer")
        .unwrap()
        .0;
    centre
        .register_key(&person(&centre, &newcomer, None), key(9))
        .unwrap();
    let replaced = person(&centre, "LTU-P0001", Some(3));
    centre.register_key(&replaced, key(8)).unwrap();
    for (number_of, seed) in [(newcomer.as_str(), 9), ("LTU-P0001", 8)] {
        refused(
            centre.second_person(&person(&centre, number_of, Some(seed)), &number),
            "only who had a key already",
        );
    }
    let second = person(&centre, "UKR-P0002", Some(2));
    let (confirming, _) = centre.second_person(&second, &number).unwrap();
    centre.hold(&confirming, &case, "trial", "rule 54").unwrap();
    // The proposer's own key was replaced: what the former one signed is not confirmed any more.
    centre
        .register_key(&person(&centre, "UKR-P0001", Some(1)), key(7))
        .unwrap();
    refused(
        centre.second_person(&second, &again),
        "only who had a key already",
    );
    drop(centre);
    world.assert_sound();
}

#[test]
fn persons_and_their_keys_are_registered_by_two_where_the_rule_says_so() {
    let world = world_of(&[("person_add", true), ("person_key", false)]);
    let centre = world.open();
    let first = person(&centre, "UKR-P0001", Some(1));
    let member = "LTU".parse().unwrap();
    refused(centre.add_person(&first, &member, "Puppet"), "two persons");
    let number = proposed(
        &centre,
        &SolemnAct::AddPerson {
            member,
            name: "Newcomer".to_owned(),
        },
    );
    let third = person(&centre, "LTU-P0001", Some(3));
    let (confirming, _) = centre.second_person(&third, &number).unwrap();
    refused(
        centre.add_person(&confirming, &member, "Another"),
        "something else",
    );
    let newcomer = centre
        .add_person(&confirming, &member, "Newcomer")
        .unwrap()
        .0;
    let of = |seed| person(&centre, &newcomer, seed);
    refused(centre.register_key(&of(None), key(9)), "two persons");
    let number = centre.propose_key(&of(None), key(9)).unwrap().unwrap();
    let (confirming, act) = centre.second_person(&third, &number.proposal).unwrap();
    centre.key_registered(&confirming, &act).unwrap();
    assert_eq!(of(None).registered, Some(key(9).public()));
    // A key in the place of one that was lost is one more act of two.
    refused(centre.register_key(&of(Some(9)), key(10)), "two persons");
    let usb = world.place("usb");
    comity_app::intake::run(&centre, &of(Some(9)), &request(&[&usb]), &|_| ()).unwrap();
    drop(centre);
    world.assert_sound();
}

#[test]
fn no_rule_is_loosened_by_one_person_and_none_is_set_that_nobody_can_meet() {
    let world = World::new(PLAIN);
    let centre = world.open();
    refused(
        centre.set_two_person_acts(&actor(&centre), &rules(&[("hold", false)])),
        "could not be done by anybody",
    );
    let world = world_of(&[("hold", true), ("disclose", false)]);
    let centre = world.open();
    let (first, second, third) = (
        person(&centre, "UKR-P0001", Some(1)),
        person(&centre, "UKR-P0002", Some(2)),
        person(&centre, "LTU-P0001", Some(3)),
    );
    for looser in [
        rules(&[("hold", true)]),
        rules(&[("hold", false), ("disclose", false)]),
    ] {
        refused(centre.set_two_person_acts(&first, &looser), "two persons");
    }
    // Stricter is no matter of two.
    let stricter = rules(&[("hold", true), ("disclose", true), ("release", false)]);
    assert_eq!(
        centre
            .propose(&first, &SolemnAct::Rules(stricter.clone()))
            .unwrap(),
        None
    );
    centre.set_two_person_acts(&first, &stricter).unwrap();
    let none = rules(&[]);
    let number = proposed(&centre, &SolemnAct::Rules(none.clone()));
    refused(centre.second_person(&second, &number), "another member");
    let (confirming, _) = centre.second_person(&third, &number).unwrap();
    centre.set_two_person_acts(&confirming, &none).unwrap();
    centre
        .hold(&first, &Covered::Case(CASE.to_owned()), "trial", "rule 54")
        .unwrap();
    drop(centre);
    world.assert_sound();
}

#[test]
fn a_change_of_keys_by_two_names_both_whatever_came_in_between() {
    let world = world_of(&[("keys_rotate", false)]);
    let centre = world.open();
    let first = person(&centre, "UKR-P0001", Some(1));
    refused(centre.rotate_keys(&first, None, None), "two persons");
    let number = proposed(
        &centre,
        &SolemnAct::RotateKeys {
            member: None,
            reason: Some("a laptop is gone".to_owned()),
            new_passphrase: false,
        },
    );
    drop(centre);
    let mut finished = 0;
    for n in 0.. {
        let world = world.copy(&format!("stopped-{n}"));
        let centre = world
            .open_on(Disk::with_faults(Arc::new(Stops(AtomicUsize::new(n)))))
            .unwrap();
        let epoch = centre.keys.ring().epoch();
        let second = person(&centre, "UKR-P0002", Some(2));
        let (confirming, _) = centre.second_person(&second, &number).unwrap();
        let done = centre.rotate_keys(&confirming, None, Some("a laptop is gone"));
        drop(centre);
        let centre = world.open();
        if !centre.recovered.is_empty() {
            finished += 1;
        }
        if centre.keys.ring().epoch() > epoch {
            let last = (0..log_size(&centre))
                .map(|index| centre.read_event(index).unwrap())
                .find(|event| event.text("kind") == Some("keys_rotated"))
                .unwrap();
            assert_eq!(
                (
                    last.text("actor"),
                    last.text("proposed_by"),
                    last.text("proposal")
                ),
                (Some("UKR-P0002"), Some("UKR-P0001"), Some(number.as_str()))
            );
        }
        drop(centre);
        world.assert_sound();
        if done.is_ok() {
            assert!(finished > 0, "no interruption was finished");
            return;
        }
    }
}
