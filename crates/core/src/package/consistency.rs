//! The file beside a package that shows that one checkpoint continues another
//! (`docs/format/disclosure.md`, Beside the package).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{CheckpointError, LogKeys, SignedCheckpoint};
use crate::digest::Digest;
use crate::merkle::{ProofError, verify_consistency};

const FIRST_LINE: &str = "comity-consistency-1";

/// No consistency proof between trees of at most 2⁶⁴−1 leaves has more hashes.
const MAX_HASHES: usize = 65;

/// A consistency file, read and not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consistency {
    /// The proof (RFC 6962 section 2.1.2).
    pub hashes: Vec<Digest>,
    /// The earlier checkpoint, as the log signed it.
    pub old: Vec<u8>,
    /// The later checkpoint, as the log signed it.
    pub new: Vec<u8>,
}

/// A consistency file that is none, or that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConsistencyError {
    /// The file breaks the format.
    #[error("is not a consistency file: {0}")]
    Format(&'static str),
    /// One of the checkpoints.
    #[error("{which}: {source}")]
    Checkpoint {
        /// `the earlier checkpoint` or `the later checkpoint`.
        which: &'static str,
        /// What is wrong with it.
        source: CheckpointError,
    },
    /// The proof does not hold.
    #[error("the later checkpoint does not continue the earlier one: {0}")]
    Proof(#[from] ProofError),
}

impl Consistency {
    /// The file's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = format!("{FIRST_LINE}\n").into_bytes();
        for hash in &self.hashes {
            out.extend_from_slice(STANDARD.encode(hash.0).as_bytes());
            out.push(b'\n');
        }
        for checkpoint in [&self.old, &self.new] {
            out.push(b'\n');
            out.extend_from_slice(checkpoint);
        }
        out
    }

    /// Reads the file's bytes.
    ///
    /// # Errors
    /// Anything that [`Consistency::encode`] would not have written. The checkpoints are read by
    /// [`Consistency::verify`].
    pub fn parse(bytes: &[u8]) -> Result<Consistency, ConsistencyError> {
        let text =
            std::str::from_utf8(bytes).map_err(|_| ConsistencyError::Format("it is not UTF-8"))?;
        let parts: Vec<&str> = text.split("\n\n").collect();
        let [proof, old_text, old_signatures, new_text, new_signatures] = parts[..] else {
            let why = "it does not have a proof and two signed checkpoints, divided by empty lines";
            return Err(ConsistencyError::Format(why));
        };
        let mut lines = proof.split('\n');
        if lines.next() != Some(FIRST_LINE) {
            return Err(ConsistencyError::Format(
                "its first line is not comity-consistency-1",
            ));
        }
        let mut hashes = Vec::new();
        for line in lines {
            let hash = STANDARD
                .decode(line)
                .ok()
                .and_then(|bytes| Digest::from_slice(&bytes));
            match hash {
                Some(hash) if hashes.len() < MAX_HASHES => hashes.push(hash),
                _ => {
                    return Err(ConsistencyError::Format(
                        "a line of its proof is not a hash in base64",
                    ));
                }
            }
        }
        Ok(Consistency {
            hashes,
            old: format!("{old_text}\n\n{old_signatures}\n").into_bytes(),
            new: format!("{new_text}\n\n{new_signatures}").into_bytes(),
        })
    }

    /// Verifies both checkpoints with `keys` and that the later continues the earlier.
    ///
    /// # Errors
    /// A checkpoint that is malformed or lacks a signature; a proof that does not hold.
    pub fn verify(
        &self,
        keys: &LogKeys,
    ) -> Result<(SignedCheckpoint, SignedCheckpoint), ConsistencyError> {
        let verified = |bytes: &[u8], which| {
            SignedCheckpoint::parse(bytes)
                .and_then(|checkpoint| checkpoint.verify(keys))
                .map_err(|source| ConsistencyError::Checkpoint { which, source })
        };
        let old = verified(&self.old, "the earlier checkpoint")?;
        let new = verified(&self.new, "the later checkpoint")?;
        verify_consistency(old.size(), new.size(), old.root(), new.root(), &self.hashes)?;
        Ok((old, new))
    }
}
