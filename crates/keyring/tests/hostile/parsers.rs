//! The files of a keyring, words of a share and a desk's key under the names of their corpora. The fuzz targets call the
//! same functions.

use std::fs;

use comity_core::{Digest, json};
use comity_keyring::slip39::Share;
use comity_keyring::{DeskKey, Keyring, Scheme, inspect, shares_of};
use comity_store::Disk;

/// A parser under the name of its corpus.
pub type Named = (&'static str, fn(&[u8]));

pub const ALL: &[Named] = &[
    ("keyring-head", head),
    ("keyring-segment", segment),
    ("share", share),
    ("desk-key", desk_key),
];

const HEAD: &[u8] = include_bytes!("../../../../testdata/vectors/keyring/head");
const SEGMENT: &[u8] = include_bytes!("../../../../testdata/vectors/keyring/00000000.keys");

/// The passphrase of the keyring in testdata.
const PASSPHRASE: &str = "сім'я вартує, a frozen passphrase";

fn folder_with(head: &[u8], segment: &[u8]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder for the test");
    fs::write(folder.path().join("head"), head).expect("a file of the test");
    fs::write(folder.path().join("00000000.keys"), segment).expect("a file of the test");
    let _ = inspect(folder.path(), &Disk::real(), &mut |_, _| ());
    folder
}

/// As it is, and with its digest made anew. The second is not opened by a passphrase: it may ask for the most memory and
/// passes that a head is allowed to ask for.
pub fn head(bytes: &[u8]) {
    let folder = folder_with(bytes, SEGMENT);
    let _ = Keyring::open(folder.path(), Disk::real(), "not the passphrase").is_ok();
    let line = bytes
        .split(|byte| *byte == b'\n')
        .next()
        .unwrap_or_default();
    let line = json::parse(line).and_then(|value| json::canonical(&value));
    if let Ok(line) = line {
        let sum = Digest::of(&line).to_string();
        let folder = folder_with(
            &[&line, &b"\n"[..], sum.as_bytes(), b"\n"].concat(),
            SEGMENT,
        );
        let _ = shares_of(folder.path(), &Disk::real()).is_ok();
    }
}

/// As it is, and with the digests of its header and its slots made anew (`docs/format/keyring.md`, *Key number and
/// slot*), so that what they cover is read.
pub fn segment(bytes: &[u8]) {
    for bytes in [bytes.to_vec(), with_sums(bytes)] {
        let folder = folder_with(HEAD, &bytes);
        let Ok(keyring) = Keyring::open(folder.path(), Disk::real(), PASSPHRASE) else {
            continue;
        };
        for number in 0..8 {
            let _ = keyring.open_key(number).is_ok();
        }
    }
}

fn with_sums(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let Some((header, slots)) = bytes.split_first_chunk_mut::<64>() else {
        return bytes;
    };
    let digest = Digest::of(&header[..32]);
    header[32..].copy_from_slice(&digest.0);
    let first = u64::from(u32::from_be_bytes([
        header[12], header[13], header[14], header[15],
    ])) << 16;
    for (number, slot) in (first..).zip(slots.chunks_exact_mut(192)) {
        let (covered, sum) = slot.split_at_mut(168);
        let parts = [
            b"comity/slot/v1\n",
            &header[16..32],
            &number.to_be_bytes(),
            covered,
        ];
        sum.copy_from_slice(&Digest::of(&parts.concat()).0[..24]);
    }
    bytes
}

pub fn share(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(share) = Share::parse(text) {
        let again = Share::parse(&share.words()).expect("what is written is read");
        assert_eq!(*again.words(), *share.words());
    }
    let _ = Scheme::parse(text).is_ok();
}

pub fn desk_key(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let line = text.lines().next().unwrap_or_default();
    let line = line.rsplit_once(' ').map_or(line, |(line, _)| line);
    let sum = Digest::of(line.as_bytes()).to_string();
    for text in [text, &format!("{line} {}\n", &sum[..16])] {
        if let Ok((member, key)) = DeskKey::parse(text) {
            assert!(
                DeskKey::parse(&key.to_file(&member)).is_ok(),
                "what is written is read"
            );
        }
    }
}
