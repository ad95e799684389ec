//! What binds a package to people: whose the signing keys are, and that its exhibits are among what was closed. A forger
//! here keeps the log and makes the bag anew, and does not have a person's key.

use comity_core::body::Field;
use comity_core::json::json;
use comity_core::merkle::Frontier;
use comity_core::package::{event_line, needed_tiles};
use comity_core::signature::{ActSignature, message, signed_commitment};
use comity_core::{ChainId, hex};
use ed25519_dalek::{Signer, SigningKey};

use crate::world::*;

const PERSONS: &str = "comity/persons.jsonl";
const INTAKE: &str = "comity/intakes/UKR-000123/";
const KEY: u8 = 5;

fn public(seed: u8) -> String {
    hex(&SigningKey::from_bytes(&[seed; 32])
        .verifying_key()
        .to_bytes())
}

/// Records an event of custody fields with a signature of this key.
fn signed(centre: &mut Centre, chain: ChainId, kind: &str, fields: Vec<Field>, seed: u8) -> Event {
    let shown = centre.fields_of(kind, fields.clone());
    let list: Vec<_> = shown
        .iter()
        .map(|f| (f.class, f.name.as_str(), f.commitment))
        .collect();
    let commitment = signed_commitment(&list).unwrap();
    let key = SigningKey::from_bytes(&[seed; 32]);
    let signature = ActSignature {
        key: key.verifying_key().to_bytes(),
        value: key.sign(&message(ORIGIN, &commitment)).to_bytes(),
    };
    let mut fields = fields;
    fields.push(Field::custody("signature", signature.to_value()));
    centre.record(chain, kind, fields)
}

fn lines(events: &[&Event]) -> String {
    let line = |event: &&Event| event_line(event.index, &event.leaf, &event.fields, None).unwrap();
    events.iter().map(line).collect()
}

/// What the forger may change, all of it right.
struct Story {
    centre: Centre,
    items: Vec<Item>,
    persons: Vec<Event>,
    opened: Event,
    closed: Event,
    /// The events of items with which the intake was closed.
    tree: Vec<Event>,
    /// The folder of the intake.
    folder: String,
}

impl Story {
    /// A person who registers a key and takes in three items, two of which are disclosed.
    fn new() -> Story {
        let mut centre = Centre::new();
        centre.fill(300);
        let person = centre.chain();
        let mut persons = vec![registered(&mut centre, person)];
        persons.push(key_registered(&mut centre, person, KEY, KEY));
        Story::taken_in(centre, persons)
    }

    /// As [`Story::new`], with so many items, of which the first and the last are disclosed.
    fn of_many(count: u32) -> Story {
        let mut centre = Centre::new();
        let person = centre.chain();
        let mut persons = vec![registered(&mut centre, person)];
        persons.push(key_registered(&mut centre, person, KEY, KEY));
        Story::taking_in(centre, persons, count)
    }

    fn taken_in(centre: Centre, persons: Vec<Event>) -> Story {
        Story::taking_in(centre, persons, 3)
    }

    fn taking_in(mut centre: Centre, persons: Vec<Event>, count: u32) -> Story {
        let intake = centre.chain();
        let about = || {
            let texts = [("member", "UKR"), ("case", "C0001")];
            let mut fields: Vec<_> = texts.map(|(n, v)| Field::custody(n, v)).into();
            fields.push(Field::custody("intake", 123u64));
            fields
        };
        let opened = signed(&mut centre, intake, "intake_opened", about(), KEY);
        let act = opened.fields[1].value.clone().unwrap();
        let act = act.as_str().unwrap().to_owned();
        let items: Vec<Item> = (1..=count)
            .map(|number| {
                let bytes = [number as u8; 40];
                receive_by(&mut centre, &act, number, "a.txt", Some(&bytes), "sealed")
            })
            .collect();
        let tree: Vec<Event> = items.iter().map(|item| item.events[0].clone()).collect();
        let mut frontier = Frontier::new();
        tree.iter().for_each(|event| frontier.push(event.hash));
        let mut fields = about();
        let named = json!({"root": frontier.root().to_string(), "size": frontier.size()});
        fields.push(Field::custody("items", named));
        let closed = signed(&mut centre, intake, "intake_closed", fields, KEY);
        let places = [0, count - 1];
        let mut items = places.map(|place| items[place as usize].clone()).to_vec();
        for (item, place) in items.iter_mut().zip(places) {
            item.places = Some(vec![Some(u64::from(place))]);
        }
        Story {
            centre,
            items,
            persons,
            opened,
            closed,
            tree,
            folder: INTAKE.to_owned(),
        }
    }

    fn made(self, change: &dyn Fn(&mut More)) -> (tempfile::TempDir, Made) {
        let mut more = More::default();
        let mut tree = Log::new(9);
        for event in &self.tree {
            tree.append(event.leaf.clone().into_bytes());
        }
        for tile in needed_tiles(&[0, tree.size() - 1], tree.size()) {
            let name = format!("{}{}", self.folder, tile.path());
            more.files.push((name, tree.tile(tile)));
        }
        let acts = [&self.opened, &self.closed];
        let name = format!("{}events.jsonl", self.folder);
        more.files.push((name, lines(&acts).into_bytes()));
        let persons: Vec<&Event> = self.persons.iter().collect();
        if !persons.is_empty() {
            let lines = lines(&persons).into_bytes();
            more.files.push((PERSONS.to_owned(), lines));
        }
        more.indices = acts.into_iter().chain(persons).map(|e| e.index).collect();
        change(&mut more);
        let root = tempfile::tempdir().unwrap();
        let made = disclose_with(root.path(), self.centre, self.items, &more);
        (root, made)
    }
}

fn registered(centre: &mut Centre, chain: ChainId) -> Event {
    let fields = vec![
        Field::custody("member", "UKR"),
        Field::custody("person", "UKR-P0001"),
        Field::content("name", "Somebody"),
    ];
    centre
        .record(chain, "person_registered", fields)
        .without("name")
}

fn key_registered(centre: &mut Centre, chain: ChainId, key: u8, by: u8) -> Event {
    let fields = vec![
        Field::custody("person", "UKR-P0001"),
        Field::custody("key", public(key)),
    ];
    signed(centre, chain, "person_key_registered", fields, by)
}

fn verified(made: &Made) -> Answer {
    verify_with(&made.folder, &["--keys", made.keys.to_str().unwrap()])
}

#[test]
fn a_package_alone_shows_whose_key_signed_the_closing_of_its_exhibits_intake() {
    let story = Story::new();
    let (registered, closed) = (story.persons[1].index, story.closed.index);
    let (_root, made) = story.made(&|_| ());
    let words = [
        "VERIFIED".to_owned(),
        format!(
            "UKR-000123: 2 of the 3 entries with which it was closed (event {closed}) are in this package"
        ),
        format!(
            "signed by UKR-P0001 with the key {}, registered to UKR-P0001 of UKR by event {registered} (included at the checkpoint of size {})",
            public(KEY),
            made.size_a
        ),
    ];
    verified(&made).expect(0, &words.each_ref().map(String::as_str));
    let json = verify_with(&made.folder, &["--json"]).text;
    assert!(
        json.contains(&format!("\"registered\":{registered}")),
        "{json}"
    );
    assert!(json.contains("\"shown\":2"), "{json}");
}

#[test]
fn without_the_persons_it_says_that_the_key_could_be_anybodys() {
    let story = Story {
        persons: Vec::new(),
        ..Story::new()
    };
    let (_root, made) = story.made(&|_| ());
    let said = [
        "VERIFIED",
        "that this key is theirs is NOT SHOWN: the package has no record of the person",
        "ask UKR which keys UKR-P0001 registered",
    ];
    verified(&made).expect(0, &said);
}

type Forgery = fn(&mut Story);

#[test]
fn a_key_that_was_not_the_persons_is_named_and_so_is_a_chain_that_is_not_whole() {
    let table: [(&str, Forgery, &[&str]); 7] = [
        (
            "the key was replaced before",
            |story| {
                let mut centre = Centre::new();
                let person = centre.chain();
                let mut persons = vec![registered(&mut centre, person)];
                persons.push(key_registered(&mut centre, person, KEY, KEY));
                persons.push(key_registered(&mut centre, person, 6, 6));
                *story = Story::taken_in(centre, persons);
            },
            &[
                "comity/intakes/UKR-000123/events.jsonl",
                "signed with another key than UKR-P0001",
            ],
        ),
        (
            "the key was registered later",
            |story| {
                let mut centre = Centre::new();
                let person = centre.chain();
                let persons = vec![registered(&mut centre, person)];
                *story = Story::taken_in(centre, persons);
                let key = key_registered(&mut story.centre, person, KEY, KEY);
                story.persons.push(key);
            },
            &["UKR-P0001 had registered no key"],
        ),
        (
            "the registration is left out",
            |story| drop(story.persons.pop()),
            &["UKR-P0001 had registered no key"],
        ),
        (
            "the beginning of the chain is left out",
            |story| drop(story.persons.remove(0)),
            &[PERSONS, "does not follow the event before it"],
        ),
        (
            "the registration is signed by another key",
            |story| {
                let mut centre = Centre::new();
                let person = centre.chain();
                let mut persons = vec![registered(&mut centre, person)];
                persons.push(key_registered(&mut centre, person, KEY, 6));
                *story = Story::taken_in(centre, persons);
            },
            &[PERSONS, "line 2"],
        ),
        (
            "the registration stands elsewhere in the log",
            |story| story.persons[1].index -= 1,
            &[PERSONS, "its leaf is not the one that the log has"],
        ),
        (
            "a person stands twice",
            |story| {
                let again = story.persons.clone();
                story.persons.extend(again);
            },
            &["UKR-P0001 stands twice"],
        ),
    ];
    for (what, forge, said) in table {
        let mut story = Story::new();
        forge(&mut story);
        let (_root, made) = story.made(&|_| ());
        println!("{what}");
        verified(&made).expect(1, said);
    }
}

#[test]
fn an_exhibit_that_is_not_among_what_was_closed_is_named() {
    let table: [(&str, Forgery, &[&str]); 9] = [
        (
            "under another's place",
            |story| story.items[1].places = Some(vec![Some(1)]),
            &[
                "UKR-000123-0000003: event 0: it is not among the items with which its intake was closed",
            ],
        ),
        (
            "outside the tree",
            |story| story.items[1].places = Some(vec![Some(3)]),
            &["its place in its intake cannot be shown"],
        ),
        (
            "with no place",
            |story| story.items[1].places = Some(Vec::new()),
            &["does not say its place in its intake"],
        ),
        (
            "with a place too many",
            |story| story.items[1].places = Some(vec![Some(2), Some(2)]),
            &["says more places in intakes than it came in by"],
        ),
        (
            "slipped in after the closing",
            |story| {
                let act = story.opened.fields[1].value.clone().unwrap();
                let act = act.as_str().unwrap().to_owned();
                let centre = &mut story.centre;
                let mut late = receive_by(centre, &act, 4, "late.txt", Some(b"late"), "sealed");
                late.places = Some(vec![Some(1)]);
                story.items.push(late);
            },
            &["UKR-000123-0000004: event 0: it does not stand between the opening and the closing"],
        ),
        (
            "of an intake that is not shown",
            |story| {
                let centre = &mut story.centre;
                let mut other = receive(centre, 5, "other.txt", Some(b"other"), "sealed");
                other.places = Some(vec![Some(0)]);
                story.items.push(other);
            },
            &["UKR-000123-0000005: event 0: its intake is not shown, and its place in it is"],
        ),
        (
            "of a tree that the closing does not name",
            |story| drop(story.tree.pop()),
            &["comity/intakes/UKR-000123/tile"],
        ),
        (
            "where the closing does not open what it names",
            |story| story.closed = story.closed.without("items"),
            &["does not open the tree over the items"],
        ),
        (
            "in an intake under another's name",
            |story| story.folder = INTAKE.replace("123", "124"),
            &["its events are of another intake"],
        ),
    ];
    for (what, forge, said) in table {
        let mut story = Story::new();
        forge(&mut story);
        let (_root, made) = story.made(&|_| ());
        println!("{what}");
        verified(&made).expect(1, said);
    }
}

#[test]
fn an_intake_of_no_exhibit_here_and_files_more_are_named() {
    let nobody = Story::new();
    let items = vec![Item {
        places: Some(vec![None]),
        ..nobody.items[0].clone()
    }];
    let (_root, made) = Story { items, ..nobody }.made(&|_| ());
    verified(&made).expect(
        1,
        &["comity/intakes/UKR-000123/: is of an intake that no exhibit here is of"],
    );
    let table: [(&str, &str); 3] = [
        ("notes.txt", "has no place in a package"),
        ("tile/0/001.p/7", "does not belong to a tree of 3 leaves"),
        ("tile/1/000.p/1", "does not belong to a tree of 3 leaves"),
    ];
    for (name, said) in table {
        let add = |more: &mut More| more.files.push((format!("{INTAKE}{name}"), vec![0; 224]));
        let (_root, made) = Story::new().made(&add);
        verified(&made).expect(1, &[name, said]);
    }
}

/// The tree that binds an intake of more than 256 items has tiles above tiles.
#[test]
fn an_intake_of_many_items_is_bound_up_to_its_root_and_attacks_above_are_named() {
    let whole = Story::of_many(300);
    let (_root, made) = whole.made(&|_| ());
    let said = ["VERIFIED", "UKR-000123: 2 of the 300 entries"];
    verified(&made).expect(0, &said);
    let tile = |name: &str| format!("{INTAKE}tile/{name}");
    let (full, edge, above) = (tile("0/000"), tile("0/001.p/44"), tile("1/000.p/1"));
    let flipped = |name: &str, more: &mut More| {
        let file = more.files.iter_mut().find(|(n, _)| n == name).unwrap();
        *file.1.last_mut().unwrap() ^= 1;
    };
    for name in [&full, &edge, &above] {
        let (_root, made) = Story::of_many(300).made(&|more| flipped(name, more));
        verified(&made).expect(1, &["comity/intakes/UKR-000123"]);
        let leave_out = |more: &mut More| more.files.retain(|(n, _)| n != name);
        let (_root, made) = Story::of_many(300).made(&leave_out);
        verified(&made).expect(1, &[name.strip_prefix(INTAKE).unwrap(), "is missing"]);
    }
    // A tile of other items that is right in itself: the one above names the first.
    let exchanged = |more: &mut More| {
        let mut other = Log::new(9);
        for n in 0..256u32 {
            other.append(n.to_be_bytes().to_vec());
        }
        let tile = needed_tiles(&[0], 256).into_iter().next().unwrap();
        let bytes = other.tile(tile);
        more.files.iter_mut().find(|(n, _)| *n == full).unwrap().1 = bytes;
    };
    let (_root, made) = Story::of_many(300).made(&exchanged);
    verified(&made).expect(1, &["comity/intakes/UKR-000123"]);
    // The last exhibit under its place in the tile, and not in the tree; and tiles above what there is.
    let mut story = Story::of_many(300);
    story.items[1].places = Some(vec![Some(43)]);
    let (_root, made) = story.made(&|_| ());
    verified(&made).expect(1, &["UKR-000123-0000300", "not among the items"]);
    for name in ["2/000.p/1", "1/001.p/1"] {
        let add = |more: &mut More| more.files.push((tile(name), vec![0; 32]));
        let (_root, made) = Story::of_many(300).made(&add);
        verified(&made).expect(1, &[name, "does not belong to a tree of 300 leaves"]);
    }
}
