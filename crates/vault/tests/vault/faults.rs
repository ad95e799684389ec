//! What intake may rely on when the disk fails under it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use comity_store::{Call, Disk, Faults, Objects, Op, Outcome};
use comity_vault::{Also, Placed, Scratch, Streaming, Vault, VaultError, encode_small};

use crate::fixture::{key, noise, object, text};

#[derive(Clone, Copy, Debug)]
enum Fault {
    Fails,
    IsFull,
    StoredYetFails,
    IsTorn,
}

/// Fails the `nth` call (from 0) of one kind.
struct Once {
    op: Op,
    nth: u32,
    fault: Fault,
    seen: AtomicU32,
}

impl Faults for Once {
    fn before(&self, call: &Call<'_>) -> Outcome {
        if call.op != self.op || self.seen.fetch_add(1, Ordering::SeqCst) != self.nth {
            return Outcome::Go;
        }
        match self.fault {
            Fault::Fails => Outcome::Fail(io::Error::from_raw_os_error(5)),
            Fault::IsFull => Outcome::Fail(io::ErrorKind::StorageFull.into()),
            Fault::StoredYetFails => Outcome::DoThenFail(io::Error::from_raw_os_error(5)),
            Fault::IsTorn => Outcome::Torn(100),
        }
    }
}

/// Takes in a small pack and a large object, as an intake does, behind one barrier.
fn take_in(vault: &Vault) -> Result<[Placed; 2], VaultError> {
    let mut small = vault.pack(1, [1; 16])?;
    let sealed = encode_small(
        &text(3_000),
        &key(1),
        object(1),
        [1; 24],
        &mut Scratch::new(),
    );
    let first = small.add(&sealed)?;
    let small = small.finish()?;
    let mut large = vault.pack(1, [2; 16])?;
    let how = Streaming {
        threads: 2,
        also: Also::default(),
    };
    let source = [text(1 << 20), noise(1, 3 << 20)].concat();
    let (second, _) =
        large.add_stream(object(2), &key(2), [2; 24], &mut source.as_slice(), &how)?;
    vault.commit(vec![small, large.finish()?])?;
    Ok([first, second])
}

/// The call that fails × how: the error is the store's, and what is seen under `vault/` is
/// either nothing or whole packs.
#[test]
fn a_failing_disk_is_reported_and_leaves_no_half_pack() {
    let table: [(Op, u32); 9] = [
        (Op::Create, 0),
        (Op::Create, 1),
        (Op::Write, 0),
        (Op::Write, 1),
        (Op::Write, 20),
        (Op::Sync, 0),
        (Op::Sync, 1),
        (Op::Rename, 0),
        (Op::Rename, 1),
    ];
    for (op, nth) in table {
        for fault in [
            Fault::Fails,
            Fault::IsFull,
            Fault::StoredYetFails,
            Fault::IsTorn,
        ] {
            let folder = tempfile::tempdir().unwrap();
            let once = Arc::new(Once {
                op,
                nth,
                fault,
                seen: AtomicU32::new(0),
            });
            let disk = Disk::with_faults(once.clone());
            let vault = Vault::new(Objects::local(folder.path().to_owned(), disk).unwrap());
            let failed = take_in(&vault);
            assert!(
                once.seen.load(Ordering::SeqCst) > nth,
                "{op:?} {nth} never came"
            );
            assert!(
                matches!(failed, Err(VaultError::Store(_))),
                "{op:?} {nth} {fault:?}: {failed:?}"
            );
            let seen = vault.packs().unwrap();
            if matches!(op, Op::Create | Op::Write | Op::Sync) {
                assert_eq!(seen, [], "{op:?} {nth} {fault:?}");
            }
            for file in seen {
                assert_eq!(
                    vault.check_pack(&file.name).unwrap(),
                    [],
                    "{op:?} {nth} {fault:?}"
                );
            }
            // Nothing of it stands in the way of another try, under the same ids even.
            for placed in take_in(&vault).unwrap() {
                assert_eq!(vault.check_pack(&placed.pack.name()).unwrap(), []);
            }
        }
    }
}

/// A sector that cannot be read is a finding about its object, and the others are still checked.
#[test]
fn what_cannot_be_read_is_a_finding() {
    let folder = tempfile::tempdir().unwrap();
    let good = Vault::new(Objects::local(folder.path().to_owned(), Disk::real()).unwrap());
    let [small, _] = take_in(&good).unwrap();
    // Reads of the small pack: its size or opening, both ends, the index, then the object.
    let mut found = 0;
    for nth in 0..6 {
        let once = Once {
            op: Op::Read,
            nth,
            fault: Fault::Fails,
            seen: AtomicU32::new(0),
        };
        let disk = Disk::with_faults(Arc::new(once));
        let vault = Vault::new(Objects::local(folder.path().to_owned(), disk).unwrap());
        match vault.check_pack(&small.pack.name()) {
            Err(VaultError::Store(_)) => {}
            Err(other) => panic!("{other:?}"),
            Ok(findings) => {
                for finding in &findings {
                    assert!(finding.what.contains("cannot be read"), "{finding}");
                }
                found += u32::from(
                    findings
                        .iter()
                        .any(|finding| finding.object == Some(object(1))),
                );
            }
        }
    }
    assert_eq!(found, 1, "the object's own read");
}
