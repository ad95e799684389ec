//! Inflected forms of one word.

use std::borrow::Cow;

use snowball_stemmers_rs::{Algorithm, Stemmer};

use crate::fold::{fold, lower};
use crate::ukrainian;

/// A language that a case may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    /// uk
    Ukrainian,
    /// ru
    Russian,
    /// en
    English,
    /// pl
    Polish,
    /// lt
    Lithuanian,
    /// lv; by accents alone, for want of a stemmer
    Latvian,
    /// et
    Estonian,
    /// ro
    Romanian,
    /// sk; by the stemmer of Czech, whose endings it shares
    Slovak,
}

/// An alphabet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Script {
    /// Latin letters.
    Latin,
    /// Cyrillic letters.
    Cyrillic,
}

/// What the forms of a word share in one language.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stem {
    /// The language whose rules gave it.
    pub language: Language,
    /// The stem, folded.
    pub text: String,
}

impl Language {
    /// All of them.
    pub const ALL: [Language; 9] = [
        Language::Ukrainian,
        Language::Russian,
        Language::English,
        Language::Polish,
        Language::Lithuanian,
        Language::Latvian,
        Language::Estonian,
        Language::Romanian,
        Language::Slovak,
    ];

    /// Its code in ISO 639-1.
    pub fn code(self) -> &'static str {
        match self {
            Language::Ukrainian => "uk",
            Language::Russian => "ru",
            Language::English => "en",
            Language::Polish => "pl",
            Language::Lithuanian => "lt",
            Language::Latvian => "lv",
            Language::Estonian => "et",
            Language::Romanian => "ro",
            Language::Slovak => "sk",
        }
    }

    /// The language with this code.
    pub fn from_code(code: &str) -> Option<Language> {
        Language::ALL.into_iter().find(|l| l.code() == code)
    }

    /// The alphabet that it is written in.
    pub fn script(self) -> Script {
        match self {
            Language::Ukrainian | Language::Russian => Script::Cyrillic,
            _ => Script::Latin,
        }
    }

    /// The stemmer of the Snowball project that serves it.
    fn algorithm(self) -> Option<Algorithm> {
        Some(match self {
            Language::Ukrainian | Language::Latvian => return None,
            Language::Russian => Algorithm::Russian,
            Language::English => Algorithm::English,
            Language::Polish => Algorithm::Polish,
            Language::Lithuanian => Algorithm::Lithuanian,
            Language::Estonian => Algorithm::Estonian,
            Language::Romanian => Algorithm::Romanian,
            Language::Slovak => Algorithm::Czech,
        })
    }
}

/// The alphabet of a word: that of its first letter, if it is one of the two.
pub fn script_of(word: &str) -> Option<Script> {
    let first = word.chars().find(|c| c.is_alphabetic())?;
    match first {
        '\u{400}'..='\u{52F}' | '\u{1C80}'..='\u{1C8F}' => Some(Script::Cyrillic),
        'a'..='z' | 'A'..='Z' | '\u{C0}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}' => {
            Some(Script::Latin)
        }
        _ => None,
    }
}

/// The stems of a word, one for each of these languages that is written in its alphabet, folded. A word with digits is
/// no word of a language, and has none.
pub fn stems(word: &str, languages: &[Language]) -> Vec<Stem> {
    let Some(script) = script_of(word) else {
        return Vec::new();
    };
    if word.chars().any(char::is_numeric) {
        return Vec::new();
    }
    let lower = lower(word);
    languages
        .iter()
        .filter(|l| l.script() == script)
        .map(|l| Stem {
            language: *l,
            text: fold(&stem(&lower, *l)),
        })
        .collect()
}

/// Stemmers go by accents, so the word still has them.
fn stem(lower: &str, language: Language) -> Cow<'_, str> {
    match language {
        Language::Ukrainian => Cow::Owned(ukrainian::stem(lower)),
        _ => snowball(language, lower),
    }
}

/// The stem by the Snowball project's rules, the word itself for a language that has none there.
pub(crate) fn snowball(language: Language, lower: &str) -> Cow<'_, str> {
    match language.algorithm() {
        Some(algorithm) => Stemmer::create(algorithm).stem(lower),
        None => Cow::Borrowed(lower),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assert_one_stem(language: Language, words: &[&str]) {
        let of = |word: &str| stems(word, &[language]);
        for word in words {
            assert_eq!(of(word), of(words[0]), "{word} and {}", words[0]);
        }
    }

    #[test]
    fn inflected_forms_share_a_stem() {
        use Language::*;
        let families: [(Language, &[&str]); 14] = [
            (
                Ukrainian,
                &["наказ", "наказу", "наказом", "наказами", "наказів"],
            ),
            (
                Ukrainian,
                &["зобов’язання", "зобов'язанням", "зобовʼязаннями"],
            ),
            (Ukrainian, &["свідок", "свідка", "свідками"]),
            (Ukrainian, &["обстріл", "обстрілу", "обстрілів"]),
            (Ukrainian, &["катування", "катуванням", "катуваннях"]),
            (Russian, &["приказ", "приказа", "приказами"]),
            (Russian, &["расстрел", "расстрелы", "расстрелов"]),
            (English, &["order", "orders", "ordered"]),
            (English, &["torture", "tortured", "torturing"]),
            (Polish, &["rozkaz", "rozkazy", "rozkazami"]),
            (Lithuanian, &["įsakymas", "įsakymo"]),
            (Estonian, &["raamat", "raamatu", "raamatud"]),
            (Romanian, &["ordin", "ordinul"]),
            (Slovak, &["rozkaz", "rozkazu"]),
        ];
        for (language, words) in families {
            assert_one_stem(language, words);
        }
    }

    #[test]
    fn a_stem_is_of_its_own_alphabet() {
        let of = |word: &str| stems(word, &Language::ALL).len();
        assert_eq!(of("наказ"), 2);
        assert_eq!(of("order"), 7);
        assert_eq!(of("АА1234"), 0);
        assert_eq!(of("命令"), 0);
    }
}
