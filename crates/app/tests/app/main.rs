//! Centres as people use them, on every kind of store: taken in, killed, damaged, rebuilt, read.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[macro_use]
mod fixture;
mod acts;
mod again;
mod attest;
mod backup;
mod bags;
mod bound;
mod compact;
mod damage;
mod delivered;
mod faults;
mod fixity;
mod founding;
mod further;
mod get;
mod going_on;
mod handover;
mod images;
mod intake;
mod list_files;
mod lists;
mod mirror;
mod mirror_faults;
mod outage;
mod power;
mod reading;
mod reading_hostile;
mod rebuild;
mod search;
mod secrecy;
mod servers;
mod succession;
mod together;
mod two_persons;

/// A source of `comity-verify`, so that packages are judged here as it judges them.
#[path = "../../../verify/src/folder.rs"]
mod folder;
