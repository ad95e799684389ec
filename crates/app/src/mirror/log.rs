//! The ledger in the mirror: a tree of its own, to which is given what is published in the first store.

use comity_ledger::{LedgerError, Record, Tree};

use super::Mirror;
use crate::error::Result;

/// So many bytes of events are appended at once.
const BYTES: usize = 8 << 20;

/// The mirror's tree, and the one way into it. Whoever calls holds the lock of those who append.
pub(crate) struct MirrorLog {
    mirror: Mirror,
    tree: Option<Tree>,
}

impl MirrorLog {
    pub(crate) fn new(mirror: Mirror) -> MirrorLog {
        MirrorLog { mirror, tree: None }
    }

    /// Brings the mirror up to what `from` has published, or has it on record that it lacks something. `floor` is how
    /// many events it holds at the least if nothing was ever missed: fewer are an older copy.
    pub(crate) fn follow(&mut self, from: &Tree, floor: u64) -> Result<()> {
        let is_known = self.mirror.note()?.is_some();
        if !is_known && self.tree.is_none() {
            self.mirror.holds(floor);
        }
        if !self.mirror.is_here() {
            return Ok(self.mirror.missed()?);
        }
        match self.bring(from, (!is_known).then_some(floor)) {
            Ok(()) => self.mirror.holds(from.published_size()),
            Err(e) => {
                self.tree = None;
                self.mirror.failed(&e.to_string())?;
            }
        }
        Ok(())
    }

    fn bring(&mut self, from: &Tree, floor: Option<u64>) -> Result<()> {
        let tree = match self.tree.take() {
            Some(tree) => self.tree.insert(tree),
            None => {
                let tree = Tree::open(self.mirror.objects().clone())?;
                if let Some(floor) = floor
                    && tree.size() < floor
                {
                    let what = format!(
                        "it held {} events of {floor} that were written there: an older copy was put in its place, or it lost them",
                        tree.size()
                    );
                    self.mirror.may_lack(&what)?;
                }
                self.tree.insert(tree)
            }
        };
        tree.refresh()?;
        let (held, published) = (tree.size(), from.published_size());
        if held > published || from.root_at(held)? != tree.root() {
            let what = format!(
                "its {held} events are not the first of this log: it has another history, and nothing is written over it"
            );
            return Err(LedgerError::Unfit { what }.into());
        }
        let (mut waiting, mut bytes, mut first) = (Vec::new(), 0, held);
        for batch in from.batches(held..published) {
            for event in batch?.iter() {
                bytes += event.entry.len() + event.body.len();
                waiting.push(Record {
                    entry: event.entry.to_vec(),
                    body: event.body.to_vec(),
                    hash: event.hash,
                });
            }
            if bytes >= BYTES {
                tree.append(first, &waiting)?;
                first += waiting.len() as u64;
                waiting.clear();
                bytes = 0;
            }
        }
        if !waiting.is_empty() {
            tree.append(first, &waiting)?;
        }
        if let Some(note) = from.published() {
            tree.publish(note)?;
        }
        // What is in full tiles and bundles there is so here too: each can be mended from the other.
        if from.edge_first() > tree.edge_first() {
            tree.trim()?;
        }
        Ok(())
    }
}
