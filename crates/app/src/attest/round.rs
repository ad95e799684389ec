//! One round: a checkpoint is submitted to every witness of the policy at once.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::mpsc::channel;
use std::time::Duration;

use comity_core::checkpoint::{LogKeys, SignedCheckpoint};
use comity_core::policy::Policy;
use comity_ledger::Tree;
use comity_store::Objects;
use comity_witness::{Answer, Client, Target};

use super::kept::{self, Cosigned};
use crate::error::{AppError, Result};

/// What a witness answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It cosigned, and its signatures are kept.
    Cosigned,
    /// It cosigned a larger tree of this log before; `proved` if it shows that tree with this log's own signatures.
    Ahead {
        /// Of so many events.
        size: u64,
        /// Whether that is more than its word.
        proved: bool,
    },
    /// It shows a checkpoint with this log's own signatures that this tree does not continue.
    Contradicts {
        /// Of so many events.
        size: u64,
        /// The signed checkpoint.
        note: Vec<u8>,
    },
    /// It did not cosign, and says why.
    Refused(String),
    /// It did not answer.
    Unreachable(String),
}

impl Outcome {
    /// Whether the witness holds what this copy of the log does not: someone has another history, or a newer one.
    pub fn is_alarming(&self) -> bool {
        matches!(self, Outcome::Ahead { .. } | Outcome::Contradicts { .. })
    }
}

/// A witness that was asked, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The name of its key.
    pub name: String,
    /// Where it was asked.
    pub url: String,
    /// What it answered.
    pub outcome: Outcome,
}

/// Where the log is, and who signs it.
pub(super) struct Log<'a> {
    pub(super) objects: &'a Objects,
    pub(super) keys: Arc<LogKeys>,
}

/// Submits `checkpoint` to all witnesses at once, and keeps each answer as it comes.
pub(super) fn round(
    log: &Log<'_>,
    policy: &Policy,
    checkpoint: &SignedCheckpoint,
    timeout: Duration,
) -> Result<Vec<Asked>> {
    let kept = kept::all(log.objects, &log.keys, policy)?;
    let tree = Tree::open_read_only(log.objects.clone())?;
    if tree.root_at(checkpoint.size())? != *checkpoint.root() {
        return Err(AppError::damaged(
            "ledger",
            format!(
                "the tree at {} events does not have the root that was signed",
                checkpoint.size()
            ),
        ));
    }
    let tree = Mutex::new(tree);
    let client = Client::new(timeout);
    let (tell, told) = channel();
    let mut asked = Vec::new();
    std::thread::scope(|scope| {
        for (url, keys) in policy.submission_urls() {
            let target = Target {
                url: url.to_owned(),
                keys: keys.into_iter().cloned().collect(),
            };
            let known = known_to(&kept, &target);
            let (client, tree, tell) = (client.clone(), &tree, tell.clone());
            scope.spawn(move || {
                let answer = ask(&client, &target, checkpoint, &log.keys, known, tree);
                // The receiver lives until all have answered.
                let _ = tell.send((target, answer));
            });
        }
        drop(tell);
        for (target, (answer, contradicting)) in told {
            let outcome = match answer {
                Answer::Cosigned(lines) => {
                    kept::add(log.objects, &log.keys, policy, checkpoint, &lines)?;
                    Outcome::Cosigned
                }
                Answer::Ahead { size, shown } => Outcome::Ahead {
                    size: shown.as_ref().map_or(size, |shown| shown.size()),
                    proved: shown.is_some(),
                },
                Answer::Refused { reason, .. } => match contradicting {
                    Some(other) => Outcome::Contradicts {
                        size: other.size(),
                        note: other.as_bytes().to_vec(),
                    },
                    None => Outcome::Refused(reason),
                },
                Answer::Unreachable(what) => Outcome::Unreachable(what),
            };
            asked.push(Asked {
                name: target.keys.first().map_or("", |k| k.name()).to_owned(),
                url: target.url,
                outcome,
            });
        }
        kept::prune(log.objects, &log.keys, policy)
    })?;
    asked.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(asked)
}

/// The size that a witness cosigned last, as far as it is kept here.
fn known_to(kept: &[Cosigned], target: &Target) -> u64 {
    let by_it = |c: &&Cosigned| {
        let mut seen = c.attestation.seen.iter();
        seen.any(|s| target.keys.iter().any(|k| k.name() == s.name))
    };
    kept.iter()
        .rev()
        .find(by_it)
        .map_or(0, |c| c.checkpoint.size())
}

/// Asks one witness. Where it refuses for a contradiction, its own page says whether there is one.
fn ask(
    client: &Client,
    target: &Target,
    checkpoint: &SignedCheckpoint,
    keys: &LogKeys,
    known: u64,
    tree: &Mutex<Tree>,
) -> (Answer, Option<SignedCheckpoint>) {
    let tree = || {
        tree.lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    };
    let proofs = |old: u64| {
        let proof = tree().consistency_proof(old, checkpoint.size());
        proof.map_err(|e| e.to_string())
    };
    let answer = client.submit(target, checkpoint, keys, known, &proofs);
    // Older witnesses say 409 where newer ones say 422.
    let contradicting = match answer {
        Answer::Refused {
            status: 409 | 422, ..
        } => client
            .latest(&target.url, keys)
            .ok()
            .flatten()
            .filter(|shown| shown.size() <= checkpoint.size())
            .filter(|shown| {
                tree()
                    .root_at(shown.size())
                    .is_ok_and(|r| r != *shown.root())
            }),
        _ => None,
    };
    (answer, contradicting)
}
