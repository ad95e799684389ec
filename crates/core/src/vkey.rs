//! Verifier keys and what they verify (C2SP signed-note, "Verifier keys"; tlog-cosignature).

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::Checkpoint;
use crate::digest::{Digest, hex, unhex_array};

/// The longest name of a key, and the longest origin: its length is one byte in what ML-DSA signs.
pub const MAX_NAME_BYTES: usize = 255;

/// The algorithm of a key, and what it signs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KeyKind {
    /// Type 0x01: Ed25519 over the text of a note.
    Ed25519,
    /// Type 0x04: Ed25519 over time and text of a checkpoint, by a witness.
    Ed25519Cosignature,
    /// Type 0x06: ML-DSA-44 over time, origin, size and root of a checkpoint.
    MlDsa44,
}

impl KeyKind {
    fn from_type_byte(byte: u8) -> Option<KeyKind> {
        match byte {
            1 => Some(KeyKind::Ed25519),
            4 => Some(KeyKind::Ed25519Cosignature),
            6 => Some(KeyKind::MlDsa44),
            _ => None,
        }
    }

    fn type_byte(self) -> u8 {
        match self {
            KeyKind::Ed25519 => 1,
            KeyKind::Ed25519Cosignature => 4,
            KeyKind::MlDsa44 => 6,
        }
    }

    fn public_key_bytes(self) -> usize {
        match self {
            KeyKind::Ed25519 | KeyKind::Ed25519Cosignature => 32,
            KeyKind::MlDsa44 => 1312,
        }
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            KeyKind::Ed25519 => "Ed25519",
            KeyKind::Ed25519Cosignature => "Ed25519 (cosignature)",
            KeyKind::MlDsa44 => "ML-DSA-44",
        })
    }
}

/// Text that is not a verifier key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VkeyError {
    /// A name that a key may not have.
    #[error(
        "{0:?} cannot name a key: names are 1 to 255 bytes without spaces, '+' or control characters"
    )]
    Name(String),
    /// Not name, id and key with `+` between them.
    #[error("not a verifier key: expected name+id+key, the id as 8 hex digits, the key in base64")]
    Syntax,
    /// A signature type that this program does not know.
    #[error(
        "the verifier key of {name} has signature type {kind:#04x}, which this program does not know"
    )]
    UnknownKind {
        /// The key's name.
        name: String,
        /// The type byte.
        kind: u8,
    },
    /// The key's bytes are not a public key of its type.
    #[error("the verifier key of {name} is not a valid public key")]
    PublicKey {
        /// The key's name.
        name: String,
    },
    /// The id does not belong to name and key.
    #[error("the verifier key of {name} has the id {found}, but name and key give {expected}")]
    Id {
        /// The key's name.
        name: String,
        /// The id as written.
        found: String,
        /// The id as computed.
        expected: String,
    },
}

/// A verifier key: the name and the public key of one signer.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Vkey {
    name: String,
    kind: KeyKind,
    public: Vec<u8>,
    id: [u8; 4],
}

impl Vkey {
    /// An Ed25519 key that signs notes.
    ///
    /// # Errors
    /// A name that a key may not have, and bytes that are not a public key.
    pub fn new_ed25519(name: &str, public: &[u8; 32]) -> Result<Vkey, VkeyError> {
        Vkey::new(name, KeyKind::Ed25519, public)
    }

    /// An ML-DSA-44 key that signs checkpoints.
    ///
    /// # Errors
    /// A name that a key may not have.
    pub fn new_mldsa44(name: &str, public: &[u8; 1312]) -> Result<Vkey, VkeyError> {
        Vkey::new(name, KeyKind::MlDsa44, public)
    }

    pub(crate) fn new(name: &str, kind: KeyKind, public: &[u8]) -> Result<Vkey, VkeyError> {
        check_name(name)?;
        let invalid = || VkeyError::PublicKey {
            name: name.to_owned(),
        };
        if public.len() != kind.public_key_bytes() {
            return Err(invalid());
        }
        if kind != KeyKind::MlDsa44 {
            let key = ed25519_key(public).ok_or_else(invalid)?;
            if key.is_weak() {
                return Err(invalid());
            }
        }
        let typed = [&[kind.type_byte()], public].concat();
        let digest = Digest::of(&[name.as_bytes(), b"\n", &typed].concat());
        let id = [digest.0[0], digest.0[1], digest.0[2], digest.0[3]];
        Ok(Vkey {
            name: name.to_owned(),
            kind,
            public: public.to_vec(),
            id,
        })
    }

    /// The signer's name; a log's is its origin.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the key signs and how.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The key id: the first four bytes of SHA-256(name ‖ 0x0A ‖ type ‖ public key).
    #[must_use]
    pub fn key_id(&self) -> [u8; 4] {
        self.id
    }

    /// The public key.
    #[must_use]
    pub fn public_key(&self) -> &[u8] {
        &self.public
    }

    /// Verifies `signature` (what follows the key id in a signature line) over the text of a note.
    /// `None` when it does not verify; else the time that it was made, for those that say it.
    pub(crate) fn verify(&self, text: &str, signature: &[u8]) -> Option<Option<u64>> {
        match self.kind {
            KeyKind::Ed25519 => {
                verify_ed25519(&self.public, text.as_bytes(), signature).then_some(None)
            }
            KeyKind::Ed25519Cosignature => {
                let (time_secs, signature) = split_time(signature)?;
                Checkpoint::parse_extended(text).ok()?;
                let message = format!("cosignature/v1\ntime {time_secs}\n{text}");
                verify_ed25519(&self.public, message.as_bytes(), signature)
                    .then_some(Some(time_secs))
            }
            KeyKind::MlDsa44 => {
                let (time_secs, signature) = split_time(signature)?;
                let (checkpoint, _) = Checkpoint::parse_extended(text).ok()?;
                let message = subtree_message(&self.name, time_secs, &checkpoint)?;
                verify_mldsa44(&self.public, &message, signature).then_some(Some(time_secs))
            }
        }
    }
}

impl Vkey {
    /// Whether `signature` is this key's over the text of a succession statement
    /// (`docs/format/succession.md`, A statement).
    pub(crate) fn verify_statement(&self, text: &str, signature: &[u8]) -> bool {
        match self.kind {
            KeyKind::Ed25519 => verify_ed25519(&self.public, text.as_bytes(), signature),
            KeyKind::Ed25519Cosignature => false,
            KeyKind::MlDsa44 => verify_mldsa44(&self.public, &statement_message(text), signature),
        }
    }
}

impl fmt::Display for Vkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = [&[self.kind.type_byte()], self.public.as_slice()].concat();
        write!(
            f,
            "{}+{}+{}",
            self.name,
            hex(&self.id),
            STANDARD.encode(typed)
        )
    }
}

impl fmt::Debug for Vkey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vkey({}+{} {})", self.name, hex(&self.id), self.kind)
    }
}

impl FromStr for Vkey {
    type Err = VkeyError;

    /// Reads `name+id+key`; the key, in base64, may itself contain `+`.
    fn from_str(text: &str) -> Result<Vkey, VkeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(VkeyError::Syntax);
        };
        check_name(name)?;
        let id: [u8; 4] = unhex_array(id.as_bytes()).ok_or(VkeyError::Syntax)?;
        let typed = STANDARD.decode(key).map_err(|_| VkeyError::Syntax)?;
        let (&kind, public) = typed.split_first().ok_or(VkeyError::Syntax)?;
        let kind = KeyKind::from_type_byte(kind).ok_or_else(|| VkeyError::UnknownKind {
            name: name.to_owned(),
            kind,
        })?;
        let vkey = Vkey::new(name, kind, public)?;
        if vkey.id != id {
            let (found, expected) = (hex(&id), hex(&vkey.id));
            return Err(VkeyError::Id {
                name: name.to_owned(),
                found,
                expected,
            });
        }
        Ok(vkey)
    }
}

/// Checks a key's name: not empty, no Unicode space, no `+`, no control character.
pub(crate) fn check_name(name: &str) -> Result<(), VkeyError> {
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || c == '+';
    if name.is_empty() || name.len() > MAX_NAME_BYTES || name.contains(forbidden) {
        return Err(VkeyError::Name(name.to_owned()));
    }
    Ok(())
}

/// What a type 0x06 key signs for a checkpoint (tlog-cosignature, `cosigned_message`): the
/// subtree from leaf 0 to the checkpoint's size. `None` for a name that is too long.
pub(crate) fn subtree_message(
    cosigner: &str,
    time_secs: u64,
    checkpoint: &Checkpoint,
) -> Option<Vec<u8>> {
    let mut message = Vec::with_capacity(70 + cosigner.len() + checkpoint.origin.len());
    message.extend_from_slice(b"subtree/v1\n\0");
    message.push(u8::try_from(cosigner.len()).ok()?);
    message.extend_from_slice(cosigner.as_bytes());
    message.extend_from_slice(&time_secs.to_be_bytes());
    message.push(u8::try_from(checkpoint.origin.len()).ok()?);
    message.extend_from_slice(checkpoint.origin.as_bytes());
    message.extend_from_slice(&0_u64.to_be_bytes());
    message.extend_from_slice(&checkpoint.size.to_be_bytes());
    message.extend_from_slice(&checkpoint.root.0);
    Some(message)
}

/// What an ML-DSA-44 key signs of a succession statement.
pub(crate) fn statement_message(text: &str) -> Vec<u8> {
    [b"comity/succession/v1\n", text.as_bytes()].concat()
}

fn split_time(signature: &[u8]) -> Option<(u64, &[u8])> {
    let (time, signature) = signature.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*time), signature))
}

fn ed25519_key(public: &[u8]) -> Option<ed25519_dalek::VerifyingKey> {
    ed25519_dalek::VerifyingKey::from_bytes(public.try_into().ok()?).ok()
}

fn verify_ed25519(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    let Some(key) = ed25519_key(public) else {
        return false;
    };
    ed25519_dalek::Signature::from_slice(signature)
        .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok())
}

fn verify_mldsa44(public: &[u8], message: &[u8], signature: &[u8]) -> bool {
    use ml_dsa::{EncodedVerifyingKey, MlDsa44, Signature, VerifyingKey};
    let Ok(public) = EncodedVerifyingKey::<MlDsa44>::try_from(public) else {
        return false;
    };
    let key = VerifyingKey::<MlDsa44>::decode(&public);
    Signature::<MlDsa44>::try_from(signature)
        .is_ok_and(|signature| key.verify_with_context(message, &[], &signature))
}
