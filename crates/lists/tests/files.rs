//! Lists of files, as the programs that make them write them.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use comity_lists::{
    Digest, FileLine, ListError, Sorted, Sum, read_file_line, read_files, sort_digests,
};
use proptest::prelude::*;

const MD5: &str = "d41d8cd98f00b204e9800998ecf8427e";
const SHA1: &str = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
const SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn lines(list: &str) -> Result<Vec<FileLine>, ListError> {
    let mut lines = Vec::new();
    read_files(&mut list.as_bytes(), &mut |line| {
        lines.push(line);
        true
    })?;
    lines.retain(|line| !matches!(line, FileLine::Head { .. }));
    Ok(lines)
}

fn file(at: u64, digests: &[&str], name: &str) -> FileLine {
    FileLine::File {
        at,
        digests: digests.iter().map(|d| Digest::parse(d).unwrap()).collect(),
        name: name.to_owned(),
    }
}

#[test]
fn every_way_of_writing_digests_is_read() {
    let upper = SHA1.to_uppercase();
    let cases = [
        (format!("{SHA256}\n"), file(0, &[SHA256], "")),
        (
            format!("# sums\r\n{SHA256}  a b.txt\r\n"),
            file(8, &[SHA256], "a b.txt"),
        ),
        (format!("{MD5} *a.txt\n"), file(0, &[MD5], "a.txt")),
        (
            format!("SHA256 (a (1).txt) = {SHA256}\n"),
            file(0, &[SHA256], "a (1).txt"),
        ),
        (
            format!(
                "%%%% HASHDEEP-1.0\n%%%% size,md5,sha256,filename\n## Invoked from: /\n## \n0,{MD5},{SHA256},/a,b\n"
            ),
            file(71, &[MD5, SHA256], "/a,b"),
        ),
        (
            format!(
                "\"SHA-1\",\"MD5\",\"CRC32\",\"FileName\",\"FileSize\"\n\"{upper}\",\"{MD5}\",\"00000000\",\"a \"\"b\"\", c\",0\n"
            ),
            file(44, &[SHA1, MD5], "a \"b\", c"),
        ),
        (
            format!("sha256;name\n{SHA256};x\n"),
            file(12, &[SHA256], "x"),
        ),
    ];
    for (list, wanted) in cases {
        assert_eq!(lines(&list).unwrap(), [wanted], "{list}");
    }
    assert_eq!(Digest::parse(SHA1).unwrap().sum, Sum::Sha1);
}

#[test]
fn what_is_no_digest_is_named_and_a_database_is_not_opened() {
    let list = format!("{SHA256}\nabc\nname,sha256\n{}\n", "x".repeat(2 << 20));
    let bad: Vec<u64> = lines(&list)
        .unwrap()
        .iter()
        .filter_map(|l| match l {
            FileLine::Bad { line, .. } => Some(*line),
            _ => None,
        })
        .collect();
    assert_eq!(bad, [2, 3, 4]);
    let table = format!("md5,sha256\n{SHA256},{MD5}\n");
    assert!(
        matches!(&lines(&table).unwrap()[0], FileLine::Bad { what, .. } if what == "its MD5 is none")
    );
    let said = lines("SQLite format 3\0 and so on")
        .unwrap_err()
        .to_string();
    assert!(said.contains("SQLite database"), "{said}");
}

proptest! {
    #[test]
    fn no_list_ends_the_program(list in "\\PC{0,300}", head in "(md5,name\n|%%%% md5,sha1\n)?") {
        let _ = lines(&format!("{head}{list}"));
    }
}

/// What a list says of digests: the line of each by its strongest one, the first where there are several.
fn expected(list: &[u8]) -> BTreeMap<Digest, u64> {
    let mut lines = BTreeMap::new();
    read_files(&mut &list[..], &mut |line| {
        if let FileLine::File { at, digests, .. } = line {
            let strongest = digests.into_iter().max_by_key(|d| d.sum).unwrap();
            lines.entry(strongest).or_insert(at);
        }
        true
    })
    .unwrap();
    lines
}

fn sorted(list: &[u8], most: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut spill = |run: &[u8]| Ok(Box::new(Cursor::new(run.to_vec())) as Box<dyn Read>);
    sort_digests(&mut &list[..], most, &mut spill, &mut out).unwrap();
    out
}

fn opened(bytes: Vec<u8>) -> std::io::Result<Sorted> {
    let size = bytes.len() as u64;
    let read = move |at: u64, to: &mut [u8]| {
        let from = bytes.get(at as usize..).and_then(|b| b.get(..to.len()));
        let from = from.ok_or_else(|| std::io::Error::other("past the end"))?;
        to.copy_from_slice(from);
        Ok(())
    };
    Sorted::open(size, Box::new(read))
}

fn line_at(list: &[u8], at: u64) -> &[u8] {
    let rest = &list[at as usize..];
    rest.split_inclusive(|b| *b == b'\n').next().unwrap()
}

/// A list of many lines whose digests are spread, or begin alike as somebody may make them.
fn long_list(lines: u32, alike: bool) -> Vec<u8> {
    let mut list = String::from("sha256,md5,name\n");
    for n in 0..lines {
        let begin = if alike {
            7
        } else {
            n.wrapping_mul(0x9e37_79b1)
        };
        let sha = format!("{begin:08x}{n:056x}");
        match n % 5 {
            0 => list += &format!(",{begin:08x}{n:024x},m{n}\n"),
            1 => list += &format!("{sha},{begin:08x}{n:024x},\"both, {n}\"\n"),
            _ => list += &format!("{sha},,s{n}\n{sha},,again\n"),
        }
    }
    list.into_bytes()
}

#[test]
fn every_digest_of_a_long_list_is_found_with_its_name_and_no_other() {
    for (lines, alike) in [(0, false), (3, false), (6_000, false), (6_000, true)] {
        let list = long_list(lines, alike);
        let whole = sorted(&list, usize::MAX);
        assert_eq!(whole, sorted(&list, 1000), "runs change nothing");
        let index = opened(whole).unwrap();
        for (digest, at) in expected(&list) {
            assert_eq!(index.find(&digest).unwrap(), Some(at));
            let head = index.head_of(at).map(|head| line_at(&list, head));
            let (digests, name) = read_file_line(head, line_at(&list, at)).unwrap();
            assert!(digests.contains(&digest) && !name.is_empty() && name != "again");
        }
        for n in 0..100u32 {
            let other = Digest::parse(&format!("{:064x}", n.wrapping_mul(77))).unwrap();
            assert_eq!(index.find(&other).unwrap(), None);
        }
        assert_eq!(
            (index.has(Sum::Md5), index.has(Sum::Sha1)),
            (lines > 0, false)
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn damaged_sorted_digests_end_no_program(at in 0usize..2000, bit in 0u8..8, cut in 0usize..2000) {
        let mut bytes = sorted(&long_list(20, false), 7);
        let len = bytes.len();
        bytes[at % len] ^= 1 << bit;
        bytes.truncate(len - cut % len * usize::from(bit == 0));
        if let Ok(index) = opened(bytes) {
            for (digest, _) in expected(&long_list(20, false)) {
                let _ = index.find(&digest);
            }
        }
    }
}
