//! A list of files that is a database, as NSRL's RDS is since 2022: the one table that has digests is brought, as the
//! text that `docs/format/lists.md` says.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use comity_core::json::Value;
use comity_lists::Sum;
use comity_vault::{Also, Hasher};

use super::import::open;
use crate::error::{AppError, Result};
use crate::sql::{ForeignRows, ForeignTable, foreign_tables};

/// How every SQLite database begins.
const MAGIC: &[u8] = b"SQLite format 3\0";
/// The tables that are taken where several have digests: NSRL's minimal and its full form.
const PREFERRED: [&str; 2] = ["FILE", "METADATA"];
/// What a column with names is called.
const NAMES: [&str; 4] = ["file_name", "filename", "name", "path"];

/// A database that was brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Database {
    /// The table that is taken, with those of its columns that are.
    pub table: ForeignTable,
    /// Bytes of the file,
    size: u64,
    /// and its SHA-256 in hex.
    sha256: String,
}

impl Database {
    /// The database at `path`; `None` where the file is none.
    ///
    /// # Errors
    /// If no one table of it is a list of files.
    pub fn at(path: &Path) -> Result<Option<Database>> {
        let mut begin = Vec::new();
        let taken = open(path)?.take(MAGIC.len() as u64).read_to_end(&mut begin);
        taken.map_err(|source| unread(path, source))?;
        if begin != MAGIC {
            return Ok(None);
        }
        for beside in ["-wal", "-journal"] {
            let mut log = path.as_os_str().to_owned();
            log.push(beside);
            if std::fs::metadata(&log).is_ok_and(|log| log.len() > 0) {
                return Err(unlike(
                    path,
                    &format!(
                        "it is in use or was left unfinished: {} lies beside it",
                        log.display()
                    ),
                ));
            }
        }
        let tables = foreign_tables(path).map_err(|e| unlike(path, &e.to_string()))?;
        let table = chosen(tables).map_err(|what| unlike(path, &what))?;
        let (size, sha256) = digest(path)?;
        Ok(Some(Database {
            table,
            size,
            sha256,
        }))
    }

    /// Its rows as text.
    pub fn rows(&self, path: &Path) -> ForeignRows {
        ForeignRows::open(path, &self.table)
    }

    /// What is said of it on record.
    pub fn said(&self) -> Value {
        Value::from_iter([
            ("table".to_owned(), Value::from(self.table.name.as_str())),
            ("size".to_owned(), self.size.into()),
            ("sha256".to_owned(), self.sha256.as_str().into()),
        ])
    }
}

fn unlike(path: &Path, what: &str) -> AppError {
    let file = path.display();
    AppError::Usage(format!("{file}: {what}; nothing was brought in"))
}

fn unread(path: &Path, source: std::io::Error) -> AppError {
    AppError::Io {
        path: path.display().to_string(),
        source,
    }
}

/// The table that has digests, with the columns that are taken of it.
fn chosen(tables: Vec<ForeignTable>) -> std::result::Result<ForeignTable, String> {
    let with_digests = tables.into_iter().filter_map(|table| {
        let mut columns = table.columns;
        columns.retain(|c| Sum::of_column(c).is_some() || is_name(c));
        let has_digest = columns.iter().any(|c| Sum::of_column(c).is_some());
        // One column says the name; the first that may.
        let mut has_name = false;
        columns.retain(|c| !is_name(c) || !std::mem::replace(&mut has_name, true));
        let name = table.name;
        has_digest.then_some(ForeignTable { name, columns })
    });
    let mut found: Vec<ForeignTable> = with_digests.collect();
    if found.len() > 1 {
        let preferred = PREFERRED.iter().find_map(|name| {
            let same = |table: &ForeignTable| table.name.eq_ignore_ascii_case(name);
            found.iter().position(same)
        });
        match preferred {
            Some(at) => return Ok(found.swap_remove(at)),
            None => {
                let names: Vec<String> = found.into_iter().map(|t| t.name).collect();
                return Err(format!(
                    "several tables of this database have digests ({}), and none of them is called FILE or METADATA",
                    names.join(", ")
                ));
            }
        }
    }
    found.pop().ok_or_else(|| {
        "no table of this database has a column md5, sha1 or sha256 (views are not run)".to_owned()
    })
}

fn is_name(column: &str) -> bool {
    NAMES.contains(&column.to_ascii_lowercase().as_str())
}

/// The digest of a whole file.
fn digest(path: &Path) -> Result<(u64, String)> {
    let mut file: BufReader<File> = BufReader::with_capacity(1 << 20, open(path)?);
    let mut hasher = Hasher::new(Also::default());
    let mut piece = vec![0; 1 << 20];
    loop {
        let count = file.read(&mut piece).map_err(|e| unread(path, e))?;
        match piece.get(..count) {
            None | Some([]) => break,
            Some(read) => hasher.update(read),
        }
    }
    let hashes = hasher.finish();
    Ok((hashes.size, hashes.sha256.to_string()))
}
