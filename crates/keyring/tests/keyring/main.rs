//! The keyring on real folders: keys come back, damage is found and named, crashes lose nothing acknowledged.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod crash;
mod damage;
mod desk;
mod destroy;
mod epoch;
mod fixture;
mod frozen;
mod head;
mod keys;
mod model;
mod processes;
mod shares;
mod slip39;
