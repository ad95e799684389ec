//! What a text tells beside its words: the languages that it is in, and the dates and places on the map that stand in
//! it (`docs/format/reading.md`, *Fields*).
//!
//! It is gathered while the text goes by, and given as fields at the end of the reading.

mod cursor;
mod dates;
mod grid;
mod language;
mod positions;

use comity_extract::Anchor;
use std::collections::HashSet;

use dates::Said;
use language::Languages;

/// Different days, and different places, that are given of one item. The text itself is always whole.
const MOST: usize = 4000;
/// Bytes of a quotation in the origin of a finding.
const QUOTED: usize = 80;

/// What was noticed so far.
#[derive(Default)]
pub struct Notice {
    languages: Languages,
    dates: Noticed,
    positions: Noticed,
}

/// Findings by value, each where it stands first.
#[derive(Default)]
struct Noticed {
    seen: HashSet<String>,
    fields: Vec<(&'static str, String, String)>,
    left_out: u64,
}

impl Noticed {
    /// Takes a finding, unless its `key` is known.
    fn put(&mut self, name: &'static str, key: &str, value: &str, at: &Anchor, words: &str) {
        if self.seen.contains(key) {
            return;
        }
        if self.seen.len() == MOST {
            self.left_out += 1;
            return;
        }
        self.seen.insert(key.to_owned());
        let words = &words[..words.floor_char_boundary(QUOTED)];
        let words: Vec<&str> = words.split_whitespace().collect();
        let mut from = at.to_string();
        if from.is_empty() {
            from.push_str("text");
        }
        self.fields.push((
            name,
            value.to_owned(),
            format!("{from}: {}", words.join(" ")),
        ));
    }
}

impl Notice {
    /// Looks through a piece of text.
    pub fn text(&mut self, at: &Anchor, text: &str) {
        self.languages.text(at, text);
        dates::dates(text, &mut |words, said| match said {
            // A day is given once, with the time that it is first mentioned with.
            Said::Sure(value) => {
                let day = value.get(..10).unwrap_or(&value).to_owned();
                self.dates.put("date", &day, &value, at, words);
            }
            Said::Either(one, other) => {
                let value = format!("{one} or {other}");
                self.dates.put("date_ambiguous", &value, &value, at, words);
            }
        });
        positions::positions(text, &mut |words, north, east| {
            let value = format!("{north:.6},{east:.6}");
            self.positions.put("position", &value, &value, at, words);
        });
    }

    /// What was noticed: name, value, and where it stands.
    pub fn fields(self) -> Vec<(&'static str, String, String)> {
        let mut fields = self.languages.fields();
        for (noticed, more) in [(self.dates, "dates"), (self.positions, "positions")] {
            fields.extend(noticed.fields);
            if noticed.left_out > 0 {
                let value = format!("{more}: {} more mentions", noticed.left_out);
                fields.push(("not_listed", value, "text".to_owned()));
            }
        }
        fields
    }
}
