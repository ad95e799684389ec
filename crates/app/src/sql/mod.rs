//! One SQL layer on two engines: SQLite (sealed at rest) and PostgreSQL.
//!
//! Every statement of Comity is written once, with `?` for a parameter, in the subset that both
//! engines understand. Types are the three that both have: 64-bit integers, byte strings, text.
//! Callers are ordinary threads; the engines' asynchronous drivers stay behind this module.

mod engine;
mod foreign;
pub mod schema;

use std::path::PathBuf;

pub use engine::{ROWS_PER_STATEMENT, Session};
pub use foreign::{ForeignRows, ForeignTable, foreign_tables};

/// A value of a parameter or a column. The two nulls carry their type because PostgreSQL asks for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// A 64-bit signed integer.
    Int(i64),
    /// Bytes.
    Blob(Vec<u8>),
    /// UTF-8 text.
    Text(String),
    /// NULL in a column of integers.
    NoInt,
    /// NULL in a column of bytes.
    NoBlob,
}

impl From<i64> for Value {
    fn from(v: i64) -> Self {
        Value::Int(v)
    }
}

impl From<u32> for Value {
    fn from(v: u32) -> Self {
        Value::Int(i64::from(v))
    }
}

impl From<Vec<u8>> for Value {
    fn from(v: Vec<u8>) -> Self {
        Value::Blob(v)
    }
}

impl From<&[u8]> for Value {
    fn from(v: &[u8]) -> Self {
        Value::Blob(v.to_vec())
    }
}

impl<const N: usize> From<[u8; N]> for Value {
    fn from(v: [u8; N]) -> Self {
        Value::Blob(v.to_vec())
    }
}

impl From<&str> for Value {
    fn from(v: &str) -> Self {
        Value::Text(v.to_owned())
    }
}

impl From<Option<i64>> for Value {
    fn from(v: Option<i64>) -> Self {
        v.map_or(Value::NoInt, Value::Int)
    }
}

impl From<Option<Vec<u8>>> for Value {
    fn from(v: Option<Vec<u8>>) -> Self {
        v.map_or(Value::NoBlob, Value::Blob)
    }
}

/// A row of an answer, its columns in the order of the query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row(pub Vec<Value>);

impl Row {
    fn wrong(&self, column: usize, wanted: &'static str) -> SqlError {
        SqlError::Column { column, wanted }
    }

    /// The integer in column `i` (from 0).
    pub fn int(&self, i: usize) -> Result<i64, SqlError> {
        match self.0.get(i) {
            Some(Value::Int(v)) => Ok(*v),
            _ => Err(self.wrong(i, "an integer")),
        }
    }

    /// The integer in column `i`, or `None` where it is NULL.
    pub fn opt_int(&self, i: usize) -> Result<Option<i64>, SqlError> {
        match self.0.get(i) {
            Some(Value::Int(v)) => Ok(Some(*v)),
            Some(Value::NoInt | Value::NoBlob) => Ok(None),
            _ => Err(self.wrong(i, "an integer or nothing")),
        }
    }

    /// The bytes in column `i`.
    pub fn blob(&self, i: usize) -> Result<&[u8], SqlError> {
        match self.0.get(i) {
            Some(Value::Blob(v)) => Ok(v),
            _ => Err(self.wrong(i, "bytes")),
        }
    }

    /// The bytes in column `i`, or `None` where it is NULL.
    pub fn opt_blob(&self, i: usize) -> Result<Option<&[u8]>, SqlError> {
        match self.0.get(i) {
            Some(Value::Blob(v)) => Ok(Some(v)),
            Some(Value::NoInt | Value::NoBlob) => Ok(None),
            _ => Err(self.wrong(i, "bytes or nothing")),
        }
    }

    /// The bytes in column `i`, which must be `N` of them.
    pub fn array<const N: usize>(&self, i: usize) -> Result<[u8; N], SqlError> {
        self.blob(i)?
            .try_into()
            .map_err(|_| self.wrong(i, "bytes of a fixed length"))
    }

    /// The text in column `i`, or `None` where it is NULL.
    pub fn opt_text(&self, i: usize) -> Result<Option<&str>, SqlError> {
        match self.0.get(i) {
            Some(Value::NoInt | Value::NoBlob) => Ok(None),
            _ => self.text(i).map(Some),
        }
    }

    /// The text in column `i`.
    pub fn text(&self, i: usize) -> Result<&str, SqlError> {
        match self.0.get(i) {
            Some(Value::Text(v)) => Ok(v),
            _ => Err(self.wrong(i, "text")),
        }
    }
}

/// What a SQLite file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// To live with: whatever is committed is durable.
    Live,
    /// To read, writing nothing at all.
    ReadOnly,
    /// To make it from nothing. Nothing is journalled or flushed; if that is interrupted it is thrown away, and who
    /// keeps it makes it durable.
    Making,
}

/// Where the state is kept.
#[derive(Clone)]
pub enum Database {
    /// A SQLite file, every page sealed and authenticated with the key (SQLCipher).
    Sqlite {
        /// The file.
        path: PathBuf,
        /// The key of 32 random bytes, from the keyring.
        key: [u8; 32],
        /// What it is opened for.
        access: Access,
    },
    /// A PostgreSQL database by its URL. Its administrator can read the tables: what identifies
    /// people or is free text is in sealed columns.
    Postgres {
        /// `postgres://user@host/database`.
        url: String,
        /// The schema that holds the tables: `comity`, or another one while rebuilding.
        schema: String,
    },
}

/// What can go wrong in SQL.
#[derive(Debug, thiserror::Error)]
pub enum SqlError {
    /// The engine refused or broke.
    #[error("the database failed while it was asked to {what}: {source}")]
    Engine {
        /// The first words of the statement.
        what: String,
        /// The driver's error.
        #[source]
        source: sqlx::Error,
    },
    /// A column did not have the type that the program expects.
    #[error(
        "the database is damaged or of another version: column {column} does not hold {wanted}; run `comity rebuild`"
    )]
    Column {
        /// The column's place in the row.
        column: usize,
        /// What was expected there.
        wanted: &'static str,
    },
    /// A setting on which durability rests is not in force.
    #[error(
        "the database is not durable as configured: {setting} is {found:?} and must be {wanted:?}; correct it and start again"
    )]
    Setting {
        /// The engine's setting.
        setting: &'static str,
        /// Its value.
        found: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// The SQLite file cannot be read with the key: damaged, or another centre's.
    #[error(
        "the state file {path} is damaged or belongs to another centre ({source}); `comity rebuild` makes it anew from the ledger"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The driver's error.
        #[source]
        source: sqlx::Error,
    },
    /// The runtime for the drivers did not start.
    #[error("the database driver did not start: {0}")]
    Runtime(std::io::Error),
}

impl SqlError {
    /// Whether it is the bytes of the SQLite file that are at fault: damaged, or not a database at all.
    pub fn is_damage(&self) -> bool {
        // The codes of SQLite; those that say more have the same lowest byte.
        const CORRUPT: u32 = 11;
        const NOT_A_DATABASE: u32 = 26;
        match self {
            SqlError::Unreadable { .. } => true,
            SqlError::Engine { source, .. } => source
                .as_database_error()
                .filter(|e| e.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some())
                .and_then(|e| e.code()?.parse().ok())
                .is_some_and(|code: u32| [CORRUPT, NOT_A_DATABASE].contains(&(code & 0xff))),
            _ => false,
        }
    }
}
