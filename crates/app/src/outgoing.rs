//! What is on its way out: a package or a receipt, from before its first file until it is in its place.
//!
//! Before anything is written, a row of `packages_in_work` holds the partial name, and a lock tells other processes
//! that somebody is at it; so whatever a crash leaves is found by the next start ([`crate::recover`]).

use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use comity_core::digest::{Digest, hex, unhex};
use comity_store::FileLock;

use crate::centre::Centre;
use crate::error::Result;
use crate::handover::{partial, remove_partial};
use crate::sql::{Session, Value};

/// Tags of receipts begin so; those of packages are hex alone.
const RECEIPT: &str = "receipt-";
const LOCK: (&str, &str) = ("package-", ".lock");

/// What goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A disclosure.
    Package,
    /// The receipt of an intake.
    Receipt,
}

/// How far the record of it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recorded {
    /// Not, or not all of it.
    No,
    /// All of it.
    Yes,
    /// That it came to nothing.
    Failed,
}

/// What `packages_in_work` says of it.
pub(crate) struct Row {
    /// The chain that records it; 0 before anything is recorded.
    pub chain: i64,
    /// How far the record is.
    pub recorded: Recorded,
    /// SHA-256 of the file that lists all its files.
    pub digest: Vec<u8>,
    /// Where it is made.
    pub made: PathBuf,
    /// Where it will be.
    pub place: PathBuf,
}

/// A package or receipt on its way, locked.
pub(crate) struct Outgoing {
    /// Its key in the table.
    pub tag: String,
    /// Where it is made.
    pub made: PathBuf,
    /// Where it will be.
    pub place: PathBuf,
    lock_file: PathBuf,
    _lock: FileLock,
}

impl Outgoing {
    /// Begins one that will be at `place`, an absolute path.
    pub fn begin(
        centre: &Centre,
        session: &mut Session,
        kind: Kind,
        place: &Path,
    ) -> Result<Outgoing> {
        let mut tag = hex(&centre.ambient.bytes::<8>());
        if kind == Kind::Receipt {
            tag.insert_str(0, RECEIPT);
        }
        let lock_file = lock_file(centre, &tag)?;
        let lock = centre.ambient.disk.lock(&lock_file)?;
        let made = partial(place, &tag);
        session.insert(
            "packages_in_work",
            &[
                "tag",
                "chain",
                "recorded",
                "made",
                "place",
                "digest",
                "checkpoint",
            ],
            &[
                tag.as_str().into(),
                0i64.into(),
                0i64.into(),
                text_of(&made).as_str().into(),
                text_of(place).as_str().into(),
                Vec::new().into(),
                Vec::new().into(),
            ],
        )?;
        Ok(Outgoing {
            tag,
            made,
            place: place.to_owned(),
            lock_file,
            _lock: lock,
        })
    }

    /// Takes one over from a process that is gone, with what its row says by now. `None` when somebody is at it, or
    /// has ended it in the meantime.
    pub fn take_over(
        centre: &Centre,
        session: &mut Session,
        tag: &str,
    ) -> Result<Option<(Outgoing, Row)>> {
        let lock_file = lock_file(centre, tag)?;
        let Some(lock) = centre.ambient.disk.try_lock(&lock_file)? else {
            return Ok(None);
        };
        let found = session.query_one(
            "SELECT chain, recorded, digest, made, place FROM packages_in_work WHERE tag = ?",
            &[tag.into()],
        )?;
        let Some(found) = found else {
            centre.ambient.disk.remove_file(&lock_file)?;
            return Ok(None);
        };
        let row = Row {
            chain: found.int(0)?,
            recorded: match found.int(1)? {
                0 => Recorded::No,
                1 => Recorded::Yes,
                _ => Recorded::Failed,
            },
            digest: found.blob(2)?.to_vec(),
            made: path_of(found.text(3)?),
            place: path_of(found.text(4)?),
        };
        let outgoing = Outgoing {
            tag: tag.to_owned(),
            made: row.made.clone(),
            place: row.place.clone(),
            lock_file,
            _lock: lock,
        };
        Ok(Some((outgoing, row)))
    }

    /// The tags of all, and the lock files that are left of those that are none any more.
    pub fn left(centre: &Centre, session: &mut Session) -> Result<Vec<String>> {
        let mut tags = Vec::new();
        for row in session.query("SELECT tag FROM packages_in_work ORDER BY tag", &[])? {
            tags.push(row.text(0)?.to_owned());
        }
        for name in centre.ambient.disk.list(&centre.dir.join("tmp"))? {
            let tag = name
                .to_str()
                .and_then(|n| n.strip_prefix(LOCK.0)?.strip_suffix(LOCK.1));
            tags.extend(tag.map(str::to_owned));
        }
        tags.sort();
        tags.dedup();
        Ok(tags)
    }

    /// Which of the two it is.
    pub fn kind(&self) -> Kind {
        if self.tag.starts_with(RECEIPT) {
            Kind::Receipt
        } else {
            Kind::Package
        }
    }

    /// Keeps the checkpoint that it is made from: an encrypted package cannot be asked for it again.
    pub fn stands_at(&self, session: &mut Session, checkpoint: &[u8]) -> Result<()> {
        self.update(session, "checkpoint = ?", vec![checkpoint.into()])
    }

    /// Says in the transaction that records it how far that is.
    pub fn recorded(
        &self,
        session: &mut Session,
        chain: i64,
        recorded: Recorded,
        digest: &Digest,
    ) -> Result<()> {
        self.update(
            session,
            "chain = ?, recorded = ?, digest = ?",
            vec![chain.into(), number(recorded).into(), digest.0.into()],
        )
    }

    /// As [`Outgoing::recorded`], when chain and digest stand there already.
    pub fn recorded_now(&self, session: &mut Session, recorded: Recorded) -> Result<()> {
        self.update(session, "recorded = ?", vec![number(recorded).into()])
    }

    /// Another place, because something is at the first one.
    pub fn go_to(&mut self, session: &mut Session, place: &Path) -> Result<()> {
        self.update(session, "place = ?", vec![text_of(place).as_str().into()])?;
        place.clone_into(&mut self.place);
        Ok(())
    }

    fn update(&self, session: &mut Session, set: &str, mut values: Vec<Value>) -> Result<()> {
        values.push(self.tag.as_str().into());
        session.execute(
            &format!("UPDATE packages_in_work SET {set} WHERE tag = ?"),
            &values,
        )?;
        Ok(())
    }

    /// Takes away what was made of one of which nothing is recorded. What cannot be removed is left to the next start.
    pub fn abandon(&self, centre: &Centre, session: &mut Session) {
        if remove_partial(&centre.ambient.disk, &self.made).is_ok() {
            let _ = self.end(centre, session);
        }
    }

    /// Ends it: nothing of it is left to do.
    pub fn end(&self, centre: &Centre, session: &mut Session) -> Result<()> {
        session.execute(
            "DELETE FROM packages_in_work WHERE tag = ?",
            &[self.tag.as_str().into()],
        )?;
        Ok(centre.ambient.disk.remove_file(&self.lock_file)?)
    }
}

fn number(recorded: Recorded) -> i64 {
    match recorded {
        Recorded::No => 0,
        Recorded::Yes => 1,
        Recorded::Failed => 2,
    }
}

fn lock_file(centre: &Centre, tag: &str) -> Result<PathBuf> {
    let folder = centre.dir.join("tmp");
    centre.ambient.disk.create_dir_all(&folder)?;
    Ok(folder.join(format!("{}{tag}{}", LOCK.0, LOCK.1)))
}

/// A path as a row holds it: hex of its bytes.
fn text_of(path: &Path) -> String {
    hex(path.as_os_str().as_bytes())
}

fn path_of(hex_text: &str) -> PathBuf {
    let bytes = unhex(hex_text).unwrap_or_default();
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}
