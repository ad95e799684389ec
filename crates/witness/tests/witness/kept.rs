//! What is kept before an answer, by how many threads and processes ever.

use std::io::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use comity_store::{Call, Disk, Faults, Outcome};
use comity_witness::{Witness, WitnessError};

use crate::rig::{NOW, ORIGIN, Tree, witness, witness_on};

/// Two histories that part at once are submitted by eight threads through four handles. Whatever
/// they reach, all that was cosigned is one history.
#[test]
fn two_submissions_at_once_never_lead_to_two_cosigned_forks() {
    for round in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        drop(witness(folder.path()));
        let cosigned = AtomicUsize::new(0);
        let branches = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8_u8)
                .map(|i| {
                    let (dir, cosigned) = (folder.path().join("w"), &cosigned);
                    scope.spawn(move || {
                        let witness = Witness::open(&dir, Disk::real()).unwrap();
                        let (branch, mut done) = (i % 2, false);
                        for size in 1..=4 {
                            let body = Tree::new(size, branch, 0).request(size - 1);
                            if witness.add_checkpoint(&body, NOW).unwrap().is_ok() {
                                cosigned.fetch_add(1, Ordering::Relaxed);
                                done = true;
                            }
                        }
                        done.then_some(branch)
                    })
                })
                .collect();
            let done: Vec<_> = threads
                .into_iter()
                .filter_map(|t| t.join().unwrap())
                .collect();
            done
        });
        assert!(cosigned.load(Ordering::Relaxed) > 0);
        assert!(
            branches.windows(2).all(|two| two[0] == two[1]),
            "round {round}: {branches:?}"
        );
    }
}

/// Fails the `nth` durable call.
struct Fail {
    nth: usize,
    count: AtomicUsize,
    stored: bool,
}

impl Faults for Fail {
    fn before(&self, call: &Call<'_>) -> Outcome {
        let touches = call.op.is_durable() && call.path.to_string_lossy().contains("/seen");
        if touches && self.count.fetch_add(1, Ordering::SeqCst) == self.nth {
            let error = Error::other("the disk");
            return if self.stored {
                Outcome::DoThenFail(error)
            } else {
                Outcome::Fail(error)
            };
        }
        Outcome::Go
    }
}

#[test]
fn a_checkpoint_that_could_not_be_kept_is_not_answered() {
    let mut failed = 0;
    for stored in [false, true] {
        for nth in 0..12 {
            let folder = tempfile::tempdir().unwrap();
            let faults = Fail {
                nth,
                count: AtomicUsize::new(0),
                stored,
            };
            let witness = witness_on(folder.path(), Disk::with_faults(Arc::new(faults)));
            let (one, other) = (Tree::new(3, 1, 0), Tree::new(3, 2, 0));
            if matches!(witness.add_checkpoint(&one.request(0), NOW), Ok(Ok(_))) {
                continue;
            }
            failed += 1;
            // It was not answered, so either history may be the one, and only one of them is.
            let first = witness
                .add_checkpoint(&other.request(0), NOW)
                .unwrap()
                .is_ok();
            let body = if first {
                one.request(3)
            } else {
                other.request(3)
            };
            assert_eq!(
                witness
                    .add_checkpoint(&body, NOW)
                    .unwrap()
                    .unwrap_err()
                    .status(),
                422
            );
        }
    }
    assert!(
        failed >= 6,
        "write, flush, rename and flush of the folder: {failed}"
    );
}

#[test]
fn a_damaged_state_is_named_and_nothing_is_cosigned_on_top_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let witness = witness(folder.path());
    witness
        .add_checkpoint(&Tree::new(3, 0, 0).request(0), NOW)
        .unwrap()
        .unwrap();
    let seen = folder.path().join("w/seen");
    let file = std::fs::read_dir(&seen)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let whole = std::fs::read(&file).unwrap();
    let size_altered = String::from_utf8(whole.clone())
        .unwrap()
        .replacen("\n3\n", "\n1\n", 1);
    let cut = whole[..whole.len() / 2].to_vec();
    for damaged in [size_altered.into_bytes(), cut, Vec::new()] {
        std::fs::write(&file, damaged).unwrap();
        let answer = witness.add_checkpoint(&Tree::new(9, 7, 0).request(1), NOW);
        match answer {
            Err(WitnessError::Damaged { path, .. }) => assert_eq!(path, file),
            other => panic!("{other:?}"),
        }
    }
    std::fs::write(&file, whole).unwrap();
    assert!(witness.seen(ORIGIN).unwrap().is_some());
    assert!(
        witness
            .add_checkpoint(&Tree::new(9, 0, 0).request(3), NOW)
            .unwrap()
            .is_ok()
    );
}

#[test]
fn the_key_is_readable_by_its_owner_only_and_a_folder_is_never_overwritten() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let witness = witness(folder.path());
    let mode = std::fs::metadata(folder.path().join("w/key"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(witness.logs().unwrap(), [ORIGIN]);
    let again = Witness::create(
        &folder.path().join("w"),
        Disk::real(),
        "b",
        [&[5; 32], &[6; 32]],
    );
    assert!(matches!(again, Err(WitnessError::Usage(_))));
}
