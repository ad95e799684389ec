//! MP4 and QuickTime: when, how long, how large, and where a film was taken, as its container says. Boxes are looked
//! at by their headers, so that a film of any size costs a few ranges.

use crate::{Input, Out, Stop, decode, time};

/// Boxes within boxes are opened this deep.
const DEPTH_MAX: u32 = 12;
/// The most boxes that are looked at, and the most bytes of one that is read.
const BOXES_MAX: u32 = 100_000;
const VALUE_MAX: u64 = 64 << 10;

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let mut walk = Walk {
        input,
        boxes: 0,
        moov: false,
        keys: Vec::new(),
    };
    walk.children(0, input.size(), 0, out)?;
    if walk.moov {
        Ok(())
    } else {
        Err(Stop::Damaged(
            "what describes the film (moov) is not there".to_owned(),
        ))
    }
}

struct Walk<'a> {
    input: &'a Input,
    boxes: u32,
    moov: bool,
    /// Names of QuickTime's metadata, by their number.
    keys: Vec<String>,
}

impl Walk<'_> {
    fn children(&mut self, mut at: u64, end: u64, depth: u32, out: &mut Out) -> Result<(), Stop> {
        while at + 8 <= end {
            self.boxes += 1;
            if self.boxes > BOXES_MAX {
                return Err(Stop::OverLimit(format!("more than {BOXES_MAX} boxes")));
            }
            let head = self.input.bytes_at(at, 16);
            let (mut size, mut body) = (be(&head[..4]), at + 8);
            let kind = [head[4], head[5], head[6], head[7]];
            if size == 1 {
                (size, body) = (be(head.get(8..16).unwrap_or_default()), at + 16);
            } else if size == 0 {
                size = end - at;
            }
            let next = at.saturating_add(size);
            if next > end && depth == 0 && self.moov {
                out.missing("the film ends before its last box does");
                return Ok(());
            }
            if next > end || next < body {
                return Err(Stop::Damaged("a box goes beyond what holds it".to_owned()));
            }
            self.one(&kind, body, next, depth, out)?;
            at = next;
        }
        Ok(())
    }

    fn one(
        &mut self,
        kind: &[u8; 4],
        body: u64,
        end: u64,
        depth: u32,
        out: &mut Out,
    ) -> Result<(), Stop> {
        match kind {
            b"moov" | b"trak" | b"udta" | b"mdia" | b"edts" if depth < DEPTH_MAX => {
                self.moov |= kind == b"moov";
                self.children(body, end, depth + 1, out)
            }
            // In files of Apple it has no version before its boxes; elsewhere four bytes.
            b"meta" if depth < DEPTH_MAX => {
                let bare = self.input.bytes_at(body, 8).get(4..) == Some(b"hdlr");
                self.children(body + if bare { 0 } else { 4 }, end, depth + 1, out)
            }
            b"ilst" if depth < DEPTH_MAX => self.list(body, end, out),
            b"keys" => self.names(&self.value(body, end)),
            b"mvhd" => self.header(&self.value(body, end), out),
            b"tkhd" => size(&self.value(body, end), out),
            [0xa9, b'x', b'y', b'z'] => {
                let value = self.value(body, end);
                place(
                    &decode::name(value.get(4..).unwrap_or_default()),
                    "udta ©xyz",
                    out,
                )
            }
            _ => Ok(()),
        }
    }

    fn value(&self, body: u64, end: u64) -> Vec<u8> {
        self.input
            .bytes_at(body, (end - body).min(VALUE_MAX) as usize)
    }

    fn header(&self, value: &[u8], out: &mut Out) -> Result<(), Stop> {
        let wide = value.first() == Some(&1);
        let part = |at: usize, count: usize| be(value.get(at..at + count).unwrap_or_default());
        let (created, changed, scale, duration) = if wide {
            (part(4, 8), part(12, 8), part(20, 4), part(24, 8))
        } else {
            (part(4, 4), part(8, 4), part(12, 4), part(16, 4))
        };
        // Seconds since 1904; cameras that do not know the time write zero.
        let moment = |seconds: u64| {
            i64::try_from(seconds)
                .ok()
                .filter(|seconds| *seconds > 0)
                .and_then(|seconds| time::unix(seconds - 2_082_844_800))
        };
        out.field(
            "created",
            &moment(created).unwrap_or_default(),
            "mvhd creation_time",
        )?;
        out.field(
            "modified",
            &moment(changed).unwrap_or_default(),
            "mvhd modification_time",
        )?;
        if scale > 0 {
            out.field(
                "duration",
                &format!("{:.3}", duration as f64 / scale as f64),
                "mvhd duration",
            )?;
        }
        Ok(())
    }

    fn names(&mut self, value: &[u8]) -> Result<(), Stop> {
        let mut rest = value.get(8..).unwrap_or_default();
        while rest.len() >= 8 {
            let size = be(&rest[..4]) as usize;
            let Some(name) = rest.get(8..size.max(8)) else {
                break;
            };
            self.keys.push(decode::name(name));
            rest = &rest[size.max(8)..];
        }
        Ok(())
    }

    /// Metadata: each entry is a number of `keys`, or a code of four letters, and holds a box `data`.
    fn list(&mut self, mut at: u64, end: u64, out: &mut Out) -> Result<(), Stop> {
        while at + 24 <= end {
            let head = self.input.bytes_at(at, 8);
            let size = be(&head[..4]);
            if size < 8 || at.saturating_add(size) > end {
                return Err(Stop::Damaged(
                    "an entry of its metadata goes beyond its list".to_owned(),
                ));
            }
            let value = self.value(at + 24, at + size.max(24));
            let value = decode::name(&value);
            let number = be(&head[4..8]) as usize;
            let name = match self.keys.get(number.wrapping_sub(1)) {
                Some(key) => key.clone(),
                None => decode::name(&head[4..8]),
            };
            let field = match name.rsplit('.').next().unwrap_or(&name) {
                "ISO6709" => {
                    place(&value, &name, out)?;
                    ""
                }
                "creationdate" => "taken",
                "make" | "model" => "camera",
                "software" | "\u{a9}too" => "software",
                "title" | "\u{a9}nam" => "title",
                "author" | "artist" | "\u{a9}ART" => "author",
                "comment" | "\u{a9}cmt" => "comment",
                _ => "",
            };
            if !field.is_empty() {
                out.field(field, &value, &format!("ilst {name}"))?;
            }
            at += size;
        }
        Ok(())
    }
}

/// Width and height of a track that is seen, in 16.16.
fn size(value: &[u8], out: &mut Out) -> Result<(), Stop> {
    let (Some(tail), true) = (value.last_chunk::<8>(), value.len() >= 84) else {
        return Ok(());
    };
    let (width, height) = (be(&tail[..4]) >> 16, be(&tail[4..]) >> 16);
    if width > 0 && height > 0 {
        out.field("width", &width.to_string(), "tkhd")?;
        out.field("height", &height.to_string(), "tkhd")?;
    }
    Ok(())
}

/// `+48.0195+037.8034+120.0/`: ISO 6709.
fn place(value: &str, from: &str, out: &mut Out) -> Result<(), Stop> {
    let value = value.trim_matches(|c: char| c == '/' || c == '\0' || c.is_whitespace());
    let mut starts: Vec<usize> = value.match_indices(['+', '-']).map(|(at, _)| at).collect();
    starts.push(value.len());
    let numbers: Vec<f64> = starts
        .windows(2)
        .filter_map(|span| value[span[0]..span[1]].trim_end_matches('/').parse().ok())
        .collect();
    if let [latitude, longitude, rest @ ..] = numbers.as_slice()
        && latitude.abs() <= 90.0
        && longitude.abs() <= 180.0
    {
        out.field("position", &format!("{latitude:.6},{longitude:.6}"), from)?;
        if let Some(height) = rest.first() {
            out.field("altitude", &format!("{height:.1}"), from)?;
        }
    }
    Ok(())
}

fn be(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .take(8)
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}
