//! Images in several files: what libewf and `split` cut is read as one, and nothing is that is not.

use crate::{
    acquired::verdicts,
    expected, files,
    kept::{Kept, read, readers},
    made::{Folder, run, text},
};
use comity_extract::{Limits, Outcome, Source, State};
use std::{cell::Cell, io};

/// A file, and those whose names follow.
struct Files {
    bytes: Vec<u8>,
    size: u64,
    more: Vec<u64>,
    asked: Cell<u64>,
}

impl Files {
    fn of(files: Vec<Vec<u8>>) -> Files {
        let more = files.iter().skip(1).map(|file| file.len() as u64);
        Files {
            more: more.collect(),
            size: files[0].len() as u64,
            bytes: files.concat(),
            asked: Cell::new(0),
        }
    }
}

impl Source for Files {
    fn size(&self) -> io::Result<u64> {
        Ok(self.size)
    }

    fn more(&self) -> &[u64] {
        &self.more
    }

    fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.asked.set(self.asked.get() + buffer.len() as u64);
        let there = self.bytes.get(offset as usize..).unwrap_or_default();
        let count = there.len().min(buffer.len());
        buffer[..count].copy_from_slice(&there[..count]);
        Ok(())
    }
}

fn read_all(name: &str, files: Vec<Vec<u8>>) -> (Outcome, Kept) {
    read_source(name, &Files::of(files))
}

fn read_source(name: &str, source: &Files) -> (Outcome, Kept) {
    let mut kept = Kept::default();
    let outcome = readers(Limits::default())
        .read(name, source, &mut kept)
        .expect("the worker runs");
    (outcome, kept)
}

/// The files that libewf makes of a card of 3 MiB, in their order.
fn segments(form: &str, compression: &str) -> Vec<Vec<u8>> {
    let folder = Folder::new();
    folder.fat("card.img", "12", 3 << 20);
    folder.acquired("card.img", &["-f", form, "-c", compression, "-S", "1M"]);
    (1..)
        .map(|n| folder.path(&format!("acquired.E{n:02}")))
        .take_while(|path| path.exists())
        .map(|path| std::fs::read(path).expect("a file"))
        .collect()
}

fn missing_of<'a>(kept: &'a Kept, what: &str) -> &'a str {
    let found = kept.missing.iter().find(|missing| missing.contains(what));
    found.unwrap_or_else(|| panic!("{what}: {:?}", kept.missing))
}

#[test]
fn an_acquired_image_in_several_files_is_read_as_one() {
    for (form, digests) in [("encase6", 2), ("encase5", 1), ("ftk", 1)] {
        let all = segments(form, "none");
        assert!(all.len() > 2, "{form}: {} files", all.len());
        let count = all.len().to_string();
        let (outcome, kept) = read_all("card.E01", all);
        assert_eq!(
            outcome.state,
            State::Read,
            "{form}: {outcome:?} {:?}",
            kept.missing
        );
        assert_eq!(kept.field("image_files"), count, "{form}");
        assert_eq!(kept.field("image_goes_on"), "", "{form}");
        assert_eq!(files(&kept), expected(""), "{form}");
        assert_eq!(verdicts(&kept), vec!["matches"; digests], "{form}");
    }
}

#[test]
fn the_first_file_by_itself_says_that_the_image_goes_on_and_the_others_what_they_are() {
    let all = segments("encase6", "none");
    let (outcome, kept) = read("card.E01", &all[0]);
    assert_eq!(outcome.state, State::InPart);
    assert_eq!(verdicts(&kept), ["absent"]);
    assert_eq!(kept.field("image_goes_on"), "2");
    assert_eq!(kept.field("case_number"), "2025/17");
    assert_eq!(kept.field("file_system"), "FAT12");
    missing_of(
        &kept,
        "the image goes on in file 2, which was not read with it",
    );
    let (outcome, kept) = read("card.E02", &all[1]);
    assert_eq!(outcome.state, State::InPart);
    missing_of(&kept, "it is file 2 of an image");
    assert_eq!(kept.children.len(), 0);
    // A later file does not draw others to it, whatever its name.
    let (_, kept) = read_all("card.E01", vec![all[1].clone(), all[2].clone()]);
    assert_eq!(kept.field("image_files"), "");
}

/// Where the section that says what medium it is has its content.
fn about(file: &[u8]) -> usize {
    let kinds = [&b"volume\0"[..], b"data\0"];
    let find = |kind: &[u8]| file.windows(kind.len()).position(|part| part == kind);
    kinds.into_iter().find_map(find).expect("a section") + 76
}

/// With a set identifier, which libewf leaves empty.
fn marked(mut file: Vec<u8>, set: u8) -> Vec<u8> {
    let at = about(&file);
    file[at + 64..at + 80].fill(set);
    file
}

/// Of a medium that is larger by a sector.
fn longer(mut file: Vec<u8>) -> Vec<u8> {
    let at = about(&file);
    file[at + 16] += 1;
    file
}

#[test]
fn a_file_of_another_image_that_nothing_tells_apart_is_told_by_the_digest() {
    let mut all = segments("encase6", "none");
    // The second file of another medium of the same size.
    let folder = Folder::new();
    let other = crate::made::content("another medium", 3 << 20);
    std::fs::write(folder.path("card.img"), other).expect("a file");
    folder.acquired("card.img", &["-f", "encase6", "-c", "none", "-S", "1M"]);
    let other = folder.bytes("acquired.E02");
    assert!(other != all[1], "they are different");
    all[1] = other;
    let (outcome, kept) = read_all("card.E01", all);
    assert_eq!(outcome.state, State::InPart);
    assert_eq!(verdicts(&kept), ["differs", "differs"]);
}

#[test]
fn what_is_not_the_next_file_of_the_image_ends_it_there() {
    let all: Vec<_> = segments("encase6", "none");
    let all: Vec<_> = all.into_iter().map(|file| marked(file, 7)).collect();
    let other = [all[0].clone(), marked(all[1].clone(), 8)];
    let cases: [(Vec<Vec<u8>>, &str, &str); 7] = [
        // A gap; itself once more, without end; another image; something else; nothing; cut off.
        (
            vec![all[0].clone(), all[1].clone(), all[3].clone()],
            "2",
            "it says that it is file 4 of an image",
        ),
        (
            vec![all[0].clone(); 5],
            "",
            "it says that it is file 1 of an image",
        ),
        (
            vec![all[0].clone(), other[1].clone(), all[2].clone()],
            "",
            "its set identifier is another one",
        ),
        (
            vec![all[0].clone(), longer(all[1].clone()), all[2].clone()],
            "",
            "its medium has another length",
        ),
        (
            vec![all[0].clone(), b"%PDF-1.7 is no image".to_vec()],
            "",
            "it is no file of an EnCase image",
        ),
        (
            vec![all[0].clone(), Vec::new(), all[1].clone()],
            "",
            "it is no file of an EnCase image",
        ),
        (
            vec![all[0].clone(), all[1][..all[1].len() / 2].to_vec()],
            "",
            "no section begins at byte",
        ),
    ];
    for (given, read, why) in cases {
        let (outcome, kept) = read_all("card.E01", given);
        assert_eq!(outcome.state, State::InPart, "{why}");
        assert_eq!(kept.field("image_files"), read, "{why}");
        let next = read.parse().unwrap_or(1) + 1;
        assert_eq!(kept.field("image_goes_on"), next.to_string(), "{why}");
        missing_of(&kept, why);
        assert!(!verdicts(&kept).contains(&"matches"), "{why}");
    }
    // One that is whole takes nothing more.
    let mut more = all.clone();
    more.push(other[1].clone());
    let (outcome, kept) = read_all("card.E01", more);
    assert_eq!(outcome.state, State::Read, "{:?}", kept.missing);
    assert_eq!(kept.field("image_files"), all.len().to_string());
}

#[test]
fn places_that_an_image_names_lie_in_its_own_files() {
    let all = segments("encase6", "none");
    // The last chunk's entry of the first table leads far beyond the file, to where a file lies that is none of it.
    let mut first = all[0].clone();
    let table = first.windows(6).position(|part| part == b"table\0");
    let entries = table.expect("a table") + 76 + 24;
    for entry in first[entries..entries + 16].as_chunks_mut::<4>().0 {
        *entry = 0x0010_0000u32.to_le_bytes();
    }
    let (outcome, kept) = read_all("card.E01", vec![first, b"secret ".repeat(100_000)]);
    assert_eq!(kept.field("image_files"), "");
    assert!(outcome.state < State::Crashed);
    let has_secret = |bytes: &[u8]| bytes.windows(6).any(|part| part == b"secret");
    assert!(!kept.children.iter().any(|(_, bytes, _)| has_secret(bytes)));
}

/// The pieces that `split` makes.
fn split(folder: &Folder, image: &str, size: &str) -> Vec<Vec<u8>> {
    let prefix = text(&folder.path("piece."));
    let image = text(&folder.path(image));
    let how = ["-b", size, "-a", "3", "--numeric-suffixes=1"];
    run("split", &[&how[..], &[&image, &prefix]].concat());
    (1..)
        .map(|n| folder.path(&format!("piece.{n:03}")))
        .take_while(|path| path.exists())
        .map(|path| std::fs::read(path).expect("a file"))
        .collect()
}

#[test]
fn a_raw_image_in_pieces_is_read_as_one() {
    type Make = fn(&Folder);
    let images: [(&str, Make, &str); 5] = [
        ("FAT12", |f| f.fat("card.img", "12", 3 << 20), ""),
        ("FAT16", |f| f.fat("card.img", "16", 16 << 20), ""),
        ("ext4", |f| f.ext("card.img", "ext4", 3 << 20), ""),
        ("ext2", |f| f.ext("card.img", "ext2", 3 << 20), ""),
        (
            "FAT12",
            |folder| {
                folder.fat("part.img", "12", 3 << 20);
                let mut disk = vec![0; 4096];
                disk[446..462].copy_from_slice(&[0, 0, 0, 0, 1, 0, 0, 0, 8, 0, 0, 0, 0, 24, 0, 0]);
                disk[510..512].copy_from_slice(&[0x55, 0xaa]);
                disk.resize(8 * 512, 0);
                disk.extend(folder.bytes("part.img"));
                std::fs::write(folder.path("card.img"), disk).expect("a file");
            },
            "partition 1/",
        ),
    ];
    for (system, make, prefix) in images {
        let folder = Folder::new();
        make(&folder);
        for size in ["1M", "700K"] {
            let pieces = split(&folder, "card.img", size);
            let count = pieces.len().to_string();
            let (outcome, kept) = read_all("card.dd.001", pieces.clone());
            let what = format!("{system} {size}: {outcome:?} {:?}", kept.missing);
            assert_eq!(outcome.state, State::Read, "{what}");
            assert_eq!(kept.field("image_files"), count, "{what}");
            assert_eq!(kept.field("file_system"), system);
            let (found, expected) = (files(&kept), expected(prefix));
            assert!(expected.iter().all(|file| found.contains(file)), "{what}");
            // Without the last one it goes on.
            let (outcome, kept) = read_all("card.dd.001", pieces[..pieces.len() - 1].to_vec());
            assert_eq!(outcome.state, State::InPart, "{what}");
            assert_eq!(kept.field("image_goes_on"), count, "{what}");
            for piece in folder_of(&folder) {
                std::fs::remove_file(piece).expect("a piece");
            }
        }
    }
}

fn folder_of(folder: &Folder) -> Vec<std::path::PathBuf> {
    (1..)
        .map(|n| folder.path(&format!("piece.{n:03}")))
        .take_while(|path| path.exists())
        .collect()
}

#[test]
fn files_with_names_of_pieces_that_are_none_are_left_alone() {
    let folder = Folder::new();
    folder.fat("card.img", "12", 1_474_560);
    let card = folder.bytes("card.img");
    // Cards that were each read into a file of their own; a text; a piece that is longer than the first.
    let (outcome, kept) = read_all("card.001", vec![card.clone(), card.clone(), card.clone()]);
    assert_eq!(outcome.state, State::Read, "{:?}", kept.missing);
    assert_eq!(
        (kept.field("image_files"), kept.field("image_goes_on")),
        ("", "")
    );
    assert_eq!(files(&kept), expected(""));
    let log = |n| format!("log of the day {n}\n").repeat(40).into_bytes();
    let (outcome, kept) = read_all("log.001", vec![log(1), log(2)]);
    assert_eq!(outcome.state, State::Read);
    assert!(!kept.text.contains("day 2"), "{}", kept.text);
    let half = card[..700_000].to_vec();
    let (outcome, kept) = read_all("card.001", vec![half, card]);
    assert_eq!(outcome.state, State::InPart);
    assert_eq!(kept.field("image_files"), "");
    assert_eq!(kept.field("image_goes_on"), "2");
}

/// A segment file by hand: sections without content, and where they lead.
fn bare(number: u16, ends: &[u8]) -> Vec<u8> {
    let mut file = b"EVF\x09\x0d\x0a\xff\0\x01".to_vec();
    file.extend(number.to_le_bytes());
    file.extend([0, 0]);
    let mut section = ends.to_vec();
    section.resize(16, 0);
    section.extend(13u64.to_le_bytes());
    section.extend(76u64.to_le_bytes());
    section.resize(72, 0);
    let (mut a, mut b) = (1u32, 0u32);
    for byte in &section {
        a = (a + u32::from(*byte)) % 65521;
        b = (b + a) % 65521;
    }
    section.extend((b << 16 | a).to_le_bytes());
    [file, section].concat()
}

#[test]
fn thousands_of_files_and_files_of_any_length_end_in_a_state() {
    let all = segments("encase6", "none");
    let mut many = vec![all[0].clone()];
    many.extend((2..=9_563).map(|number| bare(number, b"next")));
    let source = Files::of(many);
    let (outcome, kept) = read_source("card.E01", &source);
    assert_eq!(outcome.state, State::InPart);
    assert_eq!(kept.field("image_files"), "9563");
    assert!(source.asked.get() < 64 << 20, "{}", source.asked.get());
    // What is said of lengths is not believed further than bytes come.
    let mut source = Files::of(vec![all[0].clone(), all[1].clone(), bare(3, b"next")]);
    source.more[1] = u64::MAX / 2;
    source.more.extend([u64::MAX / 2, u64::MAX]);
    let (outcome, _) = read_source("card.E01", &source);
    assert!(outcome.state < State::Crashed, "{outcome:?}");
    let mut pieces = Files::of(vec![all[0].clone()]);
    pieces.more = vec![u64::MAX; 9_562];
    let (outcome, _) = read_source("card.E01", &pieces);
    assert!(outcome.state < State::Crashed, "{outcome:?}");
}

#[test]
fn several_files_cut_anywhere_have_a_state() {
    let all = segments("encase6", "best");
    let whole = segments("encase6", "none");
    for files in [all, whole] {
        for at in 0..files.len() {
            for part in [0, 1, 40, 90, 99] {
                let mut cut = files.clone();
                cut[at].truncate(files[at].len() * part / 100);
                let (outcome, kept) = read_all("card.E01", cut);
                assert!(outcome.state < State::Crashed, "{at} {part} %: {outcome:?}");
                let is_checked = verdicts(&kept).contains(&"matches");
                assert!(!is_checked, "{at} {part} %");
            }
        }
    }
}
