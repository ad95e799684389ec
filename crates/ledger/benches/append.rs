//! What a commit, a trim, an opening and a proof cost: `cargo bench -p comity-ledger`.
//!
//! The files lie in memory where there is such a folder, so that the figures are the program's and not the disk's.

#![allow(clippy::unwrap_used, missing_docs)]

use std::path::Path;
use std::sync::LazyLock;

use comity_core::digest::Digest;
use comity_core::id::ChainId;
use comity_core::leaf::Leaf;
use comity_ledger::{Record, Tree};
use comity_store::{Disk, Objects};
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use tempfile::TempDir;

/// The largest group that the application commits at once.
const GROUP: u64 = 16_384;
const BODY_BYTES: usize = 1_300;

static GROUPS: LazyLock<Vec<Record>> = LazyLock::new(|| (0..4 * GROUP).map(record).collect());

fn main() {
    LazyLock::force(&GROUPS);
    divan::main();
}

fn record(n: u64) -> Record {
    let seed = Digest::of(&n.to_be_bytes());
    let mut chain = [0; 16];
    chain.copy_from_slice(&seed.0[..16]);
    let entry = Leaf {
        chain: ChainId(chain),
        n: 1,
        prev: Some(seed),
        body: seed,
    }
    .encode();
    Record::new(entry, vec![n as u8; BODY_BYTES])
}

fn store() -> (TempDir, Objects) {
    let memory = Path::new("/dev/shm");
    let folder = if memory.is_dir() {
        TempDir::new_in(memory)
    } else {
        TempDir::new()
    }
    .unwrap();
    let objects = Objects::local(folder.path().to_owned(), Disk::real()).unwrap();
    (folder, objects)
}

fn grown(events: u64) -> (TempDir, Tree) {
    let (folder, objects) = store();
    let mut tree = Tree::open(objects).unwrap();
    tree.append(0, &GROUPS[..events as usize]).unwrap();
    (folder, tree)
}

#[divan::bench(args = [1, 64, 1_024, GROUP])]
fn append(bencher: Bencher, events: u64) {
    let group = &GROUPS[..events as usize];
    bencher
        .counter(ItemsCount::new(events))
        .counter(BytesCount::new(
            group
                .iter()
                .map(|record| record.entry.len() + record.body.len())
                .sum::<usize>(),
        ))
        .with_inputs(|| {
            let (folder, objects) = store();
            (folder, Tree::open(objects).unwrap())
        })
        .bench_local_values(|(folder, mut tree)| {
            tree.append(0, group).unwrap();
            (folder, tree)
        });
}

#[divan::bench(args = [256, GROUP])]
fn trim(bencher: Bencher, events: u64) {
    bencher
        .counter(ItemsCount::new(events))
        .with_inputs(|| grown(events))
        .bench_local_values(|(folder, mut tree)| {
            tree.trim().unwrap();
            (folder, tree)
        });
}

#[divan::bench(args = [255, GROUP])]
fn open(bencher: Bencher, events: u64) {
    let (folder, _) = grown(events);
    let objects = Objects::local(folder.path().to_owned(), Disk::real()).unwrap();
    bencher
        .counter(ItemsCount::new(events))
        .bench_local(|| Tree::open(objects.clone()).unwrap());
}

#[divan::bench]
fn records(bencher: Bencher) {
    let (_folder, mut tree) = grown(GROUP);
    tree.trim().unwrap();
    bencher
        .counter(ItemsCount::new(GROUP))
        .bench_local(|| tree.records(0..GROUP).map(Result::unwrap).count());
}

#[divan::bench]
fn check(bencher: Bencher) {
    let (_folder, mut tree) = grown(GROUP);
    tree.trim().unwrap();
    bencher
        .counter(ItemsCount::new(GROUP))
        .bench_local(|| tree.check(None, &|_, _| ()).unwrap());
}

#[divan::bench]
fn inclusion_proof(bencher: Bencher) {
    let (_folder, mut tree) = grown(4 * GROUP);
    tree.trim().unwrap();
    let size = tree.size();
    let mut index = 0;
    bencher.bench_local(|| {
        index = (index + 7_919) % size;
        tree.inclusion_proof(index, size).unwrap()
    });
}

#[divan::bench]
fn consistency_proof(bencher: Bencher) {
    let (_folder, tree) = grown(4 * GROUP);
    let size = tree.size();
    let mut old = 0;
    bencher.bench_local(|| {
        old = (old + 7_919) % size;
        tree.consistency_proof(old, size).unwrap()
    });
}
