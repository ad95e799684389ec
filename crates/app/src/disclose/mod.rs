//! Disclosure (`docs/format/disclosure.md`): a package made from checkpoint A, recorded, and only then given its name.
//!
//! Whatever a crash leaves is found by the next start, which completes the hand-over when all of it was recorded, and
//! says so when it was not ([`crate::recover`]).

mod caseld;
mod package;
pub mod page;
pub(crate) mod record;

use std::path::Path;

use comity_core::digest::Digest;
use comity_core::id::Ern;
use comity_core::package::PackageHead;

use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::event::Actor;
use crate::handover::refuse_taken;
use crate::item::Filter;
use crate::outgoing::{Kind, Outgoing};
use crate::project::ItemState;

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

/// One exhibit of the selection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exhibit {
    /// The number of its chain.
    pub no: i64,
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
        if selection.purpose.trim().is_empty() {
            return Err(AppError::Usage(
                "a disclosure has a purpose: --purpose \"what for\"".to_owned(),
            ));
        }
        let place = std::path::absolute(place).map_err(|e| AppError::io(place, e))?;
        refuse_taken(&place)?;
        for beside in record::beside(&place)? {
            refuse_taken(&beside)?;
        }
        let mut session = self.session()?;
        let case = self.case(&mut session, &selection.case)?;
        let erns = self.selected(&mut session, case.no, selection)?;
        let work = Outgoing::begin(self, &mut session, Kind::Package, &place)?;
        let made = package::write(
            self,
            &mut session,
            actor,
            selection,
            &case,
            &erns,
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
        let leaf = record::record(
            self,
            &mut session,
            actor,
            selection,
            &case.code,
            &made,
            &work,
            watch,
        )?;
        let recorded_at = record::hand_over(self, &mut session, &work)?;
        Ok(Disclosed {
            head: made.head,
            tagmanifest: made.tagmanifest,
            leaf,
            recorded_at,
        })
    }

    /// The numbers of the selected items, sorted. Each must be of the case.
    fn selected(
        &self,
        session: &mut crate::sql::Session,
        case_no: i64,
        selection: &Selection,
    ) -> Result<Vec<Ern>> {
        let mut erns = Vec::new();
        if selection.items.is_empty() {
            let filter = Filter {
                case: Some(case_no),
                ..Filter::default()
            };
            self.each_item(session, &filter, 0, &mut |item| {
                erns.push(item.ern);
                Ok(true)
            })?;
        }
        for ern in &selection.items {
            let item = self.item(session, ern)?;
            if self.case(session, &item.case)?.no != case_no {
                return Err(AppError::Usage(format!(
                    "{ern} is not an item of this case"
                )));
            }
            erns.push(*ern);
        }
        erns.sort();
        erns.dedup();
        if erns.is_empty() {
            return Err(AppError::Usage(
                "there is nothing to disclose: the case has no items".to_owned(),
            ));
        }
        Ok(erns)
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
