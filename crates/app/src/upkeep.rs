//! Events of the centre itself about the care for what it keeps: backups, compactions, checks of fixity.

use std::path::PathBuf;

use comity_store::FileLock;

use crate::centre::Centre;
use crate::commit::{Draft, Subject};
use crate::error::{AppError, Result};
use crate::event::{Actor, EventDraft};
use crate::keys::CENTRE_KEY;
use crate::project::{ChainKind, ObjectAt};
use crate::sql::Session;

/// In the centre's folder, the file that those lock who read, make or remove packs.
pub(crate) const PACKS_LOCK: &str = "tmp/packs.lock";

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

    /// Held by whoever counts on every pack staying where it is, or makes packs of which no event speaks yet.
    pub(crate) fn keep_packs(&self) -> Result<FileLock> {
        Ok(self.ambient.disk.lock_shared(&self.packs_lock()?)?)
    }

    /// Held by whoever takes packs away; `None` while somebody keeps them.
    pub(crate) fn take_packs(&self) -> Result<Option<FileLock>> {
        Ok(self.ambient.disk.try_lock(&self.packs_lock()?)?)
    }

    fn packs_lock(&self) -> Result<PathBuf> {
        self.ambient.disk.create_dir_all(&self.dir.join("tmp"))?;
        Ok(self.dir.join(PACKS_LOCK))
    }
}
