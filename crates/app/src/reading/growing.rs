//! Bytes that come piece by piece from a worker: a few stay in memory, many are sealed into a pack of their own as
//! they come. None of them is ever on a disk in the clear.

use std::io::{self, Read, Write};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use comity_core::id::ObjectId;
use comity_extract::Restart;
use comity_seal::Key;
use comity_vault::{Also, Hashes, LARGE_LEN, Placed, Streaming, UnsyncedPack, Vault, VaultError};

use crate::centre::Centre;
use crate::error::Result;

/// Pieces that wait for the sealing thread.
const WAITING: usize = 8;

/// What the bytes of an object are sealed with.
#[derive(Clone)]
pub struct SealWith {
    /// The number of the scope key, for the pack's header.
    pub scope_key: u64,
    /// The object's key.
    pub key: [u8; 32],
    /// The object.
    pub object: ObjectId,
}

/// Bytes that have all come.
pub enum Grown {
    /// In memory.
    Small(Vec<u8>, Box<Hashes>),
    /// In a pack that is not durable yet.
    Large(Box<LargeObject>),
}

/// A large object in its pack.
pub struct LargeObject {
    /// Digests and length of its bytes.
    pub hashes: Hashes,
    /// Where it lies.
    pub placed: Placed,
    /// The pack; nobody but who takes it out needs the lock.
    pub pack: Mutex<UnsyncedPack>,
}

impl Grown {
    /// Digests and length of the bytes.
    pub fn hashes(&self) -> &Hashes {
        match self {
            Grown::Small(_, hashes) => hashes,
            Grown::Large(large) => &large.hashes,
        }
    }
}

/// Bytes that still come.
pub struct Growing<'a> {
    centre: &'a Centre,
    with: SealWith,
    held: Vec<u8>,
    stream: Option<Stream>,
}

struct Stream {
    feed: SyncSender<Vec<u8>>,
    thread: JoinHandle<std::result::Result<LargeObject, VaultError>>,
}

impl<'a> Growing<'a> {
    /// None yet.
    pub fn new(centre: &'a Centre, with: SealWith) -> Growing<'a> {
        Growing {
            centre,
            with,
            held: Vec::new(),
            stream: None,
        }
    }

    /// What they are sealed with.
    pub fn with(&self) -> &SealWith {
        &self.with
    }

    /// No more will come.
    pub fn finish(self) -> Result<Grown> {
        match self.stream {
            None => {
                let hashes = Box::new(Hashes::of(&self.held, Also::default()));
                Ok(Grown::Small(self.held, hashes))
            }
            Some(Stream { feed, thread }) => {
                drop(feed);
                let sealed = thread.join();
                let large = sealed.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
                Ok(Grown::Large(Box::new(large)))
            }
        }
    }

    fn begin_stream(&self) -> Stream {
        let (feed, pieces) = sync_channel(WAITING);
        let (vault, with) = (self.centre.vault.clone(), self.with.clone());
        let random = &self.centre.ambient;
        let (pack, salt) = (random.bytes::<16>(), random.bytes::<24>());
        let thread = std::thread::spawn(move || seal(&vault, &with, pack, salt, pieces));
        Stream { feed, thread }
    }
}

fn seal(
    vault: &Vault,
    with: &SealWith,
    pack: [u8; 16],
    salt: [u8; 24],
    pieces: Receiver<Vec<u8>>,
) -> std::result::Result<LargeObject, VaultError> {
    let mut pack = vault.pack(with.scope_key, pack)?;
    let how = Streaming {
        threads: 1,
        also: Also::default(),
    };
    let mut source = Pieces {
        pieces,
        now: Vec::new(),
        done: 0,
    };
    let key = Key::new(with.key);
    let (placed, hashes) = pack.add_stream(with.object, &key, salt, &mut source, &how)?;
    Ok(LargeObject {
        hashes,
        placed,
        pack: Mutex::new(pack.finish()?),
    })
}

impl Write for Growing<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stream.is_none() && (self.held.len() + bytes.len()) as u64 >= LARGE_LEN {
            let stream = self.begin_stream();
            // The thread says itself, at the end, why it takes no more.
            let _ = stream.feed.send(std::mem::take(&mut self.held));
            self.stream = Some(stream);
        }
        match &self.stream {
            None => self.held.extend_from_slice(bytes),
            Some(stream) => stream
                .feed
                .send(bytes.to_vec())
                .map_err(|_| io::ErrorKind::BrokenPipe)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Restart for Growing<'_> {
    fn restart(&mut self) -> io::Result<()> {
        self.held.clear();
        if let Some(Stream { feed, thread }) = self.stream.take() {
            drop(feed);
            let _ = thread.join();
        }
        // What was sealed of the first attempt is thrown away; no two seals of other bytes share an object's id.
        self.with.object = ObjectId(self.centre.ambient.bytes());
        Ok(())
    }
}

/// The pieces as a source of bytes.
struct Pieces {
    pieces: Receiver<Vec<u8>>,
    now: Vec<u8>,
    done: usize,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.done == self.now.len() {
            match self.pieces.recv() {
                Ok(piece) => (self.now, self.done) = (piece, 0),
                Err(_) => return Ok(0),
            }
        }
        let count = buffer.len().min(self.now.len() - self.done);
        buffer[..count].copy_from_slice(&self.now[self.done..self.done + count]);
        self.done += count;
        Ok(count)
    }
}
