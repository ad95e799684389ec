//! A vault in a temporary folder, and bytes of known kinds.

use std::path::PathBuf;

use comity_core::ObjectId;
use comity_seal::Key;
use comity_store::{Disk, Objects};
use comity_vault::{Placed, Scratch, Vault, encode_small};
use tempfile::TempDir;

pub struct Fixture {
    folder: TempDir,
    pub vault: Vault,
}

impl Fixture {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let objects = Objects::local(folder.path().to_owned(), Disk::real()).unwrap();
        Self {
            folder,
            vault: Vault::new(objects),
        }
    }

    /// A pack of small objects, numbered from 1, each under its own key.
    pub fn pack_of(&self, pack: [u8; 16], contents: &[Vec<u8>]) -> Vec<Placed> {
        let mut writer = self.vault.pack(7, pack).unwrap();
        let mut scratch = Scratch::new();
        let placed = (1..)
            .zip(contents)
            .map(|(nth, data)| {
                let sealed = encode_small(data, &key(nth), object(nth), [nth; 24], &mut scratch);
                writer.add(&sealed).unwrap()
            })
            .collect();
        self.vault.commit(vec![writer.finish().unwrap()]).unwrap();
        placed
    }

    /// The file of an object of the store.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Every file of the store's folder, temporary ones included.
    pub fn files(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.folder.path().to_owned()];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    folders.push(path)
                } else if path.metadata().unwrap().len() > 0 {
                    files.push(path)
                }
            }
        }
        files
    }
}

pub fn key(nth: u8) -> Key {
    Key::new([nth; 32])
}

pub fn object(nth: u8) -> ObjectId {
    ObjectId([nth; 16])
}

/// Bytes that no compressor shortens.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(2).wrapping_add(1);
    (0..len)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 32) as u8
        })
        .collect()
}

/// Lines that any compressor shortens.
pub fn text(len: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(len + 64);
    let mut line = 0;
    while out.len() < len {
        out.extend_from_slice(
            format!("{line}: seen at the bridge, {} vehicles\n", line % 97).as_bytes(),
        );
        line += 1;
    }
    out.truncate(len);
    out
}
