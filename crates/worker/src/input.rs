//! The file as something to read and seek in, over ranges that are asked for, with a small cache.

use crate::talk::{Shared, held};
use std::{
    fmt,
    io::{self, Read, Seek, SeekFrom},
    sync::{Arc, Mutex},
};

/// Bytes of one range.
const BLOCK: u64 = 128 << 10;
/// The largest sector of the formats that have them.
const SECTOR: u64 = 4096;
/// How many ranges are kept: enough for a reader that goes to and fro between an index and what it points at.
const BLOCKS: usize = 16;

/// The file that is read. Clones have places of their own and share what was asked for.
#[derive(Clone)]
pub struct Input {
    shared: Arc<Mutex<Cache>>,
    size: u64,
    /// How many bytes seem to follow the end.
    beyond: u64,
    place: u64,
}

struct Cache {
    talk: Shared,
    /// Sizes of the file and of those that may follow it in its image.
    files: Arc<[u64]>,
    /// Bytes of them all.
    total: u64,
    /// Number and bytes of each block, the one used last at the end.
    blocks: Vec<(u64, Arc<Vec<u8>>)>,
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Input")
            .field("size", &self.size)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl Input {
    /// A file of `size` bytes, at its beginning, and the sizes of files that may follow it in its image. They are no
    /// part of it until somebody asks for them by [`Input::joined`].
    pub fn new(talk: Shared, size: u64, more: &[u64]) -> Input {
        let files: Arc<[u64]> = [&[size], more].concat().into();
        Input {
            shared: Arc::new(Mutex::new(Cache {
                talk,
                total: files.iter().fold(0, |sum, size| sum.saturating_add(*size)),
                files,
                blocks: Vec::new(),
            })),
            size,
            beyond: 0,
            place: 0,
        }
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// At most `count` bytes from `offset` on; fewer where the file ends.
    pub fn bytes_at(&self, offset: u64, count: usize) -> Vec<u8> {
        let mut other = Input {
            place: offset.min(self.size),
            ..self.clone()
        };
        let count = (count as u64).min(self.size - other.place);
        let mut bytes = vec![0; count as usize];
        // Within the file a read does not fail: without a supervisor the process has ended.
        let _ = other.read_exact(&mut bytes);
        bytes
    }

    /// The file from its beginning.
    pub fn rewound(&self) -> Input {
        Input {
            place: 0,
            ..self.clone()
        }
    }

    /// The file from its beginning, as if it ended after `size` bytes.
    pub fn cut(&self, size: u64) -> Input {
        Input {
            size: size.min(self.size),
            beyond: 0,
            place: 0,
            ..self.clone()
        }
    }

    /// Sizes of the file and of those that may follow it in its image.
    pub fn files(&self) -> Arc<[u64]> {
        held(&self.shared).files.clone()
    }

    /// The first `count` of these files as one, from its beginning.
    pub fn joined(&self, count: usize) -> Input {
        let files = self.files();
        let size = files.iter().take(count.max(1));
        Input {
            size: size.fold(0, |sum, size| sum.saturating_add(*size)),
            beyond: 0,
            place: 0,
            ..self.clone()
        }
    }

    /// The file as if it had `size` bytes, for formats that count in sectors: zeros fill its last sector, and reading
    /// beyond that is an error.
    pub fn padded(&self, size: u64) -> Input {
        Input {
            place: 0,
            beyond: size.saturating_sub(self.size),
            ..self.clone()
        }
    }

    fn block(&self, number: u64) -> Arc<Vec<u8>> {
        let mut cache = held(&self.shared);
        if let Some(found) = cache.blocks.iter().position(|(known, _)| *known == number) {
            let block = cache.blocks.remove(found);
            cache.blocks.push(block.clone());
            return block.1;
        }
        let offset = number * BLOCK;
        let mut bytes = vec![0; BLOCK.min(cache.total - offset) as usize];
        held(&cache.talk).ask(offset, &mut bytes);
        if cache.blocks.len() == BLOCKS {
            cache.blocks.remove(0);
        }
        let block = Arc::new(bytes);
        cache.blocks.push((number, block.clone()));
        block
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.place >= self.size {
            let left = (self.size + self.beyond).saturating_sub(self.place);
            let filling = self
                .size
                .next_multiple_of(SECTOR)
                .saturating_sub(self.place);
            let count = left.min(filling).min(buffer.len() as u64) as usize;
            if left > 0 && filling == 0 && !buffer.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            buffer[..count].fill(0);
            self.place += count as u64;
            return Ok(count);
        }
        let block = self.block(self.place / BLOCK);
        let there = &block[(self.place % BLOCK) as usize..];
        // The last block may go on into a file that follows.
        let left = self.size - self.place;
        let count = left.min(there.len() as u64).min(buffer.len() as u64) as usize;
        buffer[..count].copy_from_slice(&there[..count]);
        self.place += count as u64;
        Ok(count)
    }
}

impl Seek for Input {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(delta) => (self.size + self.beyond).checked_add_signed(delta),
            SeekFrom::Current(delta) => self.place.checked_add_signed(delta),
        };
        self.place = place.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.place)
    }
}
