//! The check of a receipt (`docs/format/receipt.md`, What the verifier checks).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use crate::checkpoint::LogKeys;
use crate::digest::{Digest, unhex};
use crate::id::Ern;
use crate::merkle::Frontier;
use crate::tile::FULL_WIDTH;

use super::anchor::{self, Anchor};
use super::bagcheck::{read_manifest, report_hashed};
use super::binding;
use super::event::{CheckedEvent, EventLine};
use super::head::ReceiptHead;
use super::item::{Difference, DifferenceLine};
use super::report::{Findings, ReceiptReport};
use super::source::{Lines, Source, check_names, find, read_small};
use super::stamps;
use super::threads::{check_lines, hash_files};
use super::tiles::{self, LeafTiles};

const HEAD: &str = "receipt.json";
const KEYS: &str = "keys";
const LOG: &str = "log/";
const STAMPS: &str = "stamps/";
const MANIFEST: &str = "manifest.jsonl";
const DIFFERENCES: &str = "differences.jsonl";
const INTAKE: &str = "intake.jsonl";
/// The list of all other files of a receipt with their digests.
pub const RECEIPT_SUMS: &str = "SHA256SUMS";

/// More states than this are no states.
const MAX_STATES: usize = 100;

/// What a receipt is checked with.
#[derive(Default)]
pub struct ReceiptOptions<'a> {
    /// Keys that the deliverer had from elsewhere.
    pub keys: Option<&'a LogKeys>,
    /// How many threads to work on; 0 is taken as 1.
    pub threads: usize,
}

/// Checks a receipt and returns everything that is wrong with it, and what it shows.
#[must_use]
pub fn check_receipt(source: &dyn Source, options: &ReceiptOptions<'_>) -> ReceiptReport {
    let mut findings = Findings::default();
    findings.extend(source.refused().to_vec());
    findings.extend(check_names(source.names()));
    check_layout(source, &mut findings);
    let listed = check_sums(source, options.threads, &mut findings);
    let head = match read_small(source, HEAD).and_then(|bytes| ReceiptHead::parse(&bytes)) {
        Ok(head) => Some(head),
        Err(error) => {
            findings.add(HEAD, error);
            None
        }
    };
    let mut anchor = anchor::load(source, KEYS, LOG, options.keys, &mut findings);
    let mut leaf_tiles = anchor.tiles.take();
    let mut entries = Entries {
        head: head.as_ref(),
        tiles: leaf_tiles.as_mut(),
        ..Entries::default()
    };
    let manifest = match find(source, MANIFEST) {
        Some(file) => {
            let take = |facts| entries.take(facts, &mut findings);
            match check_lines(source, file, options.threads, LineFacts::of, take) {
                Ok(digest) => Some(digest),
                Err(error) => {
                    findings.add(MANIFEST, error.to_string());
                    None
                }
            }
        }
        None => {
            findings.add(MANIFEST, "is missing");
            None
        }
    };
    if listed.is_some_and(|listed| manifest.is_some_and(|digest| digest != listed)) {
        findings.add(
            MANIFEST,
            format!("was altered: its digest is not the one in {RECEIPT_SUMS}"),
        );
    }
    entries.finish(&mut findings);
    let bound = find(source, INTAKE).and_then(|_| {
        let expected = binding::Expected {
            origin: anchor.origin.as_deref(),
            items: &entries.items,
            act: entries.act.as_deref(),
            last: entries.last,
        };
        let (tiles, leaf_tiles) = (entries.tiles.as_deref_mut(), &mut entries.leaf_tiles);
        binding::check(source, INTAKE, &expected, tiles, leaf_tiles, &mut findings)
    });
    if let Some((size, _)) = anchor.claimed {
        tiles::check_none_left_over(source, LOG, &entries.leaf_tiles, size, &mut findings);
    }
    let lines = entries.lines;
    if let Some(head) = &head {
        check_head(head, &entries, manifest.as_ref(), &anchor, &mut findings);
        check_differences(source, head, &mut findings);
    }
    let log = anchor
        .facts
        .as_ref()
        .map(|log| (log, anchor.checkpoint.as_slice()));
    let stamps = stamps::check(source, STAMPS, log, &mut findings);
    ReceiptReport {
        findings,
        stamps,
        head,
        log: anchor.facts,
        lines,
        manifest,
        bound,
    }
}

fn check_layout(source: &dyn Source, findings: &mut Findings) {
    for name in source.names() {
        let known = [
            HEAD,
            KEYS,
            MANIFEST,
            DIFFERENCES,
            INTAKE,
            RECEIPT_SUMS,
            "log/checkpoint",
            "index.html",
        ];
        let in_folder = name.starts_with("log/tile/") || name.starts_with(STAMPS);
        if !known.contains(&name.as_str()) && !in_folder {
            findings.add(name, "has no place in a receipt");
        }
    }
}

/// Checks every file against the list but the manifest, which is hashed while its lines are
/// checked. Returns the digest that is listed for it.
fn check_sums(source: &dyn Source, threads: usize, findings: &mut Findings) -> Option<Digest> {
    let mut jobs = read_manifest(source, RECEIPT_SUMS, |name| name != RECEIPT_SUMS, findings);
    let mut listed = None;
    jobs.retain(|job| {
        let later = source
            .names()
            .get(job.file as usize)
            .is_some_and(|name| name == MANIFEST);
        if later {
            listed = Some(job.expected);
        }
        !later
    });
    report_hashed(
        source,
        RECEIPT_SUMS,
        &jobs,
        &hash_files(source, &jobs, threads),
        findings,
    );
    listed
}

/// What the threads find out about one line.
struct LineFacts {
    checked: Option<CheckedEvent>,
    problem: Option<String>,
    ern: Option<Ern>,
    received: bool,
    state: Option<String>,
    size_bytes: u64,
    case: Option<String>,
    member: Option<String>,
    act: Option<String>,
}

impl LineFacts {
    fn of(line: &[u8]) -> LineFacts {
        let mut facts = LineFacts {
            checked: None,
            problem: None,
            ern: None,
            received: false,
            state: None,
            size_bytes: 0,
            case: None,
            member: None,
            act: None,
        };
        let event = match EventLine::parse_manifest(line) {
            Ok(event) => event,
            Err(error) => {
                facts.problem = Some(error);
                return facts;
            }
        };
        facts.ern = event.text("ern").and_then(|ern| ern.parse().ok());
        facts.state = event.text("state").map(Into::into);
        facts.size_bytes = event.integer("size").unwrap_or(0);
        facts.case = event.text("case").map(Into::into);
        facts.member = event.text("member").map(Into::into);
        facts.act = event.text("act").map(Into::into);
        match event.text("kind").as_deref() {
            Some("received") => facts.received = true,
            Some("delivered_again") => {}
            _ => facts.problem = Some("is neither received nor delivered_again".to_owned()),
        }
        if let Some(name) = event.differs_from_repeated() {
            facts.problem = Some(format!("repeats another {name} than its fields have"));
        }
        match event.check() {
            Ok(checked) => facts.checked = Some(checked),
            Err(problem) => facts.problem = Some(problem),
        }
        facts
    }
}

impl EventLine<'_> {
    /// The name of a member of a manifest's line that is not what the opened fields say.
    fn differs_from_repeated(&self) -> Option<&'static str> {
        let repeated = self.repeated.as_ref()?;
        let texts = [
            ("ern", Some(repeated.ern.as_ref())),
            ("path", repeated.path.as_deref()),
            ("sha256", repeated.sha256.as_deref()),
            ("state", repeated.state.as_deref()),
        ];
        for (name, said) in texts {
            if self.text(name).as_deref() != said {
                return Some(name);
            }
        }
        (self.integer("size") != repeated.size_bytes).then_some("size")
    }
}

#[derive(Default)]
struct Entries<'a, 's> {
    head: Option<&'a ReceiptHead>,
    tiles: Option<&'a mut LeafTiles<'s>>,
    lines: u64,
    received: u64,
    again: u64,
    states: BTreeMap<String, u64>,
    bytes: u64,
    last: Option<u64>,
    leaf_tiles: BTreeSet<u64>,
    /// The tree over the events of this intake.
    items: Frontier,
    /// The id of the event that opened it, as its items' events name it.
    act: Option<String>,
    /// Items of earlier intakes that have a line and have not been delivered again yet.
    earlier: HashSet<Ern>,
}

impl Entries<'_, '_> {
    fn take(&mut self, facts: LineFacts, findings: &mut Findings) {
        self.lines += 1;
        let place = match facts.ern {
            Some(ern) => ern.to_string(),
            None => format!("{MANIFEST}, line {}", self.lines),
        };
        if let Some(problem) = &facts.problem {
            findings.add(&place, problem);
        } else if facts.ern.is_none() {
            findings.add(
                &place,
                "does not open ern, or it is not a registration number",
            );
        }
        let Some(event) = facts.checked else { return };
        self.leaf_tiles.insert(event.index / u64::from(FULL_WIDTH));
        if self.last.is_some_and(|last| last >= event.index) {
            findings.add(&place, "stands twice, or not in the order of the log");
        }
        self.last = Some(event.index);
        if let Some(tiles) = &mut self.tiles {
            match tiles.contains(event.index, &event.hash) {
                Ok(true) => {}
                Ok(false) => findings.add(
                    &place,
                    format!(
                        "its leaf is not the one that the log has at index {}",
                        event.index
                    ),
                ),
                Err(error) => findings.add(
                    &place,
                    format!("its place in the log cannot be shown: {error}"),
                ),
            }
        }
        if let Some(ern) = facts.ern {
            self.count(&place, ern, &facts, &event, findings);
        }
    }

    fn count(
        &mut self,
        place: &str,
        ern: Ern,
        facts: &LineFacts,
        event: &CheckedEvent,
        findings: &mut Findings,
    ) {
        let differs = |said: &Option<String>, head: fn(&ReceiptHead) -> &String| {
            let head = self.head.map(head);
            said.as_ref()
                .is_some_and(|said| head.is_some_and(|head| head != said))
        };
        if differs(&facts.case, |head| &head.case) {
            findings.add(place, format!("is of another case than {HEAD} says"));
        }
        if differs(&facts.member, |head| &head.member) {
            findings.add(place, format!("is of another member than {HEAD} says"));
        }
        if self
            .head
            .is_some_and(|head| ern.member().as_str() != head.member)
        {
            findings.add(
                place,
                format!("has the number of another member than {HEAD} says"),
            );
        }
        let of_this_intake = self
            .head
            .is_none_or(|head| u64::from(ern.intake()) == head.intake);
        if !facts.received || of_this_intake {
            self.items.push(event.hash);
            if *self
                .act
                .get_or_insert_with(|| facts.act.clone().unwrap_or_default())
                != facts.act.as_deref().unwrap_or_default()
            {
                findings.add(place, "belongs to another act than the lines before it");
            }
        }
        if !facts.received {
            self.again += 1;
            self.earlier.remove(&ern);
            return;
        }
        if event.leaf.n != 0 {
            findings.add(
                place,
                "was received, but not as the first event of its chain",
            );
        }
        if !of_this_intake {
            self.earlier.insert(ern);
            return;
        }
        self.received += 1;
        self.bytes = self.bytes.saturating_add(facts.size_bytes);
        if let Some(state) = &facts.state
            && (self.states.len() < MAX_STATES || self.states.contains_key(state))
        {
            *self.states.entry(state.clone()).or_default() += 1;
        }
    }

    fn finish(&mut self, findings: &mut Findings) {
        let mut earlier: Vec<Ern> = self.earlier.drain().collect();
        earlier.sort_unstable();
        for ern in earlier {
            findings.add(
                ern.to_string(),
                "is of another intake, and was not delivered again in this one",
            );
        }
    }
}

fn check_head(
    head: &ReceiptHead,
    entries: &Entries<'_, '_>,
    manifest: Option<&Digest>,
    anchor: &Anchor<'_>,
    findings: &mut Findings,
) {
    let counts = [
        ("lines", head.lines, entries.lines),
        ("received", head.received, entries.received),
        ("again", head.again, entries.again),
        ("bytes", head.bytes, entries.bytes),
    ];
    for (name, said, found) in counts {
        if said != found {
            findings.add(
                HEAD,
                format!("says {name} {said}, and the manifest has {found}"),
            );
        }
    }
    if head.states != entries.states {
        findings.add(HEAD, "counts other states than the manifest has");
    }
    if manifest.is_some_and(|manifest| *manifest != head.manifest_sha256) {
        findings.add(
            MANIFEST,
            format!("was altered: its digest is not the one that {HEAD} gives"),
        );
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

fn check_differences(source: &dyn Source, head: &ReceiptHead, findings: &mut Findings) {
    let file = find(source, DIFFERENCES);
    let (said, file) = match (head.differences, file) {
        (Some(said), Some(file)) => (said, file),
        (None, None) => return,
        (Some(_), None) => return findings.add(DIFFERENCES, "is missing"),
        (None, Some(_)) => {
            return findings.add(
                DIFFERENCES,
                format!("is there, and {HEAD} does not name it"),
            );
        }
    };
    let (mut different, mut extra, mut missing, mut line) = (0, 0, 0, 0);
    let mut digest = None;
    let read = source.read(file, &mut |reader| {
        let mut hashing = Hashing {
            reader,
            hasher: crate::Sha256Hasher::new(),
        };
        let mut lines = Lines::new(&mut hashing);
        while let Some(text) = lines.next()? {
            line += 1;
            match DifferenceLine::parse(text).map(|line| line.finding) {
                Ok(Difference::Different) => different += 1,
                Ok(Difference::Extra) => extra += 1,
                Ok(Difference::Missing) => missing += 1,
                Err(error) => findings.add(DIFFERENCES, format!("line {line}: {error}")),
            }
        }
        digest = Some(hashing.hasher.clone().finish());
        Ok(())
    });
    if let Err(error) = read {
        findings.add(DIFFERENCES, error.to_string());
    } else if digest != Some(said.sha256) {
        findings.add(
            DIFFERENCES,
            format!("was altered: its digest is not the one that {HEAD} gives"),
        );
    } else if (different, extra, missing) != (said.different, said.extra, said.missing) {
        findings.add(
            HEAD,
            format!("counts other findings than {DIFFERENCES} has"),
        );
    }
}

struct Hashing<R> {
    reader: R,
    hasher: crate::Sha256Hasher,
}

impl<R: std::io::Read> std::io::Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.hasher.update(&buffer[..count]);
        Ok(count)
    }
}

/// What a receipt says of one thing that was handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceiptEntry {
    /// Its registration number.
    pub ern: String,
    /// The path below the place that was handed over, as bytes.
    pub path: Vec<u8>,
    /// Size of its bytes.
    pub size_bytes: Option<u64>,
    /// SHA-256 of its bytes, when they were read.
    pub sha256: Option<Digest>,
}

/// Goes through what a receipt lists, one by one. Meant for a receipt that [`check_receipt`] found
/// nothing wrong with: lines that cannot be read are passed over.
///
/// # Errors
/// Reading fails.
pub fn receipt_entries(
    source: &dyn Source,
    visit: &mut dyn FnMut(ReceiptEntry),
) -> std::io::Result<()> {
    let Some(file) = find(source, MANIFEST) else {
        return Ok(());
    };
    source.read(file, &mut |reader| {
        let mut lines = Lines::new(reader);
        while let Some(line) = lines.next()? {
            let Ok(event) = EventLine::parse_manifest(line) else {
                continue;
            };
            let Some(path) = event.text("path") else {
                continue;
            };
            let bytes = event.text("path_bytes").and_then(|hex| unhex(&hex));
            visit(ReceiptEntry {
                ern: event.text("ern").unwrap_or_default().into_owned(),
                path: bytes.unwrap_or_else(|| path.as_bytes().to_vec()),
                size_bytes: event.integer("size"),
                sha256: event.text("sha256").and_then(|digest| digest.parse().ok()),
            });
        }
        Ok(())
    })
}
