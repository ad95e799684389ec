//! An intake's batches on their way: while one is read, one is sealed and one is committed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;

use comity_core::merkle::Frontier;
use comity_vault::Also;

use super::batch::{BYTES, Read1, Work, read_entry};
use super::record::{Common, End, Prepared, Said, Sealing, prepare};
use crate::centre::Centre;
use crate::cores::on_all_cores;
use crate::error::Result;

/// A batch that has been read.
pub struct Batch<'t> {
    /// What was met, with what is known of it.
    pub works: Vec<Work<'t>>,
    /// What the deliverer's list and provenance say of each.
    pub said: Vec<Said>,
    /// What reading each gave.
    pub reads: Vec<Read1>,
}

/// Seals and commits the batches that `read` hands on, each on a thread of its own, and gives back what a later batch
/// must know; `items` grows by the leaves of their events. Of each batch that stands in the log, `read` is told how its
/// entries ended.
pub fn run<'t>(
    centre: &Centre,
    common: &Common,
    mut sealing: Sealing,
    items: &mut Frontier,
    read: impl FnOnce(mpsc::SyncSender<Batch<'t>>, mpsc::Receiver<Vec<End>>) -> Result<()>,
) -> Result<Sealing> {
    let (ended, ends) = mpsc::channel();
    std::thread::scope(|scope| {
        let (to_sealer, to_seal) = mpsc::sync_channel::<Batch<'t>>(1);
        // No room: a batch is handed over when the one before it is committed, so that a sealed batch need know only
        // of the one that is under way.
        let (sealed, to_commit) = mpsc::sync_channel::<Prepared>(0);
        let committer = scope.spawn(move || -> Result<()> {
            for prepared in to_commit {
                let _ = ended.send(commit(centre, prepared, items)?);
            }
            Ok(())
        });
        let sealer = scope.spawn(move || -> Result<Sealing> {
            let mut session = centre.session()?;
            for Batch { works, said, reads } in to_seal {
                let prepared = prepare(
                    centre,
                    &mut session,
                    common,
                    &works,
                    &said,
                    reads,
                    &mut sealing,
                )?;
                // The committer says itself what went wrong there.
                if sealed.send(prepared).is_err() {
                    break;
                }
            }
            Ok(sealing)
        });
        let done = read(to_sealer, ends);
        let (sealing, committed) = (joined(sealer), joined(committer));
        done?;
        committed?;
        sealing
    })
}

fn joined<T>(handle: std::thread::ScopedJoinHandle<'_, T>) -> T {
    handle
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Bytes durable first, then the events that speak of them.
fn commit(centre: &Centre, prepared: Prepared, items: &mut Frontier) -> Result<Vec<End>> {
    centre.vault.commit(prepared.packs)?;
    let leaves = centre.sequencer().commit(&centre.keys, |group| {
        let mut leaves = Vec::with_capacity(prepared.ends.len());
        for item in prepared.items {
            leaves.push(group.push_ready(item)?.leaf);
        }
        for draft in &prepared.again {
            leaves.push(group.push(draft)?.leaf);
        }
        Ok(leaves)
    })?;
    leaves.into_iter().for_each(|leaf| items.push(leaf));
    Ok(prepared.ends)
}

/// An entry that waits for its turn. It may have been read before one in front of it, on another core.
pub type Waiting<'t> = (Work<'t>, Option<Read1>);

/// Reads as many of the entries as one batch may hold, and takes them off the front.
pub fn read_some<'t>(waiting: &mut Vec<Waiting<'t>>, also: Also) -> (Vec<Work<'t>>, Vec<Read1>) {
    let taken = AtomicU64::new(0);
    let reads = on_all_cores(
        waiting,
        || (),
        |(), i, (work, read)| {
            let has_room = i == 0 || taken.load(Ordering::Relaxed) < BYTES;
            (read.is_none() && has_room).then(|| read_entry(work, also, &taken))
        },
    );
    for ((_, waits), read) in waiting.iter_mut().zip(reads) {
        *waits = waits.take().or(read);
    }
    let ready = waiting
        .iter()
        .take_while(|(_, read)| read.is_some())
        .count();
    let batch = waiting.drain(..ready);
    batch.filter_map(|(work, read)| Some((work, read?))).unzip()
}
