//! The chain of events of an item, in words, and the proofs of its leaves.

use comity_core::checkpoint::SignedCheckpoint;
use comity_core::package::words;
use comity_core::proof::TlogProof;

use super::Item;
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::read::OpenedEvent;
use crate::sql::Session;

/// One event of a history.
pub struct HistoryEvent {
    /// The event.
    pub event: OpenedEvent,
    /// What it says, in one English sentence without its full stop.
    pub words: String,
}

impl Centre {
    /// The indices of all events of a chain, in order. A gap is damage and is said.
    pub fn chain_indices(&self, session: &mut Session, no: i64) -> Result<Vec<u64>> {
        let row = session
            .query_one(
                "SELECT first_index, last_n FROM chains WHERE no = ?",
                &[no.into()],
            )?
            .ok_or_else(|| {
                AppError::damaged(
                    "state",
                    format!("chain {no} is missing; run `comity rebuild`"),
                )
            })?;
        let mut indices = vec![row.int(0)? as u64];
        for (i, event) in session
            .query(
                "SELECT n, leaf FROM events WHERE chain = ? ORDER BY n",
                &[no.into()],
            )?
            .iter()
            .enumerate()
        {
            if event.int(0)? != i as i64 + 1 {
                return Err(AppError::damaged(
                    "table events",
                    format!(
                        "event {} of chain {no} is missing; run `comity rebuild`",
                        i + 1
                    ),
                ));
            }
            indices.push(event.int(1)? as u64);
        }
        if indices.len() as i64 != row.int(1)? + 1 {
            return Err(AppError::damaged(
                "table events",
                format!("the last events of chain {no} are missing; run `comity rebuild`"),
            ));
        }
        Ok(indices)
    }

    /// An item's events in order.
    pub fn history(&self, session: &mut Session, item: &Item) -> Result<Vec<HistoryEvent>> {
        self.chain_indices(session, item.no)?
            .into_iter()
            .map(|index| {
                let event = self.read_event(index)?;
                let words = words(&|name: &str| event.value(name).cloned());
                Ok(HistoryEvent { event, words })
            })
            .collect()
    }
}

/// The proof that a leaf stands in the log: at the newest attested checkpoint that covers it, or else at the published
/// one.
pub fn proof_of(centre: &Centre, index: u64) -> Result<TlogProof> {
    let size = {
        let mut sequencer = centre.sequencer();
        sequencer.tree.refresh()?;
        sequencer.tree.published_size()
    };
    if index >= size {
        return Err(AppError::Usage(format!(
            "the published log has {size} events, and {index} is not among them (they begin at 0)"
        )));
    }
    proof_in(centre, index, &centre.checkpoint_for_paper(index + 1)?)
}

/// The proof that a leaf stands in a checkpoint that covers it.
pub(crate) fn proof_in(
    centre: &Centre,
    index: u64,
    checkpoint: &SignedCheckpoint,
) -> Result<TlogProof> {
    let hashes = centre
        .sequencer()
        .tree
        .inclusion_proof(index, checkpoint.size())?;
    Ok(TlogProof {
        extra: None,
        index,
        hashes,
        checkpoint: checkpoint.as_bytes().to_vec(),
    })
}
