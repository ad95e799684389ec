//! What intake, readers and courts depend on: that bytes come back as they went in, and that
//! nothing can change in a pack without being found and named.

#![allow(clippy::unwrap_used)]

mod damage;
mod faults;
mod fixture;
mod frozen;
mod liars;
mod objects;
mod stream;
