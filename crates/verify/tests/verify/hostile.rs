//! Packages made to harm who checks them: each is refused with the reason, and nothing is read or
//! written outside, nothing panics, and memory stays small.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use crate::world::*;
use zip::write::SimpleFileOptions;

fn package_files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let read = |name: String| {
        let bytes = fs::read(folder.join(&name)).unwrap();
        (format!("NAME/{name}"), bytes)
    };
    names(folder).into_iter().map(read).collect()
}

#[test]
fn names_in_zips() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    let zip = root.path().join("NAME.zip");
    for (name, words) in [
        ("../outside.txt", "leads out of the package"),
        ("NAME/data/../../outside.txt", "leads out of the package"),
        ("/etc/outside.txt", "absolute path"),
        ("NAME/data/UKR-000123-0000001 .txt", "other characters"),
        ("NAME/data\\outside.txt", "other characters"),
        ("NAME/data/UKR-000123-0000001.TXT", "only by case"),
        ("NAME/data/file\u{202e}txt", "other characters"),
        ("OTHER/file.txt", "lies outside the folder NAME/"),
        ("NAME/fetch.txt", "has no place in a package"),
        ("NAME/manifest-md5.txt", "has no place in a package"),
    ] {
        let mut files = package_files(&made.folder);
        files.push((name.to_owned(), b"x".to_vec()));
        zip_files(&zip, &files);
        verify(&[&zip]).expect(1, &["FAILED", words]);
    }
}

#[test]
fn two_entries_of_one_name() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    let zip = root.path().join("NAME.zip");
    let mut files = package_files(&made.folder);
    files.push((
        "NAME/data/UKR-000123-0000009.txt".to_owned(),
        b"planted".to_vec(),
    ));
    zip_files(&zip, &files);
    // The writer refuses to do it: rename one afterwards, in its own header and in the directory.
    let mut bytes = fs::read(&zip).unwrap();
    let (from, to) = (
        &b"NAME/data/UKR-000123-0000009.txt"[..],
        &b"NAME/data/UKR-000123-0000001.txt"[..],
    );
    while let Some(at) = bytes.windows(from.len()).position(|window| window == from) {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
    fs::write(&zip, bytes).unwrap();
    verify(&[&zip]).expect(1, &["has two entries of one name"]);
}

#[test]
fn bombs() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    let zip = root.path().join("NAME.zip");
    let mut files = package_files(&made.folder);
    files.push(("NAME/comity/format/zeros.md".to_owned(), vec![0; 40 << 20]));
    zip_files(&zip, &files);
    verify(&[&zip]).expect(1, &["comity/format/zeros.md", "grows more than 200 times"]);

    // The same, with a directory that says it is small.
    let mut bytes = fs::read(&zip).unwrap();
    let size = (40_u32 << 20).to_le_bytes();
    let at = bytes.windows(4).rposition(|window| window == size).unwrap();
    bytes[at..at + 4].copy_from_slice(&1000_u32.to_le_bytes());
    fs::write(&zip, bytes).unwrap();
    verify(&[&zip]).expect(1, &["FAILED", "comity/format/zeros.md"]);
}

#[test]
fn overlapping_entries() {
    let root = tempfile::tempdir().unwrap();
    let zip = root.path().join("NAME.zip");
    let files = [
        ("NAME/bagit.txt", b"one".to_vec()),
        ("NAME/data/b", b"two".to_vec()),
    ];
    zip_files(&zip, &files.map(|(name, bytes)| (name.to_owned(), bytes)));
    let mut bytes = fs::read(&zip).unwrap();
    // The second entry of the directory points at the first one's header.
    let second = bytes
        .windows(4)
        .rposition(|window| window == b"PK\x01\x02")
        .unwrap();
    bytes[second + 42..second + 46].copy_from_slice(&[0; 4]);
    fs::write(&zip, bytes).unwrap();
    verify(&[&zip]).expect(1, &["FAILED"]);
}

#[test]
fn links_are_refused_and_not_followed() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    let secret = root.path().join("secret");
    fs::write(&secret, "Перший лист").unwrap();
    let link = made.folder.join("data/UKR-000123-0000001.txt");
    fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&secret, &link).unwrap();
    let answer = verify(&[&made.folder]);
    answer.expect(
        1,
        &[
            "is a symbolic link",
            "UKR-000123-0000001: its file",
            "is missing",
        ],
    );

    let folder = made.folder.join("comity/format/outside");
    std::os::unix::fs::symlink(root.path(), folder).unwrap();
    verify(&[&made.folder]).expect(1, &["comity/format/outside: is a symbolic link"]);

    let zip = root.path().join("NAME.zip");
    let mut writer = zip::ZipWriter::new(fs::File::create(&zip).unwrap());
    let options = SimpleFileOptions::default();
    writer.start_file("NAME/bagit.txt", options).unwrap();
    writer.write_all(b"x").unwrap();
    writer
        .add_symlink("NAME/data/link", "/etc/passwd", options)
        .unwrap();
    writer.finish().unwrap();
    verify(&[&zip]).expect(1, &["data/link: is a symbolic link"]);
}

#[test]
fn devices_and_odd_names_in_folders() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    let fifo = made.folder.join("data/UKR-000123-0000008");
    let status = std::process::Command::new("mkfifo")
        .arg(&fifo)
        .status()
        .unwrap();
    assert!(status.success());
    let odd: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"caf\xe9");
    fs::write(made.folder.join("data").join(odd), "x").unwrap();
    fs::write(made.folder.join("data/UKR-000123-0000001.TXT"), "x").unwrap();
    verify(&[&made.folder]).expect(
        1,
        &[
            "data/UKR-000123-0000008: is neither a file nor a folder",
            "has a name that is not text",
            "only by case",
        ],
    );
}

#[test]
fn huge_files_and_lines() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    for (name, bytes, words) in [
        (
            "comity/events.jsonl",
            vec![b'x'; 64 << 20],
            "has a line of more than 4 MiB",
        ),
        (
            "comity/items.jsonl",
            vec![b'x'; 16 << 20],
            "has a line of more than 4 MiB",
        ),
        (
            "manifest-sha256.txt",
            vec![b'x'; 16 << 20],
            "has a line of more than 4 MiB",
        ),
        (
            "comity/package.json",
            vec![b'['; 17 << 20],
            "is larger than 16 MiB",
        ),
        (
            "comity/package.json",
            vec![b'['; 15 << 20],
            "comity/package.json: ",
        ),
        (
            "comity/keys",
            vec![b'\n'; 17 << 20],
            "is larger than 16 MiB",
        ),
        (
            "comity/log/checkpoint",
            vec![b'\n'; 17 << 20],
            "is larger than 16 MiB",
        ),
        (
            "comity/log/tile/0/000",
            vec![0; 17 << 20],
            "has not the 8192 bytes of a tile",
        ),
        (
            "bag-info.txt",
            b"A: b\n".repeat(100_000),
            "more than 4096 fields",
        ),
        ("bag-info.txt", b"\xff".to_vec(), "is not UTF-8"),
    ] {
        let whole = fs::read(made.folder.join(name)).unwrap();
        write(&made.folder, name, &bytes);
        verify(&[&made.folder]).expect(1, &["FAILED", words]);
        write(&made.folder, name, &whole);
    }
    verify(&[&made.folder]).expect(0, &[]);
}

#[test]
fn nonsense_by_the_million() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    for line in ["{}", "null", "", "{\"fields\":[]}"] {
        write(
            &made.folder,
            "comity/events.jsonl",
            format!("{line}\n").repeat(1_000_000).as_bytes(),
        );
        verify_in_little_memory(&made.folder).expect(1, &["FAILED", "more\n"]);
    }
    let item = made.items[0].line().to_line();
    write(
        &made.folder,
        "comity/items.jsonl",
        item.repeat(200_000).as_bytes(),
    );
    verify_in_little_memory(&made.folder).expect(1, &["names it twice, or out of order"]);
}

/// Random bytes, and random bytes in the place of files that are parsed.
#[test]
fn noise_is_refused_without_a_panic() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    let mut state = 88_172_645_463_325_252_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for name in names(&made.folder)
        .iter()
        .filter(|name| !name.starts_with("data/"))
    {
        let whole = fs::read(made.folder.join(name)).unwrap();
        for _ in 0..20 {
            let mut bytes = whole.clone();
            for _ in 0..=random() % 4 {
                let at = random() as usize % bytes.len().max(1);
                match random() % 3 {
                    0 if at < bytes.len() => bytes[at] = random() as u8,
                    1 => bytes.insert(at, b"\"\\{}[],\n\0\xff"[random() as usize % 10]),
                    _ if at < bytes.len() => drop(bytes.drain(at..bytes.len().min(at + 9))),
                    _ => {}
                }
            }
            write(&made.folder, name, &bytes);
            let answer = verify(&[&made.folder]);
            assert!(
                bytes == whole || answer.code == 1,
                "{name}: {}",
                answer.text
            );
        }
        write(&made.folder, name, &whole);
    }
}
