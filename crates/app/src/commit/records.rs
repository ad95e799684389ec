//! How a group's leaves and sealed bodies lie in SQL between steps 2 and 3: as in a frame of the edge
//! (`docs/format/ledger.md`), u16 length ‖ entry, u32 length ‖ sealed body. What of it lies in bundles already is said
//! before: u16 zero (no entry is that short) ‖ u32 how many of the first events ‖ root of the tree with the group.

use comity_core::digest::Digest;
use comity_ledger::{Ahead, Record, Tree};

use crate::error::{AppError, Result};

/// A group that is numbered, on its way into the tree.
#[derive(Debug, PartialEq, Eq)]
pub struct Pending {
    /// Index of its first event.
    pub first: u64,
    /// Those of its events that lie in bundles already.
    pub ahead: Option<Ahead>,
    /// The events after these.
    pub records: Vec<Record>,
}

impl Pending {
    /// Of the group `records`, which begins at `first`.
    pub fn new(first: u64, ahead: Option<Ahead>, mut records: Vec<Record>) -> Pending {
        records.drain(..ahead.map_or(0, |ahead| ahead.events));
        Pending {
            first,
            ahead,
            records,
        }
    }

    /// Puts those of its events into the tree that the tree has not.
    pub fn give(&self, tree: &mut Tree) -> Result<()> {
        match &self.ahead {
            Some(ahead) => tree.take_up(self.first, ahead, &self.records)?,
            None => tree.append(self.first, &self.records)?,
        }
        Ok(())
    }

    pub fn encode(&self) -> Vec<u8> {
        let parts = self.records.iter();
        let len: usize = parts.map(|r| 6 + r.entry.len() + r.body.len()).sum();
        let mut out = Vec::with_capacity(38 + len);
        if let Some(ahead) = &self.ahead {
            out.extend_from_slice(&[0; 2]);
            out.extend_from_slice(&(ahead.events as u32).to_be_bytes());
            out.extend_from_slice(ahead.root.as_bytes());
        }
        for r in &self.records {
            out.extend_from_slice(&(r.entry.len() as u16).to_be_bytes());
            out.extend_from_slice(&r.entry);
            out.extend_from_slice(&(r.body.len() as u32).to_be_bytes());
            out.extend_from_slice(&r.body);
        }
        out
    }

    /// Reads what [`Pending::encode`] wrote.
    pub fn decode(first: u64, bytes: &[u8]) -> Result<Pending> {
        decode(first, bytes).ok_or_else(|| {
            AppError::damaged(
                "state",
                "events waiting in SQL are cut short; run `comity rebuild`",
            )
        })
    }
}

fn decode(first: u64, mut bytes: &[u8]) -> Option<Pending> {
    let mut ahead = None;
    if let Some(said) = bytes.strip_prefix(&[0; 2]) {
        let (events, rest) = said.split_first_chunk()?;
        let (root, rest) = rest.split_first_chunk()?;
        ahead = Some(Ahead {
            events: u32::from_be_bytes(*events) as usize,
            root: Digest(*root),
        });
        bytes = rest;
    }
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let (len, rest) = bytes.split_first_chunk()?;
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        let (len, rest) = rest.split_first_chunk()?;
        let (body, rest) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
        records.push(Record::new(entry.to_vec(), body.to_vec()));
        bytes = rest;
    }
    Some(Pending {
        first,
        ahead,
        records,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_group_comes_back_and_one_cut_short_is_refused() {
        let records = || -> Vec<Record> {
            let record = |n: u8| Record::new(vec![b'{', n], vec![n; usize::from(n)]);
            (0..4).map(record).collect()
        };
        let ahead = Ahead {
            events: 3,
            root: Digest([7; 32]),
        };
        for ahead in [None, Some(ahead)] {
            let pending = Pending::new(9, ahead, records());
            let bytes = pending.encode();
            assert_eq!(Pending::decode(9, &bytes).unwrap(), pending);
            let whole = |at: usize| Pending::decode(9, &bytes[..at]).is_ok_and(|p| p == pending);
            assert!((0..bytes.len()).all(|at| !whole(at)));
        }
    }
}
