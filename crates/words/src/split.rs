//! Where words begin and end.

use unicode_normalization::char::is_combining_mark;
use unicode_segmentation::{UWordBoundIndices, UnicodeSegmentation};

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
        segments: text.split_word_bound_indices(),
        rest: None,
        place: 0,
    }
}

/// Iterator of [`words`].
pub struct Words<'t> {
    segments: UWordBoundIndices<'t>,
    /// What is left of a segment of which a part was given.
    rest: Option<(usize, &'t str)>,
    place: u32,
}

impl<'t> Iterator for Words<'t> {
    type Item = Word<'t>;

    fn next(&mut self) -> Option<Word<'t>> {
        loop {
            let (start, segment) = match self.rest.take() {
                Some(rest) => rest,
                None => self.segments.next()?,
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

fn begins_a_word(c: char) -> bool {
    c.is_alphanumeric() && !is_combining_mark(c)
}

/// How many bytes of a segment, which begins with a letter or digit, are one word.
fn end_of_part(segment: &str) -> usize {
    let mut before = ' ';
    let mut chars = segment.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let after = chars.peek().map_or(' ', |(_, c)| *c);
        let number = before.is_numeric() && after.is_numeric();
        if at + c.len_utf8() > MAX_WORD || c == '_' || (matches!(c, '.' | ':' | '·') && !number) {
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

    #[test]
    fn a_word_without_end_is_cut() {
        let long = "я".repeat(1000);
        let found = texts(&long);
        assert!(found.iter().all(|w| w.len() <= MAX_WORD));
        assert_eq!(found.concat(), long);
    }
}
