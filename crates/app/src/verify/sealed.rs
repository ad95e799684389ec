//! What can be checked without a passphrase.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use comity_core::body::SealedBody;
use comity_core::checkpoint::{LogKeys, SignedCheckpoint};
use comity_core::finding::Finding;
use comity_core::leaf::Leaf;
use comity_keyring::{Inspection, inspect};
use comity_ledger::Tree;

use super::chains::{Bundles, Chains};
use super::{AbsentKeys, Report, Scene, need_key};
use crate::cores::on_all_cores;
use crate::error::Result;

/// The keyring's files, slot by slot.
pub fn keyring(scene: &Scene<'_>, report: &mut Report) -> Result<Inspection> {
    match inspect(scene.keyring, &scene.ambient.disk, &mut |_, _| ()) {
        Ok(inspection) => {
            // The slot by slot check says where; that it did not open need not be said beside it.
            if !inspection.findings.is_empty() {
                report.findings.retain(|f| f.place != super::KEYRING);
            }
            report.findings.extend(inspection.findings.iter().cloned());
            Ok(inspection)
        }
        Err(e @ comity_keyring::KeyringError::NoKeyring { .. }) => {
            if !report.findings.iter().any(|f| f.place == super::KEYRING) {
                report
                    .findings
                    .push(Finding::new(super::KEYRING, e.to_string()));
            }
            Ok(Inspection::default())
        }
        Err(e) => Err(e.into()),
    }
}

/// The ledger's files, and the signatures of its checkpoint. `None` where the tree cannot be opened at all.
pub fn ledger(
    scene: &Scene<'_>,
    keys: Option<&LogKeys>,
    report: &mut Report,
) -> Result<Option<Tree>> {
    let findings = comity_ledger::check(&scene.objects, None, &|done, all| {
        (scene.watch)("log", done, all)
    })?;
    let whole = findings.is_empty();
    report.findings.extend(findings);
    let tree = match Tree::open_read_only(scene.objects.clone()) {
        Ok(tree) => tree,
        Err(e) => {
            if whole {
                report.findings.push(Finding::new("ledger", e.to_string()));
            }
            return Ok(None);
        }
    };
    report.events = tree.size();
    match (tree.published(), keys) {
        (Some(note), Some(keys)) => {
            if let Err(e) = SignedCheckpoint::parse(note).and_then(|c| c.verify(keys)) {
                report
                    .findings
                    .push(Finding::new("ledger/checkpoint", e.to_string()));
            }
        }
        (None, _) if whole => report.findings.push(Finding::new(
            "ledger/checkpoint",
            "no checkpoint is published",
        )),
        _ => {}
    }
    if let Some(keys) = keys {
        crate::attest::check(&scene.objects, keys, &tree, &mut report.findings)?;
    }
    if tree.published().is_some() && tree.size() > tree.published_size() {
        let waiting = tree.size() - tree.published_size();
        report.notes.push(format!("{waiting} events of an interrupted run wait to be published; the next command that records does it."));
    }
    Ok(Some(tree))
}

/// Leaves and the framing of bodies: chains without gaps, keys that are there.
pub fn leaves(
    scene: &Scene<'_>,
    tree: &Tree,
    inspection: &Inspection,
    report: &mut Report,
) -> Result<()> {
    let (mut chains, mut told) = (Chains::default(), BTreeSet::new());
    let mut absent = AbsentKeys::default();
    let size = tree.size();
    for batch in Bundles::of(tree) {
        let Some(batch) = batch? else {
            chains.gap();
            continue;
        };
        for record in batch.iter() {
            let place = || format!("event {} of the ledger", record.index);
            match Leaf::parse(record.entry) {
                Ok(leaf) => {
                    report
                        .findings
                        .extend(chains.follow(record.index, &leaf, &record.hash))
                }
                Err(e) => report.findings.push(Finding::new(place(), e.to_string())),
            }
            match SealedBody::parse(record.body) {
                Ok(body) => {
                    need_key(inspection, body.custody_key, report, &mut told);
                    absent.meet(inspection, body.content_key);
                }
                Err(e) => report.findings.push(Finding::new(place(), e.to_string())),
            }
        }
        (scene.watch)("leaves", batch.first() + batch.len() as u64, size);
    }
    absent.tell(report);
    Ok(())
}

/// Every byte of every pack against the digests that the pack holds.
pub fn packs(scene: &Scene<'_>, report: &mut Report) -> Result<()> {
    let files = scene.vault.packs()?;
    let all: u64 = files.iter().map(|f| f.size).sum();
    let done = AtomicU64::new(0);
    let error = Mutex::new(None);
    let findings = on_all_cores(
        &files,
        || (),
        |(), _, file| {
            if file.pack.is_none() {
                return vec![Finding::new(file.name.clone(), "this file is no pack")];
            }
            let found = scene.vault.check_pack_paced(&file.name, &mut |n| {
                (scene.watch)("packs", done.fetch_add(n, Ordering::Relaxed) + n, all);
            });
            match found {
                Ok(found) => found.into_iter().map(Finding::from).collect(),
                Err(e) => {
                    if let Ok(mut slot) = error.lock() {
                        slot.get_or_insert(e);
                    }
                    Vec::new()
                }
            }
        },
    );
    report.packs = files.len() as u64;
    report.findings.extend(findings.into_iter().flatten());
    match error.into_inner() {
        Ok(Some(e)) => Err(e.into()),
        _ => Ok(()),
    }
}
