//! What is kept of witnesses, for `comity verify`: damage of it loses no truth, and is named all the same.

use comity_core::checkpoint::{LogKeys, SignedCheckpoint};
use comity_core::finding::Finding;
use comity_core::policy::Policy;
use comity_ledger::Tree;
use comity_store::Objects;

use super::kept::name_of;
use super::{COSIGNED, POLICY};
use crate::error::Result;

/// Checks the policy's copy and every cosigned checkpoint against the tree and the log's keys.
pub(crate) fn check(
    objects: &Objects,
    keys: &LogKeys,
    tree: &Tree,
    findings: &mut Vec<Finding>,
) -> Result<()> {
    let policy = match objects.get(POLICY)?.map(|bytes| Policy::parse(&bytes)) {
        Some(Ok(policy)) => Some(policy),
        Some(Err(e)) => {
            findings.push(Finding::new(POLICY, e.to_string()));
            None
        }
        None => None,
    };
    for (name, _) in objects.list(COSIGNED)? {
        let Some(bytes) = objects.get(&name)? else {
            continue;
        };
        if let Err(what) = check_one(&name, &bytes, keys, policy.as_ref(), tree) {
            let what = format!("{what}; remove the file, and the witnesses sign again");
            findings.push(Finding::new(name, what));
        }
    }
    Ok(())
}

fn check_one(
    name: &str,
    bytes: &[u8],
    keys: &LogKeys,
    policy: Option<&Policy>,
    tree: &Tree,
) -> std::result::Result<(), String> {
    let checkpoint = SignedCheckpoint::parse(bytes)
        .and_then(|c| c.verify(keys))
        .map_err(|e| e.to_string())?;
    if name_of(checkpoint.size()) != name {
        return Err(format!("it is of {} events", checkpoint.size()));
    }
    if let Some(policy) = policy {
        let attestation = policy.attestation(checkpoint.note());
        attestation.map_err(|e| e.to_string())?;
    }
    match tree.root_at(checkpoint.size()) {
        Ok(root) if root == *checkpoint.root() => Ok(()),
        Ok(_) => Err("it is signed, and of another tree than this one: keep it, it is evidence of a second history".to_owned()),
        Err(e) => Err(e.to_string()),
    }
}
