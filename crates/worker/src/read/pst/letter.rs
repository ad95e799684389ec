//! A message of a mailbox, made from its properties, with its recipients and what is attached to it, at any depth.

use super::{
    DEPTH_MAX, Mailbox,
    compose::Letter,
    nodes::{Node, Properties, Value},
    rows,
};
use crate::{out::child, time};
use comity_extract::{Child, Relation};
use outlook_pst::ltp::{
    prop_context::PropertyValue,
    table_context::{TableContext, TableRowData},
};
use std::io;

/// Kinds of nodes that belong to a message ([MS-PST] 2.2.2.1).
const ATTACHMENT: u32 = 0x05;
const ATTACHMENTS: u32 = 0x11;
const RECIPIENTS: u32 = 0x12;
/// Attachments of one message and of those attached to it, together.
const ATTACHED_MAX: u32 = 10_000;

/// A message made from its properties.
pub struct Made {
    pub child: Child,
    pub bytes: Vec<u8>,
    /// What could not be made.
    pub lost: Vec<String>,
}

/// A part of a message: media type, name of an attachment or none, and the bytes.
type Part = (String, Option<String>, Vec<u8>);

/// What a message is made of.
struct Message {
    properties: Properties,
    /// The nodes that belong to it.
    own: Vec<Node>,
    /// The code page of texts that are not in UTF-16.
    page: u32,
}

impl Message {
    fn text(&self, id: u16) -> String {
        text(&self.properties, id, self.page)
    }

    /// The subject, without the mark that says how long its prefix (`Re: `) is.
    fn subject(&self) -> String {
        let subject = self.text(0x0037);
        match subject.strip_prefix('\u{1}') {
            Some(rest) => rest.chars().skip(1).collect(),
            None => subject,
        }
    }

    fn moment(&self, id: u16) -> String {
        match self.properties.get(&id) {
            Some(Value::Time(steps)) => time::windows(*steps).unwrap_or_default(),
            _ => String::new(),
        }
    }
}

impl Mailbox<'_> {
    /// One message as a child.
    pub fn made(&self, number: u32, path: &[String]) -> io::Result<Made> {
        let mut lost = Vec::new();
        let node = self.with(|form| form.node(number))?;
        let message = self.message(node, &mut lost)?;
        let mut left = ATTACHED_MAX;
        let letter = self.letter(&message, &mut lost, 0, &mut left);
        let subject = message.subject();
        let name = match subject.is_empty() {
            true => format!("message {number}"),
            false => subject,
        };
        let bytes = letter.bytes();
        let path = [&path.join("/"), "/", &name, ".eml"].concat();
        Ok(Made {
            child: Child {
                stated_size: Some(bytes.len() as u64),
                modified: message.moment(0x3008),
                ..child(Relation::Message, &path)
            },
            bytes,
            lost,
        })
    }

    /// A message is kept where something that belongs to it is damaged.
    fn message(&self, node: Node, lost: &mut Vec<String>) -> io::Result<Message> {
        let own = self.own(node).unwrap_or_else(|error| {
            lost.push(format!("what belongs to it: {error}"));
            Vec::new()
        });
        let properties = self.properties(node, &own, lost)?;
        let page = [0x3fde, 0x3ffd]
            .iter()
            .find_map(|id| match properties.get(id) {
                Some(Value::Number(page)) => Some(*page),
                _ => None,
            });
        Ok(Message {
            properties,
            own,
            page: page.unwrap_or(0),
        })
    }

    /// A message of the Internet made from the properties; `lost` takes what could not be, and `left` says how many
    /// attachments may still be opened.
    fn letter(
        &self,
        message: &Message,
        lost: &mut Vec<String>,
        depth: usize,
        left: &mut u32,
    ) -> Letter {
        let text = |id| message.text(id);
        let smtp = Some(text(0x5d01)).filter(|smtp| !smtp.is_empty());
        let mut letter = Letter {
            header: text(0x007d),
            ..Letter::default()
        };
        let recipients = self.recipients(message, lost);
        let of = |kind| {
            let list: Vec<String> = recipients
                .iter()
                .filter(|(known, ..)| *known == kind)
                .map(|(_, name, to)| address(name.clone(), to.clone()))
                .collect();
            list.join(", ")
        };
        letter.fields = vec![
            (
                "From",
                address(text(0x0c1a), smtp.unwrap_or_else(|| text(0x0c1f))),
            ),
            ("To", of(1)),
            ("Cc", of(2)),
            ("Bcc", of(3)),
            ("Subject", message.subject()),
            (
                "Date",
                dated(&[message.moment(0x0039), message.moment(0x0e06)]),
            ),
            ("Message-ID", text(0x1035)),
            ("In-Reply-To", text(0x1042)),
            ("References", text(0x1039)),
        ];
        bodies(message, &mut letter, lost);
        for number in self.listed_attachments(message, lost) {
            let Some(fewer) = left.checked_sub(1) else {
                lost.push(format!("more than {ATTACHED_MAX} attachments"));
                break;
            };
            *left = fewer;
            match self.attached(message, number, lost, depth, left) {
                Ok(found) => letter.parts.extend(found),
                Err(error) => lost.push(format!("an attachment: {error}")),
            }
        }
        letter
    }

    /// The attachments by their numbers, in the order of their table; without it, as they lie.
    fn listed_attachments(&self, message: &Message, lost: &mut Vec<String>) -> Vec<u32> {
        let kind = |kind: u32| move |node: &&Node| node.number & 0x1f == kind;
        let all = message.own.iter().filter(kind(ATTACHMENT));
        let Some(table) = message.own.iter().find(kind(ATTACHMENTS)) else {
            return all.map(|node| node.number).collect();
        };
        match self.with(|form| form.table(*table)) {
            Ok(table) => rows(&*table),
            Err(error) => {
                lost.push(format!("its table of attachments: {error}"));
                all.map(|node| node.number).collect()
            }
        }
    }

    /// An attachment as a part.
    fn attached(
        &self,
        message: &Message,
        number: u32,
        lost: &mut Vec<String>,
        depth: usize,
        left: &mut u32,
    ) -> io::Result<Option<Part>> {
        let gone = || io::Error::other("it is not there");
        let belongs =
            |nodes: &[Node], number: u32| nodes.iter().find(|node| node.number == number).copied();
        let node = belongs(&message.own, number).ok_or_else(gone)?;
        let own = self.own(node)?;
        let properties = self.properties(node, &own, lost)?;
        let text = |id| text(&properties, id, message.page);
        let names = [text(0x3707), text(0x3704), text(0x3001)];
        let name = names.into_iter().find(|name| !name.is_empty());
        let name = name.unwrap_or_else(|| "attachment".to_owned());
        let bytes = match properties.get(&0x3701) {
            Some(Value::Bytes(bytes)) => bytes.clone(),
            Some(Value::Node(number)) => {
                let node = belongs(&own, *number).or_else(|| belongs(&message.own, *number));
                let node = node.ok_or_else(gone)?;
                // 5 is a message (PidTagAttachMethod); what else is a node of its own are objects of OLE.
                match properties.get(&0x3705) {
                    Some(Value::Number(5)) if depth < DEPTH_MAX => {
                        let inner = self.message(node, lost)?;
                        let letter = self.letter(&inner, lost, depth + 1, left);
                        return Ok(Some((
                            "application/octet-stream".to_owned(),
                            Some(format!("{name}.eml")),
                            letter.bytes(),
                        )));
                    }
                    Some(Value::Number(5)) => {
                        lost.push(format!("the attachment {name}: it is too deep"));
                        return Ok(None);
                    }
                    _ => self.data(node.data)?,
                }
            }
            _ => {
                lost.push(format!("the attachment {name} has no bytes in the mailbox"));
                return Ok(None);
            }
        };
        let media = Some(text(0x370e)).filter(|media| is_media(media));
        // A message that is attached as a file is a file: its bytes, whatever they are called.
        let media = media
            .filter(|media| !media.starts_with("message/") && !media.starts_with("multipart/"));
        let media = media.unwrap_or_else(|| "application/octet-stream".to_owned());
        Ok(Some((media, Some(name), bytes)))
    }

    /// Kind (1 to, 2 cc, 3 bcc), name and address of each recipient.
    fn recipients(&self, message: &Message, lost: &mut Vec<String>) -> Vec<(i32, String, String)> {
        let table = message
            .own
            .iter()
            .find(|node| node.number & 0x1f == RECIPIENTS);
        let Some(table) = table else {
            return Vec::new();
        };
        let read = self.with(|form| {
            let table = form.table(*table)?;
            let one = |row: &TableRowData| {
                let kind = match cell(&*table, row, 0x0c15) {
                    Some(PropertyValue::Integer32(kind)) => kind,
                    _ => 1,
                };
                let text = |id| match cell(&*table, row, id) {
                    Some(PropertyValue::Unicode(text)) => String::from_utf16_lossy(text.buffer()),
                    Some(PropertyValue::String8(text)) => {
                        crate::read::ole_code_page(message.page, text.buffer())
                    }
                    _ => String::new(),
                };
                let smtp = Some(text(0x39fe)).filter(|smtp| !smtp.is_empty());
                (kind, text(0x3001), smtp.unwrap_or_else(|| text(0x3003)))
            };
            Ok(table.rows_matrix().map(one).collect())
        });
        read.unwrap_or_else(|error| {
            lost.push(format!("its recipients: {error}"));
            Vec::new()
        })
    }
}

/// The texts of a message: plain, HTML, and where it has neither, RTF.
fn bodies(message: &Message, letter: &mut Letter, lost: &mut Vec<String>) {
    let text =
        |media: &str, text: String| (format!("text/{media}; charset=utf-8"), None, text.into());
    let plain = message.text(0x1000);
    if !plain.is_empty() {
        letter.parts.push(text("plain", plain));
    }
    match message.properties.get(&0x1013) {
        Some(Value::Bytes(html)) => {
            let html = crate::read::ole_code_page(message.page, html);
            letter.parts.push(text("html", html));
        }
        Some(_) => letter.parts.push(text("html", message.text(0x1013))),
        None => {}
    }
    if letter.parts.is_empty()
        && let Some(Value::Bytes(packed)) = message.properties.get(&0x1009)
    {
        match compressed_rtf::decompress_rtf(packed) {
            Ok(rtf) => {
                let bytes = rtf
                    .chars()
                    .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
                    .collect();
                letter.parts.push((
                    "application/rtf".to_owned(),
                    Some("body.rtf".to_owned()),
                    bytes,
                ));
            }
            Err(error) => lost.push(format!("its body in RTF: {error:?}")),
        }
    }
}

fn address(name: String, address: String) -> String {
    match (name.is_empty(), address.is_empty() || name == address) {
        (false, false) => format!("\"{}\" <{address}>", name.replace(['"', '\\'], "'")),
        (true, _) => address,
        (false, true) => name,
    }
}

fn is_media(media: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/+-._".contains(c);
    media.contains('/') && media.len() < 128 && media.chars().all(plain)
}

fn cell(table: &dyn TableContext, row: &TableRowData, id: u16) -> Option<PropertyValue> {
    let context = table.context();
    let values = row.columns(context).ok()?;
    let (column, value) = context
        .columns()
        .iter()
        .zip(values)
        .find(|(column, _)| column.prop_id() == id)?;
    table.read_column(&value?, column.prop_type()).ok()
}

fn text(properties: &Properties, id: u16, page: u32) -> String {
    match properties.get(&id) {
        Some(Value::Wide(text)) => text.clone(),
        Some(Value::Narrow(bytes)) => crate::read::ole_code_page(page, bytes),
        _ => String::new(),
    }
}

/// The first of these moments that is known, as RFC 5322 writes it.
fn dated(moments: &[String]) -> String {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let one = |moment: &String| {
        let month: usize = moment.get(5..7)?.parse().ok()?;
        let (year, day, clock) = (moment.get(..4)?, moment.get(8..10)?, moment.get(11..19)?);
        Some(format!(
            "{day} {} {year} {clock} +0000",
            MONTHS.get(month.wrapping_sub(1))?
        ))
    };
    moments.iter().find_map(one).unwrap_or_default()
}
