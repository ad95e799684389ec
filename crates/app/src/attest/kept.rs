//! Cosigned checkpoints, as they are kept under `ledger/cosigned/`.

use comity_core::checkpoint::{LogKeys, SignedCheckpoint};
use comity_core::note::{Note, NoteSignature};
use comity_core::policy::{Attestation, Policy};
use comity_store::Objects;

use super::{COSIGNED, POLICY};
use crate::error::{AppError, Result};

/// A published checkpoint with cosignatures.
#[derive(Clone, Debug)]
pub struct Cosigned {
    /// The checkpoint, with the log's signatures and those of witnesses.
    pub checkpoint: SignedCheckpoint,
    /// What they amount to.
    pub attestation: Attestation,
}

pub(super) fn name_of(size: u64) -> String {
    format!("{COSIGNED}{size:016x}")
}

/// All that are kept, the smallest first. What does not verify is passed over: witnesses will sign again.
pub(super) fn all(objects: &Objects, keys: &LogKeys, policy: &Policy) -> Result<Vec<Cosigned>> {
    let mut found = Vec::new();
    for (name, _) in objects.list(COSIGNED)? {
        let Some(bytes) = objects.get(&name)? else {
            continue;
        };
        found.extend(read(&bytes, keys, policy));
    }
    found.sort_by_key(|c: &Cosigned| c.checkpoint.size());
    Ok(found)
}

/// The one of a size.
pub(super) fn of_size(
    objects: &Objects,
    keys: &LogKeys,
    policy: &Policy,
    size: u64,
) -> Result<Option<Cosigned>> {
    let bytes = objects.get(&name_of(size))?;
    Ok(bytes.and_then(|bytes| read(&bytes, keys, policy)))
}

fn read(bytes: &[u8], keys: &LogKeys, policy: &Policy) -> Option<Cosigned> {
    let checkpoint = SignedCheckpoint::parse(bytes).ok()?.verify(keys).ok()?;
    let attestation = policy.attestation(checkpoint.note()).ok()?;
    Some(Cosigned {
        checkpoint,
        attestation,
    })
}

/// Adds cosignature lines of verified keys to what is kept of a checkpoint; a newer line of a key takes the place of
/// its older one. Lines of keys that the policy no longer has are left out.
pub(super) fn add(
    objects: &Objects,
    keys: &LogKeys,
    policy: &Policy,
    checkpoint: &SignedCheckpoint,
    lines: &[NoteSignature],
) -> Result<Cosigned> {
    let bad = |e: String| AppError::damaged(COSIGNED, e);
    let kept = of_size(objects, keys, policy, checkpoint.size())?
        .filter(|kept| kept.checkpoint.root() == checkpoint.root());
    let former = kept.map_or_else(
        || checkpoint.note().signatures().to_vec(),
        |kept| kept.checkpoint.note().signatures().to_vec(),
    );
    let is = |a: &NoteSignature, b: &NoteSignature| a.name == b.name && a.key_id == b.key_id;
    let is_asked_for = |s: &NoteSignature| {
        let witnesses = policy.witnesses().iter().map(|w| &w.vkey);
        keys.at(checkpoint.size())
            .iter()
            .chain(witnesses)
            .any(|k| k.name() == s.name && k.key_id() == s.key_id)
    };
    let mut note =
        Note::new(checkpoint.note().text().to_owned()).map_err(|e| bad(e.to_string()))?;
    for old in former {
        if is_asked_for(&old) && !lines.iter().any(|new| is(&old, new)) {
            note.push(old);
        }
    }
    lines.iter().for_each(|line| note.push(line.clone()));
    let bytes = note.encode();
    let cosigned = read(&bytes, keys, policy)
        .ok_or_else(|| bad("cosignatures that do not verify were about to be kept".to_owned()))?;
    objects.put(&name_of(checkpoint.size()), &bytes)?;
    Ok(cosigned)
}

/// Takes away what neither papers nor witnesses need any more: what is older than the newest attested one, but for the
/// newest of each witness.
pub(super) fn prune(objects: &Objects, keys: &LogKeys, policy: &Policy) -> Result<()> {
    let all = all(objects, keys, policy)?;
    let is_attested = |c: &&Cosigned| c.attestation.attested_secs.is_some();
    let Some(attested) = all.iter().rev().find(is_attested) else {
        return Ok(());
    };
    let mut wanted: Vec<u64> = Vec::new();
    for witness in policy.witnesses() {
        let by_it = |c: &&Cosigned| {
            let name = witness.vkey.name();
            c.attestation.seen.iter().any(|s| s.name == name)
        };
        wanted.extend(all.iter().rev().find(by_it).map(|c| c.checkpoint.size()));
    }
    for old in &all {
        let size = old.checkpoint.size();
        if size < attested.checkpoint.size() && !wanted.contains(&size) {
            objects.delete(&name_of(size))?;
        }
    }
    Ok(())
}

/// Copies the policy, and what was cosigned of at most `most` events, to another store. What does not verify is not
/// copied, so that damage here never takes the place of a good copy there; in the copy goes what [`prune`] lets go.
pub(crate) fn copy(from: &Objects, to: &Objects, keys: &LogKeys, most: u64) -> Result<()> {
    let Some(text) = from.get(POLICY)? else {
        return Ok(());
    };
    let Ok(policy) = Policy::parse(&text) else {
        return Ok(());
    };
    if to.get(POLICY)?.as_ref() != Some(&text) {
        to.put(POLICY, &text)?;
    }
    for (name, _) in from.list(COSIGNED)? {
        let Some(bytes) = from.get(&name)? else {
            continue;
        };
        let is_whole = read(&bytes, keys, &policy).is_some_and(|c| {
            let size = c.checkpoint.size();
            size <= most && name == name_of(size)
        });
        if is_whole && to.get(&name)?.as_ref() != Some(&bytes) {
            to.put(&name, &bytes)?;
        }
    }
    prune(to, keys, &policy)
}
