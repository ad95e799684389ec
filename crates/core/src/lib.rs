//! Comity core.
