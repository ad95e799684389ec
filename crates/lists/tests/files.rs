//! Lists of files, as the programs that make them write them.

#![allow(clippy::unwrap_used)]

use comity_lists::{Digest, FileLine, ListError, Sum, read_files};
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
    Ok(lines)
}

fn file(digests: &[&str], name: &str) -> FileLine {
    FileLine::File {
        digests: digests.iter().map(|d| Digest::parse(d).unwrap()).collect(),
        name: name.to_owned(),
    }
}

#[test]
fn every_way_of_writing_digests_is_read() {
    let upper = SHA1.to_uppercase();
    let cases = [
        (format!("{SHA256}\n"), file(&[SHA256], "")),
        (
            format!("# sums\r\n{SHA256}  a b.txt\r\n"),
            file(&[SHA256], "a b.txt"),
        ),
        (format!("{MD5} *a.txt\n"), file(&[MD5], "a.txt")),
        (
            format!("SHA256 (a (1).txt) = {SHA256}\n"),
            file(&[SHA256], "a (1).txt"),
        ),
        (
            format!(
                "%%%% HASHDEEP-1.0\n%%%% size,md5,sha256,filename\n## Invoked from: /\n## \n0,{MD5},{SHA256},/a,b\n"
            ),
            file(&[MD5, SHA256], "/a,b"),
        ),
        (
            format!(
                "\"SHA-1\",\"MD5\",\"CRC32\",\"FileName\",\"FileSize\"\n\"{upper}\",\"{MD5}\",\"00000000\",\"a \"\"b\"\", c\",0\n"
            ),
            file(&[SHA1, MD5], "a \"b\", c"),
        ),
        (format!("sha256;name\n{SHA256};x\n"), file(&[SHA256], "x")),
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
            FileLine::File { .. } => None,
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
    assert!(said.contains("sqlite3 -readonly"), "{said}");
}

proptest! {
    #[test]
    fn no_list_ends_the_program(list in "\\PC{0,300}", head in "(md5,name\n|%%%% md5,sha1\n)?") {
        let _ = lines(&format!("{head}{list}"));
    }
}
