//! The frozen vectors in `testdata/vectors/seal.json`, which `tests/judges/seal.py` opens and
//! makes again with another implementation.
//!
//! To write the file anew after a change of format: `COMITY_WRITE_VECTORS=1 cargo test -p
//! comity-seal --test vectors`.

#![allow(clippy::unwrap_used)]

use std::fmt::Write as _;
use std::path::PathBuf;

use aws_lc_rs::digest::{SHA256, digest};
use comity_seal::{Key, SealError, open, seal, tag};

/// Clear text that both implementations can make from its length.
fn clear(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + i / 256) as u8).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

struct Case {
    key: [u8; 32],
    salt: [u8; 24],
    context: &'static [u8],
    clear_len: usize,
}

fn cases() -> Vec<Case> {
    let contexts: [&[u8]; 3] = [b"", b"comity/object/v1\n0123456789abcdef", &[0xff; 80]];
    let lens = [0, 1, 500, 16_383, 16_384, 16_385, 32_768, 40_000];
    let mut cases = Vec::new();
    for (nth, clear_len) in (0u8..).zip(lens) {
        cases.push(Case {
            key: [nth.wrapping_mul(37).wrapping_add(1); 32],
            salt: [nth.wrapping_add(100); 24],
            context: contexts[usize::from(nth) % contexts.len()],
            clear_len,
        });
    }
    cases
}

/// Sealings of more than one chunk are kept by their SHA-256: the judge makes the bytes itself,
/// and the repository stays small.
fn render() -> String {
    let mut out = String::from("{\n\"seal\": [\n");
    for (nth, case) in cases().iter().enumerate() {
        let sealed = seal(
            &Key::new(case.key),
            case.salt,
            case.context,
            &clear(case.clear_len),
        );
        let _ = write!(
            out,
            "{}{{\"key\": \"{}\", \"salt\": \"{}\", \"context\": \"{}\", \"clear_len\": {}, {}}}",
            if nth == 0 { "" } else { ",\n" },
            hex(&case.key),
            hex(&case.salt),
            hex(case.context),
            case.clear_len,
            if case.clear_len > 500 {
                format!(
                    "\"sealed_sha256\": \"{}\"",
                    hex(digest(&SHA256, &sealed).as_ref())
                )
            } else {
                format!("\"sealed\": \"{}\"", hex(&sealed))
            }
        );
    }
    out.push_str("\n],\n\"tag\": [\n");
    let parts: [&[&[u8]]; 3] = [&[], &[b"ab", b"c"], &[b"a", b"bc"]];
    for (nth, parts) in parts.iter().enumerate() {
        let list: Vec<String> = parts
            .iter()
            .map(|part| format!("\"{}\"", hex(part)))
            .collect();
        let _ = write!(
            out,
            "{}{{\"key\": \"{}\", \"parts\": [{}], \"tag\": \"{}\"}}",
            if nth == 0 { "" } else { ",\n" },
            hex(&[9; 32]),
            list.join(", "),
            hex(&tag(&[9; 32], parts))
        );
    }
    out.push_str("\n]\n}\n");
    out
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/vectors/seal.json")
}

#[test]
fn the_format_is_the_frozen_one() {
    let rendered = render();
    if std::env::var_os("COMITY_WRITE_VECTORS").is_some() {
        std::fs::write(path(), &rendered).unwrap();
    }
    let frozen = std::fs::read_to_string(path()).unwrap();
    assert!(
        frozen == rendered,
        "testdata/vectors/seal.json differs from what this program seals"
    );
}

#[test]
fn what_was_sealed_opens() -> Result<(), SealError> {
    for case in cases() {
        let (key, text) = (Key::new(case.key), clear(case.clear_len));
        let sealed = seal(&key, case.salt, case.context, &text);
        assert_eq!(open(&key, case.context, &sealed)?, text);
    }
    Ok(())
}
