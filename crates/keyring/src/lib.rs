//! Comity keyring.
