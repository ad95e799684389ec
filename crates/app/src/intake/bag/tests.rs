use std::error::Error;
use std::fs;
use std::process::Command;

use comity_core::random::TestRandom;

use super::*;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

fn spill(folder: &Path) -> Spill {
    Spill::new(folder, &TestRandom::new([4; 32]))
}

/// Opens and checks; gives the bag, or all findings as text.
fn read(path: &Path) -> Result<std::result::Result<Bag, Vec<String>>> {
    let folder = tempfile::tempdir()?;
    match Bag::open(path, &Limits::default(), spill(folder.path())) {
        Ok(bag) => {
            let findings = bag.check_payload(2, &|_, _| ());
            let findings: Vec<String> = findings.iter().map(ToString::to_string).collect();
            Ok(if findings.is_empty() {
                Ok(bag)
            } else {
                Err(findings)
            })
        }
        Err(BagError::Invalid { findings }) => {
            Ok(Err(findings.iter().map(ToString::to_string).collect()))
        }
        Err(error) => Err(error.into()),
    }
}

/// Every bag of the set that `bagit` is held to as well.
#[test]
fn good_bags_are_read_and_bad_ones_are_named() -> Result {
    let maker = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/judges/bags.py");
    let folder = tempfile::tempdir()?;
    let made = Command::new("python3")
        .args(["-W", "ignore"])
        .arg(maker)
        .arg("--make")
        .arg(folder.path())
        .output()?;
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let cases: Value = serde_json::from_slice(&fs::read(folder.path().join("cases.json"))?)?;
    let cases = cases.as_array().ok_or("no cases")?;
    assert!(cases.len() > 100);
    let mut wrong = Vec::new();
    for case in cases {
        let path = case["path"].as_str().ok_or("no path")?;
        let says = case["says"].as_str();
        match (read(&folder.path().join(path))?, says) {
            (Ok(bag), None) => {
                let remarks: Vec<String> = bag.remarks().iter().map(ToString::to_string).collect();
                let expected = case["remark"].as_str();
                let as_expected = match expected {
                    None => remarks.is_empty(),
                    Some(part) => remarks.iter().any(|remark| remark.contains(part)),
                };
                if !as_expected {
                    wrong.push(format!(
                        "{path}: remarks {remarks:?}, expected {expected:?}"
                    ));
                }
            }
            (Ok(_), Some(says)) => wrong.push(format!("{path}: accepted, and not: {says}")),
            (Err(findings), None) => wrong.push(format!("{path}: refused: {findings:?}")),
            (Err(findings), Some(says)) => {
                if !findings.iter().any(|finding| finding.contains(says)) {
                    wrong.push(format!("{path}: {findings:?} do not say: {says}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// A bag with `files` as its payload, and its tag files.
fn bag_of(files: &[(&str, &[u8])]) -> Vec<(String, Vec<u8>)> {
    let mut all = vec![(
        "bagit.txt".to_owned(),
        b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n".to_vec(),
    )];
    let mut manifest = String::new();
    for (path, bytes) in files {
        let digest = comity_core::digest::Digest::of(bytes);
        manifest.push_str(&format!("{digest}  data/{path}\n"));
        all.push((format!("data/{path}"), bytes.to_vec()));
    }
    all.push(("manifest-sha256.txt".to_owned(), manifest.into_bytes()));
    all
}

fn write(folder: &Path, files: &[(String, Vec<u8>)]) -> Result<PathBuf> {
    let bag = folder.join("bag");
    for (path, bytes) in files {
        let path = bag.join(path);
        fs::create_dir_all(path.parent().ok_or("no folder")?)?;
        fs::write(path, bytes)?;
    }
    Ok(bag)
}

fn pack(folder: &Path, files: &[(String, Vec<u8>)]) -> Result<PathBuf> {
    use std::io::Write;

    let path = folder.join("bag.zip");
    let mut zip = zip::ZipWriter::new(fs::File::create(&path)?);
    let options = zip::write::SimpleFileOptions::default()
        .unix_permissions(0o640)
        .last_modified_time(zip::DateTime::from_date_and_time(2024, 5, 1, 10, 30, 2)?);
    for (path, bytes) in files {
        zip.start_file(format!("bag/{path}"), options)?;
        zip.write_all(bytes)?;
    }
    zip.finish()?;
    Ok(path)
}

#[test]
fn payload_comes_in_the_order_of_a_walk_with_its_digests_and_bytes() -> Result {
    let files: [(&str, &[u8]); 4] = [
        ("b.txt", b"four"),
        ("a/z", b"one"),
        ("a.txt", b"three"),
        ("a-1/x", &[7; 300_000]),
    ];
    let folder = tempfile::tempdir()?;
    for path in [
        write(folder.path(), &bag_of(&files))?,
        pack(folder.path(), &bag_of(&files))?,
    ] {
        let bag = read(&path)?.map_err(|findings| findings.join("; "))?;
        assert_eq!(bag.version(), BagVersion::V1_0);
        assert_eq!(bag.algorithms(), [Algorithm::Sha256]);
        assert_eq!(bag.payload_bytes(), 300_012);
        let paths: Vec<_> = bag.payload().map(|file| file.path()).collect();
        assert_eq!(
            paths,
            [
                &b"data/a/z"[..],
                b"data/a-1/x",
                b"data/a.txt",
                b"data/b.txt"
            ]
        );
        // All are open at once and read in turns.
        let mut readers = Vec::new();
        for file in bag.payload() {
            readers.push((file, bag.read(&file)?, Vec::new()));
        }
        for _ in 0..10_000 {
            for (_, reader, bytes) in &mut readers {
                reader.take(100).read_to_end(bytes)?;
            }
        }
        for (file, _, bytes) in &readers {
            let digest = comity_core::digest::Digest::of(bytes);
            let expected: Vec<_> = bag.expected(file).collect();
            assert_eq!(expected, [(Algorithm::Sha256, &digest.0[..])]);
            assert_eq!(file.size_bytes(), bytes.len() as u64);
        }
        let tags: Vec<_> = bag.tag_files().map(|file| file.path()).collect();
        assert_eq!(tags, [&b"bagit.txt"[..], b"manifest-sha256.txt"]);
    }
    Ok(())
}

#[test]
fn what_is_said_of_a_file_is_recorded() -> Result {
    let folder = tempfile::tempdir()?;
    let files = bag_of(&[("x", b"abc")]);
    for (path, from_archive) in [
        (write(folder.path(), &files)?, false),
        (pack(folder.path(), &files)?, true),
    ] {
        let bag = read(&path)?.map_err(|findings| findings.join("; "))?;
        let file = bag.payload().next().ok_or("no file")?;
        let record = bag.record(&file)?;
        assert_eq!(record["size"], 3);
        if from_archive {
            assert_eq!(record["mode"], "0100640");
            assert_eq!(record["mtime_local"], "2024-05-01T10:30:02");
            assert!(bag.read(&file)?.as_file().is_none());
        } else {
            assert!(record["mtime"].is_string() && record["mtime_local"].is_null());
            assert!(bag.read(&file)?.as_file().is_some());
        }
    }
    Ok(())
}

#[test]
fn an_archive_that_would_burst_is_refused_unread() -> Result {
    let folder = tempfile::tempdir()?;
    let path = pack(folder.path(), &bag_of(&[("zeros", &vec![0; 10 << 20])]))?;
    let open = |limits: Limits| match Bag::open(&path, &limits, spill(folder.path())) {
        Err(BagError::Invalid { findings }) => findings.iter().map(ToString::to_string).collect(),
        other => format!("{other:?}"),
    };
    let limits = Limits {
        ratio: 100,
        ratio_from_bytes: 1 << 20,
        ..Limits::default()
    };
    assert!(open(limits).contains("more than 100 times its own size"));
    assert!(
        open(Limits {
            files: 2,
            ..Limits::default()
        })
        .contains("it lists 3 files")
    );
    assert!(
        open(Limits {
            ratio: 10_000,
            ..limits
        })
        .starts_with("Ok(")
    );
    assert!(
        open(Limits {
            ratio_from_bytes: 1 << 30,
            ..limits
        })
        .starts_with("Ok(")
    );
    Ok(())
}

#[test]
fn a_payload_that_changes_or_goes_after_the_bag_was_opened_is_found() -> Result {
    let folder = tempfile::tempdir()?;
    let path = write(
        folder.path(),
        &bag_of(&[("a", b"1"), ("b", b"2"), ("c", b"3"), ("d", b"4")]),
    )?;
    let bag = Bag::open(&path, &Limits::default(), spill(folder.path()))?;
    fs::write(path.join("data/a"), b"2")?;
    fs::remove_file(path.join("data/b"))?;
    fs::remove_file(path.join("data/c"))?;
    std::os::unix::fs::symlink("d", path.join("data/c"))?;
    let told = Mutex::new(Vec::new());
    let findings = bag.check_payload(3, &|files, bytes| {
        if let Ok(mut told) = told.lock() {
            told.push((files, bytes));
        }
    });
    let places: Vec<_> = findings
        .iter()
        .map(|finding| finding.place.as_str())
        .collect();
    assert_eq!(places, ["data/a", "data/b", "data/c"]);
    assert!(findings[1].what.contains("vanished"), "{}", findings[1]);
    assert!(
        findings[2].what.contains("no longer a regular file"),
        "{}",
        findings[2]
    );
    let told = told.into_inner()?;
    assert_eq!(told.iter().map(|(files, _)| *files).max(), Some(4));
    assert_eq!(told.iter().map(|(_, bytes)| *bytes).max(), Some(2));
    Ok(())
}

#[test]
fn what_is_not_there_is_no_bag() -> Result {
    let folder = tempfile::tempdir()?;
    assert!(matches!(
        Bag::open(
            &folder.path().join("none"),
            &Limits::default(),
            spill(folder.path())
        ),
        Err(BagError::Io { .. })
    ));
    Ok(())
}
