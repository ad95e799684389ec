//! Witnesses of a centre: what they attest, what an absent one stops (nothing), and what a copy of the centre that is
//! older than they know may sign (nothing).

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use comity_app::attest::Outcome;
use comity_app::audit::{self, Source, audit};
use comity_app::receipt::Place;
use comity_app::verify::Depth;
use comity_app::{AppError, Centre};
use comity_core::misbehaviour::Deed;
use comity_core::package::{ReceiptOptions, check_receipt};
use comity_store::Disk;
use comity_witness::{Limits, Rate, Server, Witness};

use crate::backup::{back_up, restore};
use crate::fixture::{Kind, PLAIN, World, actor, request, take_in};
use crate::folder::Folder;

const NOW: u64 = 1_795_516_900;

/// A witness in a folder of the world, which can be away and come back at its old address.
struct Running {
    dir: std::path::PathBuf,
    address: SocketAddr,
    server: Option<Server>,
    lines: String,
}

impl Running {
    fn start(world: &World, centre: &Centre, name: &str) -> Running {
        let seed = name.as_bytes()[0];
        let dir = world.folder.path().join(name);
        let seeds = [&[seed; 32], &[seed + 1; 32]];
        let witness = Witness::create(&dir, Disk::real(), name, seeds).unwrap();
        witness.follow(centre.log_keys().vkeys()).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let keys = std::fs::read_to_string(dir.join("keys")).unwrap();
        let lines: String = keys
            .lines()
            .map(|l| format!("{l} http://{address}\n"))
            .collect();
        let lines = format!("{lines}group {name} all {name}-ed25519 {name}-ml-dsa-44\n");
        let mut running = Running {
            dir,
            address,
            server: None,
            lines,
        };
        running.server = Some(running.serve(listener));
        running
    }

    fn serve(&self, listener: TcpListener) -> Server {
        let limits = Limits {
            rate: Rate {
                per_second: 0,
                burst: 0,
            },
            ..Limits::default()
        };
        Server::start(self.witness(), listener, Arc::new(|| NOW), limits).unwrap()
    }

    fn witness(&self) -> Witness {
        Witness::open(&self.dir, Disk::real()).unwrap()
    }

    fn go_away(&mut self) {
        self.server = None;
    }

    fn come_back(&mut self) {
        self.server = Some(self.serve(TcpListener::bind(self.address).unwrap()));
    }

    fn seen(&self, centre: &Centre) -> u64 {
        let note = self.witness().seen(&centre.config.origin).unwrap().unwrap();
        let text = String::from_utf8(note).unwrap();
        text.lines().nth(1).unwrap().parse().unwrap()
    }
}

fn set(centre: &Centre, witnesses: &[&Running], quorum: &str) {
    let mut policy: String = witnesses.iter().map(|w| w.lines.clone()).collect();
    policy.push_str(quorum);
    centre
        .set_witness_policy(&actor(centre), &policy, 3600)
        .unwrap();
}

fn record(centre: &Centre, name: &str) -> Result<u64, AppError> {
    Ok(centre.open_case(&actor(centre), name)?.1.index)
}

fn settle(centre: &Centre) {
    assert!(centre.attester.settle(Duration::from_secs(20)));
}

/// Of a log that grows all the time witnesses see some checkpoints, and the last one.
#[test]
fn a_busy_log_is_shown_now_and_then() {
    let world = World::new(PLAIN);
    let centre = world.open();
    let mut aster = Running::start(&world, &centre, "aster");
    aster.go_away();
    let shown = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&shown);
    let clock = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        NOW
    };
    let listener = TcpListener::bind(aster.address).unwrap();
    let server = Server::start(
        aster.witness(),
        listener,
        Arc::new(clock),
        Limits::default(),
    );
    set(&centre, &[&aster], "quorum aster\n");
    settle(&centre);
    shown.store(0, Ordering::Relaxed);
    let began = Instant::now();
    for number in 0..40 {
        record(&centre, &format!("case {number}")).unwrap();
    }
    let size = record(&centre, "the last").unwrap() + 1;
    settle(&centre);
    let halves = (began.elapsed().as_millis() / 500) as u32;
    let times = shown.load(Ordering::Relaxed);
    assert!(
        (1..=2 + halves).contains(&times),
        "{times} times in {halves} half seconds"
    );
    assert_eq!(aster.seen(&centre), size);
    drop(server);
}

fn receipt_at(centre: &Centre, no: i64, place: &Path) -> comity_core::package::ReceiptReport {
    centre
        .make_receipt(&actor(centre), no, Place::Here(place), &|_, _| ())
        .unwrap();
    check_receipt(&Folder::open(place).unwrap(), &ReceiptOptions::default())
}

fn a_receipt_says_who_attested_it(kind: Kind) {
    let world = World::new(kind);
    let centre = world.open();
    let (aster, birch) = (
        Running::start(&world, &centre, "aster"),
        Running::start(&world, &centre, "birch"),
    );
    set(
        &centre,
        &[&aster, &birch],
        "group q all aster birch\nquorum q\n",
    );
    let evidence = world.place("evidence");
    std::fs::write(evidence.join("a.txt"), b"hello").unwrap();
    let taken = take_in(&centre, &request(&[&evidence])).unwrap();
    centre.wait_for_attestation(Duration::from_secs(30));
    let report = receipt_at(&centre, taken.no, &world.folder.path().join("receipt"));
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    let witnessed = report.log.unwrap().witnessed.unwrap();
    assert!(!witnessed.anchored);
    assert_eq!(witnessed.attestation.attested_secs, Some(NOW));
    let names: Vec<_> = witnessed
        .attestation
        .seen
        .iter()
        .map(|s| s.name.as_str())
        .collect();
    assert_eq!(names, ["aster", "birch"]);
    settle(&centre);
    assert_eq!(
        aster.seen(&centre),
        centre
            .attestation()
            .unwrap()
            .attested
            .unwrap()
            .checkpoint
            .size()
    );
    drop(centre);
    world.assert_sound();
    assert_eq!(
        world
            .open()
            .witness_policy(&mut world.open().session().unwrap())
            .unwrap()
            .unwrap()
            .policy
            .witnesses()
            .len(),
        4
    );
}

on_every_kind!(a_receipt_says_who_attested_it);

#[test]
fn a_missing_witness_stops_nothing_and_is_shown() {
    let world = World::new(PLAIN);
    let centre = world.open();
    let (aster, mut birch) = (
        Running::start(&world, &centre, "aster"),
        Running::start(&world, &centre, "birch"),
    );
    birch.go_away();
    set(
        &centre,
        &[&aster, &birch],
        "group q all aster birch\nquorum q\n",
    );
    let taken = take_in(&centre, &request(&[&world.place("evidence")])).unwrap();
    settle(&centre);
    let report = receipt_at(&centre, taken.no, &world.folder.path().join("receipt"));
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    let attestation = report.log.unwrap().witnessed.unwrap().attestation;
    assert_eq!(attestation.attested_secs, None);
    assert_eq!(attestation.missing, ["birch"]);
    let warning = centre.attestation().unwrap().warning().unwrap();
    assert!(
        warning.contains("Not heard of") && warning.contains("birch"),
        "{warning}"
    );
    birch.come_back();
    let asked = centre.attest().unwrap();
    assert!(
        asked.iter().all(|a| a.outcome == Outcome::Cosigned),
        "{asked:?}"
    );
    assert_eq!(centre.attestation().unwrap().warning(), None);
    world.clock.pass(2 * 3_600_000_000);
    assert!(
        centre
            .attestation()
            .unwrap()
            .warning()
            .unwrap()
            .contains("old")
    );
}

#[test]
fn a_copy_that_is_older_than_its_witnesses_know_reads_and_does_not_sign() {
    let world = World::new(PLAIN);
    let centre = world.open();
    let mut aster = Running::start(&world, &centre, "aster");
    set(&centre, &[&aster], "quorum aster\n");
    record(&centre, "one").unwrap();
    settle(&centre);
    let old = world.copy("old");
    let newest = record(&centre, "two").unwrap() + 1;
    settle(&centre);

    let copy = old.open();
    let size = copy
        .attestation()
        .unwrap()
        .attested
        .unwrap()
        .checkpoint
        .size();
    for _ in 0..2 {
        match record(&copy, "behind") {
            Err(AppError::MustNotSign(what)) => {
                assert!(what.contains(&format!("{newest} events")), "{what}")
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(
        copy.vouch_for_this_copy().is_err(),
        "nobody's word goes against a proof"
    );
    // Nothing was numbered either: the copy opens, reads and verifies as before.
    drop(copy);
    let copy = old.open();
    assert_eq!(copy.cases(&mut copy.session().unwrap()).unwrap().len(), 3);
    assert_eq!(
        copy.attestation()
            .unwrap()
            .attested
            .unwrap()
            .checkpoint
            .size(),
        size
    );

    // A copy that comes from a backup has no mark at all, and perhaps nothing that was cosigned.
    std::fs::remove_file(old.dir.join("witnessed.json")).unwrap();
    std::fs::remove_dir_all(old.dir.join("ledger/cosigned")).unwrap();

    // With the witness away the copy does not begin, and the centre itself goes on.
    aster.go_away();
    assert!(matches!(
        record(&copy, "unseen"),
        Err(AppError::MustNotSign(_))
    ));
    world.clock.pass(86_400_000_000);
    record(&world.open(), "three").unwrap();
}

#[test]
fn two_histories_are_found_proved_and_ended() {
    let world = World::new(PLAIN);
    let centre = world.open();
    let mut aster = Running::start(&world, &centre, "aster");
    set(&centre, &[&aster], "quorum aster\n");
    settle(&centre);
    let other = world.copy("other");
    record(&centre, "one").unwrap();
    settle(&centre);
    aster.go_away();
    let forged = other.open();
    forged.vouch_for_this_copy().unwrap();
    for name in ["another one", "another two"] {
        record(&forged, name).unwrap();
    }
    aster.come_back();
    assert!(matches!(
        forged.attest().unwrap()[0].outcome,
        Outcome::Contradicts { .. }
    ));
    assert!(matches!(
        record(&forged, "more"),
        Err(AppError::MustNotSign(_))
    ));

    let origin = centre.config.origin.clone();
    let find = |source: &Source| {
        let request = audit::Request {
            log: Some(source),
            peers: &[],
            stopped_after_secs: 3600,
            now_secs: NOW,
        };
        audit(&aster.witness(), &origin, &request).unwrap()
    };
    let exported = other.folder.path().join("exported");
    let sequencer = forged.sequencer();
    let note = sequencer.tree.published().unwrap().to_vec();
    sequencer
        .tree
        .export(&exported, &note, b"keys", &|_, _| ())
        .unwrap();
    drop(sequencer);
    for source in [
        Source::of(other.dir.to_str().unwrap()),
        Source::of(exported.to_str().unwrap()),
    ] {
        let report = find(&source);
        assert!(
            report.findings.iter().any(|f| f.contains("two trees")),
            "{:?}",
            report.findings
        );
        let proven = report.evidence[0].verify(Some(&centre.log_keys())).unwrap();
        assert_eq!(proven.deed, Deed::Fork);
        assert!(proven.second.size() > proven.first.size());
    }
    // The honest side: what the witness refused is ahead of it, and nothing is proved against it.
    let report = find(&Source::of(world.dir.to_str().unwrap()));
    assert!(report.evidence.iter().all(|e| e.deed == Deed::Rollback));
}

#[test]
fn a_log_that_went_back_or_stopped_is_said_plainly() {
    let world = World::new(PLAIN);
    let centre = world.open();
    let aster = Running::start(&world, &centre, "aster");
    set(&centre, &[&aster], "quorum aster\n");
    settle(&centre);
    let old = world.copy("old");
    record(&centre, "one").unwrap();
    settle(&centre);
    let source = Source::of(old.dir.to_str().unwrap());
    let request = audit::Request {
        log: Some(&source),
        peers: &[],
        stopped_after_secs: 3600,
        now_secs: NOW + 7300,
    };
    let report = audit(&aster.witness(), &centre.config.origin, &request).unwrap();
    let said = |what: &str| report.findings.iter().any(|f| f.contains(what));
    assert!(
        said("went back") && said("stopped"),
        "{:?}",
        report.findings
    );
}

/// Answers every request with a size that nobody signed.
fn liar(lines: &str) -> (String, std::thread::JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let old = lines
        .split("http://")
        .nth(1)
        .unwrap()
        .split('\n')
        .next()
        .unwrap()
        .to_owned();
    let lines = lines.replace(&old, &address.to_string());
    let thread = std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut bytes = [0; 65_536];
            let _ = stream.read(&mut bytes);
            let answer =
                "HTTP/1.1 409 Conflict\r\nContent-Length: 5\r\nConnection: close\r\n\r\n9999\n";
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (lines, thread)
}

#[test]
fn a_lying_witness_stops_nobody_while_another_one_answers() {
    let world = World::new(PLAIN);
    let centre = world.open();
    let (aster, birch) = (
        Running::start(&world, &centre, "aster"),
        Running::start(&world, &centre, "birch"),
    );
    let (lies, _thread) = liar(&birch.lines);
    let policy = format!("{}{lies}group q any aster birch\nquorum q\n", aster.lines);
    centre
        .set_witness_policy(&actor(&centre), &policy, 3600)
        .unwrap();
    settle(&centre);
    record(&centre, "one").unwrap();
    settle(&centre);
    let asked = centre.attest().unwrap();
    assert_eq!(asked[0].outcome, Outcome::Cosigned);
    assert_eq!(
        asked[1].outcome,
        Outcome::Ahead {
            size: 9999,
            proved: false
        }
    );
    assert_eq!(centre.attestation().unwrap().warning(), None);
    record(&world.open(), "two").unwrap();
}

#[test]
fn a_policy_that_cannot_be_gone_by_is_refused() {
    let world = World::new(PLAIN);
    let centre = world.open();
    let aster = Running::start(&world, &centre, "aster");
    let bare = aster
        .lines
        .replace(&format!(" http://{}", aster.address), "");
    let other = World::new(PLAIN);
    let others = other.open().log_keys().vkeys()[0].to_string();
    for policy in [
        format!("{bare}quorum aster\n"),
        format!("log {others}\n{}quorum aster\n", aster.lines),
        format!("{}quorum aster\n", aster.lines.replace("http://", "ftp://")),
        "quorum somebody\n".to_owned(),
    ] {
        let set = centre.set_witness_policy(&actor(&centre), &policy, 3600);
        assert!(matches!(set, Err(AppError::Usage(_))), "{policy}");
    }
}

#[test]
fn damage_to_what_witnesses_signed_is_named_and_nothing_else_is_blamed() {
    let world = World::new(PLAIN);
    let centre = world.open();
    let aster = Running::start(&world, &centre, "aster");
    set(&centre, &[&aster], "quorum aster\n");
    settle(&centre);
    drop(centre);
    let folder = world.dir.join("ledger/cosigned");
    let file = std::fs::read_dir(&folder).unwrap().next().unwrap().unwrap();
    let name = format!("ledger/cosigned/{}", file.file_name().to_str().unwrap());
    let whole = std::fs::read(file.path()).unwrap();
    let text = String::from_utf8(whole.clone()).unwrap();
    let last = text.trim_end().rfind(' ').unwrap() + 40;
    let mut flipped = whole.clone();
    flipped[last] = if flipped[last] == b'A' { b'B' } else { b'A' };
    let mut shorter = whole.clone();
    shorter.truncate(60);
    for damaged in [flipped, shorter, Vec::new()] {
        std::fs::write(file.path(), &damaged).unwrap();
        let found = world.verify(Depth::Sealed).findings;
        let places: Vec<_> = found.iter().map(|f| f.place.as_str()).collect();
        assert_eq!(places, [name.as_str()], "{found:?}");
    }
    // Nothing of it is needed: the next round brings it back.
    let centre = world.open();
    assert_eq!(centre.attest().unwrap()[0].outcome, Outcome::Cosigned);
    drop(centre);
    std::fs::write(world.dir.join("ledger/policy"), "quorum x\n").unwrap();
    assert_eq!(
        world.verify(Depth::Sealed).findings[0].place,
        "ledger/policy"
    );
    world.open();
    world.assert_sound();
}

#[test]
fn a_restored_copy_still_says_who_attested_what() {
    let world = World::new(PLAIN);
    let centre = world.open();
    let mut aster = Running::start(&world, &centre, "aster");
    set(&centre, &[&aster], "quorum aster\n");
    settle(&centre);
    let to = world.folder.path().join("backup");
    drop(centre);
    back_up(&world, &to, Disk::real()).unwrap();

    // The second backup brings the first up to date, and damage in the centre does not reach what is good there.
    let centre = world.open();
    record(&centre, "one").unwrap();
    settle(&centre);
    let said = |centre: &Centre| {
        let status = centre.attestation().unwrap();
        let attested = status.attested.unwrap();
        (attested.checkpoint.size(), attested.attestation.seen)
    };
    let expected = said(&centre);
    let policy = std::fs::read(world.dir.join("ledger/policy")).unwrap();
    aster.go_away();
    drop(centre);
    back_up(&world, &to, Disk::real()).unwrap();
    let kept = format!("ledger/cosigned/{:016x}", expected.0);
    std::fs::write(world.dir.join(&kept), "damaged").unwrap();
    back_up(&world, &to, Disk::real()).unwrap();

    assert!(!to.join("centre/witnessed.json").exists());
    let restored = restore(&world, &to);
    assert_eq!(
        std::fs::read(restored.dir.join("ledger/policy")).unwrap(),
        policy
    );
    assert_eq!(said(&restored.open()), expected);
    restored.assert_sound();
}

#[test]
fn a_witness_goes_on_once_its_keeper_gives_it_the_succession_and_not_with_one_that_denies_what_it_saw()
 {
    let world = World::new(PLAIN);
    let thief = world.copy("thief");
    let centre = world.open();
    let aster = Running::start(&world, &centre, "aster");
    set(&centre, &[&aster], "quorum aster\n");
    record(&centre, "A case").unwrap();
    settle(&centre);
    // Who took the keys before says that they were succeeded below what the witness has cosigned since.
    let stolen = thief.open();
    let denied = stolen.succeed_log_keys(&actor(&stolen), None).unwrap();
    assert!(denied.size < aster.seen(&centre));
    let before = aster.witness().key_file(&centre.config.origin).unwrap();
    let refused = aster.witness().follow_succession(&stolen.log_keys());
    let refused = refused.unwrap_err().to_string();
    assert!(
        refused.contains("deny what this witness cosigned"),
        "{refused}"
    );
    let kept = aster.witness().key_file(&centre.config.origin).unwrap();
    assert_eq!(kept, before);

    let done = centre.succeed_log_keys(&actor(&centre), None).unwrap();
    let asked = centre.attest().unwrap();
    assert!(
        asked.iter().all(|a| a.outcome != Outcome::Cosigned),
        "{asked:?}"
    );
    assert!(aster.seen(&centre) <= done.size);
    aster
        .witness()
        .follow_succession(&centre.log_keys())
        .unwrap();
    let asked = centre.attest().unwrap();
    assert!(
        asked.iter().all(|a| a.outcome == Outcome::Cosigned),
        "{asked:?}"
    );
    assert!(aster.seen(&centre) > done.size);
    record(&centre, "Another case").unwrap();
    settle(&centre);
    assert_eq!(centre.attestation().unwrap().warning(), None);
    assert_eq!(aster.seen(&centre), crate::fixture::log_size(&centre));
}
