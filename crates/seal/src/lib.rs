//! Comity seal.
