//! Events as they go into the ledger and come out of it.

use std::ops::Range;

use comity_core::digest::Digest;
use comity_core::leaf::leaf_hash;

/// An event to be appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The leaf's canonical bytes, at most 65,535.
    pub entry: Vec<u8>,
    /// The sealed body, at most [`MAX_BODY`](crate::MAX_BODY) bytes.
    pub body: Vec<u8>,
    /// The leaf hash of `entry`.
    pub hash: Digest,
}

impl Record {
    /// An event whose leaf hash is computed here.
    #[must_use]
    pub fn new(entry: Vec<u8>, body: Vec<u8>) -> Record {
        let hash = leaf_hash(&entry);
        Record { entry, body, hash }
    }

    pub(crate) fn at(&self, index: u64) -> StoredRef<'_> {
        StoredRef {
            index,
            hash: self.hash,
            entry: &self.entry,
            body: &self.body,
        }
    }
}

/// An event read back. Its leaf hash was computed from `entry` and equals the one in the tree's tile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The index of its leaf.
    pub index: u64,
    /// The leaf hash.
    pub hash: Digest,
    /// The leaf's canonical bytes.
    pub entry: Vec<u8>,
    /// The sealed body.
    pub body: Vec<u8>,
}

impl Stored {
    /// The same, borrowed.
    #[must_use]
    pub fn as_ref(&self) -> StoredRef<'_> {
        StoredRef {
            index: self.index,
            hash: self.hash,
            entry: &self.entry,
            body: &self.body,
        }
    }
}

/// As [`Stored`], borrowed from its [`Batch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredRef<'a> {
    /// The index of its leaf.
    pub index: u64,
    /// The leaf hash.
    pub hash: Digest,
    /// The leaf's canonical bytes.
    pub entry: &'a [u8],
    /// The sealed body.
    pub body: &'a [u8],
}

/// Consecutive events of one bundle, at most 256.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub(crate) first: u64,
    /// `u16 length ‖ entry`, repeated: an entry bundle.
    pub(crate) entries: Vec<u8>,
    pub(crate) bodies: Vec<u8>,
    pub(crate) entry_spans: Vec<Range<usize>>,
    pub(crate) body_spans: Vec<Range<usize>>,
    pub(crate) hashes: Vec<Digest>,
}

impl Batch {
    /// The index of the first event.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.first
    }

    /// How many events there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// The events in order.
    pub fn iter(&self) -> impl Iterator<Item = StoredRef<'_>> {
        self.hashes
            .iter()
            .zip(&self.entry_spans)
            .zip(&self.body_spans)
            .zip(self.first..)
            .map(|(((hash, entry), body), index)| StoredRef {
                index,
                hash: *hash,
                entry: &self.entries[entry.clone()],
                body: &self.bodies[body.clone()],
            })
    }

    pub(crate) fn entry(&self, at: usize) -> Option<&[u8]> {
        self.entries.get(self.entry_spans.get(at)?.clone())
    }

    pub(crate) fn body(&self, at: usize) -> Option<&[u8]> {
        self.bodies.get(self.body_spans.get(at)?.clone())
    }

    /// Adds an event; the caller has checked the lengths.
    pub(crate) fn push(&mut self, hash: Digest, entry: &[u8], body: &[u8]) {
        let len = u16::try_from(entry.len()).unwrap_or(u16::MAX);
        self.entries.extend_from_slice(&len.to_be_bytes());
        self.entry_spans
            .push(self.entries.len()..self.entries.len() + entry.len());
        self.entries.extend_from_slice(entry);
        self.body_spans
            .push(self.bodies.len()..self.bodies.len() + body.len());
        self.bodies.extend_from_slice(body);
        self.hashes.push(hash);
    }
}
