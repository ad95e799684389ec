//! Lists of items, a page at a time.

use super::{COLUMNS, Item, TABLES};
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::intake::provenance::Pattern;
use crate::project::ItemState;
use crate::reading::Pass;
use crate::sql::{Session, Value};
use comity_extract::State;

/// Which items are asked for. Every part that is given must hold.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Of this case (chain number).
    pub case: Option<i64>,
    /// Of this member (chain number).
    pub member: Option<i64>,
    /// Of this intake (chain number).
    pub intake: Option<i64>,
    /// In this state.
    pub state: Option<ItemState>,
    /// Of which the reading ended so.
    pub reading: Option<ReadingState>,
    /// Inside of this item.
    pub inside: Option<Inside>,
    /// Whose shown path matches this pattern.
    pub path: Option<Pattern>,
    /// Received at this time or later, microseconds since 1970.
    pub since: Option<i64>,
    /// Received before this time.
    pub before: Option<i64>,
}

/// How far the reading of an item has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadingState {
    /// Its bytes wait for a reader.
    Unread,
    /// It was read, and ended so.
    Ended(State),
}

/// An item with all that is inside of it, as the tables know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inside {
    pub(super) intake: i64,
    pub(super) number: i64,
    pub(super) below: Vec<u8>,
}

/// Items of one state of each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counted {
    /// How it ended when it was met.
    pub state: ItemState,
    /// Whether it was erased.
    pub erased: bool,
    /// How the reading ended, where it was read.
    pub reading: Option<State>,
    /// Whether it is to be read, or read again.
    pub unread: bool,
    /// How many.
    pub items: u64,
}

/// Items of which a further pass is as far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FurtherCounted {
    /// Which pass.
    pub pass: Pass,
    /// How it ended, once it was made.
    pub state: Option<State>,
    /// It is to be made, or made again.
    pub waits: bool,
    /// How many.
    pub items: u64,
}

/// Items read from SQL at a time.
const PAGE: i64 = 2000;

impl Centre {
    /// Calls `each` for the items that fit, in the order in which they were recorded, after the item whose chain
    /// has the number `after`, until it answers `false`.
    pub fn each_item(
        &self,
        session: &mut Session,
        filter: &Filter,
        after: i64,
        each: &mut dyn FnMut(Item) -> Result<bool>,
    ) -> Result<()> {
        let (conditions, mut values) = conditions(filter, after);
        let sql =
            format!("SELECT {COLUMNS} FROM {TABLES} WHERE {conditions} ORDER BY i.no LIMIT {PAGE}");
        loop {
            let rows = session.query(&sql, &values)?;
            for row in &rows {
                let item = self.item_of_row(row)?;
                let fits = match (&filter.path, &item.facts) {
                    (None, _) => true,
                    (Some(pattern), Some(facts)) => {
                        pattern.matches(&comity_core::shown::shown(&facts.path))
                    }
                    (Some(_), None) => false,
                };
                if fits && !each(item)? {
                    return Ok(());
                }
            }
            match rows.last() {
                Some(last) if rows.len() == PAGE as usize => values[0] = Value::Int(last.int(0)?),
                _ => return Ok(()),
            }
        }
    }

    /// How many of the items that fit are in which state. A pattern of paths is not looked at.
    pub fn count_items(&self, session: &mut Session, filter: &Filter) -> Result<Vec<Counted>> {
        let (conditions, values) = conditions(filter, 0);
        let rows = session.query(
            &format!("SELECT i.state, CAST(CASE WHEN i.erased IS NULL THEN 0 ELSE 1 END AS BIGINT), coalesce(r.state, -1), coalesce(r.waits, 1), count(*) FROM {TABLES} WHERE {conditions} GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4"),
            &values,
        )?;
        let broken = || AppError::damaged("table items", "a state is unknown");
        let mut counted = Vec::with_capacity(rows.len());
        for row in &rows {
            let state = ItemState::of_number(row.int(0)?).ok_or_else(broken)?;
            let erased = row.int(1)? != 0;
            counted.push(Counted {
                state,
                erased,
                reading: u8::try_from(row.int(2)?).ok().and_then(State::of),
                unread: state == ItemState::Sealed && !erased && row.int(3)? != 0,
                items: row.int(4)? as u64,
            });
        }
        Ok(counted)
    }

    /// How far further passes over the items that fit have come. A pattern of paths is not looked at.
    pub fn count_further(
        &self,
        session: &mut Session,
        filter: &Filter,
    ) -> Result<Vec<FurtherCounted>> {
        let (conditions, values) = conditions(filter, 0);
        let rows = session.query(
            &format!("SELECT f.pass, coalesce(f.state, -1), f.waits, count(*) FROM {TABLES} JOIN further f ON f.item = i.no WHERE {conditions} GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"),
            &values,
        )?;
        let mut counted = Vec::with_capacity(rows.len());
        for row in &rows {
            let number = row.int(0)?;
            let pass = Pass::FURTHER.into_iter().find(|p| *p as i64 == number);
            counted.push(FurtherCounted {
                pass: pass.ok_or_else(|| AppError::damaged("table further", "an unknown pass"))?,
                state: u8::try_from(row.int(1)?).ok().and_then(State::of),
                waits: row.int(2)? != 0,
                items: row.int(3)? as u64,
            });
        }
        Ok(counted)
    }

    /// An item with all that is inside of it, for a filter.
    pub fn inside(&self, session: &mut Session, item: &Item) -> Result<Inside> {
        let row = session.query_one(
            "SELECT intake, number, below FROM items WHERE no = ?",
            &[item.no.into()],
        )?;
        let row = row.ok_or_else(|| {
            AppError::damaged(item.ern.to_string(), "it has no row; run `comity rebuild`")
        })?;
        Ok(Inside {
            intake: row.int(0)?,
            number: row.int(1)?,
            below: row.blob(2)?.to_vec(),
        })
    }
}

/// The conditions of a filter, and the values in them; of the first one the value changes from page to page.
fn conditions(filter: &Filter, after: i64) -> (String, Vec<Value>) {
    let mut conditions = vec!["i.no > ?"];
    let mut values = vec![Value::Int(after)];
    let reading = filter.reading.map(|reading| match reading {
        ReadingState::Unread => (
            "i.erased IS NULL AND (r.item IS NULL OR r.waits = 1) AND i.state = ?",
            ItemState::Sealed as i64,
        ),
        ReadingState::Ended(state) => ("r.state = ?", state as i64),
    });
    let whole_numbers = [
        ("i.case_no = ?", filter.case),
        ("i.member = ?", filter.member),
        ("i.intake = ?", filter.intake),
        ("i.state = ?", filter.state.map(|s| s as i64)),
        ("i.received >= ?", filter.since),
        ("i.received < ?", filter.before),
    ];
    let whole_numbers = whole_numbers
        .into_iter()
        .filter_map(|(condition, value)| Some((condition, value?)));
    for (condition, value) in whole_numbers.chain(reading) {
        conditions.push(condition);
        values.push(Value::Int(value));
    }
    if let Some(inside) = &filter.inside {
        conditions.push("i.intake = ? AND i.number = ? AND i.below > ? AND i.below < ?");
        values.extend([
            inside.intake.into(),
            inside.number.into(),
            inside.below.as_slice().into(),
            [&inside.below[..], &[0xff]].concat().into(),
        ]);
    }
    (conditions.join(" AND "), values)
}

/// A day or a moment as it is typed: `2026-11-24` (UTC) or RFC 3339, in microseconds since 1970.
pub fn moment(text: &str) -> Result<i64> {
    let day = || format!("{text}T00:00:00Z").parse::<jiff::Timestamp>().ok();
    let time = text.parse::<jiff::Timestamp>().ok().or_else(day);
    time.map(|t| t.as_microsecond()).ok_or_else(|| {
        AppError::Usage(format!(
            "{text:?} is not a day (2026-11-24) or a time with its zone (2026-11-24T10:00:00Z)"
        ))
    })
}
