//! A session on either engine.

use std::path::Path;
use std::str::FromStr;
use std::sync::OnceLock;
use std::time::Duration;

use comity_store::{Disk, Op};
use sqlx::postgres::{PgArguments, PgConnectOptions, PgRow};
use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteRow};
use sqlx::{
    Arguments, AssertSqlSafe, Column, ConnectOptions, Connection, PgConnection, Row as _,
    SqliteConnection, TypeInfo, ValueRef,
};
use tokio::runtime::Runtime;

use super::{Access, Database, Row, SqlError, Value};

/// Rows that one INSERT statement carries: 12 columns at most, and SQLite takes 32,766 parameters, PostgreSQL 65,535.
pub const ROWS_PER_STATEMENT: usize = 512;

pub(super) fn runtime() -> Result<&'static Runtime, SqlError> {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    // SQLCipher puts its keys away when the process ends. OpenSSL must not have taken itself down by then, which left
    // a damaged heap now and then: initialised like this, it stays until the end.
    openssl_sys::init();
    let made = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("comity-sql")
        .enable_all()
        .build()
        .map_err(SqlError::Runtime)?;
    Ok(RUNTIME.get_or_init(|| made))
}

enum Conn {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
    Closed,
}

impl Conn {
    fn close(self) -> Result<(), SqlError> {
        let closed = match self {
            Conn::Sqlite(conn) => runtime()?.block_on(conn.close()),
            Conn::Postgres(conn) => runtime()?.block_on(conn.close()),
            Conn::Closed => Ok(()),
        };
        closed.map_err(|source| engine_error("close", source))
    }
}

/// One connection to the state. Not shared between threads at once; open another for another thread.
pub struct Session {
    conn: Conn,
    /// Whether [`Session::begin`] has begun a transaction. Outside of one every statement is its own.
    is_begun: bool,
}

/// A moment at which a crash harness may end the process: just before and just after a transaction is committed. With
/// the calls of the disk it sees every order of our files and the database's.
fn kill_point(moment: &str) {
    let _ = Disk::real().step(Op::Commit, Path::new(moment), || Ok(()));
}

const BEFORE: &str = "before a commit";
const AFTER: &str = "after a commit";

fn changes_rows(sql: &str) -> bool {
    ["INSERT", "UPDATE", "DELETE", "WITH"]
        .iter()
        .any(|word| sql.starts_with(word))
}

impl Session {
    /// Opens a session, creating the SQLite file where there is none, and asserts the settings
    /// on which durability rests.
    pub fn open(database: &Database) -> Result<Session, SqlError> {
        let mut session = match database {
            Database::Sqlite { path, key, access } => Session {
                conn: Conn::Sqlite(open_sqlite(path, key, *access)?),
                is_begun: false,
            },
            Database::Postgres { url, schema } => Session {
                conn: Conn::Postgres(open_postgres(url, schema)?),
                is_begun: false,
            },
        };
        if !matches!(
            database,
            Database::Sqlite {
                access: Access::Making,
                ..
            }
        ) {
            session.assert_durable()?;
        }
        Ok(session)
    }

    /// A session on an empty database in memory: for holding no file open.
    pub fn nowhere() -> Result<Session, SqlError> {
        let options = SqliteConnectOptions::new().in_memory(true);
        let conn = runtime()?
            .block_on(options.connect())
            .map_err(|source| engine_error("open in memory", source))?;
        Ok(Session {
            conn: Conn::Sqlite(conn),
            is_begun: false,
        })
    }

    fn assert_durable(&mut self) -> Result<(), SqlError> {
        let settings: &[(&'static str, &'static str, &'static str)] = match self.conn {
            Conn::Closed => &[],
            Conn::Sqlite(_) => &[
                ("journal_mode", "PRAGMA journal_mode", "wal"),
                ("synchronous", "PRAGMA synchronous", "2"),
            ],
            Conn::Postgres(_) => &[
                ("fsync", "SHOW fsync", "on"),
                ("full_page_writes", "SHOW full_page_writes", "on"),
                ("synchronous_commit", "SHOW synchronous_commit", "on"),
            ],
        };
        for (setting, sql, wanted) in settings {
            let rows = self.query(sql, &[])?;
            let found = match rows.first().and_then(|r| r.0.first()) {
                Some(Value::Text(t)) => t.clone(),
                Some(Value::Int(i)) => i.to_string(),
                other => format!("{other:?}"),
            };
            if found != *wanted {
                return Err(SqlError::Setting {
                    setting,
                    found,
                    wanted,
                });
            }
        }
        Ok(())
    }

    /// Keeps so many KiB of pages in memory; PostgreSQL sees to that itself. For the one session that writes.
    pub fn keep_pages(&mut self, kib: u32) -> Result<(), SqlError> {
        match self.conn {
            Conn::Sqlite(_) => self
                .execute(&format!("PRAGMA cache_size = -{kib}"), &[])
                .map(drop),
            _ => Ok(()),
        }
    }

    /// Whether this is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        matches!(self.conn, Conn::Postgres(_))
    }

    /// Runs one statement and returns how many rows it changed.
    pub fn execute(&mut self, sql: &str, values: &[Value]) -> Result<u64, SqlError> {
        let commits = !self.is_begun && changes_rows(sql);
        if commits {
            kill_point(BEFORE);
        }
        let changed = self.run(sql, values)?;
        if commits {
            kill_point(AFTER);
        }
        Ok(changed)
    }

    fn run(&mut self, sql: &str, values: &[Value]) -> Result<u64, SqlError> {
        let fail = |source| engine_error(sql, source);
        match &mut self.conn {
            Conn::Sqlite(conn) => {
                let arguments = sqlite_arguments(values).map_err(fail)?;
                let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
                Ok(runtime()?
                    .block_on(query.execute(conn))
                    .map_err(fail)?
                    .rows_affected())
            }
            Conn::Postgres(conn) => {
                let arguments = postgres_arguments(values).map_err(fail)?;
                let query = sqlx::query_with(AssertSqlSafe(numbered(sql)), arguments);
                Ok(runtime()?
                    .block_on(query.execute(conn))
                    .map_err(fail)?
                    .rows_affected())
            }
            Conn::Closed => Err(fail(sqlx::Error::WorkerCrashed)),
        }
    }

    /// Runs several statements separated by semicolons, without parameters.
    pub fn execute_script(&mut self, sql: &str) -> Result<(), SqlError> {
        for statement in sql.split(';').map(str::trim).filter(|s| !s.is_empty()) {
            self.execute(statement, &[])?;
        }
        Ok(())
    }

    /// Runs a query and returns all its rows. Callers page through what may be large.
    pub fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>, SqlError> {
        let fail = |source| engine_error(sql, source);
        match &mut self.conn {
            Conn::Sqlite(conn) => {
                let arguments = sqlite_arguments(values).map_err(fail)?;
                let query = sqlx::query_with(AssertSqlSafe(sql), arguments);
                let rows = runtime()?.block_on(query.fetch_all(conn)).map_err(fail)?;
                rows.iter()
                    .map(sqlite_row)
                    .collect::<Result<_, _>>()
                    .map_err(fail)
            }
            Conn::Postgres(conn) => {
                let arguments = postgres_arguments(values).map_err(fail)?;
                let query = sqlx::query_with(AssertSqlSafe(numbered(sql)), arguments);
                let rows = runtime()?.block_on(query.fetch_all(conn)).map_err(fail)?;
                rows.iter()
                    .map(postgres_row)
                    .collect::<Result<_, _>>()
                    .map_err(fail)
            }
            Conn::Closed => Err(fail(sqlx::Error::WorkerCrashed)),
        }
    }

    /// Runs a query that answers with one row or none.
    pub fn query_one(&mut self, sql: &str, values: &[Value]) -> Result<Option<Row>, SqlError> {
        Ok(self.query(sql, values)?.into_iter().next())
    }

    /// Runs a query with `IN ()` in it for many numbers, some hundred at a time, and returns all rows. Those of one part
    /// of the numbers are in the order of the query.
    pub fn query_in(&mut self, sql: &str, numbers: &[i64]) -> Result<Vec<Row>, SqlError> {
        let mut rows = Vec::new();
        for part in numbers.chunks(ROWS_PER_STATEMENT) {
            let places = format!("IN ({})", vec!["?"; part.len()].join(","));
            let values: Vec<Value> = part.iter().map(|n| Value::Int(*n)).collect();
            rows.extend(self.query(&sql.replacen("IN ()", &places, 1), &values)?);
        }
        Ok(rows)
    }

    /// Inserts rows, many a statement. `values` holds the rows one after the other.
    pub fn insert(
        &mut self,
        table: &str,
        columns: &[&str],
        values: &[Value],
    ) -> Result<(), SqlError> {
        let width = columns.len();
        for part in values.chunks(width * ROWS_PER_STATEMENT) {
            let row = format!("({})", vec!["?"; width].join(","));
            let rows = vec![row.as_str(); part.len() / width].join(",");
            self.execute(
                &format!("INSERT INTO {table} ({}) VALUES {rows}", columns.join(",")),
                part,
            )?;
        }
        Ok(())
    }

    /// The name under which [`Session::attach`] shows the tables of another file.
    pub const ATTACHED: &str = "made";

    /// Shows the tables of another SQLite file, sealed with its own key, beside those of this one, until the session ends.
    pub fn attach(&mut self, path: &std::path::Path, key: &[u8; 32]) -> Result<(), SqlError> {
        self.execute("PRAGMA cipher_default_page_size = 16384", &[])?;
        self.execute("PRAGMA cipher_default_hmac_algorithm = HMAC_SHA256", &[])?;
        let key = format!("x'{}'", comity_core::digest::hex(key));
        let path = path.to_string_lossy().into_owned();
        let sql = format!("ATTACH DATABASE ? AS {} KEY ?", Session::ATTACHED);
        self.execute(&sql, &[Value::Text(path), Value::Text(key)])
            .map(drop)
    }

    /// Begins a transaction that will write.
    pub fn begin(&mut self) -> Result<(), SqlError> {
        let sql = if self.is_postgres() {
            "BEGIN"
        } else {
            "BEGIN IMMEDIATE"
        };
        self.run(sql, &[])?;
        self.is_begun = true;
        Ok(())
    }

    /// Commits; durable on return.
    pub fn commit(&mut self) -> Result<(), SqlError> {
        kill_point(BEFORE);
        self.run("COMMIT", &[])?;
        self.is_begun = false;
        kill_point(AFTER);
        Ok(())
    }

    /// Gives up the transaction. Harmless where none is open any more.
    pub fn rollback(&mut self) {
        let _ = self.run("ROLLBACK", &[]);
        self.is_begun = false;
    }

    /// Closes the session in order (SQLite folds its write-ahead log into the file).
    pub fn close(mut self) -> Result<(), SqlError> {
        std::mem::replace(&mut self.conn, Conn::Closed).close()
    }
}

/// The driver has a thread for each SQLite connection. Left to itself, that thread may still be putting keys away
/// when the process ends and OpenSSL is taken down under it; so a session that is dropped waits for its end.
impl Drop for Session {
    fn drop(&mut self) {
        if let Conn::Sqlite(_) = self.conn {
            let _ = std::mem::replace(&mut self.conn, Conn::Closed).close();
        }
    }
}

pub(super) fn engine_error(sql: &str, source: sqlx::Error) -> SqlError {
    let what: Vec<&str> = sql.split_whitespace().take(4).collect();
    SqlError::Engine {
        what: what.join(" "),
        source,
    }
}

/// Keeps SQLCipher from writing lines of its own to standard error: what it finds comes back as an error, and is
/// told once, in our words. The level is the process's; it is set apart, since a connection with a wrong file
/// fails before it could set it.
pub(super) fn hush_sqlcipher() {
    static HUSHED: std::sync::Once = std::sync::Once::new();
    HUSHED.call_once(|| {
        let options = SqliteConnectOptions::new()
            .filename(":memory:")
            .pragma("cipher_log_level", "NONE");
        if let Ok(runtime) = runtime()
            && let Ok(conn) = runtime.block_on(options.connect())
        {
            let _ = runtime.block_on(sqlx::Connection::close(conn));
        }
    });
}

fn open_sqlite(
    path: &std::path::Path,
    key: &[u8; 32],
    access: Access,
) -> Result<SqliteConnection, SqlError> {
    hush_sqlcipher();
    // None of these reads the file. Those that do are given to a connection that is there: the driver drops one that
    // fails in the making without waiting for its thread, and then the process may end under that thread's feet.
    let mut options = SqliteConnectOptions::new()
        .filename(path)
        .pragma("key", format!("\"x'{}'\"", comity_core::digest::hex(key)))
        .pragma("cipher_page_size", "16384")
        .pragma("cipher_hmac_algorithm", "HMAC_SHA256")
        .pragma("cipher_memory_security", "OFF")
        .create_if_missing(access != Access::ReadOnly)
        .busy_timeout(Duration::from_secs(600))
        .pragma("temp_store", "MEMORY");
    let settings = match access {
        Access::Live => {
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = -8192; PRAGMA wal_autocheckpoint = 2000"
        }
        Access::ReadOnly => {
            options = options.immutable(true).read_only(true);
            "PRAGMA cache_size = -8192"
        }
        Access::Making => {
            "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -32768"
        }
    };
    let unreadable = |source| SqlError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let runtime = runtime()?;
    let mut conn = runtime.block_on(options.connect()).map_err(unreadable)?;
    match runtime.block_on(sqlx::raw_sql(settings).execute(&mut conn)) {
        Ok(_) => Ok(conn),
        Err(source) => {
            let _ = Conn::Sqlite(conn).close();
            Err(unreadable(source))
        }
    }
}

fn open_postgres(url: &str, schema: &str) -> Result<PgConnection, SqlError> {
    let fail = |source| engine_error("connect to PostgreSQL", source);
    let options = PgConnectOptions::from_str(url)
        .map_err(fail)?
        .options([("search_path", schema), ("synchronous_commit", "on")]);
    let mut session = Session {
        conn: Conn::Postgres(runtime()?.block_on(options.connect()).map_err(fail)?),
        is_begun: false,
    };
    session.execute(&format!("CREATE SCHEMA IF NOT EXISTS {schema}"), &[])?;
    match std::mem::replace(&mut session.conn, Conn::Closed) {
        Conn::Postgres(conn) => Ok(conn),
        Conn::Sqlite(_) | Conn::Closed => Err(fail(sqlx::Error::WorkerCrashed)),
    }
}

/// PostgreSQL numbers its parameters; ours are `?`, which no text in our statements contains.
fn numbered(sql: &str) -> String {
    let mut out = String::with_capacity(sql.len() + 16);
    let mut n = 0;
    for c in sql.chars() {
        if c == '?' {
            n += 1;
            out.push('$');
            out.push_str(&n.to_string());
        } else {
            out.push(c);
        }
    }
    out
}

fn sqlite_arguments(values: &[Value]) -> Result<SqliteArguments, sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    for value in values {
        match value {
            Value::Int(v) => arguments.add(*v),
            Value::Blob(v) => arguments.add(v.as_slice()),
            Value::Text(v) => arguments.add(v.as_str()),
            Value::NoInt => arguments.add(None::<i64>),
            Value::NoBlob => arguments.add(None::<Vec<u8>>),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn postgres_arguments(values: &[Value]) -> Result<PgArguments, sqlx::Error> {
    let mut arguments = PgArguments::default();
    for value in values {
        match value {
            Value::Int(v) => arguments.add(*v),
            Value::Blob(v) => arguments.add(v.as_slice()),
            Value::Text(v) => arguments.add(v.as_str()),
            Value::NoInt => arguments.add(None::<i64>),
            Value::NoBlob => arguments.add(None::<Vec<u8>>),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

fn sqlite_row(row: &SqliteRow) -> Result<Row, sqlx::Error> {
    let mut values = Vec::with_capacity(row.len());
    for i in 0..row.len() {
        let raw = row.try_get_raw(i)?;
        values.push(if raw.is_null() {
            Value::NoBlob
        } else {
            match raw.type_info().name() {
                "INTEGER" => Value::Int(row.try_get(i)?),
                "BLOB" => Value::Blob(row.try_get(i)?),
                _ => Value::Text(row.try_get(i)?),
            }
        });
    }
    Ok(Row(values))
}

fn postgres_row(row: &PgRow) -> Result<Row, sqlx::Error> {
    let mut values = Vec::with_capacity(row.len());
    for i in 0..row.len() {
        values.push(if row.try_get_raw(i)?.is_null() {
            Value::NoBlob
        } else {
            match row.column(i).type_info().name() {
                "INT8" => Value::Int(row.try_get(i)?),
                "BYTEA" => Value::Blob(row.try_get(i)?),
                "BOOL" => Value::Int(i64::from(row.try_get::<bool, _>(i)?)),
                _ => Value::Text(row.try_get(i)?),
            }
        });
    }
    Ok(Row(values))
}
