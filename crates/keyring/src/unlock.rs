//! From a passphrase to the unlock key: argon2id (RFC 9106, version 0x13).

use argon2::{Algorithm, Argon2, Block, Params, Version};
use comity_seal::Key;
use zeroize::Zeroizing;

use crate::error::KeyringError;

/// What one try of a passphrase costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argon2Params {
    /// Memory in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub passes: u32,
    /// Lanes, computed side by side.
    pub lanes: u32,
}

impl Argon2Params {
    /// For a centre: the second choice of RFC 9106 section 4. Every start of a program pays it: some 0.12 s on two cores
    /// of a small server.
    pub const CENTRE: Argon2Params = Argon2Params {
        memory_kib: 65_536,
        passes: 3,
        lanes: 4,
    };
    /// For tests: no protection at all.
    pub const TEST: Argon2Params = Argon2Params {
        memory_kib: 8,
        passes: 1,
        lanes: 1,
    };

    /// Whether a reader takes these: at most 1 GiB, 64 passes and 64 lanes, so that a forged head
    /// cannot take a machine's memory; at least what RFC 9106 section 3.1 asks for.
    pub(crate) fn is_sane(&self) -> bool {
        (1..=64).contains(&self.lanes)
            && (1..=64).contains(&self.passes)
            && (8 * self.lanes..=1_048_576).contains(&self.memory_kib)
    }
}

/// The unlock key of a passphrase: its UTF-8 bytes as they are.
pub(crate) fn unlock_key(
    passphrase: &str,
    salt: &[u8; 16],
    params: Argon2Params,
) -> Result<Key, KeyringError> {
    const BAD: KeyringError = KeyringError::Refused {
        what: "the argon2id parameters are out of bounds: at least 8 KiB a lane, at most 1 GiB, 64 passes and 64 lanes",
    };
    if !params.is_sane() {
        return Err(BAD);
    }
    let inner =
        Params::new(params.memory_kib, params.passes, params.lanes, Some(32)).map_err(|_| BAD)?;
    let mut memory = Zeroizing::new(vec![Block::new(); inner.block_count()]);
    let mut key = Zeroizing::new([0; 32]);
    Argon2::new(Algorithm::Argon2id, Version::V0x13, inner)
        .hash_password_into_with_memory(passphrase.as_bytes(), salt, &mut key[..], &mut memory[..])
        .map_err(|_| BAD)?;
    Ok(Key::new(*key))
}
