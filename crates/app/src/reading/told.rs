//! What was read, given to whoever indexes or shows it.
//!
//! An index follows the ledger: it remembers the leaf that [`Centre::each_reading`] gave it last, and asks for what came
//! after. An item that is read again comes again, and its newest reading stands for it. What was erased since is in
//! [`Centre::erased_since`]; an index drops it before it takes anything.
//!
//! ```no_run
//! # fn index(centre: &comity_app::Centre, mut since: u64) -> comity_app::Result<u64> {
//! use comity_extract::KeptLine;
//!
//! let mut session = centre.session()?;
//! centre.each_reading(&mut session, since, &mut |reading| {
//!     // An item of which nothing could be read is told as well: it counts among what was not read.
//!     println!("{} {} {:?}", reading.item.ern, reading.state, reading.media);
//!     reading.each_line(&mut |line| {
//!         match line {
//!             KeptLine::Field { name, value, from } => println!("{name} = {value} ({from})"),
//!             KeptLine::Text { at, text } => println!("{at}: {text}"),
//!             KeptLine::Missing(what) => println!("not read: {what}"),
//!             KeptLine::Head { .. } | KeptLine::End(_) => {}
//!         }
//!         Ok(true)
//!     })?;
//!     since = reading.leaf;
//!     Ok(true)
//! })?;
//! # Ok(since)
//! # }
//! ```

use comity_core::id::Ern;
use comity_extract::{KeptLine, State};
use comity_vault::ObjectReader;

use super::known::{Known, is_open};
use super::segments::read_with;
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::item::{COLUMNS, Item, TABLES};
use crate::sql::Session;

/// Items read from SQL at a time.
const PAGE: i64 = 500;
/// Bytes of a derivative that are opened at a time.
const PIECE: u64 = 1 << 20;

/// The newest reading of an item.
pub struct Reading {
    /// The item.
    pub item: Item,
    /// The index of the leaf that records it.
    pub leaf: u64,
    /// How it ended.
    pub state: State,
    /// Why, in words; empty where the state says all.
    pub reason: String,
    /// Media type by content, where it was told.
    pub media: Option<String>,
    /// The format's name in words.
    pub format: Option<String>,
    /// Name and version of the reader; nothing where its container's reader said it.
    pub reader: Option<String>,
    /// When it was recorded, as events write it.
    pub time: String,
    /// How many items are inside of it.
    pub children: u64,
    /// How many things were not read.
    pub missing: u64,
    /// The files of the same image that it was read with.
    pub files: Vec<Ern>,
    /// MD5 and SHA-1 of the item's bytes, where they were made.
    pub md5_and_sha1: Option<(String, String)>,
    text: Option<ObjectReader>,
}

impl Reading {
    /// Calls `each` for the lines of the derivative in order, until it answers `false`. Dates and coordinates are
    /// fields, with where they stand in the file. Nothing comes of an item in which nothing was found.
    pub fn each_line(&self, each: &mut dyn FnMut(KeptLine) -> Result<bool>) -> Result<()> {
        match &self.text {
            Some(text) => each_line(&self.item.ern, text, each),
            None => Ok(()),
        }
    }
}

/// Calls `each` for the lines of a derivative of text in order, until it answers `false`.
pub fn each_line(
    ern: &Ern,
    text: &ObjectReader,
    each: &mut dyn FnMut(KeptLine) -> Result<bool>,
) -> Result<()> {
    let unlike = || AppError::damaged(format!("the derivative of {ern}"), "a line is malformed");
    let (mut rest, mut done) = (Vec::new(), 0);
    while done < text.size() {
        let now = PIECE.min(text.size() - done);
        let piece = text.read_range(done, now);
        done += now;
        rest.extend(piece.map_err(|e| AppError::of_item(ern, e))?);
        let mut begin = 0;
        while let Some(len) = rest[begin..].iter().position(|b| *b == b'\n') {
            let line = KeptLine::parse(&rest[begin..begin + len]).ok_or_else(unlike)?;
            begin += len + 1;
            if !each(line)? {
                return Ok(());
            }
        }
        rest.drain(..begin);
    }
    if rest.is_empty() {
        Ok(())
    } else {
        Err(unlike())
    }
}

impl Centre {
    /// Calls `each` for the newest reading of every item that was read after the leaf `since` (0 for all), in the
    /// ledger's order, until it answers `false`. Items that were erased, or wait for their member's desk, are left out.
    pub fn each_reading(
        &self,
        session: &mut Session,
        since: u64,
        each: &mut dyn FnMut(&Reading) -> Result<bool>,
    ) -> Result<()> {
        let mut since = since as i64;
        let sql = format!(
            "SELECT {COLUMNS} FROM {TABLES} WHERE r.leaf > ? AND i.erased IS NULL ORDER BY r.leaf LIMIT {PAGE}"
        );
        loop {
            let rows = session.query(&sql, &[since.into()])?;
            let items: Vec<Item> = rows
                .iter()
                .map(|row| self.item_of_row(row))
                .collect::<Result<_>>()?;
            let known = self.known_of(session, items.iter())?;
            for (row, item) in rows.iter().zip(items) {
                since = row.int(18)?;
                if let Some(reading) = known.reading(self, item)?
                    && !each(&reading)?
                {
                    return Ok(());
                }
            }
            if rows.len() < PAGE as usize {
                return Ok(());
            }
        }
    }

    /// Calls `each` with the chain number of every item that was erased by an order after the leaf `since`.
    pub fn erased_since(
        &self,
        session: &mut Session,
        since: u64,
        each: &mut dyn FnMut(i64) -> Result<()>,
    ) -> Result<()> {
        let rows = session.query(
            "SELECT i.no FROM items i JOIN chains e ON e.no = i.erased WHERE e.first_index > ? ORDER BY i.no",
            &[(since as i64).into()],
        )?;
        rows.iter().try_for_each(|row| each(row.int(0)?))
    }

    /// The newest reading of an item; `None` for one that was not read, was erased, or waits for its member's desk.
    pub fn reading(&self, session: &mut Session, item: Item) -> Result<Option<Reading>> {
        let known = self.known_of(session, std::iter::once(&item))?;
        known.reading(self, item)
    }
}

impl Known {
    /// As [`Centre::reading`], of one of the items.
    pub(crate) fn reading(&self, centre: &Centre, item: Item) -> Result<Option<Reading>> {
        let Some(last) = item.reading.filter(|_| is_open(&item)) else {
            return Ok(None);
        };
        let event = self.event(last.leaf)?;
        let text = |name: &str| event.text(name).map(str::to_owned);
        let number = |name: &str| event.value(name).and_then(|v| v.as_u64()).unwrap_or(0);
        Ok(Some(Reading {
            leaf: last.leaf,
            state: last.state,
            reason: text("reason").unwrap_or_default(),
            media: text("type"),
            format: text("format"),
            reader: text("reader"),
            time: text("time").unwrap_or_default(),
            children: number("children"),
            missing: number("missing"),
            files: read_with(event),
            md5_and_sha1: text("item_md5").zip(text("item_sha1")),
            text: self.object(centre, &item, last.leaf)?,
            item,
        }))
    }
}
