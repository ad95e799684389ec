//! Where words begin and end.

use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::UnicodeSegmentation;

/// A word longer than this many bytes is cut there: it is no word of a language, and an index takes none longer.
pub const MAX_WORD: usize = 256;

/// A word of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<'t> {
    /// As it stands in the text.
    pub text: &'t str,
    /// Its first byte in the text.
    pub start: usize,
    /// Its place among the words of the text, from 0.
    pub place: u32,
}

/// The words of a text, in order: runs of letters and digits by UAX #29.
///
/// An apostrophe between letters belongs to the word, whichever of the signs is used for it. A full stop, colon or low
/// line between letters divides, so that the parts of `file_name.pdf` and of an address are found; between digits a
/// full stop or comma does not. A combining mark with no letter before it is of no word, so that a word split alone is
/// itself.
pub fn words(text: &str) -> Words<'_> {
    Words {
        text,
        at: 0,
        rest: None,
        place: 0,
    }
}

/// Iterator of [`words`].
pub struct Words<'t> {
    text: &'t str,
    /// Where the next segment begins.
    at: usize,
    /// What is left of a segment of which a part was given.
    rest: Option<(usize, &'t str)>,
    place: u32,
}

impl<'t> Words<'t> {
    /// The next segment of the text, but for signs that stand between words, and whether it plainly is one word.
    fn segment(&mut self) -> Option<(usize, &'t str, bool)> {
        let text = self.text.get(self.at..)?;
        let begin = text.find(|c| !divides(c))?;
        let (start, text) = (self.at + begin, &text[begin..]);
        let (segment, plain) = match plain_word(text) {
            0 => (text.split_word_bounds().next()?, false),
            len => (&text[..len], true),
        };
        self.at = start + segment.len();
        Some((start, segment, plain))
    }
}

impl<'t> Iterator for Words<'t> {
    type Item = Word<'t>;

    fn next(&mut self) -> Option<Word<'t>> {
        loop {
            let (start, segment) = match self.rest.take() {
                Some(rest) => rest,
                None => match self.segment()? {
                    (start, text, true) => {
                        let place = self.place;
                        self.place += 1;
                        return Some(Word { text, start, place });
                    }
                    (start, segment, false) => (start, segment),
                },
            };
            let skipped = segment.find(begins_a_word);
            let Some(skipped) = skipped else { continue };
            let (start, segment) = (start + skipped, &segment[skipped..]);
            let end = end_of_part(segment);
            if end < segment.len() {
                self.rest = Some((start + end, &segment[end..]));
            }
            let word = Word {
                text: &segment[..end],
                start,
                place: self.place,
            };
            self.place += 1;
            return Some(word);
        }
    }
}

/// Common signs behind which a word of letters is at its end, and with which none begins.
fn divides(c: char) -> bool {
    matches!(
        c,
        ' ' | '\n'
            | '\r'
            | '\t'
            | ','
            | ';'
            | '.'
            | ':'
            | '!'
            | '?'
            | '('
            | ')'
            | '['
            | ']'
            | '"'
            | '-'
            | '/'
            | '\u{A0}'
            | '«'
            | '»'
            | '–'
            | '—'
            | '“'
            | '”'
            | '„'
            | '…'
    )
}

/// The bytes of the word that a text begins with, where it is of the common letters of both alphabets alone, with
/// apostrophes between them, and plainly at its end: what UAX #29 would find too, but sooner. Otherwise 0.
fn plain_word(text: &str) -> usize {
    let mut was_letter = false;
    for (at, c) in text.char_indices() {
        match c {
            c if is_plain(c) => was_letter = true,
            '\'' | '’' if was_letter => was_letter = false,
            c if was_letter && divides(c) => return if at <= MAX_WORD { at } else { 0 },
            _ => return 0,
        }
    }
    if was_letter && text.len() <= MAX_WORD {
        text.len()
    } else {
        0
    }
}

fn is_plain(c: char) -> bool {
    matches!(c, 'a'..='z' | 'A'..='Z' | 'а'..='я' | 'А'..='Я')
        || matches!(c, 'і' | 'ї' | 'є' | 'ґ' | 'ё' | 'І' | 'Ї' | 'Є' | 'Ґ' | 'Ё')
}

fn begins_a_word(c: char) -> bool {
    c.is_alphanumeric() && !is_combining_mark(c)
}

/// How many bytes of a segment, which begins with a letter or digit, are one word.
fn end_of_part(segment: &str) -> usize {
    let mut before = ' ';
    let mut chars = segment.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let after = chars.peek().map_or(' ', |(_, c)| *c);
        let number = || before.is_numeric() && after.is_numeric();
        if at + c.len_utf8() > MAX_WORD || c == '_' || (matches!(c, '.' | ':' | '·') && !number())
        {
            return at;
        }
        before = c;
    }
    segment.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        words(text).map(|w| w.text).collect()
    }

    #[test]
    fn each_apostrophe_belongs_to_its_word() {
        for sign in ["'", "’", "ʼ"] {
            for word in ["зобов’язання", "п’ять", "м’який"] {
                let word = word.replace('’', sign);
                assert_eq!(
                    texts(&format!("і {word}, та")),
                    ["і", &word, "та"],
                    "{sign}"
                );
            }
        }
    }

    #[test]
    fn names_of_files_addresses_and_numbers() {
        let cases: [(&str, &[&str]); 9] = [
            ("order_no_17.pdf", &["order", "no", "17", "pdf"]),
            (
                "ivan.koval@mil.example",
                &["ivan", "koval", "mil", "example"],
            ),
            ("3.14 and 1,000", &["3.14", "and", "1,000"]),
            ("UKR-000123-0000456", &["UKR", "000123", "0000456"]),
            ("Івано-Франківськ", &["Івано", "Франківськ"]),
            ("АА1234ВВ", &["АА1234ВВ"]),
            ("«Наказ» (№ 5)", &["Наказ", "5"]),
            ("", &[]),
            ("по_\u{1acc}дія \u{345}", &["по", "дія"]),
        ];
        for (text, expected) in cases {
            assert_eq!(texts(text), expected, "{text}");
        }
    }

    /// The same words, by UAX #29 for every letter of the text.
    fn slowly(text: &str) -> Vec<Word<'_>> {
        let mut found = Vec::new();
        for (mut start, mut segment) in text.split_word_bound_indices() {
            while let Some(skipped) = segment.find(begins_a_word) {
                (start, segment) = (start + skipped, &segment[skipped..]);
                let end = end_of_part(segment);
                found.push(Word {
                    text: &segment[..end],
                    start,
                    place: found.len() as u32,
                });
                (start, segment) = (start + end, &segment[end..]);
            }
        }
        found
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig { cases: 2_000, failure_persistence: None, ..Default::default() })]

        #[test]
        fn the_short_way_finds_the_same_words(
            pieces in proptest::collection::vec(proptest::prop_oneof![
                "[а-яіёА-ЯЇҐa-zA-Z]{1,3}",
                "['’ʼ_.:,;·0-9 «»/\\r\\n-]",
                "[\u{301}\u{308}\u{200D}\u{AD}\u{FE0F}אבท٣ąä🇺🇦👍😀]",
                "\\PC",
            ], 0..12)
        ) {
            let text: String = pieces.concat();
            let found: Vec<Word<'_>> = words(&text).collect();
            proptest::prop_assert_eq!(found, slowly(&text));
        }
    }

    #[test]
    fn a_word_without_end_is_cut() {
        let long = "я".repeat(1000);
        let found = texts(&long);
        assert!(found.iter().all(|w| w.len() <= MAX_WORD));
        assert_eq!(found.concat(), long);
    }
}
