//! An event in a package or receipt: its line, and whether line, body and leaf agree
//! (`docs/format/disclosure.md`, Events).

use std::borrow::Cow;

use crate::body::{Class, ListBytes, MAX_NAME_BYTES, OpenField, commit_canonical};
use crate::digest::{Digest, push_hex};
use crate::json::{JsonError, Value, parse, write_canonical, write_string};
use crate::leaf::{Leaf, leaf_hash};
use crate::signature::{self, ActSignature, signed_commitment};

use super::scan::{Scan, ScanError};

/// Writes an event as a line of `events.jsonl`, with its line feed.
///
/// A field without value or salt is withheld; `why` says why when none is opened, and is left out
/// otherwise.
///
/// # Errors
/// A value that canonical JSON cannot say.
pub fn event_line(
    index: u64,
    leaf: &str,
    fields: &[OpenField],
    why: Option<&str>,
) -> Result<String, JsonError> {
    line(index, leaf, fields, why, None)
}

/// What a line of a receipt's manifest repeats from its opened fields, for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repeated<'a> {
    /// Registration number.
    pub ern: Cow<'a, str>,
    /// State of the item.
    pub state: Option<Cow<'a, str>>,
    /// Path as shown.
    pub path: Option<Cow<'a, str>>,
    /// Size of the bytes.
    pub size_bytes: Option<u64>,
    /// SHA-256 of the bytes, in hex.
    pub sha256: Option<Cow<'a, str>>,
}

/// Writes an event as a line of a receipt's `manifest.jsonl`, with its line feed
/// (`docs/format/receipt.md`, Manifest). What the line repeats is taken from the fields.
///
/// # Errors
/// A value that canonical JSON cannot say.
pub fn manifest_line(index: u64, leaf: &str, fields: &[OpenField]) -> Result<String, JsonError> {
    let text = |name: &str| {
        let field = fields
            .iter()
            .find(|field| field.name == name && field.salt.is_some());
        field.and_then(|field| field.value.as_ref()).cloned()
    };
    let string = |name: &str| match text(name) {
        Some(Value::String(text)) => Some(Cow::Owned(text)),
        _ => None,
    };
    let repeated = Repeated {
        ern: string("ern").unwrap_or_default(),
        state: string("state"),
        path: string("path"),
        size_bytes: text("size").and_then(|size| size.as_u64()),
        sha256: string("sha256"),
    };
    line(index, leaf, fields, None, Some(&repeated))
}

fn line(
    index: u64,
    leaf: &str,
    fields: &[OpenField],
    why: Option<&str>,
    repeated: Option<&Repeated<'_>>,
) -> Result<String, JsonError> {
    let mut out = Vec::with_capacity(512 + fields.len() * 192);
    out.push(b'{');
    if let Some(repeated) = repeated {
        out.extend_from_slice(b"\"ern\":");
        write_string(&repeated.ern, &mut out);
        out.push(b',');
    }
    out.extend_from_slice(b"\"fields\":");
    write_fields(fields, &mut out)?;
    out.extend_from_slice(format!(",\"index\":{index},\"leaf\":").as_bytes());
    write_string(leaf, &mut out);
    if let Some(repeated) = repeated {
        out.extend_from_slice(b",\"path\":");
        write_string_or_null(repeated.path.as_deref(), &mut out);
        out.extend_from_slice(b",\"sha256\":");
        write_string_or_null(repeated.sha256.as_deref(), &mut out);
        match repeated.size_bytes {
            Some(size) => out.extend_from_slice(format!(",\"size\":{size}").as_bytes()),
            None => out.extend_from_slice(b",\"size\":null"),
        }
        out.extend_from_slice(b",\"state\":");
        write_string_or_null(repeated.state.as_deref(), &mut out);
    }
    let all_withheld = !fields.iter().any(is_opened);
    if let Some(why) = why.filter(|_| all_withheld) {
        out.extend_from_slice(b",\"why\":");
        write_string(why, &mut out);
    }
    out.extend_from_slice(b"}\n");
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn is_opened(field: &OpenField) -> bool {
    field.salt.is_some() && field.value.is_some()
}

pub(crate) fn write_string_or_null(text: Option<&str>, out: &mut Vec<u8>) {
    match text {
        Some(text) => write_string(text, out),
        None => out.extend_from_slice(b"null"),
    }
}

/// Appends the array `fields` of an event line.
pub(crate) fn write_fields(fields: &[OpenField], out: &mut Vec<u8>) -> Result<(), JsonError> {
    out.push(b'[');
    for (i, field) in fields.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        out.extend_from_slice(b"{\"class\":\"");
        out.extend_from_slice(field.class.as_str().as_bytes());
        out.extend_from_slice(b"\",\"name\":\"");
        out.extend_from_slice(field.name.as_bytes());
        match (&field.salt, &field.value) {
            (Some(salt), Some(value)) => {
                out.extend_from_slice(b"\",\"salt\":\"");
                push_hex(salt, out);
                out.extend_from_slice(b"\",\"value\":");
                write_canonical(value, out)?;
            }
            _ => {
                out.extend_from_slice(b"\",\"withheld\":\"");
                push_hex(&field.commitment.0, out);
                out.push(b'"');
            }
        }
        out.push(b'}');
    }
    out.push(b']');
    Ok(())
}

/// A field as a line shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown<'a> {
    /// Its salt, and its value as canonical JSON.
    Opened {
        /// The salt.
        salt: [u8; 32],
        /// The value's bytes.
        value: &'a [u8],
    },
    /// The field commitment alone.
    Withheld(Digest),
}

/// One field of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineField<'a> {
    /// Its class.
    pub class: Class,
    /// Its name.
    pub name: &'a str,
    /// What is shown of it.
    pub shown: Shown<'a>,
}

/// An event line that has been read, and nothing in it believed yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLine<'a> {
    /// The index of the leaf in the log.
    pub index: u64,
    /// The text of the leaf.
    pub leaf: Cow<'a, str>,
    /// The fields in the body's order.
    pub fields: Vec<LineField<'a>>,
    /// Why nothing is opened.
    pub why: Option<Cow<'a, str>>,
    /// What a receipt's line repeats.
    pub repeated: Option<Repeated<'a>>,
}

impl<'a> EventLine<'a> {
    /// Reads a line of `events.jsonl`, without its line feed.
    ///
    /// # Errors
    /// Anything that [`event_line`] would not have written, and where.
    pub fn parse(line: &'a [u8]) -> Result<EventLine<'a>, String> {
        let mut scan = Scan::new(line)?;
        scan.literal("{\"fields\":")?;
        let mut event = EventLine::parse_event(&mut scan)?;
        if scan.eat(",\"why\":") {
            event.why = Some(scan.string()?);
        }
        scan.literal("}")?;
        scan.end()?;
        Ok(event)
    }

    /// Reads a line of a receipt's `manifest.jsonl`, without its line feed.
    ///
    /// # Errors
    /// Anything that [`manifest_line`] would not have written, and where.
    pub fn parse_manifest(line: &'a [u8]) -> Result<EventLine<'a>, String> {
        let mut scan = Scan::new(line)?;
        scan.literal("{\"ern\":")?;
        let ern = scan.string()?;
        scan.literal(",\"fields\":")?;
        let mut event = EventLine::parse_event(&mut scan)?;
        scan.literal(",\"path\":")?;
        let path = scan.string_or_null()?;
        scan.literal(",\"sha256\":")?;
        let sha256 = scan.string_or_null()?;
        scan.literal(",\"size\":")?;
        let size_bytes = if scan.eat("null") {
            None
        } else {
            Some(scan.integer()?)
        };
        scan.literal(",\"state\":")?;
        let state = scan.string_or_null()?;
        scan.literal("}")?;
        scan.end()?;
        event.repeated = Some(Repeated {
            ern,
            state,
            path,
            size_bytes,
            sha256,
        });
        Ok(event)
    }

    /// Reads fields, index and leaf, which all kinds of lines have.
    fn parse_event(scan: &mut Scan<'a>) -> Result<EventLine<'a>, ScanError> {
        let fields = parse_fields(scan)?;
        scan.literal(",\"index\":")?;
        let index = scan.integer()?;
        scan.literal(",\"leaf\":")?;
        let leaf = scan.string()?;
        Ok(EventLine {
            index,
            leaf,
            fields,
            why: None,
            repeated: None,
        })
    }

    /// The value of an opened field, as canonical JSON.
    #[must_use]
    pub fn opened(&self, name: &str) -> Option<&'a [u8]> {
        self.fields
            .iter()
            .find(|field| field.name == name)
            .and_then(|field| match field.shown {
                Shown::Opened { value, .. } => Some(value),
                Shown::Withheld(_) => None,
            })
    }

    /// The value of an opened field.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<Value> {
        self.opened(name).and_then(|bytes| parse(bytes).ok())
    }

    /// The text of an opened field whose value is a string.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        Scan::new(self.opened(name)?).ok()?.string().ok()
    }

    /// The number of an opened field whose value is an integer from 0.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<u64> {
        Scan::new(self.opened(name)?).ok()?.integer().ok()
    }

    /// Whether the field is there and not opened.
    #[must_use]
    pub fn is_withheld(&self, name: &str) -> bool {
        let withheld = |field: &LineField<'_>| matches!(field.shown, Shown::Withheld(_));
        self.fields
            .iter()
            .any(|field| field.name == name && withheld(field))
    }

    /// Whether any field is opened.
    #[must_use]
    pub fn is_opened(&self) -> bool {
        self.fields
            .iter()
            .any(|field| matches!(field.shown, Shown::Opened { .. }))
    }

    /// Recomputes every field's commitment and the body's, and holds it against the leaf.
    ///
    /// # Errors
    /// A sentence: the leaf is no leaf, the body is not the one that it commits to, or nothing is
    /// opened and no reason is given.
    pub fn check(&self) -> Result<CheckedEvent, String> {
        let leaf = Leaf::parse(self.leaf.as_bytes()).map_err(|error| error.to_string())?;
        let mut list = ListBytes::new(self.fields.len());
        for field in &self.fields {
            let commitment = match field.shown {
                Shown::Opened { salt, value } => commit_canonical(&salt, field.name, value),
                Shown::Withheld(commitment) => commitment,
            };
            list.push(field.class, field.name, &commitment);
        }
        if list.finish() != leaf.body {
            return Err(self.wrong_body());
        }
        Ok(CheckedEvent {
            index: self.index,
            leaf,
            hash: leaf_hash(self.leaf.as_bytes()),
        })
    }

    /// Whose key has signed the event, in the log of this origin; `None` for one that shows no signature.
    ///
    /// # Errors
    /// A sentence: a signature that does not hold, or one that is missing where the event says that it was signed,
    /// or must be.
    pub fn signer(&self, origin: &str) -> Result<Option<Signer>, String> {
        let Some(value) = self.value(signature::FIELD) else {
            let must = self.text("kind").as_deref() == Some("erased")
                || self.text("auth").as_deref() == Some("signed");
            return match must {
                true => Err("it was signed, and its signature is not there".to_owned()),
                false => Ok(None),
            };
        };
        let found = ActSignature::parse(&value).map_err(|e| e.to_string())?;
        let list: Vec<_> = self
            .fields
            .iter()
            .map(|field| {
                let commitment = match field.shown {
                    Shown::Opened { salt, value } => commit_canonical(&salt, field.name, value),
                    Shown::Withheld(commitment) => commitment,
                };
                (field.class, field.name, commitment)
            })
            .collect();
        let commitment = signed_commitment(&list).map_err(|e| e.to_string())?;
        found
            .verify(origin, &commitment)
            .map_err(|e| e.to_string())?;
        Ok(Some(Signer {
            person: self.text("actor").map(Cow::into_owned).unwrap_or_default(),
            key: found.key,
        }))
    }

    fn wrong_body(&self) -> String {
        let opened = if self.is_opened() {
            "its opened fields"
        } else {
            "its withheld fields"
        };
        format!(
            "{opened} are not those that the leaf at index {} commits to",
            self.index
        )
    }
}

/// A person whose key has signed an event.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Signer {
    /// The person's number; empty where it is withheld.
    pub person: String,
    /// The Ed25519 public key.
    pub key: [u8; 32],
}

/// An event whose fields, body and leaf agree. Whether the leaf stands in the log is still to be
/// shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckedEvent {
    /// The index of the leaf in the log.
    pub index: u64,
    /// The leaf.
    pub leaf: Leaf,
    /// Its hash in the tree.
    pub hash: Digest,
}

pub(crate) fn parse_fields<'a>(scan: &mut Scan<'a>) -> Result<Vec<LineField<'a>>, ScanError> {
    scan.literal("[")?;
    let mut fields: Vec<LineField<'a>> = Vec::with_capacity(24);
    loop {
        if !fields.is_empty() {
            scan.literal(",")?;
        }
        let field = parse_field(scan)?;
        if fields.iter().any(|other| other.name == field.name) {
            return Err(format!("two fields are named {}", field.name));
        }
        if field.class == Class::Custody
            && fields
                .last()
                .is_some_and(|last| last.class == Class::Content)
        {
            return Err(format!(
                "the custody field {} stands after a content field",
                field.name
            ));
        }
        fields.push(field);
        if scan.eat("]") {
            return Ok(fields);
        }
    }
}

fn parse_field<'a>(scan: &mut Scan<'a>) -> Result<LineField<'a>, ScanError> {
    scan.literal("{\"class\":\"")?;
    let class = if scan.eat("custody") {
        Class::Custody
    } else if scan.eat("content") {
        Class::Content
    } else {
        return scan.expected("custody or content");
    };
    scan.literal("\",\"name\":\"")?;
    let name = scan.field_name()?;
    let shown = if scan.eat("\",\"salt\":\"") {
        let salt = scan.hex()?;
        scan.literal("\",\"value\":")?;
        Shown::Opened {
            salt,
            value: scan.value()?,
        }
    } else {
        scan.literal("\",\"withheld\":\"")?;
        let commitment = Digest(scan.hex()?);
        scan.literal("\"")?;
        Shown::Withheld(commitment)
    };
    scan.literal("}")?;
    Ok(LineField { class, name, shown })
}

impl<'a> Scan<'a> {
    /// A field's name, up to its closing quote.
    fn field_name(&mut self) -> Result<&'a str, ScanError> {
        let name = self.take_while(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'));
        let first_is_letter = name.as_bytes().first().is_some_and(u8::is_ascii_lowercase);
        if first_is_letter && name.len() <= MAX_NAME_BYTES {
            Ok(name)
        } else {
            self.expected("the name of a field")
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used)]
mod tests {
    use super::*;
    use crate::ChainId;
    use crate::body::{Body, CustodySection, Field, Seeds};
    use crate::json::json;

    fn fields() -> (String, Vec<OpenField>) {
        let body = Body {
            seeds: Seeds {
                custody: [1; 32],
                content: [2; 32],
            },
            fields: vec![
                Field::custody("kind", "received"),
                Field::custody("ern", "UKR-000001-0000002"),
                Field::custody("state", "sealed"),
                Field::content("path", "тека/\"лист\"\n\u{1}.txt"),
                Field::content("size", 4),
                Field::content("sha256", "ab"),
                Field::content(
                    "file",
                    json!({"mode": 33188, "xattrs": {}, "z": [null, true, -1]}),
                ),
            ],
        };
        let encoded = body.encode().unwrap();
        let leaf = Leaf {
            chain: ChainId([7; 16]),
            n: 0,
            prev: None,
            body: encoded.commitment,
        };
        let custody = CustodySection::parse(&encoded.custody).unwrap();
        let mut fields = custody.open(encoded.content.as_deref()).unwrap();
        fields[2].salt = None;
        fields[2].value = None;
        (String::from_utf8(leaf.encode()).unwrap(), fields)
    }

    #[test]
    fn lines_come_back_and_are_canonical() {
        let (leaf, fields) = fields();
        for line in [
            event_line(5, &leaf, &fields, Some("not used")).unwrap(),
            manifest_line(5, &leaf, &fields).unwrap(),
        ] {
            let line = line.strip_suffix('\n').unwrap();
            crate::json::parse_canonical(line.as_bytes()).unwrap();
            let event = match line.starts_with("{\"ern\"") {
                true => EventLine::parse_manifest(line.as_bytes()).unwrap(),
                false => EventLine::parse(line.as_bytes()).unwrap(),
            };
            assert_eq!((event.index, event.why.as_deref()), (5, None));
            assert_eq!(
                event.text("path").as_deref(),
                Some("тека/\"лист\"\n\u{1}.txt")
            );
            assert_eq!(event.integer("size"), Some(4));
            assert_eq!(event.value("file").unwrap()["mode"], 33188);
            assert!(event.is_withheld("state") && event.text("state").is_none());
            event.check().unwrap();
        }
    }

    #[test]
    fn an_event_with_nothing_opened_says_why() {
        let (leaf, mut fields) = fields();
        for field in &mut fields {
            field.salt = None;
        }
        let line = event_line(5, &leaf, &fields, Some("work product")).unwrap();
        let event = EventLine::parse(line.trim_end().as_bytes()).unwrap();
        assert_eq!(event.why.as_deref(), Some("work product"));
        assert!(!event.is_opened() && event.check().is_ok());
    }

    /// Whatever byte of a line is changed, it is noticed here or makes another leaf or another
    /// place, which the tree shows to be wrong: nothing in a line is free.
    #[test]
    fn every_changed_byte_is_noticed() {
        let (leaf, fields) = fields();
        let line = event_line(5, &leaf, &fields, None).unwrap();
        let line = line.trim_end().as_bytes();
        let whole = EventLine::parse(line)
            .and_then(|event| event.check())
            .unwrap();
        for at in 0..line.len() {
            for flip in [1, 2, 0x20, 0x80] {
                let mut changed = line.to_vec();
                changed[at] ^= flip;
                let checked = EventLine::parse(&changed).and_then(|event| event.check());
                let other = checked.as_ref().map(|event| (event.index, event.hash));
                assert!(other != Ok((whole.index, whole.hash)), "byte {at}");
            }
        }
    }
}
