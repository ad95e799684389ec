//! A witness of transparency logs (C2SP tlog-witness; `docs/format/witness.md`), and the client of
//! any witness.
//!
//! What a witness decides is the pure function [`decide`]: a request and the checkpoint that it
//! cosigned last give an answer. [`Witness`] keeps that checkpoint in a folder, durable before the
//! answer and compared under a lock. [`Server`] speaks HTTP. [`Client`] takes what the witnesses of
//! others are known to answer, and believes only what verifies.
//!
//! ```
//! use comity_core::checkpoint::{Checkpoint, LogSigner};
//! use comity_core::merkle::empty_root;
//! use comity_witness::{AddCheckpoint, Witness};
//! use comity_store::Disk;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! let log = LogSigner::new("log.example", &[1; 32], &[2; 32])?;
//! let witness = Witness::create(&folder.path().join("w"), Disk::real(), "aster.example", [&[3; 32], &[4; 32]])?;
//! witness.follow(log.keys().vkeys())?;
//!
//! let nothing = Checkpoint { origin: "log.example".into(), size: 0, root: empty_root() };
//! let note = log.sign(&nothing, 1_790_000_000)?;
//! let request = AddCheckpoint { old: 0, proof: Vec::new(), note };
//! let lines = witness.add_checkpoint(&request.encode(), 1_790_000_001)?;
//! assert_eq!(lines?.len(), 2);
//! # Ok(())
//! # }
//! ```

mod client;
mod decide;
mod error;
mod folder;
mod rate;
mod request;
mod server;

pub use client::{Answer, Client, Proofs, Target};
pub use decide::{Decision, Refusal, decide};
pub use error::WitnessError;
pub use folder::Witness;
pub use rate::{Rate, Rates};
pub use request::{AddCheckpoint, MAX_REQUEST_BYTES};
pub use server::{Clock, Limits, Server};
