//! Shares and desks' locks at the command line, as their holders meet them.

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use crate::world::{World, both, put};

const PROGRAM: &str = env!("CARGO_BIN_EXE_comity");
const SCHEME: &str = "2of2:UKR=2of3,LTU=1of2";

fn with_items() -> World {
    let world = World::new();
    for member in ["UKR", "LTU"] {
        let folder = world.folder.path().join(format!("from {member}"));
        put(&folder, "a.txt", member.as_bytes());
        let place = folder.to_str().unwrap();
        let words = [
            "intake",
            place,
            "--member",
            member,
            "--case",
            "C0001",
            "--source",
            "stick",
            "--no-receipt",
        ];
        world.fine(&words);
    }
    world
}

fn shared(more: &[&str]) -> (World, PathBuf) {
    let world = with_items();
    let folder = world.folder.path().join("shares");
    fs::create_dir(&folder).unwrap();
    let place = folder.to_str().unwrap();
    let words = [
        &["keys", "share", "--scheme", SCHEME, "--to-dir", place],
        more,
    ]
    .concat();
    world.fine(&words);
    (world, folder)
}

fn words_of(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    text.lines()
        .find(|l| !l.starts_with('#'))
        .unwrap()
        .to_owned()
}

/// `comity keys open` with these lines typed, and a command.
fn opened(world: &World, lines: &[&str], command: &[&str]) -> Output {
    let mut words = vec!["keys", "open"];
    if !command.is_empty() {
        words.push("--");
        words.extend(command);
    }
    let mut child = world
        .comity(&words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    // It ends before it has read all where the first ones are enough.
    let _ = input.write_all(lines.join("\n").as_bytes());
    drop(input);
    child.wait_with_output().unwrap()
}

#[test]
fn after_sharing_only_enough_shares_open_the_centre() {
    let (world, folder) = shared(&[]);
    let file = |name: &str| folder.join(name);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 5);
    let mode = fs::metadata(file("UKR-1-of-3.share"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let share = |name: &str| words_of(&file(name));
    let (ukr_1, ukr_3, ltu) = (
        share("UKR-1-of-3.share"),
        share("UKR-3-of-3.share"),
        share("LTU-2-of-2.share"),
    );
    assert_eq!(
        ltu,
        share("LTU-1-of-2.share"),
        "one is enough, so both have the same"
    );

    let alone = world.run(&["item", "list"]);
    assert_eq!(alone.status.code(), Some(2));
    assert!(
        both(&alone).contains("no passphrase opens this keyring"),
        "{}",
        both(&alone)
    );

    let ran = opened(&world, &[&ukr_1, &ltu, &ukr_3], &[PROGRAM, "item", "list"]);
    assert!(ran.status.success(), "{}", both(&ran));
    assert!(both(&ran).contains("UKR-000001-0000001"));
    assert!(
        both(&ran).contains("It fits: UKR's share 1 of 3."),
        "{}",
        both(&ran)
    );
    // Its end is the command's; several commands run in a shell, a new epoch among them.
    let script = format!("{PROGRAM} keys rotate && {PROGRAM} verify --full && exit 7");
    let ran = opened(&world, &[&ltu, &ukr_3, &ukr_1], &["sh", "-c", &script]);
    assert_eq!(ran.status.code(), Some(7), "{}", both(&ran));

    // A file of shares serves a single command.
    let two = world.folder.path().join("two");
    fs::write(&two, format!("# three\n{ukr_1}\n\n{ukr_3}\n{ltu}\n")).unwrap();
    let ran = world
        .comity(&["rebuild", "--check"])
        .env("COMITY_SHARES_FILE", &two)
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", both(&ran));

    // A new passphrase, and the shares go on opening.
    let ran = world
        .comity(&["keys", "passphrase"])
        .env("COMITY_SHARES_FILE", &two)
        .env("COMITY_NEW_PASSPHRASE", "another one for this centre")
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", both(&ran));
    let ran = world
        .comity(&["verify"])
        .env("COMITY_PASSPHRASE", "another one for this centre")
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", both(&ran));
    assert!(
        opened(&world, &[&ltu, &ukr_3, &ukr_1], &[])
            .status
            .success()
    );
    let ran = world.run(&["verify"]);
    assert!(
        both(&ran).contains("the passphrase is wrong"),
        "{}",
        both(&ran)
    );
}

/// A backup of a shared centre, checked whole by the shares of that time and by nothing else.
#[test]
fn a_backup_is_checked_whole_by_shares() {
    let (world, folder) = shared(&[]);
    let file = |names: &[&str]| {
        let words: Vec<String> = names.iter().map(|n| words_of(&folder.join(n))).collect();
        let path = world.folder.path().join("gathered");
        fs::write(&path, words.join("\n")).unwrap();
        path
    };
    let with = |names: &[&str], words: &[&str]| {
        let file = file(names);
        let mut ran = world.comity(words);
        ran.env("COMITY_SHARES_FILE", file).output().unwrap()
    };
    let enough = ["UKR-1-of-3.share", "UKR-3-of-3.share", "LTU-1-of-2.share"];
    let ran = with(&enough, &["backup", "copy"]);
    assert!(ran.status.success(), "{}", both(&ran));
    let check = ["backup", "copy", "--check", "--full"];
    let ran = with(&enough, &check);
    assert!(ran.status.success(), "{}", both(&ran));
    let ran = with(&enough, &[&check[..], &["--json"]].concat());
    let said: serde_json::Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(said["items_read"], 2, "{said}");

    let ran = with(&enough[..2], &check);
    assert!(!ran.status.success());
    assert!(both(&ran).contains("too few shares"), "{}", both(&ran));
    let ran = world.run(&check);
    assert!(!ran.status.success());
    let said = both(&ran);
    assert!(said.contains("no passphrase opens"), "{said}");

    // A byte of an item: found through the shares, as through a passphrase.
    let packs = world.folder.path().join("copy/centre/vault");
    let pack = files_below(&packs).pop().unwrap();
    let mut bytes = fs::read(&pack).unwrap();
    let at = 64 + 70;
    bytes[at] ^= 1;
    fs::write(&pack, bytes).unwrap();
    let ran = with(&enough, &check);
    assert_eq!(ran.status.code(), Some(1), "{}", both(&ran));
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => files_below(&path),
            false => vec![path],
        })
        .collect()
}

#[test]
fn each_share_that_does_not_fit_is_told_why() {
    let (world, folder) = shared(&["--keep-passphrase"]);
    world.fine(&["item", "list"]);
    let (_other, elsewhere) = shared(&[]);
    let ukr = words_of(&folder.join("UKR-1-of-3.share"));
    let strange = words_of(&elsewhere.join("UKR-2-of-3.share"));
    let mut wrong: Vec<&str> = ukr.split(' ').collect();
    wrong.swap(7, 9);
    let swapped = wrong.join(" ");
    wrong[7] = "colour";
    let unknown = wrong.join(" ");
    let ran = opened(
        &world,
        &[&unknown, &swapped, &strange, &ukr, &ukr, "acid acne"],
        &[],
    );
    assert_eq!(ran.status.code(), Some(2));
    let said = both(&ran);
    for part in [
        "word 8, \"colour\", is not a word of the list",
        "checksum does not fit",
        "of another sharing",
        "It fits: UKR's share 1 of 3.",
        "this very share was given already",
        "these are 2",
        "there are too few shares. Missing: of 2 of these members: UKR 1 more, LTU 1 more",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }

    // Shares of an earlier sharing.
    let again = world.folder.path().join("again");
    fs::create_dir(&again).unwrap();
    world.fine(&[
        "keys",
        "share",
        "--scheme",
        "1of1:UKR=2of2",
        "--to-dir",
        again.to_str().unwrap(),
    ]);
    let old = format!(
        "{ukr}\n{}\n{}\n",
        words_of(&folder.join("UKR-2-of-3.share")),
        words_of(&folder.join("LTU-1-of-2.share"))
    );
    let file = world.folder.path().join("old");
    fs::write(&file, old).unwrap();
    let ran = world
        .comity(&["item", "list"])
        .env("COMITY_SHARES_FILE", &file)
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(2));
    assert!(
        both(&ran).contains("of an earlier sharing"),
        "{}",
        both(&ran)
    );
}

#[test]
fn a_scheme_that_cannot_be_and_shares_that_were_not_handed_out_change_nothing() {
    let world = with_items();
    let folder = world.folder.path().join("shares");
    for scheme in [
        "2of3",
        "2of3:UKR=2of3",
        "0of1:UKR=1of1",
        "1of1:UKR=3of2",
        "1of1:UKR=1of17",
        "2of2:UKR=1of1,UKR=1of1",
        "1of1:XYZ=1of1",
    ] {
        let ran = world.run(&[
            "keys",
            "share",
            "--scheme",
            scheme,
            "--to-dir",
            folder.to_str().unwrap(),
        ]);
        assert_eq!(ran.status.code(), Some(2), "{scheme}: {}", both(&ran));
    }
    // No such folder, and no terminal.
    let words = ["keys", "share", "--scheme", "1of1:UKR=1of1"];
    for more in [&["--to-dir", folder.to_str().unwrap()][..], &[]] {
        let ran = world.run(&[&words[..], more].concat());
        assert_eq!(ran.status.code(), Some(2), "{}", both(&ran));
    }
    assert_eq!(world.json(&["keys", "status"])["epoch"], 1);
}

#[test]
fn a_locked_scope_waits_for_its_desk_and_the_rest_goes_on() {
    let world = with_items();
    let file = world.folder.path().join("ltu.desk");
    let key = file.to_str().unwrap();
    world.fine(&["keys", "desk-key", "--member", "LTU", "-o", key]);
    let without = world.run(&["keys", "lock", "--member", "UKR", "--desk-key", key]);
    assert_eq!(
        without.status.code(),
        Some(2),
        "the key is another desk's: {}",
        both(&without)
    );
    let before = world.listing();
    world.fine(&[
        "keys",
        "lock",
        "--member",
        "LTU",
        "--desk-key",
        key,
        "--reason",
        "until consent",
    ]);

    let list = world.fine(&["item", "list"]);
    assert!(
        list.contains("UKR-000001-0000001") && list.contains("from UKR/a.txt"),
        "{list}"
    );
    assert!(list.contains("(waits for the desk of LTU)"), "{list}");
    let place = world.folder.path().join("from LTU");
    let place = place.to_str().unwrap();
    for words in [
        &["item", "show", "LTU-000001-0000001"][..],
        &[
            "item",
            "get",
            "LTU-000001-0000001",
            "--purpose",
            "a look",
            "-o",
            "out",
        ],
        &[
            "intake",
            place,
            "--member",
            "LTU",
            "--case",
            "C0001",
            "--source",
            "stick",
            "--no-receipt",
        ],
        &["receipt", "LTU-000001", "-o", "receipt"],
        &[
            "disclose",
            "--case",
            "C0001",
            "--purpose",
            "trial",
            "-o",
            "package",
        ],
        &["rebuild"],
        &["rebuild", "--check"],
        &["keys", "rotate", "--member", "LTU"],
        &["keys", "unlock", "--member", "LTU"],
    ] {
        let ran = world.run(words);
        assert_eq!(ran.status.code(), Some(2), "{words:?}: {}", both(&ran));
        assert!(
            both(&ran).contains("the scope of LTU is locked"),
            "{words:?}: {}",
            both(&ran)
        );
    }
    world.fine(&[
        "item",
        "get",
        "UKR-000001-0000001",
        "--purpose",
        "a look",
        "-o",
        "out",
    ]);
    world.fine(&[
        "disclose",
        "--case",
        "C0001",
        "--item",
        "UKR-000001-0000001",
        "--purpose",
        "trial",
        "-o",
        "package",
    ]);
    let checked = world.run(&["verify", "--full"]);
    assert!(checked.status.success(), "{}", both(&checked));
    assert!(
        both(&checked).contains("wait for the desk of LTU"),
        "{}",
        both(&checked)
    );
    assert!(
        world
            .fine(&["keys", "status"])
            .contains("Locked       LTU; its items wait")
    );
    // A new root key needs no desk.
    world.fine(&["keys", "rotate"]);

    let other = world.folder.path().join("other.desk");
    world.fine(&[
        "keys",
        "desk-key",
        "--member",
        "LTU",
        "-o",
        other.to_str().unwrap(),
    ]);
    let wrong = world.run(&[
        "item",
        "show",
        "LTU-000001-0000001",
        "--desk-key",
        other.to_str().unwrap(),
    ]);
    assert!(
        both(&wrong).contains("the scope of LTU is locked"),
        "{}",
        both(&wrong)
    );
    let cut = fs::read_to_string(&file).unwrap().replace("LTU", "UKR");
    fs::write(&other, cut).unwrap();
    let wrong = world.run(&["item", "list", "--desk-key", other.to_str().unwrap()]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(both(&wrong).contains("checksum"), "{}", both(&wrong));

    let with = |words: &[&str]| {
        let ran = world
            .comity(words)
            .env("COMITY_DESK_KEY", &file)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{words:?}: {}", both(&ran));
        both(&ran)
    };
    with(&["item", "show", "LTU-000001-0000001"]);
    with(&["keys", "rotate", "--member", "LTU"]);
    assert!(!with(&["verify", "--full"]).contains("wait"));
    with(&["rebuild", "--check"]);
    with(&["rebuild"]);
    // Still locked, under the fresh keys too.
    assert!(
        world
            .fine(&["item", "list"])
            .contains("(waits for the desk of LTU)")
    );
    with(&["keys", "unlock", "--member", "LTU"]);
    let after = world.listing();
    assert_eq!(after.len(), before.len());
    assert_eq!(after[1]["path"], before[1]["path"]);
    world.fine(&["rebuild", "--check"]);
}

/// Kills a change of the keyring before each durable call; what is left opens, is whole, and can be done again.
fn killed_at_every_call(
    world: &World,
    words: &[&str],
    prepare: &dyn Fn(&World),
    check: &dyn Fn(&World, &str),
) {
    let reference = world.copy("reference");
    prepare(&reference);
    let count = reference.folder.path().join("count");
    let ran = reference
        .comity(words)
        .env("COMITY_FAULT", format!("count:{}", count.display()))
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", both(&ran));
    let calls: usize = fs::read_to_string(&count).unwrap().trim().parse().unwrap();
    for n in 1..=calls {
        let world = world.copy("killed");
        prepare(&world);
        let what = format!("killed before durable call {n} of {calls}");
        let ran = world
            .comity(words)
            .env("COMITY_FAULT", format!("kill@{n}"))
            .output()
            .unwrap();
        assert!(!ran.status.success(), "{what}");
        check(&world, &what);
    }
}

#[test]
fn killed_while_it_locks_a_scope_is_locked_or_not_and_the_record_says_which() {
    let world = with_items();
    let file = world.folder.path().join("ltu.desk");
    world.fine(&[
        "keys",
        "desk-key",
        "--member",
        "LTU",
        "-o",
        file.to_str().unwrap(),
    ]);
    let words = [
        "keys",
        "lock",
        "--member",
        "LTU",
        "--desk-key",
        file.to_str().unwrap(),
    ];
    killed_at_every_call(&world, &words, &|_| (), &|world, what| {
        let status = world.json(&["keys", "status"]);
        let is_locked = !status["locks"].as_array().unwrap().is_empty();
        let list = world.fine(&["item", "list"]);
        assert_eq!(list.contains("waits"), is_locked, "{what}: {list}");
        let ran = world
            .comity(&["rebuild", "--check"])
            .env("COMITY_DESK_KEY", &file)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{what}: {}", both(&ran));
    });
}

#[test]
fn killed_while_it_is_shared_the_passphrase_or_the_shares_open_it() {
    let world = with_items();
    let words = [
        "keys",
        "share",
        "--scheme",
        "1of1:UKR=1of1",
        "--to-dir",
        "shares",
    ];
    let prepare = |world: &World| fs::create_dir_all(world.folder.path().join("shares")).unwrap();
    killed_at_every_call(&world, &words, &prepare, &|world, what| {
        let share = world.folder.path().join("shares/UKR-1-of-1.share");
        let by_passphrase = world.run(&["verify"]);
        let opened = if by_passphrase.status.success() {
            world.run(&["rebuild", "--check"])
        } else {
            let check = world
                .comity(&["rebuild", "--check"])
                .env("COMITY_SHARES_FILE", &share)
                .output()
                .unwrap();
            assert!(check.status.success(), "{what}: {}", both(&check));
            world
                .comity(&["verify"])
                .env("COMITY_SHARES_FILE", &share)
                .output()
                .unwrap()
        };
        assert!(opened.status.success(), "{what}: {}", both(&opened));
    });
}
