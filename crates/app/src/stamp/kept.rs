//! The series that are kept under `ledger/stamp/` (`docs/format/stamp.md`, Where it is kept).

use std::collections::BTreeMap;

use comity_core::stamp::{SeriesFacts, SeriesFiles, StampFile, check_series, is_authority_name};
use comity_store::Objects;

use crate::error::Result;

/// Where all of them lie.
pub const FOLDER: &str = "ledger/stamp/";

/// Which series: by the size of the stamped checkpoint, and the authority that began it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeriesId {
    /// Size of the stamped checkpoint.
    pub size: u64,
    /// Name of the authority.
    pub authority: String,
}

impl SeriesId {
    /// The name of a file of it in the object store.
    pub fn path(&self, file: &str) -> String {
        format!("{FOLDER}{:020}/{}/{file}", self.size, self.authority)
    }

    fn of_path(path: &str) -> Option<(SeriesId, String)> {
        let mut parts = path.strip_prefix(FOLDER)?.splitn(3, '/');
        let (size, authority, file) = (parts.next()?, parts.next()?, parts.next()?);
        let id = SeriesId {
            size: size.parse().ok()?,
            authority: authority.to_owned(),
        };
        let fits = is_authority_name(authority) && id.path(file) == path;
        fits.then(|| (id, file.to_owned()))
    }
}

/// All series with the names of their files, and the objects there that belong to none.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The series, by size.
    pub series: BTreeMap<SeriesId, Vec<String>>,
    /// Names of objects that have no place there.
    pub strangers: Vec<String>,
}

impl Kept {
    /// Lists what is there.
    pub fn list(objects: &Objects) -> Result<Kept> {
        let mut kept = Kept::default();
        for (path, _) in objects.list(FOLDER)? {
            match SeriesId::of_path(&path) {
                Some((id, file)) => kept.series.entry(id).or_default().push(file),
                None => kept.strangers.push(path),
            }
        }
        Ok(kept)
    }

    /// How many tokens of a series count: those whose response is there.
    pub fn tokens(files: &[String]) -> u16 {
        files
            .iter()
            .filter_map(|name| match StampFile::of_name(name) {
                Some(StampFile::Response(n)) => Some(n + 1),
                _ => None,
            })
            .max()
            .unwrap_or(0)
    }

    /// The largest of an authority's series that has a token, over at most `most` events.
    pub fn newest(
        &self,
        authority: &str,
        most: u64,
    ) -> impl Iterator<Item = (&SeriesId, &[String])> {
        self.series
            .iter()
            .rev()
            .filter(move |(id, files)| {
                id.authority == authority && id.size <= most && Kept::tokens(files) > 0
            })
            .map(|(id, files)| (id, files.as_slice()))
    }

    /// The names of all authorities that have stamped something.
    pub fn authorities(&self) -> Vec<String> {
        let mut names: Vec<String> = self.series.keys().map(|id| id.authority.clone()).collect();
        names.sort();
        names.dedup();
        names
    }
}

/// Copies to another store the series over checkpoints of at most `most` events. A token's files are never changed once
/// its response is there, and the response is copied last: what is there with it is left alone.
pub fn copy(from: &Objects, to: &Objects, most: u64) -> Result<()> {
    let there = Kept::list(to)?;
    for (id, files) in &Kept::list(from)?.series {
        let tokens = Kept::tokens(files);
        let copied = there.series.get(id).map_or(0, |files| Kept::tokens(files));
        if id.size > most || tokens <= copied {
            continue;
        }
        let (mut files, mut responses) = (files.clone(), Vec::new());
        files.retain(|name| match StampFile::of_name(name) {
            Some(StampFile::Response(n)) => {
                if n >= copied {
                    responses.push(name.clone());
                }
                false
            }
            Some(StampFile::Certificates(n) | StampFile::Revocation(n) | StampFile::About(n)) => {
                n >= copied && n < tokens
            }
            Some(StampFile::Checkpoint) => copied == 0,
            None => false,
        });
        for name in files.iter().chain(&responses) {
            let path = id.path(name);
            if let Some(bytes) = from.get(&path)? {
                to.put(&path, &bytes)?;
            }
        }
    }
    Ok(())
}

/// Checks a kept series. Findings are pairs of a file's name in the series and what is wrong.
pub fn check(
    objects: &Objects,
    id: &SeriesId,
    files: &[String],
) -> (Option<SeriesFacts>, Vec<(String, String)>) {
    let mut read = |name: &str| match objects.get(&id.path(name)) {
        Ok(Some(bytes)) => Ok(bytes),
        Ok(None) => Err("is missing".to_owned()),
        Err(e) => Err(format!("cannot be read: {e}")),
    };
    check_series(&mut SeriesFiles {
        names: files,
        read: &mut read,
        may_be_unfinished: true,
    })
}
