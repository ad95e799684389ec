//! Comity core.

pub mod shown;
