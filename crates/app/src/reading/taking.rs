//! Takes what a worker finds in one item: its text as a derivative, what is inside of it as children.

use std::collections::{HashMap, HashSet};
use std::io;

use comity_core::id::{Ern, ObjectId};
use comity_core::json::Value as Json;
use comity_extract::{Child, Derivative, Found, Outcome, Sink, State};
use comity_seal::Key;

use super::family::Family;
use super::further::of_the_item;
use super::growing::{Growing, Grown, SealWith};
use super::job::Job;
use super::pass::Pass;
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::project::below;
use crate::project::facts::{ItemFacts, open_facts};
use crate::sql::Session;

/// Children that wait for the end of their container before they are recorded,
const CHILDREN: usize = 1000;
/// their bytes in memory,
const BYTES: u64 = 16 << 20;
/// and their open packs.
const PACKS: usize = 8;

/// A child that was taken out of its container.
pub struct Taken {
    /// Its number.
    pub ern: Ern,
    /// What the container says of it.
    pub child: Child,
    /// How the taking ended.
    pub outcome: Outcome,
    /// Its bytes, as far as they could be had; `None` where none could.
    pub bytes: Option<Grown>,
    /// What they are sealed with.
    pub with: SealWith,
}

/// What a pass made of an item.
pub struct Finding {
    /// Which pass.
    pub pass: Pass,
    /// How the reading ended.
    pub outcome: Outcome,
    /// Name and version of the reader.
    pub reader: String,
    /// Type by content, where it was told.
    pub media: Option<String>,
    /// The format's name in words.
    pub format: Option<String>,
    /// How many children its container has.
    pub children: u32,
    /// How many things were not read.
    pub missing: u64,
    /// The derivative, where there is anything in it.
    pub text: Option<(Grown, SealWith)>,
    /// From how many files of its image it was read, by what the reader says, where that is more than one.
    pub files: usize,
    /// The reader says that its image goes on in another file.
    pub goes_on: bool,
    /// The passes that are to follow.
    pub further: Vec<Pass>,
    /// What else the event says.
    pub more: Vec<(&'static str, Json)>,
}

impl Finding {
    /// Nothing yet.
    pub fn of(pass: Pass) -> Finding {
        Finding {
            pass,
            outcome: Outcome::new(State::Crashed, ""),
            reader: String::new(),
            media: None,
            format: None,
            children: 0,
            missing: 0,
            text: None,
            files: 1,
            goes_on: false,
            further: Vec::new(),
            more: Vec::new(),
        }
    }

    /// Something was not had. The first such thing stands for all where the state has no other reason.
    pub fn misses(&mut self, what: &str) {
        self.missing += 1;
        if self.missing == 1 {
            self.outcome.reason = what.to_owned();
        }
    }

    /// How a further pass ended.
    pub fn ends(&mut self, outcome: &Outcome) {
        let first = std::mem::take(&mut self.outcome.reason);
        self.outcome = outcome.clone();
        if self.outcome.reason.is_empty() {
            self.outcome.reason = first;
        }
    }
}

/// Records children before their container has been read to its end; on return they stand in the log.
pub type Deliver<'a> = &'a mut dyn FnMut(Vec<Taken>) -> Result<()>;

/// Takes what is found.
pub struct Taking<'a> {
    centre: &'a Centre,
    session: &'a mut Session,
    job: &'a Job,
    family: &'a Family,
    /// The file with which its image would go on, and why it was not offered.
    stopped: Option<&'a str>,
    deliver: Deliver<'a>,
    text: Derivative<Growing<'a>>,
    finding: Finding,
    /// Something is in the derivative.
    has_text: bool,
    open: Option<(Child, Growing<'a>)>,
    waiting: Vec<Taken>,
    known: Option<Known>,
    /// Why it goes no further: not the item's fault.
    failed: Option<AppError>,
    /// Which limit was passed.
    over: Option<String>,
}

impl<'a> Taking<'a> {
    /// Takes what is found in the item of `job`.
    pub fn new(
        centre: &'a Centre,
        session: &'a mut Session,
        job: &'a Job,
        family: &'a Family,
        stopped: Option<&'a str>,
        deliver: Deliver<'a>,
    ) -> Taking<'a> {
        let with = of_the_item(centre, job);
        Taking {
            centre,
            session,
            job,
            family,
            stopped,
            deliver,
            text: Derivative::new(Growing::new(centre, with)),
            finding: Finding::of(Pass::Read),
            has_text: false,
            open: None,
            waiting: Vec::new(),
            known: None,
            failed: None,
            over: None,
        }
    }

    /// Why the reading was broken off from this side: an error of the centre, or a limit that was passed.
    pub fn broken_off(&mut self) -> Result<Option<Outcome>> {
        match self.failed.take() {
            Some(error) => Err(error),
            None => Ok(self
                .over
                .take()
                .map(|why| Outcome::new(State::OverLimit, why))),
        }
    }

    /// What was found, and the children that are not recorded yet.
    pub fn finish(mut self) -> Result<(Finding, Vec<Taken>)> {
        let text = self.text.into_inner();
        if self.has_text {
            let with = text.with().clone();
            self.finding.text = Some((text.finish()?, with));
        }
        Ok((self.finding, self.waiting))
    }

    fn child_begins(&mut self, child: &Child) -> Result<()> {
        self.finding.children += 1;
        if self.job.item.ern.depth() >= Ern::MAX_DEPTH {
            return Err(self.past(format!(
                "it lies inside of {} containers, and no number names what is inside of it",
                Ern::MAX_DEPTH
            )));
        }
        if let Some(over) = self.family.one_more() {
            return Err(self.past(over));
        }
        let with = SealWith {
            scope_key: self.job.scope.key.number,
            key: self.centre.ambient.bytes(),
            object: ObjectId(self.centre.ambient.bytes()),
        };
        self.open = Some((child.clone(), Growing::new(self.centre, with)));
        Ok(())
    }

    /// Fields that say how it goes on with the item.
    fn field(&mut self, name: &str, value: &str) {
        match name {
            "scanned_pages" | "pictured_pages"
                if !self.finding.further.contains(&Pass::Recognise) =>
            {
                self.finding.further.push(Pass::Recognise);
            }
            "image_files" => self.finding.files = value.parse().unwrap_or(1),
            "image_goes_on" => self.finding.goes_on = true,
            _ => {}
        }
    }

    /// Something was not read, by what is known on this side.
    fn misses(&mut self, what: &str) -> io::Result<()> {
        self.finding.missing += 1;
        self.has_text = true;
        self.text.take(Found::Missing(what))
    }

    /// Passing a limit ends the conversation: who goes on unpacking a bomb is only kept busy.
    fn past(&mut self, why: String) -> AppError {
        self.over = Some(why.clone());
        AppError::Refused(why)
    }

    fn child_bytes(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(over) = self.family.more_bytes(bytes.len() as u64) {
            return Err(self.past(over));
        }
        let Some((_, growing)) = &mut self.open else {
            return Ok(());
        };
        if io::Write::write_all(growing, bytes).is_ok() {
            return Ok(());
        }
        // The sealing thread has ended, and says why.
        let open = self.open.take();
        Err(open
            .and_then(|(_, growing)| growing.finish().err())
            .unwrap_or_else(|| AppError::Refused("bytes could not be sealed".to_owned())))
    }

    fn child_ends(&mut self, outcome: &Outcome) -> Result<()> {
        let Some((child, growing)) = self.open.take() else {
            return Ok(());
        };
        let with = growing.with().clone();
        let grown = growing.finish()?;
        let has_bytes = outcome.state == State::Read || grown.hashes().size > 0;
        let bytes = has_bytes.then_some(grown);
        let sha256 = bytes.as_ref().map(|b| b.hashes().sha256.0);
        let path = path_of(&child).to_vec();
        let known = match &mut self.known {
            Some(known) => known,
            None => self
                .known
                .insert(Known::load(self.centre, self.session, self.job)?),
        };
        let Some(place) = known.place(self.finding.children, (path, sha256)) else {
            return Ok(());
        };
        let ern =
            self.job.item.ern.child(place).ok_or_else(|| {
                AppError::Refused("it holds more than numbers can name".to_owned())
            })?;
        self.waiting.push(Taken {
            ern,
            child,
            outcome: outcome.clone(),
            bytes,
            with,
        });
        let (mut small, mut large) = (0, 0);
        for taken in &self.waiting {
            match &taken.bytes {
                Some(Grown::Small(data, _)) => small += data.len() as u64,
                Some(Grown::Large(_)) => large += 1,
                None => {}
            }
        }
        if self.waiting.len() >= CHILDREN || small >= BYTES || large >= PACKS {
            (self.deliver)(std::mem::take(&mut self.waiting))?;
        }
        Ok(())
    }
}

impl Sink for Taking<'_> {
    fn begin(&mut self, reader: &str) -> io::Result<()> {
        self.text.begin(reader)?;
        self.finding.reader = reader.to_owned();
        (self.finding.media, self.finding.format) = (None, None);
        self.finding.further.clear();
        (self.finding.children, self.finding.missing) = (0, 0);
        (self.finding.files, self.finding.goes_on) = (1, false);
        self.has_text = false;
        self.open = None;
        self.waiting.clear();
        // Some children of the first attempt may be on record: they are met again.
        self.known = None;
        self.family.begin_anew();
        Ok(())
    }

    fn take(&mut self, found: Found<'_>) -> io::Result<()> {
        let done = match &found {
            Found::Child(child) => self.child_begins(child),
            Found::ChildBytes(bytes) => self.child_bytes(bytes),
            Found::ChildEnd(outcome) => self.child_ends(outcome),
            Found::Type { media, name } => {
                if self.finding.media.is_none() {
                    self.finding.media = Some((*media).to_owned());
                    self.finding.format = Some((*name).to_owned());
                    self.finding.further = further_of(media);
                }
                return self.text.take(found);
            }
            Found::Missing(_) => {
                self.finding.missing += 1;
                self.has_text = true;
                return self.text.take(found);
            }
            Found::Picture(_) | Found::PictureBytes(_) => Ok(()),
            Found::Field { .. } | Found::Text { .. } => {
                if let Found::Field { name, value, .. } = found {
                    self.field(name, value);
                }
                self.has_text = true;
                return self.text.take(found);
            }
        };
        done.map_err(|error| {
            let said = io::Error::other(error.to_string());
            if self.over.is_none() {
                self.failed = Some(error);
            }
            said
        })
    }

    fn end(&mut self, outcome: &Outcome) -> io::Result<()> {
        let mut outcome = outcome.clone();
        if self.job.is_a_part() {
            let what = "its container gave only a part of its bytes";
            self.misses(what)?;
            if matches!(outcome.state, State::Read | State::Empty) {
                outcome = Outcome::new(State::InPart, what);
            }
        }
        if let Some(why) = self.stopped.filter(|_| self.finding.goes_on) {
            self.misses(&format!("the next file of its image, {why}"))?;
        }
        if let Some(note) = &self.job.note {
            self.misses(note)?;
            // Of a piece of a medium no reader knows what it is.
            if matches!(
                outcome.state,
                State::Read | State::Empty | State::Unsupported | State::Damaged
            ) {
                outcome = Outcome::new(State::InPart, note.as_str());
            }
        }
        // What could not be read is not drawn either; what was too much for a reader has pages all the same.
        if !matches!(
            outcome.state,
            State::Read | State::InPart | State::OverLimit
        ) {
            self.finding.further.clear();
        }
        self.finding.outcome = outcome;
        self.text.end(&self.finding.outcome)
    }
}

/// The passes that are to follow for a type: what has pages or is a picture is drawn, and of a picture the characters
/// are recognised. A document says itself which of its pages are pictures.
fn further_of(media: &str) -> Vec<Pass> {
    match media {
        "application/pdf" => vec![Pass::Draw],
        _ if media.starts_with("video/") => vec![Pass::Draw],
        _ if media.starts_with("image/") => vec![Pass::Draw, Pass::Recognise],
        _ => Vec::new(),
    }
}

/// The exact bytes of a child's path.
pub fn path_of(child: &Child) -> &[u8] {
    if child.path_bytes.is_empty() {
        child.path.as_bytes()
    } else {
        &child.path_bytes
    }
}

/// A child by what it is: its path in the container, and the digest of its bytes.
type Likeness = (Vec<u8>, Option<[u8; 32]>);

/// The children that are on record, so that a container that is read again has each of them once.
struct Known {
    children: HashMap<Likeness, u32>,
    /// Places of children that were erased.
    erased: HashSet<u32>,
    next: u32,
}

impl Known {
    fn load(centre: &Centre, session: &mut Session, job: &Job) -> Result<Known> {
        const PAGE: usize = 2000;
        let above = below(&job.item.ern);
        let end = [&above[..], &[0xff]].concat();
        let mut known = Known {
            children: HashMap::new(),
            erased: HashSet::new(),
            next: 1,
        };
        let mut after = above.clone();
        loop {
            let rows = session.query(
                &format!("SELECT i.below, i.facts, i.erased, c.content_key FROM items i JOIN chains c ON c.no = i.no WHERE i.intake = ? AND i.number = ? AND i.below > ? AND i.below < ? AND length(i.below) = ? ORDER BY i.below LIMIT {PAGE}"),
                &[
                    job.intake.into(),
                    job.item.ern.number().into(),
                    after.as_slice().into(),
                    end.as_slice().into(),
                    (above.len() as i64 + 4).into(),
                ],
            )?;
            for row in &rows {
                after = row.blob(0)?.to_vec();
                let place = u32::from_be_bytes(after.last_chunk().copied().unwrap_or_default());
                known.next = place + 1;
                if row.opt_int(2)?.is_some() {
                    known.erased.insert(place);
                    continue;
                }
                let secret = centre.keys.item(row.int(3)? as u64)?;
                if let (Some(sealed), Some(secret)) = (row.opt_blob(1)?, secret)
                    && let Some(facts) =
                        ItemFacts::decode(&open_facts(&Key::new(secret.first), "items", sealed)?)
                {
                    let of = known
                        .children
                        .entry((facts.path, facts.sha256))
                        .or_insert(0);
                    *of += 1;
                }
            }
            if rows.len() < PAGE {
                return Ok(known);
            }
        }
    }

    /// The place of the child that is met as the `nth`; `None` when it is on record, or was erased from there.
    fn place(&mut self, nth: u32, is: Likeness) -> Option<u32> {
        if let Some(left) = self.children.get_mut(&is).filter(|left| **left > 0) {
            *left -= 1;
            return None;
        }
        if self.erased.contains(&nth) {
            return None;
        }
        let place = self.next;
        self.next += 1;
        Some(place)
    }
}
