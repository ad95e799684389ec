//! What the deliverer knows about where its files come from: `--provenance FILE.csv|jsonl`.
//!
//! Each row has a `path`, a pattern, and says something of every file that matches it.
//!
//! # Patterns
//! Held against the shown path as the walk gives it, see [`Pattern`]. A row whose path is,
//! character for character, the path of a file matches that file too, whatever a pattern would
//! make of its brackets.
//!
//! # When several rows match
//! They are laid over each other in the order of the file, field by field: a later row overrides
//! what it states and leaves the rest. So the general comes first and the particular later.
//!
//! # Fields
//! `collector`, `method`, `tool`, `url`, `collected_at`, `device`, `serial`, `seal_number`,
//! `earlier_handovers`, `legal_basis`, `consent`, `confidence`. In the header of a CSV file,
//! case, and spaces and hyphens for `_`, make no difference. An empty cell says nothing. Any
//! other column is kept verbatim under `other`. `collected_at` is an RFC 3339 time with its
//! zone, and is kept as it was given beside the same instant in UTC. In JSON Lines a field is a
//! string, `earlier_handovers` may be a list of strings, and `other` columns may be anything.
//!
//! A file with any malformed row is refused whole, every one named with its line, before
//! anything is taken in.

mod pattern;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use comity_core::digest::Digest;
use comity_core::json;
use comity_core::shown::shown;
use csv::{ByteRecord, ReaderBuilder};
use jiff::Timestamp;
use jiff::fmt::temporal::Pieces;
use serde_json::{Map, Value};

use super::manifest::LineFault;
use super::manifest::algorithm::{Algorithm, HashingReader};
use super::manifest::text::{Lines, column_key, separator, without_mark};
pub use pattern::Pattern;
use pattern::has_wildcards;

/// Patterns with wildcards in one file. Rows that name a single path have no such bound.
const MAX_PATTERNS: usize = 10_000;

/// Bytes at the beginning from which the kind and the separator are told.
const HEAD_BYTES: u64 = 64 * 1024;

/// Faults that are named; the rest are counted.
const FAULTS_NAMED: usize = 1000;

const FIELDS: [&str; 12] = [
    "collector",
    "method",
    "tool",
    "url",
    "collected_at",
    "device",
    "serial",
    "seal_number",
    "earlier_handovers",
    "legal_basis",
    "consent",
    "confidence",
];

/// Why a provenance file is refused.
#[derive(Debug, thiserror::Error)]
pub enum ProvenanceError {
    /// It cannot be read.
    #[error("the provenance file {} cannot be read: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system answers.
        source: io::Error,
    },
    /// It cannot be understood as a whole.
    #[error("the provenance file {} is refused: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// Rows are malformed; nothing was taken in.
    #[error(
        "the provenance file {} is refused, {count} {}: {}",
        path.display(),
        if *count == 1 { "row is malformed" } else { "rows are malformed" },
        listed(faults, *count)
    )]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The malformed rows, at most 1,000 of them, in order.
        faults: Vec<LineFault>,
        /// How many rows are malformed.
        count: u64,
    },
}

#[derive(Debug)]
struct Row {
    line: u64,
    pattern: String,
    fields: Map<String, Value>,
    other: Map<String, Value>,
    used: AtomicBool,
}

/// A provenance file in memory.
#[derive(Debug)]
pub struct Provenance {
    rows: Vec<Row>,
    /// Rows by their path as it is written.
    literal: HashMap<String, Vec<usize>>,
    /// Patterns, and the row of each.
    patterns: Vec<(Pattern, usize)>,
    sha256: Digest,
}

/// A row that says nothing of any file that was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unused<'a> {
    /// From 1.
    pub line: u64,
    /// Its path pattern.
    pub pattern: &'a str,
}

impl Provenance {
    /// Reads the file at `path`: JSON Lines when its first character is `{`, else CSV.
    ///
    /// # Errors
    /// When it cannot be read, or any row is malformed: then all of them are named.
    pub fn read(path: &Path) -> Result<Provenance, ProvenanceError> {
        let failed = |source| ProvenanceError::Io {
            path: path.to_owned(),
            source,
        };
        let unusable = |reason: &str| ProvenanceError::Unusable {
            path: path.to_owned(),
            reason: reason.into(),
        };
        let file = File::open(path).map_err(failed)?;
        let mut raw = HashingReader::new(file, &[Algorithm::Sha256]);
        let mut loader = Loader::default();
        {
            let mut reader = without_mark(&mut raw).map_err(failed)?;
            let mut head = Vec::new();
            reader
                .by_ref()
                .take(HEAD_BYTES)
                .read_to_end(&mut head)
                .map_err(failed)?;
            let first = head.trim_ascii_start().first().copied();
            let mut reader = io::Cursor::new(head).chain(reader);
            match first {
                None => return Err(unusable("it is empty")),
                Some(b'{') => loader.json_lines(&mut reader).map_err(failed)?,
                Some(_) => loader.csv(&mut reader).map_err(|stop| match stop {
                    Stop::Io(source) => failed(source),
                    Stop::Header(reason) => unusable(&reason),
                })?,
            }
            io::copy(&mut reader, &mut io::sink()).map_err(failed)?;
        }
        let patterns = loader.patterns();
        if loader.faults_count > 0 {
            let (faults, count) = (loader.faults, loader.faults_count);
            return Err(ProvenanceError::Malformed {
                path: path.to_owned(),
                faults,
                count,
            });
        }
        let mut literal: HashMap<String, Vec<usize>> = HashMap::with_capacity(loader.rows.len());
        for (index, row) in loader.rows.iter().enumerate() {
            literal.entry(row.pattern.clone()).or_default().push(index);
        }
        let (digests, _) = raw.finish();
        let sha256 = digests.get(Algorithm::Sha256).and_then(Digest::from_slice);
        let sha256 = sha256.unwrap_or(Digest([0; 32]));
        Ok(Provenance {
            rows: loader.rows,
            literal,
            patterns,
            sha256,
        })
    }

    /// The digest of the file's own bytes.
    #[must_use]
    pub fn sha256(&self) -> Digest {
        self.sha256
    }

    /// How many rows it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether it has no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What is said of the file with this shown path: the `provenance` field of its event, or
    /// `None` when no row matches.
    #[must_use]
    pub fn of(&self, shown_path: &str) -> Option<Value> {
        let mut matching = self.literal.get(shown_path).cloned().unwrap_or_default();
        let patterns = self.patterns.iter();
        let matched = patterns.filter(|(pattern, _)| pattern.matches(shown_path));
        matching.extend(matched.map(|(_, row)| row));
        matching.sort_unstable();
        matching.dedup();
        if matching.is_empty() {
            return None;
        }
        let mut fields = Map::new();
        let mut other = Map::new();
        for row in matching
            .into_iter()
            .filter_map(|index| self.rows.get(index))
        {
            row.used.store(true, Ordering::Relaxed);
            fields.extend(row.fields.clone());
            other.extend(row.other.clone());
        }
        if !other.is_empty() {
            fields.insert("other".into(), other.into());
        }
        Some(fields.into())
    }

    /// The rows that matched no file that was asked about, in order: slips of the pen, mostly.
    pub fn unused(&self) -> impl Iterator<Item = Unused<'_>> {
        self.rows
            .iter()
            .filter(|row| !row.used.load(Ordering::Relaxed))
            .map(|row| Unused {
                line: row.line,
                pattern: &row.pattern,
            })
    }
}

enum Stop {
    Io(io::Error),
    Header(String),
}

#[derive(Default)]
struct Loader {
    rows: Vec<Row>,
    faults: Vec<LineFault>,
    faults_count: u64,
}

impl Loader {
    fn take(&mut self, line: u64, row: Result<Row, String>) {
        match row {
            Ok(row) => self.rows.push(row),
            Err(reason) => {
                self.faults_count += 1;
                if self.faults.len() < FAULTS_NAMED {
                    self.faults.push(LineFault { line, reason });
                }
            }
        }
    }

    fn json_lines(&mut self, reader: &mut dyn BufRead) -> io::Result<()> {
        let mut lines = Lines::new(reader);
        while let Some(line) = lines.next()? {
            let row = match &line.bytes {
                Some(bytes) if bytes.trim_ascii().is_empty() => continue,
                Some(bytes) => json_row(line.number, bytes.trim_ascii()),
                None => Err("it is longer than 1 MiB".into()),
            };
            self.take(line.number, row);
        }
        Ok(())
    }

    fn csv(&mut self, reader: &mut dyn BufRead) -> Result<(), Stop> {
        let head = reader.fill_buf().map_err(Stop::Io)?;
        let delimiter = separator(head.split(|byte| *byte == b'\n').next().unwrap_or_default());
        let mut rows = ReaderBuilder::new()
            .delimiter(delimiter)
            .has_headers(false)
            .flexible(true)
            .from_reader(reader);
        let mut record = ByteRecord::new();
        let mut next = |record: &mut ByteRecord| {
            rows.read_byte_record(record)
                .map_err(|error| Stop::Io(error.into()))
        };
        if !next(&mut record)? {
            return Err(Stop::Header("it is empty".into()));
        }
        let columns = Columns::read(&record).map_err(Stop::Header)?;
        while next(&mut record)? {
            let line = record.position().map_or(0, csv::Position::line);
            self.take(line, columns.row(line, &record));
        }
        Ok(())
    }

    /// Reads the patterns; one that is none is a fault of its row.
    fn patterns(&mut self) -> Vec<(Pattern, usize)> {
        let mut patterns = Vec::new();
        let mut faults = Vec::new();
        for (index, row) in self.rows.iter().enumerate() {
            if !has_wildcards(&row.pattern) {
                continue;
            }
            match Pattern::parse(&row.pattern) {
                Ok(_) if patterns.len() >= MAX_PATTERNS => {
                    faults.push((row.line, format!("it is one of more than {MAX_PATTERNS} patterns")));
                }
                Ok(pattern) => patterns.push((pattern, index)),
                Err(reason) => faults.push((
                    row.line,
                    format!("its path is no pattern: {reason} (a backslash before a character takes it as it is)"),
                )),
            }
        }
        for (line, reason) in faults {
            self.take(line, Err(reason));
        }
        self.faults.sort_by_key(|fault| fault.line);
        patterns
    }
}

enum Column {
    Path,
    Field(&'static str),
    Other(String),
}

struct Columns(Vec<Column>);

impl Columns {
    fn read(header: &ByteRecord) -> Result<Columns, String> {
        let mut columns = Vec::new();
        let mut seen = Vec::new();
        for name in header {
            let name = std::str::from_utf8(name).map_err(|_| "its header is not UTF-8")?;
            let column = column_of(name.trim());
            let key = match &column {
                Column::Path => "path",
                Column::Field(name) => name,
                Column::Other(name) if name.is_empty() => return Err("a column has no name".into()),
                Column::Other(name) => name,
            };
            if seen.iter().any(|known| known == key) {
                return Err(format!("the column {key:?} is there twice"));
            }
            seen.push(key.to_owned());
            columns.push(column);
        }
        if !columns.iter().any(|column| matches!(column, Column::Path)) {
            return Err("it has no column `path`".into());
        }
        Ok(Columns(columns))
    }

    fn row(&self, line: u64, record: &ByteRecord) -> Result<Row, String> {
        if record.len() != self.0.len() {
            let (is, should) = (record.len(), self.0.len());
            return Err(format!("it has {is} columns where the header has {should}"));
        }
        let mut building = Building::default();
        for (column, cell) in self.0.iter().zip(record) {
            let text =
                std::str::from_utf8(cell).map_err(|_| format!("{:?} is not UTF-8", shown(cell)))?;
            match column {
                Column::Path => building.pattern = Some(text.to_owned()),
                _ if text.is_empty() => {}
                Column::Field(name) => building.field(name, text.into())?,
                Column::Other(name) => {
                    building.other.insert(name.clone(), text.into());
                }
            }
        }
        building.row(line)
    }
}

fn column_of(name: &str) -> Column {
    let key = column_key(name);
    match FIELDS.into_iter().find(|field| *field == key) {
        Some(field) => Column::Field(field),
        None if key == "path" => Column::Path,
        None => Column::Other(name.to_owned()),
    }
}

fn json_row(line: u64, bytes: &[u8]) -> Result<Row, String> {
    let Value::Object(object) = json::parse(bytes).map_err(|error| error.to_string())? else {
        return Err("it is no JSON object".into());
    };
    let mut building = Building::default();
    for (name, value) in object {
        match column_of(&name) {
            _ if value.is_null() => {}
            Column::Path => match value {
                Value::String(pattern) if name == "path" => building.pattern = Some(pattern),
                _ if name == "path" => return Err("`path` is no string".into()),
                value => {
                    building.other.insert(name, value);
                }
            },
            Column::Field(field) if field == name => building.field(field, value)?,
            _ => {
                building.other.insert(name, value);
            }
        }
    }
    building.row(line)
}

#[derive(Default)]
struct Building {
    pattern: Option<String>,
    fields: Map<String, Value>,
    other: Map<String, Value>,
}

impl Building {
    fn field(&mut self, name: &str, value: Value) -> Result<(), String> {
        let is_list = |list: &Vec<Value>| !list.is_empty() && list.iter().all(Value::is_string);
        let value = match (name, value) {
            ("collected_at", Value::String(text)) => instant(&text)?,
            ("earlier_handovers", Value::Array(list)) if is_list(&list) => list.into(),
            ("earlier_handovers", Value::String(text)) => text.into(),
            ("earlier_handovers", _) => {
                return Err("`earlier_handovers` is neither a string nor a list of strings".into());
            }
            (_, Value::String(text)) => text.into(),
            (name, _) => return Err(format!("`{name}` is no string")),
        };
        self.fields.insert(name.to_owned(), value);
        Ok(())
    }

    fn row(self, line: u64) -> Result<Row, String> {
        let pattern = self.pattern.filter(|pattern| !pattern.is_empty());
        let pattern = pattern.ok_or("it has no path; write `**` for all files")?;
        if self.fields.is_empty() && self.other.is_empty() {
            return Err("it says nothing".into());
        }
        let used = AtomicBool::new(false);
        Ok(Row {
            line,
            pattern,
            fields: self.fields,
            other: self.other,
            used,
        })
    }
}

/// A time with its zone: as given, and in UTC.
fn instant(text: &str) -> Result<Value, String> {
    let refused = |why: &str| format!("`collected_at` {text:?} is refused: {why}");
    let pieces = Pieces::parse(text.trim())
        .map_err(|_| refused("write a time like 2024-05-01T10:00:00+03:00"))?;
    if pieces.time().is_none() {
        return Err(refused(
            "it has no time of day; write one like 2024-05-01T10:00:00+03:00",
        ));
    }
    if pieces.offset().is_none() {
        return Err(refused("it has no zone; add its offset, like +03:00, or Z"));
    }
    let time: Timestamp = text
        .trim()
        .parse()
        .map_err(|_| refused("there is no such time"))?;
    let fields = [
        ("given", Value::from(text)),
        ("utc", time.to_string().into()),
    ];
    Ok(fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect())
}

fn listed(faults: &[LineFault], count: u64) -> String {
    let mut lines: Vec<String> = faults
        .iter()
        .map(|fault| format!("line {}: {}", fault.line, fault.reason))
        .collect();
    let left = count.saturating_sub(faults.len() as u64);
    if left > 0 {
        lines.push(format!("and {left} more"));
    }
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    type Result<T = ()> = std::result::Result<T, Box<dyn std::error::Error>>;

    fn read(text: impl AsRef<[u8]>) -> Result<std::result::Result<Provenance, ProvenanceError>> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("provenance");
        std::fs::write(&path, text)?;
        Ok(Provenance::read(&path))
    }

    fn refused(text: impl AsRef<[u8]>) -> Result<Vec<(u64, String)>> {
        match read(text)? {
            Err(ProvenanceError::Malformed { faults, .. }) => Ok(faults
                .into_iter()
                .map(|fault| (fault.line, fault.reason))
                .collect()),
            other => Err(format!("not refused by row: {other:?}").into()),
        }
    }

    #[test]
    fn later_rows_override_field_by_field() -> Result {
        let table = read(
            "path,Collector,seal-number,Weather,Collected At\n\
             **,Team 1,S-1,rain,2024-05-01T10:00:00+03:00\n\
             usb/*.jpg,Team 2,,,\n\
             usb/a.jpg,,S-9,\"sun, later \"\"rain\"\"\",2024-05-02 09:00:00.5Z\n",
        )??;
        let base = json!({"given": "2024-05-01T10:00:00+03:00", "utc": "2024-05-01T07:00:00Z"});
        assert_eq!(
            table.of("usb/a.jpg"),
            Some(json!({
                "collector": "Team 2",
                "seal_number": "S-9",
                "collected_at": {"given": "2024-05-02 09:00:00.5Z", "utc": "2024-05-02T09:00:00.5Z"},
                "other": {"Weather": "sun, later \"rain\""},
            }))
        );
        assert_eq!(
            table.of("usb/b.jpg"),
            Some(json!({
                "collector": "Team 2", "seal_number": "S-1", "collected_at": base.clone(),
                "other": {"Weather": "rain"},
            }))
        );
        assert_eq!(
            table.of("usb/deep/b.jpg"),
            Some(json!({
                "collector": "Team 1", "seal_number": "S-1", "collected_at": base,
                "other": {"Weather": "rain"},
            }))
        );
        assert_eq!(table.unused().count(), 0);
        Ok(())
    }

    #[test]
    fn json_lines_keep_what_they_do_not_know_as_it_is() -> Result {
        let text = concat!(
            "{\"path\":\"phone/**\",\"tool\":\"Extractor 4\",\"earlier_handovers\":[\"A to B\",\"B to C\"],\"GPS\":{\"lat\":\"50.4\"},\"n\":7}\r\n",
            "\n",
            "{\"path\":\"other/x\",\"consent\":\"given\",\"url\":null}\n",
        );
        let table = read(text)??;
        assert_eq!(table.sha256(), Digest::of(text.as_bytes()));
        assert_eq!(table.len(), 2);
        let expected = json!({
            "tool": "Extractor 4", "earlier_handovers": ["A to B", "B to C"],
            "other": {"GPS": {"lat": "50.4"}, "n": 7},
        });
        assert_eq!(table.of("phone/a/b"), Some(expected));
        assert_eq!(table.of("phones/a"), None);
        assert_eq!(
            table.unused().collect::<Vec<_>>(),
            [Unused {
                line: 3,
                pattern: "other/x"
            }]
        );
        Ok(())
    }

    #[test]
    fn a_path_written_as_it_is_matches_whatever_its_brackets_mean() -> Result {
        let table = read("path,tool\na/[0-9].txt,x\n")??;
        assert!(table.of("a/5.txt").is_some());
        assert!(table.of("a/[0-9].txt").is_some());
        assert!(table.of("a/x.txt").is_none());
        Ok(())
    }

    #[test]
    fn every_malformed_row_is_named_before_anything_is_taken_in() -> Result {
        let faults = refused(
            "path;collected_at;note\n\
             a;2024-05-01T10:00:00;x\n\
             a;2024-05-01;x\n\
             a;yesterday;x\n\
             a;2024-02-30T10:00:00Z;x\n\
             ;2024-05-01T10:00:00Z;x\n\
             a;2024-05-01T10:00:00Z\n\
             a;;\n\
             b[;;x\n\
             good;2024-05-01T10:00:00Z;x\n",
        )?;
        let expected = [
            (2, "it has no zone"),
            (3, "it has no time of day"),
            (4, "write a time like"),
            (5, "write a time like"),
            (6, "it has no path"),
            (7, "it has 2 columns where the header has 3"),
            (8, "it says nothing"),
            (9, "its path is no pattern"),
        ];
        assert_eq!(faults.len(), expected.len(), "{faults:?}");
        for ((line, reason), (expected_line, part)) in faults.iter().zip(expected) {
            assert!(
                *line == expected_line && reason.contains(part),
                "{line} {reason}"
            );
        }

        let faults = refused(
            b"{\"path\":\"a\",\"tool\":7}\n{\"path\":\"a\",\"path\":\"b\"}\n[]\n{\"tool\":\"x\"}\n{\"path\":\"a\",\"tool\":\"\xff\"}\n",
        )?;
        let lines: Vec<_> = faults.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [1, 2, 3, 4, 5]);
        assert_eq!(refused(b"path,tool\na,\xe9\n")?[0].0, 2);
        Ok(())
    }

    #[test]
    fn a_file_without_meaning_is_refused() -> Result {
        for (text, part) in [
            ("", "it is empty"),
            ("file,tool\na,b\n", "no column `path`"),
            (
                "path,Tool,tool\na,b,c\n",
                "the column \"tool\" is there twice",
            ),
            ("path,\na,b\n", "a column has no name"),
        ] {
            let refused = read(text)?
                .err()
                .map(|error| error.to_string())
                .unwrap_or_default();
            assert!(refused.contains(part), "{text:?} {refused}");
        }
        Ok(())
    }

    #[test]
    fn the_refusal_says_it_in_one_sentence() -> Result {
        let refused = read("path,tool\na,\n")?
            .err()
            .map(|error| error.to_string());
        let refused = refused.unwrap_or_default();
        assert!(refused.ends_with("is refused, 1 row is malformed: line 2: it says nothing"));
        Ok(())
    }

    #[test]
    fn a_row_for_each_file_is_no_burden() -> Result {
        let mut text = "path,serial\n".to_owned();
        for n in 0..50_000 {
            text.push_str(&format!("disk/file-{n}.bin,{n}\n"));
        }
        let table = read(text)??;
        for n in [0, 1234, 49_999] {
            let expected = json!({"serial": n.to_string()});
            assert_eq!(table.of(&format!("disk/file-{n}.bin")), Some(expected));
        }
        Ok(())
    }
}
