//! That a package's exhibits are among the items with which their intakes were closed
//! (`docs/format/disclosure.md`, *Intakes*).

use std::collections::{BTreeMap, BTreeSet};

use crate::digest::Digest;
use crate::json::Value;
use crate::tile::FULL_WIDTH;

use super::binding::{Closed, read_closed};
use super::event::Signer;
use super::persons::Persons;
use super::report::{Findings, IntakeReport};
use super::source::{Source, under};
use super::tiles::{LeafTiles, check_none_left_over};

/// The folder of a package.
pub(super) const FOLDER: &str = "comity/intakes/";

/// The intakes that a package shows.
#[derive(Default)]
pub(super) struct Intakes<'a> {
    /// By the id of the event that opened it.
    by_act: BTreeMap<String, Intake<'a>>,
    /// How many events of exhibits are not shown to be among those of their intake.
    pub(super) unbound: u64,
}

struct Intake<'a> {
    folder: &'a str,
    closed: Closed,
    size: u64,
    tiles: LeafTiles<'a>,
    /// The level-0 tiles that exhibits need.
    leaf_tiles: BTreeSet<u64>,
    shown: u64,
}

/// Reads the intakes of a package. Older packages show none.
pub(super) fn load<'a>(
    source: &'a dyn Source,
    origin: Option<&str>,
    mut tiles: Option<&mut LeafTiles<'_>>,
    leaf_tiles: &mut BTreeSet<u64>,
    persons: &mut Persons,
    findings: &mut Findings,
) -> Intakes<'a> {
    let mut intakes = Intakes::default();
    let mut last = "";
    for (_, name) in under(source, FOLDER) {
        let end = name[FOLDER.len()..]
            .find('/')
            .map(|at| FOLDER.len() + at + 1);
        let folder = end.and_then(|end| name.get(..end)).unwrap_or(name);
        let path = name.get(folder.len()..).unwrap_or_default();
        if path != "events.jsonl" && !path.starts_with("tile/") {
            findings.add(name, "has no place in a package");
        }
        if folder == last || !folder.ends_with('/') {
            continue;
        }
        last = folder;
        let file = format!("{folder}events.jsonl");
        let tiles = tiles.as_deref_mut();
        let Some(closed) = read_closed(source, &file, origin, tiles, leaf_tiles, findings) else {
            continue;
        };
        if closed.name.as_deref() != folder.get(FOLDER.len()..folder.len() - 1) {
            findings.add(&file, "its events are of another intake");
        }
        let indices = [closed.opened, closed.closed];
        for (signer, index) in closed.signers.iter().flatten().zip(indices) {
            if let Err(what) = persons.bind(signer, Some(index)) {
                findings.add(&file, what);
            }
        }
        let named = closed.items.as_ref().and_then(tree_of);
        let (Some((size, root)), Some(act)) = (named, closed.act.clone()) else {
            findings.add(&file, "does not open the tree over the items of the intake");
            continue;
        };
        let intake = Intake {
            folder,
            tiles: LeafTiles::load(source, folder, size, &root, findings),
            closed,
            size,
            leaf_tiles: BTreeSet::new(),
            shown: 0,
        };
        if intakes.by_act.insert(act, intake).is_some() {
            findings.add(&file, "the intake stands twice");
        }
    }
    intakes
}

/// Root and size of the tree that a closing event names.
fn tree_of(items: &Value) -> Option<(u64, Digest)> {
    let root = items.get("root")?.as_str()?.parse().ok()?;
    Some((items.get("size")?.as_u64()?, root))
}

impl Intakes<'_> {
    /// Holds an event of an exhibit, which names `act`, against its place in the tree of that intake.
    ///
    /// # Errors
    /// A sentence: the intake is not there, or the event is not one of those with which it was closed.
    pub(super) fn holds(
        &mut self,
        act: Option<&str>,
        at: u64,
        index: u64,
        leaf: &Digest,
    ) -> Result<(), String> {
        let intake = act
            .and_then(|act| self.by_act.get_mut(act))
            .ok_or("its intake is not shown, and its place in it is")?;
        intake.leaf_tiles.insert(at / u64::from(FULL_WIDTH));
        if !(intake.closed.opened < index && index < intake.closed.closed) {
            return Err(
                "it does not stand between the opening and the closing of its intake".to_owned(),
            );
        }
        match intake.tiles.contains(at, leaf) {
            Ok(true) => {
                intake.shown += 1;
                Ok(())
            }
            Ok(false) => {
                Err("it is not among the items with which its intake was closed".to_owned())
            }
            Err(error) => Err(format!("its place in its intake cannot be shown: {error}")),
        }
    }

    /// What is shown of the intakes, once all exhibits have been followed.
    pub(super) fn finish(self, source: &dyn Source, findings: &mut Findings) -> Vec<IntakeReport> {
        let report = |intake: Intake<'_>, findings: &mut Findings| {
            let folder = intake.folder;
            if intake.leaf_tiles.is_empty() {
                findings.add(folder, "is of an intake that no exhibit here is of");
            } else {
                check_none_left_over(source, folder, &intake.leaf_tiles, intake.size, findings);
            }
            let [_, signer]: [Option<Signer>; 2] = intake.closed.signers;
            IntakeReport {
                name: intake.closed.name.unwrap_or_default(),
                items: intake.size,
                index: intake.closed.closed,
                signer,
                shown: intake.shown,
            }
        };
        let intakes = self.by_act.into_values();
        intakes.map(|intake| report(intake, findings)).collect()
    }
}
