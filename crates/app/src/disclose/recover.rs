//! What a crash in the middle of a disclosure left: completed, or said to have never been handed over.

use comity_core::digest::Digest;

use super::Work;
use super::record::{hand_over, path_of};
use crate::centre::Centre;
use crate::commit::{Draft, Subject};
use crate::error::Result;
use crate::event::EventDraft;
use crate::handover::{is_zip, name_of, read_file, remove_partial};
use crate::keys::CENTRE_KEY;
use crate::project::ObjectAt;

impl Centre {
    /// Goes through the packages in work that no living process is at. Says what it did, a sentence each.
    pub(crate) fn recover_packages(&self) -> Result<Vec<String>> {
        let mut said = Vec::new();
        let mut session = self.session()?;
        for row in session.query(
            "SELECT tag, chain, recorded, made, place, digest FROM packages_in_work ORDER BY tag",
            &[],
        )? {
            let tag = row.text(0)?.to_owned();
            let lock_file = Work::lock_file(self, &tag)?;
            let Some(lock) = self.ambient.disk.try_lock(&lock_file)? else {
                continue;
            };
            let work = Work {
                tag,
                made: path_of(row.text(3)?),
                place: path_of(row.text(4)?),
                lock_file,
                _lock: lock,
            };
            let place = comity_core::shown::shown(std::os::unix::ffi::OsStrExt::as_bytes(
                work.place.as_os_str(),
            ));
            let (chain, recorded, digest) = (row.int(1)?, row.int(2)? == 1, row.blob(5)?.to_vec());
            if chain == 0 {
                remove_partial(&work.made);
                work.end(&mut session)?;
                said.push(format!("A disclosure to {place} was interrupted before it was recorded; it was never handed over, and what was made of it is removed."));
            } else if recorded && work.place.exists() && !work.made.exists() {
                work.end(&mut session)?;
            } else if recorded && is_whole(&work, &digest) {
                hand_over(self, &mut session, &work)?;
                said.push(format!("A disclosure was recorded and interrupted before it was in its place; it is complete now: {place}."));
            } else {
                self.never_handed_over(&mut session, chain)?;
                remove_partial(&work.made);
                work.end(&mut session)?;
                said.push(format!("A disclosure to {place} was interrupted while it was being recorded; it was never handed over, and the record says so."));
            }
        }
        Ok(said)
    }

    /// The record that an act of disclosure came to nothing.
    fn never_handed_over(&self, session: &mut crate::sql::Session, chain: i64) -> Result<()> {
        let random = &*self.ambient.random;
        let act = self.read_event(self.chain_indices(session, chain)?[0])?;
        let own = self.chain_key(session, chain)?;
        let event = EventDraft::new(
            "disclosure_failed",
            act.text("actor").unwrap_or_default(),
            &self.now(),
            random,
        )
        .custody("case", act.text("case").unwrap_or_default())
        .content(
            "reason",
            "the program was interrupted; the package was never handed over",
        )
        .seal(&self.keys.scope_key(CENTRE_KEY)?, &own, random)?;
        let draft = Draft {
            subject: Subject::Known(chain),
            event,
            secret: None,
            object: ObjectAt::Unknown,
        };
        self.sequencer()
            .commit(&self.keys, |group| group.push(&draft))?;
        Ok(())
    }
}

/// Whether the package under its partial name is the one that was recorded.
fn is_whole(work: &Work, digest: &[u8]) -> bool {
    let Ok(name) = name_of(&work.place) else {
        return false;
    };
    read_file(
        &work.made,
        is_zip(&work.place),
        &name,
        "tagmanifest-sha256.txt",
    )
    .is_some_and(|bytes| Digest::of(&bytes).as_bytes() == digest)
}
