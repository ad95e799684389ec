//! The readers of hostile files, and the end of the socket that they have (`docs/format/reading.md`).
//!
//! Nothing of ours links this but the program `extract-worker`. A reader is a function: it gets the file as something
//! to read and seek in, and a place for what it finds; it opens nothing, starts nothing, and calls no other reader.
//!
//! ```
//! use comity_worker::{Input, Out, read_file, talk::Heard};
//!
//! let file = "Протокол огляду місця події".as_bytes();
//! let (outcome, heard) = Heard::reading("протокол.txt", file);
//! assert_eq!(outcome.state.name(), "read");
//! assert!(heard.text().contains("огляду"));
//! ```

mod decode;
mod draw;
mod heif;
mod input;
mod ints;
mod kind;
mod notice;
mod out;
mod pixels;
mod read;
mod serve;
pub mod talk;
mod time;
mod xml;

pub use draw::draw_file;
pub use input::Input;
pub use out::{Out, Stop};
pub use read::read_file;
pub use serve::serve;
