//! The index that answers questions about items: a view of the ledger, sealed on the disk, which can be made anew.
//!
//! `docs/format/index.md` says what lies there, and `docs/search.md` what can be asked.

mod all;
mod answer;
mod columns;
mod document;
mod error;
mod eval;
mod fields;
mod folder;
mod groups;
mod highlight;
mod index;
mod kept;
mod known;
mod lexicon;
mod lists;
mod met;
mod near;
mod opened;
mod order;
mod places;
mod scope;
mod sets;
mod slot;
mod suggest;
mod terms;
mod values;
mod written;

pub use answer::{Answer, Ask, Facet, Hit, Sort, ask};
pub use document::{Dated, Document, Located, Passage, Spoken};
pub use error::{IndexError, Result};
pub use groups::{Compared, Groups, Member, groups};
pub use highlight::{Found, Piece};
pub use index::{Index, IndexChange, Position, place, remove, try_turn, turn};
pub use known::Known;
pub use lists::{Class, Mention, OnList, SeenList};
pub use scope::{Clause, Mark, Scope};
pub use slot::How;
pub use suggest::{Instead, Suggestion};
