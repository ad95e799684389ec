//! What is taken in is found, by those who may and by nobody else, whatever happens to the index.

use std::collections::BTreeMap;
use std::sync::Arc;

use comity_app::Centre;
use comity_app::acts::Scope;
use comity_app::search::{Completeness, Hit, Search, scope_of};
use comity_core::random::TestRandom;
use comity_index::{Ask, Document, Index, Passage, Position, Sort, ask};
use comity_keyring::DeskKey;
use comity_rules::finding::{Marks, Seeker, hidden};
use comity_seal::Key;
use comity_search::query::parse;
use comity_store::Disk;
use proptest::prelude::*;

use crate::acts::{erase, filled};
use crate::fixture::*;
use crate::reading::{work, zipped};

on_every_kind! {
    names_and_records_are_found_as_soon_as_they_are_acknowledged,
    an_erasure_purges_the_index_before_it_is_acknowledged,
    an_index_that_is_deleted_or_damaged_is_made_anew_with_the_same_answers,
    the_index_of_a_locked_member_waits_for_its_desk,
    texts_are_found_once_they_are_read_and_so_is_what_is_inside,
}

/// What a search told.
struct Told {
    hits: Vec<Hit>,
    count: u64,
    facets: BTreeMap<String, Vec<(String, u64)>>,
    complete: Completeness,
    said: Vec<String>,
    leaf: u64,
}

fn search(centre: &Centre, question: &str, change: impl Fn(&mut Search)) -> Told {
    let mut search = Search::new(question, &[], "a test").unwrap();
    change(&mut search);
    let searched = centre.search(&actor(centre), &search, &mut |answers| {
        let answered = &mut answers[0];
        let facets = answered.answer.facets.clone();
        Ok(Told {
            hits: answered.answer.page(None, 1000)?,
            count: answered.answer.count(),
            facets: facets.into_iter().map(|f| (f.field, f.counts)).collect(),
            complete: answered.completeness.clone(),
            said: Vec::new(),
            leaf: 0,
        })
    });
    let searched = searched.unwrap();
    Told {
        said: searched.said,
        leaf: searched.leaf,
        ..searched.told
    }
}

fn numbers(told: &Told) -> Vec<String> {
    let mut numbers: Vec<String> = told.hits.iter().map(|h| h.ern.clone()).collect();
    numbers.sort();
    numbers
}

fn paths(centre: &Centre, question: &str) -> Vec<String> {
    let told = search(centre, question, |_| ());
    assert_eq!(told.count as usize, told.hits.len());
    let mut paths: Vec<String> = told.hits.iter().map(|h| h.path.clone()).collect();
    paths.sort();
    paths
}

fn names_and_records_are_found_as_soon_as_they_are_acknowledged(kind: Kind) {
    let world = World::new(kind);
    let usb = world.place("usb");
    put(&usb, "Наказ_Зеленського.txt", b"one");
    put(&usb, "orders/order 17.pdf", b"two");
    let centre = world.open();
    assert_eq!(paths(&centre, "наказ"), [""; 0]);
    take_in(&centre, &request(&[&usb])).unwrap();
    let names = |p: &str| paths(&centre, p);
    assert_eq!(names("наказами"), ["usb/Наказ_Зеленського.txt"]);
    assert_eq!(names("Zelenskyy"), ["usb/Наказ_Зеленського.txt"]);
    assert_eq!(names("path:\"order 17\""), ["usb/orders/order 17.pdf"]);
    assert_eq!(names(&sha256(b"two")), ["usb/orders/order 17.pdf"]);
    assert_eq!(names("source:harbour AND NOT наказ").len(), 1);

    // What comes is found by the next search, and each search is on record before its answer.
    put(&usb, "orders/order 18.pdf", b"three");
    take_in(&centre, &request(&[&usb])).unwrap();
    let told = search(&centre, "order", |s| s.case = Some(CASE.to_owned()));
    assert_eq!(told.count, 2);
    let complete = Completeness {
        items: items(&centre).len() as u64,
        unread: vec![("not read yet".to_owned(), 3)],
        ..Completeness::default()
    };
    assert_eq!(told.complete, complete);
    assert_eq!(told.facets["state"], [("sealed".to_owned(), 2)]);
    let event = centre.read_event(told.leaf).unwrap();
    assert_eq!(event.text("kind"), Some("searched"));
    assert_eq!(event.text("purpose"), Some("a test"));
    assert_eq!(event.text("case"), Some("C0001"));
    let other = search(&centre, "order", |s| {
        s.case = Some("The other case".to_owned())
    });
    assert_eq!((other.count, other.complete.items), (0, 0));
    drop(centre);
    world.assert_sound();
}

fn an_erasure_purges_the_index_before_it_is_acknowledged(kind: Kind) {
    let world = filled(kind);
    let centre = world.open();
    assert_eq!(paths(&centre, "statement").len(), 1);
    let folder = world.dir.join("index").join("UKR");
    let number = std::fs::read_to_string(folder.join("key")).unwrap();
    let number: u64 = number.trim().parse().unwrap();
    assert!(centre.keys.item(number).unwrap().is_some());
    erase(
        &centre,
        &[&item_at(&centre, "usb/a/statement.txt")],
        Scope::These,
    );
    // The old files are gone, and whoever kept a copy has no key to it.
    assert!(!folder.exists());
    assert!(centre.keys.item(number).unwrap().is_none());
    assert_eq!(paths(&centre, "statement"), [""; 0]);
    assert_eq!(paths(&centre, "copy OR other").len(), 2);
    assert_eq!(search(&centre, "copy", |_| ()).complete.items, 2);
    drop(centre);
    world.assert_sound();
}

fn an_index_that_is_deleted_or_damaged_is_made_anew_with_the_same_answers(kind: Kind) {
    let world = filled(kind);
    let centre = world.open();
    let questions = ["copy OR other", "usb", "state:sealed", "NOT statement"];
    let ask = || questions.map(|q| numbers(&search(&centre, q, |_| ())));
    let right = ask();
    assert_eq!(right[1].len(), 3);
    let folder = world.dir.join("index");
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(ask(), right);
    let mut named = 0;
    for (name, _) in files(&folder) {
        let file = folder.join(&name);
        let Ok(mut bytes) = std::fs::read(&file) else {
            // The index that it belonged to was made anew meanwhile.
            continue;
        };
        if bytes.is_empty() {
            continue;
        }
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        std::fs::write(&file, &bytes).unwrap();
        let said: Vec<String> = questions
            .iter()
            .zip(&right)
            .flat_map(|(question, right)| {
                let told = search(&centre, question, |_| ());
                assert_eq!(numbers(&told), *right, "{question} after damage to {name}");
                told.said
            })
            .collect();
        named += usize::from(said.iter().any(|s| s.contains("was damaged")));
    }
    assert!(named > 0);
    centre.rebuild_indexes().unwrap();
    assert_eq!(ask(), right);
    drop(centre);
    world.assert_sound();
}

fn the_index_of_a_locked_member_waits_for_its_desk(kind: Kind) {
    let world = World::new(kind);
    let usb = world.place("usb");
    put(&usb, "shared-word.txt", b"one");
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    let mut of_lithuania = request(&[&usb]);
    of_lithuania.member = "LTU".parse().unwrap();
    take_in(&centre, &of_lithuania).unwrap();
    assert_eq!(search(&centre, "shared", |_| ()).count, 2);
    let desk = DeskKey::new([5; 32]);
    let lithuania = "LTU".parse().unwrap();
    centre
        .lock_scope(&actor(&centre), &lithuania, &desk, None)
        .unwrap();
    drop(centre);
    let centre = world.open();
    let told = search(&centre, "shared OR NOT shared", |_| ());
    assert_eq!(numbers(&told), ["UKR-000001-0000001"]);
    assert_eq!(told.facets["member"], [("UKR".to_owned(), 1)]);
    assert_eq!(told.complete.waiting, [("LTU".to_owned(), 1)]);
    assert_eq!(told.complete.items, 1);
    // The list says the same: what it shows of an item is what a search finds.
    let shown = items(&centre).into_iter().filter(|i| i.facts.is_some());
    assert_eq!(shown.count(), 1);
    centre.keys.ring().bring(&desk);
    assert_eq!(search(&centre, "shared", |_| ()).count, 2);
}

fn texts_are_found_once_they_are_read_and_so_is_what_is_inside(kind: Kind) {
    let world = World::new(kind);
    let usb = world.place("usb");
    put(
        &usb,
        "a.txt",
        "Командир бригади підписав\nнаказ про обстріл.".as_bytes(),
    );
    put(
        &usb,
        "b.zip",
        &zipped(&[(
            "inner/c.txt",
            "Зобовʼязання виконано: Zelenskyy.".as_bytes(),
        )]),
    );
    put(&usb, "d.txt", SENTENCE.as_bytes());
    put(&usb, "e.bin", &noise(1, 3000));
    put(&usb, "f.txt", TESTIMONY.as_bytes());
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    assert_eq!(paths(&centre, "наказом"), [""; 0]);
    work(&centre);
    assert_eq!(paths(&centre, "\"підписав наказ\""), ["usb/a.txt"]);
    assert_eq!(paths(&centre, "зобов'язанням"), ["inner/c.txt"]);
    assert_eq!(paths(&centre, "Зеленський"), ["inner/c.txt"]);
    assert_eq!(paths(&centre, "has:children"), ["usb/b.zip"]);
    assert_eq!(
        paths(&centre, "source:harbour AND зобовязання"),
        ["inner/c.txt"]
    );
    // What a text speaks of is found, and the hit says where it does.
    let told = search(
        &centre,
        "date:2022-02-24 near(50.45,30.52,5) language:uk",
        |_| (),
    );
    let known = told.hits[0].known.iter();
    let known: Vec<_> = known.map(|k| (k.field, &*k.value, &*k.origin)).collect();
    assert_eq!(
        known,
        [
            ("date", "2022-02-24T04:30:00", "line 1: 24 лютого 2022"),
            (
                "position",
                "50.450278,30.523333",
                "line 1: 50°27′01″N 30°31′24″E"
            ),
            ("language", "uk", "detected: text, 100 of 100 letters"),
        ]
    );
    assert_eq!(
        paths(&centre, "date:2022-03-04 OR date:2022-04-03"),
        [""; 0]
    );
    assert_eq!(paths(&centre, "date:2022-02..2022-04").len(), 1);
    assert_eq!(told.facets["language"], [("uk".to_owned(), 1)]);
    let told = search(&centre, "convoy near/3 harbour", |_| ());
    assert_eq!(told.hits[0].path, "usb/d.txt");
    assert!(
        told.hits[0].found[0].part.starts_with("line"),
        "{:?}",
        told.hits[0].found
    );
    // The statement counts what was read and names what was not.
    let complete = &told.complete;
    assert_eq!(complete.items, items(&centre).len() as u64);
    let unread: u64 = complete.unread.iter().map(|(_, n)| n).sum();
    assert_eq!(complete.read + unread, complete.items);
    assert_eq!(paths(&centre, Completeness::UNREAD).len() as u64, unread);
    assert_eq!(complete.unread, [("unsupported".to_owned(), 1)]);
    // No file of the centre shows the text that was indexed.
    for (name, bytes) in files(&world.dir) {
        let shows = bytes.windows(16).any(|w| w == &SENTENCE.as_bytes()[..16]);
        assert!(!shows, "{name}");
    }
    centre.rebuild_indexes().unwrap();
    assert_eq!(paths(&centre, "зобов'язанням"), ["inner/c.txt"]);
    drop(centre);
    world.assert_sound();
}

const TESTIMONY: &str = "Свідок показав: 24 лютого 2022 року о 4:30 біля точки 50°27′01″N 30°31′24″E \
    командир її підрозділу віддав усний наказ. Протокол від 03/04/2022.";

/// Items with random marks, found by whoever may.
#[derive(Clone, Debug)]
struct Marked {
    member: usize,
    case: usize,
    erased: bool,
    words: Vec<usize>,
}

const MEMBERS: [&str; 3] = ["UKR", "LTU", "NLD"];
const CASES: [&str; 3] = ["C0001", "C0002", "C0003"];
const WORDS: [&str; 4] = ["наказ", "склад", "міст", "річка"];

fn marked() -> impl Strategy<Value = Marked> {
    let words = prop::collection::vec(0..WORDS.len(), 0..4);
    (0..3usize, 0..3usize, any::<bool>(), words).prop_map(|(member, case, erased, words)| Marked {
        member,
        case,
        erased,
        words,
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Hits, counts, facets and order are what a decision on each item gives: what may not be found leaves no trace.
    #[test]
    fn a_search_finds_what_the_decision_on_each_item_allows(
        all in prop::collection::vec(marked(), 1..40),
        case in prop::option::of(0..3usize),
        waiting in prop::collection::btree_set(0..3usize, 0..3),
        asked in 0..WORDS.len(),
        denied in any::<bool>(),
    ) {
        let seeker = Seeker {
            case: case.map(|c| CASES[c].to_owned()),
            waiting: waiting.iter().map(|m| MEMBERS[*m].to_owned()).collect(),
        };
        let may = |m: &Marked| hidden(Marks {
            member: MEMBERS[m.member],
            case: CASES[m.case],
            erased: m.erased,
        }, &seeker).is_none();
        // One world with everything, one in which what is hidden never was.
        let everything = answers(&all, &seeker, asked, denied);
        let visible: Vec<Marked> = all.iter().map(|m| Marked { erased: m.erased || !may(m), ..m.clone() }).collect();
        let without = answers(&visible, &Seeker::default(), asked, denied);
        prop_assert_eq!(&everything, &without);
        let fits = |m: &&Marked| may(m) && m.words.contains(&asked) != denied;
        prop_assert_eq!(everything.0 as usize, all.iter().filter(fits).count());
        prop_assert_eq!(everything.1 as usize, all.iter().filter(|m| may(m)).count());
        let mut by_case: BTreeMap<&str, u64> = BTreeMap::new();
        for item in all.iter().filter(fits) {
            *by_case.entry(CASES[item.case]).or_default() += 1;
        }
        let counted: BTreeMap<&str, u64> = everything.2["case"].iter().map(|(c, n)| (c.as_str(), *n)).collect();
        prop_assert_eq!(counted, by_case);
    }
}

type Answers = (u64, u64, BTreeMap<String, Vec<(String, u64)>>, Vec<Hit>);

/// Count, items looked at, facets, and hits in the order of relevance. What is erased is not in the index.
fn answers(all: &[Marked], seeker: &Seeker, asked: usize, denied: bool) -> Answers {
    let folder = tempfile::tempdir().unwrap();
    let mut indexes = Vec::new();
    for (m, member) in MEMBERS.iter().enumerate() {
        let dir = folder.path().join(member);
        std::fs::create_dir(&dir).unwrap();
        let random = Arc::new(TestRandom::new([3; 32]));
        let mut index =
            Index::open(&dir, member, &Disk::real(), &Key::new([7; 32]), random).unwrap();
        let mut change = index.write().unwrap();
        for (n, item) in all.iter().enumerate() {
            if item.member == m && !item.erased {
                let words: Vec<&str> = item.words.iter().map(|w| WORDS[*w]).collect();
                let document = Document {
                    ern: format!("{member}-000001-{n:07}"),
                    case: CASES[item.case].to_owned(),
                    text: vec![Passage {
                        anchor: "page 1".to_owned(),
                        text: words.join(" "),
                        flows: false,
                    }],
                    ..Document::default()
                };
                change.put(&document).unwrap();
            }
        }
        change.commit(Position::default()).unwrap();
        indexes.push(index);
    }
    let no = if denied { "NOT " } else { "" };
    let question = Ask {
        query: parse(&format!("{no}{}", WORDS[asked])).unwrap(),
        scope: scope_of(seeker),
        exact: false,
        transliterate: true,
        sort: Sort::Relevance,
    };
    let mut answer = ask(&indexes, &question).unwrap();
    let facets = answer.facets.iter();
    let facets = facets
        .map(|f| (f.field.clone(), f.counts.clone()))
        .collect();
    let hits = answer.page(None, 1000).unwrap();
    (answer.count(), answer.items, facets, hits)
}
