//! XML as a stream, for the formats that are made of it. Entities that a document defines are never expanded: what a
//! bomb of them would become is written here as it stands.

use crate::Stop;
use encoding_rs::{Decoder, UTF_16BE, UTF_16LE};
use quick_xml::{
    Reader,
    events::{BytesStart, Event},
};
use std::io::{self, BufReader, Read};

/// A reader of XML in UTF-8 or UTF-16.
pub struct Xml<R> {
    reader: Reader<BufReader<Utf8<R>>>,
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

    /// All attributes, names without prefixes; what declares a prefix is none.
    pub fn all(&self) -> Vec<(String, String)> {
        let mut attributes = self.start.attributes();
        attributes.with_checks(false);
        let attributes = attributes.flatten().filter(|attribute| {
            attribute
                .key
                .prefix()
                .is_none_or(|prefix| prefix.as_ref() != b"xmlns")
        });
        let names = attributes.map(|attribute| local(attribute.key.local_name().as_ref()));
        let mut found = Vec::new();
        for name in names {
            if let Some(value) = self.attribute(&name) {
                found.push((name, value));
            }
        }
        found
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
        let mut reader = Reader::from_reader(BufReader::with_capacity(32 << 10, Utf8::new(from)));
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

/// What comes in UTF-16, told by its first two bytes, goes on as UTF-8; all else goes on as it is.
struct Utf8<R> {
    from: R,
    decoder: Option<Decoder>,
    started: bool,
    ready: Vec<u8>,
    taken: usize,
    ended: bool,
}

impl<R: Read> Utf8<R> {
    fn new(from: R) -> Utf8<R> {
        Utf8 {
            from,
            decoder: None,
            started: false,
            ready: Vec::new(),
            taken: 0,
            ended: false,
        }
    }

    fn start(&mut self) -> io::Result<()> {
        self.started = true;
        let mut head = Vec::new();
        (&mut self.from).take(2).read_to_end(&mut head)?;
        let encoding = match head[..] {
            [0xff, 0xfe] | [b'<', 0] => Some(UTF_16LE),
            [0xfe, 0xff] | [0, b'<'] => Some(UTF_16BE),
            _ => None,
        };
        self.decoder = encoding.map(|encoding| encoding.new_decoder_with_bom_removal());
        match self.decoder {
            Some(_) => self.decode(&head, false),
            None => self.ready = head,
        }
        Ok(())
    }

    fn decode(&mut self, bytes: &[u8], last: bool) {
        if let Some(decoder) = &mut self.decoder {
            // Two bytes become three at most, and what a former piece began may come with them.
            let mut text = String::with_capacity(bytes.len() * 2 + 16);
            let _ = decoder.decode_to_string(bytes, &mut text, last);
            (self.ready, self.taken) = (text.into_bytes(), 0);
        }
    }
}

impl<R: Read> Read for Utf8<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.started {
            self.start()?;
        }
        while self.taken == self.ready.len() {
            if self.decoder.is_none() {
                return self.from.read(buffer);
            }
            if self.ended {
                return Ok(0);
            }
            let mut piece = vec![0; 8192];
            let count = self.from.read(&mut piece)?;
            self.ended = count == 0;
            self.decode(&piece[..count], self.ended);
        }
        let there = &self.ready[self.taken..];
        let count = there.len().min(buffer.len());
        buffer[..count].copy_from_slice(&there[..count]);
        self.taken += count;
        Ok(count)
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
