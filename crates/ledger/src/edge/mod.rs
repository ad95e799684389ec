//! The growing edge: where new events become durable, before they are in full tiles and bundles.
//!
//! On a local disk it is one file, on S3 one object a frame; both hold the same head and frames.

pub(crate) mod frame;
pub(crate) mod head;
pub(crate) mod local;
pub(crate) mod remote;
pub(crate) mod scan;

use comity_core::digest::Digest;
use comity_store::Objects;

use crate::error::LedgerError;
use crate::levels::Levels;
use crate::record::{Batch, Record};
use frame::{Event, Frame};
use head::Head;
use local::Local;
use remote::Remote;

/// A frame and where it lies.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    /// Where the frame begins in the edge's file; 0 on S3.
    pub(crate) base: u64,
    pub(crate) frame: Frame,
}

/// Where an event lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// The first index of its frame, which names the object on S3.
    pub(crate) frame: u64,
    /// Where its entry's length stands, in the edge's file or the frame's object.
    pub(crate) at: u64,
    pub(crate) entry_len: u16,
    pub(crate) body_len: u32,
}

impl Place {
    pub(crate) fn end(&self) -> u64 {
        self.at + frame::event_len(usize::from(self.entry_len), self.body_len as usize)
    }
}

/// What the edge holds, in memory: hashes and places, no entries and no bodies.
#[derive(Clone, Debug, Default)]
pub(crate) struct State {
    pub(crate) head: Head,
    pub(crate) places: Vec<Place>,
    pub(crate) levels: Levels,
}

impl State {
    /// The state that `head` and the frames after it make; `None` if the head fits no tree.
    pub(crate) fn new(head: Head, frames: &[Placed]) -> Option<State> {
        let levels = Levels::restore(head.first, &head.upper)?;
        let mut state = State {
            head,
            places: Vec::new(),
            levels,
        };
        for placed in frames {
            state.extend(placed);
        }
        Some(state)
    }

    pub(crate) fn size(&self) -> u64 {
        self.levels.size()
    }

    /// Adds the events of a frame that are not here yet.
    pub(crate) fn extend(&mut self, placed: &Placed) {
        let known = self.size().saturating_sub(placed.frame.first);
        for event in self.place(placed, known) {
            self.levels.push(event.hash);
        }
    }

    /// Notes where the events of a frame lie, but for the first `known`, and gives them.
    pub(crate) fn place<'a>(&mut self, placed: &'a Placed, known: u64) -> &'a [Event] {
        let known = usize::try_from(known)
            .unwrap_or(usize::MAX)
            .min(placed.frame.events.len());
        let events = &placed.frame.events[known..];
        self.places.extend(events.iter().map(|event| Place {
            frame: placed.frame.first,
            at: placed.base + event.at,
            entry_len: event.entry_len,
            body_len: event.body_len,
        }));
        events
    }

    /// The places of leaves `from..to`, if they are in the edge.
    pub(crate) fn places(&self, from: u64, to: u64) -> Option<&[Place]> {
        let from = usize::try_from(from.checked_sub(self.head.first)?).ok()?;
        let to = usize::try_from(to.checked_sub(self.head.first)?).ok()?;
        self.places.get(from..to)
    }
}

/// What another process may have done to the edge since it was last read.
pub(crate) enum News {
    Unchanged,
    Grown(Vec<Placed>),
    Replaced(Head, Vec<Placed>),
}

/// Where the edge lies.
pub(crate) enum Edge {
    Local(Local),
    Remote(Remote),
}

impl Edge {
    pub(crate) fn of(objects: &Objects) -> Edge {
        match objects.local_root() {
            Some(root) => Edge::Local(Local::new(root, objects.clone())),
            None => Edge::Remote(Remote::new(objects.clone())),
        }
    }

    /// Reads the whole edge. `published` is the size of the published checkpoint, which was read before.
    pub(crate) fn load(&mut self, published: u64) -> Result<(Head, Vec<Placed>), LedgerError> {
        match self {
            Edge::Local(local) => local.load(published),
            Edge::Remote(remote) => remote.load(),
        }
    }

    /// Reads what is new since the edge was last read.
    pub(crate) fn news(&mut self, state: &State, published: u64) -> Result<News, LedgerError> {
        match self {
            Edge::Local(local) => local.news(state.size(), published),
            Edge::Remote(remote) => remote.news(state),
        }
    }

    /// Appends a frame, durable on return; it begins at `state.size()`.
    pub(crate) fn append(
        &mut self,
        state: &State,
        records: &[Record],
    ) -> Result<Placed, LedgerError> {
        match self {
            Edge::Local(local) => local.append(&state.head, state.size(), records),
            Edge::Remote(remote) => remote.append(&state.head, state.size(), records),
        }
    }

    /// Puts an edge of `head` and the events from its first on in the place of this one, durable on return.
    pub(crate) fn replace(
        &mut self,
        former: &Head,
        head: &Head,
        rest: &Batch,
    ) -> Result<Vec<Placed>, LedgerError> {
        match self {
            Edge::Local(local) => local.replace(head, rest),
            Edge::Remote(remote) => remote.replace(former, head),
        }
    }

    /// Makes durable what another process wrote and may not have flushed before it ended.
    pub(crate) fn make_durable(&mut self) -> Result<(), LedgerError> {
        match self {
            Edge::Local(local) => local.make_durable(),
            Edge::Remote(_) => Ok(()),
        }
    }

    /// Whether a write failed so that the edge must be written anew before it is trusted.
    pub(crate) fn is_doubtful(&self) -> bool {
        matches!(self, Edge::Local(local) if local.is_doubtful())
    }

    /// Whether the edge is so large that it should be trimmed; `events` are in it.
    pub(crate) fn is_full(&self, events: usize) -> bool {
        const EVENTS: usize = 65_536;
        events > EVENTS
            || match self {
                Edge::Local(local) => local.is_full(),
                Edge::Remote(remote) => remote.is_full(),
            }
    }

    /// What was dropped or passed over when the edge was read, as sentences.
    pub(crate) fn recovered(&self) -> Option<String> {
        match self {
            Edge::Local(local) => local.tail(),
            Edge::Remote(_) => None,
        }
    }

    /// Reads events, at most a bundle of them; `hashes` are their leaf hashes. `None` if they have left the edge.
    pub(crate) fn read(
        &self,
        first: u64,
        places: &[Place],
        hashes: &[Digest],
    ) -> Result<Option<Batch>, LedgerError> {
        let mut batch = Batch {
            first,
            ..Batch::default()
        };
        let mut rest = places;
        while let Some(start) = rest.first() {
            let run = match self {
                Edge::Local(_) => rest.len(),
                Edge::Remote(_) => rest
                    .iter()
                    .take_while(|place| place.frame == start.frame)
                    .count(),
            };
            let (now, later) = rest.split_at(run);
            let end = now.last().map_or(start.end(), Place::end);
            let bytes = match self {
                Edge::Local(local) => local.read(start.at, end)?,
                Edge::Remote(remote) => match remote.read(start.frame, start.at, end)? {
                    Some(bytes) => bytes,
                    None => return Ok(None),
                },
            };
            for place in now {
                let index = first + batch.len() as u64;
                let event = usize::try_from(place.at - start.at)
                    .ok()
                    .and_then(|at| bytes.get(at..));
                let event = event.and_then(|mut event| frame::split_event(&mut event));
                let hash = hashes.get(batch.len());
                let (Some((entry, body)), Some(hash)) = (event, hash) else {
                    return Err(self.changed(place, index));
                };
                if comity_core::leaf::leaf_hash(entry) != *hash {
                    return Err(self.changed(place, index));
                }
                batch.push(*hash, entry, body);
            }
            rest = later;
        }
        Ok(Some(batch))
    }

    fn changed(&self, place: &Place, index: u64) -> LedgerError {
        let file = match self {
            Edge::Local(_) => crate::names::EDGE.to_owned(),
            Edge::Remote(_) => crate::names::frame(place.frame),
        };
        LedgerError::corrupt(
            file,
            format!("event {index} has changed since the edge was opened"),
        )
    }
}
