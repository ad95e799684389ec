//! The sealed check: everything that can be said of a kept ledger without a key.

use comity_core::finding::Finding;
use comity_store::Objects;

use crate::error::LedgerError;
use crate::tree::Tree;

/// Checks the ledger under `ledger/` of `objects` without any key, and returns everything that is wrong.
///
/// # Errors
/// Only when the store cannot be read; damage is a finding.
pub fn check(
    _objects: &Objects,
    _note: Option<&[u8]>,
    _progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Vec<Finding>, LedgerError> {
    todo!()
}

impl Tree {
    /// As [`check`] of the tree's store.
    ///
    /// # Errors
    /// As [`check`].
    pub fn check(
        &self,
        note: Option<&[u8]>,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Vec<Finding>, LedgerError> {
        check(&self.objects, note, progress)
    }
}
