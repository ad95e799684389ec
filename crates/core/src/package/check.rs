//! The check of a package (`docs/format/disclosure.md`, What the verifier checks).

use std::collections::BTreeSet;

use crate::checkpoint::LogKeys;

use super::anchor::{self, Anchor};
use super::bagcheck::{self, Bag};
use super::exhibits::{Exhibits, LineFacts, Payload, Totals};
use super::head::PackageHead;
use super::intakes::{self, Intakes};
use super::item::payload_ern;
use super::logscan;
use super::persons::{self, Persons};
use super::recording::{self, Beside};
use super::report::{Findings, PackageReport, Recording};
use super::source::{Source, check_names, find, read_small};
use super::stamps;
use super::threads::check_lines;
use super::tiles;

const HEAD: &str = "comity/package.json";
const KEYS: &str = "comity/keys";
const LOG: &str = "comity/log/";
const STAMPS: &str = "comity/stamps/";
const ITEMS: &str = "comity/items.jsonl";
const EVENTS: &str = "comity/events.jsonl";

/// What a package is checked with.
#[derive(Default)]
pub struct PackageOptions<'a> {
    /// Keys that the reader had from elsewhere.
    pub keys: Option<&'a LogKeys>,
    /// The files beside the package.
    pub beside: Beside,
    /// An exported log (`docs/format/ledger.md`).
    pub log: Option<&'a dyn Source>,
    /// How many threads to work on; 0 is taken as 1.
    pub threads: usize,
}

/// Checks a package and returns everything that is wrong with it, and what it shows.
#[must_use]
pub fn check_package(source: &dyn Source, options: &PackageOptions<'_>) -> PackageReport {
    let mut findings = Findings::default();
    findings.extend(source.refused().to_vec());
    findings.extend(check_names(source.names()));
    check_layout(source, &mut findings);
    let bag = bagcheck::check(source, options.threads, &mut findings);
    let head = match read_small(source, HEAD).and_then(|bytes| PackageHead::parse(&bytes)) {
        Ok(head) => Some(head),
        Err(error) => {
            findings.add(HEAD, error);
            None
        }
    };
    let mut anchor = anchor::load(source, KEYS, LOG, options.keys, &mut findings);
    let origin = head.as_ref().map(|head| head.origin.as_str());
    let mut leaf_tiles = BTreeSet::new();
    let mut persons = persons::check(
        source,
        origin,
        anchor.tiles.as_mut(),
        &mut leaf_tiles,
        &mut findings,
    );
    let mut intakes = intakes::load(
        source,
        origin,
        anchor.tiles.as_mut(),
        &mut leaf_tiles,
        &mut persons,
        &mut findings,
    );
    let mut totals = check_exhibits(
        source,
        options.threads,
        head.as_ref(),
        &mut anchor,
        (&mut persons, &mut intakes),
        &bag,
        &mut findings,
    );
    totals.leaf_tiles.append(&mut leaf_tiles);
    // What was not read cannot say which tiles are too many, nor how much there should be.
    if let (Some((size, _)), false) = (anchor.claimed, totals.unread) {
        tiles::check_none_left_over(source, LOG, &totals.leaf_tiles, size, &mut findings);
    }
    let unbound = intakes.unbound;
    // What was not read cannot say which intakes are too many either.
    let intakes = match totals.unread {
        true => Vec::new(),
        false => intakes.finish(source, &mut findings),
    };
    if let Some(head) = &head {
        check_head(head, &totals, &bag, &anchor, &mut findings);
    }
    let recording = match (&anchor.facts, &bag.tagmanifest) {
        (Some(log), Some(tagmanifest)) => Some(recording::check(
            &options.beside,
            log,
            head.as_ref(),
            &recording::Made {
                tagmanifest,
                exhibits: match &head {
                    Some(head) if totals.unread => head.exhibits,
                    _ => totals.exhibits,
                },
                selection: (!totals.unread).then(|| totals.selection.clone().finish()),
            },
            &mut persons,
            &mut findings,
        )),
        _ => None,
    };
    let scan = match (options.log, &anchor.facts) {
        (Some(tree), Some(log)) => {
            let recorded = match &recording {
                Some(Recording::Recorded { size, root, .. }) => Some((*size, *root)),
                _ => None,
            };
            logscan::check(tree, log, recorded, &totals.chains, &mut findings)
        }
        _ => None,
    };
    let log = anchor
        .facts
        .as_ref()
        .map(|log| (log, anchor.checkpoint.as_slice()));
    let stamps = stamps::check(source, STAMPS, log, &mut findings);
    PackageReport {
        findings,
        stamps,
        head,
        log: anchor.facts,
        recording,
        scan,
        exhibits: totals.exhibits,
        events: totals.events,
        withheld: totals.withheld,
        signers: totals.signers,
        registered: persons.registered,
        intakes,
        unbound,
        erased: totals.erased,
        files: bag.payload.len() as u64,
        bytes: bag.sizes.iter().sum(),
        tagmanifest: bag.tagmanifest,
    }
}

/// Findings for files that have no place in a package.
fn check_layout(source: &dyn Source, findings: &mut Findings) {
    for name in source.names() {
        let known = match name.as_str() {
            "bagit.txt"
            | "bag-info.txt"
            | "manifest-sha256.txt"
            | "tagmanifest-sha256.txt"
            | "index.html"
            | HEAD
            | KEYS
            | ITEMS
            | EVENTS
            | persons::FILE
            | "comity/case.jsonld"
            | "comity/log/checkpoint" => true,
            _ if name.starts_with("data/") => payload_ern(name).is_some(),
            _ => [
                "comity/log/tile/",
                "comity/format/",
                "comity/exhibits/",
                intakes::FOLDER,
                STAMPS,
            ]
            .iter()
            .any(|folder| name.starts_with(folder)),
        };
        if !known {
            findings.add(name, "has no place in a package");
        }
    }
}

fn check_exhibits<'a>(
    source: &'a dyn Source,
    threads: usize,
    head: Option<&PackageHead>,
    anchor: &mut Anchor<'a>,
    (persons, intakes): (&mut Persons, &mut Intakes<'a>),
    bag: &Bag,
    findings: &mut Findings,
) -> Totals {
    let mut totals = Totals::default();
    let (Some(items), Some(events)) = (find(source, ITEMS), find(source, EVENTS)) else {
        for name in [ITEMS, EVENTS] {
            if find(source, name).is_none() {
                findings.add_once(name, "is missing");
            }
        }
        totals.unread = true;
        return totals;
    };
    let mut payload = Payload {
        names: source.names(),
        jobs: &bag.payload,
        sizes: &bag.sizes,
        claimed: vec![false; bag.payload.len()],
    };
    let (case, origin) = (
        head.map(|head| head.case.as_str()),
        head.map(|head| head.origin.as_str()),
    );
    let mut events_read = None;
    let read = source.read(items, &mut |reader| {
        let mut exhibits = Exhibits::new(
            reader,
            (persons, intakes),
            anchor.tiles.as_mut(),
            &mut payload,
            findings,
            &mut totals,
        );
        let check = |line: &[u8]| LineFacts::of(line, case, origin);
        events_read = Some(check_lines(source, events, threads, check, |facts| {
            exhibits.event(facts)
        }));
        exhibits.finish();
        Ok(())
    });
    if let Err(error) = read {
        findings.add(ITEMS, error.to_string());
    }
    match events_read {
        Some(Ok(digest)) if bag.later.is_some_and(|listed| listed != digest) => {
            findings.add(
                EVENTS,
                "was altered: its digest is not the one in tagmanifest-sha256.txt",
            );
        }
        Some(Err(error)) => findings.add(EVENTS, error.to_string()),
        _ => {}
    }
    for (job, claimed) in payload.jobs.iter().zip(&payload.claimed) {
        let name = payload.names.get(job.file as usize);
        if let (Some(name), false) = (name, claimed) {
            let what = format!("{name} is held against no event that received it");
            findings.add(
                payload_ern(name).map_or_else(|| name.clone(), |ern| ern.to_string()),
                what,
            );
        }
    }
    totals
}

fn check_head(
    head: &PackageHead,
    totals: &Totals,
    bag: &Bag,
    anchor: &Anchor<'_>,
    findings: &mut Findings,
) {
    let counts = [
        ("exhibits", head.exhibits, totals.exhibits),
        ("events", head.events, totals.events),
        ("files", head.files, bag.payload.len() as u64),
        ("bytes", head.bytes, bag.sizes.iter().sum()),
    ];
    let counted_in_the_bag = |name| !matches!(name, "exhibits" | "events");
    for (name, said, found) in counts {
        if said != found && (!totals.unread || counted_in_the_bag(name)) {
            findings.add(HEAD, format!("says {said} {name}, and there are {found}"));
        }
    }
    if anchor
        .claimed
        .is_some_and(|claimed| claimed != (head.size, head.root))
    {
        findings.add(HEAD, "has another size or root than the checkpoint");
    }
    if anchor
        .origin
        .as_ref()
        .is_some_and(|origin| *origin != head.origin)
    {
        findings.add(HEAD, "has another origin than the checkpoint");
    }
}
