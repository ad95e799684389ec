//! A copy that nobody can write to is checked whole: evidence is verified where it lies, without a trace.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::world::{PASSPHRASE, World, both, put};

const DEPTHS: [&[&str]; 3] = [&["verify", "--sealed"], &["verify"], &["verify", "--full"]];

/// Runs its arguments after the first with that folder mounted read-only, and ends with 99 when it can be written to
/// all the same.
const MOUNTED: &str = r#"mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" || exit 98
if touch "$1/written" 2>/dev/null; then exit 99; fi
shift; exec "$@""#;

fn world() -> World {
    let world = World::new();
    let usb = world.folder.path().join("usb");
    put(&usb, "note.txt", b"three craters");
    put(&usb, "photos/a.jpg", &[7; 200_000]);
    let usb = usb.to_str().unwrap();
    world.fine(&[
        "intake",
        usb,
        "--member",
        "UKR",
        "--case",
        "C0001",
        "--source",
        "Police",
        "--no-receipt",
    ]);
    world
}

/// The program with its words, started by another one.
fn started_by(starter: &[&str], program: &Path, world: &World, words: &[&str]) -> Output {
    let (first, rest) = starter.split_first().unwrap();
    Command::new(first)
        .args(rest)
        .arg(program)
        .args(words)
        .env("COMITY_CENTRE", &world.dir)
        .env("COMITY_ACTOR", "UKR-P0001")
        .env("COMITY_PASSPHRASE", PASSPHRASE)
        .output()
        .unwrap()
}

fn holds(world: &World, run: &dyn Fn(&[&str]) -> Output) {
    let before = state(&world.dir);
    for words in DEPTHS {
        let ran = run(words);
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(ran.status.success(), "{words:?}: {}", both(&ran));
        assert!(said.contains("Nothing wrong"), "{words:?}: {said}");
        if words.contains(&"--full") {
            assert!(
                said.contains("2 items with 200013 bytes read back"),
                "{said}"
            );
        }
    }
    // What must write says that it cannot, and does not speak of damage.
    for words in [&["item", "list"][..], &["rebuild"]] {
        let ran = run(words);
        let said = String::from_utf8_lossy(&ran.stderr).into_owned();
        assert_eq!(ran.status.code(), Some(2), "{words:?}: {}", both(&ran));
        assert!(said.contains("cannot be written to"), "{words:?}: {said}");
        assert!(!said.contains("damaged"), "{words:?}: {said}");
    }
    assert_eq!(before, state(&world.dir), "something was written");
}

/// Every file and folder, with its length and time.
fn state(folder: &Path) -> Vec<(PathBuf, u64, i64, i64)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let data = fs::symlink_metadata(&path).unwrap();
        let len = if data.is_dir() { 0 } else { data.len() };
        all.push((path.clone(), len, data.mtime(), data.mtime_nsec()));
        if data.is_dir() {
            all.extend(state(&path));
        }
    }
    all.sort();
    all
}

fn set_modes(folder: &Path, directories: u32, files: u32) {
    fs::set_permissions(folder, Permissions::from_mode(0o755)).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            set_modes(&path, directories, files);
        } else {
            fs::set_permissions(&path, Permissions::from_mode(files)).unwrap();
        }
    }
    fs::set_permissions(folder, Permissions::from_mode(directories)).unwrap();
}

fn is_root() -> bool {
    fs::metadata("/proc/self").unwrap().uid() == 0
}

/// How this machine lets us mount something read-only for one program, if it does.
fn mounting(world: &World) -> Option<Vec<&str>> {
    let dir = world.dir.to_str().unwrap();
    for namespaces in ["--mount", "--map-root-user --mount"] {
        let mut starter = vec!["unshare"];
        starter.extend(namespaces.split(' '));
        starter.extend(["sh", "-c", MOUNTED, "sh", dir]);
        let tried = Command::new("unshare")
            .args(&starter[1..])
            .arg("true")
            .output();
        match tried.map(|tried| tried.status.code()) {
            Ok(Some(0)) => return Some(starter),
            Ok(Some(99)) => panic!("a read-only mount was written to"),
            _ => {}
        }
    }
    None
}

#[test]
fn what_cannot_be_written_to_is_verified_at_each_depth() {
    let world = world();
    // On a machine that lets nobody mount, the folder without permissions below asserts the same.
    if let Some(starter) = mounting(&world) {
        let program = Path::new(env!("CARGO_BIN_EXE_comity"));
        holds(&world, &|words| {
            started_by(&starter, program, &world, words)
        });
    }
    // Another account reaches neither the folder of this test nor that of the build.
    fs::set_permissions(world.folder.path(), Permissions::from_mode(0o755)).unwrap();
    let program = world.folder.path().join("comity");
    fs::copy(env!("CARGO_BIN_EXE_comity"), &program).unwrap();
    set_modes(&world.dir, 0o555, 0o444);
    let nobody = [
        "setpriv",
        "--reuid=65534",
        "--regid=65534",
        "--clear-groups",
    ];
    let starter = if is_root() { &nobody[..] } else { &["env"] };
    let written = started_by(
        starter,
        Path::new("touch"),
        &world,
        &[world.dir.join("written").to_str().unwrap()],
    );
    assert!(!written.status.success(), "the folder can be written to");
    holds(&world, &|words| {
        started_by(starter, &program, &world, words)
    });
    set_modes(&world.dir, 0o755, 0o644);
}
