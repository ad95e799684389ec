//! The vault: packs in an object store.

use std::sync::Arc;

use comity_core::ObjectId;
use comity_seal::Key;
use comity_store::Objects;

use crate::pack::PackId;
use crate::second::Second;
use crate::{ObjectReader, PackIndex, PackReader, PackWriter, Place, UnsyncedPack, VaultError};

/// Sealed objects in packs on any object store. Holds no key.
#[derive(Clone)]
pub struct Vault {
    objects: Objects,
    second: Option<Second>,
}

/// A file under `vault/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackFile {
    /// Its name in the store.
    pub name: String,
    /// Its size, in bytes.
    pub size: u64,
    /// The id that its name says; `None` for a file that is no pack.
    pub pack: Option<PackId>,
}

impl Vault {
    /// The vault in this store. Where the store has a mirror, packs are written to both, and an object that the first
    /// one does not have whole is read from the mirror, of which the mirror's keeper is told.
    pub fn new(objects: Objects) -> Self {
        let second = Second::of(&objects);
        Self { objects, second }
    }

    /// The store below.
    pub fn store(&self) -> &Objects {
        &self.objects
    }

    /// Begins a pack for objects whose data keys are wrapped by key number `scope_key`. The
    /// id must be random and new.
    ///
    /// # Errors
    /// [`VaultError::Store`].
    pub fn pack(&self, scope_key: u64, pack: impl Into<PackId>) -> Result<PackWriter, VaultError> {
        PackWriter::create(&self.objects, pack.into(), scope_key)
    }

    /// Makes packs visible and durable behind one barrier. Only after it returns may an event
    /// speak of what they hold.
    ///
    /// # Errors
    /// [`VaultError::Store`]; then any of the packs may or may not be there, and none may be
    /// relied on.
    pub fn commit(&self, packs: Vec<UnsyncedPack>) -> Result<(), VaultError> {
        let writers = packs.into_iter().map(|pack| pack.writer).collect();
        Ok(self.objects.finish_many(writers)?)
    }

    /// Opens a pack for reading many of its objects.
    ///
    /// # Errors
    /// [`VaultError::Store`] (`NotFound` if there is no such pack).
    pub fn open_pack(&self, pack: PackId) -> Result<PackReader, VaultError> {
        let name = pack.name();
        match (self.objects.reader(&name), &self.second) {
            (Ok(file), second) => Ok(PackReader::new(name, Arc::new(file), second.clone())),
            (Err(error), None) => Err(error.into()),
            (Err(error), Some(second)) => {
                let file = second.instead(&name, error.into(), |s| s.file(&name))?;
                Ok(PackReader::new(name, Arc::new(file), None))
            }
        }
    }

    /// Opens one object.
    ///
    /// # Errors
    /// [`VaultError::WrongKey`], [`VaultError::DamagedChunk`], [`VaultError::Malformed`],
    /// [`VaultError::DamagedPack`] if the place lies outside of the pack, [`VaultError::Store`].
    pub fn open_object(
        &self,
        place: &Place,
        key: &Key,
        object: ObjectId,
    ) -> Result<ObjectReader, VaultError> {
        self.open_pack(place.pack)?
            .object(place.offset, place.len, key, object)
    }

    /// Every file under `vault/`, sorted by name, strangers included.
    ///
    /// # Errors
    /// [`VaultError::Store`].
    pub fn packs(&self) -> Result<Vec<PackFile>, VaultError> {
        let files = self.objects.list("vault/")?;
        Ok(files
            .into_iter()
            .map(|(name, size)| PackFile {
                pack: PackId::of_name(&name),
                name,
                size,
            })
            .collect())
    }

    /// The index of a pack, checked against its digest, its own size and its name.
    ///
    /// # Errors
    /// [`VaultError::DamagedPack`] says where and what; [`VaultError::Store`].
    pub fn read_pack_index(&self, name: &str) -> Result<PackIndex, VaultError> {
        PackIndex::read(name, &self.objects.reader(name)?)
    }

    /// Removes packs of which nobody knows: what an intake left that ended between writing
    /// its packs and recording its event. `known` must be true for every pack of which an
    /// event speaks, and no intake may run meanwhile. Returns the names removed.
    ///
    /// # Errors
    /// [`VaultError::Store`].
    pub fn sweep(&self, known: impl Fn(&PackId) -> bool) -> Result<Vec<String>, VaultError> {
        let mut swept = Vec::new();
        for file in self.packs()? {
            if file.pack.is_some_and(|pack| !known(&pack)) {
                self.objects.delete(&file.name)?;
                swept.push(file.name);
            }
        }
        Ok(swept)
    }
}
