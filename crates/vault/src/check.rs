//! Checking a pack without a key.

use std::fmt;
use std::ops::ControlFlow;

use comity_core::{Finding, ObjectId};
use comity_store::{ObjectReader as File, StoreError};

use crate::hashes::Sha256;
use crate::index::{DIGEST, Ends, GAP, follows, walk_index};
use crate::pack::{HEADER_LEN, IndexEntry};
use crate::{Vault, VaultError};

/// Bytes read from the store in one go.
const PIECE: u64 = 1 << 20;

/// One thing wrong with a pack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PackFinding {
    /// The pack's name in the store.
    pub pack: String,
    /// The object that is damaged; `None` for header, index and trailer.
    pub object: Option<ObjectId>,
    /// Where the damaged part begins, in bytes from the start of the pack.
    pub at: u64,
    /// What is wrong, as a sentence without its full stop.
    pub what: String,
}

impl fmt::Display for PackFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.object {
            Some(object) => write!(
                f,
                "{}: object {object} at byte {}: {}",
                self.pack, self.at, self.what
            ),
            None => write!(f, "{}: near byte {}: {}", self.pack, self.at, self.what),
        }
    }
}

impl From<PackFinding> for Finding {
    fn from(found: PackFinding) -> Self {
        let what = match found.object {
            Some(object) => format!("object {object} at byte {}: {}", found.at, found.what),
            None => format!("near byte {}: {}", found.at, found.what),
        };
        Finding::new(found.pack, what)
    }
}

impl Vault {
    /// Checks a pack without any key: its header, index and trailer, and each object's digest.
    /// Memory is bounded (some 2 MiB). Returns all findings; none means that every byte of the
    /// file is the one that was written.
    ///
    /// # Errors
    /// [`VaultError::Store`] if the pack cannot be opened at all.
    pub fn check_pack(&self, name: &str) -> Result<Vec<PackFinding>, VaultError> {
        self.check_pack_paced(name, &mut |_| {})
    }

    /// As [`Vault::check_pack`]; `pace` is told of every read how many bytes it had, and may
    /// wait, so that a check in the background leaves the disk to others.
    ///
    /// # Errors
    /// As [`Vault::check_pack`].
    pub fn check_pack_paced(
        &self,
        name: &str,
        pace: &mut dyn FnMut(u64),
    ) -> Result<Vec<PackFinding>, VaultError> {
        let file = self.store().reader(name)?;
        let mut check = Check {
            name,
            file: &file,
            pace,
            findings: Vec::new(),
            buffer: Vec::new(),
        };
        check.run();
        Ok(check.findings)
    }
}

struct Check<'a> {
    name: &'a str,
    file: &'a File,
    pace: &'a mut dyn FnMut(u64),
    findings: Vec<PackFinding>,
    buffer: Vec<u8>,
}

impl Check<'_> {
    fn find(&mut self, object: Option<ObjectId>, at: u64, what: impl Into<String>) {
        self.findings.push(PackFinding {
            pack: self.name.to_owned(),
            object,
            at,
            what: what.into(),
        });
    }

    fn unreadable(&mut self, object: Option<ObjectId>, at: u64, error: &StoreError) {
        self.find(object, at, format!("it cannot be read: {error}"));
    }

    fn run(&mut self) {
        let ends = match Ends::read(self.name, self.file) {
            Ok(ends) => ends,
            Err(error) => return self.unreadable(None, 0, &error),
        };
        if let Err((at, what)) = ends.header {
            self.find(None, at, what);
        }
        let trailer = match &ends.trailer {
            Ok(trailer) => *trailer,
            // One finding is enough for a file that is too short for either end.
            Err(fault) if ends.header.is_err_and(|header| header == *fault) => return,
            Err((at, what)) => return self.find(None, *at, *what),
        };
        let mut next = HEADER_LEN as u64;
        let mut whole = true;
        let walked = walk_index(self.file, &ends, &trailer, |nth, entry| {
            match follows(&mut next, nth, &entry, &trailer) {
                Ok(()) => self.object(&entry),
                Err((at, what)) => {
                    whole = false;
                    self.find(Some(entry.object), at, what);
                    // The entry after it is judged by where this one should have ended.
                    next = entry
                        .end()
                        .filter(|end| *end <= trailer.index_at)
                        .unwrap_or(next);
                }
            }
            ControlFlow::Continue(())
        });
        match walked {
            Ok(true) => {}
            Ok(false) => self.find(None, trailer.index_at, DIGEST),
            Err(error) => return self.unreadable(None, trailer.index_at, &error),
        }
        if whole && next != trailer.index_at {
            self.find(None, next, GAP);
        }
    }

    /// Holds an object's bytes against its digest.
    fn object(&mut self, entry: &IndexEntry) {
        let mut digest = Sha256::new();
        let mut done = 0;
        while done < entry.len {
            let now = PIECE.min(entry.len - done);
            self.buffer.resize(now as usize, 0);
            if let Err(error) = self.file.read_at(entry.offset + done, &mut self.buffer) {
                return self.unreadable(Some(entry.object), entry.offset + done, &error);
            }
            digest.update(&self.buffer);
            (self.pace)(now);
            done += now;
        }
        if digest.finish() != entry.sha256 {
            let what = format!(
                "its {} bytes do not agree with their digest in the index",
                entry.len
            );
            self.find(Some(entry.object), entry.offset, what);
        }
    }
}
