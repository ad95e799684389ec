//! How much one item that was handed over may unpack to, all that lies inside of it together: a bomb that doubles at
//! each depth keeps to every limit of a single container.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use comity_extract::Limits;

use super::job::Job;
use crate::error::Result;
use crate::sql::Session;

/// Items that may be inside of any that was handed over,
const FEW_ITEMS: u64 = 10_000;
/// inside of a larger one, one for so many of its bytes,
const BYTES_AN_ITEM: u64 = 16;
/// and that none goes beyond.
const ITEMS: u64 = 5_000_000;
/// Bytes that any item may unpack to,
const SMALL: u64 = Limits::SMALL;
/// that a larger one may unpack to for each of its own,
const RATIO: u64 = 250;
/// and that none goes beyond.
const BYTES: u64 = 256 << 30;

/// Intake and number of an item that was handed over.
type Root = (i64, u32);

/// What was unpacked of the items that this process has met. Others add to it as well: each process holds its own
/// part to the limit.
#[derive(Default)]
pub struct Families(Mutex<HashMap<Root, Arc<Sum>>>);

struct Sum {
    items: AtomicU64,
    bytes: AtomicU64,
    most_items: AtomicU64,
    most_bytes: AtomicU64,
}

/// What was unpacked of one item that was handed over, and by one reading.
pub struct Family {
    sum: Arc<Sum>,
    own_items: AtomicU64,
    own_bytes: AtomicU64,
}

impl Families {
    /// The family of an item, which is about to be read with so many bytes of other files of its image.
    pub fn of(&self, session: &mut Session, job: &Job, with: u64) -> Result<Family> {
        let root = (job.intake, job.item.ern.number());
        let mut met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = match met.get(&root) {
            Some(sum) => {
                // Files of an image that came since make more of it.
                let size = job.item.size.saturating_add(with);
                if with > 0 {
                    sum.most_items
                        .fetch_max(most_items(size), Ordering::Relaxed);
                    sum.most_bytes
                        .fetch_max(most_bytes(size), Ordering::Relaxed);
                }
                Arc::clone(sum)
            }
            None => {
                let row = session.query_one(
                    "SELECT count(*), CAST(sum(size) AS BIGINT), CAST(sum(CASE WHEN length(below) = 0 THEN size ELSE 0 END) AS BIGINT) FROM (SELECT size, below FROM items WHERE intake = ? AND number = ?) AS family",
                    &[root.0.into(), root.1.into()],
                );
                // What was read from all files of an image may be as much as if they were one.
                let files = session.query_one(
                    "SELECT CAST(coalesce(sum(o.size), 0) AS BIGINT) FROM items f JOIN segments s ON s.first = f.no JOIN items o ON o.no = s.item WHERE f.intake = ? AND f.number = ? AND length(f.below) = 0",
                    &[root.0.into(), root.1.into()],
                )?;
                let files = files.map(|row| row.int(0)).transpose()?.unwrap_or(0);
                let sum = Arc::new(Sum::of(row?.as_ref(), with.max(files as u64))?);
                met.insert(root, Arc::clone(&sum));
                sum
            }
        };
        Ok(Family {
            sum,
            own_items: AtomicU64::new(0),
            own_bytes: AtomicU64::new(0),
        })
    }
}

/// What so many bytes that were handed over may have inside of them, in items
fn most_items(size: u64) -> u64 {
    (size / BYTES_AN_ITEM).clamp(FEW_ITEMS, ITEMS)
}

/// and in bytes.
fn most_bytes(size: u64) -> u64 {
    size.saturating_mul(RATIO).clamp(SMALL, BYTES)
}

impl Sum {
    fn of(row: Option<&crate::sql::Row>, with: u64) -> Result<Sum> {
        let (items, all, own): (i64, i64, i64) = match row {
            Some(row) => (row.int(0)?, row.int(1)?, row.int(2)?),
            None => (1, 0, 0),
        };
        Ok(Sum {
            items: AtomicU64::new((items - 1).max(0) as u64),
            bytes: AtomicU64::new((all - own).max(0) as u64),
            most_items: AtomicU64::new(most_items(own as u64 + with)),
            most_bytes: AtomicU64::new(most_bytes(own as u64 + with)),
        })
    }
}

impl Family {
    /// One more item; which limit it passes.
    pub fn one_more(&self) -> Option<String> {
        self.own_items.fetch_add(1, Ordering::Relaxed);
        let items = self.sum.items.fetch_add(1, Ordering::Relaxed) + 1;
        let limit = self.sum.most_items.load(Ordering::Relaxed);
        (items > limit).then(|| {
            format!(
                "all that is inside of the item that was handed over is more than {limit} items"
            )
        })
    }

    /// So many bytes more; which limit they pass.
    pub fn more_bytes(&self, count: u64) -> Option<String> {
        self.own_bytes.fetch_add(count, Ordering::Relaxed);
        let bytes = self.sum.bytes.fetch_add(count, Ordering::Relaxed) + count;
        let limit = self.sum.most_bytes.load(Ordering::Relaxed);
        (bytes > limit).then(|| {
            format!(
                "all that is inside of the item that was handed over is more than {limit} bytes"
            )
        })
    }

    /// A second attempt: what the first one took counts no more.
    pub fn begin_anew(&self) {
        let items = self.own_items.swap(0, Ordering::Relaxed);
        let bytes = self.own_bytes.swap(0, Ordering::Relaxed);
        self.sum.items.fetch_sub(items, Ordering::Relaxed);
        self.sum.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }
}
