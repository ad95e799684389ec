//! `comity search` as people and programs use it.

use crate::kill::SIGKILL;
use crate::world::{World, both, put};
use std::os::unix::process::ExitStatusExt;

fn filled() -> World {
    let world = World::new();
    let usb = world.folder.path().join("usb");
    put(&usb, "Наказ_Зеленського.txt", b"one");
    put(&usb, "order\u{1b}[2J 17.pdf", b"two");
    put(&usb, "=cmd.csv", b"three");
    world.take_in(&usb, "stick", &[]);
    world
}

fn search<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [&["search", "--purpose", "a test"], words].concat()
}

#[test]
fn a_search_shows_hits_how_they_matched_and_how_complete_it_is() {
    let world = filled();
    let said = world.fine(&search(&["Zelensky"]));
    for part in [
        "1 hit for Zelensky",
        "UKR-000001-0000003  sealed  usb/Наказ_Зеленського.txt",
        "path: usb/Наказ_⟦Зеленського⟧.txt  (matched by transliteration)",
        "Looked at 3 items: 0 read.",
        "Of 3 items, name and record alone (not read yet 3); NOT (state:read OR",
        "On record: leaf ",
    ] {
        assert!(said.contains(part), "{part:?} is not in:\n{said}");
    }
    // What strangers wrote moves no cursor.
    let said = world.fine(&search(&["order"]));
    assert!(
        said.contains("17.pdf") && !said.contains('\u{1b}'),
        "{said}"
    );
    let said = world.fine(&search(&["ordre"]));
    let meant = "Nothing has “ordre”. Did you mean order (1 item)?";
    assert!(said.contains(meant), "{said}");
    let answer = world.json(&search(&["ord*"]));
    assert_eq!(answer["words"], serde_json::json!([["order", 1]]));
    let answer = world.json(&search(&["source:stick", "--limit", "2", "--sort", "ern"]));
    assert_eq!(answer["found"], 3);
    assert_eq!(answer["hits"].as_array().unwrap().len(), 2);
    assert_eq!(
        answer["facets"]["state"],
        serde_json::json!([["sealed", 3]])
    );
    let last = answer["hits"][1]["ern"].as_str().unwrap();
    let answer = world.json(&search(&["source:stick", "--sort", "ern", "--after", last]));
    assert_eq!(answer["hits"].as_array().unwrap().len(), 1);
    let history = world.json(&["ledger", "status"]);
    assert!(history.is_object());
}

#[test]
fn all_hits_are_exported_and_a_list_of_terms_is_answered_one_by_one() {
    let world = filled();
    let file = |name: &str| world.folder.path().join(name).to_str().unwrap().to_owned();
    let (table, numbers, terms) = (file("all.csv"), file("all.ern"), file("terms.txt"));
    let export = ["source:stick", "--limit", "1", "--sort", "ern", "--export"];
    world.fine(&search(&[&export[..], &[&table]].concat()));
    let text = std::fs::read_to_string(&table).unwrap();
    assert_eq!(text.lines().count(), 4);
    world.fine(&search(&[&export[..], &[&numbers]].concat()));
    let text = std::fs::read_to_string(&numbers).unwrap();
    assert_eq!(
        text,
        "UKR-000001-0000001\nUKR-000001-0000002\nUKR-000001-0000003\n"
    );
    let ran = world.run(&search(&[&export[..], &[&table]].concat()));
    assert_eq!(ran.status.code(), Some(2), "{}", both(&ran));

    std::fs::write(&terms, "Zelensky\n\norder OR cmd\nnothing\n").unwrap();
    let answer = world.json(&search(&["--terms", &terms]));
    let found: Vec<_> = answer["answers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|a| a["found"].as_u64().unwrap())
        .collect();
    assert_eq!(found, [1, 2, 0]);
}

#[test]
fn a_search_that_cannot_be_honoured_is_refused_and_not_recorded() {
    let world = filled();
    let size = || world.json(&["ledger", "status"])["size"].clone();
    world.fine(&search(&["order"]));
    let before = size();
    for (words, why) in [
        (&["(order"][..], "is opened and not closed"),
        (&["date:yesterday"][..], "is no date"),
        (&["order", "--filter", "cmd"][..], "is no filter"),
        (
            &["order", "--after", "UKR-000001-0000009"][..],
            "is not among the hits",
        ),
        (&["order", "--export", "x.pdf"][..], ".csv or .ern"),
    ] {
        let ran = world.run(&search(words));
        assert_eq!(ran.status.code(), Some(2), "{words:?}: {}", both(&ran));
        assert!(both(&ran).contains(why), "{words:?}: {}", both(&ran));
    }
    let ran = world.run(&["search", "order", "--purpose", " "]);
    assert_eq!(ran.status.code(), Some(2), "{}", both(&ran));
    // The fourth was a search like any other, whose page was not there.
    let after = size().as_u64().unwrap() - before.as_u64().unwrap();
    assert!(after <= 1, "{after}");
}

/// Killed before any durable call while the index is made, the next search gives the same answer.
#[test]
fn killed_anywhere_the_next_search_answers_the_same() {
    let template = filled();
    let hits = |world: &World| {
        let answer = world.json(&search(&["source:stick", "--sort", "ern"]));
        (
            answer["found"].clone(),
            answer["hits"].clone(),
            answer["facets"].clone(),
        )
    };
    let reference = template.copy("reference");
    let count = reference.folder.path().join("count");
    let words = search(&["source:stick"]);
    let ran = reference
        .comity(&words)
        .env("COMITY_FAULT", format!("count:{}", count.display()))
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", both(&ran));
    let calls: usize = std::fs::read_to_string(&count)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert!(calls > 20, "{calls}");
    let right = hits(&reference);
    assert_eq!(right.0, 3);
    let mut killed = 0;
    for n in (1..=calls).step_by(3) {
        let world = template.copy("killed");
        let ran = world
            .comity(&words)
            .env("COMITY_FAULT", format!("kill@{n}"))
            .output()
            .unwrap();
        killed += usize::from(ran.status.signal() == Some(SIGKILL));
        assert_eq!(hits(&world), right, "killed before call {n} of {calls}");
        if n % 16 == 1 {
            let ran = world.run(&["verify", "--full"]);
            assert!(ran.status.success(), "{n}: {}", both(&ran));
        }
    }
    assert!(3 * killed + 12 > calls, "{killed} of {calls}");
}
