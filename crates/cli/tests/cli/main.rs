//! The program itself: killed, run beside itself, used wrongly, and its answers read by programs.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod answers;
mod kill;
mod processes;
mod world;
