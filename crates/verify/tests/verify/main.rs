//! `comity-verify` as a court would use it: whole packages and receipts, damaged, forged and
//! hostile ones, and the document's own commands.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod beside;
mod bound;
mod by_hand;
mod damage;
mod forgeries;
mod frozen;
mod hostile;
mod package;
mod receipt;
mod run;
mod signed;
mod succession;
mod world;
