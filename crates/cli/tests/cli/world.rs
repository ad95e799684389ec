//! A centre that the program works on, and the program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use comity_app::Ambient;
use comity_app::centre::{ARGON2, Founding, create};
use serde_json::Value;
use tempfile::TempDir;

pub const PASSPHRASE: &str = "nine lemons under the stairs";
pub const FOUNDER: &str = "Olena Kovalenko-Test";

pub struct World {
    pub folder: TempDir,
    pub dir: PathBuf,
    pub database: Option<String>,
    pub s3: Option<comity_rig::S3>,
    /// The mirror's files, if there is one.
    pub mirror: Option<PathBuf>,
    /// Its bucket, if it is on S3.
    mirror_s3: Option<comity_rig::S3>,
}

impl World {
    /// A centre with one case, its passphrase cheap to try.
    pub fn new() -> World {
        World::on(None, None)
    }

    /// As [`World::new`], with a mirror in a folder beside it.
    pub fn mirrored() -> World {
        World::made(None, None, Some(None))
    }

    /// As [`World::new`], with its tables in PostgreSQL and its objects on S3, if their addresses are given.
    pub fn on(database: Option<String>, s3: Option<comity_rig::S3>) -> World {
        World::made(database, s3, None)
    }

    /// As [`World::on`] with its objects on S3, and a mirror in another bucket.
    pub fn mirrored_on(database: String, [first, mirror]: [comity_rig::S3; 2]) -> World {
        World::made(Some(database), Some(first), Some(Some(mirror)))
    }

    /// `mirror` is there or not; and on S3, or in a folder beside the centre.
    fn made(
        database: Option<String>,
        s3: Option<comity_rig::S3>,
        mirror: Option<Option<comity_rig::S3>>,
    ) -> World {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("centre");
        let beside = folder.path().join("mirror");
        let place = mirror.as_ref().map(|s3| match s3 {
            Some(s3) => s3.url.clone(),
            None => beside.to_str().unwrap().to_owned(),
        });
        let files =
            |s3: &Option<comity_rig::S3>| s3.as_ref().map_or(beside, |s3| s3.folder.clone());
        let files = mirror.as_ref().map(files);
        let mut argon2 = ARGON2;
        (argon2.memory_kib, argon2.passes, argon2.lanes) = (8, 1, 1);
        let member = |code: &str, name: &str| (code.parse().unwrap(), name.to_owned());
        let founding = Founding {
            name: "Centre of the tests".to_owned(),
            members: vec![member("UKR", "Ukraine"), member("LTU", "Lithuania")],
            host: "UKR".parse().unwrap(),
            founder: FOUNDER.to_owned(),
            database: database.clone(),
            objects: s3.as_ref().map(|s3| s3.url.clone()),
            mirror: place,
            argon2,
        };
        drop(create(&dir, &founding, PASSPHRASE, Ambient::system()).unwrap());
        let world = World {
            folder,
            dir,
            database,
            s3,
            mirror: files,
            mirror_s3: mirror.flatten(),
        };
        world.fine(&["case", "new", "The harbour"]);
        world
    }

    /// The program on this centre, with passphrase and actor from the environment.
    pub fn comity(&self, words: &[&str]) -> Command {
        let mut command = bare(words);
        command
            .current_dir(self.folder.path())
            .env("COMITY_CENTRE", &self.dir)
            .env("COMITY_ACTOR", "UKR-P0001")
            .env("COMITY_PASSPHRASE", PASSPHRASE);
        command
    }

    pub fn run(&self, words: &[&str]) -> Output {
        self.comity(words).output().unwrap()
    }

    /// Runs what must succeed, and gives what it wrote.
    pub fn fine(&self, words: &[&str]) -> String {
        let ran = self.run(words);
        assert!(ran.status.success(), "{words:?}: {}", both(&ran));
        String::from_utf8(ran.stdout).unwrap()
    }

    /// Takes in a folder for UKR into the first case; `more` are further words of the command.
    pub fn take_in(&self, folder: &Path, source: &str, more: &[&str]) -> String {
        let place = folder.to_str().unwrap();
        let words = ["intake", place, "--member", "UKR", "--case", "C0001"];
        self.fine(&[&words, &["--source", source][..], more].concat())
    }

    pub fn json(&self, words: &[&str]) -> Value {
        let words = [&["--json"], words].concat();
        serde_json::from_str(&self.fine(&words)).unwrap()
    }

    /// Number, state, path and digest of every item.
    pub fn listing(&self) -> Vec<Value> {
        let text = self.fine(&["--json", "item", "list"]);
        let mut items: Vec<Value> = text
            .lines()
            .map(|l| serde_json::from_str(l).unwrap())
            .collect();
        for item in &mut items {
            let fields = item.as_object_mut().unwrap();
            fields.remove("received");
            fields.remove("events");
        }
        items
    }

    /// The files of the first store.
    pub fn objects(&self) -> &Path {
        self.s3.as_ref().map_or(&self.dir, |s3| &s3.folder)
    }

    /// What `centre.json` calls the mirror.
    fn mirror_place(&self) -> Option<String> {
        let folder = self.mirror.as_ref()?.to_str().unwrap();
        let on_s3 = self.mirror_s3.as_ref().map(|s3| s3.url.clone());
        Some(on_s3.unwrap_or_else(|| folder.to_owned()))
    }

    pub fn copy(&self, name: &str) -> World {
        let folder = tempfile::Builder::new().prefix(name).tempdir().unwrap();
        let dir = folder.path().join("centre");
        copy(&self.dir, &dir);
        let mirror_s3 = self.mirror_s3.as_ref().map(comity_rig::S3::copy);
        let beside = || folder.path().join("mirror");
        let mirror = self.mirror.as_ref().map(|_| {
            mirror_s3
                .as_ref()
                .map_or_else(beside, |s3| s3.folder.clone())
        });
        if let (Some(from), Some(to), None) = (&self.mirror, &mirror, &mirror_s3) {
            copy(from, to);
        }
        let copied = World {
            database: self.database.as_deref().map(comity_rig::postgres_copy),
            s3: self.s3.as_ref().map(comity_rig::S3::copy),
            mirror,
            mirror_s3,
            folder,
            dir,
        };
        let config = copied.dir.join("centre.json");
        let mut text = fs::read_to_string(&config).unwrap();
        let url = |s3: &comity_rig::S3| s3.url.clone();
        let pairs = [
            (self.mirror_place(), copied.mirror_place()),
            (self.database.clone(), copied.database.clone()),
            (self.s3.as_ref().map(url), copied.s3.as_ref().map(url)),
        ];
        for (old, new) in pairs.into_iter().filter_map(|(old, new)| old.zip(new)) {
            assert!(text.contains(&old), "{text}");
            text = text.replace(&old, &new);
        }
        fs::write(config, text).unwrap();
        copied
    }
}

pub fn bare(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_comity"));
    for name in [
        "CENTRE",
        "ACTOR",
        "PASSPHRASE",
        "PASSPHRASE_FILE",
        "NEW_PASSPHRASE",
        "SHARES_FILE",
        "OPENED_FD",
        "DESK_KEY",
        "FAULT",
    ] {
        command.env_remove(format!("COMITY_{name}"));
    }
    command.args(words).stdin(Stdio::null());
    command
}

pub fn both(ran: &Output) -> String {
    let text = |b: &[u8]| String::from_utf8_lossy(b).into_owned();
    format!(
        "{}\n{}\n{}",
        ran.status,
        text(&ran.stdout),
        text(&ran.stderr)
    )
}

pub fn put(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).unwrap();
        }
    }
}

/// What is left of unfinished things in a folder and below: temporary files, the folders in which stores write,
/// partial packages and receipts and their locks, tables in the making.
pub fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_workspace = path.is_dir() && folder.ends_with("tmp");
        let is_left = is_workspace
            || name.starts_with(".tmp-")
            || name.starts_with(".walk-")
            || name.contains("comity-partial")
            || name.starts_with("package-")
            || name.starts_with("state.rebuild")
            || name.starts_with("state.check");
        if is_left {
            found.push(path);
        } else if path.is_dir() {
            found.extend(leftovers(&path));
        }
    }
    found
}
