//! Faults at every durable step: what was acknowledged is there, numbers are never given twice, and the folder
//! is whole again after the next change.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use comity_core::random::TestRandom;
use comity_keyring::{Keyring, KeyringError, Kind, NewKey, Secret};
use comity_store::{Call, Disk, Faults, Op, Outcome};

use crate::fixture::{Centre, PASSPHRASE, SEGMENT_0, SEGMENT_1, folder_holds, names, slot_at};
use crate::processes::again;

/// One fault at the n-th durable call.
struct One {
    at: usize,
    calls: AtomicUsize,
    fault: Fault,
}

impl Faults for One {
    fn before(&self, call: &Call<'_>) -> Outcome {
        if !call.op.is_durable() {
            return Outcome::Go;
        }
        match self.calls.fetch_add(1, Ordering::SeqCst) == self.at {
            true => (self.fault)(),
            false => Outcome::Go,
        }
    }
}

fn eio() -> io::Error {
    io::Error::other("input/output error")
}

type Fault = fn() -> Outcome;

const FAULTS: &[(&str, Fault)] = &[
    ("fails", || Outcome::Fail(eio())),
    ("is reported failed but was stored", || {
        Outcome::DoThenFail(eio())
    }),
    ("is torn in the first slot", || Outcome::Torn(100)),
    ("is torn in the second slot", || Outcome::Torn(300)),
    ("finds no room", || {
        Outcome::Fail(io::ErrorKind::StorageFull.into())
    }),
];

/// Runs `act` with a fault at its first durable call, its second, and so on until none is hit.
pub fn at_every_step(
    prepare: impl Fn() -> Centre,
    act: impl Fn(&Keyring, &Centre) -> Result<(), KeyringError>,
    check: impl Fn(&Centre, &str, Result<(), KeyringError>),
) {
    for (name, fault) in FAULTS {
        for at in 0.. {
            let centre = prepare();
            let one = Arc::new(One {
                at,
                calls: AtomicUsize::new(0),
                fault: *fault,
            });
            let keyring =
                Keyring::open(&centre.dir(), Disk::with_faults(one.clone()), PASSPHRASE).unwrap();
            let result = act(&keyring, &centre);
            if let Err(error) = &result
                && error.must_stop()
            {
                let after = keyring.append(&centre.items(1, 3), &centre.rng);
                assert!(
                    matches!(after, Err(KeyringError::Stopped)),
                    "step {at} {name}: it went on"
                );
            }
            drop(keyring);
            let hit = one.calls.load(Ordering::SeqCst) > at;
            assert!(hit || result.is_ok());
            check(&centre, &format!("step {at} {name}"), result);
            if !hit {
                assert!(at > 1, "no step was hit");
                break;
            }
        }
    }
}

#[test]
fn a_fault_in_an_append_loses_no_key_and_gives_no_number_twice() {
    // A segment with four slots to go, so that the batch goes over its edge. Between the scopes and its last
    // keys it is a hole, which makes it quick to copy and flush.
    let prepare = || {
        let centre = Centre::big();
        fs::remove_file(centre.file(SEGMENT_1)).unwrap();
        let whole = fs::read(centre.file(SEGMENT_0)).unwrap();
        fs::remove_file(centre.file(SEGMENT_0)).unwrap();
        let file = fs::File::create(centre.file(SEGMENT_0)).unwrap();
        for part in [0..slot_at(4), slot_at(65_530)..slot_at(65_534)] {
            file.write_all_at(&whole[part.clone()], part.start as u64)
                .unwrap();
        }
        centre
    };
    at_every_step(
        prepare,
        |keyring, centre| keyring.append(&centre.items(5, 3), &centre.rng).map(|_| ()),
        |centre, step, result| {
            let keyring = centre.open();
            keyring.open_key(65_533).unwrap();
            let new = centre.items(5, 3);
            let numbers = keyring.append(&new, &centre.rng).unwrap();
            let first = if result.is_ok() { 65_539 } else { 65_534 };
            assert!(
                numbers.start >= first && numbers.end <= first + 10,
                "{step}: {numbers:?}"
            );
            for (number, new) in numbers.zip(new) {
                assert_eq!(keyring.open_key(number).unwrap(), new.secret, "{step}");
            }
            let found = centre.inspect().findings;
            assert!(
                found.len() == 1
                    && found[0]
                        .place
                        .ends_with("slot 4 (key 4) to slot 65529 (key 65529)"),
                "{step}: {found:?}"
            );
            assert_eq!(
                names(&centre.dir()),
                ["00000000.keys", "00000001.keys", "head", "lock"],
                "{step}"
            );
        },
    );
}

#[test]
fn a_fault_in_a_destruction_harms_no_other_key_and_the_next_change_leaves_a_whole_folder() {
    at_every_step(
        || {
            let centre = Centre::small();
            // The wraps that are to go, where the check below finds them.
            let bytes = fs::read(centre.file(SEGMENT_0)).unwrap();
            let wraps = [5, 6].map(|slot| &bytes[slot_at(slot) + 32..slot_at(slot) + 168]);
            fs::write(centre.folder.path().join("wraps"), wraps.concat()).unwrap();
            centre
        },
        |keyring, _| keyring.destroy(&[5, 6]),
        |centre, step, result| {
            let keyring = centre.open();
            for number in (1..=13).filter(|number| ![5, 6].contains(number)) {
                keyring.open_key(number).unwrap();
            }
            if result.is_ok() {
                assert!(matches!(
                    keyring.open_key(5),
                    Err(KeyringError::Destroyed { .. })
                ));
            }
            keyring.append(&centre.items(1, 3), &centre.rng).unwrap();
            assert_eq!(centre.inspect().findings, [], "{step}");
            assert_eq!(
                names(&centre.dir()),
                ["00000000.keys", "head", "lock"],
                "{step}"
            );
            keyring.destroy(&[5, 6]).unwrap();
            let wraps = fs::read(centre.folder.path().join("wraps")).unwrap();
            let there = wraps
                .chunks(34)
                .any(|part| folder_holds(&centre.dir(), part));
            assert!(!there, "{step}");
            assert_eq!(centre.inspect().destroyed, 2, "{step}");
        },
    );
}

#[test]
fn a_fault_in_a_change_of_passphrase_leaves_one_that_opens() {
    at_every_step(
        Centre::small,
        |keyring, centre| {
            let params = comity_keyring::Argon2Params::TEST;
            keyring.change_passphrase(PASSPHRASE, "new", params, &centre.rng)
        },
        |centre, step, result| {
            let open = |passphrase| Keyring::open(&centre.dir(), Disk::real(), passphrase);
            let (old, new) = (open(PASSPHRASE), open("new"));
            assert!(old.is_ok() != new.is_ok(), "{step}: exactly one opens");
            assert!(result.is_err() || new.is_ok(), "{step}");
            let wrong = if old.is_ok() { new } else { old };
            assert!(
                matches!(wrong, Err(KeyringError::WrongPassphrase)),
                "{step}"
            );
        },
    );
}

#[test]
fn stop_and_try_again_are_told_apart() {
    let rows: [(Op, Fault, bool); 5] = [
        (Op::Sync, || Outcome::Fail(eio()), true),
        (Op::Sync, || Outcome::DoThenFail(eio()), true),
        (Op::Write, || Outcome::Torn(200), true),
        (
            Op::Write,
            || Outcome::Fail(io::ErrorKind::StorageFull.into()),
            false,
        ),
        (
            Op::Lock,
            || Outcome::Fail(io::ErrorKind::PermissionDenied.into()),
            false,
        ),
    ];
    struct Always(Op, Fault);
    impl Faults for Always {
        fn before(&self, call: &Call<'_>) -> Outcome {
            if call.op == self.0 {
                (self.1)()
            } else {
                Outcome::Go
            }
        }
    }
    for (op, fault, stop) in rows {
        let (centre, keyring) = Centre::new();
        keyring.append(&centre.items(1, 0), &centre.rng).unwrap();
        let disk = Disk::with_faults(Arc::new(Always(op, fault)));
        let keyring = Keyring::open(&centre.dir(), disk, PASSPHRASE).unwrap();
        let error = keyring
            .append(&centre.items(1, 0), &centre.rng)
            .unwrap_err();
        assert_eq!(error.must_stop(), stop, "{op:?}: {error}");
        let says = if stop {
            "stop the program"
        } else {
            "try again"
        };
        assert!(error.to_string().contains(says), "{op:?}: {error}");
    }
}

/// Power fails between the write and the flush: any part of the batch may be missing, or be zeros.
#[test]
fn bytes_lost_by_a_loss_of_power_were_never_used() {
    let (centre, keyring) = Centre::new();
    keyring.append(&centre.items(40, 0), &centre.rng).unwrap();
    let file = centre.file(SEGMENT_0);
    let flushed = slot_at(41);
    keyring.append(&centre.items(40, 0), &centre.rng).unwrap();
    let written = fs::read(&file).unwrap();
    drop(keyring);
    let cut = (flushed..=written.len())
        .step_by(97)
        .map(|len| (format!("cut at {len}"), written[..len].to_vec()));
    let zeroed = (flushed..=written.len()).step_by(192).map(|from| {
        let mut bytes = written.clone();
        bytes[from..].fill(0);
        (format!("zeros from {from}"), bytes)
    });
    for (what, bytes) in cut.chain(zeroed) {
        fs::write(&file, bytes).unwrap();
        assert_eq!(centre.inspect().findings, [], "{what}");
        let keyring = centre.open();
        let next = keyring.next_number().unwrap();
        assert!((41..=81).contains(&next), "{what}: {next}");
        let new = centre.items(3, 0);
        let numbers = keyring.append(&new, &centre.rng).unwrap();
        assert_eq!(numbers.start, next, "{what}");
        for (number, new) in numbers.clone().zip(new) {
            assert_eq!(keyring.open_key(number).unwrap(), new.secret, "{what}");
        }
        assert!(
            keyring.open_range(1, 40).unwrap().iter().all(Result::is_ok),
            "{what}"
        );
        assert_eq!(centre.inspect().findings, [], "{what}");
    }
}

const FOLDER: &str = "KEYRING_CRASH_FOLDER";

/// The process that is killed: it says what was acknowledged. Alone it has nothing to do.
#[test]
fn works_until_it_is_killed() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let rng = TestRandom::new([9; 32]);
    let keyring = Keyring::open(Path::new(&folder), Disk::real(), PASSPHRASE).unwrap();
    for batch in 0..2u8 {
        let new: Vec<NewKey> = (0..3)
            .map(|_| NewKey {
                kind: Kind::Item,
                parent: 0,
                subject: [batch; 16],
                secret: Secret::random(&rng),
            })
            .collect();
        for number in keyring.append(&new, &rng).unwrap() {
            println!("appended {number}");
        }
    }
    keyring.destroy(&[2]).unwrap();
    println!("destroyed 2");
}

#[test]
fn killed_before_any_durable_call_it_keeps_what_it_acknowledged() {
    for at in 1.. {
        let (centre, keyring) = Centre::new();
        keyring.append(&centre.items(2, 0), &centre.rng).unwrap();
        drop(keyring);
        let variables = [
            (FOLDER, centre.dir().to_str().unwrap().to_owned()),
            ("COMITY_FAULT", format!("kill@{at}")),
        ];
        let variables: Vec<(&str, &str)> = variables
            .iter()
            .map(|(name, value)| (*name, &value[..]))
            .collect();
        let output = again("crash::works_until_it_is_killed", &variables)
            .output()
            .unwrap();
        let said = String::from_utf8(output.stdout).unwrap();

        let keyring = centre.open();
        let appended = said
            .lines()
            .filter_map(|line| line.split("appended ").nth(1)?.parse::<u64>().ok());
        let last = appended
            .inspect(|number| {
                keyring.open_key(*number).unwrap();
            })
            .max()
            .unwrap_or(2);
        if said.contains("destroyed 2") {
            assert!(
                matches!(keyring.open_key(2), Err(KeyringError::Destroyed { .. })),
                "kill {at}"
            );
        }
        keyring.open_key(1).unwrap();
        let next = keyring.append(&centre.items(1, 0), &centre.rng).unwrap();
        assert!(next.start > last, "kill {at}: {next:?} after {last}");
        assert_eq!(centre.inspect().findings, [], "kill {at}");
        assert_eq!(
            names(&centre.dir()),
            ["00000000.keys", "head", "lock"],
            "kill {at}"
        );
        if output.status.success() {
            assert!(at > 8, "the harness killed nothing");
            break;
        }
    }
}
