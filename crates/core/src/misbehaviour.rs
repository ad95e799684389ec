//! Two checkpoints that one log signed and that contradict each other
//! (`docs/format/witness.md`, Evidence of misbehaviour).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{CheckpointError, KeysError, LogKeys, SignedCheckpoint};
use crate::digest::Digest;
use crate::merkle::{ProofError, verify_consistency};

/// The first line of a file of evidence.
pub const FIRST_LINE: &str = "comity-misbehaviour-1";

/// No consistency proof between trees of at most 2⁶⁴−1 leaves has more hashes.
const MAX_HASHES: usize = 65;

/// The longest file that is read, in bytes.
const MAX_FILE_BYTES: usize = 4_000_000;

/// What a log did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It signed two trees of which neither continues the other.
    Fork,
    /// It signed, later, a tree of fewer leaves.
    Rollback,
}

/// A file of evidence, read and not yet verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Misbehaviour {
    /// What it says that the log did.
    pub deed: Deed,
    /// The root that the second tree has at the first one's size; for a rollback the second root.
    pub root: Digest,
    /// The proof that it has.
    pub hashes: Vec<Digest>,
    /// The log's key file.
    pub keys: Vec<u8>,
    /// The first checkpoint.
    pub first: Vec<u8>,
    /// The second.
    pub second: Vec<u8>,
}

/// Evidence that holds.
#[derive(Clone, Debug)]
pub struct Proven {
    /// What the log did.
    pub deed: Deed,
    /// The keys that verified both checkpoints.
    pub keys: LogKeys,
    /// The first checkpoint.
    pub first: SignedCheckpoint,
    /// The second.
    pub second: SignedCheckpoint,
}

/// A file that is no evidence, or evidence that does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MisbehaviourError {
    /// The file breaks the format.
    #[error("is not a file of evidence: {0}")]
    Format(&'static str),
    /// The keys in it.
    #[error("{0}")]
    Keys(#[from] KeysError),
    /// One of the checkpoints.
    #[error("{which}: {source}")]
    Checkpoint {
        /// `the first checkpoint` or `the second checkpoint`.
        which: &'static str,
        /// What is wrong with it.
        source: CheckpointError,
    },
    /// The proof does not hold.
    #[error("the proof does not show what the second tree begins with: {0}")]
    Proof(#[from] ProofError),
    /// The two do not contradict each other.
    #[error("the two checkpoints do not contradict each other: {0}")]
    Consistent(&'static str),
}

impl Misbehaviour {
    /// Whether a file claims to be such evidence.
    #[must_use]
    pub fn is_claimed_by(bytes: &[u8]) -> bool {
        bytes.starts_with(FIRST_LINE.as_bytes())
    }

    /// The file's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let deed = match self.deed {
            Deed::Fork => "fork",
            Deed::Rollback => "rollback",
        };
        let mut out = format!(
            "{FIRST_LINE}\n{deed}\nroot {}\n",
            STANDARD.encode(self.root.0)
        );
        for hash in &self.hashes {
            out.push_str(&STANDARD.encode(hash.0));
            out.push('\n');
        }
        let mut out = out.into_bytes();
        for part in [&self.keys, &self.first, &self.second] {
            out.push(b'\n');
            out.extend_from_slice(part);
        }
        out
    }

    /// Reads a file of evidence.
    ///
    /// # Errors
    /// What the format does not allow.
    pub fn parse(bytes: &[u8]) -> Result<Misbehaviour, MisbehaviourError> {
        let bad = MisbehaviourError::Format;
        if bytes.len() > MAX_FILE_BYTES {
            return Err(bad("it is longer than 4,000,000 bytes"));
        }
        let text = std::str::from_utf8(bytes).map_err(|_| bad("it is not UTF-8 text"))?;
        // Head, keys, and twice text and signatures of a checkpoint.
        let parts: Vec<&str> = text.split("\n\n").collect();
        let [head, keys, first_text, first, second_text, second] = parts[..] else {
            return Err(bad("it does not have a head, keys and two checkpoints"));
        };
        let mut lines = head.split('\n');
        if lines.next() != Some(FIRST_LINE) {
            return Err(bad("the first line is not comity-misbehaviour-1"));
        }
        let deed = match lines.next() {
            Some("fork") => Deed::Fork,
            Some("rollback") => Deed::Rollback,
            _ => return Err(bad("the second line is neither fork nor rollback")),
        };
        let root = lines.next().and_then(|line| line.strip_prefix("root "));
        let root = root
            .and_then(hash)
            .ok_or(bad("the third line is no root"))?;
        let mut hashes = Vec::new();
        for line in lines {
            match hash(line) {
                Some(hash) if hashes.len() < MAX_HASHES => hashes.push(hash),
                _ => return Err(bad("a line of the proof is not one of at most 65 hashes")),
            }
        }
        Ok(Misbehaviour {
            deed,
            root,
            hashes,
            keys: format!("{keys}\n").into_bytes(),
            first: format!("{first_text}\n\n{first}\n").into_bytes(),
            second: format!("{second_text}\n\n{second}").into_bytes(),
        })
    }

    /// Verifies that the log did it: with `keys`, or else with the keys in the file, which are
    /// then no more than a name for whoever holds them.
    ///
    /// # Errors
    /// Checkpoints that are not signed by every key, or that do not contradict each other.
    pub fn verify(&self, keys: Option<&LogKeys>) -> Result<Proven, MisbehaviourError> {
        // The file's own keys may show how those that were given were succeeded.
        let keys = match (keys, LogKeys::parse(&self.keys)) {
            (Some(keys), Ok(own)) => keys.joined(&own).unwrap_or_else(|| keys.clone()),
            (Some(keys), Err(_)) => keys.clone(),
            (None, own) => own?,
        };
        let read = |which, bytes: &[u8]| {
            SignedCheckpoint::parse(bytes)
                .and_then(|c| c.verify(&keys))
                .map_err(|source| MisbehaviourError::Checkpoint { which, source })
        };
        let first = read("the first checkpoint", &self.first)?;
        let second = read("the second checkpoint", &self.second)?;
        let consistent = MisbehaviourError::Consistent;
        match self.deed {
            Deed::Fork => {
                verify_consistency(
                    first.size(),
                    second.size(),
                    &self.root,
                    second.root(),
                    &self.hashes,
                )?;
                if self.root == *first.root() {
                    return Err(consistent("the second tree begins with the first one"));
                }
            }
            Deed::Rollback => {
                if self.root != *second.root() || !self.hashes.is_empty() {
                    return Err(MisbehaviourError::Format(
                        "a rollback has the second root, and no proof",
                    ));
                }
                if second.size() >= first.size() {
                    return Err(consistent("the second is not of fewer leaves"));
                }
                if second.time_secs() <= first.time_secs() {
                    return Err(consistent("the second was not signed later"));
                }
            }
        }
        Ok(Proven {
            deed: self.deed,
            keys,
            first,
            second,
        })
    }
}

fn hash(line: &str) -> Option<Digest> {
    STANDARD
        .decode(line)
        .ok()
        .and_then(|bytes| Digest::from_slice(&bytes))
}
