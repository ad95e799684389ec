//! Images, made by the programs that people make them with.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tempfile::TempDir;

/// What lies in an image: paths, and how long the files are.
pub const TREE: &[(&str, usize)] = &[
    ("notes.txt", 300),
    ("orders/наказ № 7.txt", 5000),
    ("orders/deep/er/a long name with blanks.bin", 70_000),
    ("empty.dat", 0),
];

/// The bytes of a file of this name: none like those of another.
pub fn content(name: &str, length: usize) -> Vec<u8> {
    let mut state = name.bytes().fold(7u32, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(byte.into())
    });
    let next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

/// A place to make an image in.
pub struct Folder(TempDir);

impl Folder {
    pub fn new() -> Folder {
        Folder(tempfile::tempdir().expect("a folder"))
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A folder with the files of [`TREE`], last changed at 2025-02-14T06:10:00Z.
    pub fn tree(&self) -> PathBuf {
        let tree = self.path("tree");
        for (path, length) in TREE {
            let path = tree.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(&path, content_of(&tree, &path, *length)).expect("a file");
        }
        for (path, _) in TREE {
            run(
                "touch",
                &["-d", "2025-02-14T06:10:00Z", &text(&tree.join(path))],
            );
        }
        tree
    }

    /// A file of zeros.
    pub fn zeros(&self, name: &str, size: u64) -> String {
        let path = self.path(name);
        let file = fs::File::create(&path).expect("a file");
        file.set_len(size).expect("a size");
        text(&path)
    }

    pub fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).expect("a file")
    }

    /// FAT of 12, 16 or 32 bits with the tree.
    pub fn fat(&self, name: &str, bits: &str, size: u64) {
        let image = self.zeros(name, size);
        run("mkfs.vfat", &["-F", bits, "-n", "CARD", &image]);
        self.fill_fat(&image);
    }

    /// Copies the tree into an image of FAT.
    pub fn fill_fat(&self, image: &str) {
        for entry in fs::read_dir(self.tree()).expect("the tree") {
            let path = text(&entry.expect("an entry").path());
            run("mcopy", &["-s", "-m", "-i", image, &path, "::/"]);
        }
    }

    /// ext2, ext3 or ext4 with the tree.
    pub fn ext(&self, name: &str, kind: &str, size: u64) {
        let image = self.zeros(name, size);
        let tree = text(&self.tree());
        run(
            "mke2fs",
            &[
                "-q", "-F", "-t", kind, "-L", "evidence", "-d", &tree, &image,
            ],
        );
    }

    /// An E01 of a raw image, and the arguments that say how.
    pub fn acquired(&self, raw: &str, how: &[&str]) -> Vec<u8> {
        let (raw, target) = (text(&self.path(raw)), text(&self.path("acquired")));
        let told = [
            "-u",
            "-q",
            "-t",
            &target,
            "-C",
            "2025/17",
            "-D",
            "card of a camera",
            "-E",
            "E-1",
            "-e",
            "O. Zapysna",
            "-N",
            "sealed bag 1001",
            "-d",
            "sha1",
        ];
        run("ewfacquire", &[&told, how, &[&raw]].concat());
        let names = ["acquired.E01", "acquired.e01", "acquired.s01"];
        let made = names.iter().find(|name| self.path(name).exists());
        self.bytes(made.expect("an image"))
    }
}

fn content_of(tree: &Path, path: &Path, length: usize) -> Vec<u8> {
    content(&text(path.strip_prefix(tree).expect("below it")), length)
}

pub fn text(path: &Path) -> String {
    path.to_str().expect("UTF-8").to_owned()
}

/// Runs a program of Debian's that `scripts/setup` installs.
pub fn run(program: &str, arguments: &[&str]) {
    run_with(program, arguments, "");
}

/// The same, with something to read.
pub fn run_with(program: &str, arguments: &[&str], input: &str) {
    let folder = Folder::new();
    fs::write(folder.path("input"), input).expect("a file");
    let done = Command::new(program)
        .args(arguments)
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .env("MTOOLS_SKIP_CHECK", "1")
        .env("LC_ALL", "C.UTF-8")
        .stdin(fs::File::open(folder.path("input")).map_or(Stdio::null(), Stdio::from))
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; scripts/setup installs it"));
    assert!(done.status.success(), "{program} {arguments:?}: {done:?}");
}
