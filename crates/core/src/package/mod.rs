//! Packages and receipts: their lines and heads, written and read, and the checks of both
//! (`docs/format/disclosure.md`, `docs/format/receipt.md`).
//!
//! Checks read through a [`Source`] and return every finding. Nothing that a package says about
//! itself is believed: names, lengths and numbers are held against limits before they are used.

pub mod bag;
mod event;
mod head;
mod item;
mod scan;
mod source;

pub use event::{CheckedEvent, EventLine, LineField, Repeated, Shown, event_line, manifest_line};
pub use head::{Differences, PACKAGE_FORMAT, PackageHead, RECEIPT_FORMAT, ReceiptHead};
pub use item::{Difference, DifferenceLine, ItemBytes, ItemLine, payload_ern, payload_path};
pub use source::{
    MAX_LINE_BYTES, MAX_NAME_BYTES, MAX_SMALL_FILE_BYTES, Source, check_names, find, refused_name,
};
