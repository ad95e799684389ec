//! Comity rules.
