//! The tree against a naive one, on both kinds of store.

use comity_core::digest::Digest;
use comity_core::tile::{MAX_LEVEL, TileId, entries_path};
use comity_ledger::{LedgerError, Record, Tree};
use comity_store::Objects;
use proptest::prelude::*;
use tempfile::TempDir;

use crate::naive;
use crate::support::{
    Store, check, files, local, note, open, publish, record, records, s3, stores,
};

#[derive(Clone, Debug)]
enum Step {
    Append(u64),
    Trim,
    Publish,
    Reopen,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_u64..4).prop_map(Step::Append),
        4 => (1_u64..1_200).prop_map(Step::Append),
        3 => Just(Step::Trim),
        2 => Just(Step::Publish),
        2 => Just(Step::Reopen),
    ];
    proptest::collection::vec(step, 1..14)
}

/// What any state of the ledger must answer, held against the naive tree of the same events.
fn hold_against_naive(tree: &Tree, picks: &[u64]) {
    let all: Vec<Record> = records(0..tree.size());
    let leaves: Vec<Digest> = all.iter().map(|record| record.hash).collect();
    let size = tree.size();
    assert_eq!(tree.root(), naive::root(&leaves));
    for pick in picks {
        let at = pick % (size + 1);
        let cut = &leaves[..at as usize];
        assert_eq!(
            tree.root_at(at).unwrap(),
            naive::root(cut),
            "root at {at} of {size}"
        );
        let earlier = pick / 7 % (at + 1);
        assert_eq!(
            tree.consistency_proof(earlier, at).unwrap(),
            naive::consistency(earlier as usize, cut)
        );
        if at > 0 {
            let index = pick / 3 % at;
            assert_eq!(
                tree.inclusion_proof(index, at).unwrap(),
                naive::inclusion(index as usize, cut)
            );
            assert_eq!(tree.entry(index).unwrap(), all[index as usize].entry);
            assert_eq!(tree.body(index).unwrap(), all[index as usize].body);
        }
        for level in 0..=MAX_LEVEL {
            for index in [0, 1, at / 256, at / 65_536] {
                if let Some(tile) = TileId::in_tree(level, index, at) {
                    let expected = naive::tile(level, index, tile.width, cut);
                    assert_eq!(
                        tree.tile(tile).unwrap(),
                        expected,
                        "{tile:?} at {at} of {size}"
                    );
                }
            }
        }
        let (from, to) = (earlier, at);
        let mut expected = from..;
        for stored in tree.records(from..to) {
            let stored = stored.unwrap();
            let index = expected.next().unwrap();
            let record = &all[index as usize];
            assert_eq!(
                (stored.index, &stored.entry, &stored.body),
                (index, &record.entry, &record.body)
            );
            assert_eq!(stored.hash, record.hash);
        }
        assert_eq!(expected.next(), Some(to));
    }
}

fn run(objects: &Objects, steps: &[Step], picks: &[u64]) {
    let mut tree = open(objects);
    let mut last = None;
    for step in steps {
        match step {
            Step::Append(count) => {
                let first = tree.size();
                let group = records(first..first + count);
                match tree.put_ahead(first, &group).unwrap() {
                    Some(ahead) => tree.take_up(first, &ahead, &group[ahead.events..]).unwrap(),
                    None => tree.append(first, &group).unwrap(),
                }
                assert_eq!(tree.size(), first + count);
            }
            Step::Trim => {
                tree.trim().unwrap();
                assert!(tree.edge_len() < 256);
            }
            Step::Publish => last = Some(publish(&mut tree)),
            Step::Reopen => {
                let (size, root) = (tree.size(), tree.root());
                tree = open(objects);
                assert_eq!((tree.size(), tree.root()), (size, root));
                assert_eq!(tree.published(), last.as_deref());
            }
        }
    }
    hold_against_naive(&tree, picks);
    let last = publish(&mut tree);
    assert_eq!(check(objects, Some(&last)), []);
    hold_against_naive(&open(objects), picks);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn equals_a_naive_tree(steps in steps(), picks in proptest::collection::vec(any::<u32>().prop_map(u64::from), 6)) {
        run(&local().objects, &steps, &picks);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn equals_a_naive_tree_on_s3(steps in steps(), picks in proptest::collection::vec(any::<u32>().prop_map(u64::from), 3)) {
        run(&s3().objects, &steps, &picks);
    }
}

#[test]
fn grows_past_a_tile_of_level_one_and_trims_by_itself() {
    let Store { objects, .. } = &local();
    let mut tree = open(objects);
    for first in (0..70_000).step_by(10_000) {
        tree.append(first, &records(first..first + 10_000)).unwrap();
    }
    assert_eq!(tree.edge_first(), 0);
    tree.append(70_000, &records(70_000..70_500)).unwrap();
    assert_eq!(
        tree.edge_first(),
        69_888,
        "an edge of more than 65,536 events is trimmed before it grows"
    );
    assert_eq!(tree.edge_len(), 612);
    assert!(objects.size("ledger/tile/1/000").unwrap().is_some());
    let last = publish(&mut tree);
    assert_eq!(check(objects, Some(&last)), []);
    let group = records(70_500..132_000);
    if let Some(ahead) = tree.put_ahead(70_500, &group).unwrap() {
        tree.take_up(70_500, &ahead, &group[ahead.events..])
            .unwrap();
    }
    assert_eq!(tree.edge_first(), 131_840);
    assert!(objects.size("ledger/tile/1/001").unwrap().is_some());
    publish(&mut tree);
    let tree = open(objects);
    hold_against_naive(&tree, &[131_999, 65_536, 69_888]);
    assert_eq!(check(objects, None), []);
}

#[test]
fn an_empty_ledger_has_the_empty_root_and_writes_nothing() {
    for Store { objects, .. } in &stores() {
        let tree = open(objects);
        assert_eq!((tree.size(), tree.root()), (0, Digest::of(b"")));
        assert_eq!(tree.published(), None);
        assert_eq!(check(objects, None), []);
        assert_eq!(objects.list("ledger/").unwrap(), []);
    }
}

#[test]
fn a_group_given_again_is_passed_over_and_another_in_its_place_refused() {
    for Store { objects, .. } in &stores() {
        let mut tree = open(objects);
        tree.append(0, &records(0..600)).unwrap();
        tree.trim().unwrap();
        tree.append(590, &records(590..610)).unwrap();
        tree.append(100, &records(100..300)).unwrap();
        assert_eq!(tree.size(), 610);
        assert!(matches!(
            tree.append(611, &records(611..612)),
            Err(LedgerError::Gap {
                first: 611,
                size: 610
            })
        ));
        for index in [0, 255, 511, 512, 609] {
            let error = tree.append(index, &[record(9_999)]).unwrap_err();
            assert!(
                matches!(error, LedgerError::Conflict { index: at } if at == index),
                "{error}"
            );
            assert!(error.is_fatal());
        }
        assert_eq!(tree.size(), 610);
        hold_against_naive(&open(objects), &[610, 512]);
    }
}

#[test]
fn what_does_not_fit_the_format_is_refused_before_anything_is_written() {
    let Store { objects, .. } = &local();
    let mut tree = open(objects);
    let largest = Record::new(vec![b'x'; 65_535], Vec::new());
    let too_large = Record::new(vec![b'x'; 65_536], Vec::new());
    let too_large_body = Record::new(Vec::new(), vec![0; comity_ledger::MAX_BODY + 1]);
    for bad in [too_large, too_large_body] {
        let error = tree.append(0, &[record(0), bad]).unwrap_err();
        assert!(matches!(error, LedgerError::TooLarge { index: 1, .. }));
    }
    assert_eq!(tree.size(), 0);
    assert_eq!(objects.list("ledger/").unwrap(), []);
    tree.append(0, std::slice::from_ref(&largest)).unwrap();
    assert_eq!(open(objects).entry(0).unwrap(), largest.entry);
}

#[test]
fn only_a_checkpoint_of_this_tree_that_is_not_older_is_published() {
    for Store { objects, .. } in &stores() {
        let mut tree = open(objects);
        tree.append(0, &records(0..300)).unwrap();
        let at_200 = note(200, tree.root_at(200).unwrap());
        tree.publish(&at_200).unwrap();
        let other_origin = String::from_utf8(note(300, tree.root()))
            .unwrap()
            .replace("log.example", "other.example");
        let unfit = [
            note(300, tree.root_at(299).unwrap()),
            note(301, tree.root()),
            note(100, tree.root_at(100).unwrap()),
            other_origin.into_bytes(),
            b"no note".to_vec(),
        ];
        for note in &unfit {
            assert!(matches!(tree.publish(note), Err(LedgerError::Unfit { .. })));
        }
        assert_eq!(open(objects).published(), Some(&at_200[..]));
        assert_eq!(open(objects).published_size(), 200);
        publish(&mut tree);
        assert_eq!(open(objects).published_size(), 300);
    }
}

#[test]
fn what_is_not_in_the_tree_is_out_of_range() {
    let Store { objects, .. } = &local();
    let mut tree = open(objects);
    tree.append(0, &records(0..300)).unwrap();
    let out =
        |result: Result<(), LedgerError>| matches!(result, Err(LedgerError::OutOfRange { .. }));
    assert!(out(tree.entry(300).map(drop)));
    assert!(out(tree.body(u64::MAX).map(drop)));
    assert!(out(tree.root_at(301).map(drop)));
    assert!(out(tree.inclusion_proof(0, 301).map(drop)));
    assert!(out(tree.consistency_proof(1, 301).map(drop)));
    assert!(out(tree
        .tile(TileId {
            level: 0,
            index: 1,
            width: 45
        })
        .map(drop)));
    assert!(out(tree
        .tile(TileId {
            level: 9,
            index: u64::MAX,
            width: 256
        })
        .map(drop)));
    assert!(out(tree.entries(1, 45).map(drop)));
    assert_eq!(tree.records(290..u64::MAX).count(), 10);
    assert_eq!(tree.records(300..400).count(), 0);
}

#[test]
fn export_is_the_standard_tree_and_goes_on_where_it_was() {
    for (Store { objects, .. }, last) in stores().iter().zip([66_050, 1_500]) {
        let mut tree = open(objects);
        tree.append(0, &records(0..last - 60)).unwrap();
        tree.trim().unwrap();
        tree.append(last - 60, &records(last - 60..last + 50))
            .unwrap();
        let leaves: Vec<Digest> = records(0..last).iter().map(|record| record.hash).collect();
        let folder = TempDir::new().unwrap();
        for size in [0, 70, last] {
            let note = note(size, tree.root_at(size).unwrap());
            tree.export(folder.path(), &note, b"keys\n", &|_, _| ())
                .unwrap();
            let exported = files(folder.path());
            let find = |name: &str| {
                let at = exported.binary_search_by(|(found, _)| found.as_str().cmp(name));
                &exported[at.unwrap_or_else(|_| panic!("{name} is missing"))].1
            };
            assert_eq!(find("checkpoint"), &note);
            assert_eq!(find("keys"), b"keys\n");
            for level in 0..=MAX_LEVEL {
                for index in (0..).map_while(|index| TileId::in_tree(level, index, size)) {
                    assert_eq!(
                        *find(&index.path()),
                        naive::tile(level, index.index, index.width, &leaves)
                    );
                    if level == 0 {
                        let entries: Vec<u8> =
                            records(index.index * 256..index.index * 256 + u64::from(index.width))
                                .iter()
                                .flat_map(|record| {
                                    [
                                        &(record.entry.len() as u16).to_be_bytes(),
                                        &record.entry[..],
                                    ]
                                    .concat()
                                })
                                .collect();
                        assert_eq!(*find(&entries_path(index.index, index.width)), entries);
                    }
                }
            }
        }
        let before = files(folder.path());
        assert_eq!(
            before
                .iter()
                .filter(|(name, _)| name.ends_with(".p/70"))
                .count(),
            2
        );
        std::fs::remove_file(folder.path().join("tile/0/002")).unwrap();
        std::fs::write(folder.path().join("tile/0/004"), b"torn").unwrap();
        let note = note(last, tree.root_at(last).unwrap());
        tree.export(folder.path(), &note, b"keys\n", &|_, _| ())
            .unwrap();
        assert!(files(folder.path()) == before);
        assert!(!folder.path().join("tmp").exists());
    }
}

#[test]
fn export_hands_over_nothing_that_does_not_verify() {
    for damaged in ["ledger/tile/0/001", "ledger/tile/entries/001"] {
        let store = local();
        let mut tree = open(&store.objects);
        tree.append(0, &records(0..800)).unwrap();
        tree.trim().unwrap();
        let note = publish(&mut tree);
        let path = store.folder.join(damaged);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[40] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let folder = TempDir::new().unwrap();
        let error = tree
            .export(folder.path(), &note, b"", &|_, _| ())
            .unwrap_err();
        assert!(error.to_string().contains(damaged), "{error}");
        assert!(!folder.path().join("checkpoint").exists());
        let unfit = crate::support::note(800, Digest::of(b"another tree"));
        assert!(matches!(
            tree.export(folder.path(), &unfit, b"", &|_, _| ()),
            Err(LedgerError::Unfit { .. })
        ));
    }
}
