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
    most_items: u64,
    most_bytes: u64,
}

/// What was unpacked of one item that was handed over, and by one reading.
pub struct Family {
    sum: Arc<Sum>,
    own_items: AtomicU64,
    own_bytes: AtomicU64,
}

impl Families {
    /// The family of an item.
    pub fn of(&self, session: &mut Session, job: &Job) -> Result<Family> {
        let root = (job.intake, job.item.ern.number());
        let mut met = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sum = match met.get(&root) {
            Some(sum) => Arc::clone(sum),
            None => {
                let row = session.query_one(
                    "SELECT count(*), CAST(sum(size) AS BIGINT), CAST(sum(CASE WHEN length(below) = 0 THEN size ELSE 0 END) AS BIGINT) FROM (SELECT size, below FROM items WHERE intake = ? AND number = ?) AS family",
                    &[root.0.into(), root.1.into()],
                );
                let sum = Arc::new(Sum::of(row?.as_ref())?);
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

impl Sum {
    fn of(row: Option<&crate::sql::Row>) -> Result<Sum> {
        let (items, all, own) = match row {
            Some(row) => (row.int(0)?, row.int(1)?, row.int(2)?),
            None => (1, 0, 0),
        };
        Ok(Sum {
            items: AtomicU64::new((items - 1).max(0) as u64),
            bytes: AtomicU64::new((all - own).max(0) as u64),
            most_items: (own as u64 / BYTES_AN_ITEM).clamp(FEW_ITEMS, ITEMS),
            most_bytes: (own as u64).saturating_mul(RATIO).clamp(SMALL, BYTES),
        })
    }
}

impl Family {
    /// One more item; which limit it passes.
    pub fn one_more(&self) -> Option<String> {
        self.own_items.fetch_add(1, Ordering::Relaxed);
        let items = self.sum.items.fetch_add(1, Ordering::Relaxed) + 1;
        let limit = self.sum.most_items;
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
        let limit = self.sum.most_bytes;
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
