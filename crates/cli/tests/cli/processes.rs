//! Several processes on one centre take turns.

use std::collections::BTreeSet;
use std::process::Stdio;

use crate::world::{World, both, put};

#[test]
fn intakes_openings_cases_and_checks_run_at_the_same_time() {
    let world = World::new();
    let folder = world.folder.path().to_owned();
    for usb in ["one", "two"] {
        for n in 0..150 {
            put(
                &folder.join(usb),
                &format!("{n}"),
                format!("file {n} of {usb}").as_bytes(),
            );
        }
        for n in 0..7 {
            put(
                &folder.join(usb),
                &format!("large-{n}"),
                &vec![n; (4 << 20) + 1],
            );
        }
    }
    put(
        &folder.join("first"),
        "a.txt",
        b"opened while the others work",
    );
    let path = |name: &str| folder.join(name).to_str().unwrap().to_owned();
    let intake = |name: &str, member: &str| {
        [
            "--json",
            "intake",
            &path(name),
            "--member",
            member,
            "--case",
            "C0001",
            "--source",
            "stick",
        ]
        .map(str::to_owned)
        .to_vec()
    };
    let words =
        |owned: Vec<String>| world.comity(&owned.iter().map(String::as_str).collect::<Vec<_>>());
    assert!(
        words(intake("first", "UKR"))
            .output()
            .unwrap()
            .status
            .success()
    );

    let mut commands: Vec<Vec<String>> = vec![
        intake("one", "UKR"),
        intake("two", "UKR"),
        intake("two", "LTU"),
    ];
    let list = |words: &[&str]| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>();
    for n in 0..4 {
        commands.push(list(&["--json", "case", "new", &format!("Case {n}")]));
        commands.push(list(&[
            "item",
            "get",
            "UKR-000001-0000001",
            "--purpose",
            &format!("purpose {n}"),
            "--range",
            "0:28",
        ]));
        commands.push(list(&["--json", "verify"]));
    }
    let running: Vec<_> = commands
        .iter()
        .map(|c| {
            words(c.clone())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    let mut leaves = Vec::new();
    for (command, child) in commands.iter().zip(running) {
        let ran = child.wait_with_output().unwrap();
        assert!(ran.status.success(), "{command:?}: {}", both(&ran));
        if command.contains(&"get".to_owned()) {
            assert_eq!(ran.stdout, b"opened while the others work");
        } else {
            let answer: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
            leaves.extend(answer.get("leaf").and_then(serde_json::Value::as_u64));
        }
    }
    assert_eq!(leaves.len(), 4);
    assert_eq!(leaves.iter().collect::<BTreeSet<_>>().len(), 4);
    world.fine(&["verify", "--full"]);
    world.fine(&["rebuild", "--check"]);
    let items = world.listing();
    assert_eq!(items.len(), 1 + 3 * 157);
    let erns: BTreeSet<&str> = items.iter().map(|i| i["ern"].as_str().unwrap()).collect();
    assert_eq!(erns.len(), items.len());
    // Each intake has its numbers without a gap.
    for (intake, count) in [
        ("UKR-000001", 1),
        ("UKR-000002", 157),
        ("UKR-000003", 157),
        ("LTU-000001", 157),
    ] {
        for n in 1..=count {
            assert!(
                erns.contains(format!("{intake}-{n:07}").as_str()),
                "{intake} {n}"
            );
        }
    }
    let history = world.json(&["item", "history", "UKR-000001-0000001"]);
    assert_eq!(
        history
            .as_array()
            .map(Vec::len)
            .or_else(|| history["events"].as_array().map(Vec::len)),
        Some(5)
    );
}
