//! Centres as people use them, on every kind of store: taken in, killed, damaged, rebuilt, read.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[macro_use]
mod fixture;
mod bags;
mod damage;
mod delivered;
mod faults;
mod founding;
mod get;
mod intake;
mod rebuild;
mod secrecy;
mod together;
