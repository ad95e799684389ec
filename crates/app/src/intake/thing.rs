//! Something that an intake meets: in a folder, or in a bag.

use super::bag::{Bag, BagFile};
use super::walk::{Entry, Kind};

/// What was met, wherever it lies.
pub enum Thing<'a> {
    /// By a walk over files and folders.
    Walked(Entry),
    /// In a BagIt bag.
    Bagged {
        /// The bag.
        bag: &'a Bag,
        /// The file.
        file: BagFile<'a>,
        /// Its path: the name of the bag, then the path in it.
        path: Vec<u8>,
    },
}

impl Thing<'_> {
    /// Its path, as bytes.
    pub fn path(&self) -> &[u8] {
        match self {
            Thing::Walked(entry) => &entry.path,
            Thing::Bagged { path, .. } => path,
        }
    }

    /// Which of the given paths it lies under, from 0.
    pub fn root(&self) -> usize {
        match self {
            Thing::Walked(entry) => entry.root,
            Thing::Bagged { .. } => 0,
        }
    }

    /// Size and time of modification (nanoseconds since 1970) of a regular file, as far as they are known.
    pub fn size_and_time(&self) -> Option<(u64, Option<i64>)> {
        match self {
            Thing::Walked(entry) if matches!(entry.kind, Kind::File) => {
                let stat = entry.stat().ok()?;
                let seconds = stat.modified.seconds.checked_mul(1_000_000_000);
                Some((
                    stat.size_bytes,
                    seconds.and_then(|s| s.checked_add(i64::from(stat.modified.nanoseconds))),
                ))
            }
            Thing::Walked(_) => None,
            Thing::Bagged { file, bag, .. } => {
                let record = bag.record(file).ok()?;
                let time = record
                    .get("mtime")
                    .and_then(|t| t.as_str())
                    .and_then(crate::project::modified_nanos);
                Some((file.size_bytes(), time))
            }
        }
    }
}
