//! Sealed columns: what a table may show only to whoever holds the keyring.
//!
//! The salt is the hash of the leaf that made the row, so that a row made live and one made by
//! `comity rebuild` are the same bytes, and no two rows share a key.

use comity_core::digest::Digest;
use comity_seal::{Key, open_column, seal_column};

use crate::error::{AppError, Result};

fn context(table: &str) -> Vec<u8> {
    format!("comity/column/v2\n{table}\n").into_bytes()
}

/// Seals the facts of a row of `table` whose event has the leaf hash `leaf`.
pub fn seal_facts(key: &Key, table: &str, leaf: &Digest, clear: &[u8]) -> Vec<u8> {
    let mut salt = [0; 24];
    salt.copy_from_slice(&leaf.as_bytes()[..24]);
    seal_column(key, salt, &context(table), clear)
}

/// Opens the facts of a row.
pub fn open_facts(key: &Key, table: &str, sealed: &[u8]) -> Result<Vec<u8>> {
    open_column(key, &context(table), sealed).map_err(|source| AppError::Seal {
        place: format!("a row of the table {table}"),
        source,
    })
}

/// The facts of an item: its digest, when its file was last modified, and its path as bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ItemFacts {
    /// SHA-256 of its bytes; `None` for what has no bytes.
    pub sha256: Option<[u8; 32]>,
    /// The file's time of modification, nanoseconds since 1970, where it is known.
    pub modified: Option<i64>,
    /// The path below the place that was handed over, byte for byte.
    pub path: Vec<u8>,
}

impl ItemFacts {
    /// As it is sealed: flags (1 digest, 2 modified) ‖ digest ‖ modified ‖ path.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(41 + self.path.len());
        out.push(u8::from(self.sha256.is_some()) | (u8::from(self.modified.is_some()) << 1));
        out.extend(self.sha256.iter().flatten());
        out.extend(self.modified.iter().flat_map(|m| m.to_be_bytes()));
        out.extend_from_slice(&self.path);
        out
    }

    /// Reads what [`ItemFacts::encode`] wrote.
    pub fn decode(bytes: &[u8]) -> Option<ItemFacts> {
        let (flags, mut rest) = bytes.split_first()?;
        let mut facts = ItemFacts {
            sha256: None,
            modified: None,
            path: Vec::new(),
        };
        if flags & 1 != 0 {
            let (digest, after) = rest.split_first_chunk::<32>()?;
            (facts.sha256, rest) = (Some(*digest), after);
        }
        if flags & 2 != 0 {
            let (modified, after) = rest.split_first_chunk::<8>()?;
            (facts.modified, rest) = (Some(i64::from_be_bytes(*modified)), after);
        }
        facts.path = rest.to_vec();
        Some(facts)
    }
}
