//! What the program says: refusals, names with control characters, JSON, and no secret.

use std::fs;

use serde_json::Value;

use crate::world::{FOUNDER, PASSPHRASE, World, bare, both, put};

#[test]
fn used_wrongly_it_refuses_with_2_and_says_what_to_do() {
    let world = World::new();
    let usb = put(&world.folder.path().join("usb"), "a", b"a");
    let dir = world.dir.to_str().unwrap();
    let nowhere = world.folder.path().join("nowhere");
    let intake = [
        "intake",
        usb.to_str().unwrap(),
        "--member",
        "UKR",
        "--case",
        "C0001",
        "--source",
        "s",
    ];
    let full = [dir, "--name", "N", "--member", "UKR=U"];
    type Row<'a> = (&'a str, Vec<&'a str>, Vec<(&'a str, &'a str)>, i32, &'a str);
    let table: Vec<Row<'_>> = vec![
        (
            "no actor",
            intake.to_vec(),
            vec![("COMITY_ACTOR", "")],
            2,
            "--actor",
        ),
        (
            "an unknown actor",
            intake.to_vec(),
            vec![("COMITY_ACTOR", "UKR-P0099")],
            2,
            "person list",
        ),
        (
            "no actor for a case",
            vec!["case", "new", "X"],
            vec![("COMITY_ACTOR", "")],
            2,
            "--actor",
        ),
        (
            "no actor to open an item",
            vec!["item", "get", "UKR-000001-0000001", "--purpose", "p"],
            vec![("COMITY_ACTOR", "")],
            2,
            "--actor",
        ),
        (
            "no centre there",
            vec!["case", "list"],
            vec![("COMITY_CENTRE", nowhere.to_str().unwrap())],
            2,
            "comity init",
        ),
        (
            "a wrong passphrase",
            vec!["case", "list"],
            vec![("COMITY_PASSPHRASE", "wrong")],
            2,
            "passphrase",
        ),
        (
            "a wrong passphrase to verify",
            vec!["verify"],
            vec![("COMITY_PASSPHRASE", "wrong")],
            2,
            "passphrase",
        ),
        (
            "a folder with a centre",
            [&["init"], &full[..]].concat(),
            vec![],
            2,
            "not empty",
        ),
        (
            "an empty passphrase",
            vec![
                "init",
                nowhere.to_str().unwrap(),
                "--name",
                "N",
                "--member",
                "UKR=U",
            ],
            vec![("COMITY_PASSPHRASE", "")],
            2,
            "passphrase",
        ),
        (
            "an unknown verb",
            vec!["frobnicate"],
            vec![],
            2,
            "frobnicate",
        ),
        (
            "an unknown case",
            vec![
                "intake",
                usb.to_str().unwrap(),
                "--member",
                "UKR",
                "--case",
                "C0077",
                "--source",
                "s",
            ],
            vec![],
            2,
            "C0077",
        ),
        (
            "a time that is none",
            vec![
                "intake",
                usb.to_str().unwrap(),
                "--member",
                "UKR",
                "--case",
                "The harbour",
                "--source",
                "s",
                "--collected-at",
                "yesterday",
            ],
            vec![],
            2,
            "--collected-at: \"yesterday\"",
        ),
        (
            "no such item",
            vec!["item", "show", "UKR-000009-0000001"],
            vec![],
            2,
            "item list",
        ),
    ];
    let before = world.json(&["ledger", "status"])["size"].clone();
    for (what, words, env, code, part) in table {
        let ran = world
            .comity(&words)
            .envs(env.iter().copied())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(code), "{what}: {}", both(&ran));
        assert!(said.contains(part), "{what}: {said}");
        assert!(!said.contains("panicked"), "{what}: {said}");
        // The same in JSON, for programs; a command that could not be read is told in words.
        if what != "an unknown verb" {
            let ran = world
                .comity(&[&["--json"], &words[..]].concat())
                .envs(env.iter().copied())
                .output()
                .unwrap();
            let answer: Value = serde_json::from_slice(&ran.stdout)
                .unwrap_or_else(|e| panic!("{what}: {e}: {}", both(&ran)));
            assert!(answer["error"].is_string(), "{what}");
        }
    }
    assert_eq!(world.json(&["ledger", "status"])["size"], before);
    let ran = bare(&["case", "list"]).output().unwrap();
    assert_eq!(ran.status.code(), Some(2), "{}", both(&ran));
    let ran = bare(&["--centre", dir, "case", "list"]).output().unwrap();
    assert_eq!(
        ran.status.code(),
        Some(2),
        "no passphrase and no terminal: {}",
        both(&ran)
    );
}

#[test]
fn control_characters_in_names_do_not_reach_the_terminal() {
    let world = World::new();
    let usb = world.folder.path().join("usb");
    put(&usb, "red\u{1b}[31m\rname\n\u{202e}txt", b"x");
    world.fine(&["case", "new", "case\u{1b}[2J\u{7}name"]);
    world.fine(&[
        "person",
        "add",
        "--member",
        "LTU",
        "Name\u{1b}]0;title\u{7}",
    ]);
    let intake = [
        "intake",
        usb.to_str().unwrap(),
        "--member",
        "UKR",
        "--case",
        "C0001",
        "--source",
        "s\u{1b}[1m",
    ];
    world.fine(&intake);
    let missing = format!("{}/\u{1b}[31m", usb.display());
    let mut said = Vec::new();
    let commands: [&[&str]; 8] = [
        &["item", "list"],
        &["item", "show", "UKR-000001-0000001"],
        &["item", "history", "UKR-000001-0000001"],
        &["case", "list"],
        &["person", "list"],
        &[
            "intake", &missing, "--member", "UKR", "--case", "C0001", "--source", "s",
        ],
        &["case", "new", "case\u{1b}[2J\u{7}name"],
        &["item", "list", "--path", "\u{1b}[31m["],
    ];
    for words in commands {
        let ran = world.run(words);
        said.push((words, [ran.stdout, ran.stderr].concat()));
    }
    for (words, bytes) in said {
        let text = String::from_utf8(bytes).unwrap();
        let raw = text
            .chars()
            .find(|c| (c.is_control() && *c != '\n') || ('\u{202a}'..='\u{202e}').contains(c));
        assert_eq!(raw, None, "{words:?}: {text:?}");
    }
    // In a list a name takes one line.
    assert_eq!(world.fine(&["item", "list"]).lines().count(), 1);
}

#[test]
fn every_answer_in_json_parses() {
    let world = World::new();
    let usb = world.folder.path().join("usb");
    put(&usb, "a.txt", b"some text");
    put(&usb, "b.txt", b"more text");
    let usb = usb.to_str().unwrap();
    let intake = world.json(&[
        "intake",
        usb,
        "--member",
        "UKR",
        "--case",
        "The harbour",
        "--source",
        "s",
    ]);
    assert_eq!(
        (
            intake["intake"].as_str(),
            intake["states"]["sealed"].as_u64()
        ),
        (Some("UKR-000001"), Some(2))
    );
    let person = world.json(&["person", "add", "--member", "LTU", "Second"]);
    assert_eq!(person["person"], "LTU-P0001");
    assert_eq!(world.json(&["case", "new", "Another"])["case"], "C0002");
    assert_eq!(world.json(&["case", "list"]).as_array().unwrap().len(), 2);
    assert_eq!(world.json(&["member", "list"]).as_array().unwrap().len(), 2);
    assert_eq!(world.json(&["person", "list"]).as_array().unwrap().len(), 2);
    let ern = "UKR-000001-0000001";
    assert!(
        world
            .json(&["item", "show", ern])
            .to_string()
            .contains("usb/a.txt")
    );
    assert!(
        world
            .json(&["item", "history", ern])
            .to_string()
            .contains("received")
    );
    let status = world.json(&["ledger", "status"]);
    assert!(status["size"].as_u64().unwrap() > 8);
    for words in [
        &["ledger", "checkpoint"][..],
        &["ledger", "proof", ern],
        &["ledger", "proof", "--leaf", "0"],
    ] {
        let text = world.fine(words);
        assert_eq!(world.json(words)["text"], text, "{words:?}");
    }
    let proof = world.folder.path().join("proof");
    let written = world.json(&["ledger", "proof", ern, "-o", proof.to_str().unwrap()]);
    assert_eq!(written["file"].as_str(), proof.to_str());
    assert_eq!(world.json(&["verify"])["findings"], serde_json::json!([]));
    assert_eq!(
        world.json(&["verify", "--sealed"])["findings"],
        serde_json::json!([])
    );
    assert_eq!(world.json(&["verify", "--full"])["items_read"], 2);
    assert_eq!(world.json(&["rebuild", "--check"])["same"], true);
    assert!(world.json(&["rebuild"])["events"].as_u64().unwrap() > 8);
    assert_eq!(world.listing().len(), 2);
    assert_eq!(
        world
            .fine(&["--json", "item", "list", "--path", "**/b.txt"])
            .lines()
            .count(),
        1
    );
    let new = world.folder.path().join("made");
    let made = world.json(&[
        "init",
        new.to_str().unwrap(),
        "--name",
        "New",
        "--member",
        "POL=Poland",
    ]);
    assert!(made["fingerprint"].is_string() && made["vkeys"].as_array().unwrap().len() == 2);
    assert!(made["origin"].as_str().unwrap().starts_with("comity/new/"));
    assert!(new.join("keys").exists());
}

#[test]
fn each_thing_wrong_with_a_bag_has_a_line_of_its_own() {
    let world = World::new();
    let bag = world.folder.path().join("bag");
    put(&bag, "data/a.txt", b"some text");
    put(&bag, "data/b\u{1b}[2J.txt", b"more text");
    put(
        &bag,
        "bagit.txt",
        b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n",
    );
    put(
        &bag,
        "manifest-sha256.txt",
        format!("{}  data/a.txt\n", "0".repeat(64)).as_bytes(),
    );
    let words = [
        "intake",
        "--bag",
        bag.to_str().unwrap(),
        "--member",
        "UKR",
        "--case",
        "C0001",
        "--source",
        "s",
    ];
    let ran = world.run(&words);
    assert_eq!(ran.status.code(), Some(1), "{}", both(&ran));
    let said = String::from_utf8(ran.stderr).unwrap();
    let lines: Vec<&str> = said.lines().collect();
    assert!(
        lines[0].contains("is not valid, and nothing of it was taken in"),
        "{said}"
    );
    assert!(
        lines.len() == 2 && lines[1].starts_with("  data/b\\u{1b}[2J.txt: "),
        "{said}"
    );
    assert!(world.listing().is_empty());

    fs::remove_file(bag.join("data/b\u{1b}[2J.txt")).unwrap();
    let ran = world.run(&[&["--json"], &words[..]].concat());
    let said: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(said["findings"][0]["place"], "data/a.txt", "{said}");
}

#[test]
fn a_short_passphrase_is_remarked_on_and_a_long_one_is_not() {
    let world = World::new();
    for (name, passphrase, short) in [
        ("a", "three little words", true),
        ("b", "three little words and three more", false),
    ] {
        let made = world.folder.path().join(name);
        let words = [
            "init",
            made.to_str().unwrap(),
            "--name",
            "N",
            "--member",
            "UKR=U",
        ];
        let ran = world
            .comity(&words)
            .env("COMITY_PASSPHRASE", passphrase)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", both(&ran));
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(said.contains("this passphrase is short"), short, "{said}");
    }
}

#[test]
fn what_needs_attention_is_told_with_the_command_that_lists_it() {
    let world = World::new();
    let usb = world.folder.path().join("usb");
    put(&usb, "a.txt", b"some text");
    let fifo = usb.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&fifo).status();
    assert!(made.unwrap().success());
    let said = world.take_in(&usb, "s", &[]);
    assert!(said.contains("1 item needs attention"), "{said}");
    let line = said.lines().find(|l| l.contains("--state")).unwrap();
    let words: Vec<&str> = line.split_whitespace().skip(1).collect();
    let listed = world.fine(&words);
    assert!(
        listed.contains("usb/pipe") && listed.lines().count() == 1,
        "{listed}"
    );
}

#[test]
fn an_item_comes_back_exactly_and_its_opening_is_on_record() {
    let world = World::new();
    let usb = world.folder.path().join("usb");
    let bytes: Vec<u8> = (0..5_000_000u32).map(|n| (n % 251) as u8).collect();
    put(&usb, "a.bin", &bytes);
    world.take_in(&usb, "s", &[]);
    let ern = "UKR-000001-0000001";
    let out = world.folder.path().join("out.bin");
    world.fine(&[
        "item",
        "get",
        ern,
        "--purpose",
        "reading",
        "-o",
        out.to_str().unwrap(),
    ]);
    assert_eq!(fs::read(&out).unwrap(), bytes);
    // What is there is not written over.
    let ran = world.run(&[
        "item",
        "get",
        ern,
        "--purpose",
        "reading",
        "-o",
        out.to_str().unwrap(),
    ]);
    assert_ne!(ran.status.code(), Some(0));
    assert_eq!(fs::read(&out).unwrap(), bytes);
    let ran = world.run(&[
        "item",
        "get",
        ern,
        "--purpose",
        "reading",
        "--range",
        "100:50",
    ]);
    assert_eq!(ran.stdout, bytes[100..150]);
    let ran = world.run(&[
        "item",
        "get",
        ern,
        "--purpose",
        "reading",
        "--range",
        "4999999:2",
    ]);
    assert_eq!((ran.status.code(), ran.stdout.len()), (Some(2), 0));
    let history = world.fine(&["item", "history", ern]);
    assert_eq!(history.matches("reading").count(), 1, "{history}");
    // A reader that goes away after the first bytes does not undo the record.
    let before = world.json(&["ledger", "status"])["size"].as_u64();
    let mut child = world
        .comity(&[
            "item",
            "get",
            ern,
            "--purpose",
            "cut off",
            "--range",
            "0:5000000",
        ])
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    child.wait().unwrap();
    assert_eq!(
        world.json(&["ledger", "status"])["size"].as_u64(),
        before.map(|n| n + 1)
    );
}

#[test]
fn neither_output_nor_the_centre_shows_passphrase_or_evidence() {
    let world = World::new();
    let usb = world.folder.path().join("usb");
    let sentence = "The convoy left the harbour at four in the morning without lights.";
    put(&usb, "night-watch-4471.txt", sentence.as_bytes());
    let mut said = Vec::new();
    for words in [
        &[
            "intake",
            usb.to_str().unwrap(),
            "--member",
            "UKR",
            "--case",
            "C0001",
            "--source",
            "stick of the harbour master",
        ][..],
        &["verify", "--full"],
        &["rebuild"],
        &["ledger", "status"],
        &["ledger", "checkpoint"],
        &[
            "item",
            "get",
            "UKR-000001-0000001",
            "--purpose",
            "p",
            "-o",
            usb.join("out").to_str().unwrap(),
        ],
    ] {
        let ran = world.run(words);
        assert!(ran.status.success(), "{}", both(&ran));
        said.extend([ran.stdout, ran.stderr].concat());
    }
    let said = String::from_utf8(said).unwrap();
    for secret in [PASSPHRASE, sentence] {
        assert!(!said.contains(secret), "{said}");
    }
    let mut folders = vec![world.dir.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            for secret in [
                PASSPHRASE,
                sentence,
                "night-watch-4471",
                FOUNDER,
                "harbour master",
            ] {
                assert!(
                    !bytes.windows(secret.len()).any(|w| w == secret.as_bytes()),
                    "{} shows {secret}",
                    path.display()
                );
            }
        }
    }
}

#[test]
fn an_item_is_shown_in_lines_that_a_person_reads() {
    let world = World::new();
    let usb = world.folder.path().join("usb");
    put(&usb, "chat.txt", b"chat");
    let provenance = put(
        world.folder.path(),
        "provenance.csv",
        "path,tool,Weather\u{1b}[2J,Note\nusb/**,Extractor 4,\"rain\r\nand wind\",\n".as_bytes(),
    );
    world.take_in(
        &usb,
        "stick",
        &["--provenance", provenance.to_str().unwrap(), "--no-receipt"],
    );
    let shown = world.fine(&["item", "show", "UKR-000001-0000001"]);
    assert!(!shown.contains(['"', '\u{1b}', '\r']), "{shown}");
    let lines: Vec<&str> = shown.lines().collect();
    let at = lines.iter().position(|l| *l == "provenance").unwrap();
    assert!(
        lines[at + 1..]
            .iter()
            .any(|l| l.starts_with("  ") && l.contains("Extractor 4")),
        "{shown}"
    );
    assert!(shown.contains(r"rain\r\nand wind"), "{shown}");
    assert!(lines.contains(&"file"), "{shown}");
    assert!(lines.iter().any(|l| l.starts_with("  mtime")), "{shown}");
}
