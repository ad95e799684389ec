//! Packages that are encrypted to recipients, opened by Debian's `age`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use comity_core::package::{Beside, PackageOptions, Recording, check_package};

use crate::world::{World, both, leftovers, put};
use crate::zipped::Zipped;

fn run(program: &str, words: &[&str], folder: &Path) -> String {
    let ran = Command::new(program)
        .args(words)
        .current_dir(folder)
        .output()
        .unwrap_or_else(|e| panic!("{program}, which scripts/setup installs: {e}"));
    assert!(ran.status.success(), "{program} {words:?}: {}", both(&ran));
    String::from_utf8(ran.stdout).unwrap()
}

/// A centre with a known sentence in it.
fn world() -> World {
    let world = World::new();
    let evidence = world.folder.path().join("evidence");
    put(&evidence, "a.txt", b"the ship left at dawn");
    put(&evidence, "b.bin", &vec![7; 300_000]);
    world.take_in(&evidence, "Navy", &[]);
    world
}

fn disclose<'a>(more: &[&'a str]) -> Vec<&'a str> {
    let words = [
        "disclose",
        "--case",
        "C0001",
        "--purpose",
        "trial",
        "-o",
        "court.zip.age",
    ];
    [&words, more].concat()
}

/// The package verifies, with the files beside it.
fn verified(zip: &Path) {
    let beside = |ending: &str| fs::read(zip.with_file_name(format!("court{ending}"))).ok();
    let source = Zipped::open(fs::File::open(zip).unwrap()).unwrap();
    let options = PackageOptions {
        beside: Beside {
            proof: beside(".disclosure.tlog-proof"),
            consistency: beside(".consistency"),
        },
        threads: 1,
        ..PackageOptions::default()
    };
    let report = check_package(&source, &options);
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert!(matches!(report.recording, Some(Recording::Recorded { .. })));
    assert_eq!((report.files, report.exhibits), (2, 2));
}

struct Keys {
    age: PathBuf,
    recipient: String,
}

fn keys(folder: &Path) -> Keys {
    run("age-keygen", &["-o", "court.key"], folder);
    run(
        "ssh-keygen",
        &[
            "-q",
            "-t",
            "ed25519",
            "-N",
            "",
            "-C",
            "judge",
            "-f",
            "court_ed25519",
        ],
        folder,
    );
    run(
        "ssh-keygen",
        &[
            "-q",
            "-t",
            "rsa",
            "-b",
            "2048",
            "-N",
            "",
            "-C",
            "clerk",
            "-f",
            "court_rsa",
        ],
        folder,
    );
    let recipient = run("age-keygen", &["-y", "court.key"], folder);
    Keys {
        age: folder.join("court.key"),
        recipient: recipient.trim().to_owned(),
    }
}

#[test]
fn each_recipient_opens_it_and_nobody_else() {
    let world = world();
    let folder = world.folder.path();
    let keys = keys(folder);
    let ssh = fs::read_to_string(folder.join("court_ed25519.pub")).unwrap();
    let list = format!(
        "# the registry\n\n{}",
        fs::read_to_string(folder.join("court_rsa.pub")).unwrap()
    );
    put(folder, "registry.txt", list.as_bytes());
    let to = [
        "--to",
        &keys.recipient,
        "--to",
        ssh.trim(),
        "--to",
        "registry.txt",
    ];
    let said = world.json(&disclose(&to));
    assert_eq!(said["recipients"].as_array().unwrap().len(), 3);
    assert_eq!(said["recipients"][0], keys.recipient);
    // The comment of an SSH key is not recorded.
    let recorded = said["recipients"][1].as_str().unwrap();
    assert!(
        ssh.starts_with(recorded) && !recorded.contains("judge"),
        "{recorded}"
    );

    for key in [keys.age.to_str().unwrap(), "court_ed25519", "court_rsa"] {
        run(
            "age",
            &["-d", "-i", key, "-o", "court.zip", "court.zip.age"],
            folder,
        );
        verified(&folder.join("court.zip"));
        run("unzip", &["-tq", "court.zip"], folder);
        fs::remove_file(folder.join("court.zip")).unwrap();
    }
    run("age-keygen", &["-o", "other.key"], folder);
    let other = Command::new("age")
        .args(["-d", "-i", "other.key", "court.zip.age"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(!other.status.success() && other.stdout.is_empty());
    // Nothing of it is left in the clear.
    assert!(leftovers(folder).is_empty(), "{:?}", leftovers(folder));
    let bytes = fs::read(folder.join("court.zip.age")).unwrap();
    let clear = |what: &[u8]| bytes.windows(what.len()).any(|window| window == what);
    assert!(!clear(b"the ship left") && !clear(b"comity/package.json"));
    world.fine(&["verify", "--full"]);
    world.fine(&["rebuild", "--check"]);
}

#[test]
fn what_is_asked_wrongly_is_refused() {
    let world = world();
    let folder = world.folder.path();
    let keys = keys(folder);
    put(folder, "empty.txt", b"# nobody\n");
    let refused = |words: &[&str], expected: &str| {
        let ran = world.run(words);
        assert_eq!(ran.status.code(), Some(2), "{words:?}: {}", both(&ran));
        assert!(both(&ran).contains(expected), "{words:?}: {}", both(&ran));
    };
    refused(&disclose(&[]), "give --to for each recipient");
    refused(&disclose(&["--to", "age1nonsense"]), "is no recipient");
    refused(&disclose(&["--to", "ssh-ed25519 AAAA"]), "is no recipient");
    refused(&disclose(&["--to", "missing.txt"]), "neither a key");
    refused(&disclose(&["--to", "empty.txt"]), "there is no key");
    let plain = [
        "disclose",
        "--case",
        "C0001",
        "--purpose",
        "trial",
        "-o",
        "court.zip",
        "--to",
        &keys.recipient,
    ];
    refused(&plain, "ends in .zip.age");
    assert!(!folder.join("court.zip.age").exists() && !folder.join("court.zip").exists());
}

/// Killed before each durable call in turn: the next start completes it when all was recorded, or says that it was
/// never handed over, and nothing is left in between.
#[test]
fn killed_at_every_call_it_is_whole_or_not_there() {
    let first = world();
    let keys = keys(first.folder.path());
    let key = keys.age.to_str().unwrap();
    let (mut whole, mut never, mut at) = (0, 0, 1);
    loop {
        let world = first.copy("sealed");
        let folder = world.folder.path();
        let ran = world
            .comity(&disclose(&["--to", &keys.recipient]))
            .env("COMITY_FAULT", format!("kill@{at}"))
            .output()
            .unwrap();
        if ran.status.success() {
            break;
        }
        world.fine(&["case", "list"]);
        world.fine(&["verify"]);
        let package = folder.join("court.zip.age");
        if package.exists() {
            whole += 1;
            run(
                "age",
                &["-d", "-i", key, "-o", "court.zip", "court.zip.age"],
                folder,
            );
            verified(&folder.join("court.zip"));
        } else {
            never += 1;
        }
        assert!(
            leftovers(folder).is_empty(),
            "{at}: {:?}",
            leftovers(folder)
        );
        at += 1;
    }
    assert!(whole > 0 && never > 3, "{whole} whole, {never} never");
}
