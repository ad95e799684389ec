//! Disclosure (`docs/format/disclosure.md`): a package made from checkpoint A, recorded, and only then given its name.
//!
//! Before anything is written, `packages_in_work` holds the partial name; so whatever a crash leaves is found by the
//! next start, which completes the hand-over when all of it was recorded, and says so when it was not ([`recover`]).

mod caseld;
mod package;
pub mod page;
mod record;
mod recover;

use std::path::{Path, PathBuf};

use comity_core::digest::{Digest, hex};
use comity_core::id::Ern;
use comity_core::package::PackageHead;

use crate::centre::Centre;
use crate::error::{AppError, Result};
use crate::event::Actor;
use crate::handover::{refuse_taken, remove_partial};
use crate::item::Filter;
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
        let work = Work::begin(self, &mut session, &place)?;
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
                remove_partial(&work.made);
                work.end(&mut session)?;
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

/// A package on its way, as `packages_in_work` has it. Its lock tells other processes that somebody is at it.
pub(crate) struct Work {
    /// Its key in the table.
    pub tag: String,
    /// Where it is made.
    pub made: PathBuf,
    /// Where it will be.
    pub place: PathBuf,
    lock_file: PathBuf,
    _lock: comity_store::FileLock,
}

impl Work {
    fn begin(centre: &Centre, session: &mut crate::sql::Session, place: &Path) -> Result<Work> {
        let tag = hex(&centre.ambient.bytes::<8>());
        let lock_file = Work::lock_file(centre, &tag)?;
        let lock = centre.ambient.disk.lock(&lock_file)?;
        let made = crate::handover::partial(place, &tag);
        let text = |p: &Path| hex(std::os::unix::ffi::OsStrExt::as_bytes(p.as_os_str()));
        session.insert(
            "packages_in_work",
            &["tag", "chain", "recorded", "made", "place", "digest"],
            &[
                tag.as_str().into(),
                0i64.into(),
                0i64.into(),
                text(&made).as_str().into(),
                text(place).as_str().into(),
                Vec::new().into(),
            ],
        )?;
        Ok(Work {
            tag,
            made,
            place: place.to_owned(),
            lock_file,
            _lock: lock,
        })
    }

    fn lock_file(centre: &Centre, tag: &str) -> Result<PathBuf> {
        let folder = centre.dir.join("tmp");
        centre.ambient.disk.create_dir_all(&folder)?;
        Ok(folder.join(format!("package-{tag}.lock")))
    }

    fn end(&self, session: &mut crate::sql::Session) -> Result<()> {
        session.execute(
            "DELETE FROM packages_in_work WHERE tag = ?",
            &[self.tag.as_str().into()],
        )?;
        let _ = std::fs::remove_file(&self.lock_file);
        Ok(())
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
