//! Packs kept open while many of their objects are read, and who may take packs away.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use comity_store::FileLock;
use comity_vault::{PackId, PackReader, Vault, VaultError};

use crate::centre::Centre;
use crate::error::Result;

/// In the centre's folder, the file that those lock who read, make or remove packs.
pub(crate) const PACKS_LOCK: &str = "tmp/packs.lock";

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
    pub fn get(&self, id: [u8; 16]) -> std::result::Result<Arc<PackReader>, VaultError> {
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

impl Centre {
    /// Held by whoever counts on every pack staying where it is, or makes packs of which no event speaks yet.
    pub(crate) fn keep_packs(&self) -> Result<FileLock> {
        Ok(self.ambient.disk.lock_shared(&self.packs_lock()?)?)
    }

    /// Held by whoever takes packs away; `None` while somebody keeps them.
    pub(crate) fn take_packs(&self) -> Result<Option<FileLock>> {
        Ok(self.ambient.disk.try_lock(&self.packs_lock()?)?)
    }

    fn packs_lock(&self) -> Result<PathBuf> {
        self.ambient.disk.create_dir_all(&self.dir.join("tmp"))?;
        Ok(self.dir.join(PACKS_LOCK))
    }
}
