//! `cargo bench -p comity-keyring`: what appending, opening and starting cost.
#![allow(clippy::expect_used)]

use comity_core::random::TestRandom;
use comity_keyring::{Argon2Params, Keyring, Kind, NewKey, Secret, inspect};
use comity_store::Disk;
use divan::counter::ItemsCount;
use tempfile::TempDir;

const BATCH: usize = 16_384;
const PASSPHRASE: &str = "bench";

fn main() {
    divan::main();
}

struct Centre {
    folder: TempDir,
    keyring: Keyring,
    rng: TestRandom,
}

impl Centre {
    fn new() -> Centre {
        let rng = TestRandom::new([1; 32]);
        let folder = match std::env::var_os("COMITY_BENCH_DIR") {
            Some(dir) => TempDir::new_in(dir),
            None => TempDir::new(),
        };
        let folder = folder.expect("a temporary folder");
        let keyring = Keyring::create(
            &folder.path().join("keyring"),
            Disk::real(),
            PASSPHRASE,
            Argon2Params::TEST,
            &rng,
        )
        .expect("a new keyring");
        let scope = NewKey {
            kind: Kind::Scope,
            parent: 0,
            subject: [1; 16],
            secret: Secret::random(&rng),
        };
        keyring.append(&[scope], &rng).expect("the scope key");
        Centre {
            folder,
            keyring,
            rng,
        }
    }

    fn items(&self, count: usize) -> Vec<NewKey> {
        let new = |_| NewKey {
            kind: Kind::Item,
            parent: 1,
            subject: [2; 16],
            secret: Secret::random(&self.rng),
        };
        (0..count).map(new).collect()
    }

    fn filled(count: usize) -> Centre {
        let centre = Centre::new();
        let mut left = count;
        while left > 0 {
            let now = left.min(BATCH);
            centre
                .keyring
                .append(&centre.items(now), &centre.rng)
                .expect("a batch");
            left -= now;
        }
        centre
    }
}

#[divan::bench(args = [1, 256, BATCH], sample_count = 20, sample_size = 1)]
fn append(bencher: divan::Bencher<'_, '_>, count: usize) {
    let centre = Centre::new();
    bencher
        .counter(ItemsCount::new(count))
        .with_inputs(|| centre.items(count))
        .bench_local_values(|new| centre.keyring.append(&new, &centre.rng).expect("appended"));
}

#[divan::bench(sample_count = 10)]
fn open_range(bencher: divan::Bencher<'_, '_>) {
    let centre = Centre::filled(BATCH);
    bencher
        .counter(ItemsCount::new(BATCH))
        .bench_local(|| centre.keyring.open_range(2, BATCH).expect("opened"));
}

#[divan::bench]
fn open_key(bencher: divan::Bencher<'_, '_>) {
    let centre = Centre::filled(1000);
    bencher.bench_local(|| centre.keyring.open_key(500).expect("opened"));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn inspect_a_full_segment(bencher: divan::Bencher<'_, '_>) {
    let centre = Centre::filled(65_535);
    let dir = centre.folder.path().join("keyring");
    bencher
        .counter(ItemsCount::new(65_536usize))
        .bench_local(|| inspect(&dir, &Disk::real(), &mut |_, _| {}).expect("inspected"));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn destroy_one_of_a_full_segment(bencher: divan::Bencher<'_, '_>) {
    let centre = Centre::filled(65_535);
    let mut number = 1;
    bencher.bench_local(|| {
        number += 1;
        centre.keyring.destroy(&[number]).expect("destroyed");
    });
}

/// What a start costs before it works: at most 0.3 s and 64 MiB.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn open_with_a_centres_passphrase(bencher: divan::Bencher<'_, '_>) {
    let rng = TestRandom::new([1; 32]);
    let folder = TempDir::new().expect("a temporary folder");
    Keyring::create(
        folder.path(),
        Disk::real(),
        PASSPHRASE,
        Argon2Params::CENTRE,
        &rng,
    )
    .expect("a new keyring");
    bencher.bench_local(|| Keyring::open(folder.path(), Disk::real(), PASSPHRASE).expect("opened"));
}
