//! The leaf: what the ledger says of one event to everyone (`docs/format/ledger.md`, Leaf).

use crate::digest::{Digest, Sha256Hasher, push_hex, unhex_array};
use crate::id::ChainId;
use crate::json::{MAX_INTEGER, write_integer};

/// One entry of the tree: the place of an event in its chain, and a commitment to its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Leaf {
    /// The subject's chain.
    pub chain: ChainId,
    /// The place in the chain, from 0; at most 2⁵³−1.
    pub n: u64,
    /// The leaf hash of the event `n - 1` of the chain; `None` exactly when `n` is 0.
    pub prev: Option<Digest>,
    /// The body commitment.
    pub body: Digest,
}

/// Bytes that are not a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// Not the canonical JSON of a leaf.
    #[error("not a canonical leaf: expected {expected} at byte {at}")]
    NotCanonical {
        /// Where, counted from 0.
        at: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// A version that this program does not know.
    #[error("a leaf of a version other than 1: a newer program may read it")]
    UnknownVersion,
    /// The first event of a chain names one before it, or a later one names none.
    #[error(
        "the leaf has n = {n}, but its prev does not fit: only the event 0 of a chain has none"
    )]
    PrevDoesNotFit {
        /// The place in the chain.
        n: u64,
    },
}

impl Leaf {
    /// The canonical bytes: at most 219.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(224);
        self.encode_into(&mut out);
        out
    }

    /// Appends the canonical bytes to `out`.
    pub fn encode_into(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"body\":\"");
        push_hex(&self.body.0, out);
        out.extend_from_slice(b"\",\"chain\":\"");
        push_hex(&self.chain.0, out);
        out.extend_from_slice(b"\",\"n\":");
        write_integer(i64::try_from(self.n).unwrap_or(i64::MAX), out);
        match &self.prev {
            None => out.extend_from_slice(b",\"prev\":null"),
            Some(prev) => {
                out.extend_from_slice(b",\"prev\":\"");
                push_hex(&prev.0, out);
                out.push(b'"');
            }
        }
        out.extend_from_slice(b",\"v\":1}");
    }

    /// Reads the canonical bytes of a leaf.
    ///
    /// # Errors
    /// Anything that [`Leaf::encode`] would not have written for a leaf of a chain.
    pub fn parse(bytes: &[u8]) -> Result<Leaf, LeafError> {
        let mut rest = Rest { bytes, at: 0 };
        rest.literal(b"{\"body\":\"", "{\"body\":\"")?;
        let body = Digest(rest.hex("64 lower-case hex digits")?);
        rest.literal(b"\",\"chain\":\"", "\",\"chain\":\"")?;
        let chain = ChainId(rest.hex("32 lower-case hex digits")?);
        rest.literal(b"\",\"n\":", "\",\"n\":")?;
        let n = rest.integer()?;
        rest.literal(b",\"prev\":", ",\"prev\":")?;
        let prev = if rest.bytes[rest.at..].starts_with(b"null") {
            rest.at += 4;
            None
        } else {
            rest.literal(b"\"", "null or a string")?;
            let prev = rest.hex("64 lower-case hex digits")?;
            rest.literal(b"\"", "\"")?;
            Some(Digest(prev))
        };
        rest.literal(b",\"v\":", ",\"v\":")?;
        if rest.integer()? != 1 {
            return Err(LeafError::UnknownVersion);
        }
        rest.literal(b"}", "}")?;
        if rest.at < bytes.len() {
            return Err(LeafError::NotCanonical {
                at: rest.at,
                expected: "the end",
            });
        }
        if prev.is_none() != (n == 0) {
            return Err(LeafError::PrevDoesNotFit { n });
        }
        Ok(Leaf {
            chain,
            n,
            prev,
            body,
        })
    }
}

/// The hash of a leaf in the tree: SHA-256(0x00 ‖ entry) (RFC 6962 section 2.1).
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Digest {
    let mut hasher = Sha256Hasher::new();
    hasher.update(&[0]);
    hasher.update(entry);
    hasher.finish()
}

struct Rest<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Rest<'_> {
    fn literal(&mut self, literal: &[u8], expected: &'static str) -> Result<(), LeafError> {
        if !self.bytes[self.at..].starts_with(literal) {
            return Err(LeafError::NotCanonical {
                at: self.at,
                expected,
            });
        }
        self.at += literal.len();
        Ok(())
    }

    fn hex<const N: usize>(&mut self, expected: &'static str) -> Result<[u8; N], LeafError> {
        let array = self
            .bytes
            .get(self.at..self.at + 2 * N)
            .and_then(unhex_array);
        self.at += 2 * N;
        array.ok_or(LeafError::NotCanonical {
            at: self.at - 2 * N,
            expected,
        })
    }

    fn integer(&mut self) -> Result<u64, LeafError> {
        let digits = self.bytes[self.at..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let text = &self.bytes[self.at..self.at + digits];
        let value = std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse::<u64>().ok());
        let leading_zero = digits > 1 && text[0] == b'0';
        match value {
            Some(value) if !leading_zero && value <= MAX_INTEGER.unsigned_abs() => {
                self.at += digits;
                Ok(value)
            }
            _ => Err(LeafError::NotCanonical {
                at: self.at,
                expected: "an integer up to 2^53-1",
            }),
        }
    }
}
