//! Salts and commitments.

use sha2::{Digest as _, Sha256};

use super::{BodyError, Class, check_name};
use crate::digest::{Digest, push_hex};
use crate::json::{Value, write_canonical};

/// HMAC-SHA256 (RFC 2104) with one class's seed as its key, ready for many names.
#[derive(Clone)]
pub(super) struct Salts {
    inner: Sha256,
    outer: Sha256,
}

impl Salts {
    pub(super) fn new(seed: &[u8; 32]) -> Salts {
        let padded = |pad: u8| {
            let mut block = [pad; 64];
            for (byte, key) in block.iter_mut().zip(seed) {
                *byte ^= key;
            }
            Sha256::new_with_prefix(block)
        };
        let mut inner = padded(0x36);
        inner.update(b"comity/salt/v1\n");
        Salts {
            inner,
            outer: padded(0x5c),
        }
    }

    pub(super) fn of(&self, name: &str) -> [u8; 32] {
        let inner = self.inner.clone().chain_update(name).finalize();
        self.outer.clone().chain_update(inner).finalize().into()
    }
}

/// The salt of the field `name`: HMAC-SHA256 with the seed of the field's class.
#[must_use]
pub fn salt(seed: &[u8; 32], name: &str) -> [u8; 32] {
    Salts::new(seed).of(name)
}

/// The commitment to one field: SHA-256 over a tag, the salt and the canonical `[name, value]`.
///
/// # Errors
/// A name that no field may have, and a value that canonical JSON cannot say.
pub fn field_commitment(salt: &[u8; 32], name: &str, value: &Value) -> Result<Digest, BodyError> {
    check_name(name)?;
    let mut bytes = Vec::new();
    write_canonical(value, &mut bytes).map_err(|source| BodyError::Value {
        name: name.to_owned(),
        source,
    })?;
    Ok(commit_canonical(salt, name, &bytes))
}

/// As [`field_commitment`], of a checked name and a value that is canonical bytes already. Such a
/// name needs no escapes.
pub(crate) fn commit_canonical(salt: &[u8; 32], name: &str, value: &[u8]) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(b"comity/field/v1\n");
    hasher.update(salt);
    hasher.update(b"[\"");
    hasher.update(name);
    hasher.update(b"\",");
    hasher.update(value);
    hasher.update(b"]");
    Digest(hasher.finalize().into())
}

/// The commitment to a body: SHA-256 over a tag and the ordered list of its fields' commitments.
///
/// # Errors
/// A name that no field may have.
pub fn body_commitment(list: &[(Class, &str, Digest)]) -> Result<Digest, BodyError> {
    let mut bytes = ListBytes::new(list.len());
    for (class, name, commitment) in list {
        check_name(name)?;
        bytes.push(*class, name, commitment);
    }
    Ok(bytes.finish())
}

/// The bytes that a body commitment is the digest of.
pub(crate) struct ListBytes(Vec<u8>);

impl ListBytes {
    pub(crate) fn new(fields: usize) -> ListBytes {
        let mut bytes = Vec::with_capacity(16 + fields * 100);
        bytes.extend_from_slice(b"comity/body/v1\n[");
        ListBytes(bytes)
    }

    pub(crate) fn push(&mut self, class: Class, name: &str, commitment: &Digest) {
        let out = &mut self.0;
        if out.last() == Some(&b']') {
            out.push(b',');
        }
        out.extend_from_slice(b"[\"");
        out.extend_from_slice(class.as_str().as_bytes());
        out.extend_from_slice(b"\",\"");
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\",\"");
        push_hex(&commitment.0, out);
        out.extend_from_slice(b"\"]");
    }

    pub(crate) fn finish(mut self) -> Digest {
        self.0.push(b']');
        Digest::of(&self.0)
    }
}
