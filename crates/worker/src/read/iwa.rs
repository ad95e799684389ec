//! Parts of documents of Pages, Numbers and Keynote (`.iwa`): messages of Protocol Buffers, compressed by Snappy; read
//! are the texts of stories and of cells.

use crate::{Input, Out, Stop};
use comity_extract::{Anchor, Place};

/// The most bytes of one part that are held, unpacked.
const PART_MAX: usize = 256 << 20;
/// Numbers of messages that hold a story; one that holds the texts of cells.
const STORIES: [u64; 2] = [2001, 2005];
const CELLS: u64 = 6005;

/// Whether it begins as a part does: a compressed piece that is not beyond the end.
pub fn is(input: &Input, name: &str) -> bool {
    let head = input.bytes_at(0, 4);
    let length =
        |head: &[u8]| u64::from(head[1]) | u64::from(head[2]) << 8 | u64::from(head[3]) << 16;
    name.ends_with(".iwa") && head.len() == 4 && head[0] == 0 && length(&head) + 4 <= input.size()
}

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let bytes = unpacked(input)?;
    let (mut rest, mut paragraph) = (bytes.as_slice(), 0);
    while !rest.is_empty() {
        let cut = || Stop::Damaged("it ends within a message".to_owned());
        let length = varint(&mut rest).ok_or_else(cut)?;
        let about = take(&mut rest, length).ok_or_else(cut)?;
        for (field, message) in fields(about) {
            // What each message is, and how long.
            let (2, Value::Bytes(message)) = (field, message) else {
                continue;
            };
            let number = |wanted: u64| {
                fields(message).find_map(|(field, value)| match value {
                    Value::Number(number) if field == wanted => Some(number),
                    _ => None,
                })
            };
            let body = take(&mut rest, number(3).unwrap_or(0)).ok_or_else(cut)?;
            texts(number(1).unwrap_or(0), body, &mut paragraph, out)?;
        }
    }
    Ok(())
}

/// Pieces with three bytes of length, each compressed for itself.
fn unpacked(input: &Input) -> Result<Vec<u8>, Stop> {
    let (mut at, mut whole) = (0, Vec::new());
    while at + 4 <= input.size() {
        let head = input.bytes_at(at, 4);
        let length = usize::from(head[1]) | usize::from(head[2]) << 8 | usize::from(head[3]) << 16;
        let packed = input.bytes_at(at + 4, length);
        if head[0] != 0 || packed.len() < length {
            return Err(Stop::Damaged(format!("no piece at byte {at}")));
        }
        let size = snap::raw::decompress_len(&packed)?;
        if whole.len() + size > PART_MAX {
            return Err(Stop::OverLimit(format!(
                "it unpacks to more than {} MiB",
                PART_MAX >> 20
            )));
        }
        whole.extend(snap::raw::Decoder::new().decompress_vec(&packed)?);
        at += 4 + length as u64;
    }
    Ok(whole)
}

fn texts(kind: u64, body: &[u8], paragraph: &mut u32, out: &mut Out) -> Result<(), Stop> {
    for (field, value) in fields(body) {
        let (3, Value::Bytes(bytes)) = (field, value) else {
            continue;
        };
        let text = match kind {
            _ if STORIES.contains(&kind) => bytes,
            // An entry of the list: a number, how often it is used, the text.
            CELLS => {
                let text = fields(bytes).find_map(|(field, value)| match value {
                    Value::Bytes(text) if field == 3 => Some(text),
                    _ => None,
                });
                text.unwrap_or_default()
            }
            _ => continue,
        };
        for line in String::from_utf8_lossy(text).split(['\n', '\u{2029}', '\u{fffc}']) {
            if !line.trim().is_empty() {
                *paragraph += 1;
                out.text(&Anchor::at(&[(Place::Paragraph, *paragraph)]), line)?;
            }
        }
    }
    Ok(())
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    Other,
}

/// The fields of a message with their numbers, up to what makes no sense.
fn fields(mut rest: &[u8]) -> impl Iterator<Item = (u64, Value<'_>)> {
    std::iter::from_fn(move || {
        let key = varint(&mut rest)?;
        let value = match key & 7 {
            0 => Value::Number(varint(&mut rest)?),
            1 => take(&mut rest, 8).map(|_| Value::Other)?,
            2 => {
                let length = varint(&mut rest)?;
                Value::Bytes(take(&mut rest, length)?)
            }
            5 => take(&mut rest, 4).map(|_| Value::Other)?,
            _ => return None,
        };
        Some((key >> 3, value))
    })
}

fn take<'a>(rest: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (taken, after) = rest.split_at_checked(usize::try_from(length).ok()?)?;
    *rest = after;
    Some(taken)
}

/// Seven bits a byte, least significant first.
fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
