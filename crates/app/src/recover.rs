//! What a crash in the middle of a disclosure or a receipt left: completed, or said to have never been handed over.

use std::os::unix::ffi::OsStrExt;

use comity_core::digest::Digest;

use crate::centre::Centre;
use crate::commit::{Draft, Subject};
use crate::disclose::record::{beside, hand_over};
use crate::error::{AppError, Result};
use crate::event::EventDraft;
use crate::handover::{
    digest_of, is_sealed, is_zip, name_of, parent, partial, read_file, remove_partial,
};
use crate::keys::CENTRE_KEY;
use crate::outgoing::{Kind, Outgoing, Recorded, Row};
use crate::project::ObjectAt;
use crate::sql::Session;

impl Centre {
    /// Goes through the packages and receipts that no living process is at. Says what it did, a sentence each. One
    /// that cannot be finished now, its disk being full or away, is told and stays for the next start: the centre
    /// itself lacks nothing by it.
    pub(crate) fn recover_outgoing(&self) -> Result<Vec<String>> {
        let mut said = Vec::new();
        let mut session = self.session()?;
        for tag in Outgoing::left(self, &mut session)? {
            let Some((mut work, row)) = Outgoing::take_over(self, &mut session, &tag)? else {
                continue;
            };
            let place = comity_core::shown::shown(row.place.as_os_str().as_bytes());
            let is_in_place = std::fs::symlink_metadata(&row.place).is_ok()
                && std::fs::symlink_metadata(&row.made).is_err();
            let done = match work.kind() {
                // It has its name, which it gets last: a row of older tables, or one whose end was interrupted.
                _ if is_in_place && row.recorded != Recorded::Failed => {
                    work.end(self, &mut session).map(|()| None)
                }
                _ if !parent(&row.made).is_dir() => Err(AppError::Refused(
                    "its folder is not there: mount it, or make it anew".to_owned(),
                )),
                Kind::Package => self.recover_package(&mut session, &work, &row),
                Kind::Receipt => self.recover_receipt(&mut session, &mut work, &row),
            };
            let what = match work.kind() {
                Kind::Package => "A disclosure",
                Kind::Receipt => "A receipt",
            };
            match done {
                Ok(None) => {}
                Ok(Some(how)) => said.push(format!("{what} to {place} {how}")),
                Err(e) => said.push(format!(
                    "{what} to {place} was interrupted and cannot be finished now ({e}); the next command tries again."
                )),
            }
        }
        Ok(said)
    }

    fn recover_package(
        &self,
        session: &mut Session,
        work: &Outgoing,
        row: &Row,
    ) -> Result<Option<&'static str>> {
        let how = match row.recorded {
            Recorded::No if row.chain == 0 => {
                "was interrupted before it was recorded; it was never handed over, and what was made of it is removed."
            }
            Recorded::Yes
                if is_whole(
                    work,
                    is_zip(&work.place),
                    "tagmanifest-sha256.txt",
                    &row.digest,
                ) =>
            {
                hand_over(self, session, work)?;
                return Ok(Some(
                    "was recorded and interrupted before it was in its place; it is complete now.",
                ));
            }
            Recorded::No | Recorded::Yes => {
                self.never_handed_over(session, work, row.chain)?;
                NEVER
            }
            Recorded::Failed => NEVER,
        };
        for file in beside(&work.place)? {
            remove_partial(&self.ambient.disk, &partial(&file, &work.tag))?;
        }
        remove_partial(&self.ambient.disk, &work.made)?;
        work.end(self, session)?;
        Ok(Some(how))
    }

    fn recover_receipt(
        &self,
        session: &mut Session,
        work: &mut Outgoing,
        row: &Row,
    ) -> Result<Option<&'static str>> {
        let how = match row.recorded {
            Recorded::Yes if is_whole(work, is_zip(&work.place), "SHA256SUMS", &row.digest) => {
                self.place_receipt(session, work, true)?;
                return Ok(Some(
                    "was recorded and interrupted before it was in its place; it is complete now.",
                ));
            }
            Recorded::Yes => {
                "was recorded and what was made of it is lost; `comity receipt` makes it anew."
            }
            Recorded::No | Recorded::Failed => {
                "was interrupted before it was recorded, and what was made of it is removed; `comity receipt` makes it anew."
            }
        };
        remove_partial(&self.ambient.disk, &work.made)?;
        work.end(self, session)?;
        Ok(Some(how))
    }

    /// The record that an act of disclosure came to nothing.
    fn never_handed_over(&self, session: &mut Session, work: &Outgoing, chain: i64) -> Result<()> {
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
        self.sequencer().commit(&self.keys, |group| {
            work.recorded_now(group.session, Recorded::Failed)?;
            group.push(&draft)
        })?;
        Ok(())
    }
}

const NEVER: &str = "was interrupted while it was being recorded; it was never handed over, and the record says so.";

/// Whether what lies under the partial name is what was recorded, by the file that lists all its files.
fn is_whole(work: &Outgoing, as_zip: bool, list: &str, digest: &[u8]) -> bool {
    if is_sealed(&work.place) {
        return digest_of(&work.made).is_some_and(|found| found.as_bytes() == digest);
    }
    let Ok(name) = name_of(&work.place) else {
        return false;
    };
    read_file(&work.made, as_zip, &name, list)
        .is_some_and(|bytes| Digest::of(&bytes).as_bytes() == digest)
}
