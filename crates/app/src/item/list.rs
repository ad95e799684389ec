//! Lists of items, a page at a time.

use super::{COLUMNS, Item, TABLES};
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::intake::provenance::Pattern;
use crate::project::ItemState;
use crate::sql::{Session, Value};

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
    /// Whose shown path matches this pattern.
    pub path: Option<Pattern>,
    /// Received at this time or later, microseconds since 1970.
    pub since: Option<i64>,
    /// Received before this time.
    pub before: Option<i64>,
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
        let mut conditions = vec!["i.no > ?"];
        let mut values = vec![Value::Int(after)];
        let whole_numbers = [
            ("i.case_no = ?", filter.case),
            ("i.member = ?", filter.member),
            ("i.intake = ?", filter.intake),
            ("i.state = ?", filter.state.map(|s| s as i64)),
            ("i.received >= ?", filter.since),
            ("i.received < ?", filter.before),
        ];
        for (condition, value) in whole_numbers {
            if let Some(value) = value {
                conditions.push(condition);
                values.push(Value::Int(value));
            }
        }
        let sql = format!(
            "SELECT {COLUMNS} FROM {TABLES} WHERE {} ORDER BY i.no LIMIT {PAGE}",
            conditions.join(" AND ")
        );
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
