//! What a question finds is what reading every text would, in the order of a world in which what is hidden never was.

#![allow(clippy::unwrap_used)]

mod made;

use comity_index::{Ask, Document, Hit, Index, IndexError, Passage, Scope, Sort, Spoken, ask};
use comity_search::query::{Form, Query, Word, parse};
use made::{filled, of_case};
use proptest::prelude::*;

/// Words, frequent and rare, of which some are forms of others.
const WORDS: [&str; 10] = [
    "order",
    "orders",
    "наказ",
    "наказами",
    "обстріл",
    "обстрілу",
    "brigade",
    "bridge",
    "свідок",
    "школа",
];

fn document(number: usize, open: bool, words: &[&str]) -> Document {
    Document {
        ern: format!("UKR-000001-{:07}", number + 1),
        case: if open { "C0001" } else { "C0002" }.to_owned(),
        states: vec!["sealed".to_owned()],
        languages: vec![Spoken {
            code: if number.is_multiple_of(2) { "uk" } else { "pl" }.to_owned(),
            origin: "found".to_owned(),
        }],
        path: format!("{}.pdf", number + 1),
        text: vec![Passage {
            anchor: "page 1".to_owned(),
            text: words.join(" "),
            flows: false,
        }],
        ..Document::default()
    }
}

fn asked(query: Query, exact: bool, scope: Scope) -> Ask {
    Ask {
        query,
        scope,
        exact,
        transliterate: !exact,
        sort: Sort::Relevance,
        lists: Vec::new(),
    }
}

/// Whether a text fits a question, by reading it word for word; of words as they are written.
fn fits(query: &Query, words: &[&str]) -> bool {
    match query {
        Query::And(parts) => parts.iter().all(|part| fits(part, words)),
        Query::Or(parts) => parts.iter().any(|part| fits(part, words)),
        Query::Not(part) => !fits(part, words),
        placed => !spans(placed, words).is_empty(),
    }
}

/// Where words, phrases and neighbours stand.
fn spans(query: &Query, words: &[&str]) -> Vec<(usize, usize)> {
    let is = |word: &Word, text: &str| match word.form {
        Form::Begins => text.starts_with(&word.text),
        _ => text == word.text,
    };
    let all = 0..words.len();
    match query {
        Query::Word(word) => {
            let places = all.filter(|at| is(word, words[*at]));
            places.map(|at| (at, at)).collect()
        }
        Query::Phrase(phrase) => all
            .filter(|at| {
                let mut next = phrase.iter().zip(*at..);
                next.all(|(word, at)| words.get(at).is_some_and(|text| is(word, text)))
            })
            .map(|at| (at, at + phrase.len() - 1))
            .collect(),
        Query::Near {
            left,
            right,
            within,
        } => {
            let (left, right) = (spans(left, words), spans(right, words));
            let near = |a: &(usize, usize), b: &(usize, usize)| {
                let between = |first: usize, last: usize| {
                    last > first && last - first - 1 <= *within as usize
                };
                between(a.1, b.0) || between(b.1, a.0)
            };
            let pairs = left
                .iter()
                .flat_map(|a| right.iter().map(move |b| (*a, *b)));
            pairs
                .filter(|(a, b)| near(a, b))
                .map(|(a, b)| (a.0.min(b.0), a.1.max(b.1)))
                .collect()
        }
        other => unreachable!("{other} is no place"),
    }
}

fn word() -> impl Strategy<Value = Word> {
    (0..WORDS.len() + 2, 0..5u8).prop_map(|(at, form)| {
        // Two that stand nowhere.
        let text = WORDS
            .get(at)
            .copied()
            .unwrap_or(["bridges", "nowhere"][at % 2]);
        match form {
            0 => Word {
                text: text.chars().take(3).collect(),
                form: Form::Begins,
            },
            _ => Word {
                text: text.to_owned(),
                form: Form::Any,
            },
        }
    })
}

fn placed() -> impl Strategy<Value = Query> {
    prop_oneof![
        4 => word().prop_map(Query::Word),
        1 => prop::collection::vec(word(), 2..4).prop_map(Query::Phrase),
        1 => (word(), word(), 1..4u32).prop_map(|(left, right, within)| Query::Near {
            left: Box::new(Query::Word(left)),
            right: Box::new(Query::Word(right)),
            within,
        }),
    ]
}

fn question() -> impl Strategy<Value = Query> {
    placed().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 2..4).prop_map(Query::And),
            1 => prop::collection::vec(inner.clone(), 2..4).prop_map(Query::Or),
            2 => inner.prop_map(|part| Query::Not(Box::new(part))),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn what_is_found_is_what_reading_finds(
        texts in prop::collection::vec((any::<bool>(), prop::collection::vec(0..60usize, 1..12)), 1..30),
        at_once in 1..20usize,
        questions in prop::collection::vec(question(), 12),
    ) {
        // The first words are frequent, the last are rare.
        let pick = |n: &usize| WORDS[(n * n / 400).min(WORDS.len() - 1)];
        let texts: Vec<(bool, Vec<&str>)> = texts.iter().map(|(open, words)| (*open, words.iter().map(pick).collect())).collect();
        let documents: Vec<Document> = texts.iter().enumerate().map(|(n, (open, words))| document(n, *open, words)).collect();
        let open: Vec<Document> = documents.iter().filter(|d| d.case == "C0001").cloned().collect();
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let all = filled(folder.path(), &documents, at_once);
        let world = filled(other.path(), &open, 7);
        for query in questions {
            // By force, of the words as they are written.
            for (scope, hidden) in [(Scope::default(), false), (of_case("C0001"), true)] {
                let exact = asked(query.clone(), true, scope);
                let mut answer = ask(std::slice::from_ref(&all), &exact).unwrap();
                let mut found: Vec<String> = answer.page(None, 100).unwrap().into_iter().map(|hit| hit.ern).collect();
                found.sort();
                let read = texts.iter().zip(&documents).filter(|((open, words), _)| (*open || !hidden) && fits(&query, words));
                let wanted: Vec<String> = read.map(|(_, document)| document.ern.clone()).collect();
                prop_assert_eq!(answer.count() as usize, wanted.len(), "{}", &query);
                prop_assert_eq!(found, wanted, "{}", &query);
            }
            // In all forms, as where the other case never was: hits and their order, counts, and what is suggested.
            let told = |index: &Index, scope: Scope| {
                let mut answer = ask(std::slice::from_ref(index), &asked(query.clone(), false, scope)).unwrap();
                let hits = answer.page(None, 100).unwrap();
                // Page by page it is the same.
                let (mut paged, mut after): (Vec<_>, Option<String>) = (Vec::new(), None);
                loop {
                    let page = answer.page(after.as_deref(), 2).unwrap();
                    let Some(last) = page.last() else { break };
                    after = Some(last.ern.clone());
                    paged.extend(page);
                }
                assert_eq!(hits, paged);
                let mut facets = answer.facets.clone();
                facets.iter_mut().for_each(|facet| facet.counts.sort());
                (hits, facets, answer.instead.clone(), answer.begin_so.clone(), answer.items)
            };
            prop_assert_eq!(told(&all, of_case("C0001")), told(&world, Scope::default()), "{}", &query);
        }
    }
}

/// The attack: whether a question is refused told whether two words stand together in what may not be found.
#[test]
fn whether_a_question_is_refused_tells_nothing_of_where_words_meet() {
    let documents = [
        document(0, true, &["brigade", "order"]),
        document(1, true, &["bridge"]),
        document(2, false, &["brigade", "bridge"]),
    ];
    let folder = tempfile::tempdir().unwrap();
    let index = filled(folder.path(), &documents, 2);
    let refused = |question: &str| {
        let asked = asked(parse(question).unwrap(), true, of_case("C0001"));
        let answer = ask(std::slice::from_ref(&index), &asked);
        matches!(answer.map(|a| a.count()), Err(IndexError::Question(_)))
    };
    for words in ["brigade bridge", "brigade order", "brigade nowhere"] {
        assert!(!refused(words));
        assert!(refused(&format!("{words} size:much")), "{words}");
    }
}

/// Of frequent words, phrases and neighbourhoods are looked for by all cores, each in its share of the documents.
#[test]
fn frequent_words_stand_together_wherever_they_do() {
    let text = |n: u32| match n % 4 {
        0 => "броня та танк біля мосту",
        1 => "танк броня",
        2 => "броня танк, а там броня танк",
        _ => "танк за мостом, біля якого стоїть чужа броня",
    };
    let case = |n: u32| {
        if n.is_multiple_of(3) {
            "C0002"
        } else {
            "C0001"
        }
    };
    let documents: Vec<Document> = (0..16_001)
        .map(|n| Document {
            ern: format!("UKR-000001-{n:07}"),
            case: case(n).to_owned(),
            text: vec![Passage {
                anchor: "line 1".to_owned(),
                text: text(n).to_owned(),
                flows: false,
            }],
            ..Document::default()
        })
        .collect();
    let dir = tempfile::tempdir().unwrap();
    let index = filled(dir.path(), &documents, 16_001);
    let kinds: [(&str, &[u32]); 4] = [
        ("\"броня танк\"", &[2]),
        ("танк near/5 броня", &[0, 1, 2]),
        ("броня near/1 танк", &[0, 1, 2]),
        ("танк near/6 броня", &[0, 1, 2, 3]),
    ];
    for scope in [Scope::default(), of_case("C0001")] {
        let seen = |n: &u32| scope == Scope::default() || case(*n) == "C0001";
        for (question, kinds) in kinds {
            let asked = Ask {
                query: parse(question).unwrap(),
                scope: scope.clone(),
                exact: true,
                transliterate: false,
                sort: Sort::Ern,
                lists: Vec::new(),
            };
            let mut answer = ask(std::slice::from_ref(&index), &asked).unwrap();
            let mut found = Vec::new();
            let each: &mut dyn FnMut(Hit) -> Result<(), IndexError> = &mut |hit| {
                found.push(hit.ern[11..].parse::<u32>().unwrap());
                Ok(())
            };
            answer.each(each).unwrap();
            let expected = (0..16_001)
                .filter(seen)
                .filter(|n| kinds.contains(&(n % 4)));
            assert_eq!(found, expected.collect::<Vec<_>>(), "{question}");
        }
    }
}
