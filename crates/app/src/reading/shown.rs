//! What further passes made of an item, for whoever indexes or shows it: pictures, and recognised text.

use comity_core::json::Value as Json;
use comity_extract::{KeptLine, Role, State};
use comity_vault::ObjectReader;

use super::known::{Known, PassState};
use super::pass::Pass;
use super::told::each_line;
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::item::Item;
use crate::sql::Session;

/// How far a further pass over an item has come.
pub struct Further {
    /// Which one.
    pub pass: Pass,
    /// It is to be made, or made again.
    pub waits: bool,
    /// What it made the last time.
    pub made: Option<Made>,
}

/// What a further pass made.
pub struct Made {
    /// The index of the leaf that records it.
    pub leaf: u64,
    /// How it ended.
    pub state: State,
    /// Why, in words; empty where the state says all.
    pub reason: String,
    /// The program that made it, with its version.
    pub reader: Option<String>,
    /// The languages that characters were looked for in: `ukr+rus+eng`.
    pub languages: Option<String>,
    /// How sure the program is of the words, from 0 to 100.
    pub confidence: Option<u64>,
    /// The pictures that were drawn.
    pub pictures: Vec<Drawn>,
    object: Option<ObjectReader>,
}

/// A picture that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// What it is for.
    pub role: Role,
    /// Of which page, from 1.
    pub page: u64,
    /// Its media type.
    pub media: String,
    /// Width in points.
    pub width: u64,
    /// Height in points.
    pub height: u64,
    /// Where it begins in the derivative, in bytes.
    pub offset: u64,
    /// How many bytes it has.
    pub size: u64,
}

impl Drawn {
    fn of(said: &Json) -> Option<Drawn> {
        let number = |name: &str| said.get(name)?.as_u64();
        Some(Drawn {
            role: Role::named(said.get("as")?.as_str()?)?,
            page: number("page")?,
            media: said.get("type")?.as_str()?.to_owned(),
            width: number("width")?,
            height: number("height")?,
            offset: number("offset")?,
            size: number("size")?,
        })
    }
}

impl Made {
    /// Calls `each` for the lines of recognised text in order, until it answers `false`.
    pub fn each_line(
        &self,
        item: &Item,
        each: &mut dyn FnMut(KeptLine) -> Result<bool>,
    ) -> Result<()> {
        match &self.object {
            Some(text) => each_line(&item.ern, text, each),
            None => Ok(()),
        }
    }

    /// The bytes of the derivative, where it made one.
    pub fn into_object(self) -> Option<ObjectReader> {
        self.object
    }
}

impl Centre {
    /// How far the further passes over an item have come; none that has nothing to make, and none of an item that was
    /// erased or waits for its member's desk.
    pub fn further(&self, session: &mut Session, item: &Item) -> Result<Vec<Further>> {
        let known = self.known_of(session, std::iter::once(item))?;
        known.further(self, item)
    }
}

impl Known {
    /// As [`Centre::further`], of one of the items.
    pub(crate) fn further(&self, centre: &Centre, item: &Item) -> Result<Vec<Further>> {
        let further = |state: &PassState| {
            let made = |leaf| self.made(centre, item, state.pass, leaf);
            Ok(Further {
                pass: state.pass,
                waits: state.waits,
                made: state.leaf.map(made).transpose()?,
            })
        };
        self.passes(item).iter().map(further).collect()
    }

    fn made(&self, centre: &Centre, item: &Item, pass: Pass, leaf: u64) -> Result<Made> {
        let event = self.event(leaf)?;
        let text = |name: &str| event.text(name).map(str::to_owned);
        let state = event.text(pass.field()).and_then(State::named);
        let pictures = event.value("pictures").and_then(Json::as_array);
        Ok(Made {
            leaf,
            state: state.ok_or_else(|| {
                AppError::damaged(item.ern.to_string(), "an event names no state")
            })?,
            reason: text("reason").unwrap_or_default(),
            reader: text("reader"),
            languages: text("languages"),
            confidence: event.value("confidence").and_then(Json::as_u64),
            pictures: pictures
                .into_iter()
                .flatten()
                .filter_map(Drawn::of)
                .collect(),
            object: self.object(centre, item, leaf)?,
        })
    }
}
