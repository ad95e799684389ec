//! Which names are found in which texts, and how each match is labelled.

#![allow(clippy::unwrap_used)]

use comity_lists::{Entity, Kind, Line, ListError, Memory, Names, read_names};
use proptest::prelude::*;

fn entities(list: &str, kind: Option<Kind>) -> Result<Vec<Line>, ListError> {
    let mut lines = Vec::new();
    read_names(&mut list.as_bytes(), kind, &mut |line| {
        lines.push(line);
        true
    })?;
    Ok(lines)
}

fn names_of(list: &str) -> Names {
    let mut building = Names::build();
    for line in entities(list, Some(Kind::Person)).unwrap() {
        match line {
            Line::Entity(entity) => building.add(&entity),
            other => panic!("{other:?}"),
        }
    }
    building.finish()
}

/// The names found in a text: id, as it stands there, and how.
fn found(names: &Names, text: &str) -> Vec<String> {
    let found = names.find(text, false, &mut Memory::default());
    let tell = |n: &comity_lists::Named| {
        let id = names.entity(n.entity).id;
        format!("{id}: {} ({})", &text[n.start..n.end], n.how)
    };
    found.iter().map(tell).collect()
}

const LIST: &str = "id,kind,name,aliases
P1,person,Зеленко Володимир Андрійович,Володимир Зеленко;Volodymyr Zelenko
P2,person,Іван Борисович Сидоренко,
P3,person,Sergey Lavrenko,
O1,organisation,Міністерство оборони,
L1,place,Харків,
U1,unit,64 окрема мотострілецька бригада,
";

#[test]
fn each_match_says_how_it_matched() {
    let names = names_of(LIST);
    let cases = [
        (
            "Володимир Зеленко",
            "P1: Володимир Зеленко (as written, another of its names)",
        ),
        (
            "наказ Зеленка Володимира Андрійовича.",
            "P1: Зеленка Володимира Андрійовича (in another form)",
        ),
        (
            "signed by Volodymyr ZELENKO",
            "P1: Volodymyr ZELENKO (as written, another of its names)",
        ),
        (
            "допит Івана Борисовича Сидоренка",
            "P2: Івана Борисовича Сидоренка (in another form)",
        ),
        (
            "Ivan Borysovych Sydorenko",
            "P2: Ivan Borysovych Sydorenko (transliterated by Ukraine's national standard of 2010)",
        ),
        (
            "підпис: І. Б. Сидоренко",
            "P2: І. Б. Сидоренко (as written, with initials)",
        ),
        (
            "підпис: Сидоренку І.Б.",
            "P2: Сидоренку І.Б (in another form, with initials)",
        ),
        (
            "I. Sydorenko",
            "P2: I. Sydorenko (transliterated by Ukraine's national standard of 2010, with initials)",
        ),
        (
            "Сергей Лавренко",
            "P3: Сергей Лавренко (transliterated by Russia's passport table of 1997)",
        ),
        (
            "зустрів Івана Сидоренка",
            "P2: Івана Сидоренка (in another form, without the patronymic)",
        ),
        (
            "Сергей Иванович Лавренко",
            "P3: Сергей Иванович Лавренко (transliterated by Russia's passport table of 1997, with a patronymic that the list does not have)",
        ),
        (
            "до Міністерства оборони",
            "O1: Міністерства оборони (in another form)",
        ),
        (
            "под Харьковом",
            "L1: Харьковом (the same name in another language)",
        ),
        (
            "64 окремої мотострілецької бригади",
            "U1: 64 окремої мотострілецької бригади (in another form)",
        ),
    ];
    for (text, wanted) in cases {
        assert_eq!(found(&names, text), [wanted], "{text}");
    }
}

#[test]
fn what_is_no_name_is_not_found() {
    let names = names_of(LIST);
    for text in [
        "Іван пішов. Борисович і Сидоренко теж",
        "К. Сидоренко",
        "І. К. Сидоренко",
        "оборони Міністерство",
        "Володимир\tЗеленко",
        "Володимир (Зеленко)",
        "харків",
        "63 окрема мотострілецька бригада",
    ] {
        assert_eq!(found(&names, text), Vec::<String>::new(), "{text}");
    }
    // Where nobody minds capitals, as in the name of a file, they are not asked for.
    let any_case = names.find("zelenko_volodymyr.pdf", true, &mut Memory::default());
    assert_eq!(any_case.len(), 1);
}

#[test]
fn a_table_says_which_of_its_rows_are_bad() {
    let list = "name;aliases;birth_date;country\nІван Сидоренко;A|B;1970-01-01;ua\nзайва;1;2;3;4\n\"\";;;\n";
    let lines = entities(list, Some(Kind::Person)).unwrap();
    let Line::Entity(first) = &lines[0] else {
        panic!("{lines:?}")
    };
    assert_eq!((first.id.as_str(), first.names.len()), ("line-2", 2));
    assert_eq!(
        (first.births[0].as_str(), first.countries[0].as_str()),
        ("1970-01-01", "ua")
    );
    let bad = |line: &Line| match line {
        Line::Bad { line, what } => format!("{line}: {what}"),
        other => format!("{other:?}"),
    };
    assert_eq!(bad(&lines[1]), "3: it has 5 columns, and the head has 4");
    assert_eq!(bad(&lines[2]), "4: it has no name");
    for (list, said) in [
        ("id,kind\nP1,person\n", "one of them must be called name"),
        ("id,name\nP1,Іван\n", "it has no column kind"),
        ("", "it is empty"),
    ] {
        let error = entities(list, None).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn a_row_without_an_end_does_not_take_the_whole_file() {
    let mut list = "id,kind,name\nP1,person,\"Іван".to_owned();
    list.push_str(&"x,y\n".repeat(3 << 20));
    let error = entities(&list, None).unwrap_err().to_string();
    assert!(error.contains("a quotation mark"), "{error}");
}

#[test]
fn followthemoney_is_read_a_line_at_a_time() {
    let list = [
        r#"{"id":"NK-1","caption":"Іван Сидоренко","schema":"Person","properties":{"name":["Іван Сидоренко","Иван Сидоренко"],"lastName":["Сидоренко"],"birthDate":["1970-01-01"],"nationality":["ua"]},"datasets":["ua_test"],"target":true}"#,
        r#"{"id":"NK-2","schema":"Ownership","properties":{"owner":["NK-1"]}}"#,
        r#"{"id":"NK-3","schema":"Company","properties":{}}"#,
        "{not json}",
        "",
        r#"{"id":"NK-4","schema":"Person","properties":{"firstName":["Olena"],"lastName":["Koval"]}}"#,
    ]
    .join("\n");
    let lines = entities(&list, None).unwrap();
    let Line::Entity(first) = &lines[0] else {
        panic!("{lines:?}")
    };
    let wanted = Entity {
        id: "NK-1".to_owned(),
        kind: Kind::Person,
        caption: "Іван Сидоренко".to_owned(),
        names: vec!["Иван Сидоренко".to_owned()],
        surnames: vec!["Сидоренко".to_owned()],
        births: vec!["1970-01-01".to_owned()],
        countries: vec!["ua".to_owned()],
        sources: vec!["ua_test".to_owned()],
    };
    assert_eq!(**first, wanted);
    assert_eq!(lines[1], Line::Other("Ownership".to_owned()));
    assert!(matches!(&lines[2], Line::Bad { line: 3, what } if what == "it has no name"));
    assert!(matches!(&lines[3], Line::Bad { line: 4, what } if what.starts_with("it is no JSON")));
    assert!(matches!(&lines[4], Line::Entity(e) if e.caption == "Olena Koval"));
}

/// Whether a person's name stands in a text, by looking at every run of words for every name.
fn naive(names: &[[String; 2]], text: &[String]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    for (at, pair) in text.windows(2).enumerate() {
        for (number, [a, b]) in names.iter().enumerate() {
            let is = |x: &String, y: &String| pair[0] == *x && pair[1] == *y;
            if is(a, b) || is(b, a) {
                found.push((number, at));
            }
        }
    }
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Words that share no stem and no sound, so that comparing them letter by letter is all there is to it.
    #[test]
    fn what_is_found_is_what_looking_at_every_run_finds(
        names in prop::collection::vec([0usize..6, 0usize..6], 1..8),
        text in prop::collection::vec(0usize..8, 0..40),
    ) {
        const WORDS: [&str; 8] = ["Бакол", "Дубтра", "Фівжен", "Гумпіл", "Цертан", "Мозвік", "Пляшка", "Шунгар"];
        let word = |n: &usize| WORDS[*n].to_owned();
        let list: Vec<[String; 2]> = names.iter().filter(|[a, b]| a != b).map(|[a, b]| [word(a), word(b)]).collect();
        let mut building = Names::build();
        for (i, [a, b]) in list.iter().enumerate() {
            building.add(&Entity {
                id: i.to_string(),
                kind: Kind::Person,
                caption: format!("{a} {b}"),
                names: vec![],
                surnames: vec![],
                births: vec![],
                countries: vec![],
                sources: vec![],
            });
        }
        let built = building.finish();
        let text: Vec<String> = text.iter().map(word).collect();
        let said = built.find(&text.join(" "), false, &mut Memory::default());
        // Of one entity none lies over another, so places may be fewer; who is named is the same, and each place is right.
        let places = naive(&list, &text);
        let mut naive_who: Vec<usize> = places.iter().map(|(n, _)| *n).collect();
        let mut who: Vec<usize> = said.iter().map(|n| n.entity as usize).collect();
        for list in [&mut naive_who, &mut who] {
            list.sort_unstable();
            list.dedup();
        }
        prop_assert_eq!(who, naive_who);
    }

    #[test]
    fn no_text_and_no_list_ends_the_program(list in "\\PC{0,200}", text in "\\PC{0,200}") {
        let mut building = Names::build();
        let _ = read_names(&mut format!("name\n{list}").as_bytes(), Some(Kind::Person), &mut |line| {
            if let Line::Entity(entity) = line {
                building.add(&entity);
            }
            true
        });
        let names = building.finish();
        for any_case in [false, true] {
            for named in names.find(&text, any_case, &mut Memory::default()) {
                prop_assert!(text.get(named.start..named.end).is_some());
            }
            names.find(&list, any_case, &mut Memory::default());
        }
    }
}

#[test]
fn a_text_that_says_names_again_and_again_is_looked_through_once() {
    // Two hundred spellings of each word, so that each pair of words of the text could be forty thousand pairs of the list.
    let mut list = "name\n".to_owned();
    for n in 0..200 {
        let dots = ".".repeat(n);
        list.push_str(&format!("Іван{dots}а Ольга\nІва{dots}н Ольга\n"));
    }
    list.push_str("Іван Ольга\n");
    let names = names_of(&list);
    let mut memory = Memory::default();
    let text = "Іван Ольга. ".repeat(2000);
    let first = names.find(&text, false, &mut memory);
    assert_eq!(first, names.find(&text, false, &mut memory));
    assert_eq!(first, names.find(&text, false, &mut Memory::default()));
    let places: std::collections::BTreeSet<usize> = first.iter().map(|n| n.start).collect();
    assert!(places.len() >= 2000, "{}", places.len());
}
