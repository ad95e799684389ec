//! XLSB: a workbook whose sheets are kept in binary records.

use crate::{Input, Out, Stop, read::unless_given_up};
use calamine::{Data, Reader, SheetVisible, Xlsb};
use comity_extract::{Anchor, Place};
use std::io::BufReader;

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    // The rest of the document is read all the same.
    let file = BufReader::with_capacity(64 << 10, input.rewound());
    let opened = unless_given_up(|| Xlsb::new(file));
    let mut book = match opened {
        Ok(opened) => opened?,
        Err(_) => {
            out.missing("its cells: the workbook has parts that the reader does not understand");
            return Ok(());
        }
    };
    let sheets: Vec<_> = book.sheets_metadata().to_vec();
    out.field("sheets", &sheets.len().to_string(), "workbook.bin")?;
    for (number, sheet) in (1..).zip(&sheets) {
        out.field("sheet", &sheet.name, "workbook.bin")?;
        if sheet.visible != SheetVisible::Visible {
            out.field(
                "comment",
                &format!("the sheet {} is hidden", sheet.name),
                "workbook.bin",
            )?;
        }
        let range = match book.worksheet_range(&sheet.name) {
            Ok(range) => range,
            Err(error) => {
                out.missing(&format!("sheet {}: {error}", sheet.name));
                continue;
            }
        };
        let (top, left) = range.start().unwrap_or_default();
        for (row, column, value) in range.used_cells() {
            let at = [
                (Place::Sheet, number),
                (Place::Row, top + row as u32 + 1),
                (Place::Column, left + column as u32 + 1),
            ];
            out.text(&Anchor::at(&at), &shown(value))?;
        }
    }
    Ok(())
}

fn shown(value: &Data) -> String {
    match value {
        Data::DateTime(date) if date.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = date.to_ymd_hms_milli();
            match (hour, minute, second) {
                (0, 0, 0) => format!("{year:04}-{month:02}-{day:02}"),
                _ => format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"),
            }
        }
        other => other.to_string(),
    }
}
