//! A copy of the keyring's files elsewhere, as they are at one moment.

use std::path::Path;

use crate::error::{KeyNumber, KeyringError};
use crate::head;
use crate::keyring::Keyring;
use crate::segment;

/// Bytes copied at a time.
const PIECE: u64 = 1 << 20;

impl Keyring {
    /// Copies head and segments into the folder `to`, which must be there and empty; durable on return. Nothing is
    /// appended, destroyed or rotated meanwhile. Returns the number after the last key that the copy holds.
    ///
    /// # Errors
    /// [`KeyringError::Io`]; what was copied until then is no keyring without its head, which comes last.
    pub fn copy_to(&self, to: &Path) -> Result<KeyNumber, KeyringError> {
        let _lock = self.lock()?;
        self.settle()?;
        let next = self.next_number()?;
        let names = segment::list(&self.disk, &self.dir)?.segments;
        let names = names.into_iter().map(segment::name);
        for name in names.chain([head::FILE.to_owned()]) {
            let from = self.dir.join(&name);
            let Some(source) = self.disk.open_read(&from)? else {
                return Err(head::damaged(&from, "all of it", "the file is missing"));
            };
            let mut copy = self.disk.create_new(&to.join(&name))?;
            let (mut at, len) = (0, source.len()?);
            let mut buffer = vec![0; PIECE.min(len) as usize];
            while at < len {
                let piece = &mut buffer[..PIECE.min(len - at) as usize];
                source.read_at(at, piece)?;
                copy.write_all(piece)?;
                at += piece.len() as u64;
            }
            copy.sync()?;
        }
        self.disk.sync_dir(to)?;
        Ok(next)
    }
}
