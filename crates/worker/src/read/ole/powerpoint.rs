//! Presentations before 2007 ([MS-PPT]): the texts of slides and notes, in the order of the file.

use super::{u16_at, u32_at, utf16};
use crate::{Out, Stop, out::child};
use comity_extract::{Anchor, Place, Relation};
use flate2::read::ZlibDecoder;
use std::io::Read;

/// The kinds of records that are looked at.
const SLIDE: u16 = 1006;
const NOTES: u16 = 1008;
const SLIDE_IN_LIST: u16 = 1011;
const MASTER: u16 = 1016;
const LIST_OF_SLIDES: u16 = 4080;
const TEXT_CHARS: u16 = 4000;
const TEXT_BYTES: u16 = 4008;
const PLACEHOLDER: u16 = 3011;
const SHAPE: u16 = 0xf004;
const OBJECT: u16 = 4113;

/// Where the text that comes next belongs.
#[derive(Clone, Copy, PartialEq)]
enum Within {
    Slide(u32),
    Notes(u32),
    /// A shape of a master that is no prompt: it shows on every slide.
    Master(u32),
    /// Prompts of masters, and names: not what anybody wrote for this presentation.
    Nothing,
}

pub fn read(document: &[u8], out: &mut Out) -> Result<(), Stop> {
    let (mut at, mut within, mut paragraph) = (0_usize, Within::Nothing, 0);
    let (mut slides, mut notes, mut listed, mut in_list) = (0, 0, 0, false);
    let (mut masters, mut in_master, mut objects) = (0, false, 0);
    let mut damaged = false;
    // Where the records end that hold the one that is looked at.
    let mut ends = vec![document.len()];
    loop {
        while ends.last().is_some_and(|end| at + 8 > *end) && ends.len() > 1 {
            at = ends.pop().unwrap_or(at);
        }
        if at + 8 > document.len() {
            break;
        }
        let (head, kind, length) = (
            u16_at(document, at),
            u16_at(document, at + 2),
            u32_at(document, at + 4) as usize,
        );
        let body = at + 8;
        let end = body.saturating_add(length);
        let bytes = document
            .get(body..end.min(document.len()))
            .unwrap_or_default();
        let before = within;
        match kind {
            SLIDE => {
                slides += 1;
                within = Within::Slide(slides);
            }
            NOTES => {
                notes += 1;
                within = Within::Notes(notes);
            }
            MASTER => {
                masters += 1;
                (within, in_master) = (Within::Nothing, true);
            }
            SHAPE if in_master => within = Within::Master(masters),
            PLACEHOLDER if in_master => within = Within::Nothing,
            OBJECT => {
                objects += 1;
                object(bytes, head >> 4, objects, out)?;
            }
            // The outlines of the slides; of masters and notes there is a list each, too.
            LIST_OF_SLIDES => {
                in_list = head >> 4 == 0;
                within = Within::Nothing;
            }
            SLIDE_IN_LIST if in_list => {
                listed += 1;
                within = Within::Slide(listed);
            }
            TEXT_CHARS => lines(&utf16(bytes), within, &mut paragraph, out)?,
            TEXT_BYTES => {
                let text: String = bytes.iter().map(|byte| char::from(*byte)).collect();
                lines(&text, within, &mut paragraph, out)?;
            }
            _ => {}
        }
        in_master &= !matches!(kind, SLIDE | NOTES | LIST_OF_SLIDES);
        if within != before {
            paragraph = 0;
        }
        // What holds others is gone into; anything else is stepped over. Programs mark some of their own data as if it
        // held others: what does not fit in there is stepped over with it.
        let outer = ends.last().copied().unwrap_or(document.len());
        if end > outer {
            damaged |= ends.len() == 1;
            at = outer;
        } else if head & 0xf == 0xf {
            ends.push(end);
            at = body;
        } else {
            at = end;
        }
    }
    if damaged {
        return Err(Stop::Damaged("a record goes beyond its end".to_owned()));
    }
    out.field("slides", &slides.to_string(), "counted")
}

/// An object of another program, or the macros, in a compound file that may be compressed.
fn object(bytes: &[u8], instance: u16, number: u32, out: &mut Out) -> Result<(), Stop> {
    let child = child(Relation::Embedded, &format!("object {number}"));
    let mut rest = bytes;
    if instance == 0 {
        return out.child(child, &mut rest);
    }
    let size = u32_at(bytes, 0);
    let packed = bytes.get(4..).unwrap_or_default();
    out.child(child, &mut ZlibDecoder::new(packed).take(size.into()))
}

fn lines(text: &str, within: Within, paragraph: &mut u32, out: &mut Out) -> Result<(), Stop> {
    let place = match within {
        Within::Slide(number) => vec![(Place::Slide, number)],
        Within::Notes(number) => vec![(Place::Slide, number), (Place::Note, 1)],
        Within::Master(number) => vec![(Place::Header, number)],
        Within::Nothing => return Ok(()),
    };
    for line in text.split(['\r', '\u{b}']) {
        let line: String = line
            .chars()
            .filter(|c| !c.is_control() || *c == '\t')
            .collect();
        if !line.trim().is_empty() {
            *paragraph += 1;
            let at = [place.as_slice(), &[(Place::Paragraph, *paragraph)]].concat();
            out.text(&Anchor(at), &line)?;
        }
    }
    Ok(())
}
