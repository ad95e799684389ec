//! Drawings of AutoCAD since version 2004: what their summary says. The drawing itself is not read.

use crate::{
    Input, Out, Stop,
    ints::{u16_at, u32_at, utf16},
    time,
};

/// A summary of more bytes is none.
const SUMMARY_MAX: usize = 1 << 20;
const FIELDS: [&str; 8] = [
    "title",
    "subject",
    "author",
    "keywords",
    "comment",
    "last_author",
    "",
    "link",
];

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let head = input.bytes_at(0, 0x24);
    // Since 2007 letters have two bytes.
    let is_wide = match head.get(..6) {
        Some(b"AC1018") => false,
        Some(b"AC1021" | b"AC1024" | b"AC1027" | b"AC1032") => true,
        _ => {
            return Err(Stop::Unsupported(
                "a drawing of AutoCAD before 2004".to_owned(),
            ));
        }
    };
    let bytes = input.bytes_at(u32_at(&head, 0x20).into(), SUMMARY_MAX);
    let mut summary = Summary {
        rest: &bytes,
        is_wide,
    };
    let cut = || Stop::Damaged("its summary is not there".to_owned());
    for field in FIELDS {
        let text = summary.text().ok_or_else(cut)?;
        match field {
            "" => {}
            "link" => out.field(field, &text, "DWG summary")?,
            _ => out.property(field, &text, "DWG summary")?,
        }
    }
    // How long it was worked on, and then two times.
    for (place, field) in [(8, "created"), (16, "modified")] {
        out.field(
            field,
            &moment(summary.rest.get(place..).unwrap_or_default()),
            "DWG summary",
        )?;
    }
    let count = u16_at(summary.rest, 24);
    summary.rest = summary.rest.get(26..).unwrap_or_default();
    for _ in 0..count {
        let (Some(name), Some(value)) = (summary.text(), summary.text()) else {
            break;
        };
        out.property("comment", &value, &format!("DWG summary, {name}"))?;
    }
    out.missing("the drawing itself: its texts are not read");
    Ok(())
}

struct Summary<'a> {
    rest: &'a [u8],
    is_wide: bool,
}

impl Summary<'_> {
    /// A length in letters, and the letters, with a zero at their end.
    fn text(&mut self) -> Option<String> {
        let count = usize::from(u16_at(self.rest, 0));
        let length = if self.is_wide { count * 2 } else { count };
        let (text, rest) = self.rest.get(2..)?.split_at_checked(length)?;
        self.rest = rest;
        let text = if self.is_wide {
            utf16(text)
        } else {
            crate::decode::name(text)
        };
        Some(text.trim_end_matches('\0').to_owned())
    }
}

/// The day as the Julian calendar counts it, and thousandths of a second; whose clock it was is not said.
fn moment(bytes: &[u8]) -> String {
    let (day, part) = (
        i64::from(u32_at(bytes, 0)),
        i64::from(u32_at(bytes, 4)) / 1000,
    );
    let moment = (day > 0)
        .then(|| time::unix((day - 2_440_588) * 86_400 + part))
        .flatten();
    moment.unwrap_or_default().trim_end_matches('Z').to_owned()
}
