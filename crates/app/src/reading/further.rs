//! Takes what a further pass makes of one item: pictures to be looked at, or the characters of pictures.

use std::io::{self, Write};

use comity_core::json::Value as Json;
use comity_extract::tool::{Ocr, OcrPage};
use comity_extract::{
    Anchor, Derivative, Found, Outcome, Picture, Place, Restart, Role, Sink, State,
};

use super::growing::{Growing, SealWith};
use super::job::Job;
use super::pass::Pass;
use super::taking::Finding;
use crate::centre::Centre;
use crate::error::Result;
use comity_core::id::ObjectId;

/// A derivative is sealed with the item's own key: it is forgotten with the item, and needs no key of its own.
pub fn of_the_item(centre: &Centre, job: &Job) -> SealWith {
    SealWith {
        scope_key: job.scope.key.number,
        key: job.secret.first,
        object: ObjectId(centre.ambient.bytes()),
    }
}

/// Takes pictures: one object has all of them, one after the other, and the event says where each begins.
pub struct Drawing<'a> {
    out: Growing<'a>,
    finding: Finding,
    pictures: Vec<Json>,
    at: u64,
    /// The program that took what is drawn out of a film, as it follows the name of the reader.
    pub by: String,
}

impl<'a> Drawing<'a> {
    /// Takes pictures of the item of `job`.
    pub fn new(centre: &'a Centre, job: &Job) -> Drawing<'a> {
        Drawing {
            out: Growing::new(centre, of_the_item(centre, job)),
            finding: Finding::of(Pass::Draw),
            pictures: Vec::new(),
            at: 0,
            by: String::new(),
        }
    }

    /// What was drawn.
    pub fn finish(mut self) -> Result<Finding> {
        if !self.pictures.is_empty() {
            let with = self.out.with().clone();
            self.finding.text = Some((self.out.finish()?, with));
            let pictures = Json::Array(self.pictures);
            self.finding.more.push(("pictures", pictures));
        }
        Ok(self.finding)
    }
}

impl Sink for Drawing<'_> {
    fn begin(&mut self, reader: &str) -> io::Result<()> {
        self.out.restart()?;
        self.pictures.clear();
        self.at = 0;
        self.finding = Finding::of(Pass::Draw);
        self.finding.reader = format!("{reader}{}", self.by);
        Ok(())
    }

    fn take(&mut self, found: Found<'_>) -> io::Result<()> {
        match found {
            Found::Picture(picture) if picture.role != Role::Scan => {
                self.pictures.push(said(picture, self.at));
                Ok(())
            }
            Found::PictureBytes(bytes) => {
                self.at += bytes.len() as u64;
                self.out.write_all(bytes)
            }
            Found::Missing(what) => {
                self.finding.misses(what);
                Ok(())
            }
            Found::Picture(_) => Err(io::Error::other("a picture that nobody asked for")),
            _ => Ok(()),
        }
    }

    fn end(&mut self, outcome: &Outcome) -> io::Result<()> {
        self.finding.ends(outcome);
        Ok(())
    }
}

fn said(picture: &Picture, offset: u64) -> Json {
    Json::from_iter([
        ("as".to_owned(), Json::from(picture.role.name())),
        ("page".to_owned(), picture.page.into()),
        ("type".to_owned(), picture.media.as_str().into()),
        ("width".to_owned(), picture.width.into()),
        ("height".to_owned(), picture.height.into()),
        ("offset".to_owned(), offset.into()),
        ("size".to_owned(), picture.size.into()),
    ])
}

/// Takes pictures of pages, has their characters recognised, and keeps the text.
pub struct Recognising<'a> {
    ocr: &'a Ocr,
    text: Derivative<Growing<'a>>,
    finding: Finding,
    open: Option<(Picture, Vec<u8>)>,
    /// Pages that were recognised; how many words they have; how sure Tesseract is of them, each weighed by its words.
    pages: u64,
    words: u64,
    sure: f64,
    /// How the pages ended that could not be.
    failed: Option<Outcome>,
}

impl<'a> Recognising<'a> {
    /// Takes the pages of the item of `job`.
    pub fn new(centre: &'a Centre, job: &Job, ocr: &'a Ocr) -> Recognising<'a> {
        Recognising {
            ocr,
            text: Derivative::new(Growing::new(centre, of_the_item(centre, job))),
            finding: Finding::of(Pass::Recognise),
            open: None,
            pages: 0,
            words: 0,
            sure: 0.0,
            failed: None,
        }
    }

    /// What was recognised.
    pub fn finish(mut self) -> Result<Finding> {
        if self.words > 0 || self.finding.missing > 0 {
            let text = self.text.into_inner();
            let with = text.with().clone();
            self.finding.text = Some((text.finish()?, with));
        }
        Ok(self.finding)
    }

    fn page(&mut self, picture: &Picture, bytes: &[u8]) -> io::Result<()> {
        let dpi = Some(picture.dpi).filter(|dpi| *dpi > 0);
        match self.ocr.page(bytes, dpi)? {
            Ok(page) => self.keep(picture.page, &page),
            Err(outcome) => {
                let what = format!(
                    "page {}: {}: {}",
                    picture.page, outcome.state, outcome.reason
                );
                self.failed = Some(outcome);
                self.finding.misses(&what);
                self.text.take(Found::Missing(&what))
            }
        }
    }

    fn keep(&mut self, number: u32, page: &OcrPage) -> io::Result<()> {
        self.pages += 1;
        if page.words == 0 {
            return Ok(());
        }
        self.words += u64::from(page.words);
        self.sure += f64::from(page.confidence) * f64::from(page.words);
        self.text.take(Found::Field {
            name: "ocr_confidence",
            value: &format!("{:.0}", page.confidence),
            from: &format!("page {number}"),
        })?;
        for line in &page.lines {
            let at = Anchor::at(&[
                (Place::Page, number),
                (Place::Paragraph, line.paragraph),
                (Place::Line, line.line),
            ]);
            self.text.take(Found::Text {
                at: &at,
                text: &line.text,
            })?;
        }
        Ok(())
    }
}

impl Sink for Recognising<'_> {
    fn begin(&mut self, _reader: &str) -> io::Result<()> {
        self.text.begin(self.ocr.version())?;
        self.finding = Finding::of(Pass::Recognise);
        self.finding.reader = self.ocr.version().to_owned();
        self.open = None;
        (self.pages, self.words, self.sure, self.failed) = (0, 0, 0.0, None);
        Ok(())
    }

    fn take(&mut self, found: Found<'_>) -> io::Result<()> {
        match found {
            Found::Type { .. } => self.text.take(found),
            Found::Picture(picture) => {
                self.open = Some((picture.clone(), Vec::with_capacity(picture.size as usize)));
                Ok(())
            }
            Found::PictureBytes(bytes) => {
                let Some((picture, so_far)) = &mut self.open else {
                    return Ok(());
                };
                so_far.extend_from_slice(bytes);
                if (so_far.len() as u64) < picture.size {
                    return Ok(());
                }
                match self.open.take() {
                    Some((picture, all)) => self.page(&picture, &all),
                    None => Ok(()),
                }
            }
            Found::Missing(what) => {
                self.finding.misses(what);
                self.text.take(found)
            }
            _ => Ok(()),
        }
    }

    fn end(&mut self, outcome: &Outcome) -> io::Result<()> {
        let outcome = match (&self.failed, outcome.state) {
            // Of no page anything could be had.
            (Some(failed), State::Read) if self.pages == 0 => failed.clone(),
            (Some(_), State::Read) => Outcome::new(State::InPart, ""),
            (None, State::Read) if self.words == 0 => {
                Outcome::new(State::Empty, "no characters were found")
            }
            _ => outcome.clone(),
        };
        self.finding.ends(&outcome);
        let more = &mut self.finding.more;
        more.push(("languages", self.ocr.languages().into()));
        if self.words > 0 {
            more.push(("pages", self.pages.into()));
            more.push(("words", self.words.into()));
            let sure = (self.sure / self.words as f64).round() as u64;
            more.push(("confidence", sure.into()));
        }
        self.text.end(&outcome)
    }
}
