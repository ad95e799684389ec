//! Films and sound of Windows Media (ASF): how long, how large, made when, and what their descriptions say.

use crate::{
    Input, Out, Stop,
    ints::{u16_at, u32_at, u64_at, utf16},
    time,
};

const HEADER: [u8; 16] = *b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c";
const FILE: [u8; 16] = *b"\xa1\xdc\xab\x8c\x47\xa9\xcf\x11\x8e\xe4\x00\xc0\x0c\x20\x53\x65";
const STREAM: [u8; 16] = *b"\x91\x07\xdc\xb7\xb7\xa9\xcf\x11\x8e\xe6\x00\xc0\x0c\x20\x53\x65";
const VIDEO: [u8; 16] = *b"\xc0\xef\x19\xbc\x4d\x5b\xcf\x11\xa8\xfd\x00\x80\x5f\x5c\x44\x2b";
const CONTENT: [u8; 16] = *b"\x33\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\x00\xaa\x00\x62\xce\x6c";
const MORE: [u8; 16] = *b"\x40\xa4\xd0\xd2\x07\xe3\xd2\x11\x97\xf0\x00\xa0\xc9\x5e\xa8\x50";

/// Objects of the header that are larger hold pictures or scripts.
const OBJECT_MAX: u64 = 1 << 20;

/// What the names of further descriptions stand for.
const NAMES: [(&str, &str); 8] = [
    ("WM/AlbumTitle", "subject"),
    ("WM/SubTitle", "title"),
    ("WM/Year", "created"),
    ("WM/EncodingTime", "created"),
    ("WM/ToolName", "software"),
    ("WM/Lyrics", "comment"),
    ("WM/Language", "language"),
    ("WM/AlbumArtist", "author"),
];

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let head = input.bytes_at(0, 30);
    if head.get(..16) != Some(&HEADER) {
        return Err(Stop::Damaged("its header is not there".to_owned()));
    }
    let end = u64_at(&head, 16).min(input.size());
    let mut at = 30;
    while at + 24 <= end {
        let head = input.bytes_at(at, 24);
        let length = u64_at(&head, 16);
        if length < 24 || at.checked_add(length).is_none_or(|next| next > end) {
            return Err(Stop::Damaged("an object goes beyond the header".to_owned()));
        }
        let body = input.bytes_at(at + 24, (length - 24).min(OBJECT_MAX) as usize);
        if head.starts_with(&FILE) {
            file(&body, out)?;
        } else if head.starts_with(&STREAM) && body.starts_with(&VIDEO) {
            out.field("width", &u32_at(&body, 54).to_string(), "ASF stream")?;
            out.field("height", &u32_at(&body, 58).to_string(), "ASF stream")?;
        } else if head.starts_with(&CONTENT) {
            content(&body, out)?;
        } else if head.starts_with(&MORE) {
            more(&body, out)?;
        }
        at += length;
    }
    Ok(())
}

fn file(body: &[u8], out: &mut Out) -> Result<(), Stop> {
    let created = time::windows(u64_at(body, 24)).unwrap_or_default();
    out.field("created", &created, "ASF file properties")?;
    // Steps of 100 ns, of which what is played ahead, in thousandths of a second, is a part.
    let steps = u64_at(body, 40).saturating_sub(u64_at(body, 56).saturating_mul(10_000));
    let seconds = format!("{:.3}", steps as f64 / 1e7);
    out.field(
        "duration",
        if steps > 0 { &seconds } else { "" },
        "ASF file properties",
    )
}

/// Five lengths, and five texts.
fn content(body: &[u8], out: &mut Out) -> Result<(), Stop> {
    let mut at = 10;
    for (place, field) in ["title", "author", "comment", "comment", "comment"]
        .iter()
        .enumerate()
    {
        let length = usize::from(u16_at(body, place * 2));
        let text = utf16(body.get(at..at + length).unwrap_or_default());
        out.field(field, &text, "ASF content description")?;
        at += length;
    }
    Ok(())
}

/// Names, kinds and values, each with its length.
fn more(body: &[u8], out: &mut Out) -> Result<(), Stop> {
    let mut at = 2;
    for _ in 0..u16_at(body, 0) {
        let length = usize::from(u16_at(body, at));
        let name = utf16(body.get(at + 2..at + 2 + length).unwrap_or_default());
        at += 2 + length;
        let (kind, length) = (u16_at(body, at), usize::from(u16_at(body, at + 2)));
        let value = body.get(at + 4..at + 4 + length).unwrap_or_default();
        at += 4 + length;
        let name = name.trim_end_matches('\0');
        if let Some((_, field)) = NAMES.iter().find(|(known, _)| *known == name) {
            let text = match (kind, value.len()) {
                (0, _) => utf16(value),
                // A number of eight bytes is a time of Windows.
                (_, 8) => time::windows(u64_at(value, 0)).unwrap_or_default(),
                _ => u32_at(value, 0).to_string(),
            };
            out.field(field, &text, &format!("ASF {name}"))?;
        }
    }
    Ok(())
}
