//! Databases of SQLite, in which telephones and programs keep messages, calls and places: the rows of all tables. What
//! lies in a journal beside the file, or in pages that are free, is not read.

use crate::{
    Input, Out, Stop,
    ints::{be16_at, be32_at},
    out::child,
};
use comity_extract::{Anchor, Child, Place, Relation};
use file_format::FileFormat;
use std::collections::HashSet;

/// Trees that are deeper would hold more rows than a file can have pages.
const DEPTH_MAX: u32 = 20;
const ROW_MAX: u64 = 64 << 20;

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Null,
    Whole(i64),
    Real(f64),
    Text(String),
    Bytes(Vec<u8>),
}

struct Database<'a> {
    input: &'a Input,
    page_size: u64,
    usable: u64,
    encoding: u32,
    /// Pages that were gone through: a tree that meets itself ends there.
    seen: HashSet<u32>,
}

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let head = input.bytes_at(0, 100);
    let page_size = match be16_at(&head, 16) {
        1 => 0x1_0000,
        size => u64::from(size),
    };
    let reserved = u64::from(head.get(20).copied().unwrap_or(0));
    if !page_size.is_power_of_two() || page_size < 512 || reserved + 480 > page_size {
        return Err(Stop::Damaged(
            "its pages have a size that cannot be".to_owned(),
        ));
    }
    let mut database = Database {
        input,
        page_size,
        usable: page_size - reserved,
        encoding: be32_at(&head, 56),
        seen: HashSet::new(),
    };
    let mut schema = Vec::new();
    let listed = database.walk(1, 0, &mut |_, row| {
        schema.push(row);
        Ok(())
    });
    let mut number = 0;
    for row in schema {
        let [
            Value::Text(kind),
            Value::Text(name),
            _,
            Value::Whole(root),
            Value::Text(sql),
            ..,
        ] = &row[..]
        else {
            continue;
        };
        let root = u32::try_from(*root).unwrap_or(0);
        if kind != "table" || root == 0 {
            continue;
        }
        number += 1;
        out.field("sheet", name, &format!("table {number}"))?;
        table(&mut database, number, name, root, &columns(sql), out)?;
    }
    out.field("sheets", &number.to_string(), "counted")?;
    listed
}

/// The rows of one table, below the names of its columns.
fn table(
    database: &mut Database<'_>,
    number: u32,
    name: &str,
    root: u32,
    columns: &[Column],
    out: &mut Out,
) -> Result<(), Stop> {
    for (column, known) in (1..).zip(columns) {
        let at = [
            (Place::Sheet, number),
            (Place::Header, 1),
            (Place::Column, column),
        ];
        out.text(&Anchor::at(&at), &known.name)?;
    }
    let mut row = 0;
    let read = database.walk(root, 0, &mut |rowid, values| {
        row += 1;
        for (column, value) in (1_u32..).zip(values) {
            let is_rowid = columns
                .get(column as usize - 1)
                .is_some_and(|known| known.is_rowid);
            let text = match value {
                // The number of the row stands in its place in the tree only.
                Value::Null if is_rowid => {
                    rowid.map_or_else(String::new, |rowid| rowid.to_string())
                }
                Value::Null => continue,
                Value::Whole(number) => number.to_string(),
                Value::Real(number) => number.to_string(),
                Value::Text(text) => text,
                Value::Bytes(bytes) => {
                    file(&format!("{name}/{row}/{column}"), &bytes, out)?;
                    continue;
                }
            };
            if !text.trim().is_empty() {
                let at = [
                    (Place::Sheet, number),
                    (Place::Row, row),
                    (Place::Column, column),
                ];
                out.text(&Anchor::at(&at), &text)?;
            }
        }
        Ok(())
    });
    match read {
        Err(Stop::Damaged(reason)) => {
            out.missing(&format!("rows of the table {name}: {reason}"));
            Ok(())
        }
        other => other,
    }
}

/// Bytes that are a file of a known type are a child; the program's own are nothing that could be read.
fn file(path: &str, mut bytes: &[u8], out: &mut Out) -> Result<(), Stop> {
    let vague = [
        FileFormat::ArbitraryBinaryData,
        FileFormat::Empty,
        FileFormat::PlainText,
    ];
    if vague.contains(&FileFormat::from_bytes(bytes)) {
        return Ok(());
    }
    let whole = Child {
        stated_size: Some(bytes.len() as u64),
        ..child(Relation::Embedded, path)
    };
    out.child(whole, &mut bytes)
}

struct Column {
    name: String,
    is_rowid: bool,
}

/// The names of the columns in the sentence that made the table.
fn columns(sql: &str) -> Vec<Column> {
    let Some(start) = sql.find('(') else {
        return Vec::new();
    };
    let (mut parts, mut depth, mut quote) = (vec![String::new()], 0, None);
    for c in sql[start + 1..].chars() {
        match (c, quote) {
            (_, Some(end)) if c == end => quote = None,
            (_, Some(_)) => {}
            ('"' | '\'' | '`', None) => quote = Some(c),
            ('[', None) => quote = Some(']'),
            ('(', None) => depth += 1,
            (')', None) if depth == 0 => break,
            (')', None) => depth -= 1,
            (',', None) if depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    let constraints = ["CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"];
    let parts = parts.iter().map(|part| part.trim());
    let named = parts.filter(|part| {
        let first = part
            .split([' ', '('])
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        !part.is_empty() && !constraints.contains(&first.as_str())
    });
    named.map(column).collect()
}

fn column(part: &str) -> Column {
    let quotes = [('"', '"'), ('\'', '\''), ('`', '`'), ('[', ']')];
    let quoted = quotes.iter().find_map(|(open, close)| {
        let (name, rest) = part.strip_prefix(*open)?.split_once(*close)?;
        Some((name, rest))
    });
    let (name, rest) = quoted
        .or_else(|| part.split_once(char::is_whitespace))
        .unwrap_or((part, ""));
    let rest = rest.to_ascii_uppercase();
    let rest: Vec<&str> = rest.split_whitespace().collect();
    Column {
        name: name.to_owned(),
        is_rowid: rest.starts_with(&["INTEGER", "PRIMARY", "KEY"]),
    }
}

type Take<'a> = dyn FnMut(Option<i64>, Vec<Value>) -> Result<(), Stop> + 'a;

impl Database<'_> {
    fn page(&self, number: u32) -> Result<Vec<u8>, Stop> {
        let at = u64::from(number.saturating_sub(1)) * self.page_size;
        let bytes = self.input.bytes_at(at, self.page_size as usize);
        match bytes.len() as u64 == self.page_size && number > 0 {
            true => Ok(bytes),
            false => Err(Stop::Damaged(format!("page {number} is not there"))),
        }
    }

    /// Gives the rows of the tree below this page in their order.
    fn walk(&mut self, number: u32, depth: u32, take: &mut Take<'_>) -> Result<(), Stop> {
        let damaged = |what: &str| Stop::Damaged(format!("page {number} {what}"));
        if depth == DEPTH_MAX || !self.seen.insert(number) {
            return Err(damaged("is met twice"));
        }
        let page = self.page(number)?;
        // On the first page the head of the file comes first.
        let start = if number == 1 { 100 } else { 0 };
        let (kind, count) = (page[start], usize::from(be16_at(&page, start + 3)));
        let is_table = matches!(kind, 5 | 13);
        let is_leaf = matches!(kind, 10 | 13);
        if !is_table && !matches!(kind, 2 | 10) {
            return Err(damaged("is of no tree"));
        }
        let pointers = start + if is_leaf { 8 } else { 12 };
        for cell in 0..count {
            let mut at = usize::from(be16_at(&page, pointers + cell * 2));
            if at < pointers || at >= page.len() {
                return Err(damaged("has a cell outside of it"));
            }
            if !is_leaf {
                self.walk(be32_at(&page, at), depth + 1, take)?;
                at += 4;
            }
            // The inner pages of a table have no rows.
            if !is_table || is_leaf {
                let size = varint(&page, &mut at).ok_or_else(|| damaged("is cut off"))?;
                let rowid = if is_table {
                    varint(&page, &mut at)
                } else {
                    None
                };
                let payload = self.payload(&page, at, size, is_table)?;
                let row = self
                    .row(&payload)
                    .ok_or_else(|| damaged("has a row that makes no sense"))?;
                take(rowid.map(|rowid| rowid as i64), row)?;
            }
        }
        if !is_leaf {
            self.walk(be32_at(&page, start + 8), depth + 1, take)?;
        }
        Ok(())
    }

    /// The bytes of a row: on its page, and where they are too many, on a chain of others.
    fn payload(
        &mut self,
        page: &[u8],
        at: usize,
        size: u64,
        is_table: bool,
    ) -> Result<Vec<u8>, Stop> {
        let damaged = || Stop::Damaged("a row goes beyond its page".to_owned());
        if size > ROW_MAX {
            return Err(Stop::Damaged(format!(
                "a row of more than {} MiB",
                ROW_MAX >> 20
            )));
        }
        let usable = self.usable;
        let most = if is_table {
            usable - 35
        } else {
            (usable - 12) * 64 / 255 - 23
        };
        let least = (usable - 12) * 32 / 255 - 23;
        let local = match size {
            _ if size <= most => size,
            _ => Some(least + (size - least) % (usable - 4))
                .filter(|local| *local <= most)
                .unwrap_or(least),
        } as usize;
        let mut bytes = page.get(at..at + local).ok_or_else(damaged)?.to_vec();
        let mut next = be32_at(page, at + local);
        while (bytes.len() as u64) < size {
            if !self.seen.insert(next) {
                return Err(damaged());
            }
            let more = self.page(next)?;
            let count = (size - bytes.len() as u64).min(usable - 4) as usize;
            bytes.extend_from_slice(&more[4..4 + count]);
            next = be32_at(&more, 0);
        }
        Ok(bytes)
    }

    /// The values of a row: the kinds of all first, then the values.
    fn row(&self, bytes: &[u8]) -> Option<Vec<Value>> {
        let mut at = 0;
        let head = usize::try_from(varint(bytes, &mut at)?).ok()?;
        let (mut values, mut rest) = (Vec::new(), bytes.get(head..)?);
        while at < head {
            let kind = varint(bytes, &mut at)?;
            let length = match kind {
                0 | 8 | 9 => 0,
                1..=4 => kind,
                5 => 6,
                6 | 7 => 8,
                10 | 11 => return None,
                _ => (kind - 12) / 2,
            };
            let (value, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
            rest = after;
            values.push(match kind {
                0 => Value::Null,
                7 => Value::Real(f64::from_bits(whole(value) as u64)),
                8 | 9 => Value::Whole(kind as i64 - 8),
                1..=6 => Value::Whole(whole(value)),
                _ if kind % 2 == 0 => Value::Bytes(value.to_vec()),
                _ => Value::Text(self.text(value)),
            });
        }
        Some(values)
    }

    fn text(&self, bytes: &[u8]) -> String {
        let encoding = match self.encoding {
            2 => encoding_rs::UTF_16LE,
            3 => encoding_rs::UTF_16BE,
            _ => encoding_rs::UTF_8,
        };
        encoding.decode_without_bom_handling(bytes).0.into_owned()
    }
}

/// A whole number with its sign, most significant byte first.
fn whole(bytes: &[u8]) -> i64 {
    let negative = bytes.first().is_some_and(|byte| *byte >= 0x80);
    let start = if negative { -1 } else { 0 };
    bytes
        .iter()
        .fold(start, |number, byte| number << 8 | i64::from(*byte))
}

/// Seven bits a byte, most significant first; the ninth byte has eight.
fn varint(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut number = 0;
    for place in 0..9 {
        let byte = *bytes.get(*at)?;
        *at += 1;
        if place == 8 {
            return Some(number << 8 | u64::from(byte));
        }
        number = number << 7 | u64::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    Some(number)
}

#[cfg(test)]
mod tests {
    use super::columns;

    #[test]
    fn columns_are_named_as_the_table_was_made() {
        let sql = r#"CREATE TABLE calls (_id INTEGER PRIMARY KEY, "from, to" TEXT, at DATETIME DEFAULT (now(1, 2)), [x], UNIQUE (at))"#;
        let found = columns(sql);
        let names: Vec<&str> = found.iter().map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["_id", "from, to", "at", "x"]);
        assert!(found[0].is_rowid && !found[2].is_rowid);
        assert!(columns("CREATE VIRTUAL TABLE x").is_empty());
    }
}
