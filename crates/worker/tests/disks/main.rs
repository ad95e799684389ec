//! Images of media that other people's programs made: dosfstools and mtools, exfatprogs, e2fsprogs, ntfs-3g,
//! genisoimage, sfdisk, and libewf for E01.

#![allow(clippy::expect_used)]

#[path = "../kept/mod.rs"]
mod kept;

mod acquired;
mod hostile;
mod made;
mod several;
mod systems;

use comity_extract::State;
use kept::{Kept, end_of};

/// The children as path and bytes, all of which were had whole.
pub fn files(kept: &Kept) -> Vec<(String, Vec<u8>)> {
    let whole = |child| assert_eq!(end_of(child), State::Read, "{:?}", child.2);
    kept.children.iter().for_each(whole);
    let mut all: Vec<(String, Vec<u8>)> = kept
        .children
        .iter()
        .map(|(child, bytes, _)| (child.path.clone(), bytes.clone()))
        .collect();
    all.sort();
    all
}

/// The files of [`made::Folder::tree`] as children below `prefix`.
pub fn expected(prefix: &str) -> Vec<(String, Vec<u8>)> {
    let mut all: Vec<(String, Vec<u8>)> = made::TREE
        .iter()
        .map(|(path, length)| (format!("{prefix}{path}"), made::content(path, *length)))
        .collect();
    all.sort();
    all
}

/// How one named child ended.
pub fn child_state(kept: &Kept, path: &str) -> State {
    let found = kept
        .children
        .iter()
        .find(|(child, _, _)| child.path == path);
    end_of(found.unwrap_or_else(|| panic!("{path} is no child")))
}
