//! Disclosure (`docs/format/disclosure.md`): a package made from checkpoint A, recorded, and only then given its name.
//!
//! Whatever a crash leaves is found by the next start, which completes the hand-over when all of it was recorded, and
//! says so when it was not ([`crate::recover`]).

mod caseld;
mod package;
pub mod page;
mod reading;
pub(crate) mod record;

use std::path::Path;

use comity_core::digest::Digest;
use comity_core::id::Ern;
use comity_core::package::PackageHead;

use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::event::Actor;
use crate::handover::refuse_taken;
use crate::outgoing::{Kind, Outgoing};
use crate::project::ItemState;
use crate::registry::Named;

/// What is to be disclosed.
#[derive(Clone, Debug)]
pub struct Selection {
    /// The case, by code or name.
    pub case: String,
    /// These items of it, or all of them when empty.
    pub items: Vec<Ern>,
    /// What for.
    pub purpose: String,
    /// To whom.
    pub recipient: Option<String>,
    /// Open the viewings by people too.
    pub viewings: bool,
}

/// What was handed over.
#[derive(Clone, Debug)]
pub struct Disclosed {
    /// The head of the package.
    pub head: PackageHead,
    /// SHA-256 of its `tagmanifest-sha256.txt`.
    pub tagmanifest: Digest,
    /// The leaf of the act.
    pub leaf: u64,
    /// Size of checkpoint B, in which it stands.
    pub recorded_at: u64,
}

/// An item that was selected; in the order of their registration numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Selected {
    /// Its registration number.
    pub ern: Ern,
    /// The number of its chain.
    pub no: i64,
}

/// Selected items read from SQL at a time.
const PAGE: i64 = 8192;

/// One exhibit of the selection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exhibit {
    /// Its registration number.
    pub ern: Ern,
    /// The number of its chain.
    pub no: i64,
    /// Number of the key of its custody.
    pub custody_key: u64,
    /// Number of its own key.
    pub content_key: u64,
    /// Its place in its chain of the last event at A.
    pub last_n: u64,
    /// The leaf hash of that event.
    pub last: Digest,
}

impl Centre {
    /// Discloses items of a case into `place`, a new folder or a new zip.
    pub fn disclose(
        &self,
        actor: &Actor,
        selection: &Selection,
        place: &Path,
        watch: &dyn Fn(&str, u64, u64),
    ) -> Result<Disclosed> {
        let _stay = self.keep_packs()?;
        if selection.purpose.trim().is_empty() {
            return Err(AppError::Usage(
                "a disclosure has a purpose: --purpose \"what for\"".to_owned(),
            ));
        }
        actor.signer()?;
        let place = std::path::absolute(place).map_err(|e| AppError::io(place, e))?;
        refuse_taken(&place)?;
        for beside in record::beside(&place)? {
            refuse_taken(&beside)?;
        }
        let mut session = self.session()?;
        let case = self.case(&mut session, &selection.case)?;
        let selected = self.selected(&mut session, &case, selection)?;
        let work = Outgoing::begin(self, &mut session, Kind::Package, &place)?;
        let made = package::write(
            self,
            &mut session,
            actor,
            selection,
            &case,
            &selected,
            &work,
            watch,
        );
        let made = match made {
            Ok(made) => made,
            Err(e) => {
                // Nothing is recorded: what was made is taken away again.
                work.abandon(self, &mut session);
                return Err(e);
            }
        };
        let leaf = record::record(self, actor, selection, &case.code, &made, &work, watch)?;
        let recorded_at = record::hand_over(self, &mut session, &work)?;
        Ok(Disclosed {
            head: made.head,
            tagmanifest: made.tagmanifest,
            leaf,
            recorded_at,
        })
    }

    /// The selected items, sorted. Each must be of the case.
    fn selected(
        &self,
        session: &mut crate::sql::Session,
        case: &Named,
        selection: &Selection,
    ) -> Result<Vec<Selected>> {
        let mut selected = match selection.items.as_slice() {
            [] => items_of(session, case.no)?,
            items => {
                let mut selected = Vec::with_capacity(items.len());
                for ern in items {
                    let item = self.item(session, ern)?;
                    if item.case != case.code {
                        return Err(AppError::Usage(format!(
                            "{ern} is not an item of this case"
                        )));
                    }
                    selected.push(Selected {
                        ern: *ern,
                        no: item.no,
                    });
                }
                selected
            }
        };
        selected.sort_unstable();
        selected.dedup();
        if selected.is_empty() {
            return Err(AppError::Usage(
                "there is nothing to disclose: the case has no items".to_owned(),
            ));
        }
        Ok(selected)
    }
}

/// All items of a case.
fn items_of(session: &mut crate::sql::Session, case_no: i64) -> Result<Vec<Selected>> {
    let broken = |what: &str| AppError::damaged("table items", what.to_owned());
    let mut selected: Vec<Selected> = Vec::new();
    loop {
        let after = selected.last().map_or(0, |s| s.no);
        let rows = session.query(
            &format!("SELECT i.no, m.code, t.number, i.number FROM items i JOIN members m ON m.no = i.member JOIN intakes t ON t.no = i.intake WHERE i.no > ? AND i.case_no = ? ORDER BY i.no LIMIT {PAGE}"),
            &[after.into(), case_no.into()],
        )?;
        for row in &rows {
            let member = row
                .text(1)?
                .parse()
                .map_err(|_| broken("a member's code is malformed"))?;
            selected.push(Selected {
                ern: Ern::new(member, row.int(2)? as u32, row.int(3)? as u32)
                    .ok_or_else(|| broken("a number is out of range"))?,
                no: row.int(0)?,
            });
        }
        if rows.len() < PAGE as usize {
            return Ok(selected);
        }
    }
}

/// Why an exhibit has no file.
pub(crate) fn without(state: ItemState, erased: bool) -> String {
    if erased {
        "erased".to_owned()
    } else {
        state.word().to_owned()
    }
}
