//! A folder as a source: its files by name, links and devices refused and never opened.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use comity_core::Finding;
use comity_core::package::Source;
use comity_core::shown::escape_for_terminal;

/// Deeper folders than this are not walked.
const MAX_DEPTH: usize = 32;

/// A package, receipt or exported log in a folder.
pub struct Folder {
    root: PathBuf,
    names: Vec<String>,
    refused: Vec<Finding>,
}

impl Folder {
    /// Lists a folder.
    ///
    /// # Errors
    /// A folder that cannot be listed.
    pub fn open(root: &Path) -> io::Result<Folder> {
        let mut folder = Folder {
            root: root.to_path_buf(),
            names: Vec::new(),
            refused: Vec::new(),
        };
        folder.walk("", 0)?;
        folder.names.sort_unstable();
        Ok(folder)
    }

    /// Lists what is below the folder `prefix`, which is empty or ends with a slash.
    fn walk(&mut self, prefix: &str, depth: usize) -> io::Result<()> {
        for entry in std::fs::read_dir(self.root.join(prefix))? {
            let entry = entry?;
            let file_name = entry.file_name();
            let name = format!("{prefix}{}", file_name.to_string_lossy());
            let kind = entry.file_type()?;
            let refused = if file_name.to_str().is_none() {
                Some("has a name that is not text")
            } else if kind.is_symlink() {
                Some("is a symbolic link: a package or receipt has none, and it was not followed")
            } else if kind.is_dir() && depth >= MAX_DEPTH {
                Some("is nested too deep")
            } else if !kind.is_dir() && !kind.is_file() {
                Some("is neither a file nor a folder")
            } else {
                None
            };
            match refused {
                Some(why) => self
                    .refused
                    .push(Finding::new(escape_for_terminal(&name), why)),
                None if kind.is_dir() => self.walk(&format!("{name}/"), depth + 1)?,
                None => self.names.push(name),
            }
        }
        Ok(())
    }
}

impl Source for Folder {
    fn names(&self) -> &[String] {
        &self.names
    }

    fn refused(&self) -> &[Finding] {
        &self.refused
    }

    fn read(
        &self,
        index: usize,
        visit: &mut dyn FnMut(&mut dyn Read) -> io::Result<()>,
    ) -> io::Result<()> {
        let name = self.names.get(index).ok_or(io::ErrorKind::NotFound)?;
        visit(&mut File::open(self.root.join(name))?)
    }
}
