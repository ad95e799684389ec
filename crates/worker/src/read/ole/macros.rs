//! Macros in Visual Basic ([MS-OVBA]): the source of each module, whichever document holds them.

use super::{Ole, code_page, u16_at, u32_at};
use crate::{Out, Stop};
use comity_extract::{Anchor, Place};

/// Source of more bytes is not of people.
const SOURCE_MAX: usize = 16 << 20;

#[derive(Default)]
struct Module {
    name: String,
    stream: String,
    offset: usize,
}

/// Reads the source of all modules that the file has.
pub fn read(ole: &mut Ole, out: &mut Out) -> Result<(), Stop> {
    let lists = ole.streams();
    let lists = lists
        .iter()
        .filter(|path| path.to_ascii_lowercase().ends_with("vba/dir"));
    for list in lists {
        let folder = &list[..list.len() - "dir".len()];
        let packed = ole.stream(list)?.unwrap_or_default();
        let Some(list) = unpacked(&packed) else {
            out.missing("its macros: their list is damaged");
            continue;
        };
        let (page, modules) = modules(&list);
        for (number, module) in (1..).zip(modules) {
            let stream = ole
                .stream(&format!("{folder}{}", module.stream))?
                .unwrap_or_default();
            let source = stream.get(module.offset..).and_then(unpacked);
            let Some(source) = source else {
                out.missing(&format!("the source of the macro {}", module.name));
                continue;
            };
            out.field("comment", &format!("macro {}", module.name), "VBA")?;
            let at = Anchor::at(&[(Place::Frame, number), (Place::Line, 1)]);
            out.text(&at, &code_page(page, &source))?;
        }
    }
    Ok(())
}

/// The code page and the modules that the list names. Records are a kind, a length, and a value.
fn modules(list: &[u8]) -> (u32, Vec<Module>) {
    let (mut at, mut page, mut found) = (0, 1252, Vec::<Module>::new());
    while at + 6 <= list.len() {
        let (kind, length) = (u16_at(list, at), u32_at(list, at + 2) as usize);
        // The record of versions says four, and has two bytes more.
        let length = if kind == 9 { 6 } else { length };
        let value = list
            .get(at + 6..(at + 6).saturating_add(length))
            .unwrap_or_default();
        match (kind, found.last_mut()) {
            (3, _) => page = u16_at(value, 0).into(),
            (0x19, _) => found.push(Module {
                name: code_page(page, value),
                ..Module::default()
            }),
            (0x1a, Some(module)) => module.stream = code_page(page, value),
            (0x31, Some(module)) => module.offset = u32_at(value, 0) as usize,
            _ => {}
        }
        at = (at + 6).saturating_add(length);
    }
    (page, found)
}

/// Undoes the compression of these streams (2.4.1): chunks of at most 4,096 bytes, each of letters and copies.
fn unpacked(packed: &[u8]) -> Option<Vec<u8>> {
    let mut rest = packed.strip_prefix(&[1])?;
    let mut whole = Vec::new();
    while rest.len() >= 2 {
        let head = u16_at(rest, 0);
        let size = usize::from(head & 0xfff) + 3;
        let chunk = rest.get(2..size.min(rest.len()))?;
        if head & 0x7000 != 0x3000 || whole.len() > SOURCE_MAX {
            return None;
        }
        match head & 0x8000 {
            0 => whole.extend_from_slice(chunk),
            _ => copies(chunk, &mut whole)?,
        }
        rest = rest.get(size..).unwrap_or_default();
    }
    Some(whole)
}

fn copies(chunk: &[u8], whole: &mut Vec<u8>) -> Option<()> {
    let (start, mut at) = (whole.len(), 0);
    while at < chunk.len() {
        let flags = chunk[at];
        at += 1;
        for bit in 0..8 {
            if at >= chunk.len() {
                break;
            }
            if flags >> bit & 1 == 0 {
                whole.push(chunk[at]);
                at += 1;
                continue;
            }
            // How many bits say how far back it is depends on how much there is.
            let token = u16_at(chunk, at);
            let there = whole.len() - start;
            let bits = (usize::BITS - there.saturating_sub(1).leading_zeros()).clamp(4, 12);
            let length = usize::from(token & (0xffff >> bits)) + 3;
            let back = usize::from(token >> (16 - bits)) + 1;
            if back > there {
                return None;
            }
            for _ in 0..length {
                whole.push(whole[whole.len() - back]);
            }
            at += 2;
        }
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::{modules, unpacked};

    #[test]
    fn copies_are_undone_and_held_against_what_is_there() {
        // A copy of what is just being written.
        let run = [1, 3, 0xb0, 0x02, b'a', 6, 0];
        assert_eq!(unpacked(&run).as_deref(), Some(&b"aaaaaaaaaa"[..]));
        // A copy of what is not there.
        assert_eq!(unpacked(&[1, 2, 0xb0, 0x01, 6, 0]), None);
    }

    #[test]
    fn modules_are_named_with_their_streams() {
        let record = |kind: u16, value: &[u8]| {
            [
                &kind.to_le_bytes()[..],
                &(value.len() as u32).to_le_bytes(),
                value,
            ]
            .concat()
        };
        let list = [
            record(3, &1251_u16.to_le_bytes()),
            [&[9, 0, 4, 0, 0, 0][..], &[1, 0, 0, 0, 2, 0]].concat(),
            record(0x19, b"\xcc\xee\xe4\xf3\xeb\xfc1"),
            record(0x1a, b"Module1"),
            record(0x31, &7_u32.to_le_bytes()),
        ]
        .concat();
        let (page, found) = modules(&list);
        assert_eq!((page, found.len()), (1251, 1));
        assert_eq!(
            (
                found[0].name.as_str(),
                found[0].stream.as_str(),
                found[0].offset
            ),
            ("Модуль1", "Module1", 7)
        );
    }
}
