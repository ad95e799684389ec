//! Boxes of boxes with labels (JUMBF, ISO 19566-5), in which a manifest is kept.

use crate::ints::be32_at;

const DEPTH_MAX: u32 = 8;

/// A box of boxes with its label.
pub struct Part<'a> {
    pub label: String,
    /// Its bytes after the head, over which digests go.
    pub body: &'a [u8],
    pub parts: Vec<Part<'a>>,
    /// The first content that is no box of boxes.
    pub content: &'a [u8],
}

impl<'a> Part<'a> {
    pub fn read(bytes: &'a [u8]) -> Option<Part<'a>> {
        Part::within(bytes, 0)
    }

    fn within(bytes: &'a [u8], depth: u32) -> Option<Part<'a>> {
        let (kind, body, _) = single(bytes)?;
        let (about, description, mut rest) = single(body)?;
        if kind != *b"jumb" || about != *b"jumd" || depth == DEPTH_MAX {
            return None;
        }
        let label = description.get(17..)?;
        let end = label.iter().position(|byte| *byte == 0)?;
        let label = String::from_utf8_lossy(&label[..end]).into_owned();
        let mut part = Part {
            label,
            body,
            parts: Vec::new(),
            content: &[],
        };
        while let Some((kind, inside, after)) = single(rest) {
            match kind {
                _ if &kind == b"jumb" => part.parts.extend(Part::within(rest, depth + 1)),
                _ if part.content.is_empty() => part.content = inside,
                _ => {}
            }
            rest = after;
        }
        Some(part)
    }

    pub fn part(&self, label: &str) -> Option<&Part<'a>> {
        self.parts.iter().find(|part| part.label == label)
    }
}

/// A box: its kind, its content, and what follows it.
fn single(bytes: &[u8]) -> Option<([u8; 4], &[u8], &[u8])> {
    let kind = *bytes.get(4..)?.first_chunk()?;
    let (length, head) = match be32_at(bytes, 0) as usize {
        0 => (bytes.len(), 8),
        1 => (
            usize::try_from(u64::from_be_bytes(*bytes.get(8..)?.first_chunk()?)).ok()?,
            16,
        ),
        length => (length, 8),
    };
    let (whole, rest) = bytes.split_at_checked(length)?;
    Some((kind, whole.get(head..)?, rest))
}
