//! The files of an image as one after the other, for a reader that asks for ranges. A few of them are open at a time.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use comity_extract::Source;
use comity_seal::Key;
use comity_vault::ObjectReader;

use super::Segment;
use crate::centre::Centre;
use crate::reading::job::Sealed;

/// Files besides the first one that are open at a time.
const OPEN: usize = 4;

/// An item's own bytes, and those of the files that may follow it in its image.
pub struct Joined<'a> {
    centre: &'a Centre,
    own: &'a Sealed,
    segments: &'a [Arc<Segment>],
    sizes: Vec<u64>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The files used last, the newest one at the end.
    open: VecDeque<(usize, Arc<ObjectReader>)>,
    /// The file whose bytes could not be had, and why.
    failed: Option<(usize, String)>,
}

impl<'a> Joined<'a> {
    /// The item's own bytes, and these after them.
    pub fn new(centre: &'a Centre, own: &'a Sealed, segments: &'a [Arc<Segment>]) -> Joined<'a> {
        Joined {
            centre,
            own,
            segments,
            sizes: segments.iter().map(|segment| segment.item.size).collect(),
            state: Mutex::default(),
        }
    }

    /// Bytes of the item itself.
    pub fn own_size(&self) -> u64 {
        self.own.0.size()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which of the files that follow failed, where one did, and why.
    pub fn failed(&self) -> Option<(usize, String)> {
        self.state().failed.take()
    }

    fn reader(&self, at: usize) -> io::Result<Arc<ObjectReader>> {
        let mut state = self.state();
        if let Some(found) = state.open.iter().position(|(known, _)| *known == at)
            && let Some(used) = state.open.remove(found)
        {
            let reader = used.1.clone();
            state.open.push_back(used);
            return Ok(reader);
        }
        let segment = self.segments.get(at).ok_or(io::ErrorKind::UnexpectedEof)?;
        let key = Key::new(segment.secret.second);
        let opened = self
            .centre
            .vault
            .open_object(&segment.place, &key, segment.object);
        let reader = Arc::new(opened.map_err(io::Error::other)?);
        if reader.size() != segment.item.size {
            return Err(io::Error::other("it is not as long as it was recorded"));
        }
        if state.open.len() == OPEN {
            state.open.pop_front();
        }
        state.open.push_back((at, reader.clone()));
        Ok(reader)
    }

    fn of_segment(&self, at: usize, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        let read = self
            .reader(at)
            .and_then(|reader| reader.read_at(offset, buffer).map_err(io::Error::other));
        read.inspect_err(|error| self.state().failed = Some((at, error.to_string())))
    }
}

impl Source for Joined<'_> {
    fn size(&self) -> io::Result<u64> {
        self.own.size()
    }

    fn more(&self) -> &[u64] {
        &self.sizes
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        let (mut rest, mut start) = (buffer, 0u64);
        let mut at = offset;
        let sizes = std::iter::once(self.own_size()).chain(self.sizes.iter().copied());
        for (index, size) in sizes.enumerate() {
            let end = start.saturating_add(size);
            if rest.is_empty() {
                break;
            }
            if at < end {
                let here = (end - at).min(rest.len() as u64) as usize;
                let (now, after) = rest.split_at_mut(here);
                match index.checked_sub(1) {
                    None => self.own.read_exact_at(now, at)?,
                    Some(index) => self.of_segment(index, at - start, now)?,
                }
                at += here as u64;
                rest = after;
            }
            start = end;
        }
        match rest.is_empty() {
            true => Ok(()),
            false => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}
