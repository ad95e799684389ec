//! Checkpoints: what the log signs (C2SP tlog-checkpoint; `docs/format/ledger.md`, Checkpoint).

mod keys;
mod signer;

pub use keys::{KeysError, LogKeys};
pub use signer::{LogSigner, SignError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::digest::Digest;
use crate::merkle::empty_root;
use crate::note::{Note, NoteError};
use crate::unverified::Unverified;
use crate::vkey::{KeyKind, check_name};

/// The state of a log: how many leaves it has, and the root of the tree over them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: String,
    /// The number of leaves.
    pub size: u64,
    /// The root of the tree.
    pub root: Digest,
}

/// Bytes that are not a checkpoint, or one that the log's keys do not vouch for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Not a signed note, or signatures that do not hold.
    #[error("{0}")]
    Note(#[from] NoteError),
    /// The text is not the three lines of a checkpoint.
    #[error("not a checkpoint: {0}")]
    Text(&'static str),
    /// A checkpoint of another log.
    #[error("the checkpoint is of the log {found}, not of {expected}")]
    OtherLog {
        /// The origin that the checkpoint claims.
        found: String,
        /// The origin of the keys.
        expected: String,
    },
    /// Signed by keys of the log that do not hold at this size.
    #[error(
        "the checkpoint of size {size} is signed by keys of the log that hold only {reign}: there they were succeeded, and what they sign elsewhere is worth nothing"
    )]
    OtherReign {
        /// The size that it claims.
        size: u64,
        /// Where they hold, in words.
        reign: String,
    },
    /// The tree at the size of a succession has another root than the succession names.
    #[error(
        "the checkpoint of size {size} does not have the root that the succession of the log's keys at this size names"
    )]
    OtherTree {
        /// The size.
        size: u64,
    },
    /// One of the log's keys has not signed.
    #[error("the checkpoint lacks the log's {kind} signature: every key of the log must sign")]
    SignatureMissing {
        /// The algorithm of the key.
        kind: KeyKind,
    },
}

impl Checkpoint {
    /// The text that is signed: origin, size and root, a line each.
    #[must_use]
    pub fn text(&self) -> String {
        format!(
            "{}\n{}\n{}\n",
            self.origin,
            self.size,
            STANDARD.encode(self.root.0)
        )
    }

    /// Reads the text of a checkpoint.
    ///
    /// # Errors
    /// Anything but three lines as [`Checkpoint::text`] writes them; extension lines too, since
    /// the ML-DSA signature would not cover them.
    pub fn parse_text(text: &str) -> Result<Checkpoint, CheckpointError> {
        let bad = CheckpointError::Text;
        let (checkpoint, extensions) = Checkpoint::parse_extended(text)?;
        if extensions > 0 {
            return Err(bad(
                "extension lines are not part of a checkpoint of Comity",
            ));
        }
        if checkpoint.size == 0 && checkpoint.root != empty_root() {
            return Err(bad("the root of an empty tree is not the hash of nothing"));
        }
        Ok(checkpoint)
    }

    /// Reads the text of a checkpoint of any log, as a witness must: extension lines may follow,
    /// and are counted; the root of an empty tree is not looked at.
    ///
    /// # Errors
    /// A text that does not begin with origin, size and root, or has an empty line.
    pub fn parse_extended(text: &str) -> Result<(Checkpoint, usize), CheckpointError> {
        let bad = CheckpointError::Text;
        let lines = text
            .strip_suffix('\n')
            .ok_or(bad("no line feed at the end"))?;
        let mut lines = lines.split('\n');
        let origin = lines.next().unwrap_or_default();
        check_name(origin).map_err(|_| bad("the first line is not an origin"))?;
        let size = lines.next().ok_or(bad("the tree size is missing"))?;
        let root = lines.next().ok_or(bad("the root is missing"))?;
        let plain = size.bytes().all(|byte| byte.is_ascii_digit());
        let leading_zero = size.len() > 1 && size.starts_with('0');
        let size = if plain && !leading_zero {
            size.parse().ok()
        } else {
            None
        };
        let size: u64 = size.ok_or(bad("the second line is not a tree size"))?;
        let root = STANDARD
            .decode(root)
            .ok()
            .and_then(|bytes| Digest::from_slice(&bytes));
        let root = root.ok_or(bad("the third line is not a root of 32 bytes in base64"))?;
        let mut extensions = 0;
        for line in lines {
            if line.is_empty() {
                return Err(bad("an empty line"));
            }
            extensions += 1;
        }
        let origin = origin.to_owned();
        Ok((Checkpoint { origin, size, root }, extensions))
    }
}

/// A checkpoint that every key of its log has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: Note,
    bytes: Vec<u8>,
    time_secs: u64,
}

impl SignedCheckpoint {
    /// Reads a checkpoint; [`Unverified::verify`] then verifies it.
    ///
    /// # Errors
    /// Bytes that are not a signed note, or whose text is not a checkpoint.
    pub fn parse(bytes: &[u8]) -> Result<Unverified<SignedCheckpoint>, CheckpointError> {
        let note = Note::parse(bytes)?;
        let checkpoint = Checkpoint::parse_text(note.text())?;
        let bytes = bytes.to_vec();
        Ok(Unverified::new(SignedCheckpoint {
            checkpoint,
            note,
            bytes,
            time_secs: 0,
        }))
    }

    /// What was signed.
    #[must_use]
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The number of leaves.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.checkpoint.size
    }

    /// The root of the tree.
    #[must_use]
    pub fn root(&self) -> &Digest {
        &self.checkpoint.root
    }

    /// When the log signed it by its own word, in seconds since 1970.
    #[must_use]
    pub fn time_secs(&self) -> u64 {
        self.time_secs
    }

    /// The note, for the signatures of witnesses.
    #[must_use]
    pub fn note(&self) -> &Note {
        &self.note
    }

    /// The bytes that were read.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl SignedCheckpoint {
    /// Says it when the log's former or later keys have signed what was not theirs to sign.
    fn is_of_no_other_reign(&self, keys: &LogKeys) -> Result<(), CheckpointError> {
        for (above, up_to, vkeys) in keys.chain().reigns() {
            if self.note.verify(vkeys).is_ok() {
                let reign = match (above, up_to) {
                    (Some(above), Some(up_to)) => format!("above size {above} and up to {up_to}"),
                    (Some(above), None) => format!("above size {above}"),
                    (None, Some(up_to)) => format!("up to size {up_to}"),
                    (None, None) => continue,
                };
                let size = self.checkpoint.size;
                return Err(CheckpointError::OtherReign { size, reign });
            }
        }
        Ok(())
    }
}

impl Unverified<SignedCheckpoint> {
    /// Verifies that every key in `keys` that holds at the checkpoint's size has signed it, and that
    /// it is of their log.
    ///
    /// # Errors
    /// Another log, a signature that does not verify, or one that is missing.
    pub fn verify(self, keys: &LogKeys) -> Result<SignedCheckpoint, CheckpointError> {
        let mut signed = self.into_claimed();
        if signed.checkpoint.origin != keys.origin() {
            return Err(CheckpointError::OtherLog {
                found: signed.checkpoint.origin,
                expected: keys.origin().to_owned(),
            });
        }
        let size = signed.checkpoint.size;
        let vkeys = keys.at(size);
        let verified = signed.note.verify(vkeys);
        if matches!(verified, Err(NoteError::NotSigned)) {
            signed.is_of_no_other_reign(keys)?;
        }
        let verified = verified?;
        if keys
            .chain()
            .root_at(size)
            .is_some_and(|root| *root != signed.checkpoint.root)
        {
            return Err(CheckpointError::OtherTree { size });
        }
        for (place, key) in vkeys.iter().enumerate() {
            let signature = verified.iter().find(|signature| signature.key == place);
            let signature =
                signature.ok_or(CheckpointError::SignatureMissing { kind: key.kind() })?;
            if let Some(time_secs) = signature.time_secs {
                signed.time_secs = time_secs;
            }
        }
        Ok(signed)
    }

    /// The origin that the checkpoint claims, to find the keys that could verify it.
    #[must_use]
    pub fn claimed_origin(&self) -> &str {
        &self.claimed().checkpoint.origin
    }

    /// The size that the checkpoint claims, for messages.
    #[must_use]
    pub fn claimed_size(&self) -> u64 {
        self.claimed().checkpoint.size
    }
}
