//! A table of names: comma, semicolon or tab between the columns, and a head that names them.

use std::cell::Cell;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use csv::{ByteRecord, ReaderBuilder};

use crate::entity::{Entity, Kind, Line, ListError, MAX_LINE, entity};

/// What the columns are called, in small letters: what each is for, and which names it has.
const COLUMNS: [(Column, &[&str]); 9] = [
    (Column::Id, &["id"]),
    (Column::Kind, &["kind", "schema", "type"]),
    (Column::Caption, &["caption"]),
    (Column::Name, &["name"]),
    (
        Column::Names,
        &["aliases", "alias", "names", "weak_aliases"],
    ),
    (Column::Surname, &["last_name", "surname", "family_name"]),
    (
        Column::Birth,
        &["birth_date", "birth_dates", "date_of_birth"],
    ),
    (Column::Country, &["countries", "country"]),
    (Column::Source, &["source", "dataset"]),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Column {
    Id,
    Kind,
    Caption,
    Name,
    Names,
    Surname,
    Birth,
    Country,
    Source,
}

/// Ends a reading in which a row has no end: a quotation mark that is never closed would take the whole file for one row.
struct Bounded<'a> {
    inner: &'a mut dyn BufRead,
    since: Rc<Cell<u64>>,
}

impl Read for Bounded<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.since.set(self.since.get() + count as u64);
        if self.since.get() > MAX_LINE {
            let what = format!(
                "a row is longer than {MAX_LINE} bytes: a quotation mark is opened there and not closed"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        Ok(count)
    }
}

pub(crate) fn rows(
    input: &mut dyn BufRead,
    kind: Option<Kind>,
    each: &mut dyn FnMut(Line) -> bool,
) -> Result<(), ListError> {
    let delimiter = delimiter(input.fill_buf()?);
    let since = Rc::new(Cell::new(0));
    let bounded = Bounded {
        inner: input,
        since: since.clone(),
    };
    let mut rows = ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .from_reader(bounded);
    let unlike = |what: String| ListError::Unlike(what);
    let head = rows.byte_headers().map_err(|e| unlike(said(&e)))?.clone();
    let columns: Vec<Option<Column>> = head.iter().map(column).collect();
    let has = |wanted: Column| columns.contains(&Some(wanted));
    if !has(Column::Name) && !has(Column::Caption) {
        return Err(unlike(
            "the first line must name the columns, and one of them must be called name".to_owned(),
        ));
    }
    if !has(Column::Kind) && kind.is_none() {
        return Err(unlike(
            "it has no column kind: say what its names are with --kind person, organisation, place or unit".to_owned(),
        ));
    }
    let mut record = ByteRecord::new();
    loop {
        since.set(0);
        let line = match rows.read_byte_record(&mut record) {
            Ok(false) => break,
            Ok(true) => {
                let line = record.position().map_or(0, csv::Position::line);
                row(&record, &columns, head.len(), kind, line)
                    .unwrap_or_else(|what| Line::Bad { line, what })
            }
            Err(e) => return Err(unlike(said(&e))),
        };
        if !each(line) {
            break;
        }
    }
    Ok(())
}

fn said(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Io(e) => e.to_string(),
        _ => error.to_string(),
    }
}

/// What divides the columns: of the three signs, the one that stands in the first line most often.
fn delimiter(begin: &[u8]) -> u8 {
    let first = begin.split(|b| *b == b'\n').next().unwrap_or_default();
    let count = |sign: u8| first.iter().filter(|b| **b == sign).count();
    [b',', b';', b'\t']
        .into_iter()
        .rev()
        .max_by_key(|sign| count(*sign))
        .unwrap_or(b',')
}

fn column(name: &[u8]) -> Option<Column> {
    let name = String::from_utf8_lossy(name).trim().to_lowercase();
    let name = name.replace([' ', '-'], "_");
    let found = COLUMNS
        .iter()
        .find(|(_, names)| names.contains(&name.as_str()));
    found.map(|(column, _)| *column)
}

fn row(
    record: &ByteRecord,
    columns: &[Option<Column>],
    width: usize,
    default: Option<Kind>,
    line: u64,
) -> Result<Line, String> {
    if record.len() != width {
        return Err(format!(
            "it has {} columns, and the head has {width}",
            record.len()
        ));
    }
    let mut found = Entity {
        id: String::new(),
        kind: Kind::Person,
        caption: String::new(),
        names: Vec::new(),
        surnames: Vec::new(),
        births: Vec::new(),
        countries: Vec::new(),
        sources: Vec::new(),
    };
    let (mut kind, mut schema) = (default, String::new());
    for (value, column) in record.iter().zip(columns) {
        let value = std::str::from_utf8(value).map_err(|_| "it is no UTF-8".to_owned())?;
        let value = value.trim();
        if value.is_empty() {
            continue;
        }
        let several = || {
            value
                .split([';', '|'])
                .map(|v| v.trim().to_owned())
                .filter(|v| !v.is_empty())
        };
        match column {
            Some(Column::Id) => found.id = value.to_owned(),
            Some(Column::Kind) => (kind, schema) = (Kind::of(value), value.to_owned()),
            Some(Column::Caption) => found.caption = value.to_owned(),
            Some(Column::Name) => found.names.insert(0, value.to_owned()),
            Some(Column::Names) => found.names.extend(several()),
            Some(Column::Surname) => found.surnames.extend(several()),
            Some(Column::Birth) => found.births.extend(several()),
            Some(Column::Country) => found.countries.extend(several()),
            Some(Column::Source) => found.sources.extend(several()),
            None => {}
        }
    }
    match kind {
        Some(kind) => found.kind = kind,
        None if schema.is_empty() => return Err("it does not say what it is".to_owned()),
        None => return Ok(Line::Other(schema)),
    }
    if found.id.is_empty() {
        found.id = format!("line-{line}");
    }
    entity(found)
}
