//! Lists as rows: a row for each version, with the object that holds its bytes.

use comity_core::json::{self, Value as Json};

use super::Projector;
use super::apply::{Event, ObjectAt};
use super::received::ObjectSaid;
use crate::error::Result;
use crate::lists::class_number;
use crate::sql::Value;

impl Projector {
    /// A version of a list. Its object bears the number of its chain, as an item's does.
    pub(super) fn begin_list(&mut self, event: &Event<'_>, no: i64) -> Result<()> {
        let member = self.member(event.text("member")?);
        let member = member.ok_or_else(|| event.unlike("member"))?.no;
        let class = class_number(event.text("class")?).ok_or_else(|| event.unlike("class"))?;
        let shared = event.get("shared") == Some(&Json::Bool(true));
        let facts: Json = ["name", "sha256", "entries", "bad", "kind_of_names"]
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), event.get(name)?.clone())))
            .collect();
        let facts = match event.get("name") {
            Some(_) => {
                let clear = json::canonical(&facts).map_err(|_| event.unlike("name"))?;
                event.facts("lists", &clear)
            }
            None => Value::NoBlob,
        };
        let row = [
            no.into(),
            event.text("list")?.into(),
            event.number("version")?.into(),
            member.into(),
            class.into(),
            i64::from(shared).into(),
            0i64.into(),
            facts,
        ];
        self.rows.insert("lists", row);
        let Some(object) = event.get("object") else {
            return Ok(());
        };
        let said = ObjectSaid::read(event, object, None, &|_| Ok(None))?;
        let (pack, at) = match event.object {
            ObjectAt::Placed(place) | ObjectAt::Among(place, _) => {
                (place.pack, place.offset as i64)
            }
            _ => ([0; 16], 0),
        };
        self.rows.insert(
            "objects",
            [
                no.into(),
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
