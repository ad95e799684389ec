//! Answers on standard output: words in columns for people, JSON for programs.

use std::io::Write;

use comity_core::shown::escape_for_terminal;
use serde_json::Value;

use crate::args::Global;
use crate::world::Failure;

/// Writes an answer: the JSON when asked for, the lines otherwise.
pub fn answer(global: &Global, json: &Value, lines: &[String]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    if global.json {
        write(&mut out, &json.to_string())?;
    } else {
        for line in lines {
            write(&mut out, &escape_for_terminal(line))?;
        }
    }
    Ok(())
}

/// One line. A reader that went away ends the program quietly, as any filter does.
pub fn write(out: &mut impl Write, line: &str) -> Result<(), Failure> {
    match writeln!(out, "{line}") {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Err(Failure::Said),
        Err(e) => Err(Failure::Wrong(format!(
            "the answer could not be written: {e}"
        ))),
    }
}

/// A number and its noun, in the plural where it is due.
pub fn counted(n: u64, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// Columns padded to the widest cell, two spaces between them.
pub fn columns(rows: &[Vec<String>]) -> Vec<String> {
    let mut widths = Vec::new();
    for row in rows {
        for (i, cell) in row.iter().enumerate() {
            let width = cell.chars().count();
            match widths.get_mut(i) {
                Some(w) => *w = width.max(*w),
                None => widths.push(width),
            }
        }
    }
    rows.iter()
        .map(|row| {
            let mut line = String::new();
            for (i, cell) in row.iter().enumerate() {
                line.push_str(cell);
                if i + 1 < row.len() {
                    let pad = widths
                        .get(i)
                        .copied()
                        .unwrap_or(0)
                        .saturating_sub(cell.chars().count())
                        + 2;
                    line.extend(std::iter::repeat_n(' ', pad));
                }
            }
            line
        })
        .collect()
}
