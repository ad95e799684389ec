//! Feeds a parser every file of its corpus (`testdata/corpus/<parser>/`) and some thousand changes of each. Included by
//! the test `hostile` of each crate.
//!
//! A parser may refuse. It must not panic (which is how arithmetic that overflows shows itself here), and must not ask
//! for memory that its input does not justify. What is changed follows from the number of the change alone, so that a
//! finding can be repeated: keep its input as a new file of the corpus.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// A parser under the name of its corpus.
pub type Parser = (&'static str, fn(&[u8]));

/// More address space than this, over what the corpus itself took, is more than any input here justifies. A length of
/// four bytes that is believed asks for up to 4 GiB; threads of the parsers themselves take some tens of MiB.
const MOST_GROWTH_KIB: u64 = 512 << 10;

/// Feeds all of them, and fails with the parser, the file and the number of the change at the first panic. By hand,
/// `HOSTILE_PARSER` names one of them, and `HOSTILE_CHANGES` says how many changes of each file.
pub fn feed(parsers: &[Parser], changes: u64) {
    let asked = |name: &str| std::env::var(name).ok();
    let changes = asked("HOSTILE_CHANGES").map_or(changes, |n| n.parse().expect("a number"));
    let wanted = asked("HOSTILE_PARSER");
    for (name, parser) in parsers {
        if wanted.as_deref().is_some_and(|wanted| wanted != *name) {
            continue;
        }
        let corpus = corpus(name);
        let try_one = |input: &[u8], what: &dyn Fn() -> String| {
            let ended = catch_unwind(AssertUnwindSafe(|| parser(input)));
            assert!(ended.is_ok(), "{name} panics at {}", what());
        };
        for (file, input) in &corpus {
            try_one(input, &|| file.display().to_string());
        }
        let before = peak_kib();
        for (file, input) in &corpus {
            for nth in 0..changes {
                let changed = change(input, &corpus, nth);
                try_one(&changed, &|| format!("change {nth} of {}", file.display()));
            }
            let grown = peak_kib().saturating_sub(before);
            assert!(
                grown < MOST_GROWTH_KIB,
                "{name} asked for {grown} KiB at changes of {}",
                file.display()
            );
        }
    }
}

fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata/corpus")
        .join(name);
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|e| panic!("{}: {e}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    files
        .into_iter()
        .map(|file| (file.clone(), std::fs::read(file).unwrap()))
        .collect()
}

/// The most address space that the process had, in KiB; 0 where the system does not say.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmPeak:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// SplitMix64 (Steele, Lea and Flood, 2014): enough to choose places, and the same everywhere.
struct Lot(u64);

impl Lot {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }
}

/// The `nth` change of `input`: one to four of a bit flipped, a byte or a word set to an end of its range, a part cut
/// out, the end cut off, a part repeated, a part of another file set in, digits made large.
fn change(input: &[u8], corpus: &[(PathBuf, Vec<u8>)], nth: u64) -> Vec<u8> {
    let mut lot = Lot(nth ^ (input.len() as u64) << 32);
    let mut bytes = input.to_vec();
    for _ in 0..=lot.below(4) {
        let at = lot.below(bytes.len());
        let end = (at + 1 + lot.below(64)).min(bytes.len());
        match lot.below(8) {
            0 if at < bytes.len() => bytes[at] ^= 1 << lot.below(8),
            1 if at < bytes.len() => {
                bytes[at] = [0, 1, 0x7f, 0x80, 0xff, b'\n', b'"', b'9'][lot.below(8)]
            }
            2 => {
                let word =
                    [[0; 4], [0xff; 4], [0x7f, 0xff, 0xff, 0xff], [0, 0, 0, 0x80]][lot.below(4)];
                for (to, from) in bytes.iter_mut().skip(at).zip(word) {
                    *to = from;
                }
            }
            3 => drop(bytes.drain(at..end)),
            4 => bytes.truncate(at),
            5 => {
                let part = bytes[at..end].repeat(1 + lot.below(8));
                bytes.splice(at..at, part);
            }
            6 => {
                let other = &corpus[lot.below(corpus.len())].1;
                let from = lot.below(other.len());
                let part = &other[from..(from + lot.below(200)).min(other.len())];
                bytes.splice(at..end, part.iter().copied());
            }
            _ => {
                let digits = bytes
                    .iter()
                    .skip(at)
                    .position(u8::is_ascii_digit)
                    .map(|n| n + at);
                if let Some(at) = digits {
                    let large: &[u8] = [
                        &b"18446744073709551615"[..],
                        b"99999999999999999999",
                        b"-1",
                        b"00",
                    ][lot.below(4)];
                    bytes.splice(at..=at, large.iter().copied());
                }
            }
        }
    }
    bytes
}
