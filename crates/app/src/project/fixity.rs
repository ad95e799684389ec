//! Which items are in quarantine, and how far the checks of fixity came.

use comity_core::digest::unhex;
use comity_core::json::Value as Json;

use super::Projector;
use super::apply::Event;
use crate::error::Result;
use crate::sql::Session;

impl Projector {
    /// A check of fixity, or what came of it for the item whose chain has the number `no`.
    pub(super) fn follow_fixity(
        &mut self,
        session: &mut Session,
        event: &Event<'_>,
        no: i64,
    ) -> Result<()> {
        // The same item may come and go among the rows that wait: these few are written one by one.
        self.rows.flush(session)?;
        match event.text("kind")? {
            "fixity_checked" => {
                let to = event.get("to").and_then(Json::as_str).and_then(unhex);
                session.insert(
                    "fixity_runs",
                    &["leaf", "last"],
                    &[(event.index as i64).into(), to.into()],
                )?;
            }
            "quarantined" => {
                session.execute("DELETE FROM quarantine WHERE item = ?", &[no.into()])?;
                session.insert(
                    "quarantine",
                    &["item", "leaf"],
                    &[no.into(), (event.index as i64).into()],
                )?;
            }
            _ => {
                session.execute("DELETE FROM quarantine WHERE item = ?", &[no.into()])?;
            }
        }
        Ok(())
    }
}
