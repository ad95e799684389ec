//! Time stamps in a package or receipt (`docs/format/stamp.md`, In packages and receipts).

use std::collections::BTreeSet;

use crate::stamp::{SeriesFiles, Stamped, check_series, is_authority_name};

use super::consistency::Consistency;
use super::report::{Findings, LogFacts, StampReport};
use super::source::{Source, read_small};

const CONSISTENCY: &str = "consistency";
const MAX_AUTHORITIES: usize = 16;

/// Checks every series below `folder` (with its slash). `log` is the checkpoint that they must lead to, with its
/// bytes, when it verified.
pub(super) fn check(
    source: &dyn Source,
    folder: &str,
    log: Option<(&LogFacts, &[u8])>,
    findings: &mut Findings,
) -> Vec<StampReport> {
    let mut series = BTreeSet::new();
    for name in source.names() {
        let Some(below) = name.strip_prefix(folder) else {
            continue;
        };
        match below.split_once('/') {
            Some((authority, _)) if is_authority_name(authority) => {
                series.insert(authority);
            }
            _ => findings.add(name, "has no place among the stamps"),
        }
    }
    if series.len() > MAX_AUTHORITIES {
        findings.add(
            folder,
            format!("has stamps of more than {MAX_AUTHORITIES} authorities"),
        );
        return Vec::new();
    }
    series
        .into_iter()
        .filter_map(|authority| one(source, folder, authority, log, findings))
        .collect()
}

fn one(
    source: &dyn Source,
    folder: &str,
    authority: &str,
    log: Option<(&LogFacts, &[u8])>,
    findings: &mut Findings,
) -> Option<StampReport> {
    let below = format!("{folder}{authority}/");
    let names: Vec<String> = source
        .names()
        .iter()
        .filter_map(|name| name.strip_prefix(&below))
        .filter(|name| *name != CONSISTENCY)
        .map(str::to_owned)
        .collect();
    let mut read = |name: &str| read_small(source, &format!("{below}{name}"));
    let (facts, wrong) = check_series(&mut SeriesFiles {
        names: &names,
        read: &mut read,
        may_be_unfinished: false,
    });
    for (name, what) in wrong {
        findings.add(format!("{below}{name}"), what);
    }
    let place = format!("{below}{CONSISTENCY}");
    let consistency = match read_small(source, &place) {
        Ok(bytes) => Consistency::parse(&bytes).map_err(|error| error.to_string()),
        Err(error) => Err(error),
    };
    let consistency = consistency
        .map_err(|error| findings.add(&place, error))
        .ok()?;
    let (facts, (log, checkpoint)) = (facts?, log?);
    if consistency.old != facts.checkpoint {
        findings.add(&place, "speaks of another checkpoint than the stamped one");
        return None;
    }
    if consistency.new != checkpoint {
        findings.add(&place, "leads to another checkpoint than log/checkpoint");
        return None;
    }
    let (old, _) = consistency
        .verify(&log.keys)
        .map_err(|error| findings.add(&place, error.to_string()))
        .ok()?;
    let (first, last) = (facts.tokens.first()?, facts.tokens.last()?);
    if first.about.authority != authority {
        findings.add(
            format!("{below}000.json"),
            "is of another authority than its folder",
        );
        return None;
    }
    Some(report(old.size(), first, last, facts.tokens.len()))
}

fn report(size: u64, first: &Stamped, last: &Stamped, tokens: usize) -> StampReport {
    StampReport {
        name: first.about.authority.clone(),
        size,
        time_secs: first.facts.latest_secs,
        authority: first.facts.authority.clone(),
        qualified: first.about.qualified,
        root: first.facts.root.clone(),
        root_sha256: first.facts.root_sha256,
        renewals: tokens.saturating_sub(1) as u64,
        newest_root_sha256: last.facts.root_sha256,
        valid_until_secs: last.facts.valid_secs.1,
    }
}
