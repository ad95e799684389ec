//! The *tool* profile: the supervisor runs one named program of the system on bytes in memory, behind walls.
//!
//! The program never gets a path of the evidence. Its input is memory that it cannot change, and its output memory of
//! a limited size; nothing of either is on a disk.

mod film;
mod ocr;
mod run;

pub use film::Films;
pub use ocr::{Ocr, OcrLine, OcrPage, parse_tsv};
pub(crate) use run::last_words;
pub use run::{Ran, Tool};
