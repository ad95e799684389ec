//! Digest algorithms that deliverers use, and computing several in one pass.

use std::fmt;
use std::io::{self, Read};

use aws_lc_rs::digest::{self, Context};
use comity_core::digest::hex;
use md5::{Digest as _, Md5};

/// A digest algorithm. MD5 and SHA-1 are here because old lists use them: they find damage, not
/// deceit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// MD5 (RFC 1321).
    Md5,
    /// SHA-1 (FIPS 180-4).
    Sha1,
    /// SHA-224 (FIPS 180-4).
    Sha224,
    /// SHA-256 (FIPS 180-4).
    Sha256,
    /// SHA-384 (FIPS 180-4).
    Sha384,
    /// SHA-512 (FIPS 180-4).
    Sha512,
}

impl Algorithm {
    /// All of them, weakest first.
    pub const ALL: [Algorithm; 6] = [
        Algorithm::Md5,
        Algorithm::Sha1,
        Algorithm::Sha224,
        Algorithm::Sha256,
        Algorithm::Sha384,
        Algorithm::Sha512,
    ];

    /// The name in lower case without a hyphen, as BagIt writes it (RFC 8493, section 2.4).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Md5 => "md5",
            Algorithm::Sha1 => "sha1",
            Algorithm::Sha224 => "sha224",
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha384 => "sha384",
            Algorithm::Sha512 => "sha512",
        }
    }

    /// Reads a name in any of its usual spellings: `SHA-256`, `sha_256`, `SHA2-256`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Algorithm> {
        let plain: String = name
            .chars()
            .filter(|c| !matches!(c, '-' | '_' | ' '))
            .map(|c| c.to_ascii_lowercase())
            .collect();
        let plain = match plain.strip_prefix("sha2") {
            Some(bits) if bits.len() == 3 => format!("sha{bits}"),
            _ => plain,
        };
        Algorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.name() == plain)
    }

    /// The algorithm whose digests have this many bytes.
    #[must_use]
    pub fn from_len(len_bytes: usize) -> Option<Algorithm> {
        Algorithm::ALL
            .into_iter()
            .find(|algorithm| algorithm.len_bytes() == len_bytes)
    }

    /// Length of its digests in bytes.
    #[must_use]
    pub fn len_bytes(self) -> usize {
        match self {
            Algorithm::Md5 => 16,
            Algorithm::Sha1 => 20,
            Algorithm::Sha224 => 28,
            Algorithm::Sha256 => 32,
            Algorithm::Sha384 => 48,
            Algorithm::Sha512 => 64,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Algorithm::Md5 => "MD5",
            Algorithm::Sha1 => "SHA-1",
            Algorithm::Sha224 => "SHA-224",
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha384 => "SHA-384",
            Algorithm::Sha512 => "SHA-512",
        })
    }
}

/// Digests of one file, by algorithm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Digests(Vec<(Algorithm, Vec<u8>)>);

impl Digests {
    /// None yet.
    #[must_use]
    pub fn new() -> Digests {
        Digests::default()
    }

    /// These and one more.
    #[must_use]
    pub fn with(mut self, algorithm: Algorithm, digest: &[u8]) -> Digests {
        self.0.push((algorithm, digest.to_vec()));
        self
    }

    /// The digest by `algorithm`, if it was computed.
    #[must_use]
    pub fn get(&self, algorithm: Algorithm) -> Option<&[u8]> {
        self.0
            .iter()
            .find(|(known, _)| *known == algorithm)
            .map(|(_, digest)| digest.as_slice())
    }

    /// All of them, in the order in which they were asked for.
    pub fn iter(&self) -> impl Iterator<Item = (Algorithm, &[u8])> {
        self.0
            .iter()
            .map(|(algorithm, digest)| (*algorithm, digest.as_slice()))
    }

    /// The digest by `algorithm` in lower-case hex.
    #[must_use]
    pub fn hex(&self, algorithm: Algorithm) -> Option<String> {
        self.get(algorithm).map(hex)
    }
}

enum Hasher {
    Md5(Box<Md5>),
    Other(Algorithm, Context),
}

/// Several digests in one pass.
pub struct Hashers(Vec<Hasher>);

impl Hashers {
    /// Starts a digest by each of `algorithms`.
    #[must_use]
    pub fn new(algorithms: &[Algorithm]) -> Hashers {
        let start = |algorithm: &Algorithm| {
            let kind = match algorithm {
                Algorithm::Md5 => return Hasher::Md5(Box::new(Md5::new())),
                Algorithm::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
                Algorithm::Sha224 => &digest::SHA224,
                Algorithm::Sha256 => &digest::SHA256,
                Algorithm::Sha384 => &digest::SHA384,
                Algorithm::Sha512 => &digest::SHA512,
            };
            Hasher::Other(*algorithm, Context::new(kind))
        };
        Hashers(algorithms.iter().map(start).collect())
    }

    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        for hasher in &mut self.0 {
            match hasher {
                Hasher::Md5(md5) => md5.update(bytes),
                Hasher::Other(_, context) => context.update(bytes),
            }
        }
    }

    /// The digests of all bytes taken.
    #[must_use]
    pub fn finish(self) -> Digests {
        let end = |hasher| match hasher {
            Hasher::Md5(md5) => (Algorithm::Md5, md5.finalize().to_vec()),
            Hasher::Other(algorithm, context) => (algorithm, context.finish().as_ref().to_vec()),
        };
        Digests(self.0.into_iter().map(end).collect())
    }
}

impl fmt::Debug for Hashers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hashers")
            .field("count", &self.0.len())
            .finish_non_exhaustive()
    }
}

/// A reader that digests what passes through it.
#[derive(Debug)]
pub struct HashingReader<R> {
    inner: R,
    hashers: Hashers,
    passed: u64,
}

impl<R> HashingReader<R> {
    /// Digests what is read from `inner`.
    pub fn new(inner: R, algorithms: &[Algorithm]) -> HashingReader<R> {
        HashingReader {
            inner,
            hashers: Hashers::new(algorithms),
            passed: 0,
        }
    }

    /// The digests of what was read, and how many bytes that were.
    pub fn finish(self) -> (Digests, u64) {
        (self.hashers.finish(), self.passed)
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hashers.update(buffer.get(..count).unwrap_or_default());
        self.passed += count as u64;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_of_abc_are_those_of_the_standards() -> io::Result<()> {
        let mut reader = HashingReader::new(&b"abc"[..], &Algorithm::ALL);
        io::copy(&mut reader, &mut io::sink())?;
        let (digests, passed) = reader.finish();
        assert_eq!(passed, 3);
        for (algorithm, start) in [
            (Algorithm::Md5, "900150983cd24fb0d6963f7d28e17f72"),
            (Algorithm::Sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
            (
                Algorithm::Sha224,
                "23097d223405d8228642a477bda255b32aadbce4bda0b3f7",
            ),
            (
                Algorithm::Sha256,
                "ba7816bf8f01cfea414140de5dae2223b00361a396177a9c",
            ),
            (
                Algorithm::Sha384,
                "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163",
            ),
            (
                Algorithm::Sha512,
                "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea2",
            ),
        ] {
            let digest = digests.hex(algorithm).unwrap_or_default();
            assert!(digest.starts_with(start), "{algorithm} {digest}");
            assert_eq!(digest.len(), 2 * algorithm.len_bytes());
            assert_eq!(Algorithm::from_len(algorithm.len_bytes()), Some(algorithm));
        }
        Ok(())
    }

    #[test]
    fn names_are_read_in_their_usual_spellings() {
        for (name, algorithm) in [
            ("MD5", Some(Algorithm::Md5)),
            ("SHA-1", Some(Algorithm::Sha1)),
            ("sha_256", Some(Algorithm::Sha256)),
            ("SHA2-256", Some(Algorithm::Sha256)),
            ("SHA 512", Some(Algorithm::Sha512)),
            ("SHA3-256", None),
            ("SHA512/256", None),
            ("sha2", None),
            ("", None),
        ] {
            assert_eq!(Algorithm::from_name(name), algorithm, "{name}");
        }
    }
}
