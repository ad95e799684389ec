//! The growing edge on S3: a head and one object a frame.
//!
//! An object appears whole or not at all, so nothing is ever torn here. A frame that lies wholly before the head
//! is what a trim had no time to delete; one that begins before the head and ends after it is in use.

use comity_store::{Objects, StoreError};

use super::frame::{self, Frame};
use super::head::Head;
use super::{News, Placed, State};
use crate::error::LedgerError;
use crate::names;
use crate::parallel::in_parallel;
use crate::record::Record;

/// Requests in flight at a time.
const THREADS: usize = 8;
/// Frames after which the edge is trimmed: each is one request when the ledger is opened.
const FRAMES: usize = 256;
const BYTES: u64 = 128 << 20;

pub(crate) struct Remote {
    objects: Objects,
    has_head: bool,
    /// First index and length in bytes of each frame that is in use, in order.
    frames: Vec<(u64, u64)>,
}

/// A frame that was listed has gone: another process has trimmed meanwhile.
struct Moved;

impl Remote {
    pub(crate) fn new(objects: Objects) -> Remote {
        Remote {
            objects,
            has_head: false,
            frames: Vec::new(),
        }
    }

    pub(crate) fn load(&mut self) -> Result<(Head, Vec<Placed>), LedgerError> {
        const TRIES: usize = 8;
        for _ in 0..TRIES {
            let head = self.head()?;
            match self.frames_after(head.as_ref().map_or(0, |head| head.first)) {
                Ok(Ok(placed)) => {
                    if head.is_none() && !placed.is_empty() {
                        return Err(LedgerError::corrupt(names::EDGE_HEAD, "it is missing"));
                    }
                    self.has_head = head.is_some();
                    self.remember(&placed);
                    return Ok((head.unwrap_or_default(), placed));
                }
                Ok(Err(Moved)) => {}
                Err(error) if self.head()? == head => return Err(error),
                Err(_) => {}
            }
        }
        Err(LedgerError::corrupt(
            names::EDGE_HEAD,
            "frames vanish while they are read, and the head stays",
        ))
    }

    fn remember(&mut self, placed: &[Placed]) {
        self.frames = placed
            .iter()
            .map(|placed| (placed.frame.first, placed.frame.len))
            .collect();
    }

    fn head(&self) -> Result<Option<Head>, LedgerError> {
        let Some(bytes) = self.objects.get(names::EDGE_HEAD)? else {
            return Ok(None);
        };
        match Head::parse(&bytes) {
            Ok((head, len)) if len == bytes.len() => Ok(Some(head)),
            Ok(_) => Err(LedgerError::corrupt(
                names::EDGE_HEAD,
                "something follows the head",
            )),
            Err(what) => Err(LedgerError::corrupt(names::EDGE_HEAD, what)),
        }
    }

    /// First indices of the frames that are not wholly before leaf `first`, as far as their names tell.
    fn list(&self, first: u64) -> Result<Vec<u64>, LedgerError> {
        let listed = self.objects.list(names::EDGE_PREFIX)?;
        let mut firsts: Vec<u64> = listed
            .iter()
            .filter_map(|(name, _)| names::parse_frame(name))
            .collect();
        firsts.sort_unstable();
        let before = firsts
            .windows(2)
            .take_while(|pair| pair[1] <= first)
            .count();
        Ok(firsts.split_off(before.min(firsts.len())))
    }

    fn frames_after(&self, first: u64) -> Result<Result<Vec<Placed>, Moved>, LedgerError> {
        let firsts = self.list(first)?;
        let frames = match self.fetch(&firsts)? {
            Ok(frames) => frames,
            Err(moved) => return Ok(Err(moved)),
        };
        let mut next = first;
        let mut placed = Vec::new();
        for frame in frames {
            if frame.end() <= first {
                continue;
            }
            if frame.first > next || (frame.first < next && next != first) {
                let what = format!("the frame of event {next} is missing, and this one follows");
                return Err(LedgerError::corrupt(names::frame(frame.first), what));
            }
            next = frame.end();
            placed.push(Placed { base: 0, frame });
        }
        Ok(Ok(placed))
    }

    fn fetch(&self, firsts: &[u64]) -> Result<Result<Vec<Frame>, Moved>, LedgerError> {
        let mut frames = Vec::with_capacity(firsts.len());
        let fetched = in_parallel(THREADS, firsts, |first| {
            let Some(bytes) = self.objects.get(&names::frame(*first))? else {
                return Ok(None);
            };
            let frame = Frame::parse(&bytes).and_then(|frame| {
                let found = frame.first;
                (found == *first)
                    .then_some(frame)
                    .ok_or(format!("it holds the frame of event {found}"))
            });
            frame
                .map(Some)
                .map_err(|what| LedgerError::corrupt(names::frame(*first), what))
        });
        for frame in fetched {
            match frame? {
                Some(frame) => frames.push(frame),
                None => return Ok(Err(Moved)),
            }
        }
        Ok(Ok(frames))
    }

    pub(crate) fn news(&mut self, state: &State) -> Result<News, LedgerError> {
        let head = self.head()?;
        let size = state.size();
        if head.is_some() == self.has_head && head.as_ref().is_none_or(|head| *head == state.head) {
            let mut firsts = self.list(state.head.first)?;
            firsts.retain(|first| *first >= size);
            if firsts.is_empty() {
                return Ok(News::Unchanged);
            }
            if firsts.first() == Some(&size)
                && let Ok(frames) = self.fetch(&firsts)?
                && frames.windows(2).all(|pair| pair[0].end() == pair[1].first)
            {
                self.frames
                    .extend(frames.iter().map(|frame| (frame.first, frame.len)));
                return Ok(News::Grown(
                    frames
                        .into_iter()
                        .map(|frame| Placed { base: 0, frame })
                        .collect(),
                ));
            }
        }
        self.load()
            .map(|(head, placed)| News::Replaced(head, placed))
    }

    pub(crate) fn append(
        &mut self,
        head: &Head,
        first: u64,
        records: &[Record],
    ) -> Result<Placed, LedgerError> {
        if !self.has_head {
            self.put_head(None, head)?;
        }
        let mut bytes = Vec::new();
        let events = records
            .iter()
            .map(|record| (record.hash, record.entry.as_slice(), record.body.as_slice()));
        let frame = frame::write(first, events, 1 << 20, |piece| {
            bytes.extend_from_slice(piece);
            Ok::<(), LedgerError>(())
        })?;
        let name = names::frame(first);
        if !self.objects.put_new(&name, &bytes)?
            && self.objects.get(&name)?.as_deref() != Some(&bytes[..])
        {
            // Another process wrote here after this one had looked: it has no lock, or lost it.
            return Err(LedgerError::Conflict { index: first });
        }
        self.frames.push((first, frame.len));
        Ok(Placed { base: 0, frame })
    }

    /// Moves the head on, then deletes the frames that lie wholly before it.
    pub(crate) fn replace(
        &mut self,
        former: &Head,
        head: &Head,
    ) -> Result<Vec<Placed>, LedgerError> {
        let former = self.has_head.then_some(former);
        self.put_head(former, head)?;
        let listed = self.objects.list(names::EDGE_PREFIX)?;
        let mut firsts: Vec<u64> = listed
            .iter()
            .filter_map(|(name, _)| names::parse_frame(name))
            .collect();
        firsts.sort_unstable();
        let mut gone: Vec<u64> = firsts
            .windows(2)
            .filter(|pair| pair[1] <= head.first)
            .map(|pair| pair[0])
            .collect();
        let kept = match firsts.last() {
            Some(last) if *last < head.first => self.fetch(&[*last])?.ok(),
            _ => None,
        };
        for frame in kept.into_iter().flatten() {
            if frame.end() <= head.first {
                gone.push(frame.first);
            }
        }
        for deleted in in_parallel(THREADS, &gone, |first| {
            self.objects.delete(&names::frame(*first))
        }) {
            deleted?;
        }
        self.frames.retain(|(first, _)| !gone.contains(first));
        Ok(Vec::new())
    }

    /// Puts a head in the place of the one that was read. A process that slept through the trims of others would
    /// otherwise put back a head whose frames are deleted.
    fn put_head(&mut self, former: Option<&Head>, head: &Head) -> Result<(), LedgerError> {
        let (former, head) = (former.map(Head::encode), head.encode());
        if !self
            .objects
            .put_over(names::EDGE_HEAD, former.as_deref(), &head)?
        {
            return Err(LedgerError::overtaken(names::EDGE_HEAD));
        }
        self.has_head = true;
        Ok(())
    }

    /// Bytes `from..to` of a frame's object; `None` if it is no longer there.
    pub(crate) fn read(
        &self,
        frame: u64,
        from: u64,
        to: u64,
    ) -> Result<Option<Vec<u8>>, LedgerError> {
        match self
            .objects
            .get_range(&names::frame(frame), from, to - from)
        {
            Ok(bytes) => Ok(Some(bytes)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    pub(crate) fn is_full(&self) -> bool {
        self.frames.len() > FRAMES || self.frames.iter().map(|(_, len)| len).sum::<u64>() > BYTES
    }
}
