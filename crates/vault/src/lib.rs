//! Comity vault.
