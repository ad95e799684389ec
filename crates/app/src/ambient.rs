//! What a centre takes from the world around it, as arguments: disk, clock, randomness.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use comity_core::random::Random;
use comity_store::Disk;
use zeroize::Zeroize;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Microseconds since 1970-01-01T00:00:00Z, without leap seconds.
    fn now_micros(&self) -> i64;
}

/// The clock of the machine.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now_micros(&self) -> i64 {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(d) => i64::try_from(d.as_micros()).unwrap_or(i64::MAX),
            Err(e) => -i64::try_from(e.duration().as_micros()).unwrap_or(i64::MAX),
        }
    }
}

/// The random generator of the operating system. The one of the cryptographic library measures its own entropy first,
/// which takes every run of a program 45 ms.
///
/// Each call into it costs as much as some hundred bytes of it do, and an event asks for a few bytes many times: so
/// every thread has some of them made ahead. What was handed out is wiped from there.
#[derive(Debug, Default)]
pub struct SystemRandom;

thread_local! {
    static AHEAD: RefCell<Ahead> = const { RefCell::new(Ahead { bytes: [0; 1024], used: 1024 }) };
}

/// Random bytes made ahead, of which so many were used.
struct Ahead {
    bytes: [u8; 1024],
    used: usize,
}

impl Ahead {
    /// Hands out so many; `None` if they are more than are ever made ahead.
    fn take(&mut self, wanted: &mut [u8]) -> Option<()> {
        if wanted.len() > self.bytes.len() - self.used {
            self.used = 0;
            generate(&mut self.bytes);
        }
        let given = self.bytes[self.used..].get_mut(..wanted.len())?;
        wanted.copy_from_slice(given);
        given.zeroize();
        self.used += wanted.len();
        Some(())
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

/// Random bytes from the generator itself. It fails only where the operating system has no entropy source at all; going
/// on with predictable keys would be worse than ending here.
fn generate(bytes: &mut [u8]) {
    if getrandom::fill(bytes).is_err() {
        std::process::abort();
    }
}

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // A thread that is ending has none ahead any more.
        let ahead = AHEAD.try_with(|ahead| ahead.try_borrow_mut().ok()?.take(bytes));
        if !matches!(ahead, Ok(Some(()))) {
            generate(bytes);
        }
    }
}

/// Disk, clock and randomness of one centre.
#[derive(Clone)]
pub struct Ambient {
    /// Where bytes become durable.
    pub disk: Disk,
    /// Tells the time of events.
    pub clock: Arc<dyn Clock>,
    /// Makes keys, seeds and ids.
    pub random: Arc<dyn Random>,
}

impl Ambient {
    /// The real world.
    pub fn system() -> Ambient {
        Ambient {
            disk: Disk::real(),
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
        }
    }

    /// Fresh random bytes.
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes);
        bytes
    }
}

/// A time of an event as it is written: RFC 3339, UTC, six decimals.
pub fn time_text(micros: i64) -> String {
    match jiff::Timestamp::from_microsecond(micros) {
        Ok(t) => t.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string(),
        Err(_) => format!("{micros} microseconds since 1970"),
    }
}

/// Microseconds since 1970 of a time written by [`time_text`].
pub fn time_micros(text: &str) -> Option<i64> {
    text.parse::<jiff::Timestamp>()
        .ok()
        .map(|t| t.as_microsecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_bytes_are_handed_out_once_whatever_their_length() {
        let random = SystemRandom;
        let mut seen = std::collections::HashSet::new();
        for len in [16, 24, 32, 40, 1000, 1024, 1025, 5000].repeat(200) {
            let mut bytes = vec![0; len];
            random.fill(&mut bytes);
            assert!(
                bytes
                    .windows(16)
                    .step_by(16)
                    .all(|w| seen.insert(w.to_vec()))
            );
        }
        AHEAD.with_borrow(|ahead| assert!(ahead.bytes[..ahead.used].iter().all(|b| *b == 0)));
    }

    #[test]
    fn a_time_is_written_with_six_decimals_and_read_back() {
        let micros = 1_795_516_867_120_006;
        assert_eq!(time_text(micros), "2026-11-24T10:41:07.120006Z");
        assert_eq!(time_micros(&time_text(micros)), Some(micros));
    }
}
