//! The growing edge as one file on a local disk.
//!
//! A group of events is one write at the end and one flush. Everything else here is about the moments between:
//! a frame that a killed process left half written or unflushed, a flush that failed, an edge that another
//! process put in the place of the one that is open.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use comity_store::{DiskFile, Objects, Op, StoreError};

use super::frame::{self, Frame};
use super::head::{self, Head};
use super::scan::{self, Scan, Stop};
use super::{News, Placed};
use crate::error::LedgerError;
use crate::names;
use crate::record::{Batch, Record};

/// Which file it is, whatever its name: device and inode.
type Identity = (u64, u64);

/// Bytes written at a time.
const PIECE: usize = 1 << 20;

pub(crate) struct Local {
    objects: Objects,
    path: PathBuf,
    /// The file as it was last read. Kept open, it can be read after another has taken its name.
    file: Option<(File, Identity)>,
    writer: Option<DiskFile>,
    /// The end of the last frame that fits, in bytes.
    end: u64,
    /// What follows `end` and was never acknowledged.
    tail: Option<Stop>,
    /// Whether content up to `end`, and the file's name, are known to survive a loss of power.
    content_durable: bool,
    name_durable: bool,
    /// A write or flush failed and could not be undone: the file must be written anew.
    doubtful: bool,
}

impl Local {
    pub(crate) fn new(root: &Path, objects: Objects) -> Local {
        Local {
            path: root.join(names::EDGE),
            objects,
            file: None,
            writer: None,
            end: 0,
            tail: None,
            content_durable: true,
            name_durable: false,
            doubtful: false,
        }
    }

    pub(crate) fn load(&mut self, published: u64) -> Result<(Head, Vec<Placed>), LedgerError> {
        let Some((file, identity, len)) = self.open()? else {
            self.file = None;
            self.writer = None;
            (self.end, self.tail) = (0, None);
            if published > 0 {
                let what =
                    format!("it is missing, and a checkpoint of {published} events is published");
                return Err(LedgerError::corrupt(names::EDGE, what));
            }
            return Ok((Head::default(), Vec::new()));
        };
        let bytes = scan::read(&file, 0, len.min(head::MAX_LEN as u64))
            .map_err(|error| self.failed(error))?;
        let (head, head_len) =
            Head::parse(&bytes).map_err(|what| LedgerError::corrupt(names::EDGE, what))?;
        let frames = self.scan(&file, head_len as u64, len, head.first, published)?;
        self.writer = None;
        self.name_durable &= self
            .file
            .as_ref()
            .is_some_and(|(_, before)| *before == identity);
        self.file = Some((file, identity));
        Ok((head, frames))
    }

    pub(crate) fn news(&mut self, size: u64, published: u64) -> Result<News, LedgerError> {
        let found = match fs::metadata(&self.path) {
            Ok(metadata) => Some(((metadata.dev(), metadata.ino()), metadata.len())),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(self.failed(error)),
        };
        let known = self.file.as_ref().map(|(_, identity)| *identity);
        match (found, known) {
            (None, None) => Ok(News::Unchanged),
            (Some((identity, len)), Some(known))
                if identity == known && len >= self.end && !self.doubtful =>
            {
                if len == self.end {
                    self.tail = None;
                    return Ok(News::Unchanged);
                }
                let Some((file, identity)) = self.file.take() else {
                    return Ok(News::Unchanged);
                };
                let frames = self.scan(&file, self.end, len, size, published);
                self.file = Some((file, identity));
                let frames = frames?;
                Ok(if frames.is_empty() {
                    News::Unchanged
                } else {
                    News::Grown(frames)
                })
            }
            _ => self
                .load(published)
                .map(|(head, frames)| News::Replaced(head, frames)),
        }
    }

    /// Reads frames from byte `from`. What does not fit at the end was never acknowledged if it lies wholly past
    /// the published checkpoint and no whole frame follows it: a frame is flushed before the next is written.
    fn scan(
        &mut self,
        file: &File,
        from: u64,
        len: u64,
        index: u64,
        published: u64,
    ) -> Result<Vec<Placed>, LedgerError> {
        let Scan { frames, end, stop } =
            scan::scan(file, from, len, index).map_err(|error| self.failed(error))?;
        let size = frames.last().map_or(index, |placed| placed.frame.end());
        if let Some(stop) = &stop {
            let follows =
                scan::next_frame(file, stop.at, len).map_err(|error| self.failed(error))?;
            if size < published || follows.is_some() {
                let what = format!("at byte {}: {}", stop.at, stop.what);
                return Err(LedgerError::corrupt(names::EDGE, what));
            }
        }
        if size < published {
            let what = format!(
                "it ends at event {size}, and a checkpoint of {published} events is published"
            );
            return Err(LedgerError::corrupt(names::EDGE, what));
        }
        self.end = end;
        self.tail = stop;
        self.content_durable = size == published;
        Ok(frames)
    }

    pub(crate) fn append(
        &mut self,
        head: &Head,
        first: u64,
        records: &[Record],
    ) -> Result<Placed, LedgerError> {
        if self.file.is_none() {
            self.write_anew(head.encode())?;
        }
        self.settle_name()?;
        let base = self.end;
        let frame = match self.write_frame(first, records) {
            Ok(frame) => frame,
            Err(error) => {
                self.take_back();
                return Err(error);
            }
        };
        self.end = base + frame.len;
        self.content_durable = true;
        Ok(Placed { base, frame })
    }

    fn write_frame(&mut self, first: u64, records: &[Record]) -> Result<Frame, LedgerError> {
        let (mut at, has_tail) = (self.end, self.tail.is_some());
        let writer = self.writer()?;
        if has_tail {
            writer.set_len(at)?;
        }
        let events = records
            .iter()
            .map(|record| (record.hash, record.entry.as_slice(), record.body.as_slice()));
        let frame = frame::write(first, events, PIECE, |piece| {
            writer.write_at(at, piece)?;
            at += piece.len() as u64;
            Ok::<(), StoreError>(())
        })?;
        writer.sync()?;
        self.tail = None;
        Ok(frame)
    }

    /// Takes a frame back that could not be written or flushed. After a flush that failed nothing in the file that
    /// was not durable before can be trusted, whatever a later flush says.
    fn take_back(&mut self) {
        let end = self.end;
        let cut = self.writer().and_then(|writer| Ok(writer.set_len(end)?));
        if cut.is_ok() {
            self.tail = None;
        }
        self.doubtful |= cut.is_err() || !self.content_durable;
        self.writer = None;
    }

    pub(crate) fn replace(
        &mut self,
        head: &Head,
        rest: &Batch,
    ) -> Result<Vec<Placed>, LedgerError> {
        let mut bytes = head.encode();
        let base = bytes.len() as u64;
        let mut placed = Vec::new();
        if !rest.is_empty() {
            let events = rest
                .iter()
                .map(|event| (event.hash, event.entry, event.body))
                .collect::<Vec<_>>();
            let frame = frame::write(head.first, events.iter().copied(), PIECE, |piece| {
                bytes.extend_from_slice(piece);
                Ok::<(), LedgerError>(())
            })?;
            placed.push(Placed { base, frame });
        }
        self.write_anew(bytes)?;
        Ok(placed)
    }

    /// Puts a file of `bytes` in the edge's place, durable on return.
    fn write_anew(&mut self, bytes: Vec<u8>) -> Result<(), LedgerError> {
        // Should this fail after the rename, the name is the new file's and its durability unknown: the identity
        // differs then, and the next call reads the edge again.
        self.name_durable = false;
        self.objects.put(names::EDGE, &bytes)?;
        self.name_durable = true;
        self.content_durable = true;
        self.doubtful = false;
        self.tail = None;
        self.writer = None;
        self.end = bytes.len() as u64;
        self.file = self.open()?.map(|(file, identity, _)| (file, identity));
        Ok(())
    }

    pub(crate) fn make_durable(&mut self) -> Result<(), LedgerError> {
        if self.file.is_none() {
            return Ok(());
        }
        self.settle_name()?;
        if !self.content_durable {
            if let Err(error) = self.writer()?.sync() {
                self.doubtful = true;
                return Err(error.into());
            }
            self.content_durable = true;
        }
        Ok(())
    }

    /// Another process may have ended between the rename of this file and the flush of its folder: without that
    /// flush, what is appended here could be lost with the name.
    fn settle_name(&mut self) -> Result<(), LedgerError> {
        if !self.name_durable {
            self.objects.settle(&[names::EDGE])?;
            self.name_durable = true;
        }
        Ok(())
    }

    fn writer(&mut self) -> Result<&mut DiskFile, LedgerError> {
        let opened = match self.writer.take() {
            Some(writer) => writer,
            None => self.objects.disk().open_rw(&self.path)?,
        };
        Ok(self.writer.insert(opened))
    }

    fn open(&self) -> Result<Option<(File, Identity, u64)>, LedgerError> {
        let opened = File::open(&self.path).and_then(|file| {
            let metadata = file.metadata()?;
            Ok((file, (metadata.dev(), metadata.ino()), metadata.len()))
        });
        match opened {
            Ok(opened) => Ok(Some(opened)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    pub(crate) fn read(&self, from: u64, to: u64) -> Result<Vec<u8>, LedgerError> {
        let Some((file, _)) = &self.file else {
            return Err(LedgerError::corrupt(names::EDGE, "it is missing"));
        };
        scan::read(file, from, to).map_err(|error| self.failed(error))
    }

    pub(crate) fn is_doubtful(&self) -> bool {
        self.doubtful
    }

    pub(crate) fn is_full(&self) -> bool {
        self.end > 128 << 20
    }

    pub(crate) fn tail(&self) -> Option<String> {
        let Stop { at, what } = self.tail.as_ref()?;
        Some(format!(
            "{}: what follows byte {at} was never acknowledged and is left out ({what})",
            names::EDGE
        ))
    }

    fn failed(&self, source: io::Error) -> LedgerError {
        StoreError::Io {
            op: Op::Read,
            path: self.path.clone(),
            source,
        }
        .into()
    }
}
