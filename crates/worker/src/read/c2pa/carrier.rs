//! Where in a file its manifest lies (C2PA 2.1, appendix A): a segment, chunk, tag, box or extension of each format.

use super::bmff;
use crate::{
    Input,
    ints::{be16_at, be32_at, u16_at, u32_at, u64_at},
};
use data_encoding::BASE64;
use std::ops::Range;

/// Manifests hold thumbnails; more bytes than these are not of them.
pub const STORE_MAX: u64 = 64 << 20;
const PARTS_MAX: u32 = 100_000;
/// Pieces of an extension of GIF, each of at most 255 bytes.
const PIECES_MAX: u32 = 1 << 18;
/// The most bytes of an image in SVG in which a manifest is looked for.
const SVG_MAX: u64 = 64 << 20;

/// A manifest as it lies in its file.
#[derive(Default)]
pub struct Found {
    /// Its stores: one, and in a film perhaps another that adds to it.
    pub stores: Vec<Vec<u8>>,
    /// The bytes of the file that it takes.
    pub places: Vec<Range<u64>>,
}

impl Found {
    pub fn add(&mut self, store: Vec<u8>, place: Range<u64>) {
        self.stores.push(store);
        self.places.push(place);
    }

    fn one(store: Vec<u8>, place: Range<u64>) -> Found {
        let mut found = Found::default();
        found.add(store, place);
        found
    }
}

/// The manifest of a file, if it is of a kind that carries one and has one.
pub fn find(input: &Input) -> Option<Found> {
    let head = input.bytes_at(0, 16);
    match head[..] {
        [0xff, 0xd8, ..] => in_jpeg(input),
        [0x89, b'P', b'N', b'G', ..] => in_png(input),
        [b'G', b'I', b'F', b'8', ..] => in_gif(input),
        [b'R', b'I', b'F', b'F', ..] => in_riff(input),
        [b'I', b'I', 42 | 43, 0, ..] | [b'M', b'M', 0, 42 | 43, ..] => in_tiff(input),
        [b'I', b'D', b'3', ..] => in_id3(input),
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => bmff::find(input),
        [0, 0, 0, 12, b'J', b'X', b'L', b' ', ..] => bmff::find_in_jxl(input),
        _ => None,
    }
}

/// Segments of JPEG. Each but the first of a box repeats eight bytes of its beginning; boxes of other kinds may
/// lie between, and have other numbers.
fn in_jpeg(input: &Input) -> Option<Found> {
    let mut boxes: Vec<(u16, Vec<u8>, Vec<Range<u64>>)> = Vec::new();
    let (mut at, mut bytes) = (2, 0);
    for _ in 0..PARTS_MAX {
        let head = input.bytes_at(at, 12);
        let [0xff, kind, _, _, mark @ ..] = &head[..] else {
            break;
        };
        if matches!(kind, 0xd9 | 0xda) || bytes > STORE_MAX {
            break;
        }
        let length = u64::from(be16_at(&head, 2)).max(2);
        let end = at + 2 + length;
        if *kind == 0xeb && mark.starts_with(b"JP") {
            let start = at + if be32_at(&head, 8) > 1 { 20 } else { 12 };
            let number = be16_at(&head, 6);
            let piece = input.bytes_at(start, end.saturating_sub(start) as usize);
            bytes += piece.len() as u64;
            let count = boxes.len();
            match boxes.iter_mut().find(|(known, ..)| *known == number) {
                Some((_, store, places)) => {
                    store.extend(piece);
                    places.push(at..end);
                }
                None if count < 256 => {
                    boxes.push((number, piece, std::iter::once(at..end).collect()));
                }
                None => {}
            }
        }
        at = end;
    }
    let (_, store, places) = boxes.into_iter().find(|(_, store, _)| is_store(store))?;
    Some(Found {
        stores: vec![store],
        places,
    })
}

/// Whether a box says that it is a store of manifests.
pub fn is_store(bytes: &[u8]) -> bool {
    bytes.get(4..8) == Some(b"jumb")
        && bytes.get(12..16) == Some(b"jumd")
        && bytes.get(33..38) == Some(b"c2pa\0")
}

/// A chunk of PNG.
fn in_png(input: &Input) -> Option<Found> {
    let mut at = 8;
    for _ in 0..PARTS_MAX {
        let head = input.bytes_at(at, 8);
        let length = u64::from(be32_at(&head, 0));
        let end = at + 12 + length;
        if head.get(4..)? == b"caBX" && length <= STORE_MAX {
            return Some(Found::one(input.bytes_at(at + 8, length as usize), at..end));
        }
        at = end;
    }
    None
}

/// A chunk of what is kept in RIFF: WebP, WAVE, AVI.
fn in_riff(input: &Input) -> Option<Found> {
    let mut at = 12;
    for _ in 0..PARTS_MAX {
        let head = input.bytes_at(at, 8);
        let length = u64::from(u32_at(&head, 4));
        let end = at + 8 + length.next_multiple_of(2);
        if head.get(..4)? == b"C2PA" && length <= STORE_MAX {
            return Some(Found::one(input.bytes_at(at + 8, length as usize), at..end));
        }
        at = end;
    }
    None
}

/// An application extension of GIF, before its first picture.
fn in_gif(input: &Input) -> Option<Found> {
    let flags = *input.bytes_at(10, 1).first()?;
    let table = match flags & 0x80 {
        0 => 0,
        _ => 3 << ((flags & 7) + 1),
    };
    let mut at = 13 + table;
    for _ in 0..PARTS_MAX {
        let head = input.bytes_at(at, 14);
        let [0x21, kind, ..] = head[..] else {
            break;
        };
        let is_ours = kind == 0xff && head.get(2..)? == b"\x0bC2PA_GIF\x01\0\0";
        let start = at;
        // Every extension is a row of pieces, the last one empty; the first of an application is its name.
        at += 2;
        let (mut store, mut pieces) = (Vec::new(), 0);
        loop {
            let length = *input.bytes_at(at, 1).first()?;
            if is_ours && pieces > 0 {
                store.extend(input.bytes_at(at + 1, usize::from(length)));
            }
            (at, pieces) = (at + 1 + u64::from(length), pieces + 1);
            if length == 0 {
                break;
            }
            if pieces > PIECES_MAX {
                return None;
            }
        }
        if is_ours {
            return Some(Found::one(store, start..at));
        }
    }
    None
}

/// A tag of TIFF and of what is built like it (DNG), in its last directory, or the first one.
fn in_tiff(input: &Input) -> Option<Found> {
    let head = input.bytes_at(0, 16);
    let little = head.starts_with(b"II");
    let number = |bytes: &[u8], at: usize, length: usize| -> u64 {
        match (little, length) {
            (true, 2) => u16_at(bytes, at).into(),
            (true, 4) => u32_at(bytes, at).into(),
            (true, _) => u64_at(bytes, at),
            (false, 2) => be16_at(bytes, at).into(),
            (false, 4) => be32_at(bytes, at).into(),
            (false, _) => u64_at(bytes, at).swap_bytes(),
        }
    };
    let big = number(&head, 2, 2) == 43;
    // How long are: a count of entries, an entry, and a place in the file.
    let (counted, each, place) = if big { (8, 20, 8) } else { (2, 12, 4) };
    let mut at = number(&head, if big { 8 } else { 4 }, place);
    let mut found = None;
    for _ in 0..1000 {
        let count = number(&input.bytes_at(at, counted), 0, counted).min(0xffff) as usize;
        if at == 0 || count == 0 {
            break;
        }
        let first = at.saturating_add(counted as u64);
        let entries = input.bytes_at(first, count * each + place);
        for (index, entry) in entries.chunks_exact(each).take(count).enumerate() {
            let (tag, kind) = (number(entry, 0, 2), number(entry, 2, 2));
            let length = number(entry, 4, place);
            // Bytes of no kind; some writers call them bytes.
            if tag == 0xcd41 && matches!(kind, 1 | 7) && length <= STORE_MAX {
                let start = number(entry, 4 + place, place);
                let counter = first.saturating_add((index * each) as u64 + 4);
                found = Some((start, length, counter));
            }
        }
        at = number(&entries, count * each, place);
    }
    let (start, length, counter) = found?;
    let store = input.bytes_at(start, length as usize);
    let mut found = Found::one(store, start..start.saturating_add(length));
    // How long it is is known only when it is signed.
    found
        .places
        .push(counter..counter.saturating_add(place as u64));
    Some(found)
}

/// A frame of ID3 (2.3, 2.4) with a general object.
fn in_id3(input: &Input) -> Option<Found> {
    let seven = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0, |n: u64, b| n << 7 | u64::from(b & 0x7f))
    };
    let head = input.bytes_at(0, 14);
    let (version, flags) = (*head.get(3)?, *head.get(5)?);
    // Where zeros were put between the bytes, no digest could leave out the manifest alone.
    if !matches!(version, 3 | 4) || flags & 0x80 != 0 {
        return None;
    }
    let end = 10 + seven(head.get(6..10)?);
    let mut at = 10;
    if flags & 0x40 != 0 {
        at += match version {
            3 => 4 + u64::from(be32_at(&head, 10)),
            _ => seven(head.get(10..)?),
        };
    }
    for _ in 0..PARTS_MAX {
        let head = input.bytes_at(at, 10);
        let length = match version {
            3 => u64::from(be32_at(&head, 4)),
            _ => seven(head.get(4..8)?),
        };
        let next = at + 10 + length;
        if next > end || head.first() == Some(&0) {
            break;
        }
        if head.starts_with(b"GEOB") && length <= STORE_MAX {
            let object = input.bytes_at(at + 10, length as usize);
            let named = |name: &[u8]| {
                object
                    .get(1..)?
                    .strip_prefix(name)?
                    .first()
                    .map(|end| *end == 0)
            };
            let is_ours = [
                &b"application/c2pa"[..],
                b"application/x-c2pa-manifest-store",
            ]
            .iter()
            .any(|name| named(name) == Some(true));
            // Its names, in letters of one or two bytes, stand before it.
            let mark = object
                .windows(4)
                .take(1024)
                .position(|word| word == b"jumb");
            if let (true, Some(start)) = (is_ours, mark.and_then(|mark| mark.checked_sub(4))) {
                let place = at + 10 + start as u64..next;
                return Some(Found::one(object[start..].to_vec(), place));
            }
        }
        at = next;
    }
    None
}

/// An element of an image in SVG, in base 64.
pub fn in_svg(input: &Input) -> Option<Found> {
    let is_svg = input
        .bytes_at(0, 4 << 10)
        .windows(4)
        .any(|here| here == b"<svg");
    let all = is_svg.then(|| input.bytes_at(0, SVG_MAX as usize))?;
    let find = |from: usize, words: &[u8]| {
        let rest = all.get(from..)?;
        Some(from + rest.windows(words.len()).position(|here| here == words)?)
    };
    let element = find(0, b"<c2pa:manifest")?;
    let start = find(element, b">")? + 1;
    let end = find(start, b"<")?;
    let mut letters = all[start..end].to_vec();
    letters.retain(|letter| !letter.is_ascii_whitespace());
    let store = BASE64.decode(&letters).unwrap_or_default();
    Some(Found::one(store, start as u64..end as u64))
}

/// The manifest of a PDF is a file within, whose bytes lie in it as they are.
pub fn in_document(all: &[u8], store: Vec<u8>) -> Found {
    let mut found = Found::default();
    let head = &store[..store.len().min(64)];
    let place = all.windows(head.len().max(1)).position(|here| here == head);
    if let Some(place) = place {
        let place = place as u64;
        found.places.push(place..place + store.len() as u64);
    }
    found.stores.push(store);
    found
}
