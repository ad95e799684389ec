//! What was filled into the forms of a PDF (ISO 32000-2, 12.7). A value may be shown nowhere: programs that show a form
//! draw it themselves. So it is text of its page, under the name of its field, whether it is drawn or not.

use super::pdf::string;
use crate::{Out, Stop, out::child};
use comity_extract::{Anchor, Place, Relation};
use hayro_interpret::hayro_syntax::{
    Pdf,
    object::{Array, Dict, Name, Object, Stream, String as PdfString},
};

/// Fields that lie around a field. A form has two or three; one that goes in circles has no end.
const DEPTH_MAX: usize = 16;
/// The most bytes of a value or of a part of an XFA form.
const VALUE_MAX: usize = 16 << 20;

/// The fields of a page by its widgets, each as `name: value`; `number` counts them.
pub fn widget(widget: &Dict<'_>, page: u32, number: &mut u32, out: &mut Out) -> Result<(), Stop> {
    if widget
        .get::<Name<'_>>(b"Subtype")
        .is_none_or(|kind| kind.as_str() != "Widget")
    {
        return Ok(());
    }
    let (mut names, mut label, mut value, mut secret) = (Vec::new(), None, None, false);
    let mut field = Some(widget.clone());
    for _ in 0..DEPTH_MAX {
        let Some(dict) = field else { break };
        if let Some(name) = dict.get::<PdfString<'_>>(b"T") {
            names.push(string(name.as_bytes()));
        }
        // What a person is shown as the field's name.
        label = label.or_else(|| dict.get::<PdfString<'_>>(b"TU"));
        value = value.or_else(|| words(&dict));
        secret |= dict
            .get::<i32>(b"Ff")
            .is_some_and(|flags| flags & PASSWORD != 0);
        field = dict.get::<Dict<'_>>(b"Parent");
    }
    let Some(value) = value.filter(|value| !value.trim().is_empty() && !secret) else {
        return Ok(());
    };
    names.reverse();
    let name = label.map_or_else(|| names.join("."), |label| string(label.as_bytes()));
    *number += 1;
    let words = match name.trim() {
        "" => value,
        name => format!("{name}: {value}"),
    };
    out.text(
        &Anchor::at(&[(Place::Page, page), (Place::Property, *number)]),
        &words,
    )
}

/// A field whose characters are not to be shown (table 231, bit 14).
const PASSWORD: i32 = 1 << 13;

/// The value of a field: what was typed, chosen or ticked. A box that is not ticked says nothing.
fn words(field: &Dict<'_>) -> Option<String> {
    match field.get::<Object<'_>>(b"V")? {
        Object::String(text) => Some(string(text.as_bytes())),
        Object::Name(name) if name.as_str() == "Off" => None,
        Object::Name(name) => Some(name.as_str().to_owned()),
        Object::Array(chosen) => {
            let chosen = chosen.iter::<PdfString<'_>>();
            let all: Vec<String> = chosen.map(|text| string(text.as_bytes())).collect();
            Some(all.join("; "))
        }
        Object::Stream(long) => {
            let bytes = long.decoded().ok()?;
            (bytes.len() <= VALUE_MAX).then(|| string(&bytes))
        }
        _ => None,
    }
}

/// The parts of an XFA form that hold words, each a child: `template` has the questions, `datasets` the answers. Such a
/// form's only page says that another program is needed.
pub fn xfa(pdf: &Pdf, out: &mut Out) -> Result<(), Stop> {
    let catalog = pdf.xref().get::<Dict<'_>>(pdf.xref().root_id());
    let form = catalog.and_then(|catalog| catalog.get::<Dict<'_>>(b"AcroForm"));
    let parts = match form.and_then(|form| form.get::<Object<'_>>(b"XFA")) {
        Some(Object::Stream(whole)) => vec![("form".to_owned(), whole)],
        Some(Object::Array(parts)) => named(&parts),
        _ => return Ok(()),
    };
    for (name, part) in parts {
        let child = child(Relation::Embedded, &format!("XFA {name}.xml"));
        match part.decoded() {
            Ok(bytes) if bytes.len() > VALUE_MAX => out.lost_child(
                child,
                Stop::OverLimit(format!("it is larger than {VALUE_MAX} bytes")),
            )?,
            Ok(bytes) => out.child(child, &mut &bytes[..])?,
            Err(error) => out.lost_child(child, Stop::Damaged(format!("{error:?}")))?,
        }
    }
    Ok(())
}

/// Names and streams in turn.
fn named<'a>(parts: &Array<'a>) -> Vec<(String, Stream<'a>)> {
    let mut objects = parts.iter::<Object<'_>>();
    let mut found = Vec::new();
    while let (Some(name), Some(part)) = (objects.next(), objects.next()) {
        if let (Object::String(name), Object::Stream(part)) = (name, part) {
            let name = string(name.as_bytes());
            if name == "template" || name == "datasets" {
                found.push((name, part));
            }
        }
    }
    found
}
