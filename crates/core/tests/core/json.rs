//! Canonical JSON: the strings of RFC 8785, and what a strict reader must refuse.

use comity_core::json::{JsonError, canonical, json, parse, parse_canonical};
use proptest::prelude::*;
use serde_json::Value;

fn rewrite(text: &str) -> String {
    String::from_utf8(canonical(&parse(text.as_bytes()).unwrap()).unwrap()).unwrap()
}

#[test]
fn the_example_of_rfc_8785_section_3_2_3_is_sorted_by_utf16_code_units() {
    let text = r#"{
        "\u20ac": "Euro Sign",
        "\r": "Carriage Return",
        "\ufb33": "Hebrew Letter Dalet With Dagesh",
        "1": "One",
        "\ud83d\ude00": "Emoji: Grinning Face",
        "\u0080": "Control",
        "\u00f6": "Latin Small Letter O With Diaeresis"
    }"#;
    let expected = "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\
        \"\u{f6}\":\"Latin Small Letter O With Diaeresis\",\"\u{20ac}\":\"Euro Sign\",\
        \"\u{1f600}\":\"Emoji: Grinning Face\",\
        \"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}";
    assert_eq!(rewrite(text), expected);
}

#[test]
fn strings_are_escaped_as_rfc_8785_section_3_2_2_2_says() {
    let table = [
        (
            r#""\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/""#,
            r#""€$\u000f\nA'B\"\\\\\"/""#,
        ),
        (r#""\b\t\n\f\r""#, r#""\b\t\n\f\r""#),
        (r#""\u0000\u001f\u007f""#, "\"\\u0000\\u001f\u{7f}\""),
        (r#""\u2028\u2029\ufeff""#, "\"\u{2028}\u{2029}\u{feff}\""),
        (r#""e\u0301""#, "\"e\u{301}\""),
        (r#""зобов’язання""#, r#""зобов’язання""#),
    ];
    for (text, expected) in table {
        assert_eq!(rewrite(text), expected, "{text}");
    }
}

#[test]
fn structure_is_written_without_white_space() {
    let text = " { \"b\" : [ 1 , -2 , [ ] , { } , true , false , null ] , \"a\" : \"\" } \n";
    assert_eq!(
        rewrite(text),
        r#"{"a":"","b":[1,-2,[],{},true,false,null]}"#
    );
    assert_eq!(rewrite("9007199254740991"), "9007199254740991");
    assert_eq!(rewrite("-9007199254740991"), "-9007199254740991");
    assert_eq!(rewrite("0"), "0");
}

#[test]
fn what_readers_understand_differently_is_refused_with_its_place() {
    let table: &[(&[u8], &str)] = &[
        (b"", "expected a value at byte 0"),
        (b"\xef\xbb\xbf{}", "expected a value at byte 0"),
        (
            b"{\"a\":1,\"a\":2}",
            "\"a\" occurs twice in one object, the second time at byte 7",
        ),
        (
            b"{\"a\":1,\"\\u0061\":2}",
            "\"a\" occurs twice in one object, the second time at byte 7",
        ),
        (b"[1.0]", "the number at byte 1"),
        (b"[1e3]", "the number at byte 1"),
        (b"-0", "the number at byte 0"),
        (b"9007199254740992", "the number at byte 0"),
        (b"-9007199254740992", "the number at byte 0"),
        (b"123456789012345678901234567890", "the number at byte 0"),
        (b"01", "without leading zeros at byte 0"),
        (b"+1", "expected a value at byte 0"),
        (b"-", "expected a digit at byte 1"),
        (b"NaN", "expected a value at byte 0"),
        (b"nul", "expected null at byte 0"),
        (b"[1,]", "expected a value at byte 3"),
        (b"{\"a\":1,}", "expected '\"' at byte 7"),
        (b"{a:1}", "expected '\"' at byte 1"),
        (b"[1 2]", "expected ',' or ']' at byte 3"),
        (b"[1", "expected ',' or ']' at byte 2"),
        (b"{\"a\" 1}", "expected ':' at byte 5"),
        (b"\"a", "expected '\"' or a character"),
        (b"\"a\nb\"", "not a control character at byte 2"),
        (b"\"\\x\"", "expected an escape of RFC 8259 at byte 2"),
        (b"\"\\u00g0\"", "expected a hex digit at byte 5"),
        (b"\"\\ud800\"", "a pair of surrogates at byte 1"),
        (b"\"\\ud800\\u0041\"", "a pair of surrogates at byte 1"),
        (b"\"\\udc00\"", "a pair of surrogates at byte 1"),
        (b"\"\xff\"", "not UTF-8 at byte 1"),
        (b"\"\xed\xa0\x80\"", "not UTF-8 at byte 1"),
        (b"{} {}", "ends at byte 3, but more follows"),
        (b"1\0", "ends at byte 1, but more follows"),
        (b"'a'", "expected a value at byte 0"),
        (b"[]//", "ends at byte 2, but more follows"),
    ];
    for (bytes, message) in table {
        let error = parse(bytes)
            .expect_err(&String::from_utf8_lossy(bytes))
            .to_string();
        assert!(
            error.contains(message),
            "{:?}: {error}",
            String::from_utf8_lossy(bytes)
        );
    }
}

#[test]
fn nesting_beyond_64_levels_is_refused_both_ways_and_cannot_overflow_the_stack() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    let deepest = parse(nested(64).as_bytes()).unwrap();
    assert_eq!(canonical(&deepest).unwrap(), nested(64).as_bytes());
    assert_eq!(
        parse(nested(65).as_bytes()),
        Err(JsonError::TooDeep { at: 64 })
    );
    assert_eq!(
        canonical(&json!([deepest])),
        Err(JsonError::UnwritableDepth)
    );
    assert!(parse("[".repeat(5_000_000).as_bytes()).is_err());
    assert!(parse("{\"a\":".repeat(1_000_000).as_bytes()).is_err());
}

#[test]
fn only_canonical_bytes_are_read_as_canonical() {
    assert!(parse_canonical(br#"{"a":1,"b":"\n"}"#).is_ok());
    for (text, at) in [
        (r#"{"b":1,"a":2}"#, 2),
        (r#"{"a": 1}"#, 5),
        (r#"{"a":1} "#, 7),
        (r#""\u000a""#, 2),
        (r#""\/""#, 1),
        (r#""\u0041""#, 1),
        (r#""\u001F""#, 6),
    ] {
        assert_eq!(
            parse_canonical(text.as_bytes()),
            Err(JsonError::NotCanonical { at }),
            "{text}"
        );
    }
}

#[test]
fn numbers_that_others_would_round_are_not_written() {
    for value in [
        json!(1.5),
        json!(1.0),
        json!(-0.0),
        json!(9_007_199_254_740_992_u64),
        json!(u64::MAX),
    ] {
        let mut out = b"kept".to_vec();
        let wrapped = json!({ "a": [1, value] });
        let error = comity_core::json::write_canonical(&wrapped, &mut out).unwrap_err();
        assert!(
            matches!(error, JsonError::UnwritableNumber { .. }),
            "{error}"
        );
        assert_eq!(out, b"kept");
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9_007_199_254_740_991_i64..=9_007_199_254_740_991).prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(
                "[a-z\u{e000}-\u{ffff}\u{10000}-\u{10ffff}]{0,3}",
                inner,
                0..6
            )
            .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_canonical_and_equal(value in values()) {
        let bytes = canonical(&value).unwrap();
        prop_assert_eq!(parse_canonical(&bytes).unwrap(), value);
    }

    #[test]
    fn member_names_come_in_the_order_of_utf16(
        names in prop::collection::btree_set("[a\u{80}\u{7ff}\u{d7ff}\u{e000}-\u{ffff}\u{10000}-\u{10ffff}]{0,4}", 0..12),
    ) {
        let object: Value = Value::Object(names.iter().map(|name| (name.clone(), json!(1))).collect());
        let mut sorted: Vec<&String> = names.iter().collect();
        sorted.sort_by_key(|name| name.encode_utf16().collect::<Vec<u16>>());
        let members: Vec<String> =
            sorted.iter().map(|name| format!("{}:1", serde_json::to_string(name).unwrap())).collect();
        let expected = format!("{{{}}}", members.join(","));
        prop_assert_eq!(String::from_utf8(canonical(&object).unwrap()).unwrap(), expected);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&bytes);
    }

    #[test]
    fn a_reader_of_all_json_agrees_where_ours_accepts(text in r#"[\[\]{}:,"a-c0-9.eE\-\\u ]{0,24}"#) {
        if let Ok(value) = parse(text.as_bytes()) {
            prop_assert_eq!(value, serde_json::from_str::<Value>(&text).unwrap());
        }
    }
}
