//! What only S3 brings: prefixes, refusals, outages, and its own faults.

use std::{
    fs,
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use comity_rig::Fate;
use comity_store::{Credentials, Disk, Objects, Op, StoreError};

use crate::{
    promises::{keys, on_s3, pattern},
    script::{Fault, Script},
};

const MIB: usize = 1024 * 1024;

#[test]
fn a_prefix_keeps_two_centres_in_one_bucket_apart() {
    let bucket = comity_rig::s3();
    let at = |prefix: &str| {
        let url = bucket.url.replace('?', &format!("/{prefix}?"));
        Objects::from_url(&url, &keys(&bucket), Disk::real()).unwrap()
    };
    let (one, two) = (at("centres/one"), at("centres/on"));
    one.put("ledger/checkpoint", b"1").unwrap();
    two.put("ledger/checkpoint", b"22").unwrap();
    assert_eq!(one.list("").unwrap(), [("ledger/checkpoint".to_owned(), 1)]);
    assert_eq!(
        two.list("ledger/").unwrap(),
        [("ledger/checkpoint".to_owned(), 2)]
    );
    assert_eq!(one.get("ledger/checkpoint").unwrap().unwrap(), b"1");
    assert_eq!(
        fs::read(bucket.folder.join("centres/one/ledger/checkpoint")).unwrap(),
        b"1"
    );
    assert_eq!(one.local_root(), None);
}

#[test]
fn wrong_keys_are_an_error_and_never_an_absent_object() {
    let bucket = comity_rig::s3();
    let wrong = Credentials {
        secret_access_key: "wrong".to_owned(),
        ..keys(&bucket)
    };
    let objects = Objects::from_url(&bucket.url, &wrong, Disk::real()).unwrap();
    let calls = [
        ("get", objects.get("a").map(drop)),
        ("size", objects.size("a").map(drop)),
        ("put", objects.put("a", b"1")),
        ("list", objects.list("").map(drop)),
    ];
    for (call, result) in calls {
        let error = result.expect_err(call);
        assert!(
            matches!(error, StoreError::Remote { .. }) && !error.is_fatal(),
            "{call}: {error}"
        );
    }
    assert!(
        !format!("{wrong:?}").contains("wrong"),
        "keys are not for logs"
    );
}

#[test]
fn a_store_that_cannot_be_reached_is_given_up_in_bounded_time() {
    let address = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("s3://bucket?endpoint=http://{address}&allow_http=true&retry_secs=1");
    let keys = Credentials {
        access_key_id: "a".to_owned(),
        secret_access_key: "b".to_owned(),
    };
    let objects = Objects::from_url(&url, &keys, Disk::real()).unwrap();
    let begun = Instant::now();
    let error = objects.put("a", b"1").unwrap_err();
    assert!(
        matches!(error, StoreError::Remote { .. }) && !error.is_fatal(),
        "{error}"
    );
    assert!(begun.elapsed().as_secs() < 20);
}

/// MinIO and Ceph, each in its own words.
#[test]
fn a_full_store_is_said_in_words_for_people_and_what_it_holds_stays() {
    let answers = [
        (507, "XMinioStorageFull"),
        (400, "XMinioAdminBucketQuotaExceeded"),
        (403, "QuotaExceeded"),
    ];
    for (status, code) in answers {
        let is_full = Arc::new(AtomicBool::new(false));
        let switch = is_full.clone();
        let mut bucket = comity_rig::s3_with(Arc::new(move |method, _| {
            match method == "PUT" && switch.load(Ordering::SeqCst) {
                true => Fate::Denied(status, code),
                false => Fate::Served,
            }
        }));
        bucket.url.push_str("&retry_secs=1");
        let objects = Objects::from_url(&bucket.url, &keys(&bucket), Disk::real()).unwrap();
        objects.put("a", b"1").unwrap();
        is_full.store(true, Ordering::SeqCst);
        let mut large = objects.writer("large").unwrap();
        let large = large
            .append(&pattern(9 * MIB))
            .and_then(|()| large.finish());
        for error in [objects.put("b", b"2").unwrap_err(), large.unwrap_err()] {
            let text = error.to_string();
            assert!(
                matches!(error, StoreError::RemoteFull { .. }),
                "{code}: {error:?}"
            );
            assert!(text.contains("no room left") && !error.is_fatal(), "{text}");
        }
        assert_eq!(objects.get("a").unwrap().unwrap(), b"1", "{code}");
        objects.delete("a").unwrap();
        is_full.store(false, Ordering::SeqCst);
        objects.put("b", b"2").unwrap();
        assert_eq!(objects.list("").unwrap(), [("b".to_owned(), 1)], "{code}");
    }
}

#[test]
fn a_thread_of_another_runtime_may_use_the_store() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let objects = on_s3(Disk::real());
    runtime.block_on(async {
        objects.put("a", &pattern(9 * MIB)).unwrap();
        assert_eq!(objects.size("a").unwrap(), Some(9 * MIB as u64));
    });
}

#[test]
fn faults_reach_requests_too() {
    let (script, disk) = Script::disk();
    let objects = on_s3(disk);
    // The fault, and whether the object is there afterwards in spite of the error.
    let rows = [
        (Fault::Eio, false),
        (Fault::Enospc, false),
        (Fault::StoredYetFailed, true),
        (Fault::Torn, false),
    ];
    for (fault, stored) in rows {
        for put in ["put", "put_new", "put_many", "writer"] {
            let name = format!("{put}-{fault:?}");
            script.plan(Op::Put, 0, fault);
            let result = match put {
                "put" => objects.put(&name, b"x"),
                "put_new" => objects.put_new(&name, b"x").map(drop),
                "put_many" => objects.put_many(vec![(name.clone(), b"x".to_vec())]),
                _ => objects
                    .writer(&name)
                    .and_then(|mut writer| writer.append(b"x").and(writer.finish())),
            };
            let error = result.expect_err(&name);
            assert!(
                matches!(error, StoreError::Remote { .. }) && !error.is_fatal(),
                "{name}: {error}"
            );
            assert_eq!(objects.get(&name).unwrap().is_some(), stored, "{name}");
            objects.put(&name, b"again").unwrap();
            assert_eq!(objects.get(&name).unwrap().unwrap(), b"again", "{name}");
        }
    }
}

#[test]
fn a_large_object_of_which_a_part_fails_does_not_appear() {
    let (script, disk) = Script::disk();
    let objects = on_s3(disk);
    let bytes = pattern(40 * MIB);
    // Five parts, then the request that makes the object appear.
    for (nth, fault, appears) in [
        (0, Fault::Eio, false),
        (4, Fault::Eio, false),
        (2, Fault::StoredYetFailed, false),
        (5, Fault::Eio, false),
        (5, Fault::StoredYetFailed, true),
    ] {
        objects.delete("pack").unwrap();
        script.plan(Op::Put, nth, fault);
        let mut writer = objects.writer("pack").unwrap();
        let appended = bytes.chunks(MIB).try_for_each(|piece| writer.append(piece));
        let finished = writer.finish();
        assert!(appended.is_err() || finished.is_err(), "{nth} {fault:?}");
        if appended.is_err() {
            assert!(
                matches!(finished, Err(StoreError::Unfinished { .. })),
                "{nth} {fault:?}"
            );
        }
        assert!(script.struck());
        let seen = objects.get("pack").unwrap();
        assert!(seen == appears.then(|| bytes.clone()), "{nth} {fault:?}");
    }
}

#[test]
fn a_lost_answer_makes_create_only_find_itself() {
    let (script, disk) = Script::disk();
    let objects = on_s3(disk);
    script.plan(Op::Put, 0, Fault::StoredYetFailed);
    assert!(objects.put_new("head", b"mine").is_err());
    assert!(
        !objects.put_new("head", b"mine").unwrap(),
        "false does not prove that it was someone else"
    );
}

#[test]
fn a_failed_read_list_or_delete_is_an_error_and_changes_nothing() {
    let (script, disk) = Script::disk();
    let objects = on_s3(disk);
    objects.put("a", b"1").unwrap();
    for fault in Fault::ALL {
        let plan = |op| script.plan(op, 0, fault);
        plan(Op::Read);
        assert!(objects.get("a").is_err(), "{fault:?}");
        plan(Op::Read);
        assert!(objects.size("a").is_err(), "{fault:?}");
        plan(Op::Read);
        assert!(
            matches!(objects.get_range("a", 0, 1), Err(StoreError::Remote { .. })),
            "{fault:?}"
        );
        plan(Op::List);
        assert!(objects.list("").is_err(), "{fault:?}");
        assert_eq!(objects.get("a").unwrap().unwrap(), b"1");
    }
    script.plan(Op::Delete, 0, Fault::Eio);
    assert!(objects.delete("a").is_err());
    assert_eq!(objects.get("a").unwrap().unwrap(), b"1");
    script.plan(Op::Delete, 0, Fault::StoredYetFailed);
    assert!(objects.delete("a").is_err());
    assert_eq!(objects.get("a").unwrap(), None);
}

#[test]
fn a_large_object_that_is_given_up_is_withdrawn_from_the_store() {
    let (script, disk) = Script::disk();
    let objects = on_s3(disk);
    let mut writer = objects.writer("pack").unwrap();
    writer.append(&pattern(17 * MIB)).unwrap();
    assert!(!script.durable_ops().contains(&Op::Delete));
    drop(writer);
    // The last request, since a part that arrives later would stay; S3 keeps, and bills, what nobody withdraws.
    assert_eq!(script.durable_ops().last(), Some(&Op::Delete));
}
