//! Reading from the mirror what the first store does not have whole.
//!
//! Every range of an object is sealed, and its key is committed to: whoever reads can tell right bytes from wrong ones,
//! and a mirror cannot put others in their place.

use std::sync::{Arc, Mutex, PoisonError};

use comity_core::ObjectId;
use comity_seal::Key;
use comity_store::{Keeper, ObjectReader as File, Objects};

use crate::{ObjectReader, PackReader, VaultError};

/// The mirror of the store that a vault lies in.
#[derive(Clone)]
pub(crate) struct Second {
    objects: Objects,
    keeper: Arc<dyn Keeper>,
}

impl Second {
    pub(crate) fn of(objects: &Objects) -> Option<Second> {
        let (mirror, keeper) = objects.mirror()?;
        Some(Second {
            objects: mirror.clone(),
            keeper: Arc::clone(keeper),
        })
    }

    /// The pack in the mirror, where the first store failed with `first`.
    pub(crate) fn file(&self, name: &str) -> Result<File, VaultError> {
        Ok(self.objects.reader(name)?)
    }

    /// Does in the mirror what failed with `first`, and says so.
    pub(crate) fn instead<T>(
        &self,
        name: &str,
        first: VaultError,
        act: impl FnOnce(&Second) -> Result<T, VaultError>,
    ) -> Result<T, VaultError> {
        if !of_the_bytes(&first) || !self.keeper.is_here() {
            return Err(first);
        }
        match act(self) {
            Ok(done) => {
                self.keeper.read_elsewhere(name, &first.to_string());
                Ok(done)
            }
            Err(mirror) => Err(VaultError::Nowhere {
                first: Box::new(first),
                mirror: Box::new(mirror),
            }),
        }
    }
}

/// Whether other bytes might pass where these did not.
fn of_the_bytes(error: &VaultError) -> bool {
    match error {
        VaultError::Store(_)
        | VaultError::WrongKey { .. }
        | VaultError::DamagedChunk { .. }
        | VaultError::Malformed { .. }
        | VaultError::DamagedPack { .. } => true,
        VaultError::Source(_)
        | VaultError::Sink(_)
        | VaultError::Nowhere { .. }
        | VaultError::OutOfRange { .. }
        | VaultError::GivenUp
        | VaultError::TooMany { .. } => false,
    }
}

/// How an object that is being read goes on in the mirror.
pub(crate) struct Onward {
    pub(crate) second: Second,
    pub(crate) name: String,
    pub(crate) offset: u64,
    pub(crate) len: u64,
    pub(crate) key: Key,
    pub(crate) object: ObjectId,
    pub(crate) open: Mutex<Option<Arc<ObjectReader>>>,
}

impl Onward {
    /// Reads in the mirror what failed with `first`.
    pub(crate) fn read_at(
        &self,
        offset: u64,
        buf: &mut [u8],
        first: VaultError,
    ) -> Result<(), VaultError> {
        self.second.instead(&self.name, first, |second| {
            let reader = {
                let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
                match &*open {
                    Some(reader) => Arc::clone(reader),
                    None => {
                        let file = Arc::new(second.file(&self.name)?);
                        let pack = PackReader::new(self.name.clone(), file, None);
                        let reader =
                            Arc::new(pack.object(self.offset, self.len, &self.key, self.object)?);
                        Arc::clone(open.insert(reader))
                    }
                }
            };
            reader.read_at(offset, buf)
        })
    }
}
