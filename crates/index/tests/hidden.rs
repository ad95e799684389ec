//! What may not be found changes nothing: not which questions are refused, and not which groups there are.

#![allow(clippy::unwrap_used)]

mod made;

use std::collections::{BTreeMap, BTreeSet};

use comity_index::{
    Ask, Compared, Document, Groups, Index, IndexError, Passage, Scope, Sort, ask, groups,
};
use comity_search::query::parse;
use made::{filled, of_case};
use proptest::prelude::*;

fn document(number: u32, case: &str, text: &str, looks: Option<u64>) -> Document {
    let passage = Passage {
        anchor: "page 1".to_owned(),
        text: text.to_owned(),
        flows: false,
    };
    Document {
        ern: format!("UKR-000001-{number:07}"),
        case: case.to_owned(),
        path: format!("{number}.txt"),
        text: (!text.is_empty()).then_some(passage).into_iter().collect(),
        looks,
        ..Document::default()
    }
}

fn count(index: &Index, question: &str, scope: Scope) -> Result<u64, IndexError> {
    let asked = Ask {
        query: parse(question).unwrap(),
        scope,
        exact: false,
        transliterate: true,
        sort: Sort::Ern,
        lists: Vec::new(),
    };
    Ok(ask(std::slice::from_ref(index), &asked)?.count())
}

/// Words of letters alone, all different, that begin with `qa`.
fn words(from: u32, to: u32) -> String {
    let letter = |n: u32| char::from(b'a' + (n % 26) as u8);
    let word = |n: u32| -> String {
        ["qa".to_owned()]
            .into_iter()
            .chain((0..4).map(|i| letter(n / 26u32.pow(i)).to_string()))
            .collect()
    };
    (from..to).map(word).collect::<Vec<_>>().join(" ")
}

/// The attack: whoever may not see a case asks for phrases with beginnings, and by which of them are refused learns how
/// many words that begin so stand in it.
#[test]
fn whether_a_phrase_is_refused_tells_nothing_of_what_may_not_be_found() {
    let question = "order near/2 qa*";
    let own = [
        document(1, "C0001", &format!("{} order", words(0, 6_000)), None),
        document(2, "C0001", &format!("{} order", words(4_000, 9_900)), None),
    ];
    let secret = document(3, "C0002", &words(8_000, 20_000), None);
    let mut all = own.to_vec();
    all.push(secret);
    for at_once in [1, 3] {
        let folder = tempfile::tempdir().unwrap();
        let index = filled(folder.path(), &all, at_once);
        assert_eq!(count(&index, question, of_case("C0001")).unwrap(), 2);
        let near = "qa* near/2 order";
        assert_eq!(count(&index, near, of_case("C0001")).unwrap(), 2);
        // Who may find all is refused, for the same number of words however they lie in segments.
        for question in [question, near] {
            let said = count(&index, question, Scope::default()).unwrap_err();
            assert!(said.to_string().contains("more than 10000"), "{said}");
        }
    }
    // As it is where the other case never was.
    let folder = tempfile::tempdir().unwrap();
    let index = filled(folder.path(), &own, 1);
    assert_eq!(count(&index, question, Scope::default()).unwrap(), 2);
}

fn numbers(groups: &Groups) -> BTreeSet<Vec<String>> {
    let of = |group: &Vec<comity_index::Member>| group.iter().map(|m| m.ern.clone()).collect();
    groups.page.iter().map(of).collect()
}

/// What hangs together by `like:`, each item asked for by itself.
fn by_force(index: &Index, documents: &[&Document]) -> BTreeSet<Vec<String>> {
    let mut group_of: BTreeMap<&str, usize> = documents
        .iter()
        .enumerate()
        .map(|(n, d)| (d.ern.as_str(), n))
        .collect();
    for one in documents {
        for other in documents {
            let question = format!("like:{} ern:{}", one.ern, other.ern);
            if count(index, &question, Scope::default()).is_ok_and(|n| n == 1) {
                let (a, b) = (group_of[one.ern.as_str()], group_of[other.ern.as_str()]);
                group_of
                    .values_mut()
                    .filter(|g| **g == b)
                    .for_each(|g| *g = a);
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (ern, group) in group_of {
        groups.entry(group).or_default().push(ern.to_owned());
    }
    groups.into_values().filter(|g| g.len() > 1).collect()
}

/// A text of sixty words, some of them changed: near its neighbours, far from what is many steps away.
fn text(of: u32, changed: u32) -> String {
    let word = |n: u32| match n < changed * 2 {
        true => format!("changed{of}{n}"),
        false => format!("word{of}x{n}"),
    };
    (0..60).map(word).collect::<Vec<_>>().join(" ")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// The groups are those of a world in which what is hidden never was, and those that comparing each with each gives.
    #[test]
    fn groups_are_those_of_a_world_without_what_is_hidden(
        items in prop::collection::vec((0..3u32, 0..12u32, 0..4u64, 0..40u32, any::<bool>()), 1..10),
        at_once in 1..5usize,
    ) {
        let documents: Vec<Document> = items.iter().enumerate().map(|(n, (of, changed, looks, bits, open))| {
            let looks = looks.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ ((1u64 << (bits / 3)) - 1);
            document(n as u32 + 1, if *open { "C0001" } else { "C0002" }, &text(*of, *changed), Some(looks))
        }).collect();
        let open: Vec<Document> = documents.iter().filter(|d| d.case == "C0001").cloned().collect();
        let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let (all, visible) = (filled(folder.path(), &documents, at_once), filled(other.path(), &open, 3));
        for (kind, strip) in [(Compared::Texts, false), (Compared::Pictures, true)] {
            let of = |index: &Index, scope: &Scope| groups(std::slice::from_ref(index), scope, kind, None, 100).unwrap();
            let found = of(&all, &of_case("C0001"));
            prop_assert_eq!(&found, &of(&visible, &Scope::default()));
            // `like:` goes by text first: of pictures alone.
            let bare: Vec<Document> = open.iter().cloned().map(|mut d| {
                if strip { d.text.clear() } else { d.looks = None }
                d
            }).collect();
            let third = tempfile::tempdir().unwrap();
            let bare_index = filled(third.path(), &bare, 4);
            let wanted = by_force(&bare_index, &bare.iter().collect::<Vec<_>>());
            prop_assert_eq!(numbers(&found), wanted);
            prop_assert_eq!(found.count as usize, found.page.len());
            // Page by page it is the same.
            let (mut paged, mut after) = (Vec::new(), None);
            loop {
                let page = groups(std::slice::from_ref(&all), &of_case("C0001"), kind, after.as_deref(), 1).unwrap().page;
                let Some(group) = page.into_iter().next() else { break };
                after = Some(group[0].ern.clone());
                paged.push(group);
            }
            prop_assert_eq!(paged, found.page);
        }
    }
}
