//! Large groups: their full bundles lie in their places before the group is numbered, and each body is written once.
//!
//! Order, and what is true after a crash: [`Tree::put_ahead`] says in `ledger/ahead` how far they may reach, and makes
//! bundles and level-0 tiles durable past the tree's end. Nobody believes them, and another group's may take their
//! places. Once whoever numbers events has numbered these, [`Tree::take_up`] puts an edge in place that begins after
//! them, in one rename, as a trim does: after it they are believed.

use comity_core::digest::Digest;
use comity_store::Objects;

use crate::edge::State;
use crate::edge::head::Head;
use crate::error::LedgerError;
use crate::levels::WIDTH;
use crate::names;
use crate::record::{Batch, Record, StoredRef};
use crate::tree::{Tree, check_lengths};
use crate::trim::files;

/// Groups of fewer events go through the edge: one flush, and not one for each bundle.
const FEWEST: usize = 512;
/// Bundles that are made before they are written.
const AT_ONCE: usize = 32;
/// `ledger/ahead` is of a multiple of so many events, so that it is seldom written.
const STRIDE: u64 = WIDTH * WIDTH;

/// What [`Tree::put_ahead`] put beyond the end of the tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ahead {
    /// How many of the group's first events are in bundles.
    pub events: usize,
    /// The root of the tree with the whole group.
    pub root: Digest,
}

impl Tree {
    /// Whether [`Tree::put_ahead`] puts a group of so many events ahead: not where that does not pay (a small group),
    /// nor where others might write meanwhile (S3).
    #[must_use]
    pub fn goes_ahead(&self, events: usize) -> bool {
        events >= FEWEST && self.objects.local_root().is_some()
    }

    /// Puts those of `records` that fill bundles in their places, durable on return; `first`, which is the end of the
    /// tree, is the index of the first of them. They are not of the tree before [`Tree::take_up`]. `None`, and nothing
    /// is written, where the group does not go ahead ([`Tree::goes_ahead`]).
    ///
    /// # Errors
    /// [`LedgerError::Gap`] if the tree ends elsewhere and [`LedgerError::TooLarge`], before anything is written; else
    /// the tree is as it was, and the call may be repeated.
    pub fn put_ahead(
        &mut self,
        first: u64,
        records: &[Record],
    ) -> Result<Option<Ahead>, LedgerError> {
        if !self.goes_ahead(records.len()) {
            return Ok(None);
        }
        self.begin_write()?;
        let size = self.size();
        if first != size {
            return Err(LedgerError::Gap { first, size });
        }
        check_lengths(size, records)?;
        if self.edge_len() >= WIDTH {
            self.trim_now()?;
        }
        let from = self.edge_first();
        let edge = self.edge_batch(from, size)?.ok_or_else(changed)?;
        let mut levels = self.state.levels.clone();
        let mut events: Vec<StoredRef<'_>> = edge.iter().collect();
        events.extend(records.iter().zip(size..).map(|(record, index)| {
            levels.push(record.hash);
            record.at(index)
        }));
        let (bundles, rest) = events.as_chunks::<{ WIDTH as usize }>();
        self.allow(from + bundles.len() as u64 * WIDTH)?;
        for some in bundles.chunks(AT_ONCE) {
            self.put_bundles(some, |bundle| Ok(files(bundle)))?;
        }
        Ok(Some(Ahead {
            events: records.len() - rest.len(),
            root: levels.root(),
        }))
    }

    /// Says durably that bundles up to event `end` may lie there.
    fn allow(&self, end: u64) -> Result<(), LedgerError> {
        // Whatever else is there is written over, and a check names it until then.
        if allowed(&self.objects).is_ok_and(|allowed| allowed >= end) {
            return Ok(());
        }
        let text = format!("{}\n", end.next_multiple_of(STRIDE));
        Ok(self.objects.put(names::AHEAD, text.as_bytes())?)
    }

    /// Makes events of the tree: `ahead.events` that [`Tree::put_ahead`] put beyond its end, which is `first`, and
    /// `rest` after them. Durable on return. A group that the tree has is passed over, so that it may be given again
    /// after a crash.
    ///
    /// # Errors
    /// [`LedgerError::Conflict`] if the tree has another group there, [`LedgerError::Gap`] if it ends elsewhere;
    /// [`LedgerError::Corrupt`] if what lies beyond its end is missing or another group's: the root tells. The tree is
    /// as it was then.
    pub fn take_up(
        &mut self,
        first: u64,
        ahead: &Ahead,
        rest: &[Record],
    ) -> Result<(), LedgerError> {
        self.begin_write()?;
        let size = self.size();
        let (from, to) = (self.edge_first(), first + ahead.events as u64);
        let end = to + rest.len() as u64;
        if size >= end {
            return match self.root_at(end)? == ahead.root {
                true => self.edge.make_durable(),
                false => Err(LedgerError::Conflict { index: first }),
            };
        }
        if first != size {
            return Err(LedgerError::Gap { first, size });
        }
        let mut levels = self.state.levels.clone();
        for bundle in from / WIDTH..to / WIDTH {
            let known = size.saturating_sub(bundle * WIDTH) as usize;
            let hashes = self.stored_hashes(0, bundle)?;
            hashes
                .iter()
                .skip(known)
                .for_each(|hash| levels.push(*hash));
        }
        let mut batch = Batch::default();
        for record in rest {
            levels.push(record.hash);
            batch.push(record.hash, &record.entry, &record.body);
        }
        if levels.root() != ahead.root || levels.size() != end {
            return Err(LedgerError::corrupt(
                names::tile(0, from / WIDTH),
                format!("the bundles from event {from} to {to} are not those that were numbered"),
            ));
        }
        let upper = levels.upper(to).ok_or_else(changed)?;
        self.put_upper_tiles(&levels, from, to)?;
        let head = Head { first: to, upper };
        let placed = self.edge.replace(&self.state.head, &head, &batch)?;
        self.state = State::new(head, &placed).ok_or_else(changed)?;
        Ok(())
    }
}

/// Up to which event bundles may lie that nobody believes.
///
/// # Errors
/// [`LedgerError::Corrupt`] if the file does not say it.
pub(crate) fn allowed(objects: &Objects) -> Result<u64, LedgerError> {
    let Some(bytes) = objects.get(names::AHEAD)? else {
        return Ok(0);
    };
    std::str::from_utf8(&bytes)
        .ok()
        .and_then(|text| text.strip_suffix('\n')?.parse().ok())
        .filter(|end: &u64| end.is_multiple_of(STRIDE) && format!("{end}\n").as_bytes() == bytes)
        .ok_or_else(|| LedgerError::corrupt(names::AHEAD, "it is not a number of events"))
}

/// The edge in memory is not what it was a moment ago.
fn changed() -> LedgerError {
    LedgerError::corrupt(names::EDGE, "it does not hold the hashes of its own tiles")
}
