//! E-mail: headers, texts by part, attachments in their place with exactly the bytes that were attached; and mailboxes.

use super::{html, uuencode};
use crate::{Input, Out, Stop, decode, out::child};
use comity_extract::{Anchor, Child, Place, Relation};
use mail_parser::{
    Address, Encoding, HeaderValue, Message, MessageParser, MessagePart, MimeHeaders, PartType,
    decoders::{base64::base64_decode, quoted_printable::quoted_printable_decode},
};
use std::io::{self, BufRead, BufReader, Read};

/// The largest message that is read: it is held in memory, and its decoded parts beside it.
const MESSAGE_MAX: u64 = 200 << 20;

/// One message.
pub fn message(input: &Input, out: &mut Out) -> Result<(), Stop> {
    if input.size() > MESSAGE_MAX {
        return Err(Stop::OverLimit(format!(
            "a message of more than {} MiB",
            MESSAGE_MAX >> 20
        )));
    }
    let raw = input.bytes_at(0, MESSAGE_MAX as usize);
    let message = MessageParser::default().parse(&raw);
    let message = message.ok_or_else(|| Stop::Damaged("it has no headers".to_owned()))?;
    headers(&message, out)?;
    for (index, part) in message.parts.iter().enumerate() {
        one_part(&message, &raw, index as u32, part, out)?;
    }
    Ok(())
}

fn headers(message: &Message<'_>, out: &mut Out) -> Result<(), Stop> {
    for header in message.headers() {
        let (name, from) = (
            header.name.as_str(),
            format!("header {}", header.name.as_str()),
        );
        let field = match name.to_ascii_lowercase().as_str() {
            "from" => "from",
            "to" => "to",
            "cc" => "cc",
            "bcc" => "bcc",
            "reply-to" => "reply_to",
            "subject" => "subject",
            "date" => "sent",
            "message-id" => "message_id",
            "in-reply-to" => "in_reply_to",
            "references" => "references",
            "x-mailer" | "user-agent" => "application",
            "received" => "received",
            _ => continue,
        };
        let raw = message
            .raw_message
            .get(header.offset_start as usize..header.offset_end as usize);
        let raw = decode::name(raw.unwrap_or_default());
        match &header.value {
            HeaderValue::Address(addresses) => {
                for address in spelled(addresses) {
                    out.field(field, &address, &from)?;
                }
            }
            HeaderValue::Text(text) => out.field(field, text, &from)?,
            HeaderValue::TextList(list) => {
                for text in list {
                    out.field(field, text, &from)?;
                }
            }
            // A date that has no zone would be taken for UTC: it is given as it stands.
            HeaderValue::DateTime(time)
                if time.is_valid() && raw.contains(['+', '-', 'G', 'U', 'Z', 'E', 'P']) =>
            {
                out.field(
                    field,
                    &time.to_rfc3339(),
                    &format!("{from}: {}", raw.trim()),
                )?;
            }
            HeaderValue::Received(hop) => {
                let time = hop
                    .date
                    .filter(|time| time.is_valid())
                    .map(|time| time.to_rfc3339());
                let words: Vec<&str> = raw.split_whitespace().collect();
                out.field(
                    field,
                    &time.unwrap_or_else(|| words.join(" ")),
                    &format!("{from}: {}", words.join(" ")),
                )?;
            }
            _ => out.field(field, raw.trim(), &from)?,
        }
    }
    Ok(())
}

/// `name <address>`, or what there is of it.
fn spelled(addresses: &Address<'_>) -> Vec<String> {
    let one = |address: &mail_parser::Addr<'_>| match (&address.name, &address.address) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (Some(only), None) | (None, Some(only)) => only.to_string(),
        (None, None) => String::new(),
    };
    addresses.iter().map(one).collect()
}

fn one_part(
    message: &Message<'_>,
    raw: &[u8],
    index: u32,
    part: &MessagePart<'_>,
    out: &mut Out,
) -> Result<(), Stop> {
    let place = (Place::Part, index + 1);
    if let Some(encoding) = part.content_transfer_encoding()
        && uuencode::is_named(encoding)
    {
        let body = body_of(part, raw);
        return match uuencode::decode(body) {
            Some(bytes) => attachment(part, index, &bytes, out),
            None => {
                out.missing(&format!("part {} is not encoded as it says", index + 1));
                attachment(part, index, body, out)
            }
        };
    }
    let is_body = message.text_body.contains(&index) || message.html_body.contains(&index);
    if part.is_encoding_problem {
        out.missing(&format!("part {} is not encoded as it says", index + 1));
    }
    match &part.body {
        PartType::Multipart(_) => Ok(()),
        PartType::Text(text) if is_body => paragraphs(text, place, out),
        PartType::Html(text) if is_body => html::blocks(&mut text.as_bytes(), out, &[place]),
        PartType::Message(nested) => {
            let name = format!("{}.eml", nested.subject().unwrap_or("message"));
            let name = part.attachment_name().map_or(name, str::to_owned);
            out.child(
                child(Relation::Attachment, &name),
                &mut nested.raw_message(),
            )
        }
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
            attachment(part, index, bytes, out)
        }
        // The parser has made UTF-8 of a text; what was attached are the bytes before that.
        PartType::Text(text) | PartType::Html(text) => {
            let body = body_of(part, raw);
            let bytes = match part.encoding {
                Encoding::Base64 => base64_decode(body),
                Encoding::QuotedPrintable => quoted_printable_decode(body),
                Encoding::None => Some(body.to_vec()),
            };
            attachment(
                part,
                index,
                bytes.as_deref().unwrap_or(text.as_bytes()),
                out,
            )
        }
    }
}

/// The bytes of a part as they stand in the message.
fn body_of<'a>(part: &MessagePart<'_>, raw: &'a [u8]) -> &'a [u8] {
    raw.get(part.raw_body_offset() as usize..part.raw_end_offset() as usize)
        .unwrap_or_default()
}

fn attachment(
    part: &MessagePart<'_>,
    index: u32,
    mut bytes: &[u8],
    out: &mut Out,
) -> Result<(), Stop> {
    let kind = part
        .content_type()
        .map(|kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("")));
    let unnamed = || {
        format!(
            "part {} ({})",
            index + 1,
            kind.as_deref().unwrap_or("no type")
        )
    };
    let name = part.attachment_name().map_or_else(unnamed, str::to_owned);
    let stated_size = Some(bytes.len() as u64);
    out.child(
        Child {
            stated_size,
            ..child(Relation::Attachment, &name)
        },
        &mut bytes,
    )
}

/// Paragraphs of a text, at empty lines.
pub fn paragraphs(text: &str, place: (Place, u32), out: &mut Out) -> Result<(), Stop> {
    let text = text.replace("\r\n", "\n");
    let mut number = 0;
    for paragraph in text
        .split("\n\n")
        .map(|paragraph| paragraph.trim_matches('\n'))
    {
        if !paragraph.trim().is_empty() {
            number += 1;
            out.text(&Anchor::at(&[place, (Place::Paragraph, number)]), paragraph)?;
        }
    }
    Ok(())
}

/// A mailbox in one file: each message is a child, with the bytes that it has in the file.
pub fn mbox(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let mut lines = Lines {
        from: BufReader::with_capacity(64 << 10, input.rewound()),
        line: Vec::new(),
        fresh: true,
    };
    lines.next()?;
    let mut number = 0;
    while !lines.line.is_empty() {
        number += 1;
        lines.next()?;
        let mut body = Body {
            lines: &mut lines,
            at: 0,
            blank: true,
        };
        out.child(
            child(Relation::Message, &format!("{number}.eml")),
            &mut body,
        )?;
    }
    Ok(())
}

/// Lines of a mailbox; very long ones in pieces.
struct Lines<R> {
    from: BufReader<R>,
    line: Vec<u8>,
    /// Whether `line` is the beginning of a line.
    fresh: bool,
}

impl<R: Read> Lines<R> {
    fn next(&mut self) -> io::Result<()> {
        self.fresh = self.line.is_empty() || self.line.ends_with(b"\n");
        self.line.clear();
        self.from
            .by_ref()
            .take(64 << 10)
            .read_until(b'\n', &mut self.line)?;
        Ok(())
    }
}

/// One message: up to the next line that begins with `From ` after an empty one.
struct Body<'a, R> {
    lines: &'a mut Lines<R>,
    at: usize,
    blank: bool,
}

impl<R: Read> Read for Body<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.at == self.lines.line.len() && self.at > 0 {
            self.blank = self
                .lines
                .line
                .iter()
                .all(|byte| matches!(byte, b'\r' | b'\n'))
                && self.lines.fresh;
            self.lines.next()?;
            self.at = 0;
        }
        let line = &self.lines.line;
        if self.at == 0 && self.blank && self.lines.fresh && line.starts_with(b"From ") {
            return Ok(0);
        }
        let count = (line.len() - self.at).min(buffer.len());
        buffer[..count].copy_from_slice(&line[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}
