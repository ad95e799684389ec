//! The sequencer's lock, held for one group.
//!
//! On SQLite the processes of one machine take turns by a file lock, which the system gives back
//! when a process dies. On PostgreSQL it is an advisory lock of the session. Both are fenced: a
//! group's writes also compare the fence number in `log_state`, so a process that lost the lock
//! without noticing changes nothing.

use std::path::Path;

use comity_store::{Disk, FileLock};

use crate::error::Result;
use crate::sql::Session;

/// The number of our advisory lock in a PostgreSQL database, together with the schema's name.
const ADVISORY: &str = "SELECT pg_advisory_lock(1129270857, hashtext(current_schema()))";
const ADVISORY_END: &str = "SELECT pg_advisory_unlock(1129270857, hashtext(current_schema()))";

pub enum Lock {
    File(#[allow(dead_code, reason = "held for its drop")] FileLock),
    Advisory,
}

impl Lock {
    pub fn take(session: &mut Session, disk: &Disk, file: &Path) -> Result<Lock> {
        if session.is_postgres() {
            session.execute(ADVISORY, &[])?;
            return Ok(Lock::Advisory);
        }
        Ok(Lock::File(disk.lock(file)?))
    }

    pub fn release(self, session: &mut Session) -> Result<()> {
        if let Lock::Advisory = self {
            session.execute(ADVISORY_END, &[])?;
        }
        Ok(())
    }
}
