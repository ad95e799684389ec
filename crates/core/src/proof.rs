//! The proof that one leaf is in the log (C2SP tlog-proof), as a file of its own.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{CheckpointError, LogKeys, SignedCheckpoint};
use crate::digest::Digest;
use crate::merkle::{ProofError, verify_inclusion};

const FIRST_LINE: &[u8] = b"c2sp.org/tlog-proof@v1\n";

/// No tree of at most 2⁶⁴−1 leaves needs more.
const MAX_HASHES: usize = 64;

/// A `.tlog-proof` file, read and not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlogProof {
    /// Opaque data beside the proof, which nothing authenticates.
    pub extra: Option<Vec<u8>>,
    /// The index of the leaf.
    pub index: u64,
    /// The inclusion proof, the leaf's sibling first.
    pub hashes: Vec<Digest>,
    /// The checkpoint, as the log signed it.
    pub checkpoint: Vec<u8>,
}

/// A file that is not a proof, or that does not prove what it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlogProofError {
    /// A line that is not what the format says.
    #[error("not a tlog-proof: line {line} is not {expected}")]
    Line {
        /// Which, counted from 1.
        line: usize,
        /// What should stand there.
        expected: &'static str,
    },
    /// The checkpoint is malformed or not signed by the log's keys.
    #[error("the proof's checkpoint: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The inclusion proof does not hold.
    #[error("{0}")]
    Inclusion(#[from] ProofError),
}

impl TlogProof {
    /// The bytes of the file.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = String::new();
        if let Some(extra) = &self.extra {
            out.push_str(&format!("extra {}\n", STANDARD.encode(extra)));
        }
        out.push_str(&format!("index {}\n", self.index));
        for hash in &self.hashes {
            STANDARD.encode_string(hash.0, &mut out);
            out.push('\n');
        }
        out.push('\n');
        [FIRST_LINE, out.as_bytes(), &self.checkpoint].concat()
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Any line that [`TlogProof::encode`] would not have written. The checkpoint is read by
    /// [`TlogProof::verify`].
    pub fn parse(bytes: &[u8]) -> Result<TlogProof, TlogProofError> {
        let rest = bytes.strip_prefix(FIRST_LINE);
        let rest = rest.ok_or(TlogProofError::Line {
            line: 1,
            expected: "\"c2sp.org/tlog-proof@v1\"",
        })?;
        let mut lines = Lines { rest, line: 1 };
        let mut line = lines.next("an index")?;
        let extra = match line.strip_prefix("extra ") {
            None => None,
            Some(encoded) => {
                let extra = STANDARD
                    .decode(encoded)
                    .map_err(|_| lines.not("extra data in base64"))?;
                line = lines.next("an index")?;
                Some(extra)
            }
        };
        let index = line.strip_prefix("index ").and_then(decimal);
        let index = index.ok_or_else(|| lines.not("an index"))?;
        let mut hashes = Vec::new();
        loop {
            let line = lines.next("a hash or the empty line")?;
            if line.is_empty() {
                break;
            }
            let hash = STANDARD
                .decode(line)
                .ok()
                .and_then(|bytes| Digest::from_slice(&bytes));
            match hash {
                Some(hash) if hashes.len() < MAX_HASHES => hashes.push(hash),
                _ => return Err(lines.not("one of at most 64 hashes in base64")),
            }
        }
        Ok(TlogProof {
            extra,
            index,
            hashes,
            checkpoint: lines.rest.to_vec(),
        })
    }

    /// Verifies the checkpoint with `keys`, and that the leaf hash `leaf` is at the proof's index
    /// in its tree. Returns the checkpoint.
    ///
    /// # Errors
    /// A checkpoint that is malformed or not signed by every key; an inclusion that does not hold.
    pub fn verify(
        &self,
        keys: &LogKeys,
        leaf: &Digest,
    ) -> Result<SignedCheckpoint, TlogProofError> {
        let checkpoint = SignedCheckpoint::parse(&self.checkpoint)?.verify(keys)?;
        verify_inclusion(
            self.index,
            checkpoint.size(),
            leaf,
            &self.hashes,
            checkpoint.root(),
        )?;
        Ok(checkpoint)
    }
}

struct Lines<'a> {
    rest: &'a [u8],
    line: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self, expected: &'static str) -> Result<&'a str, TlogProofError> {
        self.line += 1;
        let end = self.rest.iter().position(|byte| *byte == b'\n');
        let end = end.ok_or_else(|| self.not(expected))?;
        let line = std::str::from_utf8(&self.rest[..end]).map_err(|_| self.not(expected))?;
        self.rest = &self.rest[end + 1..];
        Ok(line)
    }

    fn not(&self, expected: &'static str) -> TlogProofError {
        TlogProofError::Line {
            line: self.line,
            expected,
        }
    }
}

fn decimal(text: &str) -> Option<u64> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    let leading_zero = text.len() > 1 && text.starts_with('0');
    if digits && !leading_zero {
        text.parse().ok()
    } else {
        None
    }
}
