//! Where names go that do not fit in memory: one temporary file, sealed and nameless.
//!
//! Names of evidence are sensitive, so each block is sealed under a key that exists in memory
//! only, and the file is unlinked as soon as it is open: whatever ends the process, nothing is
//! left that could be read.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use comity_core::digest::hex;
use comity_core::random::Random;
use comity_seal::{Key, SALT_LEN};

const CONTEXT: &[u8] = b"comity/walk-spill/v1\n";

/// A temporary file for sorted names. Nothing is created before the first folder needs it.
pub struct Spill {
    folder: PathBuf,
    name: String,
    key: Key,
    file: Option<File>,
    end: u64,
    blocks: u64,
}

impl Spill {
    /// A spill that will lie in `folder`, which must exist when names are spilled.
    #[must_use]
    pub fn new(folder: &Path, random: &dyn Random) -> Spill {
        let mut key = [0; 32];
        random.fill(&mut key);
        let mut name = [0; 16];
        random.fill(&mut name);
        Spill {
            folder: folder.to_owned(),
            name: format!(".walk-{}", hex(&name)),
            key: Key::new(key),
            file: None,
            end: 0,
            blocks: 0,
        }
    }

    /// The folder that the file lies in.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Seals `clear` onto the end; gives the block's place and the place after it.
    pub(super) fn append(&mut self, clear: &[u8]) -> io::Result<(u64, u64)> {
        let place = self.end;
        // The key is random for each walk, so a counter is a salt that never repeats under it.
        let mut salt = [0; SALT_LEN];
        salt[..8].copy_from_slice(&self.blocks.to_le_bytes());
        self.blocks += 1;
        let mut block = vec![0; 4];
        comity_seal::seal_into(&self.key, salt, &context(place), clear, &mut block);
        let sealed_len = u32::try_from(block.len() - 4).map_err(io::Error::other)?;
        block[..4].copy_from_slice(&sealed_len.to_le_bytes());
        self.file()?.write_all_at(&block, place)?;
        self.end = place + block.len() as u64;
        Ok((place, self.end))
    }

    /// Opens the block at `place` into `clear`; gives the place after it.
    pub(super) fn read(&self, place: u64, clear: &mut Vec<u8>) -> io::Result<u64> {
        let file = self.file.as_ref().ok_or(io::ErrorKind::NotFound)?;
        let mut len = [0; 4];
        file.read_exact_at(&mut len, place)?;
        let len = u32::from_le_bytes(len);
        if place + 4 + u64::from(len) > self.end {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut sealed = vec![0; len as usize];
        file.read_exact_at(&mut sealed, place + 4)?;
        *clear = comity_seal::open(&self.key, &context(place), &sealed)
            .map_err(|source| io::Error::new(io::ErrorKind::InvalidData, source))?;
        Ok(place + 4 + u64::from(len))
    }

    /// Gives the disk back once nobody will read what was spilled.
    pub(super) fn clear(&mut self) -> io::Result<()> {
        if self.end > 0 {
            self.end = 0;
            self.file()?.set_len(0)?;
        }
        Ok(())
    }

    /// Whether anything was ever spilled.
    pub(super) fn used(&self) -> bool {
        self.blocks > 0
    }

    fn file(&mut self) -> io::Result<&mut File> {
        if self.file.is_none() {
            let path = self.folder.join(&self.name);
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path)?;
            fs::remove_file(&path)?;
            self.file = Some(file);
        }
        self.file
            .as_mut()
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

impl fmt::Debug for Spill {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spill")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

fn context(place: u64) -> Vec<u8> {
    [CONTEXT, &place.to_le_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use comity_core::random::TestRandom;

    use super::*;

    #[test]
    fn spilled_names_are_neither_named_nor_legible_on_disk() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let mut spill = Spill::new(folder.path(), &TestRandom::new([1; 32]));
        let name = b"witness Olena Kovalenko, statement.pdf".repeat(100);
        let (place, after) = spill.append(&name)?;
        assert_eq!(fs::read_dir(folder.path())?.count(), 0);

        let mut raw = vec![0; usize::try_from(after).map_err(io::Error::other)?];
        spill.file()?.read_exact_at(&mut raw, 0)?;
        assert!(
            !raw.windows(7)
                .any(|part| part == b"witness" || part == b"Olena K")
        );

        let mut clear = Vec::new();
        assert_eq!(spill.read(place, &mut clear)?, after);
        assert_eq!(clear, name);
        Ok(())
    }

    #[test]
    fn a_block_changed_on_disk_is_refused() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let mut spill = Spill::new(folder.path(), &TestRandom::new([1; 32]));
        let (first, second) = spill.append(b"one")?;
        spill.append(b"two")?;
        let mut block = vec![0; usize::try_from(second - first).map_err(io::Error::other)?];
        spill.file()?.read_exact_at(&mut block, first)?;
        spill.file()?.write_all_at(&block, second)?;
        assert!(spill.read(second, &mut Vec::new()).is_err());
        Ok(())
    }
}
