//! Which process reads which items.
//!
//! Items are claimed by blocks of consecutive numbers. A claim is a lock that its process loses when it dies: of a file
//! in the centre's folder where the tables are there too, of the database's session on PostgreSQL. It only saves work:
//! what is recorded is decided under the sequencer's lock, where an item that somebody else has read is left out.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use comity_store::FileLock;

use crate::centre::Centre;
use crate::error::Result;
use crate::sql::Session;

/// Items of a block.
pub const BLOCK: i64 = 32;
/// Locks that blocks share: a block whose lock another one holds waits for it.
const LOCKS: i64 = 256;
/// The first key of the advisory locks.
const ADVISORY: i64 = 1_129_270_858;

/// The claims of one process.
pub struct Claims {
    /// By lock: the block that it stands for now, and its claim.
    held: Mutex<HashMap<i64, (i64, Weak<Claim>)>>,
    /// The session whose advisory locks are the claims.
    session: Option<Mutex<Session>>,
}

/// A block of items that this process alone reads.
pub struct Claim {
    lock: i64,
    of: Arc<Claims>,
    _file: Option<FileLock>,
}

impl Claims {
    /// None yet.
    pub fn new(centre: &Centre) -> Result<Arc<Claims>> {
        let session = centre.session()?;
        Ok(Arc::new(Claims {
            held: Mutex::default(),
            session: session.is_postgres().then(|| Mutex::new(session)),
        }))
    }

    fn held(&self) -> MutexGuard<'_, HashMap<i64, (i64, Weak<Claim>)>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims the block of an item, which this process may have claimed before; `None` while another one has it, or
    /// this one another block with the same lock.
    pub fn claim(self: &Arc<Claims>, centre: &Centre, item: i64) -> Result<Option<Arc<Claim>>> {
        let block = item.div_euclid(BLOCK);
        let lock = block.rem_euclid(LOCKS);
        let mut held = self.held();
        if let Some((of, claim)) = held.get(&lock) {
            return Ok(claim.upgrade().filter(|_| *of == block));
        }
        let Some(file) = self.take(centre, lock)? else {
            return Ok(None);
        };
        let claim = Arc::new(Claim {
            lock,
            of: Arc::clone(self),
            _file: file,
        });
        held.insert(lock, (block, Arc::downgrade(&claim)));
        Ok(Some(claim))
    }

    fn take(&self, centre: &Centre, lock: i64) -> Result<Option<Option<FileLock>>> {
        match &self.session {
            None => {
                let folder = centre.dir.join("tmp");
                let disk = &centre.ambient.disk;
                disk.create_dir_all(&folder)?;
                Ok(disk
                    .try_lock(&folder.join(format!("reading-{lock:02x}.lock")))?
                    .map(Some))
            }
            Some(session) => {
                let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
                let taken = session.query_one(
                    "SELECT CASE WHEN pg_try_advisory_lock(CAST(? AS INTEGER), hashtext(current_schema()) # CAST(? AS INTEGER)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END",
                    &[ADVISORY.into(), lock.into()],
                )?;
                let taken = taken.map(|row| row.int(0)).transpose()?;
                Ok((taken == Some(1)).then_some(None))
            }
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if let Some(session) = &self.of.session {
            let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
            // A session that is gone has lost the claim already.
            let _ = session.query_one(
                "SELECT CASE WHEN pg_advisory_unlock(CAST(? AS INTEGER), hashtext(current_schema()) # CAST(? AS INTEGER)) THEN CAST(1 AS BIGINT) ELSE CAST(0 AS BIGINT) END",
                &[ADVISORY.into(), self.lock.into()],
            );
        }
        self.of.held().remove(&self.lock);
    }
}
