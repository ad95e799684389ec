//! Messages of Outlook in a file ([MS-OXMSG]).

use super::{Ole, code_page, objects, u16_at, u32_at, u64_at, utf16};
use crate::{
    Out, Stop,
    out::child,
    read::{html, mail},
    time,
};
use comity_extract::{Place, Relation};

/// Messages within messages that are read in place.
const NESTED_MAX: u32 = 16;

pub fn read(ole: &mut Ole, out: &mut Out) -> Result<(), Stop> {
    one(ole, "", 0, &mut 0, out)
}

/// One message: the file's own, or one that is attached to it, which has no bytes of its own and is read in place.
fn one(ole: &mut Ole, base: &str, depth: u32, part: &mut u32, out: &mut Out) -> Result<(), Stop> {
    *part += 1;
    let place = (Place::Part, *part);
    let from = |name: &str| {
        if depth == 0 {
            name.to_owned()
        } else {
            format!("attached message, part {}: {name}", place.1)
        }
    };
    let fixed = ole
        .stream(&format!("{base}/__properties_version1.0"))?
        .unwrap_or_default();
    // The head is 32 bytes in a message of its own, and 24 in one that is attached.
    let fixed = fixed
        .get(if depth == 0 { 32 } else { 24 }..)
        .unwrap_or_default();
    let page = number(fixed, 0x3fde).or(number(fixed, 0x3ffd)).unwrap_or(0) as u32;
    for (id, field, name) in [
        (0x0037, "subject", "PidTagSubject"),
        (0x1035, "message_id", "PidTagInternetMessageId"),
        (0x1042, "in_reply_to", "PidTagInReplyToId"),
        (0x1039, "references", "PidTagInternetReferences"),
    ] {
        out.field(field, &text(ole, base, id, page)?, &from(name))?;
    }
    let (name, smtp) = (
        text(ole, base, 0x0c1a, page)?,
        text(ole, base, 0x5d01, page)?,
    );
    let address = if smtp.is_empty() {
        text(ole, base, 0x0c1f, page)?
    } else {
        smtp
    };
    out.field("from", &spelled(&name, &address), &from("PidTagSenderName"))?;
    for (id, field, name) in [
        (0x0039, "sent", "PidTagClientSubmitTime"),
        (0x0e06, "received", "PidTagMessageDeliveryTime"),
    ] {
        let moment = number(fixed, id)
            .and_then(time::windows)
            .unwrap_or_default();
        out.field(field, &moment, &from(name))?;
    }
    for recipient in ole.storages(
        if base.is_empty() { "/" } else { base },
        "__recip_version1.0_",
    ) {
        let (name, smtp) = (
            text(ole, &recipient, 0x3001, page)?,
            text(ole, &recipient, 0x39fe, page)?,
        );
        let address = if smtp.is_empty() {
            text(ole, &recipient, 0x3003, page)?
        } else {
            smtp
        };
        let fixed = ole
            .stream(&format!("{recipient}/__properties_version1.0"))?
            .unwrap_or_default();
        let field = match number(fixed.get(8..).unwrap_or_default(), 0x0c15) {
            Some(2) => "cc",
            Some(3) => "bcc",
            _ => "to",
        };
        out.field(field, &spelled(&name, &address), &from("recipient"))?;
    }
    bodies(ole, base, page, place, out)?;
    for attachment in ole.storages(
        if base.is_empty() { "/" } else { base },
        "__attach_version1.0_",
    ) {
        attached(ole, &attachment, page, depth, part, out)?;
    }
    Ok(())
}

fn bodies(
    ole: &mut Ole,
    base: &str,
    page: u32,
    place: (Place, u32),
    out: &mut Out,
) -> Result<(), Stop> {
    let plain = text(ole, base, 0x1000, page)?;
    mail::paragraphs(&plain, place, out)?;
    let html = ole.stream(&format!("{base}/__substg1.0_10130102"))?;
    if let Some(bytes) = html.filter(|_| plain.trim().is_empty()) {
        let text = code_page(page, &bytes);
        return html::blocks(&mut text.as_bytes(), out, &[place]);
    }
    let packed = ole.stream(&format!("{base}/__substg1.0_10090102"))?;
    if let Some(packed) = packed.filter(|_| plain.trim().is_empty()) {
        // A body of its own kind: it is read as the file that it is.
        return match compressed_rtf::decompress_rtf(&packed) {
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
    Ok(())
}

fn attached(
    ole: &mut Ole,
    path: &str,
    page: u32,
    depth: u32,
    part: &mut u32,
    out: &mut Out,
) -> Result<(), Stop> {
    let long = text(ole, path, 0x3707, page)?;
    let short = text(ole, path, 0x3704, page)?;
    let shown = text(ole, path, 0x3001, page)?;
    let name = [long, short, shown]
        .into_iter()
        .find(|name| !name.is_empty())
        .unwrap_or_else(|| "attachment".to_owned());
    let child = child(Relation::Attachment, &name);
    if let Some(bytes) = ole.stream(&format!("{path}/__substg1.0_37010102"))? {
        return out.child(child, &mut bytes.as_slice());
    }
    let nested = format!("{path}/__substg1.0_3701000D");
    if ole.has(&format!("{nested}/__properties_version1.0")) {
        if depth == NESTED_MAX {
            return out.lost_child(
                child,
                Stop::OverLimit("messages are nested too deep".to_owned()),
            );
        }
        return one(ole, &nested, depth + 1, part, out);
    }
    match objects::remade(ole, &nested) {
        Ok(bytes) => out.child(child, &mut bytes.as_slice()),
        Err(stop) => out.lost_child(child, stop),
    }
}

fn spelled(name: &str, address: &str) -> String {
    match (name.is_empty(), address.is_empty() || name == address) {
        (false, false) => format!("{name} <{address}>"),
        (true, _) => address.to_owned(),
        (false, true) => name.to_owned(),
    }
}

/// A property that is a text: in UTF-16, or in the code page of the message.
fn text(ole: &mut Ole, base: &str, id: u16, page: u32) -> Result<String, Stop> {
    if let Some(bytes) = ole.stream(&format!("{base}/__substg1.0_{id:04X}001F"))? {
        return Ok(utf16(&bytes).trim_end_matches('\0').to_owned());
    }
    let bytes = ole
        .stream(&format!("{base}/__substg1.0_{id:04X}001E"))?
        .unwrap_or_default();
    Ok(code_page(page, &bytes).trim_end_matches('\0').to_owned())
}

/// A property of fixed length.
fn number(fixed: &[u8], id: u16) -> Option<u64> {
    let entry = fixed
        .chunks_exact(16)
        .find(|entry| u16_at(entry, 2) == id)?;
    Some(if u16_at(entry, 0) == 0x40 {
        u64_at(entry, 8)
    } else {
        u32_at(entry, 8).into()
    })
}
