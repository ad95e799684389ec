//! The edge as far as it can be read, damaged or not.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::path::Path;

use comity_core::digest::Digest;
use comity_store::{Objects, Op, StoreError};

use super::{Findings, event_faults, grow};
use crate::edge::frame::{Frame, HEADER, TRAILER, split_event};
use crate::edge::head::{Head, MAX_LEN};
use crate::edge::scan;
use crate::error::LedgerError;
use crate::levels::{Levels, WIDTH};
use crate::names;

/// What the edge says, as far as it can be read.
#[derive(Debug, Default)]
pub(super) struct EdgeView {
    is_remote: bool,
    /// Whether it is missing or a part of it cannot be read, which is a finding already.
    pub(super) is_damaged: bool,
    pub(super) head: Option<Head>,
    /// The index of the first leaf in the edge; a guess if the head cannot be read.
    pub(super) first: u64,
    /// Leaf hashes from `first` on; `None` for those in a frame that cannot be read.
    leaves: Vec<Option<Digest>>,
}

impl EdgeView {
    pub(super) fn end(&self) -> u64 {
        self.first + self.leaves.len() as u64
    }

    pub(super) fn name(&self) -> &'static str {
        if self.is_remote {
            names::EDGE_HEAD
        } else {
            names::EDGE
        }
    }

    pub(super) fn is_remote(&self) -> bool {
        self.is_remote
    }

    /// The root at `size` by the edge alone; `None` if it does not reach that far back or cannot be read.
    pub(super) fn root_at(&self, size: u64) -> Option<Digest> {
        let head = self.head.as_ref()?;
        self.grow(Levels::restore(head.first, &head.upper)?, size)
    }

    /// The root at `size` of a tree that is `levels` at `first` and goes on with the edge's leaves.
    pub(super) fn grow(&self, levels: Levels, size: u64) -> Option<Digest> {
        grow(levels, &self.leaves, size)
    }

    /// Notes the leaves of a whole frame and what is wrong with them.
    fn take(&mut self, place: &str, bytes: &[u8], frame: &Frame, findings: &Findings) {
        let mut rest = &bytes[HEADER..bytes.len() - TRAILER];
        for index in frame.first.. {
            let Some((entry, body)) = split_event(&mut rest) else {
                break;
            };
            for fault in event_faults(entry, body) {
                findings.add(place, format!("event {index}: {fault}"));
            }
        }
        if self.head.is_none() && self.leaves.is_empty() {
            self.first = frame.first / WIDTH * WIDTH;
        }
        for (event, index) in frame.events.iter().zip(frame.first..) {
            let Some(at) = index
                .checked_sub(self.first)
                .and_then(|at| usize::try_from(at).ok())
            else {
                continue;
            };
            if at >= self.leaves.len() {
                self.leaves.resize(at, None);
                self.leaves.push(Some(event.hash));
            }
        }
    }
}

/// Reads the edge. `listed` are the files of the ledger; `published` is the size of the checkpoint.
pub(super) fn view(
    objects: &Objects,
    listed: &[(String, u64)],
    published: u64,
    findings: &Findings,
) -> Result<EdgeView, LedgerError> {
    let mut view = EdgeView {
        is_remote: objects.local_root().is_none(),
        ..EdgeView::default()
    };
    let bundles = (0..).take_while(|bundle| {
        let name = names::entries(*bundle);
        listed
            .binary_search_by(|(listed, _)| listed.as_str().cmp(&name))
            .is_ok()
    });
    match objects.local_root() {
        Some(root) => {
            local(&root.join(names::EDGE), published, &mut view, findings).map_err(|source| {
                StoreError::Io {
                    op: Op::Read,
                    path: root.join(names::EDGE),
                    source,
                }
            })?
        }
        None => remote(objects, listed, &mut view, findings)?,
    }
    if view.head.is_none() && view.leaves.is_empty() {
        view.first = bundles.count() as u64 * WIDTH;
    }
    if view.head.is_none() && !view.is_damaged && view.end().max(published) > 0 {
        view.is_damaged = true;
        findings.add(view.name(), "it is missing, and with it the newest events");
    }
    Ok(view)
}

fn local(path: &Path, published: u64, view: &mut EdgeView, findings: &Findings) -> io::Result<()> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let len = file.metadata()?.len();
    let mut at = 0;
    match Head::parse(&scan::read(&file, 0, len.min(MAX_LEN as u64))?) {
        Ok((head, head_len)) => {
            at = head_len as u64;
            view.first = head.first;
            view.head = Some(head);
        }
        Err(what) => {
            view.is_damaged = true;
            findings.add(names::EDGE, format!("its head: {what}"));
            at = scan::next_frame(&file, at, len)?.unwrap_or(len);
        }
    }
    while at < len {
        let read = scan::read_frame_bytes(&file, at, len)?;
        let fault = match read.and_then(|bytes| Frame::parse(&bytes).map(|frame| (bytes, frame))) {
            Ok((_, frame))
                if frame.first != view.end()
                    && !(view.head.is_none() && view.leaves.is_empty()) =>
            {
                format!(
                    "the frame begins at event {} and should begin at {}",
                    frame.first,
                    view.end()
                )
            }
            Ok((bytes, frame)) => {
                view.take(names::EDGE, &bytes, &frame, findings);
                at += frame.len;
                continue;
            }
            Err(fault) => fault,
        };
        let next = next_known_frame(&file, at, len, view.end())?;
        // What does not fit at the end and lies past the checkpoint was never acknowledged.
        if next.is_some() || view.end() < published {
            view.is_damaged = true;
            let lost = view.end();
            findings.add(
                names::EDGE,
                format!("at byte {at}, from event {lost} on: {fault}"),
            );
        }
        let Some((place, first)) = next else { break };
        let lost = usize::try_from(first - view.first).unwrap_or(usize::MAX);
        view.leaves.resize(lost, None);
        at = place;
    }
    Ok(())
}

/// The next whole frame after byte `at` that holds events from `index` on: its place and first event.
fn next_known_frame(
    file: &File,
    mut at: u64,
    len: u64,
    index: u64,
) -> io::Result<Option<(u64, u64)>> {
    // More events than bytes cannot be between two frames of one file.
    let limit = index.saturating_add(len);
    while let Some(place) = scan::next_frame(file, at, len)? {
        if let Ok(frame) = scan::read_frame(file, place, len)?
            && frame.first > index
            && frame.first <= limit
        {
            return Ok(Some((place, frame.first)));
        }
        at = place;
    }
    Ok(None)
}

fn remote(
    objects: &Objects,
    listed: &[(String, u64)],
    view: &mut EdgeView,
    findings: &Findings,
) -> Result<(), LedgerError> {
    if let Some(bytes) = objects.get(names::EDGE_HEAD)? {
        match Head::parse(&bytes) {
            Ok((head, len)) if len == bytes.len() => {
                view.first = head.first;
                view.head = Some(head);
            }
            Ok(_) => findings.add(names::EDGE_HEAD, "something follows the head"),
            Err(what) => findings.add(names::EDGE_HEAD, what),
        }
        view.is_damaged = view.head.is_none();
    }
    let mut firsts: Vec<u64> = listed
        .iter()
        .filter_map(|(name, _)| names::parse_frame(name))
        .collect();
    firsts.sort_unstable();
    for (at, first) in firsts.iter().enumerate() {
        let next = firsts.get(at + 1).copied();
        if view.head.is_some() && next.is_some_and(|next| next <= view.first) {
            continue;
        }
        let name = names::frame(*first);
        let Some(bytes) = objects.get(&name)? else {
            continue;
        };
        match Frame::parse(&bytes) {
            Ok(frame) if frame.first != *first => {
                view.is_damaged = true;
                findings.add(name, format!("it holds the frame of event {}", frame.first));
            }
            Ok(frame) => {
                if view.head.is_some() && frame.first > view.end() {
                    view.is_damaged = true;
                    findings.add(
                        names::frame(view.end()),
                        "it is missing, and later ones are there",
                    );
                }
                view.take(&name, &bytes, &frame, findings);
            }
            Err(what) => {
                view.is_damaged = true;
                findings.add(name, what);
                if let Some(lost) = next.and_then(|next| next.checked_sub(view.first)) {
                    view.leaves.resize(
                        usize::try_from(lost).unwrap_or(0).max(view.leaves.len()),
                        None,
                    );
                }
            }
        }
    }
    Ok(())
}
