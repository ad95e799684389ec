//! Killed at any moment and run again.

use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use crate::world::{World, both, leftovers, put};

pub const SIGKILL: i32 = 9;

/// Files in two groups, one of them large.
fn delivery(folder: &Path) -> Vec<String> {
    let usb = folder.join("usb");
    put(&usb, "a.txt", b"one");
    put(&usb, "b.txt", b"two");
    put(&usb, "large", &vec![7; (4 << 20) + 9]);
    let document = put(folder, "protocol.txt", b"signed");
    let words = [
        "intake",
        usb.to_str().unwrap(),
        "--member",
        "UKR",
        "--case",
        "C0001",
        "--source",
        "stick",
        "--document",
        document.to_str().unwrap(),
        "--no-receipt",
    ];
    words.map(str::to_owned).to_vec()
}

fn words(owned: &[String]) -> Vec<&str> {
    owned.iter().map(String::as_str).collect()
}

/// After a kill: the next command recovers by itself, all that is there is whole, and the same command goes on.
fn goes_on(world: &World, intake: &[&str], expected: &[serde_json::Value], what: &str) {
    let ran = world.run(intake);
    assert!(ran.status.success(), "{what}: {}", both(&ran));
    assert_eq!(world.listing(), expected, "{what}");
    let ran = world.run(&["verify", "--full"]);
    assert!(ran.status.success(), "{what}: {}", both(&ran));
}

#[test]
fn killed_before_any_durable_call_it_goes_on_with_the_same_numbers() {
    let template = World::new();
    let owned = delivery(template.folder.path());
    let intake = words(&owned);
    let reference = template.copy("reference");
    let count = reference.folder.path().join("count");
    let ran = reference
        .comity(&intake)
        .env("COMITY_FAULT", format!("count:{}", count.display()))
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", both(&ran));
    let expected = reference.listing();
    assert_eq!(expected.len(), 4);
    let calls: usize = std::fs::read_to_string(&count)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert!(calls > 15, "{calls}");

    let mut recovered = 0;
    for n in 1..=calls {
        let world = template.copy("killed");
        let what = format!("killed before durable call {n} of {calls}");
        let ran = world
            .comity(&intake)
            .env("COMITY_FAULT", format!("kill@{n}"))
            .output()
            .unwrap();
        if ran.status.success() && n + 4 > calls {
            // Two runs differ by a write or two, as their compressed lengths do: this one had fewer calls.
            continue;
        }
        assert_eq!(ran.status.signal(), Some(SIGKILL), "{what}: {}", both(&ran));
        // What another command sees before the intake is given again is a beginning of it, whole.
        let list = world.run(&["--json", "item", "list"]);
        assert!(list.status.success(), "{what}: {}", both(&list));
        let said = String::from_utf8(list.stderr).unwrap();
        recovered += usize::from(said.contains("recovered:"));
        let kept = world.listing();
        assert_eq!(kept, expected[..kept.len()], "{what}");
        assert_eq!(
            leftovers(&world.dir),
            [] as [std::path::PathBuf; 0],
            "{what}"
        );
        goes_on(&world, &intake, &expected, &what);
        if n % 6 == 0 {
            let check = world.run(&["rebuild", "--check"]);
            assert!(check.status.success(), "{what}: {}", both(&check));
        }
    }
    assert!(
        recovered > 3,
        "only {recovered} of {calls} kills left something to say"
    );
}

#[test]
fn killed_at_some_moment_it_goes_on_with_the_same_numbers() {
    let template = World::new();
    let usb = template.folder.path().join("many");
    for n in 0..300 {
        put(
            &usb,
            &format!("{}/{n}", n % 7),
            format!("file {n}").as_bytes(),
        );
    }
    for n in 0..9 {
        put(&usb, &format!("large-{n}"), &vec![n; 4 << 20]);
    }
    let intake = [
        "intake",
        usb.to_str().unwrap(),
        "--member",
        "LTU",
        "--case",
        "C0001",
        "--source",
        "stick",
    ];
    let reference = template.copy("reference");
    let begun = std::time::Instant::now();
    reference.fine(&intake);
    let whole = begun.elapsed();
    let expected = reference.listing();
    assert_eq!(expected.len(), 309);
    let mut killed = 0;
    for part in 1..=8 {
        let world = template.copy("killed");
        // Killed twice in a row, later and later.
        for again in [1, 2] {
            let mut child = world
                .comity(&intake)
                .stdout(std::process::Stdio::null())
                .stderr(std::process::Stdio::null())
                .spawn()
                .unwrap();
            let moment = whole * part / 8;
            wait(moment / again);
            let _ = child.kill();
            killed += usize::from(child.wait().unwrap().signal() == Some(SIGKILL));
        }
        let kept = world.listing();
        assert_eq!(kept, expected[..kept.len()], "{part}");
        assert_eq!(
            leftovers(&world.dir),
            [] as [std::path::PathBuf; 0],
            "{part}"
        );
        goes_on(&world, &intake, &expected, &format!("killed at {part}/8"));
    }
    assert!(killed > 4, "{killed}");
}

/// The moment of a kill is not a moment to wait for: it only has to be somewhere in the run.
fn wait(moment: Duration) {
    let begun = std::time::Instant::now();
    while begun.elapsed() < moment {
        std::thread::yield_now();
    }
}

#[test]
fn killed_while_a_centre_is_made_it_is_no_centre() {
    let world = World::new();
    for n in [1, 3, 6, 10, 15] {
        let dir = world.folder.path().join(format!("new-{n}"));
        let words = [
            "init",
            dir.to_str().unwrap(),
            "--name",
            "New",
            "--member",
            "UKR=Ukraine",
        ];
        let ran = world
            .comity(&words)
            .env("COMITY_FAULT", format!("kill@{n}"))
            .output()
            .unwrap();
        assert_eq!(ran.status.signal(), Some(SIGKILL), "{n}: {}", both(&ran));
        let ran = world
            .comity(&["--centre", dir.to_str().unwrap(), "case", "list"])
            .output()
            .unwrap();
        assert_eq!(ran.status.code(), Some(2), "{n}: {}", both(&ran));
    }
}
