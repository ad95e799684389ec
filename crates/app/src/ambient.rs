//! What a centre takes from the world around it, as arguments: disk, clock, randomness.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use comity_core::random::Random;
use comity_store::Disk;

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

/// The random generator of the cryptographic library, seeded by the operating system.
#[derive(Debug, Default)]
pub struct SystemRandom;

impl Random for SystemRandom {
    fn fill(&self, bytes: &mut [u8]) {
        // The generator fails only where the operating system has no entropy source at all;
        // going on with predictable keys would be worse than ending here.
        if aws_lc_rs::rand::fill(bytes).is_err() {
            std::process::abort();
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
    fn a_time_is_written_with_six_decimals_and_read_back() {
        let micros = 1_795_516_867_120_006;
        assert_eq!(time_text(micros), "2026-11-24T10:41:07.120006Z");
        assert_eq!(time_micros(&time_text(micros)), Some(micros));
    }
}
