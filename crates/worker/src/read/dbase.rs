//! Tables of dBase, Clipper and FoxPro: a value with its record and column, records that were deleted named so.

use super::ole_code_page;
use crate::{
    Input, Out, Stop, decode,
    ints::{u16_at, u32_at, u64_at},
    time,
};
use comity_extract::{Anchor, Place};

const ENDED: u8 = 0x0d;

/// Whether the file begins as a table: a version, a day, and a head that ends where it says.
pub fn is(input: &Input) -> bool {
    let head = input.bytes_at(0, 32);
    let [version, _, month, day, ..] = head[..] else {
        return false;
    };
    let known = [
        0x02, 0x03, 0x30, 0x31, 0x32, 0x43, 0x63, 0x83, 0x8b, 0xcb, 0xf5, 0xfb,
    ];
    let (length, record) = (u16_at(&head, 8), u16_at(&head, 10));
    known.contains(&version)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && record > 1
        && length >= 65
        && columns(input).is_some_and(|columns| {
            let together: u64 = columns.iter().map(|column| column.length as u64).sum();
            !columns.is_empty() && together < record.into()
        })
}

struct Column {
    name: String,
    kind: u8,
    length: usize,
}

fn columns(input: &Input) -> Option<Vec<Column>> {
    let head = input.bytes_at(0, 32);
    let fields = input.bytes_at(32, usize::from(u16_at(&head, 8)).checked_sub(32)?);
    let mut found = Vec::new();
    for field in fields.chunks(32) {
        if field[0] == ENDED {
            return Some(found);
        }
        let (name, about) = field.split_at_checked(11)?;
        let name = name.split(|byte| *byte == 0).next().unwrap_or_default();
        let [kind, _, _, _, _, length, decimals, ..] = *about else {
            return None;
        };
        if !kind.is_ascii_alphabetic() && kind != b'+' && kind != b'@' {
            return None;
        }
        // Of letters, what counts decimals elsewhere makes the length larger.
        let more = if kind == b'C' {
            usize::from(decimals) << 8
        } else {
            0
        };
        found.push(Column {
            name: decode::name(name),
            kind,
            length: usize::from(length) + more,
        });
    }
    None
}

/// The code page by its number in the head; `None` where it says nothing.
fn page(number: u8) -> Option<u32> {
    Some(match number {
        0x26 | 0x65 => 866,
        0x03 | 0x57 | 0x58 | 0x59 => 1252,
        0xc8 => 1250,
        0xc9 => 1251,
        0xca => 1254,
        0xcb => 1253,
        0xcc => 1257,
        0x4d | 0x7a => 936,
        0x4e | 0x79 => 949,
        0x4f | 0x78 => 950,
        0x13 | 0x7b => 932,
        0x7d => 1255,
        0x7e => 1256,
        _ => return None,
    })
}

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let head = input.bytes_at(0, 32);
    let (count, start, length) = (
        u32_at(&head, 4),
        u16_at(&head, 8),
        usize::from(u16_at(&head, 10)),
    );
    let columns =
        columns(input).ok_or_else(|| Stop::Damaged("its columns cannot be found".to_owned()))?;
    let byte = |place: usize| head.get(place).copied().unwrap_or(0);
    let page = page(byte(29));
    out.field("rows", &count.to_string(), "head of the table")?;
    out.field("columns", &columns.len().to_string(), "head of the table")?;
    let (year, month, day) = (u32::from(byte(1)), byte(2).into(), byte(3).into());
    let year = if year < 70 { 2000 + year } else { 1900 + year };
    let changed = time::civil(year, month, day, 0, 0, 0).unwrap_or_default();
    out.field(
        "modified",
        changed.trim_end_matches("T00:00:00"),
        "head of the table",
    )?;
    for (number, column) in (1..).zip(&columns) {
        let at = [(Place::Header, 1), (Place::Column, number)];
        out.text(&Anchor::at(&at), &column.name)?;
    }
    for record in 0..count {
        let bytes = input.bytes_at(u64::from(start) + u64::from(record) * length as u64, length);
        if bytes.len() < length {
            return Err(Stop::Damaged(format!(
                "it ends within record {}",
                record + 1
            )));
        }
        row(record + 1, &bytes, &columns, page, out)?;
    }
    Ok(())
}

fn row(
    record: u32,
    bytes: &[u8],
    columns: &[Column],
    page: Option<u32>,
    out: &mut Out,
) -> Result<(), Stop> {
    let is_deleted = bytes[0] == b'*';
    let mut rest = &bytes[1..];
    for (number, column) in (1..).zip(columns) {
        let (value, after) = rest.split_at(column.length.min(rest.len()));
        rest = after;
        let text = match (column.kind, value.len()) {
            // Numbers of blocks in another file, and bytes of no text.
            (b'M' | b'G' | b'P' | b'0', _) => continue,
            (b'I' | b'+', 4) => (u32_at(value, 0) as i32).to_string(),
            (b'B' | b'O', 8) => f64::from_bits(u64_at(value, 0)).to_string(),
            (b'Y', 8) => (u64_at(value, 0) as i64 as f64 / 10_000.0).to_string(),
            // Days of the Julian calendar's count, and thousandths of a second.
            (b'T' | b'@', 8) if value != [b' '; 8] => {
                let days = i64::from(u32_at(value, 0)) - 2_440_588;
                let moment = time::unix(days * 86_400 + i64::from(u32_at(value, 4) / 1000));
                moment.unwrap_or_default().trim_end_matches('Z').to_owned()
            }
            (b'D', 8) if value.iter().all(u8::is_ascii_digit) => {
                let digits = decode::name(value);
                format!("{}-{}-{}", &digits[..4], &digits[4..6], &digits[6..])
            }
            _ => page.map_or_else(|| decode::name(value), |page| ole_code_page(page, value)),
        };
        let text = text.trim_matches([' ', '\0']);
        if text.is_empty() {
            continue;
        }
        let mut at = vec![(Place::Record, record), (Place::Column, number)];
        if is_deleted {
            at.push((Place::Deleted, 1));
        }
        out.text(&Anchor(at), text)?;
    }
    Ok(())
}
