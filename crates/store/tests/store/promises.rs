//! The promises of `Objects`, each held by a local folder and by S3 alike.

use std::{io::Write, thread};

use comity_store::{Credentials, Disk, Objects, StoreError};

const MIB: usize = 1024 * 1024;

/// Runs a test on both kinds of store, each fresh and empty.
fn on_both(test: impl Fn(&Objects)) {
    let folder = tempfile::tempdir().unwrap();
    eprintln!("on a local folder:");
    test(&Objects::local(folder.path().join("centre"), Disk::real()).unwrap());
    eprintln!("on S3:");
    test(&on_s3(Disk::real()));
}

/// A store in a fresh bucket.
pub fn on_s3(disk: Disk) -> Objects {
    let bucket = comity_rig::s3();
    Objects::from_url(&bucket.url, &keys(&bucket), disk).unwrap()
}

pub fn keys(bucket: &comity_rig::S3) -> Credentials {
    Credentials {
        access_key_id: bucket.access_key_id.to_owned(),
        secret_access_key: bucket.secret_access_key.to_owned(),
    }
}

/// Bytes that differ from place to place, so that a piece in the wrong place is seen.
pub fn pattern(len: usize) -> Vec<u8> {
    let words =
        (0..len.div_ceil(4) as u32).flat_map(|word| word.wrapping_mul(2_654_435_761).to_be_bytes());
    words.take(len).collect()
}

fn is_short(result: Result<Vec<u8>, StoreError>) -> bool {
    matches!(result, Err(StoreError::Short { .. }))
}

#[test]
fn an_object_is_read_as_it_was_put_and_replaced_as_a_whole() {
    on_both(|objects| {
        assert_eq!(objects.get("ledger/checkpoint").unwrap(), None);
        assert_eq!(objects.size("ledger/checkpoint").unwrap(), None);
        objects
            .put("ledger/checkpoint", b"a long first version")
            .unwrap();
        assert_eq!(
            objects.get("ledger/checkpoint").unwrap().unwrap(),
            b"a long first version"
        );
        objects.put("ledger/checkpoint", b"second").unwrap();
        assert_eq!(
            objects.get("ledger/checkpoint").unwrap().unwrap(),
            b"second"
        );
        assert_eq!(objects.size("ledger/checkpoint").unwrap(), Some(6));
        objects.put("empty", b"").unwrap();
        assert_eq!(objects.get("empty").unwrap().unwrap(), b"");
        assert_eq!(objects.size("empty").unwrap(), Some(0));
        // The S3 server of the tests keeps keys as paths, and fails here where a real one finds nothing.
        if objects.local_root().is_some() {
            assert_eq!(
                objects.get("ledger").unwrap(),
                None,
                "a folder is no object"
            );
            assert_eq!(
                objects.size("ledger").unwrap(),
                None,
                "a folder is no object"
            );
        }
    });
}

#[test]
fn a_range_is_exact_or_an_error() {
    on_both(|objects| {
        let bytes = pattern(100_000);
        objects.put("pack", &bytes).unwrap();
        for (offset, len) in [
            (0, 1),
            (0, 100_000),
            (16_384, 16_400),
            (99_999, 1),
            (5, 0),
            (100_000, 0),
        ] {
            let range = objects.get_range("pack", offset, len).unwrap();
            assert_eq!(
                range,
                bytes[offset as usize..(offset + len) as usize],
                "{offset} {len}"
            );
        }
        for (offset, len) in [
            (0, 100_001),
            (99_999, 2),
            (100_000, 1),
            (200_000, 10),
            (100_001, 0),
            (u64::MAX, 2),
        ] {
            assert!(
                is_short(objects.get_range("pack", offset, len)),
                "{offset} {len}"
            );
        }
        for len in [0, 1] {
            assert!(matches!(
                objects.get_range("absent", 0, len),
                Err(StoreError::NotFound { .. })
            ));
        }
        assert!(matches!(
            objects.reader("absent").map(|_| ()),
            Err(StoreError::NotFound { .. })
        ));
    });
}

#[test]
fn several_threads_read_one_object_through_one_handle() {
    on_both(|objects| {
        let bytes = pattern(3 * MIB);
        objects.put("pack", &bytes).unwrap();
        let reader = objects.reader("pack").unwrap();
        assert_eq!(reader.size(), bytes.len() as u64);
        thread::scope(|scope| {
            for thread in 0..4_usize {
                let (reader, bytes) = (&reader, &bytes);
                scope.spawn(move || {
                    for place in (thread * 1000..bytes.len() - 5000).step_by(MIB / 3) {
                        let mut buf = vec![0; 5000];
                        reader.read_at(place as u64, &mut buf).unwrap();
                        assert_eq!(buf, bytes[place..place + 5000]);
                    }
                });
            }
        });
        let mut past = [0; 2];
        let read = reader.read_at(bytes.len() as u64 - 1, &mut past);
        assert!(matches!(read, Err(StoreError::Short { .. })));
    });
}

#[test]
fn create_only_never_replaces() {
    on_both(|objects| {
        assert!(objects.put_new("ledger/edge/head", b"first").unwrap());
        assert!(!objects.put_new("ledger/edge/head", b"second").unwrap());
        assert_eq!(objects.get("ledger/edge/head").unwrap().unwrap(), b"first");
    });
}

#[test]
fn of_many_racing_to_create_one_wins() {
    on_both(|objects| {
        let won: usize = thread::scope(|scope| {
            let racers: Vec<_> = (0..8_u8)
                .map(|racer| {
                    scope.spawn(move || usize::from(objects.put_new("one", &[racer]).unwrap()))
                })
                .collect();
            racers.into_iter().map(|racer| racer.join().unwrap()).sum()
        });
        // S3 servers need not be exact here, which is why nothing may rest on it; a local folder is.
        if objects.local_root().is_some() {
            assert_eq!(won, 1);
        }
        assert_eq!(objects.get("one").unwrap().unwrap().len(), 1);
    });
}

#[test]
fn many_are_stored_in_one_go() {
    on_both(|objects| {
        let batch: Vec<(String, Vec<u8>)> = (0..300_usize)
            .map(|i| {
                (
                    format!("ledger/tile/0/x{:03}/{i:03}", i % 7),
                    pattern(i * 10),
                )
            })
            .collect();
        objects.put_many(batch.clone()).unwrap();
        for (name, bytes) in &batch {
            assert_eq!(objects.get(name).unwrap().as_ref(), Some(bytes), "{name}");
        }
        assert_eq!(objects.list("").unwrap().len(), 300);
        objects.put_many(Vec::new()).unwrap();
    });
}

#[test]
fn a_batch_with_a_bad_name_or_one_name_twice_stores_nothing() {
    on_both(|objects| {
        for second in ["a", "../b"] {
            let batch = vec![
                ("a".to_owned(), b"1".to_vec()),
                (second.to_owned(), b"2".to_vec()),
            ];
            assert!(matches!(
                objects.put_many(batch),
                Err(StoreError::BadName { .. })
            ));
        }
        let twice = vec![objects.writer("a").unwrap(), objects.writer("a").unwrap()];
        assert!(matches!(
            objects.finish_many(twice),
            Err(StoreError::BadName { .. })
        ));
        assert_eq!(objects.list("").unwrap(), []);
    });
}

#[test]
fn a_streamed_object_appears_whole_when_finished_and_not_before() {
    on_both(|objects| {
        for len in [0, 1, 128 * 1024, 8 * MIB - 1, 8 * MIB, 20 * MIB + 7] {
            let bytes = pattern(len);
            objects.put("pack", b"old").unwrap();
            let mut writer = objects.writer("pack").unwrap();
            // Pieces below, at and above the sizes at which writers gather.
            let (mut rest, mut piece) = (&bytes[..], 1);
            while !rest.is_empty() {
                let (now, later) = rest.split_at(piece.min(rest.len()));
                writer.write_all(now).unwrap();
                (rest, piece) = (later, (piece * 7).min(9 * MIB));
            }
            assert_eq!(objects.get("pack").unwrap().unwrap(), b"old");
            writer.finish().unwrap();
            assert!(objects.get("pack").unwrap().unwrap() == bytes, "{len}");
        }
    });
}

#[test]
fn a_writer_that_is_dropped_leaves_nothing() {
    on_both(|objects| {
        for len in [10, 20 * MIB] {
            let mut writer = objects.writer("pack").unwrap();
            writer.append(&pattern(len)).unwrap();
            drop(writer);
            assert_eq!(objects.get("pack").unwrap(), None);
            assert_eq!(objects.list("").unwrap(), []);
        }
    });
}

#[test]
fn writers_finish_together() {
    on_both(|objects| {
        let sizes = [0, 5, 9 * MIB, 100_000, 17 * MIB];
        let writers = sizes.iter().enumerate().map(|(i, len)| {
            let mut writer = objects.writer(&format!("vault/0{i}/pack")).unwrap();
            writer.append(&pattern(*len)).unwrap();
            writer
        });
        objects.finish_many(writers.collect()).unwrap();
        for (i, len) in sizes.iter().enumerate() {
            assert!(
                objects.get(&format!("vault/0{i}/pack")).unwrap().unwrap() == pattern(*len),
                "{i}"
            );
        }
    });
}

#[test]
fn a_store_finishes_only_its_own_writers() {
    let folder = tempfile::tempdir().unwrap();
    let one = Objects::local(folder.path().join("one"), Disk::real()).unwrap();
    let two = Objects::local(folder.path().join("two"), Disk::real()).unwrap();
    let writer = one.writer("a").unwrap();
    assert!(matches!(
        two.finish_many(vec![writer]),
        Err(StoreError::BadName { .. })
    ));
    let same = one.clone();
    same.finish_many(vec![one.writer("a").unwrap()]).unwrap();
    assert_eq!(one.get("a").unwrap().unwrap(), b"");
}

#[test]
fn a_list_is_sorted_complete_and_by_prefix() {
    on_both(|objects| {
        // More than one page of S3 (1,000), and an order in which '/' and '.' matter.
        let mut names: Vec<String> = (0..1_050)
            .map(|i| format!("vault/{:02x}/{i:032x}", i % 3))
            .collect();
        names.extend(
            [
                "a",
                "b.c",
                "b-c/d",
                "b/c",
                "vault.keys",
                "ledger/tile/0/067.p/5",
            ]
            .map(str::to_owned),
        );
        objects
            .put_many(
                names
                    .iter()
                    .map(|name| (name.clone(), name.clone().into_bytes()))
                    .collect(),
            )
            .unwrap();
        names.sort();
        for prefix in [
            "",
            "b",
            "b/",
            "vault",
            "vault/",
            "vault/01/",
            "vault/01/0000000000000000000000000000000",
            "none/",
        ] {
            let expected: Vec<(String, u64)> = names
                .iter()
                .filter(|name| name.starts_with(prefix))
                .map(|name| (name.clone(), name.len() as u64))
                .collect();
            assert!(objects.list(prefix).unwrap() == expected, "{prefix}");
        }
        assert_eq!(objects.list("b").unwrap().len(), 3);
    });
}

#[test]
fn what_is_deleted_is_gone_and_deleting_it_again_is_no_error() {
    on_both(|objects| {
        objects.put("vault/00/a", b"1").unwrap();
        objects.put("vault/00/b", b"2").unwrap();
        for _ in 0..2 {
            objects.delete("vault/00/a").unwrap();
            assert_eq!(objects.get("vault/00/a").unwrap(), None);
        }
        objects.delete("no/such/folder").unwrap();
        assert_eq!(objects.list("").unwrap(), [("vault/00/b".to_owned(), 1)]);
    });
}

#[test]
fn every_call_refuses_a_name_that_leads_out_of_the_store() {
    on_both(|objects| {
        for name in [
            "../escape",
            "/etc/hostname",
            "a/../../escape",
            "",
            "tmp/x",
            ".tmp-1-0-x",
        ] {
            let calls: [(&str, Result<(), StoreError>); 11] = [
                ("put", objects.put(name, b"x")),
                ("put_new", objects.put_new(name, b"x").map(drop)),
                (
                    "put_many",
                    objects.put_many(vec![(name.to_owned(), b"x".to_vec())]),
                ),
                ("writer", objects.writer(name).map(drop)),
                ("get", objects.get(name).map(drop)),
                ("get_range", objects.get_range(name, 0, 1).map(drop)),
                ("size", objects.size(name).map(drop)),
                ("reader", objects.reader(name).map(drop)),
                ("delete", objects.delete(name)),
                ("settle", objects.settle(&[name])),
                (
                    "list",
                    if name.is_empty() {
                        objects.list("//")
                    } else {
                        objects.list(name)
                    }
                    .map(drop),
                ),
            ];
            for (call, result) in calls {
                assert!(
                    matches!(result, Err(StoreError::BadName { .. })),
                    "{call} {name:?}"
                );
            }
        }
    });
}

#[test]
fn what_recovery_finds_can_be_settled() {
    on_both(|objects| {
        objects.put("ledger/tile/0/000", b"hashes").unwrap();
        objects
            .settle(&[
                "ledger/tile/0/000",
                "ledger/tile/0/001",
                "ledger/tile/9/000",
            ])
            .unwrap();
    });
}
