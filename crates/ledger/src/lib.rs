//! Comity ledger.
