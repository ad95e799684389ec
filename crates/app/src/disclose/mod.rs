//! Disclosure (`docs/format/disclosure.md`): a package made from checkpoint A, recorded, and only then given its name.
//!
//! Whatever a crash leaves is found by the next start, which completes the hand-over when all of it was recorded, and
//! says so when it was not ([`crate::recover`]).

mod caseld;
mod intakes;
mod package;
pub mod page;
mod persons;
mod reading;
pub(crate) mod record;

use std::path::Path;

use comity_core::digest::{Digest, Sha256Hasher};
use comity_core::id::Ern;
use comity_core::package::PackageHead;

use crate::acts::{Fixed, SolemnAct};
use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::event::Actor;
use crate::handover::{is_sealed, refuse_taken};
use crate::outgoing::{Kind, Outgoing};
use crate::project::ItemState;
use crate::recipients::Recipients;
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
    /// Whom the package is encrypted to.
    pub to: Option<std::sync::Arc<Recipients>>,
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
        has_purpose(selection)?;
        match (&selection.to, is_sealed(place)) {
            (Some(_), false) => {
                return Err(AppError::Usage(
                    "an encrypted package is one file: give -o a name that ends in .zip.age"
                        .to_owned(),
                ));
            }
            (None, true) => {
                return Err(AppError::Usage(
                    "to whom? a package that ends in .zip.age is encrypted: give --to for each recipient"
                        .to_owned(),
                ));
            }
            _ => {}
        }
        actor.signer()?;
        let place = std::path::absolute(place).map_err(|e| AppError::io(place, e))?;
        refuse_taken(&place)?;
        for beside in record::beside(&place)? {
            refuse_taken(&beside)?;
        }
        let mut session = self.session()?;
        let case = self.case(&mut session, &selection.case)?;
        let size = match actor.confirms.as_deref().map(SolemnAct::of).transpose()? {
            Some(SolemnAct::Disclose { fixed, .. }) => Some(fixed.size),
            _ => None,
        };
        let selected = self.selected(&mut session, &case, selection, size)?;
        let act = solemn(selection, &case, &selected, size.unwrap_or_default());
        self.may_act(&mut session, actor, &act)?;
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
        let leaf = record::record(self, actor, selection, &act, &made, &work, watch)?;
        let recorded_at = record::hand_over(self, &mut session, &work)?;
        Ok(Disclosed {
            head: made.head,
            tagmanifest: made.tagmanifest,
            leaf,
            recorded_at,
        })
    }

    /// A disclosure of this selection as the case stands now, as it is proposed.
    pub fn disclosure_act(&self, selection: &Selection) -> Result<SolemnAct> {
        has_purpose(selection)?;
        let mut session = self.session()?;
        let case = self.case(&mut session, &selection.case)?;
        let size = crate::receipt::published(self)?.size();
        let selected = self.selected(&mut session, &case, selection, Some(size))?;
        Ok(solemn(selection, &case, &selected, size))
    }

    /// The selected items, sorted. Each must be of the case. All items of the case are those that it had when the log
    /// was of `size`, or has now.
    fn selected(
        &self,
        session: &mut crate::sql::Session,
        case: &Named,
        selection: &Selection,
        size: Option<u64>,
    ) -> Result<Vec<Selected>> {
        let mut selected = match selection.items.as_slice() {
            [] => items_of(session, case.no, size.unwrap_or(i64::MAX as u64))?,
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
        let numbers: Vec<i64> = selected.iter().map(|s| s.no).collect();
        let apart = session.query_in("SELECT item FROM quarantine WHERE item IN ()", &numbers)?;
        if let Some(row) = apart.first() {
            let first = row.int(0)?;
            let ern = selected
                .iter()
                .find(|s| s.no == first)
                .map(|s| s.ern.to_string());
            return Err(AppError::Refused(format!(
                "{} and {} more are in quarantine, since their bytes did not pass the last check of fixity: `comity vault repair --from BACKUP` mends them, or leave them out",
                ern.unwrap_or_default(),
                apart.len() - 1
            )));
        }
        Ok(selected)
    }
}

/// All items of a case whose first event stands below this size of the log.
fn items_of(session: &mut crate::sql::Session, case_no: i64, size: u64) -> Result<Vec<Selected>> {
    let broken = |what: &str| AppError::damaged("table items", what.to_owned());
    let mut selected: Vec<Selected> = Vec::new();
    loop {
        let after = selected.last().map_or(0, |s| s.no);
        let rows = session.query(
            &format!("SELECT i.no, m.code, t.number, i.number, i.below FROM items i JOIN members m ON m.no = i.member JOIN intakes t ON t.no = i.intake JOIN chains c ON c.no = i.no WHERE i.no > ? AND i.case_no = ? AND c.first_index < ? ORDER BY i.no LIMIT {PAGE}"),
            &[after.into(), case_no.into(), (size as i64).into()],
        )?;
        for row in &rows {
            let member = row
                .text(1)?
                .parse()
                .map_err(|_| broken("a member's code is malformed"))?;
            selected.push(Selected {
                ern: Ern::new(member, row.int(2)? as u32, row.int(3)? as u32)
                    .and_then(|ern| crate::project::place_of_below(ern, row.blob(4).ok()?))
                    .ok_or_else(|| broken("a number is out of range"))?,
                no: row.int(0)?,
            });
        }
        if rows.len() < PAGE as usize {
            return Ok(selected);
        }
    }
}

fn has_purpose(selection: &Selection) -> Result<()> {
    if selection.purpose.trim().is_empty() {
        return Err(AppError::Usage(
            "a disclosure has a purpose: --purpose \"what for\"".to_owned(),
        ));
    }
    Ok(())
}

/// The disclosure of these items as a proposal has it.
fn solemn(selection: &Selection, case: &Named, selected: &[Selected], size: u64) -> SolemnAct {
    let mut hasher = Sha256Hasher::new();
    for item in selected {
        hasher.update(format!("{}\n", item.ern).as_bytes());
    }
    let mut items = selection.items.clone();
    items.sort_unstable();
    items.dedup();
    SolemnAct::Disclose {
        selection: Selection {
            case: case.code.clone(),
            items,
            ..selection.clone()
        },
        fixed: Fixed {
            size,
            exhibits: selected.len() as u64,
            sha256: hasher.finish(),
        },
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
