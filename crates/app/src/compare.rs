//! Two sets of tables row by row: the live ones, and those that were made anew from the ledger.

use crate::error::Result;
use crate::project::Rows;
use crate::sql::{Database, Row, Session, Value, schema};

/// Rows that are looked at together.
const PAGE: usize = 2000;
/// Differences of one table that are told one by one.
const TOLD: usize = 20;

/// Compares every projection, and says in words where they differ. `made` is the session that made the tables of
/// `database` through `rows`; it is closed, or used where the two lie in different engines.
pub fn differences(
    live: &mut Session,
    made: Session,
    database: &Database,
    rows: &Rows,
) -> Result<Vec<String>> {
    let mut all = Vec::new();
    let mut sides = Sides::of(live, made, database)?;
    for (table, keys, columns) in schema::PROJECTIONS {
        let all_rows = rows.written(table);
        if !sides.are_equal(table, &columns[..*keys], &columns[*keys..], all_rows)? {
            all.extend(sides.tell(table, &columns[..*keys], columns)?);
        }
    }
    if let Sides::Apart(_, made) = sides {
        made.close()?;
    }
    Ok(all)
}

enum Sides<'a> {
    /// Both within reach of one session; the made tables have this before their names.
    Together(&'a mut Session, String),
    Apart(&'a mut Session, Session),
}

impl<'a> Sides<'a> {
    fn of(live: &'a mut Session, made: Session, database: &Database) -> Result<Sides<'a>> {
        match database {
            Database::Sqlite { path, key, .. } if !live.is_postgres() => {
                made.close()?;
                live.attach(path, key)?;
                Ok(Sides::Together(live, format!("{}.", Session::ATTACHED)))
            }
            Database::Postgres { schema, .. } if live.is_postgres() => {
                made.close()?;
                Ok(Sides::Together(live, format!("{schema}.")))
            }
            _ => Ok(Sides::Apart(live, made)),
        }
    }

    /// Whether both have the same rows, as far as the engine can see that by itself: the live table has as many rows
    /// as were made, and each has its like.
    fn are_equal(
        &mut self,
        table: &str,
        keys: &[&str],
        others: &[&str],
        made_rows: i64,
    ) -> Result<bool> {
        let Sides::Together(live, made) = self else {
            return Ok(false);
        };
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
