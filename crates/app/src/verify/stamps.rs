//! The time stamps that are kept beside the log.

use comity_core::checkpoint::{LogKeys, SignedCheckpoint};
use comity_core::finding::Finding;
use comity_core::stamp::StampFile;
use comity_ledger::Tree;

use super::{Report, Scene};
use crate::error::Result;
use crate::stamp::kept::{self, Kept};

/// Every series: its tokens, and that its checkpoint is one of this log.
pub fn check(
    scene: &Scene<'_>,
    keys: Option<&LogKeys>,
    tree: Option<&Tree>,
    report: &mut Report,
) -> Result<()> {
    let kept = Kept::list(&scene.objects)?;
    for name in kept.strangers {
        report.findings.push(Finding::new(
            name,
            "no file of this name belongs among the time stamps",
        ));
    }
    let all = kept.series.len() as u64;
    for (done, (id, files)) in kept.series.iter().enumerate() {
        let (facts, wrong) = kept::check(&scene.objects, id, files);
        for (file, what) in wrong {
            report.findings.push(Finding::new(id.path(&file), what));
        }
        if files.contains(&StampFile::About(Kept::tokens(files)).name()) {
            report.notes.push(format!(
                "{}: a token was being taken and is not there: an interrupted run left this, or its .tsr is lost; the next `comity stamp` takes it again.",
                id.path("")
            ));
        }
        if let Some(facts) = facts {
            let place = id.path("checkpoint");
            let first = facts.tokens.first();
            if first.is_some_and(|token| token.about.authority != id.authority) {
                report.findings.push(Finding::new(
                    id.path("000.json"),
                    "is of another authority than its folder",
                ));
            }
            if let Some(what) = unlike(&facts.checkpoint, id.size, keys, tree) {
                report.findings.push(Finding::new(place, what));
            }
        }
        (scene.watch)("stamps", done as u64 + 1, all);
    }
    Ok(())
}

/// What is wrong with a stamped checkpoint as one of this log.
fn unlike(bytes: &[u8], size: u64, keys: Option<&LogKeys>, tree: Option<&Tree>) -> Option<String> {
    let signed = match SignedCheckpoint::parse(bytes) {
        Ok(parsed) => match keys.map(|keys| parsed.verify(keys)) {
            Some(Ok(signed)) => signed,
            Some(Err(e)) => return Some(e.to_string()),
            None => return None,
        },
        Err(e) => return Some(e.to_string()),
    };
    if signed.size() != size {
        return Some(format!(
            "is of {} events, and its folder says {size}",
            signed.size()
        ));
    }
    let tree = tree?;
    match tree.root_at(size) {
        Ok(root) if root == *signed.root() => None,
        Ok(_) => Some("was signed over other events than this log holds".to_owned()),
        Err(e) => Some(format!("cannot be held against the log: {e}")),
    }
}
