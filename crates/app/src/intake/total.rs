//! How much there is in all, counted beside the intake so that it can say how much is left.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::walk::{Kind, Walk};

/// Files and bytes in all, as far as they are known.
pub struct Total {
    counts: Arc<Counts>,
    stop: Arc<AtomicBool>,
}

#[derive(Default)]
struct Counts {
    files: AtomicU64,
    bytes: AtomicU64,
    done: AtomicBool,
}

impl Total {
    /// Nobody counts.
    pub fn unknown() -> Total {
        Total {
            counts: Arc::default(),
            stop: Arc::default(),
        }
    }

    /// Known from the start.
    pub fn known(files: u64, bytes: u64) -> Total {
        let counts = Counts {
            files: files.into(),
            bytes: bytes.into(),
            done: true.into(),
        };
        Total {
            counts: Arc::new(counts),
            stop: Arc::default(),
        }
    }

    /// Counted by a thread of its own, which ends with the walk or when this is dropped.
    pub fn counting(walk: Walk) -> Total {
        let total = Total::unknown();
        let (counts, stop) = (Arc::clone(&total.counts), Arc::clone(&total.stop));
        std::thread::spawn(move || {
            for entry in walk {
                let Ok(entry) = entry else { return };
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                counts.files.fetch_add(1, Ordering::Relaxed);
                if let (Kind::File, Ok(stat)) = (&entry.kind, entry.stat()) {
                    counts.bytes.fetch_add(stat.size_bytes, Ordering::Relaxed);
                }
            }
            counts.done.store(true, Ordering::Release);
        });
        total
    }

    /// Files and bytes, once all have been counted.
    pub fn get(&self) -> Option<(u64, u64)> {
        let counts = &self.counts;
        counts.done.load(Ordering::Acquire).then(|| {
            (
                counts.files.load(Ordering::Relaxed),
                counts.bytes.load(Ordering::Relaxed),
            )
        })
    }
}

impl Drop for Total {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}
