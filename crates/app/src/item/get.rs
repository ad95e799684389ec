//! Opening an item: the event first, then the bytes.

use std::io::Write;

use comity_core::id::ObjectId;
use comity_core::json::Value;
use comity_extract::Role;
use comity_seal::Key;
use comity_store::FileLock;
use comity_vault::{Hasher, ObjectReader, PackId, Place};

use super::Item;
use crate::ambient::time_micros;
use crate::centre::Centre;
use crate::commit::{Draft, Subject};
use crate::error::{AppError, Result};
use crate::event::{Actor, EventDraft};
use crate::project::{ItemState, ObjectAt};
use crate::reading::{Drawn, Pass};
use crate::sql::Session;

/// Ranges that one person reads of one item for one purpose within this time are one opening.
const ONE_OPENING_MICROS: i64 = 15 * 60 * 1_000_000;

/// What is opened of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A small picture.
    Thumbnail,
    /// The small grey one that shows nothing.
    Blurred,
    /// The picture of a page, from 1.
    Page(u32),
    /// Its text and fields, as they were read.
    Text,
    /// Text that was recognised.
    Ocr,
}

impl std::fmt::Display for Wanted {
    /// Its name, as the event says it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Wanted::Thumbnail => f.write_str("thumbnail"),
            Wanted::Blurred => f.write_str("blurred picture"),
            Wanted::Page(number) => write!(f, "page {number}"),
            Wanted::Text => f.write_str("text"),
            Wanted::Ocr => f.write_str("text by OCR"),
        }
    }
}

impl Wanted {
    fn is(self, picture: &Drawn) -> bool {
        match self {
            Wanted::Thumbnail => picture.role == Role::Thumbnail,
            Wanted::Blurred => picture.role == Role::Blurred,
            Wanted::Page(number) => picture.role == Role::Page && picture.page == u64::from(number),
            Wanted::Text | Wanted::Ocr => false,
        }
    }
}

impl std::str::FromStr for Wanted {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Wanted, String> {
        match (text, text.strip_prefix("page:").map(str::parse)) {
            ("thumbnail", _) => Ok(Wanted::Thumbnail),
            ("blurred", _) => Ok(Wanted::Blurred),
            ("text", _) => Ok(Wanted::Text),
            ("ocr", _) => Ok(Wanted::Ocr),
            (_, Some(Ok(number))) => Ok(Wanted::Page(number)),
            _ => Err("it is thumbnail, blurred, page:NUMBER, text or ocr".to_owned()),
        }
    }
}

/// An item that may be read: its opening is on record.
pub struct Opening {
    /// The item.
    pub item: Item,
    /// The index of the leaf that says so.
    pub leaf: u64,
    reader: ObjectReader,
    /// The part of it that was asked for, of a derivative.
    part: Option<(u64, u64)>,
    /// Its pack stays as long as it is read.
    _stay: FileLock,
}

impl Centre {
    /// Opens an item's bytes for a person and a purpose. The event stands in a published checkpoint before this
    /// returns; no byte leaves before.
    pub fn open_item(
        &self,
        session: &mut Session,
        actor: &Actor,
        item: Item,
        purpose: &str,
        range: Option<(u64, u64)>,
    ) -> Result<Opening> {
        if purpose.trim().is_empty() {
            return Err(AppError::Usage(
                "an item is opened for a purpose: --purpose \"why\"".to_owned(),
            ));
        }
        if item.quarantined {
            return Err(AppError::Refused(format!(
                "{} is in quarantine: its bytes did not pass the last check of fixity; `comity vault repair --from BACKUP` mends it",
                item.ern
            )));
        }
        let stay = self.keep_packs()?;
        // What cannot be read is said before anything is recorded as read.
        let reader = self.item_reader(session, &item)?;
        if let Some((offset, len)) = range
            && offset
                .checked_add(len)
                .is_none_or(|end| end > reader.size())
        {
            return Err(AppError::Usage(format!(
                "{} has {} bytes; {len} from {offset} are not all there",
                item.ern,
                reader.size()
            )));
        }
        let leaf = match self.same_opening(&item, actor, purpose, None)? {
            Some(leaf) => leaf,
            None => self.record_opening(session, actor, &item, purpose, range, None)?,
        };
        Ok(Opening {
            item,
            leaf,
            reader,
            part: None,
            _stay: stay,
        })
    }

    /// Opens what was made of an item for a person and a purpose, and on record as its bytes are. The newest one counts.
    pub fn open_derivative(
        &self,
        session: &mut Session,
        actor: &Actor,
        item: Item,
        purpose: &str,
        wanted: Wanted,
    ) -> Result<Opening> {
        if purpose.trim().is_empty() {
            return Err(AppError::Usage(
                "an item is opened for a purpose: --purpose \"why\"".to_owned(),
            ));
        }
        if let Some(erased) = self.erased_words(session, &item)? {
            return Err(AppError::Refused(erased));
        }
        let stay = self.keep_packs()?;
        let name = wanted.to_string();
        let found = self.wanted(session, &item, wanted)?;
        let (reader, part) = found.ok_or_else(|| {
            AppError::Refused(format!(
                "there is no {name} of {}: `comity item show {}` says what was made of it",
                item.ern, item.ern
            ))
        })?;
        let leaf = match self.same_opening(&item, actor, purpose, Some(&name))? {
            Some(leaf) => leaf,
            None => self.record_opening(session, actor, &item, purpose, None, Some(&name))?,
        };
        Ok(Opening {
            item,
            leaf,
            reader,
            part: Some(part),
            _stay: stay,
        })
    }

    /// The object that has it, and where in it.
    fn wanted(
        &self,
        session: &mut Session,
        item: &Item,
        wanted: Wanted,
    ) -> Result<Option<(ObjectReader, (u64, u64))>> {
        let whole = |object: ObjectReader| {
            let size = object.size();
            (object, (0, size))
        };
        if wanted == Wanted::Text {
            let Some(reading) = item.reading else {
                return Ok(None);
            };
            return Ok(self.derivative(session, item, reading.leaf)?.map(whole));
        }
        let pass = match wanted {
            Wanted::Ocr => Pass::Recognise,
            _ => Pass::Draw,
        };
        let further = self.further(session, item)?;
        let made = further
            .into_iter()
            .find(|f| f.pass == pass)
            .and_then(|f| f.made);
        let Some(made) = made else { return Ok(None) };
        if wanted == Wanted::Ocr {
            return Ok(made.into_object().map(whole));
        }
        let part = made.pictures.iter().find(|picture| wanted.is(picture));
        let part = part.map(|picture| (picture.offset, picture.size));
        Ok(made.into_object().zip(part))
    }

    /// A reader of an item's object, without an event: for the program's own checks.
    pub(crate) fn item_reader(&self, session: &mut Session, item: &Item) -> Result<ObjectReader> {
        if let Some(erased) = self.erased_words(session, item)? {
            return Err(AppError::Refused(erased));
        }
        if item.state != ItemState::Sealed {
            return Err(AppError::Refused(format!(
                "{} has no bytes: its state is {}",
                item.ern,
                item.state.word()
            )));
        }
        let row = session
            .query_one(
                "SELECT o.id, o.pack, o.at, o.sealed_size, c.content_key FROM items i JOIN objects o ON o.no = i.object JOIN chains c ON c.no = i.no WHERE i.no = ?",
                &[item.no.into()],
            )?
            .ok_or_else(|| AppError::damaged(item.ern.to_string(), "the vault holds no object for it; `comity verify` says more"))?;
        let secret = self
            .keys
            .item(row.int(4)? as u64)?
            .ok_or_else(|| AppError::Refused(format!("{} has been erased", item.ern)))?;
        let place = Place {
            pack: PackId(row.array(1)?),
            offset: row.int(2)? as u64,
            len: row.int(3)? as u64,
        };
        self.vault
            .open_object(&place, &Key::new(secret.second), ObjectId(row.array(0)?))
            .map_err(|e| AppError::of_item(&item.ern, e))
    }

    /// The leaf of an opening by the same person for the same purpose that is still going on.
    fn same_opening(
        &self,
        item: &Item,
        actor: &Actor,
        purpose: &str,
        derivative: Option<&str>,
    ) -> Result<Option<u64>> {
        if item.last_n == 0 {
            return Ok(None);
        }
        let last = self.read_event(item.last_index)?;
        let began = last.text("time").and_then(time_micros);
        let same = last.text("kind") == Some("opened")
            && last.text("actor") == Some(&actor.person)
            && last.text("purpose") == Some(purpose)
            && last.text("derivative") == derivative;
        let age = began.map(|began| self.ambient.clock.now_micros() - began);
        Ok(
            (same && age.is_some_and(|age| (0..ONE_OPENING_MICROS).contains(&age)))
                .then_some(item.last_index),
        )
    }

    fn record_opening(
        &self,
        session: &mut Session,
        actor: &Actor,
        item: &Item,
        purpose: &str,
        range: Option<(u64, u64)>,
        derivative: Option<&str>,
    ) -> Result<u64> {
        let random = &*self.ambient.random;
        let row = session
            .query_one(
                "SELECT s.scope_key FROM items i JOIN scopes s ON s.member = i.member AND s.case_no = i.case_no WHERE i.no = ?",
                &[item.no.into()],
            )?
            .ok_or_else(|| {
                AppError::damaged("state", "an item has no scope; run `comity rebuild`")
            })?;
        let scope = self.keys.scope_key(row.int(0)? as u64)?;
        let own = self.chain_key(session, item.no)?;
        let range = range.map(|(offset, len)| {
            Value::from_iter([
                ("offset".to_owned(), Value::from(offset)),
                ("length".to_owned(), Value::from(len)),
            ])
        });
        let event = EventDraft::new("opened", &actor.person, &self.now(), random)
            .custody("ern", item.ern.to_string())
            .custody("purpose", purpose)
            .custody_opt("derivative", derivative)
            .content_opt("range", range)
            .seal(&scope, &own, random)?;
        let draft = Draft {
            subject: Subject::Known(item.no),
            event,
            secret: None,
            object: ObjectAt::Unknown,
        };
        Ok(self.append(draft)?.index)
    }
}

impl Opening {
    /// Writes all bytes and holds them against the recorded digest. An error means that what was written is not the item.
    pub fn copy_to(&self, out: &mut dyn Write) -> Result<u64> {
        if let Some((offset, size)) = self.part {
            // Its bytes are held together by their seal.
            self.copy_range_to(offset, size, out)?;
            return Ok(size);
        }
        let mut hashing = Hashing {
            out,
            hasher: Hasher::new(Default::default()),
        };
        let written = self
            .reader
            .copy_to(&mut hashing)
            .map_err(|e| AppError::of_item(&self.item.ern, e))?;
        let found = hashing.hasher.finish().sha256;
        match self.item.facts.as_ref().and_then(|f| f.sha256) {
            Some(recorded) if recorded == found.0 => Ok(written),
            Some(_) => Err(AppError::damaged(
                self.item.ern.to_string(),
                format!("its bytes have the SHA-256 {found}, which is not the recorded one"),
            )),
            None => Err(AppError::damaged(
                self.item.ern.to_string(),
                "no digest is on record for it",
            )),
        }
    }

    /// Writes a range of its bytes.
    pub fn copy_range_to(&self, offset: u64, len: u64, out: &mut dyn Write) -> Result<()> {
        const STEP: u64 = 1 << 20;
        let mut done = 0;
        while done < len {
            let now = STEP.min(len - done);
            let bytes = self
                .reader
                .read_range(offset + done, now)
                .map_err(|e| AppError::of_item(&self.item.ern, e))?;
            out.write_all(&bytes).map_err(|e| AppError::Io {
                path: "output".to_owned(),
                source: e,
            })?;
            done += now;
        }
        Ok(())
    }

    /// The length of its bytes.
    pub fn size(&self) -> u64 {
        self.reader.size()
    }
}

struct Hashing<'a> {
    out: &'a mut dyn Write,
    hasher: Hasher,
}

impl Write for Hashing<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.out.write_all(bytes)?;
        self.hasher.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}
