//! What the formats of this crate promise, held against naive and other people's implementations,
//! against damage and against frozen vectors.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod body;
mod checkpoint;
mod json;
mod leaf_and_ids;
mod merkle;
mod naive;
mod stamp;
mod succession;
mod tiles;
mod vectors;
mod witness;
