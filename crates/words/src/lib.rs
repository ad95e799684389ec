//! Words of the languages that a case speaks: where one ends, which spellings are one, which forms belong together,
//! and which Latin spelling a Cyrillic name has.
//!
//! Pure: no files, no tables that grow. Search, lists of names and near-duplicates share it, so that what is one word
//! for one of them is one for all. A word passes three steps, and each can be asked for alone:
//!
//! 1. [`words`] splits a text, by Unicode's rules with a few of ours;
//! 2. [`fold`] gives the form in which spellings of one word are equal: case, accents, ґ and г, ё and е, apostrophes;
//! 3. [`stems`] gives what its inflected forms share, a language each.
//!
//! Beside these, [`names::keys`] says how a name sounds, in one alphabet for Cyrillic and Latin; [`tables`] by which
//! table of transliteration it was written, and [`pairs`] which names are one in Ukrainian and Russian.
//!
//! ```
//! use comity_words::{Language, fold, names, stems, words};
//!
//! let text = "Зобов’язання п'ять разів";
//! let found: Vec<&str> = words(text).map(|w| w.text).collect();
//! assert_eq!(found, ["Зобов’язання", "п'ять", "разів"]);
//! assert_eq!(fold("Зобовʼязання"), fold("зобов'язання"));
//!
//! let ukrainian = [Language::Ukrainian];
//! assert_eq!(stems("наказами", &ukrainian), stems("наказу", &ukrainian));
//! assert_eq!(names::keys("Зеленський"), names::keys("Zelenskyy"));
//! ```

mod fold;
mod language;
pub mod names;
pub mod pairs;
mod split;
mod tables;
mod ukrainian;

pub use fold::{fold, fold_into, folded_end};
pub use language::{Language, Script, Stem, script_of, stems};
pub use split::{MAX_WORD, Word, Words, words};
pub use tables::{Table, tables};
