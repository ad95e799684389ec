//! The sequencer's lock, held for one group.
//!
//! Where something that it guards lies in a folder (the SQLite file, or the ledger's), the processes that share the
//! folder take turns by a file lock, which the system gives back when a process dies. Where the tables are in PostgreSQL
//! they take turns by an advisory lock of the session as well. A process that was stopped keeps a file lock: others
//! wait until it is let go on, or ended. The advisory lock ends with the session, which the server ends once it has lain
//! idle for five minutes; so where no file is guarded the others go on, and what the first does when it wakes is
//! fenced: a group's writes and the checkpoint's compare the fence number in `log_state`, and objects on S3 are put in
//! the place of those that were read, and of no others.

use std::path::Path;

use comity_store::{Disk, FileLock};

use crate::error::Result;
use crate::sql::Session;

/// Takes the advisory lock of the database and schema, and for the length of the turn has the server end a session that
/// lies idle for five minutes: a turn is some statements with a few flushes or requests between them.
const ADVISORY: &str = "SELECT set_config('idle_session_timeout', '300s', false), set_config('idle_in_transaction_session_timeout', '300s', false), pg_advisory_lock(1129270857, hashtext(current_schema()))";
const ADVISORY_END: &str = "SELECT set_config('idle_session_timeout', '0', false), set_config('idle_in_transaction_session_timeout', '0', false), pg_advisory_unlock(1129270857, hashtext(current_schema()))";

pub struct Lock {
    is_advisory: bool,
    _file: Option<FileLock>,
}

impl Lock {
    /// Waits for the turn; `file` where something that is guarded lies in a folder.
    pub fn take(session: &mut Session, disk: &Disk, file: Option<&Path>) -> Result<Lock> {
        // The file first: who waits for it then holds no session that the server would end.
        let file = file.map(|file| disk.lock(file)).transpose()?;
        let is_advisory = session.is_postgres();
        if is_advisory {
            session.execute(ADVISORY, &[])?;
        }
        Ok(Lock {
            is_advisory,
            _file: file,
        })
    }

    /// Gives the turn back. An error means that it was lost before: the session has ended.
    pub fn release(self, session: &mut Session) -> Result<()> {
        if self.is_advisory {
            session.execute(ADVISORY_END, &[])?;
        }
        Ok(())
    }
}
