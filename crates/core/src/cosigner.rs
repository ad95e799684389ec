//! A witness's signatures (C2SP tlog-cosignature; `docs/format/witness.md`, Cosignatures).

use std::fmt;

use ed25519_dalek::Signer as _;
use ml_dsa::{Keypair as _, MlDsa44};

use crate::checkpoint::{Checkpoint, SignError};
use crate::note::NoteSignature;
use crate::vkey::{KeyKind, Vkey, subtree_message};

/// The secret keys of a witness. They are wiped when it is dropped.
pub struct Cosigner {
    ed25519: ed25519_dalek::SigningKey,
    mldsa44: ml_dsa::SigningKey<MlDsa44>,
    vkeys: [Vkey; 2],
}

impl Cosigner {
    /// The witness `name`, from the seeds of its two keys (RFC 8032 section 5.1.5; FIPS 204
    /// algorithm 1).
    ///
    /// # Errors
    /// A name that a key may not have.
    pub fn new(
        name: &str,
        ed25519_seed: &[u8; 32],
        mldsa44_seed: &[u8; 32],
    ) -> Result<Cosigner, SignError> {
        let ed25519 = ed25519_dalek::SigningKey::from_bytes(ed25519_seed);
        let mldsa44 = ml_dsa::SigningKey::<MlDsa44>::from_seed(mldsa44_seed.into());
        let vkeys = [
            Vkey::new(
                name,
                KeyKind::Ed25519Cosignature,
                ed25519.verifying_key().as_bytes(),
            )?,
            Vkey::new_mldsa44(name, &mldsa44.verifying_key().encode().into())?,
        ];
        Ok(Cosigner {
            ed25519,
            mldsa44,
            vkeys,
        })
    }

    /// The public keys: Ed25519 (type 0x04), then ML-DSA-44 (type 0x06).
    #[must_use]
    pub fn vkeys(&self) -> &[Vkey] {
        &self.vkeys
    }

    /// The witness's name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.vkeys[0].name()
    }

    /// Cosigns the checkpoint whose note has the text `text`, with both keys. `time_secs` is the
    /// time of signing in seconds since 1970, and not 0.
    ///
    /// # Errors
    /// A text that is no checkpoint, a time of 0.
    pub fn cosign(&self, text: &str, time_secs: u64) -> Result<[NoteSignature; 2], SignError> {
        let (checkpoint, _) = Checkpoint::parse_extended(text).map_err(|_| SignError::Failed)?;
        if time_secs == 0 {
            return Err(SignError::Failed);
        }
        let line = |key: &Vkey, signature: &[u8]| NoteSignature {
            name: key.name().to_owned(),
            key_id: key.key_id(),
            signature: [time_secs.to_be_bytes().as_slice(), signature].concat(),
        };
        let message = format!("cosignature/v1\ntime {time_secs}\n{text}");
        let first = self.ed25519.try_sign(message.as_bytes());
        let first = first.map_err(|_| SignError::Failed)?;
        let message = subtree_message(self.name(), time_secs, &checkpoint);
        let second = self
            .mldsa44
            .try_sign(&message.ok_or(SignError::Failed)?)
            .map_err(|_| SignError::Failed)?;
        Ok([
            line(&self.vkeys[0], &first.to_bytes()),
            line(&self.vkeys[1], &second.encode()),
        ])
    }
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cosigner({})", self.name())
    }
}
