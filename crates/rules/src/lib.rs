//! What may be done with evidence, decided without reading or writing anything.
//!
//! Policy is here so that it can be read and tested apart from what carries it out: `app` asks and obeys.
//! Decided are what of an event is opened to whom, [`opening`], and who finds which items, [`finding`]. Markings, tiers of members,
//! roles and purposes join it as they come; the strictest always wins.
//!
//! ```
//! use comity_rules::opening::{Reader, Withheld, event, field};
//!
//! let court = Reader::Recipient { viewings: false };
//! assert_eq!(event("received", court), None);
//! assert_eq!(event("opened", court), Some(Withheld::WorkProduct));
//! assert_eq!(field("path"), None);
//! ```

pub mod finding;
pub mod opening;
