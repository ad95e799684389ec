use std::error::Error;
use std::process::Command;

use comity_core::random::TestRandom;

use super::super::walk::{Spill, Walk};
use super::algorithm::Hashers;
use super::*;

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// A folder of evidence, `in`, with room beside it for manifests.
struct Place(tempfile::TempDir);

impl Place {
    fn new(files: &[(&str, &str)]) -> Result<Place> {
        let place = Place(tempfile::tempdir()?);
        for (name, text) in files {
            let path = place.path("in").join(name);
            fs::create_dir_all(path.parent().unwrap_or(Path::new("/")))?;
            fs::write(path, text)?;
        }
        Ok(place)
    }

    fn path(&self, below: &str) -> PathBuf {
        self.0.path().join(below)
    }

    /// Reads the manifest at `manifest` and holds all files under `roots` against it.
    fn compare(
        &self,
        manifest: &str,
        roots: &[&str],
    ) -> Result<(Manifest, Vec<(String, Verdict)>)> {
        let roots: Vec<PathBuf> = roots.iter().map(|root| self.path(root)).collect();
        let walk = Walk::new(
            &roots,
            &[],
            Spill::new(self.0.path(), &TestRandom::new([0; 32])),
        )?;
        let mut manifest = Manifest::read(&self.path(manifest), walk.roots())?;
        let mut verdicts = Vec::new();
        for entry in walk {
            let entry = entry?;
            let mut reader = HashingReader::new(entry.open()?.0, &manifest.algorithms());
            io::copy(&mut reader, &mut io::sink())?;
            let verdict = manifest.check(entry.root, &entry.path, &reader.finish().0);
            verdicts.push((comity_core::shown::shown(&entry.path), verdict));
        }
        Ok((manifest, verdicts))
    }
}

fn digest(algorithm: Algorithm, text: &str) -> String {
    let mut hashers = Hashers::new(&[algorithm]);
    hashers.update(text.as_bytes());
    hashers.finish().hex(algorithm).unwrap_or_default()
}

fn matched(algorithm: Algorithm) -> Verdict {
    Verdict::Matched {
        algorithms: vec![algorithm],
    }
}

fn missing(manifest: &Manifest) -> Vec<(u64, String)> {
    manifest
        .missing()
        .map(|m| (m.line, comity_core::shown::shown(m.name)))
        .collect()
}

#[test]
fn every_tool_that_makes_sums_is_read_back() -> Result {
    let names = [
        "plain.txt",
        "sub/two words.txt",
        " leading",
        "new\nline",
        "back\\slash",
        "cr\rx",
        "(x) = y",
    ];
    let files: Vec<_> = names.iter().map(|name| (*name, *name)).collect();
    for (tool, arguments, algorithm) in [
        ("sha256sum", &["--text"][..], Algorithm::Sha256),
        ("sha256sum", &["--binary"], Algorithm::Sha256),
        ("sha256sum", &["--tag"], Algorithm::Sha256),
        ("md5sum", &[], Algorithm::Md5),
        ("sha1sum", &["--tag"], Algorithm::Sha1),
        ("sha512sum", &[], Algorithm::Sha512),
    ] {
        let place = Place::new(&files)?;
        let output = Command::new(tool)
            .args(arguments)
            .args(names)
            .current_dir(place.path("in"))
            .output()?;
        assert!(output.status.success());
        fs::write(place.path("sums"), &output.stdout)?;
        let (manifest, verdicts) = place.compare("sums", &["in"])?;
        assert_eq!(manifest.kind(), ManifestKind::Sums);
        assert_eq!(manifest.faults(), []);
        assert_eq!(manifest.sha256(), Digest::of(&output.stdout));
        assert_eq!(verdicts.len(), names.len());
        for (name, verdict) in verdicts {
            assert_eq!(verdict, matched(algorithm), "{tool} {arguments:?} {name:?}");
        }
        assert_eq!(missing(&manifest), []);
    }
    Ok(())
}

#[test]
fn differing_missing_and_unlisted_files_are_told_apart() -> Result {
    let place = Place::new(&[("a", "one"), ("b", "two"), ("c", "three")])?;
    let lines = [
        format!("{}  a\n", digest(Algorithm::Sha256, "one")),
        format!("{}  b\n", digest(Algorithm::Sha256, "zwei").to_uppercase()),
        format!("{}  gone/x\n", digest(Algorithm::Sha256, "x")),
        format!("{}  d\n", digest(Algorithm::Sha256, "d")),
    ];
    fs::write(place.path("in/SHA256SUMS"), lines.concat())?;
    let (manifest, verdicts) = place.compare("in/SHA256SUMS", &["in"])?;
    assert_eq!(
        verdicts,
        [
            ("in/SHA256SUMS".to_owned(), Verdict::Itself),
            ("in/a".to_owned(), matched(Algorithm::Sha256)),
            (
                "in/b".to_owned(),
                Verdict::Different {
                    line: 2,
                    algorithm: Algorithm::Sha256,
                    stated: digest(Algorithm::Sha256, "zwei"),
                    found: digest(Algorithm::Sha256, "two"),
                }
            ),
            ("in/c".to_owned(), Verdict::NotListed),
        ]
    );
    assert_eq!(
        missing(&manifest),
        [(4, "d".to_owned()), (3, "gone/x".to_owned())]
    );
    Ok(())
}

#[test]
fn a_file_that_was_met_but_not_read_is_not_missing() -> Result {
    let place = Place::new(&[("a", "one")])?;
    fs::write(
        place.path("sums"),
        format!("{}  in/a\n", digest(Algorithm::Md5, "one")),
    )?;
    let (_, roots) = (0, [place.path("in")]);
    let walk = Walk::new(
        &roots,
        &[],
        Spill::new(place.0.path(), &TestRandom::new([0; 32])),
    )?;
    let mut manifest = Manifest::read(&place.path("sums"), walk.roots())?;
    assert!(!manifest.meet(0, b"in/b"));
    assert_eq!(missing(&manifest).len(), 1);
    assert!(manifest.meet(0, b"in/a"));
    assert_eq!(missing(&manifest), []);
    Ok(())
}

#[test]
fn a_line_is_found_from_wherever_its_names_begin() -> Result {
    let place = Place::new(&[("usb/a", "one"), ("usb/sub/b", "two"), ("phone/c", "three")])?;
    let absolute = fs::canonicalize(place.path("in"))?;
    let absolute = absolute.to_string_lossy();
    for (manifest, prefix, roots) in [
        ("in/usb/sums", "", &["in/usb"][..]),
        ("in/usb/sums", "./", &["in/usb", "in/phone"]),
        ("in/sums", "usb/", &["in/usb", "in/phone"]),
        ("in/phone/sums", "../usb/", &["in/usb"]),
        ("elsewhere", "usb/", &["in/usb", "in/phone"]),
        ("elsewhere", "", &["in/usb"]),
        ("elsewhere", "x/..//./", &["in/usb"]),
        ("elsewhere", &format!("{absolute}/usb/"), &["in/usb"]),
        ("elsewhere", "in/usb/", &["in"]),
    ] {
        let line = |name, text| format!("{}  {prefix}{name}\n", digest(Algorithm::Md5, text));
        fs::write(
            place.path(manifest),
            line("a", "one") + &line("sub/b", "two"),
        )?;
        let (read, verdicts) = place.compare(manifest, roots)?;
        let matches = verdicts
            .iter()
            .filter(|(_, verdict)| *verdict == matched(Algorithm::Md5));
        assert_eq!(
            matches.count(),
            2,
            "{manifest} {prefix} {roots:?} {verdicts:?}"
        );
        assert_eq!(missing(&read), [], "{manifest} {prefix} {roots:?}");
        fs::remove_file(place.path(manifest))?;
    }

    // With two paths given, a name below one of them says nothing: it may be in either.
    fs::write(
        place.path("elsewhere"),
        format!("{}  a\n", digest(Algorithm::Md5, "one")),
    )?;
    let (read, verdicts) = place.compare("elsewhere", &["in/usb", "in/phone"])?;
    assert!(
        verdicts
            .iter()
            .all(|(_, verdict)| *verdict == Verdict::NotListed)
    );
    assert_eq!(missing(&read).len(), 1);
    Ok(())
}

#[test]
fn names_that_are_not_utf8_are_compared_as_bytes() -> Result {
    use std::ffi::OsStr;

    let place = Place::new(&[])?;
    fs::create_dir(place.path("in"))?;
    fs::write(place.path("in").join(OsStr::from_bytes(b"caf\xe9")), "x")?;
    fs::write(place.path("in").join("cafe\u{301}"), "x")?;
    let line = |name: &[u8]| [digest(Algorithm::Md5, "x").as_bytes(), b"  ", name, b"\n"].concat();
    let sums = [line(b"caf\xe9"), line("caf\u{e9}".as_bytes())].concat();
    fs::write(place.path("sums"), sums)?;
    let (manifest, verdicts) = place.compare("sums", &["in"])?;
    let found: Vec<_> = verdicts.into_iter().map(|(_, verdict)| verdict).collect();
    assert_eq!(
        found,
        [Verdict::NotListed, matched(Algorithm::Md5)],
        "no name is normalised"
    );
    assert_eq!(missing(&manifest), [(2, "caf\u{e9}".to_owned())]);
    Ok(())
}

#[test]
fn hashdeep_files_are_read() -> Result {
    let place = Place::new(&[("a, b", "one"), ("c", "two")])?;
    let text = format!(
        "%%%% HASHDEEP-1.0\n%%%% size,md5,tiger,sha256,filename\n## Invoked from: /home/x\n## \n\
         3,{},0123,{},./a, b\n3,{},99,{},c\n3,zz,1,2,d\n3\n",
        digest(Algorithm::Md5, "one"),
        digest(Algorithm::Sha256, "one"),
        digest(Algorithm::Md5, "two"),
        digest(Algorithm::Sha256, "other"),
    );
    fs::write(place.path("list"), text)?;
    let (manifest, verdicts) = place.compare("list", &["in"])?;
    assert_eq!(manifest.kind(), ManifestKind::Hashdeep);
    assert_eq!(manifest.algorithms(), [Algorithm::Md5, Algorithm::Sha256]);
    let both = Verdict::Matched {
        algorithms: vec![Algorithm::Md5, Algorithm::Sha256],
    };
    assert_eq!(verdicts[0].1, both);
    assert!(matches!(
        verdicts[1].1,
        Verdict::Different {
            line: 6,
            algorithm: Algorithm::Sha256,
            ..
        }
    ));
    let faults: Vec<_> = manifest.faults().iter().map(|fault| fault.line).collect();
    assert_eq!(faults, [7, 8]);
    Ok(())
}

#[test]
fn columns_are_read_in_any_dialect() -> Result {
    let md5 = digest(Algorithm::Md5, "one");
    let sha = digest(Algorithm::Sha256, "one");
    for (text, algorithms) in [
        (
            format!("path,sha256\n\"a, \"\"b\"\"\",{sha}\n"),
            &[Algorithm::Sha256][..],
        ),
        (
            format!("Name;MD5 Hash;SHA-256\r\n\"a, \"\"b\"\"\";{md5};{sha}\r\n"),
            &[Algorithm::Md5, Algorithm::Sha256],
        ),
        (
            format!("size\tfile\tmd5sum\n3\t\"a, \"\"b\"\"\"\t{md5}\n"),
            &[Algorithm::Md5],
        ),
        (
            format!(
                "#TYPE Selected.System\n\"Algorithm\",\"Hash\",\"Path\"\n\"SHA256\",\"{}\",\"a, \"\"b\"\"\"\n",
                sha.to_uppercase()
            ),
            &[Algorithm::Sha256],
        ),
        (
            format!("\u{feff}checksum,filename\n{md5},\"a, \"\"b\"\"\"\n"),
            &[Algorithm::Md5],
        ),
    ] {
        let place = Place::new(&[("a, \"b\"", "one")])?;
        fs::write(place.path("list.dat"), &text)?;
        let (manifest, verdicts) = place.compare("list.dat", &["in"])?;
        assert_eq!(manifest.kind(), ManifestKind::Csv, "{text}");
        assert_eq!(manifest.faults(), [], "{text}");
        assert_eq!(
            verdicts[0].1,
            Verdict::Matched {
                algorithms: algorithms.to_vec()
            },
            "{text}"
        );
    }
    Ok(())
}

#[test]
fn lists_from_windows_match() -> Result {
    let place = Place::new(&[("docs/a.txt", "one"), ("b.txt", "two")])?;
    let (one, two) = (
        digest(Algorithm::Sha1, "one"),
        digest(Algorithm::Sha1, "two"),
    );
    let text = format!("{one} *docs\\a.txt\r\n{two} *.\\b.txt\r\n");
    let mut wide = vec![0xff, 0xfe];
    wide.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
    for bytes in [text.into_bytes(), wide] {
        fs::write(place.path("list.sha1"), &bytes)?;
        let (manifest, verdicts) = place.compare("list.sha1", &["in"])?;
        assert_eq!(manifest.sha256(), Digest::of(&bytes));
        assert!(
            verdicts
                .iter()
                .all(|(_, verdict)| *verdict == matched(Algorithm::Sha1))
        );
        assert_eq!(missing(&manifest), []);
    }
    Ok(())
}

#[test]
fn malformed_and_contradicting_lines_are_named_and_the_rest_counts() -> Result {
    let place = Place::new(&[("a", "one"), ("b", "two")])?;
    let (one, two) = (digest(Algorithm::Md5, "one"), digest(Algorithm::Md5, "two"));
    let text = format!(
        "# made by hand\n{one}  a\n\n{two}\nhello\n{}  b\nSHA3-256 (b) = {two}\nMD5 (b) = {two}\n\
         \\{one}  odd\\x\n{two}  a\n{one}  a\n",
        "ab".repeat(17),
    );
    fs::write(place.path("sums"), text)?;
    let (manifest, verdicts) = place.compare("sums", &["in"])?;
    assert!(
        verdicts
            .iter()
            .all(|(_, verdict)| *verdict == matched(Algorithm::Md5))
    );
    let faults: Vec<_> = manifest
        .faults()
        .iter()
        .map(|fault| (fault.line, fault.reason.as_str()))
        .collect();
    assert_eq!(
        faults,
        [
            (
                4,
                "it is neither `digest  name` nor `ALGORITHM (name) = digest`"
            ),
            (
                5,
                "it is neither `digest  name` nor `ALGORITHM (name) = digest`"
            ),
            (6, "34 hex digits are the length of no digest that is known"),
            (7, "the algorithm \"SHA3-256\" is not known"),
            (
                9,
                "a backslash in an escaped name is followed by neither \\, n nor r"
            ),
            (10, "line 2 lists the same file with another digest"),
        ]
    );
    assert_eq!(manifest.faults_count(), 6);
    Ok(())
}

#[test]
fn a_digest_of_another_length_is_a_fault() -> Result {
    let place = Place::new(&[("a", "one")])?;
    let sha = digest(Algorithm::Sha256, "one");
    for text in [
        format!("path,md5\na,{sha}\n"),
        format!("Algorithm,Hash,Path\nSHA256,{},a\n", &sha[..62]),
        format!("%%%% HASHDEEP-1.0\n%%%% size,md5,filename\n3,{sha},a\n"),
        format!("# one that can be told from its length\n{sha}  b\nMD5 (a) = {sha}\n"),
    ] {
        fs::write(place.path("list"), &text)?;
        let (manifest, verdicts) = place.compare("list", &["in"])?;
        assert_eq!(verdicts[0].1, Verdict::NotListed, "{text}");
        let faults = manifest.faults();
        assert!(
            faults.len() == 1 && faults[0].reason.contains("hex digits, not"),
            "{faults:?}"
        );
    }
    Ok(())
}

#[test]
fn digests_that_nobody_computed_are_no_match() -> Result {
    let place = Place::new(&[("a", "one")])?;
    fs::write(
        place.path("sums"),
        format!("{}  a\n", digest(Algorithm::Sha512, "one")),
    )?;
    let roots = [place.path("in")];
    let walk = Walk::new(
        &roots,
        &[],
        Spill::new(place.0.path(), &TestRandom::new([0; 32])),
    )?;
    let mut manifest = Manifest::read(&place.path("sums"), walk.roots())?;
    let found = Digests::new().with(Algorithm::Sha256, &[0; 32]);
    let verdict = Verdict::NotComparable {
        line: 1,
        algorithms: vec![Algorithm::Sha512],
    };
    assert_eq!(manifest.check(0, b"in/a", &found), verdict);
    Ok(())
}

#[test]
fn what_is_no_manifest_is_refused() -> Result {
    let place = Place::new(&[])?;
    for text in [
        "",
        "\n\n",
        "Dear colleagues,\nattached are the files.\n",
        "path,size\na,3\n",
        "\0\x01\x02",
    ] {
        fs::write(place.path("list"), text)?;
        let read = Manifest::read(&place.path("list"), &[]);
        assert!(
            matches!(read, Err(ManifestError::Unrecognised { .. })),
            "{text:?}"
        );
    }
    assert!(matches!(
        Manifest::read(&place.path("none"), &[]),
        Err(ManifestError::Io { .. })
    ));
    Ok(())
}

#[test]
fn lines_take_some_hundred_bytes_each() -> Result {
    const LINES: usize = 100_000;
    let place = Place::new(&[])?;
    let mut text = String::new();
    for n in 0..LINES {
        text.push_str(&format!(
            "{n:064x}  archive/part-{:03}/photo-{n:07}.jpg\n",
            n % 1000
        ));
    }
    fs::write(place.path("sums"), &text)?;
    let manifest = Manifest::read(&place.path("sums"), &[])?;
    assert_eq!(manifest.len(), LINES);
    let each = manifest.table.allocated_bytes() / LINES;
    assert!(each <= 100, "{each}");
    assert_eq!(manifest.missing().count(), LINES);
    Ok(())
}
