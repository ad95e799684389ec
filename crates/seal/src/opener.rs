//! Opening, whole and by range.

use std::io;

use crate::derive::Derived;
use crate::{
    CHUNK_LEN, HEADER_LEN, Key, SALT_LEN, SEALED_CHUNK_LEN, SealError, TAG_LEN, clear_len,
};

/// Most chunks read from the source in one go (1 MiB of clear text).
const BATCH: u64 = 64;

/// Bytes of known length that can be read at any place: a file, a stored object, memory.
pub trait ReadAt {
    /// Fills `buf` from `offset`; an end before that is an error.
    ///
    /// # Errors
    /// What the source answers.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()>;

    /// The length, in bytes.
    fn size(&self) -> u64;
}

impl ReadAt for [u8] {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        let found = usize::try_from(offset)
            .ok()
            .and_then(|start| self.get(start..start.checked_add(buf.len())?))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        buf.copy_from_slice(found);
        Ok(())
    }

    fn size(&self) -> u64 {
        self.len() as u64
    }
}

impl ReadAt for Vec<u8> {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        self.as_slice().read_at(offset, buf)
    }

    fn size(&self) -> u64 {
        self.len() as u64
    }
}

impl<T: ReadAt + ?Sized> ReadAt for &T {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<()> {
        (**self).read_at(offset, buf)
    }

    fn size(&self) -> u64 {
        (**self).size()
    }
}

/// Opens sealed bytes that lie in memory.
///
/// # Errors
/// [`SealError::TooShort`], [`SealError::WrongKey`] or [`SealError::Damaged`].
pub fn open(key: &Key, context: &[u8], sealed: &[u8]) -> Result<Vec<u8>, SealError> {
    let len = clear_len(sealed.len() as u64)
        .and_then(|len| usize::try_from(len).ok())
        .ok_or(SealError::TooShort)?;
    let (header, chunks) = sealed.split_at(HEADER_LEN);
    let derived = commit(key, context, header)?;
    let mut clear = vec![0; len];
    let full = chunks.len() / SEALED_CHUNK_LEN;
    let (body, last) = chunks.split_at(full * SEALED_CHUNK_LEN);
    // The last chunk first: until it opens, the length is only a claim.
    if !derived.open_chunk(full as u64, last, &mut clear[full * CHUNK_LEN..]) {
        return Err(SealError::Damaged { chunk: full as u64 });
    }
    let pairs = body
        .chunks_exact(SEALED_CHUNK_LEN)
        .zip(clear.chunks_exact_mut(CHUNK_LEN));
    for (chunk, (from, to)) in (0..).zip(pairs) {
        if !derived.open_chunk(chunk, from, to) {
            return Err(SealError::Damaged { chunk });
        }
    }
    Ok(clear)
}

fn commit(key: &Key, context: &[u8], header: &[u8]) -> Result<Derived, SealError> {
    let (salt, commitment) = header
        .split_first_chunk::<SALT_LEN>()
        .ok_or(SealError::TooShort)?;
    let derived = Derived::new(key, salt, context);
    if derived.commits_to(commitment) {
        Ok(derived)
    } else {
        Err(SealError::WrongKey)
    }
}

/// Reads ranges of sealed bytes, opening only the chunks that hold them.
pub struct Opener<R: ReadAt> {
    derived: Derived,
    source: R,
    len: u64,
    /// The last chunk, opened: it proved the length.
    last: Vec<u8>,
}

impl<R: ReadAt> Opener<R> {
    /// Checks the commitment, then the last chunk.
    ///
    /// # Errors
    /// [`SealError::TooShort`], [`SealError::WrongKey`], [`SealError::Damaged`] of the last
    /// chunk, or [`SealError::Io`].
    pub fn new(key: &Key, context: &[u8], source: R) -> Result<Self, SealError> {
        let size = source.size();
        let len = clear_len(size).ok_or(SealError::TooShort)?;
        let chunk = len / CHUNK_LEN as u64;
        let last_at = HEADER_LEN as u64 + chunk * SEALED_CHUNK_LEN as u64;
        let mut header = [0; HEADER_LEN];
        let mut sealed_last = vec![0; (len % CHUNK_LEN as u64) as usize + TAG_LEN];
        if chunk == 0 {
            // One read: for a remote source each costs a round trip.
            let mut all = vec![0; size as usize];
            source.read_at(0, &mut all)?;
            header.copy_from_slice(&all[..HEADER_LEN]);
            sealed_last.copy_from_slice(&all[HEADER_LEN..]);
        } else {
            source.read_at(0, &mut header)?;
        }
        let derived = commit(key, context, &header)?;
        if chunk > 0 {
            source.read_at(last_at, &mut sealed_last)?;
        }
        let mut last = vec![0; sealed_last.len() - TAG_LEN];
        if !derived.open_chunk(chunk, &sealed_last, &mut last) {
            return Err(SealError::Damaged { chunk });
        }
        Ok(Self {
            derived,
            source,
            len,
            last,
        })
    }

    /// The clear length, in bytes: proved by the last chunk.
    pub fn clear_len(&self) -> u64 {
        self.len
    }

    /// Fills `buf` with the clear bytes from `offset`. On an error nothing in `buf` may be
    /// believed.
    ///
    /// # Errors
    /// [`SealError::Damaged`] names the chunk; [`SealError::OutOfRange`]; [`SealError::Io`].
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), SealError> {
        let out_of_range = |end| SealError::OutOfRange {
            offset,
            end,
            len: self.len,
        };
        let end = offset
            .checked_add(buf.len() as u64)
            .ok_or(out_of_range(u64::MAX))?;
        if end > self.len {
            return Err(out_of_range(end));
        }
        let full = self.len / CHUNK_LEN as u64;
        let tail_from = full * CHUNK_LEN as u64;
        let mut buf = buf;
        if end > tail_from {
            let from = offset.max(tail_from);
            let keep = (from - offset) as usize;
            let (front, tail) = buf.split_at_mut(keep);
            let at = (from - tail_from) as usize;
            tail.copy_from_slice(&self.last[at..at + tail.len()]);
            buf = front;
        }
        let mut offset = offset;
        while !buf.is_empty() {
            let first = offset / CHUNK_LEN as u64;
            let after = (offset + buf.len() as u64).div_ceil(CHUNK_LEN as u64);
            let count = (after - first).min(BATCH);
            let skip = (offset % CHUNK_LEN as u64) as usize;
            let now = buf.len().min(count as usize * CHUNK_LEN - skip);
            let (front, rest) = std::mem::take(&mut buf).split_at_mut(now);
            self.read_chunks(first, count as usize, skip, front)?;
            buf = rest;
            offset += now as u64;
        }
        Ok(())
    }

    /// Opens `count` full chunks from `first` and copies what lies from `skip` on into `out`.
    fn read_chunks(
        &self,
        first: u64,
        count: usize,
        skip: usize,
        out: &mut [u8],
    ) -> Result<(), SealError> {
        let mut sealed = vec![0; count * SEALED_CHUNK_LEN];
        self.source.read_at(
            HEADER_LEN as u64 + first * SEALED_CHUNK_LEN as u64,
            &mut sealed,
        )?;
        let mut clear = Vec::new();
        let mut out = out;
        let mut skip = skip;
        for (chunk, from) in (first..).zip(sealed.chunks_exact(SEALED_CHUNK_LEN)) {
            let now = out.len().min(CHUNK_LEN - skip);
            let (to, rest) = std::mem::take(&mut out).split_at_mut(now);
            out = rest;
            let opened = if now == CHUNK_LEN {
                self.derived.open_chunk(chunk, from, to)
            } else {
                clear.resize(CHUNK_LEN, 0);
                let opened = self.derived.open_chunk(chunk, from, &mut clear);
                if opened {
                    to.copy_from_slice(&clear[skip..skip + now]);
                }
                opened
            };
            if !opened {
                return Err(SealError::Damaged { chunk });
            }
            skip = 0;
        }
        Ok(())
    }
}
