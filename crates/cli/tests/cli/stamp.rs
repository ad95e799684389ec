//! Time stamps: from an authority to what is handed over, with `openssl` as authority and as judge.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::authority::{Authority, openssl};
use crate::world::{World, both, put};

fn add(world: &World, name: &str, authority: &Authority, more: &[&str]) {
    let file = authority.file("ca.pem");
    let words = [
        "stamp",
        "authority",
        "add",
        name,
        "--url",
        &authority.url,
        "--certificates",
        file.to_str().unwrap(),
    ];
    world.fine(&[&words, more].concat());
}

/// The folder of the one series that is kept.
fn series(world: &World) -> std::path::PathBuf {
    let only = |folder: &Path| {
        fs::read_dir(folder)
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
            .path()
    };
    only(&only(&world.dir.join("ledger/stamp")))
}

/// `openssl ts -verify` of the newest token of a series, by the document alone.
fn judged(folder: &Path, tokens: u32) {
    let mut bytes = fs::read(folder.join("checkpoint")).unwrap();
    for n in 0..tokens {
        fs::write(folder.join("../stamped"), &bytes).unwrap();
        let name = |kind: &str| format!("{n:03}.{kind}");
        let said = openssl(
            folder,
            &[
                "ts",
                "-verify",
                "-data",
                "../stamped",
                "-in",
                &name("tsr"),
                "-CAfile",
                &name("pem"),
                "-untrusted",
                &name("pem"),
            ],
        );
        assert!(said.contains("Verification: OK"), "{said}");
        for kind in ["tsr", "pem", "crl"] {
            bytes.extend(fs::read(folder.join(name(kind))).unwrap());
        }
        fs::remove_file(folder.join("../stamped")).unwrap();
    }
}

fn findings(world: &World) -> String {
    let ran = world.run(&["verify"]);
    assert_eq!(ran.status.code(), Some(1), "{}", both(&ran));
    both(&ran)
}

#[test]
fn a_checkpoint_is_stamped_kept_and_handed_over() {
    let (world, authority) = (World::new(), Authority::new(365));
    let evidence = world.folder.path().join("evidence");
    put(&evidence, "a.txt", b"one");
    world.take_in(&evidence, "Navy", &[]);
    let status = world.fine(&["ledger", "status"]);
    assert!(
        status.contains("no time stamp authority is configured"),
        "{status}"
    );
    let nobody = world.run(&["stamp", "now"]);
    assert_eq!(nobody.status.code(), Some(2), "{}", both(&nobody));

    add(&world, "tests", &authority, &["--qualified"]);
    let size = world.json(&["ledger", "status"])["size"].as_u64().unwrap();
    let said = world.json(&["stamp", "now"]);
    assert_eq!(said[0]["outcome"], "stamped");
    assert_eq!(said[0]["according_to"], "CN=Authority,O=Tests");
    assert_eq!(said[0]["not_got"], Value::Array(Vec::new()));
    // A stamp is no event: the log is as it was, and a second one of the same checkpoint is not taken.
    assert_eq!(
        world.json(&["ledger", "status"])["size"].as_u64(),
        Some(size)
    );
    assert_eq!(world.json(&["stamp", "now"])[0]["outcome"], "there");
    let status = world.json(&["ledger", "status"]);
    assert_eq!(status["stamps"][0]["size"].as_u64(), Some(size));
    assert_eq!(status["stamps"][0]["failed"], Value::Null);
    judged(&series(&world), 1);
    world.fine(&["verify", "--full"]);
    world.fine(&["rebuild", "--check"]);

    world.fine(&[
        "disclose",
        "--case",
        "C0001",
        "--purpose",
        "trial",
        "-o",
        "package",
    ]);
    let carried = world.folder.path().join("package/comity/stamps/tests");
    judged(&carried, 1);
    let receipt = world.fine(&["receipt", "UKR-000001", "-o", "receipt"]);
    assert!(
        world
            .folder
            .path()
            .join("receipt/stamps/tests/consistency")
            .exists(),
        "{receipt}"
    );

    // A backup has them.
    world.fine(&["backup", "copy"]);
    let copied = world.folder.path().join("copy/centre/ledger/stamp");
    let folder = series(&world);
    let below = folder.strip_prefix(world.dir.join("ledger/stamp")).unwrap();
    judged(&copied.join(below), 1);

    // Removed, it is asked no longer; what it stamped stays, also for tables made anew.
    world.fine(&["stamp", "authority", "remove", "tests"]);
    world.fine(&["rebuild"]);
    assert_eq!(
        world.json(&["stamp", "authority", "list"]),
        Value::Array(Vec::new())
    );
    assert!(
        world
            .fine(&["ledger", "status"])
            .contains("(asked no longer)")
    );
    add(&world, "tests", &authority, &[]);
    world.fine(&["rebuild", "--check"]);
    assert_eq!(
        world.json(&["stamp", "authority", "list"])[0]["qualified"],
        false
    );
}

#[test]
fn what_fails_is_told_and_tried_again() {
    let (world, authority) = (World::new(), Authority::new(365));
    add(&world, "tests", &authority, &[]);
    authority
        .failing
        .store(1, std::sync::atomic::Ordering::SeqCst);
    let ran = world.run(&["stamp", "now"]);
    assert_eq!(ran.status.code(), Some(1), "{}", both(&ran));
    assert!(both(&ran).contains("NOT stamped"), "{}", both(&ran));
    let status = world.fine(&["ledger", "status"]);
    assert!(
        status.contains("nothing yet; FAILED") && status.contains("did not answer"),
        "{status}"
    );
    // On a schedule it is asked again by itself.
    authority
        .failing
        .store(1, std::sync::atomic::Ordering::SeqCst);
    let said = world.fine(&["stamp", "--scheduled"]);
    assert!(
        said.contains("NOT stamped") && said.contains("existed before"),
        "{said}"
    );
    assert!(!world.fine(&["ledger", "status"]).contains("FAILED"));
    assert!(
        world
            .fine(&["stamp", "--scheduled"])
            .contains("Nothing is due")
    );
}

#[test]
fn an_answer_that_does_not_hold_is_not_kept() {
    let (world, authority, other) = (World::new(), Authority::new(365), Authority::new(365));
    // The address of one and the root of another, which has the same name.
    let file = other.file("ca.pem");
    world.fine(&[
        "stamp",
        "authority",
        "add",
        "tests",
        "--url",
        &authority.url,
        "--certificates",
        file.to_str().unwrap(),
    ]);
    let ran = world.run(&["stamp", "now"]);
    assert_eq!(ran.status.code(), Some(1), "{}", both(&ran));
    assert!(
        both(&ran).contains("no chain leads from the certificate of CN=Authority"),
        "{}",
        both(&ran)
    );
    assert!(!world.dir.join("ledger/stamp").exists());
}

#[test]
fn a_stamp_is_renewed_before_its_certificate_ends() {
    let (world, authority) = (World::new(), Authority::new(30));
    add(&world, "tests", &authority, &[]);
    world.fine(&["stamp", "now"]);
    let said = world.json(&["stamp", "--scheduled"]);
    assert_eq!(
        (&said[0]["number"], &said[0]["outcome"]),
        (&1.into(), &"stamped".into()),
        "{said}"
    );
    judged(&series(&world), 2);
    world.fine(&["verify"]);
    // Another hash function is a reason too.
    let (world, authority) = (World::new(), Authority::new(365));
    add(&world, "tests", &authority, &[]);
    world.fine(&["stamp", "now"]);
    assert!(
        world
            .fine(&["stamp", "--scheduled"])
            .contains("Nothing is due")
    );
    add(&world, "tests", &authority, &["--hash", "sha512"]);
    let said = world.json(&["stamp", "--scheduled"]);
    assert_eq!(said[0]["number"], 1, "{said}");
    judged(&series(&world), 2);
    world.fine(&["verify"]);
}

#[test]
fn damage_of_what_is_kept_is_found_and_named() {
    let (world, authority) = (World::new(), Authority::new(30));
    add(&world, "tests", &authority, &[]);
    world.fine(&["stamp", "now"]);
    world.fine(&["stamp", "--scheduled"]);
    let folder = series(&world);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    files.sort();
    assert_eq!(files.len(), 9);
    for (place, path) in files.iter().enumerate() {
        let name = path.file_name().unwrap().to_str().unwrap();
        let (other, bytes) = (&files[(place + 1) % files.len()], fs::read(path).unwrap());
        let others = fs::read(other).unwrap();
        let mut flipped = bytes.clone();
        flipped[bytes.len() / 2] ^= 1;
        for damaged in [
            None,
            Some(bytes[..bytes.len() / 2].to_vec()),
            Some(flipped),
            Some(others.clone()),
        ] {
            let swap = damaged.as_ref() == Some(&others);
            match &damaged {
                None => fs::remove_file(path).unwrap(),
                Some(damaged) => fs::write(path, damaged).unwrap(),
            }
            if swap {
                fs::write(other, &bytes).unwrap();
            }
            if damaged.is_none() && name == "001.tsr" {
                // Nothing tells it from a run that was interrupted; the stamp itself is whole.
                let said = both(&world.run(&["verify"]));
                assert!(
                    said.contains("a token was being taken and is not there"),
                    "{said}"
                );
                fs::write(path, &bytes).unwrap();
                continue;
            }
            let said = findings(&world);
            // Of two that changed places, one may keep the other from being read.
            let other_name = other.file_name().unwrap().to_str().unwrap();
            let is_named = said.contains("ledger/stamp/")
                && (said.contains(name) || swap && said.contains(other_name));
            assert!(is_named, "{name}: {said}");
            fs::write(path, &bytes).unwrap();
            fs::write(other, &others).unwrap();
        }
    }
    world.fine(&["verify"]);
    put(&folder, "notes.txt", b"x");
    assert!(findings(&world).contains("has no place in a series"));
}

/// The list of this authority never changes; what its responder says does.
#[test]
fn a_responders_answer_is_kept_and_stops_a_revoked_authority() {
    let authority = Authority::new(365);
    let world = World::new();
    add(&world, "a", &authority, &[]);
    world.fine(&["stamp", "now"]);
    let folder = series(&world);
    let kept = fs::read_to_string(folder.join("000.crl")).unwrap();
    assert!(kept.contains("BEGIN X509 CRL"), "{kept}");
    let (_, answer) = kept.split_once("-----BEGIN OCSP RESPONSE-----\n").unwrap();
    let (answer, _) = answer.split_once("-----END").unwrap();
    // By hand, as the document says.
    let place = authority.file("ca.pem").parent().unwrap().to_owned();
    fs::write(place.join("kept"), answer).unwrap();
    openssl(&place, &["base64", "-d", "-in", "kept", "-out", "kept.der"]);
    let words = "ocsp -respin kept.der -issuer ca.pem -cert tsa.pem -CAfile ca.pem -no_nonce";
    let said = openssl(&place, &words.split(' ').collect::<Vec<_>>());
    assert!(said.contains("tsa.pem: good"), "{said}");

    let revoked = b"R\t450101000000Z\t200101000000Z\t07\tunknown\t/O=Tests/CN=Authority\n";
    fs::write(place.join("index.txt"), revoked).unwrap();
    world.fine(&["case", "new", "Another"]);
    let ran = world.run(&["stamp", "now"]);
    let said = both(&ran);
    assert_eq!(ran.status.code(), Some(1), "{said}");
    assert!(
        said.contains("was revoked before the time of the token"),
        "{said}"
    );
}
