//! What a witness promises: it cosigns one tree of a log and no other, keeps it before it says so,
//! and tells each refusal by its code.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod answers;
mod http;
mod kept;
mod model;
mod rig;
