//! Property sets ([MS-OLEPS]): title, author, times.

use super::{code_page, u16_at, u32_at, u64_at, utf16};
use crate::{Out, Stop, time};

pub fn read(bytes: &[u8], stream: &str, out: &mut Out) -> Result<(), Stop> {
    let summary = stream == "SummaryInformation";
    let start = u32_at(bytes, 44) as usize;
    let Some(section) = bytes.get(start..).filter(|_| u32_at(bytes, 24) > 0) else {
        return Ok(());
    };
    let count = u32_at(section, 4).min(1000) as usize;
    let at = |index: usize| {
        (
            u32_at(section, 8 + index * 8),
            u32_at(section, 12 + index * 8) as usize,
        )
    };
    let page = (0..count)
        .map(at)
        .find(|(id, _)| *id == 1)
        .map_or(0, |(_, offset)| u16_at(section, offset + 4).into());
    for (id, offset) in (0..count).map(at) {
        let field = match (summary, id) {
            (true, 2) => "title",
            (true, 3) => "subject",
            (true, 4) => "author",
            (true, 5) => "keywords",
            (true, 6) => "comment",
            (true, 8) => "last_author",
            (true, 11) => "printed",
            (true, 12) => "created",
            (true, 13) => "modified",
            (true, 14) => "pages",
            (true, 18) => "application",
            (false, 15) => "company",
            _ => continue,
        };
        if let Some(value) = value(section, offset, page) {
            out.field(field, &value, &format!("{stream} {id}"))?;
        }
    }
    Ok(())
}

fn value(section: &[u8], offset: usize, page: u32) -> Option<String> {
    let length = u32_at(section, offset + 4) as usize;
    let text = |length: usize| section.get(offset + 8..offset.checked_add(8)?.checked_add(length)?);
    match u16_at(section, offset) {
        3 => Some(length.to_string()),
        0x1e => Some(code_page(page, text(length)?)),
        0x1f => Some(utf16(text(length.checked_mul(2)?)?)),
        // Editing time is a duration; it is not among the fields, so that every one here is a time.
        0x40 => time::windows(u64_at(section, offset + 4)),
        _ => None,
    }
}
