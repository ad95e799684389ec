//! Intake: one hand-over of items, from the deliverer's folder into vault and ledger.
//!
//! [`walk`] meets everything in a fixed order, [`batch`] reads and hashes, [`record`] decides what is new and seals
//! it, [`events`] writes down what is said of it, [`pipeline`] keeps three batches under way and commits them, [`run`] drives it all, [`closing`] ends it.

pub mod bag;
mod batch;
mod closing;
mod delivered;
mod events;
mod known;
pub mod manifest;
mod open;
mod pipeline;
mod progress;
pub mod provenance;
mod record;
mod run;
pub mod stat;
mod thing;
mod total;
pub mod walk;

use std::path::PathBuf;

use comity_core::id::MemberCode;

pub use delivered::Compared;
pub(crate) use known::{Held, held_objects};
pub use progress::{Progress, Tally};
pub use run::{Outcome, run};

/// What was stated about how the items of an intake were collected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// By whom.
    pub by: Option<String>,
    /// When, as stated, with its zone.
    pub at: Option<String>,
    /// Where.
    pub place: Option<String>,
}

/// An intake as it is asked for.
#[derive(Clone, Debug)]
pub struct Request {
    /// Files and folders to take in, in order.
    pub roots: Vec<PathBuf>,
    /// The originator.
    pub member: MemberCode,
    /// The case, by code or name.
    pub case: String,
    /// Where the items come from, in words. With the path it makes an item what it is.
    pub source: String,
    /// What was stated about their collection.
    pub collected: Collected,
    /// The legal basis.
    pub authority: Option<String>,
    /// Handling code of all items: `H0` to `H3`.
    pub handling: Option<String>,
    /// Also compute MD5 and SHA-1, for old hash lists.
    pub legacy_hashes: bool,
    /// The deliverer's own list of digests.
    pub manifest: Option<PathBuf>,
    /// Provenance by path pattern.
    pub provenance: Option<PathBuf>,
    /// Hand-over documents, taken in as items that say so.
    pub documents: Vec<PathBuf>,
    /// The one root is a BagIt bag, checked before anything is taken in.
    pub bag: bool,
    /// Count everything first, so that progress can say how much is left.
    pub count_first: bool,
}

impl Request {
    /// An intake of `roots` and nothing besides.
    pub fn new(member: MemberCode, case: &str, source: &str, roots: Vec<PathBuf>) -> Request {
        Request {
            roots,
            member,
            case: case.to_owned(),
            source: source.to_owned(),
            collected: Collected::default(),
            authority: None,
            handling: None,
            legacy_hashes: false,
            manifest: None,
            provenance: None,
            documents: Vec::new(),
            bag: false,
            count_first: false,
        }
    }
}
