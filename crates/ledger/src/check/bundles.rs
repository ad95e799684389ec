//! Level-0 tiles, entry bundles and body bundles, each trio on its own, on all cores.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use comity_core::body::SealedBody;
use comity_core::digest::Digest;
use comity_core::leaf::{Leaf, leaf_hash};
use comity_core::merkle::full_subtree_root;
use comity_store::Objects;

use super::Findings;
use super::tiles::{self, Lists};
use crate::bundle::{check_bodies, entry_spans};
use crate::error::LedgerError;
use crate::levels::WIDTH;
use crate::names;
use crate::parallel::{cores, in_parallel};

/// Checks all bundles; the root of each level-0 tile, where it can be told.
pub(super) fn check(
    objects: &Objects,
    lists: &Lists,
    events: u64,
    progress: &(dyn Fn(u64, u64) + Sync),
    findings: &Findings,
) -> Result<Vec<Option<Digest>>, LedgerError> {
    let done = AtomicU64::new(0);
    let bundles: Vec<u64> = (0..lists.bundles()).collect();
    let roots = in_parallel(cores(), &bundles, |bundle| {
        let trio = Trio {
            objects,
            lists,
            findings,
            bundle: *bundle,
        };
        let root = trio.check();
        progress(done.fetch_add(WIDTH, Ordering::Relaxed) + WIDTH, events);
        root
    });
    roots.into_iter().collect()
}

struct Trio<'a> {
    objects: &'a Objects,
    lists: &'a Lists,
    findings: &'a Findings,
    bundle: u64,
}

impl Trio<'_> {
    fn check(&self) -> Result<Option<Digest>, LedgerError> {
        self.bodies()?;
        let entries = self.entries()?;
        let tile = tiles::tile(self.objects, 0, self.bundle, self.findings)?;
        Ok(self.judge(entries, tile))
    }

    fn bodies(&self) -> Result<(), LedgerError> {
        let name = names::body(self.bundle);
        let first = self.bundle * WIDTH;
        let Some(bytes) = self.objects.get(&name)? else {
            self.findings.add(name, "it is missing");
            return Ok(());
        };
        match check_bodies(&bytes, first) {
            Err(what) => self.findings.add(name, what),
            Ok(spans) => {
                for (span, index) in spans.into_iter().zip(first..) {
                    if let Err(error) = SealedBody::parse(&bytes[span]) {
                        self.findings
                            .add(&name, format!("event {index}: its sealed body: {error}"));
                    }
                }
            }
        }
        Ok(())
    }

    /// The leaf hashes of the entries, computed.
    fn entries(&self) -> Result<Option<Vec<Digest>>, LedgerError> {
        let name = names::entries(self.bundle);
        let Some(bytes) = self.objects.get(&name)? else {
            self.findings.add(name, "it is missing");
            return Ok(None);
        };
        let spans: Vec<Range<usize>> = match entry_spans(&bytes, WIDTH as usize) {
            Ok(spans) => spans,
            Err(what) => {
                self.findings.add(name, what);
                return Ok(None);
            }
        };
        let mut hashes = Vec::with_capacity(spans.len());
        for (span, index) in spans.into_iter().zip(self.bundle * WIDTH..) {
            let entry = &bytes[span];
            if let Err(error) = Leaf::parse(entry) {
                self.findings.add(&name, format!("event {index}: {error}"));
            }
            hashes.push(leaf_hash(entry));
        }
        Ok(Some(hashes))
    }

    /// Tells which of entries and tile is wrong by the hash above, if that is known; the tile's right root.
    fn judge(&self, entries: Option<Vec<Digest>>, tile: Option<Vec<Digest>>) -> Option<Digest> {
        let root = |hashes: &Option<Vec<Digest>>| hashes.as_deref().and_then(full_subtree_root);
        let (by_entries, by_tile) = (root(&entries), root(&tile));
        let Some(expected) = self.lists.hash(1, self.bundle) else {
            return match (by_entries, by_tile) {
                (Some(entries), Some(tile)) if entries == tile => Some(tile),
                (Some(_), Some(_)) => {
                    let what = format!(
                        "its entries and {} disagree: one of the two was altered",
                        self.tile_name()
                    );
                    self.findings.add(self.entries_name(), what);
                    None
                }
                (entries, tile) => entries.or(tile),
            };
        };
        let tile_fits = by_tile == Some(expected);
        let entries_fit = by_entries == Some(expected);
        let above = self.lists.name_above(0, self.bundle);
        if let Some(by_tile) = by_tile.filter(|_| !tile_fits) {
            let hint = self.hint(&by_tile);
            let what =
                format!("its root is not the one that {above} has for it: it was altered{hint}");
            self.findings.add(self.tile_name(), what);
        }
        if let (Some(by_entries), Some(entries), false) = (by_entries, entries, entries_fit) {
            match tile.filter(|_| tile_fits) {
                Some(tile) => self.differing(&entries, &tile, &by_entries),
                None => {
                    let hint = self.hint(&by_entries);
                    let what =
                        format!("its entries do not give the hash that {above} has for them{hint}");
                    self.findings.add(self.entries_name(), what);
                }
            }
        }
        Some(expected)
    }

    fn differing(&self, entries: &[Digest], tile: &[Digest], by_entries: &Digest) {
        let first = self.bundle * WIDTH;
        let pairs = entries.iter().zip(tile).zip(first..);
        let differing: Vec<u64> = pairs
            .filter(|((entry, leaf), _)| entry != leaf)
            .map(|(_, index)| index)
            .collect();
        if differing.len() as u64 == WIDTH {
            let what = format!("none of its entries is the tree's{}", self.hint(by_entries));
            self.findings.add(self.entries_name(), what);
            return;
        }
        for index in differing {
            let what =
                format!("event {index}: its leaf was altered: it has another hash than the tree");
            self.findings.add(self.entries_name(), what);
        }
    }

    fn hint(&self, root: &Digest) -> String {
        match self.lists.tile_with_root(root) {
            Some(other) => format!(
                "; it is the one of leaf {}, in the place of that of leaf {}",
                other * WIDTH,
                self.bundle * WIDTH
            ),
            None => String::new(),
        }
    }

    fn tile_name(&self) -> String {
        names::tile(0, self.bundle)
    }

    fn entries_name(&self) -> String {
        names::entries(self.bundle)
    }
}
