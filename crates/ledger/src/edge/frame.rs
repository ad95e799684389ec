//! A frame of the growing edge, byte by byte (`docs/format/ledger.md`, Edge).

use comity_core::digest::{Digest, Sha256Hasher};
use comity_core::leaf::leaf_hash;

const MAGIC: &[u8; 4] = b"GRP1";
/// Bytes before the payload.
pub(crate) const HEADER: usize = 24;
/// Bytes after the payload.
pub(crate) const TRAILER: usize = 32;

/// Where an event lies in its frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) hash: Digest,
    /// Where the entry's length stands, in bytes from the beginning of the frame.
    pub(crate) at: u64,
    pub(crate) entry_len: u16,
    pub(crate) body_len: u32,
}

impl Event {
    /// Bytes of the event with both lengths.
    pub(crate) fn len(&self) -> u64 {
        event_len(usize::from(self.entry_len), self.body_len as usize)
    }
}

/// A frame that was read and whose digest fits.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) first: u64,
    pub(crate) events: Vec<Event>,
    /// Bytes of the whole frame.
    pub(crate) len: u64,
}

/// The header of a frame, not yet trusted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    pub(crate) first: u64,
    pub(crate) count: u32,
    pub(crate) payload: u64,
}

impl Header {
    /// Reads a header; `None` if the bytes do not begin a frame.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Header> {
        let rest = bytes.strip_prefix(MAGIC)?;
        let (first, rest) = rest.split_first_chunk()?;
        let (count, rest) = rest.split_first_chunk()?;
        let (payload, _) = rest.split_first_chunk()?;
        Some(Header {
            first: u64::from_be_bytes(*first),
            count: u32::from_be_bytes(*count),
            payload: u64::from_be_bytes(*payload),
        })
    }

    /// Bytes of the whole frame; `None` if no file can hold it.
    pub(crate) fn frame_len(&self) -> Option<u64> {
        self.payload.checked_add((HEADER + TRAILER) as u64)
    }
}

impl Frame {
    /// Reads the frame that `bytes` are, whole.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Frame, String> {
        let header = Header::parse(bytes).ok_or("no frame begins here")?;
        if header.frame_len() != Some(bytes.len() as u64) {
            return Err("the frame's length does not fit its header".into());
        }
        let (covered, digest) = bytes.split_at(bytes.len() - TRAILER);
        if Digest::of(covered).0 != digest {
            return Err(format!(
                "the digest of the frame of event {} does not fit",
                header.first
            ));
        }
        let mut events = Vec::with_capacity((header.count as usize).min(bytes.len() / 6));
        let mut rest = &covered[HEADER..];
        while !rest.is_empty() {
            let at = (covered.len() - rest.len()) as u64;
            let (entry, body) =
                split_event(&mut rest).ok_or("an event of the frame is cut short")?;
            let (entry_len, body_len) = (entry.len() as u16, body.len() as u32);
            events.push(Event {
                hash: leaf_hash(entry),
                at,
                entry_len,
                body_len,
            });
        }
        if events.is_empty() || events.len() != header.count as usize {
            return Err("the frame holds another number of events than its header says".into());
        }
        Ok(Frame {
            first: header.first,
            events,
            len: bytes.len() as u64,
        })
    }

    pub(crate) fn end(&self) -> u64 {
        self.first + self.events.len() as u64
    }
}

/// Takes one event off the front: entry and sealed body.
pub(crate) fn split_event<'a>(rest: &mut &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (len, after) = rest.split_first_chunk()?;
    let (entry, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
    let (len, after) = after.split_first_chunk()?;
    let (body, after) = after.split_at_checked(u32::from_be_bytes(*len) as usize)?;
    *rest = after;
    Some((entry, body))
}

/// Bytes of an event with both lengths.
pub(crate) fn event_len(entry: usize, body: usize) -> u64 {
    (2 + entry + 4 + body) as u64
}

/// Writes the frame of `events` that begins at `first`, in pieces of about `piece` bytes, and gives the place
/// of each event in it.
pub(crate) fn write<'a, E>(
    first: u64,
    events: impl Iterator<Item = (Digest, &'a [u8], &'a [u8])> + Clone,
    piece: usize,
    mut out: impl FnMut(&[u8]) -> Result<(), E>,
) -> Result<Frame, E> {
    let payload: u64 = events
        .clone()
        .map(|(_, entry, body)| event_len(entry.len(), body.len()))
        .sum();
    let count = events.clone().count();
    let mut hasher = Sha256Hasher::new();
    let mut buffer = Vec::with_capacity(piece.min(payload as usize + HEADER + TRAILER) + 4096);
    buffer.extend_from_slice(MAGIC);
    buffer.extend_from_slice(&first.to_be_bytes());
    buffer.extend_from_slice(&(count as u32).to_be_bytes());
    buffer.extend_from_slice(&payload.to_be_bytes());
    let mut places = Vec::with_capacity(count);
    let mut at = HEADER as u64;
    for (hash, entry, body) in events {
        let event = Event {
            hash,
            at,
            entry_len: entry.len() as u16,
            body_len: body.len() as u32,
        };
        at += event.len();
        places.push(event);
        buffer.extend_from_slice(&event.entry_len.to_be_bytes());
        buffer.extend_from_slice(entry);
        buffer.extend_from_slice(&event.body_len.to_be_bytes());
        buffer.extend_from_slice(body);
        if buffer.len() >= piece {
            hasher.update(&buffer);
            out(&buffer)?;
            buffer.clear();
        }
    }
    hasher.update(&buffer);
    buffer.extend_from_slice(&hasher.finish().0);
    out(&buffer)?;
    Ok(Frame {
        first,
        events: places,
        len: at + TRAILER as u64,
    })
}
