//! Acts of people as rows: holds, erasures, proposals, registered keys, and which acts need two persons.

use comity_core::digest::unhex;
use comity_core::json::Value as Json;

use super::apply::Event;
use super::{ChainKind, Projector};
use crate::ambient::time_micros;
use crate::error::{AppError, Result};
use crate::sql::{Session, Value};

/// A proposal that nobody has answered.
pub const OPEN: i64 = 0;
/// A proposal that was confirmed.
pub const CONFIRMED: i64 = 1;
/// A proposal that was withdrawn.
pub const WITHDRAWN: i64 = 2;

impl Projector {
    /// The first event of a chain that stands for an act.
    pub(super) fn begin_act(&mut self, event: &Event<'_>, no: i64) -> Result<ChainKind> {
        Ok(match event.text("kind")? {
            "hold_placed" => {
                let case_no = match event.get("case") {
                    Some(_) => Some(self.case_of(event)?),
                    None => None,
                };
                let number = self.numbered(event, "hold", no)?;
                self.rows
                    .insert("holds", [no.into(), number, case_no.into(), 0i64.into()]);
                ChainKind::Hold
            }
            "erasure_ordered" => {
                let number = self.numbered(event, "erasure", no)?;
                self.rows
                    .insert("erasures", [no.into(), number, 0i64.into()]);
                ChainKind::Erasure
            }
            _ => {
                let number = self.numbered(event, "proposal", no)?;
                let lapses =
                    time_micros(event.text("lapses")?).ok_or_else(|| event.unlike("lapses"))?;
                self.rows.insert(
                    "proposals",
                    [
                        no.into(),
                        number,
                        event.text("proposes")?.into(),
                        event.text("actor")?.into(),
                        lapses.into(),
                        OPEN.into(),
                    ],
                );
                ChainKind::Proposal
            }
        })
    }

    /// An event of an act on a chain that is there.
    pub(super) fn follow_act(
        &mut self,
        session: &mut Session,
        event: &Event<'_>,
        no: i64,
    ) -> Result<()> {
        match event.text("kind")? {
            "held" => {
                let hold = self.act_no(session, "holds", event.text("hold")?)?;
                self.rows.insert("held", [no.into(), hold.into()]);
            }
            "released" => {
                let hold = self.act_no(session, "holds", event.text("hold")?)?;
                self.rows.update(
                    "DELETE FROM held WHERE item = ? AND hold = ?",
                    [no.into(), hold.into()],
                );
            }
            "hold_released" => self
                .rows
                .update("UPDATE holds SET released = 1 WHERE no = ?", [no.into()]),
            "erasure_completed" => self.rows.update(
                "UPDATE erasures SET completed = 1 WHERE no = ?",
                [no.into()],
            ),
            "confirmed" | "withdrawn" => {
                let state = if event.text("kind")? == "confirmed" {
                    CONFIRMED
                } else {
                    WITHDRAWN
                };
                self.rows.update(
                    "UPDATE proposals SET state = ? WHERE no = ?",
                    [state.into(), no.into()],
                );
            }
            "person_key_registered" => {
                let key = unhex(event.text("key")?).ok_or_else(|| event.unlike("key"))?;
                self.rows.insert(
                    "person_keys",
                    [no.into(), (event.index as i64).into(), key.into()],
                );
            }
            "two_person_acts_set" => self.two_person_acts(session, event)?,
            _ => {}
        }
        Ok(())
    }

    fn two_person_acts(&mut self, session: &mut Session, event: &Event<'_>) -> Result<()> {
        let Some(Json::Array(acts)) = event.get("acts") else {
            return Err(event.unlike("acts"));
        };
        self.rows.flush(session)?;
        session.execute("DELETE FROM two_person_acts", &[])?;
        for act in acts {
            let part = |name: &str| act.get(name).ok_or_else(|| event.unlike("acts"));
            let row = [
                part("act")?
                    .as_str()
                    .ok_or_else(|| event.unlike("acts"))?
                    .into(),
                i64::from(part("other_member")?.as_bool().unwrap_or(true)).into(),
                part("hours")?
                    .as_i64()
                    .ok_or_else(|| event.unlike("acts"))?
                    .into(),
            ];
            self.rows.insert("two_person_acts", row);
        }
        Ok(())
    }

    fn numbered(&mut self, event: &Event<'_>, name: &str, no: i64) -> Result<Value> {
        let number = event.text(name)?;
        self.acts.insert(number.to_owned(), no);
        Ok(number.into())
    }

    /// The chain number of a hold or an erasure by its own.
    pub(super) fn act_no(
        &mut self,
        session: &mut Session,
        table: &'static str,
        number: &str,
    ) -> Result<i64> {
        if let Some(no) = self.acts.get(number) {
            return Ok(*no);
        }
        let sql = format!("SELECT no FROM {table} WHERE number = ?");
        let row = session.query_one(&sql, &[number.into()])?.ok_or_else(|| {
            AppError::damaged(
                "ledger",
                format!("an event of {number} stands before {number} itself"),
            )
        })?;
        let no = row.int(0)?;
        self.acts.insert(number.to_owned(), no);
        Ok(no)
    }
}
