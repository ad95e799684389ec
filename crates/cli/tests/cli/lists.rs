//! `comity names`, `comity files` and `comity item groups`: what people read, line by line.

use std::path::Path;

use crate::world::{World, both, put};

fn reader() -> String {
    comity_rig::extract_worker().to_str().unwrap().to_owned()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Leaves are counted by what was done before: their numbers are not what a transcript holds.
fn said(world: &World, words: &[&str]) -> String {
    let said = world.fine(words);
    let mut out = String::new();
    for line in said.lines() {
        let known = line.find("On record: leaf ").map(|at| &line[..at + 16]);
        out.push_str(known.unwrap_or(line));
        out.push('\n');
    }
    out
}

#[test]
fn a_list_of_names_is_told_in_lines_that_a_person_reads() {
    let world = World::new();
    let usb = world.folder.path().join("usb");
    put(&usb, "a.txt", "Допит Івана Сидоренка.".as_bytes());
    world.take_in(&usb, "stick", &["--no-receipt"]);
    world.fine(&["work", "--no-ocr", "--reader", &reader()]);
    let list = put(
        world.folder.path(),
        "wanted.csv",
        "id,kind,name\nP1,person,Іван Сидоренко\nP2,person,\nV1,Vessel,Aurora\n".as_bytes(),
    );
    let import = ["names", "import", text(&list), "--name", "Wanted"];
    let refused = world.run(&import);
    assert_eq!(refused.status.code(), Some(2));
    let why = both(&refused);
    assert!(
        why.contains("1 lines of") && why.contains("line 3: "),
        "{why}"
    );
    let brought = said(&world, &[&import[..], &["--skip-bad"]].concat());
    let expected = "\
L0001, version 1: 1 record (person 1); the people of UKR alone see what it says.
Left out, for want of a name to be found by: Vessel 1.
Left out, 1 line that cannot be used:
  line 3: it has no name
The next search holds all items against it.
On record: leaf \n";
    assert_eq!(brought, expected);
    let listed = world.fine(&["names", "list"]);
    let listed = listed.trim_end();
    assert_eq!(
        listed,
        "L0001  version 1  UKR  names  not shared  1 record  Wanted"
    );
    let hits = said(&world, &["names", "hits", "L0001", "--purpose", "who"]);
    let expected =
        "1 name of L0001 in 1 item.\n       1  Іван Сидоренко (L0001/P1)\nOn record: leaf \n";
    assert_eq!(hits, expected);
    let shown = world.fine(&["item", "show", "UKR-000001-0000001"]);
    let line = "  Іван Сидоренко (person, P1)  line 1: “Івана Сидоренка”, in another form";
    assert!(shown.contains(line), "{shown}");
    let dropped = world.fine(&["names", "drop", "L0001"]);
    assert!(dropped.starts_with("L0001 is used no longer; what it was stays on record. Leaf "));
    assert_eq!(world.fine(&["names", "list"]), "");
    let gone = world.run(&["names", "hits", "L0001", "--purpose", "who"]);
    assert!(both(&gone).contains("there is no list L0001 that you may see"));
}

#[test]
fn a_watch_list_is_told_when_something_of_it_comes_in_and_by_whom_it_is_asked() {
    let world = World::new();
    let (one, two) = (
        world.folder.path().join("one"),
        world.folder.path().join("two"),
    );
    put(&one, "a.txt", b"the ship left at dawn");
    put(&two, "b.txt", b"the ship left at dawn");
    put(&two, "c.txt", b"nothing of note");
    world.take_in(&one, "stick", &["--no-receipt"]);
    let list = put(
        world.folder.path(),
        "watch.md5",
        b"fb0f84d0dd8bd53fdb7ca2b01c5a73bf  order.txt\n",
    );
    let brought = said(
        &world,
        &[
            "files",
            "import",
            text(&list),
            "--name",
            "Orders",
            "--watch",
        ],
    );
    let expected = "\
L0001, version 1: 1 record (MD5 1); the people of UKR alone see what it says.
1 record without SHA-256: held against items once `comity work` has read them, or that were taken in with --legacy-hashes.
The next search holds all items against it.
On record: leaf \n";
    assert_eq!(brought, expected);
    let hits = said(&world, &["files", "hits", "L0001", "--purpose", "who"]);
    let expected = "\
0 items on L0001; `comity search watch:L0001` has them.
Not held against L0001: 1 item without MD5 and SHA-1, which are all that some of its lines have; `comity work` makes them.
On record: leaf \n";
    assert_eq!(hits, expected);
    // Nobody in particular is told of a list that is not shared.
    let reader = reader();
    let nobody = world
        .comity(&["work", "--no-ocr", "--reader", &reader])
        .env_remove("COMITY_ACTOR")
        .output()
        .unwrap();
    assert!(nobody.status.success(), "{}", both(&nobody));
    assert!(!both(&nobody).contains("Orders"), "{}", both(&nobody));
    let hits = said(&world, &["files", "hits", "L0001", "--purpose", "who"]);
    assert!(
        hits.starts_with("1 item on L0001; `comity search"),
        "{hits}"
    );
    // Of what comes, the intake tells once its digests are known, and the work when it has made them.
    let line = "On the watch list L0001 “Orders”: 1 item. To see them: comity search watch:L0001\n";
    let came = world.take_in(&two, "stick two", &["--no-receipt", "--legacy-hashes"]);
    assert!(came.ends_with(line), "{came}");
    put(&two, "d.txt", b"the ship left at dawn");
    let came = world.take_in(&two, "stick three", &["--no-receipt"]);
    assert!(!came.contains("Orders"), "{came}");
    let worked = world.fine(&["work", "--no-ocr", "--reader", &reader]);
    assert!(
        worked.contains("On the watch list L0001 “Orders”: 3 items."),
        "{worked}"
    );
    let json = world.json(&["files", "hits", "L0001", "--purpose", "who"]);
    assert_eq!(
        (&json["items"], &json["not_held"]),
        (&4.into(), &serde_json::json!([]))
    );
}

#[test]
fn groups_of_what_is_nearly_the_same_are_listed_page_by_page() {
    let world = World::new();
    let usb = world.folder.path().join("usb");
    let letter = |of: &str, end: &str| {
        let words: Vec<String> = (0..40).map(|n| format!("{of}{n}")).collect();
        format!("{} {end}\n", words.join(" "))
    };
    put(&usb, "a.txt", letter("a", "first").as_bytes());
    put(&usb, "b.txt", letter("b", "first").as_bytes());
    put(&usb, "c.txt", letter("a", "second").as_bytes());
    put(&usb, "d.txt", letter("b", "second").as_bytes());
    put(&usb, "e.txt", letter("e", "alone").as_bytes());
    world.take_in(&usb, "stick", &["--no-receipt"]);
    world.fine(&["work", "--no-ocr", "--reader", &reader()]);
    let groups = [
        "item",
        "groups",
        "--case",
        "C0001",
        "--purpose",
        "copies",
        "--limit",
        "1",
    ];
    let first = said(&world, &groups);
    let shares = first.matches("(text, about 9").count();
    assert_eq!(shares, 1, "{first}");
    assert!(first.starts_with("2 groups of 4 items.\n\nUKR-000001-0000001  usb/a.txt\nUKR-000001-0000003  usb/c.txt  (text"), "{first}");
    assert!(
        first.contains("\nMore may follow: --after UKR-000001-0000001\n"),
        "{first}"
    );
    let next = [&groups[..], &["--after", "UKR-000001-0000001"]].concat();
    let json = world.json(&next);
    assert_eq!(json["groups"].as_array().unwrap().len(), 1);
    assert_eq!(json["groups"][0][1]["path"], "usb/d.txt");
    let none = world.json(&[&groups[..], &["--pictures"]].concat());
    assert_eq!((&none["count"], &none["items"]), (&0.into(), &0.into()));
    let wrong = world.run(&[&groups[..], &["--after", "UKR-000001-0000005"]].concat());
    assert!(
        both(&wrong).contains("is the first of no group"),
        "{}",
        both(&wrong)
    );
    let aimless = world.run(&["item", "groups", "--case", "C0001", "--purpose", " "]);
    assert!(
        both(&aimless).contains("is made for a purpose"),
        "{}",
        both(&aimless)
    );
}
