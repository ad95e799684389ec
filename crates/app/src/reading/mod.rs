//! Reading what was taken in: each item by a worker behind walls, what it finds kept as a derivative and as children.
//!
//! [`queue`] hands out what no reader has seen, [`taking`] takes what a worker finds, [`record`] seals it, and one
//! thread commits it by the group. [`told`] gives it to whoever indexes or shows it. Afterwards, and never in its way,
//! further passes ([`pass`]) draw what is to be looked at and recognise characters ([`further`], [`shown`]). Formats: `docs/format/reading.md`;
//! why: `docs/adr/0012-what-is-read-is-kept.md`.

mod ask;
mod claim;
mod commit;
mod family;
mod further;
mod growing;
mod job;
mod known;
mod pass;
mod passing;
mod progress;
mod queue;
mod record;
mod segments;
mod shown;
mod taking;
mod told;
mod work;

pub(crate) use known::Known;
pub use pass::Pass;
pub use progress::{Progress, SetAside, Tally};
pub use record::CENTRE;
pub(crate) use segments::image_files;
pub use shown::{Drawn, Further, Made};
pub use told::Reading;
pub use work::{Outcome, Workers};
