//! What an exported log says of a package's chains (`docs/format/disclosure.md`, point 8).

use std::collections::HashMap;
use std::io::Read as _;

use crate::checkpoint::{LogKeys, SignedCheckpoint};
use crate::digest::Digest;
use crate::id::ChainId;
use crate::leaf::{Leaf, leaf_hash};
use crate::merkle::Frontier;
use crate::tile::{FULL_WIDTH, entries_path};

use super::exhibits::Chain;
use super::report::{Findings, LogFacts, LogScan};
use super::source::{Source, find, read_small};

/// The longest bundle: 256 entries of 65,535 bytes with their lengths.
const MAX_BUNDLE_BYTES: u64 = 256 * (2 + 65_535);

/// Reads every entry of the exported log: it must hash to the roots of checkpoint A, of B when the
/// package is recorded, and of its own checkpoint, and hold no leaf of the package's chains that
/// the package does not have at A.
///
/// `recorded` is size and root of checkpoint B.
pub(super) fn check(
    tree: &dyn Source,
    log: &LogFacts,
    recorded: Option<(u64, Digest)>,
    chains: &HashMap<ChainId, Chain>,
    findings: &mut Findings,
) -> Option<LogScan> {
    let place = |name: &str| format!("log: {name}");
    let keys = match read_small(tree, "keys").map(|bytes| LogKeys::parse(&bytes)) {
        // It may tell of successions that came after the package.
        Ok(Ok(own)) => match log.keys.joined(&own) {
            Some(keys) => keys,
            None => {
                findings.add(
                    place("keys"),
                    "are not those of the package, nor theirs by succession",
                );
                return None;
            }
        },
        _ => log.keys.clone(),
    };
    let parsed = match read_small(tree, "checkpoint") {
        Ok(bytes) => SignedCheckpoint::parse(&bytes)
            .and_then(|checkpoint| checkpoint.verify(&keys))
            .map_err(|error| error.to_string()),
        Err(error) => Err(error),
    };
    let checkpoint = match parsed {
        Ok(checkpoint) => checkpoint,
        Err(error) => {
            findings.add(place("checkpoint"), error);
            return None;
        }
    };
    let size = checkpoint.size();
    if size < log.size || recorded.is_some_and(|(recorded, _)| size < recorded) {
        let what = format!(
            "has {size} leaves only: it is older than the package, so it cannot show that nothing came later"
        );
        findings.add(place("checkpoint"), what);
        return None;
    }
    let before = findings.list().len();
    let mut scan = Scan {
        chains,
        seen: HashMap::with_capacity(chains.len()),
        frontier: Frontier::new(),
        at: log.size,
        recorded,
        later: 0,
    };
    if log.size == 0 {
        scan.at_checkpoint(log, findings);
    }
    for bundle in 0..size.div_ceil(u64::from(FULL_WIDTH)) {
        let first = bundle * u64::from(FULL_WIDTH);
        let width = (size - first).min(u64::from(FULL_WIDTH)) as u16;
        let name = [
            entries_path(bundle, FULL_WIDTH),
            entries_path(bundle, width),
        ]
        .into_iter()
        .find(|name| find(tree, name).is_some());
        let Some(name) = name else {
            findings.add(place(&entries_path(bundle, width)), "is missing");
            return None;
        };
        let bytes = match read_bundle(tree, &name) {
            Ok(bytes) => bytes,
            Err(error) => {
                findings.add(place(&name), error);
                return None;
            }
        };
        if let Err(error) = scan.bundle(&bytes, width, log, findings) {
            findings.add(place(&name), error);
            return None;
        }
    }
    if scan.frontier.root() != *checkpoint.root() {
        findings.add(
            place("tile/entries"),
            "the leaves do not hash to the root of the log's checkpoint",
        );
    }
    (findings.list().len() == before).then_some(LogScan {
        size,
        later: scan.later,
    })
}

fn read_bundle(tree: &dyn Source, name: &str) -> Result<Vec<u8>, String> {
    let index = find(tree, name).ok_or("is missing")?;
    let mut bytes = Vec::new();
    let read = tree.read(index, &mut |reader| {
        bytes.clear();
        reader
            .take(MAX_BUNDLE_BYTES + 1)
            .read_to_end(&mut bytes)
            .map(|_| ())
    });
    match read {
        Ok(()) if bytes.len() as u64 > MAX_BUNDLE_BYTES => {
            Err("is too long for 256 entries".to_owned())
        }
        Ok(()) => Ok(bytes),
        Err(error) => Err(format!("cannot be read: {error}")),
    }
}

struct Scan<'a> {
    chains: &'a HashMap<ChainId, Chain>,
    /// How many leaves of each chain have come, without a gap or a second one.
    seen: HashMap<ChainId, u64>,
    frontier: Frontier,
    at: u64,
    recorded: Option<(u64, Digest)>,
    later: u64,
}

impl Scan<'_> {
    fn bundle(
        &mut self,
        bytes: &[u8],
        width: u16,
        log: &LogFacts,
        findings: &mut Findings,
    ) -> Result<(), String> {
        let mut rest = bytes;
        for _ in 0..width {
            let (len, after) = rest
                .split_first_chunk::<2>()
                .ok_or("ends within an entry")?;
            let len = usize::from(u16::from_be_bytes(*len));
            let (entry, after) = after.split_at_checked(len).ok_or("ends within an entry")?;
            self.entry(entry, findings)?;
            rest = after;
            if self.frontier.size() == self.at {
                self.at_checkpoint(log, findings);
            }
            let here = self
                .recorded
                .filter(|(size, _)| *size == self.frontier.size());
            if here.is_some_and(|(_, root)| root != self.frontier.root()) {
                findings.add(
                    "log: tile/entries",
                    "the leaves do not hash to the root of checkpoint B",
                );
            }
        }
        Ok(())
    }

    fn entry(&mut self, entry: &[u8], findings: &mut Findings) -> Result<(), String> {
        let index = self.frontier.size();
        let leaf = Leaf::parse(entry).map_err(|error| format!("leaf {index}: {error}"))?;
        self.frontier.push(leaf_hash(entry));
        let Some(chain) = self.chains.get(&leaf.chain) else {
            return Ok(());
        };
        let seen = self.seen.entry(leaf.chain).or_insert(0);
        let ern = chain.ern.to_string();
        if leaf.n < *seen {
            findings.add(
                ern,
                format!(
                    "the log has a second leaf for its event {} at index {index}",
                    leaf.n
                ),
            );
        } else {
            if leaf.n > *seen {
                findings.add(
                    ern,
                    format!("the log lacks its event {} before index {index}", *seen),
                );
            }
            *seen = leaf.n + 1;
        }
        self.later += u64::from(index >= self.at);
        Ok(())
    }

    /// At the size of checkpoint A: the log must hold what the package holds, and no more.
    fn at_checkpoint(&mut self, log: &LogFacts, findings: &mut Findings) {
        if self.frontier.root() != log.root {
            findings.add("log: tile/entries", "the leaves do not hash to the root of the package's checkpoint: this is another log");
            return;
        }
        let mut wrong: Vec<_> = self
            .chains
            .iter()
            .filter_map(|(id, chain)| {
                let seen = self.seen.get(id).copied().unwrap_or(0);
                (seen > chain.events).then_some((chain.ern, chain.events, seen))
            })
            .collect();
        wrong.sort_unstable();
        for (ern, events, seen) in wrong {
            let what = format!(
                "the package shows {events} events, and the log has {seen} at the same checkpoint: later ones were left out"
            );
            findings.add(ern.to_string(), what);
        }
    }
}
