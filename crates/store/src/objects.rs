//! Named, immutable byte strings on a local folder or on S3.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use crate::{disk::Disk, error::StoreError};

/// The keys to an S3 store.
#[derive(Clone)]
pub struct Credentials {
    /// As `AWS_ACCESS_KEY_ID`.
    pub access_key_id: String,
    /// As `AWS_SECRET_ACCESS_KEY`.
    pub secret_access_key: String,
}

impl Credentials {
    /// The keys in `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`; `None` if either is missing.
    pub fn from_env() -> Option<Credentials> {
        todo!()
    }
}

/// A store of named byte strings; clones are the same store.
#[derive(Clone)]
pub struct Objects {}

/// An object being written; it appears, whole, with [`ObjectWriter::finish`]. Dropped before, it leaves nothing.
pub struct ObjectWriter {}

/// An object open for reading, from several threads if need be.
pub struct ObjectReader {}

impl Objects {
    /// A store in the folder `root`, made if missing.
    pub fn local(_root: PathBuf, _disk: Disk) -> Result<Objects, StoreError> {
        todo!()
    }
    /// A store on S3: `s3://bucket/prefix?endpoint=http://127.0.0.1:9000&region=us-east-1&allow_http=true`.
    /// Of `disk` only the faults matter.
    pub fn from_url(_url: &str, _keys: &Credentials, _disk: Disk) -> Result<Objects, StoreError> {
        todo!()
    }
    /// Stores, replacing what was there; durable on return.
    pub fn put(&self, _name: &str, _bytes: &[u8]) -> Result<(), StoreError> {
        todo!()
    }
    /// Stores unless there is an object of this name; whether it was stored.
    pub fn put_new(&self, _name: &str, _bytes: &[u8]) -> Result<bool, StoreError> {
        todo!()
    }
    /// Stores all behind one durability barrier.
    pub fn put_many(&self, _objects: Vec<(String, Vec<u8>)>) -> Result<(), StoreError> {
        todo!()
    }
    /// Begins an object of unknown length.
    pub fn writer(&self, _name: &str) -> Result<ObjectWriter, StoreError> {
        todo!()
    }
    /// Finishes all behind one durability barrier.
    pub fn finish_many(&self, _writers: Vec<ObjectWriter>) -> Result<(), StoreError> {
        todo!()
    }
    /// The whole object; `None` if there is none.
    pub fn get(&self, _name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        todo!()
    }
    /// `len` bytes from `offset`; `NotFound` if there is no such object.
    pub fn get_range(&self, _name: &str, _offset: u64, _len: u64) -> Result<Vec<u8>, StoreError> {
        todo!()
    }
    /// The size in bytes; `None` if there is none.
    pub fn size(&self, _name: &str) -> Result<Option<u64>, StoreError> {
        todo!()
    }
    /// Opens for reading at any place; `NotFound` if there is no such object.
    pub fn reader(&self, _name: &str) -> Result<ObjectReader, StoreError> {
        todo!()
    }
    /// Names and sizes (bytes) of the objects whose name begins with `prefix`, sorted by name.
    pub fn list(&self, _prefix: &str) -> Result<Vec<(String, u64)>, StoreError> {
        todo!()
    }
    /// Removes; an object that is not there is no error.
    pub fn delete(&self, _name: &str) -> Result<(), StoreError> {
        todo!()
    }
    /// The folder, if the store is local.
    pub fn local_root(&self) -> Option<&Path> {
        todo!()
    }
    /// The disk that the store was opened with.
    pub fn disk(&self) -> &Disk {
        todo!()
    }
}

impl ObjectWriter {
    /// Makes the object visible and durable.
    pub fn finish(self) -> Result<(), StoreError> {
        todo!()
    }
}

impl Write for ObjectWriter {
    fn write(&mut self, _buf: &[u8]) -> io::Result<usize> {
        todo!()
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl ObjectReader {
    /// Fills `buf` from `offset` (bytes); an error if the object is too short.
    pub fn read_at(&self, _offset: u64, _buf: &mut [u8]) -> Result<(), StoreError> {
        todo!()
    }
    /// The object's size in bytes.
    pub fn size(&self) -> u64 {
        todo!()
    }
}
