//! Large objects: one pass over the source hashes, compresses, seals and writes.
//!
//! The caller's thread reads blocks of 1 MiB and shows each to the hashing threads, to the
//! compressing threads and, in order, to the sealing thread. A block's memory returns to the
//! reader when all are done with it, so the number of blocks bounds what is in flight.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Scope, ScopedJoinHandle};

use comity_core::{Digest, ObjectId};
use comity_seal::{Key, SALT_LEN, Sealer};
use md5::Digest as _;

use crate::hashes::{SHA1, SHA224, SHA384, SHA512, Sha, Sha256};
use crate::object::{Codec, FRAME_LEN, Footer, Packer, context};
use crate::writer::PackWriter;
use crate::{Also, Hashes, Placed, Scratch, VaultError, encode_small};

/// Blocks beyond one for each compressing thread: being read, hashed, sealed.
const SPARE_BLOCKS: usize = 5;

/// How a large object is taken in.
#[derive(Clone, Copy, Debug)]
pub struct Streaming {
    /// Threads that compress, at least 1. Reading, each digest and sealing have their own.
    pub threads: usize,
    /// Digests beside SHA-256 and BLAKE3.
    pub also: Also,
}

impl PackWriter {
    /// Takes in an object of any length in one pass, with bounded memory (2 MiB for each of
    /// `threads` + 5 blocks). The salt must be random and used once under `key`.
    ///
    /// # Errors
    /// [`VaultError::Source`] if `source` fails, [`VaultError::Store`]; after either the pack
    /// is given up.
    pub fn add_stream(
        &mut self,
        object: ObjectId,
        key: &Key,
        salt: [u8; SALT_LEN],
        source: &mut dyn Read,
        how: &Streaming,
    ) -> Result<(Placed, Hashes), VaultError> {
        let mut first = vec![0; FRAME_LEN];
        let len = fill(source, &mut first).map_err(VaultError::Source)?;
        first.truncate(len);
        if len < FRAME_LEN {
            let sealed = encode_small(&first, key, object, salt, &mut Scratch::new());
            return Ok((self.add(&sealed)?, Hashes::of(&first, how.also)));
        }
        let pays = Packer::new()
            .append_first(&first, &mut Vec::new())
            .is_some();
        let codec = if pays { Codec::Zstd } else { Codec::Stored };
        let sealer = Sealer::new(key, salt, &context(object), Tally::new(self.begin()?));
        let (sealed, hashes) =
            thread::scope(|scope| run(scope, sealer, first, codec, source, how))?;
        let placed = self.end(object, sealed.len, sealed.sha256)?;
        Ok((placed, hashes))
    }
}

/// Reads until `buf` is full or the source ends; how many bytes there were.
fn fill(source: &mut dyn Read, buf: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < buf.len() {
        match source.read(&mut buf[done..]) {
            Ok(0) => break,
            Ok(now) => done += now,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(done)
}

/// The memory of one block: its bytes, and room for its frame.
type Room = (Vec<u8>, Vec<u8>);

/// A block of the source, shared by all that work on it.
struct Block {
    nth: u64,
    data: Vec<u8>,
    /// Its frame: `None` until compressed.
    frame: Mutex<Vec<u8>>,
    home: Sender<Room>,
}

impl Drop for Block {
    fn drop(&mut self) {
        let frame = std::mem::take(self.frame.get_mut().unwrap_or_else(PoisonError::into_inner));
        // Nobody waits for it once the reader has reached the end.
        let _ = self.home.send((std::mem::take(&mut self.data), frame));
    }
}

type Feed = Sender<Arc<Block>>;

fn run<'scope, 'env, W: Write + Send + 'scope>(
    scope: &'scope Scope<'scope, 'env>,
    sealer: Sealer<Tally<W>>,
    first: Vec<u8>,
    codec: Codec,
    source: &mut dyn Read,
    how: &Streaming,
) -> Result<(Sealed, Hashes), VaultError> {
    let threads = how.threads.max(1);
    let (to_sealer, for_sealer) = channel();
    let sealing = scope.spawn(move || seal_in_order(sealer, codec, &for_sealer));
    let mut feeds: Vec<Feed> = Vec::new();
    match codec {
        Codec::Stored => feeds.push(to_sealer),
        Codec::Zstd => {
            let (feed, blocks) = channel();
            let blocks = Arc::new(Mutex::new(blocks));
            for _ in 0..threads {
                let (blocks, done) = (Arc::clone(&blocks), to_sealer.clone());
                scope.spawn(move || compress(&blocks, &done));
            }
            feeds.push(feed);
            // The sealing thread ends when the last compressing thread does.
            drop(to_sealer);
        }
    }
    let sha256 = hash(
        scope,
        &mut feeds,
        Sha256::new(),
        Sha256::update,
        Sha256::finish,
    );
    let blake3 = hash(
        scope,
        &mut feeds,
        blake3::Hasher::new(),
        |hasher, data| {
            hasher.update(data);
        },
        |hasher| Digest(*hasher.finalize().as_bytes()),
    );
    let md5 = how.also.md5.then(|| {
        hash(
            scope,
            &mut feeds,
            md5::Md5::new(),
            |hasher, data| hasher.update(data),
            |hasher| hasher.finalize().into(),
        )
    });
    let also = how.also;
    let sha1 = also.sha1.then(|| sha(scope, &mut feeds, &SHA1));
    let sha224 = also.sha224.then(|| sha(scope, &mut feeds, &SHA224));
    let sha384 = also.sha384.then(|| sha(scope, &mut feeds, &SHA384));
    let sha512 = also.sha512.then(|| sha(scope, &mut feeds, &SHA512));
    let size = read(source, first, feeds, threads + SPARE_BLOCKS);
    // Every thread is joined before an error is answered, so that none still writes.
    let sealed = join(sealing);
    let mut hashes = Hashes {
        sha256: join(sha256),
        blake3: join(blake3),
        md5: md5.map(join),
        sha1: sha1.map(join),
        sha224: sha224.map(join),
        sha384: sha384.map(join),
        sha512: sha512.map(join),
        size: 0,
    };
    hashes.size = size.map_err(VaultError::Source)?;
    Ok((sealed?, hashes))
}

/// A panic of a worker goes on in the caller's thread.
fn join<T>(handle: ScopedJoinHandle<'_, T>) -> T {
    handle
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Reads blocks and shows each to all feeds, until the source ends or nobody takes them any
/// more (the sealing thread then says why). Returns the length of the source.
fn read(source: &mut dyn Read, first: Vec<u8>, feeds: Vec<Feed>, blocks: usize) -> io::Result<u64> {
    let (home, free) = channel();
    for _ in 1..blocks {
        let _ = home.send((Vec::new(), Vec::new()));
    }
    let mut room: Room = (first, Vec::new());
    let mut size = 0;
    for nth in 0.. {
        let (data, frame) = room;
        size += data.len() as u64;
        let last = data.len() < FRAME_LEN;
        let block = Arc::new(Block {
            nth,
            data,
            frame: Mutex::new(frame),
            home: home.clone(),
        });
        for feed in &feeds {
            if feed.send(Arc::clone(&block)).is_err() {
                return Ok(size);
            }
        }
        drop(block);
        if last {
            break;
        }
        let Ok((mut data, frame)) = free.recv() else {
            break;
        };
        data.resize(FRAME_LEN, 0);
        let len = fill(source, &mut data)?;
        if len == 0 {
            break;
        }
        data.truncate(len);
        room = (data, frame);
    }
    Ok(size)
}

/// Starts a thread that hashes every block in order.
fn hash<'scope, H: Send + 'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    feeds: &mut Vec<Feed>,
    mut hasher: H,
    update: impl Fn(&mut H, &[u8]) + Send + 'scope,
    finish: impl FnOnce(H) -> T + Send + 'scope,
) -> ScopedJoinHandle<'scope, T> {
    let (feed, blocks) = channel::<Arc<Block>>();
    feeds.push(feed);
    scope.spawn(move || {
        for block in blocks {
            update(&mut hasher, &block.data);
        }
        finish(hasher)
    })
}

/// Starts a thread for a digest of FIPS 180-4.
fn sha<'scope, const N: usize>(
    scope: &'scope Scope<'scope, '_>,
    feeds: &mut Vec<Feed>,
    algorithm: &'static aws_lc_rs::digest::Algorithm,
) -> ScopedJoinHandle<'scope, [u8; N]> {
    hash(scope, feeds, Sha::new(algorithm), Sha::update, Sha::finish)
}

/// Compresses blocks as they come and hands them on, in whatever order they are done.
fn compress(blocks: &Mutex<Receiver<Arc<Block>>>, done: &Feed) {
    let mut packer = Packer::new();
    loop {
        let next = blocks.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(block) = next else { return };
        {
            let mut frame = block.frame.lock().unwrap_or_else(PoisonError::into_inner);
            frame.clear();
            // A frame that could not be made stays empty, and the sealing thread refuses it.
            packer.append_frame(&block.data, &mut frame);
        }
        if done.send(block).is_err() {
            return;
        }
    }
}

/// What was sealed.
struct Sealed {
    len: u64,
    sha256: Digest,
}

fn seal_in_order<W: Write>(
    mut sealer: Sealer<Tally<W>>,
    codec: Codec,
    blocks: &Receiver<Arc<Block>>,
) -> Result<Sealed, VaultError> {
    let mut early = BTreeMap::new();
    let mut table = Vec::new();
    let mut next = 0;
    let mut len = 0;
    for block in blocks {
        early.insert(block.nth, block);
        while let Some(block) = early.remove(&next) {
            next += 1;
            len += block.data.len() as u64;
            let frame = block.frame.lock().unwrap_or_else(PoisonError::into_inner);
            let bytes = match codec {
                Codec::Stored => &block.data,
                Codec::Zstd if frame.is_empty() => {
                    return Err(VaultError::Source(io::ErrorKind::OutOfMemory.into()));
                }
                Codec::Zstd => {
                    table.extend_from_slice(&(frame.len() as u32).to_be_bytes());
                    &*frame
                }
            };
            sealer.write_all(bytes).map_err(VaultError::of_io)?;
        }
    }
    let frames = u32::try_from(table.len() / 4).map_err(|_| VaultError::TooMany {
        what: "the number of frames in an object",
    })?;
    table.extend_from_slice(&Footer::new(codec, len, frames).encode());
    sealer.write_all(&table).map_err(VaultError::of_io)?;
    let tally = sealer.finish().map_err(VaultError::of_io)?;
    Ok(Sealed {
        len: tally.len,
        sha256: tally.sha256.finish(),
    })
}

/// Counts and hashes what passes on its way to the pack.
struct Tally<W> {
    out: W,
    len: u64,
    sha256: Sha256,
}

impl<W> Tally<W> {
    fn new(out: W) -> Self {
        Self {
            out,
            len: 0,
            sha256: Sha256::new(),
        }
    }
}

impl<W: Write> Write for Tally<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write_all(bytes)?;
        self.sha256.update(bytes);
        self.len += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
