//! What was taken in is read: every item ends in a named state, what is inside of it is an item, and all of it is kept,
//! counted, held, forgotten and made anew as anything else.

use std::fs;
use std::io::{Cursor, Write};
use std::path::Path;

use comity_app::acts::{Covered, Scope};
use comity_app::item::{Filter, Item, ReadingState};
use comity_app::reading::{Outcome, Pass, Workers};
use comity_app::{AppError, Centre};
use comity_core::id::Ern;
use comity_extract::{KeptLine, Limits, State};
use zip::write::SimpleFileOptions;

use crate::acts::{confirm, propose, refused};
use crate::fixture::*;

on_every_kind! {
    everything_ends_in_a_named_state_and_what_is_inside_is_an_item,
    a_container_that_is_read_again_has_each_child_once,
    what_is_inside_is_forgotten_with_its_container,
}

/// An archive of these files, in this order.
pub fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

pub fn workers(threads: usize) -> Workers {
    Workers {
        program: comity_rig::extract_worker(),
        limits: Limits::default(),
        threads,
        passes: vec![Pass::Read],
        languages: vec!["ukr".to_owned(), "rus".to_owned(), "eng".to_owned()],
    }
}

pub fn work(centre: &Centre) -> Outcome {
    let outcome = centre.work(&workers(2), &|_| ()).unwrap();
    assert_eq!(outcome.aside.len(), 0, "{:?}", outcome.aside);
    outcome
}

/// Number, state of reading and path of every item, in the order of the numbers.
fn states(centre: &Centre) -> Vec<(String, &'static str, String)> {
    let mut all = items(centre);
    all.sort_by_key(|item| item.ern);
    all.iter()
        .map(|item| {
            let path = item.facts.as_ref().map(|f| f.path.clone());
            (
                item.ern.to_string().replace("UKR-000001-", ""),
                item.reading.map_or("not read", |r| r.state.name()),
                String::from_utf8_lossy(&path.unwrap_or_default()).into_owned(),
            )
        })
        .collect()
}

fn expect(centre: &Centre, expected: &[(&str, &str, &str)]) {
    let found = states(centre);
    let found: Vec<(&str, &str, &str)> = found
        .iter()
        .map(|(a, b, c)| (a.as_str(), *b, c.as_str()))
        .collect();
    assert_eq!(found, expected);
}

/// What an index is told: of each reading number, state, and the text joined.
fn told(centre: &Centre, since: u64) -> Vec<(String, State, String)> {
    let mut all = Vec::new();
    let mut session = centre.session().unwrap();
    centre
        .each_reading(&mut session, since, &mut |reading| {
            let mut joined = String::new();
            reading.each_line(&mut |line| {
                if let KeptLine::Text { text, .. } = line {
                    joined.push_str(&text);
                }
                Ok(true)
            })?;
            all.push((reading.item.ern.to_string(), reading.state, joined));
            Ok(true)
        })
        .unwrap();
    all
}

fn by_ern(centre: &Centre, ern: &str) -> Item {
    let ern: Ern = format!("UKR-000001-{ern}").parse().unwrap();
    centre.item(&mut centre.session().unwrap(), &ern).unwrap()
}

/// A text in an old code page, a letter beside its copy in two archives one inside the other, and what nothing reads.
fn mixed(usb: &Path) {
    let (old, _, _) = encoded("Колона вийшла з порту о четвертій ранку без вогнів.");
    put(usb, "a-old.txt", &old);
    let inner = zipped(&[("letter.txt", SENTENCE.as_bytes())]);
    let outer = zipped(&[
        ("внутрішній.zip", &inner),
        ("../../etc/passwd", b"root"),
        ("letter.txt", SENTENCE.as_bytes()),
    ]);
    put(usb, "b.zip", &outer);
    put(usb, "c.empty", b"");
    put(usb, "d.bin", &noise(3, 5000));
    put(usb, "e.pdf", b"%PDF-1.7\nthis is no document");
}

/// Windows-1251 by hand: the letters of the sentence alone.
fn encoded(text: &str) -> (Vec<u8>, (), ()) {
    let bytes = text.chars().map(|c| match c {
        'А'..='я' => 0xc0 + (c as u32 - 'А' as u32) as u8,
        'і' => 0xb3,
        'ї' => 0xbf,
        'є' => 0xba,
        c => c as u8,
    });
    (bytes.collect(), (), ())
}

fn filled(kind: Kind) -> (World, Centre) {
    let world = World::new(kind);
    let usb = world.place("usb");
    mixed(&usb);
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    (world, centre)
}

const READ: [(&str, &str, &str); 9] = [
    ("0000001", "read", "usb/a-old.txt"),
    ("0000002", "read", "usb/b.zip"),
    ("0000002.0001", "read", "внутрішній.zip"),
    ("0000002.0001.0001", "read", "letter.txt"),
    ("0000002.0002", "read", "../../etc/passwd"),
    ("0000002.0003", "read", "letter.txt"),
    ("0000003", "empty", "usb/c.empty"),
    ("0000004", "unsupported", "usb/d.bin"),
    ("0000005", "damaged", "usb/e.pdf"),
];

fn everything_ends_in_a_named_state_and_what_is_inside_is_an_item(kind: Kind) {
    let (world, centre) = filled(kind);
    assert_eq!(told(&centre, 0), []);
    let done = work(&centre);
    expect(&centre, &READ);
    assert_eq!((done.tally.items(), done.tally.found), (9, 4));
    assert_eq!(done.tally.attention(), 2);
    let texts = told(&centre, 0);
    assert_eq!(texts.len(), 9);
    let text = |ern: &str| {
        let of = texts
            .iter()
            .find(|(e, ..)| *e == format!("UKR-000001-{ern}"));
        of.unwrap().2.trim_end().to_owned()
    };
    assert_eq!(
        text("0000001"),
        "Колона вийшла з порту о четвертій ранку без вогнів."
    );
    assert_eq!(text("0000002.0001.0001"), SENTENCE);
    assert_eq!(text("0000002.0003"), SENTENCE);
    // A child is an item: its bytes, its digest, its history; equal bytes are kept once.
    let (first, second) = (
        by_ern(&centre, "0000002.0001.0001"),
        by_ern(&centre, "0000002.0003"),
    );
    assert_eq!(bytes_of(&centre, &first), SENTENCE.as_bytes());
    assert_eq!(first.object, second.object);
    assert_eq!(kinds(&centre, &second), ["extracted", "read"]);
    assert_eq!(kinds(&centre, &first), ["extracted", "read", "opened"]);
    // Which leaf an index has seen is enough for it to go on.
    let leaf = by_ern(&centre, "0000005").reading.unwrap().leaf;
    assert!(told(&centre, leaf).len() < 9);
    // Nothing waits: another run records nothing, and counts say so.
    let size = log_size(&centre);
    assert_eq!(work(&centre).tally.items(), 0);
    assert_eq!(log_size(&centre), size);
    let unread = Filter {
        reading: Some(ReadingState::Unread),
        ..Filter::default()
    };
    let mut session = centre.session().unwrap();
    assert_eq!(centre.count_items(&mut session, &unread).unwrap(), []);
    let damaged = Filter {
        reading: Some(ReadingState::Ended(State::Damaged)),
        ..Filter::default()
    };
    let counted = centre.count_items(&mut session, &damaged).unwrap();
    assert_eq!(counted.iter().map(|c| c.items).sum::<u64>(), 1);
    drop((session, centre));
    world.assert_sound();
}

fn a_container_that_is_read_again_has_each_child_once(kind: Kind) {
    let (world, centre) = filled(kind);
    work(&centre);
    let container = by_ern(&centre, "0000002");
    let letter = by_ern(&centre, "0000002.0003");
    let (leaf, objects_before) = (letter.reading.unwrap().leaf, objects(&centre).len());
    let again = [container.clone(), letter.clone()];
    assert_eq!(centre.read_again(&actor(&centre), &again).unwrap(), 2);
    assert!(by_ern(&centre, "0000002").is_unread());
    work(&centre);
    expect(&centre, &READ);
    let now = by_ern(&centre, "0000002.0003");
    assert!(now.reading.unwrap().leaf > leaf);
    assert_eq!(
        kinds(&centre, &now),
        ["extracted", "read", "reading_asked", "read"]
    );
    // The letter has a second derivative, and the first one stays.
    assert_eq!(objects(&centre).len(), objects_before + 1);
    assert_eq!(number(&centre, "SELECT count(*) FROM derivatives"), 5);
    refused(
        centre.read_again(
            &actor(&centre),
            &[Item {
                state: comity_app::project::ItemState::Link,
                ..now
            }],
        ),
        "could not be taken out",
    );
    drop(centre);
    world.assert_sound();
}

fn what_is_inside_is_forgotten_with_its_container(kind: Kind) {
    let (world, centre) = filled(kind);
    work(&centre);
    crate::acts::two_persons_with_keys(&centre);
    let (container, letter) = (by_ern(&centre, "0000002"), by_ern(&centre, "0000002.0003"));
    // A hold on the container covers what is inside of it.
    let holding = crate::acts::person(&centre, "UKR-P0001", Some(1));
    let hold = Covered::Items(vec![container.ern]);
    let hold = centre.hold(&holding, &hold, "needed", "order 1").unwrap();
    let all = crate::acts::erasure(&[&letter], Scope::These);
    refused(centre.erase(&holding, &all), "under a hold");
    centre
        .release(&holding, &hold, "no longer", "order 2")
        .unwrap();
    // Bytes that lie inside of another item are not forgotten without a word on that.
    let unsaid = crate::acts::erasure(&[&letter], Scope::Unsaid);
    refused(
        centre.erase(&holding, &unsaid),
        "lie inside of UKR-000001-0000002",
    );
    let proposal = propose(&centre, &[&letter], Scope::These);
    let erased = confirm(&centre, &proposal).unwrap();
    assert_eq!(erased.survivors.containers, [container.ern]);
    // Read again, the container does not bring it back.
    centre
        .read_again(&actor(&centre), &[by_ern(&centre, "0000002")])
        .unwrap();
    work(&centre);
    assert_eq!(items(&centre).len(), 9);
    assert!(by_ern(&centre, "0000002.0003").erased.is_some());
    // The container goes with all that is inside of it, and with what was read of it.
    let proposal = propose(&centre, &[&by_ern(&centre, "0000002")], Scope::Unsaid);
    let erased = confirm(&centre, &proposal).unwrap();
    assert_eq!(erased.items.len(), 4);
    assert_eq!(told(&centre, 0).len(), 4);
    let mut gone = 0;
    let mut session = centre.session().unwrap();
    centre
        .erased_since(&mut session, 0, &mut |_| {
            gone += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(gone, 5);
    assert_eq!(number(&centre, "SELECT count(*) FROM derivatives"), 1);
    drop(session);
    centre.compact(&actor(&centre)).unwrap();
    // What is left: the bytes of four items, of which one is empty, and one derivative.
    assert_eq!(objects(&centre).len(), 5);
    let texts = told(&centre, 0);
    let mut left = texts.iter().map(|(_, _, text)| text.trim_end());
    let left = left.find(|text| !text.is_empty()).unwrap();
    assert_eq!(left.chars().count(), 51);
    drop(centre);
    world.assert_sound();
}

#[test]
fn two_processes_read_each_item_once() {
    for kind in [
        PLAIN,
        Kind {
            postgres: true,
            s3: false,
        },
    ] {
        let world = World::new(kind);
        let usb = world.place("usb");
        for n in 0..150 {
            let letter = format!("letter {n} of the harbour master");
            put(
                &usb,
                format!("{n}.zip"),
                &zipped(&[("letter.txt", letter.as_bytes())]),
            );
        }
        let (first, second) = (world.open(), world.open());
        take_in(&first, &request(&[&usb])).unwrap();
        let read = std::thread::scope(|scope| {
            let other = scope.spawn(|| second.work(&workers(1), &|_| ()).unwrap());
            let one = first.work(&workers(1), &|_| ()).unwrap();
            let other = other.join().unwrap();
            assert_eq!(one.tally.overtaken + other.tally.overtaken, 0);
            (one.tally.items(), other.tally.items())
        });
        // Whoever is done first leaves the rest to the other.
        assert_eq!(read.0 + read.1, 300, "{read:?}");
        first.refresh().unwrap();
        assert_eq!(count_events(&first, "read"), 300);
        drop((first, second));
        world.assert_sound();
    }
}

#[test]
fn large_text_and_large_children_are_kept_without_being_held_whole() {
    let world = World::new(PLAIN);
    let usb = world.place("usb");
    let long = format!("{SENTENCE}\n").repeat(90_000);
    let noise = noise(9, (5 << 20) + 77);
    put(
        &usb,
        "a.zip",
        &zipped(&[
            ("long.txt", long.as_bytes()),
            ("b.bin", &noise),
            ("copy.bin", &noise),
        ]),
    );
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    work(&centre);
    assert_eq!(bytes_of(&centre, &by_ern(&centre, "0000001.0002")), noise);
    let copy = by_ern(&centre, "0000001.0003");
    assert_eq!(bytes_of(&centre, &copy), noise);
    assert_eq!(copy.object, by_ern(&centre, "0000001.0002").object);
    let texts = told(&centre, 0);
    let text = texts
        .iter()
        .find(|(ern, ..)| ern.ends_with(".0001"))
        .unwrap();
    assert!(text.2.matches(SENTENCE).count() == 90_000);
    drop(centre);
    world.assert_sound();
    let tmp = fs::read_dir(world.dir.join("tmp")).unwrap();
    let left = tmp.filter(|e| e.as_ref().unwrap().metadata().unwrap().len() > 0);
    assert_eq!(left.count(), 0);
}

#[test]
fn a_reader_that_cannot_be_started_stops_the_run_and_nothing_else() {
    let (world, centre) = filled(PLAIN);
    for program in ["/nowhere/extract-worker", "/bin/false"] {
        let workers = Workers {
            program: program.into(),
            ..workers(2)
        };
        let failed = centre.work(&workers, &|_| ()).unwrap_err();
        assert!(matches!(failed, AppError::Refused(_)), "{failed}");
    }
    assert_eq!(count_events(&centre, "read"), 0);
    work(&centre);
    expect(&centre, &READ);
    drop(centre);
    world.assert_sound();
}

#[test]
fn what_waits_for_the_desk_or_is_in_quarantine_stays_in_the_queue_and_is_named() {
    let (world, centre) = filled(PLAIN);
    // A changed byte of the vault: the item's bytes cannot be had.
    let damaged = by_ern(&centre, "0000004");
    let sql = format!(
        "SELECT at FROM objects WHERE no = {}",
        damaged.object.unwrap()
    );
    let at = number(&centre, &sql) as usize;
    let packs = world.dir.join("vault");
    for (name, mut bytes) in files(&packs) {
        bytes[at + 70] ^= 1;
        fs::write(packs.join(name), bytes).unwrap();
    }
    let outcome = centre.work(&workers(2), &|_| ()).unwrap();
    let aside: Vec<Ern> = outcome.aside.iter().map(|a| a.ern).collect();
    assert_eq!(aside, [damaged.ern]);
    assert!(by_ern(&centre, "0000004").is_unread());
    assert_eq!(outcome.tally.items(), 8);
}
