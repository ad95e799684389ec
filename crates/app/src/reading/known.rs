//! What was made of many items, looked up together: a few questions to the tables for all of them, and each event opened
//! once.

use std::collections::HashMap;

use comity_core::id::ObjectId;
use comity_keyring::Secret;
use comity_seal::Key;
use comity_vault::{ObjectReader, PackId, Place};

use super::pass::Pass;
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::item::Item;
use crate::read::OpenedEvent;
use crate::sql::Session;

/// What is known of the readings and further passes of some items.
pub(crate) struct Known {
    events: HashMap<u64, OpenedEvent>,
    derivatives: HashMap<u64, Derivative>,
    passes: HashMap<i64, Vec<PassState>>,
}

/// How far a further pass over an item has come, as the tables say it.
#[derive(Clone, Copy)]
pub(super) struct PassState {
    pub pass: Pass,
    /// The leaf that records what it made the last time.
    pub leaf: Option<u64>,
    /// It is to be made, or made again.
    pub waits: bool,
}

/// Where a derivative lies, and what opens it; without the key once that was destroyed.
struct Derivative {
    item: i64,
    object: ObjectId,
    place: Place,
    key: Option<Secret>,
}

/// Whether anything of what was made of it may be looked at.
pub(super) fn is_open(item: &Item) -> bool {
    item.erased.is_none() && !item.waits
}

impl Centre {
    /// What is known of these items. Nothing is of those that were erased or wait for their member's desk.
    pub(crate) fn known_of<'a>(
        &self,
        session: &mut Session,
        items: impl Iterator<Item = &'a Item>,
    ) -> Result<Known> {
        let (mut leaves, mut numbers) = (Vec::new(), Vec::new());
        for item in items.filter(|item| is_open(item)) {
            numbers.push(item.no);
            leaves.extend(item.reading.map(|reading| reading.leaf));
        }
        let passes = passes(session, &numbers)?;
        leaves.extend(passes.values().flatten().filter_map(|state| state.leaf));
        Ok(Known {
            derivatives: self.derivatives(session, &leaves)?,
            events: self.read_events(leaves)?,
            passes,
        })
    }

    /// The object of the derivative that the event at `leaf` made, where it made one.
    pub(crate) fn derivative(
        &self,
        session: &mut Session,
        item: &Item,
        leaf: u64,
    ) -> Result<Option<ObjectReader>> {
        match self.derivatives(session, &[leaf])?.get(&leaf) {
            Some(derivative) => derivative.open(self, item),
            None => Ok(None),
        }
    }

    fn derivatives(
        &self,
        session: &mut Session,
        leaves: &[u64],
    ) -> Result<HashMap<u64, Derivative>> {
        let leaves: Vec<i64> = leaves.iter().map(|leaf| *leaf as i64).collect();
        let rows = session.query_in(
            "SELECT d.leaf, d.item, o.id, o.pack, o.at, o.sealed_size, c.content_key FROM derivatives d JOIN objects o ON o.no = -d.leaf JOIN chains c ON c.no = d.item WHERE d.leaf IN ()",
            &leaves,
        )?;
        let numbers: Vec<u64> = rows
            .iter()
            .map(|row| Ok(row.int(6)? as u64))
            .collect::<Result<_>>()?;
        let keys = self.keys.items(numbers.iter().copied())?;
        let of_row = |(row, number): (&crate::sql::Row, &u64)| {
            let place = Place {
                pack: PackId(row.array(3)?),
                offset: row.int(4)? as u64,
                len: row.int(5)? as u64,
            };
            let derivative = Derivative {
                item: row.int(1)?,
                object: ObjectId(row.array(2)?),
                place,
                key: keys.get(&self.keys, *number)?,
            };
            Ok((row.int(0)? as u64, derivative))
        };
        rows.iter().zip(&numbers).map(of_row).collect()
    }
}

fn passes(session: &mut Session, items: &[i64]) -> Result<HashMap<i64, Vec<PassState>>> {
    let rows = session.query_in(
        "SELECT item, pass, leaf, waits FROM further WHERE item IN () ORDER BY item, pass",
        items,
    )?;
    let mut all: HashMap<i64, Vec<PassState>> = HashMap::new();
    for row in &rows {
        let number = row.int(1)?;
        let pass = Pass::FURTHER.into_iter().find(|p| *p as i64 == number);
        all.entry(row.int(0)?).or_default().push(PassState {
            pass: pass.ok_or_else(|| AppError::damaged("table further", "an unknown pass"))?,
            leaf: row.opt_int(2)?.map(|leaf| leaf as u64),
            waits: row.int(3)? != 0,
        });
    }
    Ok(all)
}

impl Derivative {
    fn open(&self, centre: &Centre, item: &Item) -> Result<Option<ObjectReader>> {
        let Some(secret) = self.key.as_ref().filter(|_| self.item == item.no) else {
            return Ok(None);
        };
        centre
            .vault
            .open_object(&self.place, &Key::new(secret.first), self.object)
            .map(Some)
            .map_err(|e| AppError::of_item(&item.ern, e))
    }
}

impl Known {
    /// The event of a leaf that the tables name.
    pub(super) fn event(&self, leaf: u64) -> Result<&OpenedEvent> {
        let missing =
            || AppError::damaged(format!("event {leaf} of the ledger"), "it was not read");
        self.events.get(&leaf).ok_or_else(missing)
    }

    pub(super) fn object(
        &self,
        centre: &Centre,
        item: &Item,
        leaf: u64,
    ) -> Result<Option<ObjectReader>> {
        match self.derivatives.get(&leaf) {
            Some(derivative) => derivative.open(centre, item),
            None => Ok(None),
        }
    }

    pub(super) fn passes(&self, item: &Item) -> &[PassState] {
        self.passes.get(&item.no).map_or(&[], Vec::as_slice)
    }
}
