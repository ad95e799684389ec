//! The digests of an item's bytes, computed in one pass.

use std::io::{self, Write};

use aws_lc_rs::digest;
use comity_core::Digest;
use md5::Digest as _;

/// Digests computed beside SHA-256 and BLAKE3, for hash lists that know nothing else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Also {
    /// MD5, RFC 1321.
    pub md5: bool,
    /// SHA-1, FIPS 180-4.
    pub sha1: bool,
}

/// What one pass over an item's bytes gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashes {
    /// SHA-256, FIPS 180-4.
    pub sha256: Digest,
    /// BLAKE3, 32 bytes, unkeyed.
    pub blake3: Digest,
    /// MD5, when asked for.
    pub md5: Option<[u8; 16]>,
    /// SHA-1, when asked for.
    pub sha1: Option<[u8; 20]>,
    /// How many bytes there were.
    pub size: u64,
}

impl Hashes {
    /// The digests of bytes that lie in memory.
    pub fn of(bytes: &[u8], also: Also) -> Self {
        Self {
            sha256: sha256(bytes),
            blake3: Digest(*blake3::hash(bytes).as_bytes()),
            md5: also.md5.then(|| md5::Md5::digest(bytes).into()),
            sha1: also.sha1.then(|| {
                let mut context = Sha1::new();
                context.update(bytes);
                context.finish()
            }),
            size: bytes.len() as u64,
        }
    }
}

/// Computes [`Hashes`] of what is written to it; for checking bytes as they leave the vault.
pub struct Hasher {
    sha256: Sha256,
    blake3: blake3::Hasher,
    md5: Option<md5::Md5>,
    sha1: Option<Sha1>,
    size: u64,
}

impl Hasher {
    /// Nothing hashed yet.
    pub fn new(also: Also) -> Self {
        Self {
            sha256: Sha256::new(),
            blake3: blake3::Hasher::new(),
            md5: also.md5.then(md5::Md5::new),
            sha1: also.sha1.then(Sha1::new),
            size: 0,
        }
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        self.blake3.update(bytes);
        if let Some(md5) = &mut self.md5 {
            md5.update(bytes);
        }
        if let Some(sha1) = &mut self.sha1 {
            sha1.update(bytes);
        }
        self.size += bytes.len() as u64;
    }

    /// The digests of all that was taken.
    pub fn finish(self) -> Hashes {
        Hashes {
            sha256: self.sha256.finish(),
            blake3: Digest(*self.blake3.finalize().as_bytes()),
            md5: self.md5.map(|md5| md5.finalize().into()),
            sha1: self.sha1.map(Sha1::finish),
            size: self.size,
        }
    }
}

impl Write for Hasher {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// SHA-256 by the fastest code at hand.
pub(crate) fn sha256(bytes: &[u8]) -> Digest {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    Digest(out)
}

/// SHA-256 of a stream.
#[derive(Clone)]
pub(crate) struct Sha256(digest::Context);

impl Sha256 {
    pub(crate) fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> Digest {
        let mut out = [0; 32];
        out.copy_from_slice(self.0.finish().as_ref());
        Digest(out)
    }
}

/// SHA-1 of a stream.
pub(crate) struct Sha1(digest::Context);

impl Sha1 {
    pub(crate) fn new() -> Self {
        Self(digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY))
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> [u8; 20] {
        let mut out = [0; 20];
        out.copy_from_slice(self.0.finish().as_ref());
        out
    }
}

#[cfg(test)]
mod tests {
    use comity_core::hex;

    use super::*;

    const ALL: Also = Also {
        md5: true,
        sha1: true,
    };

    /// FIPS 180-4 and RFC 1321 examples; BLAKE3 of "abc" from its reference implementation.
    #[test]
    fn abc_has_the_published_digests() {
        let hashes = Hashes::of(b"abc", ALL);
        assert_eq!(
            hashes.sha256.to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(
            hashes.blake3.to_string(),
            "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"
        );
        assert_eq!(
            hashes.md5.map(|md5| hex(&md5)).as_deref(),
            Some("900150983cd24fb0d6963f7d28e17f72")
        );
        assert_eq!(
            hashes.sha1.map(|sha1| hex(&sha1)).as_deref(),
            Some("a9993e364706816aba3e25717850c26c9cd0d89d")
        );
        assert_eq!(hashes.size, 3);
    }

    #[test]
    fn pieces_hash_as_the_whole() {
        let bytes: Vec<u8> = (0..100_000u32).map(|i| (i * 7) as u8).collect();
        let mut hasher = Hasher::new(ALL);
        for piece in bytes.chunks(777) {
            hasher.update(piece);
        }
        assert_eq!(hasher.finish(), Hashes::of(&bytes, ALL));
        assert_eq!(Hashes::of(&bytes, Also::default()).md5, None);
    }
}
