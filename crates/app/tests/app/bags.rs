//! BagIt bags: taken in whole, or refused whole.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use comity_app::intake::Request;
use zip::write::SimpleFileOptions;

use crate::fixture::*;

on_every_kind! {
    a_bag_in_a_folder_and_in_a_zip_is_taken_in,
}

/// The files of a sound bag.
fn sound() -> Vec<(&'static str, Vec<u8>)> {
    let payload: [(&str, Vec<u8>); 3] = [
        ("data/a.txt", SENTENCE.as_bytes().to_vec()),
        ("data/b/empty", Vec::new()),
        ("data/b/large.bin", noise(7, (4 << 20) + 1)),
    ];
    let manifest: String = payload
        .iter()
        .map(|(p, b)| format!("{}  {p}\n", sha256(b)))
        .collect();
    let mut files = vec![
        (
            "bagit.txt",
            b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n".to_vec(),
        ),
        (
            "bag-info.txt",
            b"Source-Organization: Office of the Prosecutor\nExternal-Identifier: 44/26\n".to_vec(),
        ),
        ("manifest-sha256.txt", manifest.into_bytes()),
    ];
    let tags: String = files
        .iter()
        .map(|(p, b)| format!("{}  {p}\n", sha256(b)))
        .collect();
    files.push(("tagmanifest-sha256.txt", tags.into_bytes()));
    files.extend(payload);
    files
}

fn folder(at: &Path, files: &[(&str, Vec<u8>)]) -> PathBuf {
    for (name, bytes) in files {
        put(at, name, bytes);
    }
    at.to_owned()
}

fn archive(at: &Path, base: &str, files: &[(&str, Vec<u8>)]) -> PathBuf {
    let mut zip = zip::ZipWriter::new(File::create(at).unwrap());
    for (name, bytes) in files {
        zip.start_file(format!("{base}/{name}"), SimpleFileOptions::default())
            .unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
    at.to_owned()
}

fn of_bag(path: &Path) -> Request {
    let mut request = request(&[path]);
    request.bag = true;
    request
}

fn a_bag_in_a_folder_and_in_a_zip_is_taken_in(kind: Kind) {
    let world = World::new(kind);
    let in_folder = folder(&world.place("delivery"), &sound());
    let in_zip = archive(&world.folder.path().join("parcel.zip"), "parcel", &sound());
    let centre = world.open();
    let outcome = take_in(&centre, &of_bag(&in_folder)).unwrap();
    assert_eq!(outcome.tally.items(), 7);
    let lines = listing(&centre);
    assert_eq!(lines[0].2, "delivery/data/a.txt");
    assert_eq!(
        lines[0].3.as_deref(),
        Some(sha256(SENTENCE.as_bytes()).as_str())
    );
    let tag = item_at(&centre, "delivery/bag-info.txt");
    assert_eq!(said(&centre, &tag, "role").unwrap(), "tag file of the bag");
    let opened = (0..log_size(&centre))
        .map(|i| centre.read_event(i).unwrap())
        .find(|e| e.text("kind") == Some("intake_opened"))
        .unwrap();
    let bag = opened.value("bag").unwrap();
    assert_eq!(bag["version"], "1.0");
    assert_eq!(
        bag["info"][1],
        serde_json::json!(["External-Identifier", "44/26"])
    );

    let outcome = take_in(&centre, &of_bag(&in_zip)).unwrap();
    assert_eq!(outcome.tally.items(), 7);
    let a = item_at(&centre, "parcel/data/a.txt");
    assert_eq!(bytes_of(&centre, &a), SENTENCE.as_bytes());
    assert_eq!(
        bytes_of(&centre, &item_at(&centre, "parcel/data/b/large.bin")),
        noise(7, (4 << 20) + 1)
    );
    // The same bytes of the same member are stored once.
    assert_eq!(objects(&centre).len(), 7);
    let outcome = take_in(&centre, &of_bag(&in_zip)).unwrap();
    assert_eq!((outcome.tally.items(), outcome.tally.again), (0, 7));
    drop(centre);
    world.assert_sound();
}

#[test]
fn an_invalid_bag_is_refused_with_every_finding_and_nothing_is_recorded() {
    let world = World::new(PLAIN);
    let centre = world.open();
    let size = log_size(&centre);
    let mut bad = sound();
    bad.iter_mut().find(|(n, _)| *n == "data/a.txt").unwrap().1[0] ^= 1;
    bad.retain(|(name, _)| *name != "data/b/empty");
    bad.push(("data/unlisted", b"x".to_vec()));
    let incomplete = folder(&world.place("bad"), &bad);
    let refused = take_in(&centre, &of_bag(&incomplete))
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("data/b/empty") && refused.contains("data/unlisted"),
        "{refused}"
    );

    // Complete, and two files differ from their digests: both are named.
    let mut bad = sound();
    for name in ["data/a.txt", "data/b/large.bin"] {
        bad.iter_mut().find(|(n, _)| *n == name).unwrap().1[0] ^= 1;
    }
    let zipped = archive(&world.folder.path().join("bad.zip"), "bad", &bad);
    for bag in [folder(&world.place("changed"), &bad), zipped] {
        let refused = take_in(&centre, &of_bag(&bag)).unwrap_err().to_string();
        assert!(
            refused.contains("data/a.txt") && refused.contains("data/b/large.bin"),
            "{refused}"
        );
    }
    let no_bag = world.place("no-bag");
    put(&no_bag, "a", b"a");
    assert!(
        take_in(&centre, &of_bag(&no_bag))
            .unwrap_err()
            .to_string()
            .contains("bagit.txt")
    );
    assert_eq!(log_size(&centre), size);
    assert_eq!(objects(&centre).len(), 0);
    drop(centre);
    world.assert_sound();
}
