//! Reading the entries of a batch: hashed in the same pass, a large file sealed in it too.
//!
//! Batches bound memory and make the groups of the ledger.

use std::fs::File;
use std::io::Read;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use comity_core::id::ObjectId;
use comity_core::json::Value;
use comity_seal::Key;
use comity_vault::{Also, Hashes, Placed, Streaming, UnsyncedPack};

use super::bag::{Bag, BagFile, BagReader};
use super::known::KnownItem;
use super::stat::{FileStat, changed_while_read, provenance_of_file};
use super::thing::Thing;
use super::walk::{Entry, Kind, OpenError};
use crate::centre::Centre;
use crate::error::Result;
use crate::project::ItemState;

/// A file of this size and more has a pack of its own and is streamed (`docs/format/vault.md`).
pub const LARGE: u64 = 4 << 20;
/// Entries of a batch.
pub const ENTRIES: usize = 2048;
/// Bytes of small files that a batch holds in memory.
pub const BYTES: u64 = 8 << 20;

/// An entry with what is known of its path.
pub struct Work<'a> {
    /// What was met.
    pub thing: Thing<'a>,
    /// The newest item of the same path, if any.
    pub known: Option<KnownItem>,
    /// An interrupted run of this intake has recorded it, unchanged.
    pub done: bool,
    /// The words for a special part of the intake: a hand-over document.
    pub role: Option<&'static str>,
}

/// What reading an entry gave.
pub enum Read1 {
    /// Recorded already; not read again.
    Done,
    /// A small file's bytes.
    Small {
        /// The bytes.
        data: Vec<u8>,
        /// Their digests.
        hashes: Box<Hashes>,
        /// What the file system says.
        file: Value,
    },
    /// A large file, sealed into a pack of its own while it was read.
    Large(Box<LargeFile>),
    /// To be streamed when its turn comes.
    Stream(Box<Streamed>),
    /// No bytes: the state says why.
    Without {
        /// The state.
        state: ItemState,
        /// The reason in words.
        reason: Option<String>,
        /// Where a link points.
        link: Option<Vec<u8>>,
        /// What the file system says.
        file: Option<Value>,
    },
}

/// What leaves a reading for the item's object and event.
#[derive(Default)]
pub struct Taken {
    /// The bytes of a small file.
    pub data: Option<Vec<u8>>,
    /// What the file system says.
    pub file: Option<Value>,
}

impl Read1 {
    /// Takes out what is large and needed once.
    pub fn take(&mut self) -> Taken {
        let (data, file) = match self {
            Read1::Small { data, file, .. } => (Some(std::mem::take(data)), Some(file.take())),
            Read1::Large(large) => (None, Some(large.file.take())),
            Read1::Without { file, .. } => (None, file.take()),
            Read1::Done | Read1::Stream(_) => (None, None),
        };
        Taken { data, file }
    }
}

/// A large file, open and not yet read.
pub struct Streamed {
    /// Its size, in bytes, when it was opened.
    pub size: u64,
    source: Source,
    record: Value,
}

enum Source {
    File(File, FileStat),
    Bag(BagReader),
}

impl Source {
    /// Why what was read cannot be trusted to be one state of the file.
    fn changed(&self, size: u64, read: u64) -> Option<String> {
        match self {
            Source::File(file, before) => changed(file, before, read),
            Source::Bag(_) => {
                (read != size).then(|| format!("{read} bytes were read of a file of {size}"))
            }
        }
    }
}

/// A large file in its pack, not yet durable.
pub struct LargeFile {
    /// Its digests.
    pub hashes: Hashes,
    /// Where it lies.
    pub placed: Placed,
    /// The pack, until it is taken to be made durable.
    pub pack: Mutex<Option<UnsyncedPack>>,
    /// Its id.
    pub object: ObjectId,
    /// Its data key.
    pub data_key: [u8; 32],
    /// What the file system says.
    pub file: Value,
}

/// Reads and hashes an entry; a large one is only opened. Adds to `taken` the bytes that it takes up until its
/// batch is sealed; a large file counts for the time it takes, so that it does not hold up a group.
pub fn read_entry(work: &Work<'_>, also: Also, taken: &AtomicU64) -> Read1 {
    let take = |size: u64| taken.fetch_add(size.min(LARGE), Ordering::Relaxed);
    match &work.thing {
        _ if work.done => Read1::Done,
        Thing::Walked(entry) => read_walked(entry, also, take),
        Thing::Bagged { bag, file, .. } => {
            take(file.size_bytes());
            read_bagged(bag, file, also)
        }
    }
}

fn read_walked(entry: &Entry, also: Also, take: impl Fn(u64) -> u64) -> Read1 {
    // Asked only for what has no bytes: an open file is asked itself.
    let record = || entry.stat().ok().map(|s| s.to_json());
    let without = |state, reason: String| Read1::Without {
        state,
        reason: Some(reason),
        link: None,
        file: record(),
    };
    match &entry.kind {
        Kind::File => {}
        Kind::Symlink { target } => {
            return Read1::Without {
                state: ItemState::Link,
                reason: None,
                link: Some(target.clone()),
                file: record(),
            };
        }
        Kind::Socket => {
            return without(
                ItemState::Refused,
                "a socket holds no bytes of its own".to_owned(),
            );
        }
        Kind::Fifo => {
            return without(
                ItemState::Refused,
                "a named pipe holds no bytes of its own".to_owned(),
            );
        }
        Kind::Device => return without(ItemState::Refused, "a device is not a file".to_owned()),
        Kind::FolderUnreadable { reason } => {
            return without(
                ItemState::Unreadable,
                format!("this folder could not be listed whole: {reason}"),
            );
        }
        Kind::Unreadable { reason } => return without(ItemState::Unreadable, reason.clone()),
        Kind::Vanished => {
            return without(
                ItemState::Vanished,
                "it was listed and gone when its turn came".to_owned(),
            );
        }
    }
    let (file, stat) = match entry.open() {
        Ok(opened) => opened,
        Err(e @ OpenError::Vanished) => return without(ItemState::Vanished, e.to_string()),
        Err(e @ OpenError::NotRegular) => return without(ItemState::Changed, e.to_string()),
        Err(e) => return without(ItemState::Unreadable, e.to_string()),
    };
    take(stat.size_bytes);
    let record = provenance_of_file(&file, &stat);
    if stat.size_bytes >= LARGE {
        return Read1::Stream(Box::new(Streamed {
            size: stat.size_bytes,
            source: Source::File(file, stat),
            record,
        }));
    }
    read_small(&file, &stat, record, also)
}

/// A file of a bag. The bag's own digests were checked before anything was taken in.
fn read_bagged(bag: &Bag, file: &BagFile<'_>, also: Also) -> Read1 {
    let record = bag.record(file).unwrap_or(Value::Null);
    let mut reader = match bag.read(file) {
        Ok(reader) => reader,
        Err(e) => return unreadable(e, record),
    };
    let size = file.size_bytes();
    if size >= LARGE {
        return Read1::Stream(Box::new(Streamed {
            size,
            source: Source::Bag(reader),
            record,
        }));
    }
    let mut data = Vec::with_capacity(size as usize + 1);
    match reader.by_ref().take(size + 1).read_to_end(&mut data) {
        Ok(_) if data.len() as u64 == size => Read1::Small {
            hashes: Box::new(Hashes::of(&data, also)),
            data,
            file: record,
        },
        Ok(_) => changed_length(data.len() as u64, size, record),
        Err(e) => unreadable(e, record),
    }
}

fn changed_length(read: u64, size: u64, record: Value) -> Read1 {
    let reason = format!("{read} bytes were read of a file of {size}");
    Read1::Without {
        state: ItemState::Changed,
        reason: Some(reason),
        link: None,
        file: Some(record),
    }
}

fn read_small(file: &File, stat: &FileStat, record: Value, also: Also) -> Read1 {
    let data = match read_whole(file, stat.size_bytes as usize) {
        Ok(data) => data,
        Err(e) => return unreadable(e, record),
    };
    if let Some(reason) = changed(file, stat, data.len() as u64) {
        return Read1::Without {
            state: ItemState::Changed,
            reason: Some(reason),
            link: None,
            file: Some(record),
        };
    }
    Read1::Small {
        hashes: Box::new(Hashes::of(&data, also)),
        data,
        file: record,
    }
}

/// The bytes of a regular file of this size. Room for one byte more shows a file that grew; no more of it is read.
/// A read that gives all but that byte has met the end, so that no other call need ask.
fn read_whole(mut file: &File, size: usize) -> std::io::Result<Vec<u8>> {
    let mut data = vec![0; size + 1];
    let mut len = 0;
    loop {
        match file.read(&mut data[len..]) {
            Ok(0) => break,
            Ok(n) => len += n,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        }
        if len >= size {
            break;
        }
    }
    data.truncate(len);
    Ok(data)
}

fn unreadable(error: std::io::Error, record: Value) -> Read1 {
    Read1::Without {
        state: ItemState::Unreadable,
        reason: Some(error.to_string()),
        link: None,
        file: Some(record),
    }
}

/// Why what was read cannot be trusted to be one state of the file.
fn changed(file: &File, before: &FileStat, read: u64) -> Option<String> {
    match FileStat::of(file) {
        Ok(after) => changed_while_read(before, &after).or_else(|| {
            (read != before.size_bytes)
                .then(|| format!("{read} bytes were read of a file of {}", before.size_bytes))
        }),
        Err(e) => Some(format!("its state after reading could not be seen: {e}")),
    }
}

/// Streams a large file into a pack of its own: one pass for digests, compression, seal.
pub fn stream(
    centre: &Centre,
    scope_key: u64,
    streamed: Streamed,
    also: Also,
    seen: &dyn Fn(u64),
) -> Result<Read1> {
    let Streamed {
        size,
        mut source,
        record,
    } = streamed;
    let object = ObjectId(centre.ambient.bytes());
    let data_key: [u8; 32] = centre.ambient.bytes();
    let mut pack = centre.vault.pack(scope_key, centre.ambient.bytes::<16>())?;
    let how = Streaming {
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        also,
    };
    let mut watched = Watched {
        source: &mut source,
        left: size + 1,
        seen,
    };
    let (placed, hashes) = match pack.add_stream(
        object,
        &Key::new(data_key),
        centre.ambient.bytes(),
        &mut watched,
        &how,
    ) {
        Ok(done) => done,
        Err(comity_vault::VaultError::Source(e)) => return Ok(unreadable(e, record)),
        Err(e) => return Err(e.into()),
    };
    if let Some(reason) = source.changed(size, hashes.size) {
        return Ok(Read1::Without {
            state: ItemState::Changed,
            reason: Some(reason),
            link: None,
            file: Some(record),
        });
    }
    let pack = Mutex::new(Some(pack.finish()?));
    Ok(Read1::Large(Box::new(LargeFile {
        hashes,
        placed,
        pack,
        object,
        data_key,
        file: record,
    })))
}

/// Tells how far the reading is, and stops one byte past the stated size.
struct Watched<'a> {
    source: &'a mut Source,
    left: u64,
    seen: &'a dyn Fn(u64),
}

impl Read for Watched<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = match self.source {
            Source::File(file, _) => file.take(self.left).read(buf)?,
            Source::Bag(reader) => reader.take(self.left).read(buf)?,
        };
        self.left -= n as u64;
        (self.seen)(n as u64);
        Ok(n)
    }
}
