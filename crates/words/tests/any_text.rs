//! What must hold of any text: hostile files are split into words too.

use comity_words::{Language, MAX_WORD, fold, names, stems, words};
use proptest::prelude::*;
use unicode_normalization::char::is_combining_mark;

/// Letters of both alphabets, marks, apostrophes, and whatever else there is.
fn text() -> impl Strategy<Value = String> {
    let joined = "[a-zà-яіїєאבทขि٣0-9\u{301}\u{345}\u{1ACC}\u{93E}\u{200D}_'\".,:·]{0,20}";
    let near = "[а-яА-ЯіїєґІЇЄҐёЁa-zA-ZąęłśčžõüÀ-ž'’ʼ`\u{300}\u{301}\u{306}\u{308}\u{AD}\u{200D}0-9_.:·, -]{0,40}";
    prop_oneof![
        near.prop_map(String::from),
        joined.prop_map(String::from),
        any::<String>(),
        "\\PC{0,60}".prop_map(String::from)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn words_lie_where_they_say_and_none_is_lost(text in text()) {
        let letter = |c: char| c.is_alphanumeric() && !is_combining_mark(c);
        let mut end = 0;
        for (place, word) in words(&text).enumerate() {
            prop_assert_eq!(word.place as usize, place);
            prop_assert!(word.start >= end && !word.text.is_empty() && word.text.len() <= MAX_WORD);
            prop_assert!(!text[end..word.start].chars().any(letter), "a letter between words");
            end = word.start + word.text.len();
            prop_assert_eq!(&text[word.start..end], word.text);
        }
        prop_assert!(!text[end..].chars().any(letter), "a letter after the last word");
    }

    /// What a person is shown of a question is its words: typed again, they are the same.
    #[test]
    fn a_word_alone_is_that_word(text in text()) {
        for word in words(&text) {
            let again: Vec<&str> = words(word.text).map(|w| w.text).collect();
            prop_assert_eq!(again, [word.text]);
        }
    }

    #[test]
    fn folding_twice_is_folding_once(text in text()) {
        for word in words(&text) {
            let folded = fold(word.text);
            prop_assert_eq!(fold(&folded), folded.clone());
            prop_assert_eq!(fold(&word.text.to_uppercase()), fold(&word.text.to_uppercase().to_lowercase()));
        }
    }

    #[test]
    fn every_word_has_stems_and_keys_or_none(text in text()) {
        for word in words(&text) {
            for stem in stems(word.text, &Language::ALL) {
                prop_assert!(Language::from_code(stem.language.code()) == Some(stem.language));
            }
            prop_assert!(names::keys(word.text).len() <= 6);
        }
    }

    #[test]
    fn spelling_does_not_change_a_stem(word in "[а-яіїєґ]{2,8}'[яюєї][а-яіїєґ]{0,8}") {
        let typed = word.replace('\'', "’").to_uppercase();
        prop_assert_eq!(stems(&word, &Language::ALL), stems(&typed, &Language::ALL));
    }
}
