//! Pictures in documents before 2007 ([MS-ODRAW]): as files of their own, in the order in which they are stored.

use super::{Ole, u16_at, u32_at};
use crate::{Out, Stop, out::child};
use comity_extract::{Child, Relation};
use flate2::read::ZlibDecoder;
use std::io::Read;

/// What Word and PowerPoint keep beside the text; Excel has its pictures among its records.
pub fn read(ole: &mut Ole, out: &mut Out) -> Result<(), Stop> {
    let mut count = 0;
    if let Some(bytes) = ole.stream("/Pictures")? {
        records(&bytes, &mut count, out)?;
    }
    if let Some(data) = ole.stream("/Data")? {
        // One after the other, each with its length and the length of its head.
        let mut at = 0;
        while at + 68 <= data.len() {
            let (length, head) = (
                u32_at(&data, at) as usize,
                usize::from(u16_at(&data, at + 4)),
            );
            let end = at.saturating_add(length).min(data.len());
            if head != 68 || length < head {
                break;
            }
            // A picture that lies elsewhere too has its name first.
            let name = match u16_at(&data, at + 6) {
                0x66 => 1 + usize::from(data.get(at + 68).copied().unwrap_or(0)),
                _ => 0,
            };
            records(
                data.get(at + head + name..end).unwrap_or_default(),
                &mut count,
                out,
            )?;
            at = end;
        }
    }
    Ok(())
}

/// Pictures among records; `count` numbers them.
pub fn records(bytes: &[u8], count: &mut u32, out: &mut Out) -> Result<(), Stop> {
    let mut at = 0;
    while at + 8 <= bytes.len() {
        let (head, kind, length) = (
            u16_at(bytes, at),
            u16_at(bytes, at + 2),
            u32_at(bytes, at + 4) as usize,
        );
        let body = at + 8;
        let end = body.saturating_add(length);
        let inside = bytes.get(body..end.min(bytes.len())).unwrap_or_default();
        at = match kind {
            0xf01a..=0xf01f | 0xf029 | 0xf02a => {
                *count += 1;
                picture(kind, head >> 4, inside, *count, out)?;
                end
            }
            // An entry of the store of pictures, which begins with what is known of the picture and its name.
            0xf007 => body + 36 + usize::from(inside.get(33).copied().unwrap_or(0)),
            _ if head & 15 == 15 => body,
            _ => end,
        };
    }
    Ok(())
}

fn picture(kind: u16, instance: u16, body: &[u8], number: u32, out: &mut Out) -> Result<(), Stop> {
    // One digest, or two, and for pictures in points one more byte.
    let digests = if instance & 1 == 1 { 32 } else { 16 };
    let (ending, is_drawn) = match kind {
        0xf01a => ("emf", true),
        0xf01b => ("wmf", true),
        0xf01c => ("pict", true),
        0xf01d | 0xf02a => ("jpg", false),
        0xf01e => ("png", false),
        0xf01f => ("dib", false),
        _ => ("tif", false),
    };
    let child = |size: usize| Child {
        stated_size: Some(size as u64),
        ..child(Relation::Embedded, &format!("picture {number}.{ending}"))
    };
    if !is_drawn {
        let mut bytes = body.get(digests + 1..).unwrap_or_default();
        return out.child(child(bytes.len()), &mut bytes);
    }
    let head = body.get(digests..digests + 34).unwrap_or_default();
    let mut packed = body.get(digests + 34..).unwrap_or_default();
    let size = u32_at(head, 0) as usize;
    match head.get(32) {
        Some(0) => out.child(child(size), &mut ZlibDecoder::new(packed).take(size as u64)),
        Some(0xfe) => out.child(child(size), &mut packed),
        _ => out.lost_child(
            child(size),
            Stop::Damaged("it is compressed by no known method".to_owned()),
        ),
    }
}
