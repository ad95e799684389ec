//! Ledgers that earlier programs wrote.
