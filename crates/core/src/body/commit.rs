//! Salts and commitments.

use sha2::block_api::compress256;
use sha2::{Digest as _, Sha256};

use super::{BodyError, Class, check_name};
use crate::digest::{Digest, push_hex};
use crate::json::{Value, write_canonical};

/// SHA-256's initial state (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];
const BLOCK: usize = 64;

/// HMAC-SHA256 (RFC 2104) with one class's seed as its key, ready for many names. A body has some twenty fields, so
/// the states after the key's blocks are kept, and a name costs the blocks that it fills and nothing else.
#[derive(Clone)]
pub(super) struct Salts {
    inner: [u32; 8],
    outer: [u32; 8],
}

impl Salts {
    pub(super) fn new(seed: &[u8; 32]) -> Salts {
        let padded = |pad: u8| {
            let mut block = [pad; BLOCK];
            for (byte, key) in block.iter_mut().zip(seed) {
                *byte ^= key;
            }
            let mut state = INITIAL;
            compress256(&mut state, &[block]);
            state
        };
        Salts {
            inner: padded(0x36),
            outer: padded(0x5c),
        }
    }

    pub(super) fn of(&self, name: &str) -> [u8; 32] {
        let inner = after_key_block(self.inner, &[b"comity/salt/v1\n", name.as_bytes()]);
        after_key_block(self.outer, &[&inner])
    }
}

/// The digest of a message whose first block led to `state`, and whose other bytes are `parts`.
fn after_key_block(mut state: [u32; 8], parts: &[&[u8]]) -> [u8; 32] {
    let len: usize = parts.iter().map(|part| part.len()).sum();
    let used = (len + 1 + 8).div_ceil(BLOCK);
    let (mut few, mut many) = ([[0; BLOCK]; 2], Vec::new());
    let blocks = match few.get_mut(..used) {
        Some(blocks) => blocks,
        None => {
            many.resize(used, [0; BLOCK]);
            &mut many
        }
    };
    let bytes = blocks.as_flattened_mut();
    let mut at = 0;
    for part in parts {
        bytes[at..at + part.len()].copy_from_slice(part);
        at += part.len();
    }
    bytes[len] = 0x80;
    let bits = 8 * (BLOCK + len) as u64;
    let end = bytes.len();
    bytes[end - 8..].copy_from_slice(&bits.to_be_bytes());
    compress256(&mut state, blocks);
    let mut digest = [0; 32];
    for (bytes, word) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_be_bytes());
    }
    digest
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
    let parts: [&[u8]; 7] = [
        b"comity/field/v1\n",
        salt,
        b"[\"",
        name.as_bytes(),
        b"\",",
        value,
        b"]",
    ];
    let mut gathered = [0; 256];
    let mut len = 0;
    for part in parts {
        let Some(place) = gathered.get_mut(len..len + part.len()) else {
            let mut hasher = Sha256::new();
            parts.iter().for_each(|part| hasher.update(part));
            return Digest(hasher.finalize().into());
        };
        place.copy_from_slice(part);
        len += part.len();
    }
    Digest::of(&gathered[..len])
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
