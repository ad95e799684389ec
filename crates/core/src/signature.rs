//! A person's signature over an act (`docs/format/acts.md`, *Signature*).

use ed25519_dalek::{Signature, VerifyingKey};

use crate::body::{BodyError, Class, body_commitment};
use crate::digest::{Digest, hex, unhex};
use crate::json::Value;

/// The field that holds the signature. It is the only one that the signature does not cover.
pub const FIELD: &str = "signature";

/// A signature and the key that made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ActSignature {
    /// The Ed25519 public key (RFC 8032), 32 bytes.
    pub key: [u8; 32],
    /// The signature, 64 bytes.
    pub value: [u8; 64],
}

/// Why a signature does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not a signature field as the format has it.
    #[error("its signature is not written as the format says")]
    Malformed,
    /// The key is no point of the curve, or a weak one.
    #[error("the key of its signature is not an Ed25519 key")]
    Key,
    /// The signature is not of this key over these fields.
    #[error("its signature does not hold: the key has not signed these fields for this log")]
    Wrong,
}

/// What is signed: the log's origin, and the commitment to all fields but the signature.
#[must_use]
pub fn message(origin: &str, commitment: &Digest) -> Vec<u8> {
    [
        b"comity/signature/v1\n",
        origin.as_bytes(),
        b"\n",
        &commitment.0,
    ]
    .concat()
}

/// The commitment that is signed, from the list of all fields of the body.
///
/// # Errors
/// A name that no field may have.
pub fn signed_commitment(fields: &[(Class, &str, Digest)]) -> Result<Digest, BodyError> {
    let others: Vec<_> = fields
        .iter()
        .filter(|(_, name, _)| *name != FIELD)
        .copied()
        .collect();
    body_commitment(&others)
}

impl ActSignature {
    /// The value of the field.
    #[must_use]
    pub fn to_value(&self) -> Value {
        Value::from_iter([
            ("key".to_owned(), Value::from(hex(&self.key))),
            ("value".to_owned(), hex(&self.value).into()),
        ])
    }

    /// Reads the value of the field.
    ///
    /// # Errors
    /// [`SignatureError::Malformed`] for anything but the two members.
    pub fn parse(value: &Value) -> Result<ActSignature, SignatureError> {
        let part = |name: &str| value.get(name).and_then(Value::as_str).and_then(unhex);
        let two = matches!(value, Value::Object(members) if members.len() == 2);
        match (part("key"), part("value")) {
            (Some(key), Some(signature)) if two => Ok(ActSignature {
                key: key.try_into().map_err(|_| SignatureError::Malformed)?,
                value: signature
                    .try_into()
                    .map_err(|_| SignatureError::Malformed)?,
            }),
            _ => Err(SignatureError::Malformed),
        }
    }

    /// Checks the signature over the fields with this commitment, in the log of this origin. Strict: no weak keys,
    /// one encoding.
    ///
    /// # Errors
    /// [`SignatureError::Key`] or [`SignatureError::Wrong`].
    pub fn verify(&self, origin: &str, commitment: &Digest) -> Result<(), SignatureError> {
        let key = VerifyingKey::from_bytes(&self.key).map_err(|_| SignatureError::Key)?;
        key.verify_strict(
            &message(origin, commitment),
            &Signature::from_bytes(&self.value),
        )
        .map_err(|_| SignatureError::Wrong)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use ed25519_dalek::{Signer, SigningKey};

    use super::*;

    #[test]
    fn a_signature_covers_every_other_field_and_one_log() {
        let key = SigningKey::from_bytes(&[5; 32]);
        let list = [
            (Class::Custody, "kind", Digest::of(b"a")),
            (Class::Custody, FIELD, Digest::of(b"itself")),
            (Class::Content, "path", Digest::of(b"b")),
        ];
        let commitment = signed_commitment(&list).unwrap();
        let signature = ActSignature {
            key: key.verifying_key().to_bytes(),
            value: key.sign(&message("a.example/log", &commitment)).to_bytes(),
        };
        let read = ActSignature::parse(&signature.to_value()).unwrap();
        assert_eq!(read, signature);
        assert_eq!(read.verify("a.example/log", &commitment), Ok(()));
        assert_eq!(
            read.verify("b.example/log", &commitment),
            Err(SignatureError::Wrong)
        );
        let mut others = list;
        others[1].2 = Digest::of(b"another");
        assert_eq!(signed_commitment(&others).unwrap(), commitment);
        others[2].2 = Digest::of(b"c");
        let changed = signed_commitment(&others).unwrap();
        assert_eq!(
            read.verify("a.example/log", &changed),
            Err(SignatureError::Wrong)
        );
    }

    #[test]
    fn weak_keys_and_malformed_fields_are_refused() {
        let weak = ActSignature {
            key: [0; 32],
            value: [0; 64],
        };
        assert!(weak.verify("o", &Digest::of(b"")).is_err());
        for value in [
            Value::from("x"),
            Value::from_iter([("key".to_owned(), Value::from("00"))]),
        ] {
            assert_eq!(ActSignature::parse(&value), Err(SignatureError::Malformed));
        }
    }
}
