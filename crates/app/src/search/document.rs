//! What the index is told of an item: what its first event says, and what was read in it.

use comity_core::json::Value;
use comity_extract::{Anchor, KeptLine, Place};
use comity_index::{Dated, Document, Located, Passage, Spoken};
use comity_search::query::{Field, Thing};

use crate::ambient::time_micros;
use crate::error::Result;
use crate::item::Item;
use crate::read::OpenedEvent;
use crate::reading::{Further, Pass, Reading};

/// The document of an item that was received, or found inside of another; `None` once its content has been erased.
pub(super) fn received(event: &OpenedEvent) -> Option<Document> {
    if event.is_erased() {
        return None;
    }
    let text = |name: &str| event.text(name).map(str::to_owned);
    let (modified, origin) = match event.value("file") {
        Some(file) => (file.get("mtime").and_then(Value::as_str), LAST_CHANGE),
        None => (event.text("modified"), IN_CONTAINER),
    };
    Some(Document {
        ern: text("ern")?,
        case: text("case")?,
        states: text("state").into_iter().collect(),
        source: text("source"),
        handling: text("handling"),
        size: event.value("size").and_then(Value::as_u64).unwrap_or(0),
        received: event.text("time").and_then(time_micros).unwrap_or(0),
        dates: modified
            .and_then(|time| dated(time, origin, true))
            .into_iter()
            .collect(),
        path: text("path")?,
        details: details(event),
        ..Document::default()
    })
}

/// What else the event says in words: how the item was collected, what the deliverer said of it, its digests.
fn details(event: &OpenedEvent) -> Vec<(String, String)> {
    const NAMES: [&str; 9] = [
        "collected",
        "provenance",
        "role",
        "reason",
        "link",
        "relation",
        "sha256",
        "md5",
        "sha1",
    ];
    let mut details = Vec::new();
    for name in NAMES {
        if let Some(value) = event.value(name) {
            gather(name, value, &mut details);
        }
    }
    details
}

fn gather(label: &str, value: &Value, out: &mut Vec<(String, String)>) {
    match value {
        Value::String(text) => out.push((label.to_owned(), text.clone())),
        Value::Number(number) => out.push((label.to_owned(), number.to_string())),
        Value::Array(values) => values.iter().for_each(|v| gather(label, v, out)),
        Value::Object(members) => {
            for (name, value) in members {
                gather(&format!("{label}: {name}"), value, out);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

/// Adds what was read in the item.
pub(super) fn add_reading(document: &mut Document, reading: &Reading) -> Result<()> {
    document.states.push(reading.state.name().to_owned());
    document.media_type.clone_from(&reading.media);
    if !reading.reason.is_empty() {
        let reason = ("reading".to_owned(), reading.reason.clone());
        document.details.push(reason);
    }
    if let Some((md5, sha1)) = &reading.md5_and_sha1 {
        for (label, digest) in [("md5", md5), ("sha1", sha1)] {
            if document.details.iter().all(|(known, _)| known != label) {
                document.details.push((label.to_owned(), digest.clone()));
            }
        }
    }
    if reading.children > 0 {
        document.has.push(Thing::Children);
    }
    let mut last: Option<Anchor> = None;
    let mut stated = Vec::new();
    reading.each_line(&mut |line| {
        match line {
            KeptLine::Field { name, value, from } if name == "language" => {
                let origin = format!("stated: {from}");
                stated.extend(language(&value).map(|code| Spoken { code, origin }));
            }
            KeptLine::Field { name, value, from } => add_field(document, &name, value, &from),
            KeptLine::Text { at, text } => add_text(document, "", &mut last, at, text),
            KeptLine::Head { .. } | KeptLine::Missing(_) | KeptLine::End(_) => {}
        }
        Ok(true)
    })?;
    // What a document says of its own language is often its program's default.
    if document.languages.is_empty() {
        document.languages = stated;
    }
    Ok(())
}

/// Adds what a further pass made of the item: that there is something to look at, and recognised text, of which every
/// place says that it was.
pub(super) fn add_further(document: &mut Document, item: &Item, further: &Further) -> Result<()> {
    let Some(made) = &further.made else {
        return Ok(());
    };
    if !made.pictures.is_empty() {
        document.has.push(Thing::Thumbnail);
    }
    if further.pass != Pass::Recognise {
        return Ok(());
    }
    let before = document.text.len();
    let mut last: Option<Anchor> = None;
    made.each_line(item, &mut |line| {
        if let KeptLine::Text { at, text } = line {
            add_text(document, "by OCR: ", &mut last, at, text);
        }
        Ok(true)
    })?;
    if document.text.len() > before {
        document.has.push(Thing::Ocr);
    }
    Ok(())
}

/// Adds a piece of text; `how` stands before its place.
fn add_text(
    document: &mut Document,
    how: &str,
    last: &mut Option<Anchor>,
    at: Anchor,
    text: String,
) {
    match (document.text.last_mut(), &*last) {
        // Pieces that follow each other with one anchor are one passage.
        (Some(passage), Some(before)) if *before == at => passage.text.push_str(&text),
        (_, before) => document.text.push(Passage {
            anchor: format!("{how}{at}"),
            text,
            flows: before.as_ref().is_some_and(|b| beside(b) == beside(&at)),
        }),
    }
    *last = Some(at);
}

/// Where a text stands but for its pages, paragraphs and lines: over these it flows.
fn beside(at: &Anchor) -> Vec<(Place, u32)> {
    let flowing = |place: &Place| matches!(place, Place::Page | Place::Paragraph | Place::Line);
    at.0.iter().filter(|(p, _)| !flowing(p)).copied().collect()
}

fn add_field(document: &mut Document, name: &str, value: String, from: &str) {
    let field = match name {
        "author" | "last_author" => Some(Field::Author),
        "from" => Some(Field::From),
        "to" | "cc" | "bcc" => Some(Field::To),
        "subject" => Some(Field::Subject),
        _ => None,
    };
    match (field, name) {
        (Some(field), _) => document.named.push((field, value)),
        (None, "created" | "modified" | "printed" | "sent" | "received" | "taken") => {
            document
                .dates
                .extend(dated(&value, &format!("{name}, {from}"), true));
        }
        (None, "date" | "date_ambiguous") => document.dates.extend(dated(&value, from, false)),
        (None, "position") => document.points.extend(position(&value, from)),
        (None, "language_detected") => document.languages.push(Spoken {
            code: value,
            origin: format!("detected: {from}"),
        }),
        (None, "not_listed") => {}
        (None, "encoding" | "pages" | "slides" | "sheets" | "rows" | "columns") => {}
        (None, "width" | "height" | "duration" | "orientation" | "altitude") => {}
        (None, "scanned_pages" | "pictured_pages") => {}
        (None, "perceptual_hash") => document.looks = u64::from_str_radix(&value, 16).ok(),
        (None, _) => document.details.push((name.to_owned(), value)),
    }
}

/// Where the first date of a file comes from, and of what is inside of another.
const LAST_CHANGE: &str = "time of the file's last change";
const IN_CONTAINER: &str = "time of change that its container says";

/// A date as a reader gives it: a moment, a day, a month, or one of two days.
fn dated(text: &str, origin: &str, own: bool) -> Option<Dated> {
    let (from, to) = match text.split_once(" or ") {
        Some((one, other)) => (period(one)?.0, period(other)?.1),
        None => period(text)?,
    };
    Some(Dated {
        from,
        to,
        shown: text.to_owned(),
        origin: origin.to_owned(),
        own,
    })
}

/// From when to when, in microseconds since 1970. What has no offset is taken for UTC, so that it is found within a
/// day of where it belongs.
fn period(text: &str) -> Option<(i64, i64)> {
    let moment = |text: &str| time_micros(text).or_else(|| time_micros(&format!("{text}Z")));
    let day = |date: jiff::civil::Date| moment(&format!("{date}T00:00:00Z"));
    match text.len() {
        7 => {
            let first: jiff::civil::Date = format!("{text}-01").parse().ok()?;
            let next = first.last_of_month().tomorrow().ok()?;
            Some((day(first)?, day(next)?))
        }
        10 => {
            let date: jiff::civil::Date = text.parse().ok()?;
            Some((day(date)?, day(date.tomorrow().ok()?)?))
        }
        _ => moment(text).map(|at| (at, at.saturating_add(1))),
    }
}

/// Latitude and longitude.
fn position(text: &str, origin: &str) -> Option<Located> {
    let (north, east) = text.split_once(',')?;
    let (north, east): (f64, f64) = (north.trim().parse().ok()?, east.trim().parse().ok()?);
    let is_on_earth = north.abs() <= 90.0 && east.abs() <= 180.0;
    let origin = origin.to_owned();
    is_on_earth.then_some(Located {
        north,
        east,
        origin,
    })
}

/// The code of a language as a document states it: `uk` of `uk-UA`.
fn language(text: &str) -> Option<String> {
    let code = text.split(['-', '_']).next()?.to_lowercase();
    let is_code = (2..=3).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_lowercase());
    is_code.then_some(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reader_found_becomes_what_is_asked_for() {
        let mut document = Document::default();
        for (name, value) in [
            ("from", "Olena <o@example.org>"),
            ("cc", "Ivan <i@example.org>"),
            ("sent", "2022-02-24T04:00:00+02:00"),
            ("taken", "2022-02-24T04:00:00"),
            ("position", "48.019542,37.803427"),
            ("position", "148.0,37.8"),
            ("language_detected", "uk"),
            ("date", "2022-02"),
            ("date_ambiguous", "2022-03-04 or 2022-04-03"),
            ("rows", "17"),
            ("title", "Акт"),
        ] {
            add_field(&mut document, name, value.to_owned(), "here");
        }
        assert_eq!(document.named[0].0, Field::From);
        assert_eq!(document.named[1].0, Field::To);
        const DAY: i64 = 86_400_000_000;
        let dates = &document.dates;
        assert_eq!(dates[1].from - dates[0].from, 2 * 3_600_000_000);
        assert_eq!(dates[0].origin, "sent, here");
        assert!(dates[0].own && !dates[2].own);
        assert_eq!(dates[2].to - dates[2].from, 28 * DAY);
        assert_eq!(dates[3].to - dates[3].from, 31 * DAY);
        let points: Vec<_> = document.points.iter().map(|p| (p.north, p.east)).collect();
        assert_eq!(points, [(48.019542, 37.803427)]);
        assert_eq!(document.languages[0].code, "uk");
        assert_eq!(language("uk-UA").as_deref(), Some("uk"));
        assert_eq!(document.details, [("title".to_owned(), "Акт".to_owned())]);
    }
}
