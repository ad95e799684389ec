//! What was read of items as rows: the state of each, and the objects of derivatives.

use comity_core::digest::unhex;
use comity_core::id::Ern;
use comity_core::json::Value as Json;
use comity_extract::State;

use super::Projector;
use super::apply::{Event, ObjectAt};
use super::received::ObjectSaid;
use crate::error::Result;
use crate::reading::Pass;
use crate::sql::Session;

/// The places of an item in the containers around it, as the tables keep them: four bytes each. In their order a
/// container stands before what is in it, and that in the container's order.
pub fn below(ern: &Ern) -> Vec<u8> {
    ern.places().iter().flat_map(|p| p.to_be_bytes()).collect()
}

/// The number of an item from its places as the tables keep them.
pub fn place_of_below(item: Ern, below: &[u8]) -> Option<Ern> {
    let (places, rest) = below.as_chunks::<4>();
    let of = |ern: Ern, place: &[u8; 4]| ern.child(u32::from_be_bytes(*place));
    rest.is_empty().then_some(())?;
    places.iter().try_fold(item, of)
}

/// The state that an event says the reading ended in.
pub(super) fn reading_of(event: &Event<'_>) -> Result<Option<State>> {
    let Some(word) = event.get("reading").and_then(Json::as_str) else {
        return Ok(None);
    };
    let state = State::named(word);
    state.map(Some).ok_or_else(|| event.unlike("reading"))
}

impl Projector {
    /// The row of an item that has none. What its container gave a part of waits to be read.
    pub(super) fn first_reading(&mut self, event: &Event<'_>, no: i64, state: State) {
        let waits = event.n == 0 && event.get("state").and_then(Json::as_str) == Some("sealed");
        let row = [
            no.into(),
            (event.index as i64).into(),
            (state as i64).into(),
            i64::from(waits).into(),
        ];
        self.rows.insert("readings", row);
    }

    /// An item was read, or is to be read again.
    pub(super) fn follow_reading(
        &mut self,
        session: &mut Session,
        event: &Event<'_>,
        no: i64,
    ) -> Result<()> {
        let index = event.index as i64;
        let Some(state) = reading_of(event)? else {
            self.rows
                .update("UPDATE readings SET waits = 1 WHERE item = ?", [no.into()]);
            return Ok(());
        };
        match event.get("again") {
            None => self.first_reading(event, no, state),
            Some(_) => self.rows.update(
                "UPDATE readings SET leaf = ?, state = ?, waits = 0 WHERE item = ?",
                [index.into(), (state as i64).into(), no.into()],
            ),
        }
        self.further_passes(event, no);
        self.segments(session, event, no)?;
        if let Some(object) = event.get("object") {
            self.derivative(event, no, object)?;
        }
        Ok(())
    }

    /// The files that were read as one with the first of their image, which is this item.
    fn segments(&mut self, session: &mut Session, event: &Event<'_>, no: i64) -> Result<()> {
        let files = event.get("files").and_then(Json::as_array);
        for file in files.into_iter().flatten() {
            let ern = file.as_str().and_then(|text| text.parse::<Ern>().ok());
            let ern = ern.ok_or_else(|| event.unlike("files"))?;
            let member = self.member(ern.member().as_str());
            let member = member.ok_or_else(|| event.unlike("files"))?.no;
            let (intake, _) = self.intake(session, member, i64::from(ern.intake()))?;
            self.rows.update(
                "INSERT INTO segments (item, first) SELECT i.no, CAST(? AS BIGINT) FROM items i WHERE i.intake = ? AND i.number = ? AND i.below = ? ON CONFLICT (item) DO UPDATE SET first = excluded.first",
                [
                    no.into(),
                    intake.into(),
                    ern.number().into(),
                    below(&ern).into(),
                ],
            );
        }
        Ok(())
    }

    /// The passes that are to follow a reading; after another reading they are made once more.
    fn further_passes(&mut self, event: &Event<'_>, no: i64) {
        let named = event.get("further").and_then(Json::as_array);
        let names = named.into_iter().flatten().filter_map(Json::as_str);
        for name in names {
            let Some(pass) = Pass::FURTHER.into_iter().find(|p| p.field() == name) else {
                continue;
            };
            self.rows.update(
                "INSERT INTO further (pass, item, waits) VALUES (?, ?, 1) ON CONFLICT (pass, item) DO UPDATE SET waits = 1",
                [(pass as i64).into(), no.into()],
            );
        }
    }

    /// A further pass over an item was made.
    pub(super) fn follow_further(&mut self, event: &Event<'_>, no: i64) -> Result<()> {
        let pass = Pass::of_event(event.text("kind")?).ok_or_else(|| event.unlike("kind"))?;
        let state = State::named(event.text(pass.field())?);
        let state = state.ok_or_else(|| event.unlike(pass.field()))?;
        self.rows.update(
            "UPDATE further SET leaf = ?, state = ?, waits = 0 WHERE pass = ? AND item = ?",
            [
                (event.index as i64).into(),
                (state as i64).into(),
                (pass as i64).into(),
                no.into(),
            ],
        );
        match event.get("object") {
            Some(object) => self.derivative(event, no, object),
            None => Ok(()),
        }
    }

    /// The object of a derivative bears the number of its leaf, below zero: items' objects bear theirs above.
    fn derivative(&mut self, event: &Event<'_>, no: i64, object: &Json) -> Result<()> {
        let said = ObjectSaid::read(event, object, None, &|_| Ok(None))?;
        let (pack, at) = match event.object {
            ObjectAt::Placed(place) | ObjectAt::Among(place, _) => {
                (place.pack, place.offset as i64)
            }
            _ => ([0; 16], 0),
        };
        let index = event.index as i64;
        let ern: Ern = event
            .text("ern")?
            .parse()
            .map_err(|_| event.unlike("ern"))?;
        let member = self.member(ern.member().as_str());
        let member = member.ok_or_else(|| event.unlike("ern"))?.no;
        self.rows.insert("derivatives", [index.into(), no.into()]);
        self.rows.insert(
            "objects",
            [
                (-index).into(),
                said.id.0.into(),
                member.into(),
                event.number("size")?.into(),
                said.sealed_size.into(),
                said.sealed_sha256.into(),
                pack.into(),
                at.into(),
            ],
        );
        Ok(())
    }
}

/// The object that an event names.
pub(crate) fn object_id(object: &Json) -> Option<comity_core::id::ObjectId> {
    let id = object.get("id").and_then(Json::as_str).and_then(unhex)?;
    Some(comity_core::id::ObjectId(id.try_into().ok()?))
}
