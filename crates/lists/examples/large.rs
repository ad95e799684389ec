//! What large lists take of a processor, and how much memory: `large digests 10000000`, `large names 1000000`. Started by
//! `bench/lists`.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::os::unix::fs::FileExt;

use comity_lists::{Digest, Entity, Kind, Memory, Names, Sorted, read_files, sort_digests};

/// Digests in memory at a time, as the program has them.
const IN_MEMORY: usize = 1 << 20;
/// Digests that are looked up, half of them in the list.
const ASKED: u64 = 200_000;

/// Bits that depend on all bits of a number.
fn mixed(n: u64) -> u64 {
    let n = (n ^ (n >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    let n = (n ^ (n >> 33)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    n ^ (n >> 33)
}

fn digits(n: u64) -> String {
    (0..4)
        .map(|part| format!("{:016x}", mixed(n * 4 + part + 1)))
        .collect()
}

/// The most memory that the process had, in MiB.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap();
    line.split_whitespace()
        .nth(1)
        .unwrap()
        .parse::<u64>()
        .unwrap()
        >> 10
}

/// Seconds of a processor that this process, of one thread, has used so far: on a busy machine they say more than a clock.
fn processor() -> f64 {
    let text = std::fs::read_to_string("/proc/self/schedstat").unwrap();
    text.split_whitespace()
        .next()
        .unwrap()
        .parse::<f64>()
        .unwrap()
        / 1e9
}

/// A list that is made as it is read.
struct List {
    next: u64,
    end: u64,
    held: Vec<u8>,
}

impl Read for List {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        while self.held.len() < buffer.len() && self.next < self.end {
            writeln!(
                self.held,
                "{}  folder/file-{}.dll",
                digits(self.next),
                self.next
            )?;
            self.next += 1;
        }
        let count = buffer.len().min(self.held.len());
        buffer[..count].copy_from_slice(&self.held[..count]);
        self.held.drain(..count);
        Ok(count)
    }
}

fn list(end: u64) -> BufReader<List> {
    let (next, held) = (0, Vec::new());
    BufReader::with_capacity(1 << 20, List { next, end, held })
}

fn digests(count: u64) {
    let folder = std::env::temp_dir().join(format!("comity-lists-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let begun = processor();
    read_files(&mut list(count), &mut |_| true).unwrap();
    println!("made and read once: {:.1} s", (processor() - begun));
    let (begun, mut runs) = (processor(), 0);
    let mut spill = |run: &[u8]| {
        runs += 1;
        let path = folder.join(format!("run-{runs}"));
        std::fs::write(&path, run)?;
        Ok(Box::new(BufReader::with_capacity(1 << 16, File::open(path)?)) as Box<dyn Read>)
    };
    let path = folder.join("sorted");
    let mut out = BufWriter::with_capacity(1 << 20, File::create(&path).unwrap());
    sort_digests(&mut list(count), IN_MEMORY, &mut spill, &mut out).unwrap();
    out.flush().unwrap();
    let size = std::fs::metadata(&path).unwrap().len();
    println!(
        "sorted, in {} runs: {:.1} s, {} MiB, memory {} MiB",
        runs + 1,
        (processor() - begun),
        size >> 20,
        most_memory()
    );
    let file = File::open(&path).unwrap();
    let read = move |at: u64, to: &mut [u8]| file.read_exact_at(to, at);
    let sorted = Sorted::open(size, Box::new(read)).unwrap();
    let begun = processor();
    let asked = (0..ASKED).map(|n| mixed(n) % (count * 2));
    let wanted: Vec<(u64, Digest)> = asked
        .map(|n| (n, Digest::parse(&digits(n)).unwrap()))
        .collect();
    for (n, digest) in &wanted {
        assert_eq!(sorted.find(digest).unwrap().is_some(), *n < count);
    }
    let each = (processor() - begun) / ASKED as f64;
    println!("{ASKED} looked up: {:.1} µs each", each * 1e6);
    std::fs::remove_dir_all(&folder).unwrap();
}

/// A word of so many syllables, a name as well as any.
fn word(n: u64) -> String {
    const SYLLABLES: [&str; 32] = [
        "ба", "ве", "ги", "до", "жу", "за", "ки", "ло", "му", "на", "пе", "ри", "со", "ту", "фа",
        "хо", "це", "ча", "ше", "ра", "ле", "ни", "во", "бу", "да", "ге", "зо", "ка", "ма", "но",
        "та", "са",
    ];
    let mut word: String = (0..4)
        .map(|at| SYLLABLES[(n >> (at * 5)) as usize % 32])
        .collect();
    word.push(if n & 1 == 0 { 'к' } else { 'н' });
    let mut letters = word.chars();
    let first = letters.next().unwrap().to_uppercase().to_string();
    first + letters.as_str()
}

fn names(count: u64) {
    let begun = processor();
    let mut building = Names::build();
    let name = |n: u64| format!("{} {}", word(mixed(n) % 3000), word(mixed(n * 7 + 1)));
    for n in 0..count {
        building.add(&Entity {
            id: format!("P{n}"),
            kind: Kind::Person,
            caption: name(n),
            names: vec![name(n)],
            surnames: Vec::new(),
            births: Vec::new(),
            countries: Vec::new(),
            sources: Vec::new(),
        });
    }
    let names = building.finish();
    println!(
        "{count} names loaded: {:.1} s, memory {} MiB",
        (processor() - begun),
        most_memory()
    );
    // Two in a hundred words begin a name of the list, as often as names stand in reports.
    let text = |n: u64| -> String {
        let words = (0..2000).map(|w| match mixed(n * 2000 + w) % 100 {
            0 | 1 => name(mixed(w + n) % (count * 4)),
            other => word(mixed(other * 31 + w)).to_lowercase(),
        });
        words.collect::<Vec<_>>().join(" ")
    };
    let texts: Vec<String> = (0..500).map(text).collect();
    let bytes: usize = texts.iter().map(String::len).sum();
    let (begun, mut found, mut memory) = (processor(), 0, Memory::default());
    for text in &texts {
        found += names.find(text, false, &mut memory).len();
    }
    let seconds = processor() - begun;
    println!(
        "{} texts of 2,000 words: {found} found, {:.2} ms a text, {:.1} MB/s",
        texts.len(),
        seconds * 1e3 / texts.len() as f64,
        bytes as f64 / 1e6 / seconds
    );
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let count = words.get(1).and_then(|n| n.parse().ok()).expect("how many");
    match words[0].as_str() {
        "digests" => digests(count),
        _ => names(count),
    }
}
