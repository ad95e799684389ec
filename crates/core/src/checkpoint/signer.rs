//! Signing checkpoints.

use std::fmt;

use ed25519_dalek::Signer as _;
use ml_dsa::{Keypair as _, MlDsa44};

use super::{Checkpoint, KeysError, LogKeys};
use crate::note::{Note, NoteError, NoteSignature};
use crate::vkey::{Vkey, VkeyError, statement_message, subtree_message};

/// The secret keys of a log. They are wiped when it is dropped.
pub struct LogSigner {
    ed25519: ed25519_dalek::SigningKey,
    mldsa44: ml_dsa::SigningKey<MlDsa44>,
    keys: LogKeys,
    ed25519_id: [u8; 4],
    mldsa44_id: [u8; 4],
}

/// Why a checkpoint was not signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The origin cannot name a key.
    #[error("{0}")]
    Origin(#[from] VkeyError),
    /// The keys do not make a set.
    #[error("{0}")]
    Keys(#[from] KeysError),
    /// A checkpoint of another log.
    #[error("this is the signer of the log {ours}: it does not sign a checkpoint of {other}")]
    OtherLog {
        /// The signer's origin.
        ours: String,
        /// The checkpoint's.
        other: String,
    },
    /// The checkpoint's text cannot be a note.
    #[error("{0}")]
    Note(#[from] NoteError),
    /// The signature algorithm reported a failure.
    #[error("signing failed")]
    Failed,
}

impl LogSigner {
    /// The signer of the log `origin`, from the seeds of its two keys (RFC 8032 section 5.1.5;
    /// FIPS 204 algorithm 1).
    ///
    /// # Errors
    /// An origin that cannot name a key.
    pub fn new(
        origin: &str,
        ed25519_seed: &[u8; 32],
        mldsa44_seed: &[u8; 32],
    ) -> Result<LogSigner, SignError> {
        let ed25519 = ed25519_dalek::SigningKey::from_bytes(ed25519_seed);
        let mldsa44 = ml_dsa::SigningKey::<MlDsa44>::from_seed(mldsa44_seed.into());
        let ed25519_vkey = Vkey::new_ed25519(origin, ed25519.verifying_key().as_bytes())?;
        let mldsa44_vkey = Vkey::new_mldsa44(origin, &mldsa44.verifying_key().encode().into())?;
        let (ed25519_id, mldsa44_id) = (ed25519_vkey.key_id(), mldsa44_vkey.key_id());
        let keys = LogKeys::new(vec![ed25519_vkey, mldsa44_vkey])?;
        Ok(LogSigner {
            ed25519,
            mldsa44,
            keys,
            ed25519_id,
            mldsa44_id,
        })
    }

    /// The public keys: Ed25519, then ML-DSA-44.
    #[must_use]
    pub fn keys(&self) -> &LogKeys {
        &self.keys
    }

    /// The log's origin.
    #[must_use]
    pub fn origin(&self) -> &str {
        self.keys.origin()
    }

    /// Signs a checkpoint of this log with both keys and returns the note's bytes. `time_secs` is
    /// the time of signing in seconds since 1970.
    ///
    /// Signing twice gives the same bytes: Ed25519 is deterministic (RFC 8032), and so is ML-DSA
    /// in the variant of FIPS 204 section 3.4 that is used here.
    ///
    /// # Errors
    /// A checkpoint of another log.
    pub fn sign(&self, checkpoint: &Checkpoint, time_secs: u64) -> Result<Vec<u8>, SignError> {
        if checkpoint.origin != self.origin() {
            return Err(SignError::OtherLog {
                ours: self.origin().to_owned(),
                other: checkpoint.origin.clone(),
            });
        }
        let mut note = Note::new(checkpoint.text())?;
        let signature = self.ed25519.try_sign(note.text().as_bytes());
        let signature = signature.map_err(|_| SignError::Failed)?;
        note.push(NoteSignature {
            name: self.origin().to_owned(),
            key_id: self.ed25519_id,
            signature: signature.to_bytes().to_vec(),
        });
        let message = subtree_message(self.origin(), time_secs, checkpoint);
        let message = message.ok_or(SignError::Failed)?;
        let signature = self
            .mldsa44
            .try_sign(&message)
            .map_err(|_| SignError::Failed)?;
        note.push(NoteSignature {
            name: self.origin().to_owned(),
            key_id: self.mldsa44_id,
            signature: [time_secs.to_be_bytes().as_slice(), &signature.encode()].concat(),
        });
        Ok(note.encode())
    }

    /// Signs a succession statement with both keys (`docs/format/succession.md`).
    ///
    /// # Errors
    /// The signature algorithm reported a failure.
    pub fn sign_statement(&self, text: &str) -> Result<[NoteSignature; 2], SignError> {
        let first = self.ed25519.try_sign(text.as_bytes());
        let first = first.map_err(|_| SignError::Failed)?;
        let second = self.mldsa44.try_sign(&statement_message(text));
        let second = second.map_err(|_| SignError::Failed)?;
        let line = |key_id, signature| NoteSignature {
            name: self.origin().to_owned(),
            key_id,
            signature,
        };
        Ok([
            line(self.ed25519_id, first.to_bytes().to_vec()),
            line(self.mldsa44_id, second.encode().to_vec()),
        ])
    }
}

impl fmt::Debug for LogSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogSigner({})", self.origin())
    }
}
