//! Mailboxes of Outlook ([MS-PST]), by ranges: each message is a child, in the order of its folders.
//!
//! A message has no bytes of its own there, only properties; its child is a message of the Internet made from them,
//! with its attachments, so that two messages with the same attachment both keep it.

mod compose;

use crate::{Input, Out, Stop, out::child, read::unless_given_up, time};
use comity_extract::{Child, Relation};
use compose::Letter;
use outlook_pst::{
    AnsiPstFile, UnicodePstFile,
    ltp::{
        prop_context::PropertyValue as Value,
        table_context::{TableContext, TableRowData},
    },
    messaging::{
        attachment::{AnsiAttachment, Attachment, AttachmentData, UnicodeAttachment},
        folder::Folder,
        message::{AnsiMessage, Message, UnicodeMessage},
        store::{AnsiStore, EntryId, Store, UnicodeStore},
    },
    ndb::node_id::NodeId,
};
use std::{
    cell::{Cell, RefCell},
    io,
    rc::Rc,
};

/// The root of all folders, those that Outlook does not show too.
const ROOT: u32 = 0x122;
/// Folders within folders, and messages within messages.
const DEPTH_MAX: usize = 64;

/// A mailbox in one of its two forms.
#[derive(Clone)]
enum Form {
    Unicode(Rc<UnicodeStore>),
    Ansi(Rc<AnsiStore>),
}

/// A mailbox that goes on where the library gives up over a damaged part of it: then it is opened anew, since what the
/// library held locked stays so.
struct Mailbox<'a> {
    input: &'a Input,
    form: RefCell<Form>,
    given_up: Rc<Cell<bool>>,
}

/// A message, and how its attachments are opened. One that is attached to another gives none of its own.
struct Opened {
    message: Rc<dyn Message>,
    attachment: Box<dyn Fn(NodeId) -> io::Result<Rc<dyn Attachment>>>,
}

/// A message made from its properties.
struct Made {
    child: Child,
    bytes: Vec<u8>,
    /// What could not be made.
    lost: Vec<String>,
}

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let given_up = Rc::new(Cell::new(false));
    let mailbox = Mailbox {
        input,
        form: RefCell::new(caught(&given_up, || Form::open(input))?),
        given_up,
    };
    let (title, root) = mailbox.with(|form| {
        let store = form.store();
        let properties = store.properties();
        let title = properties.display_name().unwrap_or_default();
        Ok((title, properties.make_entry_id(NodeId::from(ROOT))?))
    })?;
    out.field("title", &title, "PidTagDisplayName")?;
    mailbox.folder(&root, &[], out)
}

/// Does what the library may give up over.
fn caught<T>(given_up: &Cell<bool>, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    unless_given_up(work).unwrap_or_else(|why| {
        given_up.set(true);
        Err(io::Error::other(why))
    })
}

impl Form {
    fn open(input: &Input) -> io::Result<Form> {
        let unicode = UnicodePstFile::read_from(Box::new(input.rewound()))
            .and_then(|file| UnicodeStore::read(Rc::new(file)));
        match unicode {
            Ok(store) => Ok(Form::Unicode(store)),
            Err(error) => AnsiPstFile::read_from(Box::new(input.rewound()))
                .and_then(|file| AnsiStore::read(Rc::new(file)))
                .map(Form::Ansi)
                // What the newer form said of it is nearer to the truth.
                .map_err(|_| error),
        }
    }

    fn store(&self) -> Rc<dyn Store> {
        match self {
            Form::Unicode(store) => store.clone(),
            Form::Ansi(store) => store.clone(),
        }
    }

    fn message(&self, id: &EntryId) -> io::Result<Opened> {
        Ok(match self {
            Form::Unicode(store) => {
                let message = UnicodeMessage::read(store.clone(), id, None)?;
                let of = message.clone();
                Opened {
                    message,
                    attachment: Box::new(move |node| {
                        Ok(UnicodeAttachment::read(of.clone(), node, None)?)
                    }),
                }
            }
            Form::Ansi(store) => {
                let message = AnsiMessage::read(store.clone(), id, None)?;
                let of = message.clone();
                Opened {
                    message,
                    attachment: Box::new(move |node| {
                        Ok(AnsiAttachment::read(of.clone(), node, None)?)
                    }),
                }
            }
        })
    }
}

/// The rows of a folder's table, by the numbers of what they are of.
fn rows(table: Option<&Rc<dyn TableContext>>) -> Vec<u32> {
    let rows = table.into_iter().flat_map(|table| table.rows_matrix());
    rows.map(|row| u32::from(row.id())).collect()
}

impl Mailbox<'_> {
    /// Asks the library.
    fn with<T>(&self, ask: impl FnOnce(&Form) -> io::Result<T>) -> io::Result<T> {
        let form = self.form.borrow().clone();
        let done = caught(&self.given_up, || ask(&form));
        if self.given_up.take() {
            *self.form.borrow_mut() = caught(&self.given_up, || Form::open(self.input))?;
        }
        done
    }

    /// The messages of a folder, then those of the folders within.
    fn folder(&self, id: &EntryId, path: &[String], out: &mut Out) -> Result<(), Stop> {
        let here = || path.join("/");
        let found = self.with(|form| {
            let folder: Rc<dyn Folder> = form.store().open_folder(id)?;
            Ok((
                rows(folder.contents_table()),
                rows(folder.hierarchy_table()),
            ))
        });
        let (messages, folders) = match found {
            Ok(found) => found,
            Err(error) => {
                out.missing(&format!("the folder {}: {error}", here()));
                return Ok(());
            }
        };
        for number in messages {
            let made = self.with(|form| {
                let id = form
                    .store()
                    .properties()
                    .make_entry_id(NodeId::from(number))?;
                made(&form.message(&id)?, number, path, &self.given_up)
            });
            match made {
                Ok(Made { child, bytes, lost }) => {
                    for what in lost {
                        out.missing(&format!("{}: {what}", child.path));
                    }
                    out.child(child, &mut bytes.as_slice())?;
                }
                Err(error) => {
                    let lost = child(
                        Relation::Message,
                        &format!("{}/message {number}.eml", here()),
                    );
                    out.lost_child(lost, Stop::Damaged(error.to_string()))?;
                }
            }
        }
        for number in folders {
            if path.len() == DEPTH_MAX {
                return Err(Stop::OverLimit(format!(
                    "folders are nested more than {DEPTH_MAX} deep"
                )));
            }
            let named = self.with(|form| {
                let store = form.store();
                let id = store.properties().make_entry_id(NodeId::from(number))?;
                let name = store
                    .open_folder(&id)
                    .and_then(|f| f.properties().display_name());
                Ok((id, name.unwrap_or_else(|_| format!("folder {number}"))))
            });
            match named {
                Ok((id, name)) => self.folder(&id, &[path, &[name]].concat(), out)?,
                Err(error) => out.missing(&format!("the folder {}/{number}: {error}", here())),
            }
        }
        Ok(())
    }
}

/// One message as a child.
fn made(opened: &Opened, number: u32, path: &[String], given_up: &Cell<bool>) -> io::Result<Made> {
    let mut lost = Vec::new();
    // A message is kept where one of its attachments is damaged.
    let attachment = |node| caught(given_up, || (opened.attachment)(node));
    let letter = letter(&*opened.message, Some(&attachment), &mut lost, 0);
    let page = page_of(&*opened.message);
    let subject = subject(&*opened.message, page);
    let name = match subject.is_empty() {
        true => format!("message {number}"),
        false => subject,
    };
    let bytes = letter.bytes();
    let path = [&path.join("/"), "/", &name, ".eml"].concat();
    Ok(Made {
        child: Child {
            stated_size: Some(bytes.len() as u64),
            modified: moment(&*opened.message, 0x3008),
            ..child(Relation::Message, &path)
        },
        bytes,
        lost,
    })
}

type OpenAttachment<'a> = dyn Fn(NodeId) -> io::Result<Rc<dyn Attachment>> + 'a;

/// A message of the Internet made from the properties; `lost` takes what could not be.
fn letter(
    message: &dyn Message,
    attachment: Option<&OpenAttachment<'_>>,
    lost: &mut Vec<String>,
    depth: usize,
) -> Letter {
    let page = page_of(message);
    let text = |id| text(message.properties().get(id), page);
    let address = |name: String, address: String| match (
        name.is_empty(),
        address.is_empty() || name == address,
    ) {
        (false, false) => format!("\"{}\" <{address}>", name.replace(['"', '\\'], "'")),
        (true, _) => address,
        (false, true) => name,
    };
    let smtp = Some(text(0x5d01)).filter(|smtp| !smtp.is_empty());
    let mut letter = Letter {
        header: text(0x007d),
        ..Letter::default()
    };
    let recipients = recipients(message, page);
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
        ("Subject", subject(message, page)),
        (
            "Date",
            dated(&[moment(message, 0x0039), moment(message, 0x0e06)]),
        ),
        ("Message-ID", text(0x1035)),
        ("In-Reply-To", text(0x1042)),
        ("References", text(0x1039)),
    ];
    let plain = text(0x1000);
    if !plain.is_empty() {
        letter.parts.push((
            "text/plain; charset=utf-8".to_owned(),
            None,
            plain.into_bytes(),
        ));
    }
    match message.properties().get(0x1013) {
        Some(Value::Binary(html)) => {
            let html = crate::read::ole_code_page(page, html.buffer());
            letter.parts.push((
                "text/html; charset=utf-8".to_owned(),
                None,
                html.into_bytes(),
            ));
        }
        Some(other) => {
            let html = self::text(Some(other), page);
            letter.parts.push((
                "text/html; charset=utf-8".to_owned(),
                None,
                html.into_bytes(),
            ));
        }
        None => {}
    }
    if letter.parts.is_empty()
        && let Some(Value::Binary(packed)) = message.properties().get(0x1009)
    {
        match compressed_rtf::decompress_rtf(packed.buffer()) {
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
    for row in message
        .attachment_table()
        .iter()
        .flat_map(|table| table.rows_matrix())
    {
        let Some(open) = attachment else {
            lost.push(
                "what is attached to a message that is itself attached was not taken out"
                    .to_owned(),
            );
            continue;
        };
        match open(NodeId::from(u32::from(row.id()))) {
            Ok(found) => letter.parts.extend(attached(&*found, page, lost, depth)),
            Err(error) => lost.push(format!("an attachment: {error}")),
        }
    }
    letter
}

/// An attachment as a part.
fn attached(
    found: &dyn Attachment,
    page: u32,
    lost: &mut Vec<String>,
    depth: usize,
) -> Option<(String, Option<String>, Vec<u8>)> {
    let text = |id| text(found.properties().get(id), page);
    let names = [text(0x3707), text(0x3704), text(0x3001)];
    let name = names.into_iter().find(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| "attachment".to_owned());
    match found.data() {
        Some(AttachmentData::Binary(bytes)) => {
            let media = Some(text(0x370e)).filter(|media| is_media(media));
            let media = media.unwrap_or_else(|| "application/octet-stream".to_owned());
            // A message that is attached as a file is a file: its bytes, whatever they are called.
            let media = match media.starts_with("message/") || media.starts_with("multipart/") {
                true => "application/octet-stream".to_owned(),
                false => media,
            };
            Some((media, Some(name), bytes.buffer().to_vec()))
        }
        Some(AttachmentData::Message(message)) if depth < DEPTH_MAX => {
            let letter = letter(&**message, None, lost, depth + 1);
            Some((
                "application/octet-stream".to_owned(),
                Some(format!("{name}.eml")),
                letter.bytes(),
            ))
        }
        _ => {
            lost.push(format!("the attachment {name} has no bytes in the mailbox"));
            None
        }
    }
}

fn is_media(media: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/+-._".contains(c);
    media.contains('/') && media.len() < 128 && media.chars().all(plain)
}

/// Kind (1 to, 2 cc, 3 bcc), name and address of each recipient.
fn recipients(message: &dyn Message, page: u32) -> Vec<(i32, String, String)> {
    let Some(table) = message.recipient_table() else {
        return Vec::new();
    };
    let one = |row: &TableRowData| {
        let kind = match cell(&**table, row, 0x0c15) {
            Some(Value::Integer32(kind)) => kind,
            _ => 1,
        };
        let text = |id| text(cell(&**table, row, id).as_ref(), page);
        let smtp = Some(text(0x39fe)).filter(|smtp| !smtp.is_empty());
        (kind, text(0x3001), smtp.unwrap_or_else(|| text(0x3003)))
    };
    table.rows_matrix().map(one).collect()
}

fn cell(table: &dyn TableContext, row: &TableRowData, id: u16) -> Option<Value> {
    let context = table.context();
    let values = row.columns(context).ok()?;
    let (column, value) = context
        .columns()
        .iter()
        .zip(values)
        .find(|(column, _)| column.prop_id() == id)?;
    table.read_column(&value?, column.prop_type()).ok()
}

/// The code page of texts that are not in UTF-16.
fn page_of(message: &dyn Message) -> u32 {
    let number = |id| match message.properties().get(id) {
        Some(Value::Integer32(page)) => u32::try_from(*page).ok(),
        _ => None,
    };
    number(0x3fde).or_else(|| number(0x3ffd)).unwrap_or(0)
}

fn text(value: Option<&Value>, page: u32) -> String {
    let text = match value {
        Some(Value::Unicode(text)) => String::from_utf16_lossy(text.buffer()),
        Some(Value::String8(text)) => crate::read::ole_code_page(page, text.buffer()),
        _ => return String::new(),
    };
    text.trim_end_matches('\0').to_owned()
}

/// The subject, without the mark that says how long its prefix (`Re: `) is.
fn subject(message: &dyn Message, page: u32) -> String {
    let subject = text(message.properties().get(0x0037), page);
    match subject.strip_prefix('\u{1}') {
        Some(rest) => rest.chars().skip(1).collect(),
        None => subject,
    }
}

fn moment(message: &dyn Message, id: u16) -> String {
    match message.properties().get(id) {
        Some(Value::Time(steps)) => u64::try_from(*steps)
            .ok()
            .and_then(time::windows)
            .unwrap_or_default(),
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
