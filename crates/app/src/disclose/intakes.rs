//! The trees with which the exhibits' intakes were closed (`docs/format/disclosure.md`, *Intakes*).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use comity_core::digest::Digest;
use comity_core::json::Value;
use comity_core::merkle::{Frontier, full_subtree_root};
use comity_core::package::needed_tiles;
use comity_core::tile::{FULL_WIDTH, TileId};

use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::intake_tree::to_json;
use crate::read::OpenedEvent;

const WIDTH: u64 = FULL_WIDTH as u64;
/// Items of an intake that are looked up at a time.
const PAGE: usize = 8192;

/// The intakes of a case, read when an exhibit needs them.
pub struct Intakes<'a> {
    centre: &'a Centre,
    /// The size of checkpoint A.
    size: u64,
    /// The chain of each intake, by the id of the event that opened it.
    chains: HashMap<String, i64>,
    read: Mutex<HashMap<String, Option<Arc<Intake>>>>,
}

/// An intake that was closed with the items that its closing names.
pub struct Intake {
    /// The event that opened it.
    pub opened: OpenedEvent,
    /// The event that closed it.
    pub closed: OpenedEvent,
    /// The indices in the log of the tree's leaves.
    leaves: Vec<u64>,
    /// The hashes above full tiles, level by level from 1.
    above: Vec<Vec<Digest>>,
}

impl<'a> Intakes<'a> {
    /// The intakes of a case. Those of members whose desk is not here stay unknown.
    pub fn of_case(centre: &'a Centre, case_no: i64, size: u64) -> Result<Intakes<'a>> {
        let rows = centre.session()?.query(
            "SELECT t.no, c.first_index FROM intakes t JOIN chains c ON c.no = t.no WHERE t.case_no = ?",
            &[case_no.into()],
        )?;
        let mut chains = HashMap::with_capacity(rows.len());
        for row in &rows {
            match centre.read_event(row.int(1)? as u64) {
                Ok(opened) => {
                    let id = opened.text("event").unwrap_or_default().to_owned();
                    chains.insert(id, row.int(0)?);
                }
                Err(AppError::Locked { .. }) => {}
                Err(e) => return Err(e),
            }
        }
        Ok(Intakes {
            centre,
            size,
            chains,
            read: Mutex::default(),
        })
    }

    /// The intake that `act` names; `None` where it was not closed below A, or closed without naming its items.
    pub fn get(&self, act: &str) -> Result<Option<Arc<Intake>>> {
        // Held while one is read: all who ask need the same one.
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = read.get(act) {
            return Ok(known.clone());
        }
        let intake = match self.chains.get(act) {
            Some(no) => self.read(act, *no)?.map(Arc::new),
            None => None,
        };
        read.insert(act.to_owned(), intake.clone());
        Ok(intake)
    }

    fn read(&self, act: &str, no: i64) -> Result<Option<Intake>> {
        let mut session = self.centre.session()?;
        let indices = self.centre.chain_indices(&mut session, no)?;
        let mut events = Vec::new();
        for index in indices.into_iter().filter(|index| *index < self.size) {
            events.push(self.centre.read_event(index)?);
        }
        let closed = events
            .iter()
            .position(|event| event.text("kind") == Some("intake_closed"));
        let Some(closed) = closed.filter(|at| *at > 0).map(|at| events.swap_remove(at)) else {
            return Ok(None);
        };
        let (Some(named), opened) = (closed.value("items"), events.swap_remove(0)) else {
            return Ok(None);
        };
        // Most intakes have the events that received their items and no others; what was found inside of these came later.
        let (mut leaves, mut last) = (Vec::new(), 0);
        loop {
            let rows = session.query(
                &format!("SELECT i.number, c.first_index FROM items i JOIN chains c ON c.no = i.no WHERE i.intake = ? AND i.number > ? AND c.first_index < ? AND length(i.below) = 0 ORDER BY i.number LIMIT {PAGE}"),
                &[no.into(), last.into(), (closed.index as i64).into()],
            )?;
            for row in &rows {
                last = row.int(0)?;
                leaves.push(row.int(1)? as u64);
            }
            if rows.len() < PAGE {
                break;
            }
        }
        leaves.sort_unstable();
        let mut found = self.tree(&leaves)?;
        if found.0 != *named {
            leaves.clear();
            let range = opened.index + 1..closed.index;
            self.centre.each_event_of(act, range, &mut |event| {
                leaves.push(event.index);
                Ok(())
            })?;
            found = self.tree(&leaves)?;
        }
        if found.0 != *named {
            return Err(AppError::damaged(
                format!("event {} of the ledger (intake_closed)", closed.index),
                "the items of the intake are not those with which it was closed: `comity verify` says more",
            ));
        }
        let above = found.1;
        Ok(Some(Intake {
            opened,
            closed,
            leaves,
            above,
        }))
    }

    /// What a closing event would name, and the hashes above full tiles.
    fn tree(&self, leaves: &[u64]) -> Result<(Value, Vec<Vec<Digest>>)> {
        let mut tree = Frontier::new();
        let mut above = vec![Vec::new()];
        for tile in leaves.chunks(FULL_WIDTH.into()) {
            let hashes = hashes_of(self.centre, tile)?;
            above[0].extend(full_tile(&hashes));
            hashes.into_iter().for_each(|hash| tree.push(hash));
        }
        while let Some(row) = above.last().filter(|row| row.len() >= WIDTH as usize) {
            let next = row.chunks(FULL_WIDTH.into()).filter_map(full_tile);
            above.push(next.collect());
        }
        Ok((to_json(&tree), above))
    }
}

fn full_tile(hashes: &[Digest]) -> Option<Digest> {
    (hashes.len() as u64 == WIDTH).then(|| full_subtree_root(hashes))?
}

impl Intake {
    /// The place of an event of the log in the intake's tree.
    pub fn place(&self, index: u64) -> Option<u64> {
        self.leaves.binary_search(&index).ok().map(|at| at as u64)
    }

    /// Its name, as in registration numbers.
    pub fn name(&self) -> String {
        let number = self.opened.value("intake").and_then(Value::as_u64);
        let member = self.opened.text("member").unwrap_or_default();
        format!("{member}-{:06}", number.unwrap_or(0))
    }

    /// The tiles that show that these places are in the tree.
    pub fn tiles(&self, centre: &Centre, places: &[u64]) -> Result<Vec<(TileId, Vec<u8>)>> {
        let needed = needed_tiles(places, self.leaves.len() as u64);
        let tile = |tile: TileId| {
            let first = (tile.index * WIDTH) as usize;
            let range = first..first + usize::from(tile.width);
            let missing = || AppError::damaged("tree of an intake", "a tile is missing");
            let hashes = match usize::from(tile.level).checked_sub(1) {
                None => hashes_of(centre, self.leaves.get(range).ok_or_else(missing)?)?,
                Some(row) => {
                    let row = self.above.get(row).and_then(|row| row.get(range));
                    row.ok_or_else(missing)?.to_vec()
                }
            };
            Ok((tile, hashes.iter().flat_map(|hash| hash.0).collect()))
        };
        needed.into_iter().map(tile).collect()
    }
}

/// The leaf hashes of the log at these indices, which ascend.
fn hashes_of(centre: &Centre, indices: &[u64]) -> Result<Vec<Digest>> {
    let mut hashes = Vec::with_capacity(indices.len());
    let sequencer = centre.sequencer();
    let size = sequencer.tree.size();
    for run in indices.chunk_by(|a, b| a / WIDTH == b / WIDTH) {
        let outside = || {
            AppError::damaged(
                "state",
                "an item stands outside the log; run `comity rebuild`",
            )
        };
        let first = run.first().ok_or_else(outside)?;
        let tile = TileId::in_tree(0, first / WIDTH, size).ok_or_else(outside)?;
        let bytes = sequencer.tree.tile(tile)?;
        for index in run {
            let at = (index % WIDTH) as usize * 32;
            let hash = bytes.get(at..at + 32).and_then(Digest::from_slice);
            hashes.push(hash.ok_or_else(outside)?);
        }
    }
    Ok(hashes)
}
