//! Publications of Publisher: the text of all stories, as one stream of them keeps it.

use super::{Ole, u32_at, utf16};
use crate::{Out, Stop};
use comity_extract::{Anchor, Place};

const QUILL: &str = "/Quill/QuillSub/CONTENTS";

pub fn is(ole: &Ole) -> bool {
    ole.has(QUILL)
}

/// A list of twenty entries, 24 bytes each: of those that are texts, where and how long they are.
pub fn read(ole: &mut Ole, out: &mut Out) -> Result<(), Stop> {
    let bytes = ole.stream(QUILL)?.unwrap_or_default();
    let mut paragraph = 0;
    for entry in bytes
        .get(32..)
        .unwrap_or_default()
        .chunks_exact(24)
        .take(20)
    {
        if entry[..2] != [24, 0] || &entry[12..16] != b"TEXT" {
            continue;
        }
        let (at, length) = (u32_at(entry, 16) as usize, u32_at(entry, 20) as usize);
        let Some(text) = bytes.get(at..at.saturating_add(length)) else {
            return Err(Stop::Damaged("a text goes beyond the end".to_owned()));
        };
        for line in utf16(text).split(['\r', '\n']) {
            if !line.trim().is_empty() {
                paragraph += 1;
                out.text(&Anchor::at(&[(Place::Paragraph, paragraph)]), line)?;
            }
        }
    }
    Ok(())
}
