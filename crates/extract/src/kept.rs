//! Reading back the text of an item as it is kept, a line at a time (`docs/format/reading.md`, *Text, kept*).

use crate::{Anchor, Outcome, Place, State};
use comity_core::json::{Value, parse_canonical};

/// One line of a derivative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptLine {
    /// The first: by which reader, and of what type.
    Head {
        /// Name and version of the reader.
        reader: String,
        /// Media type.
        media: String,
    },
    /// A field of metadata.
    Field {
        /// Its name.
        name: String,
        /// Its value.
        value: String,
        /// Where in the file it stands.
        from: String,
    },
    /// A piece of text.
    Text {
        /// Where it stands.
        at: Anchor,
        /// The text.
        text: String,
    },
    /// Something that was not read, and why.
    Missing(String),
    /// The last: how the reading ended.
    End(Outcome),
}

impl KeptLine {
    /// Reads a line without its line feed; `None` for one that no writer of this version wrote.
    pub fn parse(line: &[u8]) -> Option<KeptLine> {
        let line = parse_canonical(line).ok()?;
        let text = |name: &str| Some(line.get(name)?.as_str()?.to_owned());
        if line.get("text").is_some() {
            return Some(KeptLine::Text {
                at: anchor(line.get("at")?)?,
                text: text("text")?,
            });
        }
        if line.get("field").is_some() {
            return Some(KeptLine::Field {
                name: text("field")?,
                value: text("value")?,
                from: text("from")?,
            });
        }
        if let Some(what) = text("missing") {
            return Some(KeptLine::Missing(what));
        }
        if let Some(state) = text("state") {
            return Some(KeptLine::End(Outcome::new(
                State::named(&state)?,
                text("reason")?,
            )));
        }
        (text("format")? == "comity/text/1").then_some(())?;
        Some(KeptLine::Head {
            reader: text("reader")?,
            media: text("type")?,
        })
    }
}

fn anchor(value: &Value) -> Option<Anchor> {
    let steps = value.as_array()?.iter().map(|step| {
        let [place, number] = step.as_array()?.as_slice() else {
            return None;
        };
        let place = Place::named(place.as_str()?)?;
        Some((place, u32::try_from(number.as_u64()?).ok()?))
    });
    steps.collect::<Option<_>>().map(Anchor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Derivative, Found, Sink};

    #[test]
    fn what_is_written_is_read_back() -> Result<(), Box<dyn std::error::Error>> {
        let mut text = Derivative::new(Vec::new());
        text.begin("reader 1")?;
        let at = Anchor::at(&[(Place::Page, 1), (Place::Paragraph, 2)]);
        let found = [
            Found::Field {
                name: "title",
                value: "Акт",
                from: "PDF Title",
            },
            Found::Text {
                at: &at,
                text: "а\n\"б\"",
            },
            Found::Missing("page 3"),
        ];
        for found in found {
            text.take(found)?;
        }
        let end = Outcome::new(State::InPart, "why");
        text.end(&end)?;
        let kept = text.into_inner();
        let lines: Option<Vec<KeptLine>> = kept
            .split(|b| *b == b'\n')
            .filter(|line| !line.is_empty())
            .map(KeptLine::parse)
            .collect();
        let expected = vec![
            KeptLine::Head {
                reader: "reader 1".to_owned(),
                media: "application/octet-stream".to_owned(),
            },
            KeptLine::Field {
                name: "title".to_owned(),
                value: "Акт".to_owned(),
                from: "PDF Title".to_owned(),
            },
            KeptLine::Text {
                at,
                text: "а\n\"б\"".to_owned(),
            },
            KeptLine::Missing("page 3".to_owned()),
            KeptLine::End(end),
        ];
        assert_eq!(lines, Some(expected));
        assert_eq!(KeptLine::parse(b"{\"field\":\"title\"}"), None);
        Ok(())
    }
}
