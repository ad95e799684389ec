//! A second place for what the object store holds: packs, ledger, and what lies beside it (ADR 0010).
//!
//! What is acknowledged lies in both places, or it is on record in the centre's folder ([`Note`]) that the mirror may
//! lack something. The next command that reaches the mirror brings it up to date, and says so.

mod catch_up;
mod go_on;
mod keeper;
mod log;
mod note;
mod settle;

pub use catch_up::Brought;
pub(crate) use catch_up::{AT_OPENING, papers};
pub use go_on::{WentOn, go_on_from};
pub use keeper::Mirror;
pub(crate) use log::MirrorLog;
pub use note::Note;
pub use settle::open_place;
pub(crate) use settle::{impatient, prepare, refuse_own_place, whole_place};

use comity_core::finding::Finding;

use crate::centre::Centre;
use crate::error::Result;

/// How it is about a centre's mirror.
#[derive(Clone, Debug)]
pub struct Status {
    /// Where it is.
    pub place: String,
    /// Why it cannot be used now, if it cannot.
    pub absence: Option<String>,
    /// What it missed, if anything.
    pub note: Option<Note>,
    /// Events that it is not known to hold.
    pub events: u64,
    /// Erasures among them: it does not know of them yet.
    pub erasures: Vec<String>,
}

impl Status {
    /// What nobody must overlook: nothing where the mirror holds all.
    pub fn warning(&self) -> Option<String> {
        let note = self.note.as_ref()?;
        let what = match &self.absence {
            Some(why) => format!("the mirror {} cannot be used ({why})", self.place),
            None => format!("the mirror {} is not up to date ({})", self.place, note.why),
        };
        let mut text = format!(
            "{what}; since {} it may lack what was taken in and recorded ({} events): that lies in one place only",
            note.since, self.events
        );
        if !self.erasures.is_empty() || note.removals > 0 {
            let named = match self.erasures.is_empty() {
                true => String::new(),
                false => format!(" {}", self.erasures.join(", ")),
            };
            text.push_str(&format!(
                ". INCOMPLETE THERE: erasures{named} are not on record in it, and {} packs with erased bytes were not removed from it",
                note.removals
            ));
        }
        Some(text)
    }
}

impl Centre {
    /// How it is about the mirror; `None` where there is none.
    pub fn mirror_status(&self) -> Result<Option<Status>> {
        let Some(mirror) = &self.mirror else {
            return Ok(None);
        };
        let (absence, note) = (mirror.absence(), mirror.note()?);
        let mut status = Status {
            place: mirror.place().to_owned(),
            absence,
            note,
            events: 0,
            erasures: Vec::new(),
        };
        if let Some(note) = &status.note {
            let size = note.size.max(mirror.size());
            status.events = self.sequencer().tree.published_size().saturating_sub(size);
            let rows = self.session()?.query(
                "SELECT e.number FROM erasures e JOIN chains c ON c.no = e.no WHERE c.last_index >= ? ORDER BY e.number",
                &[(size as i64).into()],
            )?;
            for row in &rows {
                status.erasures.push(row.text(0)?.to_owned());
            }
        }
        Ok(Some(status))
    }

    /// What was read from the mirror because the first store did not have it whole; told once.
    pub fn read_from_mirror(&self) -> Vec<Finding> {
        self.mirror
            .as_ref()
            .map_or_else(Vec::new, Mirror::take_read)
    }
}
