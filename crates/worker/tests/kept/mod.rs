//! What was found in an item, and small files to find it in.

#![allow(dead_code)]

use comity_extract::{Asked, Child, Found, Limits, Outcome, Picture, Readers, Sink, State};
use std::io::{self, Write};

#[derive(Default)]
pub struct Kept {
    pub media: String,
    pub text: String,
    /// Each piece with where it stands.
    pub passages: Vec<String>,
    pub fields: Vec<(String, String)>,
    pub children: Vec<(Child, Vec<u8>, Option<Outcome>)>,
    pub missing: Vec<String>,
    pub pictures: Vec<(Picture, Vec<u8>)>,
    pub attempts: u32,
}

impl Kept {
    pub fn field(&self, name: &str) -> &str {
        self.fields
            .iter()
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }
}

impl Sink for Kept {
    fn begin(&mut self, _reader: &str) -> io::Result<()> {
        *self = Kept {
            attempts: self.attempts + 1,
            ..Kept::default()
        };
        Ok(())
    }

    fn take(&mut self, found: Found<'_>) -> io::Result<()> {
        match found {
            Found::Type { media, .. } => self.media = media.to_owned(),
            Found::Field { name, value, .. } => {
                self.fields.push((name.to_owned(), value.to_owned()))
            }
            Found::Text { at, text } => {
                self.text.push_str(text);
                self.passages.push(format!("[{at}] {text}"));
            }
            Found::Child(child) => self.children.push((child.clone(), Vec::new(), None)),
            Found::ChildBytes(bytes) => {
                if let Some(child) = self.children.last_mut() {
                    child.1.extend(bytes);
                }
            }
            Found::ChildEnd(outcome) => {
                if let Some(child) = self.children.last_mut() {
                    child.2 = Some(outcome.clone());
                }
            }
            Found::Missing(what) => self.missing.push(what.to_owned()),
            Found::Picture(picture) => self.pictures.push((picture.clone(), Vec::new())),
            Found::PictureBytes(bytes) => {
                if let Some((_, kept)) = self.pictures.last_mut() {
                    kept.extend(bytes);
                }
            }
        }
        Ok(())
    }

    fn end(&mut self, _outcome: &Outcome) -> io::Result<()> {
        Ok(())
    }
}

pub fn readers(limits: Limits) -> Readers {
    Readers::new(env!("CARGO_BIN_EXE_extract-worker").into(), limits)
}

pub fn read(name: &str, bytes: &[u8]) -> (Outcome, Kept) {
    ask(Asked::Read, name, bytes)
}

pub fn ask(asked: Asked, name: &str, bytes: &[u8]) -> (Outcome, Kept) {
    let mut kept = Kept::default();
    let outcome = readers(Limits::default())
        .ask(asked, name, bytes, &mut kept)
        .expect("the worker runs");
    (outcome, kept)
}

/// How a child ended.
pub fn end_of(child: &(Child, Vec<u8>, Option<Outcome>)) -> State {
    child.2.as_ref().expect("every child ends").state
}

/// A ZIP with these members.
pub fn zip(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        // OpenDocument asks for this one to be stored as it is.
        let method = if *name == "mimetype" {
            zip::CompressionMethod::Stored
        } else {
            zip::CompressionMethod::Deflated
        };
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        writer.start_file(*name, options).expect("in memory");
        writer.write_all(bytes).expect("in memory");
    }
    writer.finish().expect("in memory").into_inner()
}
