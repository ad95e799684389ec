//! Several processes and threads on one keyring.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use comity_core::random::TestRandom;
use comity_keyring::{Keyring, Kind, NewKey, Secret};
use comity_store::Disk;

use crate::fixture::{Centre, PASSPHRASE};

const FOLDER: &str = "KEYRING_TEST_FOLDER";
const SEED: &str = "KEYRING_TEST_SEED";
const BATCHES: usize = 12;
const BATCH: usize = 30;

/// Starts this test program again, to run one of its tests with these variables.
pub fn again(test: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture", "--test-threads=1"]);
    command
        .envs(variables.iter().copied())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn append_batches(keyring: &Keyring, seed: u8) -> Vec<(u64, Secret)> {
    let rng = TestRandom::new([seed; 32]);
    let mut mine = Vec::new();
    for _ in 0..BATCHES {
        let new: Vec<NewKey> = (0..BATCH)
            .map(|_| NewKey {
                kind: Kind::Item,
                parent: 1,
                subject: [seed; 16],
                secret: Secret::random(&rng),
            })
            .collect();
        let numbers = keyring.append(&new, &rng).unwrap();
        mine.extend(
            numbers
                .zip(new)
                .map(|(number, new)| (number, new.secret.clone())),
        );
    }
    mine
}

/// The other process: it prints the numbers that it was given. Alone it has nothing to do.
#[test]
fn appends_for_another_process() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let seed: u8 = std::env::var(SEED).unwrap().parse().unwrap();
    let keyring = Keyring::open(Path::new(&folder), Disk::real(), PASSPHRASE).unwrap();
    for (number, _) in append_batches(&keyring, seed) {
        println!("number {number}");
    }
}

#[test]
fn processes_and_threads_never_get_the_same_number() {
    let (centre, keyring) = Centre::new();
    keyring
        .append(&[centre.key(Kind::Scope, 0)], &centre.rng)
        .unwrap();
    let folder = centre.dir();
    let children: Vec<_> = [10, 11]
        .iter()
        .map(|seed: &u8| {
            let variables = [
                (FOLDER, folder.to_str().unwrap()),
                (SEED, &seed.to_string()),
            ];
            again("processes::appends_for_another_process", &variables)
                .spawn()
                .unwrap()
        })
        .collect();
    let mut secrets = BTreeMap::new();
    thread::scope(|scope| {
        let here: Vec<_> = [1, 2]
            .map(|seed| {
                scope.spawn({
                    let keyring = &keyring;
                    move || append_batches(keyring, seed)
                })
            })
            .into_iter()
            .collect();
        for thread in here {
            for (number, secret) in thread.join().unwrap() {
                assert!(
                    secrets.insert(number, Some(secret)).is_none(),
                    "key {number} was given twice"
                );
            }
        }
    });
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            let Some(number) = line.split("number ").nth(1) else {
                continue;
            };
            let number = number.parse().unwrap();
            assert!(
                secrets.insert(number, None).is_none(),
                "key {number} was given twice"
            );
        }
    }
    let all = 4 * BATCHES * BATCH;
    assert_eq!(secrets.len(), all);
    assert!(
        secrets.keys().copied().eq(2..2 + all as u64),
        "no number is skipped"
    );
    for (number, secret) in secrets {
        let opened = keyring.open_key(number).unwrap();
        assert!(secret.is_none_or(|secret| secret == opened), "key {number}");
    }
    assert!(centre.inspect().findings.is_empty());
}
