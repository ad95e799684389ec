//! Digests by the names that C2PA gives them (2.1, section 13.1), over ranges of a file.

use crate::Input;
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::io::{Read, Seek, SeekFrom};

pub enum Hash {
    Of256(Sha256),
    Of384(Sha384),
    Of512(Sha512),
}

impl Hash {
    pub fn new(name: &str) -> Option<Hash> {
        Some(match name {
            "sha256" => Hash::Of256(Sha256::new()),
            "sha384" => Hash::Of384(Sha384::new()),
            "sha512" => Hash::Of512(Sha512::new()),
            _ => return None,
        })
    }

    pub fn update(&mut self, bytes: &[u8]) {
        match self {
            Hash::Of256(hash) => hash.update(bytes),
            Hash::Of384(hash) => hash.update(bytes),
            Hash::Of512(hash) => hash.update(bytes),
        }
    }

    /// Adds the bytes of the file between two places; `None` where it has not so many.
    pub fn range(&mut self, input: &Input, from: u64, to: u64) -> Option<()> {
        let mut left = to.checked_sub(from)?;
        let mut file = input.rewound();
        file.seek(SeekFrom::Start(from)).ok()?;
        let mut buffer = vec![0; left.min(64 << 10) as usize];
        while left > 0 {
            let most = buffer.len().min(left as usize);
            match file.read(&mut buffer[..most]).ok()? {
                0 => return None,
                count => {
                    self.update(&buffer[..count]);
                    left -= count as u64;
                }
            }
        }
        Some(())
    }

    pub fn end(self) -> Vec<u8> {
        match self {
            Hash::Of256(hash) => hash.finalize().to_vec(),
            Hash::Of384(hash) => hash.finalize().to_vec(),
            Hash::Of512(hash) => hash.finalize().to_vec(),
        }
    }
}

/// The digest of some bytes.
pub fn of(name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut hash = Hash::new(name)?;
    hash.update(bytes);
    Some(hash.end())
}
