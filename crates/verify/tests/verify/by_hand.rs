//! The chapter 'Check it by hand' of docs/format/disclosure.md, run on a real package with bash,
//! jq, openssl and the small programs of any Debian.

use std::path::Path;
use std::process::Command;

use crate::world::*;

const DOCUMENT: &str = include_str!("../../../../docs/format/disclosure.md");

/// The commands of the chapter, in order.
fn commands() -> String {
    let chapter = DOCUMENT.split("## Check it by hand").nth(1).unwrap();
    let blocks: Vec<&str> = chapter
        .split("```bash\n")
        .skip(1)
        .map(|block| block.split("```").next().unwrap())
        .collect();
    assert!(blocks.len() >= 10);
    blocks.concat()
}

fn run(folder: &Path) -> (bool, String) {
    let output = Command::new("bash")
        .args(["-c", &commands()])
        .current_dir(folder)
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

#[test]
fn the_commands_check_a_package() {
    let root = tempfile::tempdir().unwrap();
    let made = made(root.path());
    let (fine, text) = run(&made.folder);
    assert!(fine, "{text}");
    for words in [
        "holds: list of files",
        "holds: body commitment",
        "holds: registration number",
        "holds: digest of the exhibit",
        "holds: place of event 1",
        "holds: last event",
        "holds: leaf in its tile",
        "holds: tile 0/0 in the tile above",
        "holds: root of the tree",
        "Signature Verified Successfully",
        "holds: digest of the package",
        "holds: the act in the tree of B",
        "source: Поліція",
    ] {
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }
    let fingerprint = made.centre.log.signer.keys().fingerprint().to_string();
    assert!(
        text.contains(&format!("fingerprint: {fingerprint}")),
        "{text}"
    );
}

#[test]
fn and_they_stop_at_what_does_not_hold() {
    type Change = (fn(&Made), &'static str);
    let changes: &[Change] = &[
        (
            |made| write(&made.folder, "data/UKR-000123-0000001.txt", b"other"),
            "digest of the exhibit",
        ),
        (
            |made| write(&made.folder, "comity/format/disclosure.md", b"more"),
            "digest of the package",
        ),
        (
            |made| edit(made, "comity/events.jsonl", "\"translation\"", "\"trial\""),
            "body of event 1",
        ),
        (
            |made| edit(made, "comity/events.jsonl", "\"index\":5", "\"index\":6"),
            "leaf in its tile",
        ),
    ];
    for (change, words) in changes {
        let root = tempfile::tempdir().unwrap();
        let made = made_after(root.path(), 5);
        change(&made);
        seal_bag(&made.folder);
        let (fine, text) = run(&made.folder);
        assert!(
            !fine && text.contains(&format!("WRONG: {words}")),
            "{words}: {text}"
        );
    }
    // Where the manifests were not made anew, they stop it.
    let root = tempfile::tempdir().unwrap();
    let made = made_after(root.path(), 5);
    write(&made.folder, "comity/format/disclosure.md", b"changed");
    let (fine, text) = run(&made.folder);
    assert!(
        !fine && text.contains("comity/format/disclosure.md: FAILED"),
        "{text}"
    );
    assert!(!text.contains("holds"), "{text}");
}

fn edit(made: &Made, name: &str, from: &str, to: &str) {
    let text = std::fs::read_to_string(made.folder.join(name)).unwrap();
    assert!(text.contains(from));
    write(&made.folder, name, text.replacen(from, to, 1).as_bytes());
}
