//! C2PA in films, sound and pictures that are made of boxes (ISO 14496-12): where the manifest lies, which boxes a
//! digest is over (`c2pa.hash.bmff`, 2.1, section 18.6), and the frames by a Merkle tree.

use super::{
    binding::{Left, Verdict},
    carrier::{Found, STORE_MAX, is_store},
    digest::Hash,
};
use crate::{Input, read::cbor::Value};
use std::{collections::BTreeMap, ops::Range};

/// What marks a box as one of C2PA's.
const MARK: [u8; 16] = [
    0xd8, 0xfe, 0xc3, 0xd6, 0x1b, 0x0e, 0x48, 0x3c, 0x92, 0x97, 0x58, 0x28, 0x87, 0x7e, 0xc4, 0x81,
];
/// Boxes that are looked at for one manifest, those that several paths lead to each time.
const BOXES_MAX: u32 = 100_000;
/// Boxes that are to be left out, by path, and what they must have.
const PATHS_MAX: usize = 256;
const PARTS_MAX: usize = 64;
/// Digests of pieces that are held at once.
const PIECES_MAX: u64 = 200_000;
/// Of the frames' box a Merkle tree leaves out its head, as long as the longest form of one.
const HEAD: u64 = 16;

/// A box in the file.
#[derive(Clone, Copy)]
struct Area {
    kind: [u8; 4],
    start: u64,
    body: u64,
    end: u64,
}

/// Looks at boxes, and keeps in mind whether all of them fit.
struct Boxes<'a> {
    input: &'a Input,
    left: u32,
    /// A box goes on to the end of the file, or beyond what holds it.
    unsure: bool,
}

impl<'a> Boxes<'a> {
    fn new(input: &'a Input) -> Boxes<'a> {
        Boxes {
            input,
            left: BOXES_MAX,
            unsure: false,
        }
    }

    fn all(&mut self) -> Vec<Area> {
        self.within(0, self.input.size())
    }

    fn within(&mut self, mut at: u64, end: u64) -> Vec<Area> {
        let mut found = Vec::new();
        while at + 8 <= end {
            let head = self.input.bytes_at(at, 16);
            let Some(left) = self.left.checked_sub(1) else {
                self.unsure = true;
                break;
            };
            self.left = left;
            let (size, body) = match be(&head[..4]) {
                1 => (be(head.get(8..16).unwrap_or_default()), at + 16),
                0 => (0, at + 8),
                size => (size, at + 8),
            };
            let kind = [head[4], head[5], head[6], head[7]];
            let mut next = at.saturating_add(size);
            if next > end && kind == *b"mdat" {
                next = end;
            }
            if next > end || next < body {
                self.unsure = true;
                break;
            }
            found.push(Area {
                kind,
                start: at,
                body,
                end: next,
            });
            at = next;
        }
        found
    }

    fn children(&mut self, of: Area) -> Vec<Area> {
        let plain = [
            b"moov", b"trak", b"mdia", b"minf", b"stbl", b"moof", b"traf", b"edts", b"udta",
            b"dinf", b"tref", b"mvex", b"mfra", b"schi",
        ];
        let start = match &of.kind {
            // In files of Apple it has no version before its boxes; elsewhere four bytes.
            b"meta" if self.input.bytes_at(of.body, 8).get(4..) != Some(b"hdlr") => of.body + 4,
            b"meta" => of.body,
            kind if plain.contains(&kind) => of.body,
            _ => return Vec::new(),
        };
        self.within(start, of.end)
    }

    /// The boxes that a path names: `/moov/trak[2]/tkhd`, of which numbers begin at 1.
    fn named(&mut self, top: &[Area], path: &str) -> Vec<Area> {
        let mut found: Vec<Area> = Vec::new();
        for (depth, step) in path.trim_start_matches('/').split('/').enumerate() {
            let (name, number) = match step.split_once('[') {
                Some((name, number)) => match number.trim_end_matches(']').parse::<usize>() {
                    Ok(number) => (name, Some(number)),
                    Err(_) => return Vec::new(),
                },
                None => (step, None),
            };
            let parents: Vec<Vec<Area>> = match depth {
                0 => vec![top.to_vec()],
                _ => found.iter().map(|area| self.children(*area)).collect(),
            };
            let fits = |areas: &Vec<Area>| -> Vec<Area> {
                let mut areas = areas.clone();
                areas.retain(|area| area.kind == name.as_bytes());
                match number {
                    Some(number) => areas
                        .get(number.wrapping_sub(1))
                        .copied()
                        .into_iter()
                        .collect(),
                    None => areas,
                }
            };
            found = parents.iter().flat_map(fits).collect();
        }
        found
    }

    fn is_ours(&self, area: Area) -> bool {
        area.kind == *b"uuid" && self.input.bytes_at(area.body, 16) == MARK
    }
}

/// The manifest of a film, and what was added to it; all boxes of C2PA are its places.
pub fn find(input: &Input) -> Option<Found> {
    let mut boxes = Boxes::new(input);
    let mut found = Found::default();
    let mut first = Vec::new();
    for area in boxes.all() {
        if !boxes.is_ours(area) {
            continue;
        }
        found.places.push(area.start..area.end);
        // Version and flags, a purpose that ends with a zero, and where the boxes of a Merkle tree begin.
        let body = area.body + 20;
        let head = input.bytes_at(body, 64);
        let Some(end) = head.iter().position(|byte| *byte == 0) else {
            continue;
        };
        let start = body + end as u64 + 9;
        let length = area.end.saturating_sub(start).min(STORE_MAX) as usize;
        match &head[..end] {
            b"manifest" | b"original" if first.is_empty() => first = input.bytes_at(start, length),
            b"update" if found.stores.is_empty() => {
                found.stores.push(input.bytes_at(start, length))
            }
            _ => {}
        }
    }
    if !first.is_empty() {
        found.stores.insert(0, first);
    }
    (!found.stores.is_empty()).then_some(found)
}

/// The manifest of a picture in JPEG XL, which is a box as it is.
pub fn find_in_jxl(input: &Input) -> Option<Found> {
    let areas = Boxes::new(input).all();
    let area = areas
        .into_iter()
        .find(|area| area.kind == *b"jumb" && is_store(&input.bytes_at(area.start, 64)))?;
    let mut found = Found::default();
    let length = (area.end - area.start).min(STORE_MAX) as usize;
    found.add(input.bytes_at(area.start, length), area.start..area.end);
    Some(found)
}

/// A part of the file that a digest leaves out, with the path that names it.
struct Out<'a> {
    range: Range<u64>,
    path: &'a str,
}

/// Whether the file is what the digest is over. Since the second version the place of each box counts too.
pub fn is_content(
    said: &Value,
    usual: &str,
    version: u32,
    found: &Found,
    input: &Input,
) -> Verdict {
    let unknown = || Verdict::Unchecked("it is of no known kind".to_owned());
    let mut boxes = Boxes::new(input);
    let top = boxes.all();
    let Some((outs, whole)) = left_out(said, &top, &mut boxes) else {
        return unknown();
    };
    if boxes.unsure {
        return Verdict::Unchecked("its boxes cannot be told apart".to_owned());
    }
    let algorithm = said.get("alg").and_then(Value::text).unwrap_or(usual);
    let expected = said.get("hash").and_then(Value::bytes);
    if let Some(expected) = expected {
        let Some(digest) = over(input, &top, &outs, &whole, version, algorithm) else {
            return unknown();
        };
        if digest != expected {
            return Verdict::Differs;
        }
    }
    let mut framed = false;
    if let Some(Value::Array(trees)) = said.get("merkle") {
        match frames(trees, algorithm, &top, &boxes) {
            Some(true) if expected.is_some() => framed = true,
            Some(false) => return Verdict::Differs,
            _ => {
                let words = "the frames are bound by a Merkle tree of a kind that is not checked";
                return Verdict::Unchecked(words.to_owned());
            }
        }
    } else if expected.is_none() {
        return unknown();
    }
    let mut left: BTreeMap<String, u64> = BTreeMap::new();
    for Out { range, path } in &outs {
        let ours = found.places.contains(range);
        let in_tree = framed
            && top.iter().any(|area| {
                area.kind == *b"mdat" && area.start + HEAD <= range.start && range.end <= area.end
            });
        if !ours && !in_tree && range.start < range.end {
            *left.entry((*path).to_owned()).or_default() += range.end - range.start;
        }
    }
    Verdict::Same(Left { named: left })
}

/// What is left out, and the beginnings of the boxes that are left out whole; `None` where it cannot be understood.
fn left_out<'a>(
    said: &'a Value,
    top: &[Area],
    boxes: &mut Boxes<'_>,
) -> Option<(Vec<Out<'a>>, Vec<u64>)> {
    let (mut outs, mut whole) = (Vec::new(), Vec::new());
    let entries = said.get("exclusions")?.items();
    if entries.len() > PATHS_MAX {
        return None;
    }
    for entry in entries {
        let path = entry.get("xpath")?.text()?;
        for area in boxes.named(top, path) {
            if !fits(entry, area, boxes.input)? {
                continue;
            }
            let Some(Value::Array(parts)) = entry.get("subset") else {
                outs.push(Out {
                    range: area.start..area.end,
                    path,
                });
                whole.push(area.start);
                continue;
            };
            for part in parts.iter().take(PARTS_MAX) {
                let number = |name: &str| u64::try_from(part.get(name)?.number()?).ok();
                let (offset, length) = (number("offset")?, number("length")?);
                let start = area.start.saturating_add(offset).min(area.end);
                let end = match length {
                    0 => area.end,
                    _ => start.saturating_add(length).min(area.end),
                };
                outs.push(Out {
                    range: start..end,
                    path,
                });
            }
        }
    }
    outs.sort_by_key(|out| (out.range.start, out.range.end));
    Some((outs, whole))
}

/// Whether a box is one that is meant: by its length, version, flags, and bytes in it.
fn fits(entry: &Value, area: Area, input: &Input) -> Option<bool> {
    let is_set = |name: &str| entry.get(name).filter(|value| **value != Value::Other);
    if let Some(length) = is_set("length")
        && length.number()? != i128::from(area.end - area.start)
    {
        return Some(false);
    }
    let after = if area.kind == *b"uuid" { 16 } else { 0 };
    let head = input.bytes_at(area.body + after, 4);
    let [is_version, is_flags @ ..] = &head[..] else {
        return Some(false);
    };
    if let Some(version) = is_set("version")
        && version.number()? != i128::from(*is_version)
    {
        return Some(false);
    }
    if let Some(flags) = is_set("flags") {
        let (asked, is) = (be(flags.bytes()?), be(is_flags));
        let exact = entry.get("exact").and_then(Value::flag).unwrap_or(true);
        if (exact && asked != is) || asked & is != asked {
            return Some(false);
        }
    }
    let parts = is_set("data").map_or(&[][..], Value::items);
    for part in parts.iter().take(PARTS_MAX) {
        let place = u64::try_from(part.get("offset")?.number()?).ok()?;
        let value = part.get("value")?.bytes()?;
        if input.bytes_at(area.start.saturating_add(place), value.len()) != value {
            return Some(false);
        }
    }
    Some(true)
}

fn over(
    input: &Input,
    top: &[Area],
    outs: &[Out<'_>],
    whole: &[u64],
    version: u32,
    algorithm: &str,
) -> Option<Vec<u8>> {
    let mut hash = Hash::new(algorithm)?;
    let mut outs = outs.iter().map(|out| out.range.clone()).peekable();
    let whole: std::collections::BTreeSet<u64> = whole.iter().copied().collect();
    let (mut at, size) = (0, input.size());
    let mut upto = |end: u64, hash: &mut Hash| -> Option<()> {
        while let Some(out) = outs.next_if(|out| out.start < end) {
            if out.start > at {
                hash.range(input, at, out.start)?;
            }
            at = at.max(out.end);
        }
        if at < end {
            hash.range(input, at, end)?;
            at = end;
        }
        Some(())
    };
    for area in top {
        if version > 1 && !whole.contains(&area.start) {
            hash.update(&area.start.to_be_bytes());
        }
        upto(area.end, &mut hash)?;
    }
    upto(size, &mut hash)?;
    Some(hash.end())
}

/// Whether the frames are those of the trees, one for each box of frames in turn. All leaves are made anew, so that
/// nodes which lie in boxes of their own tell nothing more. `None` for films in fragments, and for trees over samples.
fn frames(trees: &[Value], usual: &str, top: &[Area], boxes: &Boxes<'_>) -> Option<bool> {
    let mdats: Vec<&Area> = top.iter().filter(|area| area.kind == *b"mdat").collect();
    let fragmented = top.iter().any(|area| area.kind == *b"moof");
    let ours = top.iter().filter(|area| boxes.is_ours(**area));
    let mut purposes = ours.map(|area| boxes.input.bytes_at(area.body + 20, 7));
    let has_nodes = purposes.any(|purpose| purpose == b"merkle\0");
    if fragmented {
        return None;
    }
    if mdats.len() != trees.len() {
        return Some(false);
    }
    for (tree, mdat) in trees.iter().zip(mdats) {
        let number = |name: &str| u64::try_from(tree.get(name)?.number()?).ok();
        let algorithm = tree.get("alg").and_then(Value::text).unwrap_or(usual);
        let (mut at, end) = ((mdat.start + HEAD).min(mdat.end), mdat.end);
        let lengths: Vec<u64> = match (number("fixedBlockSize"), tree.get("variableBlockSizes")) {
            // Then they are not pieces of the box, but samples of a track.
            (None, None) if has_nodes => return None,
            (None, None) => vec![end - at],
            (Some(length), None) if length > 0 => {
                let count = (end - at).div_ceil(length);
                if count > PIECES_MAX {
                    return None;
                }
                vec![length; count as usize]
            }
            (None, Some(lengths)) => lengths
                .items()
                .iter()
                .map(|length| u64::try_from(length.number()?).ok())
                .collect::<Option<_>>()?,
            _ => return None,
        };
        let mut row = Vec::with_capacity(lengths.len());
        for length in lengths {
            let next = at.saturating_add(length).min(end);
            let mut hash = Hash::new(algorithm)?;
            hash.range(boxes.input, at, next)?;
            row.push(hash.end());
            at = next;
        }
        let hashes: Option<Vec<&[u8]>> = tree
            .get("hashes")?
            .items()
            .iter()
            .map(Value::bytes)
            .collect();
        let hashes = hashes.filter(|hashes| !hashes.is_empty())?;
        if at != end || number("count")? != row.len() as u64 {
            return Some(false);
        }
        while row.len() > hashes.len() {
            let pair = |pair: &[Vec<u8>]| match pair {
                [left, right] => super::digest::of(algorithm, &[&left[..], right].concat()),
                // One that is left over goes up as it is.
                _ => pair.first().cloned(),
            };
            row = row.chunks(2).map(pair).collect::<Option<_>>()?;
        }
        if row != hashes {
            return Some(false);
        }
    }
    Some(true)
}

fn be(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}
