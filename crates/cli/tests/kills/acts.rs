//! What the program is doing when it is killed.

use std::any::Any;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Output;

use comity_app::{Ambient, Centre};
use comity_core::package::{
    Beside, CONSISTENCY_ENDING, PROOF_ENDING, PackageOptions, ReceiptOptions, check_package,
    check_receipt,
};

use crate::folder::Folder;
use crate::outside;
use crate::world::{PASSPHRASE, World, both, put};

/// Keys of two persons who do not exist: age identities of 32 bytes 1, and 32 bytes 3.
const FIRST_KEY: &str =
    "AGE-SECRET-KEY-1QYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZQGPQYQSZ9K4CN\n";
const SECOND_KEY: &str =
    "AGE-SECRET-KEY-1QVPSXQCRQVPSXQCRQVPSXQCRQVPSXQCRQVPSXQCRQVPSXQCRQVPS2PGGME\n";

/// What an act hands over, if it does, in the folder beside the centre.
pub const OUT: &str = "out";

/// Servers of others, which live as long as this is kept.
pub type Outside = Option<Box<dyn Any + Send + Sync>>;

/// An act.
pub struct Act {
    /// Its name.
    pub name: &'static str,
    /// Whether the centre has a mirror.
    pub mirrored: bool,
    /// Whether the vault is damaged until it is done.
    pub mends: bool,
    /// Makes the centre ready for it. What it gives is kept while the act is tried: those outside who are asked.
    pub prepare: fn(&World) -> Outside,
    /// The command, on a copy of the centre that was made ready.
    pub words: fn(&World, &World) -> Vec<String>,
    /// Holds what it handed over to be whole, as others would judge it.
    pub after: fn(&World, &str),
    /// Whether it is tried on PostgreSQL and S3 as well.
    pub on_servers: bool,
    /// What a command given again may say when it was done the first time.
    again: &'static [&'static str],
}

impl Act {
    /// Whether a run ended as it should: done, or refused because it was done before.
    pub fn ends(&self, ran: &Output) -> bool {
        let said = both(ran);
        ran.status.success() || self.again.iter().any(|words| said.contains(words))
    }
}

/// An intake whose files make a large group (`docs/adr/0003-order-of-a-commit.md`), and what went before a small one.
pub const LARGE: Act = Act {
    name: "large group",
    mirrored: false,
    mends: false,
    on_servers: false,
    prepare: many_files,
    words: |_, template| intake(template, &["--no-receipt"]),
    after: |_, _| (),
    again: &[],
};

/// All of them.
pub const ACTS: &[Act] = &[
    Act {
        name: "intake",
        mirrored: false,
        mends: false,
        on_servers: true,
        prepare: nothing_yet,
        words: |world, template| intake(template, &["--receipt", &out(world)]),
        after: receipt_is_whole,
        again: &["is there already"],
    },
    Act {
        name: "work",
        mirrored: false,
        mends: false,
        on_servers: true,
        prepare: containers,
        words: |_, _| {
            let reader = comity_rig::extract_worker();
            strings(&[
                "work",
                "--readers",
                "1",
                "--reader",
                reader.to_str().unwrap(),
            ])
        },
        after: all_is_read,
        again: &[],
    },
    Act {
        name: "passes",
        mirrored: false,
        mends: false,
        on_servers: false,
        prepare: read_already,
        words: |_, _| {
            let reader = comity_rig::extract_worker();
            let reader = reader.to_str().unwrap();
            strings(&["work", "--readers", "1", "--reader", reader])
        },
        after: all_passes_are_made,
        again: &[],
    },
    Act {
        name: "list",
        mirrored: false,
        mends: false,
        on_servers: false,
        prepare: with_a_list,
        words: |_, template| {
            let list = template.folder.path().join("watch.sha256");
            let list = list.to_str().unwrap();
            strings(&["files", "import", list, "--name", "Orders", "--watch"])
        },
        after: one_is_on_the_list,
        again: &[],
    },
    Act {
        name: "get",
        mirrored: false,
        mends: false,
        on_servers: true,
        prepare: taken_in,
        words: |world, _| {
            let out = out(world);
            strings(&[
                "item",
                "get",
                "UKR-000001-0000001",
                "--purpose",
                "a test",
                "-o",
                &out,
            ])
        },
        after: |world, what| {
            let out = fs::read(world.folder.path().join(OUT)).unwrap();
            assert_eq!(out, b"one", "{what}");
        },
        again: &["is there already"],
    },
    Act {
        name: "receipt",
        mirrored: false,
        mends: false,
        on_servers: false,
        prepare: taken_in,
        words: |world, _| strings(&["receipt", "UKR-000001", "-o", &out(world)]),
        after: receipt_is_whole,
        again: &["is there already"],
    },
    Act {
        name: "disclose",
        mirrored: false,
        mends: false,
        on_servers: false,
        prepare: taken_in,
        words: |world, _| {
            let out = out(world);
            strings(&[
                "disclose",
                "--case",
                "C0001",
                "--purpose",
                "trial",
                "-o",
                &out,
            ])
        },
        after: package_is_whole,
        again: &["is there already"],
    },
    Act {
        name: "rotate",
        mirrored: false,
        mends: false,
        on_servers: true,
        prepare: taken_in,
        words: |_, _| strings(&["keys", "rotate", "--member", "UKR"]),
        after: |_, _| (),
        again: &[],
    },
    Act {
        name: "succeed",
        mirrored: false,
        mends: false,
        on_servers: false,
        prepare: taken_in,
        words: |_, _| strings(&["keys", "succeed"]),
        after: one_set_of_keys_signs,
        again: &[],
    },
    Act {
        name: "compact",
        mirrored: false,
        mends: false,
        on_servers: false,
        prepare: forgotten,
        words: |_, _| strings(&["vault", "compact"]),
        after: |_, _| (),
        again: &[],
    },
    Act {
        name: "backup",
        mirrored: false,
        mends: false,
        on_servers: false,
        prepare: backed_up,
        words: |world, template| {
            // Each copy of the centre brings its own older backup up to date.
            let out = world.folder.path().join("backup");
            if !out.exists() {
                copy(&template.folder.path().join("backup"), &out);
            }
            strings(&["backup", out.to_str().unwrap(), "--keep-keyrings", "2"])
        },
        after: |world, what| {
            let out = world.folder.path().join("backup");
            let ran = world.run(&["backup", out.to_str().unwrap(), "--check", "--full"]);
            assert!(ran.status.success(), "{what}: {}", both(&ran));
        },
        again: &[],
    },
    Act {
        name: "rebuild",
        mirrored: false,
        mends: false,
        on_servers: false,
        prepare: taken_in,
        words: |_, _| strings(&["rebuild"]),
        after: |_, _| (),
        again: &[],
    },
    Act {
        name: "erase",
        mirrored: false,
        mends: false,
        on_servers: true,
        prepare: proposed,
        words: |_, template| {
            let key = template.folder.path().join("second.key");
            let key = key.to_str().unwrap();
            let second = ["--actor", "LTU-P0001", "--key", key];
            strings(&[&["erase", "--confirm", "P0001"][..], &second].concat())
        },
        after: outside::is_forgotten,
        // The order is what is confirmed; once it is recorded the next command completes it.
        again: &["P0001 is confirmed already"],
    },
    Act {
        name: "two-intake",
        mirrored: true,
        mends: false,
        on_servers: true,
        prepare: nothing_yet,
        words: |world, template| intake(template, &["--receipt", &out(world)]),
        after: receipt_is_whole,
        again: &["is there already"],
    },
    Act {
        name: "two-compact",
        mirrored: true,
        mends: false,
        on_servers: true,
        prepare: forgotten,
        words: |_, _| strings(&["vault", "compact"]),
        after: both_hold_the_same,
        again: &[],
    },
    Act {
        name: "two-erase",
        mirrored: true,
        mends: false,
        on_servers: true,
        prepare: proposed,
        words: |_, template| {
            let key = template.folder.path().join("second.key");
            let key = key.to_str().unwrap();
            let second = ["--actor", "LTU-P0001", "--key", key];
            strings(&[&["erase", "--confirm", "P0001"][..], &second].concat())
        },
        after: outside::is_forgotten,
        again: &["P0001 is confirmed already"],
    },
    Act {
        name: "catch-up",
        mirrored: true,
        mends: false,
        on_servers: true,
        prepare: missed,
        words: |world, template| {
            // It is back for the copy that is tried; the next opening of the template would have it catch up.
            let aside = template.folder.path().join("aside");
            copy(&aside, world.mirror.as_ref().unwrap());
            strings(&["vault", "mirror", "catch-up"])
        },
        after: both_hold_the_same,
        again: &[],
    },
    Act {
        name: "repair",
        mirrored: true,
        mends: true,
        on_servers: true,
        prepare: damaged_in_both,
        words: |_, _| strings(&["vault", "repair", "--full"]),
        after: both_hold_the_same,
        again: &[],
    },
    Act {
        name: "stamp",
        mirrored: false,
        mends: false,
        on_servers: false,
        prepare: outside::stamped_by_somebody,
        words: |_, _| strings(&["stamp", "now"]),
        after: outside::is_stamped,
        again: &[],
    },
    Act {
        name: "attest",
        mirrored: false,
        mends: false,
        on_servers: false,
        prepare: outside::witnessed,
        words: |_, _| strings(&["ledger", "attest"]),
        after: outside::is_attested,
        again: &[],
    },
];

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|w| (*w).to_owned()).collect()
}

fn out(world: &World) -> String {
    world.folder.path().join(OUT).to_str().unwrap().to_owned()
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

/// Files in two groups, one of them large, and a document.
fn nothing_yet(world: &World) -> Outside {
    let usb = world.folder.path().join("usb");
    put(&usb, "a.txt", b"one");
    put(&usb, "b.txt", b"two");
    put(&usb, "c.txt", b"one");
    put(&usb, "large", &vec![7; (4 << 20) + 9]);
    put(world.folder.path(), "protocol.txt", b"signed");
    None
}

fn many_files(world: &World) -> Outside {
    let outside = nothing_yet(world);
    let usb = world.folder.path().join("usb");
    for n in 0..700 {
        put(
            &usb,
            &format!("{n:03}.txt"),
            format!("the {n}th").as_bytes(),
        );
    }
    outside
}

fn intake(template: &World, more: &[&str]) -> Vec<String> {
    let path = |name: &str| {
        template
            .folder
            .path()
            .join(name)
            .to_str()
            .unwrap()
            .to_owned()
    };
    let (usb, document) = (path("usb"), path("protocol.txt"));
    let words = [
        "intake",
        &usb,
        "--member",
        "UKR",
        "--case",
        "C0001",
        "--source",
        "stick",
        "--document",
        &document,
    ];
    strings(&[&words, more].concat())
}

/// Nothing waits, and no number was given twice.
fn all_is_read(world: &World, what: &str) {
    let counts = world.json(&["item", "list", "--counts"]);
    assert_eq!(counts["unread"], 0, "{what}: {counts}");
    assert_eq!(counts["items"], 11, "{what}: {counts}");
}

/// A picture was read, and neither drawn nor looked through for characters.
fn read_already(world: &World) -> Outside {
    let usb = world.folder.path().join("usb");
    let photos = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../testdata/samples/evidence/photos"
    );
    let photo = fs::read(Path::new(photos).join("crater south.png")).unwrap();
    put(&usb, "photo.png", &photo);
    taken_in(world);
    let reader = comity_rig::extract_worker();
    let reader = reader.to_str().unwrap();
    world.fine(&["work", "--only", "read", "--reader", reader]);
    None
}

fn all_passes_are_made(world: &World, what: &str) {
    let counts = world.json(&["item", "list", "--counts"]);
    let further = counts["further"].as_object().unwrap();
    assert_eq!(further.len(), 2, "{what}: {counts}");
    for states in further.values() {
        assert_eq!(states["waits"], serde_json::Value::Null, "{what}: {counts}");
        let made: u64 = states
            .as_object()
            .unwrap()
            .values()
            .filter_map(|n| n.as_u64())
            .sum();
        assert_eq!(made, 1, "{what}: {counts}");
    }
}

/// A list of files that are looked for, and one of them.
fn with_a_list(world: &World) -> Outside {
    taken_in(world);
    let list = format!("{}  two\n", comity_core::digest::Digest::of(b"two"));
    put(world.folder.path(), "watch.sha256", list.as_bytes());
    None
}

fn one_is_on_the_list(world: &World, what: &str) {
    // Killed after it was recorded and given again, it is a second version of the same.
    let hits = world.json(&["files", "hits", "L0001", "--purpose", "a test"]);
    assert_eq!(hits["items"], 1, "{what}: {hits}");
    let lists = world.json(&["files", "list"]);
    assert_eq!(lists.as_array().unwrap().len(), 1, "{what}: {lists}");
}

/// Files, and an archive in an archive; one child is large.
fn containers(world: &World) -> Outside {
    nothing_yet(world);
    let inner = zipped(&[("one", b"one"), ("deep.txt", b"a letter")]);
    let large = vec![7; (4 << 20) + 9];
    let outer = zipped(&[("inner.zip", &inner), ("large", &large), ("x", b"x")]);
    put(&world.folder.path().join("usb"), "outer.zip", &outer);
    let words = intake(world, &["--no-receipt"]);
    world.fine(&words.iter().map(String::as_str).collect::<Vec<_>>());
    None
}

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in files {
        zip.start_file(*name, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

pub fn taken_in(world: &World) -> Outside {
    nothing_yet(world);
    let words = intake(world, &["--no-receipt"]);
    world.fine(&words.iter().map(String::as_str).collect::<Vec<_>>());
    None
}

/// Two items are forgotten: one of a pack of several, and a large one.
fn forgotten(world: &World) -> Outside {
    taken_in(world);
    let centre = Centre::open(&world.dir, PASSPHRASE, Ambient::system()).unwrap();
    let sql =
        "SELECT c.content_key FROM items i JOIN chains c ON c.no = i.no WHERE i.number IN (2, 4)";
    let rows = centre.session().unwrap().query(sql, &[]).unwrap();
    let keys: Vec<u64> = rows.iter().map(|r| r.int(0).unwrap() as u64).collect();
    assert_eq!(keys.len(), 2);
    centre.keys.ring().destroy(&keys).unwrap();
    centre.rebuild(&|_, _| ()).unwrap();
    None
}

/// Two persons with keys of their own, one of whom proposed that two items be erased: one that shares its bytes with
/// an item that stays, and a large one.
fn proposed(world: &World) -> Outside {
    taken_in(world);
    world.fine(&["person", "add", "--member", "LTU", "Second"]);
    let folder = world.folder.path();
    for (actor, name, key) in [
        ("UKR-P0001", "first.key", FIRST_KEY),
        ("LTU-P0001", "second.key", SECOND_KEY),
    ] {
        let key = put(folder, name, key.as_bytes());
        let key = key.to_str().unwrap();
        world.fine(&["person", "key", "--actor", actor, "--key", key]);
    }
    let key = folder.join("first.key");
    world.fine(&[
        "erase",
        "UKR-000001-0000001",
        "UKR-000001-0000004",
        "--these",
        "--reason",
        "a test",
        "--authority",
        "order 7",
        "--key",
        key.to_str().unwrap(),
    ]);
    None
}

/// The mirror was away while items came and others were forgotten.
fn missed(world: &World) -> Outside {
    let (mirror, aside) = (
        world.mirror.as_ref().unwrap(),
        world.folder.path().join("aside"),
    );
    nothing_yet(world);
    fs::rename(mirror, &aside).unwrap();
    forgotten(world);
    world.fine(&["vault", "compact"]);
    fs::create_dir(mirror).unwrap();
    None
}

/// One store lost a pack and has it back half, the other has a changed byte in another one.
fn damaged_in_both(world: &World) -> Outside {
    taken_in(world);
    let mirror = world.mirror.as_ref().unwrap();
    let mut packs = packs(world.objects());
    packs.sort_by_key(|(_, bytes)| bytes.len());
    let [(small, bytes), .., (large, of_large)] = packs.as_slice() else {
        panic!("fewer than two packs");
    };
    let mut flipped = bytes.clone();
    flipped[70] ^= 1;
    fs::write(mirror.join(small), flipped).unwrap();
    fs::write(world.objects().join(large), &of_large[..of_large.len() / 2]).unwrap();
    None
}

fn packs(folder: &Path) -> Vec<(std::path::PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for above in fs::read_dir(folder.join("vault")).unwrap() {
        for pack in fs::read_dir(above.unwrap().path()).unwrap() {
            let path = pack.unwrap().path();
            let name = path.strip_prefix(folder).unwrap().to_owned();
            found.push((name, fs::read(path).unwrap()));
        }
    }
    found.sort();
    found
}

/// What the first store has lies in the mirror too, byte for byte, and nothing is waiting.
fn both_hold_the_same(world: &World, what: &str) {
    let mirror = world.mirror.as_ref().unwrap();
    assert_eq!(packs(world.objects()), packs(mirror), "{what}");
    assert!(!world.dir.join("mirror.json").exists(), "{what}");
}

/// With an older backup, and an item that came since.
fn backed_up(world: &World) -> Outside {
    taken_in(world);
    let backup = world.folder.path().join("backup");
    for _ in 0..2 {
        world.fine(&["backup", backup.to_str().unwrap()]);
    }
    let usb = world.folder.path().join("later");
    put(&usb, "later.txt", b"later");
    world.take_in(&usb, "another stick", &["--no-receipt"]);
    None
}

fn receipt_is_whole(world: &World, what: &str) {
    let place = world.folder.path().join(OUT);
    let report = check_receipt(&Folder::open(&place).unwrap(), &ReceiptOptions::default());
    assert!(report.findings.is_empty(), "{what}: {:?}", report.findings);
}

/// The key file leads from the first keys to those that sign, and no former secret is left.
fn one_set_of_keys_signs(world: &World, what: &str) {
    let file = fs::read(world.dir.join("keys")).unwrap();
    let told = comity_core::LogKeys::parse(&file).unwrap();
    let centre = Centre::open(&world.dir, PASSPHRASE, Ambient::system()).unwrap();
    assert_eq!(*centre.log_keys(), told, "{what}");
    assert!(!told.chain().statements().is_empty(), "{what}");
    assert!(centre.keys.ring().open_key(2).is_err(), "{what}");
}

fn package_is_whole(world: &World, what: &str) {
    let place = world.folder.path().join(OUT);
    let read = |ending: &str| fs::read(place.with_file_name(format!("{OUT}{ending}"))).ok();
    let beside = Beside {
        proof: read(PROOF_ENDING),
        consistency: read(CONSISTENCY_ENDING),
    };
    let options = PackageOptions {
        beside,
        threads: 1,
        ..PackageOptions::default()
    };
    let report = check_package(&Folder::open(&place).unwrap(), &options);
    assert!(report.findings.is_empty(), "{what}: {:?}", report.findings);
}
