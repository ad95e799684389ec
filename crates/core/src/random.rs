//! Randomness is an argument: the programs hand in the operating system's, tests a seeded one.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::digest::Sha256Hasher;

/// A source of random bytes.
pub trait Random: Send + Sync {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// Bytes that repeat for the same seed: SHA-256(`seed` ‖ counter u64), block after block.
///
/// For tests, demonstrations and frozen vectors only. Whoever knows the seed knows every key.
#[derive(Debug)]
pub struct TestRandom {
    seed: [u8; 32],
    next: AtomicU64,
}

impl TestRandom {
    /// A source that begins at block 0 of `seed`.
    #[must_use]
    pub fn new(seed: [u8; 32]) -> TestRandom {
        TestRandom {
            seed,
            next: AtomicU64::new(0),
        }
    }
}

impl Random for TestRandom {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let block = self.next.fetch_add(1, Ordering::Relaxed);
            let mut hasher = Sha256Hasher::new();
            hasher.update(&self.seed);
            hasher.update(&block.to_be_bytes());
            chunk.copy_from_slice(&hasher.finish().0[..chunk.len()]);
        }
    }
}
