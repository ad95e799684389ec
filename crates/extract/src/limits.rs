//! How much the reading of one item may take and give.

use std::time::Duration;

/// Limits for one item. What goes beyond ends in a named state.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Address space of a worker, in bytes.
    pub memory_bytes: u64,
    /// Processor time of a worker process, in seconds.
    pub cpu_secs: u64,
    /// Time by the clock for one item, and a second more for each MiB of it.
    pub time: Duration,
    /// Text and fields of one item, in bytes.
    pub text_bytes: u64,
    /// Bytes of all children of one item.
    pub children_bytes: u64,
    /// Number of children of one item.
    pub children: u32,
    /// Bytes of all pictures that are drawn of one item, to be kept or not.
    pub picture_bytes: u64,
    /// However large `children_bytes` is, no item unpacks to more than this many times its own size, or to
    /// [`Limits::SMALL`] bytes.
    pub ratio: u64,
    /// How many containers may lie within each other: as many as numbers of items can name. Held by who makes items of
    /// children.
    pub depth: u32,
    /// How often a process is used before another takes its place.
    pub items_per_process: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            memory_bytes: 1 << 30,
            cpu_secs: 3600,
            time: Duration::from_secs(120),
            text_bytes: 256 << 20,
            children_bytes: 64 << 30,
            children: 2_000_000,
            picture_bytes: 32 << 30,
            ratio: 250,
            depth: 12,
            items_per_process: 500,
        }
    }
}

impl Limits {
    /// What any file may unpack to, in bytes.
    pub const SMALL: u64 = 1 << 30;
    /// The most bytes of one picture.
    pub const PICTURE: u64 = 64 << 20;

    /// Time by the clock for an item of this many bytes.
    pub(crate) fn time_for(&self, size: u64) -> Duration {
        self.time.saturating_add(Duration::from_secs(size >> 20))
    }

    /// The most bytes of children for an item of this many bytes.
    pub(crate) fn children_bytes_for(&self, size: u64) -> u64 {
        self.children_bytes
            .min(size.saturating_mul(self.ratio).max(Limits::SMALL))
    }
}
