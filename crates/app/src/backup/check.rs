//! `comity backup --check`: is the copy whole, and would it open?

use std::path::Path;

use comity_core::finding::Finding;
use comity_store::Objects;
use comity_vault::Vault;

use super::mark::{self, Mark};
use super::{CENTRE, Watch, keyring_folder, ledger_of};
use crate::ambient::Ambient;
use crate::centre::OpenedBy;
use crate::error::{AppError, Result};
use crate::verify::{Depth, Place, Report, verify_place};

/// Checks the backup in `to` with the copy of the keyring that belongs to it: the mark, every pack on its list, and
/// all that [`verify_place`] checks at that depth but the tables, which a backup does not have.
///
/// # Errors
/// [`AppError::Usage`] where there is no backup, or its copy of the keyring is not where it was said to be.
pub fn check(
    to: &Path,
    keyring: Option<&Path>,
    depth: Depth,
    by: Option<OpenedBy<'_>>,
    ambient: &Ambient,
    watch: Watch<'_>,
) -> Result<(Mark, Report)> {
    let disk = &ambient.disk;
    let mark = Mark::read(to, disk)?.ok_or_else(|| {
        AppError::Usage(format!(
            "{} holds no whole backup: it has no {}; give the command `comity backup` again",
            to.display(),
            mark::FILE
        ))
    })?;
    let ring = keyring_folder(to, keyring).join(&mark.keyring);
    if !ring.is_dir() {
        return Err(AppError::Usage(format!(
            "the keyring's copy {} is not in {}: give its folder with --keyring",
            mark.keyring,
            keyring_folder(to, keyring).display()
        )));
    }
    let place = Place {
        dir: to.join(CENTRE),
        keyring: ring,
        has_tables: false,
    };
    let mut report = verify_place(&place, depth, by, ambient, watch)?;
    match ledger_of(to, disk) {
        Ok(tree) => {
            let same = tree.size() >= mark.size && tree.root_at(mark.size)? == mark.root;
            if !same {
                report.findings.push(Finding::new(
                    "ledger",
                    format!(
                        "it does not hold the {} events of {}",
                        mark.size,
                        mark::FILE
                    ),
                ));
            }
        }
        // The ledger's own check has said what is wrong with it.
        Err(_) if !report.findings.is_empty() => {}
        Err(e) => return Err(e),
    }
    listed_packs(to, &mark, ambient, &mut report)?;
    for pack in &mark.lacks {
        report.findings.push(Finding::new(
            pack,
            "it was damaged in the centre when the backup was made, and is not in it",
        ));
    }
    Ok((mark, report))
}

fn listed_packs(to: &Path, mark: &Mark, ambient: &Ambient, report: &mut Report) -> Result<()> {
    let list = match mark::read_list(to, &mark.packs, &ambient.disk) {
        Ok(list) => list,
        Err(AppError::Damaged { place, what }) => {
            report.findings.push(Finding::new(place, what));
            return Ok(());
        }
        Err(e) => return Err(e),
    };
    let vault = Vault::new(Objects::local(to.join(CENTRE), ambient.disk.clone())?);
    for pack in list {
        let named = |f: &Finding| f.place == pack.name;
        if report.findings.iter().any(named) {
            continue;
        }
        let what = match vault.read_pack_index(&pack.name) {
            Ok(index) if index.digest == pack.digest => continue,
            Ok(_) => "it is not the pack that the list of packs names".to_owned(),
            Err(e) => e.to_string(),
        };
        report.findings.push(Finding::new(pack.name, what));
    }
    Ok(())
}
