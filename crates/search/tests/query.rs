//! Questions as people type them: how they are understood, and how they are refused.

use comity_search::query::{Form, Query, parse};
use proptest::prelude::*;

#[test]
fn questions_are_understood() {
    let cases = [
        ("наказ", "наказ"),
        ("наказ командира", "наказ AND командира"),
        ("a OR b c", "a OR b AND c"),
        ("(a OR b) c", "(a OR b) AND c"),
        ("NOT (a b)", "NOT (a AND b)"),
        ("NOT a b", "NOT a AND b"),
        ("«ракетний удар» по", "\"ракетний удар\" AND по"),
        ("=наказу", "=наказу"),
        ("=\"за наказом\"", "=\"за наказом\""),
        (
            "наказ* обстрел~ Zelenskiy~2",
            "наказ* AND обстрел~ AND Zelenskiy~2",
        ),
        ("Івано-Франківськ", "\"Івано Франківськ\""),
        ("зобов’язання", "зобов’язання"),
        ("a near/5 b NEAR/3 \"c d\"", "a near/5 b near/3 \"c d\""),
        ("\"ракетн*\"", "ракетн*"),
        ("\"OR\"", "\"OR\""),
        (
            "path:\"Documents (old)\" type:pdf",
            "path:\"Documents (old)\" AND type:pdf",
        ),
        ("PATH:фото*", "path:фото*"),
        ("like:UKR-000001-0000001", "like:UKR-000001-0000001"),
        ("date:2022-02-24..2022-03", "date:2022-02-24..2022-03"),
        ("year:..2014 size:1000..", "year:..2014 AND size:1000.."),
        (
            "has:GPS near(50.45, 30.52, 10)",
            "has:gps AND near(50.45,30.52,10)",
        ),
        (
            "state:damaged OR state:encrypted",
            "state:damaged OR state:encrypted",
        ),
        ("12:30 AND b", "\"12 30\" AND b"),
        ("order_17.pdf", "\"order 17 pdf\""),
    ];
    for (typed, understood) in cases {
        match parse(typed) {
            Ok(query) => assert_eq!(query.to_string(), understood, "{typed}"),
            Err(e) => panic!("{typed}: {e}"),
        }
    }
}

#[test]
fn what_is_not_understood_is_refused() {
    let cases = [
        ("", "nothing is asked, at character 1"),
        (
            "(наказ",
            "a parenthesis is opened and not closed, at character 1",
        ),
        (
            "наказ)",
            "a parenthesis is closed that was not opened, at character 6",
        ),
        ("a ()", "nothing stands in the parentheses, at character 3"),
        (
            "a \"b c",
            "a quotation is opened and not closed, at character 3",
        ),
        (
            "a OR",
            "something to look for is missing at the end, at character 3",
        ),
        (
            "OR a",
            "something to look for is missing before OR; in quotation marks it is a word, at character 1",
        ),
        (
            "a near/0 b",
            "near/ takes a number of words from 1 to 100: near/5, at character 3",
        ),
        (
            "a near/5 type:pdf",
            "near/ stands between words or phrases, at character 3",
        ),
        ("*", "at least 2 letters stand before *, at character 1"),
        ("н*", "at least 2 letters stand before *, at character 1"),
        (
            "н*каз",
            "* and ~ stand at the end of a word; other wildcards are not known, at character 1",
        ),
        (
            "рік~",
            "a fuzzy word has at least 4 letters, at character 1",
        ),
        (
            "наказ~3",
            "a fuzzy word is at most 2 letters away: word~ or word~2, at character 1",
        ),
        (
            "№",
            "\"№\" has no letters or digits to look for, at character 1",
        ),
        (
            "has:wings",
            "has: knows text, gps, date, children, thumbnail, ocr, name, known, watch, at character 1",
        ),
        (
            "near(91,0,1)",
            "near( takes latitude, longitude and kilometres: near(50.45,30.52,10), at character 1",
        ),
        (
            "date:..",
            "a range is date:from..to, one of which may be left away, at character 1",
        ),
        ("type:", "type: has no value, at character 1"),
    ];
    for (typed, why) in cases {
        match parse(typed) {
            Ok(query) => panic!("{typed:?} was understood as {query}"),
            Err(e) => assert_eq!(e.to_string(), why, "{typed}"),
        }
    }
    let unknown = parse("colour:red").map_or_else(|e| e.to_string(), |q| q.to_string());
    assert!(
        unknown.starts_with("there is no field \"colour\": the fields are ern, path"),
        "{unknown}"
    );
    assert!(parse(&"(".repeat(100)).is_err() && parse(&"NOT ".repeat(10_000)).is_err());
}

#[test]
fn a_form_is_told_by_its_sign() {
    let form = |typed: &str| match parse(typed) {
        Ok(Query::Word(word)) => Some(word.form),
        _ => None,
    };
    assert_eq!(form("наказ"), Some(Form::Any));
    assert_eq!(form("=наказ"), Some(Form::Exact));
    assert_eq!(form("наказ*"), Some(Form::Begins));
    assert_eq!(form("наказ~"), Some(Form::Fuzzy(1)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// What a person is shown is what was understood: read again, it is the same question.
    #[test]
    fn shown_and_read_again_it_is_the_same(typed in "([a-zа-яіA-Z]{1,6}|[()\"«*~=:]|OR|AND|NOT|near/5|path:|has:gps|date:2022\\.\\.2023|[ ]){0,14}") {
        if let Ok(query) = parse(&typed) {
            let shown = query.to_string();
            prop_assert_eq!(parse(&shown), Ok(query), "{:?} shown as {:?}", typed, shown);
        }
    }

    #[test]
    fn any_text_is_answered(typed in prop_oneof![any::<String>(), "[𫝀a1_\u{1acc}\u{301}*~='\". ]{0,12}"]) {
        if let Ok(query) = parse(&typed) {
            prop_assert!(parse(&query.to_string()).is_ok(), "{}", query);
        }
    }
}
