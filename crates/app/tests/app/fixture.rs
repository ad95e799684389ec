//! A centre in a temporary folder on any of the four combinations of stores, and evidence of every sort.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use comity_app::ambient::{Clock, SystemRandom};
use comity_app::centre::{Founding, create};
use comity_app::event::Actor;
use comity_app::intake::{Outcome, Progress, Request, run};
use comity_app::item::{Filter, Item};
use comity_app::sql::Value;
use comity_app::verify::{Depth, Report, verify};
use comity_app::{Ambient, AppError, Centre};
use comity_core::digest::{Digest, hex};
use comity_core::finding::Finding;
use comity_core::id::ObjectId;
use comity_core::shown::shown;
use comity_keyring::Argon2Params;
use comity_store::Disk;
use tempfile::TempDir;

pub const PASSPHRASE: &str = "nine lemons under the stairs";
pub const FOUNDER: &str = "Olena Kovalenko-Test";
pub const CASE: &str = "The harbour";
pub const SOURCE: &str = "grey USB stick of the harbour master";
/// What the first file says; nothing of a centre may show it.
pub const SENTENCE: &str = "The convoy left the harbour at four in the morning without lights.";

/// Which stores a centre rests on.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    pub postgres: bool,
    pub s3: bool,
}

pub const PLAIN: Kind = Kind {
    postgres: false,
    s3: false,
};

/// Makes one test of each kind of centre. The keys to an S3 store come from the environment of the process, so
/// those tests run in a process that [`s3`] starts, and have nothing to do in any other.
macro_rules! on_every_kind {
    ($($name:ident),* $(,)?) => {
        mod sqlite_and_folder {
            $(#[test] fn $name() { super::$name($crate::fixture::Kind { postgres: false, s3: false }); })*
        }
        mod postgres_and_folder {
            $(#[test] fn $name() { super::$name($crate::fixture::Kind { postgres: true, s3: false }); })*
        }
        mod sqlite_on_s3 {
            $(#[test] fn $name() {
                if $crate::fixture::has_s3() {
                    super::$name($crate::fixture::Kind { postgres: false, s3: true });
                }
            })*
        }
        mod postgres_on_s3 {
            $(#[test] fn $name() {
                if $crate::fixture::has_s3() {
                    super::$name($crate::fixture::Kind { postgres: true, s3: true });
                }
            })*
        }
    };
}

/// Of the calls that a fault can befall every so-manieth is tried, and each with `FAULTS=all`: `make faults`.
pub fn every(so_manieth: usize) -> usize {
    match std::env::var_os("FAULTS") {
        Some(all) if all == "all" => 1,
        _ => so_manieth,
    }
}

const S3_PROCESS: &str = "COMITY_TEST_S3";

pub fn has_s3() -> bool {
    std::env::var_os(S3_PROCESS).is_some()
}

/// The tests of centres on S3, in a process that has the keys.
#[test]
fn s3() {
    if has_s3() {
        return;
    }
    let ran = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["_on_s3::", "--test-threads", "2"])
        .envs(comity_rig::s3().env())
        .env(S3_PROCESS, "yes")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{said}");
    assert!(!said.contains("running 0 tests"), "{said}");
}

/// Goes on by a millisecond with every look, and when told to.
pub struct TestClock(AtomicI64);

impl TestClock {
    pub fn pass(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now_micros(&self) -> i64 {
        self.0.fetch_add(1000, Ordering::SeqCst)
    }
}

/// A centre and where its parts lie.
pub struct World {
    pub folder: TempDir,
    pub dir: PathBuf,
    pub clock: Arc<TestClock>,
    /// Where the objects lie as files: the centre's folder, or the folder of the S3 server.
    pub objects: PathBuf,
}

impl World {
    /// A centre of two members with two cases.
    pub fn new(kind: Kind) -> World {
        World::on(
            kind.postgres.then(comity_rig::postgres),
            kind.s3.then(comity_rig::s3),
        )
    }

    /// As [`World::on`], without a mirror.
    pub fn on(database: Option<String>, s3: Option<comity_rig::S3>) -> World {
        World::mirrored(database, s3, None)
    }

    /// As [`World::new`], on these servers where they are given, and with a mirror at this place.
    pub fn mirrored(
        database: Option<String>,
        s3: Option<comity_rig::S3>,
        mirror: Option<String>,
    ) -> World {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("centre");
        let world = World {
            clock: Arc::new(TestClock(AtomicI64::new(1_795_516_867_000_000))),
            objects: s3.as_ref().map_or(dir.clone(), |s| s.folder.clone()),
            dir,
            folder,
        };
        let member = |code: &str, name: &str| (code.parse().unwrap(), name.to_owned());
        let founding = Founding {
            name: "Centre of the tests".to_owned(),
            members: vec![member("UKR", "Ukraine"), member("LTU", "Lithuania")],
            host: "UKR".parse().unwrap(),
            founder: FOUNDER.to_owned(),
            database,
            objects: s3.map(|s| s.url),
            // A bare name is a folder beside the centre.
            mirror: mirror.map(|place| match place.contains("://") {
                true => place,
                false => world.folder.path().join(place).to_str().unwrap().to_owned(),
            }),
            argon2: Argon2Params::TEST,
        };
        let centre = create(
            &world.dir,
            &founding,
            PASSPHRASE,
            world.ambient(Disk::real()),
        )
        .unwrap();
        let actor = actor(&centre);
        centre.open_case(&actor, CASE).unwrap();
        centre.open_case(&actor, "The other case").unwrap();
        world
    }

    pub fn ambient(&self, disk: Disk) -> Ambient {
        Ambient {
            disk,
            clock: self.clock.clone(),
            random: Arc::new(SystemRandom),
        }
    }

    pub fn open(&self) -> Centre {
        self.open_on(Disk::real()).unwrap()
    }

    pub fn open_on(&self, disk: Disk) -> Result<Centre, AppError> {
        Centre::open(&self.dir, PASSPHRASE, self.ambient(disk))
    }

    /// A folder for evidence beside the centre.
    pub fn place(&self, name: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::create_dir_all(&path).unwrap();
        path
    }

    pub fn verify(&self, depth: Depth) -> Report {
        verify(
            &self.dir,
            depth,
            Some(PASSPHRASE),
            &self.ambient(Disk::real()),
            &|_, _, _| (),
        )
        .unwrap()
    }

    /// All is well: nothing found at any depth, and the tables are what the ledger says.
    pub fn assert_sound(&self) {
        for depth in [Depth::Sealed, Depth::Full] {
            assert_eq!(self.verify(depth).findings, Vec::<Finding>::new());
        }
        let centre = self.open();
        assert_eq!(centre.recovered, Vec::<String>::new());
        assert_eq!(
            centre.rebuild_check(&|_, _| ()).unwrap(),
            Vec::<String>::new()
        );
    }

    /// A copy of the whole folder, beside this one. For centres in one folder.
    pub fn copy(&self, name: &str) -> World {
        let dir = self.folder.path().join(name);
        copy(&self.dir, &dir);
        World {
            folder: tempfile::tempdir().unwrap(),
            objects: dir.clone(),
            dir,
            clock: self.clock.clone(),
        }
    }
}

pub fn actor(centre: &Centre) -> Actor {
    acting(centre).unwrap()
}

/// As [`actor`], on a disk that may not be read.
pub fn acting(centre: &Centre) -> Result<Actor, AppError> {
    centre.actor(&mut centre.session()?, "UKR-P0001")
}

/// An intake of `roots` by UKR into the first case.
pub fn request(roots: &[&Path]) -> Request {
    let roots = roots.iter().map(|r| r.to_path_buf()).collect();
    Request::new("UKR".parse().unwrap(), CASE, SOURCE, roots)
}

pub fn take_in(centre: &Centre, request: &Request) -> Result<Outcome, AppError> {
    run(centre, &actor(centre), request, &|_| ())
}

pub fn take_in_watched(
    centre: &Centre,
    request: &Request,
    watch: &(dyn Fn(&Progress) + Sync),
) -> Outcome {
    run(centre, &actor(centre), request, watch).unwrap()
}

pub fn items(centre: &Centre) -> Vec<Item> {
    let mut all = Vec::new();
    let mut session = centre.session().unwrap();
    centre
        .each_item(&mut session, &Filter::default(), 0, &mut |item| {
            all.push(item);
            Ok(true)
        })
        .unwrap();
    all
}

/// An item as a person would compare it: number, state, path, digest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Line(pub String, pub &'static str, pub String, pub Option<String>);

pub fn listing(centre: &Centre) -> Vec<Line> {
    items(centre)
        .iter()
        .map(|item| {
            let facts = item.facts.as_ref().unwrap();
            Line(
                item.ern.to_string(),
                item.state.word(),
                shown(&facts.path),
                facts.sha256.map(|d| hex(&d)),
            )
        })
        .collect()
}

/// The item of a shown path, the newest one.
pub fn item_at(centre: &Centre, path: &str) -> Item {
    let found = items(centre).into_iter().rev().find(|item| {
        let facts = item.facts.as_ref();
        facts.is_some_and(|f| shown(&f.path) == path)
    });
    found.unwrap_or_else(|| panic!("no item at {path}"))
}

/// What an item's first event says under a name.
pub fn said(centre: &Centre, item: &Item, name: &str) -> Option<serde_json::Value> {
    centre.received_event(item).unwrap().value(name).cloned()
}

/// The kinds of an item's events, in order.
pub fn kinds(centre: &Centre, item: &Item) -> Vec<String> {
    let history = centre.history(&mut centre.session().unwrap(), item);
    let text = |event: &comity_app::item::HistoryEvent| event.event.text("kind").map(str::to_owned);
    history.unwrap().iter().filter_map(text).collect()
}

/// How many events of a kind the log holds.
pub fn count_events(centre: &Centre, kind: &str) -> usize {
    let size = centre.sequencer().tree.size();
    (0..size)
        .filter(|i| centre.read_event(*i).unwrap().text("kind") == Some(kind))
        .count()
}

pub fn log_size(centre: &Centre) -> u64 {
    centre.sequencer().tree.size()
}

/// Every object that the vault holds.
pub fn objects(centre: &Centre) -> Vec<ObjectId> {
    let packs = centre.vault.packs().unwrap();
    packs
        .iter()
        .flat_map(|p| centre.vault.read_pack_index(&p.name).unwrap().objects)
        .map(|o| o.object)
        .collect()
}

pub fn bytes_of(centre: &Centre, item: &Item) -> Vec<u8> {
    let mut out = Vec::new();
    let mut session = centre.session().unwrap();
    let opening = centre.open_item(&mut session, &actor(centre), item.clone(), "a test", None);
    opening.unwrap().copy_to(&mut out).unwrap();
    out
}

pub fn number(centre: &Centre, sql: &str) -> i64 {
    let rows = centre.session().unwrap().query(sql, &[]).unwrap();
    match rows[0].0[0] {
        Value::Int(n) => n,
        ref other => panic!("{other:?}"),
    }
}

pub fn sha256(bytes: &[u8]) -> String {
    Digest::of(bytes).to_string()
}

/// Writes a file and the folders above it.
pub fn put(folder: &Path, name: impl AsRef<[u8]>, bytes: &[u8]) -> PathBuf {
    let path = folder.join(std::ffi::OsStr::from_bytes(name.as_ref()));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}

/// A file with nothing in it but its length.
pub fn sparse(folder: &Path, name: &str, len: u64) -> PathBuf {
    let path = put(folder, name, b"");
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(len).unwrap();
    path
}

/// Bytes that do not compress and differ by their seed.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let step = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    let mut bytes: Vec<u8> = (0..len.div_ceil(8)).flat_map(step).collect();
    bytes.truncate(len);
    bytes
}

/// Whether bytes have others among them.
pub fn shows(bytes: &[u8], secret: impl AsRef<[u8]>) -> bool {
    memchr::memmem::find(bytes, secret.as_ref()).is_some()
}

/// All files below a folder with their bytes, by their paths from it.
pub fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(path) = waiting.pop() {
        for entry in fs::read_dir(&path).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
                match fs::read(&path) {
                    Ok(bytes) => found.push((name.to_owned(), bytes)),
                    // What lies beside a database comes and goes while another test reads it.
                    Err(e) => assert_eq!(e.kind(), ErrorKind::NotFound),
                }
            }
        }
    }
    found.sort();
    found
}

pub fn copy(from: &Path, to: &Path) {
    for (name, bytes) in files(from) {
        put(to, name.as_bytes(), &bytes);
    }
}

/// Evidence of every sort that a folder can hold, and what a walk must make of it: state and shown path, in order.
pub fn evidence(usb: &Path) -> Vec<(&'static str, String)> {
    put(usb, "a/z-last.txt", SENTENCE.as_bytes());
    put(usb, "a.txt", b"one");
    put(usb, "b/empty", b"");
    put(usb, "b/same-1", b"the same bytes, twice in one batch");
    put(usb, "b/same-2", b"the same bytes, twice in one batch");
    put(usb, b"c/caf\xe9.txt", b"latin");
    put(usb, "c/\u{443}\u{43a}\u{440}.txt", "слова".as_bytes());
    put(usb, "d/large.bin", &noise(1, (4 << 20) + 4321));
    put(usb, "d/large-again.bin", &noise(1, (4 << 20) + 4321));
    put(
        usb,
        "d/text.log",
        "a line that compresses\n".repeat(9000).as_bytes(),
    );
    std::os::unix::fs::symlink("../a.txt", usb.join("e-link")).unwrap();
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(
        rustix::fs::CWD,
        usb.join("f-pipe"),
        rustix::fs::FileType::Fifo,
        mode,
        0,
    )
    .unwrap();
    drop(std::os::unix::net::UnixListener::bind(usb.join("g-socket")).unwrap());
    [
        ("sealed", "a/z-last.txt"),
        ("sealed", "a.txt"),
        ("sealed", "b/empty"),
        ("sealed", "b/same-1"),
        ("sealed", "b/same-2"),
        ("sealed", "c/caf\\xe9.txt"),
        ("sealed", "c/\u{443}\u{43a}\u{440}.txt"),
        ("sealed", "d/large-again.bin"),
        ("sealed", "d/large.bin"),
        ("sealed", "d/text.log"),
        ("link", "e-link"),
        ("refused", "f-pipe"),
        ("refused", "g-socket"),
    ]
    .map(|(state, path)| {
        (
            state,
            format!("{}/{path}", usb.file_name().unwrap().to_str().unwrap()),
        )
    })
    .to_vec()
}
