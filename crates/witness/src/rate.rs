//! How many requests one address may make.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// How often one address may ask.
#[derive(Clone, Copy, Debug)]
pub struct Rate {
    /// Requests a second, on average; 0 for no limit.
    pub per_second: u32,
    /// So many at once.
    pub burst: u32,
}

/// More addresses than this are not remembered at once: those that have been quiet go first.
const MAX_ADDRESSES: usize = 10_000;

/// What each address has left. Time is an argument.
#[derive(Debug)]
pub struct Rates {
    rate: Rate,
    left: HashMap<IpAddr, (f64, Instant)>,
}

impl Rates {
    /// Nobody has asked yet.
    #[must_use]
    pub fn new(rate: Rate) -> Rates {
        Rates {
            rate,
            left: HashMap::new(),
        }
    }

    /// Counts a request of `address` at `now`; whether it may be answered.
    pub fn admit(&mut self, address: IpAddr, now: Instant) -> bool {
        let Rate { per_second, burst } = self.rate;
        if per_second == 0 {
            return true;
        }
        let burst = f64::from(burst.max(1));
        let refilled = |(left, since): (f64, Instant)| {
            let passed = now.saturating_duration_since(since).as_secs_f64();
            (left + passed * f64::from(per_second)).min(burst)
        };
        if self.left.len() >= MAX_ADDRESSES && !self.left.contains_key(&address) {
            self.left.retain(|_, entry| refilled(*entry) < burst);
            if self.left.len() >= MAX_ADDRESSES {
                return false;
            }
        }
        let entry = self.left.entry(address).or_insert((burst, now));
        let left = refilled(*entry);
        let admitted = left >= 1.0;
        *entry = (if admitted { left - 1.0 } else { left }, now);
        admitted
    }

    /// How long until an address that has nothing left may ask again.
    #[must_use]
    pub fn wait(&self) -> Duration {
        Duration::from_secs(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_is_held_back_and_another_is_not() {
        let mut rates = Rates::new(Rate {
            per_second: 2,
            burst: 3,
        });
        let (one, other) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let start = Instant::now();
        let admitted = (0..5).map(|_| rates.admit(one, start)).collect::<Vec<_>>();
        assert_eq!(admitted, [true, true, true, false, false]);
        assert!(rates.admit(other, start));
        let later = start + Duration::from_millis(600);
        assert!(rates.admit(one, later));
        assert!(!rates.admit(one, later));
    }
}
