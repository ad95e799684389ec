//! Keyed tags: equal things get equal tags, and nobody without the key can test a guess.

use aws_lc_rs::hmac::{Context, HMAC_SHA256, Key};

/// The first 16 bytes of HMAC-SHA-256 over the parts, each preceded by its length (u64,
/// big-endian), so that `["ab", "c"]` and `["a", "bc"]` differ.
pub fn tag(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 16] {
    let mut context = Context::with_key(&Key::new(HMAC_SHA256, key));
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut out = [0; 16];
    out.copy_from_slice(&context.sign().as_ref()[..16]);
    out
}
