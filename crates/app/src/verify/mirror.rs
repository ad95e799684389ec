//! The mirror, held against itself, against the ledger and against the first store. Each finding names it.

use std::collections::{BTreeMap, HashMap};

use comity_core::checkpoint::{LogKeys, SignedCheckpoint};
use comity_core::digest::Digest;
use comity_core::finding::Finding;
use comity_core::id::ObjectId;
use comity_ledger::Tree;
use comity_vault::{PackFile, PackId, Vault};

use super::{Depth, Report, Scene};
use crate::cores::on_all_cores;
use crate::error::Result;
use crate::keys::Keys;
use crate::mirror::{Mirror, papers};
use crate::read::open_event;

/// Objects of a mirror by their ids: their length and digest, by the indexes of its packs.
type Held = HashMap<ObjectId, (u64, Digest)>;

/// The mirror as a check sees it.
pub(super) struct Second<'a> {
    mirror: &'a Mirror,
    held: Held,
    /// What it lacks or has otherwise, by pack: how many items, and the first of them.
    faults: BTreeMap<(String, &'static str), (u64, String)>,
}

impl<'a> Second<'a> {
    /// Checks what can be checked without the events. `None` where there is no mirror, or it is not there.
    pub fn check(
        scene: &'a Scene<'_>,
        log_keys: Option<&LogKeys>,
        keys: Option<&Keys>,
        first: Option<&Tree>,
        depth: Depth,
        report: &mut Report,
    ) -> Result<Option<Second<'a>>> {
        let Some(mirror) = &scene.mirror else {
            return Ok(None);
        };
        let mut second = Second {
            mirror,
            held: Held::new(),
            faults: BTreeMap::new(),
        };
        if let Some(note) = mirror.note()? {
            report.notes.push(format!(
                "The mirror {} may lack something since {} ({}): the next command that reaches it brings it up to date.",
                mirror.place(), note.since, note.why
            ));
        }
        if let Some(why) = mirror.absence() {
            second.find(report, "", format!("it cannot be checked: {why}"));
            return Ok(None);
        }
        // The first store is listed before the mirror, which is written first and emptied last.
        let here = scene.vault.packs()?;
        // Whatever it fails with is its own: the first store is checked all the same.
        let done = second
            .ledger(scene, log_keys, keys, first, report)
            .and_then(|()| second.packs(scene, &here, depth, report));
        if let Err(e) = done {
            second.find(report, "", format!("it cannot be checked to the end: {e}"));
            return Ok(None);
        }
        Ok(Some(second))
    }

    fn find(&self, report: &mut Report, what_of: &str, what: impl Into<String>) {
        let place = match what_of {
            "" => format!("mirror {}", self.mirror.place()),
            name => format!("mirror {}: {name}", self.mirror.place()),
        };
        report.findings.push(Finding::new(place, what));
    }

    fn ledger(
        &self,
        scene: &Scene<'_>,
        log_keys: Option<&LogKeys>,
        keys: Option<&Keys>,
        first: Option<&Tree>,
        report: &mut Report,
    ) -> Result<()> {
        let objects = self.mirror.objects();
        let watch = |done, all| (scene.watch)("log of the mirror", done, all);
        let findings = comity_ledger::check(objects, None, &watch)?;
        let is_whole = findings.is_empty();
        for f in findings {
            self.find(report, &f.place, f.what);
        }
        let tree = match Tree::open_read_only(objects.clone()) {
            Ok(tree) => tree,
            Err(e) if is_whole => {
                self.find(report, "ledger", e.to_string());
                return Ok(());
            }
            Err(_) => return Ok(()),
        };
        if let (Some(note), Some(keys)) = (tree.published(), log_keys)
            && let Err(e) = SignedCheckpoint::parse(note).and_then(|c| c.verify(keys))
        {
            self.find(report, "ledger/checkpoint", e.to_string());
        }
        if let Some(first) = first {
            self.against_first(&tree, first, keys, is_whole, report)?;
        }
        self.papers(scene, report)
    }

    fn against_first(
        &self,
        tree: &Tree,
        first: &Tree,
        keys: Option<&Keys>,
        is_whole: bool,
        report: &mut Report,
    ) -> Result<()> {
        let (held, published) = (tree.published_size(), first.published_size());
        let common = held.min(first.size());
        if tree.root_at(common).ok() != first.root_at(common).ok() {
            let what = format!(
                "its first {common} events are not those of the first store: one of the two has another history"
            );
            self.find(report, "ledger", what);
            return Ok(());
        }
        if held < published {
            let what = format!(
                "it holds {held} events, and the first store {published}: what came after is not in it"
            );
            self.find(report, "ledger", what);
        }
        if held > first.size() {
            let what = format!(
                "it holds {held} events, and the first store {}: an older copy was put in place of the first store",
                first.size()
            );
            self.find(report, "ledger", what);
        }
        if !is_whole {
            return Ok(());
        }
        for (ours, theirs) in first.batches(0..common).zip(tree.batches(0..common)) {
            // What the first store cannot read is named by its own check.
            let (Ok(ours), Ok(theirs)) = (ours, theirs) else {
                return Ok(());
            };
            for (a, b) in ours.iter().zip(theirs.iter()) {
                let is_right = a.body == b.body
                    || keys.is_some_and(|k| open_event(k, b.index, b.entry, b.body).is_ok());
                if !is_right {
                    let what = "its sealed body is not the one that the first store has";
                    self.find(report, &format!("event {} of the ledger", b.index), what);
                }
            }
        }
        Ok(())
    }

    /// What lies beside the tree.
    fn papers(&self, scene: &Scene<'_>, report: &mut Report) -> Result<()> {
        for (name, _) in papers(&scene.objects)? {
            let (here, there) = (scene.objects.get(&name)?, self.mirror.objects().get(&name)?);
            match (here, there) {
                (Some(_), None) => self.find(report, &name, "it is missing"),
                (Some(here), Some(there)) if here != there => {
                    self.find(report, &name, "it is not what the first store has");
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn packs(
        &mut self,
        scene: &Scene<'_>,
        here: &[PackFile],
        depth: Depth,
        report: &mut Report,
    ) -> Result<()> {
        let vault = Vault::new(self.mirror.objects().clone());
        let there = vault.packs()?;
        let looked = on_all_cores(
            &there,
            || (),
            |(), _, file| {
                let index = vault.read_pack_index(&file.name);
                let found = match (&index, depth) {
                    (Ok(_), Depth::Middle) => Ok(Vec::new()),
                    _ => vault.check_pack(&file.name),
                };
                (index, found)
            },
        );
        let mut digests = HashMap::new();
        for (file, (index, found)) in there.iter().zip(looked) {
            if file.pack.is_none() {
                self.find(report, &file.name, "this file is no pack");
                continue;
            }
            let found = found?;
            for f in &found {
                let f = Finding::from(f.clone());
                self.find(report, &f.place, f.what);
            }
            match index {
                Ok(index) => {
                    digests.insert(file.name.clone(), index.digest);
                    for o in index.objects {
                        self.held.insert(o.object, (o.len, o.sha256));
                    }
                }
                Err(e) if found.is_empty() => self.find(report, &file.name, e.to_string()),
                // The check has said where.
                Err(_) => {}
            }
        }
        let names: HashMap<&str, Option<PackId>> =
            there.iter().map(|f| (f.name.as_str(), f.pack)).collect();
        for file in here.iter().filter(|f| f.pack.is_some()) {
            if !names.contains_key(file.name.as_str()) {
                self.find(report, &file.name, "the mirror lacks this pack");
            } else if depth == Depth::Sealed
                && let Some(theirs) = digests.get(&file.name)
                && let Ok(ours) = scene.vault.read_pack_index(&file.name)
                && ours.digest != *theirs
            {
                let what = "it is another one than that of the first store, and each is whole in itself: a check with the passphrase says which one the ledger names";
                self.find(report, &file.name, what);
            }
        }
        let lone = there.len().saturating_sub(here.len());
        if lone > 0 {
            report.notes.push(format!(
                "The mirror {} holds {lone} packs more than the first store: interrupted acts left them, or the first store lost them.",
                self.mirror.place()
            ));
        }
        Ok(())
    }

    /// What an event says of an object, against what the mirror holds. `pack` is where the first store has it.
    pub fn fault(
        &self,
        id: &ObjectId,
        len: Option<u64>,
        sha256: Option<&[u8]>,
    ) -> Option<&'static str> {
        match self.held.get(id) {
            None => Some("the mirror does not hold the bytes of"),
            Some((held, digest)) if Some(*held) == len && sha256 == Some(digest.as_bytes()) => None,
            Some(_) => Some("the mirror holds other sealed bytes than the events name for"),
        }
    }

    /// Takes down what was found of an item.
    pub fn meet(&mut self, pack: String, what: &'static str, ern: String) {
        self.faults.entry((pack, what)).or_insert((0, ern)).0 += 1;
    }

    /// A finding for each pack, whatever the number of its items.
    pub fn tell(&self, report: &mut Report) {
        for ((pack, what), (items, first)) in &self.faults {
            let more = match items {
                1 => String::new(),
                n => format!(" and {} more items", n - 1),
            };
            self.find(report, pack, format!("{what} {first}{more}"));
        }
    }
}
