//! What hashing, sealing and taking in cost: `cargo bench -p comity-vault`.

#![allow(clippy::unwrap_used)]

use comity_core::ObjectId;
use comity_seal::{Key, open, seal_into};
use comity_store::{Disk, Objects};
use comity_vault::{Also, Hashes, Placed, Scratch, Streaming, Vault, encode_small};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};

const MIB: usize = 1 << 20;
const OBJECT: ObjectId = ObjectId([1; 16]);

fn main() {
    divan::main();
}

fn key() -> Key {
    Key::new([7; 32])
}

fn noise(len: usize) -> Vec<u8> {
    let mut state = 88_172_645_463_325_252u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// Lines of a log: much in common, numbers that are not.
fn text(len: usize) -> Vec<u8> {
    let numbers = noise(len / 8 + 8);
    let lines = numbers.as_chunks::<4>().0.iter().map(|n| {
        format!(
            "2026-03-03T05:{:02}:{:02}Z post {} reports {} vehicles, heading {}\n",
            n[0] % 60,
            n[1] % 60,
            n[2],
            n[3] % 40,
            n[1]
        )
    });
    let mut out: Vec<u8> = lines.collect::<String>().into_bytes();
    out.truncate(len);
    out
}

#[divan::bench(args = [Also::default(), Also { md5: true, sha1: true, ..Also::default() }])]
fn hash_1_mib(bencher: Bencher, also: &Also) {
    let data = noise(MIB);
    bencher
        .counter(BytesCount::new(MIB))
        .bench(|| Hashes::of(black_box(&data), *also));
}

#[divan::bench(args = [100, 500, 5_000, 50_000, MIB])]
fn seal(bencher: Bencher, len: usize) {
    let (key, data) = (key(), noise(len));
    let mut out = Vec::new();
    bencher.counter(BytesCount::new(len)).bench_local(|| {
        out.clear();
        seal_into(&key, [1; 24], b"bench", black_box(&data), &mut out);
    });
}

#[divan::bench(args = [500, MIB])]
fn unseal(bencher: Bencher, len: usize) {
    let key = key();
    let mut sealed = Vec::new();
    seal_into(&key, [1; 24], b"bench", &noise(len), &mut sealed);
    bencher
        .counter(BytesCount::new(len))
        .bench(|| open(&key, b"bench", black_box(&sealed)));
}

#[divan::bench(args = [100, 500, 5_000, 50_000, 500_000])]
fn encode_small_text(bencher: Bencher, len: usize) {
    let (key, data) = (key(), text(len));
    let mut scratch = Scratch::new();
    bencher
        .counter(BytesCount::new(len))
        .bench_local(|| encode_small(black_box(&data), &key, OBJECT, [1; 24], &mut scratch));
}

#[divan::bench(args = [500, 50_000, 500_000])]
fn encode_small_noise(bencher: Bencher, len: usize) {
    let (key, data) = (key(), noise(len));
    let mut scratch = Scratch::new();
    bencher
        .counter(BytesCount::new(len))
        .bench_local(|| encode_small(black_box(&data), &key, OBJECT, [1; 24], &mut scratch));
}

fn stream(vault: &Vault, mut data: &[u8], threads: usize) -> Placed {
    let how = Streaming {
        threads,
        also: Also::default(),
    };
    let mut pack = vault.pack(1, [2; 16]).unwrap();
    let (placed, _) = pack
        .add_stream(OBJECT, &key(), [1; 24], &mut data, &how)
        .unwrap();
    vault.commit(vec![pack.finish().unwrap()]).unwrap();
    placed
}

#[divan::bench(args = ["noise", "text"], sample_count = 10)]
fn take_in_64_mib(bencher: Bencher, kind: &str) {
    let data = if kind == "noise" {
        noise(64 * MIB)
    } else {
        text(64 * MIB)
    };
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::new(Objects::local(folder.path().to_owned(), Disk::real()).unwrap());
    bencher
        .counter(BytesCount::new(data.len()))
        .bench_local(|| stream(&vault, &data, 2));
}

#[divan::bench(args = ["noise", "text"], sample_count = 10)]
fn read_back_64_mib(bencher: Bencher, kind: &str) {
    let data = if kind == "noise" {
        noise(64 * MIB)
    } else {
        text(64 * MIB)
    };
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::new(Objects::local(folder.path().to_owned(), Disk::real()).unwrap());
    let placed = stream(&vault, &data, 2);
    bencher
        .counter(BytesCount::new(data.len()))
        .bench_local(|| {
            let reader = vault.open_object(&placed.into(), &key(), OBJECT).unwrap();
            reader.copy_to(&mut std::io::sink()).unwrap()
        });
}
