//! Matroska and WebM: when, how long, how large, and made with what, as the headers before the first frames say.
//!
//! Browsers and telephones write such films while they record, with sizes left open; the libraries at hand take that
//! for an error or read the film to its end. Elements are looked at by their headers here, and frames are not read.

use crate::{Input, Out, Stop, decode, time};

/// The most elements that are looked at, and the most bytes of one that is read.
const ELEMENTS_MAX: u32 = 100_000;
const VALUE_MAX: u64 = 64 << 10;
/// Between the epoch of Unix and that of Matroska, 2001, in seconds.
const EPOCH: i64 = 978_307_200;

const EBML: u32 = 0x1a45_dfa3;
const SEGMENT: u32 = 0x1853_8067;
const CLUSTER: u32 = 0x1f43_b675;
const INFO: u32 = 0x1549_a966;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK: u32 = 0xae;
const VIDEO: u32 = 0xe0;
const TAGS: u32 = 0x1254_c367;
const TAG: u32 = 0x7373;
const SIMPLE_TAG: u32 = 0x67c8;
const ATTACHMENTS: u32 = 0x1941_a469;
const ATTACHED: u32 = 0x61a7;

#[derive(Default)]
struct Film {
    elements: u32,
    is_film: bool,
    /// Nanoseconds of one unit of time, and how many of them the film is long.
    unit: Option<u64>,
    length: Option<f64>,
    size: Option<(u64, u64)>,
    width: u64,
    /// The name of the tag whose value comes next.
    tag: String,
    name: String,
}

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let mut film = Film::default();
    film.elements(input, 0, input.size(), out)?;
    if !film.is_film {
        return Err(Stop::Damaged(
            "the segment that describes the film is not there".to_owned(),
        ));
    }
    if let Some(length) = film.length {
        let seconds = length * film.unit.unwrap_or(1_000_000) as f64 / 1e9;
        out.field("duration", &format!("{seconds:.3}"), "Info Duration")?;
    }
    if let Some((width, height)) = film.size {
        out.field("width", &width.to_string(), "Video PixelWidth")?;
        out.field("height", &height.to_string(), "Video PixelHeight")?;
    }
    Ok(())
}

impl Film {
    /// Goes through the elements of `at..end`. One of unknown size reaches to the end of what holds it.
    fn elements(
        &mut self,
        input: &Input,
        mut at: u64,
        end: u64,
        out: &mut Out,
    ) -> Result<(), Stop> {
        while at < end {
            self.elements += 1;
            if self.elements > ELEMENTS_MAX {
                return Err(Stop::OverLimit(format!(
                    "more than {ELEMENTS_MAX} elements"
                )));
            }
            let head = input.bytes_at(at, 12);
            let (id, size, body) = element(&head)
                .ok_or_else(|| Stop::Damaged(format!("there is no element at byte {at}")))?;
            let body = at + body;
            let next = size.map_or(end, |size| body.saturating_add(size));
            // What follows the first frames may be cut off or unfinished in a film that is whole as far as it goes.
            if id == CLUSTER && size.is_none() {
                return Ok(());
            }
            if next > end && id == CLUSTER {
                out.missing("the film ends before its last frames do");
                return Ok(());
            }
            if next > end && id == SEGMENT {
                out.missing("the film ends before its segment does");
            } else if next > end {
                return Err(Stop::Damaged(
                    "an element goes beyond what holds it".to_owned(),
                ));
            }
            self.one(input, id, body, next.min(end), out)?;
            at = next;
        }
        Ok(())
    }

    fn one(
        &mut self,
        input: &Input,
        id: u32,
        body: u64,
        end: u64,
        out: &mut Out,
    ) -> Result<(), Stop> {
        let value = || input.bytes_at(body, (end - body).min(VALUE_MAX) as usize);
        let text = || decode::name(&value());
        match id {
            EBML | CLUSTER => {}
            SEGMENT => {
                self.is_film = true;
                self.elements(input, body, end, out)?;
            }
            INFO | TRACKS | TRACK | VIDEO | TAGS | TAG | SIMPLE_TAG | ATTACHMENTS | ATTACHED => {
                self.elements(input, body, end, out)?;
            }
            0x2a_d7b1 => self.unit = Some(number(&value())),
            0x4489 => self.length = float(&value()),
            0x4461 => {
                let seconds = number(&value()) as i64 / 1_000_000_000 + EPOCH;
                let created = time::unix(seconds).unwrap_or_default();
                out.field("created", &created, "Info DateUTC")?;
            }
            0x7ba9 => out.field("title", &text(), "Info Title")?,
            0x5741 => out.field("software", &text(), "Info WritingApp")?,
            0xb0 => self.width = number(&value()),
            0xba => self.size = self.size.or(Some((self.width, number(&value())))),
            0x45a3 => self.tag = text(),
            0x4487 => {
                let field = match self.tag.as_str() {
                    "TITLE" => "title",
                    "ARTIST" | "AUTHOR" | "DIRECTOR" => "author",
                    "COMMENT" | "DESCRIPTION" => "comment",
                    "DATE_RECORDED" => "taken",
                    "ENCODER" => "software",
                    _ => return Ok(()),
                };
                out.field(field, &text(), &format!("tag {}", self.tag))?;
            }
            0x466e => self.name = text(),
            0x465c => {
                let child = comity_extract::Child {
                    stated_size: Some(end - body),
                    ..crate::out::child(comity_extract::Relation::Embedded, &self.name)
                };
                use std::io::{Read, Seek, SeekFrom};
                let mut bytes = input.rewound();
                bytes.seek(SeekFrom::Start(body))?;
                out.child(child, &mut bytes.take(end - body))?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// Number, size (`None` where it was left open) and length of the head of the element that begins here.
fn element(head: &[u8]) -> Option<(u32, Option<u64>, u64)> {
    let id_len = head.first()?.leading_zeros() as usize + 1;
    if id_len > 4 {
        return None;
    }
    let id = number(head.get(..id_len)?) as u32;
    let rest = head.get(id_len..)?;
    let len = rest.first()?.leading_zeros() as usize + 1;
    if len > 8 {
        return None;
    }
    let ones = (1_u64 << (7 * len)) - 1;
    let size = number(rest.get(..len)?) & ones;
    Some((id, (size != ones).then_some(size), (id_len + len) as u64))
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn float(bytes: &[u8]) -> Option<f64> {
    match bytes.len() {
        4 => Some(f32::from_bits(number(bytes) as u32).into()),
        8 => Some(f64::from_bits(number(bytes))).filter(|length| length.is_finite()),
        _ => None,
    }
}
