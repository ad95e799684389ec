//! Items: found by their number or by filters, shown, opened, and their history told.

mod family;
mod get;
mod history;
mod list;
mod restore;

use std::collections::{BTreeMap, HashMap};

use comity_core::id::{Ern, MemberCode};
use comity_extract::State;
use comity_rules::finding::{Marks, Seeker, hidden};
use comity_seal::Key;

use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::project::facts::{ItemFacts, open_facts};
use crate::project::{ItemState, below, place_of_below};
use crate::read::OpenedEvent;
use crate::sql::{Row, Session, Value};

pub(crate) use family::containers;
pub use get::{Opening, Wanted};
pub(crate) use history::proof_in;
pub use history::{HistoryEvent, proof_of};
pub use list::{Counted, Filter, FurtherCounted, Inside, ReadingState, moment};

/// An item as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The number of its chain.
    pub no: i64,
    /// Its evidence registration number.
    pub ern: Ern,
    /// The code of its case.
    pub case: String,
    /// How it ended when it was met.
    pub state: ItemState,
    /// Its size in bytes.
    pub size: u64,
    /// Its object, when it has bytes.
    pub object: Option<i64>,
    /// When it was received, microseconds since 1970.
    pub received: i64,
    /// The number of the erasure (its chain), once the item has been erased.
    pub erased: Option<i64>,
    /// Digest and path, unless they have been erased or wait for the member's desk.
    pub facts: Option<ItemFacts>,
    /// Whether its content waits for the key of its member's desk.
    pub waits: bool,
    /// The index of its first event.
    pub first_index: u64,
    /// The place of its last event in its chain.
    pub last_n: u64,
    /// The index of its last event.
    pub last_index: u64,
    /// Its bytes did not pass the last check of fixity and were not mended since.
    pub quarantined: bool,
    /// How its reading ended, once it was read.
    pub reading: Option<LastReading>,
}

/// How the last reading of an item ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastReading {
    /// The state.
    pub state: State,
    /// The index of the leaf that says so.
    pub leaf: u64,
    /// Somebody has asked for another one since.
    pub again: bool,
}

impl Item {
    /// Whether it has bytes that no reader has seen, or is to be read again.
    pub fn is_unread(&self) -> bool {
        let sealed = self.state == ItemState::Sealed && self.erased.is_none();
        sealed && self.reading.is_none_or(|reading| reading.again)
    }
}

/// The columns that [`Centre::item_of_row`] reads, and the tables that they come from.
pub(crate) const COLUMNS: &str = "i.no, m.code, t.number, i.number, k.code, i.state, i.size, i.object, i.received, i.facts, c.content_key, c.first_index, c.last_n, c.last_index, i.erased, (SELECT count(*) FROM quarantine q WHERE q.item = i.no), i.below, r.state, r.leaf, r.waits";
pub(crate) const TABLES: &str = "items i JOIN chains c ON c.no = i.no JOIN members m ON m.no = i.member JOIN intakes t ON t.no = i.intake JOIN cases k ON k.no = i.case_no LEFT JOIN readings r ON r.item = i.no";

/// Numbers that one query asks for.
const NUMBERS_PER_QUERY: usize = 200;

impl Centre {
    /// An item from a row of [`COLUMNS`].
    pub(crate) fn item_of_row(&self, row: &Row) -> Result<Item> {
        let broken = |what: &str| AppError::damaged("table items", what.to_owned());
        let member = row
            .text(1)?
            .parse()
            .map_err(|_| broken("a member's code is malformed"))?;
        let ern = Ern::new(member, row.int(2)? as u32, row.int(3)? as u32)
            .and_then(|ern| place_of_below(ern, row.blob(16).ok()?))
            .ok_or_else(|| broken("a number is out of range"))?;
        let own = self.keys.item_unless_locked(row.int(10)? as u64)?;
        let waits = own.is_err();
        // Which scopes are open the keys say; what follows from it is the decision that searches go by too.
        let code = row.text(1)?;
        let marks = Marks {
            member: code,
            case: row.text(4)?,
            erased: row.opt_int(14)?.is_some(),
        };
        let seeker = Seeker {
            case: None,
            waiting: waits.then(|| code.to_owned()).into_iter().collect(),
        };
        let found = hidden(marks, &seeker).is_none();
        let facts = match (row.opt_blob(9)?, own.ok().flatten()) {
            (Some(sealed), Some(secret)) if found => {
                let clear = open_facts(&Key::new(secret.first), "items", sealed)?;
                Some(
                    ItemFacts::decode(&clear)
                        .ok_or_else(|| broken("the facts of an item are malformed"))?,
                )
            }
            _ => None,
        };
        let reading = match row.opt_int(17)? {
            Some(state) => Some(LastReading {
                state: u8::try_from(state)
                    .ok()
                    .and_then(State::of)
                    .ok_or_else(|| broken("the state of a reading is unknown"))?,
                leaf: row.int(18)? as u64,
                again: row.int(19)? != 0,
            }),
            None => None,
        };
        Ok(Item {
            no: row.int(0)?,
            ern,
            case: row.text(4)?.to_owned(),
            state: ItemState::of_number(row.int(5)?).ok_or_else(|| broken("a state is unknown"))?,
            size: row.int(6)? as u64,
            object: row.opt_int(7)?,
            received: row.int(8)?,
            erased: row.opt_int(14)?,
            facts,
            waits,
            first_index: row.int(11)? as u64,
            last_n: row.int(12)? as u64,
            last_index: row.int(13)? as u64,
            quarantined: row.int(15)? > 0,
            reading,
        })
    }

    /// The items of these numbers, looked up together; those that there are none of are missing.
    pub(crate) fn items(
        &self,
        session: &mut Session,
        numbers: &[Ern],
    ) -> Result<HashMap<Ern, Item>> {
        let mut intakes: BTreeMap<(MemberCode, u32), Vec<&Ern>> = BTreeMap::new();
        for ern in numbers {
            let intake = (ern.member(), ern.intake());
            intakes.entry(intake).or_default().push(ern);
        }
        let mut items = HashMap::with_capacity(numbers.len());
        for ((member, number), erns) in intakes {
            // In two steps, so that no planner of queries reads every item for one.
            let intake = session.query_one(
                "SELECT t.no FROM members m JOIN intakes t ON t.member = m.no WHERE m.code = ? AND t.number = ?",
                &[member.as_str().into(), number.into()],
            )?;
            let Some(intake) = intake else { continue };
            let intake = intake.int(0)?;
            for part in erns.chunks(NUMBERS_PER_QUERY) {
                let wanted = vec!["(?,?)"; part.len()].join(",");
                // CROSS: SQLite then goes from the numbers into the table, and not the other way round.
                let sql = format!(
                    "SELECT {COLUMNS} FROM (VALUES {wanted}) AS w CROSS JOIN {TABLES} WHERE i.intake = ? AND i.number = w.column1 AND i.below = w.column2"
                );
                let mut values: Vec<Value> = Vec::with_capacity(2 * part.len() + 1);
                for ern in part {
                    values.extend([ern.number().into(), below(ern).into()]);
                }
                values.push(intake.into());
                for row in &session.query(&sql, &values)? {
                    let item = self.item_of_row(row)?;
                    items.insert(item.ern, item);
                }
            }
        }
        Ok(items)
    }

    /// The item of a number.
    pub fn item(&self, session: &mut Session, ern: &Ern) -> Result<Item> {
        let found = self.items(session, std::slice::from_ref(ern))?.remove(ern);
        found.ok_or_else(|| {
            AppError::Usage(format!(
                "there is no item {ern}: `comity item list` shows what there is"
            ))
        })
    }

    /// The item whose chain has this number.
    pub(crate) fn item_by_no(&self, session: &mut Session, no: i64) -> Result<Item> {
        let row = session.query_one(
            &format!("SELECT {COLUMNS} FROM {TABLES} WHERE i.no = ?"),
            &[no.into()],
        )?;
        self.item_of_row(&row.ok_or_else(|| {
            AppError::damaged(
                "state",
                format!("item {no} is missing; run `comity rebuild`"),
            )
        })?)
    }

    /// The first event of an item: what was recorded when it was received.
    pub fn received_event(&self, item: &Item) -> Result<OpenedEvent> {
        self.read_event(item.first_index)
    }
}
