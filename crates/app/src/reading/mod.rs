//! Reading what was taken in: each item by a worker behind walls, what it finds kept as a derivative and as children.
//!
//! [`queue`] hands out what no reader has seen, [`taking`] takes what a worker finds, [`record`] seals it, and one
//! thread commits it by the group. [`told`] gives it to whoever indexes or shows it. Formats: `docs/format/reading.md`;
//! why: `docs/adr/0012-what-is-read-is-kept.md`.

mod ask;
mod claim;
mod commit;
mod family;
mod growing;
mod job;
mod progress;
mod queue;
mod record;
mod taking;
mod told;
mod work;

pub use progress::{Progress, SetAside, Tally};
pub use record::CENTRE;
pub use told::Reading;
pub use work::{Outcome, Workers};
