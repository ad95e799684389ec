//! `comity work`, and what its answers tell a person and a program.

use std::io::{Cursor, Write};

use crate::world::{World, both, put};

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

/// A letter, an archive with one in it, and an archive that was cut off.
fn taken_in() -> World {
    let world = World::new();
    let usb = world.folder.path().join("usb");
    let archive = zipped(&[("letter.txt", b"the ship left at dawn")]);
    put(&usb, "a.txt", b"the ship left at dawn");
    put(&usb, "b.zip", &archive);
    put(&usb, "c.zip", &archive[..60]);
    world.take_in(&usb, "Navy", &["--no-receipt"]);
    world
}

fn reader() -> String {
    comity_rig::extract_worker().to_str().unwrap().to_owned()
}

#[test]
fn a_person_sees_what_was_read_what_was_not_and_why() {
    let world = taken_in();
    let reader = reader();
    let waits = world.fine(&["item", "list", "--counts"]);
    assert!(
        waits.contains("3 wait to be read: `comity work` reads them."),
        "{waits}"
    );
    let said = world.fine(&["work", "--reader", &reader]);
    let expected = "\
4 items read, 123 bytes
  read                                         3
  damaged                                      1
  found inside of others                       1
To see what could not be read, and why:
  comity item list --state damaged
";
    let bytes = said.split_once(", ").unwrap().1.split_once('\n').unwrap().0;
    assert_eq!(said.replace(bytes, "123 bytes"), expected);
    assert_eq!(
        world.fine(&["work", "--reader", &reader]),
        "Nothing waits to be read.\n"
    );
    let listed = world.fine(&["item", "list", "--state", "damaged"]);
    assert!(
        listed.starts_with("UKR-000001-0000003  damaged"),
        "{listed}"
    );
    assert_eq!(listed.lines().count(), 1);
    let shown = world.fine(&["item", "show", "UKR-000001-0000003"]);
    for line in [
        "reading     damaged",
        "type        application/zip",
        "why         ",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    let child = world.fine(&["item", "show", "UKR-000001-0000002.0001"]);
    assert!(
        child.contains("inside of   UKR-000001-0000002\n"),
        "{child}"
    );
    let history = world.fine(&["item", "history", "UKR-000001-0000002.0001"]);
    assert!(
        history.contains("It was found inside of the item above it as “letter.txt”, 21 bytes"),
        "{history}"
    );
    assert!(
        history.contains("It was read by extract-worker "),
        "{history}"
    );
    let inside = world.fine(&["item", "list", "--in", "UKR-000001-0000002"]);
    assert_eq!(inside.lines().count(), 1, "{inside}");
    // Another reading is a person's act, of what has bytes.
    let again = world.json(&["item", "retry", "--state", "damaged"]);
    assert_eq!(again["items"], 1);
    let said = world.json(&["work", "--reader", &reader]);
    assert_eq!(
        (&said["items"], &said["states"]["damaged"]),
        (&1.into(), &1.into())
    );
    let nameless = world
        .comity(&["item", "retry", "UKR-000001-0000003"])
        .env_remove("COMITY_ACTOR")
        .output()
        .unwrap();
    assert!(both(&nameless).contains("who acts?"), "{}", both(&nameless));
}

#[test]
fn what_was_read_is_searchable_when_the_work_ends_and_is_kept_where_it_cannot_be() {
    let world = taken_in();
    let index = world.folder.path().join("centre/index/UKR");
    world.fine(&["work", "--reader", &reader()]);
    let made = std::fs::read(index.join("meta.json")).unwrap();
    let found = world.json(&["search", "dawn", "--purpose", "a test"]);
    assert_eq!(found["found"], 2);
    assert_eq!(std::fs::read(index.join("meta.json")).unwrap(), made);
    // Something lies where the index should.
    world.json(&["item", "retry", "--state", "damaged"]);
    std::fs::remove_dir_all(&index).unwrap();
    put(index.parent().unwrap(), "UKR", b"in the way");
    let said = world.fine(&["work", "--reader", &reader()]);
    assert!(said.contains("1 item read"), "{said}");
    assert!(said.contains("is not in the search index yet: "), "{said}");
    std::fs::remove_file(&index).unwrap();
    let found = world.json(&["search", "dawn", "--purpose", "a test"]);
    assert_eq!(found["found"], 2);
}

#[test]
fn a_program_is_told_in_json() {
    let world = taken_in();
    let said = world.json(&["work", "--reader", &reader()]);
    assert_eq!(
        (&said["items"], &said["found"], &said["attention"]),
        (&4.into(), &1.into(), &1.into())
    );
    let counts = world.json(&["item", "list", "--counts"]);
    assert_eq!(
        counts["states"],
        serde_json::json!({ "damaged": 1, "read": 3 })
    );
    let shown = world.json(&["item", "show", "UKR-000001-0000002"]);
    assert_eq!(shown["reading"]["state"], "read");
    assert_eq!(shown["reading"]["inside"], 1);
    let wrong = world.run(&["item", "list", "--state", "broken"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(
        both(&wrong).contains("crashed-the-reader"),
        "{}",
        both(&wrong)
    );
}

#[test]
fn without_its_reader_it_says_where_it_looked() {
    let world = taken_in();
    let alone = world.run(&["work", "--reader", "/nowhere/extract-worker"]);
    assert_eq!(alone.status.code(), Some(1));
    assert!(
        both(&alone).contains("cannot be started"),
        "{}",
        both(&alone)
    );
    assert!(world.fine(&["item", "list", "--counts"]).contains("3 wait"));
}

#[test]
fn what_a_desk_has_locked_waits_for_its_key_and_is_named() {
    let world = taken_in();
    let key = world.folder.path().join("ukr.desk");
    let key = key.to_str().unwrap();
    world.fine(&["keys", "desk-key", "--member", "UKR", "-o", key]);
    world.fine(&["keys", "lock", "--member", "UKR", "--desk-key", key]);
    let reader = reader();
    let without = world.run(&["work", "--reader", &reader]);
    assert_eq!(without.status.code(), Some(1));
    let said = both(&without);
    assert!(said.contains("3 items could not be read now"), "{said}");
    assert!(said.contains("UKR-000001-0000001: "), "{said}");
    let with = world.fine(&["work", "--reader", &reader, "--desk-key", key]);
    assert!(with.starts_with("4 items read"), "{with}");
    // Without the key it is seen that it was read, and not what was read.
    let listed = world.fine(&["item", "list"]);
    assert!(listed.contains("UKR-000001-0000002.0001  read"), "{listed}");
    assert!(!listed.contains("letter.txt"), "{listed}");
    let shown = both(&world.run(&["item", "show", "UKR-000001-0000001"]));
    assert!(!shown.contains("text/plain"), "{shown}");
}

#[test]
fn a_scanned_page_is_looked_at_and_found_by_its_characters() {
    let world = World::new();
    let usb = world.folder.path().join("usb");
    let samples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/samples");
    let scan = std::fs::read(samples.join("evidence/reports/скан акту.pdf")).unwrap();
    put(&usb, "scan.pdf", &scan);
    world.take_in(&usb, "Navy", &["--no-receipt"]);
    let (reader, ern) = (reader(), "UKR-000001-0000001");
    let said = world.fine(&["work", "--reader", &reader, "--no-ocr"]);
    assert!(
        said.contains("1 item drawn\n") && !said.contains("OCR"),
        "{said}"
    );
    let counts = world.fine(&["item", "list", "--counts"]);
    assert!(
        counts.contains("pictures: read ") && counts.contains("OCR: waits "),
        "{counts}"
    );
    // A language that is not there stops nothing, and is said.
    let without = ["work", "--reader", &reader, "--ocr-languages", "xyz"];
    let said = world.fine(&without);
    assert!(
        said.contains("1 item waits for OCR") && said.contains("xyz"),
        "{said}"
    );
    let said = world.fine(&["work", "--reader", &reader, "--only", "ocr"]);
    assert!(said.contains("1 item looked through by OCR\n"), "{said}");
    let shown = world.fine(&["item", "show", ern]);
    for line in [
        "pictures    read, 1 page, extract-worker ",
        "OCR         read, tesseract ",
    ] {
        assert!(shown.contains(line), "{shown}");
    }
    assert!(shown.contains("ukr+rus+eng, confidence "), "{shown}");
    let found = world.fine(&["search", "радіостанція", "--purpose", "a test"]);
    assert!(found.contains("by OCR: page 1"), "{found}");
    let page = world.folder.path().join("page.jpg");
    let page = page.to_str().unwrap();
    let get = ["item", "get", ern, "--purpose", "to look", "--derivative"];
    let said = world.fine(&[&get[..], &["page:1", "-o", page]].concat());
    assert!(
        said.starts_with("The page 1 of UKR-000001-0000001 is in "),
        "{said}"
    );
    assert!(std::fs::read(page).unwrap().starts_with(&[0xff, 0xd8]));
    let none = world.run(&[&get[..], &["page:2", "-o", "/tmp/none.jpg"]].concat());
    assert!(
        both(&none).contains("there is no page 2 of"),
        "{}",
        both(&none)
    );
}
