//! XMP (ISO 16684): what programs say of a picture or document in RDF: who made it, when, where, with what, and how it
//! was changed since. Also what pictures carry in the comments of their own formats.

use crate::{
    Input, Out, Stop, decode,
    ints::{be16_at, be32_at, u32_at},
    xml::{Node, Xml},
};
use flate2::read::ZlibDecoder;
use std::io::Read;

/// Packets are far smaller.
const PACKET_MAX: usize = 16 << 20;
/// The most parts of a picture that are stepped over.
const PARTS_MAX: u32 = 100_000;

/// The fields that properties give, by their names without prefixes.
const FIELDS: [(&str, &str); 19] = [
    ("title", "title"),
    ("creator", "author"),
    ("description", "comment"),
    ("subject", "keywords"),
    ("rights", "comment"),
    ("Headline", "title"),
    ("Credit", "author"),
    ("City", "comment"),
    ("State", "comment"),
    ("Country", "comment"),
    ("Location", "comment"),
    ("CreateDate", "created"),
    ("ModifyDate", "modified"),
    ("DateCreated", "taken"),
    ("DateTimeOriginal", "taken"),
    ("CreatorTool", "software"),
    ("DocumentID", "comment"),
    ("OriginalDocumentID", "comment"),
    ("DerivedFrom", "comment"),
];

/// Fields of one packet. What is no XML gives what came before.
pub fn packet(bytes: &[u8], out: &mut Out) -> Result<(), Stop> {
    let mut xml = Xml::new(bytes);
    let mut state = State::default();
    while let Ok(Some(node)) = xml.next() {
        match node {
            Node::Open(tag) => {
                for (name, value) in tag.all() {
                    state.property(&name, &value, out)?;
                }
                state.open.push(tag.name);
                state.text.clear();
            }
            Node::Text(text) => state.text.push_str(&text),
            Node::Close(name) => {
                let text = std::mem::take(&mut state.text);
                // Lists and alternatives lie between a property and its values.
                let lists = ["li", "Alt", "Bag", "Seq", "Description"];
                let named = state
                    .open
                    .iter()
                    .rev()
                    .find(|name| !lists.contains(&name.as_str()));
                let named = named.cloned().unwrap_or_default();
                state.property(&named, &text, out)?;
                state.open.pop();
                if name == "li" || name == "History" {
                    state.event(out)?;
                }
            }
        }
    }
    state.position(out)
}

#[derive(Default)]
struct State {
    open: Vec<String>,
    text: String,
    /// What was done, when, and by which program.
    done: [String; 3],
    place: [Option<f64>; 2],
}

impl State {
    fn property(&mut self, name: &str, value: &str, out: &mut Out) -> Result<(), Stop> {
        let value = value.trim();
        if value.is_empty() {
            return Ok(());
        }
        if self.open.iter().any(|open| open == "History") {
            match name {
                "action" => self.done[0] = value.to_owned(),
                "when" => self.done[1] = value.to_owned(),
                "softwareAgent" => self.done[2] = value.to_owned(),
                _ => {}
            }
            return Ok(());
        }
        match name {
            "GPSLatitude" => self.place[0] = degrees(value),
            "GPSLongitude" => self.place[1] = degrees(value),
            _ => {
                let known = FIELDS.iter().find(|(known, _)| *known == name);
                if let Some((_, field)) = known {
                    return out.field(field, value, &format!("XMP {name}"));
                }
            }
        }
        Ok(())
    }

    /// One step of what was done to the file.
    fn event(&mut self, out: &mut Out) -> Result<(), Stop> {
        let words = std::mem::take(&mut self.done).join(" ");
        out.field("comment", &words, "XMP History")
    }

    fn position(&self, out: &mut Out) -> Result<(), Stop> {
        match self.place {
            [Some(latitude), Some(longitude)]
                if latitude.abs() <= 90.0 && longitude.abs() <= 180.0 =>
            {
                let place = format!("{latitude:.6},{longitude:.6}");
                out.field("position", &place, "XMP GPSLatitude, GPSLongitude")
            }
            _ => Ok(()),
        }
    }
}

/// `48,1,23.45N` or `48,1.3908N`.
fn degrees(value: &str) -> Option<f64> {
    let side = value.chars().last()?;
    let parts = value.strip_suffix(['N', 'S', 'E', 'W'])?.split(',');
    let parts: Vec<f64> = parts
        .map(|part| part.trim().parse().ok())
        .collect::<Option<_>>()?;
    let [degrees, minutes, seconds] = match parts[..] {
        [degrees, minutes] => [degrees, minutes, 0.0],
        [degrees, minutes, seconds] => [degrees, minutes, seconds],
        _ => return None,
    };
    let size = degrees + minutes / 60.0 + seconds / 3600.0;
    Some(if matches!(side, 'S' | 'W') {
        -size
    } else {
        size
    })
}

/// Packets and comments in the parts that JPEG, PNG and WebP are made of.
pub fn of_picture(input: &Input, out: &mut Out) -> Result<(), Stop> {
    match input.bytes_at(0, 12)[..] {
        [0xff, 0xd8, ..] => jpeg(input, out),
        [0x89, b'P', b'N', b'G', ..] => png(input, out),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P'] => webp(input, out),
        _ => Ok(()),
    }
}

fn jpeg(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let mut at = 2;
    for _ in 0..PARTS_MAX {
        let head = input.bytes_at(at, 4);
        let (Some(0xff), Some(kind)) = (head.first(), head.get(1)) else {
            break;
        };
        // The picture itself begins, or it ends.
        if matches!(kind, 0xd9 | 0xda) || head.len() < 4 {
            break;
        }
        let length = usize::from(be16_at(&head, 2)).max(2);
        if matches!(kind, 0xe1 | 0xfe) {
            let body = input.bytes_at(at + 4, length - 2);
            if *kind == 0xfe {
                out.field("comment", &decode::name(&body), "JPEG comment")?;
            } else if let Some(xml) = body.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0") {
                packet(xml, out)?;
            }
        }
        at += 2 + length as u64;
    }
    Ok(())
}

fn png(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let mut at = 8;
    for _ in 0..PARTS_MAX {
        let head = input.bytes_at(at, 8);
        if head.len() < 8 {
            break;
        }
        let (length, kind) = (be32_at(&head, 0) as usize, &head[4..]);
        if matches!(kind, b"tEXt" | b"zTXt" | b"iTXt") && length <= PACKET_MAX {
            let body = input.bytes_at(at + 8, length);
            if let Some((name, text)) = png_text(kind, &body) {
                match name.as_str() {
                    "XML:com.adobe.xmp" => packet(&text, out)?,
                    _ => {
                        let from = format!("PNG {} {name}", String::from_utf8_lossy(kind));
                        out.field(png_field(&name), &decode::name(&text), &from)?;
                    }
                }
            }
        }
        at += 12 + length as u64;
    }
    Ok(())
}

/// The words that the format itself proposes for texts.
fn png_field(name: &str) -> &'static str {
    match name {
        "Title" => "title",
        "Author" => "author",
        "Software" => "software",
        "Creation Time" => "created",
        _ => "comment",
    }
}

/// The name of a text, and the text, which two of the three kinds may have compressed.
fn png_text(kind: &[u8], body: &[u8]) -> Option<(String, Vec<u8>)> {
    let end = body.iter().position(|byte| *byte == 0)?;
    let (name, mut rest) = (decode::name(&body[..end]), body.get(end + 1..)?);
    let mut is_packed = false;
    match kind {
        b"zTXt" => (is_packed, rest) = (true, rest.get(1..)?),
        b"iTXt" => {
            is_packed = *rest.first()? == 1;
            // The method, a language, and the name in that language.
            rest = rest.get(2..)?;
            for _ in 0..2 {
                let end = rest.iter().position(|byte| *byte == 0)?;
                rest = rest.get(end + 1..)?;
            }
        }
        _ => {}
    }
    if !is_packed {
        return Some((name, rest.to_vec()));
    }
    let mut text = Vec::new();
    let mut unpacked = ZlibDecoder::new(rest).take(PACKET_MAX as u64);
    unpacked.read_to_end(&mut text).ok()?;
    Some((name, text))
}

fn webp(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let mut at = 12;
    for _ in 0..PARTS_MAX {
        let head = input.bytes_at(at, 8);
        if head.len() < 8 {
            break;
        }
        let length = u32_at(&head, 4) as usize;
        if &head[..4] == b"XMP " && length <= PACKET_MAX {
            packet(&input.bytes_at(at + 8, length), out)?;
        }
        at += 8 + length.next_multiple_of(2) as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::degrees;

    #[test]
    fn degrees_are_read_in_both_forms() {
        assert_eq!(degrees("48,30.00N"), Some(48.5));
        assert_eq!(degrees("37,30,36W"), Some(-37.51));
        assert_eq!(degrees("48"), None);
    }
}
