//! The program itself: killed, run beside itself, used wrongly, and its answers read by programs.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod answers;
mod authority;
mod damage;
mod handover;
mod keys;
mod kill;
mod lists;
mod mirror;
mod paused;
mod processes;
mod readonly;
mod sealed;
mod search;
mod shares;
mod stamp;
mod succession;
mod two_persons;
mod work;
#[allow(dead_code, reason = "a part of it is for the test `kills`")]
mod world;

/// The sources of `comity-verify`, so that packages are judged here as it judges them.
#[path = "../../../verify/src/folder.rs"]
mod folder;
#[path = "../../../verify/src/zipped.rs"]
mod zipped;
