//! Two sets of tables row by row: the live ones, and those that were made anew from the ledger.

use std::cmp::Reverse;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::error::Result;
use crate::project::Rows;
use crate::sql::{Database, Row, Session, Value, schema};

/// Rows that are looked at together.
const PAGE: usize = 2000;
/// Differences of one table that are told one by one.
const TOLD: usize = 20;

/// Compares every projection, and says in words where they differ. `made` is the session that made the tables of
/// `database` through `rows`; it is closed, or used where the two lie in different engines. `others` are more sessions
/// on the same state of the live tables: each takes tables of its own, on a thread of its own.
pub fn differences(
    live: &mut Session,
    others: Vec<Session>,
    made: Session,
    database: &Database,
    rows: &Rows,
) -> Result<Vec<String>> {
    let mut sides = Sides::of(live, made, database)?;
    let unlike = unlike(&mut sides, others, database, rows)?;
    let mut all = Vec::new();
    for (table, keys, columns) in schema::PROJECTIONS {
        if unlike.contains(table) {
            all.extend(sides.tell(table, &columns[..*keys], columns)?);
        }
    }
    if let Sides::Apart(_, made) = sides {
        made.close()?;
    }
    Ok(all)
}

/// The tables that are not seen to be equal at once.
fn unlike(
    sides: &mut Sides<'_>,
    others: Vec<Session>,
    database: &Database,
    rows: &Rows,
) -> Result<Vec<&'static str>> {
    let Sides::Together(live, made) = sides else {
        return Ok(schema::PROJECTIONS.iter().map(|(t, ..)| *t).collect());
    };
    let mut tables: Vec<_> = schema::PROJECTIONS.iter().collect();
    // The longest first, so that all end at about the same time.
    tables.sort_by_key(|(table, ..)| Reverse(rows.written(table)));
    let next = AtomicUsize::new(0);
    let look = |session: &mut Session| -> Result<Vec<&'static str>> {
        let mut unlike = Vec::new();
        while let Some((table, keys, columns)) = tables.get(next.fetch_add(1, Ordering::Relaxed)) {
            let (keys, others) = columns.split_at(*keys);
            if !are_equal(session, made, table, keys, others, rows.written(table))? {
                unlike.push(*table);
            }
        }
        Ok(unlike)
    };
    thread::scope(|scope| {
        let look = &look;
        let others: Vec<_> = others
            .into_iter()
            .map(|mut session| {
                scope.spawn(move || {
                    attach(&mut session, database)?;
                    look(&mut session)
                })
            })
            .collect();
        let mut unlike = look(live)?;
        for other in others {
            let found = other.join();
            unlike.extend(found.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok(unlike)
    })
}

/// Shows the made tables beside those of a session; on PostgreSQL all schemas are within reach.
fn attach(session: &mut Session, made: &Database) -> Result<()> {
    match made {
        Database::Sqlite { path, key, .. } => Ok(session.attach(path, key)?),
        Database::Postgres { .. } => Ok(()),
    }
}

/// Whether both have the same rows, as far as the engine can see that by itself: the live table has as many rows as
/// were made, and each has its like.
fn are_equal(
    live: &mut Session,
    made: &str,
    table: &str,
    keys: &[&str],
    others: &[&str],
    made_rows: i64,
) -> Result<bool> {
    let on: Vec<String> = keys.iter().map(|k| format!("a.{k} = b.{k}")).collect();
    let same: Vec<String> = others
        .iter()
        .map(|c| format!("a.{c} IS NOT DISTINCT FROM b.{c}"))
        .collect();
    let and = if same.is_empty() { "" } else { " AND " };
    let sql = format!(
        "SELECT count(*), count(b.{}) FROM {table} AS a LEFT JOIN {made}{table} AS b ON {}{and}{}",
        keys.first().unwrap_or(&"no"),
        on.join(" AND "),
        same.join(" AND "),
    );
    let Some(row) = live.query_one(&sql, &[])? else {
        return Ok(false);
    };
    Ok(row.int(0)? == made_rows && row.int(1)? == made_rows)
}

enum Sides<'a> {
    /// Both within reach of one session; the made tables have this before their names.
    Together(&'a mut Session, String),
    Apart(&'a mut Session, Session),
}

impl<'a> Sides<'a> {
    fn of(live: &'a mut Session, made: Session, database: &Database) -> Result<Sides<'a>> {
        match database {
            Database::Sqlite { .. } if !live.is_postgres() => {
                made.close()?;
                attach(live, database)?;
                Ok(Sides::Together(live, format!("{}.", Session::ATTACHED)))
            }
            Database::Postgres { schema, .. } if live.is_postgres() => {
                made.close()?;
                Ok(Sides::Together(live, format!("{schema}.")))
            }
            _ => Ok(Sides::Apart(live, made)),
        }
    }

    /// The rows that differ, in words.
    fn tell(&mut self, table: &str, keys: &[&str], columns: &[&str]) -> Result<Vec<String>> {
        let (mut told, mut all) = (0, Vec::new());
        let mut live = Pages::new(keys.len());
        let mut made = Pages::new(keys.len());
        let mut number = 0;
        loop {
            match self {
                Sides::Together(session, prefix) => {
                    live.more(session, table, keys, columns)?;
                    made.more(session, &format!("{prefix}{table}"), keys, columns)?;
                }
                Sides::Apart(session, other) => {
                    live.more(session, table, keys, columns)?;
                    made.more(other, table, keys, columns)?;
                }
            }
            let (a, b) = (live.first(), made.first());
            let order = match (a, b) {
                (None, None) => break,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(a), Some(b)) => a.0[..keys.len()].cmp(&b.0[..keys.len()]),
            };
            number += 1;
            let what = match order {
                std::cmp::Ordering::Less => {
                    "the live table has a row that the ledger does not account for"
                }
                std::cmp::Ordering::Greater => {
                    "the live table lacks a row that the ledger accounts for"
                }
                std::cmp::Ordering::Equal if a != b => {
                    "the live row differs from what the ledger says"
                }
                std::cmp::Ordering::Equal => "",
            };
            if order.is_le() {
                live.next += 1;
            }
            if order.is_ge() {
                made.next += 1;
            }
            if !what.is_empty() {
                told += 1;
                if told <= TOLD {
                    all.push(format!("table {table}, row {number}: {what}"));
                }
            }
        }
        if told > TOLD {
            all.push(format!(
                "table {table}: {} further rows differ",
                told - TOLD
            ));
        }
        Ok(all)
    }
}

/// The rows of a table in the order of its key, a page at a time.
struct Pages {
    page: Vec<Row>,
    next: usize,
    /// The key of the last row of the page before.
    after: Option<Vec<Value>>,
    keys: usize,
    ended: bool,
}

impl Pages {
    fn new(keys: usize) -> Pages {
        Pages {
            page: Vec::new(),
            next: 0,
            after: None,
            keys,
            ended: false,
        }
    }

    fn first(&self) -> Option<&Row> {
        self.page.get(self.next)
    }

    /// Reads the next page when this one is used up.
    fn more(
        &mut self,
        session: &mut Session,
        table: &str,
        keys: &[&str],
        columns: &[&str],
    ) -> Result<()> {
        if self.next < self.page.len() || self.ended {
            return Ok(());
        }
        if let Some(last) = self.page.last() {
            self.after = Some(last.0[..self.keys].to_vec());
        }
        let key = keys.join(", ");
        let (after, values) = match &self.after {
            Some(values) => {
                let places = vec!["?"; keys.len()].join(", ");
                (format!("WHERE ({key}) > ({places})"), values.clone())
            }
            None => (String::new(), Vec::new()),
        };
        let sql = format!(
            "SELECT {} FROM {table} {after} ORDER BY {key} LIMIT {PAGE}",
            columns.join(", ")
        );
        self.page = session.query(&sql, &values)?;
        self.next = 0;
        self.ended = self.page.len() < PAGE;
        Ok(())
    }
}
