//! Key, base nonce and commitment of one sealing, and the cipher over its chunks.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA512, KeyType, Prk};
use zeroize::Zeroize;

use crate::{Key, SALT_LEN, TAG_LEN};

const LABEL: &[u8] = b"c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0";
const OKM_LEN: usize = 76;

struct OkmLen;

impl KeyType for OkmLen {
    fn len(&self) -> usize {
        OKM_LEN
    }
}

/// What one (key, salt, context) gives.
pub(crate) struct Derived {
    cipher: LessSafeKey,
    base_nonce: [u8; 12],
    commitment: [u8; 32],
}

impl Derived {
    pub(crate) fn new(key: &Key, salt: &[u8; SALT_LEN], context: &[u8]) -> Self {
        let mut okm = [0; OKM_LEN];
        let prk = Prk::new_less_safe(HKDF_SHA512, key.bytes());
        sure(
            prk.expand(&[LABEL, salt, context], OkmLen)
                .and_then(|expanded| expanded.fill(&mut okm)),
        );
        let cipher = LessSafeKey::new(sure(UnboundKey::new(&AES_256_GCM, &okm[..32])));
        let mut base_nonce = [0; 12];
        base_nonce.copy_from_slice(&okm[32..44]);
        let mut commitment = [0; 32];
        commitment.copy_from_slice(&okm[44..]);
        okm.zeroize();
        Self {
            cipher,
            base_nonce,
            commitment,
        }
    }

    pub(crate) fn commitment(&self) -> &[u8; 32] {
        &self.commitment
    }

    /// Compared in constant time.
    pub(crate) fn commits_to(&self, commitment: &[u8]) -> bool {
        verify_slices_are_equal(&self.commitment, commitment).is_ok()
    }

    fn nonce(&self, chunk: u64) -> Nonce {
        let mut nonce = self.base_nonce;
        for (byte, k) in nonce[4..].iter_mut().zip(chunk.to_be_bytes()) {
            *byte ^= k;
        }
        Nonce::assume_unique_for_key(nonce)
    }

    /// Seals one chunk where it lies.
    pub(crate) fn seal_chunk(&self, chunk: u64, clear: &mut [u8]) -> [u8; TAG_LEN] {
        let tag = sure(self.cipher.seal_in_place_separate_tag(
            self.nonce(chunk),
            Aad::empty(),
            clear,
        ));
        let mut bytes = [0; TAG_LEN];
        bytes.copy_from_slice(tag.as_ref());
        bytes
    }

    /// Opens one chunk into `clear`, which is as long as `sealed` less its tag. On `false`
    /// nothing in `clear` may be believed.
    pub(crate) fn open_chunk(&self, chunk: u64, sealed: &[u8], clear: &mut [u8]) -> bool {
        let Some((body, tag)) = sealed.split_last_chunk::<TAG_LEN>() else {
            return false;
        };
        self.cipher
            .open_separate_gather(self.nonce(chunk), Aad::empty(), body, tag, clear)
            .is_ok()
    }
}

/// Deriving and sealing fail only when the cipher library is broken or out of memory: every
/// length here is a constant or at most one chunk. Going on could hand out clear text as
/// sealed, so the thread ends.
fn sure<T>(result: Result<T, Unspecified>) -> T {
    result
        .unwrap_or_else(|_| unreachable!("the cipher library refused lengths that are always good"))
}
