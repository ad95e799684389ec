//! Attestation: published checkpoints shown to the witnesses of the centre's policy, and what they signed
//! (`docs/format/witness.md`; the rule for restored copies is ADR 0004).
//!
//! Nothing here is waited for when an event is acknowledged. A thread of its own submits the newest published
//! checkpoint and none in between; what came back lies under `ledger/cosigned/` and goes into papers.

mod background;
mod check;
mod guard;
mod kept;
mod papers;
mod round;
mod setting;
mod status;

pub use background::Attester;
pub(crate) use check::check;
pub use kept::Cosigned;
pub(crate) use kept::copy;
pub use round::{Asked, Outcome};
pub use setting::{DEFAULT_WARN_AFTER_SECS, Setting};
pub use status::{Status, WitnessStatus};

/// The object that holds the policy.
pub(crate) const POLICY: &str = "ledger/policy";
/// The objects that hold cosigned checkpoints.
pub(crate) const COSIGNED: &str = "ledger/cosigned/";
