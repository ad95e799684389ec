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
    /// SHA-224, FIPS 180-4.
    pub sha224: bool,
    /// SHA-384, FIPS 180-4.
    pub sha384: bool,
    /// SHA-512, FIPS 180-4.
    pub sha512: bool,
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
    /// SHA-224, when asked for.
    pub sha224: Option<[u8; 28]>,
    /// SHA-384, when asked for.
    pub sha384: Option<[u8; 48]>,
    /// SHA-512, when asked for.
    pub sha512: Option<[u8; 64]>,
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
            sha1: also.sha1.then(|| Sha::of(&SHA1, bytes)),
            sha224: also.sha224.then(|| Sha::of(&SHA224, bytes)),
            sha384: also.sha384.then(|| Sha::of(&SHA384, bytes)),
            sha512: also.sha512.then(|| Sha::of(&SHA512, bytes)),
            size: bytes.len() as u64,
        }
    }
}

/// Computes [`Hashes`] of what is written to it; for checking bytes as they leave the vault.
pub struct Hasher {
    sha256: Sha256,
    blake3: blake3::Hasher,
    md5: Option<md5::Md5>,
    sha1: Option<Sha<20>>,
    sha224: Option<Sha<28>>,
    sha384: Option<Sha<48>>,
    sha512: Option<Sha<64>>,
    size: u64,
}

impl Hasher {
    /// Nothing hashed yet.
    pub fn new(also: Also) -> Self {
        Self {
            sha256: Sha256::new(),
            blake3: blake3::Hasher::new(),
            md5: also.md5.then(md5::Md5::new),
            sha1: also.sha1.then(|| Sha::new(&SHA1)),
            sha224: also.sha224.then(|| Sha::new(&SHA224)),
            sha384: also.sha384.then(|| Sha::new(&SHA384)),
            sha512: also.sha512.then(|| Sha::new(&SHA512)),
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
        if let Some(sha224) = &mut self.sha224 {
            sha224.update(bytes);
        }
        if let Some(sha384) = &mut self.sha384 {
            sha384.update(bytes);
        }
        if let Some(sha512) = &mut self.sha512 {
            sha512.update(bytes);
        }
        self.size += bytes.len() as u64;
    }

    /// The digests of all that was taken.
    pub fn finish(self) -> Hashes {
        Hashes {
            sha256: self.sha256.finish(),
            blake3: Digest(*self.blake3.finalize().as_bytes()),
            md5: self.md5.map(|md5| md5.finalize().into()),
            sha1: self.sha1.map(Sha::finish),
            sha224: self.sha224.map(Sha::finish),
            sha384: self.sha384.map(Sha::finish),
            sha512: self.sha512.map(Sha::finish),
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

/// Another digest of FIPS 180-4 of a stream, `N` bytes long.
pub(crate) struct Sha<const N: usize>(digest::Context);

pub(crate) use digest::{SHA1_FOR_LEGACY_USE_ONLY as SHA1, SHA224, SHA384, SHA512};

impl<const N: usize> Sha<N> {
    pub(crate) fn new(algorithm: &'static digest::Algorithm) -> Self {
        Self(digest::Context::new(algorithm))
    }

    fn of(algorithm: &'static digest::Algorithm, bytes: &[u8]) -> [u8; N] {
        let mut sha = Self::new(algorithm);
        sha.update(bytes);
        sha.finish()
    }

    pub(crate) fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    pub(crate) fn finish(self) -> [u8; N] {
        let mut out = [0; N];
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
        sha224: true,
        sha384: true,
        sha512: true,
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
        assert_eq!(
            hashes.sha224.map(|d| hex(&d)).as_deref(),
            Some("23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7")
        );
        assert_eq!(
            hashes.sha384.map(|d| hex(&d)).as_deref(),
            Some(concat!(
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed",
                "8086072ba1e7cc2358baeca134c825a7"
            ))
        );
        assert_eq!(
            hashes.sha512.map(|d| hex(&d)).as_deref(),
            Some(concat!(
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a",
                "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
            ))
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
