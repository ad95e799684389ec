//! PDF: text by page and paragraph, in the order in which the page is drawn; comments, links, files within.

use super::{c2pa, cover::Cover, form, xmp};
use crate::{Input, Out, Stop, decode, out::child, time};
use comity_extract::{Anchor, Place, Relation};
use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps,
    InterpreterCache, InterpreterSettings, RectExt, SoftMask, TransformExt,
    font::{Glyph, GlyphRun},
    hayro_cmap::BfString,
    hayro_syntax::{
        DecryptionError, LoadPdfError, Pdf,
        object::{Array, DateTime, Dict, Name, Object, Stream, String as PdfString},
        page::Page,
    },
    interpret_page,
    kurbo::{Affine, BezPath, Point},
};

/// The largest PDF that is read: it is held in memory.
const PDF_MAX: u64 = 400 << 20;
/// The most bytes of a file within a PDF.
const FILE_MAX: usize = 256 << 20;

pub fn read(input: &Input, out: &mut Out) -> Result<(), Stop> {
    let pdf = open(input)?;
    metadata(&pdf, out)?;
    let cache = InterpreterCache::new();
    let (mut bare, mut pictured) = (Vec::new(), Vec::new());
    for (number, page) in (1_u32..).zip(pdf.pages().iter()) {
        let cover = one_page(&pdf, page, number, &cache, out)?;
        if cover.is_scan() {
            bare.push(number);
        } else if cover.may_show_words() {
            pictured.push(number);
        }
    }
    if !out.has_text() {
        let known = pdf.metadata();
        for value in [&known.title, &known.subject] {
            out.property_words(&string(value.as_deref().unwrap_or_default()))?;
        }
    }
    if !bare.is_empty() {
        out.field("scanned_pages", &ranges(&bare), "pages that are pictures")?;
        out.missing(&format!("pictures without text: page {}", ranges(&bare)));
    }
    if !pictured.is_empty() {
        out.field("pictured_pages", &ranges(&pictured), "pages with pictures")?;
    }
    if has_hidden_layers(&pdf) {
        out.missing("layers that are switched off: what stands on them alone is not read");
    }
    form::xfa(&pdf, out)?;
    files(&pdf, out)?;
    match manifest(&pdf) {
        Some(store) => c2pa::read_document(input, pdf.data().as_ref(), store, out),
        None => Ok(()),
    }
}

/// The C2PA manifest of the document: of the files that belong to it, the last one that is said to be that.
fn manifest(pdf: &Pdf) -> Option<Vec<u8>> {
    let catalog = pdf.xref().get::<Dict<'_>>(pdf.xref().root_id())?;
    let files = catalog.get::<Array<'_>>(b"AF")?;
    let is_manifest = |file: &Dict<'_>| {
        let relation = file.get::<Name<'_>>(b"AFRelationship");
        relation.is_some_and(|name| &*name == b"C2PA_Manifest")
    };
    let file = files.iter::<Dict<'_>>().filter(is_manifest).last()?;
    let embedded = file.get::<Dict<'_>>(b"EF")?;
    let stream = embedded
        .get::<Stream<'_>>(b"F")
        .or_else(|| embedded.get::<Stream<'_>>(b"UF"))?;
    // What cannot be unpacked is no manifest that could be read.
    Some(stream.decoded().unwrap_or_default().into_owned())
}

/// Opens it, with an empty passphrase where one is needed.
pub fn open(input: &Input) -> Result<Pdf, Stop> {
    if input.size() > PDF_MAX {
        return Err(Stop::OverLimit(format!(
            "a PDF of more than {} MiB",
            PDF_MAX >> 20
        )));
    }
    Pdf::new(input.bytes_at(0, PDF_MAX as usize)).map_err(|error| match error {
        LoadPdfError::Decryption(DecryptionError::PasswordProtected) => {
            Stop::Encrypted("the PDF has a passphrase".to_owned())
        }
        LoadPdfError::Decryption(other) => {
            Stop::Encrypted(format!("its encryption cannot be undone: {other:?}"))
        }
        LoadPdfError::Invalid => Stop::Damaged("it has no pages that can be found".to_owned()),
    })
}

/// Whether layers (optional content) are switched off as the document comes: they are not drawn, and so not seen here.
fn has_hidden_layers(pdf: &Pdf) -> bool {
    let catalog = pdf.xref().get::<Dict<'_>>(pdf.xref().root_id());
    let layers = catalog.and_then(|catalog| catalog.get::<Dict<'_>>(b"OCProperties"));
    let shown = layers.and_then(|layers| layers.get::<Dict<'_>>(b"D"));
    shown
        .and_then(|shown| shown.get::<Array<'_>>(b"OFF"))
        .is_some_and(|off| off.iter::<Object<'_>>().next().is_some())
}

fn metadata(pdf: &Pdf, out: &mut Out) -> Result<(), Stop> {
    let known = pdf.metadata();
    for (field, value, from) in [
        ("title", &known.title, "PDF Title"),
        ("author", &known.author, "PDF Author"),
        ("subject", &known.subject, "PDF Subject"),
        ("keywords", &known.keywords, "PDF Keywords"),
        ("application", &known.creator, "PDF Creator"),
        ("software", &known.producer, "PDF Producer"),
    ] {
        out.field(field, &string(value.as_deref().unwrap_or_default()), from)?;
    }
    for (field, value, from) in [
        ("created", &known.creation_date, "PDF CreationDate"),
        ("modified", &known.modification_date, "PDF ModDate"),
    ] {
        out.field(
            field,
            &value.as_ref().and_then(date).unwrap_or_default(),
            from,
        )?;
    }
    let catalog = pdf.xref().get::<Dict<'_>>(pdf.xref().root_id());
    let packet = catalog.and_then(|catalog| catalog.get::<Stream<'_>>(b"Metadata"));
    if let Some(Ok(packet)) = packet.map(|packet| packet.decoded()) {
        xmp::packet(&packet, out)?;
    }
    out.field("pages", &pdf.pages().len().to_string(), "counted")
}

fn date(at: &DateTime) -> Option<String> {
    let civil = time::civil(
        at.year.into(),
        at.month.into(),
        at.day.into(),
        at.hour.into(),
        at.minute.into(),
        at.second.into(),
    )?;
    // No offset and the offset of zero are read alike; none is guessed.
    let offset = i32::from(at.utc_offset_hour);
    if offset == 0 && at.utc_offset_minute == 0 {
        return Some(civil);
    }
    let sign = if offset < 0 { '-' } else { '+' };
    Some(format!(
        "{civil}{sign}{:02}:{:02}",
        offset.abs(),
        at.utc_offset_minute
    ))
}

/// A text string of PDF: UTF-16 or UTF-8 with a mark, or eight bits, which many programs fill with a code page.
pub fn string(bytes: &[u8]) -> String {
    match bytes {
        [0xfe, 0xff, ..] | [0xff, 0xfe, ..] | [0xef, 0xbb, 0xbf, ..] => {
            match encoding_rs::Encoding::for_bom(bytes) {
                Some((encoding, _)) => encoding.decode(bytes).0.into_owned(),
                None => String::new(),
            }
        }
        _ => decode::name(bytes),
    }
}

/// Reads the text of a page; what of it pictures cover.
fn one_page<'a>(
    pdf: &'a Pdf,
    page: &Page<'a>,
    number: u32,
    cache: &InterpreterCache<'a>,
    out: &mut Out,
) -> Result<Cover, Stop> {
    let seen = look(pdf, page, cache);
    for (index, text) in (1_u32..).zip(&seen.paragraphs) {
        out.text(
            &Anchor::at(&[(Place::Page, number), (Place::Paragraph, index)]),
            text,
        )?;
    }
    let count = seen.cover.unknown_letters();
    if count > 0 {
        out.missing(&format!(
            "page {number}: {count} characters whose fonts do not say which they are"
        ));
    }
    annotations(page, number, out)?;
    Ok(seen.cover)
}

/// What is drawn on a page.
fn look<'a>(pdf: &'a Pdf, page: &Page<'a>, cache: &InterpreterCache<'a>) -> Seen {
    let mut context = Context::new(
        page.initial_transform(true).to_kurbo(),
        page.intersected_crop_box().to_kurbo(),
        cache,
        pdf.xref(),
        InterpreterSettings::default(),
    );
    let mut seen = Seen {
        paragraphs: Vec::new(),
        text: String::new(),
        last: None,
        cover: Cover::new(page.render_dimensions()),
    };
    interpret_page(page, &mut context, &mut seen);
    seen.end_paragraph();
    seen
}

/// Whether something on a page may be words that are no text: then its characters are to be recognised.
pub fn may_show_words<'a>(pdf: &'a Pdf, page: &Page<'a>) -> bool {
    look(pdf, page, &InterpreterCache::new())
        .cover
        .may_show_words()
}

fn annotations(page: &Page<'_>, number: u32, out: &mut Out) -> Result<(), Stop> {
    let Some(all) = page.raw().get::<Array<'_>>(b"Annots") else {
        return Ok(());
    };
    let (mut comments, mut fields) = (0, 0);
    for annotation in all.iter::<Dict<'_>>() {
        form::widget(&annotation, number, &mut fields, out)?;
        if let Some(text) = annotation.get::<PdfString<'_>>(b"Contents") {
            let text = string(text.as_bytes());
            if !text.trim().is_empty() {
                comments += 1;
                out.text(
                    &Anchor::at(&[(Place::Page, number), (Place::Comment, comments)]),
                    &text,
                )?;
            }
        }
        let action = annotation.get::<Dict<'_>>(b"A");
        if let Some(target) = action.and_then(|action| action.get::<PdfString<'_>>(b"URI")) {
            out.field(
                "link",
                &string(target.as_bytes()),
                &format!("page {number}"),
            )?;
        }
    }
    Ok(())
}

/// Files that were put into the PDF.
fn files(pdf: &Pdf, out: &mut Out) -> Result<(), Stop> {
    for object in pdf.objects() {
        let Object::Dict(dict) = object else { continue };
        let Some(embedded) = dict.get::<Dict<'_>>(b"EF") else {
            continue;
        };
        let stream = embedded
            .get::<Stream<'_>>(b"UF")
            .or_else(|| embedded.get::<Stream<'_>>(b"F"));
        let name = dict
            .get::<PdfString<'_>>(b"UF")
            .or_else(|| dict.get::<PdfString<'_>>(b"F"));
        let name = name.map_or_else(|| "file".to_owned(), |name| string(name.as_bytes()));
        let child = child(Relation::Embedded, &name);
        match stream.map(|stream| stream.decoded()) {
            Some(Ok(bytes)) if bytes.len() > FILE_MAX => {
                out.lost_child(
                    child,
                    Stop::OverLimit(format!("it is larger than {FILE_MAX} bytes")),
                )?;
            }
            Some(Ok(bytes)) => out.child(child, &mut &bytes[..])?,
            Some(Err(error)) => out.lost_child(child, Stop::Damaged(format!("{error:?}")))?,
            None => out.lost_child(child, Stop::Damaged("the file is not there".to_owned()))?,
        }
    }
    Ok(())
}

/// 1–3, 7
fn ranges(numbers: &[u32]) -> String {
    let mut spans: Vec<(u32, u32)> = Vec::new();
    for number in numbers {
        match spans.last_mut() {
            Some((_, last)) if *last + 1 == *number => *last = *number,
            _ => spans.push((*number, *number)),
        }
    }
    let shown = |(from, to): &(u32, u32)| {
        if from == to {
            from.to_string()
        } else {
            format!("{from}–{to}")
        }
    };
    spans.iter().map(shown).collect::<Vec<_>>().join(", ")
}

/// Gathers glyphs into words, lines and paragraphs by where they stand.
struct Seen {
    paragraphs: Vec<String>,
    text: String,
    /// Where the last glyph ended, and how high its font is.
    last: Option<(Point, f64)>,
    cover: Cover,
}

impl Seen {
    fn end_paragraph(&mut self) {
        let text = std::mem::take(&mut self.text);
        // Lines are joined by a line feed, and a word that a hyphen breaks is left as it stands on the page.
        if !text.trim().is_empty() {
            self.paragraphs.push(text.trim().to_owned());
        }
    }

    fn glyph(&mut self, glyph: &Glyph<'_>, transform: Affine) {
        let start = transform * Point::ZERO;
        let advance = match glyph {
            Glyph::Outline(outline) => outline.advance_width(),
            Glyph::Type3(drawn) => drawn.advance_width(),
        };
        let end = transform * Point::new(f64::from(advance.unwrap_or(500.0)), 0.0);
        let size = (transform * Point::new(0.0, 1000.0))
            .distance(start)
            .max(0.01);
        let text = match glyph.as_unicode() {
            Some(BfString::Char(c)) => c.to_string(),
            Some(BfString::String(text)) => text,
            None => {
                self.cover.unknown();
                String::new()
            }
        };
        if text.is_empty() || !start.is_finite() || !end.is_finite() {
            return;
        }
        if let Some((before, height)) = self.last {
            self.gap(before, start, end, size.max(height));
        }
        let letters = text.chars().filter(|c| !c.is_whitespace()).count();
        self.cover.letters(letters as u32, start);
        self.text.extend(text.chars().filter(|c| !c.is_control()));
        self.last = Some((end, size));
    }

    /// What lies between two glyphs: nothing, a space, a new line, or a new paragraph. Along is the direction in which
    /// the second one is written, so that turned text is text.
    fn gap(&mut self, before: Point, start: Point, end: Point, size: f64) {
        let direction = end - start;
        let length = direction.hypot();
        let unit = if length > 1e-6 {
            direction / length
        } else {
            (1.0, 0.0).into()
        };
        let step = start - before;
        let (along, across) = (step.dot(unit), step.cross(unit).abs());
        if across > 1.9 * size {
            self.end_paragraph();
        } else if across > 0.5 * size {
            self.text.push('\n');
        } else if (along > 0.15 * size || along < -0.6 * size)
            && !self.text.ends_with(char::is_whitespace)
        {
            self.text.push(' ');
        }
    }
}

impl<'a> Device<'a> for Seen {
    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        for glyph in run.glyphs() {
            self.glyph(glyph, props.transform * glyph.transform());
        }
    }
    fn draw_image(&mut self, image: Image<'a, '_>, props: ImageDrawProps<'a>) {
        self.cover
            .picture(image.width(), image.height(), props.transform);
    }
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::ranges;

    #[test]
    fn pages_are_told_as_people_tell_them() {
        assert_eq!(ranges(&[1, 2, 3, 7, 9, 10]), "1–3, 7, 9–10");
    }
}
