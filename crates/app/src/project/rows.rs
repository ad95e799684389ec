//! Rows waiting to be written, many a statement, in the order that keeps every table growing at its end.

use crate::error::Result;
use crate::sql::schema::PROJECTIONS;
use crate::sql::{Session, Value};

/// Buffers of new rows by table, and the updates that follow them.
#[derive(Default)]
pub struct Rows {
    inserts: Vec<(&'static str, Vec<Value>)>,
    updates: Vec<(&'static str, Vec<Value>)>,
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

    /// How many values wait: a measure for when to flush.
    pub fn len(&self) -> usize {
        self.inserts.iter().map(|(_, v)| v.len()).sum::<usize>() + self.updates.len()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Writes everything into the session's open transaction.
    pub fn flush(&mut self, session: &mut Session) -> Result<()> {
        for (table, values) in self.inserts.drain(..) {
            if let Some((_, _, columns)) = PROJECTIONS.iter().find(|(t, _, _)| *t == table) {
                session.insert(table, columns, &values)?;
            }
        }
        for (sql, values) in self.updates.drain(..) {
            session.execute(sql, &values)?;
        }
        Ok(())
    }
}
