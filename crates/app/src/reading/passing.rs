//! MD5 and SHA-1 of an item, for lists of files that know nothing else: of the bytes that pass while it is read.

use std::io;
use std::sync::{Mutex, PoisonError};

use comity_core::digest::hex;
use comity_extract::Source;
use md5::{Digest, Md5};

use super::segments::Joined;
use super::taking::Finding;

/// Bytes that a reader did not ask for are read for their digests where there are at most so many.
const MOST: u64 = 256 << 20;
/// Bytes that are read at a time for that.
const PIECE: usize = 1 << 20;

/// An item's bytes, hashed as a reader asks for them.
pub struct Passing<'a> {
    source: &'a Joined<'a>,
    hashed: Mutex<Hashed>,
}

/// The digests of the bytes before `at`.
struct Hashed {
    at: u64,
    md5: Md5,
    sha1: aws_lc_rs::digest::Context,
}

impl Hashed {
    /// Takes those bytes of a range that come next; what was hashed already, or comes later, is passed over.
    fn meet(&mut self, offset: u64, bytes: &[u8]) {
        let known = self.at.checked_sub(offset);
        if let Some(new) = known.and_then(|known| bytes.get(usize::try_from(known).ok()?..)) {
            self.md5.update(new);
            self.sha1.update(new);
            self.at += new.len() as u64;
        }
    }
}

impl<'a> Passing<'a> {
    /// Nothing has passed yet.
    pub fn new(source: &'a Joined<'a>) -> Passing<'a> {
        let sha1 = &aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;
        Passing {
            source,
            hashed: Mutex::new(Hashed {
                at: 0,
                md5: Md5::new(),
                sha1: aws_lc_rs::digest::Context::new(sha1),
            }),
        }
    }

    /// Says the digests in what was found, once all bytes have passed. Of an item of which more than 256 MiB were not
    /// asked for there are none.
    pub fn finish(self, finding: &mut Finding) -> io::Result<()> {
        let mut hashed = self
            .hashed
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner);
        let size = self.source.own_size();
        if size - hashed.at > MOST {
            return Ok(());
        }
        while hashed.at < size {
            let now = (size - hashed.at).min(PIECE as u64);
            let (at, mut bytes) = (hashed.at, vec![0; now as usize]);
            self.source.read_exact_at(&mut bytes, at)?;
            hashed.meet(at, &bytes);
        }
        let md5: [u8; 16] = hashed.md5.finalize().into();
        finding.more.push(("item_md5", hex(&md5).into()));
        let sha1 = hashed.sha1.finish();
        finding.more.push(("item_sha1", hex(sha1.as_ref()).into()));
        Ok(())
    }
}

impl Source for Passing<'_> {
    fn size(&self) -> io::Result<u64> {
        self.source.size()
    }

    fn more(&self) -> &[u64] {
        self.source.more()
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.source.read_exact_at(buffer, offset)?;
        let mut hashed = self.hashed.lock().unwrap_or_else(PoisonError::into_inner);
        // What follows in its image are no bytes of the item.
        let own = self.source.own_size().saturating_sub(offset);
        let own = usize::try_from(own).map_or(buffer.len(), |own| own.min(buffer.len()));
        hashed.meet(offset, &buffer[..own]);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_count_once_in_whatever_order_they_are_asked_for() {
        let bytes: Vec<u8> = (0..=255).cycle().take(5000).collect();
        for ranges in [
            vec![0..2500, 2500..5000],
            vec![0..10, 4000..5000, 0..3000, 2000..5000],
            vec![4999..5000, 0..1, 1..5000],
        ] {
            let mut hashed = Hashed {
                at: 0,
                md5: Md5::new(),
                sha1: aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY),
            };
            for range in ranges {
                hashed.meet(range.start as u64, &bytes[range]);
            }
            assert_eq!(hashed.at, 5000);
            assert_eq!(hashed.md5.finalize(), Md5::digest(&bytes));
        }
    }
}
