//! The sealed check: everything that can be said of a kept ledger without a key.
//!
//! It goes down from the checkpoint's root: the root authenticates the edge, the edge the tiles at its right end,
//! each tile those below it, the lowest tiles the entries. Where the chain is broken it goes up instead: what the
//! entries give is held against the next hash above that is known. So a finding names the file that is wrong, and
//! not only that something is.

mod bundles;
mod edge;
mod files;
mod tiles;

use std::sync::{Mutex, PoisonError};

use comity_core::digest::Digest;
use comity_core::finding::Finding;
use comity_store::Objects;

use crate::ahead;
use crate::checkpoint::Published;
use crate::error::LedgerError;
use crate::levels::Levels;
use crate::names;
use crate::tree::Tree;
use edge::EdgeView;
use tiles::Lists;

/// Checks the ledger under `ledger/` of `objects` without any key, on all cores, and returns everything that is
/// wrong, sorted by file.
///
/// All leaf hashes and tiles are computed anew from the entries and compared with what is stored; the root with the
/// checkpoint's; leaves must be canonical, body bundles and frames must have the digest that they end with; missing
/// and surplus files are named, and swapped ones told for what they are. Not looked at here: the checkpoint's
/// signatures, the chains of events, whether a body fits its leaf (that needs its key).
///
/// `note` is the checkpoint that the caller knows from elsewhere, so that an older one in its place is found.
/// `progress` is told how many events are done, and of how many; from several threads.
///
/// # Errors
/// Only when the store cannot be read; damage is a finding.
pub fn check(
    objects: &Objects,
    note: Option<&[u8]>,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Vec<Finding>, LedgerError> {
    let findings = Findings::default();
    let checkpoint = checkpoint(objects, note, &findings)?;
    let published = checkpoint.as_ref().map_or(0, |checkpoint| checkpoint.size);
    let listed = objects.list(names::ROOT)?;
    let edge = edge::view(objects, &listed, published, &findings)?;
    let end = edge.end();
    if end < published && !edge.is_damaged {
        let what =
            format!("it ends at event {end}, and a checkpoint of {published} events is published");
        findings.add(edge.name(), what);
    }
    let allowed = match ahead::allowed(objects) {
        Err(LedgerError::Corrupt { file, what }) => {
            findings.add(&file, what);
            0
        }
        allowed => allowed?,
    };
    files::surplus(&listed, &edge, end.max(published), allowed, &findings);

    let from_edge = edge.root_at(published);
    let expected = checkpoint.as_ref().map(|checkpoint| checkpoint.root);
    let doubted = from_edge.is_some() && from_edge != expected && expected.is_some();
    let upper = edge
        .head
        .as_ref()
        .filter(|_| !doubted)
        .map(|head| head.upper.as_slice());
    let mut lists = Lists::from_top(objects, edge.first, upper, &findings)?;
    let roots = bundles::check(objects, &lists, end, progress, &findings)?;
    lists.fill_from_below(roots, &findings);

    if let Some(checkpoint) = &checkpoint
        && from_edge != expected
        && published <= end
    {
        let from_below = match lists.levels_of_edge() {
            Some(levels) if published >= edge.first => edge.grow(levels, published),
            Some(_) => lists.root_at(objects, published)?,
            None => None,
        };
        blame(checkpoint, &edge, from_edge, from_below, &findings);
    }
    progress(end, end);
    Ok(findings.sorted())
}

impl Tree {
    /// As [`check`], of the store that the tree is in.
    ///
    /// # Errors
    /// As [`check`].
    pub fn check(
        &self,
        note: Option<&[u8]>,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<Vec<Finding>, LedgerError> {
        check(&self.objects, note, progress)
    }
}

/// Whether it is the edge or the checkpoint that does not fit what the entries give.
fn blame(
    checkpoint: &Published,
    edge: &EdgeView,
    from_edge: Option<Digest>,
    from_below: Option<Digest>,
    findings: &Findings,
) {
    let size = checkpoint.size;
    if from_below == Some(checkpoint.root) {
        if from_edge.is_some() {
            findings.add(
                edge.name(),
                "the hashes in its head are not those of the tiles below",
            );
        }
        return;
    }
    if let Some(root) = from_below.or(from_edge) {
        let what = format!(
            "its root {} is not that of the first {size} events, which is {root}: the checkpoint or events of the \
             ledger were replaced",
            checkpoint.root
        );
        findings.add(names::CHECKPOINT, what);
    }
    if from_edge.is_some() && from_below.is_some() && from_edge != from_below {
        findings.add(
            edge.name(),
            "the hashes in its head are neither those of the tiles below nor of the checkpoint",
        );
    }
}

/// The checkpoint that the ledger is held against: the one given, else the one that is published.
fn checkpoint(
    objects: &Objects,
    note: Option<&[u8]>,
    findings: &Findings,
) -> Result<Option<Published>, LedgerError> {
    let stored = match objects.get(names::CHECKPOINT)? {
        None => None,
        Some(bytes) => match Published::parse(&bytes) {
            Ok(stored) => Some(stored),
            Err(what) => {
                findings.add(names::CHECKPOINT, what);
                return Ok(note.and_then(|note| Published::parse(note).ok()));
            }
        },
    };
    let Some(note) = note else {
        if stored.is_none() && !objects.list(names::ROOT)?.is_empty() {
            findings.add(names::CHECKPOINT, "it is missing");
        }
        return Ok(stored);
    };
    let known = match Published::parse(note) {
        Ok(known) => known,
        Err(what) => {
            findings.add("the checkpoint given", what);
            return Ok(stored);
        }
    };
    match &stored {
        None => findings.add(names::CHECKPOINT, "it is missing"),
        Some(stored) if stored.note == known.note => {}
        Some(stored) if stored.size < known.size => {
            let what = format!(
                "it is an older one: of {} events, and the newest is of {}",
                stored.size, known.size
            );
            findings.add(names::CHECKPOINT, what);
        }
        Some(stored) => {
            let what = format!(
                "it is not the newest checkpoint: it is of {} events, root {}",
                stored.size, stored.root
            );
            findings.add(names::CHECKPOINT, what);
        }
    }
    Ok(Some(known))
}

/// What was found so far, from all threads.
#[derive(Default)]
pub(crate) struct Findings(Mutex<Vec<Finding>>);

impl Findings {
    pub(crate) fn add(&self, place: impl Into<String>, what: impl Into<String>) {
        let finding = Finding::new(place, what);
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(finding);
    }

    fn sorted(self) -> Vec<Finding> {
        let mut findings = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        findings.sort();
        findings.dedup();
        findings
    }
}

/// Checks what can be seen of an event without keys: its leaf and the framing of its sealed body.
fn event_faults(entry: &[u8], body: &[u8]) -> impl Iterator<Item = String> {
    let leaf = comity_core::leaf::Leaf::parse(entry)
        .err()
        .map(|error| error.to_string());
    let body = comity_core::body::SealedBody::parse(body)
        .err()
        .map(|error| format!("its sealed body: {error}"));
    leaf.into_iter().chain(body)
}

/// Grows `levels` by `leaves`, up to `size`; the root, unless a leaf is not known.
fn grow(mut levels: Levels, leaves: &[Option<Digest>], size: u64) -> Option<Digest> {
    let more = usize::try_from(size.checked_sub(levels.size())?).ok()?;
    for leaf in leaves.get(..more)? {
        levels.push((*leaf)?);
    }
    Some(levels.root())
}
