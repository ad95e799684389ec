//! The ledger against a naive tree, against faults, against damage, and against other processes.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod ahead;
mod crash;
mod damage;
mod frozen;
mod naive;
mod order;
mod processes;
mod support;
mod tree;
