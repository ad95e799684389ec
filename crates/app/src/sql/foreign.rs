//! A database that somebody brought: one table of it, read as a stream and never changed.
//!
//! It may be hostile, so SQLite is told what its authors advise for such files ("Defense Against The Dark Arts"): nothing
//! of its schema is run (no views, triggers, virtual tables or generated columns are asked for, functions of the schema
//! are refused), cells are checked, nothing is mapped into memory, and no value longer than [`LONGEST`] is taken out.

use std::io::{self, Read};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use futures::TryStreamExt;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, Row as _};

use super::SqlError;
use super::engine::{engine_error, hush_sqlcipher, runtime};

/// Bytes of a value at most; a longer one is taken for none.
const LONGEST: u32 = 65_536;
/// Bytes of rows that are handed on at once, and how many such pieces wait.
const PIECE: usize = 1 << 18;
const WAITING: usize = 4;

/// A table of a database, and its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForeignTable {
    /// What it is called.
    pub name: String,
    /// Its columns, in order.
    pub columns: Vec<String>,
}

/// The real tables of a database, with their real columns, by name.
///
/// # Errors
/// If it is none, or damaged.
pub fn foreign_tables(path: &Path) -> Result<Vec<ForeignTable>, SqlError> {
    let unreadable = |source| SqlError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let runtime = runtime()?;
    let mut conn = runtime
        .block_on(options(path).connect())
        .map_err(unreadable)?;
    // A virtual table has no page of its own; generated and hidden columns are not in `table_info`.
    let sql = "SELECT s.name, c.name FROM sqlite_master s, pragma_table_info(s.name) c WHERE s.type = 'table' AND s.rootpage > 0 AND s.name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY s.name, c.cid LIMIT 10000";
    let rows = runtime.block_on(sqlx::query(sql).fetch_all(&mut conn));
    let closed = runtime.block_on(conn.close());
    let rows = rows.map_err(unreadable)?;
    closed.map_err(unreadable)?;
    let mut tables: Vec<ForeignTable> = Vec::new();
    for row in rows {
        let (name, column): (String, String) = (
            row.try_get(0).map_err(unreadable)?,
            row.try_get(1).map_err(unreadable)?,
        );
        match tables.last_mut().filter(|t| t.name == name) {
            Some(table) => table.columns.push(column),
            None => tables.push(ForeignTable {
                name,
                columns: vec![column],
            }),
        }
    }
    Ok(tables)
}

fn options(path: &Path) -> SqliteConnectOptions {
    hush_sqlcipher();
    SqliteConnectOptions::new()
        .filename(path)
        .read_only(true)
        .immutable(true)
        .create_if_missing(false)
        .row_buffer_size(512)
        .pragma("trusted_schema", "OFF")
        .pragma("cell_size_check", "ON")
        .pragma("mmap_size", "0")
        .pragma("query_only", "ON")
        .pragma("temp_store", "MEMORY")
        .pragma("cache_size", "-8192")
}

/// A table as comma-separated values, the first line with the names of its columns: read as a stream, a line a row. What
/// is no value, is longer than 64 KiB or is no text or number is an empty cell; line ends in values are spaces.
pub struct ForeignRows {
    pieces: Option<Receiver<Result<Vec<u8>, String>>>,
    piece: Vec<u8>,
    at: usize,
    reading: Option<JoinHandle<()>>,
}

impl ForeignRows {
    /// Of a table of the database at `path`, these columns of it.
    #[must_use]
    pub fn open(path: &Path, table: &ForeignTable) -> ForeignRows {
        let (out, pieces) = sync_channel(WAITING);
        let (path, table) = (path.to_owned(), table.clone());
        let reading = std::thread::spawn(move || {
            if let Err(error) = send_rows(&path, &table, &out) {
                let _ = out.send(Err(error.to_string()));
            }
        });
        ForeignRows {
            pieces: Some(pieces),
            piece: Vec::new(),
            at: 0,
            reading: Some(reading),
        }
    }
}

impl Read for ForeignRows {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() {
            let next = self.pieces.as_ref().and_then(|pieces| pieces.recv().ok());
            match next {
                Some(piece) => (self.piece, self.at) = (piece.map_err(io::Error::other)?, 0),
                None => return Ok(0),
            }
        }
        let rest = self.piece.get(self.at..).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(rest) {
            *to = *from;
        }
        self.at += count;
        Ok(count)
    }
}

/// Waits for the thread that reads: the driver's own must have ended before the process does.
impl Drop for ForeignRows {
    fn drop(&mut self) {
        self.pieces = None;
        if let Some(reading) = self.reading.take() {
            let _ = reading.join();
        }
    }
}

/// Sends all rows, until nobody takes them any more.
fn send_rows(
    path: &Path,
    table: &ForeignTable,
    out: &SyncSender<Result<Vec<u8>, String>>,
) -> Result<(), SqlError> {
    let runtime = runtime()?;
    let fail = |source| engine_error("read a table", source);
    let mut conn = runtime.block_on(options(path).connect()).map_err(fail)?;
    let sent = runtime.block_on(stream(&mut conn, table, out));
    let closed = runtime.block_on(conn.close());
    sent.map_err(fail)?;
    closed.map_err(fail)
}

async fn stream(
    conn: &mut SqliteConnection,
    table: &ForeignTable,
    out: &SyncSender<Result<Vec<u8>, String>>,
) -> Result<(), sqlx::Error> {
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let cell = |name: &String| {
        let name = quoted(name);
        // How long a value is stands in the head of its row: nothing is taken out to learn it.
        format!(
            "CASE WHEN typeof({name}) IN ('text', 'integer') AND octet_length({name}) <= {LONGEST} THEN CAST(CAST({name} AS TEXT) AS BLOB) END"
        )
    };
    let cells: Vec<String> = table.columns.iter().map(cell).collect();
    let sql = format!("SELECT {} FROM {}", cells.join(", "), quoted(&table.name));
    let mut piece = Vec::with_capacity(PIECE + LONGEST as usize);
    let head = table.columns.iter().map(|name| Some(name.as_bytes()));
    line(head, &mut piece);
    let mut rows = sqlx::query(AssertSqlSafe(sql)).fetch(conn);
    while let Some(row) = rows.try_next().await? {
        let mut values: Vec<Option<&[u8]>> = Vec::with_capacity(row.len());
        for at in 0..row.len() {
            values.push(row.try_get(at)?);
        }
        line(values.into_iter(), &mut piece);
        if piece.len() >= PIECE && out.send(Ok(std::mem::take(&mut piece))).is_err() {
            return Ok(());
        }
    }
    let _ = out.send(Ok(piece));
    Ok(())
}

/// Adds a line of values.
fn line<'a>(values: impl Iterator<Item = Option<&'a [u8]>>, out: &mut Vec<u8>) {
    for (at, value) in values.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        let value = value.unwrap_or_default();
        if value
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || *b == b'_')
        {
            out.extend_from_slice(value);
            continue;
        }
        out.push(b'"');
        for byte in value {
            match byte {
                b'\n' | b'\r' => out.push(b' '),
                b'"' => out.extend_from_slice(b"\"\""),
                other => out.push(*other),
            }
        }
        out.push(b'"');
    }
    out.push(b'\n');
}
