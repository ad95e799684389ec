//! Large groups whose bundles lie in their places before anybody believes them.

use comity_core::finding::Finding;
use comity_ledger::{LedgerError, Record, Tree};

use crate::support::{Store, check, files, local, open, publish, record, records, s3};

/// A ledger of 300 events, published.
fn begun(store: &Store) -> Tree {
    let mut tree = open(&store.objects);
    tree.append(0, &records(0..300)).unwrap();
    publish(&mut tree);
    tree
}

/// `count` events that are not those of [`records`].
fn others(count: u64) -> Vec<Record> {
    records(5_000..5_000 + count)
}

#[test]
fn what_was_never_numbered_is_not_believed_and_the_next_takes_its_place() {
    let store = &local();
    let mut tree = begun(store);
    tree.put_ahead(300, &others(1_500)).unwrap().unwrap();
    for tree in [&tree, &open(&store.objects)] {
        assert_eq!(tree.size(), 300);
        assert_eq!(tree.entry(299).unwrap(), record(299).entry);
        assert!(tree.entry(300).is_err());
    }
    assert_eq!(check(&store.objects, None), []);

    // A small group comes, as if nothing lay there; and a large one.
    tree.append(300, &records(300..310)).unwrap();
    publish(&mut tree);
    assert_eq!(check(&store.objects, None), []);
    let group = records(310..1_000);
    let ahead = tree.put_ahead(310, &group).unwrap().unwrap();
    let mut tree = open(&store.objects);
    let rest = &group[ahead.events..];
    tree.take_up(310, &ahead, rest).unwrap();
    publish(&mut tree);
    let tree = open(&store.objects);
    for stored in tree.records(0..1_000) {
        let stored = stored.unwrap();
        assert_eq!(stored.entry, record(stored.index).entry);
        assert_eq!(stored.body, record(stored.index).body);
    }
    assert_eq!(tree.edge_first(), 768);
    assert_eq!(check(&store.objects, tree.published()), []);
}

#[test]
fn what_was_not_numbered_is_never_taken_up() {
    let store = &local();
    let mut tree = begun(store);
    let group = records(300..1_000);
    let ahead = tree.put_ahead(300, &group).unwrap().unwrap();
    let rest = &group[ahead.events..];
    let is_corrupt = |result: Result<(), LedgerError>| {
        let error = result.unwrap_err();
        assert!(matches!(error, LedgerError::Corrupt { .. }), "{error}");
        assert!(error.is_fatal());
    };
    // Another end, another group in the same places, a bundle that has gone.
    is_corrupt(tree.take_up(300, &ahead, &others(rest.len() as u64)));
    is_corrupt(tree.take_up(300, &ahead, &[]));
    tree.put_ahead(300, &others(700)).unwrap().unwrap();
    is_corrupt(tree.take_up(300, &ahead, rest));
    tree.put_ahead(300, &group).unwrap().unwrap();
    store.objects.delete("ledger/tile/0/002").unwrap();
    is_corrupt(tree.take_up(300, &ahead, rest));
    assert!(matches!(
        tree.take_up(301, &ahead, rest),
        Err(LedgerError::Gap {
            first: 301,
            size: 300
        })
    ));
    assert_eq!(open(&store.objects).size(), 300);

    tree.put_ahead(300, &group).unwrap().unwrap();
    tree.take_up(300, &ahead, rest).unwrap();
    tree.append(1_000, &records(1_000..1_001)).unwrap();
    let before = files(&store.folder);
    tree.take_up(300, &ahead, rest).unwrap();
    assert!(matches!(
        tree.take_up(299, &ahead, rest),
        Err(LedgerError::Conflict { index: 299 })
    ));
    assert_eq!(files(&store.folder), before);
    assert_eq!(tree.size(), 1_001);
}

#[test]
fn a_small_group_and_one_on_s3_go_through_the_edge() {
    let store = &local();
    let mut tree = begun(store);
    let before = files(&store.folder);
    assert_eq!(tree.put_ahead(300, &records(300..811)).unwrap(), None);
    assert_eq!(files(&store.folder), before);
    let store = &s3();
    let mut tree = begun(store);
    assert_eq!(tree.put_ahead(300, &records(300..2_000)).unwrap(), None);
    assert_eq!(tree.size(), 300);
}

#[test]
fn nothing_is_written_of_a_group_that_does_not_fit_the_format_or_the_end_of_the_tree() {
    let store = &local();
    let mut tree = begun(store);
    let before = files(&store.folder);
    for first in [299, 301] {
        let error = tree.put_ahead(first, &others(600)).unwrap_err();
        assert!(matches!(error, LedgerError::Gap { size: 300, .. }));
    }
    let mut group = records(300..1_000);
    group[650] = Record::new(vec![b' '; 70_000], Vec::new());
    assert!(matches!(
        tree.put_ahead(300, &group),
        Err(LedgerError::TooLarge { index: 950, .. })
    ));
    assert_eq!(files(&store.folder), before);
}

/// Files where nothing was ever put ahead, or further than that, are no leftovers.
#[test]
fn a_check_tells_what_was_put_ahead_from_what_was_slipped_in() {
    let store = &local();
    let mut tree = begun(store);
    let places = |findings: Vec<Finding>| -> Vec<String> {
        findings.into_iter().map(|finding| finding.place).collect()
    };
    let slipped = "ledger/body/002";
    store.objects.put(slipped, b"x").unwrap();
    assert_eq!(places(check(&store.objects, None)), [slipped]);
    store.objects.delete(slipped).unwrap();

    tree.put_ahead(300, &others(1_500)).unwrap().unwrap();
    assert_eq!(
        store.objects.get("ledger/ahead").unwrap().unwrap(),
        b"65536\n"
    );
    assert_eq!(check(&store.objects, None), []);
    for slipped in [
        "ledger/body/256",
        "ledger/tile/entries/256",
        "ledger/tile/0/256",
        "ledger/tile/1/001",
        "ledger/tile/2/000",
        "ledger/tile/0/003.p/7",
    ] {
        store.objects.put(slipped, b"x").unwrap();
        assert_eq!(places(check(&store.objects, None)), [slipped]);
        store.objects.delete(slipped).unwrap();
    }
    for damaged in ["", "65536", "65537\n", "065536\n", "+65536\n", "\u{e9}\n"] {
        store
            .objects
            .put("ledger/ahead", damaged.as_bytes())
            .unwrap();
        let found = places(check(&store.objects, None));
        assert!(found.contains(&"ledger/ahead".to_owned()), "{damaged:?}");
    }
    // Whoever puts a group there writes it anew.
    tree.put_ahead(300, &others(1_500)).unwrap().unwrap();
    assert_eq!(check(&store.objects, None), []);
}
