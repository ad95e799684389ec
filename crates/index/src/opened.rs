//! Clear bytes of a folder's files that stay open in memory: what was asked for last, and never more than so many.

use lru::LruCache;
use tantivy::directory::OwnedBytes;

/// Bytes that stay open: 64 MiB.
const MOST: usize = 64 << 20;

/// A range of a file: the file's number, the first byte, and the one behind the last.
pub(crate) type Place = (u64, usize, usize);

/// The ranges that are open.
pub(crate) struct Opened {
    ranges: LruCache<Place, OwnedBytes>,
    bytes: usize,
}

impl Opened {
    pub fn new() -> Opened {
        Opened {
            ranges: LruCache::unbounded(),
            bytes: 0,
        }
    }

    pub fn get(&mut self, place: &Place) -> Option<OwnedBytes> {
        self.ranges.get(place).cloned()
    }

    /// Keeps a range, and lets those go that were not asked for the longest.
    pub fn put(&mut self, place: Place, range: OwnedBytes) {
        self.bytes += range.len();
        if let Some(before) = self.ranges.put(place, range) {
            self.bytes -= before.len();
        }
        while self.bytes > MOST
            && let Some((_, range)) = self.ranges.pop_lru()
        {
            self.bytes -= range.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_stays_open_than_is_said() {
        let mut opened = Opened::new();
        let mib = || OwnedBytes::new(vec![0; 1 << 20]);
        for number in 0..200 {
            opened.put((number, 0, 1 << 20), mib());
            assert!(
                opened.get(&(0, 0, 1 << 20)).is_some(),
                "asked for each time"
            );
        }
        assert_eq!(opened.bytes, MOST);
        assert_eq!(opened.ranges.len(), 64);
        assert!(opened.get(&(1, 0, 1 << 20)).is_none());
        assert!(opened.get(&(199, 0, 1 << 20)).is_some());
        // The same range again takes no more.
        opened.put((199, 0, 1 << 20), mib());
        assert_eq!(opened.bytes, MOST);
    }
}
