//! What is in a file: the supervisor of the programs that read hostile files, what both say to each other, and the
//! walls around them (`docs/format/reading.md`).
//!
//! The parsers are not here. They are in `crates/worker`, a program that this crate starts with nothing but a socket,
//! and that locks itself in with [`sandbox`] before it asks for a byte.
//!
//! ```no_run
//! use comity_extract::{Derivative, Limits, Readers};
//!
//! let mut readers = Readers::new("/usr/libexec/comity/extract-worker".into(), Limits::default());
//! let mut text = Derivative::new(Vec::new());
//! let file = std::fs::File::open("statement.doc")?;
//! let outcome = readers.read("statement.doc", &file, &mut text)?;
//! println!("{}: {}", outcome.state, outcome.reason);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod anchor;
mod derivative;
mod error;
mod found;
mod kept;
mod limits;
pub mod protocol;
pub mod sandbox;
mod source;
mod state;
mod supervisor;
pub mod tool;

pub use anchor::{Anchor, Place};
pub use derivative::{Derivative, Restart};
pub use error::ExtractError;
pub use found::{Child, Found, Picture, Relation, Role, Sink};
pub use kept::KeptLine;
pub use limits::Limits;
pub use protocol::Asked;
pub use source::Source;
pub use state::{Outcome, State};
pub use supervisor::Readers;
