//! One file of an E01, a *segment file*: its header, and the sections in it. What it says of places is from its own
//! beginning on, wherever that lies among the files of its image.

use super::ewf::{MARK, adler};
use crate::{
    Input, Stop,
    ints::{u16_at, u32_at, u64_at},
};

/// The mark, a byte, the number of the file, and two more bytes.
const HEAD: u64 = 13;
const SECTION: u64 = 76;

/// Where a segment file lies, and what its sections are.
pub struct Segment {
    /// Its first byte among the files of the image.
    pub start: u64,
    /// Its number, from 1, as it says itself.
    pub number: u16,
    pub sections: Vec<Section>,
    /// The image goes on in another file.
    pub goes_on: bool,
}

/// A section. Its places are among the files of the image.
pub struct Section {
    kind: [u8; 16],
    pub data: u64,
    pub end: u64,
}

/// What a segment file says of its image; zeros where it does not say.
#[derive(Clone, Copy, Default)]
pub struct About {
    /// The set identifier, made by chance for each image. Not every program writes one.
    set: [u8; 16],
    /// Bytes of a chunk.
    chunk: u64,
    /// Sectors of the medium.
    sectors: u64,
}

impl About {
    /// What another file says otherwise. What one of them does not say is not compared.
    pub fn differs(&self, other: &About) -> Option<&'static str> {
        let numbers = |one: u64, two: u64| one != 0 && two != 0 && one != two;
        if self.set != [0; 16] && other.set != [0; 16] && self.set != other.set {
            return Some("its set identifier is another one");
        }
        if numbers(self.chunk, other.chunk) {
            return Some("its chunks are of another length");
        }
        numbers(self.sectors, other.sectors).then_some("its medium has another length")
    }
}

impl Section {
    /// Its kind, for which the format has short names.
    pub fn kind(&self) -> &str {
        let end = self.kind.iter().position(|byte| *byte == 0);
        std::str::from_utf8(&self.kind[..end.unwrap_or(16)]).unwrap_or_default()
    }
}

impl Segment {
    /// The segment file of `size` bytes that begins at `start`. Sections are counted down in `left`.
    pub fn open(input: &Input, start: u64, size: u64, left: &mut usize) -> Result<Segment, Stop> {
        let head = input.bytes_at(start, HEAD.min(size) as usize);
        if !head.starts_with(&MARK) || head.len() < HEAD as usize {
            return Err(Stop::Damaged("it is no file of an EnCase image".to_owned()));
        }
        let file_end = start.saturating_add(size);
        let mut segment = Segment {
            start,
            number: u16_at(&head, 9),
            sections: Vec::new(),
            goes_on: false,
        };
        let mut at = HEAD;
        loop {
            let left_after = left.checked_sub(1);
            *left = left_after.ok_or_else(|| {
                Stop::OverLimit("it has more sections than any real image".to_owned())
            })?;
            let place = start.saturating_add(at);
            let room = SECTION.min(file_end.saturating_sub(place));
            let head = input.bytes_at(place, room as usize);
            if head.len() < SECTION as usize || u32_at(&head, 72) != adler(&head[..72]) {
                return Err(Stop::Damaged(format!(
                    "no section begins at byte {at}, where one is said to be"
                )));
            }
            let next = u64_at(&head, 16);
            let stated = at.saturating_add(u64_at(&head, 24));
            // Some writers leave the size empty where the next section follows.
            let end = if stated > at + SECTION { stated } else { next };
            let section = Section {
                kind: head.first_chunk().copied().unwrap_or_default(),
                data: place + SECTION,
                end: start.saturating_add(end).min(file_end),
            };
            match section.kind() {
                "done" => return Ok(segment),
                "next" => {
                    segment.goes_on = true;
                    return Ok(segment);
                }
                _ => segment.sections.push(section),
            }
            if next <= at {
                return Err(Stop::Damaged("its sections lead in a circle".to_owned()));
            }
            at = next;
        }
    }

    /// What it says of the whole image.
    pub fn about(&self, input: &Input) -> About {
        let is_volume = |section: &&Section| matches!(section.kind(), "volume" | "disk" | "data");
        let Some(section) = self.sections.iter().find(is_volume) else {
            return About::default();
        };
        let found = input.bytes_at(section.data, 80);
        // The older form of SMART has no identifier, and half the bits for the number of sectors.
        let is_long = section.end.saturating_sub(section.data) >= 1052;
        let set = found.get(64..80).filter(|_| is_long);
        About {
            set: set.and_then(|set| set.try_into().ok()).unwrap_or_default(),
            chunk: u64::from(u32_at(&found, 8)) * u64::from(u32_at(&found, 12)),
            sectors: match is_long {
                true => u64_at(&found, 16),
                false => u32_at(&found, 16).into(),
            },
        }
    }
}
