//! Acts that one person proposes and another confirms: each as it was proposed, signed by both, and by nobody who
//! became a person meanwhile.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use comity_app::Centre;
use comity_app::acts::{Covered, SolemnAct, TwoPersons};
use comity_app::disclose::Selection;
use comity_app::keyring::DeskKey;
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
    assert!(report.registered.contains_key(signer));
    assert!(report.registered.contains_key(proposer));
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

#[test]
fn the_logs_keys_are_succeeded_by_two_where_the_rule_says_so() {
    // A new epoch of the keyring takes two as well: the one that ends a succession belongs to it.
    let world = world_of(&[("keys_succeed", true), ("keys_rotate", true)]);
    let centre = world.open();
    let (first, second, third) = (
        person(&centre, "UKR-P0001", Some(1)),
        person(&centre, "UKR-P0002", Some(2)),
        person(&centre, "LTU-P0001", Some(3)),
    );
    refused(centre.succeed_log_keys(&first, None), "two persons");
    let heirs = |persons: &[&str]| {
        let persons: Vec<String> = persons.iter().map(|p| (*p).to_owned()).collect();
        centre.heirs_act(1, &persons).unwrap()
    };
    let named = heirs(&["UKR-P0001"]);
    refused(centre.name_heirs(&first, &named), "two persons");

    let number = proposed(&centre, &named);
    refused(centre.second_person(&second, &number), "another member");
    let (confirming, _) = centre.second_person(&third, &number).unwrap();
    let others = heirs(&["LTU-P0001"]);
    refused(centre.name_heirs(&confirming, &others), "something else");
    centre.name_heirs(&confirming, &named).unwrap();

    let succeed = |reason: &str| SolemnAct::SucceedKeys {
        reason: Some(reason.to_owned()),
    };
    let number = proposed(&centre, &succeed("five years"));
    let (confirming, _) = centre.second_person(&third, &number).unwrap();
    refused(
        centre.succeed_log_keys(&confirming, Some("a whim")),
        "something else",
    );
    let epoch = centre.keys.ring().epoch();
    centre
        .succeed_log_keys(&confirming, Some("five years"))
        .unwrap();
    assert_eq!(centre.keys.ring().epoch(), epoch + 1);
    refused(
        centre.succeed_log_keys(&confirming, Some("five years")),
        "answered at this moment",
    );
    refused(centre.rotate_keys(&first, None, None), "two persons");
    drop(centre);
    world.assert_sound();
    the_heirs_of_lost_keys_are_two_with_the_one_who_records(&world);
}

fn the_heirs_of_lost_keys_are_two_with_the_one_who_records(world: &World) {
    let centre = world.open();
    let last = (0..log_size(&centre))
        .rev()
        .map(|index| centre.read_event(index).unwrap())
        .find(|event| event.text("kind") == Some("log_keys_succeeded"))
        .unwrap();
    let present = last.value("key").and_then(|key| key.as_u64()).unwrap();
    centre.keys.ring().destroy(&[present]).unwrap();
    drop(centre);
    let centre = world.open();
    let draft = centre.draft_succession().unwrap();
    let (_, signed) =
        comity_app::succession::sign_draft(&draft.bytes, "UKR-P0001", &key(1)).unwrap();
    for (number, seed) in [("UKR-P0001", 1), ("UKR-P0002", 2)] {
        let alone = person(&centre, number, Some(seed));
        refused(
            centre.succeed_by_heirs(&alone, &signed, None),
            "another person with a registered key",
        );
    }
    let third = person(&centre, "LTU-P0001", Some(3));
    centre.succeed_by_heirs(&third, &signed, None).unwrap();
    drop(centre);
    world.assert_sound();
}

#[test]
fn a_succession_by_two_is_whole_or_did_not_happen_whatever_stops_it() {
    let world = world_of(&[("keys_succeed", false), ("keys_rotate", false)]);
    let centre = world.open();
    let number = proposed(&centre, &SolemnAct::SucceedKeys { reason: None });
    drop(centre);
    let mut finished = 0;
    for n in 0.. {
        let world = world.copy(&format!("stopped-{n}"));
        let centre = world
            .open_on(Disk::with_faults(Arc::new(Stops(AtomicUsize::new(n)))))
            .unwrap();
        let second = person(&centre, "UKR-P0002", Some(2));
        let (confirming, _) = centre.second_person(&second, &number).unwrap();
        let done = centre.succeed_log_keys(&confirming, None);
        drop(centre);
        let centre = world.open();
        let finishes = |said: &String| said.contains("succession");
        finished += usize::from(centre.recovered.iter().any(finishes));
        let kinds: Vec<String> = (0..log_size(&centre))
            .map(|index| centre.read_event(index).unwrap())
            .filter_map(|event| event.text("kind").map(str::to_owned))
            .collect();
        let count = |kind: &str| kinds.iter().filter(|k| *k == kind).count();
        let succeeded = count("log_keys_succeeded");
        assert_eq!(count("confirmed"), succeeded);
        assert_eq!(count("keys_rotated"), succeeded);
        drop(centre);
        world.assert_sound();
        if done.is_ok() {
            assert_eq!(succeeded, 1);
            assert!(finished > 0, "no interruption was finished");
            return;
        }
    }
}

#[test]
fn a_lock_by_two_is_with_the_desk_key_that_was_proposed() {
    let world = world_of(&[("keys_lock", false)]);
    let centre = world.open();
    let (desk, other) = (DeskKey::new([5; 32]), DeskKey::new([6; 32]));
    let member = "UKR".parse().unwrap();
    let lock = |desk: Option<&DeskKey>| SolemnAct::LockKeys {
        member,
        desk: desk.map(|d| d.fingerprint().to_string()),
        reason: None,
    };
    let number = proposed(&centre, &lock(Some(&desk)));
    let second = person(&centre, "UKR-P0002", Some(2));
    let (confirming, _) = centre.second_person(&second, &number).unwrap();
    refused(
        centre.lock_scope(&confirming, &member, &other, None),
        "something else",
    );
    centre
        .lock_scope(&confirming, &member, &desk, None)
        .unwrap();
    let last = centre.read_event(log_size(&centre) - 1).unwrap();
    assert_eq!(
        (last.text("kind"), last.text("desk").map(str::to_owned)),
        (Some("scope_locked"), Some(desk.fingerprint().to_string()))
    );
    let number = proposed(&centre, &lock(None));
    let (confirming, _) = centre.second_person(&second, &number).unwrap();
    centre.unlock_scope(&confirming, &member, None).unwrap();
    drop(centre);
    world.assert_sound();
}
