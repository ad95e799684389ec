//! Messages as Outlook sends them through the Internet (TNEF, `winmail.dat`; [MS-OXTNEF]): what the message says, and
//! its attachments.

use super::{mail, ole_code_page};
use crate::{
    Input, Out, Stop,
    ints::{u16_at, u32_at, u64_at, utf16},
    out::child,
    time,
};
use comity_extract::{Child, Place, Relation};

pub const MARK: [u8; 4] = [0x78, 0x9f, 0x3e, 0x22];
/// The largest attribute that is held in memory: an attachment.
const ATTRIBUTE_MAX: u64 = 256 << 20;

#[derive(Default)]
struct Attachment {
    begun: bool,
    title: String,
    long: String,
    data: Vec<u8>,
}

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let (mut at, mut page, mut attachment) = (6, 1252, Attachment::default());
    while at + 9 <= input.size() {
        let head = input.bytes_at(at, 9);
        let (id, length) = (u32_at(&head, 1), u64::from(u32_at(&head, 5)));
        let start = at + 9;
        if start + length > input.size() {
            attachment.end(out)?;
            return Err(Stop::Damaged(format!(
                "the attribute at byte {at} goes beyond the end"
            )));
        }
        if length > ATTRIBUTE_MAX {
            return Err(Stop::OverLimit(format!(
                "an attachment of more than {} MiB",
                ATTRIBUTE_MAX >> 20
            )));
        }
        let bytes = input.bytes_at(start, length as usize);
        // After the bytes there is their sum.
        at = start + length + 2;
        match id & 0xffff {
            0x9007 => page = u32_at(&bytes, 0),
            0x8004 => out.field("subject", &ole_code_page(page, &bytes), "attSubject")?,
            0x8005 => out.field("sent", &moment(&bytes), "attDateSent")?,
            0x8006 => out.field("received", &moment(&bytes), "attDateRecd")?,
            0x800c => mail::paragraphs(&ole_code_page(page, &bytes), (Place::Part, 1), out)?,
            0x9003 => properties(&bytes, page, &mut None, out)?,
            0x9002 => {
                attachment.end(out)?;
                attachment.begun = true;
            }
            0x8010 => attachment.title = ole_code_page(page, &bytes),
            0x800f => attachment.data = bytes,
            0x9005 => properties(&bytes, page, &mut Some(&mut attachment), out)?,
            _ => {}
        }
    }
    attachment.end(out)
}

impl Attachment {
    fn end(&mut self, out: &mut Out) -> Result<(), Stop> {
        let Attachment {
            begun,
            title,
            long,
            data,
        } = std::mem::take(self);
        let name = if long.is_empty() { title } else { long };
        let name = name.trim_end_matches('\0');
        if !begun && data.is_empty() {
            return Ok(());
        }
        let whole = Child {
            stated_size: Some(data.len() as u64),
            ..child(
                Relation::Attachment,
                if name.is_empty() { "attachment" } else { name },
            )
        };
        out.child(whole, &mut data.as_slice())
    }
}

/// Seven numbers: year, month, day, hour, minute, second, day of the week.
fn moment(bytes: &[u8]) -> String {
    let part = |place: usize| u16_at(bytes, place * 2).into();
    time::civil(part(0), part(1), part(2), part(3), part(4), part(5)).unwrap_or_default()
}

/// Properties of MAPI, of the message or of an attachment.
fn properties(
    bytes: &[u8],
    page: u32,
    attachment: &mut Option<&mut Attachment>,
    out: &mut Out,
) -> Result<(), Stop> {
    let mut rest = bytes.get(4..).unwrap_or_default();
    for _ in 0..u32_at(bytes, 0) {
        let (kind, id) = (u16_at(rest, 0), u16_at(rest, 2));
        let Some(after) = skip_name(rest.get(4..).unwrap_or_default(), id) else {
            break;
        };
        let Some((values, after)) = values(after, kind) else {
            break;
        };
        rest = after;
        let value = values.first().copied().unwrap_or_default();
        match attachment {
            Some(attachment) => match id {
                0x3707 => attachment.long = text(kind, value, page),
                // A message or an object: its interface first, and then its bytes.
                0x3701 if attachment.data.is_empty() => {
                    attachment.data = value
                        .get(if kind == 0x0d { 16 } else { 0 }..)
                        .unwrap_or_default()
                        .to_vec();
                }
                _ => {}
            },
            None => of_message(kind, id, value, page, out)?,
        }
    }
    Ok(())
}

fn of_message(kind: u16, id: u16, value: &[u8], page: u32, out: &mut Out) -> Result<(), Stop> {
    let field = match id {
        0x0037 => "subject",
        0x1035 => "message_id",
        0x0c1a => "from",
        0x0e04 => "to",
        0x0e03 => "cc",
        0x0039 if kind == 0x40 => {
            return out.field(
                "sent",
                &time::windows(u64_at(value, 0)).unwrap_or_default(),
                "PidTagClientSubmitTime",
            );
        }
        0x1000 => {
            return mail::paragraphs(
                text(kind, value, page).trim_end_matches('\0'),
                (Place::Part, 1),
                out,
            );
        }
        0x1013 => return out.child(child(Relation::Embedded, "body.html"), &mut &*value),
        0x1009 => {
            return match compressed_rtf::decompress_rtf(value) {
                Ok(rtf) => {
                    let one = |c: char| u8::try_from(u32::from(c)).unwrap_or(b'?');
                    let bytes: Vec<u8> = rtf.chars().map(one).collect();
                    out.child(child(Relation::Embedded, "body.rtf"), &mut bytes.as_slice())
                }
                Err(error) => {
                    out.missing(&format!("its body in compressed RTF: {error:?}"));
                    Ok(())
                }
            };
        }
        _ => return Ok(()),
    };
    out.field(
        field,
        &text(kind, value, page),
        &format!("MAPI property {id:04X}"),
    )
}

fn text(kind: u16, value: &[u8], page: u32) -> String {
    match kind {
        0x1f => utf16(value),
        0x1e => ole_code_page(page, value),
        _ => String::new(),
    }
}

/// Properties above 0x8000 are named: by a number or a word.
fn skip_name(rest: &[u8], id: u16) -> Option<&[u8]> {
    if id < 0x8000 {
        return Some(rest);
    }
    let length = match u32_at(rest, 16) {
        0 => 0,
        _ => (u32_at(rest, 20) as usize).checked_next_multiple_of(4)?,
    };
    rest.get(24_usize.checked_add(length)?..)
}

type Values<'a> = (Vec<&'a [u8]>, &'a [u8]);

/// The values of a property, each filled up to four bytes, and what follows them.
fn values(mut rest: &[u8], kind: u16) -> Option<Values<'_>> {
    let fixed = match kind & 0xfff {
        0x1e | 0x1f | 0x0d | 0x102 => None,
        5 | 6 | 7 | 0x14 | 0x40 => Some(8),
        0x48 => Some(16),
        _ => Some(4),
    };
    let count = if fixed.is_none() || kind & 0x1000 != 0 {
        let count = u32_at(rest, 0);
        rest = rest.get(4..)?;
        count
    } else {
        1
    };
    let mut found = Vec::new();
    for _ in 0..count {
        let (length, skip) = match fixed {
            Some(length) => (length, length),
            None => {
                let length = u32_at(rest, 0) as usize;
                rest = rest.get(4..)?;
                (length, length.checked_next_multiple_of(4)?)
            }
        };
        found.push(rest.get(..length)?);
        rest = rest.get(skip.min(rest.len())..)?;
    }
    Some((found, rest))
}
