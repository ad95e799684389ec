//! A process that is stopped in the middle of its turn, as a virtual machine that is moved, or a laptop that is closed.
//!
//! It is stopped before each of its durable calls in turn. Where something lies in a folder, the others wait until it
//! goes on. Where nothing does, they go on without it once the database has given it up, and what it does when it wakes
//! is fenced. Either way: no two trees are signed, nothing that was acknowledged is lost, and whoever was stopped ends
//! with success or a sentence.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};

use comity_app::sql::{Database, Session};
use comity_app::{Ambient, Centre};
use comity_core::checkpoint::SignedCheckpoint;
use rustix::process::{Pid, Signal, kill_process};

use crate::world::{PASSPHRASE, World, both, put};

const S3_PROCESS: &str = "COMITY_TEST_S3";

/// How many calls one opening of an item makes, at most: past them nothing is stopped any more.
const MOST_CALLS: u64 = 60;

struct Stores {
    world: World,
    /// Where `ledger/` lies as files.
    objects: PathBuf,
    /// Whether others can go on while one is stopped.
    go_on: bool,
}

impl Stores {
    fn new(database: Option<String>, s3: Option<comity_rig::S3>) -> Stores {
        let world = World::on(database, s3);
        let usb = world.folder.path().join("usb");
        put(&usb, "a.txt", b"one");
        world.take_in(&usb, "stick", &["--no-receipt"]);
        Stores {
            go_on: world.database.is_some() && world.s3.is_some(),
            objects: world.s3.as_ref().map_or(&world.dir, |s| &s.folder).clone(),
            world,
        }
    }

    /// Opens the item: one event.
    fn open_item(&self, purpose: &str) -> Command {
        let words = [
            "item",
            "get",
            "UKR-000001-0000001",
            "--purpose",
            purpose,
            "--range",
            "0:3",
        ];
        let mut command = self.world.comity(&words);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The published checkpoint, as anybody outside sees it.
    fn published(&self) -> SignedCheckpoint {
        let note = fs::read(self.objects.join("ledger/checkpoint")).unwrap();
        let centre = Centre::open(&self.world.dir, PASSPHRASE, Ambient::system());
        let keys = centre.unwrap().log_keys().clone();
        SignedCheckpoint::parse(&note)
            .unwrap()
            .verify(&keys)
            .unwrap()
    }

    /// The database gives up whoever holds the turn, as it does after five minutes. Whether anybody did.
    fn give_up(&self) -> bool {
        let database = Database::Postgres {
            url: self.world.database.clone().unwrap(),
            schema: "comity".to_owned(),
        };
        let sql = "SELECT count(pg_terminate_backend(pid)) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
        let mut session = Session::open(&database).unwrap();
        let rows = session.query(sql, &[]).unwrap();
        rows[0].int(0).unwrap() > 0
    }

    fn purposes(&self) -> Vec<String> {
        let history = self
            .world
            .fine(&["item", "history", "UKR-000001-0000001", "--json"]);
        history.lines().map(str::to_owned).collect()
    }
}

/// Waits until a process is stopped; `false` if it ended instead.
fn is_stopped(child: &Child) -> bool {
    loop {
        let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
        match stat
            .rsplit_once(") ")
            .and_then(|(_, rest)| rest.chars().next())
        {
            Some('T') => return true,
            Some('Z') => return false,
            _ => std::thread::yield_now(),
        }
    }
}

fn let_go(child: &Child) {
    let pid = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process(pid, Signal::CONT).unwrap();
}

fn is_done(ran: &Output, what: &str) -> bool {
    let said = both(ran);
    if ran.status.success() {
        assert_eq!(ran.stdout, b"one", "{what}: {said}");
        return true;
    }
    // It says what happened, and does not call sound things damaged.
    assert_eq!(ran.status.code(), Some(1), "{what}: {said}");
    assert!(
        !said.contains("damaged") && !said.contains("panicked"),
        "{what}: {said}"
    );
    false
}

fn stopped_anywhere(stores: &Stores) {
    let (mut seen, mut told) = (Vec::new(), Vec::new());
    let (mut stopped, mut overtaken) = (0, 0);
    for call in 1..=MOST_CALLS {
        let what = format!("stopped before call {call}");
        let first = stores
            .open_item(&format!("first {call}"))
            .env("COMITY_FAULT", format!("pause@{call}"))
            .spawn()
            .unwrap();
        if !is_stopped(&first) {
            assert!(is_done(&first.wait_with_output().unwrap(), &what));
            break;
        }
        stopped += 1;
        let given_up = stores.go_on && stores.give_up();
        overtaken += u64::from(given_up);
        let second = stores.open_item(&format!("second {call}"));
        let mut second = { second }.spawn().unwrap();
        if stores.go_on {
            // It is done while the first is still stopped.
            second.wait().unwrap();
            seen.push(stores.published());
        }
        let_go(&first);
        let first = first.wait_with_output().unwrap();
        if is_done(&first, &what) {
            told.push(format!("first {call}"));
        }
        assert!(
            given_up || first.status.success(),
            "{what}: {}",
            both(&first)
        );
        let second = second.wait_with_output().unwrap();
        assert!(is_done(&second, &what), "{what}: {}", both(&second));
        told.push(format!("second {call}"));
        seen.push(stores.published());
        let sizes: Vec<u64> = seen.iter().map(SignedCheckpoint::size).collect();
        assert!(
            sizes.is_sorted(),
            "{what}: what was published is taken back: {sizes:?}"
        );
        if call % 4 == 0 {
            stores.world.fine(&["verify", "--full"]);
        }
    }
    assert!(
        stopped > 5 && (!stores.go_on || overtaken > 3),
        "{stopped} {overtaken}"
    );
    stores.world.fine(&["verify", "--full"]);
    stores.world.fine(&["rebuild", "--check"]);
    let history = stores.purposes().join("\n");
    for purpose in &told {
        assert!(
            history.contains(purpose.as_str()),
            "{purpose} was acknowledged: {history}"
        );
    }
    // One tree: every checkpoint that anybody saw is a beginning of it.
    let centre = Centre::open(&stores.world.dir, PASSPHRASE, Ambient::system()).unwrap();
    let sequencer = centre.sequencer();
    for checkpoint in &seen {
        let root = sequencer.tree.root_at(checkpoint.size()).unwrap();
        assert_eq!(root, *checkpoint.root(), "{}", checkpoint.size());
    }
}

#[test]
fn on_sqlite_the_others_wait() {
    stopped_anywhere(&Stores::new(None, None));
}

#[test]
fn on_postgres_and_a_folder_the_others_wait() {
    stopped_anywhere(&Stores::new(Some(comity_rig::postgres()), None));
}

/// The keys to S3 come from the environment, so this runs in a process that has them.
#[test]
fn on_postgres_and_s3_the_others_go_on() {
    if std::env::var_os(S3_PROCESS).is_some() {
        return stopped_anywhere(&Stores::new(
            Some(comity_rig::postgres()),
            Some(comity_rig::s3()),
        ));
    }
    let ran = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "paused::on_postgres_and_s3_the_others_go_on"])
        .envs(comity_rig::s3().env())
        .env(S3_PROCESS, "yes")
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", both(&ran));
}
