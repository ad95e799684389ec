//! Lists of names: found in what was read by those who may see them, and by nobody else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use comity_app::acts::Scope;
use comity_app::event::Actor;
use comity_app::lists::{Import, Imported};
use comity_app::search::{Class, Hit, Search, unwatched};
use comity_app::verify::Depth;
use comity_app::{AppError, Centre};
use comity_core::random::TestRandom;
use comity_index::{Ask, Document, Index, Mention, OnList, Position, SeenList, Sort, ask};
use comity_keyring::DeskKey;
use comity_lists::Kind as Names;
use comity_seal::Key;
use comity_search::query::parse;
use comity_store::Disk;
use md5::Digest as _;
use proptest::prelude::*;

use crate::acts::{erase, person, refused, two_persons_with_keys};
use crate::fixture::*;
use crate::reading::{work, zipped};

on_every_kind! {
    a_list_of_names_is_found_in_what_was_read_by_those_who_may_see_it,
    a_list_that_cannot_be_used_whole_is_refused_or_says_what_it_leaves_out,
    a_locked_members_list_is_in_no_index_that_opens_without_its_desk,
    an_erased_item_is_named_by_no_list_and_a_damaged_list_is_named,
    a_file_on_a_watch_list_is_told_to_those_who_may_know,
}

const LIST: &str = "id,kind,name,aliases\n\
    P1,person,Іван Борисович Сидоренко,Ivan Sydorenko\n\
    P2,person,Ольга Ніхтоненко,\n\
    L1,place,Харків,\n";

fn lithuanian(centre: &Centre) -> Actor {
    let of = |centre: &Centre| centre.actor(&mut centre.session().unwrap(), "LTU-P0001");
    of(centre).unwrap_or_else(|_| {
        let lithuania = "LTU".parse().unwrap();
        centre
            .add_person(&actor(centre), &lithuania, "Third")
            .unwrap();
        of(centre).unwrap()
    })
}

fn bring(
    world: &World,
    centre: &Centre,
    actor: &Actor,
    name: &str,
    list: &str,
    change: impl Fn(&mut Import<'_>),
) -> Result<Imported, AppError> {
    let file = put(world.folder.path(), format!("{name}.csv"), list.as_bytes());
    let mut import = Import {
        file: &file,
        class: Class::Names,
        name,
        shared: false,
        kind: Some(Names::Person),
        skip_bad: false,
    };
    change(&mut import);
    centre.import_list(actor, &import)
}

/// The hits, and how many of them each value of the facet has.
fn ask_as(centre: &Centre, actor: &Actor, question: &str) -> (Vec<Hit>, Vec<(String, u64)>) {
    let search = Search::new(question, &[], "a test").unwrap();
    let searched = centre.search(actor, &search, &unwatched, &mut |answers| {
        let facets = answers[0].answer.facets.clone();
        let names = facets.into_iter().find(|f| f.field == "name").unwrap();
        Ok((answers[0].answer.page(None, 100)?, names.counts))
    });
    searched.unwrap().told
}

fn paths(centre: &Centre, actor: &Actor, question: &str) -> Vec<String> {
    let mut paths: Vec<String> = ask_as(centre, actor, question)
        .0
        .into_iter()
        .map(|h| h.path)
        .collect();
    paths.sort();
    paths
}

fn a_list_of_names_is_found_in_what_was_read_by_those_who_may_see_it(kind: Kind) {
    let world = World::new(kind);
    let usb = world.place("usb");
    put(&usb, "a.txt", "Допит І. Б. Сидоренка у Харкові.".as_bytes());
    put(&usb, "Sydorenko_Ivan.bin", b"\0\x01");
    put(&usb, "c.txt", b"Nobody.");
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    work(&centre);
    let (ukraine, lithuania) = (actor(&centre), lithuanian(&centre));
    assert_eq!(paths(&centre, &ukraine, "has:name"), [""; 0]);
    let brought = bring(&world, &centre, &ukraine, "Wanted", LIST, |_| ()).unwrap();
    assert_eq!(
        (
            brought.number.as_str(),
            brought.version,
            brought.found.entries
        ),
        ("L0001", 1, 3)
    );

    let both = ["usb/Sydorenko_Ivan.bin", "usb/a.txt"];
    for question in [
        "name:\"Иван Сидоренко\"",
        "name:sydorenko",
        "entity:P1",
        "entity:L0001/P1",
    ] {
        assert_eq!(paths(&centre, &ukraine, question), both, "{question}");
    }
    assert_eq!(paths(&centre, &ukraine, "name:Харків"), ["usb/a.txt"]);
    assert_eq!(paths(&centre, &ukraine, "name:Ніхтоненко"), [""; 0]);
    assert_eq!(paths(&centre, &ukraine, "NOT has:name"), ["usb/c.txt"]);
    let (_, counts) = ask_as(&centre, &ukraine, "NOT =зовсім");
    let label = |caption: &str, id: &str, n| (format!("{caption} (L0001/{id})"), n);
    let wanted = [
        label("Іван Борисович Сидоренко", "P1", 2),
        label("Харків", "L1", 1),
    ];
    assert_eq!(counts, wanted);
    // What an item's page shows: where, and how each matched.
    let item = item_at(&centre, "usb/a.txt");
    let hit = centre
        .listed(Some("UKR"), &item.ern, &unwatched)
        .unwrap()
        .unwrap();
    let told: Vec<String> = hit
        .names
        .iter()
        .map(|m| format!("{} {} {} {}", m.id, m.part, m.text, m.how))
        .collect();
    let wanted = [
        "P1 line 1 І. Б. Сидоренка in another form, with initials",
        "L1 line 1 Харкові in another form",
    ];
    assert_eq!(told, wanted);

    // Another member sees nothing of it, nobody in particular neither: not in hits, counts or the item itself.
    for question in ["has:name", "name:sydorenko", "entity:L0001/*"] {
        assert_eq!(paths(&centre, &lithuania, question), [""; 0], "{question}");
    }
    let (hits, counts) = ask_as(&centre, &lithuania, "NOT =зовсім");
    assert_eq!((hits.len(), counts.len()), (3, 0));
    assert!(hits.iter().all(|h| h.names.is_empty()));
    assert!(
        centre
            .listed(Some("LTU"), &item.ern, &unwatched)
            .unwrap()
            .is_none()
    );
    assert!(
        centre
            .listed(None, &item.ern, &unwatched)
            .unwrap()
            .is_none()
    );
    let refused = centre
        .drop_list(&lithuania, "L0001")
        .unwrap_err()
        .to_string();
    assert!(refused.contains("there is no list L0001"), "{refused}");

    // The same name again is a new version, and what the old one said is not said any more.
    let second = LIST.replace("P1,person", "P9,person");
    let again = bring(&world, &centre, &ukraine, "Wanted", &second, |i| {
        i.shared = true
    })
    .unwrap();
    assert_eq!((again.number.as_str(), again.version), ("L0001", 2));
    assert_eq!(paths(&centre, &lithuania, "entity:P9"), both);
    assert_eq!(paths(&centre, &ukraine, "entity:P1"), [""; 0]);
    assert_eq!(
        centre
            .all_lists(&mut centre.session().unwrap())
            .unwrap()
            .len(),
        2
    );
    let refused = centre
        .drop_list(&lithuania, "L0001")
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("only its own member's people"),
        "{refused}"
    );

    // The index made anew says the same; a dropped list says nothing.
    let before = ask_as(&centre, &ukraine, "has:name");
    centre.rebuild_indexes(&unwatched).unwrap();
    assert_eq!(ask_as(&centre, &ukraine, "has:name"), before);
    centre.drop_list(&ukraine, "L0001").unwrap();
    assert_eq!(paths(&centre, &ukraine, "has:name"), [""; 0]);
    assert!(
        centre
            .listed(Some("UKR"), &item.ern, &unwatched)
            .unwrap()
            .is_none()
    );
    for (name, bytes) in files(&world.dir) {
        for secret in ["Ніхтоненко", "Sydorenko", "Wanted"] {
            assert!(!shows(&bytes, secret), "{name} shows {secret}");
        }
    }
    drop(centre);
    world.assert_sound();
}

fn a_list_that_cannot_be_used_whole_is_refused_or_says_what_it_leaves_out(kind: Kind) {
    let world = World::new(kind);
    let centre = world.open();
    let ukraine = actor(&centre);
    let bad = format!("{LIST}P4,person\nP5,vessel,Kursk,\n");
    let size = log_size(&centre);
    let refused = bring(&world, &centre, &ukraine, "Bad", &bad, |_| ()).unwrap_err();
    let said = refused.to_string();
    assert!(
        refused.is_usage() && said.contains("line 5: it has 2 columns"),
        "{said}"
    );
    assert_eq!(log_size(&centre), size);
    let brought = bring(&world, &centre, &ukraine, "Bad", &bad, |i| {
        i.skip_bad = true
    })
    .unwrap();
    assert_eq!((brought.found.bad_count, brought.found.bad[0].line), (1, 5));
    assert_eq!(brought.found.others["vessel"], 1);
    let event = centre.read_event(brought.leaf).unwrap();
    assert_eq!(event.value("bad_lines").unwrap().to_string(), "[5]");
    assert_eq!(event.text("sha256"), Some(sha256(bad.as_bytes()).as_str()));
    drop(centre);
    world.assert_sound();
}

#[test]
fn whoever_has_a_key_signs_for_a_list() {
    let world = World::new(PLAIN);
    let centre = world.open();
    two_persons_with_keys(&centre);
    let (signing, unsigned) = (
        person(&centre, "UKR-P0001", Some(1)),
        person(&centre, "UKR-P0001", None),
    );
    let size = log_size(&centre);
    refused(
        bring(&world, &centre, &unsigned, "List", LIST, |_| ()),
        "--key",
    );
    assert_eq!(log_size(&centre), size);
    let brought = bring(&world, &centre, &signing, "List", LIST, |_| ()).unwrap();
    refused(centre.drop_list(&unsigned, &brought.number), "--key");
    let dropped = centre.drop_list(&signing, &brought.number).unwrap();
    for (index, kind) in [
        (brought.leaf, "list_imported"),
        (dropped.index, "list_dropped"),
    ] {
        let event = centre.read_event(index).unwrap();
        assert_eq!(
            (event.text("kind"), event.text("auth")),
            (Some(kind), Some("signed"))
        );
        assert!(event.value("signature").is_some(), "{kind}");
    }
    drop(centre);
    world.assert_sound();
}

fn a_locked_members_list_is_in_no_index_that_opens_without_its_desk(kind: Kind) {
    let world = World::new(kind);
    let usb = world.place("usb");
    put(&usb, "Sydorenko Ivan.txt", b"one");
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    let mut of_lithuania = request(&[&usb]);
    of_lithuania.member = "LTU".parse().unwrap();
    take_in(&centre, &of_lithuania).unwrap();
    let (ukraine, third) = (actor(&centre), lithuanian(&centre));
    bring(&world, &centre, &third, "Ours", LIST, |i| i.shared = true).unwrap();
    assert_eq!(paths(&centre, &ukraine, "entity:P1").len(), 2);
    let desk = DeskKey::new([5; 32]);
    let lithuania = "LTU".parse().unwrap();
    centre
        .lock_scope(&ukraine, &lithuania, &desk, None)
        .unwrap();
    drop(centre);
    // Without the desk nobody is told what the list says, not even of items of his own.
    let centre = world.open();
    assert_eq!(paths(&centre, &ukraine, "has:name"), [""; 0]);
    // With it, the list speaks of the items of its own member, and of no others.
    centre.keys.ring().bring(&desk);
    let (hits, _) = ask_as(&centre, &third, "has:name");
    assert_eq!(hits.len(), 1);
    assert!(hits[0].ern.starts_with("LTU"));
}

fn an_erased_item_is_named_by_no_list_and_a_damaged_list_is_named(kind: Kind) {
    let world = World::new(kind);
    let usb = world.place("usb");
    put(&usb, "Sydorenko Ivan.txt", b"one");
    put(&usb, "Ivan Sydorenko.txt", b"two");
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    let ukraine = actor(&centre);
    bring(&world, &centre, &ukraine, "Wanted", LIST, |_| ()).unwrap();
    assert_eq!(paths(&centre, &ukraine, "entity:P1").len(), 2);
    two_persons_with_keys(&centre);
    let item = item_at(&centre, "usb/Sydorenko Ivan.txt");
    erase(&centre, &[&item], Scope::These);
    let left = ["usb/Ivan Sydorenko.txt"];
    assert_eq!(paths(&centre, &ukraine, "has:name"), left);
    // Space is given back, and the list stays.
    centre.compact(&actor(&centre)).unwrap();
    centre.rebuild_indexes(&unwatched).unwrap();
    assert_eq!(paths(&centre, &ukraine, "entity:P1"), left);
    let pack = number(
        &centre,
        "SELECT count(*) FROM objects o JOIN lists l ON l.no = o.no",
    );
    assert_eq!(pack, 1);
    let row = "SELECT o.pack FROM objects o JOIN lists l ON l.no = o.no";
    let row = centre
        .session()
        .unwrap()
        .query_one(row, &[])
        .unwrap()
        .unwrap();
    let pack = comity_vault::PackId(row.array(0).unwrap()).name();
    drop(centre);
    world.assert_sound();
    let mut held = files(&world.objects).into_iter();
    let (file, mut bytes) = held.find(|(name, _)| name.ends_with(&pack)).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(world.objects.join(file), bytes).unwrap();
    let findings = world.verify(Depth::Full).findings;
    assert!(
        findings.iter().any(|f| f.place.contains("list L0001")),
        "{findings:?}"
    );
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    comity_core::digest::hex(bytes.as_ref())
}

/// How many items could not be held against which list, as an answer says.
fn not_held(centre: &Centre, actor: &Actor, question: &str) -> Vec<(String, u64)> {
    let search = Search::new(question, &[], "a test").unwrap();
    let searched = centre.search(actor, &search, &unwatched, &mut |answers| {
        Ok(answers[0].completeness.not_held.clone())
    });
    searched.unwrap().told
}

fn a_file_on_a_watch_list_is_told_to_those_who_may_know(kind: Kind) {
    let world = World::new(kind);
    let usb = world.place("usb");
    put(&usb, "a.txt", b"wanted");
    put(
        &usb,
        "b.zip",
        &zipped(&[("inside.txt", b"wanted"), ("d.txt", b"known")]),
    );
    put(&usb, "c.txt", b"neither");
    let centre = world.open();
    take_in(&centre, &request(&[&usb])).unwrap();
    let (ukraine, lithuania) = (actor(&centre), lithuanian(&centre));
    let watch = format!("# looked for\n{}  order.txt\n", sha256(b"wanted"));
    bring(&world, &centre, &ukraine, "Watch", &watch, |i| {
        i.class = Class::Watch
    })
    .unwrap();
    // Of MD5 alone nothing is told before it was made: at the reading, of children too.
    let [md5, inner] = ["neither", "known"].map(|bytes| hex(md5::Md5::digest(bytes)));
    let known = format!("md5,name\n{},x\n{md5},y\n{inner},z\n", "0".repeat(32));
    let brought = bring(&world, &centre, &lithuania, "Known", &known, |i| {
        i.class = Class::Known;
        i.shared = true;
    });
    assert_eq!(brought.unwrap().found.by["MD5"], 3);
    assert_eq!(
        not_held(&centre, &ukraine, "NOT has:known"),
        [("L0002".to_owned(), 3)]
    );
    assert_eq!(not_held(&centre, &ukraine, "has:text"), []);
    assert_eq!(paths(&centre, &ukraine, "known:Known"), [""; 0]);
    assert_eq!(paths(&centre, &ukraine, "has:watch"), ["usb/a.txt"]);
    // What is found inside later is held against the lists when it comes.
    let size = centre.log_size();
    let watched = |member, since| {
        let watched = centre.watched_since(member, since).unwrap();
        let told = watched.into_iter().map(|w| (w.list, w.name, w.items));
        told.collect::<Vec<_>>()
    };
    let on = |n| [("L0001".to_owned(), "Watch".to_owned(), n)];
    assert_eq!(watched(Some("UKR"), 0), on(1));
    work(&centre);
    // Told of what came, to those who see the list, and to nobody else.
    assert_eq!(watched(Some("UKR"), size), on(2));
    assert_eq!(watched(Some("UKR"), centre.log_size()), []);
    assert_eq!(watched(Some("LTU"), 0), []);
    assert_eq!(watched(None, 0), []);
    assert_eq!(not_held(&centre, &ukraine, "known:L0002"), []);
    let both = ["inside.txt", "usb/a.txt"];
    for question in ["has:watch", "watch:L0001", "watch:watch"] {
        assert_eq!(paths(&centre, &ukraine, question), both, "{question}");
    }
    let item = item_at(&centre, "usb/a.txt");
    let told = centre
        .listed(Some("UKR"), &item.ern, &unwatched)
        .unwrap()
        .unwrap();
    let told: Vec<(&str, &str)> = told
        .on_lists
        .iter()
        .map(|k| (k.name.as_str(), k.by.as_str()))
        .collect();
    assert_eq!(told, [("order.txt", "SHA-256")]);
    // Those of another member are told of the shared list alone.
    assert_eq!(
        paths(&centre, &lithuania, "has:watch OR watch:L0001"),
        [""; 0]
    );
    let known = ["d.txt", "usb/c.txt"];
    assert_eq!(paths(&centre, &lithuania, "known:Known"), known);
    assert_eq!(paths(&centre, &ukraine, "known:L0002"), known);
    let told = centre
        .listed(Some("LTU"), &item.ern, &unwatched)
        .unwrap()
        .unwrap();
    assert!(told.on_lists.is_empty());
    let before = ask_as(&centre, &ukraine, "has:watch");
    centre.rebuild_indexes(&unwatched).unwrap();
    assert_eq!(ask_as(&centre, &ukraine, "has:watch"), before);
    drop(centre);
    world.assert_sound();
}

/// What lists say of one item: of each entity or file list, by the number of the list.
#[derive(Clone, Debug)]
struct Listed {
    mentions: Vec<(u64, usize)>,
    known: Vec<u64>,
}

fn listed() -> impl Strategy<Value = Listed> {
    let mentions = prop::collection::vec((0..3u64, 0..3usize), 0..5);
    let known = prop::collection::vec(3..6u64, 0..4);
    (mentions, known).prop_map(|(mentions, known)| Listed { mentions, known })
}

const CAPTIONS: [&str; 3] = ["Бакол Дубтра", "Фівжен Гумпіл", "Цертан Мозвік"];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Hits and counts by lists are those of a world in which the lists that may not be seen never were.
    #[test]
    fn a_list_that_may_not_be_seen_leaves_no_trace(
        all in prop::collection::vec(listed(), 1..20),
        seen in prop::collection::btree_set(0..6u64, 0..6),
        asked in 0..7usize,
    ) {
        let questions = ["has:name", "name:Гумпіл", "entity:E1", "NOT has:name", "watch:L5", "has:known", "NOT has:watch"];
        let everything = said(&all, &seen, questions[asked]);
        let visible: Vec<Listed> = all.iter().map(|item| Listed {
            mentions: item.mentions.iter().filter(|(l, _)| seen.contains(l)).copied().collect(),
            known: item.known.iter().filter(|l| seen.contains(l)).copied().collect(),
        }).collect();
        prop_assert_eq!(&everything, &said(&visible, &(0..6).collect(), questions[asked]));
        let fits = |item: &&Listed| match asked {
            0 => !item.mentions.is_empty(),
            1 | 2 => item.mentions.iter().any(|(_, e)| *e == 1),
            3 => item.mentions.is_empty(),
            4 => item.known.contains(&5),
            5 => item.known.contains(&3),
            _ => !item.known.iter().any(|l| *l > 3),
        };
        prop_assert_eq!(everything.0 as usize, visible.iter().filter(fits).count());
    }
}

type Said = (u64, BTreeMap<String, Vec<(String, u64)>>, Vec<Hit>);

fn said(all: &[Listed], seen: &BTreeSet<u64>, question: &str) -> Said {
    let folder = tempfile::tempdir().unwrap();
    let random = Arc::new(TestRandom::new([3; 32]));
    let key = Key::new([7; 32]);
    let mut index = Index::open(folder.path(), "UKR", &Disk::real(), &key, random).unwrap();
    let mut change = index.write().unwrap();
    for (n, item) in all.iter().enumerate() {
        let mention = |(list, entity): &(u64, usize)| Mention {
            list: *list,
            id: format!("E{entity}"),
            kind: "person".to_owned(),
            caption: CAPTIONS[*entity].to_owned(),
            names: Vec::new(),
            how: "as written".to_owned(),
            part: "path".to_owned(),
            text: CAPTIONS[*entity].to_owned(),
            places: 1,
        };
        let known = |list: &u64| OnList {
            list: *list,
            name: String::new(),
            by: "SHA-256".to_owned(),
        };
        change
            .put(&Document {
                ern: format!("UKR-000001-{n:07}"),
                mentions: item.mentions.iter().map(mention).collect(),
                on_lists: item.known.iter().map(known).collect(),
                ..Document::default()
            })
            .unwrap();
    }
    change.commit(Position::default()).unwrap();
    let class = |leaf: u64| match leaf {
        0..3 => Class::Names,
        3 => Class::Known,
        _ => Class::Watch,
    };
    let list = |leaf: &u64| SeenList {
        leaf: *leaf,
        number: format!("L{leaf}"),
        name: format!("list {leaf}"),
        class: class(*leaf),
    };
    let asked = Ask {
        query: parse(question).unwrap(),
        scope: Default::default(),
        exact: false,
        transliterate: true,
        sort: Sort::Ern,
        lists: seen.iter().map(list).collect(),
    };
    let indexes = [index];
    let mut answer = ask(&indexes, &asked).unwrap();
    let facets = answer
        .facets
        .iter()
        .map(|f| (f.field.clone(), f.counts.clone()))
        .collect();
    let hits = answer.page(None, 100).unwrap();
    (answer.count(), facets, hits)
}
