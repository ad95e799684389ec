//! Sealing, whole and streaming.

use std::io::{self, Write};

use crate::derive::Derived;
use crate::{CHUNK_LEN, HEADER_LEN, Key, SALT_LEN, TAG_LEN, sealed_len};

/// Chunks sealed before they are handed on together, so that a file sees few writes.
const BATCH: usize = 8;

/// Seals `clear`. The salt must be random and used once under `key`.
pub fn seal(key: &Key, salt: [u8; SALT_LEN], context: &[u8], clear: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    seal_into(key, salt, context, clear, &mut out);
    out
}

/// Seals `clear` onto the end of `out`: one copy, then ciphered where it lies.
pub fn seal_into(key: &Key, salt: [u8; SALT_LEN], context: &[u8], clear: &[u8], out: &mut Vec<u8>) {
    seal_parts_into(key, salt, context, &[clear], out);
}

/// As [`seal_into`], for clear text that lies in several places; the parts are sealed as one.
pub fn seal_parts_into(
    key: &Key,
    salt: [u8; SALT_LEN],
    context: &[u8],
    parts: &[&[u8]],
    out: &mut Vec<u8>,
) {
    let derived = Derived::new(key, &salt, context);
    let total: usize = parts.iter().map(|part| part.len()).sum();
    out.reserve_exact(usize::try_from(sealed_len(total as u64)).unwrap_or(0));
    out.extend_from_slice(&salt);
    out.extend_from_slice(derived.commitment());
    let mut start = out.len();
    let mut chunk = 0;
    for part in parts {
        let mut rest = *part;
        while !rest.is_empty() {
            let room = CHUNK_LEN - (out.len() - start);
            let (now, later) = rest.split_at(room.min(rest.len()));
            out.extend_from_slice(now);
            rest = later;
            if now.len() == room {
                let tag = derived.seal_chunk(chunk, &mut out[start..]);
                out.extend_from_slice(&tag);
                start = out.len();
                chunk += 1;
            }
        }
    }
    let tag = derived.seal_chunk(chunk, &mut out[start..]);
    out.extend_from_slice(&tag);
}

/// Seals a stream with bounded memory (128 KiB). [`Sealer::finish`] writes the last chunk;
/// what was dropped unfinished does not open.
pub struct Sealer<W: Write> {
    derived: Derived,
    out: W,
    /// Sealed bytes that wait, then the clear bytes of the chunk that is filling.
    buffer: Vec<u8>,
    /// Where the filling chunk begins in `buffer`.
    start: usize,
    chunk: u64,
    clear_len: u64,
}

impl<W: Write> Sealer<W> {
    /// Begins a sealing into `out`. The salt must be random and used once under `key`.
    pub fn new(key: &Key, salt: [u8; SALT_LEN], context: &[u8], out: W) -> Self {
        let derived = Derived::new(key, &salt, context);
        let mut buffer = Vec::with_capacity(HEADER_LEN + (BATCH + 1) * (CHUNK_LEN + TAG_LEN));
        buffer.extend_from_slice(&salt);
        buffer.extend_from_slice(derived.commitment());
        let start = buffer.len();
        Self {
            derived,
            out,
            buffer,
            start,
            chunk: 0,
            clear_len: 0,
        }
    }

    /// Clear bytes taken so far.
    pub fn clear_len(&self) -> u64 {
        self.clear_len
    }

    /// Writes the last chunk and gives the sink back, unflushed.
    ///
    /// # Errors
    /// What the sink answers.
    pub fn finish(mut self) -> io::Result<W> {
        self.close_chunk();
        self.out.write_all(&self.buffer)?;
        Ok(self.out)
    }

    fn close_chunk(&mut self) {
        let tag = self
            .derived
            .seal_chunk(self.chunk, &mut self.buffer[self.start..]);
        self.buffer.extend_from_slice(&tag);
        self.start = self.buffer.len();
        self.chunk += 1;
    }
}

impl<W: Write> Write for Sealer<W> {
    /// Takes all of `clear`. After an error of the sink the sealing cannot go on.
    fn write(&mut self, clear: &[u8]) -> io::Result<usize> {
        let mut rest = clear;
        while !rest.is_empty() {
            let room = CHUNK_LEN - (self.buffer.len() - self.start);
            let (now, later) = rest.split_at(room.min(rest.len()));
            self.buffer.extend_from_slice(now);
            self.clear_len += now.len() as u64;
            rest = later;
            if now.len() == room {
                self.close_chunk();
                if self.start >= BATCH * CHUNK_LEN {
                    self.out.write_all(&self.buffer)?;
                    self.buffer.clear();
                    self.start = 0;
                }
            }
        }
        Ok(clear.len())
    }

    /// Passes sealed chunks on; the clear bytes of a chunk that is filling stay.
    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(&self.buffer[..self.start])?;
        self.buffer.drain(..self.start);
        self.start = 0;
        self.out.flush()
    }
}
