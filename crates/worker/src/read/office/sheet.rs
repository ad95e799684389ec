//! Workbooks of Excel: each cell with its row and column, as the value that was stored; dates as dates.

use super::package::Package;
use crate::{
    Out, Stop, time,
    xml::{Node, Xml},
};
use comity_extract::{Anchor, Place};
use std::io::Read;

/// The most bytes of strings that cells share.
const SHARED_MAX: usize = 256 << 20;

pub fn read(package: &mut Package, out: &mut Out) -> Result<(), Stop> {
    let shared = shared_strings(package)?;
    let dates = date_styles(package)?;
    let relations = package.relations("xl/workbook.xml")?;
    let (mut sheets, mut from_1904) = (Vec::new(), false);
    if let Some(mut xml) = package.xml("xl/workbook.xml")? {
        while let Some(node) = xml.next()? {
            match node {
                Node::Open(tag) if tag.name == "sheet" => {
                    let part = tag.attributes("id").into_iter().find_map(|id| {
                        relations
                            .iter()
                            .find(|(known, _)| *known == id)
                            .map(|(_, target)| target.clone())
                    });
                    let hidden = tag
                        .attribute("state")
                        .is_some_and(|state| state != "visible");
                    sheets.push((tag.attribute("name").unwrap_or_default(), part, hidden));
                }
                Node::Open(tag) if tag.name == "workbookPr" => {
                    from_1904 = matches!(tag.attribute("date1904").as_deref(), Some("1" | "true"));
                }
                _ => {}
            }
        }
    }
    out.field("sheets", &sheets.len().to_string(), "counted")?;
    for (number, (name, part, hidden)) in (1_u32..).zip(sheets) {
        let from = if hidden {
            "xl/workbook.xml, hidden"
        } else {
            "xl/workbook.xml"
        };
        out.field("sheet", &name, &format!("{from}, sheet {number}"))?;
        let cells = Cells {
            sheet: number,
            shared: &shared,
            dates: &dates,
            from_1904,
        };
        match part
            .as_deref()
            .map(|part| package.xml(part))
            .transpose()?
            .flatten()
        {
            Some(mut xml) => cells.read(&mut xml, out)?,
            None => out.missing(&format!("sheet {number} ({name}): its part is not there")),
        }
    }
    for (number, part) in (1_u32..).zip(package.named("xl/comments", ".xml")) {
        if let Some(mut xml) = package.xml(&part)? {
            for (comment, text) in (1_u32..).zip(strings(&mut xml, "comment")?) {
                out.text(
                    &Anchor::at(&[(Place::Sheet, number), (Place::Comment, comment)]),
                    &text,
                )?;
            }
        }
    }
    Ok(())
}

fn shared_strings(package: &mut Package) -> Result<Vec<String>, Stop> {
    match package.xml("xl/sharedStrings.xml")? {
        Some(mut xml) => strings(&mut xml, "si"),
        None => Ok(Vec::new()),
    }
}

/// The text of each element of this name; readings for pronunciation are not text.
fn strings(xml: &mut Xml<impl Read>, element: &str) -> Result<Vec<String>, Stop> {
    let (mut found, mut text, mut in_text, mut reading, mut total) =
        (Vec::new(), String::new(), false, false, 0);
    while let Some(node) = xml.next()? {
        match node {
            Node::Open(tag) if tag.name == "t" => in_text = true,
            Node::Open(tag) if tag.name == "rPh" => reading = true,
            Node::Text(piece) if in_text && !reading => text.push_str(&piece),
            Node::Close(name) if name == "t" => in_text = false,
            Node::Close(name) if name == "rPh" => reading = false,
            Node::Close(name) if name == element => {
                total += text.len() + 24;
                if total > SHARED_MAX {
                    return Err(Stop::OverLimit(format!(
                        "its cells share more than {SHARED_MAX} bytes of text"
                    )));
                }
                found.push(std::mem::take(&mut text));
            }
            _ => {}
        }
    }
    Ok(found)
}

/// For each style of cells, whether its number is shown as a date or time.
fn date_styles(package: &mut Package) -> Result<Vec<bool>, Stop> {
    let (mut formats, mut styles, mut in_cells) = (Vec::new(), Vec::new(), false);
    let Some(mut xml) = package.xml("xl/styles.xml")? else {
        return Ok(styles);
    };
    while let Some(node) = xml.next()? {
        match node {
            Node::Open(tag) => match tag.name.as_str() {
                "numFmt" => formats.push((
                    tag.attribute("numFmtId"),
                    tag.attribute("formatCode").unwrap_or_default(),
                )),
                "cellXfs" => in_cells = true,
                "xf" if in_cells => {
                    let id = tag.attribute("numFmtId");
                    let own = formats
                        .iter()
                        .find(|(known, _)| *known == id)
                        .map(|(_, code)| is_date(code));
                    let number = id.and_then(|id| id.parse::<u32>().ok()).unwrap_or(0);
                    styles.push(
                        own.unwrap_or(matches!(number, 14..=22 | 27..=36 | 45..=47 | 50..=58)),
                    );
                }
                _ => {}
            },
            Node::Close(name) if name == "cellXfs" => in_cells = false,
            _ => {}
        }
    }
    Ok(styles)
}

/// Whether a number format shows a date: day, month, year, hour or second outside quotes and brackets.
pub fn is_date(code: &str) -> bool {
    let (mut quoted, mut bracket, mut escaped) = (false, false, false);
    code.chars().any(|c| {
        if escaped {
            escaped = false;
            return false;
        }
        match c {
            '\\' | '_' | '*' => escaped = true,
            '"' => quoted = !quoted,
            '[' => bracket = true,
            ']' => bracket = false,
            'd' | 'm' | 'y' | 'h' | 's' | 'D' | 'M' | 'Y' | 'H' | 'S' => {
                return !quoted && !bracket;
            }
            _ => {}
        }
        false
    })
}

struct Cells<'a> {
    sheet: u32,
    shared: &'a [String],
    dates: &'a [bool],
    from_1904: bool,
}

impl Cells<'_> {
    fn read(&self, xml: &mut Xml<impl Read>, out: &mut Out) -> Result<(), Stop> {
        let (mut row, mut column) = (0, 0);
        let (mut kind, mut is_date, mut value, mut in_value) =
            (String::new(), false, String::new(), false);
        while let Some(node) = xml.next()? {
            match node {
                Node::Open(tag) => match tag.name.as_str() {
                    "row" => {
                        row = tag
                            .attribute("r")
                            .and_then(|r| r.parse().ok())
                            .unwrap_or(row + 1);
                        column = 0;
                    }
                    "c" => {
                        let at = tag.attribute("r").and_then(|place| cell(&place));
                        (row, column) = at.unwrap_or((row, column + 1));
                        kind = tag.attribute("t").unwrap_or_default();
                        let style = tag.attribute("s").and_then(|s| s.parse::<usize>().ok());
                        is_date = style
                            .and_then(|style| self.dates.get(style))
                            .copied()
                            .unwrap_or(false);
                        value.clear();
                    }
                    "v" | "t" => in_value = true,
                    _ => {}
                },
                Node::Text(text) if in_value => value.push_str(&text),
                Node::Text(_) => {}
                Node::Close(name) => match name.as_str() {
                    "v" | "t" => in_value = false,
                    "c" if !value.is_empty() => {
                        let at = [
                            (Place::Sheet, self.sheet),
                            (Place::Row, row),
                            (Place::Column, column),
                        ];
                        out.text(&Anchor::at(&at), &self.shown(&kind, is_date, &value))?;
                    }
                    _ => {}
                },
            }
        }
        Ok(())
    }

    fn shown(&self, kind: &str, is_date: bool, value: &str) -> String {
        match kind {
            "s" => value
                .trim()
                .parse()
                .ok()
                .and_then(|index: usize| self.shared.get(index))
                .cloned(),
            "b" => Some(if value.trim() == "1" { "TRUE" } else { "FALSE" }.to_owned()),
            "" | "n" if is_date => value
                .trim()
                .parse()
                .ok()
                .and_then(|days| date(days, self.from_1904)),
            _ => None,
        }
        .unwrap_or_else(|| value.to_owned())
    }
}

/// `AB12` as row 12, column 28.
fn cell(place: &str) -> Option<(u32, u32)> {
    let letters = place.bytes().take_while(u8::is_ascii_alphabetic).count();
    let column = place
        .bytes()
        .take(letters.min(5))
        .fold(0_u32, |number, letter| {
            number * 26 + u32::from(letter.to_ascii_uppercase() - b'A') + 1
        });
    Some((place[letters..].parse().ok()?, column)).filter(|(_, column)| *column > 0)
}

/// Days since the epoch of spreadsheets, as a civil time without a zone; less than a day is a time.
pub fn date(days: f64, from_1904: bool) -> Option<String> {
    if !(0.0..2_958_466.0).contains(&days) {
        return None;
    }
    let seconds = (days * 86_400.0).round() as i64;
    if !from_1904 && seconds < 86_400 {
        return Some(format!(
            "{:02}:{:02}:{:02}",
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        ));
    }
    // 1900 counts as a leap year there: day 60 is the 29 February that was not.
    let whole = seconds / 86_400;
    let epoch = if from_1904 {
        24_107
    } else {
        25_569 - i64::from(whole < 60)
    };
    let text = time::unix(seconds - epoch * 86_400)?;
    let text = text.trim_end_matches('Z');
    Some(text.strip_suffix("T00:00:00").unwrap_or(text).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_and_dates_are_what_spreadsheets_show() {
        assert_eq!(cell("A1"), Some((1, 1)));
        assert_eq!(cell("AB12"), Some((12, 28)));
        assert_eq!(cell("12"), None);
        assert_eq!(date(45_702.0, false).as_deref(), Some("2025-02-14"));
        assert_eq!(
            date(45_702.277_777_777_8, false).as_deref(),
            Some("2025-02-14T06:40:00")
        );
        assert_eq!(date(44_240.0, true).as_deref(), Some("2025-02-14"));
        assert_eq!(date(1.0, false).as_deref(), Some("1900-01-01"));
        assert_eq!(date(0.5, false).as_deref(), Some("12:00:00"));
        assert!(
            is_date("dd/mm/yyyy")
                && is_date("[$-422]d mmmm yyyy")
                && !is_date("#,##0.00\" days\"")
                && !is_date("0.00")
        );
    }
}
