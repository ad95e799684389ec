//! The files of a file system, a folder after the other, whatever the image says of itself.

use crate::{Out, Stop, out::child};
use comity_extract::{Anchor, Child, Place, Relation};
use std::collections::HashSet;

/// Entries of one folder beyond which it is not gone on with.
pub const ENTRIES_MAX: usize = 500_000;
/// Folders of one file system.
const FOLDERS_MAX: usize = 2_000_000;
/// Folders within each other; real paths have fewer.
const DEPTH_MAX: usize = 200;
/// Bytes of the paths of folders that were seen and not gone into yet.
const WAITING_MAX: usize = 128 << 20;
/// Files of an image whose times are listed one by one.
const LISTED_MAX: u32 = 500_000;

/// When something happened to a file, as far as its file system keeps it.
#[derive(Default)]
pub struct Times {
    pub created: Option<String>,
    pub modified: Option<String>,
    pub accessed: Option<String>,
}

/// What stands in a folder.
pub struct Entry<H> {
    pub name: String,
    /// The name's bytes where `name` does not say them.
    pub name_bytes: Vec<u8>,
    pub times: Times,
    pub what: What<H>,
}

pub enum What<H> {
    /// A folder, and a number that no other folder of the file system has.
    Folder(H, u64),
    /// A file, and its size in bytes.
    File(H, u64),
    /// A name that leads to another one.
    Link(String),
    /// A pipe, a device, and the like: in words.
    Special(&'static str),
}

/// Entries of a folder, no more than are allowed.
pub struct Entries<H>(Vec<Entry<H>>);

impl<H> Entries<H> {
    pub fn push(&mut self, entry: Entry<H>) -> Result<(), Stop> {
        if self.0.len() == ENTRIES_MAX {
            return Err(Stop::OverLimit(format!(
                "it has more than {ENTRIES_MAX} entries"
            )));
        }
        self.0.push(entry);
        Ok(())
    }
}

/// A file system that is read.
pub trait Files {
    /// What a folder or file is found by.
    type Handle;

    /// The uppermost folder, with its number.
    fn root(&mut self) -> Result<(Self::Handle, u64), Stop>;

    /// How many folders it may have.
    fn folders_max(&self) -> usize {
        FOLDERS_MAX
    }

    /// What stands in a folder, in its order. What was found before an error counts.
    fn list(
        &mut self,
        folder: &Self::Handle,
        found: &mut Entries<Self::Handle>,
    ) -> Result<(), Stop>;

    /// Hands out one file, with what else belongs to it.
    fn give(&mut self, file: &Self::Handle, child: Child, out: &mut Out) -> Result<(), Stop>;
}

/// What an image has given so far; one for all of its file systems.
#[derive(Default)]
pub struct Listing {
    lines: u32,
    unlisted: bool,
}

impl Listing {
    /// A line about the image as a whole or a part of it.
    pub fn line(&mut self, out: &mut Out, line: &str) -> Result<(), Stop> {
        self.lines = self.lines.saturating_add(1);
        let at = Anchor::at(&[(Place::Record, self.lines)]);
        out.listed(&at, line)
    }

    fn entry(&mut self, out: &mut Out, path: &str, says: &str, times: &Times) -> Result<(), Stop> {
        if self.lines >= LISTED_MAX {
            if !self.unlisted {
                self.unlisted = true;
                out.missing(&format!(
                    "the times of more than {LISTED_MAX} files are not listed"
                ));
            }
            return Ok(());
        }
        let mut line = format!("{path} · {says}");
        let all = [
            ("created", &times.created),
            ("modified", &times.modified),
            ("accessed", &times.accessed),
        ];
        for (what, time) in all {
            if let Some(time) = time {
                line.push_str(&format!(" · {what} {time}"));
            }
        }
        self.line(out, &line)
    }
}

/// Gives all files of a file system, and says what could not be had. Files of a folder come before its folders.
///
/// `room` is how large the medium is: a file that states more is not taken out.
pub fn walk<F: Files>(
    files: &mut F,
    prefix: &str,
    room: u64,
    listing: &mut Listing,
    out: &mut Out,
) -> Result<(), Stop> {
    let (root, number) = files.root()?;
    let mut seen = HashSet::from([number]);
    let mut waiting = vec![(root, prefix.to_owned(), Vec::new(), 0)];
    let mut waiting_bytes = prefix.len();
    let folders_max = files.folders_max().min(FOLDERS_MAX);
    while let Some((folder, path, path_bytes, depth)) = waiting.pop() {
        waiting_bytes -= path.len() + path_bytes.len();
        let mut found = Entries(Vec::new());
        if let Err(stop) = files.list(&folder, &mut found) {
            if depth == 0 && found.0.is_empty() {
                return Err(stop);
            }
            out.missing(&format!("the folder {path}: {}", reason(stop)));
        }
        let mut folders = Vec::new();
        for entry in found.0 {
            let name = format!("{path}{}", entry.name);
            let name_bytes = joined(&path, &path_bytes, &entry);
            match entry.what {
                What::Folder(handle, number) => {
                    if !seen.insert(number) {
                        out.missing(&format!(
                            "the folder {name} is one that was met before: it is not gone into twice"
                        ));
                    } else if depth == DEPTH_MAX {
                        out.missing(&format!(
                            "the folder {name}: more than {DEPTH_MAX} folders lie around it"
                        ));
                    } else if seen.len() > folders_max || waiting_bytes > WAITING_MAX {
                        return Err(Stop::OverLimit(format!(
                            "it has more than {folders_max} folders, which lead in circles, or names that are too long"
                        )));
                    } else {
                        let bytes = match name_bytes.is_empty() {
                            true => Vec::new(),
                            false => [&name_bytes[..], b"/"].concat(),
                        };
                        waiting_bytes += name.len() + 1 + bytes.len();
                        folders.push((handle, format!("{name}/"), bytes, depth + 1));
                    }
                }
                What::File(handle, size) => {
                    listing.entry(out, &name, &format!("{size} bytes"), &entry.times)?;
                    let child = Child {
                        path_bytes: name_bytes,
                        stated_size: Some(size),
                        modified: entry.times.modified.unwrap_or_default(),
                        ..child(Relation::Member, &name)
                    };
                    if size > room {
                        let why = format!("it states {size} bytes, and the medium has {room}");
                        out.lost_child(child, Stop::OverLimit(why))?;
                    } else {
                        files.give(&handle, child, out)?;
                    }
                }
                What::Link(target) => {
                    listing.entry(out, &name, &format!("link to {target}"), &entry.times)?;
                }
                What::Special(what) => listing.entry(out, &name, what, &entry.times)?,
            }
        }
        waiting.extend(folders.into_iter().rev());
    }
    Ok(())
}

/// The bytes of a path where its text does not say them.
fn joined<H>(path: &str, path_bytes: &[u8], entry: &Entry<H>) -> Vec<u8> {
    if path_bytes.is_empty() && entry.name_bytes.is_empty() {
        return Vec::new();
    }
    let before = match path_bytes {
        [] => path.as_bytes(),
        bytes => bytes,
    };
    let name = match &entry.name_bytes[..] {
        [] => entry.name.as_bytes(),
        bytes => bytes,
    };
    [before, name].concat()
}

/// Why something ended, in words.
pub fn reason(stop: Stop) -> String {
    match stop {
        Stop::Encrypted(reason)
        | Stop::Unsupported(reason)
        | Stop::Damaged(reason)
        | Stop::OverLimit(reason) => reason,
    }
}
