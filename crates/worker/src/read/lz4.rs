//! LZ4 in frames, as something to read. Its library would do it with a feature that the index does not use, and for
//! which all that stands on it would be built anew.

use crate::ints::u32_at;
use std::io::{self, ErrorKind, Read};

const MARK: u32 = 0x184d_2204;
/// How far back a copy may begin.
const HISTORY: usize = 64 << 10;
const BLOCK_MAX: usize = 4 << 20;

pub struct Frames<R> {
    from: R,
    /// Within a frame: whether blocks, and the whole, have sums after them.
    frame: Option<(bool, bool)>,
    /// What was unpacked, and how much of it was taken; before that is what copies may begin in.
    bytes: Vec<u8>,
    taken: usize,
}

fn broken(what: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, what.to_owned())
}

impl<R: Read> Frames<R> {
    pub fn new(from: R) -> Frames<R> {
        Frames {
            from,
            frame: None,
            bytes: Vec::new(),
            taken: 0,
        }
    }

    fn word(&mut self) -> io::Result<u32> {
        let mut raw = [0; 4];
        self.from.read_exact(&mut raw)?;
        Ok(u32::from_le_bytes(raw))
    }

    fn skip(&mut self, count: u64) -> io::Result<()> {
        io::copy(&mut (&mut self.from).take(count), &mut io::sink()).map(|_| ())
    }

    /// The head of the next frame; false at the end.
    fn open(&mut self) -> io::Result<bool> {
        let mut raw = Vec::new();
        (&mut self.from).take(4).read_to_end(&mut raw)?;
        if raw.is_empty() {
            return Ok(false);
        }
        match u32_at(&raw, 0) {
            MARK => {
                let mut about = [0; 2];
                self.from.read_exact(&mut about)?;
                let flags = about[0];
                // A size, a number of a dictionary, and a sum of the head.
                let more = if flags & 8 != 0 { 8 } else { 0 } + if flags & 1 != 0 { 4 } else { 0 };
                self.skip(more + 1)?;
                self.frame = Some((flags & 16 != 0, flags & 4 != 0));
            }
            // A frame of something else, to be left out.
            0x184d_2a50..=0x184d_2a5f => {
                let length = self.word()?;
                self.skip(length.into())?;
            }
            _ => return Err(broken("no frame where one has to be")),
        }
        Ok(true)
    }

    /// One block, or the end of the frame.
    fn block(&mut self, sums: (bool, bool)) -> io::Result<()> {
        let size = self.word()?;
        if size == 0 {
            self.frame = None;
            return self.skip(if sums.1 { 4 } else { 0 });
        }
        let length = (size & 0x7fff_ffff) as usize;
        if length > BLOCK_MAX {
            return Err(broken("a block is too long"));
        }
        let mut packed = vec![0; length];
        self.from.read_exact(&mut packed)?;
        self.skip(if sums.0 { 4 } else { 0 })?;
        let keep = self.bytes.len().saturating_sub(HISTORY);
        self.bytes.drain(..keep);
        self.taken = self.bytes.len();
        if size >> 31 == 1 {
            self.bytes.extend(packed);
            return Ok(());
        }
        unpack(&packed, &mut self.bytes).ok_or_else(|| broken("a block that makes no sense"))
    }
}

/// Letters and copies by turns, each with its length.
fn unpack(packed: &[u8], bytes: &mut Vec<u8>) -> Option<()> {
    let (mut rest, start) = (packed, bytes.len());
    while let Some((token, after)) = rest.split_first() {
        rest = after;
        let count = length(usize::from(token >> 4), &mut rest)?;
        let (letters, after) = rest.split_at_checked(count)?;
        bytes.extend_from_slice(letters);
        rest = after;
        // The last letters are followed by no copy.
        if rest.is_empty() {
            break;
        }
        let back = usize::from(u16::from_le_bytes(*rest.first_chunk()?));
        rest = &rest[2..];
        let count = length(usize::from(token & 15), &mut rest)? + 4;
        if back == 0 || back > bytes.len() || bytes.len() - start + count > BLOCK_MAX {
            return None;
        }
        for _ in 0..count {
            bytes.push(bytes[bytes.len() - back]);
        }
    }
    Some(())
}

/// Fifteen says that more follows, and so does each 255.
fn length(first: usize, rest: &mut &[u8]) -> Option<usize> {
    let mut length = first;
    let mut more = first == 15;
    while more {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        length += usize::from(*byte);
        more = *byte == 255;
    }
    Some(length)
}

impl<R: Read> Read for Frames<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.bytes.len() {
            match self.frame {
                Some(sums) => self.block(sums)?,
                None => {
                    if !self.open()? {
                        return Ok(0);
                    }
                }
            }
        }
        let there = &self.bytes[self.taken..];
        let count = there.len().min(buffer.len());
        buffer[..count].copy_from_slice(&there[..count]);
        self.taken += count;
        Ok(count)
    }
}
