//! What is found, by whom, and what a damaged file does.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use comity_core::random::TestRandom;
use comity_index::{
    Ask, Clause, Dated, Document, Hit, How, Index, IndexError, Located, Mark, Passage, Position,
    Scope, Sort, Spoken, ask,
};
use comity_seal::Key;
use comity_search::query::{Field, parse};
use comity_store::Disk;

fn open(dir: &Path) -> Result<Index, IndexError> {
    let random = Arc::new(TestRandom::new([9; 32]));
    Index::open(dir, "UKR", &Disk::real(), &Key::new([7; 32]), random)
}

fn document(number: u32, path: &str, text: &str) -> Document {
    Document {
        ern: format!("UKR-000001-{number:07}"),
        case: "C0001".to_owned(),
        states: vec!["sealed".to_owned()],
        path: path.to_owned(),
        size: u64::from(number) * 100,
        text: (!text.is_empty())
            .then(|| Passage {
                anchor: "page 1".to_owned(),
                text: text.to_owned(),
                flows: false,
            })
            .into_iter()
            .collect(),
        ..Document::default()
    }
}

fn filled(dir: &Path, documents: &[Document]) -> Index {
    let mut index = open(dir).unwrap();
    let mut change = index.write().unwrap();
    for document in documents {
        change.put(document).unwrap();
    }
    let at = Position {
        size: documents.len() as u64,
        leaf: "ab".to_owned(),
        lists: Vec::new(),
    };
    change.commit(at).unwrap();
    index
}

fn asked(question: &str) -> Ask {
    Ask {
        query: parse(question).unwrap(),
        scope: Scope::default(),
        exact: false,
        transliterate: true,
        sort: Sort::Ern,
        lists: Vec::new(),
    }
}

fn hits(index: &Index, asked: &Ask) -> Vec<Hit> {
    let indexes = std::slice::from_ref(index);
    ask(indexes, asked).unwrap().page(None, 100).unwrap()
}

/// The numbers of the items that a question finds.
fn found(index: &Index, question: &str) -> Vec<u32> {
    let number = |hit: &Hit| hit.ern[11..].parse().unwrap();
    hits(index, &asked(question)).iter().map(number).collect()
}

/// A date that begins at a moment and lasts for so many microseconds.
fn dated(from: i64, lasts: i64, origin: &str) -> Dated {
    Dated {
        from,
        to: from + lasts,
        shown: "2022".to_owned(),
        origin: origin.to_owned(),
        own: true,
    }
}

fn sample(dir: &Path) -> Index {
    let mut photo = document(4, "photo.jpg", "");
    photo.points = vec![Located {
        north: 50.4501,
        east: 30.5234,
        origin: "EXIF GPS".to_owned(),
    }];
    photo.dates = vec![dated(1_645_682_400_000_000, 1, "EXIF DateTimeOriginal")]; // 2022-02-24T06:00:00Z
    photo.states.push("damaged".to_owned());
    photo.media_type = Some("image/jpeg".to_owned());
    let mut mail = document(5, "mail/1.eml", "Прошу підтвердити обстріл складу.");
    mail.named = vec![
        (Field::From, "Olena Kovalenko".to_owned()),
        (Field::Subject, "Наказ № 17".to_owned()),
    ];
    mail.case = "C0002".to_owned();
    filled(
        dir,
        &[
            document(
                1,
                "наказ_17.txt",
                "Командир бригади підписав наказ про обстріл.",
            ),
            document(
                2,
                "report.txt",
                "The commander Volodymyr Zelenskyy signed two orders.",
            ),
            document(
                3,
                "letter.txt",
                "Зобов’язання, п'ять разів, мʼякий ґрунт. Зеленському передано накази.",
            ),
            photo,
            mail,
        ],
    )
}

#[test]
fn words_are_found_in_every_form_and_spelling() {
    let folder = tempfile::tempdir().unwrap();
    let index = sample(folder.path());
    let cases: [(&str, &[u32]); 33] = [
        ("наказами", &[1, 3, 5]),
        ("=наказ", &[1, 5]),
        ("=накази", &[3]),
        ("зобов'язаннями", &[3]),
        ("зобовʼязання", &[3]),
        ("п’ять", &[3]),
        ("пʼять", &[3]),
        ("м'який", &[3]),
        ("грунт", &[3]),
        ("order", &[2]),
        ("\"командир бригади\"", &[1]),
        ("\"бригади командир\"", &[]),
        ("командир near/3 обстріл", &[]),
        ("командир near/4 обстріл", &[1]),
        ("обстріл near/4 командир", &[1]),
        ("обстріл AND NOT командир", &[5]),
        ("командир OR складу", &[1, 5]),
        ("обстр*", &[1, 5]),
        ("обстрел~", &[1, 5]),
        ("обстрил~1", &[1, 5]),
        ("path:report", &[2]),
        ("subject:\"наказ 17\"", &[5]),
        ("from:Коваленко", &[5]),
        ("case:c0002", &[5]),
        ("state:damaged", &[4]),
        ("type:image*", &[4]),
        ("has:gps", &[4]),
        ("NOT has:text", &[4]),
        ("date:2022-02-24", &[4]),
        ("date:..2022-02-23", &[]),
        ("year:2022..", &[4]),
        ("near(50.4,30.5,10)", &[4]),
        ("size:..200 AND ern:UKR-000001*", &[1, 2]),
    ];
    for (question, expected) in cases {
        assert_eq!(found(&index, question), expected, "{question}");
    }
}

#[test]
fn a_word_has_forms_in_the_languages_of_its_document_alone() {
    let dir = tempfile::tempdir().unwrap();
    let polish = Document {
        languages: vec![Spoken {
            code: "pl".to_owned(),
            origin: "found in the text".to_owned(),
        }],
        ..document(1, "a.txt", "bez rozkazami nikt")
    };
    // The lexicon knows the word in Polish by then.
    let english = document(2, "b.txt", "they call it rozkazami there");
    let index = filled(dir.path(), &[polish, english]);
    assert_eq!(found(&index, "rozkaz"), [1]);
    assert_eq!(found(&index, "\"rozkaz nikt\""), [1]);
    assert_eq!(found(&index, "\"rozkaz there\""), [0; 0]);
    assert_eq!(found(&index, "rozkaz near/3 it"), [0; 0]);
    assert_eq!(found(&index, "=rozkazami"), [1, 2]);
    assert_eq!(index.len(), 2);
}

#[test]
fn forms_stay_known_when_the_document_that_brought_them_goes() {
    let dir = tempfile::tempdir().unwrap();
    let mut index = filled(dir.path(), &[document(1, "a.txt", "накази про обстріли")]);
    for number in 2..5 {
        let mut change = index.write().unwrap();
        change.remove(&format!("UKR-000001-{:07}", number - 1));
        let next = document(number, "b.txt", "накази про обстріли Зеленського");
        change.put(&next).unwrap();
        change.commit(Position::default()).unwrap();
        assert_eq!(found(&index, "наказу обстріл"), [number]);
        assert_eq!(found(&index, "Zelensky"), [number]);
        assert_eq!(index.len(), 1);
    }
}

#[test]
fn a_phrase_reaches_across_lines_and_not_across_cells() {
    let passage = |text: &str, flows: bool| Passage {
        anchor: "somewhere".to_owned(),
        text: text.to_owned(),
        flows,
    };
    let mut lines = document(1, "lines.txt", "");
    lines.text = vec![
        passage("масований ракетний", false),
        passage("удар по місту", true),
    ];
    let mut cells = document(2, "cells.csv", "");
    cells.text = vec![
        passage("масований ракетний", false),
        passage("удар по місту", false),
    ];
    let folder = tempfile::tempdir().unwrap();
    let index = filled(folder.path(), &[lines, cells]);
    assert_eq!(found(&index, "\"ракетний удар\""), [1]);
    assert_eq!(found(&index, "масований near/100 місто"), [1]);
    assert_eq!(found(&index, "масований AND місто"), [1, 2]);
}

#[test]
fn what_is_inside_stands_behind_its_container() {
    let folder = tempfile::tempdir().unwrap();
    let inside = [".0002", ".0001.0010", "", ".0001", ".0001.0002"];
    let documents: Vec<Document> = inside
        .iter()
        .map(|places| Document {
            ern: format!("UKR-000001-0000007{places}"),
            ..document(7, "box.zip", "")
        })
        .collect();
    let index = filled(folder.path(), &documents);
    let order: Vec<String> = hits(&index, &asked("box"))
        .into_iter()
        .map(|h| h.ern[18..].to_owned())
        .collect();
    assert_eq!(order, ["", ".0001", ".0001.0002", ".0001.0010", ".0002"]);
    let indexes = std::slice::from_ref(&index);
    let mut answer = ask(indexes, &asked("box")).unwrap();
    let after = answer
        .page(Some("UKR-000001-0000007.0001.0002"), 1)
        .unwrap();
    assert_eq!(after[0].ern, "UKR-000001-0000007.0001.0010");
}

#[test]
fn a_name_is_found_in_another_alphabet_and_labelled() {
    let folder = tempfile::tempdir().unwrap();
    let index = sample(folder.path());
    assert_eq!(found(&index, "Зеленський"), [2, 3]);
    assert_eq!(found(&index, "Zelensky"), [2, 3]);
    let how = |hit: &Hit| {
        let pieces = hit.found.iter().flat_map(|f| &f.pieces);
        pieces.filter_map(|p| p.how).collect::<Vec<_>>()
    };
    let marked = hits(&index, &asked("Zelenskyy"));
    assert_eq!(how(&marked[0]), [How::Same]);
    assert_eq!(how(&marked[1]), [How::Transliterated]);
    let marked = hits(&index, &asked("Зеленський"));
    assert_eq!(how(&marked[1]), [How::Inflected]);
    let mut plain = asked("Зеленський");
    plain.transliterate = false;
    assert_eq!(hits(&index, &plain).len(), 1);
    let mut exact = asked("наказ");
    exact.exact = true;
    assert_eq!(hits(&index, &exact).len(), 2);
}

/// Of a month, and of what may be two days, nobody knows the day; and every hit says by which date it is one.
#[test]
fn a_date_is_found_as_far_as_it_is_known_and_says_where_it_comes_from() {
    const DAY: i64 = 86_400_000_000;
    let march = 1_646_092_800_000_000; // 2022-03-01T00:00:00Z
    let mut month = document(1, "month.txt", "");
    month.dates = vec![dated(march, 31 * DAY, "page 1: березень 2022")];
    let mut either = document(2, "either.txt", "");
    // 03/04/2022: from the 4th of March to the 3rd of April.
    either.dates = vec![dated(march + 3 * DAY, 31 * DAY, "page 2: 03/04/2022")];
    let mut sure = document(3, "sure.txt", "");
    sure.dates = vec![
        dated(march - 400 * DAY, 1, "time of the file's last change"),
        dated(march + 3 * DAY, DAY, "page 3: 4 березня 2022 р."),
    ];
    sure.languages = vec![Spoken {
        code: "uk".to_owned(),
        origin: "detected".to_owned(),
    }];
    let folder = tempfile::tempdir().unwrap();
    let index = filled(folder.path(), &[month, either, sure]);
    let cases: [(&str, &[u32]); 8] = [
        ("date:2022-03-04", &[3]),
        ("date:2022-04-03", &[]),
        ("date:2022-03", &[1, 3]),
        ("date:2022-03..2022-04", &[1, 2, 3]),
        ("year:2022", &[1, 2, 3]),
        ("date:..2021", &[3]),
        ("date:2022-03-04..2022-03-30", &[3]),
        ("has:date", &[1, 2, 3]),
    ];
    for (question, expected) in cases {
        assert_eq!(found(&index, question), expected, "{question}");
    }
    let origins = |question: &str| -> Vec<String> {
        let hits = hits(&index, &asked(question));
        let known = hits.last().unwrap().known.iter();
        known.map(|k| k.origin.clone()).collect()
    };
    assert_eq!(origins("date:2022-03"), ["page 3: 4 березня 2022 р."]);
    assert_eq!(
        origins("year:2021 language:uk"),
        ["time of the file's last change", "detected"]
    );
    assert_eq!(origins("NOT year:1999"), Vec::<String>::new());
}

#[test]
fn a_highlight_is_the_text_as_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let index = sample(folder.path());
    let hit = &hits(&index, &asked("бригада"))[0];
    let found = &hit.found[0];
    assert_eq!(found.part, "page 1");
    let shown: String = found.pieces.iter().map(|p| p.text.as_str()).collect();
    assert_eq!(shown, "Командир бригади підписав наказ про обстріл");
    let marked: Vec<&str> = found
        .pieces
        .iter()
        .filter(|p| p.how == Some(How::Inflected))
        .map(|p| p.text.as_str())
        .collect();
    assert_eq!(marked, ["бригади"]);
}

#[test]
fn a_question_that_cannot_be_honoured_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let index = sample(folder.path());
    for (question, why) in [
        ("date:yesterday", "is no date"),
        ("size:big", "no number of bytes"),
        ("year:a..b", "no whole number"),
        ("path:\"--\"", "no letter"),
    ] {
        match ask(std::slice::from_ref(&index), &asked(question)).map(|a| a.count()) {
            Err(IndexError::Question(said)) => assert!(said.contains(why), "{said}"),
            other => panic!("{question}: {other:?}"),
        }
    }
}

#[test]
fn what_may_not_be_found_is_in_no_count() {
    let folder = tempfile::tempdir().unwrap();
    let index = sample(folder.path());
    let mut of_case = asked("обстріл");
    of_case.scope.clauses.push(Clause {
        mark: Mark::Case,
        values: vec!["C0002".to_owned()],
        among: true,
    });
    let mut answer = ask(std::slice::from_ref(&index), &of_case).unwrap();
    assert_eq!(
        (answer.count(), answer.items, answer.states.values().sum()),
        (1, 1, 1)
    );
    let cases = answer.facets.iter().find(|f| f.field == "case").unwrap();
    assert_eq!(cases.counts, [("C0002".to_owned(), 1)]);
    assert_eq!(answer.page(None, 10).unwrap()[0].ern, "UKR-000001-0000005");
    of_case.query = parse("NOT зовсім").unwrap();
    assert_eq!(
        ask(std::slice::from_ref(&index), &of_case).unwrap().count(),
        1
    );
}

/// Documents of a few cases, states and languages, which are counted by hand and by the index, before and after
/// some of them changed, went, and came.
#[test]
fn counts_are_exact_while_the_index_grows() {
    let folder = tempfile::tempdir().unwrap();
    let pick = |from: &[&str], n: u32| from[n as usize % from.len()].to_owned();
    let of = |number: u32, turn: u32| {
        let n = number * 7 + turn * 5;
        let mut made = document(number, "a.txt", "слово");
        made.case = pick(&["C0001", "C0002", "C0003"], n);
        made.states
            .push(pick(&["read", "damaged", "sealed"], n / 3));
        made.media_type = (!n.is_multiple_of(4)).then(|| pick(&["text/plain", "image/png"], n));
        made.places = (0..n % 3)
            .map(|p| pick(&["Київ", "Харків"], n + p))
            .collect();
        made.languages = (0..n % 3)
            .map(|l| Spoken {
                code: pick(&["uk", "ru", "pl"], n + l),
                origin: "here".to_owned(),
            })
            .collect();
        made
    };
    let mut index = open(folder.path()).unwrap();
    let mut stand = BTreeMap::new();
    for turn in 0..3 {
        let mut change = index.write().unwrap();
        // Some twice in one change: the last one counts.
        for number in (1..40)
            .filter(|n| turn == 0 || n % 4 == turn)
            .chain([7, 41 + turn])
        {
            let made = of(number, turn + number % 2);
            change.put(&made).unwrap();
            stand.insert(number, made);
        }
        change.remove(&stand.remove(&(turn + 10)).unwrap().ern);
        change.commit(Position::default()).unwrap();
        for case in ["C0001", "C0002", "C0003"] {
            let mut asked = asked("слово");
            asked.scope.clauses.push(Clause {
                mark: Mark::Case,
                values: vec![case.to_owned()],
                among: true,
            });
            let answer = ask(std::slice::from_ref(&index), &asked).unwrap();
            let here: Vec<&Document> = stand.values().filter(|d| d.case == case).collect();
            assert_eq!(answer.count(), here.len() as u64, "{turn} {case}");
            let values = |field: &str, d: &Document| -> BTreeSet<String> {
                match field {
                    "state" => d.states.iter().cloned().collect(),
                    "type" => d.media_type.iter().cloned().collect(),
                    "place" => d.places.iter().cloned().collect(),
                    "language" => d.languages.iter().map(|l| l.code.clone()).collect(),
                    _ => BTreeSet::from([d.case.clone()]),
                }
            };
            for field in ["state", "type", "place", "language", "case"] {
                let mut counts = BTreeMap::new();
                for value in here.iter().flat_map(|d| values(field, d)) {
                    *counts.entry(value).or_insert(0) += 1;
                }
                let facet = answer.facets.iter().find(|f| f.field == field).unwrap();
                let told: BTreeMap<String, u64> = facet.counts.iter().cloned().collect();
                assert_eq!(told, counts, "{turn} {case} {field}");
            }
            let mut sets = BTreeMap::new();
            for document in &here {
                let set: BTreeSet<&str> = document.states.iter().map(String::as_str).collect();
                *sets.entry(set).or_insert(0) += 1;
            }
            let told = answer.states.iter();
            let told = told.map(|(set, n)| (set.iter().map(String::as_str).collect(), *n));
            assert_eq!(told.collect::<BTreeMap<_, _>>(), sets, "{turn} {case}");
        }
    }
}

#[test]
fn pages_follow_each_other_in_every_order() {
    let folder = tempfile::tempdir().unwrap();
    let index = sample(folder.path());
    for sort in [Sort::Ern, Sort::Date, Sort::Relevance] {
        let mut asked = asked("наказ OR обстріл OR order OR has:gps");
        asked.sort = sort;
        let indexes = std::slice::from_ref(&index);
        let whole = ask(indexes, &asked).unwrap().page(None, 100).unwrap();
        assert_eq!(whole.len(), 5);
        let mut pages: Vec<Hit> = Vec::new();
        loop {
            let after = pages.last().map(|h| h.ern.clone());
            let page = ask(indexes, &asked)
                .unwrap()
                .page(after.as_deref(), 2)
                .unwrap();
            if page.is_empty() {
                break;
            }
            pages.extend(page);
        }
        assert_eq!(pages, whole, "{sort:?}");
    }
}

#[test]
fn a_document_takes_the_place_of_the_one_before_and_goes_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let mut index = sample(folder.path());
    let mut change = index.write().unwrap();
    change
        .put(&document(1, "other.txt", "Зовсім інше."))
        .unwrap();
    change.remove("UKR-000001-0000003");
    let at = Position {
        size: 9,
        leaf: "cd".to_owned(),
        lists: vec![3, 4],
    };
    change.commit(at.clone()).unwrap();
    assert_eq!(found(&index, "наказ"), [5]);
    drop(index);
    let index = open(folder.path()).unwrap();
    assert_eq!(*index.position(), at);
    assert_eq!(found(&index, "зовсім"), [1]);
    assert_eq!(index.len(), 4);
}

#[test]
fn no_file_of_it_shows_a_word() {
    let folder = tempfile::tempdir().unwrap();
    let secret = "clandestine-harbour-4471 watchword";
    let documents: Vec<Document> = (1..50).map(|n| document(n, secret, secret)).collect();
    drop(filled(folder.path(), &documents));
    let mut files = 0;
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let bytes = std::fs::read(&path).unwrap();
        files += usize::from(!bytes.is_empty());
        for word in ["clandestine", "watchword", "segment", "UKR-000001"] {
            let shows = bytes.windows(word.len()).any(|w| w == word.as_bytes());
            assert!(!shows, "{} shows {word}", path.display());
        }
    }
    assert!(files > 5);
}

/// Whatever is done to a file, the answer is the right one, or names what is wrong.
#[test]
fn a_damaged_file_is_named_and_never_answers_wrongly() {
    let whole = tempfile::tempdir().unwrap();
    let index = sample(whole.path());
    let questions = [
        "наказ",
        "\"командир бригади\"",
        "has:gps",
        "case:c0002",
        "path:report",
    ];
    let right: Vec<Vec<Hit>> = questions.iter().map(|q| hits(&index, &asked(q))).collect();
    drop(index);
    let names: Vec<_> = std::fs::read_dir(whole.path())
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.ends_with(".lock"))
        .collect();
    let mut named = 0;
    for (name, damage) in names.iter().flat_map(|n| (0..4).map(move |d| (n, d))) {
        let copy = tempfile::tempdir().unwrap();
        for name in &names {
            std::fs::copy(whole.path().join(name), copy.path().join(name)).unwrap();
        }
        let file = copy.path().join(name);
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        match damage {
            0 => std::fs::remove_file(&file).unwrap(),
            1 => std::fs::write(&file, &bytes[..middle]).unwrap(),
            2 => {
                bytes[middle] ^= 1;
                std::fs::write(&file, &bytes).unwrap();
            }
            _ => {
                let other = names.iter().find(|n| *n != name).unwrap();
                std::fs::copy(whole.path().join(other), &file).unwrap();
            }
        }
        let answers = open(copy.path()).and_then(|index| {
            let answer = |q: &&str| {
                let mut answer = ask(std::slice::from_ref(&index), &asked(q))?;
                answer.page(None, 100)
            };
            let answers = questions
                .iter()
                .map(answer)
                .collect::<Result<Vec<_>, _>>()?;
            Ok((index.position().size, answers))
        });
        match answers {
            Err(IndexError::Damaged { what }) => {
                named += 1;
                assert!(
                    what.contains(name.as_str()),
                    "{name}, damage {damage}: {what}"
                );
            }
            Err(other) => panic!("{name}: {other}"),
            // Without its list the index is an empty one, and says so by its position.
            Ok((0, _)) => assert!(name == "meta.json" && damage == 0, "{name}, {damage}"),
            Ok((_, answers)) => {
                assert_eq!(answers, right, "{name}, damage {damage}");
                assert_eq!(name, ".managed.json");
            }
        }
    }
    assert!(named >= 20, "{named}");
}

/// A text of a hundred and twenty words, with its last ones as given.
fn long(last: &str) -> String {
    let words: Vec<String> = (0..120).map(|n| format!("слово{n}")).collect();
    format!("{} {last}", words.join(" "))
}

#[test]
fn what_is_nearly_the_same_is_found_with_how_alike_it_is() {
    let photo = |number, looks| Document {
        looks: Some(looks),
        ..document(number, "photo.jpg", "")
    };
    let folder = tempfile::tempdir().unwrap();
    let mut other_case = document(3, "c.txt", &long("третій лист"));
    other_case.case = "C0002".to_owned();
    let index = filled(
        folder.path(),
        &[
            document(1, "a.txt", &long("перший лист")),
            document(2, "b.txt", &long("другий лист")),
            other_case,
            document(
                4,
                "d.txt",
                "Зовсім інший текст про обстріл складу вночі біля річки.",
            ),
            photo(5, 0xf0f0),
            photo(6, 0xf0f3),
            photo(7, 0xffff_0000_ffff_0000),
            document(8, "short.txt", "Добрий день"),
        ],
    );
    assert_eq!(found(&index, "like:UKR-000001-0000001"), [2, 3]);
    assert_eq!(found(&index, "like:ukr-000001-0000001 path:b"), [2]);
    assert_eq!(found(&index, "like:UKR-000001-0000004"), [0; 0]);
    assert_eq!(found(&index, "like:UKR-000001-0000005"), [6]);
    let known = |question: &str| hits(&index, &asked(question))[0].known.clone();
    assert_eq!(
        known("like:UKR-000001-0000005")[0].origin,
        "picture, 2 of 64 bits differ"
    );
    let text = &known("like:UKR-000001-0000001")[0];
    assert_eq!((text.field, &*text.value), ("like", "UKR-000001-0000001"));
    assert!(text.origin.starts_with("text, about 9"), "{}", text.origin);
    let refused = |ask_of: &Ask| match ask(std::slice::from_ref(&index), ask_of) {
        Err(IndexError::Question(said)) => said,
        other => panic!("{:?}", other.map(|a| a.count())),
    };
    let said = refused(&asked("like:UKR-000001-0000008"));
    assert!(said.contains("neither a text of eight words"), "{said}");
    // What may not be found is compared with like what never was.
    let mut of_case = asked("like:UKR-000001-0000003");
    of_case.scope.clauses.push(Clause {
        mark: Mark::Case,
        values: vec!["C0001".to_owned()],
        among: true,
    });
    let hidden = refused(&of_case);
    of_case.query = parse("like:UKR-000001-0000099").unwrap();
    assert_eq!(hidden.replace("0000003", "0000099"), refused(&of_case));
    of_case.query = parse("like:UKR-000001-0000001").unwrap();
    assert_eq!(hits(&index, &of_case).len(), 1);
}

/// A word is suggested only from what may be found: the leak would be a name of another case.
#[test]
fn suggestions_tell_of_nothing_that_may_not_be_found() {
    let mut secret = document(1, "a.txt", "Коваленко підписав наказ.");
    secret.case = "C0002".to_owned();
    let open = document(
        2,
        "b.txt",
        "Наказ виконано, накази складено, наказ відправлено.",
    );
    let folder = tempfile::tempdir().unwrap();
    let index = filled(folder.path(), &[secret, open]);
    let suggested = |question: &str, change: &dyn Fn(&mut Ask)| -> Vec<(String, u64)> {
        let mut asked = asked(question);
        change(&mut asked);
        let answer = ask(std::slice::from_ref(&index), &asked).unwrap();
        let instead = answer.instead.iter().flat_map(|s| &s.instead);
        let mut all: Vec<_> = instead.map(|i| (i.word.clone(), i.items)).collect();
        all.extend(answer.begin_so.clone());
        all
    };
    let of_case = |asked: &mut Ask| {
        asked.scope.clauses.push(Clause {
            mark: Mark::Case,
            values: vec!["C0001".to_owned()],
            among: true,
        });
    };
    let word = |word: &str, items| (word.to_owned(), items);
    assert_eq!(suggested("Коваленка~", &|_| ()), []);
    assert_eq!(suggested("Ковалнеко", &|_| ()), [word("коваленко", 1)]);
    assert_eq!(suggested("Ковалнеко", &of_case), []);
    assert_eq!(
        suggested("наказр", &|_| ()),
        [word("наказ", 2), word("накази", 1)]
    );
    assert_eq!(
        suggested("наказр", &of_case),
        [word("наказ", 1), word("накази", 1)]
    );
    assert_eq!(
        suggested("нак*", &|_| ()),
        [word("наказ", 2), word("накази", 1)]
    );
    assert_eq!(suggested("ков*", &|_| ()), [word("коваленко", 1)]);
    assert_eq!(suggested("ков*", &of_case), []);
    // A word that is found needs no other, and one under NOT is no reason for it.
    assert_eq!(suggested("наказ AND NOT наказр", &|_| ()), []);
    let exact = |asked: &mut Ask| asked.exact = true;
    assert_eq!(suggested("наказами", &exact)[0], word("наказами", 2));
    let plain = |asked: &mut Ask| asked.transliterate = false;
    assert_eq!(suggested("Kovalenko", &plain), [word("Kovalenko", 1)]);
}
