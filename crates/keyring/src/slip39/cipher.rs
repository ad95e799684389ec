//! The wide-block cipher between the secret and what is shared (SLIP-39, *Encryption of the master secret*). Shares
//! of a keyring have the empty passphrase: what they share is random, and the words alone protect it.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2;
use zeroize::Zeroizing;

/// Of PBKDF2 in one round; the exponent doubles it so many times.
const ITERATIONS: u32 = 2500;

/// Parameters that the words carry.
#[derive(Clone, Copy)]
pub(super) struct Tweak {
    pub identifier: u16,
    pub extendable: bool,
    pub exponent: u8,
}

pub(super) fn encrypt(secret: &[u8], tweak: Tweak, passphrase: &[u8]) -> Zeroizing<Vec<u8>> {
    rounds(secret, tweak, passphrase, [0, 1, 2, 3])
}

pub(super) fn decrypt(sealed: &[u8], tweak: Tweak, passphrase: &[u8]) -> Zeroizing<Vec<u8>> {
    rounds(sealed, tweak, passphrase, [3, 2, 1, 0])
}

fn rounds(secret: &[u8], tweak: Tweak, passphrase: &[u8], order: [u8; 4]) -> Zeroizing<Vec<u8>> {
    let half = secret.len() / 2;
    let mut left = Zeroizing::new(secret[..half].to_vec());
    let mut right = Zeroizing::new(secret[half..].to_vec());
    for round in order {
        let mut salt = Zeroizing::new(Vec::new());
        if !tweak.extendable {
            salt.extend_from_slice(b"shamir");
            salt.extend_from_slice(&tweak.identifier.to_be_bytes());
        }
        salt.extend_from_slice(&right);
        let iterations = NonZeroU32::MIN.saturating_add((ITERATIONS << tweak.exponent) - 1);
        let mut stream = Zeroizing::new(vec![0; right.len()]);
        let password = Zeroizing::new([&[round][..], passphrase].concat());
        let algorithm = pbkdf2::PBKDF2_HMAC_SHA256;
        pbkdf2::derive(algorithm, iterations, &salt, &password, &mut stream);
        for (byte, mask) in left.iter_mut().zip(stream.iter()) {
            *byte ^= mask;
        }
        std::mem::swap(&mut left, &mut right);
    }
    Zeroizing::new([&right[..], &left[..]].concat())
}
