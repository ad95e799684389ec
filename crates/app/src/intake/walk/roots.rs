//! What a walk begins with: the paths that were given, checked against each other and against
//! what must not be taken in.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::folder::{Folder, hint_of_mode};
use super::names::Hint;

/// A path that was given to walk.
#[derive(Clone, Debug)]
pub struct Root {
    /// As it was given.
    pub given: PathBuf,
    /// Absolute, without links on the way; the last component is never resolved.
    pub absolute: PathBuf,
    /// Its last component, the first component of every path under it; empty for `/`.
    pub name: Vec<u8>,
    pub(super) parent: PathBuf,
    pub(super) leaf: Vec<u8>,
    pub(super) is_folder: bool,
    id: (u64, u64),
}

/// Why a walk cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// There is nothing at this path, or it cannot be reached.
    #[error("{} cannot be taken in: {source}; name files and folders that are there and can be read", path.display())]
    Unreachable {
        /// As it was given.
        path: PathBuf,
        /// What the system answers.
        source: io::Error,
    },
    /// Two paths lead to the same place.
    #[error("{} and {} are the same place: give it once", first.display(), second.display())]
    Twice {
        /// As it was given first.
        first: PathBuf,
        /// As it was given again.
        second: PathBuf,
    },
    /// One path lies within another.
    #[error("{} lies within {}: give only the outer one", inner.display(), outer.display())]
    Overlap {
        /// The path that lies within.
        inner: PathBuf,
        /// The path that holds it.
        outer: PathBuf,
    },
    /// Two paths end in the same name, so what lies under them could not be told apart.
    #[error(
        "{} and {} have the same name: take them in one after the other, or give the folder that holds both",
        first.display(),
        second.display()
    )]
    SameName {
        /// As it was given first.
        first: PathBuf,
        /// As it was given again.
        second: PathBuf,
    },
    /// The path lies within the centre's own folder.
    #[error("{} lies within the centre's own folder {}, which is never taken in", path.display(), excluded.display())]
    WithinExcluded {
        /// As it was given.
        path: PathBuf,
        /// The folder that is never taken in.
        excluded: PathBuf,
    },
    /// The centre's own folder lies within the path.
    #[error("{} holds the centre's own folder {}, which is never taken in: give the parts beside it", path.display(), excluded.display())]
    HoldsExcluded {
        /// As it was given.
        path: PathBuf,
        /// The folder that is never taken in.
        excluded: PathBuf,
    },
}

/// Looks at `given`, in order, and refuses what overlaps.
pub(super) fn resolve(given: &[PathBuf], exclude: &[PathBuf]) -> Result<Vec<Root>, RootError> {
    let mut roots: Vec<Root> = Vec::with_capacity(given.len());
    for path in given {
        let root = look_at(path).map_err(|source| RootError::Unreachable {
            path: path.clone(),
            source,
        })?;
        for excluded in exclude
            .iter()
            .filter_map(|path| fs::canonicalize(path).ok())
        {
            if root.absolute.starts_with(&excluded) {
                return Err(RootError::WithinExcluded {
                    path: path.clone(),
                    excluded,
                });
            }
            if root.is_folder && excluded.starts_with(&root.absolute) {
                return Err(RootError::HoldsExcluded {
                    path: path.clone(),
                    excluded,
                });
            }
        }
        for other in &roots {
            check_pair(other, &root)?;
        }
        roots.push(root);
    }
    Ok(roots)
}

/// Device and inode of each of `paths` that exists.
pub(super) fn ids(paths: &[PathBuf]) -> Vec<(u64, u64)> {
    paths
        .iter()
        .filter_map(|path| Folder::anchor(path).ok())
        .map(|folder| folder.id())
        .collect()
}

fn check_pair(first: &Root, second: &Root) -> Result<(), RootError> {
    let same_folder = first.is_folder && second.is_folder && first.id == second.id;
    if first.absolute == second.absolute || same_folder {
        let (first, second) = (first.given.clone(), second.given.clone());
        return Err(RootError::Twice { first, second });
    }
    for (inner, outer) in [(first, second), (second, first)] {
        if outer.is_folder && inner.absolute.starts_with(&outer.absolute) {
            let (inner, outer) = (inner.given.clone(), outer.given.clone());
            return Err(RootError::Overlap { inner, outer });
        }
    }
    if first.name == second.name {
        let (first, second) = (first.given.clone(), second.given.clone());
        return Err(RootError::SameName { first, second });
    }
    Ok(())
}

fn look_at(given: &Path) -> io::Result<Root> {
    let bytes = given.as_os_str().as_bytes();
    let ends_in_folder = [&b"/"[..], b"/.", b"/.."]
        .iter()
        .any(|end| bytes.ends_with(end));
    let absolute = match given.file_name() {
        Some(name) if !ends_in_folder => {
            let parent = match given.parent() {
                Some(parent) if !parent.as_os_str().is_empty() => parent,
                _ => Path::new("."),
            };
            fs::canonicalize(parent)?.join(name)
        }
        // `folder/` and `folder/.` say that the folder itself is meant, so the system resolves
        // even a link there; `.` and `..` have no name of their own.
        _ => fs::canonicalize(given)?,
    };
    let parent = absolute.parent().unwrap_or(Path::new("/")).to_owned();
    let leaf = absolute
        .file_name()
        .unwrap_or(OsStr::new("."))
        .as_bytes()
        .to_vec();
    let name = given
        .file_name()
        .or(absolute.file_name())
        .unwrap_or_default()
        .as_bytes()
        .to_vec();
    let stat = Folder::anchor(&parent)?.stat(&leaf)?;
    let is_folder = hint_of_mode(stat.mode) == Hint::Folder;
    Ok(Root {
        given: given.to_owned(),
        absolute,
        name,
        parent,
        leaf,
        is_folder,
        id: stat.id(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_folder_under_two_mounts_is_the_same_place() -> Result<(), Box<dyn std::error::Error>> {
        let folder = tempfile::tempdir()?;
        let first = look_at(folder.path())?;
        let (absolute, name) = (PathBuf::from("/mnt/elsewhere"), b"elsewhere".to_vec());
        let second = Root {
            absolute,
            name,
            ..first.clone()
        };
        assert!(matches!(
            check_pair(&first, &second),
            Err(RootError::Twice { .. })
        ));
        Ok(())
    }
}
