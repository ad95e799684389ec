//! Rows waiting to be written, many a statement, in the order that keeps every table growing at its end.

use std::collections::BTreeMap;

use crate::error::Result;
use crate::sql::schema::PROJECTIONS;
use crate::sql::{ROWS_PER_STATEMENT, Session, Value};

/// Tables whose keys are hashes: new rows fall anywhere.
const SCATTERED: [&str; 2] = ["digests", "paths"];
/// Values waiting for the other tables before they are written, some 40 bytes each.
const ROOM: usize = 300_000;
/// Chains whose last event one statement says.
const HEADS: usize = 512;
/// Values waiting for scattered tables before they are written, some 60 bytes each.
const SCATTERED_ROOM: usize = 400_000;

/// Buffers of new rows by table, and the updates that follow them.
#[derive(Default)]
pub struct Rows {
    inserts: Vec<(&'static str, Vec<Value>)>,
    updates: Vec<(&'static str, Vec<Value>)>,
    /// The last event of chains that are there: its place, its index and its leaf hash.
    heads: BTreeMap<i64, [Value; 3]>,
    written: Vec<(&'static str, i64)>,
}

impl Rows {
    /// Adds a row; `values` in the order of the table's columns.
    pub fn insert<const N: usize>(&mut self, table: &'static str, values: [Value; N]) {
        match self.inserts.iter_mut().find(|(t, _)| *t == table) {
            Some((_, rows)) => rows.extend(values),
            None => self.inserts.push((table, values.into())),
        }
    }

    /// Adds a statement that runs after the inserts, in order.
    pub fn update<const N: usize>(&mut self, sql: &'static str, values: [Value; N]) {
        self.updates.push((sql, values.into()));
    }

    /// Says which event of a chain that is there is now its last: its place, its index, its leaf hash.
    pub fn head(&mut self, chain: i64, last: [Value; 3]) {
        self.heads.insert(chain, last);
    }

    /// How many values wait: a measure for when to flush.
    pub fn len(&self) -> usize {
        self.inserts.iter().map(|(_, v)| v.len()).sum::<usize>()
            + self.updates.len()
            + self.heads.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many rows of the table have been written.
    pub fn written(&self, table: &str) -> i64 {
        let of = self.written.iter().find(|(t, _)| *t == table);
        of.map_or(0, |(_, rows)| *rows)
    }

    /// While many rows are made one after the other: writes those of which enough wait. Rows that lie scattered over
    /// their table wait longest, so that every page of it is touched as seldom as may be.
    pub fn make_room(&mut self, session: &mut Session) -> Result<()> {
        let is_scattered = |(table, _): &(&str, _)| SCATTERED.contains(table);
        let waiting = |rows: &[(&str, Vec<Value>)], scattered| -> usize {
            let of = rows.iter().filter(|r| is_scattered(r) == scattered);
            of.map(|(_, values)| values.len()).sum()
        };
        if waiting(&self.inserts, true) > SCATTERED_ROOM {
            return self.flush(session);
        }
        if waiting(&self.inserts, false) > ROOM {
            let (scattered, others) = self.inserts.drain(..).partition(is_scattered);
            self.inserts = others;
            self.flush(session)?;
            self.inserts = scattered;
        }
        Ok(())
    }

    /// Writes everything into the session's open transaction.
    pub fn flush(&mut self, session: &mut Session) -> Result<()> {
        for (table, values) in self.inserts.drain(..) {
            let Some((_, keys, columns)) = PROJECTIONS.iter().find(|(t, ..)| *t == table) else {
                continue;
            };
            let rows = (values.len() / columns.len()) as i64;
            match self.written.iter_mut().find(|(t, _)| *t == table) {
                Some((_, written)) => *written += rows,
                None => self.written.push((table, rows)),
            }
            if SCATTERED.contains(&table) {
                let mut rows: Vec<&[Value]> = values.chunks(columns.len()).collect();
                rows.sort_unstable_by(|a, b| a[..*keys].cmp(&b[..*keys]));
                // A statement's rows at a time are copied into their new order, and not all of them at once.
                for part in rows.chunks(ROWS_PER_STATEMENT) {
                    session.insert(table, columns, &part.concat())?;
                }
            } else {
                session.insert(table, columns, &values)?;
            }
        }
        let heads: Vec<_> = std::mem::take(&mut self.heads).into_iter().collect();
        for part in heads.chunks(HEADS) {
            let rows = vec!["(?,?,?,?)"; part.len()].join(",");
            let values: Vec<Value> = part
                .iter()
                .flat_map(|(no, last)| std::iter::once(Value::Int(*no)).chain(last.clone()))
                .collect();
            session.execute(
                &format!("WITH last (chain, n, leaf, hash) AS (VALUES {rows}) UPDATE chains SET last_n = last.n, last_index = last.leaf, last_leaf = last.hash FROM last WHERE chains.no = last.chain"),
                &values,
            )?;
        }
        for (sql, values) in self.updates.drain(..) {
            session.execute(sql, &values)?;
        }
        Ok(())
    }
}
