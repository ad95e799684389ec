//! Time stamps over checkpoints (`docs/format/stamp.md`): which authorities are asked, taking and renewing, what is
//! kept, and what goes into packages and receipts.

mod authority;
mod carry;
mod http;
pub(crate) mod kept;
mod status;
mod take;

pub use authority::Authority;
pub(crate) use authority::well_formed;
pub use http::Http;
pub use status::StampStatus;
pub use take::{Due, Outcome, Taken};
