//! Packs kept open while many of their objects are read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use comity_vault::{PackId, PackReader, Vault, VaultError};

/// Packs that are kept open at a time.
const KEPT: usize = 64;

/// Packs by their ids; events lie nearly in the order of the packs. May be used by several threads.
pub(crate) struct Packs<'a> {
    vault: &'a Vault,
    open: Mutex<HashMap<[u8; 16], Arc<PackReader>>>,
}

impl<'a> Packs<'a> {
    /// None open yet.
    pub fn new(vault: &'a Vault) -> Packs<'a> {
        Packs {
            vault,
            open: Mutex::default(),
        }
    }

    /// A pack, opened when it is not yet.
    pub fn get(&self, id: [u8; 16]) -> Result<Arc<PackReader>, VaultError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pack) = open.get(&id) {
            return Ok(Arc::clone(pack));
        }
        let pack = Arc::new(self.vault.open_pack(PackId(id))?);
        if open.len() >= KEPT {
            open.clear();
        }
        open.insert(id, Arc::clone(&pack));
        Ok(pack)
    }
}
