//! What opens a centre: a passphrase or shares, and the keys that members' desks bring.

use std::path::Path;

use comity_keyring::{DeskKey, Keyring, KeyringError, Means};
use comity_store::Disk;

/// What opens a centre.
#[derive(Clone, Copy, Debug)]
pub struct OpenedBy<'a> {
    /// What opens the root key.
    pub means: Means<'a>,
    /// Keys of desks, for members whose scope is locked.
    pub desks: &'a [DeskKey],
}

impl<'a, M: Into<Means<'a>>> From<M> for OpenedBy<'a> {
    fn from(means: M) -> Self {
        OpenedBy {
            means: means.into(),
            desks: &[],
        }
    }
}

impl OpenedBy<'_> {
    /// Opens the keyring of the centre in `dir`.
    ///
    /// # Errors
    /// As [`Keyring::open`].
    pub fn open_keyring(&self, dir: &Path, disk: &Disk) -> Result<Keyring, KeyringError> {
        self.open_keyring_at(&dir.join("keyring"), disk)
    }

    /// Opens the keyring whose own folder is `keyring`.
    pub fn open_keyring_at(&self, keyring: &Path, disk: &Disk) -> Result<Keyring, KeyringError> {
        let ring = Keyring::open(keyring, disk.clone(), self.means)?;
        for desk in self.desks {
            ring.bring(desk);
        }
        Ok(ring)
    }
}
