//! Single events made ready for the log: on the centre's own chain, on an item's, or beginning a chain of an act.

use crate::centre::Centre;
use crate::commit::{Draft, Subject};
use crate::error::{AppError, Result};
use crate::event::{Actor, EventDraft, NumberedKey};
use crate::item::Item;
use crate::keys::CENTRE_KEY;
use crate::project::{ChainKind, ObjectAt};
use crate::sql::Session;

impl Centre {
    /// The number of the centre's own chain.
    pub(crate) fn own_chain(&self, session: &mut Session) -> Result<i64> {
        let kind = ChainKind::Centre as i64;
        let row = session.query_one("SELECT no FROM chains WHERE kind = ?", &[kind.into()])?;
        row.ok_or_else(|| {
            AppError::damaged(
                "state",
                "the centre's own chain is missing; run `comity rebuild`",
            )
        })?
        .int(0)
        .map_err(AppError::from)
    }

    /// The beginning of an event of this kind by this person, now.
    pub(crate) fn draft(&self, kind: &str, actor: &Actor) -> EventDraft {
        EventDraft::new(kind, &actor.person, &self.now(), &*self.ambient.random)
    }

    /// Seals an event of the centre's own chain.
    pub(crate) fn seal_own(&self, session: &mut Session, event: EventDraft) -> Result<Draft> {
        let no = self.own_chain(session)?;
        let own = self.chain_key(session, no)?;
        let scope = self.keys.scope_key(CENTRE_KEY)?;
        Ok(Draft {
            subject: Subject::Known(no),
            event: event.seal(&scope, &own, &*self.ambient.random)?,
            secret: None,
            object: ObjectAt::Unknown,
        })
    }

    /// Seals an event of an item's chain that has content fields: erasure forgets these.
    pub(crate) fn seal_of_item(
        &self,
        session: &mut Session,
        item: &Item,
        event: EventDraft,
    ) -> Result<Draft> {
        let scope = self.item_scope(session, item)?;
        let own = self.chain_key(session, item.no)?;
        Ok(Draft {
            subject: Subject::Known(item.no),
            event: event.seal(&scope, &own, &*self.ambient.random)?,
            secret: None,
            object: ObjectAt::Unknown,
        })
    }

    /// Seals an event of an item's chain without content fields: custody alone, so that it outlives the content.
    pub(crate) fn custody_of_item(
        &self,
        session: &mut Session,
        item: &Item,
        event: EventDraft,
    ) -> Result<Draft> {
        let scope = self.item_scope(session, item)?;
        self.custody_alone(Subject::Known(item.no), event, &scope)
    }

    /// Seals an event without content fields in the centre's scope.
    pub(crate) fn custody_of_centre(&self, subject: Subject, event: EventDraft) -> Result<Draft> {
        self.custody_alone(subject, event, &self.keys.scope_key(CENTRE_KEY)?)
    }

    /// Seals an event without content fields: the second key is not used.
    pub(crate) fn custody_alone(
        &self,
        subject: Subject,
        event: EventDraft,
        scope: &NumberedKey,
    ) -> Result<Draft> {
        Ok(Draft {
            subject,
            event: event.seal(scope, scope, &*self.ambient.random)?,
            secret: None,
            object: ObjectAt::Unknown,
        })
    }

    /// The scope key of an item's member and case.
    fn item_scope(&self, session: &mut Session, item: &Item) -> Result<NumberedKey> {
        let row = session.query_one(
            "SELECT s.scope_key FROM items i JOIN scopes s ON s.member = i.member AND s.case_no = i.case_no WHERE i.no = ?",
            &[item.no.into()],
        )?;
        let row = row.ok_or_else(|| {
            AppError::damaged(
                item.ern.to_string(),
                "it has no scope; run `comity rebuild`",
            )
        })?;
        self.keys.scope_key(row.int(0)? as u64)
    }
}
