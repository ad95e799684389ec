//! A child process is killed before each of its durable calls in turn; what it leaves must be whole.

use std::{
    env, fs,
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, ExitStatus, Stdio},
};

use comity_store::{Disk, Objects, StoreError};

use crate::script::Script;

const FOLDER: &str = "COMITY_STORE_CRASH_FOLDER";
const LARGE: usize = 400_000;

/// What each name may hold after a crash at any point: one of these, or nothing if `absent`.
struct Expected {
    name: &'static str,
    before: Option<Vec<u8>>,
    after: Option<Vec<u8>>,
}

fn expected() -> Vec<Expected> {
    let row = |name, before: Option<&[u8]>, after: Option<&[u8]>| Expected {
        name,
        before: before.map(<[u8]>::to_vec),
        after: after.map(<[u8]>::to_vec),
    };
    let large = vec![9; LARGE];
    vec![
        row(
            "ledger/checkpoint",
            Some(b"checkpoint one"),
            Some(b"checkpoint two, longer"),
        ),
        row("ledger/tile/0/000", None, Some(b"tile 0")),
        row("ledger/tile/0/001", None, Some(b"tile 1")),
        row("ledger/body/000", None, Some(b"bodies")),
        row("ledger/edge", Some(b"edge one"), Some(b"edge 2")),
        row("vault/ab/pack", None, Some(&large)),
        row("vault/cd/pack", Some(b"old pack"), None),
        row("vault/ef/new", None, Some(b"new")),
    ]
}

fn prepare(root: &Path) -> Result<(), StoreError> {
    let objects = Objects::local(root.to_path_buf(), Script::disk().1)?;
    expected()
        .iter()
        .filter_map(|row| Some((row.name, row.before.as_ref()?)))
        .try_for_each(|(name, bytes)| objects.put(name, bytes))
}

/// What the child does; doing it again after a crash leads to the same end.
fn work(root: &Path) -> Result<(), StoreError> {
    let objects = Objects::local(root.to_path_buf(), Disk::real())?;
    objects.sweep_temporary()?;
    objects.disk().sweep_temporary(&root.join("ledger"))?;
    let text = |name: &str, text: &str| (name.to_owned(), text.as_bytes().to_vec());
    objects.put_many(vec![
        text("ledger/tile/0/000", "tile 0"),
        text("ledger/tile/0/001", "tile 1"),
        text("ledger/body/000", "bodies"),
    ])?;
    let mut writer = objects.writer("vault/ab/pack")?;
    for _ in 0..4 {
        writer.append(&[9; LARGE / 4])?;
    }
    writer.finish()?;
    objects.put_new("vault/ef/new", b"new")?;
    objects
        .disk()
        .write_atomic(&root.join("ledger/edge"), b"edge 2")?;
    objects.put("ledger/checkpoint", b"checkpoint two, longer")?;
    objects.delete("vault/cd/pack")
}

/// Not a test of its own: the child's side of the tests below, which name it. Without their folder it has nothing to do.
#[test]
fn child() {
    if let Some(folder) = env::var_os(FOLDER) {
        work(Path::new(&folder)).unwrap();
    }
}

fn run_child(root: &Path, fault: Option<&str>) -> ExitStatus {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "crash::child", "--nocapture"])
        .env(FOLDER, root)
        .stdout(Stdio::null());
    match fault {
        Some(fault) => command.env("COMITY_FAULT", fault),
        None => command.env_remove("COMITY_FAULT"),
    };
    command.status().unwrap()
}

#[test]
fn killed_at_any_point_every_object_is_whole_and_the_work_can_be_done_again() {
    let folder = tempfile::tempdir().unwrap();
    let count_file = folder.path().join("count");
    let counted = folder.path().join("counted");
    prepare(&counted).unwrap();
    assert!(run_child(&counted, Some(&format!("count:{}", count_file.display()))).success());
    let count: u64 = fs::read_to_string(&count_file)
        .unwrap()
        .trim()
        .parse()
        .unwrap();
    assert!(count > 30, "{count}");

    let mut seen_half_done = 0;
    for at in 1..=count {
        let root = folder.path().join(format!("killed-{at}"));
        prepare(&root).unwrap();
        let status = run_child(&root, Some(&format!("kill@{at}")));
        assert_eq!(status.signal(), Some(9), "kill@{at}");
        let objects = Objects::local(root.clone(), Disk::real()).unwrap();
        let mut done = 0;
        for row in expected() {
            let seen = objects.get(row.name).unwrap();
            assert!(
                seen == row.before || seen == row.after,
                "kill@{at}: {} is {seen:?}",
                row.name
            );
            done += usize::from(seen == row.after);
        }
        seen_half_done += usize::from(done > 0 && done < expected().len());
        drop(objects);

        assert!(run_child(&root, None).success(), "after kill@{at}");
        let objects = Objects::local(root.clone(), Disk::real()).unwrap();
        let held: Vec<_> = expected()
            .into_iter()
            .filter_map(|row| Some((row.name.to_owned(), row.after?.len() as u64)))
            .collect();
        let mut listed = objects.list("").unwrap();
        listed.sort_by_key(|(name, _)| held.iter().position(|(held, _)| held == name));
        assert_eq!(listed, held, "after kill@{at}");
        for row in expected() {
            assert!(
                objects.get(row.name).unwrap() == row.after,
                "after kill@{at}: {}",
                row.name
            );
        }
        assert_eq!(objects.leftovers().unwrap(), [], "after kill@{at}");
        assert_eq!(
            fs::read_dir(root.join("tmp")).unwrap().count(),
            0,
            "after kill@{at}"
        );
    }
    assert!(
        seen_half_done > 5,
        "the kills hit the middle of the work: {seen_half_done}"
    );
}
