//! Packages and receipts: their lines and heads, written and read, and the checks of both
//! (`docs/format/disclosure.md`, `docs/format/receipt.md`).
//!
//! Checks read through a [`Source`] and return every finding. Nothing that a package says about
//! itself is believed: names, lengths and numbers are held against limits before they are used.

mod anchor;
pub mod bag;
mod bagcheck;
mod binding;
mod check;
mod consistency;
mod event;
mod exhibits;
mod head;
mod intakes;
mod item;
mod logscan;
mod persons;
mod proposal;
mod receipt;
mod recording;
mod report;
mod scan;
mod source;
mod stamps;
mod threads;
mod tiles;
mod words;

pub use check::{PackageOptions, check_package};
pub use consistency::{Consistency, ConsistencyError};
pub use event::{
    CheckedEvent, EventLine, LineField, Repeated, Shown, Signer, event_line, manifest_line,
};
pub use head::{Differences, PACKAGE_FORMAT, PackageHead, RECEIPT_FORMAT, ReceiptHead};
pub use item::{Difference, DifferenceLine, ItemBytes, ItemLine, payload_ern, payload_path};
pub use receipt::{RECEIPT_SUMS, ReceiptEntry, ReceiptOptions, check_receipt, receipt_entries};
pub use recording::{ActLines, Beside, CONSISTENCY_ENDING, PROOF_ENDING, act_extra};
pub use report::{
    Bound, Findings, IntakeReport, LogFacts, LogScan, MAX_FINDINGS, PackageReport, ReceiptReport,
    Recording, StampReport, Witnessed,
};
pub use source::{
    MAX_LINE_BYTES, MAX_NAME_BYTES, MAX_SMALL_FILE_BYTES, Source, check_names, find, refused_name,
};
pub use tiles::needed_tiles;
pub use words::words;
