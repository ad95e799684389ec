//! Sealed columns: a few bytes of a table's row, sealed the same each time they are made anew.
//!
//! A row is a view and is never handed over, so it needs no commitment to its key and no chunks; what it costs counts
//! for every item of every command. The key of a row is HMAC-SHA-256 (RFC 2104) over context and salt; the cipher is
//! AES-256-GCM-SIV (RFC 8452) with a nonce of zeros: should a row ever be made of other bytes under the same salt, that
//! shows, and nothing else.

use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hmac::{self, HMAC_SHA256};

use crate::{Key, SALT_LEN, SealError, TAG_LEN};

/// Seals the clear bytes of a row: salt ‖ ciphertext ‖ tag of 16 bytes. The same arguments give the same bytes; no two
/// rows of one key and context may have the same salt.
pub fn seal_column(key: &Key, salt: [u8; SALT_LEN], context: &[u8], clear: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(SALT_LEN + clear.len() + TAG_LEN);
    out.extend_from_slice(&salt);
    out.extend_from_slice(clear);
    let sealed = cipher(key, &salt, context)
        .and_then(|cipher| {
            cipher.seal_in_place_separate_tag(nonce(), Aad::empty(), &mut out[SALT_LEN..])
        })
        .map(|tag| out.extend_from_slice(tag.as_ref()));
    // Going on could hand out clear bytes as sealed.
    sealed.unwrap_or_else(|_| unreachable!("the cipher library refused a column"));
    out
}

/// Opens what [`seal_column`] made.
///
/// # Errors
/// [`SealError::TooShort`]; [`SealError::WrongKey`] where key or context are others, or a byte is.
pub fn open_column(key: &Key, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let (salt, rest) = sealed
        .split_first_chunk::<SALT_LEN>()
        .filter(|(_, rest)| rest.len() >= TAG_LEN)
        .ok_or(SealError::TooShort)?;
    let mut clear = rest.to_vec();
    let len = cipher(key, salt, context)
        .and_then(|cipher| {
            let opened = cipher.open_in_place(nonce(), Aad::empty(), &mut clear)?;
            Ok(opened.len())
        })
        .map_err(|_| SealError::WrongKey)?;
    clear.truncate(len);
    Ok(clear)
}

fn cipher(key: &Key, salt: &[u8], context: &[u8]) -> Result<LessSafeKey, Unspecified> {
    let mut derive = hmac::Context::with_key(&hmac::Key::new(HMAC_SHA256, key.bytes()));
    derive.update(context);
    derive.update(salt);
    let row = UnboundKey::new(&AES_256_GCM_SIV, derive.sign().as_ref())?;
    Ok(LessSafeKey::new(row))
}

fn nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}
