//! Comity's commands and queries over ledger, vault and keyring: the only crate that knows SQL.
//!
//! One direction: intake → vault → ledger → projections → search and cases → disclosure.

pub mod acts;
pub mod ambient;
pub mod attest;
pub mod audit;
pub mod backup;
pub mod centre;
pub mod commit;
pub mod compact;
mod compare;
mod cores;
pub mod disclose;
mod drafts;
pub mod error;
pub mod event;
pub mod fixity;
mod handover;
pub mod intake;
mod intake_tree;
pub mod item;
pub mod keychange;
pub mod keys;
pub mod lists;
pub mod mirror;
mod numbered;
mod outgoing;
mod packs;
mod page;
pub mod person_key;
mod places;
pub mod project;
mod queue;
pub mod read;
pub mod reading;
pub mod rebuild;
pub mod receipt;
pub mod recipients;
mod recover;
pub mod registry;
pub mod search;
pub mod sql;
pub mod stamp;
pub mod succession;
pub mod verify;

pub use ambient::Ambient;
pub use centre::Centre;
pub use centre::OpenedBy;
pub use comity_keyring as keyring;
pub use error::{AppError, Result};
