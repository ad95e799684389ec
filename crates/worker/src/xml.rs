//! XML as a stream, for the formats that are made of it. Entities that a document defines are never expanded: what a
//! bomb of them would become is written here as it stands.

use crate::Stop;
use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};
use std::io::{BufReader, Read};

/// A reader of XML in UTF-8 or UTF-16.
pub struct Xml<R> {
    reader: Reader<BufReader<R>>,
    buffer: Vec<u8>,
}

/// What comes next. Names are without prefixes: the formats that are read here need no more.
pub enum Node {
    /// An element begins; one that is empty also ends.
    Open(Tag),
    /// An element ends.
    Close(String),
    /// Text, with the five entities and character references resolved.
    Text(String),
}

/// The start of an element.
pub struct Tag {
    /// Its name without a prefix.
    pub name: String,
    start: BytesStart<'static>,
}

impl Tag {
    /// The value of the first attribute with this name, without a prefix.
    pub fn attribute(&self, name: &str) -> Option<String> {
        self.values(name).next()
    }

    /// The values of all attributes with this name: prefixes may differ.
    pub fn attributes(&self, name: &str) -> Vec<String> {
        self.values(name).collect()
    }

    fn values(&self, name: &str) -> impl Iterator<Item = String> {
        let mut attributes = self.start.attributes();
        attributes.with_checks(false);
        attributes.flatten().filter_map(move |attribute| {
            let fits = attribute.key.local_name().as_ref() == name.as_bytes();
            let text = fits.then(|| String::from_utf8_lossy(&attribute.value).into_owned())?;
            Some(
                quick_xml::escape::unescape(&text)
                    .map_or_else(|_| text.clone(), |value| value.into_owned()),
            )
        })
    }
}

impl<R: Read> Xml<R> {
    /// Reads from the beginning of a document.
    pub fn new(from: R) -> Xml<R> {
        let mut reader = Reader::from_reader(BufReader::with_capacity(32 << 10, from));
        let config = reader.config_mut();
        config.expand_empty_elements = true;
        // Documents that are damaged a little are read as far as they make sense.
        config.check_end_names = false;
        config.allow_unmatched_ends = true;
        config.allow_dangling_amp = true;
        Xml {
            reader,
            buffer: Vec::new(),
        }
    }

    /// The next node; `None` at the end.
    pub fn next(&mut self) -> Result<Option<Node>, Stop> {
        loop {
            self.buffer.clear();
            let node = match self.reader.read_event_into(&mut self.buffer)? {
                Event::Start(start) => Node::Open(Tag {
                    name: local(start.local_name().as_ref()),
                    start: start.into_owned(),
                }),
                Event::End(end) => Node::Close(local(end.local_name().as_ref())),
                Event::Text(text) => Node::Text(text.decode()?.into_owned()),
                Event::CData(text) => Node::Text(text.decode()?.into_owned()),
                Event::GeneralRef(reference) => Node::Text(match reference.resolve_char_ref() {
                    Ok(Some(c)) => c.to_string(),
                    _ => resolved(&reference.decode()?),
                }),
                Event::Eof => return Ok(None),
                _ => continue,
            };
            return Ok(Some(node));
        }
    }
}

fn local(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

fn resolved(entity: &str) -> String {
    match entity {
        "lt" => "<".to_owned(),
        "gt" => ">".to_owned(),
        "amp" => "&".to_owned(),
        "quot" => "\"".to_owned(),
        "apos" => "'".to_owned(),
        other => format!("&{other};"),
    }
}
