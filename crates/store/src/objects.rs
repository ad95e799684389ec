//! Named byte strings in a local folder or on S3, behind one set of promises.

use std::{
    collections::HashSet,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    disk::Disk,
    error::StoreError,
    file::DiskFile,
    local::{Local, LocalWriter},
    name,
    remote::{Credentials, Remote, RemoteReader, RemoteWriter},
    twin::{Keeper, Twin, TwinWriter},
};

/// A store of named byte strings. Clones are the same store, and several threads may use it at once.
///
/// Names are relative paths of letters, digits, `-`, `_`, `.` and `/`, the same on both kinds of store; others are
/// [`StoreError::BadName`]. An object appears and changes as a whole. On a local folder, a name cannot be an object and
/// a folder of others at the same time.
///
/// After a crash, an object that is seen need not be durable yet: the process that renamed it may have been killed
/// before the flush of the folder. Recovery that builds on what it sees calls [`Objects::settle`] first.
#[derive(Clone)]
pub struct Objects {
    store: Arc<Store>,
    disk: Disk,
}

enum Store {
    Local(Local),
    Remote(Arc<Remote>),
    Twin(Twin),
}

impl Objects {
    /// A store in the folder `root`, made if missing.
    ///
    /// Objects are written in `root/tmp` and renamed to their place, so all of `root` has to be one file system.
    pub fn local(root: PathBuf, disk: Disk) -> Result<Objects, StoreError> {
        let store = Arc::new(Store::Local(Local::open(root, disk.clone())?));
        Ok(Objects { store, disk })
    }

    /// As [`Objects::local`], in a folder that is not made when it is missing: a disk that is not mounted must not be
    /// mistaken for an empty one.
    pub fn local_if_there(root: PathBuf, disk: Disk) -> Objects {
        let store = Arc::new(Store::Local(Local::at(root, disk.clone())));
        Objects { store, disk }
    }

    /// A store on S3, by an address such as
    /// `s3://bucket/prefix?endpoint=http://127.0.0.1:9000&region=us-east-1&allow_http=true`.
    ///
    /// After `?` may stand `endpoint` (else Amazon's), `region` (else `us-east-1`), `allow_http`, `virtual_hosted`
    /// (bucket in the host name instead of the path), and `retry_secs` (60: for how long a call is tried again while
    /// the store cannot be reached). Nothing is sent yet. Of `disk` only the faults matter.
    pub fn from_url(url: &str, keys: &Credentials, disk: Disk) -> Result<Objects, StoreError> {
        let store = Arc::new(Store::Remote(Arc::new(Remote::open(
            url,
            keys,
            disk.clone(),
        )?)));
        Ok(Objects { store, disk })
    }

    /// `first` with `mirror` as its second place: what is written goes to both, what is read comes from `first`. When
    /// the mirror fails, the work goes on, and `keeper` has it on record that something is missing there.
    ///
    /// Reading falls back on the mirror only where whoever reads can tell right bytes from wrong ones: see
    /// [`Objects::mirror`].
    pub fn mirrored(first: Objects, mirror: Objects, keeper: Arc<dyn Keeper>) -> Objects {
        let disk = first.disk.clone();
        let twin = Twin {
            first,
            mirror,
            keeper,
        };
        Objects {
            store: Arc::new(Store::Twin(twin)),
            disk,
        }
    }

    /// The store itself, without its mirror.
    pub fn alone(&self) -> &Objects {
        match &*self.store {
            Store::Twin(twin) => &twin.first,
            _ => self,
        }
    }

    /// The mirror, if there is one, and its keeper.
    pub fn mirror(&self) -> Option<(&Objects, &Arc<dyn Keeper>)> {
        match &*self.store {
            Store::Twin(twin) => Some((&twin.mirror, &twin.keeper)),
            _ => None,
        }
    }

    /// Stores, replacing what was there; durable on return.
    pub fn put(&self, name: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let mut writer = self.writer(name)?;
        writer.append(bytes)?;
        writer.finish()
    }

    /// Stores unless there is an object of this name; whether it was stored. Durable on return, either way.
    ///
    /// On S3 this is a conditional put. A put whose answer was lost is sent again and then finds itself: `false` does
    /// not prove that someone else wrote the object, and some servers ignore the condition. Nothing that must happen
    /// once only, such as the signing of a checkpoint, may rest on this call: that is decided by the database.
    pub fn put_new(&self, name: &str, bytes: &[u8]) -> Result<bool, StoreError> {
        name::check(name)?;
        match &*self.store {
            Store::Local(local) => local.put_new(name, bytes),
            Store::Remote(remote) => remote.put_new(name, bytes),
            Store::Twin(twin) => twin.write_if(
                |objects| objects.put_new(name, bytes),
                |objects| objects.put(name, bytes),
            ),
        }
    }

    /// Stores in place of `former` (`None`: where nothing is); `false`, and nothing is done, where something else is
    /// there by now. Durable on return.
    ///
    /// On S3 this is a conditional put, so that a process that was held up for long does not write over what others
    /// put there since. As with [`Objects::put_new`], some servers ignore the condition. In a local folder writers take
    /// turns by a lock, and this is [`Objects::put`].
    pub fn put_over(
        &self,
        name: &str,
        former: Option<&[u8]>,
        bytes: &[u8],
    ) -> Result<bool, StoreError> {
        name::check(name)?;
        match &*self.store {
            Store::Local(_) => self.put(name, bytes).map(|()| true),
            Store::Remote(remote) => remote.put_over(name, former, bytes),
            Store::Twin(twin) => twin.write_if(
                |objects| objects.put_over(name, former, bytes),
                |objects| objects.put(name, bytes),
            ),
        }
    }

    /// Stores all behind one durability barrier: far fewer flushes, or round trips, than one at a time.
    ///
    /// Not all or nothing: after an error or a crash, any of them may be there, each whole. Locally none appears before
    /// the content of all is durable, and they appear in the order given. A name given twice is
    /// [`StoreError::BadName`].
    pub fn put_many(&self, objects: Vec<(String, Vec<u8>)>) -> Result<(), StoreError> {
        check_distinct(objects.iter().map(|(name, _)| name.as_str()))?;
        match &*self.store {
            Store::Local(local) => local.put_many(&objects),
            Store::Remote(remote) => remote.put_many(objects),
            Store::Twin(twin) => twin.write(|store| store.put_many(objects.clone())),
        }
    }

    /// Begins an object of unknown length. It appears with [`ObjectWriter::finish`].
    pub fn writer(&self, name: &str) -> Result<ObjectWriter, StoreError> {
        name::check(name)?;
        let sink = match &*self.store {
            Store::Local(local) => Sink::Local(local.writer(name)?),
            Store::Remote(remote) => Sink::Remote(RemoteWriter::new(remote.clone(), name)),
            Store::Twin(twin) => Sink::Twin(twin.writer(name)?),
        };
        Ok(ObjectWriter {
            sink,
            name: name.to_owned(),
            objects: self.clone(),
            failed: false,
        })
    }

    /// Finishes writers of this store behind one durability barrier, with the promises of [`Objects::put_many`].
    pub fn finish_many(&self, writers: Vec<ObjectWriter>) -> Result<(), StoreError> {
        check_distinct(writers.iter().map(|writer| writer.name.as_str()))?;
        if let Some(stranger) = writers
            .iter()
            .find(|writer| !Arc::ptr_eq(&writer.objects.store, &self.store))
        {
            return Err(StoreError::BadName {
                name: stranger.name.clone(),
                reason: "its writer is of another store",
            });
        }
        if let Some(failed) = writers.iter().find(|writer| writer.failed) {
            return Err(StoreError::Unfinished {
                name: failed.name.clone(),
            });
        }
        let mut local_writers = Vec::new();
        let mut remote_writers = Vec::new();
        let mut twin_writers = Vec::new();
        for writer in writers {
            match writer.sink {
                Sink::Local(writer) => local_writers.push(writer),
                Sink::Remote(writer) => remote_writers.push(writer),
                Sink::Twin(writer) => twin_writers.push(writer),
            }
        }
        match &*self.store {
            Store::Local(local) => local.finish_many(local_writers),
            Store::Remote(_) => RemoteWriter::finish_many(remote_writers),
            Store::Twin(twin) => twin.finish_many(twin_writers),
        }
    }

    /// The whole object; `None` if there is none.
    pub fn get(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        name::check(name)?;
        match &*self.store {
            Store::Local(local) => local.get(name),
            Store::Remote(remote) => remote.get(name),
            Store::Twin(twin) => twin.first.get(name),
        }
    }

    /// `len` bytes from `offset`; [`StoreError::NotFound`] if there is no such object, [`StoreError::Short`] if it
    /// ends before.
    pub fn get_range(&self, name: &str, offset: u64, len: u64) -> Result<Vec<u8>, StoreError> {
        name::check(name)?;
        match &*self.store {
            Store::Local(local) => {
                let file = local.open_object(name)?;
                let size = file.len()?;
                if offset.checked_add(len).is_none_or(|end| end > size) {
                    return Err(StoreError::Short {
                        name: name.to_owned(),
                        offset,
                        len,
                    });
                }
                let mut bytes = vec![0; usize::try_from(len).unwrap_or(usize::MAX)];
                file.read_at(offset, &mut bytes)?;
                Ok(bytes)
            }
            Store::Remote(remote) => remote.get_range(name, offset, len),
            Store::Twin(twin) => twin.first.get_range(name, offset, len),
        }
    }

    /// The size in bytes; `None` if there is no such object.
    pub fn size(&self, name: &str) -> Result<Option<u64>, StoreError> {
        name::check(name)?;
        match &*self.store {
            Store::Local(local) => local.size(name),
            Store::Remote(remote) => remote.size(name),
            Store::Twin(twin) => twin.first.size(name),
        }
    }

    /// Opens for reading at any place; [`StoreError::NotFound`] if there is no such object.
    pub fn reader(&self, name: &str) -> Result<ObjectReader, StoreError> {
        name::check(name)?;
        match &*self.store {
            Store::Local(local) => {
                let file = local.open_object(name)?;
                Ok(ObjectReader {
                    size: file.len()?,
                    source: Source::Local(file),
                })
            }
            Store::Remote(remote) => {
                let size = remote.size(name)?.ok_or_else(|| StoreError::NotFound {
                    name: name.to_owned(),
                })?;
                Ok(ObjectReader {
                    size,
                    source: Source::Remote(RemoteReader::new(remote.clone(), name)),
                })
            }
            Store::Twin(twin) => twin.first.reader(name),
        }
    }

    /// Names and sizes (bytes) of the objects whose names begin with `prefix`, sorted by name. The prefix may end
    /// within a part of a name. In a local folder, files that others made there are listed too if their names are valid.
    pub fn list(&self, prefix: &str) -> Result<Vec<(String, u64)>, StoreError> {
        name::check_prefix(prefix)?;
        match &*self.store {
            Store::Local(local) => local.list(prefix),
            Store::Remote(remote) => remote.list(prefix),
            Store::Twin(twin) => twin.first.list(prefix),
        }
    }

    /// Removes, durable on return; an object that is not there is no error.
    pub fn delete(&self, name: &str) -> Result<(), StoreError> {
        name::check(name)?;
        match &*self.store {
            Store::Local(local) => local.delete(name),
            Store::Remote(remote) => remote.delete(name),
            Store::Twin(twin) => twin.take_away(|objects| objects.delete(name)),
        }
    }

    /// Makes durable what of these names is there. Objects seen after a crash may still need it; see [`Objects`].
    pub fn settle(&self, names: &[&str]) -> Result<(), StoreError> {
        names.iter().try_for_each(|name| name::check(name))?;
        match &*self.store {
            Store::Local(local) => local.settle(names),
            Store::Remote(_) => Ok(()),
            Store::Twin(twin) => twin.write(|objects| objects.settle(names)),
        }
    }

    /// Paths (below the root) and sizes of unfinished objects that processes which are gone left behind.
    ///
    /// On S3 always empty: unfinished uploads are not objects, and the bucket should be told to drop them after some
    /// days (lifecycle rule `AbortIncompleteMultipartUpload`).
    pub fn leftovers(&self) -> Result<Vec<(String, u64)>, StoreError> {
        match &*self.store {
            Store::Local(local) => local.leftovers(),
            Store::Remote(_) => Ok(Vec::new()),
            Store::Twin(twin) => twin.first.leftovers(),
        }
    }

    /// Removes the leftovers, and returns them as [`Objects::leftovers`] does. Live processes keep theirs.
    pub fn sweep_temporary(&self) -> Result<Vec<(String, u64)>, StoreError> {
        match &*self.store {
            Store::Local(local) => local.sweep(),
            Store::Remote(_) => Ok(Vec::new()),
            Store::Twin(twin) => {
                // What is left over in a mirror that is away waits for the next sweep.
                let _ = twin.mirror.sweep_temporary();
                twin.first.sweep_temporary()
            }
        }
    }

    /// The folder, if the store is local.
    pub fn local_root(&self) -> Option<&Path> {
        match &*self.store {
            Store::Local(local) => Some(local.root()),
            Store::Remote(_) => None,
            Store::Twin(twin) => twin.first.local_root(),
        }
    }

    /// The disk that the store was opened with.
    pub fn disk(&self) -> &Disk {
        &self.disk
    }
}

/// An object being written; it appears, whole, with [`ObjectWriter::finish`]. Dropped before, it leaves nothing.
///
/// As [`Write`], its errors are [`io::Error`]s that hold a [`StoreError`]; [`ObjectWriter::append`] gives them bare.
/// Small writes are gathered.
pub struct ObjectWriter {
    sink: Sink,
    name: String,
    objects: Objects,
    failed: bool,
}

enum Sink {
    Local(LocalWriter),
    Remote(RemoteWriter),
    Twin(TwinWriter),
}

impl ObjectWriter {
    /// Appends. After a failure the object cannot be finished any more ([`StoreError::Unfinished`]).
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let appended = match &mut self.sink {
            Sink::Local(writer) => writer.write(bytes),
            Sink::Remote(writer) => writer.write(bytes),
            Sink::Twin(writer) => writer.write(bytes),
        };
        appended.inspect_err(|_| self.failed = true)
    }

    /// Makes the object visible, replacing an older one, and durable. If its flush fails it does not appear.
    pub fn finish(self) -> Result<(), StoreError> {
        self.objects.clone().finish_many(vec![self])
    }

    /// The name that the object will have.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Write for ObjectWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.append(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An object open for reading, from several threads if need be.
///
/// A local reader goes on reading what it opened even if the object is replaced or deleted meanwhile; one on S3 sees
/// the object of the moment.
pub struct ObjectReader {
    source: Source,
    size: u64,
}

enum Source {
    Local(DiskFile),
    Remote(RemoteReader),
}

impl ObjectReader {
    /// Fills `buf` from `offset` (bytes); [`StoreError::Short`] if the object ends before.
    pub fn read_at(&self, offset: u64, buf: &mut [u8]) -> Result<(), StoreError> {
        match &self.source {
            Source::Local(file) => file.read_at(offset, buf),
            Source::Remote(reader) => reader.read_at(offset, buf),
        }
    }

    /// The size in bytes when it was opened.
    pub fn size(&self) -> u64 {
        self.size
    }
}

fn check_distinct<'a>(names: impl Iterator<Item = &'a str>) -> Result<(), StoreError> {
    let mut seen = HashSet::new();
    for name in names {
        name::check(name)?;
        if !seen.insert(name) {
            return Err(StoreError::BadName {
                name: name.to_owned(),
                reason: "it is given twice in one call",
            });
        }
    }
    Ok(())
}
