//! What is taken in is found, by those who may and by nobody else, whatever happens to the index.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Once};

use comity_app::Centre;
use comity_app::acts::Scope;
use comity_app::search::{Completeness, Hit, Search, scope_of, unwatched};
use comity_core::random::TestRandom;
use comity_index::{Ask, Dated, Document, Index, Passage, Position, Sort, Spoken, ask};
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
    let searched = centre.search(&actor(centre), &search, &unwatched, &mut |answers| {
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

pub fn hits(centre: &Centre, question: &str) -> Vec<Hit> {
    search(centre, question, |_| ()).hits
}

pub fn paths(centre: &Centre, question: &str) -> Vec<String> {
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

#[test]
fn what_was_found_inside_without_its_bytes_is_one_item_that_was_not_read() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    // Of two letters in an archive one is packed in a way that nobody knows.
    let mut archive = zipped(&[("a.txt", b"the first letter"), ("b.txt", b"the second")]);
    let second = |mark: &[u8]| archive.windows(4).rposition(|w| w == mark).unwrap();
    let methods = [second(b"PK\x03\x04") + 8, second(b"PK\x01\x02") + 10];
    for at in methods {
        archive[at..at + 2].copy_from_slice(&97u16.to_le_bytes());
    }
    put(&usb, "z.zip", &archive);
    std::os::unix::fs::symlink("a.txt", usb.join("link")).unwrap();
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    work(&centre);
    let told = search(&centre, "letter", |_| ());
    let complete = told.complete;
    let unread = [
        ("unsupported".to_owned(), 1),
        ("without bytes".to_owned(), 1),
    ];
    assert_eq!(complete.unread, unread);
    assert_eq!((complete.items, complete.read), (4, 2));
    assert_eq!(paths(&centre, Completeness::UNREAD), ["b.txt", "usb/link"],);
}

#[test]
fn whoever_waits_for_an_index_is_told_how_far_it_is() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    for n in 0..5 {
        put(&usb, format!("order {n}.txt"), b"one");
    }
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    let size = centre.log_size();
    let told = Mutex::new(Vec::new());
    let watch = |member: &str, done, all| {
        assert_eq!(all, size);
        told.lock().unwrap().push((member.to_owned(), done));
    };
    assert_eq!(centre.make_searchable(&watch).unwrap(), [""; 0]);
    let of = |member: &str| -> Vec<u64> {
        let told = told.lock().unwrap();
        let of = told.iter().filter(|(of, _)| of == member);
        of.map(|(_, done)| *done).collect()
    };
    // A step for each item, and the end.
    assert_eq!(of("UKR").len(), 6);
    assert!(of("UKR").is_sorted());
    for member in ["UKR", "LTU"] {
        assert_eq!(of(member).last(), Some(&size));
    }
    // What is up to date takes no time that anybody need be told of.
    told.lock().unwrap().clear();
    centre.make_searchable(&watch).unwrap();
    assert_eq!(*told.lock().unwrap(), []);
}

#[test]
fn indexes_keep_up_with_what_is_recorded_and_hinder_it_in_nothing() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    put(&usb, "order.txt", b"one");
    let centre = world.open();
    let index = world.dir.join("index/UKR");
    let indexes = centre.keeping_up(4);
    put(&usb, "later.txt", b"two");
    take_in(&centre, &request(&[&usb])).unwrap();
    indexes.step();
    let made = std::fs::read(index.join("meta.json")).unwrap();
    assert_eq!(paths(&centre, "order OR later").len(), 2);
    assert_eq!(std::fs::read(index.join("meta.json")).unwrap(), made);
    // An index in whose place something else lies stops nothing.
    std::fs::remove_dir_all(&index).unwrap();
    put(&world.dir, "index/UKR", b"in the way");
    let indexes = centre.keeping_up(1);
    put(&usb, "last.txt", b"three");
    take_in(&centre, &request(&[&usb])).unwrap();
    indexes.step();
    assert_eq!(items(&centre).len(), 3);
    centre.make_searchable(&unwatched).unwrap_err();
}

/// A centre with one item, which a search finds.
fn searchable() -> (World, PathBuf, Centre) {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    put(&usb, "order.txt", b"one");
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    centre.make_searchable(&unwatched).unwrap();
    (world, usb, centre)
}

#[test]
fn packs_stay_where_they_are_while_documents_are_made() {
    let (world, usb, centre) = searchable();
    put(&usb, "later.txt", b"two");
    take_in(&centre, &request(&[&usb])).unwrap();
    let other = world.open();
    let tried = Mutex::new(0);
    centre
        .make_searchable(&|_, _, _| {
            let refused = other.compact(&actor(&other)).unwrap_err();
            assert!(refused.to_string().contains("in use"), "{refused}");
            *tried.lock().unwrap() += 1;
        })
        .unwrap();
    assert!(*tried.lock().unwrap() > 0);
    other.compact(&actor(&other)).unwrap();
}

#[test]
fn an_index_that_another_process_brought_further_meanwhile_stays() {
    let (world, usb, centre) = searchable();
    let key = || std::fs::read(world.dir.join("index/LTU/key")).unwrap();
    let made = key();
    put(&usb, "later.txt", b"two");
    take_in(&centre, &request(&[&usb])).unwrap();
    // While it brings the first member's index up to the log, another records more for the second, and searches.
    let other = world.open();
    let of_ltu = world.place("of-ltu");
    put(&of_ltu, "last.txt", b"three");
    let once = Once::new();
    let watch = |member: &str, _, _| {
        assert_eq!(member, if once.is_completed() { member } else { "UKR" });
        once.call_once(|| {
            let mut request = request(&[&of_ltu]);
            request.member = "LTU".parse().unwrap();
            take_in(&other, &request).unwrap();
            assert_eq!(paths(&other, "last").len(), 1);
        });
    };
    centre.make_searchable(&watch).unwrap();
    assert!(once.is_completed());
    assert_eq!(paths(&centre, "last OR later").len(), 2);
    assert_eq!(key(), made, "it was made anew");
}

#[test]
fn who_has_the_turn_at_an_index_keeps_nobody_from_what_it_has() {
    let (world, usb, centre) = searchable();
    let turn = comity_index::turn(&world.dir.join("index"), "UKR", &Disk::real()).unwrap();
    let told = search(&centre, "order OR later", |_| ());
    assert_eq!((told.count, told.complete.behind), (1, 0));
    put(&usb, "later.txt", b"two");
    take_in(&centre, &request(&[&usb])).unwrap();
    let told = search(&centre, "order OR later", |_| ());
    assert_eq!(told.count, 1);
    assert!(told.complete.behind > 0);
    drop(turn);
    let told = search(&centre, "order OR later", |_| ());
    assert_eq!((told.count, told.complete.behind), (2, 0));
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
    centre.rebuild_indexes(&unwatched).unwrap();
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
    let letter: String = (0..150).map(|n| format!("paragraph{n} ")).collect();
    put(&usb, "g.txt", letter.as_bytes());
    put(&usb, "h.txt", format!("{letter}signed twice").as_bytes());
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
            (
                "date",
                "2022-02-24T04:30:00",
                "line 1: 24 лютого 2022 року о 4:30"
            ),
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
    // A letter that came twice, with another end: each names the other, and erasing one takes it from there too.
    let alike = paths(
        &centre,
        &format!("like:{}", item_at(&centre, "usb/g.txt").ern),
    );
    assert_eq!(alike, ["usb/h.txt"]);
    // No file of the centre shows the text that was indexed.
    for (name, bytes) in files(&world.dir) {
        assert!(!shows(&bytes, &SENTENCE.as_bytes()[..16]), "{name}");
    }
    centre.rebuild_indexes(&unwatched).unwrap();
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
    /// Which text it has, and in which version of it.
    text: (usize, usize),
    looks: Option<u64>,
    language: usize,
    year: i64,
    place: usize,
}

const MEMBERS: [&str; 3] = ["UKR", "LTU", "NLD"];
const CASES: [&str; 3] = ["C0001", "C0002", "C0003"];
const WORDS: [&str; 4] = ["наказ", "склад", "міст", "річка"];
const LANGUAGES: [&str; 2] = ["uk", "ru"];
const PLACES: [&str; 2] = ["Kyiv", "Kharkiv"];

fn marked() -> impl Strategy<Value = Marked> {
    let words = prop::collection::vec(0..WORDS.len(), 0..4);
    let marks = (0..3usize, 0..3usize, any::<bool>());
    // Pictures that look alike differ in one bit, others in sixteen at least.
    let looks = prop::option::of((0..2u64, 0..2u64).prop_map(|(a, b)| a * 0xffff_0000 + b));
    let known = (0..2usize, 2021..2023i64, 0..2usize);
    (marks, words, (0..3usize, 0..3usize), looks, known).prop_map(
        |((member, case, erased), words, text, looks, (language, year, place))| Marked {
            member,
            case,
            erased,
            words,
            text,
            looks,
            language,
            year,
            place,
        },
    )
}

/// What is asked in the property below, with an item that fits it by itself, or by what the others are.
#[derive(Clone, Debug)]
enum Asked {
    Word(usize),
    NotWord(usize),
    Language(usize),
    Year(i64),
    Like(usize),
    /// A word with a letter too many, and the beginning of a word: nothing fits, or what begins so.
    Misspelt(usize),
    Begins(usize),
}

fn asked() -> impl Strategy<Value = Asked> {
    let word = || 0..WORDS.len();
    prop_oneof![
        word().prop_map(Asked::Word),
        word().prop_map(Asked::NotWord),
        (0..2usize).prop_map(Asked::Language),
        (2021..2023i64).prop_map(Asked::Year),
        (0..40usize).prop_map(Asked::Like),
        word().prop_map(Asked::Misspelt),
        word().prop_map(Asked::Begins),
    ]
}

fn number(n: usize, item: &Marked) -> String {
    format!("{}-000001-{n:07}", MEMBERS[item.member])
}

impl Asked {
    fn typed(&self, all: &[Marked]) -> String {
        match self {
            Asked::Word(w) => WORDS[*w].to_owned(),
            Asked::NotWord(w) => format!("NOT {}", WORDS[*w]),
            Asked::Language(l) => format!("language:{}", LANGUAGES[*l]),
            Asked::Year(year) => format!("year:{year}"),
            Asked::Like(n) => format!("like:{}", number(n % all.len(), &all[n % all.len()])),
            Asked::Misspelt(w) => format!("{}ж", WORDS[*w]),
            Asked::Begins(w) => WORDS[*w].chars().take(3).chain(['*']).collect(),
        }
    }

    /// Whether the item at a place fits.
    fn fits(&self, at: usize, all: &[Marked]) -> bool {
        let item = &all[at];
        match self {
            Asked::Word(w) | Asked::Begins(w) => item.words.contains(w),
            Asked::NotWord(w) => !item.words.contains(w),
            Asked::Language(l) => item.language == *l,
            Asked::Year(year) => item.year == *year,
            Asked::Like(n) => {
                let other = &all[n % all.len()];
                let looks = item.looks.zip(other.looks);
                let looks = looks.is_some_and(|(a, b)| (a ^ b).count_ones() <= 8);
                at != n % all.len() && (item.text.0 == other.text.0 || looks)
            }
            Asked::Misspelt(_) => false,
        }
    }
}

/// What of an item a facet goes by.
type Of<'a> = &'a dyn Fn(&Marked) -> String;

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Hits, counts, facets and order are what a decision on each item gives: what may not be found leaves no trace.
    #[test]
    fn a_search_finds_what_the_decision_on_each_item_allows(
        all in prop::collection::vec(marked(), 1..40),
        case in prop::option::of(0..3usize),
        waiting in prop::collection::btree_set(0..3usize, 0..3),
        asked in asked(),
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
        let question = asked.typed(&all);
        let everything = answers(&all, &seeker, &question);
        let visible: Vec<Marked> = all.iter().map(|m| Marked { erased: m.erased || !may(m), ..m.clone() }).collect();
        let without = answers(&visible, &Seeker::default(), &question);
        prop_assert_eq!(&everything, &without);
        if let Asked::Like(n) = asked && !may(&all[n % all.len()]) {
            let said = everything.unwrap_err();
            prop_assert!(said.contains("nothing that you may find"), "{}", said);
            return Ok(());
        }
        let everything = everything.unwrap();
        let fitting: Vec<&Marked> = (0..all.len())
            .filter(|at| may(&all[*at]) && asked.fits(*at, &all))
            .map(|at| &all[at])
            .collect();
        prop_assert_eq!(everything.count as usize, fitting.len());
        prop_assert_eq!(everything.items as usize, all.iter().filter(|m| may(m)).count());
        let spread: [(&str, Of<'_>); 4] = [
            ("case", &|m| CASES[m.case].to_owned()),
            ("language", &|m| LANGUAGES[m.language].to_owned()),
            ("year", &|m| m.year.to_string()),
            ("place", &|m| PLACES[m.place].to_owned()),
        ];
        for (field, of) in spread {
            let mut counts: BTreeMap<String, u64> = BTreeMap::new();
            for item in &fitting {
                *counts.entry(of(item)).or_default() += 1;
            }
            let told: BTreeMap<_, _> = everything.facets[field].iter().cloned().collect();
            prop_assert_eq!(told, counts, "{}", field);
        }
        // A word is suggested, or completed to, with exactly the items that have it and may be found.
        if let Asked::Misspelt(w) | Asked::Begins(w) = asked {
            let having = all.iter().filter(|m| may(m) && m.words.contains(&w)).count() as u64;
            let told = everything.suggested.iter().find(|(word, _)| *word == WORDS[w]);
            prop_assert_eq!(told.map_or(0, |(_, items)| *items), having);
        }
    }
}

/// What an answer tells.
#[derive(Debug, PartialEq)]
struct Answers {
    count: u64,
    items: u64,
    facets: BTreeMap<String, Vec<(String, u64)>>,
    suggested: Vec<(String, u64)>,
    /// In the order of relevance.
    hits: Vec<Hit>,
}

/// The answer to a question, or why there is none. What is erased is not in the index.
fn answers(all: &[Marked], seeker: &Seeker, question: &str) -> Result<Answers, String> {
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
                let (text, version) = item.text;
                let begin =
                    comity_app::ambient::time_micros(&format!("{}-05-01T00:00:00Z", item.year));
                let begin = begin.unwrap();
                let document = Document {
                    ern: number(n, item),
                    case: CASES[item.case].to_owned(),
                    details: vec![("note".to_owned(), words.join(" "))],
                    places: vec![PLACES[item.place].to_owned()],
                    languages: vec![Spoken {
                        code: LANGUAGES[item.language].to_owned(),
                        origin: "detected".to_owned(),
                    }],
                    dates: vec![Dated {
                        from: begin,
                        to: begin + 1,
                        shown: item.year.to_string(),
                        origin: "stated".to_owned(),
                        own: true,
                    }],
                    looks: item.looks,
                    text: vec![Passage {
                        anchor: "page 1".to_owned(),
                        text: (0..120)
                            .map(|n| format!("w{text}x{n} "))
                            .chain([format!("version{version}")])
                            .collect(),
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
    let question = Ask {
        query: parse(question).unwrap(),
        scope: scope_of(seeker),
        exact: false,
        transliterate: true,
        sort: Sort::Relevance,
        lists: Vec::new(),
    };
    let mut answer = ask(&indexes, &question).map_err(|e| e.to_string())?;
    let facets = answer.facets.iter();
    let facets = facets
        .map(|f| (f.field.clone(), f.counts.clone()))
        .collect();
    let hits = answer.page(None, 1000).unwrap();
    let instead = answer.instead.iter().flat_map(|s| &s.instead);
    let mut suggested: Vec<_> = instead.map(|i| (i.word.clone(), i.items)).collect();
    suggested.extend(answer.begin_so.clone());
    Ok(Answers {
        count: answer.count(),
        items: answer.items,
        facets,
        suggested,
        hits,
    })
}
