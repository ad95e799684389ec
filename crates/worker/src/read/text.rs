//! Plain text: passages that begin at a line.

use crate::{
    Input, Out, Stop,
    decode::{Decoded, Guess},
};
use comity_extract::{Anchor, Place};
use std::io::{BufRead, BufReader, Read};

/// A passage ends at a line's end from this many bytes on, and at an empty line from a quarter of it on.
const PASSAGE: usize = 4096;
/// A line is cut at this many bytes: files without line ends are text too.
const LINE_MAX: u64 = 64 << 10;

pub fn read(input: &Input, out: &mut Out, guess: Guess) -> Result<(), Stop> {
    out.field("encoding", guess.encoding.name(), guess.from)?;
    let mut decoded = Decoded::new(input.rewound(), guess.encoding);
    passages(&mut decoded, out)?;
    if decoded.replaced > 0 {
        let count = decoded.replaced;
        out.missing(&format!(
            "{count} places are not of the encoding {}",
            guess.encoding.name()
        ));
    }
    Ok(())
}

/// UTF-8 text as passages, with the line that each begins at.
fn passages(text: &mut impl Read, out: &mut Out) -> Result<(), Stop> {
    let mut lines = BufReader::new(text);
    let (mut passage, mut line) = (Vec::new(), Vec::new());
    let (mut first, mut next) = (1, 1_u32);
    loop {
        line.clear();
        let count = lines.by_ref().take(LINE_MAX).read_until(b'\n', &mut line)?;
        passage.extend_from_slice(&line);
        let ends = line.ends_with(b"\n");
        let empty = ends && line.iter().all(u8::is_ascii_whitespace);
        if count == 0 || passage.len() >= PASSAGE || (empty && passage.len() >= PASSAGE / 4) {
            emit(&mut passage, out, first, count == 0)?;
            first = if ends { next.saturating_add(1) } else { next };
        }
        if count == 0 {
            return Ok(());
        }
        next = next.saturating_add(u32::from(ends));
    }
}

/// Gives a passage; bytes of a character that a cut line has split wait for the rest.
fn emit(passage: &mut Vec<u8>, out: &mut Out, line: u32, last: bool) -> Result<(), Stop> {
    let whole = match std::str::from_utf8(passage) {
        Err(error) if !last && error.error_len().is_none() => error.valid_up_to(),
        _ => passage.len(),
    };
    let text = String::from_utf8_lossy(&passage[..whole]);
    if !text.trim().is_empty() {
        out.text(&Anchor::at(&[(Place::Line, line)]), &text)?;
    }
    passage.drain(..whole);
    Ok(())
}
