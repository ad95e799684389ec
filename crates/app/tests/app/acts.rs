//! Solemn acts: signed, by two persons, and an erasure that forgets an item and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use comity_app::Centre;
use comity_app::acts::{Covered, Erased, Erasure, Scope, State, TwoPersons};
use comity_app::event::Actor;
use comity_app::item::Item;
use comity_app::person_key::PersonKey;
use comity_core::body::{Class, field_commitment};
use comity_core::signature::{ActSignature, signed_commitment};
use comity_store::{Call, Disk, Faults, Outcome};

use crate::fixture::*;

on_every_kind! {
    an_erased_item_is_forgotten_and_what_was_done_with_it_is_not,
    bytes_that_two_items_hold_stay_with_the_other,
    nothing_under_a_hold_is_erased,
}

const SENTENCE: &[u8] = b"The witness lives at the mill by the river.";

/// An age identity of a test: the same byte 32 times.
pub fn key(seed: u8) -> PersonKey {
    let hrp = bech32::Hrp::parse("age-secret-key-").unwrap();
    let identity = bech32::encode_upper::<bech32::Bech32>(hrp, &[seed; 32]).unwrap();
    PersonKey::read(identity.as_bytes(), &|| unreachable!()).unwrap()
}

pub fn person(centre: &Centre, number: &str, seed: Option<u8>) -> Actor {
    let mut actor = centre
        .actor(&mut centre.session().unwrap(), number)
        .unwrap();
    actor.key = seed.map(|s| Arc::new(key(s)));
    actor
}

/// A world with three persons, two of whom have keys, and three items, two of which hold the same bytes.
pub fn filled(kind: Kind) -> World {
    let world = World::new(kind);
    fill(&world);
    world
}

/// See [`filled`].
pub fn fill(world: &World) {
    let usb = world.place("usb");
    put(&usb, "a/statement.txt", SENTENCE);
    put(&usb, "b/copy.txt", SENTENCE);
    put(&usb, "c/other.txt", b"Another file.");
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    two_persons_with_keys(&centre);
}

/// Two more persons, and keys of all three.
pub fn two_persons_with_keys(centre: &Centre) {
    let first = actor(centre);
    for (member, name) in [("UKR", "Second"), ("LTU", "Third")] {
        centre
            .add_person(&first, &member.parse().unwrap(), name)
            .unwrap();
    }
    for (number, seed) in [("UKR-P0001", 1), ("UKR-P0002", 2), ("LTU-P0001", 3)] {
        let actor = person(centre, number, None);
        centre.register_key(&actor, key(seed)).unwrap();
    }
}

pub fn erasure(items: &[&Item], scope: Scope) -> Erasure {
    Erasure {
        items: items.iter().map(|i| i.ern).collect(),
        scope,
        reason: "it was taken from the wrong house".to_owned(),
        authority: "order 7/2026 of the court".to_owned(),
    }
}

pub fn propose(centre: &Centre, items: &[&Item], scope: Scope) -> String {
    let asked = centre
        .erase(
            &person(centre, "UKR-P0001", Some(1)),
            &erasure(items, scope),
        )
        .unwrap();
    asked.proposal
}

pub fn confirm(centre: &Centre, number: &str) -> Result<Erased, comity_app::AppError> {
    centre.confirm_erasure(&person(centre, "UKR-P0002", Some(2)), number)
}

pub fn erase(centre: &Centre, items: &[&Item], scope: Scope) -> Erased {
    confirm(centre, &propose(centre, items, scope)).unwrap()
}

pub fn refused<T: std::fmt::Debug>(done: Result<T, comity_app::AppError>, why: &str) {
    let said = done.unwrap_err().to_string();
    assert!(said.contains(why), "{said:?} says nothing of {why:?}");
}

fn an_erased_item_is_forgotten_and_what_was_done_with_it_is_not(kind: Kind) {
    let world = filled(kind);
    let centre = world.open();
    let (gone, other) = (
        item_at(&centre, "usb/c/other.txt"),
        item_at(&centre, "usb/a/statement.txt"),
    );
    let epoch = centre.keys.ring().epoch();
    let done = erase(&centre, &[&gone], Scope::Unsaid);
    assert_eq!(done.number, "E0001");
    assert_eq!(centre.keys.ring().epoch(), epoch + 1);
    let mut session = centre.session().unwrap();
    let now = centre.item(&mut session, &gone.ern).unwrap();
    assert!(now.facts.is_none() && now.size == 0 && now.object.is_none());
    let said = centre.open_item(
        &mut session,
        &person(&centre, "UKR-P0001", None),
        now.clone(),
        "a test",
        None,
    );
    let said = said.err().unwrap().to_string();
    for part in [
        "UKR-P0002",
        "proposed by UKR-P0001",
        "wrong house",
        "order 7/2026",
    ] {
        assert!(said.contains(part), "{said:?}");
    }
    assert_eq!(kinds(&centre, &now), ["received", "erased"]);
    let received = centre.received_event(&now).unwrap();
    assert!(received.value("path").is_none() && received.text("ern").is_some());
    assert_eq!(bytes_of(&centre, &other), SENTENCE);
    refused(
        centre.erase(
            &person(&centre, "UKR-P0001", Some(1)),
            &erasure(&[&now], Scope::Unsaid),
        ),
        "erased already",
    );
    drop(centre);
    world.assert_sound();
    // What is made anew from the ledger, without the key, is what the tables said all along.
    let centre = world.open();
    centre.rebuild(&|_, _| ()).unwrap();
    drop(centre);
    world.assert_sound();
}

fn bytes_that_two_items_hold_stay_with_the_other(kind: Kind) {
    let world = filled(kind);
    let centre = world.open();
    let (first, copy) = (
        item_at(&centre, "usb/a/statement.txt"),
        item_at(&centre, "usb/b/copy.txt"),
    );
    assert_eq!(first.object, copy.object);
    refused(
        centre.erase(
            &person(&centre, "UKR-P0001", Some(1)),
            &erasure(&[&first], Scope::Unsaid),
        ),
        &copy.ern.to_string(),
    );
    let done = erase(&centre, &[&first], Scope::These);
    assert_eq!(done.survivors.same_bytes, [copy.ern]);
    let mut session = centre.session().unwrap();
    let heir = centre.item(&mut session, &copy.ern).unwrap();
    assert_eq!(bytes_of(&centre, &heir), SENTENCE);
    drop(centre);
    world.assert_sound();
    // The same bytes are still found, and stored once.
    let centre = world.open();
    let stored = objects(&centre).len();
    let more = world.place("more");
    put(&more, "again.txt", SENTENCE);
    let signed = person(&centre, "UKR-P0001", Some(1));
    comity_app::intake::run(&centre, &signed, &request(&[&more]), &|_| ()).unwrap();
    assert_eq!(objects(&centre).len(), stored);
    let all = erase(&centre, &[&heir], Scope::All);
    assert_eq!(all.items.len(), 2);
    assert_eq!(number(&centre, "SELECT count(*) FROM objects"), 1);
    assert_eq!(number(&centre, "SELECT count(*) FROM digests"), 1);
    drop(centre);
    world.assert_sound();
}

fn nothing_under_a_hold_is_erased(kind: Kind) {
    let world = filled(kind);
    let centre = world.open();
    let item = item_at(&centre, "usb/c/other.txt");
    let (first, second) = (
        person(&centre, "UKR-P0001", Some(1)),
        person(&centre, "UKR-P0002", Some(2)),
    );
    let asked = propose(&centre, &[&item], Scope::Unsaid);
    let single = centre
        .hold(&first, &Covered::Items(vec![item.ern]), "trial", "rule 54")
        .unwrap();
    let case = centre
        .hold(&first, &Covered::Case(CASE.to_owned()), "trial", "rule 54")
        .unwrap();
    let both = format!("{single}, {case}");
    refused(
        centre.erase(&first, &erasure(&[&item], Scope::Unsaid)),
        &both,
    );
    // One that was proposed before the hold came is stopped too.
    refused(centre.confirm_erasure(&second, &asked), &both);
    centre.release(&first, &single, "over", "rule 54").unwrap();
    refused(centre.confirm_erasure(&second, &asked), &case);
    let two = |act: &str, other_member| TwoPersons {
        act: act.to_owned(),
        other_member,
        hours: 1,
    };
    refused(
        centre.set_two_person_acts(&first, &[two("release", false)]),
        "always",
    );
    centre
        .set_two_person_acts(&first, &[two("erase", false), two("release", true)])
        .unwrap();
    refused(
        centre.release(&first, &case, "over", "rule 54"),
        "two persons",
    );
    let act = centre.release_act(&case, "over", "rule 54").unwrap();
    let number = centre.propose(&first, &act).unwrap().unwrap().proposal;
    refused(centre.second_person(&second, &number), "another member");
    let third = person(&centre, "LTU-P0001", Some(3));
    refused(centre.confirm_erasure(&third, &number), "another act");
    let (confirming, _) = centre.second_person(&third, &number).unwrap();
    refused(
        centre.release(&confirming, &case, "another reason", "rule 54"),
        "something else",
    );
    centre
        .release(&confirming, &case, "over", "rule 54")
        .unwrap();
    refused(centre.second_person(&third, &number), "confirmed already");
    centre.confirm_erasure(&second, &asked).unwrap();
    assert_eq!(
        kinds(&centre, &item),
        ["received", "held", "released", "erased"]
    );
    drop(centre);
    world.assert_sound();
}

#[test]
fn two_names_are_not_two_persons() {
    let world = filled(PLAIN);
    let centre = world.open();
    let item = item_at(&centre, "usb/c/other.txt");
    let wanted = erasure(&[&item], Scope::Unsaid);
    let first = |seed| person(&centre, "UKR-P0001", seed);
    refused(centre.erase(&first(None), &wanted), "--key");
    refused(centre.erase(&first(Some(2)), &wanted), "another key");
    let fourth = centre
        .add_person(&first(None), &"UKR".parse().unwrap(), "Fourth")
        .unwrap()
        .0;
    refused(
        centre.erase(&person(&centre, &fourth, None), &wanted),
        "no key",
    );
    refused(
        centre.register_key(&person(&centre, &fourth, None), key(2)),
        "UKR-P0002",
    );
    let asked = propose(&centre, &[&item], Scope::Unsaid);
    refused(
        centre.confirm_erasure(&first(Some(1)), &asked),
        "the same person",
    );
    world.clock.pass(73 * 3_600_000_000);
    refused(
        centre.confirm_erasure(&person(&centre, "UKR-P0002", Some(2)), &asked),
        "lapsed",
    );
    let again = propose(&centre, &[&item], Scope::Unsaid);
    centre
        .withdraw(
            &person(&centre, "UKR-P0002", Some(2)),
            &again,
            "the court lifted it",
        )
        .unwrap();
    refused(
        centre.confirm_erasure(&person(&centre, "UKR-P0002", Some(2)), &again),
        "withdrawn",
    );
    let states: Vec<State> = centre
        .proposals(&mut centre.session().unwrap())
        .unwrap()
        .iter()
        .map(|p| p.state)
        .collect();
    assert_eq!(states, [State::Withdrawn, State::Lapsed]);
    // An intake and a disclosure of a person with a key are not done in that person's name by whoever runs the machine.
    let usb = world.place("usb");
    refused(take_in(&centre, &request(&[&usb])), "--key");
}

#[test]
fn a_signature_covers_the_event_and_stays_after_the_content_is_gone() {
    let world = filled(PLAIN);
    let centre = world.open();
    erase(
        &centre,
        &[&item_at(&centre, "usb/c/other.txt")],
        Scope::Unsaid,
    );
    let mut signed = 0;
    for index in 0..log_size(&centre) {
        let event = centre.read_event(index).unwrap();
        let Some(value) = event.value("signature") else {
            continue;
        };
        let signature = ActSignature::parse(value).unwrap();
        let list: Vec<(Class, &str, _)> = event
            .fields
            .iter()
            .map(|f| {
                let commitment = match (&f.salt, &f.value) {
                    (Some(salt), Some(value)) => field_commitment(salt, &f.name, value).unwrap(),
                    _ => f.commitment,
                };
                (f.class, f.name.as_str(), commitment)
            })
            .collect();
        let commitment = signed_commitment(&list).unwrap();
        signature
            .verify(&centre.config.origin, &commitment)
            .unwrap();
        assert!(signature.verify("another.example", &commitment).is_err());
        assert_eq!(event.text("auth"), Some("signed"));
        signed += 1;
    }
    // Three keys; the proposal, its confirmation, the order, the item's own, the new epoch.
    assert_eq!(signed, 8);
}

fn disclose(centre: &Centre, place: &std::path::Path) {
    let selection = comity_app::disclose::Selection {
        to: None,
        case: CASE.to_owned(),
        items: Vec::new(),
        purpose: "trial".to_owned(),
        recipient: Some("the court".to_owned()),
        viewings: false,
    };
    let actor = person(centre, "UKR-P0001", Some(1));
    centre
        .disclose(&actor, &selection, place, &|_, _, _| ())
        .unwrap();
}

pub fn checked(place: &std::path::Path) -> comity_core::package::PackageReport {
    let source = crate::folder::Folder::open(place).unwrap();
    comity_core::package::check_package(&source, &comity_core::package::PackageOptions::default())
}

#[test]
fn a_new_package_says_who_erased_and_why_and_the_one_before_still_holds() {
    let world = filled(PLAIN);
    let centre = world.open();
    let (before, after) = (
        world.place("out").join("before"),
        world.place("out").join("after"),
    );
    disclose(&centre, &before);
    let gone = item_at(&centre, "usb/c/other.txt");
    let done = erase(&centre, &[&gone], Scope::Unsaid);
    assert_eq!(done.survivors.packages.len(), 1);
    assert!(
        done.survivors.packages[0].contains("the court"),
        "{:?}",
        done.survivors
    );
    disclose(&centre, &after);
    let report = checked(&before);
    assert!(
        report.findings.is_empty() && report.erased.is_empty(),
        "{:?}",
        report.findings
    );
    let report = checked(&after);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert_eq!((report.exhibits, report.files), (3, 2));
    let said = &report.erased[&gone.ern];
    for part in [
        "UKR-P0002",
        "UKR-P0001 proposed",
        "order 7/2026",
        "wrong house",
    ] {
        assert!(said.contains(part), "{said}");
    }
    let signers: Vec<_> = report.signers.iter().collect();
    assert_eq!(signers.len(), 1);
    assert_eq!(
        (signers[0].0.person.as_str(), signers[0].0.key),
        ("UKR-P0002", key(2).public())
    );
}

/// Fails the n-th durable call in the keyring and all that follow.
pub struct Stops(pub AtomicUsize);

impl Faults for Stops {
    fn before(&self, call: &Call<'_>) -> Outcome {
        if !call.op.is_durable() || !call.path.components().any(|c| c.as_os_str() == "keyring") {
            return Outcome::Go;
        }
        match self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1))
        {
            Ok(_) => Outcome::Go,
            Err(_) => Outcome::Fail(std::io::Error::from_raw_os_error(5)),
        }
    }
}

#[test]
fn an_erasure_that_was_ordered_is_completed_whatever_came_in_between() {
    let world = filled(PLAIN);
    let centre = world.open();
    let item = item_at(&centre, "usb/c/other.txt");
    let asked = propose(&centre, &[&item], Scope::Unsaid);
    drop(centre);
    for n in 0.. {
        let world = world.copy(&format!("stopped-{n}"));
        let centre = world
            .open_on(Disk::with_faults(Arc::new(Stops(AtomicUsize::new(n)))))
            .unwrap();
        let done = centre.confirm_erasure(&person(&centre, "UKR-P0002", Some(2)), &asked);
        drop(centre);
        if done.is_ok() {
            assert!(n > 8, "the keyring was changed in {n} calls");
            return;
        }
        let centre = world.open();
        let said = centre.recovered.join(" ");
        assert!(said.contains("E0001 was interrupted"), "{n}: {said:?}");
        let item = centre
            .item(&mut centre.session().unwrap(), &item.ern)
            .unwrap();
        assert!(
            centre
                .received_event(&item)
                .unwrap()
                .value("path")
                .is_none(),
            "{n}"
        );
        drop(centre);
        world.assert_sound();
    }
}
