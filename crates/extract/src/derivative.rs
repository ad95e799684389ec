//! The text of an item as it is kept: lines of canonical JSON (`docs/format/reading.md`, *Text, kept*).

use crate::{Found, Outcome, Sink};
use comity_core::json::{Value, json, write_canonical};
use std::io::{self, Write};

/// Writes the derivative of one item. Children are not in it: they are items.
#[derive(Debug)]
pub struct Derivative<W> {
    out: W,
    reader: String,
    media: String,
    started: bool,
    line: Vec<u8>,
}

impl<W: Write> Derivative<W> {
    /// A derivative that goes to `out`, which is empty.
    pub fn new(out: W) -> Derivative<W> {
        Derivative {
            out,
            reader: String::new(),
            media: String::new(),
            started: false,
            line: Vec::new(),
        }
    }

    /// What was written to.
    pub fn into_inner(self) -> W {
        self.out
    }

    /// The first line waits for the type, which a reader says before all else.
    fn start(&mut self) -> io::Result<()> {
        if self.started {
            return Ok(());
        }
        self.started = true;
        self.write(&json!({"format": "comity/text/1", "reader": self.reader, "type": self.media}))
    }

    fn write(&mut self, line: &Value) -> io::Result<()> {
        self.line.clear();
        write_canonical(line, &mut self.line).map_err(io::Error::other)?;
        self.line.push(b'\n');
        self.out.write_all(&self.line)
    }
}

/// An output that can be emptied: a second attempt begins with nothing.
pub trait Restart {
    /// Forgets what was written.
    fn restart(&mut self) -> io::Result<()>;
}

impl Restart for Vec<u8> {
    fn restart(&mut self) -> io::Result<()> {
        self.clear();
        Ok(())
    }
}

impl Restart for std::fs::File {
    fn restart(&mut self) -> io::Result<()> {
        io::Seek::rewind(self)?;
        self.set_len(0)
    }
}

impl<W: Write + Restart> Sink for Derivative<W> {
    fn begin(&mut self, reader: &str) -> io::Result<()> {
        self.out.restart()?;
        self.reader = reader.to_owned();
        self.media = "application/octet-stream".to_owned();
        self.started = false;
        Ok(())
    }

    fn take(&mut self, found: Found<'_>) -> io::Result<()> {
        match found {
            Found::Type { media, .. } if !self.started => {
                self.media = media.to_owned();
                return Ok(());
            }
            Found::Type { .. } | Found::Child(_) | Found::ChildBytes(_) | Found::ChildEnd(_) => {
                return Ok(());
            }
            // Pictures are drawn at another time, and kept by themselves.
            Found::Picture(_) | Found::PictureBytes(_) => return Ok(()),
            Found::Field { .. } | Found::Text { .. } | Found::Missing(_) => {}
        }
        self.start()?;
        match found {
            Found::Field { name, value, from } => {
                self.write(&json!({"field": name, "from": from, "value": value}))
            }
            Found::Text { at, text } => {
                let steps: Vec<_> =
                    at.0.iter()
                        .map(|(place, number)| json!([place.name(), number]))
                        .collect();
                self.write(&json!({"at": steps, "text": text}))
            }
            Found::Missing(what) => self.write(&json!({"missing": what})),
            _ => Ok(()),
        }
    }

    fn end(&mut self, outcome: &Outcome) -> io::Result<()> {
        self.start()?;
        self.write(&json!({"reason": outcome.reason, "state": outcome.state.name()}))?;
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Anchor, Place, State};

    #[test]
    fn a_derivative_is_what_the_format_says() -> Result<(), Box<dyn std::error::Error>> {
        let mut text = Derivative::new(Vec::new());
        text.begin("reader 1")?;
        text.take(Found::Missing("thrown away with the first attempt"))?;
        text.begin("reader 1")?;
        text.take(Found::Type {
            media: "application/pdf",
            name: "PDF",
        })?;
        text.take(Found::Field {
            name: "title",
            value: "Акт",
            from: "PDF Title",
        })?;
        let at = Anchor::at(&[(Place::Page, 1), (Place::Paragraph, 2)]);
        text.take(Found::Text {
            at: &at,
            text: "зобов’язання\n",
        })?;
        text.take(Found::Missing("page 3 is a picture without text"))?;
        text.end(&Outcome::new(State::InPart, ""))?;
        let expected = "\
            {\"format\":\"comity/text/1\",\"reader\":\"reader 1\",\"type\":\"application/pdf\"}\n\
            {\"field\":\"title\",\"from\":\"PDF Title\",\"value\":\"Акт\"}\n\
            {\"at\":[[\"page\",1],[\"paragraph\",2]],\"text\":\"зобов’язання\\n\"}\n\
            {\"missing\":\"page 3 is a picture without text\"}\n\
            {\"reason\":\"\",\"state\":\"read in part\"}\n";
        assert_eq!(String::from_utf8(text.into_inner())?, expected);
        Ok(())
    }
}
