//! The readers under the names of their corpora: in this process, without walls.

use comity_extract::{Asked, State};
use comity_worker::talk::Heard;

/// A parser under the name of its corpus.
pub type Named = (&'static str, fn(&[u8]));

/// What the bytes say the type is decides who reads them; a corpus is what one family of readers understands.
pub const ALL: &[Named] = &[
    // ZIP, TAR, GZ, BZ2, XZ, 7z.
    ("container", evidence),
    ("mail", mail),
    // Compound files: messages of Outlook, and the binary documents, workbooks and slides of Office.
    ("compound", evidence),
    ("pst", pst),
    ("rtf", evidence),
    ("rar", evidence),
    // MP4 and Matroska.
    ("film", evidence),
    ("sound", evidence),
    // WARC and WACZ.
    ("web", evidence),
    // Open XML and OpenDocument.
    ("office", evidence),
    ("pdf", evidence),
    ("picture", evidence),
    ("html", evidence),
    // Its language, dates and positions are noticed.
    ("text", evidence),
    // Raw images of each file system, and E01.
    ("disk", disk),
];

pub fn evidence(bytes: &[u8]) {
    read("evidence", bytes);
}

/// Files of one image, one after the other: a file of E01 begins where its mark stands, and raw pieces are as long as
/// each other.
pub fn disk(bytes: &[u8]) {
    evidence(bytes);
    const MARK: &[u8] = b"EVF\x09\x0d\x0a\xff\0";
    let marks = (1..bytes.len()).filter(|at| bytes[*at..].starts_with(MARK));
    let (mut files, mut rest, mut from) = (Vec::new(), bytes, 0);
    for at in marks.take(20) {
        let (file, after) = rest.split_at(at - from);
        files.push(file);
        (rest, from) = (after, at);
    }
    files.push(rest);
    several("a.E01", &files);
    let piece = bytes.len().div_ceil(3).max(1);
    several("a.001", &bytes.chunks(piece).collect::<Vec<_>>());
}

fn several(name: &str, files: &[&[u8]]) {
    if files.len() > 1 {
        let (outcome, _) = Heard::of_files(Asked::Read, name, files);
        assert!(outcome.state < State::Crashed, "{name}: {outcome:?}");
    }
}

/// Text whose name says that it is mail, or a mailbox.
pub fn mail(bytes: &[u8]) {
    read("a.eml", bytes);
    read("a.mbox", bytes);
}

/// As it is, and with its checksums made anew, so that what lies behind them is read too.
pub fn pst(bytes: &[u8]) {
    read("a.pst", bytes);
    let mut anew = bytes.to_vec();
    if checksums_anew(&mut anew).is_some() {
        read("a.pst", &anew);
    }
}

fn read(name: &str, bytes: &[u8]) {
    let (outcome, _) = Heard::reading(name, bytes);
    assert!(outcome.state < State::Crashed, "{name}: {outcome:?}");
}

/// [MS-PST] 5.3: CRC-32 without the complement at its ends.
fn crc(bytes: &[u8]) -> [u8; 4] {
    let step = |crc: u32, byte: &u8| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            (crc >> 1) ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
        })
    };
    bytes.iter().fold(0, step).to_le_bytes()
}

/// Of the newer form: header, pages (2.2.2.7.1) and blocks (2.2.2.8.1), which are known by their signatures.
fn checksums_anew(file: &mut [u8]) -> Option<()> {
    const HEADER: usize = 564;
    let number = |file: &[u8], at: usize, len: usize| {
        let bytes = file.get(at..at + len).unwrap_or_default();
        bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b))
    };
    let partial = crc(file.get(8..8 + 471)?);
    file.get_mut(4..8)?.copy_from_slice(&partial);
    let full = crc(file.get(8..8 + 516)?);
    file.get_mut(524..528)?.copy_from_slice(&full);
    for end in (HEADER.next_multiple_of(64)..=file.len()).step_by(64) {
        let trailer = end - 16;
        let kind = number(file, trailer, 1);
        if end % 512 == 0 && (0x80..=0x86).contains(&kind) && kind == number(file, trailer + 1, 1) {
            let anew = crc(&file[end - 512..trailer]);
            file[trailer + 4..trailer + 8].copy_from_slice(&anew);
            continue;
        }
        let (size, signature) = (number(file, trailer, 2), number(file, trailer + 2, 2));
        let size = usize::try_from(size).ok()?;
        let Some(start) = end.checked_sub((size + 16).next_multiple_of(64)) else {
            continue;
        };
        let mixed = (start as u64 ^ number(file, trailer + 8, 8)) & 0xffff_ffff;
        if start >= HEADER && signature != 0 && (mixed >> 16 ^ mixed) & 0xffff == signature {
            let anew = crc(&file[start..start + size]);
            file[trailer + 4..trailer + 8].copy_from_slice(&anew);
        }
    }
    Some(())
}
