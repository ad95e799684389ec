//! Wrapping a secret under its parent's key, and opening the wrap again.

use aws_lc_rs::hkdf::{HKDF_SHA512, KeyType, Prk};
use comity_seal::{Key, SealError};
use zeroize::Zeroizing;

use crate::error::KeyNumber;
use crate::secret::{DeskKey, Secret};
use crate::slot::{self, SlotInfo};

/// What wraps: the first half of the parent's secret or the root key, for a lock with the desk's key mixed in.
pub(crate) fn wrapping_key(parent: &[u8; 32], desk: Option<&DeskKey>) -> Key {
    let Some(desk) = desk else {
        return Key::new(*parent);
    };
    struct Len;
    impl KeyType for Len {
        fn len(&self) -> usize {
            32
        }
    }
    let mut both = Zeroizing::new([0; 64]);
    both[..32].copy_from_slice(parent);
    both[32..].copy_from_slice(desk.bytes());
    let mut key = Zeroizing::new([0; 32]);
    let filled = Prk::new_less_safe(HKDF_SHA512, &both[..])
        .expand(&[b"comity/lock/v1\n"], Len)
        .and_then(|okm| okm.fill(&mut key[..]));
    // A constant length is refused only by a broken cipher library; an all-zero key must never wrap.
    filled.unwrap_or_else(|_| unreachable!("the cipher library refused 32 bytes of HKDF"));
    Key::new(*key)
}

/// The slot of a new key.
pub(crate) fn seal(
    id: &[u8; 16],
    number: KeyNumber,
    info: &SlotInfo,
    secret: &Secret,
    key: &Key,
    salt: [u8; 24],
    out: &mut slot::Bytes,
) {
    let wrap = comity_seal::seal(key, salt, &info.context(number), &secret.to_bytes()[..]);
    info.encode(id, number, &wrap, out);
}

/// Opens the wrap of a live slot.
pub(crate) fn open(
    number: KeyNumber,
    info: &SlotInfo,
    key: &Key,
    bytes: &slot::Bytes,
) -> Result<Secret, SealError> {
    let clear = Zeroizing::new(comity_seal::open(
        key,
        &info.context(number),
        slot::wrap(bytes),
    )?);
    let both: &[u8; 64] = clear
        .as_slice()
        .try_into()
        .map_err(|_| SealError::TooShort)?;
    Ok(Secret::from_bytes(both))
}
