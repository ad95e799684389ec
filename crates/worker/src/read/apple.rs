//! AppleSingle and AppleDouble (RFC 1740): a file of a Macintosh with what its file system knew of it.

use crate::{
    Input, Out, Stop, decode,
    ints::{be16_at, be32_at},
    out::child,
};
use comity_extract::{Child, Relation};
use std::io::{Read, Seek, SeekFrom};

pub fn single(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let count = be16_at(&input.bytes_at(24, 2), 0);
    let entries = input.bytes_at(26, usize::from(count) * 12);
    let entries: Vec<(u32, u64, u64)> = entries
        .chunks_exact(12)
        .map(|entry| {
            (
                be32_at(entry, 0),
                be32_at(entry, 4).into(),
                be32_at(entry, 8).into(),
            )
        })
        .collect();
    if entries.len() < usize::from(count) {
        return Err(Stop::Damaged(
            "it ends within its list of entries".to_owned(),
        ));
    }
    let text = |kind: u32| {
        let found = entries.iter().find(|(known, ..)| *known == kind);
        found.map(|(_, offset, length)| {
            decode::name(&input.bytes_at(*offset, (*length).min(4096) as usize))
        })
    };
    let name = text(3).unwrap_or_default();
    out.field("title", &name, "entry 3, real name")?;
    out.field("comment", &text(4).unwrap_or_default(), "entry 4, comment")?;
    for (kind, offset, length) in &entries {
        let path = match kind {
            1 if name.is_empty() => "data fork",
            1 => &name,
            2 => "resource fork",
            _ => continue,
        };
        let mut from = input.rewound();
        from.seek(SeekFrom::Start(*offset))?;
        let whole = Child {
            stated_size: Some(*length),
            ..child(Relation::Content, path)
        };
        out.child(whole, &mut from.take(*length))?;
        if offset + length > input.size() {
            return Err(Stop::Damaged(format!("it ends within the {path}")));
        }
    }
    Ok(())
}
