//! Images that were made to hurt, and images that are large.

use crate::{
    child_state, expected, files,
    kept::{Kept, read, readers},
    made::{Folder, text},
};
use comity_extract::{Limits, Source, State};
use std::{cell::Cell, fs::File, io, os::unix::fs::FileExt};

/// Where the entry of a short name stands in an image of FAT.
fn entry(image: &[u8], name: &[u8; 11]) -> usize {
    let found = image.windows(11).position(|part| part == name);
    found.expect("the entry is there")
}

#[test]
fn chains_and_folders_that_lead_in_circles_end() {
    let folder = Folder::new();
    folder.fat("card.img", "16", 16 << 20);
    let whole = folder.bytes("card.img");
    let table = usize::from(u16::from_le_bytes([whole[14], whole[15]])) * 512;

    // A folder within itself: the entry `deep` leads to the folder that it stands in.
    let mut image = whole.clone();
    let orders = entry(&image, b"ORDERS     ");
    let deep = entry(&image, b"DEEP       ");
    let first = [image[orders + 26], image[orders + 27]];
    image[deep + 26..deep + 28].copy_from_slice(&first);
    let (outcome, kept) = read("card.img", &image);
    assert_eq!(outcome.state, State::InPart);
    assert_eq!(
        kept.missing,
        ["the folder orders/deep is one that was met before: it is not gone into twice"]
    );

    // A folder whose chain of clusters leads to its beginning.
    let mut image = whole.clone();
    let cluster = usize::from(u16::from_le_bytes(first));
    image[table + cluster * 2..][..2].copy_from_slice(&first);
    // Its only cluster is full, so that it does not end there.
    let (outcome, kept) = read("card.img", &image);
    assert!(
        matches!(outcome.state, State::Read | State::InPart),
        "{outcome:?} {:?}",
        kept.missing
    );

    // A file that says that it is larger than the card.
    let mut image = whole;
    let notes = entry(&image, b"NOTES   TXT");
    image[notes + 28..notes + 32].fill(0xff);
    let (outcome, kept) = read("card.img", &image);
    assert_eq!(outcome.state, State::InPart);
    assert_eq!(child_state(&kept, "notes.txt"), State::OverLimit);
    assert_eq!(child_state(&kept, "empty.dat"), State::Read);
}

#[test]
fn an_image_cut_anywhere_has_a_state() {
    let folder = Folder::new();
    folder.fat("card.img", "12", 1 << 20);
    folder.ext("disk.img", "ext4", 1 << 20);
    let acquired = folder.acquired("card.img", &["-f", "encase6", "-c", "best"]);
    for image in [folder.bytes("card.img"), folder.bytes("disk.img"), acquired] {
        for part in [1, 3, 7, 20, 60, 90, 99] {
            let (outcome, _) = read("image", &image[..image.len() * part / 100]);
            assert!(outcome.state < State::Crashed, "{part} %: {outcome:?}");
        }
    }
}

/// A file of which is counted what was asked for.
struct Counted {
    file: File,
    asked: Cell<u64>,
}

impl Source for Counted {
    fn size(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.asked.set(self.asked.get() + buffer.len() as u64);
        FileExt::read_exact_at(&self.file, buffer, offset)
    }
}

#[test]
fn of_twenty_gigabytes_only_what_is_needed_is_asked_for() {
    let folder = Folder::new();
    folder.fat("large.img", "32", 20_000_000_000 / 512 * 512);
    let source = Counted {
        file: File::open(text(&folder.path("large.img"))).expect("a file"),
        asked: Cell::new(0),
    };
    let mut kept = Kept::default();
    let limits = Limits {
        memory_bytes: 256 << 20,
        ..Limits::default()
    };
    let outcome = readers(limits)
        .read("large.img", &source, &mut kept)
        .expect("the worker runs");
    assert_eq!(outcome.state, State::Read, "{outcome:?} {:?}", kept.missing);
    assert_eq!(files(&kept), expected(""));
    assert!(
        source.asked.get() < 16 << 20,
        "{} bytes",
        source.asked.get()
    );
}
