//! What vault, ledger and keyring rely on, on a real disk and on a real S3 server, with and without faults.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod crash;
mod disk;
mod faults;
mod promises;
mod remote;
mod script;
mod temporary;
